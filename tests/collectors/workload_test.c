/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "collectors/kernel_half.h"
#include "model/codec.h"
#include "tests/collectors/harness.h"
#include "tests/collectors/scene.h"

extern const struct collector collector_workload;

#define SECRET "hunter2-do-not-tell"

/* ---- a /proc made by hand ---- */

struct world {
	char root[128];
	struct harness *h;
	mono_ns_t now;
};

static void write_bytes(const char *root, const char *path, const char *data, size_t n)
{
	char full[512];

	harness_write(root, path, "");
	(void)snprintf(full, sizeof(full), "%s/%s", root, path);
	AUTO_CLOSE int fd = open(full, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
}

struct made {
	uint32_t pid, ppid;
	uint64_t start;
	const char *comm, *cgroup;
	const char *argv[8];
	const char *env[12];
};

static void write_list(const char *root, uint32_t pid, const char *name, const char *const *list)
{
	char data[4096], path[64];
	size_t n = 0;

	for (; *list; list++) {
		memcpy(data + n, *list, strlen(*list) + 1);
		n += strlen(*list) + 1;
	}
	(void)snprintf(path, sizeof(path), "proc/%u/%s", pid, name);
	write_bytes(root, path, data, n);
}

static void process_make(struct world *w, const struct made *p)
{
	char path[64], text[1024];

	(void)snprintf(path, sizeof(path), "proc/%u/stat", p->pid);
	(void)snprintf(text, sizeof(text), "%u (%s) S %u 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %lu 1000 10\n", p->pid,
		       p->comm, p->ppid, (unsigned long)p->start);
	harness_write(w->root, path, text);
	(void)snprintf(path, sizeof(path), "proc/%u/cgroup", p->pid);
	(void)snprintf(text, sizeof(text), "0::%s\n", p->cgroup ? p->cgroup : "/");
	harness_write(w->root, path, text);
	write_list(w->root, p->pid, "cmdline", p->argv);
	write_list(w->root, p->pid, "environ", p->env);
}

static void process_end(struct world *w, uint32_t pid)
{
	char folder[256];

	(void)snprintf(folder, sizeof(folder), "%s/proc/%u", w->root, pid);
	harness_remove(folder);
}

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	(void)harness_folder(w->root, sizeof(w->root));
	harness_write(w->root, "proc/stat", "cpu 1\n");
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;

	harness_close(&w->h);
	harness_remove(w->root);
	free(w);
	return 0;
}

static void tick(struct world *w)
{
	if (!w->h)
		w->h = harness_open(&collector_workload, w->root);
	w->now += NS_PER_S;
	assert_ok(harness_collect(w->h, w->now));
	harness_settle(w->h);
}

static entity_id entity(struct world *w, enum entity_kind kind, const char *key)
{
	entity_id id = graph_find(w->h->graph, kind, key);

	if (id == ENTITY_NONE)
		fail_msg("there is no %s %s", entity_kind_name(kind), key);
	return id;
}

static const char *attr(struct world *w, enum entity_kind kind, const char *key, const char *name)
{
	const char *value = graph_attr(w->h->graph, entity(w, kind, key), name);

	return value ? value : "(none)";
}

/* The key of what it is OF (or IN), "" nothing. */
static const char *next_of(struct world *w, entity_id id, enum entity_kind kind)
{
	entity_id to;
	size_t n = graph_neighbours(w->h->graph, id, false, kind, &to, 1);

	assert_true(n <= 1);
	return n ? graph_key(w->h->graph, to) : "";
}

#define RANK_ENV(rank)                                                                                                 \
	{                                                                                                              \
		"PATH=/bin", "HF_TOKEN=" SECRET, "RANK=" rank, "LOCAL_RANK=" rank, "WORLD_SIZE=4", "MASTER_ADDR=10.0.0.9", \
			"MASTER_PORT=29500", "TORCHELASTIC_RUN_ID=llama", "TORCHELASTIC_RESTART_COUNT=2", NULL         \
	}
#define TRAIN                                                                                                          \
	{                                                                                                              \
		"python3", "train.py", "--api-key", SECRET, NULL                                                       \
	}

