// SPDX-License-Identifier: Apache-2.0
#include "base/conf_value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

union value {
	uint64_t u64;
	double number;
	bool yes;
};

const char *conf_value_form(enum conf_type type)
{
	static const char *const forms[] = {
		[CONF_TEXT] = "a text",
		[CONF_U64] = "a whole number",
		[CONF_DURATION] = "a duration like 30s or 1h30m",
		[CONF_BYTES] = "a size like 64MiB",
		[CONF_BOOL] = "true or false",
		[CONF_DOUBLE] = "a number like 0.5",
		[CONF_LIST] = "a list like [a, b]",
	};

	return forms[type];
}

static int parse_bool(const char *text, bool *ret_yes)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return -EINVAL;
	*ret_yes = text[0] == 't';
	return 0;
}

static int parse(enum conf_type type, const char *text, union value *ret_value)
{
	switch (type) {
	case CONF_U64:
		return text_parse_u64(text, &ret_value->u64);
	case CONF_DURATION:
		return clock_parse_duration(text, &ret_value->u64);
	case CONF_BYTES:
		return text_parse_bytes(text, &ret_value->u64);
	case CONF_BOOL:
		return parse_bool(text, &ret_value->yes);
	case CONF_DOUBLE:
		return text_parse_double(text, &ret_value->number);
	default:
		return -EINVAL;
	}
}

static bool is_below(enum conf_type type, union value a, union value b)
{
	return type == CONF_DOUBLE ? a.number < b.number : a.u64 < b.u64;
}

static int fail(char *error, int r, const char *shown, const char *what, const char *bound, const char *then)
{
	struct text t;

	text_init(&t, error, CONF_ERROR_MAX);
	text_add(&t, "cannot be '");
	text_add_escaped(&t, shown, strnlen(shown, 64));
	text_addf(&t, "'%s%s; write %s", what, bound, then);
	return r;
}

static int check_bounds(const struct conf_option *option, const char *text, union value value, char *error)
{
	char range[96];
	union value bound;

	if (option->min && option->max)
		(void)snprintf(range, sizeof(range), "%s to %s", option->min, option->max);
	else
		(void)snprintf(range, sizeof(range), "%s or %s", option->min ? option->min : option->max,
			       option->min ? "more" : "less");
	if (option->min && parse(option->type, option->min, &bound) == 0 && is_below(option->type, value, bound))
		return fail(error, -ERANGE, text, ", which is below the minimum ", option->min, range);
	if (option->max && parse(option->type, option->max, &bound) == 0 && is_below(option->type, bound, value))
		return fail(error, -ERANGE, text, ", which is above the maximum ", option->max, range);
	return 0;
}

/* `choices` is "a|b|c". */
static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text), n;

	for (; *choices; choices += n + (choices[n] == '|')) {
		n = strcspn(choices, "|");
		if (n == len && memcmp(choices, text, n) == 0)
			return true;
	}
	return false;
}

static int check_text(const struct conf_option *option, const char *text, char *error)
{
	char choices[160] = "";
	struct text t;

	if (!text_is_utf8(text, strlen(text)))
		return fail(error, -EINVAL, text, ", which is no UTF-8", "", "it as UTF-8");
	if (!option->choices || is_choice(option->choices, text))
		return 0;
	text_init(&t, choices, sizeof(choices));
	for (const char *p = option->choices; *p; p++)
		text_add_n(&t, *p == '|' ? ", " : p, *p == '|' ? 2 : 1);
	return fail(error, -EINVAL, text, "", "", choices);
}

static int set_text(const struct conf_option *option, const char *text, struct arena *arena, char *error, void *field)
{
	int r = check_text(option, text, error);
	char *copy;

	if (r < 0)
		return r;
	copy = arena_strdup(arena, text);
	if (!copy)
		return -ENOMEM;
	*(const char **)field = copy;
	return 0;
}

/* "a, b" of the command line. */
static int set_list_text(const struct conf_option *option, const char *text, struct arena *arena, char *error, void *conf)
{
	const char *items[CONF_MAX_LIST + 1];
	size_t n = 0;

	for (const char *p = text + strspn(text, " "); *p;) {
		size_t len = strcspn(p, ","), kept = len;

		while (kept > 0 && p[kept - 1] == ' ')
			kept--;
		if (kept == 0)
			return fail(error, -EINVAL, text, ", which holds an empty entry", "", "a,b,c");
		if (n == ARRAY_LEN(items))
			break; /* refused below */
		items[n] = arena_strndup(arena, p, kept);
		if (!items[n++])
			return -ENOMEM;
		p += len;
		if (*p == ',') {
			p += 1 + strspn(p + 1, " ");
			if (!*p)
				return fail(error, -EINVAL, text, ", which ends with a comma", "", "a,b,c");
		}
	}
	return conf_value_set_list(option, items, n, arena, error, conf);
}

