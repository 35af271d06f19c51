// SPDX-License-Identifier: Apache-2.0
/* The text of explanations, letter by letter. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/render.h"
#include "tests/cli/sample.h"
#include "tests/test.h"

static const struct terminal pipe_terminal = { .unicode = true, .width = 100 };

static struct answer *answer;
static struct page page;
static struct common common;

static int setup(void **state UNUSED)
{
	(void)setenv("TZ", "UTC", 1);
	tzset();
	assert_ok(answer_new(QUERY_EXPLAIN, &answer));
	sample_head(answer);
	common = (struct common){ 0 };
	return 0;
}

static int teardown(void **state UNUSED)
{
	answer_free(&answer);
	page_done(&page);
	return 0;
}

static const char *render(const struct terminal *terminal)
{
	page_done(&page);
	page_init(&page, terminal, answer->as_of);
	answer_rank(answer);
	render_answer(&page, answer, &common);
	return page.out.data ? (const char *)page.out.data : "";
}

static void check_text(const char *expected)
{
	assert_string_equal(render(&pipe_terminal), expected);
}

static void test_a_cause_in_full(void **state UNUSED)
{
	sample_gpu(answer);
	check_text(
		"node-17  CRITICAL  1 cause explains 1 symptom                         as of 10:47:03 (agent 2 s ago)\n"
		"\n"
		"  ● GPU 3 fell off the PCIe bus\n"
		"    gpu.fell_off_bus · critical · confirmed 0.99 · coverage 0.92 · since 10:42:11 (4 min 52 s)\n"
		"    because      kernel: NVRM: Xid (PCI:0000:5e:00): 79                                 10:42:11.204\n"
		"                 PCIe AER fatal on 0000:5d:01.0                                         10:42:11.198\n"
		"    against      the GPU was hot before: 91 degrees                                     10:42:11.204\n"
		"    explains     job.rank_dead on rank 19 of slurm:81734                                    10:42:15\n"
		"    affected     pod ml/train-0, process python3[4242]\n"
		"    ruled out    gpu.thermal (peak 61 degrees)\n"
		"    cannot tell  power supply: no BMC access\n"
		"    do           reboot_node, then replace_node if that does not help\n"
		"                 Drain it first.\n"
		"    check        nvidia-smi -L\n"
		"                 lspci -vvs 0000:5e:00\n"
		"    id           fnd_gpu00000000000000000000000\n"
		"\n"
		"  rules 9f3c1a77 · whyd 0.1.0\n");
}

static void test_nothing_found_is_one_line_and_its_basis(void **state UNUSED)
{
	check_text(
		"node-17  OK  no finding                                               as of 10:47:03 (agent 2 s ago)\n"
		"\n"
		"  rules 9f3c1a77 · whyd 0.1.0\n");
}

static void test_unexplained_symptoms_are_always_told(void **state UNUSED)
{
	sample_symptom(answer);
	const char *text = render(&pipe_terminal);

	assert_non_null(strstr(text, "node-17  WARNING  1 unexplained symptom"));
	assert_non_null(strstr(text, "\n  unexplained  (felt, and no rule knows the cause)\n"));
	assert_non_null(strstr(text, "  ● python3[99] makes no progress\n    proc.stalled · warning · since 10:42:11"));
}

static void test_an_explained_symptom_is_told_by_its_cause_alone(void **state UNUSED)
{
	struct finding *cause = sample_gpu(answer), *symptom = sample_symptom(answer);

	snprintf(cause->explains[0].finding, FINDING_ID_SIZE, "%s", symptom->id);
	const char *text = render(&pipe_terminal);

	assert_null(strstr(text, "unexplained"));
	assert_non_null(strstr(text, "    explains     python3[99] makes no progress"));
	assert_null(strstr(text, "● python3[99]"));
}

static void test_a_symptom_of_a_cause_elsewhere_is_not_unexplained(void **state UNUSED)
{
	sample_gpu(answer);
	struct finding *f = sample_symptom(answer);

	snprintf(f->because[f->n_because++], FINDING_ID_SIZE, "fnd_elsewhere");
	assert_null(strstr(render(&pipe_terminal), "unexplained"));
}

static void test_a_rule_on_trial_explains_nothing(void **state UNUSED)
{
	struct finding *cause = sample_gpu(answer), *symptom = sample_symptom(answer);

	snprintf(cause->explains[0].finding, FINDING_ID_SIZE, "%s", symptom->id);
	cause->shadow = true;
	assert_non_null(strstr(render(&pipe_terminal), "\n  unexplained"));
}

static void test_what_is_over_needs_no_remedy(void **state UNUSED)
{
	struct finding *f = sample_gpu(answer);

	f->state = FINDING_RESOLVED;
	f->resolved_at = f->opened_at + NS_PER_S;
	assert_null(strstr(render(&pipe_terminal), "reboot_node"));
	common.all = true;
	assert_non_null(strstr(render(&pipe_terminal), "reboot_node"));
}

static void test_one_more_than_the_limit_is_shown(void **state UNUSED)
{
	struct finding *f = sample_gpu(answer);

	for (f->n_explains = 1; f->n_explains < RENDER_MAX_ITEMS + 1; f->n_explains++)
		f->explains[f->n_explains] = f->explains[0];
	assert_null(strstr(render(&pipe_terminal), "more"));
	f->explains[f->n_explains++] = f->explains[0];
	assert_non_null(strstr(render(&pipe_terminal), "and 2 more\n"));
}

static void test_candidates_are_cut_at_twenty(void **state UNUSED)
{
	const char *candidates[21];

	for (size_t i = 0; i < 21; i++)
		candidates[i] = "pod a/b";
	answer->status = ANSWER_AMBIGUOUS;
	answer->message = "several";
	answer->candidates = candidates;
	answer->n_candidates = 20;
	assert_null(strstr(render(&pipe_terminal), "more"));
	answer->n_candidates = 21;
	assert_non_null(strstr(render(&pipe_terminal), "    and 1 more\n"));
}

static void test_a_deeper_cause_is_named(void **state UNUSED)
{
	struct finding *deep = sample_gpu(answer), *f = sample_cause(answer, "shallow", "A rank died", SEVERITY_CRITICAL);

	snprintf(f->because[f->n_because++], FINDING_ID_SIZE, "%s", deep->id);
	const char *text = render(&pipe_terminal);

	assert_non_null(strstr(text, "    because      GPU 3 fell off the PCIe bus (gpu.fell_off_bus)\n"));
	assert_true(strstr(text, "● GPU 3 fell") < strstr(text, "● A rank died"));
}

static void test_a_silent_agent_is_unknown(void **state UNUSED)
{
	answer->stale = true;
	answer->agent_last_seen = answer->as_of - 3600 * NS_PER_S;
	const char *text = render(&pipe_terminal);

	assert_non_null(strstr(text, "node-17  UNKNOWN  the agent is silent"));
	assert_non_null(strstr(text, "(agent 1 h ago)"));
	assert_non_null(strstr(text, "silent for 1 h"));
	assert_null(strstr(text, "OK"));
}

static void test_not_evaluated_is_unknown(void **state UNUSED)
{
	answer->evaluated = false;
	const char *text = render(&pipe_terminal);

	assert_non_null(strstr(text, "node-17  UNKNOWN  not evaluated yet"));
	assert_non_null(strstr(text, "does not mean that nothing is wrong"));
}

static void test_little_coverage_is_a_hint_only(void **state UNUSED)
{
	sample_gpu(answer)->coverage = 0.3;
	const char *text = render(&pipe_terminal);

	assert_non_null(strstr(text, "node-17  UNKNOWN  1 cause explains 1 symptom"));
	assert_non_null(strstr(text, "Less than half of the evidence"));
}

static void test_simulated_and_shadow_are_marked(void **state UNUSED)
{
	sample_gpu(answer)->simulated = true;
	sample_cause(answer, "trial", "On trial", SEVERITY_CRITICAL)->shadow = true;
	const char *text = render(&pipe_terminal);

	assert_non_null(strstr(text, "● GPU 3 fell off the PCIe bus [SIMULATED]\n"));
	assert_non_null(strstr(
		text, "\n  shadow  (rules on trial; nothing acts on them)\n"
		      "    10:42:11     On trial; confirmed 0.90; fnd_trial\n"));
	common.all = true;
	text = render(&pipe_terminal);
	assert_non_null(strstr(text, "● On trial [SHADOW: rule on trial]\n"));
}

static void test_resolved_findings_say_how_long_and_why(void **state UNUSED)
{
	sample_gpu(answer);
	sample_resolved(answer);
	common.since_ns = 3600 * NS_PER_S;
	const char *text = render(&pipe_terminal);

	assert_non_null(
		strstr(text, "\n  resolved\n    10:45:15     The cgroup hit its limit; lasted 3 min 4 s; cleared; fnd_"));
	common.since_ns = 0;
	common.all = true;
	const struct terminal wide = { .width = 120 };
	text = render(&wide);
	assert_non_null(strstr(text, "resolved 10:45:15 after 3 min 4 s: cleared"));
}

static void test_many_causes_are_not_a_wall(void **state UNUSED)
{
	char suffix[16], title[32];

	for (int i = 0; i < 40; i++) {
		snprintf(suffix, sizeof(suffix), "many%02d", i);
		snprintf(title, sizeof(title), "Cause %c%c", 'a' + i / 10, 'a' + i % 10);
		sample_cause(answer, suffix, title, SEVERITY_WARNING);
	}
	const char *text = render(&pipe_terminal);

	assert_non_null(strstr(text, "● Cause ae\n"));
	assert_null(strstr(text, "● Cause af\n"));
	assert_non_null(strstr(text, "\n  also\n    10:42:11     Cause af; confirmed 0.90; fnd_many05\n"));
	assert_non_null(strstr(text, "and 15 more: --all"));
	common.all = true;
	assert_non_null(strstr(render(&pipe_terminal), "● Cause dj\n"));
}

static void test_long_lists_are_cut_and_say_so(void **state UNUSED)
{
	struct finding *f = sample_gpu(answer);

	for (size_t i = 0; i < 20; i++)
		f->explains[i] = f->explains[0];
	f->n_explains = 20;
	f->more_explains = 5;
	f->n_affected = 2;
	f->more_affected = 62;
	const char *text = render(&pipe_terminal);

	assert_non_null(strstr(text, "                 and 19 more\n"));
	assert_non_null(strstr(text, "python3[4242] and 62 more\n"));
	common.all = true;
	assert_non_null(strstr(render(&pipe_terminal), "                 and 5 more\n"));
}

static void test_evidence_shows_the_readings(void **state UNUSED)
{
	sample_gpu(answer);
	common.evidence = true;
	assert_non_null(strstr(render(&pipe_terminal), "requires: xid79: gpu.xid = 79 (>= 1) by kernlog\n"));
}

static void test_what_was_ruled_out_is_told_in_one_breath(void **state UNUSED)
{
	struct finding *f = sample_gpu(answer);

	for (size_t i = 1; i < 9; i++) {
		f->ruled_out[f->n_ruled_out++] = f->ruled_out[0];
		f->cannot_tell[f->n_cannot_tell++] = f->cannot_tell[0];
	}
	const char *text = render(&pipe_terminal);

	assert_non_null(strstr(
		text, "    ruled out    gpu.thermal, gpu.thermal, gpu.thermal, gpu.thermal, gpu.thermal, gpu.thermal,\n"
		      "                 gpu.thermal, gpu.thermal, gpu.thermal (peak 61 degrees)\n"));
	assert_non_null(strstr(text, "                 power supply: no BMC access\n                 and 5 more\n"));
	common.evidence = true;
	text = render(&pipe_terminal);
	assert_non_null(
		strstr(text, "    ruled out    gpu.thermal: peak 61 degrees\n                 gpu.thermal: peak"));
	assert_null(strstr(text, "and 5 more"));
}

static void test_what_was_ruled_out_goes_by_its_reason(void **state UNUSED)
{
	struct finding *f = sample_gpu(answer);
	static const struct finding_ruled_out rivals[] = {
		{ "node_out", "nothing of it was seen" }, { "mem.node_oom", "nothing of it was seen" },
		{ "gpu.thermal", "peak 61 degrees" },     { "proc.crashed", "nothing of it was seen" },
	};

	memcpy(f->ruled_out, rivals, sizeof(rivals));
	f->n_ruled_out = ARRAY_LEN(rivals);
	assert_non_null(strstr(render(&pipe_terminal),
			       "ruled out    mem.node_oom, proc.crashed (nothing of it was seen) · gpu.thermal (peak 61 "
			       "degrees)\n"));
	common.evidence = true;
	assert_non_null(strstr(render(&pipe_terminal), "    ruled out    node_out: nothing of it was seen\n"));
}

static void test_a_short_series_is_no_doubt_of_what_is_confirmed(void **state UNUSED)
{
	struct finding *f = sample_gpu(answer);

	f->cannot_tell[f->n_cannot_tell++] =
		(struct finding_unknown){ "mem.node_thrash", "too few samples in the window (node.psi)" };
	f->cannot_tell[f->n_cannot_tell++] =
		(struct finding_unknown){ "grower", "the event does not say (cgroup.oom.kill)" };
	assert_null(strstr(render(&pipe_terminal), "too few samples"));
	assert_null(strstr(render(&pipe_terminal), "grower"));
	assert_non_null(strstr(render(&pipe_terminal), "power supply: no BMC access\n"));
	common.evidence = true;
	assert_non_null(strstr(render(&pipe_terminal), "mem.node_thrash: too few samples"));
	common.evidence = false;
	f->confidence = 0.7;
	assert_non_null(strstr(render(&pipe_terminal), "mem.node_thrash: too few samples"));
}

static void test_a_crowd_is_told_once_and_counted(void **state UNUSED)
{
	char suffix[16], title[64];

	for (int i = 0; i < 20; i++) {
		snprintf(suffix, sizeof(suffix), "kill%02d", i);
		snprintf(title, sizeof(title), "reaper[55] killed sleep[%d]", 100 + i);
		sample_cause(answer, suffix, title, SEVERITY_WARNING);
	}
	sample_cause(answer, "other", "the disk is full", SEVERITY_WARNING);
	const char *text = render(&pipe_terminal);

	assert_non_null(strstr(text, "● reaper[55] killed sleep[100]\n"));
	assert_non_null(strstr(text, "    alike        19 more: "));
	assert_non_null(strstr(text, " and 13 more;"));
	assert_null(strstr(text, "killed sleep[101]"));
	assert_non_null(strstr(text, "● the disk is full\n"));
	assert_non_null(strstr(text, "21 causes"));
	common.all = true;
	assert_non_null(strstr(render(&pipe_terminal), "● reaper[55] killed sleep[119]\n"));
}

static void test_what_is_over_is_told_to_who_comes_late(void **state UNUSED)
{
	struct finding *f = sample_resolved(answer), *symptom = sample_symptom(answer);

	symptom->state = FINDING_RESOLVED;
	symptom->resolved_at = f->resolved_at;
	f->explains[0] = (struct finding_explained){ .symptom = symptom->rule };
	snprintf(f->explains[0].finding, sizeof(f->explains[0].finding), "%s", symptom->id);
	f->n_explains = 1;
	const char *text = render(&pipe_terminal);

	assert_int_equal(answer_exit_status(answer), 0);
	assert_non_null(strstr(text, "node-17  OK  no open finding, 2 resolved"));
	assert_non_null(strstr(text, "\n  recently  (resolved within 15 min; `why fnd_...` says more)\n"
				     "    10:45:15     The cgroup hit its limit; lasted 3 min 4 s; cleared; fnd_"));
	assert_null(strstr(text, symptom->title));
	common.since_ns = 3600 * NS_PER_S;
	assert_non_null(strstr(render(&pipe_terminal), symptom->title));
}

static void test_the_condition_of_a_symptom_is_for_those_who_ask(void **state UNUSED)
{
	struct finding *f = sample_symptom(answer);

	f->evidence[0] = (struct finding_evidence){ .id = "when", .role = "requires", .text = "count(a.b, 1m) >= 1" };
	f->n_evidence = 1;
	assert_null(strstr(render(&pipe_terminal), "count(a.b"));
	common.evidence = true;
	assert_non_null(strstr(render(&pipe_terminal), "count(a.b, 1m) >= 1"));
}

static void test_what_cannot_be_seen_is_told(void **state UNUSED)
{
	struct finding_unknown unknown[] = { { "nvml", "no such library" }, { "pressure", "not in this kernel" } };

	answer->unknown = unknown;
	answer->n_unknown = 2;
	assert_non_null(strstr(render(&pipe_terminal), "  cannot see     nvml, pressure; `why doctor` says more\n"));
	common.all = true;
	assert_non_null(strstr(render(&pipe_terminal), "    nvml: no such library\n    pressure: not in this kernel\n"));
}

/* Every text that comes from elsewhere: nothing of it may steer the terminal or begin a line of its own. */
static void test_hostile_text_stays_text(void **state UNUSED)
{
	struct finding *f = sample_gpu(answer);
	static const char evil[] = "\033[2J\033]0;owned\007 \r\n  rm -rf\xe2\x80\xae\xff\x9b";

	f->title = f->evidence[0].text = f->ruled_out[0].reason = f->cannot_tell[0].why = f->remedy.text =
		f->remedy.check[0] = evil;
	f->rule = f->affected[0].name = f->explains[0].subject.name = f->explains[0].symptom = f->resolved_reason =
		f->doc = evil;
	f->node = answer->target = answer->node = answer->message = answer->rules_digest = answer->agent_version = evil;
	sample_cause(answer, "\033[31m", evil, SEVERITY_WARNING)->shadow = true;
	for (int all = 0; all <= 1; all++) {
		common.all = common.evidence = all;
		const char *text = render(&pipe_terminal);

		for (const char *c = text; *c; c++)
			assert_true((unsigned char)*c >= 0x20 || *c == '\n');
		assert_null(strstr(text, "\xe2\x80\xae"));
		assert_null(strstr(text, "\n  rm"));
		assert_non_null(strstr(text, "\\x1B[2J\\x1B]0;owned\\x07"));
		assert_non_null(strstr(text, "\\u{202E}\\xFF\\x9B"));
	}
}

