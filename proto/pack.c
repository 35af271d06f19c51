// SPDX-License-Identifier: Apache-2.0
#include "proto/pack.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

int pack_begin(struct pack *p)
{
	p->arena = NULL;
	p->error = arena_new(PACK_MAX_BYTES, &p->arena);
	return p->error;
}

void pack_done(struct pack *p)
{
	arena_free(&p->arena);
}

static char *repaired(struct pack *p, const char *text, size_t len, size_t max)
{
	char *copy = arena_alloc(p->arena, max + 1);
	struct text t;
	uint32_t code;

	if (!copy) {
		p->error = -ENOMEM;
		return (char *)protobuf_c_empty_string;
	}
	text_init(&t, copy, max + 1);
	while (len > 0 && !t.truncated) {
		size_t n = text_decode(text, len, &code);

		if (n > 0)
			text_add_n(&t, text, n);
		else
			text_add(&t, "\xef\xbf\xbd");
		n = MAX_OF(n, 1u);
		text += n;
		len -= n;
	}
	return copy;
}

char *pack_text(struct pack *p, const char *text, size_t max)
{
	size_t len = text ? strnlen(text, max + 1) : 0;

	if (len == 0)
		return (char *)protobuf_c_empty_string;
	if (len <= max && text_is_utf8(text, len))
		return (char *)text;
	return repaired(p, text, len, max);
}

void *pack_list(struct pack *p, size_t n, size_t size)
{
	void *list = n > 0 ? arena_alloc_array(p->arena, n, size) : NULL;

	if (n > 0 && !list)
		p->error = -ENOMEM;
	return list;
}

int pack_message(const struct pack *p, const ProtobufCMessage *m, struct buf *out)
{
	size_t n = p->error ? 0 : protobuf_c_message_get_packed_size(m);
	uint8_t *at;

	if (p->error)
		return p->error;
	if (n == 0)
		return 0;
	if (n > out->max || out->len > out->max - n)
		return -EMSGSIZE;
	at = buf_extend(out, n);
	if (!at)
		return -ENOMEM;
	protobuf_c_message_pack(m, at);
	return 0;
}
