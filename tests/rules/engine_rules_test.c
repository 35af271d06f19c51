// SPDX-License-Identifier: Apache-2.0
/* Rules that come and go under a running engine, and findings that outlive it. */
#include "rules/engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/rules/scene.h"
#include "tests/test.h"

#define HEAD "rules: why/v1\npack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\n"

/* One cause on a GPU's temperature; `more` and `tail` are put in. */
#define HOT(level, more, tail) \
	HEAD "causes:\n" \
	     "  gpu.hot:\n" \
	     "    title: \"GPU at {gpu.temperature}\"\n" \
	     "    scope: gpu\n" \
	     "    trigger: gpu.temperature > " level "\n" \
	     "    requires: [{ id: hot, when: \"gpu.temperature > " level "\", show: \"{value}\" }]\n" \
	     "    confidence: { prior: 0.9, report_at: 0.5 }\n" \
	     "    severity: warning\n" \
	     "    hold: { clear_after: 5s" more " }\n" tail

static entity_id hot_gpu(struct scene *s, double celsius)
{
	entity_id gpu = scene_entity(s, ENTITY_GPU, "0000:01:00.0");

	scene_sample(s, "gpu.temperature", gpu, celsius);
	scene_tick(s, NS_PER_S);
	return gpu;
}

static void swap_rules(struct scene *s, const char *rules)
{
	pack_load(&s->pack, rules);
	if (diags_count(s->pack.diags, DIAG_ERROR) > 0)
		pack_expect(&s->pack, "no errors"); /* prints them */
	assert_ok(engine_use(s->engine, &s->pack.ruleset, s->now));
}

static void test_swap_keeps_what_has_not_changed(void **state)
{
	static const char other[] = HOT(
		"90", "",
		"  gpu.cold:\n    title: \"cold\"\n    scope: gpu\n"
		"    trigger: gpu.temperature < 5\n    requires: [{ id: cold, "
		"when: gpu.temperature < 5 }]\n    confidence: { prior: 0.9, report_at: 0.5 }\n"
		"    severity: info\n    hold: { clear_after: 5s }\n");
	struct scene s;

	(void)state;
	scene_open(&s, HOT("90", "", ""), 0);
	hot_gpu(&s, 95);
	assert_int_equal(s.n_said, 1);
	swap_rules(&s, other);
	hot_gpu(&s, 96);
	assert_int_equal(s.n_said, 1); /* nothing new, nothing lost */
	for (unsigned i = 0; i < 6; i++)
		hot_gpu(&s, 50);
	assert_int_equal(s.n_said, 2);
	assert_int_equal(s.said[1]->state, FINDING_RESOLVED);
	assert_string_equal(s.said[1]->id, s.said[0]->id);
	scene_close(&s);
}

static void test_a_changed_rule_keeps_its_open_finding(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, HOT("90", "", ""), 0);
	hot_gpu(&s, 95);
	swap_rules(&s, HOT("80", "", ""));
	for (unsigned i = 0; i < 8; i++)
		hot_gpu(&s, 85); /* the old rule would have cleared */
	assert_int_equal(s.n_said, 1);
	for (unsigned i = 0; i < 6; i++)
		hot_gpu(&s, 70);
	assert_int_equal(scene_count(&s, "gpu.hot", FINDING_RESOLVED), 1);
	scene_close(&s);
}

static void test_a_removed_rule_resolves(void **state)
{
	static const char other[] = HEAD
		"causes:\n  gpu.cold:\n    title: \"cold\"\n    scope: gpu\n"
		"    trigger: gpu.temperature < 5\n    requires: [{ id: cold, "
		"when: gpu.temperature < 5 }]\n    confidence: { prior: 0.9, report_at: 0.5 }\n"
		"    severity: info\n    hold: { clear_after: 5s }\n";
	struct scene s;
	struct engine_stats stats;

	(void)state;
	scene_open(&s, HOT("90", "", ""), 0);
	hot_gpu(&s, 95);
	/* The loader keeps the last good version only of rules that are broken, not of those that are gone. */
	swap_rules(&s, other);
	scene_wait(&s, 1);
	assert_int_equal(s.n_said, 2);
	assert_int_equal(s.said[1]->state, FINDING_RESOLVED);
	assert_string_equal(s.said[1]->resolved_reason, "rule removed");
	scene_wait(&s, 3);
	assert_int_equal(s.n_said, 2);
	engine_stats(s.engine, &stats);
	assert_int_equal(stats.n_open, 0);
	assert_int_equal(stats.n_instances, 0);
	scene_close(&s);
}

