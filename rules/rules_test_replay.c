// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/cleanup.h"
#include "rules/replay.h"
#include "rules/rules_test_check.h"

struct recorded {
	struct replay *replay;
	struct test_play play; /* its graph is the replay's */
	struct test_check *check;
	uint64_t ticks;
};

static void recorded_done(struct recorded *r)
{
	test_check_free(&r->check);
	replay_free(&r->replay);
}

static void remember(void *arg, const struct finding *f)
{
	test_check_take(arg, f);
}

/* Entities come and go: what the test names is looked up again each tick. */
static void find_entities(struct test_play *play)
{
	for (uint32_t i = 0; i < play->test->n_entities; i++) {
		const struct rules_test_entity *e = &play->test->entities[i];

		play->ids[i] = e->kind == ENTITY_NODE ? graph_node(play->graph)
						      : graph_find(play->graph, e->kind, e->key);
	}
}

static void on_tick(void *arg, uint64_t now, wall_ns_t wall)
{
	struct recorded *r = arg;

	if (r->ticks++ == 0) {
		r->play.graph = replay_graph(r->replay);
		r->play.epoch_mono = now;
		r->play.epoch_wall = wall;
	}
	find_entities(&r->play);
	test_check_tick(r->check, replay_engine(r->replay), &r->play, now - r->play.epoch_mono);
}

static int open_replay(const struct ruleset *rs, const struct metrics *metrics, struct recorded *r)
{
	const struct replay_options options = { .metrics = metrics, .warm_up_ns = REPLAY_WARM_UP_NS };
	AUTO(ruleset_free) struct ruleset *own = NULL;
	int e = test_load_again(rs, metrics, &own);

	if (e == 0)
		e = replay_new(&options, &own, &r->replay);
	if (e == 0)
		replay_on_tick(r->replay, on_tick, r);
	return e;
}

int rules_test_replay(const struct ruleset *rs, uint32_t index, const struct metrics *metrics, const uint8_t *data,
		      size_t n, struct rules_test_seen *seen, struct buf *out, bool *ret_passed)
{
	AUTO(recorded_done) struct recorded r = { 0 };
	size_t used;
	int e;

	if (index >= rs->n_tests)
		return -ENOENT;
	if (!rs->tests[index].replay)
		return -ENOTSUP;
	if (n > RULES_TEST_MAX_REPLAY_BYTES)
		return -EFBIG;
	r.play.test = &rs->tests[index];
	e = open_replay(rs, metrics, &r);
	if (e == 0)
		e = test_check_new(&rs->tests[index], rs, seen, out, &r.check);
	if (e == 0)
		e = replay_feed(r.replay, data, n, remember, r.check, &used);
	if (e == 0 && r.ticks == 0)
		e = -ENODATA;
	if (e < 0)
		return e;
	test_check_end(r.check);
	*ret_passed = test_check_passed(r.check);
	return 0;
}
