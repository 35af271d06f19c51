/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "collectors/workload_scan.h"
#include "tests/collectors/world.h"

static void ranks_that_were_there_before_are_found(void **state)
{
	struct world *w = *state;

	world_process(w, &(struct made){ .pid = 100, .ppid = 1, .start = 900, .comm = "torchrun",
					.argv = { "python3", "/usr/bin/torchrun", "--rdzv-id=llama", "train.py", NULL },
					.env = { "PATH=/bin", NULL } });
	world_rank(w, 101, 1000, "0");
	world_rank(w, 102, 1001, "3");
	world_process(w, &(struct made){ .pid = 103, .ppid = 1, .start = 5, .comm = "sshd", .argv = { "sshd", NULL },
					.env = { "PATH=/bin", NULL } });
	world_tick(w);
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_PROCESS, "102/1001"), ENTITY_RANK), "torchrun:llama/3");
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_RANK, "torchrun:llama/3"), ENTITY_JOB),
			"torchrun:llama");
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_PROCESS, "100/900"), ENTITY_JOB), "torchrun:llama");
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_PROCESS, "102/1001"), ENTITY_PROCESS), "100/900");
	assert_int_equal(graph_find(w->h->graph, ENTITY_PROCESS, "103/5"), ENTITY_NONE);
	assert_string_equal(world_attr(w, ENTITY_RANK, "torchrun:llama/3", "rank"), "3");
	assert_string_equal(world_attr(w, ENTITY_JOB, "torchrun:llama", "world_size"), "4");
	assert_string_equal(world_attr(w, ENTITY_JOB, "torchrun:llama", "scheduler"), "torchrun");
	assert_string_equal(world_attr(w, ENTITY_PROCESS, "102/1001", "identity"), "/proc");
	assert_string_equal(world_attr(w, ENTITY_PROCESS, "102/1001", "role"), "rank");
	assert_string_equal(world_attr(w, ENTITY_PROCESS, "100/900", "role"), "launcher");
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "torchrun:llama") == 2);
	assert_true(harness_value(w->h, "job.restarts", ENTITY_JOB, "torchrun:llama") == 2);
}

static void no_secret_leaves_proc(void **state)
{
	struct world *w = *state;
	AUTO_BUF struct buf bytes;

	buf_init(&bytes, 1 << 20);
	world_rank(w, 101, 1000, "0");
	world_tick(w);
	(void)world_entity(w, ENTITY_RANK, "torchrun:llama/0");
	world_bytes(w->h, w->now, &bytes);
	assert_true(bytes.len > 500);
	assert_non_null(memmem(bytes.data, bytes.len, "torchrun:llama/0", 16)); /* the search can find */
	assert_null(memmem(bytes.data, bytes.len, WORLD_SECRET, strlen(WORLD_SECRET)));
	assert_null(memmem(bytes.data, bytes.len, "HF_TOKEN", 8));
}

static void a_pid_used_again_is_another_process(void **state)
{
	struct world *w = *state;

	world_rank(w, 101, 1000, "0");
	world_tick(w);
	world_process_end(w, 101);
	world_process(w, &(struct made){ .pid = 101, .ppid = 1, .start = 1001, .comm = "bash", .argv = { "bash", NULL },
					.env = { NULL } });
	world_tick(w);
	/* Somebody else makes its entity: a crash, say. */
	batch_reset(w->h->batch, w->now);
	entity_id id = batch_entity(w->h->batch, ENTITY_PROCESS, "101/1001");
	harness_settle(w->h);
	assert_string_equal(world_next(w->h, id, ENTITY_RANK), "");
	assert_null(graph_attr(w->h->graph, id, "identity"));
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_PROCESS, "101/1000"), ENTITY_RANK), "torchrun:llama/0");
}

static void more_members_than_there_is_room_are_counted(void **state)
{
	struct world *w = *state;
	char number[16];

	for (uint32_t i = 0; i < 4200; i++) {
		(void)snprintf(number, sizeof(number), "%u", i);
		struct made p = { .pid = 1000 + i, .ppid = 100, .start = 5000 + i, .comm = "python3",
				.argv = { "python3", NULL },
				  .env = { "WORLD_SIZE=5000", "TORCHELASTIC_RUN_ID=huge", "MASTER_ADDR=10.0.0.9", NULL,
					NULL } };
		char rank[32];
		(void)snprintf(rank, sizeof(rank), "RANK=%u", i);
		p.env[3] = rank;
		world_process(w, &p);
	}
	for (int i = 0; i < 6; i++)
		world_tick(w);
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "torchrun:huge") == 4096);
	assert_true(harness_node(w->h, "node.workload.untold") >= 104);
	assert_int_equal(w->h->batch->dropped_ops, 0);
}

