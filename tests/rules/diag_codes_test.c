// SPDX-License-Identifier: Apache-2.0
/* Every code of the rule language, provoked, with its place. */
#include "rules/diag_codes.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

/* An expression as the trigger of a cause: line 6, its first byte in column 14. */
#define TRIGGER(scope, expr) \
	"rules: why/v1\npack: { name: t }\ncauses:\n  a.b:\n    scope: " scope "\n    trigger: " expr \
	"\n    title: x\n    requires: [{ id: r, when: node.cpu.idle_ratio > 0.1 }]\n    hold: { clear_after: 1m }\n"
/* Something more in a sound cause: from line 9. */
#define CAUSE(more) TRIGGER("cgroup", "count(cgroup.oom.kill, 1m) >= 1") more
/* A test of it: from line 13. */
#define INLINE(more) CAUSE("tests:\n  - name: t\n    entities: { cgroup: { c: {} }, process: { p: { in: c } } }\n" more)

struct sample_case {
	const char *expected, *text;
};

static const struct sample_case structure[] = {
	{ "E120@1:8", "rules: why/v2\n" },
	{ "E120@1:1", "pack: { name: t }\n" },
	{ "E120@2:8", "pack: { name: t }\nrules: why/v1\n" },
	{ "E121@2:1", "rules: why/v1\ncause: {}\n" },
	{ "E121@10:5", CAUSE("    sevirity: info\n") },
	{ "E122@2:9", "rules: why/v1\ncauses: [a]\n" },
	{ "E122@10:14", CAUSE("    refutes: text\n") },
	{ "E123@2:1", "rules: why/v1\npack: { version: 1.0.0 }\n" },
	{ "E124@10:15", CAUSE("    severity: fatal\n") },
	{ "E125@11:15", CAUSE("    confidence:\n      prior: \"1.5\"\n") },
	{ "E127@10:66",
	  CAUSE("    supports: [{ id: a, when: node.cpu.idle_ratio > 0.1 }, "
		"{ id: a, when: node.cpu.idle_ratio > 0.2 }]\n") },
	{ "E128@3:3", "rules: why/v1\nsymptoms:\n  Bad-Id:\n    scope: node\n    when: node.cpu.idle_ratio > 0.1\n" },
	{ "E131@2:34", "rules: why/v1\npack: { name: t, requires_agent: 0.1 }\n" },
	{ "E131@2:35", "rules: why/v1\npack: { name: t, requires_agent: \">=0.x\" }\n" },
	{ "E131@2:34", "rules: why/v1\npack: { name: t, requires_agent: [a] }\n" },
	{ "E132@2:35", "rules: why/v1\npack: { name: t, requires_agent: \">=99.1\" }\n" },
	{ "E129@3:30", "rules: why/v1\nparams:\n  p: { type: ratio, default: 2s }\n" },
};

