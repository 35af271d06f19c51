// SPDX-License-Identifier: Apache-2.0
/* A finding of any bytes is refused, or reads the same after being packed and read again. The first byte cuts the memory. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "proto/convert.h"
#include "proto/unpack.h"
#include "proto/why.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unpacking with an arena that ends anywhere must fail, not crash. */
static void unpack_in_little_memory(const uint8_t *data, size_t size, size_t bytes)
{
	AUTO_UNPACK struct unpack u;

	if (unpack_begin(&u, size) < 0)
		return;
	arena_free(&u.arena);
	if (arena_new(bytes, &u.arena) < 0)
		return;
	u.allocator.allocator_data = u.arena;
	(void)unpack_message(&u, &why__v1__finding__descriptor, data, size);
}

static void write_json(const struct finding *f)
{
	AUTO_BUF struct buf b = {0};
	struct json j;

	buf_init(&b, 4 << 20);
	json_init(&j, &b);
	finding_write_json(f, &j);
	if (json_end(&j) < 0 && !b.overflow)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(finding_free) struct finding *f = NULL, *again = NULL;
	AUTO_BUF struct buf first = {0}, second = {0};
	const char *field = NULL;
	int r;

	if (size == 0)
		return 0;
	unpack_in_little_memory(data + 1, size - 1, (size_t)data[0] * 64);
	r = finding_unpack(data + 1, size - 1, &f, &field);
	if (r < 0) {
		if (f || !field || !*field)
			abort();
		return 0;
	}
	buf_init(&first, 1 << 20);
	buf_init(&second, 1 << 20);
	if (finding_pack(f, &first) < 0 || finding_unpack(first.data, first.len, &again, &field) < 0)
		abort();
	if (finding_pack(again, &second) < 0 || first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
		abort();
	write_json(f);
	return 0;
}