static void test_modes(void **state)
{
	struct scene s;
	struct answer *a;

	(void)state;
	scene_open(&s, HOT("90", "", "override:\n  gpu.hot: { mode: shadow }\n"), 0);
	hot_gpu(&s, 95);
	assert_int_equal(s.n_said, 1);
	assert_true(s.said[0]->shadow);
	swap_rules(&s, HOT("90", "", "override:\n  gpu.hot: { mode: disabled }\n"));
	hot_gpu(&s, 95);
	assert_string_equal(scene_last(&s, "gpu.hot")->resolved_reason, "rule removed");
	assert_ok(answer_new(QUERY_NOT, &a));
	assert_ok(engine_why_not(s.engine, "gpu.hot", ENTITY_NONE, s.now, SCENE_WALL, a));
	assert_string_equal(a->verdict, "disabled");
	answer_free(&a);
	scene_close(&s);
}

static void test_exception_ends_with_its_date(void **state)
{
	/* 1,700,000,000 is 2023-11-14 in the evening: the exception is over a day later. */
	static const char rules[] =
		HOT("90", "",
		    "override:\n  gpu.hot:\n    except:\n"
		    "      - { match: \"gpu.key == '0000:01:00.0'\", reason: lab, owner: me, until: 2023-11-15 }\n");
	struct scene s;
	struct answer *a;

	(void)state;
	scene_open(&s, rules, 0);
	hot_gpu(&s, 95);
	assert_int_equal(s.n_said, 0);
	assert_ok(answer_new(QUERY_NOT, &a));
	assert_ok(engine_why_not(s.engine, "gpu.hot", ENTITY_NONE, s.now, SCENE_WALL, a));
	assert_string_equal(a->verdict, "suppressed");
	assert_non_null(strstr(a->message, "lab"));
	answer_free(&a);
	scene_tick(&s, 48 * 3600 * NS_PER_S);
	hot_gpu(&s, 95);
	assert_int_equal(scene_count(&s, "gpu.hot", FINDING_OPEN), 1);
	scene_close(&s);
}

static void test_restart_goes_on(void **state)
{
	struct finding *f;
	struct scene s;
	mono_ns_t opened;

	(void)state;
	scene_open(&s, HOT("90", "", ""), 0);
	hot_gpu(&s, 95);
	assert_ok(finding_copy(s.said[0], &f));
	opened = engine_opened_mono(s.engine, f->id);
	assert_int_equal(opened, SCENE_START);
	assert_int_equal(engine_opened_mono(s.engine, "fnd_nothing"), 0);
	scene_forget(&s);
	scene_restart(&s, HOT("90", "", ""), 5);
	assert_ok(engine_restore(s.engine, f, true, opened));
	assert_int_equal(engine_opened_mono(s.engine, f->id), opened);
	hot_gpu(&s, 95);
	hot_gpu(&s, 95);
	assert_int_equal(s.n_said, 0); /* it was open, it is open */
	for (unsigned i = 0; i < 12; i++)
		hot_gpu(&s, 50);
	assert_int_equal(s.n_said, 1);
	assert_int_equal(s.said[0]->state, FINDING_RESOLVED);
	assert_string_equal(s.said[0]->id, f->id);
	assert_int_equal(s.said[0]->revision, f->revision + 1);
	assert_int_equal(s.said[0]->opened_at, f->opened_at);
	finding_free(&f);
	scene_close(&s);
}

