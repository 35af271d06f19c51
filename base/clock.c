// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts); /* cannot fail for these two */
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

mono_ns_t clock_mono_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

wall_ns_t clock_wall_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

void clock_format_rfc3339(wall_ns_t t, char ret_text[CLOCK_RFC3339_MAX])
{
	time_t seconds = (time_t)(t / NS_PER_S);
	struct tm tm;

	(void)gmtime_r(&seconds, &tm); /* 2^64 ns end in 2554 */
	(void)snprintf(ret_text, CLOCK_RFC3339_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ", tm.tm_year + 1900,
		       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(t % NS_PER_S));
}

/* `n` digits, then `end` ('\0': whatever follows). */
static bool take_number(const char **s, int n, char end, int *ret_value)
{
	int value = 0;

	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		value = value * 10 + (**s - '0');
	}
	if (end && *(*s)++ != end)
		return false;
	*ret_value = value;
	return true;
}

static bool take_fraction(const char **s, uint64_t *ret_ns)
{
	uint64_t ns = 0, scale = NS_PER_S;

	if (**s != '.')
		return *ret_ns = 0, true;
	for ((*s)++; **s >= '0' && **s <= '9'; (*s)++) {
		scale /= 10;
		if (scale == 0)
			return false;
		ns += (uint64_t)(**s - '0') * scale;
	}
	if (scale == NS_PER_S)
		return false;
	*ret_ns = ns;
	return true;
}

static bool take_zone(const char **s, int *ret_seconds)
{
	int sign = **s == '-' ? -1 : 1, hours, minutes;

	if (**s == 'Z')
		return (*s)++, *ret_seconds = 0, true;
	if (**s != '+' && **s != '-')
		return false;
	(*s)++;
	if (!take_number(s, 2, ':', &hours) || !take_number(s, 2, '\0', &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool is_date(const struct tm *tm)
{
	static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = tm->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
	       tm->tm_mday <= days[tm->tm_mon] + (leap && tm->tm_mon == 1);
}

int clock_parse_rfc3339(const char *text, wall_ns_t *ret_t)
{
	struct tm tm = { 0 };
	int year, month, zone;
	uint64_t ns;
	int64_t seconds;

	if (!take_number(&text, 4, '-', &year) || !take_number(&text, 2, '-', &month) ||
	    !take_number(&text, 2, 'T', &tm.tm_mday) || !take_number(&text, 2, ':', &tm.tm_hour) ||
	    !take_number(&text, 2, ':', &tm.tm_min) || !take_number(&text, 2, '\0', &tm.tm_sec) ||
	    !take_fraction(&text, &ns) || !take_zone(&text, &zone) || *text)
		return -EINVAL;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	if (!is_date(&tm) || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return -EINVAL;
	seconds = (int64_t)timegm(&tm) - zone;
	if (seconds < 0 || (uint64_t)seconds >= UINT64_MAX / NS_PER_S)
		return -EINVAL;
	*ret_t = (uint64_t)seconds * NS_PER_S + ns;
	return 0;
}

/* From the largest down: "1h30m" may only descend. */
static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "d", 86400 * NS_PER_S }, { "h", 3600 * NS_PER_S }, { "m", 60 * NS_PER_S }, { "s", NS_PER_S },
	{ "ms", NS_PER_MS },       { "us", NS_PER_US },      { "ns", 1 },
};

int clock_parse_duration(const char *text, uint64_t *ret_ns)
{
	uint64_t total = 0;
	size_t next_unit = 0;
	bool too_large = false;

	if (!*text)
		return -EINVAL;
	while (*text) {
		uint64_t value = 0;
		size_t digits = strspn(text, "0123456789"), letters, i;

		if (digits == 0)
			return -EINVAL;
		for (; digits > 0; digits--, text++) {
			too_large |= __builtin_mul_overflow(value, 10, &value);
			too_large |= __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value);
		}
		letters = strcspn(text, "0123456789");
		for (i = next_unit; i < ARRAY_LEN(units); i++)
			if (strlen(units[i].name) == letters && memcmp(units[i].name, text, letters) == 0)
				break;
		if (i == ARRAY_LEN(units))
			return -EINVAL;
		too_large |= __builtin_mul_overflow(value, units[i].ns, &value);
		too_large |= __builtin_add_overflow(total, value, &total);
		next_unit = i + 1;
		text += letters;
	}
	if (too_large || total > 1ULL << 63)
		return -ERANGE;
	*ret_ns = total;
	return 0;
}

static void format_decimal(uint64_t tenths, const char *unit, char *ret_text, size_t size)
{
	if (tenths % 10 == 0 || tenths >= 1000)
		(void)snprintf(ret_text, size, "%llu %s", (unsigned long long)tenths / 10, unit);
	else
		(void)snprintf(ret_text, size, "%llu.%llu %s", (unsigned long long)tenths / 10,
			       (unsigned long long)tenths % 10, unit);
}

static void format_pair(uint64_t value, uint64_t per, const char *unit, const char *lower, char *ret_text, size_t size)
{
	if (value % per == 0)
		(void)snprintf(ret_text, size, "%llu %s", (unsigned long long)(value / per), unit);
	else
		(void)snprintf(ret_text, size, "%llu %s %llu %s", (unsigned long long)(value / per), unit,
			       (unsigned long long)(value % per), lower);
}

void clock_format_duration(uint64_t ns, char *ret_text, size_t size)
{
	uint64_t s = ns / NS_PER_S;

	/* Below a minute rounded to a tenth; above, cut: 59 s more is not yet a minute. */
	if (ns < NS_PER_US)
		(void)snprintf(ret_text, size, "%llu ns", (unsigned long long)ns);
	else if (ns < NS_PER_MS - 50)
		format_decimal((ns + 50) / 100, "us", ret_text, size);
	else if (ns < NS_PER_S - NS_PER_MS / 20)
		format_decimal((ns + NS_PER_MS / 20) / (NS_PER_MS / 10), "ms", ret_text, size);
	else if (ns < 60 * NS_PER_S - NS_PER_S / 20)
		format_decimal((ns + NS_PER_S / 20) / (NS_PER_S / 10), "s", ret_text, size);
	else if (s < 60)
		(void)snprintf(ret_text, size, "1 min");
	else if (s < 3600)
		format_pair(s, 60, "min", "s", ret_text, size);
	else if (s < 86400)
		format_pair(s / 60, 60, "h", "min", ret_text, size);
	else
		format_pair(s / 3600, 24, "d", "h", ret_text, size);
}
