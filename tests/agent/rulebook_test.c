/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/agent/stage.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/collecting.h"
#include "agent/rulebook.h"
#include "base/cleanup.h"
#include "base/log.h"

struct book {
	struct stage stage; /* for its folders */
	struct loop *loop;
	struct metrics *metrics;
	struct rulebook *rulebook;
	struct ruleset *now;
	bool refuse;        /* leave a new ruleset lying */
	bool runs;          /* the loop does: end it at the next reading */
	unsigned loads;
	size_t n_diags;
};

static const struct ruleset *current(void *arg)
{
	return ((struct book *)arg)->now;
}

static void on_rules(void *arg, struct ruleset **ruleset, const struct diags *diags, mono_ns_t now)
{
	struct book *b = arg;
	(void)now;
	b->loads++;
	b->n_diags = diags_total(diags);
	if (!b->refuse) {
		ruleset_free(&b->now);
		b->now = TAKE_PTR(*ruleset);
	}
	if (b->runs)
		loop_exit(b->loop, 0);
}

static void on_too_long(void *arg, mono_ns_t now)
{
	(void)now;
	loop_exit(arg, 1);
}

static int set_up(void **state)
{
	struct book *b = calloc(1, sizeof(*b));
	uint32_t first[COLLECTING_MAX];
	struct loop_source *timer;
	assert_non_null(b);
	log_set_level(LOG_LEVEL_ERROR);
	stage_open(&b->stage);
	assert_ok(loop_new(&b->loop));
	assert_ok(loop_add_timer(b->loop, LOOP_EXPORT, "too long", on_too_long, b->loop, &timer));
	assert_ok(loop_timer_set(timer, loop_now(b->loop) + 20 * NS_PER_S, 0));
	assert_ok(metrics_new(&b->metrics));
	assert_ok(collectors_register(b->metrics, first, COLLECTING_MAX));
	assert_ok(rulebook_open(b->loop, &b->stage.settings.rules, b->metrics, current, on_rules, b, &b->rulebook));
	assert_null(rulebook_diags(b->rulebook));
	assert_ok(rulebook_load(b->rulebook, 1));
	assert_int_equal(b->loads, 1);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct book *b = *state;
	rulebook_close(&b->rulebook);
	ruleset_free(&b->now);
	metrics_free(&b->metrics);
	loop_free(&b->loop);
	stage_close(&b->stage);
	free(b);
	return 0;
}

static void run_until_read(struct book *b)
{
	b->runs = true;
	assert_int_equal(loop_run(b->loop), 0);
}

static const char mine[] =
	"rules: why/v1\n"
	"pack: { name: mine, version: 1.0.0 }\n"
	"causes:\n"
	"  mine.level:\n"
	"    title: \"much memory\"\n"
	"    scope: node\n"
	"    trigger: whyd.memory > 1B\n"
	"    requires: [{ id: m, when: \"whyd.memory > 1B\", show: \"{whyd.memory}\" }]\n"
	"    confidence: { prior: 0.9, report_at: 0.5 }\n"
	"    severity: info\n"
	"    hold: { clear_after: 1m }\n"
	"    remedy: { action: none, text: \"Nothing.\" }\n";

static const char broken[] =
	"rules: why/v1\n"
	"pack: { name: mine, version: 1.0.1 }\n"
	"causes:\n"
	"  mine.level:\n"
	"    title: \"much memory\"\n"
	"    scope: node\n"
	"    trigger: no.such.metric > 1\n"
	"    severity: info\n";

static void test_new_file_is_read_by_itself(void **state)
{
	struct book *b = *state;
	assert_non_null(ruleset_cause(b->now, "lab.xid"));
	assert_null(ruleset_cause(b->now, "mine.level"));
	stage_rule_file(&b->stage, "mine.why.yaml", mine);
	run_until_read(b);
	assert_non_null(ruleset_cause(b->now, "mine.level"));
	assert_non_null(ruleset_cause(b->now, "lab.xid"));
}

static void test_many_changes_at_once_are_one_reading(void **state)
{
	struct book *b = *state;
	for (unsigned i = 0; i < 20; i++) {
		char name[32];
		snprintf(name, sizeof(name), "mine%u.why.yaml", i);
		stage_rule_file(&b->stage, name, i ? "rules: why/v1\npack: { name: empty, version: 1.0.0 }\n" : mine);
	}
	run_until_read(b);
	assert_int_equal(b->loads, 2);
	assert_non_null(ruleset_cause(b->now, "mine.level"));
}

static void test_broken_file_keeps_its_last_good_version(void **state)
{
	struct book *b = *state;
	stage_rule_file(&b->stage, "mine.why.yaml", mine);
	assert_ok(rulebook_load(b->rulebook, 2));
	stage_rule_file(&b->stage, "mine.why.yaml", broken);
	assert_ok(rulebook_load(b->rulebook, 3));
	const struct cause_rule *kept = ruleset_cause(b->now, "mine.level");
	assert_non_null(kept);
	assert_true(kept->kept);
	assert_true(b->n_diags > 0);
	const struct diags *diags = rulebook_diags(b->rulebook);
	assert_non_null(diags);
	bool error = false;
	for (size_t i = 0; i < diags_total(diags); i++)
		error |= diags_at(diags, i) && diags_at(diags, i)->severity == DIAG_ERROR;
	assert_true(error);
	/* Mended, it is as any other. */
	stage_rule_file(&b->stage, "mine.why.yaml", mine);
	assert_ok(rulebook_load(b->rulebook, 4));
	assert_false(ruleset_cause(b->now, "mine.level")->kept);
}

static void test_ruleset_nobody_takes_is_freed_and_the_old_one_stays(void **state)
{
	struct book *b = *state;
	const struct ruleset *before = b->now;
	b->refuse = true;
	stage_rule_file(&b->stage, "mine.why.yaml", mine);
	assert_ok(rulebook_load(b->rulebook, 2));
	assert_ptr_equal(b->now, before);
}

static void test_removed_file_takes_its_rules_with_it(void **state)
{
	struct book *b = *state;
	char path[256];
	stage_rule_file(&b->stage, "mine.why.yaml", mine);
	assert_ok(rulebook_load(b->rulebook, 2));
	snprintf(path, sizeof(path), "%s/mine.why.yaml", b->stage.rules);
	assert_ok(unlink(path));
	run_until_read(b);
	assert_null(ruleset_cause(b->now, "mine.level"));
	assert_non_null(ruleset_cause(b->now, "lab.xid"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_file_is_read_by_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_changes_at_once_are_one_reading, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken_file_keeps_its_last_good_version, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ruleset_nobody_takes_is_freed_and_the_old_one_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_removed_file_takes_its_rules_with_it, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
