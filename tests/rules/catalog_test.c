// SPDX-License-Identifier: Apache-2.0
/* The packs that are shipped: they load against the real registry without a word, and their own tests pass. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "collectors/collector.h"
#include "rules/machine.h"
#include "rules/rules_test.h"
#include "tests/test.h"

#define MAX_COLLECTORS 64

struct catalog {
	struct metrics *metrics;
	struct diags *diags;
	struct ruleset *ruleset;
};

static struct catalog catalog;

static void say(const struct buf *b)
{
	if (b->len)
		(void)fputs((const char *)b->data, stdout); /* print_message() cuts at 1,024 bytes */
}

static int load(void **state)
{
	static const char *const dirs[] = { "rules/catalog" };
	uint32_t first[MAX_COLLECTORS];
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	if (metrics_new(&catalog.metrics) < 0 || diags_new(&catalog.diags) < 0 ||
	    collectors_register(catalog.metrics, first, MAX_COLLECTORS) < 0 ||
	    ruleset_load_dirs(dirs, 1, catalog.metrics, NULL, catalog.diags, &catalog.ruleset) < 0)
		return -1;
	(void)diags_print(catalog.diags, &b);
	say(&b);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	ruleset_free(&catalog.ruleset);
	diags_free(&catalog.diags);
	metrics_free(&catalog.metrics);
	return 0;
}

static void test_loads_without_a_word(void **state)
{
	uint32_t at;

	(void)state;
	assert_int_equal(diags_total(catalog.diags), 0);
	assert_int_equal(catalog.ruleset->n_rejected, 0);
	assert_true(catalog.ruleset->n_causes >= 25);
	assert_true(catalog.ruleset->n_symptoms >= 5);
	assert_ok(machine_verify(catalog.ruleset, catalog.metrics, &at));
}

static void test_inline_tests_pass(void **state)
{
	AUTO(rules_test_seen_free) struct rules_test_seen *seen = NULL;
	unsigned failed = 0;
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_ok(rules_test_seen_new(catalog.ruleset, &seen));
	for (uint32_t i = 0; i < catalog.ruleset->n_tests; i++) {
		bool passed = false;

		assert_ok(rules_test_run(catalog.ruleset, i, catalog.metrics, seen, &b, &passed));
		failed += !passed;
	}
	say(&b);
	buf_reset(&b);
	print_message("%u tests, %u failed, %zu evidence items not seen both ways\n", catalog.ruleset->n_tests,
		      failed, rules_test_seen_print(seen, &b));
	say(&b);
	assert_int_equal(failed, 0);
}

static bool is_tested(const struct rules_test_expect *items, uint32_t n, const char *id)
{
	for (uint32_t i = 0; i < n; i++)
		if (!items[i].none && strcmp(items[i].rule, id) == 0)
			return true;
	return false;
}

static bool is_silenced(const struct rules_test *t, const char *id)
{
	for (uint32_t i = 0; i < t->n_nones; i++)
		if (strcmp(t->nones[i].rule, id) == 0 || strcmp(t->nones[i].rule, "all") == 0)
			return true;
	return false;
}

/* Each cause is seen to open, and seen to stay silent. */
static void test_each_cause_has_both_tests(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < catalog.ruleset->n_causes; c++) {
		const char *id = catalog.ruleset->causes[c].id;
		bool opens = false, silent = false;

		for (uint32_t i = 0; i < catalog.ruleset->n_tests; i++) {
			const struct rules_test *t = &catalog.ruleset->tests[i];

			opens |= is_tested(t->expects, t->n_expects, id);
			silent |= is_silenced(t, id);
		}
		if (!opens || !silent)
			print_message("%s lacks a test that it %s\n", id, opens ? "stays silent" : "opens");
		assert_true(opens && silent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads_without_a_word),
		cmocka_unit_test(test_inline_tests_pass),
		cmocka_unit_test(test_each_cause_has_both_tests),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
