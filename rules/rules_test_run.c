// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "model/finding.h"
#include "rules/engine.h"
#include "rules/rules_test_check.h"
#include "rules/rules_test_play.h"

#define MAX_INSTANCES    4096
#define MAX_SERIES       4096
#define MAX_SERIES_BYTES (8 * 1024 * 1024)

static void remember(void *arg, const struct finding *f)
{
	test_check_take(arg, f);
}

/* An engine owns its ruleset: each test gets a fresh one, made from the texts in force. */
int test_load_again(const struct ruleset *rs, const struct metrics *metrics, struct ruleset **ret_ruleset)
{
	AUTO(diags_free) struct diags *unheard = NULL;
	int r = diags_new(&unheard);

	return r < 0 ? r : ruleset_load(rs->origins, rs->n_origins, metrics, NULL, unheard, ret_ruleset);
}

static int make_engine(const struct ruleset *rs, const struct test_play *play, struct engine **ret_engine)
{
	const struct engine_options options = { .metrics = play->metrics, .graph = play->graph,
						.node = graph_key(play->graph, graph_node(play->graph)),
						.boot_id = "00000000-0000-0000-0000-000000000000",
							.max_instances = MAX_INSTANCES,
						.max_series = MAX_SERIES, .max_series_bytes = MAX_SERIES_BYTES,
							.interval_ns = play->test->tick_ns };
	AUTO(ruleset_free) struct ruleset *own = NULL;
	AUTO(engine_free) struct engine *e = NULL;
	int r = test_load_again(rs, play->metrics, &own);

	if (r == 0)
		r = engine_new(&options, &e);
	if (r == 0)
		r = engine_use(e, &own, RULES_TEST_EPOCH_MONO);
	if (r < 0)
		return r;
	*ret_engine = TAKE_PTR(e);
	return 0;
}

static int play_all(struct engine *e, struct test_play *play, struct test_check *check)
{
	uint64_t end = test_play_end(play->test), tick = play->test->tick_ns, before = 0;

	for (uint64_t now = 0; now <= end + tick; now += tick) {
		int r;

		test_play_tick(play, before, now, now == 0);
		r = engine_tick(e, play->batch, RULES_TEST_EPOCH_MONO + now, RULES_TEST_EPOCH_WALL + now, remember,
				check);
		if (r < 0)
			return r;
		test_check_tick(check, e, play, now);
		before = now;
	}
	test_check_end(check);
	return 0;
}

int rules_test_run(const struct ruleset *rs, uint32_t index, const struct metrics *metrics,
		   struct rules_test_seen *seen, struct buf *out,
		   bool *ret_passed)
{
	AUTO(engine_free) struct engine *e = NULL;
	AUTO(test_check_free) struct test_check *check = NULL;
	__attribute__((cleanup(test_play_close))) struct test_play play = { 0 };
	int r;

	if (index >= rs->n_tests)
		return -ENOENT;
	if (rs->tests[index].replay)
		return -ENOTSUP;
	r = test_play_open(&play, &rs->tests[index], metrics);
	if (r == 0)
		r = make_engine(rs, &play, &e);
	if (r == 0)
		r = test_check_new(&rs->tests[index], rs, seen, out, &check);
	if (r == 0)
		r = play_all(e, &play, check);
	if (r < 0)
		return r;
	*ret_passed = test_check_passed(check);
	return 0;
}
