/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "collectors/process.h"

static void a_key_is_pid_and_start_in_ticks(void **state)
{
	char key[PROCESS_KEY_MAX];
	uint64_t start;
	uint32_t pid;

	(void)state;
	process_key(4242, 12345678901ULL, 100, key);
	assert_string_equal(key, "4242/1234");
	assert_ok(process_key_parse(key, &pid, &start));
	assert_int_equal(pid, 4242);
	assert_int_equal(start, 1234);
	process_key(UINT32_MAX, UINT64_MAX, 1000, key);
	assert_true(strlen(key) < PROCESS_KEY_MAX - 1);
}

static void junk_is_no_key(void **state)
{
	static const char *const junk[] = { "", "/", "1", "1/", "/1", "a/1", "1/a", "1/2/3", "-1/5", "99999999999/1",
					    "123456789012345678901234/1" };
	uint64_t start = 7;
	uint32_t pid = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(junk); i++)
		assert_err(process_key_parse(junk[i], &pid, &start), EINVAL);
	assert_int_equal(pid, 7);
	assert_int_equal(start, 7);
}

static void a_hostile_name_is_escaped(void **state)
{
	static const char hostile[16] = { '\x1b', '[', '3', '1', 'm', '\n', '\xff', '\xfe',
					  'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' }; /* no NUL */
	char comm[PROCESS_COMM_MAX];

	(void)state;
	process_comm(hostile, comm);
	assert_null(strchr(comm, '\x1b'));
	assert_null(strchr(comm, '\n'));
	assert_non_null(strstr(comm, "abcdefgh"));
	assert_true(text_is_utf8(comm, strlen(comm)));
}

static void an_entity_has_its_attributes_and_place(void **state)
{
	AUTO(graph_free) struct graph *graph = NULL;
	AUTO(batch_free) struct batch *b = NULL;
	struct kernel_cgroup k = { .tree = NULL, .paths_fd = -1 };
	struct process_seen p = { .pid = 7, .ppid = 3, .uid = 1000, .start_ns = 5 * NS_PER_S, .comm = "python3" };
	entity_id node;

	(void)state;
	assert_ok(graph_new(16, "n", &graph));
	assert_ok(batch_new(graph, 16, 16, 64, &b));
	entity_id id = process_entity(&p, 100, &k, b);
	assert_int_equal(id, graph_find(graph, ENTITY_PROCESS, "7/500"));
	assert_string_equal(graph_attr(graph, id, "pid"), "7");
	assert_string_equal(graph_attr(graph, id, "ppid"), "3");
	assert_string_equal(graph_attr(graph, id, "uid"), "1000");
	assert_string_equal(graph_attr(graph, id, "comm"), "python3");
	assert_int_equal(graph_neighbours(graph, id, false, ENTITY_NODE, &node, 1), 1);
	/* Seen again: nothing more to journal, unless it has another name now. */
	size_t ops = b->n_ops;
	assert_int_equal(process_entity(&p, 100, &k, b), id);
	assert_int_equal(b->n_ops, ops);
	p.comm = "train";
	assert_int_equal(process_entity(&p, 100, &k, b), id);
	assert_string_equal(graph_attr(graph, id, "comm"), "train");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_pid_and_start_in_ticks),
		cmocka_unit_test(junk_is_no_key),
		cmocka_unit_test(a_hostile_name_is_escaped),
		cmocka_unit_test(an_entity_has_its_attributes_and_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
