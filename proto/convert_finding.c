// SPDX-License-Identifier: Apache-2.0
#include "proto/convert.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/message.h"

_Static_assert((int)WHY__V1__ENTITY_KIND__ENTITY_KIND_COLLECTOR == (int)ENTITY_KIND_MAX,
	       "EntityKind follows enum entity_kind");
_Static_assert((int)WHY__V1__SEVERITY__SEVERITY_CRITICAL == (int)SEVERITY_MAX, "Severity follows enum severity");
_Static_assert((int)WHY__V1__FINDING_STATE__FINDING_STATE_RESOLVED == (int)FINDING_STATE_MAX,
	       "FindingState follows enum finding_state");
_Static_assert((int)WHY__V1__FINDING_KIND__FINDING_KIND_SYMPTOM == (int)FINDING_KIND_MAX,
	       "FindingKind follows enum finding_kind");
_Static_assert((int)WHY__V1__AUTOMATIC__AUTOMATIC_ALLOW == (int)FINDING_AUTO_MAX, "Automatic follows enum finding_auto");
_Static_assert((int)WHY__V1__REMEDY_ACTION__REMEDY_ACTION_CONTACT_VENDOR == (int)REMEDY_ACTION_MAX,
	       "RemedyAction follows enum remedy_action");
_Static_assert(WHY__V1__UNIT__UNIT_CPUS == UNIT_MAX - 1, "Unit follows enum unit, without an offset: none is 0");

/* ---- packing ---- */

static Why__V1__Entity *entity_message(struct pack *p, const struct finding_entity *e)
{
	Why__V1__Entity *m = pack_list(p, 1, sizeof(*m));
	Why__V1__Attr *attrs = pack_list(p, e->n_attrs, sizeof(*attrs));

	if (!m)
		return NULL;
	why__v1__entity__init(m);
	m->kind = (Why__V1__EntityKind)(e->kind + 1);
	m->id = pack_text(p, e->id, TEXT_MAX_KEY);
	m->name = pack_text(p, e->name, TEXT_MAX_KEY);
	m->attrs = pack_list(p, e->n_attrs, sizeof(*m->attrs));
	for (size_t i = 0; attrs && m->attrs && i < e->n_attrs; i++) {
		why__v1__attr__init(&attrs[i]);
		attrs[i].name = pack_text(p, e->attrs[i].name, TEXT_MAX_SHORT);
		attrs[i].value = pack_text(p, e->attrs[i].value, TEXT_MAX_KEY);
		m->attrs[m->n_attrs++] = &attrs[i];
	}
	return m;
}

static void add_affected(struct pack *p, const struct finding *f, Why__V1__Finding *m)
{
	m->affected = pack_list(p, f->n_affected, sizeof(*m->affected));
	for (size_t i = 0; m->affected && i < f->n_affected; i++) {
		Why__V1__Entity *e = entity_message(p, &f->affected[i]);

		if (e)
			m->affected[m->n_affected++] = e;
	}
	m->more_affected = f->more_affected;
}

static void add_explains(struct pack *p, const struct finding *f, Why__V1__Finding *m)
{
	Why__V1__Explained *list = pack_list(p, f->n_explains, sizeof(*list));

	m->explains = pack_list(p, f->n_explains, sizeof(*m->explains));
	for (size_t i = 0; list && m->explains && i < f->n_explains; i++) {
		why__v1__explained__init(&list[i]);
		list[i].symptom = pack_text(p, f->explains[i].symptom, TEXT_MAX_SHORT);
		list[i].subject = entity_message(p, &f->explains[i].subject);
		list[i].finding = pack_text(p, f->explains[i].finding, FINDING_ID_SIZE - 1);
		list[i].at = f->explains[i].at;
		m->explains[m->n_explains++] = &list[i];
	}
	m->more_explains = f->more_explains;
}