/* Each with the place in its own expression: column 14 is its first byte. */
static const struct sample_case expressions[] = {
	{ "E201@6:40", TRIGGER("node", "node.cpu.idle_ratio > 0.1 0.2") },
	{ "E201@6:38", TRIGGER("node", "node.cpu.idle_ratio < 1 < 2") },
	{ "E202@6:36", TRIGGER("node", "node.cpu.idle_ratio > 5x") },
	{ "E203@6:14", TRIGGER("cgroup", "cgroup.memory.curent > 1MiB") },
	{ "E203@6:18", TRIGGER("cgroup", "avg(gpu.clock_sm, 1m) > 900") },
	{ "E204@6:20", TRIGGER("cgroup", "count(proc.exit, 1m) >= 1") },
	{ "E205@6:20", TRIGGER("cgroup", "count(cgroup.oom.kill.victim_comm > 3, 1m) >= 1") },
	{ "E206@6:38", TRIGGER("cgroup", "cgroup.memory.current > 60s") },
	{ "E206@6:40", TRIGGER("process", "proc.state.blocked_time > 60") },
	{ "E206@6:36", TRIGGER("cgroup", "cgroup.cpu.periods  > 20%") },
	{ "E207@6:14", TRIGGER("node", "avrg(node.cpu.idle_ratio, 1m) > 0.5") },
	{ "E208@6:14", TRIGGER("node", "absent(node.cpu.idle_ratio, 1m)") },
	{ "E208@6:14", TRIGGER("process", "startsWith(process.comm, 'x')") },
	{ "E209@6:18", TRIGGER("cgroup", "avg(cgroup.cpu.periods, 1m) > 1") },
	{ "E209@6:19", TRIGGER("cgroup", "rate(cgroup.memory.current, 1m) > 0") },
	{ "E209@6:20", TRIGGER("cgroup", "count(cgroup.memory.current > 1MiB, 1m) >= 1") },
	{ "E210@6:14", TRIGGER("node", "avg(node.cpu.idle_ratio) > 0.5") },
	{ "E210@6:39", TRIGGER("node", "avg(node.cpu.idle_ratio, 5) > 0.5") },
	{ "E210@6:39", TRIGGER("node", "avg(node.cpu.idle_ratio, 2d) > 0.5") },
	{ "E211@6:26", TRIGGER("nic", "nic.link == 'broken'") },
	{ "E212@6:20", TRIGGER("process", "count(proc.exit.signl == 9, 1m) >= 1") },
	{ "E213@6:36", TRIGGER("node", "node.cpu.idle_ratio > param.idle") },
	{ "E214@6:35", TRIGGER("process", "process.comm.matches('(a')") },
	{ "E214@6:35", TRIGGER("process", "process.comm.matches('(a{99}){99}')") },
	{ "E214@6:35", TRIGGER("process", "process.comm.matches('a++')") },
	{ "E214@6:35", TRIGGER("process", "process.comm.matches('((((((((((a)+)+)+)+)+)+)+)+)+)+')") },
	{ "E214@6:35", TRIGGER("process", "process.comm.matches('(a)\\\\1')") },
	{ "E216@6:14", TRIGGER("node", "node.cpu.idle_ratio") },
	{ "E216@6:14", TRIGGER("gpu", "gpu.xid") },
	{ "E217@6:49", TRIGGER("cgroup", "count(cgroup.oom.kill.code == 1 && node.oom.kill.code == 1, 1m) >= 1") },
	{ "E218@6:18", TRIGGER("cgroup", "max(cgroup.memory.current - cgroup.memory.limit, 1m) > 0B") },
	{ "E220@6:70", TRIGGER("cgroup", "count_entities(process, process.comm == 'x', 'cgroup <- proces') > 1") },
};

/* What can only be seen when the whole rule, the whole pack or all packs are there. */
static const struct sample_case wholes[] = {
	{ "E221@10:16", CAUSE("    affects: [\"process -> cgroup\"]\n") },
	{ "E222@10:25", CAUSE("    affects: [cgroup <- gpu]\n") },
	{ "E222@10:25", CAUSE("    affects: [cgroup -> process]\n") },
	{ "E223@10:15", CAUSE("    affects: [cgroup <- process -> cgroup]\n") },
	{ "E230@10:24", CAUSE("    remedy: { text: \"a {cgroup.path b\" }\n") },
	{ "E203@10:25", CAUSE("    remedy: { text: \"a {value} b\" }\n") },
	{ "E203@10:25", CAUSE("    remedy: { text: \"a {cgroup.memory.lmit} b\" }\n") },
	{ "E301@4:3",
		"rules: why/v1\npack: { name: t }\ncauses:\n  a.b:\n    scope: node\n"
		"    trigger: count(node.oom.kill, 1m) >= 1\n    title: x\n    hold: { clear_after: 1m }\n" },
	{ "E310@4:3",
		"rules: why/v1\npack: { name: t }\ncauses:\n  a.b:\n    scope: node\n"
		"    trigger: count(node.oom.kill, 1m) >= 1\n    title: x\n"
		"    requires: [{ id: r, when: node.cpu.idle_ratio > 0.1 }]\n" },
	{ "E310@9:5",
		"rules: why/v1\npack: { name: t }\ncauses:\n  a.b:\n    scope: node\n"
		"    trigger: count(node.oom.kill, 1m) >= 1\n    title: x\n"
		"    requires: [{ id: r, when: node.cpu.idle_ratio > 0.1 }]\n    hold: { for: 1m }\n" },
	{ "E311@10:14", CAUSE("    because: [a.b]\n") },
	{ "E312@10:17", CAUSE("    confidence: { report_at: 0.9, act_at: 0.8 }\n") },
	{ "E126@10:14", CAUSE("    refutes: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]\n") },
	{ "E130@12:15", CAUSE("override:\n  a.b:\n    params: { threshold: 2 }\n") },
	{ "E320@13:32", INLINE("    timeline: [{ at: 0s, gone: q }]\n    expect_none: all\n") },
	{ "E321@13:71",
	  INLINE("    series: [{ target: c, metric: cgroup.memory.current, values: \"1 2 x3\" }]\n"
	"    expect_none: all\n") },
	{ "E322@11:5", INLINE("") },
	{ "E323@13:19", INLINE("    expect_none: [a.c]\n") },
	{ "E323@13:33", INLINE("    expect: [{ at: 5s, finding: a.c }]\n") },
	{ "E324@13:5", INLINE("    timeline: []\n    replay: a.why\n    expect_none: all\n") },
	{ "W101@10:27", CAUSE("    explains: [{ symptom: gone.away }]\n") },
	{ "W102@2:11", "rules: why/v1\nparams: { idle: { type: ratio, default: 0.1 } }\n" },
	{ "W103@10:27", CAUSE("    match: cgroup.path == cgroup.colour\n") },
	{ "W104@10:15", CAUSE("    because: [a.c]\n") },
	{ "W104@10:25", CAUSE("    explained_away_by: [a.c]\n") },
	{ "W104@10:20", CAUSE("    match: finding('x.y')\n") },
	{ "W105@3:3", "rules: why/v1\noverride:\n  a.b: { mode: shadow }\n" },
	{ "W106@12:14", CAUSE("override:\n  a.b:\n    except: [{ match: cgroup.path == '/x', reason: r }]\n") },
	{ "W107@10:12", CAUSE("    match: 1 < 2\n") },
};