static void make_rank(struct world *w, uint32_t pid, uint64_t start, const char *rank)
{
	char text[64];
	struct made p = { .pid = pid, .ppid = 100, .start = start, .comm = "python3", .argv = TRAIN, .env = RANK_ENV("0") };

	(void)snprintf(text, sizeof(text), "RANK=%s", rank);
	p.env[2] = text;
	process_make(w, &p);
}

static void ranks_that_were_there_before_are_found(void **state)
{
	struct world *w = *state;

	process_make(w, &(struct made){ .pid = 100, .ppid = 1, .start = 900, .comm = "torchrun",
					.argv = { "python3", "/usr/bin/torchrun", "--rdzv-id=llama", "train.py", NULL },
					.env = { "PATH=/bin", NULL } });
	make_rank(w, 101, 1000, "0");
	make_rank(w, 102, 1001, "3");
	process_make(w, &(struct made){ .pid = 103, .ppid = 1, .start = 5, .comm = "sshd", .argv = { "sshd", NULL },
					.env = { "PATH=/bin", NULL } });
	tick(w);
	assert_string_equal(next_of(w, entity(w, ENTITY_PROCESS, "102/1001"), ENTITY_RANK), "torchrun:llama/3");
	assert_string_equal(next_of(w, entity(w, ENTITY_RANK, "torchrun:llama/3"), ENTITY_JOB), "torchrun:llama");
	assert_string_equal(next_of(w, entity(w, ENTITY_PROCESS, "100/900"), ENTITY_JOB), "torchrun:llama");
	assert_string_equal(next_of(w, entity(w, ENTITY_PROCESS, "102/1001"), ENTITY_PROCESS), "100/900");
	assert_int_equal(graph_find(w->h->graph, ENTITY_PROCESS, "103/5"), ENTITY_NONE);
	assert_string_equal(attr(w, ENTITY_RANK, "torchrun:llama/3", "rank"), "3");
	assert_string_equal(attr(w, ENTITY_JOB, "torchrun:llama", "world_size"), "4");
	assert_string_equal(attr(w, ENTITY_JOB, "torchrun:llama", "scheduler"), "torchrun");
	assert_string_equal(attr(w, ENTITY_PROCESS, "102/1001", "identity"), "/proc");
	assert_string_equal(attr(w, ENTITY_PROCESS, "102/1001", "role"), "rank");
	assert_string_equal(attr(w, ENTITY_PROCESS, "100/900", "role"), "launcher");
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "torchrun:llama") == 2);
	assert_true(harness_value(w->h, "job.restarts", ENTITY_JOB, "torchrun:llama") == 2);
}

static size_t bytes_of(struct world *w, struct buf *out)
{
	struct codec_writer *writer = NULL;

	assert_ok(codec_writer_new(w->h->metrics, &writer));
	assert_ok(codec_write_batch(writer, w->h->batch, 0, out));
	assert_ok(codec_write_graph(writer, w->h->graph, w->now, out));
	codec_writer_free(&writer);
	return out->len;
}

static void no_secret_leaves_proc(void **state)
{
	struct world *w = *state;
	AUTO_BUF struct buf bytes;

	buf_init(&bytes, 1 << 20);
	make_rank(w, 101, 1000, "0");
	tick(w);
	(void)entity(w, ENTITY_RANK, "torchrun:llama/0");
	assert_true(bytes_of(w, &bytes) > 500);
	assert_non_null(memmem(bytes.data, bytes.len, "torchrun:llama/0", 16)); /* the search can find */
	assert_null(memmem(bytes.data, bytes.len, SECRET, strlen(SECRET)));
	assert_null(memmem(bytes.data, bytes.len, "HF_TOKEN", 8));
}

