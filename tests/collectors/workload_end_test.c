/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "collectors/kernel_half.h"
#include "tests/collectors/scene.h"
#include "tests/collectors/world.h"

static void an_end_that_nobody_saw_is_told_as_unknown(void **state)
{
	struct world *w = *state;
	const struct event *e = NULL;

	world_rank(w, 101, 1000, "0");
	world_tick(w);
	world_process_end(w, 101);
	for (int i = 0; i < 5 && !e; i++) {
		world_tick(w);
		e = harness_event(w->h, "rank.ended", 0);
	}
	assert_non_null(e);
	assert_string_equal(harness_event_key(w->h, e), "torchrun:llama/0");
	assert_string_equal(harness_text(w->h, e, "how"), "unknown");
	assert_true(isnan(harness_number(w->h, e, "exit_code")));
	assert_true(isnan(harness_number(w->h, e, "signal")));
	assert_true(graph_is_gone(w->h->graph, world_entity(w, ENTITY_PROCESS, "101/1000"), NULL));
	world_tick(w);
	assert_int_equal(harness_events(w->h, "rank.ended"), 0);
}

static void the_first_to_end_is_told_from_those_that_follow(void **state)
{
	struct world *w = *state;
	static const char *const keys[] = { "101/1000", "102/1001", "103/1002" };

	world_rank(w, 101, 1000, "0");
	world_rank(w, 102, 1001, "1");
	world_rank(w, 103, 1002, "2");
	world_tick(w);
	world_begin(w);
	for (size_t i = 0; i < 3; i++) {
		entity_id id = world_entity(w, ENTITY_PROCESS, keys[i]);
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
	world_tick(w);
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "torchrun:llama") == 0);
	for (int i = 0; i < 62; i++)
		world_tick(w);
	assert_true(graph_is_gone(w->h->graph, world_entity(w, ENTITY_JOB, "torchrun:llama"), NULL));
	assert_true(graph_is_gone(w->h->graph, world_entity(w, ENTITY_RANK, "torchrun:llama/0"), NULL));
}

static void the_oom_killer_is_named(void **state)
{
	struct world *w = *state;

	world_rank(w, 101, 1000, "0");
	world_tick(w);
	world_begin(w);
	entity_id id = world_entity(w, ENTITY_PROCESS, "101/1000");
	batch_attr(w->h->batch, id, "oom", "yes");
	batch_attr(w->h->batch, id, "signal", "9");
	batch_attr(w->h->batch, id, "sender_comm", "kernel");
	batch_attr(w->h->batch, id, "exit_signal", "9");
	batch_attr(w->h->batch, id, "lifetime_ns", "5000000000");
	batch_gone(w->h->batch, id);
	harness_settle(w->h);
	const struct event *e = harness_event(w->h, "rank.ended", 0);
	assert_string_equal(harness_text(w->h, e, "how"), "oom");
	assert_true(harness_number(w->h, e, "oom") == 1);
	assert_true(harness_number(w->h, e, "signal") == 9);
	assert_true(isnan(harness_number(w->h, e, "sender_pid")));
	assert_string_equal(harness_text(w->h, e, "sender_comm"), "kernel");
	assert_true(harness_number(w->h, e, "lifetime") == 5e9);
}

struct way_out {
	const char *exit_code, *exit_signal, *signals[2], *sender_pid, *sender_comm, *above;
	bool asked;
};