static void add_evidence(struct pack *p, const struct finding *f, Why__V1__Finding *m)
{
	Why__V1__Evidence *list = pack_list(p, f->n_evidence, sizeof(*list));

	m->evidence = pack_list(p, f->n_evidence, sizeof(*m->evidence));
	for (size_t i = 0; list && m->evidence && i < f->n_evidence; i++) {
		const struct finding_evidence *e = &f->evidence[i];

		why__v1__evidence__init(&list[i]);
		list[i].id = pack_text(p, e->id, TEXT_MAX_SHORT);
		list[i].text = pack_text(p, e->text, TEXT_MAX_LONG);
		list[i].metric = pack_text(p, e->metric, TEXT_MAX_SHORT);
		if (!isnan(e->observed)) {
			list[i].number_case = WHY__V1__EVIDENCE__NUMBER_OBSERVED;
			list[i].observed = e->observed;
		}
		list[i].observed_text = pack_text(p, e->observed_text, TEXT_MAX_KEY);
		list[i].expected = pack_text(p, e->expected, TEXT_MAX_KEY);
		list[i].unit = (Why__V1__Unit)e->unit;
		list[i].from = e->from;
		list[i].to = e->to;
		list[i].source = pack_text(p, e->source, TEXT_MAX_SHORT);
		list[i].role = pack_text(p, e->role, TEXT_MAX_SHORT);
		m->evidence[m->n_evidence++] = &list[i];
	}
}

static void add_texts(struct pack *p, const struct finding *f, Why__V1__Finding *m)
{
	Why__V1__RuledOut *ruled = pack_list(p, f->n_ruled_out, sizeof(*ruled));

	m->because = pack_list(p, f->n_because, sizeof(*m->because));
	for (size_t i = 0; m->because && i < f->n_because; i++)
		m->because[m->n_because++] = pack_text(p, f->because[i], FINDING_ID_SIZE - 1);
	m->ruled_out = pack_list(p, f->n_ruled_out, sizeof(*m->ruled_out));
	for (size_t i = 0; ruled && m->ruled_out && i < f->n_ruled_out; i++) {
		why__v1__ruled_out__init(&ruled[i]);
		ruled[i].rule = pack_text(p, f->ruled_out[i].rule, TEXT_MAX_SHORT);
		ruled[i].reason = pack_text(p, f->ruled_out[i].reason, TEXT_MAX_LONG);
		m->ruled_out[m->n_ruled_out++] = &ruled[i];
	}
	m->cannot_tell = message_of_unknown(p, f->cannot_tell, f->n_cannot_tell);
	m->n_cannot_tell = m->cannot_tell ? f->n_cannot_tell : 0;
}

static void add_remedy(struct pack *p, const struct finding *f, Why__V1__Finding *m)
{
	Why__V1__Remedy *r = pack_list(p, 1, sizeof(*r));

	if (!r)
		return;
	why__v1__remedy__init(r);
	r->action = (Why__V1__RemedyAction)(f->remedy.action + 1);
	r->then = (Why__V1__RemedyAction)(f->remedy.then + 1);
	r->text = pack_text(p, f->remedy.text, TEXT_MAX_LONG);
	r->automatic = (Why__V1__Automatic)(f->remedy.automatic + 1);
	r->act = f->remedy.act;
	r->check = pack_list(p, f->remedy.n_check, sizeof(*r->check));
	for (size_t i = 0; r->check && i < f->remedy.n_check; i++)
		r->check[r->n_check++] = pack_text(p, f->remedy.check[i], TEXT_MAX_LONG);
	m->remedy = r;
}

Why__V1__Unknown **message_of_unknown(struct pack *p, const struct finding_unknown *unknown, size_t n)
{
	Why__V1__Unknown *list = pack_list(p, n, sizeof(*list));
	Why__V1__Unknown **at = pack_list(p, n, sizeof(Why__V1__Unknown *));

	if (!list || !at)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		why__v1__unknown__init(&list[i]);
		list[i].what = pack_text(p, unknown[i].what, TEXT_MAX_KEY);
		list[i].why = pack_text(p, unknown[i].why, TEXT_MAX_LONG);
		at[i] = &list[i];
	}
	return at;
}