static void expect_only(const struct sample_case *c)
{
	struct pack p;

	pack_open(&p);
	pack_load(&p, c->text);
	print_message("%-14s", c->expected);
	pack_expect(&p, c->expected);
	pack_close(&p);
}

static void test_structure(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(structure); i++)
		expect_only(&structure[i]);
}

static void test_expressions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++)
		expect_only(&expressions[i]);
}

static void test_wholes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wholes); i++)
		expect_only(&wholes[i]);
}

static void test_too_large(void **state)
{
	struct pack p;
	char text[8192] = "rules: why/v1\npack: { name: t }\nsymptoms:\n  a.b:\n    scope: node\n    when: ";
	size_t n = strlen(text);

	(void)state;
	pack_open(&p);
	for (unsigned i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "(");
	n += (size_t)snprintf(text + n, sizeof(text) - n, "1");
	pack_load(&p, text);
	pack_expect(&p, "E215@6:43");
	n = strlen(text) - 41;
	for (unsigned i = 0; i < 200; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "1 + ");
	(void)snprintf(text + n, sizeof(text) - n, "1 > 0");
	pack_load(&p, text);
	assert_int_equal(diags_total(p.diags), 1);
	assert_string_equal(diags_at(p.diags, 0)->code, "E215");
	pack_close(&p);
}

static void cover(bool *seen, const struct sample_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (int c = 0; c < RULES_CODE_MAX; c++)
			if (strncmp(cases[i].expected, rules_code_name((enum rules_code)c), 4) == 0)
				seen[c] = true;
}

/* A new code needs a case here; E215 is above, files and folders are in loader_dirs_test.c. */
static void test_every_code_has_a_case(void **state)
{
	bool seen[RULES_CODE_MAX] = { [RULES_E001] = true, [RULES_W001] = true, [RULES_E215] = true };

	(void)state;
	cover(seen, structure, ARRAY_LEN(structure));
	cover(seen, expressions, ARRAY_LEN(expressions));
	cover(seen, wholes, ARRAY_LEN(wholes));
	for (int c = 0; c < RULES_CODE_MAX; c++) {
		if (!seen[c])
			print_message("no case for %s\n", rules_code_name((enum rules_code)c));
		assert_true(seen[c]);
		assert_true(strlen(rules_code_meaning((enum rules_code)c)) > 10);
	}
}

/* docs/rules.md has a line for each. */
static void test_every_code_is_documented(void **state)
{
	static char docs[256 * 1024];
	AUTO_CLOSE int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_ok(file_read_at(fd, "docs/rules.md", docs, sizeof(docs), NULL));
	for (int c = 0; c < RULES_CODE_MAX; c++) {
		char line[256];

		(void)snprintf(line, sizeof(line), "| `%s` | %s |", rules_code_name((enum rules_code)c),
			       rules_code_meaning((enum rules_code)c));
		if (!strstr(docs, line))
			print_message("docs/rules.md lacks: %s\n", line);
		assert_non_null(strstr(docs, line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wholes),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_every_code_has_a_case),
		cmocka_unit_test(test_every_code_is_documented),
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_expressions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
