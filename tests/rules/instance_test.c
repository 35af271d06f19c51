// SPDX-License-Identifier: Apache-2.0
#include "rules/instance.h"

#include "tests/test.h"

#define S(n) ((n)*NS_PER_S)

struct life {
	struct instance i;
	struct hold hold;
	mono_ns_t now;
};

static enum instance_change at(struct life *l, uint64_t second, enum truth holds, enum truth clears)
{
	struct instance_input in = {
		.now = S(second), .holds = holds, .clears = clears, .may_open = true, .may_resolve = true};

	return instance_step(&l->i, &l->hold, &in);
}

static enum instance_change yes(struct life *l, uint64_t second)
{
	return at(l, second, TRUTH_TRUE, TRUTH_FALSE);
}

static enum instance_change no(struct life *l, uint64_t second)
{
	return at(l, second, TRUTH_FALSE, TRUTH_TRUE);
}

static void test_it_opens_after_for(void **state)
{
	struct life l = {.hold = {.for_ns = S(5)}};

	(void)state;
	assert_int_equal(yes(&l, 10), INSTANCE_SAME);
	assert_int_equal(l.i.state, INSTANCE_PENDING);
	assert_int_equal(yes(&l, 14), INSTANCE_SAME);
	assert_int_equal(no(&l, 14), INSTANCE_SAME);
	assert_int_equal(l.i.state, INSTANCE_IDLE);
	assert_int_equal(yes(&l, 20), INSTANCE_SAME);
	assert_int_equal(yes(&l, 25), INSTANCE_OPENED);
	assert_true(instance_is_open(&l.i));
}

static void test_unknown_neither_opens_nor_drops_it(void **state)
{
	struct life l = {.hold = {.for_ns = S(5)}};

	(void)state;
	assert_int_equal(at(&l, 10, TRUTH_UNKNOWN, TRUTH_UNKNOWN), INSTANCE_SAME);
	assert_int_equal(l.i.state, INSTANCE_IDLE);
	(void)yes(&l, 11);
	assert_int_equal(at(&l, 20, TRUTH_UNKNOWN, TRUTH_UNKNOWN), INSTANCE_SAME);
	assert_int_equal(l.i.state, INSTANCE_PENDING);
	assert_int_equal(yes(&l, 21), INSTANCE_OPENED);
}

static void test_pending_is_dropped_when_nothing_is_known_for_long(void **state)
{
	struct life l = {.hold = {.for_ns = S(5)}};

	(void)state;
	(void)yes(&l, 11);
	(void)at(&l, 12 + INSTANCE_BLIND_NS / NS_PER_S, TRUTH_UNKNOWN, TRUTH_UNKNOWN);
	assert_int_equal(l.i.state, INSTANCE_IDLE);
}

static void test_it_clears_after_quiet(void **state)
{
	struct life l = {.hold = {.clear_after_ns = S(10)}};

	(void)state;
	assert_int_equal(yes(&l, 1), INSTANCE_OPENED);
	assert_int_equal(no(&l, 2), INSTANCE_SAME);
	assert_int_equal(l.i.state, INSTANCE_CLEARING);
	assert_int_equal(no(&l, 11), INSTANCE_SAME);
	assert_int_equal(yes(&l, 11), INSTANCE_SAME); /* back: the quiet starts anew */
	assert_int_equal(no(&l, 12), INSTANCE_SAME);
	assert_int_equal(no(&l, 21), INSTANCE_SAME);
	assert_int_equal(no(&l, 22), INSTANCE_RESOLVED);
	assert_int_equal(l.i.state, INSTANCE_RESTING);
	assert_int_equal(no(&l, 22 + 1799), INSTANCE_SAME);
	assert_int_equal(no(&l, 22 + 1800), INSTANCE_OVER);
}

static void test_blindness_is_not_recovery(void **state)
{
	struct life l = {.hold = {.clear_after_ns = S(10)}};

	(void)state;
	(void)yes(&l, 1);
	assert_int_equal(at(&l, 500, TRUTH_UNKNOWN, TRUTH_UNKNOWN), INSTANCE_SAME);
	assert_int_equal(l.i.state, INSTANCE_OPEN);
	assert_int_equal(at(&l, 901, TRUTH_UNKNOWN, TRUTH_UNKNOWN), INSTANCE_RESOLVED); /* but not for ever */
}

static void test_cooldown_goes_on_with_the_same(void **state)
{
	struct life l = {.hold = {.clear_after_ns = S(1), .cooldown_ns = S(60)}};

	(void)state;
	(void)yes(&l, 1);
	(void)no(&l, 2);
	assert_int_equal(no(&l, 3), INSTANCE_RESOLVED);
	assert_int_equal(yes(&l, 30), INSTANCE_REOPENED);
	(void)no(&l, 31);
	assert_int_equal(no(&l, 32), INSTANCE_RESOLVED);
	assert_int_equal(yes(&l, 92), INSTANCE_OPENED); /* the cooldown counts from the last closing */
}

