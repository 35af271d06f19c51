// SPDX-License-Identifier: Apache-2.0
/* Bytes are written by hand here, so that an error in the .proto's numbers shows. */
#include "proto/cri.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/proto/wire.h"
#include "tests/test.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int new_stage(void **state)
{
	*state = calloc(4, sizeof(struct wire));
	return *state ? 0 : -1;
}

static int free_stage(void **state)
{
	free(*state);
	return 0;
}

static void test_container(void **state)
{
	struct wire *w = *state, *metadata = w + 1, *image = w + 2;
	AUTO(cri_reader_free) struct cri_reader *r = NULL;
	struct cri_container c;

	wire_text(metadata, 1, "main");
	wire_number(metadata, 2, 7);
	wire_text(image, 1, "sha256:abcd");
	wire_text(w, 1, ID);
	wire_text(w, 2, "sandbox-1");
	wire_wire(w, 3, metadata);
	wire_wire(w, 4, image);
	wire_text(w, 5, "registry.test/x@sha256:ef");
	wire_number(w, 6, 1);
	wire_number(w, 7, 1700000000000000000);
	wire_pair(w, 8, "a", "b");
	wire_pair(w, 9, "c", "d");
	wire_text(w, 10, "an image id of a newer version");
	assert_ok(cri_reader_new(&r));
	assert_ok(cri_read_container(r, w->data, w->n, &c));
	assert_string_equal(c.id, ID);
	assert_string_equal(c.sandbox_id, "sandbox-1");
	assert_string_equal(c.name, "main");
	assert_string_equal(c.image, "registry.test/x@sha256:ef");
	assert_int_equal(c.attempt, 7);
	assert_int_equal(c.state, CRI_RUNNING);
	assert_int_equal(c.labels.n, 1);
	assert_string_equal(c.labels.items[0].key, "a");
	assert_string_equal(c.annotations.items[0].value, "d");
}

static void test_image_is_what_people_know_it_by(void **state)
{
	static const struct {
		const char *asked, *image, *ref, *shown;
	} cases[] = {
		{ "", "nginx:1", "sha256:1", "nginx:1" },
		{ "nginx:latest", "sha256:1", "x@sha256:2", "nginx:latest" },
		{ "", "sha256:1", "x@sha256:2", "x@sha256:2" },
		{ "", "sha256:1", "sha256:2", "sha256:1" },
		{ "", "", "sha256:2", "sha256:2" },
		{ "", "", "", "" },
	};
	struct wire *w = *state, *image = w + 1;
	AUTO(cri_reader_free) struct cri_reader *r = NULL;
	struct cri_container c;

	assert_ok(cri_reader_new(&r));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		w->n = image->n = 0;
		wire_text(w, 1, ID);
		wire_text(image, 1, cases[i].image);
		wire_text(image, 18, cases[i].asked);
		wire_wire(w, 4, image);
		wire_text(w, 5, cases[i].ref);
		assert_ok(cri_read_container(r, w->data, w->n, &c));
		assert_string_equal(c.image, cases[i].shown);
	}
}

static void test_sandbox(void **state)
{
	struct wire *w = *state, *metadata = w + 1;
	AUTO(cri_reader_free) struct cri_reader *r = NULL;
	struct cri_sandbox s;

	wire_text(metadata, 1, "trainer\x1b[2J");
	wire_text(metadata, 2, "uid-1");
	wire_text(metadata, 3, "ml");
	wire_text(w, 1, ID);
	wire_wire(w, 2, metadata);
	wire_number(w, 3, 1);
	wire_number(w, 4, 99);
	wire_pair(w, 5, "k", "v");
	assert_ok(cri_reader_new(&r));
	assert_ok(cri_read_sandbox(r, w->data, w->n, &s));
	assert_string_equal(s.name, "trainer\\x1B[2J");
	assert_string_equal(s.space, "ml");
	assert_string_equal(s.uid, "uid-1");
	assert_false(s.ready);
	assert_int_equal(s.created_at, 99);
	assert_int_equal(s.labels.n, 1);
	assert_int_equal(s.annotations.n, 0);
}

static void test_ids_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = { "", "../../etc/passwd", "a b", "a\n", "\xff", "a/b" };
	struct wire *w = *state;
	AUTO(cri_reader_free) struct cri_reader *r = NULL;
	struct cri_container c = { .name = "untouched" };
	char longest[200];

	assert_ok(cri_reader_new(&r));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		w->n = 0;
		wire_text(w, 1, bad[i]);
		assert_int_equal(cri_read_container(r, w->data, w->n, &c), -EBADMSG);
	}
	memset(longest, 'a', sizeof(longest));
	for (size_t n = 128; n < 131; n++) {
		w->n = 0;
		wire_bytes(w, 1, longest, n);
		assert_int_equal(cri_read_container(r, w->data, w->n, &c), n == 128 ? 0 : -EBADMSG);
	}
	w->n = 0;
	wire_text(w, 1, ID);
	wire_text(w, 2, "a/b");
	c = (struct cri_container){ .name = "untouched" };
	assert_int_equal(cri_read_container(r, w->data, w->n, &c), -EBADMSG);
	assert_string_equal(c.name, "untouched");
}