Why__V1__Finding *message_of_finding(struct pack *p, const struct finding *f)
{
	Why__V1__Finding *m = pack_list(p, 1, sizeof(*m));

	if (!m)
		return NULL;
	why__v1__finding__init(m);
	m->id = pack_text(p, f->id, FINDING_ID_SIZE - 1);
	m->revision = f->revision;
	m->state = (Why__V1__FindingState)(f->state + 1);
	m->kind = (Why__V1__FindingKind)(f->kind + 1);
	m->rule = pack_text(p, f->rule, TEXT_MAX_SHORT);
	m->title = pack_text(p, f->title, TEXT_MAX_LONG);
	m->severity = (Why__V1__Severity)(f->severity + 1);
	m->confidence = f->confidence;
	m->coverage = f->coverage;
	m->node = pack_text(p, f->node, TEXT_MAX_SHORT);
	m->subject = entity_message(p, &f->subject);
	add_affected(p, f, m);
	m->opened_at = f->opened_at;
	m->changed_at = f->changed_at;
	m->resolved_at = f->resolved_at;
	m->resolved_reason = pack_text(p, f->resolved_reason, TEXT_MAX_LONG);
	add_explains(p, f, m);
	add_evidence(p, f, m);
	add_texts(p, f, m);
	add_remedy(p, f, m);
	m->doc = pack_text(p, f->doc, TEXT_MAX_KEY);
	m->emit_condition = pack_text(p, f->emit_condition, TEXT_MAX_SHORT);
	m->emit_reason = pack_text(p, f->emit_reason, TEXT_MAX_SHORT);
	m->emit_event = pack_text(p, f->emit_event, TEXT_MAX_SHORT);
	m->rules_digest = pack_text(p, f->rules_digest, TEXT_MAX_SHORT);
	m->simulated = f->simulated;
	m->shadow = f->shadow;
	m->flapping = f->flapping;
	m->count = f->count;
	return m;
}

int finding_pack(const struct finding *f, struct buf *out)
{
	AUTO_PACK struct pack p;
	Why__V1__Finding *m;
	int r = pack_begin(&p);

	if (r < 0)
		return r;
	m = message_of_finding(&p, f);
	return p.error ? p.error : pack_message(&p, &m->base, out);
}

/* ---- unpacking ---- */

/* Ids go into addresses of the web page and into file names of others: nothing but letters, digits and '_'. */
static void read_id(struct unpack *u, const char *field, const char *text, bool may_be_empty, char ret_id[FINDING_ID_SIZE])
{
	size_t n = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");

	if (text[n] || (!may_be_empty && n == 0))
		unpack_refuse(u, field);
	unpack_text_into(u, field, text, ret_id, FINDING_ID_SIZE);
}

static const char *read_name(struct unpack *u, const struct unpack_target *to, const char *field, const char *text)
{
	if (!*text)
		unpack_refuse(u, field);
	return unpack_text(u, to, field, text, TEXT_MAX_SHORT);
}

static void read_entity(struct unpack *u, const struct unpack_target *to, const char *field, const Why__V1__Entity *m,
			struct finding_entity *e)
{
	if (!m) {
		unpack_refuse(u, field);
		return;
	}
	unpack_enter(u, field);
	e->kind = unpack_enum(u, "kind", (int)m->kind, ENTITY_KIND_MAX);
	e->id = unpack_text(u, to, "id", m->id, TEXT_MAX_KEY);
	e->name = unpack_text(u, to, "name", m->name, TEXT_MAX_KEY);
	e->n_attrs = unpack_count(u, "attrs", m->n_attrs, FINDING_MAX_ATTRS);
	for (size_t i = 0; i < e->n_attrs && !u->error; i++) {
		unpack_enter(u, "attrs");
		e->attrs[i].name = read_name(u, to, "name", m->attrs[i]->name);
		e->attrs[i].value = unpack_text(u, to, "value", m->attrs[i]->value, TEXT_MAX_KEY);
		unpack_leave(u);
	}
	unpack_leave(u);
}