int conf_value_set_text(const struct conf_option *option, const char *text, struct arena *arena,
			char ret_error[CONF_ERROR_MAX], void *conf)
{
	void *field = (char *)conf + option->offset;
	union value value = { 0 };
	int r;

	if (option->type == CONF_TEXT)
		return set_text(option, text, arena, ret_error, field);
	if (option->type == CONF_LIST)
		return set_list_text(option, text, arena, ret_error, conf);
	r = parse(option->type, text, &value);
	if (r == -ERANGE)
		return fail(ret_error, r, text, ", which is too large", "", conf_value_form(option->type));
	if (r < 0)
		return fail(ret_error, r, text, "", "", conf_value_form(option->type));
	if (option->type == CONF_BOOL) {
		*(bool *)field = value.yes;
		return 0;
	}
	if (option->min || option->max)
		r = check_bounds(option, text, value, ret_error);
	if (r < 0)
		return r;
	if (option->type == CONF_DOUBLE)
		*(double *)field = value.number;
	else
		*(uint64_t *)field = value.u64;
	return 0;
}

int conf_value_set_list(const struct conf_option *option, const char *const *items, size_t n, struct arena *arena,
			char ret_error[CONF_ERROR_MAX], void *conf)
{
	uint64_t max = CONF_MAX_LIST;
	const char **copies;
	int r;

	if (option->max && text_parse_u64(option->max, &max) == 0)
		max = MIN_OF(max, (uint64_t)CONF_MAX_LIST);
	if (n > max) {
		(void)snprintf(ret_error, CONF_ERROR_MAX, "has more than %llu entries; remove some",
			       (unsigned long long)max);
		return -ERANGE;
	}
	for (size_t i = 0; i < n; i++) {
		r = check_text(option, items[i], ret_error);
		if (r < 0)
			return r;
	}
	copies = arena_alloc_array(arena, n, sizeof(*copies));
	if (!copies)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		copies[i] = arena_strdup(arena, items[i]);
		if (!copies[i])
			return -ENOMEM;
	}
	*(struct conf_list *)((char *)conf + option->offset) = (struct conf_list){ copies, n };
	return 0;
}

/* ---- back to text ---- */

static int print_json_text(const char *text, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_text(&j, text); /* a JSON text is a YAML text in "" */
	return json_end(&j);
}

static int print_list(const struct conf_list *list, struct buf *out)
{
	int r = buf_add_text(out, "[");

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		if (i > 0)
			r = buf_add_text(out, ", ");
		if (r == 0)
			r = print_json_text(list->items[i], out);
	}
	return r == 0 ? buf_add_text(out, "]") : r;
}

/* The largest unit that keeps it exact. */
static int print_scaled(uint64_t value, const uint64_t *factors, const char *const *names, size_t n, struct buf *out)
{
	size_t i = 0;

	while (i + 1 < n && (value == 0 || value % factors[i] != 0))
		i++;
	return buf_addf(out, "%llu%s", (unsigned long long)(value / factors[i]), names[i]);
}

int conf_value_print(const struct conf_option *option, const void *conf, struct buf *out)
{
	static const uint64_t durations[] = { 3600 * NS_PER_S, 60 * NS_PER_S, NS_PER_S, NS_PER_MS, NS_PER_US, 1 };
	static const char *const duration_names[] = { "h", "m", "s", "ms", "us", "ns" };
	static const uint64_t sizes[] = { 1ULL << 40, 1ULL << 30, 1ULL << 20, 1ULL << 10, 1 };
	static const char *const size_names[] = { "TiB", "GiB", "MiB", "KiB", "B" };
	const void *field = (const char *)conf + option->offset;

	switch (option->type) {
	case CONF_TEXT:
		return print_json_text(*(const char *const *)field, out);
	case CONF_U64:
		return buf_addf(out, "%llu", (unsigned long long)*(const uint64_t *)field);
	case CONF_DURATION:
		return print_scaled(*(const uint64_t *)field, durations, duration_names, ARRAY_LEN(durations), out);
	case CONF_BYTES:
		return print_scaled(*(const uint64_t *)field, sizes, size_names, ARRAY_LEN(sizes), out);
	case CONF_BOOL:
		return buf_add_text(out, *(const bool *)field ? "true" : "false");
	case CONF_DOUBLE:
		return buf_addf(out, "%.17g", *(const double *)field);
	case CONF_LIST:
		return print_list(field, out);
	}
	return -EINVAL;
}
