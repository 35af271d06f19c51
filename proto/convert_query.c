// SPDX-License-Identifier: Apache-2.0
#include "proto/convert.h"

#include <string.h>

#include "proto/message.h"

_Static_assert((int)WHY__V1__QUESTION_KIND__QUESTION_KIND_RELOAD == (int)QUERY_KIND_MAX,
	       "QuestionKind follows enum query_kind");

Why__V1__Question *message_of_question(struct pack *p, const struct query *q)
{
	Why__V1__Question *m = pack_list(p, 1, sizeof(*m));

	if (!m)
		return NULL;
	why__v1__question__init(m);
	m->kind = (Why__V1__QuestionKind)(q->kind + 1);
	if (q->target_kind != ENTITY_KIND_MAX)
		m->target_kind = (Why__V1__EntityKind)(q->target_kind + 1);
	m->target = pack_text(p, q->target, sizeof(q->target) - 1);
	m->node = pack_text(p, q->node, sizeof(q->node) - 1);
	m->cause = pack_text(p, q->cause, sizeof(q->cause) - 1);
	m->since_ns = q->since_ns;
	m->min_confidence = q->min_confidence;
	m->only_open = q->only_open != 0;
	m->limit = q->limit;
	m->cursor = pack_text(p, q->cursor, sizeof(q->cursor) - 1);
	return m;
}

int query_pack(const struct query *q, struct buf *out)
{
	AUTO_PACK struct pack p;
	Why__V1__Question *m;
	int r = pack_begin(&p);

	if (r < 0)
		return r;
	m = message_of_question(&p, q);
	return p.error ? p.error : pack_message(&p, &m->base, out);
}

void message_read_question(struct unpack *u, const Why__V1__Question *m, struct query *ret_query)
{
	struct query q = {.target_kind = ENTITY_KIND_MAX};

	q.kind = unpack_enum(u, "kind", (int)m->kind, QUERY_KIND_MAX);
	if (m->target_kind != WHY__V1__ENTITY_KIND__ENTITY_KIND_UNSPECIFIED)
		q.target_kind = unpack_enum(u, "target_kind", (int)m->target_kind, ENTITY_KIND_MAX);
	unpack_text_into(u, "target", m->target, q.target, sizeof(q.target));
	unpack_text_into(u, "node", m->node, q.node, sizeof(q.node));
	unpack_text_into(u, "cause", m->cause, q.cause, sizeof(q.cause));
	q.since_ns = m->since_ns;
	q.min_confidence = unpack_ratio(u, "min_confidence", m->min_confidence);
	q.only_open = m->only_open;
	q.limit = m->limit;
	unpack_text_into(u, "cursor", m->cursor, q.cursor, sizeof(q.cursor));
	if (!u->error)
		*ret_query = q;
}

int query_unpack(const uint8_t *data, size_t n, struct query *ret_query, const char **ret_field)
{
	AUTO_UNPACK struct unpack u;
	const Why__V1__Question *m;
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	m = unpack_message(&u, &why__v1__question__descriptor, data, n);
	if (m)
		message_read_question(&u, m, ret_query);
	return unpack_result(&u, ret_field);
}
