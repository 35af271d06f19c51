// SPDX-License-Identifier: Apache-2.0
/* A wall clock that jumps changes what is written on a finding, never what is found, nor when. */
#include "rules/engine.h"

#include <stdio.h>
#include <string.h>

#include "tests/rules/scene.h"
#include "tests/test.h"

#define HOUR_NS	 ((int64_t)(3600 * NS_PER_S))
#define SECONDS	 400
#define MAX_SAID 1024

struct said {
	unsigned at_s;
	char id[FINDING_ID_SIZE], rule[64];
	enum finding_state state;
	uint64_t revision, count;
	double confidence, coverage;
	size_t n_evidence, n_explains, n_because;
	wall_ns_t opened_at, changed_at, resolved_at;
};

struct story {
	struct said said[MAX_SAID];
	size_t n;
};

static void note(struct story *story, const struct finding *f, unsigned at_s)
{
	struct said *said = &story->said[story->n++];

	assert_true(story->n < MAX_SAID);
	*said = (struct said){.at_s = at_s, .state = f->state, .revision = f->revision, .count = f->count,
			      .confidence = f->confidence, .coverage = f->coverage, .n_evidence = f->n_evidence,
			      .n_explains = f->n_explains, .n_because = f->n_because, .opened_at = f->opened_at,
			      .changed_at = f->changed_at, .resolved_at = f->resolved_at};
	snprintf(said->id, sizeof(said->id), "%s", f->id);
	snprintf(said->rule, sizeof(said->rule), "%s", f->rule);
}

/* The same seconds, with a wall clock that is off by `off_ns` from second `from` to second `to`. */
static void live(struct story *story, int64_t off_ns, unsigned from, unsigned to)
{
	uint64_t random = 7;
	struct scene s;

	story->n = 0;
	scene_open(&s, scene_rules, 0);
	for (unsigned i = 0; i < SECONDS; i++) {
		size_t before = s.n_said;

		s.wall_off_ns = i >= from && i < to ? off_ns : 0;
		scene_random(&s, &random);
		scene_tick(&s, NS_PER_S);
		for (size_t n = before; n < s.n_said; n++)
			note(story, s.said[n], i);
	}
	scene_close(&s);
}

static void assert_same_course(const struct story *a, const struct story *b)
{
	assert_true(a->n > 50); /* else nothing is compared */
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct said *x = &a->said[i], *y = &b->said[i];

		assert_int_equal(x->at_s, y->at_s);
		assert_string_equal(x->id, y->id);
		assert_string_equal(x->rule, y->rule);
		assert_int_equal(x->state, y->state);
		assert_int_equal(x->revision, y->revision);
		assert_int_equal(x->count, y->count);
		assert_true(x->confidence == y->confidence && x->coverage == y->coverage);
		assert_int_equal(x->n_evidence, y->n_evidence);
		assert_int_equal(x->n_explains, y->n_explains);
		assert_int_equal(x->n_because, y->n_because);
	}
}

static size_t count_state(const struct story *story, enum finding_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < story->n; i++)
		n += story->said[i].state == state;
	return n;
}

static void jump(int64_t off_ns, unsigned from, unsigned to)
{
	static struct story straight, jumped;

	live(&straight, 0, 0, 0);
	live(&jumped, off_ns, from, to);
	assert_true(count_state(&straight, FINDING_RESOLVED) > 5);
	assert_same_course(&straight, &jumped);
	for (size_t i = 0; i < straight.n; i++) {
		const struct said *x = &straight.said[i], *y = &jumped.said[i];
		int64_t off = x->at_s >= from && x->at_s < to ? off_ns : 0;

		/* A change is stamped with the clock as it is; its opening stays as it was said, until it opens anew. */
		assert_true(y->changed_at == x->changed_at + (wall_ns_t)off);
		for (size_t k = 0; k < i; k++)
			if (strcmp(jumped.said[k].id, y->id) == 0)
				assert_int_equal(jumped.said[k].opened_at == y->opened_at,
						 straight.said[k].opened_at == x->opened_at);
	}
}

static void test_an_hour_back_disturbs_no_window(void **state)
{
	(void)state;
	jump(-HOUR_NS, 150, SECONDS);
}

static void test_an_hour_back_and_forth_disturbs_no_window(void **state)
{
	(void)state;
	jump(-HOUR_NS, 100, 250);
}

static void test_a_year_ahead_and_back_disturbs_no_window(void **state)
{
	(void)state;
	jump(24 * 365 * HOUR_NS, 120, 180);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_hour_back_disturbs_no_window),
		cmocka_unit_test(test_an_hour_back_and_forth_disturbs_no_window),
		cmocka_unit_test(test_a_year_ahead_and_back_disturbs_no_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
