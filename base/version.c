// SPDX-License-Identifier: Apache-2.0
#include "base/version.h"

#include <ctype.h>
#include <errno.h>

#include "base/cleanup.h"

int version_parse(const char *text, struct version *ret_version)
{
	struct version v = { 0 };
	const char *p = text;

	for (unsigned i = 0; i < ARRAY_LEN(v.numbers); i++) {
		if (!isdigit((unsigned char)*p))
			return -EINVAL;
		for (; isdigit((unsigned char)*p); p++) {
			v.numbers[i] = v.numbers[i] * 10 + (uint32_t)(*p - '0');
			if (v.numbers[i] > VERSION_MAX_NUMBER)
				return -EINVAL;
		}
		if (*p == '\0') {
			*ret_version = v;
			return 0;
		}
		if (*p++ != '.')
			return -EINVAL;
	}
	return -EINVAL;
}

int version_compare(const struct version *a, const struct version *b)
{
	for (unsigned i = 0; i < ARRAY_LEN(a->numbers); i++)
		if (a->numbers[i] != b->numbers[i])
			return a->numbers[i] < b->numbers[i] ? -1 : 1;
	return 0;
}
