// SPDX-License-Identifier: Apache-2.0
#include "proto/items.h"

#include <errno.h>
#include <stdbool.h>

#define MAX_VARINT_BYTES 10

enum wire { WIRE_VARINT = 0, WIRE_EIGHT = 1, WIRE_BYTES = 2, WIRE_FOUR = 5 };

static bool take_varint(const uint8_t *data, size_t n, size_t *at, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < MAX_VARINT_BYTES && *at < n; i++) {
		uint8_t byte = data[(*at)++];

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* How many bytes the value of a field has, from *at on. */
static bool take_size(const uint8_t *data, size_t n, unsigned wire, size_t *at, uint64_t *ret_size)
{
	size_t begin = *at;
	uint64_t value;

	switch (wire) {
	case WIRE_VARINT:
		if (!take_varint(data, n, at, &value))
			return false;
		*ret_size = *at - begin;
		*at = begin;
		return true;
	case WIRE_EIGHT:
		*ret_size = 8;
		return true;
	case WIRE_FOUR:
		*ret_size = 4;
		return true;
	case WIRE_BYTES:
		return take_varint(data, n, at, ret_size);
	default:
		return false; /* groups are not of proto3 */
	}
}

int items_next(const uint8_t *data, size_t n, uint32_t field, size_t *at, const uint8_t **ret_item, size_t *ret_n)
{
	uint64_t key, size;

	while (*at < n) {
		if (!take_varint(data, n, at, &key) || !take_size(data, n, key & 7, at, &size) || size > n - *at) {
			*at = n;
			return -EBADMSG;
		}
		*at += size;
		if (key >> 3 == field && (key & 7) == WIRE_BYTES) {
			*ret_item = data + *at - size;
			*ret_n = size;
			return 1;
		}
	}
	return 0;
}
