// SPDX-License-Identifier: Apache-2.0
#include "rules/phrase.h"

#include <string.h>

#include "base/cleanup.h"
#include "tests/test.h"

static void test_values_with_their_units(void **state)
{
	static const struct {
		double value;
		enum unit unit;
		const char *text;
	} cases[] = {
		{34252783616.0, UNIT_BYTES, "31.9 GiB"},
		{0.38, UNIT_RATIO, "38 %"},
		{95, UNIT_CELSIUS, "95 °C"},
		{4.1, UNIT_WATTS, "4.1 W"},
		{1.41e9, UNIT_HERTZ, "1.41 GHz"},
		{2.5, UNIT_CPUS, "2.5 CPUs"},
		{1024, UNIT_NONE, "1,024"},
		{9.4e9, UNIT_NS, "9.4 s"},
		{-5, UNIT_NS, "0 ns"},
		{800, UNIT_HERTZ, "800 Hz"},
	};
	char out[64];
	struct text t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		text_init(&t, out, sizeof(out));
		phrase_value(&t, (struct value){.type = VALUE_NUMBER, .number = cases[i].value}, cases[i].unit);
		assert_string_equal(out, cases[i].text);
	}
}

static void test_texts_from_outside_are_escaped(void **state)
{
	char out[64];
	struct text t;

	(void)state;
	text_init(&t, out, sizeof(out));
	phrase_value(&t, (struct value){.type = VALUE_TEXT, .text = "a\x1b[31mb"}, UNIT_NONE);
	assert_string_equal(out, "a\\x1B[31mb");
	text_init(&t, out, sizeof(out));
	phrase_value(&t, (struct value){.type = VALUE_UNKNOWN}, UNIT_NONE);
	phrase_value(&t, (struct value){.type = VALUE_BOOL, .truth = true}, UNIT_NONE);
	assert_string_equal(out, "?yes");
}

static void test_templates(void **state)
{
	static const char *const states[] = {"down", "up", NULL};
	const struct insn one[] = {{.op = OP_NUMBER, .number = 1}}, pid[] = {{.op = OP_NUMBER, .number = 4242}};
	const struct program programs[] = {{.code = one, .n_code = 1}, {.code = pid, .n_code = 1}};
	const struct ruleset rs = {.programs = programs, .n_programs = 2};
	const struct template_part parts[] = {
		{.literal = "link is "}, {.program = 0, .states = states},
		{.literal = ", pid "},	 {.program = 1, .is_code = true},
		{.literal = ", "},	 {.program = PROGRAM_NONE, .is_observed = true},
		{.literal = " of "},	 {.program = 1},
	};
	const struct template template = {.parts = parts, .n_parts = ARRAY_LEN(parts)};
	struct machine m = {.ruleset = &rs};
	struct value observed = {.type = VALUE_NUMBER, .number = 0.5};
	char out[128];
	struct text t;

	(void)state;
	text_init(&t, out, sizeof(out));
	phrase_template(&t, &m, &template, ENTITY_NONE, &observed, UNIT_RATIO);
	assert_string_equal(out, "link is up, pid 4242, 50 % of 4,242");
	text_init(&t, out, sizeof(out));
	phrase_template(&t, &m, &template, ENTITY_NONE, NULL, UNIT_RATIO);
	assert_non_null(strstr(out, ", ? of"));
}

static void test_why_it_is_not_known(void **state)
{
	static const struct metric_desc desc[] = {
		{.name = "cpu.x", .kind = METRIC_GAUGE, .unit = UNIT_RATIO, .about = ENTITY_NODE, .help = "h"}};
	struct metrics *metrics;
	char out[128];
	struct text t;

	(void)state;
	assert_ok(metrics_new(&metrics));
	assert_ok(metrics_add(metrics, "cpu", desc, 1, NULL));
	text_init(&t, out, sizeof(out));
	phrase_missing(&t, metrics, &(struct machine_missing){.metric = 0, .why = "no fresh sample"});
	assert_string_equal(out, "no fresh sample (cpu.x)");
	text_init(&t, out, sizeof(out));
	phrase_missing(&t, metrics, &(struct machine_missing){.metric = METRIC_NONE, .name = "pid", .why = "no"});
	assert_string_equal(out, "no (pid)");
	text_init(&t, out, sizeof(out));
	phrase_missing(&t, metrics, &(struct machine_missing){.metric = METRIC_NONE});
	assert_string_equal(out, "not known");
	metrics_free(&metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_with_their_units),
		cmocka_unit_test(test_texts_from_outside_are_escaped),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_why_it_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
