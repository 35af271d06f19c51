// SPDX-License-Identifier: Apache-2.0
#include "proto/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "proto/convert.h"
#include "proto/health.h"
#include "proto/message.h"
#include "tests/proto/sample.h"
#include "tests/test.h"

#define AUTO_BATCH AUTO(frame_batch_done)
#define AUTO_FRAME AUTO(frame_agent_done)

/* ---- the small ones ---- */

static void hello_comes_back(void **state UNUSED)
{
	struct frame_hello h = {.node = "n1",
				.boot_id = "b",
				.version = "1",
				.spool_id = "s",
				.rules_digest = "d",
				.acked_seq = 5,
				.last_seq = UINT64_MAX,
				.capabilities = FRAME_CAN_ANSWER};
	AUTO_FRAME struct frame_agent f = {0};
	AUTO_BUF struct buf b = {0};

	buf_init(&b, 4096);
	assert_ok(frame_pack_hello(&h, &b));
	assert_ok(frame_agent_unpack(b.data, b.len, &f, NULL));
	assert_int_equal(f.kind, FRAME_HELLO);
	assert_string_equal(f.hello.node, "n1");
	assert_string_equal(f.hello.boot_id, "b");
	assert_string_equal(f.hello.version, "1");
	assert_string_equal(f.hello.spool_id, "s");
	assert_string_equal(f.hello.rules_digest, "d");
	assert_int_equal(f.hello.acked_seq, 5);
	assert_int_equal(f.hello.last_seq, UINT64_MAX);
	assert_int_equal(f.hello.capabilities, FRAME_CAN_ANSWER);
}

static void heartbeat_comes_back(void **state UNUSED)
{
	struct frame_heartbeat h = {.mono = 1,
				    .wall = 2,
				    .open_findings = 3,
				    .evaluated = true,
				    .rules_digest = "d",
				    .unacked = 4,
				    .dropped_findings = 5,
				    .dropped_samples = 6,
				    .dropped_events = 7,
				    .any_open = true,
				    .worst = SEVERITY_CRITICAL};
	AUTO_FRAME struct frame_agent f = {0};
	AUTO_BUF struct buf b = {0};

	buf_init(&b, 4096);
	assert_ok(frame_pack_heartbeat(&h, &b));
	assert_ok(frame_agent_unpack(b.data, b.len, &f, NULL));
	assert_int_equal(f.kind, FRAME_HEARTBEAT);
	assert_int_equal(f.heartbeat.mono, 1);
	assert_int_equal(f.heartbeat.wall, 2);
	assert_int_equal(f.heartbeat.open_findings, 3);
	assert_true(f.heartbeat.evaluated);
	assert_string_equal(f.heartbeat.rules_digest, "d");
	assert_int_equal(f.heartbeat.unacked, 4);
	assert_int_equal(f.heartbeat.dropped_findings, 5);
	assert_int_equal(f.heartbeat.dropped_samples, 6);
	assert_int_equal(f.heartbeat.dropped_events, 7);
	assert_true(f.heartbeat.any_open);
	assert_int_equal(f.heartbeat.worst, SEVERITY_CRITICAL);
}

static void answer_comes_back(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = sample_answer(5);
	AUTO_FRAME struct frame_agent f = {0};
	AUTO_BUF struct buf b = {0};

	buf_init(&b, FRAME_MAX_MESSAGE);
	assert_ok(frame_pack_answer(77, a, &b));
	assert_ok(frame_agent_unpack(b.data, b.len, &f, NULL));
	assert_int_equal(f.kind, FRAME_ANSWER);
	assert_int_equal(f.answer.query_id, 77);
	assert_same_answer(a, f.answer.answer);
}

static void a_large_answer_is_cut_to_one_message(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = NULL;
	AUTO_FRAME struct frame_agent f = {0};
	AUTO_BUF struct buf b = {0};

	assert_ok(answer_new(QUERY_LIST, &a));
	a->target = a->node = "n";
	for (size_t i = 0; i < ANSWER_MAX_FINDINGS; i++) {
		struct finding *one = sample_finding(i);

		assert_ok(answer_add_finding(a, &one));
	}
	buf_init(&b, FRAME_MAX_MESSAGE);
	assert_ok(frame_pack_answer(1, a, &b));
	assert_ok(frame_agent_unpack(b.data, b.len, &f, NULL));
	assert_true(f.answer.answer->truncated);
	assert_true(f.answer.answer->n_findings >= 10);
}