static void a_pid_used_again_is_another_process(void **state)
{
	struct world *w = *state;

	make_rank(w, 101, 1000, "0");
	tick(w);
	process_end(w, 101);
	process_make(w, &(struct made){ .pid = 101, .ppid = 1, .start = 1001, .comm = "bash", .argv = { "bash", NULL },
					.env = { NULL } });
	tick(w);
	/* Somebody else makes its entity: a crash, say. */
	batch_reset(w->h->batch, w->now);
	entity_id id = batch_entity(w->h->batch, ENTITY_PROCESS, "101/1001");
	harness_settle(w->h);
	assert_string_equal(next_of(w, id, ENTITY_RANK), "");
	assert_null(graph_attr(w->h->graph, id, "identity"));
	assert_string_equal(next_of(w, entity(w, ENTITY_PROCESS, "101/1000"), ENTITY_RANK), "torchrun:llama/0");
}

static void an_end_that_nobody_saw_is_told_as_unknown(void **state)
{
	struct world *w = *state;
	const struct event *e = NULL;

	make_rank(w, 101, 1000, "0");
	tick(w);
	process_end(w, 101);
	for (int i = 0; i < 5 && !e; i++) {
		tick(w);
		e = harness_event(w->h, "rank.ended", 0);
	}
	assert_non_null(e);
	assert_string_equal(harness_event_key(w->h, e), "torchrun:llama/0");
	assert_string_equal(harness_text(w->h, e, "how"), "unknown");
	assert_true(isnan(harness_number(w->h, e, "exit_code")));
	assert_true(isnan(harness_number(w->h, e, "signal")));
	assert_true(graph_is_gone(w->h->graph, entity(w, ENTITY_PROCESS, "101/1000"), NULL));
	tick(w);
	assert_int_equal(harness_events(w->h, "rank.ended"), 0);
}

/* ---- containers and labels, on the fixture ---- */

#define ID64   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define IN_POD "/kubepods/burstable/pod11111111-2222-3333-4444-555555555555/" ID64

static void begin(struct world *w)
{
	w->now += NS_PER_S;
	batch_reset(w->h->batch, w->now);
	batch_set_metric_base(w->h->batch, w->h->first);
}

/* What a runtime tells a second later. */
static void label_pod(struct world *w, const char *job)
{
	begin(w);
	struct batch *b = w->h->batch;
	entity_id container = batch_entity(b, ENTITY_CONTAINER, ID64), pod = batch_entity(b, ENTITY_POD, "ml/llama-worker-0");
	batch_attr(b, container, "name", "pytorch");
	batch_attr(b, container, "pid", "100");
	batch_attr(b, pod, "name", "llama-worker-0");
	batch_attr(b, pod, "namespace", "ml");
	batch_attr(b, pod, "training.kubeflow.org/job-name", job);
	batch_attr(b, pod, "training.kubeflow.org/operator-name", "pytorchjob-controller");
	batch_attr(b, pod, "training.kubeflow.org/replica-type", "worker");
	batch_attr(b, pod, "training.kubeflow.org/replica-index", "0");
	batch_link(b, EDGE_IN, container, pod);
	harness_settle(w->h);
}

static void make_in_pod(struct world *w, uint32_t pid, uint32_t ppid, const char *comm, const char *variable)
{
	process_make(w, &(struct made){ .pid = pid, .ppid = ppid, .start = 1000 + pid, .comm = comm, .cgroup = IN_POD,
					.argv = { comm, NULL },
					.env = { "MASTER_ADDR=10.0.0.9", "MASTER_PORT=29500", "WORLD_SIZE=4", variable, NULL } });
}

