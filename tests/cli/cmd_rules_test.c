// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/offline.h"
#include "tests/cli/child.h"
#include "tests/cli/sample.h"
#include "tests/test.h"

#define HEAD "rules: why/v1\npack: { name: team, version: 1.0.0 }\ncauses:\n"
#define CAUSE(id, metric)                                                                                        \
	"  " id ":\n    title: \"load on {node.name}\"\n    scope: node\n    trigger: " metric " > 0.9\n"        \
	"    requires: [{ id: idle, when: \"" metric " > 0.9\", show: \"idle {value}\" }]\n"                     \
	"    confidence: { prior: 0.9, report_at: 0.5 }\n    severity: warning\n    hold: { clear_after: 1m }\n" \
	"    remedy: { action: none }\n"
#define GOOD HEAD CAUSE("team.good", "node.cpu.idle_ratio")
#define BAD  HEAD CAUSE("team.good", "node.cpu.idle_ratio") CAUSE("team.bad", "node.cpu.idel_ratio")
#define TEST(name, value)                                                                                 \
	"tests:\n  - name: " name "\n    entities: { node: { m1: {} } }\n"                                \
	"    series: [{ target: m1, metric: node.cpu.idle_ratio, values: \"" value "x5\", every: 1s }]\n" \
	"    expect: [{ at: 4s, finding: team.good, target: m1 }]\n"

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

static const char *write_rules(const char *name, const char *text)
{
	return child_write(name, text, strlen(text));
}

static void test_good_rules(void **state UNUSED)
{
	const struct child_result *r = child_why("rules", "check", write_rules("a.why.yaml", GOOD));

	assert_int_equal(r->status, 0);
	assert_int_equal(strncmp(r->out, "0 rules rejected, 1 loaded (digest ", 35), 0);
}

static void test_an_error_with_its_place_and_what_was_meant(void **state UNUSED)
{
	const char *path = write_rules("a.why.yaml", BAD);
	const struct child_result *r = child_why("rules", "check", path);
	char place[256];

	assert_int_equal(r->status, 65);
	snprintf(place, sizeof(place), "%s:16:14: error[", path);
	assert_int_equal(strncmp(r->out, place, strlen(place)), 0);
	assert_non_null(strstr(r->out, "node.cpu.idel_ratio"));
	assert_non_null(strstr(r->out, "did you mean 'node.cpu.idle_ratio'?"));
	assert_non_null(strstr(r->out, "\n1 rule rejected, 1 loaded (digest "));
}

static void test_a_folder_reads_its_packs_only(void **state UNUSED)
{
	(void)write_rules("a.why.yaml", GOOD);
	(void)write_rules("notes.txt", BAD);
	assert_int_equal(child_why("rules", "check", run_dir)->status, 0);
	(void)write_rules("b.why.yaml",
			  "rules: why/v1\npack: { name: b, version: 1.0.0 }\ncauses:\n" CAUSE("b.bad", "no.such"));
	assert_int_equal(child_why("rules", "check", run_dir)->status, 65);
}

static void test_reports_for_programs(void **state UNUSED)
{
	const char *path = write_rules("a.why.yaml", BAD);
	const struct child_result *r = child_why("rules", "check", "-o", "json", path);
	json_t *root = json_loads(r->out, JSON_REJECT_DUPLICATES, NULL);

	assert_int_equal(r->status, 65);
	assert_non_null(root);
	assert_int_equal(json_integer_value(json_object_get(root, "rejected")), 1);
	const json_t *d = json_array_get(json_object_get(root, "diagnostics"), 0);
	assert_string_equal(json_string_value(json_object_get(d, "rule")), "team.bad");
	assert_int_equal(json_integer_value(json_object_get(d, "line")), 16);
	json_decref(root);

	r = child_why("rules", "check", "-o", "sarif", path);
	root = json_loads(r->out, 0, NULL);
	assert_int_equal(r->status, 65);
	assert_string_equal(json_string_value(json_object_get(root, "version")), "2.1.0");
	json_decref(root);
	assert_int_equal(child_why("rules", "list", "-o", "sarif")->status, 64);
}

