// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"

struct fixture {
	struct buf out;
	struct json j;
};

static void start(struct fixture *f)
{
	buf_init(&f->out, 1 << 20);
	json_init(&f->j, &f->out);
}

static void ends_as(struct fixture *f, const char *expected)
{
	assert_ok(json_end(&f->j));
	assert_string_equal((char *)f->out.data, expected);
	buf_done(&f->out);
}

static void fails_as(struct fixture *f, int err)
{
	assert_err(json_end(&f->j), err);
	buf_done(&f->out);
}

static void commas_stand_between_and_nowhere_else(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	json_object_begin(&f.j);
	json_key_text(&f.j, "a", "x");
	json_key_text_nonempty(&f.j, "no", "");
	json_key_text_nonempty(&f.j, "no", NULL);
	json_key_text_nonempty(&f.j, "b", "y");
	json_key(&f.j, "list");
	json_array_begin(&f.j);
	json_array_begin(&f.j);
	json_array_end(&f.j);
	json_object_begin(&f.j);
	json_object_end(&f.j);
	json_i64(&f.j, INT64_MIN);
	json_u64(&f.j, UINT64_MAX);
	json_bool(&f.j, true);
	json_nil(&f.j);
	json_text(&f.j, NULL);
	json_array_end(&f.j);
	json_key_u64(&f.j, "n", 7);
	json_key_double(&f.j, "d", 0.1);
	json_key_bool(&f.j, "f", false);
	json_object_end(&f.j);
	ends_as(&f, "{\"a\":\"x\",\"b\":\"y\",\"list\":[[],{},-9223372036854775808,18446744073709551615,true,null,null],"
		    "\"n\":7,\"d\":0.1,\"f\":false}");
}

static void strings_are_always_valid(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	json_text_n(&f.j, "\"\\\b\f\n\r\t\0\x1F\x7F\xC3\xBC\xE2\x80\xAE\xFF\xF0\x9F\x98\x80\xE2\x82/", 23);
	ends_as(&f, "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001F\\u007F\xC3\xBC\\u202E\\uFFFD\xF0\x9F\x98\x80\\uFFFD\\uFFFD/\"");
}

static void absent_is_not_zero(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	json_array_begin(&f.j);
	json_double(&f.j, NAN);
	json_double(&f.j, INFINITY);
	json_double(&f.j, -INFINITY);
	json_double(&f.j, 0);
	json_double(&f.j, 1000000);
	json_double(&f.j, -2.5);
	json_double(&f.j, 1e300);
	json_array_end(&f.j);
	ends_as(&f, "[null,null,null,0,1000000,-2.5,1e+300]");
}

static void doubles_read_back_the_same(void **state)
{
	static const double edges[] = { DBL_MIN, DBL_MAX, -DBL_MAX, DBL_EPSILON, 5e-324, 1.0 / 3, 0.1 + 0.2,
		1e15, 1e15 + 2, 123456789.125 };

	(void)state;
	srand(4);
	for (int i = 0; i < 20000; i++) {
		union {
			uint64_t bits;
			double d;
		} u = { .bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand() };
		struct fixture f;

		if (i < (int)ARRAY_LEN(edges))
			u.d = edges[i];
		if (!isfinite(u.d))
			continue;
		start(&f);
		json_double(&f.j, u.d);
		assert_ok(json_end(&f.j));
		assert_true(strtod((char *)f.out.data, NULL) == u.d);
		buf_done(&f.out);
	}
}

static void misuse_is_an_error_and_writes_nothing_more(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	fails_as(&f, EINVAL); /* nothing */
	start(&f);
	json_object_begin(&f.j);
	json_u64(&f.j, 1); /* no key */
	json_key_u64(&f.j, "k", 1);
	json_object_end(&f.j);
	assert_string_equal((char *)f.out.data, "{");
	fails_as(&f, EINVAL);
	start(&f);
	json_array_begin(&f.j);
	json_key(&f.j, "k"); /* no object */
	fails_as(&f, EINVAL);
	start(&f);
	json_key(&f.j, "k");
	fails_as(&f, EINVAL);
	start(&f);
	json_object_begin(&f.j);
	json_key(&f.j, "k");
	json_key(&f.j, "k");
	fails_as(&f, EINVAL);
	start(&f);
	json_object_begin(&f.j);
	json_key(&f.j, "k");
	json_object_end(&f.j); /* a key without value */
	fails_as(&f, EINVAL);
	start(&f);
	json_object_begin(&f.j);
	json_array_end(&f.j);
	fails_as(&f, EINVAL);
	start(&f);
	json_array_end(&f.j);
	fails_as(&f, EINVAL);
	start(&f);
	json_array_begin(&f.j);
	fails_as(&f, EINVAL); /* unbalanced */
	start(&f);
	json_u64(&f.j, 1);
	json_u64(&f.j, 2);
	fails_as(&f, EINVAL);
}