static void labels_that_come_later_move_a_process(void **state)
{
	struct world *w = *state;
	const char *provisional;

	make_in_pod(w, 100, 1, "python3", "RANK=3");
	tick(w);
	entity_id process = entity(w, ENTITY_PROCESS, "100/1100");
	provisional = next_of(w, process, ENTITY_RANK);
	assert_non_null(strstr(provisional, "torchrun:"));
	entity_id before = graph_find(w->h->graph, ENTITY_RANK, provisional);
	assert_string_equal(next_of(w, process, ENTITY_CONTAINER), ID64);
	label_pod(w, "llama");
	assert_string_equal(next_of(w, process, ENTITY_RANK), "pytorchjob:ml/llama/3");
	assert_true(graph_is_gone(w->h->graph, before, NULL));
	assert_string_equal(next_of(w, entity(w, ENTITY_POD, "ml/llama-worker-0"), ENTITY_JOB), "pytorchjob:ml/llama");
	assert_string_equal(next_of(w, entity(w, ENTITY_CONTAINER, ID64), ENTITY_JOB), "pytorchjob:ml/llama");
	/* The same said again changes nothing; a corrected label does. */
	size_t ops = w->h->batch->n_ops;
	harness_settle(w->h);
	assert_int_equal(w->h->batch->n_ops, ops);
	label_pod(w, "llama-2");
	assert_string_equal(next_of(w, process, ENTITY_RANK), "pytorchjob:ml/llama-2/3");
	assert_string_equal(next_of(w, entity(w, ENTITY_POD, "ml/llama-worker-0"), ENTITY_JOB), "pytorchjob:ml/llama-2");
	tick(w);
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "pytorchjob:ml/llama-2") == 1);
	assert_false(harness_has(w->h, "job.members", ENTITY_JOB, "pytorchjob:ml/llama"));
}

static entity_id made_by_others(struct world *w, const char *key)
{
	begin(w);
	entity_id id = batch_entity(w->h->batch, ENTITY_PROCESS, key);
	harness_settle(w->h);
	return id;
}

static void a_shell_opened_in_a_container_is_no_rank(void **state)
{
	struct world *w = *state;

	process_make(w, &(struct made){ .pid = 7, .ppid = 1, .start = 70, .comm = "containerd-shim",
					.argv = { "containerd-shim", NULL }, .env = { NULL } });
	make_in_pod(w, 100, 7, "python3", "RANK=3");
	tick(w);
	label_pod(w, "llama");
	/* The environment of the image is in the shell too, but no rank; labels alone do not make it one. */
	process_make(w, &(struct made){ .pid = 200, .ppid = 7, .start = 1200, .comm = "bash", .cgroup = IN_POD,
					.argv = { "bash", NULL }, .env = { "PATH=/bin", NULL } });
	entity_id shell = made_by_others(w, "200/1200");
	assert_string_equal(next_of(w, shell, ENTITY_CONTAINER), ID64);
	assert_string_equal(next_of(w, shell, ENTITY_RANK), "");
	assert_string_equal(next_of(w, shell, ENTITY_JOB), "");
	/* What the rank starts is the rank's. */
	process_make(w, &(struct made){ .pid = 201, .ppid = 100, .start = 1300, .comm = "nvidia-smi", .cgroup = IN_POD,
					.argv = { "nvidia-smi", NULL }, .env = { NULL } });
	assert_string_equal(next_of(w, made_by_others(w, "201/1300"), ENTITY_RANK), "pytorchjob:ml/llama/3");
	/* Even a second one that says it is rank 3 is not the one whose end is the rank's end. */
	make_in_pod(w, 202, 7, "python3", "RANK=3");
	entity_id second = made_by_others(w, "202/1202");
	assert_string_equal(next_of(w, second, ENTITY_RANK), "pytorchjob:ml/llama/3");
	begin(w);
	batch_attr(w->h->batch, second, "exit_code", "1");
	batch_gone(w->h->batch, second);
	harness_settle(w->h);
	assert_int_equal(harness_events(w->h, "rank.ended"), 0);
}

static void what_a_process_says_of_itself_is_believed_once(void **state)
{
	struct world *w = *state;

	make_in_pod(w, 100, 1, "python3", "RANK=3");
	tick(w);
	make_in_pod(w, 100, 1, "ray::train", "RANK=1"); /* rewritten in place: same pid and start */
	for (int i = 0; i < 5; i++)
		tick(w);
	label_pod(w, "llama"); /* and looked at again */
	assert_string_equal(next_of(w, entity(w, ENTITY_PROCESS, "100/1100"), ENTITY_RANK), "pytorchjob:ml/llama/3");
	assert_int_equal(graph_find(w->h->graph, ENTITY_RANK, "pytorchjob:ml/llama/1"), ENTITY_NONE);
}

