// SPDX-License-Identifier: Apache-2.0
#include "proto/frame.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/message.h"

_Static_assert((int)WHY__V1__REFUSAL_CODE__REFUSAL_CODE_REPLACED == (int)FRAME_REFUSED_MAX,
	       "RefusalCode follows enum frame_refusal");

#define WATCH_CURSOR_SIZE 64

int frame_pack_hub(const struct frame_hub *frame, struct buf *out)
{
	AUTO_PACK struct pack p;
	Why__V1__HubMessage m = WHY__V1__HUB_MESSAGE__INIT;
	Why__V1__HelloReply reply = WHY__V1__HELLO_REPLY__INIT;
	Why__V1__Ack ack = WHY__V1__ACK__INIT;
	Why__V1__AskNode ask = WHY__V1__ASK_NODE__INIT;
	Why__V1__Refusal refusal = WHY__V1__REFUSAL__INIT;
	int r = pack_begin(&p);

	if (r < 0)
		return r;
	switch (frame->kind) {
	case FRAME_HELLO_REPLY:
		reply.up_to_seq = frame->up_to_seq;
		reply.hub_version = pack_text(&p, frame->hub_version, sizeof(frame->hub_version) - 1);
		m.body_case = WHY__V1__HUB_MESSAGE__BODY_HELLO_REPLY;
		m.hello_reply = &reply;
		break;
	case FRAME_ACK:
		ack.up_to_seq = frame->up_to_seq;
		m.body_case = WHY__V1__HUB_MESSAGE__BODY_ACK;
		m.ack = &ack;
		break;
	case FRAME_ASK:
		ask.query_id = frame->query_id;
		ask.question = message_of_question(&p, &frame->query);
		m.body_case = WHY__V1__HUB_MESSAGE__BODY_ASK;
		m.ask = &ask;
		break;
	case FRAME_REFUSAL:
		refusal.code = (Why__V1__RefusalCode)(frame->why + 1);
		refusal.text = pack_text(&p, frame->text, sizeof(frame->text) - 1);
		m.body_case = WHY__V1__HUB_MESSAGE__BODY_REFUSAL;
		m.refusal = &refusal;
		break;
	}
	return pack_message(&p, &m.base, out);
}

static void read_ask(struct unpack *u, const Why__V1__AskNode *m, struct frame_hub *f)
{
	f->query_id = m->query_id;
	unpack_enter(u, "ask");
	if (!m->question)
		unpack_refuse(u, "question");
	else
		message_read_question(u, m->question, &f->query);
	unpack_leave(u);
}

static void read_message(struct unpack *u, const Why__V1__HubMessage *m, struct frame_hub *f)
{
	switch (m->body_case) {
	case WHY__V1__HUB_MESSAGE__BODY_HELLO_REPLY:
		f->kind = FRAME_HELLO_REPLY;
		f->up_to_seq = m->hello_reply->up_to_seq;
		unpack_text_into(u, "hello_reply.hub_version", m->hello_reply->hub_version, f->hub_version,
				 sizeof(f->hub_version));
		break;
	case WHY__V1__HUB_MESSAGE__BODY_ACK:
		f->kind = FRAME_ACK;
		f->up_to_seq = m->ack->up_to_seq;
		break;
	case WHY__V1__HUB_MESSAGE__BODY_ASK:
		f->kind = FRAME_ASK;
		read_ask(u, m->ask, f);
		break;
	case WHY__V1__HUB_MESSAGE__BODY_REFUSAL:
		f->kind = FRAME_REFUSAL;
		f->why = unpack_enum(u, "refusal.code", (int)m->refusal->code, FRAME_REFUSED_MAX);
		unpack_text_into(u, "refusal.text", m->refusal->text, f->text, sizeof(f->text));
		break;
	default:
		unpack_refuse(u, "body");
	}
}

int frame_hub_unpack(const uint8_t *data, size_t n, struct frame_hub *ret_frame, const char **ret_field)
{
	AUTO_UNPACK struct unpack u;
	struct frame_hub f = {0};
	const Why__V1__HubMessage *m;
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	if (n > FRAME_MAX_MESSAGE)
		unpack_refuse(&u, "message");
	m = unpack_message(&u, &why__v1__hub_message__descriptor, data, n);
	if (m)
		read_message(&u, m, &f);
	if (!u.error)
		*ret_frame = f;
	return unpack_result(&u, ret_field);
}

int frame_pack_watch(const char *cursor, const struct finding *finding, struct buf *out)
{
	AUTO_PACK struct pack p;
	Why__V1__WatchEvent m = WHY__V1__WATCH_EVENT__INIT;
	int r = pack_begin(&p);

	if (r < 0)
		return r;
	m.cursor = pack_text(&p, cursor, WATCH_CURSOR_SIZE - 1);
	if (finding)
		m.finding = message_of_finding(&p, finding);
	return pack_message(&p, &m.base, out);
}

int frame_watch_unpack(const uint8_t *data, size_t n, char ret_cursor[64], struct finding **ret_finding,
		       const char **ret_field)
{
	AUTO_UNPACK struct unpack u;
	AUTO(finding_free) struct finding *f = NULL;
	char cursor[WATCH_CURSOR_SIZE] = "";
	const Why__V1__WatchEvent *m;
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	m = unpack_message(&u, &why__v1__watch_event__descriptor, data, n);
	if (m)
		unpack_text_into(&u, "cursor", m->cursor, cursor, sizeof(cursor));
	if (m && m->finding)
		f = message_read_finding(&u, m->finding);
	if (!u.error) {
		memcpy(ret_cursor, cursor, sizeof(cursor));
		*ret_finding = TAKE_PTR(f);
	}
	return unpack_result(&u, ret_field);
}
