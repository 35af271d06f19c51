/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <string.h>

#include "model/event_log.h"
#include "model/series.h"

static struct event event_at(mono_ns_t at, int code, const char *message)
{
	return (struct event){.at = at, .code = code, .message = message};
}

static void events_own_their_texts(void **state)
{
	const struct event *got[2];
	struct event_log *l = NULL;
	char message[] = "one", value[] = "python3";
	struct event e = event_at(10, 1, message);
	size_t empty;

	(void)state;
	assert_ok(event_log_new(&l));
	empty = event_log_bytes(l);
	e.values[3].text = value;
	assert_ok(event_log_put(l, &e, 10, 100));
	assert_true(event_log_bytes(l) >= empty + sizeof(e) + sizeof(message) + sizeof(value));
	memset(message, 'x', 3);
	memset(value, 'x', 7);
	assert_int_equal(event_log_get(l, 10, 100, got, 2), 1);
	assert_string_equal(got[0]->message, "one");
	assert_string_equal(got[0]->values[3].text, "python3");
	assert_null(got[0]->values[2].text);
	event_log_free(&l);
	assert_null(l);
	event_log_free(&l);
}

static void what_is_older_than_the_window_leaves(void **state)
{
	struct event_log *l = NULL;

	(void)state;
	assert_ok(event_log_new(&l));
	for (unsigned t = 0; t < 300; t += 10) {
		struct event e = event_at(t, (int)t, NULL);

		assert_ok(event_log_put(l, &e, t, 100));
	}
	assert_int_equal(event_log_count_held(l), 11); /* 190..290 */
	assert_int_equal(event_log_total(l, 290, 100), 11);
	assert_int_equal(event_log_total(l, 290, 50), 6);
	assert_int_equal(event_log_total(l, 500, 100), 0);
	event_log_free(&l);
}

static void what_is_evicted_is_still_counted(void **state)
{
	const struct event *got[SERIES_MAX_EVENTS];
	struct event_log *l = NULL;

	(void)state;
	assert_ok(event_log_new(&l));
	assert_false(event_log_evict(l));
	for (unsigned t = 1; t <= 200; t++) {
		struct event e = event_at(t * 10, (int)t, "x");

		assert_ok(event_log_put(l, &e, t * 10, 3000));
	}
	assert_int_equal(event_log_count_held(l), SERIES_MAX_EVENTS);
	assert_int_equal(event_log_total(l, 2000, 3000), 200);
	assert_true(event_log_evict(l));
	assert_int_equal(event_log_total(l, 2000, 3000), 200);
	assert_int_equal(event_log_get(l, 2000, 3000, got, SERIES_MAX_EVENTS), SERIES_MAX_EVENTS - 1);
	assert_int_equal(got[0]->code, 200);
	assert_int_equal(got[SERIES_MAX_EVENTS - 2]->code, 138);
	event_log_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_own_their_texts),
		cmocka_unit_test(what_is_older_than_the_window_leaves),
		cmocka_unit_test(what_is_evicted_is_still_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