static void an_unreadable_environment_is_said(void **state)
{
	struct world *w = *state;
	char path[256];

	process_make(w, &(struct made){ .pid = 100, .ppid = 1, .start = 1000, .comm = "python3", .argv = { "python3", NULL },
					.env = { NULL } });
	(void)snprintf(path, sizeof(path), "%s/proc/100/environ", w->root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0); /* reading it fails, as it does without CAP_SYS_PTRACE */
	tick(w);
	entity_id id = made_by_others(w, "100/1000");
	assert_non_null(strstr(graph_attr(w->h->graph, id, "unresolved"), "environment of the process cannot be read"));
	/* One that has ended before anybody looked. */
	id = made_by_others(w, "300/3000");
	assert_non_null(strstr(graph_attr(w->h->graph, id, "unresolved"), "ended before"));
	/* One that was seen while it lived, and said nothing. */
	process_make(w, &(struct made){ .pid = 301, .ppid = 1, .start = 3001, .comm = "cron", .argv = { "cron", NULL },
					.env = { NULL } });
	tick(w);
	process_end(w, 301);
	assert_null(graph_attr(w->h->graph, made_by_others(w, "301/3001"), "unresolved"));
}

static void sources_that_disagree_are_told(void **state)
{
	struct world *w = *state;

	process_make(w, &(struct made){ .pid = 100, .ppid = 1, .start = 1000, .comm = "python3",
					.cgroup = "/system.slice/slurmstepd.scope/job_8/step_0/user/task_0",
					.argv = { "python3", "x.py", NULL },
					.env = { "SLURM_JOB_ID=7", "SLURM_PROCID=0", "SLURM_STEP_ID=0", NULL } });
	tick(w);
	const char *conflict = attr(w, ENTITY_PROCESS, "100/1000", "conflict");
	assert_non_null(strstr(conflict, "7"));
	assert_non_null(strstr(conflict, "8"));
}

static void the_first_to_end_is_told_from_those_that_follow(void **state)
{
	struct world *w = *state;
	static const char *const keys[] = { "101/1000", "102/1001", "103/1002" };

	make_rank(w, 101, 1000, "0");
	make_rank(w, 102, 1001, "1");
	make_rank(w, 103, 1002, "2");
	tick(w);
	begin(w);
	for (size_t i = 0; i < 3; i++) {
		entity_id id = entity(w, ENTITY_PROCESS, keys[i]);
		batch_attr(w->h->batch, id, i ? "exit_signal" : "exit_code", i ? "15" : "1");
		if (i) { /* the launcher ends the others */
			batch_attr(w->h->batch, id, "signal", "15");
			batch_attr(w->h->batch, id, "sender_pid", "100");
			batch_attr(w->h->batch, id, "sender_comm", "torchrun");
		}
		batch_gone(w->h->batch, id);
	}
	harness_settle(w->h);
	assert_int_equal(harness_events(w->h, "rank.ended"), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct event *e = harness_event(w->h, "rank.ended", i);
		assert_true(harness_number(w->h, e, "earlier") == (double)i);
		assert_true(harness_number(w->h, e, "by_own_job") == (i > 0));
		assert_string_equal(harness_text(w->h, e, "how"), i ? "signal" : "exit");
	}
	assert_true(harness_number(w->h, harness_event(w->h, "rank.ended", 0), "exit_code") == 1);
	assert_non_null(strstr(harness_event(w->h, "rank.ended", 1)->message, "from torchrun[100]"));
	tick(w);
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "torchrun:llama") == 0);
	for (int i = 0; i < 62; i++)
		tick(w);
	assert_true(graph_is_gone(w->h->graph, entity(w, ENTITY_JOB, "torchrun:llama"), NULL));
	assert_true(graph_is_gone(w->h->graph, entity(w, ENTITY_RANK, "torchrun:llama/0"), NULL));
}