static void read_explains(struct unpack *u, const struct unpack_target *to, const Why__V1__Finding *m, struct finding *f)
{
	f->n_explains = unpack_count(u, "explains", m->n_explains, FINDING_MAX_EXPLAINS);
	f->more_explains = m->more_explains;
	unpack_enter(u, "explains");
	for (size_t i = 0; i < f->n_explains && !u->error; i++) {
		const Why__V1__Explained *from = m->explains[i];
		struct finding_explained *e = &f->explains[i];

		e->symptom = read_name(u, to, "symptom", from->symptom);
		read_entity(u, to, "subject", from->subject, &e->subject);
		read_id(u, "finding", from->finding, true, e->finding);
		e->at = from->at;
	}
	unpack_leave(u);
}

static void read_evidence(struct unpack *u, const struct unpack_target *to, const Why__V1__Evidence *m,
			  struct finding_evidence *e)
{
	unpack_enter(u, "evidence");
	e->id = unpack_text(u, to, "id", m->id, TEXT_MAX_SHORT);
	e->text = unpack_text(u, to, "text", m->text, TEXT_MAX_LONG);
	e->metric = unpack_text_or_null(u, to, "metric", m->metric, TEXT_MAX_SHORT);
	e->observed = m->number_case == WHY__V1__EVIDENCE__NUMBER_OBSERVED ? m->observed : NAN;
	e->observed_text = unpack_text_or_null(u, to, "observed_text", m->observed_text, TEXT_MAX_KEY);
	e->expected = unpack_text(u, to, "expected", m->expected, TEXT_MAX_KEY);
	e->unit = unpack_enum(u, "unit", (int)((unsigned)m->unit + 1u), UNIT_MAX);
	e->from = m->from;
	e->to = m->to;
	e->source = unpack_text(u, to, "source", m->source, TEXT_MAX_SHORT);
	e->role = unpack_text(u, to, "role", m->role, TEXT_MAX_SHORT);
	unpack_leave(u);
}

static void read_ruled_out(struct unpack *u, const struct unpack_target *to, const Why__V1__Finding *m, struct finding *f)
{
	f->n_ruled_out = unpack_count(u, "ruled_out", m->n_ruled_out, FINDING_MAX_RULED);
	unpack_enter(u, "ruled_out");
	for (size_t i = 0; i < f->n_ruled_out && !u->error; i++) {
		f->ruled_out[i].rule = read_name(u, to, "rule", m->ruled_out[i]->rule);
		f->ruled_out[i].reason = unpack_text(u, to, "reason", m->ruled_out[i]->reason, TEXT_MAX_LONG);
	}
	unpack_leave(u);
}

void message_read_unknown(struct unpack *u, const struct unpack_target *to, Why__V1__Unknown *const *from, size_t n,
			  struct finding_unknown *ret_unknown)
{
	for (size_t i = 0; i < n && !u->error; i++) {
		ret_unknown[i].what = unpack_text(u, to, "what", from[i]->what, TEXT_MAX_KEY);
		ret_unknown[i].why = unpack_text(u, to, "why", from[i]->why, TEXT_MAX_LONG);
	}
}

static void read_remedy(struct unpack *u, const struct unpack_target *to, const Why__V1__Remedy *m, struct finding *f)
{
	if (!m) {
		unpack_refuse(u, "remedy");
		return;
	}
	unpack_enter(u, "remedy");
	f->remedy.action = unpack_enum(u, "action", (int)m->action, REMEDY_ACTION_MAX);
	f->remedy.then = unpack_enum(u, "then", (int)m->then, REMEDY_ACTION_MAX);
	f->remedy.text = unpack_text(u, to, "text", m->text, TEXT_MAX_LONG);
	f->remedy.automatic = unpack_enum(u, "automatic", (int)m->automatic, FINDING_AUTO_MAX);
	f->remedy.act = m->act;
	f->remedy.n_check = unpack_count(u, "check", m->n_check, FINDING_MAX_CHECKS);
	for (size_t i = 0; i < f->remedy.n_check && !u->error; i++)
		f->remedy.check[i] = unpack_text(u, to, "check", m->check[i], TEXT_MAX_LONG);
	unpack_leave(u);
}

