/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/collectors/world.h"

/* ---- containers and labels, on the fixture ---- */

#define ID64   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define IN_POD "/kubepods/burstable/pod11111111-2222-3333-4444-555555555555/" ID64

/* What a runtime tells a second later. */
static void label_pod(struct world *w, const char *job)
{
	world_begin(w);
	struct batch *b = w->h->batch;
	entity_id container = batch_entity(b, ENTITY_CONTAINER, ID64),
			pod = batch_entity(b, ENTITY_POD, "ml/llama-worker-0");
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
	world_process(w, &(struct made){ .pid = pid, .ppid = ppid, .start = 1000 + pid, .comm = comm, .cgroup = IN_POD,
					.argv = { comm, NULL },
					.env = { "MASTER_ADDR=10.0.0.9", "MASTER_PORT=29500", "WORLD_SIZE=4", variable,
						NULL } });
}

static void labels_that_come_later_move_a_process(void **state)
{
	struct world *w = *state;
	const char *provisional;

	make_in_pod(w, 100, 1, "python3", "RANK=3");
	world_tick(w);
	entity_id process = world_entity(w, ENTITY_PROCESS, "100/1100");
	provisional = world_next(w->h, process, ENTITY_RANK);
	assert_non_null(strstr(provisional, "torchrun:"));
	entity_id before = graph_find(w->h->graph, ENTITY_RANK, provisional);
	assert_string_equal(world_next(w->h, process, ENTITY_CONTAINER), ID64);
	label_pod(w, "llama");
	assert_string_equal(world_next(w->h, process, ENTITY_RANK), "pytorchjob:ml/llama/3");
	assert_true(graph_is_gone(w->h->graph, before, NULL));
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_POD, "ml/llama-worker-0"), ENTITY_JOB),
			"pytorchjob:ml/llama");
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_CONTAINER, ID64), ENTITY_JOB), "pytorchjob:ml/llama");
	/* The same said again changes nothing; a corrected label does. */
	size_t ops = w->h->batch->n_ops;
	harness_settle(w->h);
	assert_int_equal(w->h->batch->n_ops, ops);
	label_pod(w, "llama-2");
	assert_string_equal(world_next(w->h, process, ENTITY_RANK), "pytorchjob:ml/llama-2/3");
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_POD, "ml/llama-worker-0"), ENTITY_JOB),
			"pytorchjob:ml/llama-2");
	world_tick(w);
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "pytorchjob:ml/llama-2") == 1);
	assert_false(harness_has(w->h, "job.members", ENTITY_JOB, "pytorchjob:ml/llama"));
}

static void a_shell_opened_in_a_container_is_no_rank(void **state)
{
	struct world *w = *state;

	world_process(w, &(struct made){ .pid = 7, .ppid = 1, .start = 70, .comm = "containerd-shim",
					.argv = { "containerd-shim", NULL }, .env = { NULL } });
	make_in_pod(w, 100, 7, "python3", "RANK=3");
	world_tick(w);
	label_pod(w, "llama");
	/* The environment of the image is in the shell too, but no rank; labels alone do not make it one. */
	world_process(w, &(struct made){ .pid = 200, .ppid = 7, .start = 1200, .comm = "bash", .cgroup = IN_POD,
					.argv = { "bash", NULL }, .env = { "PATH=/bin", NULL } });
	entity_id shell = world_made_by_others(w, "200/1200");
	assert_string_equal(world_next(w->h, shell, ENTITY_CONTAINER), ID64);
	assert_string_equal(world_next(w->h, shell, ENTITY_RANK), "");
	assert_string_equal(world_next(w->h, shell, ENTITY_JOB), "");
	/* What the rank starts is the rank's. */
	world_process(w, &(struct made){ .pid = 201, .ppid = 100, .start = 1300, .comm = "nvidia-smi", .cgroup = IN_POD,
					.argv = { "nvidia-smi", NULL }, .env = { NULL } });
	assert_string_equal(world_next(w->h, world_made_by_others(w, "201/1300"), ENTITY_RANK), "pytorchjob:ml/llama/3");
	/* Even a second one that says it is rank 3 is not the one whose end is the rank's end. */
	make_in_pod(w, 202, 7, "python3", "RANK=3");
	entity_id second = world_made_by_others(w, "202/1202");
	assert_string_equal(world_next(w->h, second, ENTITY_RANK), "pytorchjob:ml/llama/3");
	world_begin(w);
	batch_attr(w->h->batch, second, "exit_code", "1");
	batch_gone(w->h->batch, second);
	harness_settle(w->h);
	assert_int_equal(harness_events(w->h, "rank.ended"), 0);
}