static void test_restart_whose_subject_never_returns(void **state)
{
	struct finding *f;
	struct scene s;

	(void)state;
	scene_open(&s, HOT("90", "", ""), 0);
	hot_gpu(&s, 95);
	assert_ok(finding_copy(s.said[0], &f));
	scene_forget(&s);
	graph_free(&s.graph);
	assert_ok(graph_new(64, "n1", &s.graph));
	batch_free(&s.batch);
	assert_ok(batch_new(s.graph, 16, 16, 16, &s.batch));
	batch_reset(s.batch, s.now);
	scene_restart(&s, HOT("90", "", ""), 5);
	assert_ok(engine_restore(s.engine, f, true, SCENE_START));
	scene_wait(&s, 5);
	assert_int_equal(s.n_said, 0); /* not seen yet is not gone */
	scene_wait(&s, 10);
	assert_int_equal(s.n_said, 1);
	assert_string_equal(s.said[0]->resolved_reason, "gpu is gone");
	assert_string_equal(s.said[0]->subject.id, "0000:01:00.0");
	finding_free(&f);
	scene_close(&s);
}

static void test_reboot_and_rule_gone(void **state)
{
	struct finding *f;
	struct scene s;

	(void)state;
	scene_open(&s, HOT("90", "", ""), 0);
	hot_gpu(&s, 95);
	assert_ok(finding_copy(s.said[0], &f));
	scene_forget(&s);
	scene_restart(&s, HOT("90", "", ""), 0);
	assert_ok(engine_restore(s.engine, f, false, SCENE_START));
	scene_wait(&s, 1);
	assert_string_equal(scene_last(&s, "gpu.hot")->resolved_reason, "reboot");
	scene_forget(&s);
	scene_restart(&s, HEAD "causes: {}\n", 0);
	assert_err(engine_restore(s.engine, f, true, SCENE_START), ENOENT);
	scene_wait(&s, 1);
	assert_string_equal(scene_last(&s, "gpu.hot")->resolved_reason, "rule removed");
	finding_free(&f);
	scene_close(&s);
}

static void test_latch_until_ack_outlives_all(void **state)
{
	struct finding *f;
	struct scene s;

	(void)state;
	scene_open(&s, HOT("90", ", latch: until_ack", ""), 0);
	hot_gpu(&s, 95);
	for (unsigned i = 0; i < 20; i++)
		hot_gpu(&s, 50);
	assert_int_equal(s.n_said, 1);
	assert_ok(finding_copy(s.said[0], &f));
	scene_restart(&s, HOT("90", ", latch: until_ack", ""), 0);
	assert_ok(engine_restore(s.engine, f, false, 1));
	for (unsigned i = 0; i < 20; i++)
		hot_gpu(&s, 50);
	assert_int_equal(s.n_said, 1);
	assert_err(engine_ack(s.engine, "fnd_nothing"), ENOENT);
	assert_ok(engine_ack(s.engine, f->id));
	hot_gpu(&s, 50);
	assert_int_equal(s.n_said, 2);
	assert_string_equal(s.said[1]->resolved_reason, "cleared");
	finding_free(&f);
	scene_close(&s);
}

static void test_latch_until_reboot(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, HOT("90", ", latch: until_reboot", ""), 0);
	hot_gpu(&s, 95);
	for (unsigned i = 0; i < 20; i++)
		hot_gpu(&s, 50);
	assert_int_equal(s.n_said, 1);
	scene_close(&s);
}

static void test_an_unsound_program_is_refused(void **state)
{
	struct ruleset *rs;
	struct scene s;

	(void)state;
	scene_open(&s, HOT("90", "", ""), 0);
	pack_load(&s.pack, HOT("80", "", ""));
	rs = s.pack.ruleset;
	((struct insn *)rs->programs[0].code)[0].a = 100000;
	((struct insn *)rs->programs[0].code)[0].op = OP_METRIC;
	assert_err(engine_use(s.engine, &s.pack.ruleset, s.now), EINVAL);
	assert_ptr_equal(s.pack.ruleset, rs);
	hot_gpu(&s, 95); /* the old one is in force */
	assert_int_equal(s.n_said, 1);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swap_keeps_what_has_not_changed),
		cmocka_unit_test(test_a_changed_rule_keeps_its_open_finding),
		cmocka_unit_test(test_a_removed_rule_resolves),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_exception_ends_with_its_date),
		cmocka_unit_test(test_restart_goes_on),
		cmocka_unit_test(test_restart_whose_subject_never_returns),
		cmocka_unit_test(test_reboot_and_rule_gone),
		cmocka_unit_test(test_latch_until_ack_outlives_all),
		cmocka_unit_test(test_latch_until_reboot),
		cmocka_unit_test(test_an_unsound_program_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
