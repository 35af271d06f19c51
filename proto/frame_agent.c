// SPDX-License-Identifier: Apache-2.0
#include "proto/frame.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/message.h"

/* Room of a message that is not the answer in it. */
#define ANSWER_OVERHEAD 64

static const struct {
	unsigned bit;
	const char *name;
} capability_names[] = {
	{FRAME_CAN_ANSWER, "answer"},
};

int frame_pack_hello(const struct frame_hello *h, struct buf *out)
{
	AUTO_PACK struct pack p;
	Why__V1__Hello hello = WHY__V1__HELLO__INIT;
	Why__V1__AgentMessage m = WHY__V1__AGENT_MESSAGE__INIT;
	char *names[ARRAY_LEN(capability_names)];
	int r = pack_begin(&p);

	if (r < 0)
		return r;
	hello.node = pack_text(&p, h->node, sizeof(h->node) - 1);
	hello.boot_id = pack_text(&p, h->boot_id, sizeof(h->boot_id) - 1);
	hello.version = pack_text(&p, h->version, sizeof(h->version) - 1);
	hello.spool_id = pack_text(&p, h->spool_id, sizeof(h->spool_id) - 1);
	hello.rules_digest = pack_text(&p, h->rules_digest, sizeof(h->rules_digest) - 1);
	hello.acked_seq = h->acked_seq;
	hello.last_seq = h->last_seq;
	hello.capabilities = names;
	for (size_t i = 0; i < ARRAY_LEN(capability_names); i++)
		if (h->capabilities & capability_names[i].bit)
			names[hello.n_capabilities++] = (char *)capability_names[i].name;
	m.body_case = WHY__V1__AGENT_MESSAGE__BODY_HELLO;
	m.hello = &hello;
	return pack_message(&p, &m.base, out);
}

int frame_pack_heartbeat(const struct frame_heartbeat *h, struct buf *out)
{
	AUTO_PACK struct pack p;
	Why__V1__Heartbeat beat = WHY__V1__HEARTBEAT__INIT;
	Why__V1__AgentMessage m = WHY__V1__AGENT_MESSAGE__INIT;
	int r = pack_begin(&p);

	if (r < 0)
		return r;
	beat.mono = h->mono;
	beat.wall = h->wall;
	beat.open_findings = h->open_findings;
	beat.evaluated = h->evaluated;
	beat.rules_digest = pack_text(&p, h->rules_digest, sizeof(h->rules_digest) - 1);
	beat.unacked = h->unacked;
	beat.dropped_findings = h->dropped_findings;
	beat.dropped_samples = h->dropped_samples;
	beat.dropped_events = h->dropped_events;
	if (h->any_open)
		beat.worst = (Why__V1__Severity)(h->worst + 1);
	m.body_case = WHY__V1__AGENT_MESSAGE__BODY_HEARTBEAT;
	m.heartbeat = &beat;
	return pack_message(&p, &m.base, out);
}

int frame_pack_answer(uint64_t query_id, const struct answer *a, struct buf *out)
{
	AUTO_PACK struct pack p;
	Why__V1__NodeAnswer answer = WHY__V1__NODE_ANSWER__INIT;
	Why__V1__AgentMessage m = WHY__V1__AGENT_MESSAGE__INIT;
	int r = pack_begin(&p);

	if (r < 0)
		return r;
	answer.query_id = query_id;
	answer.answer = message_of_answer(&p, a, FRAME_MAX_MESSAGE - ANSWER_OVERHEAD);
	m.body_case = WHY__V1__AGENT_MESSAGE__BODY_ANSWER;
	m.answer = &answer;
	return pack_message(&p, &m.base, out);
}

static void read_hello(struct unpack *u, const Why__V1__Hello *m, struct frame_hello *h)
{
	unpack_enter(u, "hello");
	if (!*m->node)
		unpack_refuse(u, "node");
	unpack_text_into(u, "node", m->node, h->node, sizeof(h->node));
	unpack_text_into(u, "boot_id", m->boot_id, h->boot_id, sizeof(h->boot_id));
	unpack_text_into(u, "version", m->version, h->version, sizeof(h->version));
	if (!*m->spool_id)
		unpack_refuse(u, "spool_id");
	unpack_text_into(u, "spool_id", m->spool_id, h->spool_id, sizeof(h->spool_id));
	unpack_text_into(u, "rules_digest", m->rules_digest, h->rules_digest, sizeof(h->rules_digest));
	h->acked_seq = m->acked_seq;
	h->last_seq = m->last_seq;
	for (size_t i = 0; i < unpack_count(u, "capabilities", m->n_capabilities, 64); i++)
		for (size_t j = 0; j < ARRAY_LEN(capability_names); j++)
			if (strcmp(m->capabilities[i], capability_names[j].name) == 0)
				h->capabilities |= capability_names[j].bit;
	unpack_leave(u);
}

