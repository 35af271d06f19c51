// SPDX-License-Identifier: Apache-2.0
#include "cli/likeness.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define MIX 1099511628211ULL

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (c & 0x80);
}

/* Words with a digit count as one and the same word: pids, addresses, ids, measures. */
static uint64_t shape(const char *text)
{
	uint64_t hash = 0;

	while (*text) {
		size_t n = 0, digits = 0;

		while (is_word(text[n]))
			digits += isdigit((unsigned char)text[n++]) != 0;
		if (digits > 0)
			hash = hash * MIX ^ '#';
		else
			hash = hash * MIX ^ text_hash(text, n ? n : 1);
		text += n ? n : 1;
	}
	return hash;
}

uint64_t likeness_of(const struct finding *f, uint64_t salt)
{
	const char *rule = f->rule ? f->rule : "", *title = f->title ? f->title : "";
	uint64_t hash = text_hash(rule, strlen(rule)) ^ salt * MIX;

	return (hash * MIX ^ (uint64_t)f->severity) * MIX ^ shape(title);
}

void likeness_crowd(const uint64_t *digests, size_t n, uint16_t *ret_first)
{
	uint16_t count[ANSWER_MAX_FINDINGS] = { 0 };

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (digests[k] != digests[i])
			k++;
		ret_first[i] = (uint16_t)k;
		count[k]++;
	}
	for (size_t i = 0; i < n; i++)
		if (count[ret_first[i]] < LIKENESS_MIN)
			ret_first[i] = (uint16_t)i;
}