static void a_rank_started_again_is_the_same_rank(void **state)
{
	struct world *w = *state;

	make_rank(w, 101, 1000, "0");
	tick(w);
	begin(w);
	batch_attr(w->h->batch, entity(w, ENTITY_PROCESS, "101/1000"), "exit_code", "1");
	batch_gone(w->h->batch, entity(w, ENTITY_PROCESS, "101/1000"));
	harness_settle(w->h);
	assert_int_equal(harness_events(w->h, "rank.ended"), 1);
	process_end(w, 101);
	make_rank(w, 111, 2000, "0");
	tick(w);
	assert_string_equal(next_of(w, entity(w, ENTITY_PROCESS, "111/2000"), ENTITY_RANK), "torchrun:llama/0");
	assert_string_equal(attr(w, ENTITY_PROCESS, "111/2000", "role"), "rank"); /* its main process */
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "torchrun:llama") == 1);
	assert_false(graph_is_gone(w->h->graph, entity(w, ENTITY_RANK, "torchrun:llama/0"), NULL));
}

static void more_members_than_there_is_room_are_counted(void **state)
{
	struct world *w = *state;
	char number[16];

	for (uint32_t i = 0; i < 4200; i++) {
		(void)snprintf(number, sizeof(number), "%u", i);
		struct made p = { .pid = 1000 + i, .ppid = 100, .start = 5000 + i, .comm = "python3", .argv = TRAIN,
				  .env = { "WORLD_SIZE=5000", "TORCHELASTIC_RUN_ID=huge", "MASTER_ADDR=10.0.0.9", NULL, NULL } };
		char rank[32];
		(void)snprintf(rank, sizeof(rank), "RANK=%u", i);
		p.env[3] = rank;
		process_make(w, &p);
	}
	for (int i = 0; i < 6; i++)
		tick(w);
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "torchrun:huge") == 4096);
	assert_true(harness_node(w->h, "node.workload.untold") >= 104);
	assert_int_equal(w->h->batch->dropped_ops, 0);
}

/* ---- the real kernel: exits and oom beside it, as in the agent ---- */

extern const struct collector collector_exits;

struct real {
	struct harness *h;
	void *exits;
	uint32_t exits_first;
	mono_ns_t now;
	char job[64]; /* of this test alone */
};

static int real_open(void **state)
{
	struct real *r = calloc(1, sizeof(*r));

	*state = r;
	r->h = harness_new(&collector_workload, NULL);
	r->h->env.self_pid = 0; /* else the children of a test would count as the agent's own */
	assert_ok(harness_start(r->h));
	assert_ok(metrics_add(r->h->metrics, "exits", collector_exits.metrics, collector_exits.n_metrics, &r->exits_first));
	if (kernel_half_probe(&r->h->env, r->h->reason, sizeof(r->h->reason)) < 0 ||
	    collector_exits.open(&r->h->env, &r->exits) < 0)
		print_message("no kernel half: %s\n", r->h->reason);
	(void)snprintf(r->job, sizeof(r->job), "test-%d-%u", getpid(), (unsigned)random());
	return 0;
}

static int real_close(void **state)
{
	struct real *r = *state;

	if (r->exits)
		collector_exits.close(r->exits);
	harness_close(&r->h);
	free(r);
	return 0;
}

static void drain_exits(struct real *r)
{
	batch_set_metric_base(r->h->batch, r->exits_first);
	(void)collector_exits.drain(r->exits, 1000, r->h->batch);
	batch_set_metric_base(r->h->batch, r->h->first);
}

static void drain_workload(struct real *r)
{
	if (collector_workload.event_fd(r->h->state) >= 0)
		(void)collector_workload.drain(r->h->state, 1000, r->h->batch);
}

/* One turn of the agent; collectors are drained in an order that turns. */
static void turn(struct real *r, bool collect)
{
	bool first = (r->now / NS_PER_S) % 2;

	r->now += NS_PER_S;
	batch_reset(r->h->batch, r->now);
	batch_set_metric_base(r->h->batch, r->h->first);
	if (first)
		drain_workload(r);
	drain_exits(r);
	if (!first)
		drain_workload(r);
	if (collect) {
		batch_set_metric_base(r->h->batch, r->exits_first);
		(void)collector_exits.collect(r->exits, r->now, r->h->batch);
		batch_set_metric_base(r->h->batch, r->h->first);
		assert_ok(collector_workload.collect(r->h->state, r->now, r->h->batch));
	}
	batch_set_metric_base(r->h->batch, r->exits_first);
	collector_exits.settle(r->exits, r->now, r->h->batch);
	batch_set_metric_base(r->h->batch, r->h->first);
	harness_settle(r->h);
}

