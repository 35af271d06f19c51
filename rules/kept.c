/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct kept {
	size_t n;
	uint8_t data[];
};

/* One walk for both directions, so that reader and writer cannot disagree. */
struct pass {
	struct buf *out;   /* writing */
	const uint8_t *in; /* reading */
};

static void pass_bytes(struct pass *p, void *field, size_t n)
{
	if (p->out) {
		(void)buf_add(p->out, field, n); /* an overflow is seen once, at the end */
		return;
	}
	memcpy(field, p->in, n);
	p->in += n;
}

#define PASS(p, field) pass_bytes(p, &(field), sizeof(field))

static void pass_text(struct pass *p, const char **text)
{
	uint32_t n = p->out && *text ? (uint32_t)strlen(*text) + 1 : 0;

	PASS(p, n);
	if (p->out) {
		if (n > 0)
			(void)buf_add(p->out, *text, n);
		return;
	}
	*text = n > 0 ? (const char *)p->in : NULL;
	p->in += n;
}

static void pass_entity(struct pass *p, struct finding_entity *e)
{
	PASS(p, e->kind);
	pass_text(p, &e->id);
	pass_text(p, &e->name);
	PASS(p, e->n_attrs);
	for (size_t i = 0; i < e->n_attrs; i++) {
		pass_text(p, &e->attrs[i].name);
		pass_text(p, &e->attrs[i].value);
	}
}

static void pass_links(struct pass *p, struct finding *f)
{
	PASS(p, f->n_affected);
	PASS(p, f->more_affected);
	for (size_t i = 0; i < f->n_affected; i++)
		pass_entity(p, &f->affected[i]);
	PASS(p, f->n_because);
	pass_bytes(p, f->because, f->n_because * sizeof(f->because[0]));
	PASS(p, f->n_explains);
	PASS(p, f->more_explains);
	for (size_t i = 0; i < f->n_explains; i++) {
		pass_text(p, &f->explains[i].symptom);
		pass_entity(p, &f->explains[i].subject);
		PASS(p, f->explains[i].finding);
		PASS(p, f->explains[i].at);
	}
}

static void pass_evidence(struct pass *p, struct finding *f)
{
	PASS(p, f->n_evidence);
	for (size_t i = 0; i < f->n_evidence; i++) {
		struct finding_evidence *e = &f->evidence[i];

		pass_text(p, &e->id);
		pass_text(p, &e->text);
		pass_text(p, &e->metric);
		PASS(p, e->observed);
		pass_text(p, &e->observed_text);
		pass_text(p, &e->expected);
		PASS(p, e->unit);
		PASS(p, e->from);
		PASS(p, e->to);
		pass_text(p, &e->source);
		pass_text(p, &e->role);
	}
	PASS(p, f->n_ruled_out);
	for (size_t i = 0; i < f->n_ruled_out; i++) {
		pass_text(p, &f->ruled_out[i].rule);
		pass_text(p, &f->ruled_out[i].reason);
	}
	PASS(p, f->n_cannot_tell);
	for (size_t i = 0; i < f->n_cannot_tell; i++) {
		pass_text(p, &f->cannot_tell[i].what);
		pass_text(p, &f->cannot_tell[i].why);
	}
}

static void pass_remedy(struct pass *p, struct finding *f)
{
	PASS(p, f->remedy.action);
	PASS(p, f->remedy.then);
	PASS(p, f->remedy.automatic);
	PASS(p, f->remedy.act);
	pass_text(p, &f->remedy.text);
	PASS(p, f->remedy.n_check);
	for (size_t i = 0; i < f->remedy.n_check; i++)
		pass_text(p, &f->remedy.check[i]);
}

static void pass_finding(struct pass *p, struct finding *f)
{
	PASS(p, f->id);
	PASS(p, f->revision);
	PASS(p, f->state);
	PASS(p, f->kind);
	pass_text(p, &f->rule);
	pass_text(p, &f->title);
	PASS(p, f->severity);
	PASS(p, f->confidence);
	PASS(p, f->coverage);
	pass_text(p, &f->node);
	pass_entity(p, &f->subject);
	pass_links(p, f);
	PASS(p, f->opened_at);
	PASS(p, f->changed_at);
	PASS(p, f->resolved_at);
	pass_text(p, &f->resolved_reason);
	pass_evidence(p, f);
	pass_remedy(p, f);
	pass_text(p, &f->doc);
	pass_text(p, &f->emit_condition);
	pass_text(p, &f->emit_reason);
	pass_text(p, &f->emit_event);
	pass_text(p, &f->rules_digest);
	PASS(p, f->simulated);
	PASS(p, f->shadow);
	PASS(p, f->flapping);
	PASS(p, f->count);
}

int kept_new(const struct finding *f, struct buf *scratch, struct kept **ret_kept)
{
	struct pass p = {.out = scratch};
	struct kept *k;

	buf_reset(scratch);
	pass_finding(&p, (struct finding *)f); /* only read when writing */
	if (scratch->overflow)
		return -EMSGSIZE;
	k = malloc(sizeof(*k) + scratch->len);
	if (!k)
		return -ENOMEM;
	k->n = scratch->len;
	memcpy(k->data, scratch->data, scratch->len);
	*ret_kept = k;
	return 0;
}

void kept_free(struct kept **kept)
{
	free(*kept);
	*kept = NULL;
}

void kept_read(const struct kept *kept, struct finding *ret_finding)
{
	struct pass p = {.in = kept->data};

	pass_finding(&p, ret_finding);
}

size_t kept_size(const struct kept *kept)
{
	return kept->n;
}
