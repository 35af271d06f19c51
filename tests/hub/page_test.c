// SPDX-License-Identifier: Apache-2.0
/* The pages made from answers, without a hub: bounds, absent texts, what is left out is said. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "hub/chart.h"
#include "hub/page.h"
#include "hub/timeline.h"
#include "tests/hub/made.h"

#define T0 (1700000000ULL * NS_PER_S)

static size_t count(const struct buf *page, const char *what)
{
	size_t n = 0;

	for (const char *at = (const char *)page->data; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static bool has(const struct buf *page, const char *what)
{
	return count(page, what) > 0;
}

static struct answer *new_answer(enum query_kind kind)
{
	struct answer *a;

	assert_ok(answer_new(kind, &a));
	a->as_of = T0 + 3600 * NS_PER_S;
	a->evaluated = true;
	return a;
}

static void add_nodes(struct answer *fleet, const char *status, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct answer_line *l = answer_add_line(fleet);

		assert_non_null(l);
		l->what = arena_printf(fleet->arena, "%s-%u", status, i);
		l->status = status;
		l->text = "some words about it";
		l->detail = "1.0";
		l->at = T0;
	}
}

static void add(struct answer *a, struct finding *f)
{
	assert_ok(answer_add_finding(a, &f));
}

static void a_large_fleet_has_cards_for_the_worst_and_cells_for_all(void **state)
{
	AUTO(answer_free) struct answer *fleet = new_answer(QUERY_FLEET);
	AUTO(answer_free) struct answer *none = new_answer(QUERY_EXPLAIN);
	AUTO_BUF struct buf page;

	(void)state;
	add_nodes(fleet, "critical", 5);
	add_nodes(fleet, "unknown", 7);
	add_nodes(fleet, "healthy", ANSWER_MAX_LINES - 12);
	(void)snprintf(fleet->next_cursor, sizeof(fleet->next_cursor), "n2000");
	buf_init(&page, PAGE_MAX_BYTES);
	page_fleet(fleet, none, &page);
	assert_false(page.overflow);
	assert_int_equal(count(&page, "class=\"card critical\""), 5);
	assert_int_equal(count(&page, "class=\"card unknown\""), 7);
	assert_int_equal(count(&page, "class=\"cell healthy\""), ANSWER_MAX_LINES - 12);
	assert_true(has(&page, "<b>1988</b> \xe2\x9c\x93 healthy"));
	assert_true(has(&page, "Only the 2000 worst are shown"));
	assert_true(has(&page, "No open finding."));
	assert_false(has(&page, "Lately resolved"));
}

static void more_bad_nodes_than_cards_are_still_all_there(void **state)
{
	AUTO(answer_free) struct answer *fleet = new_answer(QUERY_FLEET);
	AUTO(answer_free) struct answer *none = new_answer(QUERY_EXPLAIN);
	AUTO_BUF struct buf page;

	(void)state;
	add_nodes(fleet, "critical", PAGE_MAX_CARDS + 10);
	buf_init(&page, PAGE_MAX_BYTES);
	page_fleet(fleet, none, &page);
	assert_int_equal(count(&page, "class=\"card critical\""), PAGE_MAX_CARDS);
	assert_int_equal(count(&page, "class=\"cell critical\""), 10);
	assert_true(has(&page, "critical-69: some words about it"));
}

static void an_empty_fleet_says_how_to_begin(void **state)
{
	AUTO(answer_free) struct answer *fleet = new_answer(QUERY_FLEET);
	AUTO(answer_free) struct answer *none = new_answer(QUERY_EXPLAIN);
	AUTO_BUF struct buf page;

	(void)state;
	none->evaluated = false;
	buf_init(&page, PAGE_MAX_BYTES);
	page_fleet(fleet, none, &page);
	assert_true(has(&page, "whyd --hub HOST:7443"));
	assert_true(has(&page, "unknown: not evaluated yet"));
	assert_false(has(&page, "healthy\""));
}

static void a_status_nobody_knows_is_unknown(void **state)
{
	AUTO(answer_free) struct answer *fleet = new_answer(QUERY_FLEET);
	AUTO(answer_free) struct answer *none = new_answer(QUERY_EXPLAIN);
	AUTO_BUF struct buf page;

	(void)state;
	add_nodes(fleet, "splendid", 1);
	fleet->lines[0].text = fleet->lines[0].detail = NULL;
	buf_init(&page, PAGE_MAX_BYTES);
	page_fleet(fleet, none, &page);
	assert_true(has(&page, "class=\"card unknown\""));
	buf_reset(&page);
	page_node(&fleet->lines[0], none, &page);
	assert_true(has(&page, "Nothing current is known of this node"));
}

static void rows_left_out_are_counted(void **state)
{
	AUTO(answer_free) struct answer *fleet = new_answer(QUERY_FLEET);
	AUTO(answer_free) struct answer *many = new_answer(QUERY_EXPLAIN);
	AUTO_BUF struct buf page;

	(void)state;
	add_nodes(fleet, "critical", 1);
	for (unsigned i = 0; i < PAGE_MAX_FINDINGS + 20; i++)
		add(many, made_finding("critical-0", i, 1, FINDING_OPEN, SEVERITY_CRITICAL));
	for (unsigned i = 1000; i < 1040; i++)
		add(many, made_finding("critical-0", i, 2, FINDING_RESOLVED, SEVERITY_WARNING));
	add(many, made_finding("critical-0", 2000, 1, FINDING_OPEN, SEVERITY_CRITICAL));
	many->findings[many->n_findings - 1]->shadow = true;
	buf_init(&page, PAGE_MAX_BYTES);
	page_fleet(fleet, many, &page);
	assert_int_equal(count(&page, "<tr class=\"r-critical"), PAGE_MAX_FINDINGS + 1); /* and the one on trial */
	assert_true(has(&page, "At least 20 more are open"));
	assert_int_equal(count(&page, "<tr class=\"r-resolved"), 30);
	assert_true(has(&page, "10 more; <code>why list"));
	assert_true(strstr((char *)page.data, "thing 2000") > strstr((char *)page.data, "Rules on trial"));
}

