// SPDX-License-Identifier: Apache-2.0
#include "proto/message.h"

#include <errno.h>

static void add_attrs(struct pack *p, const struct answer_who *w, Why__V1__Who *m)
{
	Why__V1__Attr *attrs = pack_list(p, w->n_attrs, sizeof(*attrs));

	m->attrs = pack_list(p, w->n_attrs, sizeof(*m->attrs));
	for (size_t i = 0; attrs && m->attrs && i < w->n_attrs; i++) {
		why__v1__attr__init(&attrs[i]);
		attrs[i].name = pack_text(p, w->attrs[i].name, TEXT_MAX_SHORT);
		attrs[i].value = pack_text(p, w->attrs[i].value, TEXT_MAX_KEY);
		m->attrs[m->n_attrs++] = &attrs[i];
	}
}

void message_of_who(struct pack *p, const struct answer *a, size_t n, Why__V1__Answer *m)
{
	Why__V1__Who *list = pack_list(p, n, sizeof(*list));

	m->who = pack_list(p, n, sizeof(*m->who));
	for (size_t i = 0; list && m->who && i < n; i++) {
		const struct answer_who *w = &a->who[i];

		why__v1__who__init(&list[i]);
		list[i].role = pack_text(p, w->role, TEXT_MAX_SHORT);
		list[i].kind = (Why__V1__EntityKind)(w->kind + 1);
		list[i].id = pack_text(p, w->id, TEXT_MAX_KEY);
		list[i].name = pack_text(p, w->name, TEXT_MAX_KEY);
		list[i].text = pack_text(p, w->text, TEXT_MAX_LONG);
		list[i].node = pack_text(p, w->node, TEXT_MAX_SHORT);
		list[i].status = pack_text(p, w->status, TEXT_MAX_SHORT);
		add_attrs(p, w, &list[i]);
		m->who[m->n_who++] = &list[i];
	}
}

static void read_attrs(struct unpack *u, const struct unpack_target *to, const Why__V1__Who *from, struct answer_who *w)
{
	w->n_attrs = unpack_count(u, "attrs", from->n_attrs, ANSWER_WHO_ATTRS);
	unpack_enter(u, "attrs");
	for (size_t i = 0; i < w->n_attrs && !u->error; i++) {
		w->attrs[i].name = unpack_text(u, to, "name", from->attrs[i]->name, TEXT_MAX_SHORT);
		w->attrs[i].value = unpack_text(u, to, "value", from->attrs[i]->value, TEXT_MAX_KEY);
	}
	unpack_leave(u);
}

void message_read_who(struct unpack *u, const struct unpack_target *to, const Why__V1__Answer *m, struct answer *a)
{
	size_t n = unpack_count(u, "who", m->n_who, ANSWER_MAX_WHO);

	unpack_enter(u, "who");
	for (size_t i = 0; i < n && !u->error; i++) {
		const Why__V1__Who *from = m->who[i];
		struct answer_who *w = answer_add_who(a);

		if (!w) {
			u->error = -ENOMEM;
			break;
		}
		w->role = unpack_text(u, to, "role", from->role, TEXT_MAX_SHORT);
		w->kind = unpack_enum(u, "kind", (int)from->kind, ENTITY_KIND_MAX);
		w->id = unpack_text(u, to, "id", from->id, TEXT_MAX_KEY);
		w->name = unpack_text(u, to, "name", from->name, TEXT_MAX_KEY);
		w->text = unpack_text(u, to, "text", from->text, TEXT_MAX_LONG);
		w->node = unpack_text(u, to, "node", from->node, TEXT_MAX_SHORT);
		w->status = unpack_text(u, to, "status", from->status, TEXT_MAX_SHORT);
		read_attrs(u, to, from, w);
	}
	unpack_leave(u);
}