static void test_files_that_are_not_there(void **state UNUSED)
{
	const struct child_result *r = child_why("rules", "check", "/nonexistent/a.why.yaml");

	assert_int_equal(r->status, 66);
	assert_non_null(strstr(r->err, "/nonexistent/a.why.yaml: No such file"));
	r = child_why("rules", "check", run_dir);
	assert_int_equal(r->status, 66);
	assert_non_null(strstr(r->err, "there is no *.why.yaml"));
	assert_int_equal(child_why("rules", "check")->status, 64);
	assert_int_equal(child_why("rules", "test")->status, 64);
}

static void test_a_file_too_large_is_not_read(void **state UNUSED)
{
	const char *path = write_rules("a.why.yaml", GOOD);

	assert_int_equal(truncate(path, OFFLINE_MAX_BYTES + 1), 0);
	const struct child_result *r = child_why("rules", "check", path);
	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->err, "larger than 4 MiB"));
}

static void test_tests_that_pass_and_fail(void **state UNUSED)
{
	const struct child_result *r =
		child_why("rules", "test", write_rules("a.why.yaml", GOOD TEST("it fires", "0.95")));

	assert_string_equal(r->out, "1 passed, 0 failed\n");
	assert_int_equal(r->status, 0);
	r = child_why("rules", "test", write_rules("a.why.yaml", GOOD TEST("it does not fire", "0.5")));
	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->out, "a.why.yaml:"));
	assert_non_null(strstr(r->out, "it does not fire"));
	assert_non_null(strstr(r->out, "0 passed, 1 failed\n"));
	r = child_why("rules", "test", write_rules("a.why.yaml", GOOD));
	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->err, "no tests"));
	r = child_why("rules", "test", write_rules("a.why.yaml", BAD TEST("x", "0.95")));
	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->out, "1 rule rejected"));
}

static void test_coverage(void **state UNUSED)
{
	const struct child_result *r =
		child_why("rules", "test", "--coverage", write_rules("a.why.yaml", GOOD TEST("it fires", "0.95")));

	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->out, "team.good: requires 'idle' was never seen false\n"));
	assert_non_null(strstr(r->out, "1 evidence item not seen both true and false\n1 passed, 0 failed\n"));
	r = child_why("rules", "test", "--coverage", "-o", "json",
		      write_rules("a.why.yaml", GOOD TEST("it fires", "0.95 0.5 0.5 0.95")));
	json_t *root = json_loads(r->out, 0, NULL);
	assert_non_null(root);
	assert_int_equal(json_integer_value(json_object_get(root, "passed")), 1);
	json_decref(root);
	assert_int_equal(child_why("rules", "check", "--coverage", "x")->status, 64);
}

static void test_metrics_need_no_agent(void **state UNUSED)
{
	const struct child_result *r = child_why("rules", "metrics", "-o", "json");
	json_t *root = json_loads(r->out, 0, NULL);
	size_t i;
	const json_t *item;
	bool found = false;

	assert_int_equal(r->status, 0);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "kind")), "MetricList");
	json_array_foreach (json_object_get(root, "items"), i, item)
		found |= strcmp(json_string_value(json_object_get(item, "what")), "node.cpu.idle_ratio") == 0;
	assert_true(found);
	assert_true(json_array_size(json_object_get(root, "items")) > 100);
	json_decref(root);
	assert_non_null(strstr(child_why("rules", "metrics")->out, "node.cpu.idle_ratio "));
	assert_int_equal(child_why("rules", "metrics", "x")->status, 64);
}

static void rules(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	*answer_add_line(a) = (struct answer_line){ .what = "gpu.fell_off_bus",
						    .status = "enabled",
						    .subject = "gpu",
						    .text = "cause of pack hardware",
						    .severity = SEVERITY_CRITICAL };
	*answer_add_line(a) = (struct answer_line){ .what = "team.new",
						    .status = "shadow",
						    .subject = "node",
						    .text = "cause of pack team",
						    .severity = SEVERITY_WARNING };
	*answer_add_line(a) = (struct answer_line){
		.what = "team.bad",
		.status = "rejected",
		.severity = SEVERITY_WARNING,
		.text = "/etc/why/rules.d/team.why.yaml:16:14: error[E203] unknown metric 'node.cpu.idel_ratio'"
	};
}

