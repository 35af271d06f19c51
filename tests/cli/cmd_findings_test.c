// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/cli/child.h"
#include "tests/cli/sample.h"
#include "tests/test.h"

static const char *run_dir;

static int setup(void **state UNUSED)
{
	run_dir = child_folder();
	return 0;
}

static int teardown(void **state UNUSED)
{
	child_folder_remove();
	return 0;
}

/* Three pages of two, the last of one. */
static void paged(const struct query *q, struct answer *a)
{
	int page = q->cursor[0] ? q->cursor[0] - '0' : 0;
	char suffix[16];

	sample_head(a);
	for (int i = 0; i < (page == 2 ? 1 : 2); i++) {
		snprintf(suffix, sizeof(suffix), "p%di%d", page, i);
		sample_cause(a, suffix, suffix, page == 2 ? SEVERITY_CRITICAL : SEVERITY_WARNING);
	}
	if (page < 2)
		snprintf(a->next_cursor, sizeof(a->next_cursor), "%d", page + 1);
}

static void stuck(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	sample_gpu(a);
	snprintf(a->next_cursor, sizeof(a->next_cursor), "same");
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void test_every_line_is_a_finding_of_all_pages(void **state UNUSED)
{
	static const char *const ids[] = { "fnd_p0i0", "fnd_p0i1", "fnd_p1i0", "fnd_p1i1", "fnd_p2i0" };
	size_t n = 0;

	fake_agent_start(paged);
	const struct child_result *r = child_why("findings", "-o", "jsonl", "--run", run_dir);
	assert_int_equal(fake_agent_count(), 3);
	fake_agent_stop();
	assert_int_equal(r->status, 2); /* the worst of all pages */
	for (const char *line = r->out; *line; line = strchr(line, '\n') + 1, n++) {
		json_t *f = json_loadb(line, strcspn(line, "\n"), JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(f);
		assert_true(n < ARRAY_LEN(ids));
		assert_string_equal(json_string_value(json_object_get(f, "id")), ids[n]);
		assert_string_equal(json_string_value(json_object_get(f, "apiVersion")), "why/v1");
		json_decref(f);
	}
	assert_int_equal(n, ARRAY_LEN(ids));
}

static void test_a_cursor_that_does_not_move_ends_it(void **state UNUSED)
{
	fake_agent_start(stuck);
	const struct child_result *r = child_why("findings", "-o", "jsonl", "--run", run_dir);
	assert_int_equal(fake_agent_count(), 2);
	fake_agent_stop();
	assert_int_equal(r->status, 2);
}

static void test_json_is_one_page_that_says_so(void **state UNUSED)
{
	fake_agent_start(paged);
	const struct child_result *r = child_why("findings", "-o", "json", "--run", run_dir);
	assert_int_equal(fake_agent_count(), 1);
	fake_agent_stop();
	json_t *root = json_loads(r->out, 0, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "kind")), "FindingList");
	assert_int_equal(json_array_size(json_object_get(root, "findings")), 2);
	assert_string_equal(json_string_value(json_object_get(root, "next_cursor")), "1");
	json_decref(root);
}

static void test_filters_go_into_the_question(void **state UNUSED)
{
	fake_agent_start(stuck);
	(void)child_why("findings", "--cause", "gpu.*", "--node", "node-17", "--since", "10m", "--run", run_dir);
	const struct query *q = fake_agent_asked();
	assert_int_equal(q->kind, QUERY_LIST);
	assert_string_equal(q->cause, "gpu.*");
	assert_string_equal(q->node, "node-17");
	assert_true(q->since_ns == 600 * NS_PER_S && !q->only_open);
	fake_agent_stop();
}

static unsigned turn; /* of the agent's process */

/* What changes: first one, then the same, then its next revision and a resolved one, then the agent refuses, which ends
 * the watch. */
static void changing(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	struct finding *f = sample_gpu(a);

	if (++turn >= 3) {
		f->revision = 2;
		f->state = FINDING_UPDATED;
		sample_resolved(a);
	}
	if (turn >= 4)
		a->status = ANSWER_DENIED;
}