/* What a cancelled job, a deleted pod and a stopped service look like, and what only resembles them. */
static void who_was_asked_to_end_is_told_from_who_was_not(void **state)
{
	static const struct way_out ways[] = {
		{ NULL, "9", { "15", "9" }, "777", "runc", NULL, true },        /* kubectl delete, after the grace period */
		{ NULL, "9", { "9" }, "778", "containerd-shim", NULL, true },
		{ NULL, "9", { "9" }, "779", "some-batch", "yes", true },       /* a grandparent */
		{ NULL, "9", { "9" }, NULL, "kernel", "yes", true },            /* its container's first process ended */
		{ NULL, "9", { "9" }, NULL, "kernel", NULL, false },
		{ NULL, "9", { "9" }, "780", "bash", NULL, false },             /* somebody's kill -9 */
		{ NULL, "9", { "15", "9" }, "780", "bash", NULL, false },
		{ "1", NULL, { "15" }, "781", "scancel", NULL, true },          /* caught, a checkpoint written, exit(1) */
		{ "143", NULL, { NULL }, NULL, NULL, NULL, true },
		{ "1", NULL, { NULL }, NULL, NULL, NULL, false },
		{ NULL, "6", { "15", "6" }, NULL, "kernel", NULL, true },       /* abort() in the midst of its clean-up */
		{ NULL, "6", { "6" }, NULL, "kernel", NULL, false },
		{ NULL, "15", { "15" }, "782", "bash", NULL, true },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct way_out *way = &ways[i];
		char key[32], rank[8];

		(void)snprintf(rank, sizeof(rank), "%zu", i % 4);
		(void)snprintf(key, sizeof(key), "%zu/%zu", 201 + i, 1000 + i);
		world_rank(w, (uint32_t)(201 + i), 1000 + i, rank);
		world_tick(w);
		world_begin(w);
		entity_id id = world_entity(w, ENTITY_PROCESS, key);
		for (size_t k = 0; k < 2 && way->signals[k]; k++)
			batch_attr(w->h->batch, id, "signal", way->signals[k]);
		batch_attr(w->h->batch, id, "sender_pid", way->sender_pid);
		batch_attr(w->h->batch, id, "sender_comm", way->sender_comm);
		batch_attr(w->h->batch, id, "sender_above", way->above);
		batch_attr(w->h->batch, id, "exit_code", way->exit_code);
		batch_attr(w->h->batch, id, "exit_signal", way->exit_signal);
		batch_gone(w->h->batch, id);
		harness_settle(w->h);
		const struct event *e = harness_event(w->h, "rank.ended", 0);
		assert_non_null(e);
		if ((harness_number(w->h, e, "asked") == 1) != way->asked)
			fail_msg("way out %zu: asked is %g", i, harness_number(w->h, e, "asked"));
		world_process_end(w, (uint32_t)(201 + i));
	}
}

/* NCCL gives up after 10 min: who is left over did not fail by itself. */
static void who_waits_in_vain_followed(void **state)
{
	struct world *w = *state;

	world_rank(w, 101, 1000, "0");
	world_rank(w, 102, 1001, "1");
	world_tick(w);
	world_begin(w);
	batch_attr(w->h->batch, world_entity(w, ENTITY_PROCESS, "101/1000"), "exit_signal", "9");
	batch_gone(w->h->batch, world_entity(w, ENTITY_PROCESS, "101/1000"));
	harness_settle(w->h);
	world_process_end(w, 101);
	for (int i = 0; i < 605; i++)
		world_tick(w);
	world_begin(w);
	batch_attr(w->h->batch, world_entity(w, ENTITY_PROCESS, "102/1001"), "exit_signal", "6");
	batch_gone(w->h->batch, world_entity(w, ENTITY_PROCESS, "102/1001"));
	harness_settle(w->h);
	const struct event *e = harness_event(w->h, "rank.ended", 0);
	assert_non_null(e);
	assert_true(harness_number(w->h, e, "earlier") == 1);
}

