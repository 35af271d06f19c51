// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/render.h"
#include "tests/cli/child.h"
#include "tests/cli/sample.h"
#include "tests/test.h"

static void add(struct answer *a, const char *node, const char *status, wall_ns_t at, const char *text,
		enum severity severity)
{
	struct answer_line *l = answer_add_line(a);

	*l = (struct answer_line){ .what = node, .status = status, .at = at, .text = text, .severity = severity };
}

static struct page render(struct answer *a)
{
	const struct terminal terminal = { .unicode = true, .width = 100 };
	const struct common common = { 0 };
	struct page p;

	page_init(&p, &terminal, a->as_of);
	render_answer(&p, a, &common);
	return p;
}

static void test_the_worst_node_first_and_silence_is_unknown(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = NULL;

	assert_ok(answer_new(QUERY_FLEET, &a));
	sample_head(a);
	a->node = NULL;
	a->target = "";
	a->agent_last_seen = 0;
	add(a, "node-1", "healthy", a->as_of - 2 * NS_PER_S, "", SEVERITY_INFO);
	add(a, "node-2", "unknown", 0, "never heard", SEVERITY_INFO);
	add(a, "node-3", "warning", a->as_of, "1 open", SEVERITY_WARNING);
	add(a, "node-4", "critical", a->as_of - 63 * NS_PER_S, "2 open\033[2J", SEVERITY_CRITICAL);
	AUTO(page_done) struct page p = render(a);
	assert_string_equal(
		(char *)p.out.data,
		"fleet  CRITICAL  4 nodes: 1 critical, 1 warning, 1 unknown                            as of 10:47:03\n"
		"\n"
		"NODE    STATUS    LAST SEEN      WHAT\n"
		"node-4  critical  1 min 3 s ago  2 open\\x1B[2J\n"
		"node-3  warning   now            1 open\n"
		"node-2  unknown   never          never heard\n"
		"node-1  healthy   2 s ago\n");
	assert_int_equal(answer_exit_status(a), 2);
}

static void test_no_node_is_not_health(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = NULL;

	assert_ok(answer_new(QUERY_FLEET, &a));
	a->as_of = SAMPLE_T0;
	AUTO(page_done) struct page p = render(a);
	assert_non_null(strstr((char *)p.out.data, "No node has ever reported to this hub"));
}

static void test_an_agent_knows_no_fleet(void **state UNUSED)
{
	const struct child_result *r = child_why("fleet", "--local");

	assert_int_equal(r->status, 64);
	assert_non_null(strstr(r->err, "--hub HOST:PORT"));
	/* It goes to a hub, even where an agent's socket is. */
	r = child_why("fleet", "--hub", "127.0.0.1:1", "--timeout", "5s");
	assert_int_equal(r->status, 69);
}

int main(void)
{
	(void)setenv("TZ", "UTC", 1);
	tzset();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_worst_node_first_and_silence_is_unknown),
		cmocka_unit_test(test_no_node_is_not_health),
		cmocka_unit_test(test_an_agent_knows_no_fleet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