/* A program started as torchrun would start rank `rank`. */
static pid_t rank_start(const struct real *r, const char *rank, const char *const *argv)
{
	char run[96], number[32];
	const char *env[] = { "PATH=/bin:/usr/bin", "HF_TOKEN=" SECRET, number, run, "WORLD_SIZE=4", "MASTER_ADDR=10.0.0.9",
			      "MASTER_PORT=29500", NULL };
	int ready[2];
	char byte;

	(void)snprintf(run, sizeof(run), "TORCHELASTIC_RUN_ID=%s", r->job);
	(void)snprintf(number, sizeof(number), "RANK=%s", rank);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execve(argv[0], (char *const *)argv, (char *const *)env);
		_exit(127);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0); /* closes at exec */
	(void)close(ready[0]);
	return pid;
}

static entity_id rank_of(struct real *r, pid_t pid, char *ret_key, size_t size)
{
	char key[64];
	entity_id rank = ENTITY_NONE;

	scene_key(pid, key, sizeof(key));
	entity_id process = graph_find(r->h->graph, ENTITY_PROCESS, key);
	if (process != ENTITY_NONE && graph_neighbours(r->h->graph, process, false, ENTITY_RANK, &rank, 1) == 1)
		(void)snprintf(ret_key, size, "%s", graph_key(r->h->graph, rank));
	else
		ret_key[0] = '\0';
	return rank;
}

static void until_rank(struct real *r, pid_t pid, const char *member)
{
	char key[128] = "", want[128];

	(void)snprintf(want, sizeof(want), "torchrun:%s/%s", r->job, member);
	for (int i = 0; i < 200 && !key[0]; i++) {
		turn(r, true);
		(void)rank_of(r, pid, key, sizeof(key));
	}
	assert_string_equal(key, want);
}

static const struct event *until_ended(struct real *r)
{
	const struct event *e = NULL;

	for (int i = 0; i < 100 && !e; i++) {
		turn(r, false);
		e = harness_event(r->h, "rank.ended", 0);
		if (!e)
			(void)usleep(10000);
	}
	assert_non_null(e);
	return e;
}

static const char *const sleeper[] = { "/bin/sleep", "1000", NULL };

static void a_real_rank_is_found_and_its_killer_named(void **state)
{
	struct real *r = *state;
	const struct event *e;

	if (!r->exits)
		skip();
	pid_t pid = rank_start(r, "3", sleeper);
	until_rank(r, pid, "3");
	turn(r, true); /* exits follows it from now on */
	(void)scene_end(pid);
	e = until_ended(r);
	assert_string_equal(harness_text(r->h, e, "how"), "signal");
	assert_true(harness_number(r->h, e, "signal") == SIGKILL);
	assert_true(harness_number(r->h, e, "sender_pid") == getpid());
	assert_string_equal(harness_text(r->h, e, "sender_comm"), "workload_test");
	assert_true(harness_number(r->h, e, "pid") == pid);
	assert_string_equal(harness_text(r->h, e, "comm"), "sleep");
	assert_true(harness_number(r->h, e, "lifetime") > 0);
	assert_true(harness_number(r->h, e, "oom") == 0);
	assert_int_equal(e->severity, SEVERITY_WARNING);
	assert_int_equal(e->code, SIGKILL);
	assert_true(harness_number(r->h, e, "by_own_job") == 1); /* we are its parent */
	assert_true(harness_number(r->h, e, "earlier") == 0);
}

