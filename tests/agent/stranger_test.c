/* SPDX-License-Identifier: Apache-2.0 */
/* Real processes of this machine that the graph does not hold: a child of a rank's process, a program that says itself
 * whose it is, nobody's. */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/stranger.h"
#include "base/cleanup.h"
#include "collectors/proc_facts.h"

static struct graph *graph;
static entity_id rank;
static int root = -1;

static entity_id make(enum entity_kind kind, const char *key)
{
	entity_id id = ENTITY_NONE;

	assert_ok(graph_entity(graph, kind, key, 1, &id));
	return id;
}

static int setup(void **state UNUSED)
{
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	assert_ok(graph_new(100, "node-1", &graph));
	rank = make(ENTITY_RANK, "torchrun:llama/3");
	assert_ok(graph_set_attr(graph, rank, "rank", "3"));
	assert_ok(graph_link(graph, EDGE_OF, rank, make(ENTITY_JOB, "torchrun:llama")));
	return 0;
}

static int teardown(void **state UNUSED)
{
	graph_free(&graph);
	(void)close(root);
	return 0;
}

/* A child that waits, with this environment (NULL: no exec at all). */
static pid_t start(const char *const *env)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (env)
			(void)execle("/bin/sleep", "sleep", "60", (char *)NULL, env);
		(void)close(ready[1]);
		(void)pause();
		_exit(1);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0); /* it has exec'd, or closed it */
	(void)close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static struct answer *ask(pid_t pid)
{
	struct answer *a = NULL;

	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	a->node = "node-1";
	assert_ok(stranger_tell(graph, root, (uint32_t)pid, a));
	return a;
}

static const struct answer_who *who_is(const struct answer *a, const char *role, enum entity_kind kind)
{
	for (size_t i = 0; i < a->n_who; i++)
		if (strcmp(a->who[i].role, role) == 0 && a->who[i].kind == kind)
			return &a->who[i];
	return NULL;
}

static void follow_this_process(void)
{
	AUTO_CLOSE int fd = -1;
	struct proc_stat stat;
	char key[64];

	assert_ok(proc_facts_open(root, (uint32_t)getpid(), &fd));
	assert_ok(proc_facts_stat(fd, &stat));
	(void)snprintf(key, sizeof(key), "%u/%" PRIu64, stat.pid, stat.start_ticks);
	assert_ok(graph_link(graph, EDGE_OF, make(ENTITY_PROCESS, key), rank));
}

static void a_child_is_of_its_parents_rank(void **state UNUSED)
{
	follow_this_process();
	pid_t pid = start(NULL);
	AUTO(answer_free) struct answer *a = ask(pid);
	const struct answer_who *of = who_is(a, "of", ENTITY_RANK), *self = who_is(a, "self", ENTITY_PROCESS);
	char begin[32];

	end(pid);
	assert_non_null(of);
	assert_string_equal(of->id, "torchrun:llama/3");
	assert_non_null(who_is(a, "of", ENTITY_JOB));
	assert_non_null(self);
	assert_non_null(strstr(self->text, "rank 3 of job torchrun:llama"));
	(void)snprintf(begin, sizeof(begin), "%d/", pid);
	assert_int_equal(strncmp(self->id, begin, strlen(begin)), 0);
}

static void a_program_is_believed_by_its_own_environment(void **state UNUSED)
{
	static const char *const env[] = { "TORCHELASTIC_RUN_ID=llama", "RANK=3", "WORLD_SIZE=4",
					   "LOCAL_RANK=3", "SECRET_TOKEN=hunter2", NULL };
	pid_t pid = start(env);
	AUTO(answer_free) struct answer *a = ask(pid);
	const struct answer_who *of = who_is(a, "of", ENTITY_RANK);

	end(pid);
	assert_non_null(of);
	assert_string_equal(of->id, "torchrun:llama/3");
	for (size_t i = 0; i < a->n_who; i++)
		for (size_t k = 0; k < a->who[i].n_attrs; k++)
			assert_null(strstr(a->who[i].attrs[k].value, "hunter2"));
}

static void nobodys_process_is_said_to_be_so(void **state UNUSED)
{
	static const char *const env[] = { "PATH=/bin", NULL };
	pid_t pid = start(env);
	AUTO(answer_free) struct answer *a = ask(pid);
	const struct answer_who *self = who_is(a, "self", ENTITY_PROCESS);

	end(pid);
	assert_non_null(self);
	assert_null(who_is(a, "of", ENTITY_RANK));
	assert_null(who_is(a, "of", ENTITY_JOB));
	assert_non_null(strstr(self->text, "of no container, pod or job"));
}

static void one_that_has_ended_is_an_error(void **state UNUSED)
{
	pid_t pid = start(NULL);
	AUTO(answer_free) struct answer *a = NULL;

	end(pid);
	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	int r = stranger_tell(graph, root, (uint32_t)pid, a);
	assert_true(r == -ESRCH || r == -ENOENT);
	assert_int_equal(a->n_who, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_child_is_of_its_parents_rank, setup, teardown),
		cmocka_unit_test_setup_teardown(a_program_is_believed_by_its_own_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(nobodys_process_is_said_to_be_so, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_has_ended_is_an_error, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