/* Two executors that fail within a second: neither followed the other, each is lost for itself. */
static void executors_do_not_follow_each_other(void **state)
{
	static const char *const keys[] = { "301/1000", "302/1001" };
	struct world *w = *state;

	for (uint32_t i = 0; i < 2; i++) {
		struct made p = { .pid = 301 + i, .ppid = 100, .start = 1000 + i, .comm = "java",
				  .argv = { "java", "org.apache.spark.executor.CoarseGrainedExecutorBackend", NULL },
				  .env = { "SPARK_APPLICATION_ID=spark-1", i ? "SPARK_EXECUTOR_ID=2" : "SPARK_EXECUTOR_ID=1",
					   NULL } };
		world_process(w, &p);
	}
	world_tick(w);
	world_begin(w);
	for (size_t i = 0; i < 2; i++) {
		entity_id id = world_entity(w, ENTITY_PROCESS, keys[i]);
		batch_attr(w->h->batch, id, "exit_code", "52");
		batch_gone(w->h->batch, id);
	}
	harness_settle(w->h);
	assert_int_equal(harness_events(w->h, "rank.ended"), 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(harness_number(w->h, harness_event(w->h, "rank.ended", i), "earlier") == 0);
}

/* The journal of a turn has a bound; what it could not hold is looked for in the graph. */
static void an_end_that_the_batch_had_no_room_for_is_told(void **state)
{
	struct world *w = *state;

	world_rank(w, 101, 1000, "0");
	world_rank(w, 102, 1001, "1");
	world_tick(w);
	world_begin(w);
	size_t room = w->h->batch->max_ops;
	w->h->batch->max_ops = 0;
	entity_id stranger = batch_entity(w->h->batch, ENTITY_PROCESS, "102/1001");
	assert_int_not_equal(stranger, ENTITY_NONE);
	batch_attr(w->h->batch, world_entity(w, ENTITY_PROCESS, "101/1000"), "exit_code", "3");
	batch_gone(w->h->batch, world_entity(w, ENTITY_PROCESS, "101/1000"));
	assert_int_equal(w->h->batch->n_ops, 0);
	harness_settle(w->h);
	w->h->batch->max_ops = room;
	const struct event *e = harness_event(w->h, "rank.ended", 0);
	assert_non_null(e);
	assert_true(harness_number(w->h, e, "exit_code") == 3);
	assert_int_equal(harness_events(w->h, "rank.ended"), 1);
}

static void a_rank_started_again_is_the_same_rank(void **state)
{
	struct world *w = *state;

	world_rank(w, 101, 1000, "0");
	world_tick(w);
	world_begin(w);
	batch_attr(w->h->batch, world_entity(w, ENTITY_PROCESS, "101/1000"), "exit_code", "1");
	batch_gone(w->h->batch, world_entity(w, ENTITY_PROCESS, "101/1000"));
	harness_settle(w->h);
	assert_int_equal(harness_events(w->h, "rank.ended"), 1);
	world_process_end(w, 101);
	world_tick(w);
	assert_true(harness_value(w->h, "rank.running", ENTITY_RANK, "torchrun:llama/0") == 0);
	world_rank(w, 111, 2000, "0");
	world_tick(w);
	assert_true(harness_value(w->h, "rank.running", ENTITY_RANK, "torchrun:llama/0") == 1);
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_PROCESS, "111/2000"), ENTITY_RANK), "torchrun:llama/0");
	assert_string_equal(world_attr(w, ENTITY_PROCESS, "111/2000", "role"), "rank"); /* its main process */
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "torchrun:llama") == 1);
	assert_false(graph_is_gone(w->h->graph, world_entity(w, ENTITY_RANK, "torchrun:llama/0"), NULL));
}

/* ---- the real kernel: exits and oom beside it, as in the agent ---- */

extern const struct collector collector_exits, collector_workload;

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

