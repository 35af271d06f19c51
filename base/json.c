// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void json_init(struct json *j, struct buf *out)
{
	*j = (struct json){ .out = out };
}

static void put(struct json *j, const char *s, size_t n)
{
	int r = j->error ? 0 : buf_add(j->out, s, n);

	if (r < 0)
		j->error = r;
}

/* Before each value: may one stand here, and does it need a comma? */
static bool value_begins(struct json *j)
{
	if (j->error)
		return false;
	if (j->is_object[j->depth]) {
		if (!j->after_key)
			j->error = -EINVAL;
		j->after_key = false;
		return !j->error;
	}
	if (j->need_comma[j->depth]) {
		if (j->depth == 0)
			j->error = -EINVAL; /* a second value */
		else
			put(j, ",", 1);
	}
	j->need_comma[j->depth] = true;
	return !j->error;
}

static void begin(struct json *j, bool object)
{
	if (!value_begins(j))
		return;
	if (j->depth >= JSON_MAX_DEPTH) {
		j->error = -EINVAL;
		return;
	}
	put(j, object ? "{" : "[", 1);
	j->depth++;
	j->need_comma[j->depth] = false;
	j->is_object[j->depth] = object;
}

static void end(struct json *j, bool object)
{
	if (j->error)
		return;
	if (j->depth == 0 || j->is_object[j->depth] != object || j->after_key) {
		j->error = -EINVAL;
		return;
	}
	put(j, object ? "}" : "]", 1);
	j->depth--;
}

void json_object_begin(struct json *j)
{
	begin(j, true);
}

void json_object_end(struct json *j)
{
	end(j, true);
}

void json_array_begin(struct json *j)
{
	begin(j, false);
}

void json_array_end(struct json *j)
{
	end(j, false);
}

/* One code point that cannot stand as it is; returns the bytes of `s` that it took. */
static size_t put_escape(struct json *j, const char *s, size_t len, uint32_t code)
{
	static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char escape[8];

	if (len == 0) {
		put(j, "\\uFFFD", 6);
		return 1;
	}
	for (const char *p = named; *p; p += 2) {
		if (*p != *s)
			continue;
		put(j, (char[]){ '\\', p[1] }, 2);
		return 1;
	}
	(void)snprintf(escape, sizeof(escape), "\\u%04X", (unsigned)code & 0xFFFF); /* all unsafe ones are below */
	put(j, escape, 6);
	return len;
}

static void put_string(struct json *j, const char *s, size_t n)
{
	size_t plain = 0, len;
	uint32_t code = 0;

	put(j, "\"", 1);
	for (size_t i = 0; i < n; i += len) {
		len = text_decode(s + i, n - i, &code);
		if (len > 0 && !text_is_unsafe(code) && code != '"' && code != '\\')
			continue;
		put(j, s + plain, i - plain);
		len = put_escape(j, s + i, len, code);
		plain = i + len;
	}
	put(j, s + plain, n - plain);
	put(j, "\"", 1);
}

void json_key(struct json *j, const char *key)
{
	if (j->error)
		return;
	if (!j->is_object[j->depth] || j->after_key) {
		j->error = -EINVAL;
		return;
	}
	if (j->need_comma[j->depth])
		put(j, ",", 1);
	j->need_comma[j->depth] = true;
	put_string(j, key, strlen(key));
	put(j, ":", 1);
	j->after_key = true;
}

static void put_value(struct json *j, const char *text)
{
	if (value_begins(j))
		put(j, text, strlen(text));
}

void json_text_n(struct json *j, const char *value, size_t n)
{
	if (value_begins(j))
		put_string(j, value, n);
}

void json_text(struct json *j, const char *value)
{
	if (value)
		json_text_n(j, value, strlen(value));
	else
		json_nil(j);
}

void json_i64(struct json *j, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	put_value(j, text);
}

void json_u64(struct json *j, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put_value(j, text);
}

void json_double(struct json *j, double value)
{
	char text[40];

	if (!isfinite(value)) {
		json_nil(j);
		return;
	}
	if (value == trunc(value) && fabs(value) < 1e15) { /* 1e+06 is JSON, but nobody's habit */
		(void)snprintf(text, sizeof(text), "%.0f", value);
		put_value(j, text);
		return;
	}
	for (int digits = 6; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	put_value(j, text);
}

void json_bool(struct json *j, bool value)
{
	put_value(j, value ? "true" : "false");
}

void json_nil(struct json *j)
{
	put_value(j, "null");
}

void json_key_text(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_text(j, value);
}

void json_key_text_nonempty(struct json *j, const char *key, const char *value)
{
	if (value && *value)
		json_key_text(j, key, value);
}

void json_key_u64(struct json *j, const char *key, uint64_t value)
{
	json_key(j, key);
	json_u64(j, value);
}

void json_key_double(struct json *j, const char *key, double value)
{
	json_key(j, key);
	json_double(j, value);
}

void json_key_bool(struct json *j, const char *key, bool value)
{
	json_key(j, key);
	json_bool(j, value);
}

int json_end(struct json *j)
{
	if (!j->error && (j->depth != 0 || !j->need_comma[0]))
		j->error = -EINVAL;
	return j->error;
}
