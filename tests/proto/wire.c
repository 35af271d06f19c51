// SPDX-License-Identifier: Apache-2.0
#include "tests/proto/wire.h"

#include <string.h>

#include "tests/test.h"

static void put_varint(struct wire *w, uint64_t value)
{
	assert_true(w->n + 10 < sizeof(w->data));
	for (; value > 0x7f; value >>= 7)
		w->data[w->n++] = (uint8_t)(value | 0x80);
	w->data[w->n++] = (uint8_t)value;
}

void wire_number(struct wire *w, unsigned field, uint64_t value)
{
	put_varint(w, field << 3);
	put_varint(w, value);
}

void wire_bytes(struct wire *w, unsigned field, const void *data, size_t n)
{
	put_varint(w, field << 3 | 2);
	put_varint(w, n);
	assert_true(n < sizeof(w->data) - w->n);
	memcpy(w->data + w->n, data, n);
	w->n += n;
}

void wire_text(struct wire *w, unsigned field, const char *text)
{
	wire_bytes(w, field, text, strlen(text));
}

void wire_wire(struct wire *w, unsigned field, const struct wire *inner)
{
	wire_bytes(w, field, inner->data, inner->n);
}

void wire_pair(struct wire *w, unsigned field, const char *key, const char *value)
{
	struct wire inner = { .n = 0 };

	wire_text(&inner, 1, key);
	wire_text(&inner, 2, value);
	wire_wire(w, field, &inner);
}
