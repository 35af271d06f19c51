// SPDX-License-Identifier: Apache-2.0
#include "proto/convert.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/message.h"

_Static_assert(WHY__V1__ANSWER_STATUS__ANSWER_STATUS_BAD == ANSWER_BAD + 1, "AnswerStatus follows enum answer_status");
#define N_ANSWER_STATUS (ANSWER_BAD + 1)

/* ---- packing ---- */

static void add_lines(struct pack *p, const struct answer *a, size_t n, Why__V1__Answer *m)
{
	Why__V1__AnswerLine *list = pack_list(p, n, sizeof(*list));

	m->lines = pack_list(p, n, sizeof(*m->lines));
	for (size_t i = 0; list && m->lines && i < n; i++) {
		const struct answer_line *l = &a->lines[i];

		why__v1__answer_line__init(&list[i]);
		list[i].at = l->at;
		list[i].what = pack_text(p, l->what, TEXT_MAX_KEY);
		list[i].subject = pack_text(p, l->subject, TEXT_MAX_KEY);
		list[i].status = pack_text(p, l->status, TEXT_MAX_KEY);
		list[i].text = pack_text(p, l->text, TEXT_MAX_LONG);
		list[i].detail = pack_text(p, l->detail, TEXT_MAX_LONG);
		list[i].severity = (Why__V1__Severity)(l->severity + 1);
		m->lines[m->n_lines++] = &list[i];
	}
}

static Why__V1__Truth truth_message(int truth)
{
	if (truth < 0)
		return WHY__V1__TRUTH__TRUTH_UNKNOWN;
	return truth ? WHY__V1__TRUTH__TRUTH_TRUE : WHY__V1__TRUTH__TRUTH_FALSE;
}

static void add_evidence(struct pack *p, const struct answer *a, size_t n, Why__V1__Answer *m)
{
	Why__V1__AnswerEvidence *list = pack_list(p, n, sizeof(*list));

	m->evidence = pack_list(p, n, sizeof(*m->evidence));
	for (size_t i = 0; list && m->evidence && i < n; i++) {
		const struct answer_evidence *e = &a->evidence[i];

		why__v1__answer_evidence__init(&list[i]);
		list[i].role = pack_text(p, e->role, TEXT_MAX_SHORT);
		list[i].id = pack_text(p, e->id, TEXT_MAX_SHORT);
		list[i].text = pack_text(p, e->text, TEXT_MAX_LONG);
		list[i].expected = pack_text(p, e->expected, TEXT_MAX_KEY);
		list[i].truth = truth_message(e->truth);
		if (!isnan(e->observed)) {
			list[i].number_case = WHY__V1__ANSWER_EVIDENCE__NUMBER_OBSERVED;
			list[i].observed = e->observed;
		}
		list[i].why = pack_text(p, e->why, TEXT_MAX_LONG);
		m->evidence[m->n_evidence++] = &list[i];
	}
}

/* At most max_findings and max_lines of it; what is left out is said by `truncated`. */
static Why__V1__Answer *answer_message(struct pack *p, const struct answer *a, size_t max_findings, size_t max_lines)
{
	Why__V1__Answer *m = pack_list(p, 1, sizeof(*m));
	size_t n_unknown = MIN_OF(a->n_unknown, (size_t)MESSAGE_MAX_UNKNOWN);
	size_t n_candidates = MIN_OF(a->n_candidates, (size_t)MESSAGE_MAX_CANDIDATES);
	size_t n_findings = MIN_OF(a->n_findings, max_findings);

	if (!m)
		return NULL;
	why__v1__answer__init(m);
	m->question = (Why__V1__QuestionKind)(a->query + 1);
	m->status = (Why__V1__AnswerStatus)(a->status + 1);
	m->message = pack_text(p, a->message, TEXT_MAX_LONG);
	m->target = pack_text(p, a->target, TEXT_MAX_KEY);
	m->node = pack_text(p, a->node, TEXT_MAX_SHORT);
	m->as_of = a->as_of;
	m->agent_last_seen = a->agent_last_seen;
	m->agent_version = pack_text(p, a->agent_version, TEXT_MAX_SHORT);
	m->rules_digest = pack_text(p, a->rules_digest, TEXT_MAX_SHORT);
	m->evaluated = a->evaluated;
	m->stale = a->stale;
	m->findings = pack_list(p, n_findings, sizeof(*m->findings));
	for (size_t i = 0; m->findings && i < n_findings && !p->error; i++)
		m->findings[m->n_findings++] = message_of_finding(p, a->findings[i]);
	add_lines(p, a, MIN_OF(a->n_lines, max_lines), m);
	message_of_who(p, a, MIN_OF(a->n_who, max_lines), m);
	m->unknown = message_of_unknown(p, a->unknown, n_unknown);
	m->n_unknown = m->unknown ? n_unknown : 0;
	m->candidates = pack_list(p, n_candidates, sizeof(*m->candidates));
	for (size_t i = 0; m->candidates && i < n_candidates; i++)
		m->candidates[m->n_candidates++] = pack_text(p, a->candidates[i], TEXT_MAX_KEY);
	m->verdict = pack_text(p, a->verdict, TEXT_MAX_SHORT);
	add_evidence(p, a, MIN_OF(a->n_evidence, (size_t)MESSAGE_MAX_EVIDENCE), m);
	m->next_cursor = pack_text(p, a->next_cursor, sizeof(a->next_cursor) - 1);
	m->truncated = a->truncated || n_findings < a->n_findings || m->n_lines < a->n_lines ||
		       m->n_who < a->n_who;
	return m;
}