static void read_batch(struct unpack *u, const Why__V1__FindingBatch *m, struct frame_received *b)
{
	unpack_enter(u, "batch");
	b->first_seq = m->first_seq;
	b->last_seq = m->last_seq;
	b->n_records = m->n_records;
	if (m->n_records == 0 || m->n_records > FRAME_MAX_RECORDS)
		unpack_refuse(u, "n_records");
	if (m->first_seq == 0 || m->first_seq > m->last_seq)
		unpack_refuse(u, "first_seq");
	b->zlib = m->encoding == WHY__V1__ENCODING__ENCODING_ZLIB;
	if (!b->zlib && m->encoding != WHY__V1__ENCODING__ENCODING_IDENTITY)
		unpack_refuse(u, "encoding");
	b->payload = m->payload.data;
	b->n_payload = m->payload.len;
	b->n_raw = m->raw_size;
	if (m->raw_size == 0 || m->raw_size > FRAME_MAX_RAW || (!b->zlib && m->raw_size != m->payload.len))
		unpack_refuse(u, "raw_size");
	unpack_leave(u);
}

static void read_heartbeat(struct unpack *u, const Why__V1__Heartbeat *m, struct frame_heartbeat *h)
{
	unpack_enter(u, "heartbeat");
	h->mono = m->mono;
	h->wall = m->wall;
	h->open_findings = m->open_findings;
	h->evaluated = m->evaluated;
	unpack_text_into(u, "rules_digest", m->rules_digest, h->rules_digest, sizeof(h->rules_digest));
	h->unacked = m->unacked;
	h->dropped_findings = m->dropped_findings;
	h->dropped_samples = m->dropped_samples;
	h->dropped_events = m->dropped_events;
	h->any_open = m->worst != WHY__V1__SEVERITY__SEVERITY_UNSPECIFIED;
	if (h->any_open)
		h->worst = unpack_enum(u, "worst", (int)m->worst, SEVERITY_MAX);
	unpack_leave(u);
}

static void read_answer(struct unpack *u, const Why__V1__NodeAnswer *m, struct frame_agent *f)
{
	f->answer.query_id = m->query_id;
	if (!m->answer)
		unpack_refuse(u, "answer");
	else
		f->answer.answer = message_read_answer(u, m->answer);
}

static void read_message(struct unpack *u, const Why__V1__AgentMessage *m, struct frame_agent *f)
{
	switch (m->body_case) {
	case WHY__V1__AGENT_MESSAGE__BODY_HELLO:
		f->kind = FRAME_HELLO;
		read_hello(u, m->hello, &f->hello);
		break;
	case WHY__V1__AGENT_MESSAGE__BODY_BATCH:
		f->kind = FRAME_BATCH;
		read_batch(u, m->batch, &f->batch);
		break;
	case WHY__V1__AGENT_MESSAGE__BODY_HEARTBEAT:
		f->kind = FRAME_HEARTBEAT;
		read_heartbeat(u, m->heartbeat, &f->heartbeat);
		break;
	case WHY__V1__AGENT_MESSAGE__BODY_ANSWER:
		f->kind = FRAME_ANSWER;
		read_answer(u, m->answer, f);
		break;
	default:
		unpack_refuse(u, "body");
	}
}

int frame_agent_unpack(const uint8_t *data, size_t n, struct frame_agent *ret_frame, const char **ret_field)
{
	AUTO_UNPACK struct unpack u;
	struct frame_agent f = {0};
	const Why__V1__AgentMessage *m;
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	if (n > FRAME_MAX_MESSAGE)
		unpack_refuse(&u, "message");
	m = unpack_message(&u, &why__v1__agent_message__descriptor, data, n);
	if (m)
		read_message(&u, m, &f);
	if (u.error) {
		frame_agent_done(&f);
		return unpack_result(&u, ret_field);
	}
	if (f.kind == FRAME_BATCH)
		f.arena = TAKE_PTR(u.arena);
	*ret_frame = f;
	return 0;
}

void frame_agent_done(struct frame_agent *frame)
{
	if (frame->kind == FRAME_ANSWER)
		answer_free(&frame->answer.answer);
	arena_free(&frame->arena);
}