static void read_lists(struct unpack *u, const struct unpack_target *to, const Why__V1__Finding *m, struct finding *f)
{
	f->n_affected = unpack_count(u, "affected", m->n_affected, FINDING_MAX_AFFECTED);
	f->more_affected = m->more_affected;
	for (size_t i = 0; i < f->n_affected && !u->error; i++)
		read_entity(u, to, "affected", m->affected[i], &f->affected[i]);
	f->n_because = unpack_count(u, "because", m->n_because, FINDING_MAX_BECAUSE);
	for (size_t i = 0; i < f->n_because && !u->error; i++)
		read_id(u, "because", m->because[i], false, f->because[i]);
	read_explains(u, to, m, f);
	f->n_evidence = unpack_count(u, "evidence", m->n_evidence, FINDING_MAX_EVIDENCE);
	for (size_t i = 0; i < f->n_evidence && !u->error; i++)
		read_evidence(u, to, m->evidence[i], &f->evidence[i]);
	read_ruled_out(u, to, m, f);
	f->n_cannot_tell = unpack_count(u, "cannot_tell", m->n_cannot_tell, FINDING_MAX_UNKNOWN);
	unpack_enter(u, "cannot_tell");
	message_read_unknown(u, to, m->cannot_tell, f->n_cannot_tell, f->cannot_tell);
	unpack_leave(u);
}

static void read_head(struct unpack *u, const struct unpack_target *to, const Why__V1__Finding *m, struct finding *f)
{
	read_id(u, "id", m->id, false, f->id);
	f->revision = m->revision;
	if (f->revision == 0)
		unpack_refuse(u, "revision");
	f->state = unpack_enum(u, "state", (int)m->state, FINDING_STATE_MAX);
	f->kind = unpack_enum(u, "kind", (int)m->kind, FINDING_KIND_MAX);
	f->rule = read_name(u, to, "rule", m->rule);
	f->title = unpack_text(u, to, "title", m->title, TEXT_MAX_LONG);
	f->severity = unpack_enum(u, "severity", (int)m->severity, SEVERITY_MAX);
	f->confidence = unpack_ratio(u, "confidence", m->confidence);
	f->coverage = unpack_ratio(u, "coverage", m->coverage);
	f->node = read_name(u, to, "node", m->node);
	read_entity(u, to, "subject", m->subject, &f->subject);
}

struct finding *message_read_finding(struct unpack *u, const Why__V1__Finding *m)
{
	AUTO(finding_free) struct finding *f = NULL;
	struct unpack_target to = {.max_bytes = FINDING_MAX_BYTES};

	if (u->error)
		return NULL;
	u->error = finding_new(&f);
	if (u->error)
		return NULL;
	to.arena = f->arena;
	read_head(u, &to, m, f);
	f->opened_at = m->opened_at;
	f->changed_at = m->changed_at;
	f->resolved_at = m->resolved_at;
	f->resolved_reason = unpack_text_or_null(u, &to, "resolved_reason", m->resolved_reason, TEXT_MAX_LONG);
	read_lists(u, &to, m, f);
	read_remedy(u, &to, m->remedy, f);
	f->doc = unpack_text_or_null(u, &to, "doc", m->doc, TEXT_MAX_KEY);
	f->emit_condition = unpack_text_or_null(u, &to, "emit_condition", m->emit_condition, TEXT_MAX_SHORT);
	f->emit_reason = unpack_text_or_null(u, &to, "emit_reason", m->emit_reason, TEXT_MAX_SHORT);
	f->emit_event = unpack_text_or_null(u, &to, "emit_event", m->emit_event, TEXT_MAX_SHORT);
	f->rules_digest = unpack_text(u, &to, "rules_digest", m->rules_digest, TEXT_MAX_SHORT);
	f->simulated = m->simulated;
	f->shadow = m->shadow;
	f->flapping = m->flapping;
	f->count = m->count;
	return u->error ? NULL : TAKE_PTR(f);
}

int finding_unpack(const uint8_t *data, size_t n, struct finding **ret_finding, const char **ret_field)
{
	AUTO_UNPACK struct unpack u;
	struct finding *f = NULL;
	const Why__V1__Finding *m;
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	m = unpack_message(&u, &why__v1__finding__descriptor, data, n);
	if (m)
		f = message_read_finding(&u, m);
	if (f)
		*ret_finding = f;
	return unpack_result(&u, ret_field);
}