Why__V1__Answer *message_of_answer(struct pack *p, const struct answer *a, size_t max_bytes)
{
	size_t max_findings = MIN_OF(a->n_findings, (size_t)ANSWER_MAX_FINDINGS);
	size_t max_lines = MIN_OF(MAX_OF(a->n_lines, a->n_who), (size_t)ANSWER_MAX_LINES);
	Why__V1__Answer *m = answer_message(p, a, max_findings, max_lines);

	while (!p->error && max_findings + max_lines > 0 && why__v1__answer__get_packed_size(m) > max_bytes) {
		max_findings /= 2;
		max_lines /= 2;
		m = answer_message(p, a, max_findings, max_lines);
	}
	return m;
}

static int pack_within(const struct answer *a, size_t max_bytes, struct buf *out)
{
	AUTO_PACK struct pack p;
	Why__V1__Answer *m;
	int r = pack_begin(&p);

	if (r < 0)
		return r;
	m = message_of_answer(&p, a, max_bytes);
	return p.error ? p.error : pack_message(&p, &m->base, out);
}

int answer_pack(const struct answer *a, struct buf *out)
{
	return pack_within(a, SIZE_MAX, out);
}

int answer_pack_cut(const struct answer *a, struct buf *out)
{
	return pack_within(a, out->max - out->len, out);
}

/* ---- unpacking ---- */

static void read_lines(struct unpack *u, const struct unpack_target *to, const Why__V1__Answer *m, struct answer *a)
{
	size_t n = unpack_count(u, "lines", m->n_lines, ANSWER_MAX_LINES);

	unpack_enter(u, "lines");
	for (size_t i = 0; i < n && !u->error; i++) {
		const Why__V1__AnswerLine *from = m->lines[i];
		struct answer_line *l = answer_add_line(a);

		if (!l) {
			u->error = -ENOMEM;
			break;
		}
		l->at = from->at;
		l->what = unpack_text(u, to, "what", from->what, TEXT_MAX_KEY);
		l->subject = unpack_text(u, to, "subject", from->subject, TEXT_MAX_KEY);
		l->status = unpack_text(u, to, "status", from->status, TEXT_MAX_KEY);
		l->text = unpack_text(u, to, "text", from->text, TEXT_MAX_LONG);
		l->detail = unpack_text_or_null(u, to, "detail", from->detail, TEXT_MAX_LONG);
		l->severity = unpack_enum(u, "severity", (int)from->severity, SEVERITY_MAX);
	}
	unpack_leave(u);
}

static int read_truth(struct unpack *u, Why__V1__Truth truth)
{
	static const int by_value[] = {1, 0, -1};

	return by_value[unpack_enum(u, "truth", (int)truth, ARRAY_LEN(by_value))];
}

