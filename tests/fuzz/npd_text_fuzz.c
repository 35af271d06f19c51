// SPDX-License-Identifier: Apache-2.0
/* Bytes as the metrics of node-problem-detector, whole and byte by byte: the same conditions, within their bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtimes/npd_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct npd_text whole, pieces;

	npd_text_init(&whole);
	npd_text_put(&whole, (const char *)data, size);
	npd_text_end(&whole);
	npd_text_init(&pieces);
	for (size_t i = 0; i < size; i++)
		npd_text_put(&pieces, (const char *)data + i, 1);
	npd_text_end(&pieces);
	if (whole.n > NPD_MAX_CONDITIONS || whole.n != pieces.n ||
	    memcmp(whole.conditions, pieces.conditions, sizeof(whole.conditions)) != 0)
		abort();
	for (size_t i = 0; i < whole.n; i++)
		if (strlen(whole.conditions[i].type) >= NPD_NAME_MAX || !whole.conditions[i].type[0])
			abort();
	return 0;
}
