// SPDX-License-Identifier: Apache-2.0
#include "proto/convert.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/message.h"
#include "tests/test.h"

static void there_and_back(const struct query *q, struct query *ret_back)
{
	AUTO_BUF struct buf b = {0};

	buf_init(&b, 4096);
	assert_ok(query_pack(q, &b));
	assert_ok(query_unpack(b.data, b.len, ret_back, NULL));
}

static void every_field_comes_back(void **state UNUSED)
{
	for (int kind = 0; kind < QUERY_KIND_MAX; kind++) {
		struct query q = {
			.kind = (enum query_kind)kind,
			.target_kind = (enum entity_kind)(kind % (ENTITY_KIND_MAX + 1)),
			.target = "ml/train-0",
			.node = "n1",
			.cause = "gpu.fell_off_bus",
			.since_ns = UINT64_MAX - (uint64_t)kind,
			.min_confidence = 0.5,
			.only_open = kind % 2,
			.limit = 17,
			.cursor = "c/1",
		};
		struct query back;

		memset(&back, 0xee, sizeof(back));
		there_and_back(&q, &back);
		assert_int_equal(back.kind, q.kind);
		assert_int_equal(back.target_kind, q.target_kind);
		assert_string_equal(back.target, q.target);
		assert_string_equal(back.node, q.node);
		assert_string_equal(back.cause, q.cause);
		assert_int_equal(back.since_ns, q.since_ns);
		assert_true(back.min_confidence == q.min_confidence);
		assert_int_equal(back.only_open, q.only_open);
		assert_int_equal(back.limit, q.limit);
		assert_string_equal(back.cursor, q.cursor);
	}
}

static void a_bare_word_stays_bare(void **state UNUSED)
{
	struct query q = {.kind = QUERY_EXPLAIN, .target_kind = ENTITY_KIND_MAX, .target = "node-17"}, back;

	there_and_back(&q, &back);
	assert_int_equal(back.target_kind, ENTITY_KIND_MAX);
}

static void refused(Why__V1__Question *m, const char *field)
{
	AUTO_BUF struct buf b = {0};
	struct pack p = {0};
	struct query q = {.limit = 4711};
	const char *named = "none";

	buf_init(&b, 1 << 16);
	assert_ok(pack_message(&p, &m->base, &b));
	assert_err(query_unpack(b.data, b.len, &q, &named), EBADMSG);
	assert_string_equal(named, field);
	assert_int_equal(q.limit, 4711); /* untouched */
}

static void names_what_is_wrong(void **state UNUSED)
{
	Why__V1__Question good = WHY__V1__QUESTION__INIT, m;
	char text[1024];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	good.kind = WHY__V1__QUESTION_KIND__QUESTION_KIND_LIST;
	refused((m = good, m.kind = 0, &m), "kind");
	refused((m = good, m.kind = QUERY_KIND_MAX + 1, &m), "kind");
	refused((m = good, m.target_kind = 99, &m), "target_kind");
	refused((m = good, m.target = text, &m), "target");
	refused((m = good, m.node = text, &m), "node");
	refused((m = good, m.cause = text, &m), "cause");
	refused((m = good, m.cursor = text, &m), "cursor");
	refused((m = good, m.node = (char *)"\xff", &m), "node");
	refused((m = good, m.min_confidence = NAN, &m), "min_confidence");
	refused((m = good, m.min_confidence = 2, &m), "min_confidence");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_comes_back),
		cmocka_unit_test(a_bare_word_stays_bare),
		cmocka_unit_test(names_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