static void what_a_process_says_of_itself_is_believed_once(void **state)
{
	struct world *w = *state;

	make_in_pod(w, 100, 1, "python3", "RANK=3");
	world_tick(w);
	make_in_pod(w, 100, 1, "ray::train", "RANK=1"); /* rewritten in place: same pid and start */
	for (int i = 0; i < 5; i++)
		world_tick(w);
	label_pod(w, "llama"); /* and looked at again */
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_PROCESS, "100/1100"), ENTITY_RANK),
			"pytorchjob:ml/llama/3");
	assert_int_equal(graph_find(w->h->graph, ENTITY_RANK, "pytorchjob:ml/llama/1"), ENTITY_NONE);
}

static void an_unreadable_environment_is_said(void **state)
{
	struct world *w = *state;
	char path[256];

	world_process(w, &(struct made){ .pid = 100, .ppid = 1, .start = 1000, .comm = "python3",
			.argv = { "python3", NULL },
					.env = { NULL } });
	(void)snprintf(path, sizeof(path), "%s/proc/100/environ", w->root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0); /* reading it fails, as it does without CAP_SYS_PTRACE */
	world_tick(w);
	entity_id id = world_made_by_others(w, "100/1000");
	assert_non_null(strstr(graph_attr(w->h->graph, id, "unresolved"), "environment of the process cannot be read"));
	/* One that has ended before anybody looked. */
	id = world_made_by_others(w, "300/3000");
	assert_non_null(strstr(graph_attr(w->h->graph, id, "unresolved"), "ended before"));
	/* One that was seen while it lived, and said nothing. */
	world_process(w, &(struct made){ .pid = 301, .ppid = 1, .start = 3001, .comm = "cron", .argv = { "cron", NULL },
					.env = { NULL } });
	world_tick(w);
	world_process_end(w, 301);
	assert_null(graph_attr(w->h->graph, world_made_by_others(w, "301/3001"), "unresolved"));
}

static void sources_that_disagree_are_told(void **state)
{
	struct world *w = *state;

	world_process(w, &(struct made){ .pid = 100, .ppid = 1, .start = 1000, .comm = "python3",
					.cgroup = "/system.slice/slurmstepd.scope/job_8/step_0/user/task_0",
					.argv = { "python3", "x.py", NULL },
					.env = { "SLURM_JOB_ID=7", "SLURM_PROCID=0", "SLURM_STEP_ID=0", NULL } });
	world_tick(w);
	const char *conflict = world_attr(w, ENTITY_PROCESS, "100/1000", "conflict");
	assert_non_null(strstr(conflict, "7"));
	assert_non_null(strstr(conflict, "8"));
}

/* /proc shows the child first when pids have come round. */
static void the_first_of_a_rank_is_its_main_process_in_any_order(void **state)
{
	struct world *w = *state;
	static const uint32_t pids[][2] = { { 50, 60 }, { 80, 70 } }; /* child, parent */

	for (size_t i = 0; i < 2; i++)
		for (size_t parent = 0; parent < 2; parent++) {
			struct made p = { .pid = pids[i][parent], .ppid = parent ? 1 : pids[i][1],
					.start = 1000 + 100 * (1 - parent),
					  .comm = "python3", .argv = { "python3", "x.py", NULL },
					  .env = { "WORLD_SIZE=2", "MASTER_ADDR=10.0.0.9", "TORCHELASTIC_RUN_ID=x",
						   i ? "RANK=1" : "RANK=0", NULL } };
			world_process(w, &p);
		}
	world_tick(w);
	assert_string_equal(world_attr(w, ENTITY_PROCESS, "60/1000", "role"), "rank");
	assert_string_equal(world_attr(w, ENTITY_PROCESS, "70/1000", "role"), "rank");
	for (int i = 0; i < 4; i++) /* long enough to be told of */
		world_tick(w);
	assert_string_equal(world_attr(w, ENTITY_PROCESS, "50/1100", "role"), "(none)");
	assert_string_equal(world_attr(w, ENTITY_PROCESS, "80/1100", "role"), "(none)");
	assert_string_equal(world_next(w->h, world_entity(w, ENTITY_PROCESS, "80/1100"), ENTITY_RANK), "torchrun:x/1");
	assert_true(harness_value(w->h, "job.members", ENTITY_JOB, "torchrun:x") == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(labels_that_come_later_move_a_process, world_open, world_close),
		cmocka_unit_test_setup_teardown(a_shell_opened_in_a_container_is_no_rank, world_open, world_close),
		cmocka_unit_test_setup_teardown(what_a_process_says_of_itself_is_believed_once, world_open, world_close),
		cmocka_unit_test_setup_teardown(an_unreadable_environment_is_said, world_open, world_close),
		cmocka_unit_test_setup_teardown(sources_that_disagree_are_told, world_open, world_close),
		cmocka_unit_test_setup_teardown(the_first_of_a_rank_is_its_main_process_in_any_order, world_open,
				world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
