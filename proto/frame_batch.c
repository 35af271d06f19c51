// SPDX-License-Identifier: Apache-2.0
#include "proto/frame.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "proto/message.h"

/* Level 1: four times smaller at 160 MB/s; more effort gains little on a batch of this size. */
#define ZLIB_LEVEL 1

void frame_batch_init(struct frame_batch *b)
{
	*b = (struct frame_batch){0};
	buf_init(&b->records, FRAME_MAX_RAW);
}

void frame_batch_reset(struct frame_batch *b)
{
	b->first_seq = b->last_seq = 0;
	b->n_records = 0;
	buf_reset(&b->records);
}

void frame_batch_done(struct frame_batch *b)
{
	buf_done(&b->records);
	frame_batch_reset(b);
}

int frame_batch_add(struct frame_batch *b, uint64_t seq, const uint8_t *finding, size_t n)
{
	Why__V1__FindingRecord record = WHY__V1__FINDING_RECORD__INIT;
	Why__V1__FindingRecord *list[] = {&record};
	Why__V1__FindingRecords m = WHY__V1__FINDING_RECORDS__INIT;
	size_t packed;
	uint8_t *at;

	if (b->n_records > 0 && seq <= b->last_seq)
		return -EINVAL;
	record.seq = seq;
	record.finding = (ProtobufCBinaryData){.len = n, .data = (uint8_t *)finding};
	m.n_records = 1;
	m.records = list;
	packed = why__v1__finding_records__get_packed_size(&m);
	if (b->n_records > 0 && (b->n_records >= FRAME_GOOD_RECORDS || b->records.len + packed > FRAME_GOOD_RAW))
		return -ENOSPC;
	if (packed > FRAME_MAX_RAW)
		return -EMSGSIZE;
	at = buf_extend(&b->records, packed);
	if (!at)
		return -ENOMEM;
	/* A list of one behind a list of one is a list of two: that is how protobuf's repeated fields work. */
	why__v1__finding_records__pack(&m, at);
	if (b->n_records++ == 0)
		b->first_seq = seq;
	b->last_seq = seq;
	return 0;
}

int frame_pack_batch(const struct frame_batch *b, struct buf *out)
{
	Why__V1__FindingBatch batch = WHY__V1__FINDING_BATCH__INIT;
	Why__V1__AgentMessage m = WHY__V1__AGENT_MESSAGE__INIT;
	uLongf n_packed = compressBound(b->records.len);
	AUTO_FREE uint8_t *packed = malloc(n_packed);
	struct pack p = {.error = packed ? 0 : -ENOMEM};

	batch.first_seq = b->first_seq;
	batch.last_seq = b->last_seq;
	batch.n_records = b->n_records;
	batch.raw_size = (uint32_t)b->records.len;
	batch.payload = (ProtobufCBinaryData){.len = b->records.len, .data = b->records.data};
	if (packed && compress2(packed, &n_packed, b->records.data, b->records.len, ZLIB_LEVEL) == Z_OK &&
	    n_packed < b->records.len) {
		batch.encoding = WHY__V1__ENCODING__ENCODING_ZLIB;
		batch.payload = (ProtobufCBinaryData){.len = n_packed, .data = packed};
	}
	m.body_case = WHY__V1__AGENT_MESSAGE__BODY_BATCH;
	m.batch = &batch;
	return pack_message(&p, &m.base, out);
}

/* The size that the batch claims bounds what is written; a bomb ends at it. */
static int decode(struct unpack *u, const struct frame_received *b, uint8_t **ret_raw)
{
	AUTO_FREE uint8_t *raw = NULL;
	uLongf n_raw = b->n_raw;
	uLong n_payload = b->n_payload;

	raw = malloc(b->n_raw + 1);
	if (!raw) {
		u->error = -ENOMEM;
		return u->error;
	}
	if (uncompress2(raw, &n_raw, b->payload, &n_payload) != Z_OK || n_raw != b->n_raw || n_payload != b->n_payload) {
		unpack_refuse(u, "payload");
		return u->error;
	}
	*ret_raw = TAKE_PTR(raw);
	return 0;
}

static void check_sequence(struct unpack *u, const struct frame_received *b, const Why__V1__FindingRecords *m)
{
	uint64_t last = 0;

	if (m->n_records != b->n_records || m->n_records == 0) {
		unpack_refuse(u, "n_records");
		return;
	}
	for (size_t i = 0; i < m->n_records; i++) {
		if (m->records[i]->seq <= last)
			unpack_refuse(u, "records.seq");
		last = m->records[i]->seq;
	}
	if (m->records[0]->seq != b->first_seq)
		unpack_refuse(u, "first_seq");
	if (last != b->last_seq)
		unpack_refuse(u, "last_seq");
}

int frame_visit_records(const struct frame_received *b,
			int (*visit)(void *arg, uint64_t seq, const uint8_t *finding, size_t n), void *arg,
			const char **ret_field)
{
	AUTO_UNPACK struct unpack u;
	AUTO_FREE uint8_t *raw = NULL;
	const Why__V1__FindingRecords *m;
	int r = unpack_begin(&u, b->n_raw);

	if (r < 0)
		return r;
	unpack_enter(&u, "batch");
	if (b->zlib && decode(&u, b, &raw) < 0)
		return unpack_result(&u, ret_field);
	m = unpack_message(&u, &why__v1__finding_records__descriptor, b->zlib ? raw : b->payload, b->n_raw);
	if (m)
		check_sequence(&u, b, m);
	for (size_t i = 0; !u.error && i < m->n_records; i++) {
		const Why__V1__FindingRecord *record = m->records[i];

		r = visit(arg, record->seq, record->finding.data, record->finding.len);
		if (r < 0)
			return r;
	}
	return unpack_result(&u, ret_field);
}