static void test_a_narrow_terminal_wraps(void **state UNUSED)
{
	const struct terminal narrow = { .is_terminal = true, .width = 50, .unicode = false };
	struct finding *f = sample_gpu(answer);

	f->evidence[0].text = "one two three four five six seven eight nine ten eleven twelve";
	f->remedy.check[0] = "a command that is longer than the terminal is wide and must be copied whole";
	const char *text = render(&narrow);

	assert_non_null(strstr(text, "    because      one two three four   10:42:11.204\n"
				     "                 five six seven\n"));
	assert_non_null(strstr(
		text,
		"\n    check        a command that is longer than the terminal is wide and must be copied whole\n"));
	assert_non_null(strstr(text, "  * GPU 3 fell off the PCIe bus\n"));
	for (const char *c = text; *c; c++)
		assert_true((unsigned char)*c < 0x80);
}

static void test_colour_where_it_is_allowed_only(void **state UNUSED)
{
	const struct terminal color = { .is_terminal = true, .color = true, .width = 100, .unicode = true };

	sample_gpu(answer);
	assert_null(strchr(render(&pipe_terminal), '\033'));
	const char *text = render(&color);
	assert_non_null(strstr(text, "\033[1;31mCRITICAL\033[0m"));
	/* Every colour is ended on its own line. */
	int open = 0;
	for (const char *c = text; *c; c++) {
		if (*c == '\033')
			open = strncmp(c, "\033[0m", 4) != 0;
		if (*c == '\n')
			assert_int_equal(open, 0);
	}
}