static void test_a_watch_tells_changes_once(void **state UNUSED)
{
	turn = 0;
	fake_agent_start(changing);
	const struct child_result *r = child_why("findings", "--watch", "--run", run_dir);
	fake_agent_stop();
	assert_int_equal(r->status, 77);
	assert_int_equal(count_lines(r->out), 3);
	/* The day depends on when this runs, so what stands behind the time is compared. */
	static const char *const lines[] = {
		"10:42:11  critical  open      node-17  gpu.fell_off_bus: GPU 3 fell off the PCIe bus  (GPU 3; fnd_gpu0",
		"10:42:11  critical  updated   node-17  gpu.fell_off_bus: GPU 3 fell off the PCIe bus  (GPU 3; fnd_gpu0",
		"10:45:15  critical  resolved  node-17  mem.cgroup_oom: The cgroup hit its limit  (node-17; "
		"fnd_resolved0",
	};
	const char *line = r->out;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++, line = strchr(line, '\n') + 1) {
		const char *at = strstr(line, lines[i]);

		assert_non_null(at);
		assert_true(at < strchr(line, '\n'));
	}
}

static void test_a_watch_in_json_is_a_line_a_change(void **state UNUSED)
{
	turn = 0;
	fake_agent_start(changing);
	const struct child_result *r = child_why("findings", "--watch", "-o", "jsonl", "--run", run_dir);
	fake_agent_stop();
	/* Three changes, and the refusal, which is JSON too. */
	assert_int_equal(count_lines(r->out), 4);
	assert_non_null(strstr(r->out, "\"revision\":2"));
}

static void past(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	sample_resolved(a);
	if (++turn >= 2)
		a->status = ANSWER_DENIED;
}

static void test_a_watch_begins_with_what_is_open(void **state UNUSED)
{
	turn = 0;
	fake_agent_start(past);
	assert_string_equal(child_why("findings", "--watch", "--run", run_dir)->out, "");
	fake_agent_stop();
	turn = 0;
	fake_agent_start(past);
	assert_int_equal(count_lines(child_why("findings", "--watch", "--since", "1h", "--run", run_dir)->out), 1);
	fake_agent_stop();
}

static void nothing(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
}

static void test_a_target_as_an_option(void **state UNUSED)
{
	fake_agent_start(nothing);
	assert_int_equal(child_why("findings", "--job", "llama", "--cause", "gpu.*", "--run", run_dir)->status, 0);
	assert_int_equal(fake_agent_asked()->target_kind, ENTITY_JOB);
	assert_string_equal(fake_agent_asked()->target, "llama");
	assert_string_equal(fake_agent_asked()->cause, "gpu.*");
	assert_int_equal(child_why("list", "--rank", "81734:3", "--run", run_dir)->status, 0);
	assert_int_equal(fake_agent_asked()->target_kind, ENTITY_RANK);
	assert_string_equal(fake_agent_asked()->target, "81734:3");
	assert_int_equal(child_why("findings", "--pod", "ml/llama-0", "--run", run_dir)->status, 0);
	assert_int_equal(fake_agent_asked()->target_kind, ENTITY_POD);
	fake_agent_stop();
	assert_int_equal(child_why("findings", "--pod", "a", "--job", "b", "--run", run_dir)->status, 64);
	assert_int_equal(child_why("findings", "pod", "a", "--job", "b", "--run", run_dir)->status, 64);
	assert_int_equal(child_why("fleet", "--job", "b", "--run", run_dir)->status, 64);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_every_line_is_a_finding_of_all_pages), T(test_a_cursor_that_does_not_move_ends_it),
		T(test_json_is_one_page_that_says_so),        T(test_filters_go_into_the_question),
		T(test_a_watch_tells_changes_once),           T(test_a_watch_in_json_is_a_line_a_change),
		T(test_a_watch_begins_with_what_is_open),     T(test_a_target_as_an_option),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