static void read_evidence(struct unpack *u, const struct unpack_target *to, const Why__V1__Answer *m, struct answer *a)
{
	a->evidence = unpack_list(u, to, "evidence", m->n_evidence, MESSAGE_MAX_EVIDENCE, sizeof(*a->evidence));
	a->n_evidence = a->evidence ? m->n_evidence : 0;
	unpack_enter(u, "evidence");
	for (size_t i = 0; i < a->n_evidence && !u->error; i++) {
		const Why__V1__AnswerEvidence *from = m->evidence[i];
		struct answer_evidence *e = &a->evidence[i];

		e->role = unpack_text(u, to, "role", from->role, TEXT_MAX_SHORT);
		e->id = unpack_text(u, to, "id", from->id, TEXT_MAX_SHORT);
		e->text = unpack_text(u, to, "text", from->text, TEXT_MAX_LONG);
		e->expected = unpack_text(u, to, "expected", from->expected, TEXT_MAX_KEY);
		e->truth = read_truth(u, from->truth);
		e->observed = from->number_case == WHY__V1__ANSWER_EVIDENCE__NUMBER_OBSERVED ? from->observed : NAN;
		e->why = unpack_text_or_null(u, to, "why", from->why, TEXT_MAX_LONG);
	}
	unpack_leave(u);
}

static void read_findings(struct unpack *u, const Why__V1__Answer *m, struct answer *a)
{
	size_t n = unpack_count(u, "findings", m->n_findings, ANSWER_MAX_FINDINGS);

	unpack_enter(u, "findings");
	for (size_t i = 0; i < n && !u->error; i++) {
		AUTO(finding_free) struct finding *f = message_read_finding(u, m->findings[i]);

		if (f && answer_add_finding(a, &f) < 0)
			unpack_refuse(u, "");
	}
	unpack_leave(u);
}

static void read_lists(struct unpack *u, const struct unpack_target *to, const Why__V1__Answer *m, struct answer *a)
{
	a->unknown = unpack_list(u, to, "unknown", m->n_unknown, MESSAGE_MAX_UNKNOWN, sizeof(*a->unknown));
	a->n_unknown = a->unknown ? m->n_unknown : 0;
	unpack_enter(u, "unknown");
	message_read_unknown(u, to, m->unknown, a->n_unknown, a->unknown);
	unpack_leave(u);
	a->candidates = unpack_list(u, to, "candidates", m->n_candidates, MESSAGE_MAX_CANDIDATES, sizeof(*a->candidates));
	a->n_candidates = a->candidates ? m->n_candidates : 0;
	for (size_t i = 0; i < a->n_candidates && !u->error; i++)
		a->candidates[i] = unpack_text(u, to, "candidates", m->candidates[i], TEXT_MAX_KEY);
	read_lines(u, to, m, a);
	message_read_who(u, to, m, a);
	read_evidence(u, to, m, a);
	read_findings(u, m, a);
}

struct answer *message_read_answer(struct unpack *u, const Why__V1__Answer *m)
{
	AUTO(answer_free) struct answer *a = NULL;
	struct unpack_target to = {.max_bytes = ANSWER_MAX_BYTES};
	enum query_kind kind = unpack_enum(u, "question", (int)m->question, QUERY_KIND_MAX);

	if (u->error)
		return NULL;
	u->error = answer_new(kind, &a);
	if (u->error)
		return NULL;
	to.arena = a->arena;
	a->status = unpack_enum(u, "status", (int)m->status, N_ANSWER_STATUS);
	a->message = unpack_text_or_null(u, &to, "message", m->message, TEXT_MAX_LONG);
	a->target = unpack_text(u, &to, "target", m->target, TEXT_MAX_KEY);
	a->node = unpack_text(u, &to, "node", m->node, TEXT_MAX_SHORT);
	a->as_of = m->as_of;
	a->agent_last_seen = m->agent_last_seen;
	a->agent_version = unpack_text(u, &to, "agent_version", m->agent_version, TEXT_MAX_SHORT);
	a->rules_digest = unpack_text(u, &to, "rules_digest", m->rules_digest, TEXT_MAX_SHORT);
	a->evaluated = m->evaluated;
	a->stale = m->stale;
	read_lists(u, &to, m, a);
	a->verdict = unpack_text_or_null(u, &to, "verdict", m->verdict, TEXT_MAX_SHORT);
	unpack_text_into(u, "next_cursor", m->next_cursor, a->next_cursor, sizeof(a->next_cursor));
	a->truncated = m->truncated;
	return u->error ? NULL : TAKE_PTR(a);
}

int answer_unpack(const uint8_t *data, size_t n, struct answer **ret_answer, const char **ret_field)
{
	AUTO_UNPACK struct unpack u;
	struct answer *a = NULL;
	const Why__V1__Answer *m;
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	m = unpack_message(&u, &why__v1__answer__descriptor, data, n);
	if (m)
		a = message_read_answer(&u, m);
	if (a)
		*ret_answer = a;
	return unpack_result(&u, ret_field);
}