static pid_t program_start(const char *const *argv, const char *const *env)
{
	int ready[2];
	char byte;

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

/* A program started as torchrun would start rank `rank`. */
static pid_t rank_start(const struct real *r, const char *rank, const char *const *argv)
{
	char run[96], number[32];
	const char *env[] = { "PATH=/bin:/usr/bin", "HF_TOKEN=" WORLD_SECRET, number, run, "WORLD_SIZE=4",
			      "MASTER_ADDR=10.0.0.9", "MASTER_PORT=29500", NULL };

	(void)snprintf(run, sizeof(run), "TORCHELASTIC_RUN_ID=%s", r->job);
	(void)snprintf(number, sizeof(number), "RANK=%s", rank);
	return program_start(argv, env);
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
	assert_string_equal(harness_text(r->h, e, "sender_comm"), "workload_end_te");
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

/* Longer than the kernel half carries: /proc completes it. */
static void a_task_of_a_large_cluster_is_known_by_its_number(void **state)
{
	struct real *r = *state;
	char config[4096], key[128] = "", want[128];
	const char *env[] = { "PATH=/bin", config, NULL };
	size_t n = (size_t)snprintf(config, sizeof(config), "TF_CONFIG={\"cluster\":{\"worker\":[\"%s:2222\"", r->job);

	if (!r->exits)
		skip();
	for (int i = 1; i < 64; i++)
		n += (size_t)snprintf(config + n, sizeof(config) - n, ",\"worker-%d.%s:2222\"", i, r->job);
	(void)snprintf(config + n, sizeof(config) - n, "]},\"task\":{\"type\":\"worker\",\"index\":41}}");
	pid_t pid = program_start(sleeper, env);
	for (int i = 0; i < 200 && !key[0]; i++) {
		turn(r, true);
		(void)rank_of(r, pid, key, sizeof(key));
	}
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)snprintf(want, sizeof(want), "tensorflow:%s:2222/worker-41", r->job);
	assert_string_equal(key, want);
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
	/* It is hit by a signal at once: another collector makes its entity, and it must have its identity in the same
	 * turn. */
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

/* Starts, is known, and has ended: all before the agent looks once. */
static void a_rank_that_lives_for_one_turn_is_attributed(void **state)
{
	static const char *const brief[] = { "/bin/sh", "-c", "kill -SEGV $$", NULL };
	struct real *r = *state;
	const struct event *e = NULL;
	char want[128];

	if (!r->exits || collector_workload.event_fd(r->h->state) < 0)
		skip();
	turn(r, true); /* both kernel halves watch */
	pid_t pid = rank_start(r, "2", brief);
	(void)scene_wait(pid);
	for (int i = 0; i < 20 && !e; i++) {
		turn(r, false);
		e = harness_event(r->h, "rank.ended", 0);
	}
	assert_non_null(e);
	(void)snprintf(want, sizeof(want), "torchrun:%s/2", r->job);
	assert_string_equal(harness_event_key(r->h, e), want);
	assert_true(harness_number(r->h, e, "pid") == pid);
	assert_true(harness_number(r->h, e, "signal") == SIGSEGV);
	assert_true(harness_number(r->h, e, "sender_pid") == pid);
	assert_int_equal(harness_events(r->h, "rank.ended"), 1);
}

/* A dataloader's worker: forked, never exec'd, and its parent's environment is only in the kernel's memory of the fork. */
static void what_a_rank_forks_is_of_that_rank_when_it_has_died(void **state)
{
	static const char *const shell[] = { "/bin/sh", "-c",
			"( kill -SEGV $(exec sh -c 'echo $PPID') ) & wait; exec sleep 1000",
					     NULL };
	struct real *r = *state;
	entity_id id, rank, forked = ENTITY_NONE;
	char key[64], want[128];
	size_t cursor;

	if (!r->exits || collector_workload.event_fd(r->h->state) < 0)
		skip();
	turn(r, true);
	pid_t pid = rank_start(r, "1", shell);
	scene_key(pid, key, sizeof(key));
	for (int i = 0; i < 100 && forked == ENTITY_NONE; i++) {
		(void)usleep(10000);
		turn(r, false);
		for (cursor = 0; (id = graph_next_even_gone(r->h->graph, ENTITY_PROCESS, &cursor)) != ENTITY_NONE;) {
			const char *ppid = graph_attr(r->h->graph, id, "ppid"),
					*signal = graph_attr(r->h->graph, id, "exit_signal");
			if (ppid && atoi(ppid) == pid && signal && atoi(signal) == SIGSEGV)
				forked = id;
		}
	}
	assert_int_not_equal(forked, ENTITY_NONE);
	(void)snprintf(want, sizeof(want), "torchrun:%s/1", r->job);
	assert_int_equal(graph_neighbours(r->h->graph, forked, false, ENTITY_RANK, &rank, 1), 1);
	assert_string_equal(graph_key(r->h->graph, rank), want);
	assert_int_equal(harness_events(r->h, "rank.ended"), 0);
	(void)scene_end(pid);
}

/* The kernel gives the pid of a rank that has just died to somebody else. */
static void a_real_pid_used_again_is_nobody_s(void **state)
{
	struct real *r = *state;
	char before[64], after[64];

	if (!r->exits || collector_workload.event_fd(r->h->state) < 0)
		skip();
	turn(r, true);
	pid_t pid = rank_start(r, "0", sleeper), wanted = pid;
	scene_key(pid, before, sizeof(before));
	(void)scene_end(pid);
	/* a key tells starts apart by clock ticks; the kernel itself takes 4 million forks to come round */
	(void)usleep(20000);
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1 };
	pid_t again = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (again == 0) {
		(void)execle("/bin/sleep", "sleep", "1000", (char *)NULL, (char *const[]){ NULL });
		_exit(127);
	}
	if (again < 0) {
		print_message("skipped: clone3 with set_tid: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(again, pid);
	scene_key(again, after, sizeof(after));
	assert_string_not_equal(before, after);
	(void)scene_end(again);
	for (int i = 0; i < 100 && graph_find(r->h->graph, ENTITY_PROCESS, after) == ENTITY_NONE; i++) {
		turn(r, i % 4 == 0);
		(void)usleep(10000);
	}
	entity_id first = graph_find(r->h->graph, ENTITY_PROCESS, before),
			second = graph_find(r->h->graph, ENTITY_PROCESS, after);
	assert_int_not_equal(first, ENTITY_NONE);
	assert_int_not_equal(second, ENTITY_NONE);
	assert_non_null(strstr(world_next(r->h, first, ENTITY_RANK), r->job));
	assert_string_equal(world_next(r->h, second, ENTITY_RANK), "");
	assert_string_equal(world_next(r->h, second, ENTITY_JOB), "");
}

/* Where this program's own arguments lie, and behind them its environment: there a process writes its title. */
static struct {
	char *text;
	size_t size;
} title_room;

static void title_room_find(char **argv)
{
	char *last = argv[0];

	for (char **at = argv; *at; at++)
		last = *at;
	for (char **at = environ; *at; at++)
		last = *at;
	title_room.text = argv[0];
	title_room.size = (size_t)(last - argv[0]) + strlen(last);
}

static void title_set(const char *title)
{
	memset(title_room.text, 0, title_room.size);
	(void)snprintf(title_room.text, title_room.size, "%s", title);
	(void)prctl(PR_SET_NAME, title);
}

/* Airflow forks its tasks and gives them a title: no exec tells of them, and they may be short. */
static void a_title_is_seen_soon(void **state)
{
	struct real *r = *state;
	char title[128], want[128], key[64];
	entity_id job = ENTITY_NONE;
	int named[2];
	char byte;

	assert_int_equal(pipe2(named, O_CLOEXEC), 0);
	for (int i = 0; i < 40; i++)
		turn(r, true); /* all that was there before has been looked at */
	(void)snprintf(title, sizeof(title), "airflow task runner: dag-%s load run-1 7", r->job);
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		title_set(title);
		(void)close(named[0]);
		(void)close(named[1]);
		(void)pause();
		_exit(127);
	}
	(void)close(named[1]);
	assert_int_equal(read(named[0], &byte, 1), 0);
	(void)close(named[0]);
	for (int i = 0; i < 2; i++)
		turn(r, true);
	scene_key(pid, key, sizeof(key));
	(void)snprintf(want, sizeof(want), "airflow:dag-%s/run-1/load", r->job);
	entity_id process = graph_find(r->h->graph, ENTITY_PROCESS, key);
	assert_int_not_equal(process, ENTITY_NONE);
	assert_string_equal(world_next(r->h, process, ENTITY_RANK), want);
	assert_int_equal(graph_neighbours(r->h->graph, graph_find(r->h->graph, ENTITY_RANK, want), false, ENTITY_JOB,
			&job, 1), 1);
	(void)scene_end(pid);
}

static void no_secret_of_a_real_process_leaves_it(void **state)
{
	static const char *const argv[] = { "/bin/sleep", "1000", NULL };
	struct real *r = *state;
	AUTO_BUF struct buf bytes;

	buf_init(&bytes, 4 << 20);
	pid_t pid = rank_start(r, "3", argv);
	until_rank(r, pid, "3");
	world_bytes(r->h, r->now, &bytes);
	assert_non_null(memmem(bytes.data, bytes.len, r->job, strlen(r->job)));
	assert_null(memmem(bytes.data, bytes.len, WORLD_SECRET, strlen(WORLD_SECRET)));
	assert_null(memmem(bytes.data, bytes.len, "HF_TOKEN", 8));
	(void)scene_end(pid);
}

int main(int argc UNUSED, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_end_that_nobody_saw_is_told_as_unknown, world_open, world_close),
		cmocka_unit_test_setup_teardown(the_first_to_end_is_told_from_those_that_follow, world_open, world_close),
		cmocka_unit_test_setup_teardown(the_oom_killer_is_named, world_open, world_close),
		cmocka_unit_test_setup_teardown(who_was_asked_to_end_is_told_from_who_was_not, world_open, world_close),
		cmocka_unit_test_setup_teardown(who_waits_in_vain_followed, world_open, world_close),
		cmocka_unit_test_setup_teardown(executors_do_not_follow_each_other, world_open, world_close),
		cmocka_unit_test_setup_teardown(an_end_that_the_batch_had_no_room_for_is_told, world_open, world_close),
		cmocka_unit_test_setup_teardown(a_rank_started_again_is_the_same_rank, world_open, world_close),
		cmocka_unit_test_setup_teardown(a_real_rank_is_found_and_its_killer_named, real_open, real_close),
		cmocka_unit_test_setup_teardown(a_clean_end_is_no_fault, real_open, real_close),
		cmocka_unit_test_setup_teardown(a_task_of_a_large_cluster_is_known_by_its_number, real_open, real_close),
		cmocka_unit_test_setup_teardown(what_a_rank_starts_is_of_that_rank, real_open, real_close),
		cmocka_unit_test_setup_teardown(a_rank_that_lives_for_one_turn_is_attributed, real_open, real_close),
		cmocka_unit_test_setup_teardown(what_a_rank_forks_is_of_that_rank_when_it_has_died, real_open, real_close),
		cmocka_unit_test_setup_teardown(a_real_pid_used_again_is_nobody_s, real_open, real_close),
		cmocka_unit_test_setup_teardown(no_secret_of_a_real_process_leaves_it, real_open, real_close),
		cmocka_unit_test_setup_teardown(a_title_is_seen_soon, real_open, real_close),
	};

	title_room_find(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
