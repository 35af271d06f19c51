// SPDX-License-Identifier: Apache-2.0
/* The half of text.h that turns text into numbers and numbers into text for people. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

int text_parse_u64(const char *s, uint64_t *ret_value)
{
	uint64_t value = 0;
	bool too_large = false;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		too_large |= __builtin_mul_overflow(value, 10, &value);
		too_large |= __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value);
	}
	if (too_large)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int text_parse_i64(const char *s, int64_t *ret_value)
{
	bool negative = *s == '-';
	uint64_t value;
	int r = text_parse_u64(s + negative, &value);

	if (r < 0)
		return r;
	if (value > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

int text_parse_double(const char *s, double *ret_value)
{
	char *end;
	double value;

	/* strtod also takes blanks, hex, "inf" and "nan". */
	if (!*s || s[strspn(s, "0123456789+-.eE")])
		return -EINVAL;
	value = strtod(s, &end);
	if (*end || end == s)
		return -EINVAL;
	if (!isfinite(value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

static const struct {
	const char *name;
	double factor;
} byte_units[] = {
	{ "", 1 },           { "B", 1 },          { "KiB", 0x1p10 }, { "MiB", 0x1p20 }, { "GiB", 0x1p30 },
	{ "TiB", 0x1p40 }, { "kB", 1e3 }, { "MB", 1e6 },     { "GB", 1e9 },     { "TB", 1e12 },
};

int text_parse_bytes(const char *s, uint64_t *ret_bytes)
{
	size_t n = strspn(s, "0123456789."), blanks = strspn(s + n, " ");
	const char *unit = s + n + blanks;
	char number[32];
	uint64_t whole;
	double value;
	int r;

	if (n == 0 || n >= sizeof(number) || (blanks > 0 && !*unit))
		return -EINVAL;
	memcpy(number, s, n);
	number[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(byte_units); i++) {
		if (strcmp(unit, byte_units[i].name) != 0)
			continue;
		r = text_parse_u64(number, &whole);
		if (r == 0) /* exact where a double is not */
			return __builtin_mul_overflow(whole, (uint64_t)byte_units[i].factor, &whole) ?
				       -ERANGE :
				       (*ret_bytes = whole, 0);
		if (r == -ERANGE)
			return r;
		r = text_parse_double(number, &value);
		if (r < 0)
			return r;
		value *= byte_units[i].factor;
		if (value >= 0x1p64)
			return -ERANGE;
		*ret_bytes = (uint64_t)value;
		return 0;
	}
	return -EINVAL;
}

/* The same parts in another order: clock_sm, sm_clock. */
static bool same_parts(const char *a, const char *b)
{
	bool used[64] = { false };
	size_t n;

	if (strlen(a) != strlen(b))
		return false;
	for (; *a; a += n + (a[n] != '\0')) {
		size_t at = 0, m;
		bool found = false;

		n = strcspn(a, "._-");
		for (const char *p = b; *p && !found; p += m + (p[m] != '\0')) {
			m = strcspn(p, "._-");
			at = (size_t)(p - b);
			found = m == n && !used[at] && memcmp(a, p, n) == 0;
		}
		if (!found)
			return false;
		used[at] = true;
	}
	return true;
}

static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned char rows[3][66];
	unsigned char *older = rows[0], *old = rows[1], *row = rows[2];

	for (size_t j = 0; j <= nb; j++)
		old[j] = (unsigned char)j;
	for (size_t i = 1; i <= na; i++) {
		row[0] = (unsigned char)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = old[j - 1] + (a[i - 1] != b[j - 1]);

			best = MIN_OF(best, old[j] + 1u);
			best = MIN_OF(best, row[j - 1] + 1u);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN_OF(best, older[j - 2] + 1u);
			row[j] = (unsigned char)best;
		}
		unsigned char *spare = older;

		older = old;
		old = row;
		row = spare;
	}
	return old[nb];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strnlen(word, 65), best = 0;
	const char *nearest = NULL;

	if (len > 64)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t candidate_len = strnlen(candidates[i], 65), distance;

		if (candidate_len == 0 || candidate_len > 64)
			continue;
		distance = edit_distance(word, len, candidates[i], candidate_len);
		if (distance > 2 && same_parts(word, candidates[i]))
			distance = 2;
		/* A word of which every byte differs is no neighbour, however short it is. */
		if (distance > 1 + len / 4 || distance >= MAX_OF(len, candidate_len))
			continue;
		if (!nearest || distance < best) {
			nearest = candidates[i];
			best = distance;
		}
	}
	return nearest;
}

/* One decimal below 100, none above; "32.0" is "32". */
static void format_short(double value, const char *unit, char *ret_text, size_t size)
{
	char number[32];
	size_t len;

	(void)snprintf(number, sizeof(number), fabs(value) < 99.95 ? "%.1f" : "%.0f", value);
	len = strlen(number);
	if (len > 2 && strcmp(number + len - 2, ".0") == 0)
		number[len - 2] = '\0';
	(void)snprintf(ret_text, size, "%s %s", strcmp(number, "-0") == 0 ? "0" : number, unit);
}

void text_format_bytes(double bytes, char *ret_text, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t i = 0;

	if (!isfinite(bytes) || fabs(bytes) >= 0x1p80) {
		(void)text_copy(ret_text, size, "unknown");
		return;
	}
	/* 1023.5 would be printed as 1024. */
	for (; i + 1 < ARRAY_LEN(units) && fabs(bytes) >= 1023.5; i++)
		bytes /= 1024;
	format_short(i == 0 ? round(bytes) : bytes, units[i], ret_text, size);
}

void text_format_ratio(double ratio, char *ret_text, size_t size)
{
	double percent = ratio * 100, magnitude = fabs(percent);

	if (!isfinite(percent) || magnitude > 1e12)
		(void)text_copy(ret_text, size, "unknown");
	else if (magnitude > 0 && magnitude < 0.05)
		(void)text_copy(ret_text, size, percent > 0 ? "< 0.1 %" : "> -0.1 %");
	else if (magnitude < 9.95)
		format_short(percent, "%", ret_text, size);
	else if (percent >= 99.5 && percent < 100) /* nearly all is not all */
		format_short(fmin(percent, 99.9), "%", ret_text, size);
	else
		(void)snprintf(ret_text, size, "%.0f %%", percent);
}

void text_format_count(double n, char *ret_text, size_t size)
{
	char digits[32], grouped[48];
	size_t len, out = 0;

	if (!isfinite(n)) {
		(void)text_copy(ret_text, size, "unknown");
		return;
	}
	if ((n != round(n) && fabs(n) < 999.5) || fabs(n) >= 1e18) {
		(void)snprintf(ret_text, size, "%.3g", n);
		return;
	}
	len = (size_t)snprintf(digits, sizeof(digits), "%.0f", fabs(n));
	if (n < 0)
		grouped[out++] = '-';
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			grouped[out++] = ',';
		grouped[out++] = digits[i];
	}
	grouped[out] = '\0';
	(void)text_copy(ret_text, size, grouped);
}
