// SPDX-License-Identifier: Apache-2.0
#include "identity/label_key.h"

#include <string.h>

static const struct {
	const char *key, *whose;
	size_t len;
} keys[] = {
#define LABEL_KEY(key, whose) { key, whose, sizeof(key) - 1 },
#include "identity/label_keys.def"
#undef LABEL_KEY
};

#define LABEL_KEY(key, whose) _Static_assert(sizeof(key) <= 64, "an attribute's name has 63 bytes: " key);
#include "identity/label_keys.def"
#undef LABEL_KEY

bool label_key_wanted(const char *key, size_t n)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].len == n && memcmp(keys[i].key, key, n) == 0)
			return true;
	return false;
}

const char *label_key_at(size_t i, const char **ret_whose)
{
	if (i >= sizeof(keys) / sizeof(keys[0]))
		return NULL;
	if (ret_whose)
		*ret_whose = keys[i].whose;
	return keys[i].key;
}