static void a_finding_without_anything_is_still_a_page(void **state)
{
	AUTO(answer_free) struct answer *a = new_answer(QUERY_EXPLAIN);
	AUTO_BUF struct buf page;
	struct finding *f;

	(void)state;
	assert_ok(finding_new(&f));
	(void)snprintf(f->id, sizeof(f->id), "fnd_bare");
	f->rule = "a.b";
	f->node = "n";
	f->opened_at = T0;
	add(a, f);
	buf_init(&page, PAGE_MAX_BYTES);
	page_finding(a, a->findings[0], &page);
	assert_true(has(&page, "<bdi>a.b</bdi></h1>"));
	assert_true(has(&page, "No evidence came with it."));
	assert_true(has(&page, "The rule names nothing to do."));
	assert_true(has(&page, "opened; still open"));
	assert_true(has(&page, "why --evidence fnd_bare"));
}

static void a_chart_keeps_its_bounds(void **state)
{
	AUTO(answer_free) struct answer *a = new_answer(QUERY_EXPLAIN);
	AUTO_BUF struct buf out;
	struct finding *f = made_finding("n", 1, 1, FINDING_OPEN, SEVERITY_CRITICAL);
	struct chart chart = { .now = 0 };

	(void)state;
	buf_init(&out, PAGE_MAX_BYTES);
	chart_draw(&chart, "nothing", &out);
	assert_int_equal(out.len, 0);
	for (size_t i = 0; i < FINDING_MAX_EVIDENCE; i++)
		f->evidence[i] = (struct finding_evidence){ .text = "seen <b>", .role = i % 2 ? "refutes" : "requires",
							    .from = i * NS_PER_S + T0, .to = (i + 20) * NS_PER_S + T0 };
	f->n_evidence = FINDING_MAX_EVIDENCE;
	f->evidence[3].to = 0;                     /* unknown when */
	f->evidence[4].from = UINT64_MAX;          /* nonsense of another clock */
	for (size_t i = 0; i < FINDING_MAX_EXPLAINS; i++)
		f->explains[i] = (struct finding_explained){ .symptom = "s", .at = T0 + i };
	f->n_explains = FINDING_MAX_EXPLAINS;
	add(a, f);
	timeline_finding(a, a->findings[0], &chart);
	assert_true(chart.n <= TIMELINE_MAX_EVIDENCE + 1 + TIMELINE_MAX_FELT);
	assert_int_equal(chart.left_out, FINDING_MAX_EVIDENCE - TIMELINE_MAX_EVIDENCE + FINDING_MAX_EXPLAINS -
						 TIMELINE_MAX_FELT);
	chart_draw(&chart, "all", &out);
	assert_false(out.overflow);
	assert_true(has(&out, "46 more are not drawn"));
	assert_true(has(&out, "seen &lt;b&gt;"));
	assert_false(has(&out, "nan"));
	assert_false(has(&out, "inf"));
	assert_int_equal(count(&out, "<g "), chart.n);
	assert_int_equal(count(&out, "<g "), count(&out, "</g>"));
	assert_int_equal(count(&out, "<svg"), count(&out, "</svg>"));
}

static void too_small_a_buffer_shows_it(void **state)
{
	AUTO(answer_free) struct answer *a = new_answer(QUERY_EXPLAIN);
	AUTO_BUF struct buf page;

	(void)state;
	add(a, made_finding("n", 1, 1, FINDING_OPEN, SEVERITY_WARNING));
	buf_init(&page, 500);
	page_finding(a, a->findings[0], &page);
	assert_true(page.overflow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_fleet_has_cards_for_the_worst_and_cells_for_all),
		cmocka_unit_test(more_bad_nodes_than_cards_are_still_all_there),
		cmocka_unit_test(an_empty_fleet_says_how_to_begin),
		cmocka_unit_test(a_status_nobody_knows_is_unknown),
		cmocka_unit_test(rows_left_out_are_counted),
		cmocka_unit_test(a_finding_without_anything_is_still_a_page),
		cmocka_unit_test(a_chart_keeps_its_bounds),
		cmocka_unit_test(too_small_a_buffer_shows_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
