// SPDX-License-Identifier: Apache-2.0
#include "rules/template.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

/* The title of a cause about a cgroup, rendered where nothing is known: values appear as "?". */
static void expect(const char *title, const char *text, unsigned n_parts)
{
	struct pack p;
	char file[2048], rendered[1024];
	struct text t;

	(void)snprintf(file, sizeof(file),
		       "rules: why/v1\npack: { name: t }\ncauses:\n  a.b:\n    title: \"%s\"\n    scope: cgroup\n"
		       "    trigger: cgroup.memory.current > 1B\n"
		"    requires: [{ id: r, when: cgroup.memory.current > 1B }]\n"
		       "    hold: { clear_after: 1m }\n",
		       title);
	pack_open(&p);
	pack_load(&p, file);
	pack_expect(&p, "");
	assert_int_equal(p.ruleset->causes[0].title.n_parts, n_parts);
	text_init(&t, rendered, sizeof(rendered));
	for (uint32_t i = 0; i < p.ruleset->causes[0].title.n_parts; i++) {
		const struct template_part *part = &p.ruleset->causes[0].title.parts[i];

		text_add(&t, part->literal ? part->literal : "?");
	}
	assert_string_equal(rendered, text);
	pack_close(&p);
}

static void test_braces(void **state)
{
	(void)state;
	expect("no value", "no value", 1);
	expect("{cgroup.path}", "?", 1);
	expect("a {cgroup.memory.current} b {cgroup.path} c", "a ? b ? c", 5);
	expect("{{not a value}}", "{not a value}", 1);
	expect("jsonpath='{.spec.containers[*]}'", "jsonpath='{.spec.containers[*]}'", 1);
	expect("awk '{{print $1}}' {cgroup.path}", "awk '{print $1}' ?", 2);
	expect("{cgroup}", "?", 1);
	expect("{(cgroup.memory.current + 1B)}", "?", 1);
	expect("{ratio(cgroup.cpu.throttled_periods, cgroup.cpu.periods, 1m)} of it", "? of it", 2);
	expect("{cgroup.oom.kill.victim_comm}[{cgroup.oom.kill.victim_pid}]", "?[?]", 4);
}

static void test_parts_know_how_to_print(void **state)
{
	struct pack p;
	const struct template_part *parts;

	(void)state;
	pack_open(&p);
	pack_load(&p,
		"rules: why/v1\npack: { name: t }\nsymptoms:\n  a.b:\n    scope: nic\n    when: nic.link == 'down'\n"
		      "    title: \"{nic.link} {nic.carrier_changes} {nic.key} {node.oom.kill.victim_pid} "
		"{node.oom.kill.victim_rss}\"\n");
	pack_expect(&p, "");
	parts = p.ruleset->symptoms[0].title.parts;
	assert_string_equal(parts[0].states[1], "up");
	assert_false(parts[2].is_code);
	assert_true(parts[4].is_code);
	assert_true(parts[6].is_code); /* a pid has no thousands' commas */
	assert_false(parts[8].is_code);
	assert_int_equal(parts[8].unit, UNIT_BYTES);
	pack_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_braces),
		cmocka_unit_test(test_parts_know_how_to_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