static void depth_ends_at_its_maximum(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		json_array_begin(&f.j);
	assert_int_equal(f.j.error, 0);
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		json_array_end(&f.j);
	assert_ok(json_end(&f.j));
	buf_done(&f.out);
	start(&f);
	for (int i = 0; i <= JSON_MAX_DEPTH; i++)
		json_array_begin(&f.j);
	for (int i = 0; i <= JSON_MAX_DEPTH; i++)
		json_array_end(&f.j);
	fails_as(&f, EINVAL);
}

static void an_overflow_is_told_apart(void **state)
{
	struct buf out;
	struct json j;

	(void)state;
	buf_init(&out, 10);
	json_init(&j, &out);
	json_text(&j, "longer than ten");
	assert_err(json_end(&j), EMSGSIZE);
	buf_done(&out);
	buf_init(&out, 7);
	json_init(&j, &out);
	json_text(&j, "fives");
	assert_ok(json_end(&j));
	buf_done(&out);
}

/* Random texts as keys and values in a random tree; jansson, which is strict, must read the same. */
static size_t random_text(char *text, size_t max)
{
	size_t n = (size_t)rand() % max, used = 0;

	while (used < n) {
		uint32_t code = (uint32_t)(rand() % 4 ? rand() % 0x80 : rand() % 0xFFFF);
		char s[4] = { (char)code };
		size_t len = 1;

		if (code >= 0x800) {
			s[0] = (char)(0xE0 | code >> 12);
			s[1] = (char)(0x80 | (code >> 6 & 0x3F));
			s[2] = (char)(0x80 | (code & 0x3F));
			len = 3;
		} else if (code >= 0x80) {
			s[0] = (char)(0xC0 | code >> 6);
			s[1] = (char)(0x80 | (code & 0x3F));
			len = 2;
		}
		if (used + len > n || code == 0 || !text_is_utf8(s, len))
			break;
		memcpy(text + used, s, len);
		used += len;
	}
	text[used] = '\0';
	return used;
}

static json_t *write_random(struct json *j, int depth)
{
	char text[40], key[24];
	json_t *tree;

	switch (rand() % (depth > 5 ? 4 : 6)) {
	case 0:
		tree = json_integer((json_int_t)rand() * rand() * (depth & 1 ? -1 : 1));
		json_i64(j, json_integer_value(tree));
		return tree;
	case 1:
		json_bool(j, true);
		return json_true();
	case 2:
		json_nil(j);
		return json_null();
	case 3:
		random_text(text, sizeof(text));
		json_text(j, text);
		return json_string(text);
	case 4:
		tree = json_array();
		json_array_begin(j);
		for (int i = rand() % 5; i > 0; i--)
			json_array_append_new(tree, write_random(j, depth + 1));
		json_array_end(j);
		return tree;
	default:
		tree = json_object();
		json_object_begin(j);
		for (int i = rand() % 5; i > 0; i--) {
			(void)snprintf(key, sizeof(key), "%d-", i);
			random_text(key + strlen(key), sizeof(key) - strlen(key));
			json_key(j, key);
			json_object_set_new(tree, key, write_random(j, depth + 1));
		}
		json_object_end(j);
		return tree;
	}
}

static void jansson_reads_what_was_written(void **state)
{
	(void)state;
	srand(5);
	for (int i = 0; i < 3000; i++) {
		json_error_t error;
		struct fixture f;
		json_t *drawn, *read;

		start(&f);
		json_array_begin(&f.j);
		drawn = write_random(&f.j, 0);
		json_array_end(&f.j);
		assert_ok(json_end(&f.j));
		read = json_loadb((char *)f.out.data, f.out.len, JSON_REJECT_DUPLICATES, &error);
		if (!read)
			print_error("%s in %s\n", error.text, (char *)f.out.data);
		assert_non_null(read);
		if (!json_equal(drawn, json_array_get(read, 0)))
			print_error("drawn %s\nread %s\n", json_dumps(drawn, JSON_ENCODE_ANY), (char *)f.out.data);
		assert_true(json_equal(drawn, json_array_get(read, 0)));
		json_decref(drawn);
		json_decref(read);
		buf_done(&f.out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_stand_between_and_nowhere_else),
		cmocka_unit_test(strings_are_always_valid),
		cmocka_unit_test(absent_is_not_zero),
		cmocka_unit_test(doubles_read_back_the_same),
		cmocka_unit_test(misuse_is_an_error_and_writes_nothing_more),
		cmocka_unit_test(depth_ends_at_its_maximum),
		cmocka_unit_test(an_overflow_is_told_apart),
		cmocka_unit_test(jansson_reads_what_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