struct told {
	unsigned n, failed;
	char known[128];
};

static void told(void *arg, const char *hook, int error, const char *reason)
{
	struct told *t = arg;

	t->n++;
	if (error) {
		t->failed++;
		assert_non_null(strstr(reason, "/proc")); /* what it does instead */
	}
	if (strcmp(hook, "processes of jobs") == 0)
		(void)snprintf(t->known, sizeof(t->known), "%s", reason);
}

/* A folder that /proc's own listing does not show yet stands for what a slow round would come to much later. */
static void who_was_forked_a_moment_ago_is_looked_at_first(void **state)
{
	struct workload_scan scan;
	struct world *w = *state;
	uint32_t after = 0, to = 0;

	AUTO_CLOSE int root = open(w->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(workload_scan_open(&scan, root));
	assert_false(workload_scan_recent(&scan, root, 64, &after, &to)); /* no such file */
	harness_write(w->root, "proc/loadavg", "0.20 0.18 0.12 1/80 100\n");
	assert_false(workload_scan_recent(&scan, root, 64, &after, &to));
	harness_write(w->root, "proc/loadavg", "0.20 0.18 0.12 1/80 110\n");
	assert_false(workload_scan_recent(&scan, root, 64, &after, &to)); /* those of the last second are too young */
	harness_write(w->root, "proc/loadavg", "0.20 0.18 0.12 1/80 5000\n");
	assert_true(workload_scan_recent(&scan, root, 64, &after, &to));
	assert_int_equal(after, 100);
	assert_int_equal(to, 110);
	harness_write(w->root, "proc/loadavg", "0.20 0.18 0.12 1/80 20\n");
	assert_true(workload_scan_recent(&scan, root, 64, &after, &to)); /* the newest of too many */
	assert_int_equal(after, 5000 - 64);
	assert_int_equal(to, 5000);
	harness_write(w->root, "proc/loadavg", "rubbish\n");
	assert_true(workload_scan_recent(&scan, root, 64, &after, &to)); /* pids have come round */
	assert_int_equal(after, 0);
	assert_int_equal(to, 20);
	assert_false(workload_scan_recent(&scan, root, 64, &after, &to));
	workload_scan_close(&scan);
}

static void doctor_hears_how_members_are_found(void **state)
{
	struct world *w = *state;
	struct told t = { 0 };

	world_rank(w, 101, 1000, "0");
	world_tick(w);
	w->h->collector->hooks(w->h->state, told, &t);
	assert_int_equal(t.failed, 1); /* a fixture has no kernel half */
	assert_string_equal(t.known, "1 known, 0 without room, 0 execs missed");
}

/* What a hostile process may write of itself. */
static void hostile_texts_change_nothing_but_their_own_line(void **state)
{
	struct world *w = *state;
	struct made p = { .pid = 101, .ppid = 1, .start = 1000, .comm = "\x1b[31m) S 1 (", .argv = { "\xff\xfe", NULL },
			  .env = { "RANK=0", "WORLD_SIZE=1", "MASTER_ADDR=\x1b[2J\n\xff",
					"TORCHELASTIC_RUN_ID=a/b@c:\x1b]0;x\a",
				   NULL } };

	world_process(w, &p);
	world_rank(w, 102, 1001, "1");
	world_tick(w);
	(void)world_entity(w, ENTITY_RANK, "torchrun:llama/1");
	size_t cursor = 0, jobs = 0;
	for (entity_id id; (id = graph_next(w->h->graph, ENTITY_JOB, &cursor)) != ENTITY_NONE; jobs++)
		for (const char *c = graph_key(w->h->graph, id); *c; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
	assert_int_equal(jobs, 2);
	const char *comm = world_attr(w, ENTITY_PROCESS, "101/1000", "comm");
	assert_null(strchr(comm, '\x1b'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ranks_that_were_there_before_are_found, world_open, world_close),
		cmocka_unit_test_setup_teardown(no_secret_leaves_proc, world_open, world_close),
		cmocka_unit_test_setup_teardown(a_pid_used_again_is_another_process, world_open, world_close),
		cmocka_unit_test_setup_teardown(more_members_than_there_is_room_are_counted, world_open, world_close),
		cmocka_unit_test_setup_teardown(who_was_forked_a_moment_ago_is_looked_at_first, world_open, world_close),
		cmocka_unit_test_setup_teardown(doctor_hears_how_members_are_found, world_open, world_close),
		cmocka_unit_test_setup_teardown(hostile_texts_change_nothing_but_their_own_line, world_open, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