static void test_flapping(void **state)
{
	struct life l = {0};

	(void)state;
	(void)yes(&l, 10);
	assert_int_equal(no(&l, 11), INSTANCE_RESOLVED);
	(void)yes(&l, 20);
	assert_int_equal(no(&l, 21), INSTANCE_RESOLVED);
	(void)yes(&l, 30);
	assert_int_equal(no(&l, 31), INSTANCE_FLAPS);
	assert_true(l.i.flapping);
	assert_true(instance_is_open(&l.i));
	assert_int_equal(no(&l, 1000), INSTANCE_SAME);
	(void)yes(&l, 1001);
	assert_int_equal(no(&l, 1002), INSTANCE_SAME);
	assert_int_equal(no(&l, 1002 + 1799), INSTANCE_SAME);
	assert_int_equal(no(&l, 1002 + 1800), INSTANCE_RESOLVED);
	assert_false(l.i.flapping);
	/* It starts with a clean sheet. */
	(void)yes(&l, 3000);
	assert_int_equal(no(&l, 3001), INSTANCE_RESOLVED);
}

static void test_slow_changes_do_not_flap(void **state)
{
	struct life l = {0};

	(void)state;
	for (unsigned i = 1; i < 10; i++) {
		assert_int_equal(yes(&l, i * 1000), INSTANCE_OPENED);
		assert_int_equal(no(&l, i * 1000 + 1), INSTANCE_RESOLVED);
	}
}

static void test_latches(void **state)
{
	struct life l = {.hold = {.latch = LATCH_UNTIL_ACK}};

	(void)state;
	(void)yes(&l, 1);
	assert_int_equal(no(&l, 1000), INSTANCE_SAME);
	l.i.acknowledged = true;
	assert_int_equal(no(&l, 1001), INSTANCE_RESOLVED);
	l = (struct life){.hold = {.latch = LATCH_UNTIL_REBOOT}};
	(void)yes(&l, 1);
	l.i.acknowledged = true;
	assert_int_equal(no(&l, 1000), INSTANCE_SAME);
	assert_int_equal(at(&l, 5000, TRUTH_UNKNOWN, TRUTH_UNKNOWN), INSTANCE_SAME);
}

static void test_refuted_ends_at_once(void **state)
{
	struct life l = {.hold = {.latch = LATCH_UNTIL_REBOOT, .clear_after_ns = S(60)}};
	struct instance_input in = {.now = S(2),
				    .holds = TRUTH_FALSE,
				    .clears = TRUTH_FALSE,
				    .refuted = true,
				    .may_resolve = true,
				    .may_open = true};

	(void)state;
	(void)yes(&l, 1);
	assert_int_equal(instance_step(&l.i, &l.hold, &in), INSTANCE_RESOLVED);
}

static void test_warm_up(void **state)
{
	struct life l = {0};
	struct instance_input in = {.now = S(1), .holds = TRUTH_TRUE, .clears = TRUTH_FALSE};

	(void)state;
	assert_int_equal(instance_step(&l.i, &l.hold, &in), INSTANCE_SAME);
	assert_int_equal(l.i.state, INSTANCE_PENDING);
	in.may_open = true;
	assert_int_equal(instance_step(&l.i, &l.hold, &in), INSTANCE_OPENED);
	in.holds = TRUTH_FALSE;
	in.clears = TRUTH_TRUE;
	assert_int_equal(instance_step(&l.i, &l.hold, &in), INSTANCE_SAME);
	in.may_resolve = true;
	assert_int_equal(instance_step(&l.i, &l.hold, &in), INSTANCE_RESOLVED);
}

static void test_resume(void **state)
{
	struct life l = {0};

	(void)state;
	instance_resume(&l.i, true, S(5));
	assert_true(instance_is_open(&l.i));
	assert_true(l.i.flapping);
	assert_int_equal(no(&l, 6), INSTANCE_SAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_opens_after_for),
		cmocka_unit_test(test_unknown_neither_opens_nor_drops_it),
		cmocka_unit_test(test_pending_is_dropped_when_nothing_is_known_for_long),
		cmocka_unit_test(test_it_clears_after_quiet),
		cmocka_unit_test(test_blindness_is_not_recovery),
		cmocka_unit_test(test_cooldown_goes_on_with_the_same),
		cmocka_unit_test(test_flapping),
		cmocka_unit_test(test_slow_changes_do_not_flap),
		cmocka_unit_test(test_latches),
		cmocka_unit_test(test_refuted_ends_at_once),
		cmocka_unit_test(test_warm_up),
		cmocka_unit_test(test_resume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