static void a_clean_end_is_no_fault(void **state)
{
	static const char *const brief[] = { "/bin/cat", NULL };
	struct real *r = *state;
	int in[2];

	if (!r->exits)
		skip();
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	int old = dup(STDIN_FILENO);
	(void)dup2(in[0], STDIN_FILENO);
	pid_t pid = rank_start(r, "0", brief);
	(void)dup2(old, STDIN_FILENO);
	(void)close(old);
	(void)close(in[0]);
	until_rank(r, pid, "0");
	turn(r, true);
	(void)close(in[1]);
	assert_int_equal(scene_wait(pid), 0);
	const struct event *e = until_ended(r);
	assert_string_equal(harness_text(r->h, e, "how"), "exit");
	assert_true(harness_number(r->h, e, "exit_code") == 0);
	assert_int_equal(e->severity, SEVERITY_INFO);
	assert_int_equal(e->code, 0);
}

static void what_a_rank_starts_is_of_that_rank(void **state)
{
	static const char *const shell[] = { "/bin/sh", "-c", "sleep 999 & wait", NULL };
	struct real *r = *state;
	char key[128], want[128], child_key[64] = "";
	pid_t child = 0;

	if (!r->exits)
		skip();
	pid_t pid = rank_start(r, "1", shell);
	until_rank(r, pid, "1");
	for (int i = 0; i < 100 && child == 0; i++) {
		char path[64], text[64];
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
		AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = '\0';
		child = atoi(text);
		(void)usleep(10000);
	}
	assert_true(child > 0);
	/* It is hit by a signal at once: another collector makes its entity, and it must have its identity in the same turn. */
	turn(r, true);
	scene_key(child, child_key, sizeof(child_key));
	(void)kill(child, SIGKILL);
	for (int i = 0; i < 100 && graph_find(r->h->graph, ENTITY_PROCESS, child_key) == ENTITY_NONE; i++) {
		(void)usleep(10000);
		turn(r, false);
	}
	entity_id process = graph_find(r->h->graph, ENTITY_PROCESS, child_key), rank;
	assert_int_not_equal(process, ENTITY_NONE);
	assert_int_equal(graph_neighbours(r->h->graph, process, false, ENTITY_RANK, &rank, 1), 1);
	(void)snprintf(want, sizeof(want), "torchrun:%s/1", r->job);
	assert_string_equal(graph_key(r->h->graph, rank), want);
	assert_int_equal(rank_of(r, pid, key, sizeof(key)), rank);
	/* Its end is not the rank's. */
	for (int i = 0; i < 5; i++) {
		turn(r, false);
		assert_int_equal(harness_events(r->h, "rank.ended"), 0);
	}
	(void)scene_end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ranks_that_were_there_before_are_found, world_open, world_close),
		cmocka_unit_test_setup_teardown(no_secret_leaves_proc, world_open, world_close),
		cmocka_unit_test_setup_teardown(a_pid_used_again_is_another_process, world_open, world_close),
		cmocka_unit_test_setup_teardown(an_end_that_nobody_saw_is_told_as_unknown, world_open, world_close),
		cmocka_unit_test_setup_teardown(labels_that_come_later_move_a_process, world_open, world_close),
		cmocka_unit_test_setup_teardown(a_shell_opened_in_a_container_is_no_rank, world_open, world_close),
		cmocka_unit_test_setup_teardown(what_a_process_says_of_itself_is_believed_once, world_open, world_close),
		cmocka_unit_test_setup_teardown(an_unreadable_environment_is_said, world_open, world_close),
		cmocka_unit_test_setup_teardown(sources_that_disagree_are_told, world_open, world_close),
		cmocka_unit_test_setup_teardown(the_first_to_end_is_told_from_those_that_follow, world_open, world_close),
		cmocka_unit_test_setup_teardown(a_rank_started_again_is_the_same_rank, world_open, world_close),
		cmocka_unit_test_setup_teardown(more_members_than_there_is_room_are_counted, world_open, world_close),
		cmocka_unit_test_setup_teardown(a_real_rank_is_found_and_its_killer_named, real_open, real_close),
		cmocka_unit_test_setup_teardown(a_clean_end_is_no_fault, real_open, real_close),
		cmocka_unit_test_setup_teardown(what_a_rank_starts_is_of_that_rank, real_open, real_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