static void test_many_small_parts_are_refused_not_grown(void **state)
{
	struct wire *w = *state;
	AUTO(cri_reader_free) struct cri_reader *r = NULL;
	struct cri_container c;

	wire_text(w, 1, ID);
	for (unsigned i = 0; i < 30000; i++)
		wire_bytes(w, 8, "", 0); /* 60 KB on the wire, megabytes in memory */
	assert_ok(cri_reader_new(&r));
	assert_int_equal(cri_read_container(r, w->data, w->n, &c), -EBADMSG);
	w->n = 0;
	wire_text(w, 1, ID);
	assert_ok(cri_read_container(r, w->data, w->n, &c)); /* the reader is as good as new */
}

static void test_status(void **state)
{
	struct wire *w = *state, *status = w + 1, *image = w + 2;
	struct cri_status s;

	wire_text(image, 1, "train:3");
	wire_text(status, 1, ID);
	wire_number(status, 3, 2);
	wire_number(status, 5, 1000);
	wire_number(status, 6, 3000);
	wire_number(status, 7, 137);
	wire_wire(status, 8, image);
	wire_text(status, 10, "OOMKilled");
	wire_wire(w, 1, status);
	wire_pair(w, 2, "other", "{\"pid\":1}");
	wire_pair(w, 2, "info", "{\"sandboxID\":\"s\",\"runtimeSpec\":{\"pid\":5,\"env\":[\"pid\"]},\"pid\": 4242}");
	assert_ok(cri_read_status(w->data, w->n, &s));
	assert_string_equal(s.id, ID);
	assert_string_equal(s.image, "train:3");
	assert_string_equal(s.reason, "OOMKilled");
	assert_int_equal(s.state, CRI_EXITED);
	assert_int_equal(s.exit_code, 137);
	assert_int_equal(s.started_at, 1000);
	assert_int_equal(s.finished_at, 3000);
	assert_int_equal(s.pid, 4242);
	/* A reply without a status, and one that is no message. */
	assert_int_equal(cri_read_status(w->data, 0, &s), -EBADMSG);
	assert_int_equal(cri_read_status((const uint8_t *)"\xff\xff", 2, &s), -EBADMSG);
	assert_int_equal(s.pid, 4242);
}

static void test_unknown_states_and_events_are_unknown(void **state)
{
	struct wire *w = *state;
	AUTO(cri_reader_free) struct cri_reader *r = NULL;
	enum cri_happened happened;
	struct cri_container c;
	char id[CRI_MAX_ID];

	wire_text(w, 1, ID);
	wire_number(w, 6, 77);
	assert_ok(cri_reader_new(&r));
	assert_ok(cri_read_container(r, w->data, w->n, &c));
	assert_int_equal(c.state, CRI_UNKNOWN);
	for (unsigned kind = 0; kind < 6; kind++) {
		w->n = 0;
		wire_text(w, 1, ID);
		wire_number(w, 2, kind);
		wire_number(w, 3, 1);
		wire_bytes(w, 6, "\x0a\x01x", 3);
		assert_ok(cri_read_event(w->data, w->n, id, &happened));
		assert_string_equal(id, ID);
		assert_int_equal(happened, kind < 4 ? kind : CRI_HAPPENED_OTHER);
	}
	assert_int_equal(cri_read_event(w->data, 0, id, &happened), -EBADMSG);
}

static void test_requests(void **state)
{
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 256);
	assert_ok(cri_pack_status_request("abc", &b));
	assert_int_equal(b.len, 7);
	assert_memory_equal(b.data, "\x0a\x03" "abc\x10\x01", 7);
	buf_reset(&b);
	assert_ok(cri_pack_list_running(&b));
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "\x0a\x04\x12\x02\x08\x01", 6);
}

static void test_pid_is_the_outermost_one(void **state)
{
	static const struct {
		const char *json;
		uint32_t pid;
	} cases[] = {
		{ "{\"pid\":17}", 17 },
		{ " { \"a\" : [ {\"pid\":1} ], \"pid\" : 23 } ", 23 },
		{ "{\"spec\":{\"pid\":5}}", 0 },
		{ "{\"a\":\"\\\"pid\\\":9\",\"pid\":3}", 3 },
		{ "{\"a\":\"}{\",\"pid\":4}", 4 },
		{ "{\"b\":\"pid\",\"c\":7}", 0 },
		{ "{\"pid\":\"8\"}", 0 },
		{ "{\"pid\":-8}", 0 },
		{ "{\"pid\":1.5}", 0 },
		{ "{\"pid\":1e3}", 0 },
		{ "{\"pid\":99999999999999999999999}", 0 },
		{ "[{\"pid\":1}]", 0 },
		{ "{\"pid\"", 0 },
		{ "{\"pid", 0 },
		{ "{\"pid\\", 0 },
		{ "]]]]{\"pid\":6}", 6 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(cri_find_pid(cases[i].json), cases[i].pid);
}

static void test_version(void **state)
{
	struct wire *w = *state;
	char name[CRI_MAX_ID], version[CRI_MAX_ID];

	wire_text(w, 1, "0.1.0");
	wire_text(w, 2, "containerd\x1b");
	wire_text(w, 3, "1.6.20");
	assert_ok(cri_read_version(w->data, w->n, name, version));
	assert_string_equal(name, "containerd\\x1B");
	assert_string_equal(version, "1.6.20");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_stage, free_stage)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_container),
		TEST(test_image_is_what_people_know_it_by),
		TEST(test_sandbox),
		TEST(test_ids_that_are_none_are_refused),
		TEST(test_many_small_parts_are_refused_not_grown),
		TEST(test_status),
		TEST(test_unknown_states_and_events_are_unknown),
		TEST(test_requests),
		TEST(test_pid_is_the_outermost_one),
		TEST(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
