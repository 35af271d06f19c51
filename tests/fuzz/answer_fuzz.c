// SPDX-License-Identifier: Apache-2.0
/* Questions and answers of any bytes are refused, or read the same after being packed and read again. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_query(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf b = {0};
	struct query q, again;
	const char *field = NULL;

	if (query_unpack(data, size, &q, &field) < 0) {
		if (!field || !*field)
			abort();
		return;
	}
	buf_init(&b, 1 << 16);
	if (query_pack(&q, &b) < 0 || query_unpack(b.data, b.len, &again, &field) < 0 || strcmp(q.target, again.target) != 0)
		abort();
}

static void fuzz_answer(const uint8_t *data, size_t size)
{
	AUTO(answer_free) struct answer *a = NULL, *again = NULL;
	AUTO_BUF struct buf first = {0}, second = {0}, cut = {0};
	const char *field = NULL;

	if (answer_unpack(data, size, &a, &field) < 0) {
		if (a || !field || !*field)
			abort();
		return;
	}
	buf_init(&first, 8 << 20);
	buf_init(&second, 8 << 20);
	buf_init(&cut, 4096);
	if (answer_pack(a, &first) < 0 || answer_unpack(first.data, first.len, &again, &field) < 0)
		abort();
	if (answer_pack(again, &second) < 0 || first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
		abort();
	(void)answer_pack_cut(a, &cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 4 == 0)
		fuzz_query(data + 1, size - 1);
	else
		fuzz_answer(data + 1, size - 1);
	return 0;
}
