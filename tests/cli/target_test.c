// SPDX-License-Identifier: Apache-2.0
#include "cli/target.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/query.h"
#include "tests/test.h"

static const struct {
	const char *words[3];
	enum entity_kind kind;
	const char *target, *node;
} good[] = {
	{ { NULL }, ENTITY_KIND_MAX, "", "" },
	{ { "node-17" }, ENTITY_KIND_MAX, "node-17", "" },
	{ { "node-17:0000:5e:00.0" }, ENTITY_KIND_MAX, "node-17:0000:5e:00.0", "" },
	{ { "fnd_abc" }, ENTITY_KIND_MAX, "fnd_abc", "" },
	{ { "finding", "fnd_abc" }, ENTITY_KIND_MAX, "fnd_abc", "" },
	{ { "node", "list" }, ENTITY_NODE, "list", "" },
	{ { "node" }, ENTITY_KIND_MAX, "node", "" },
	{ { "pod", "ml/train-0" }, ENTITY_POD, "ml/train-0", "" },
	{ { "pod", "node-17:ml/train-0" }, ENTITY_POD, "ml/train-0", "node-17" },
	{ { "job", "slurm:81734" }, ENTITY_JOB, "slurm:81734", "" },
	{ { "job", "llama-7b@node-17" }, ENTITY_JOB, "llama-7b", "node-17" },
	{ { "rank", "slurm:81734/19" }, ENTITY_RANK, "slurm:81734/19", "" },
	{ { "pid", "4242" }, ENTITY_PROCESS, "4242", "" },
	{ { "pid", "4242@node-17" }, ENTITY_PROCESS, "4242", "node-17" },
	{ { "process", "node-17:4242" }, ENTITY_PROCESS, "4242", "node-17" },
	{ { "cgroup", "/a/b" }, ENTITY_CGROUP, "/a/b", "" },
	{ { "/a/b" }, ENTITY_CGROUP, "/a/b", "" },
	{ { "cgroup", "/system.slice/getty@tty1.service" }, ENTITY_CGROUP, "/system.slice/getty@tty1.service", "" },
	{ { "cgroup", "/a:/b" }, ENTITY_CGROUP, "/a:/b", "" },
	{ { "cgroup", "node-17:/a/b" }, ENTITY_CGROUP, "/a/b", "node-17" },
	{ { "container", "3f4e5d6c7b8a" }, ENTITY_CONTAINER, "3f4e5d6c7b8a", "" },
	{ { "gpu", "3" }, ENTITY_GPU, "3", "" },
	{ { "gpu", "node-17:3" }, ENTITY_GPU, "3", "node-17" },
	{ { "gpu", "0000:5e:00.0" }, ENTITY_GPU, "0000:5e:00.0", "" },
	{ { "gpu", "00000000:5E:00.0" }, ENTITY_GPU, "00000000:5E:00.0", "" },
	{ { "gpu", "node-17:0000:5e:00.0" }, ENTITY_GPU, "0000:5e:00.0", "node-17" },
	{ { "gpu", "0000:5e:00.0@node-17" }, ENTITY_GPU, "0000:5e:00.0", "node-17" },
	{ { "nic", "node-17:eth0" }, ENTITY_NIC, "eth0", "node-17" },
	{ { "mount", "node-17:/data" }, ENTITY_MOUNT, "/data", "node-17" },
	{ { "link", "10.0.0.2:443@node-17" }, ENTITY_LINK, "10.0.0.2:443", "node-17" },
	{ { "socket", "tcp:0.0.0.0:29500" }, ENTITY_SOCKET, "tcp:0.0.0.0:29500", "" },
};

static size_t count(const char *const *words)
{
	size_t n = 0;

	while (n < 3 && words[n])
		n++;
	return n;
}

static void test_words_become_questions(void **state UNUSED)
{
	char error[512];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct query q = { .target_kind = ENTITY_NODE };

		if (target_parse(good[i].words, count(good[i].words), &q, error, sizeof(error)) != WHY_EXIT_OK)
			fail_msg("row %zu: %s", i, error);
		assert_int_equal(q.target_kind, good[i].kind);
		assert_string_equal(q.target, good[i].target);
		assert_string_equal(q.node, good[i].node);
	}
}

static const struct {
	const char *words[3];
	const char *says;
} bad[] = {
	{ { "pdo", "ml/x" }, "did you mean 'pod'?" },
	{ { "zzzzzzz", "x" }, "there are node, pod" },
	{ { "pod" }, "why pod ml/train-0" },
	{ { "gpu" }, "why gpu node-17:3" },
	{ { "" }, "empty" },
	{ { "pod", "a/b", "c" }, "'c' is a word too many" },
	{ { "gpu", "node-17:" }, "why gpu node-17:3" },
	{ { "gpu", ":3" }, "not whole" },
	{ { "pid", "4242@" }, "not whole" },
	{ { "pid", "@node-17" }, "not whole" },
	{ { "pod", "" }, "not whole" },
	{ { "\033[2J", "x" }, "'\\x1B[2J'" },
};

static void test_what_cannot_be_meant_is_said(void **state UNUSED)
{
	char error[512];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct query q = { 0 };

		assert_int_equal(target_parse(bad[i].words, count(bad[i].words), &q, error, sizeof(error)),
				 WHY_EXIT_USAGE);
		if (!strstr(error, bad[i].says))
			fail_msg("row %zu says: %s", i, error);
		assert_null(strchr(error, '\033'));
	}
}