static void hub_messages_come_back(void **state UNUSED)
{
	const struct frame_hub sent[] = {
		{.kind = FRAME_HELLO_REPLY, .up_to_seq = 9, .hub_version = "2"},
		{.kind = FRAME_ACK, .up_to_seq = UINT64_MAX},
		{.kind = FRAME_ASK, .query_id = 3, .query = {.kind = QUERY_NOT, .target_kind = ENTITY_GPU, .target = "0"}},
		{.kind = FRAME_REFUSAL, .why = FRAME_REFUSED_REPLACED, .text = "another agent calls itself n1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
		AUTO_BUF struct buf b = {0};
		struct frame_hub f;

		buf_init(&b, 4096);
		assert_ok(frame_pack_hub(&sent[i], &b));
		assert_ok(frame_hub_unpack(b.data, b.len, &f, NULL));
		assert_int_equal(f.kind, sent[i].kind);
		assert_int_equal(f.up_to_seq, sent[i].up_to_seq);
		assert_string_equal(f.hub_version, sent[i].hub_version);
		assert_int_equal(f.query_id, sent[i].query_id);
		assert_string_equal(f.query.target, sent[i].query.target);
		assert_int_equal(f.why, sent[i].why);
		assert_string_equal(f.text, sent[i].text);
	}
}

static void watch_comes_back(void **state UNUSED)
{
	AUTO(finding_free) struct finding *sent = sample_finding(2), *f = NULL;
	AUTO_BUF struct buf b = {0};
	char cursor[64];

	buf_init(&b, 1 << 20);
	assert_ok(frame_pack_watch("12", sent, &b));
	assert_ok(frame_watch_unpack(b.data, b.len, cursor, &f, NULL));
	assert_string_equal(cursor, "12");
	assert_same_finding(sent, f);
	finding_free(&f);
	buf_reset(&b);
	assert_ok(frame_pack_watch("13", NULL, &b));
	assert_ok(frame_watch_unpack(b.data, b.len, cursor, &f, NULL));
	assert_string_equal(cursor, "13");
	assert_null(f);
}

static void health_comes_back(void **state UNUSED)
{
	AUTO_BUF struct buf b = {0};
	char service[256];
	enum health health = HEALTH_UNKNOWN;

	buf_init(&b, 4096);
	assert_ok(health_pack_request("why.v1.Query", &b));
	assert_ok(health_request_unpack(b.data, b.len, service));
	assert_string_equal(service, "why.v1.Query");
	buf_reset(&b);
	assert_ok(health_pack_reply(HEALTH_NOT_SERVING, &b));
	assert_int_equal(b.len, 2);
	assert_memory_equal(b.data, "\x08\x02", 2); /* as the protocol has it */
	assert_ok(health_reply_unpack(b.data, b.len, &health));
	assert_int_equal(health, HEALTH_NOT_SERVING);
	assert_err(health_reply_unpack((const uint8_t *)"\x08\x09", 2, &health), EBADMSG);
}

/* ---- batches ---- */

struct seen {
	uint64_t seq[FRAME_MAX_RECORDS];
	size_t n, bytes;
	int stop_at;
};

static int see(void *arg, uint64_t seq, const uint8_t *finding, size_t n)
{
	struct seen *s = arg;
	AUTO(finding_free) struct finding *f = NULL;

	assert_ok(finding_unpack(finding, n, &f, NULL));
	s->seq[s->n++] = seq;
	s->bytes += n;
	return s->stop_at && (int)s->n == s->stop_at ? -EINTR : 0;
}

static size_t fill(struct frame_batch *batch, uint64_t first_seq)
{
	size_t n = 0;
	int r = 0;

	for (uint64_t seq = first_seq; r == 0; seq += 3) {
		AUTO(finding_free) struct finding *f = sample_finding(seq);
		AUTO_BUF struct buf b = {0};

		buf_init(&b, 1 << 20);
		assert_ok(finding_pack(f, &b));
		r = frame_batch_add(batch, seq, b.data, b.len);
		n += r == 0;
	}
	assert_int_equal(r, -ENOSPC);
	return n;
}

static void a_batch_comes_back_smaller_on_the_wire(void **state UNUSED)
{
	AUTO_BATCH struct frame_batch batch;
	AUTO_FRAME struct frame_agent f = {0};
	AUTO_BUF struct buf b = {0};
	struct seen seen = {0};
	size_t n;

	frame_batch_init(&batch);
	n = fill(&batch, 10);
	assert_true(n > 3 && batch.records.len <= FRAME_GOOD_RAW);
	buf_init(&b, FRAME_MAX_MESSAGE);
	assert_ok(frame_pack_batch(&batch, &b));
	assert_true(b.len < batch.records.len / 2);
	assert_ok(frame_agent_unpack(b.data, b.len, &f, NULL));
	assert_int_equal(f.kind, FRAME_BATCH);
	assert_int_equal(f.batch.first_seq, 10);
	assert_int_equal(f.batch.last_seq, 10 + 3 * (n - 1));
	assert_ok(frame_visit_records(&f.batch, see, &seen, NULL));
	assert_int_equal(seen.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(seen.seq[i], 10 + 3 * i);
}

static void one_record_goes_uncompressed_and_a_visitor_may_stop(void **state UNUSED)
{
	AUTO_BATCH struct frame_batch batch;
	AUTO_FRAME struct frame_agent f = {0};
	AUTO_BUF struct buf b = {0};
	struct seen seen = {0};

	frame_batch_init(&batch);
	assert_ok(frame_batch_add(&batch, 1, (const uint8_t *)"x", 1));
	assert_err(frame_batch_add(&batch, 1, (const uint8_t *)"x", 1), EINVAL);
	buf_init(&b, FRAME_MAX_MESSAGE);
	assert_ok(frame_pack_batch(&batch, &b));
	assert_ok(frame_agent_unpack(b.data, b.len, &f, NULL));
	assert_false(f.batch.zlib);
	frame_agent_done(&f);
	frame_batch_reset(&batch);
	buf_reset(&b);
	(void)fill(&batch, 1);
	assert_ok(frame_pack_batch(&batch, &b));
	assert_ok(frame_agent_unpack(b.data, b.len, &f, NULL));
	seen.stop_at = 2;
	assert_err(frame_visit_records(&f.batch, see, &seen, NULL), EINTR);
	assert_int_equal(seen.n, 2);
}

static void a_finding_larger_than_good_still_goes(void **state UNUSED)
{
	AUTO_BATCH struct frame_batch batch;
	AUTO_FREE uint8_t *large = calloc(1, FRAME_MAX_RAW);

	frame_batch_init(&batch);
	assert_err(frame_batch_add(&batch, 1, large, FRAME_MAX_RAW), EMSGSIZE);
	assert_ok(frame_batch_add(&batch, 1, large, 2 * FRAME_GOOD_RAW));
	assert_err(frame_batch_add(&batch, 2, large, 1), ENOSPC);
}

/* ---- batches that lie ---- */

static Why__V1__FindingBatch honest(const struct frame_batch *batch)
{
	Why__V1__FindingBatch m = WHY__V1__FINDING_BATCH__INIT;

	m.first_seq = batch->first_seq;
	m.last_seq = batch->last_seq;
	m.n_records = batch->n_records;
	m.raw_size = (uint32_t)batch->records.len;
	m.payload = (ProtobufCBinaryData){batch->records.len, batch->records.data};
	return m;
}

static int count(void *arg, uint64_t seq UNUSED, const uint8_t *finding UNUSED, size_t n UNUSED)
{
	++*(size_t *)arg;
	return 0;
}

static void refused(Why__V1__FindingBatch *m, const char *field)
{
	Why__V1__AgentMessage message = WHY__V1__AGENT_MESSAGE__INIT;
	AUTO_FRAME struct frame_agent f = {0};
	AUTO_BUF struct buf b = {0};
	struct pack p = {0};
	const char *named = "none";
	size_t n = 0;
	int r;

	message.body_case = WHY__V1__AGENT_MESSAGE__BODY_BATCH;
	message.batch = m;
	buf_init(&b, 2 * FRAME_MAX_MESSAGE);
	assert_ok(pack_message(&p, &message.base, &b));
	r = frame_agent_unpack(b.data, b.len, &f, &named);
	if (r == 0)
		r = frame_visit_records(&f.batch, count, &n, &named);
	assert_int_equal(r, -EBADMSG);
	assert_string_equal(named, field);
	assert_int_equal(n, 0);
}

static void lies_are_named(void **state UNUSED)
{
	AUTO_BATCH struct frame_batch batch;
	Why__V1__FindingBatch m;

	frame_batch_init(&batch);
	(void)fill(&batch, 10);
	refused((m = honest(&batch), m.n_records++, &m), "batch.n_records");
	refused((m = honest(&batch), m.n_records = 0, &m), "batch.n_records");
	refused((m = honest(&batch), m.n_records = FRAME_MAX_RECORDS + 1, &m), "batch.n_records");
	refused((m = honest(&batch), m.first_seq = 0, &m), "batch.first_seq");
	refused((m = honest(&batch), m.first_seq--, &m), "batch.first_seq");
	refused((m = honest(&batch), m.last_seq++, &m), "batch.last_seq");
	refused((m = honest(&batch), m.last_seq = 1, &m), "batch.first_seq");
	refused((m = honest(&batch), m.raw_size--, &m), "batch.raw_size");
	refused((m = honest(&batch), m.encoding = 7, &m), "batch.encoding");
	refused((m = honest(&batch), m.encoding = 1, &m), "batch.payload"); /* not zlib */
	batch.records.data[0] = 0xff;
	refused((m = honest(&batch), &m), "batch.FindingRecords");
}

static void records_out_of_order_are_refused_whole(void **state UNUSED)
{
	AUTO_BATCH struct frame_batch a, b;
	Why__V1__FindingBatch m;

	frame_batch_init(&a);
	frame_batch_init(&b);
	assert_ok(frame_batch_add(&a, 5, (const uint8_t *)"x", 1));
	assert_ok(frame_batch_add(&b, 5, (const uint8_t *)"y", 1));
	assert_ok(buf_add(&a.records, b.records.data, b.records.len));
	a.n_records = 2;
	refused((m = honest(&a), &m), "batch.records.seq");
}

static void a_bomb_ends_at_the_bound(void **state UNUSED)
{
	AUTO_FREE uint8_t *zeros = calloc(1, 64 << 20), *packed = malloc(1 << 20);
	Why__V1__FindingBatch m = WHY__V1__FINDING_BATCH__INIT;
	uLongf n = 1 << 20;

	assert_int_equal(compress(packed, &n, zeros, 64 << 20), Z_OK);
	m.first_seq = m.last_seq = m.n_records = 1;
	m.encoding = WHY__V1__ENCODING__ENCODING_ZLIB;
	m.payload = (ProtobufCBinaryData){n, packed};
	m.raw_size = 64 << 20;
	refused(&m, "batch.raw_size");
	m.raw_size = FRAME_MAX_RAW;
	refused(&m, "batch.payload");
}

static void every_malformed_message_is_named(void **state UNUSED)
{
	AUTO_FRAME struct frame_agent f = {0};
	struct frame_hub hub;
	struct frame_hello hello = {.node = "", .spool_id = "s"};
	AUTO_BUF struct buf b = {0};
	AUTO_FREE uint8_t *large = calloc(1, FRAME_MAX_MESSAGE + 1);
	const char *field;

	assert_err(frame_agent_unpack((const uint8_t *)"", 0, &f, &field), EBADMSG);
	assert_string_equal(field, "body");
	assert_err(frame_hub_unpack((const uint8_t *)"", 0, &hub, &field), EBADMSG);
	assert_string_equal(field, "body");
	assert_err(frame_agent_unpack(large, FRAME_MAX_MESSAGE + 1, &f, &field), EBADMSG);
	assert_string_equal(field, "message");
	buf_init(&b, 4096);
	assert_ok(frame_pack_hello(&hello, &b));
	assert_err(frame_agent_unpack(b.data, b.len, &f, &field), EBADMSG);
	assert_string_equal(field, "hello.node");
	buf_reset(&b);
	hello = (struct frame_hello){.node = "n"};
	assert_ok(frame_pack_hello(&hello, &b));
	assert_err(frame_agent_unpack(b.data, b.len, &f, &field), EBADMSG);
	assert_string_equal(field, "hello.spool_id");
	/* ask without a question, answer without an answer, a refusal of an unknown kind */
	assert_err(frame_hub_unpack((const uint8_t *)"\x1a\x00", 2, &hub, &field), EBADMSG);
	assert_string_equal(field, "ask.question");
	assert_err(frame_agent_unpack((const uint8_t *)"\x22\x00", 2, &f, &field), EBADMSG);
	assert_string_equal(field, "answer");
	assert_err(frame_hub_unpack((const uint8_t *)"\x22\x02\x08\x09", 4, &hub, &field), EBADMSG);
	assert_string_equal(field, "refusal.code");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_comes_back),
		cmocka_unit_test(heartbeat_comes_back),
		cmocka_unit_test(answer_comes_back),
		cmocka_unit_test(a_large_answer_is_cut_to_one_message),
		cmocka_unit_test(hub_messages_come_back),
		cmocka_unit_test(watch_comes_back),
		cmocka_unit_test(health_comes_back),
		cmocka_unit_test(a_batch_comes_back_smaller_on_the_wire),
		cmocka_unit_test(one_record_goes_uncompressed_and_a_visitor_may_stop),
		cmocka_unit_test(a_finding_larger_than_good_still_goes),
		cmocka_unit_test(lies_are_named),
		cmocka_unit_test(records_out_of_order_are_refused_whole),
		cmocka_unit_test(a_bomb_ends_at_the_bound),
		cmocka_unit_test(every_malformed_message_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