static void test_refusals_say_what_is_wrong_and_the_candidates(void **state UNUSED)
{
	static const char *candidates[] = { "pod ml/train-0", "job slurm:\0331" };

	answer->status = ANSWER_AMBIGUOUS;
	answer->message = "'train' is more than one thing";
	answer->candidates = candidates;
	answer->n_candidates = 2;
	check_text("why: 'train' is more than one thing\n  Perhaps one of these:\n    why pod ml/train-0\n    why job "
		   "slurm:\\x1B1\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_cause_in_full),
		T(test_nothing_found_is_one_line_and_its_basis),
		T(test_unexplained_symptoms_are_always_told),
		T(test_an_explained_symptom_is_told_by_its_cause_alone),
		T(test_a_deeper_cause_is_named),
		T(test_a_symptom_of_a_cause_elsewhere_is_not_unexplained),
		T(test_a_rule_on_trial_explains_nothing),
		T(test_what_is_over_needs_no_remedy),
		T(test_one_more_than_the_limit_is_shown),
		T(test_candidates_are_cut_at_twenty),
		T(test_a_silent_agent_is_unknown),
		T(test_not_evaluated_is_unknown),
		T(test_little_coverage_is_a_hint_only),
		T(test_simulated_and_shadow_are_marked),
		T(test_resolved_findings_say_how_long_and_why),
		T(test_many_causes_are_not_a_wall),
		T(test_long_lists_are_cut_and_say_so),
		T(test_evidence_shows_the_readings),
		T(test_what_was_ruled_out_is_told_in_one_breath),
		T(test_what_was_ruled_out_goes_by_its_reason),
		T(test_a_short_series_is_no_doubt_of_what_is_confirmed),
		T(test_a_crowd_is_told_once_and_counted),
		T(test_what_is_over_is_told_to_who_comes_late),
		T(test_the_condition_of_a_symptom_is_for_those_who_ask),
		T(test_what_cannot_be_seen_is_told),
		T(test_hostile_text_stays_text),
		T(test_a_narrow_terminal_wraps),
		T(test_colour_where_it_is_allowed_only),
		T(test_refusals_say_what_is_wrong_and_the_candidates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