static void test_a_list_begins_with_what_was_rejected(void **state UNUSED)
{
	fake_agent_start(rules);
	const struct child_result *r = child_why("rules", "list", "--run", run_dir);
	assert_int_equal(fake_agent_asked()->kind, QUERY_RULES);
	fake_agent_stop();
	assert_int_equal(r->status, 0);
	assert_string_equal(r->out,
			    "rejected team.bad\n"
			    "  /etc/why/rules.d/team.why.yaml:16:14: error[E203] unknown metric 'node.cpu.idel_ratio'\n"
			    "\n"
			    "MODE     SEVERITY  ABOUT  RULE              WHAT\n"
			    "enabled  critical  gpu    gpu.fell_off_bus  cause of pack hardware\n"
			    "shadow   warning   node   team.new          cause of pack team\n"
			    "\n"
			    "1 enabled, 1 shadow, 0 disabled, 1 error (digest 9f3c1a77)\n");
}

static void reloaded(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	a->message = "29 causes and 3 symptoms in force, 0 rejected";
}

static void refused(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	a->status = ANSWER_DENIED;
	a->message = "only root may reload the rules";
}

static void test_reload(void **state UNUSED)
{
	fake_agent_start(reloaded);
	const struct child_result *r = child_why("rules", "reload", "--run", run_dir);
	assert_int_equal(fake_agent_asked()->kind, QUERY_RELOAD);
	fake_agent_stop();
	assert_int_equal(r->status, 0);
	assert_string_equal(r->out, "29 causes and 3 symptoms in force, 0 rejected\n");
	fake_agent_start(refused);
	r = child_why("rules", "reload", "--run", run_dir);
	fake_agent_stop();
	assert_int_equal(r->status, 77);
}

static void test_a_schema_for_editors(void **state UNUSED)
{
	const struct child_result *r = child_why("rules", "schema");
	json_t *root = json_loads(r->out, JSON_REJECT_DUPLICATES, NULL);
	const json_t *defs = json_object_get(root, "$defs");

	assert_int_equal(r->status, 0);
	assert_string_equal(json_string_value(json_object_get(root, "$ref")), "#/$defs/file");
	assert_non_null(json_object_get(json_object_get(json_object_get(defs, "cause"), "properties"), "trigger"));
	json_decref(root);
	assert_int_equal(child_why("rules", "schema", "x")->status, 64);
}

static void test_verbs_that_are_none(void **state UNUSED)
{
	const struct child_result *r = child_why("rules", "chekc");

	assert_int_equal(r->status, 64);
	assert_non_null(strstr(r->err, "did you mean 'check'?"));
	assert_non_null(strstr(child_why("rules", "zzzzzzz")->err, "there are check, test, list, metrics, reload, schema"));
	assert_int_equal(child_why("rules")->status, 64);
}

/* The packs of this tree are good, and their tests pass with the program that people run. */
static void test_the_catalog(void **state UNUSED)
{
	const struct child_result *r = child_why("rules", "check", "rules/catalog");

	assert_int_equal(r->status, 0);
	assert_null(strstr(r->out, "error["));
	r = child_why("rules", "test", "rules/catalog");
	assert_int_equal(r->status, 0);
	assert_non_null(strstr(r->out, " passed, 0 failed"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_good_rules),
		T(test_an_error_with_its_place_and_what_was_meant),
		T(test_a_folder_reads_its_packs_only),
		T(test_reports_for_programs),
		T(test_files_that_are_not_there),
		T(test_a_file_too_large_is_not_read),
		T(test_tests_that_pass_and_fail),
		T(test_coverage),
		T(test_metrics_need_no_agent),
		T(test_a_list_begins_with_what_was_rejected),
		T(test_reload),
		T(test_a_schema_for_editors),
		T(test_verbs_that_are_none),
		T(test_the_catalog),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