static void test_too_long_is_refused_at_its_limit(void **state UNUSED)
{
	char word[600], error[512];
	struct query q = { 0 };
	const char *words[] = { "pod", word };

	memset(word, 'a', sizeof(word));
	word[GRAPH_MAX_KEY - 1] = '\0';
	assert_int_equal(target_parse(words, 2, &q, error, sizeof(error)), WHY_EXIT_OK);
	assert_int_equal(strlen(q.target), GRAPH_MAX_KEY - 1);
	word[GRAPH_MAX_KEY - 1] = 'a';
	word[GRAPH_MAX_KEY] = '\0';
	assert_int_equal(target_parse(words, 2, &q, error, sizeof(error)), WHY_EXIT_USAGE);
	assert_true(strlen(error) < 200);
	/* A node of 255 fits, of 256 does not. */
	word[GRAPH_MAX_KEY] = 'a';
	word[1] = '@';
	word[2 + 255] = '\0';
	assert_int_equal(target_parse(words, 2, &q, error, sizeof(error)), WHY_EXIT_OK);
	word[2 + 255] = 'a';
	word[2 + 256] = '\0';
	assert_int_equal(target_parse(words, 2, &q, error, sizeof(error)), WHY_EXIT_USAGE);
}

static void test_every_kind_word_is_understood(void **state UNUSED)
{
	size_t n;
	const char *const *kinds = target_kinds(&n);
	char error[512];

	assert_true(n >= 14);
	for (size_t i = 0; i < n; i++) {
		struct query q = { 0 };
		const char *words[] = { kinds[i], "/x" };

		assert_int_equal(target_parse(words, 2, &q, error, sizeof(error)), WHY_EXIT_OK);
		if (strcmp(kinds[i], "finding") != 0)
			assert_int_not_equal(q.target_kind, ENTITY_KIND_MAX);
	}
}

/* ---- query.c ---------------------------------------------------------------------------------------- */

static void test_options_become_part_of_the_question(void **state UNUSED)
{
	struct common c = { .node = "node-17", .cause = "gpu.*", .since_ns = 60 * NS_PER_S, .min_confidence = 0.7 };
	struct query q;
	char error[512];

	assert_int_equal(query_make(QUERY_LIST, &c, &q, error, sizeof(error)), WHY_EXIT_OK);
	assert_string_equal(q.node, "node-17");
	assert_string_equal(q.cause, "gpu.*");
	assert_true(q.since_ns == 60 * NS_PER_S && q.min_confidence == 0.7);
	assert_false(q.only_open);
	c = (struct common){ 0 };
	assert_int_equal(query_make(QUERY_LIST, &c, &q, error, sizeof(error)), WHY_EXIT_OK);
	assert_true(q.only_open && q.since_ns == 0);
	c.all = true;
	assert_int_equal(query_make(QUERY_LIST, &c, &q, error, sizeof(error)), WHY_EXIT_OK);
	assert_true(!q.only_open && q.since_ns == QUERY_EVER_NS);
	assert_true(QUERY_EVER_NS > 300ULL * 24 * 3600 * NS_PER_S);
}

static void test_a_name_too_long_is_refused(void **state UNUSED)
{
	char name[300];
	struct common c = { .node = name };
	struct query q;
	char error[512];

	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	assert_int_equal(query_make(QUERY_LIST, &c, &q, error, sizeof(error)), WHY_EXIT_USAGE);
	assert_non_null(strstr(error, "--node"));
	name[255] = '\0';
	assert_int_equal(query_make(QUERY_LIST, &c, &q, error, sizeof(error)), WHY_EXIT_OK);
	c = (struct common){ .cause = name };
	assert_int_equal(query_make(QUERY_LIST, &c, &q, error, sizeof(error)), WHY_EXIT_USAGE);
}

static void test_a_node_may_be_asked_by_word_or_option(void **state UNUSED)
{
	const char *words[] = { "node", "node-17" };
	struct common c = { 0 };
	struct query q;
	char error[512];

	for (size_t n = 1; n <= 2; n++) {
		assert_int_equal(query_make_node(QUERY_DOCTOR, &c, words + 2 - n, n, &q, error, sizeof(error)),
				 WHY_EXIT_OK);
		assert_string_equal(q.node, "node-17");
		assert_string_equal(q.target, "node-17");
		assert_int_equal(q.target_kind, ENTITY_NODE);
	}
	c.node = "node-18";
	assert_int_equal(query_make_node(QUERY_DOCTOR, &c, NULL, 0, &q, error, sizeof(error)), WHY_EXIT_OK);
	assert_string_equal(q.target, "node-18");
	words[0] = "a";
	assert_int_equal(query_make_node(QUERY_DOCTOR, &c, words, 2, &q, error, sizeof(error)), WHY_EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_become_questions),
		cmocka_unit_test(test_what_cannot_be_meant_is_said),
		cmocka_unit_test(test_too_long_is_refused_at_its_limit),
		cmocka_unit_test(test_every_kind_word_is_understood),
		cmocka_unit_test(test_options_become_part_of_the_question),
		cmocka_unit_test(test_a_name_too_long_is_refused),
		cmocka_unit_test(test_a_node_may_be_asked_by_word_or_option),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
