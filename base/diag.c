// SPDX-License-Identifier: Apache-2.0
#include "base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"

#define MAX_DIAGS         200
#define MAX_MESSAGE_BYTES 512
#define MAX_SOURCE_BYTES  4096 /* kept of a line */
#define MAX_SHOWN_BYTES   160  /* printed of it, around the column */

struct diags {
	struct arena *arena;
	struct diag items[MAX_DIAGS];
	size_t n, dropped;
	size_t by_severity[2]; /* dropped ones count too: an error that was not kept is an error */
};

int diags_new(struct diags **ret_diags)
{
	AUTO(diags_free) struct diags *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	r = arena_new(MAX_DIAGS * (MAX_SOURCE_BYTES + 3 * MAX_MESSAGE_BYTES), &d->arena);
	if (r < 0)
		return r;
	*ret_diags = TAKE_PTR(d);
	return 0;
}

void diags_free(struct diags **diags)
{
	if (!*diags)
		return;
	arena_free(&(*diags)->arena);
	free(*diags);
	*diags = NULL;
}

/* NULL stays NULL; what is longer than max is cut; out of memory reads as absent. */
static const char *keep(struct diags *d, const char *s, size_t max)
{
	char cut[MAX_MESSAGE_BYTES];

	if (!s)
		return NULL;
	(void)text_copy(cut, MIN_OF(max, sizeof(cut)), s);
	return arena_strdup(d->arena, cut);
}

static const char *keep_line(struct diags *d, const char *source, uint32_t line)
{
	size_t len;
	char *copy;

	for (; source && line > 1; line--) {
		source = strchr(source, '\n');
		source = source ? source + 1 : NULL;
	}
	if (!source)
		return NULL;
	len = strcspn(source, "\n");
	if (len > 0 && source[len - 1] == '\r')
		len--;
	copy = arena_strndup(d->arena, source, MIN_OF(len, (size_t)MAX_SOURCE_BYTES));
	for (char *p = copy; p && *p; p++)
		if (*p == '\t')
			*p = ' '; /* else no caret stands below what it means */
	return copy;
}

void diags_add(struct diags *d, enum diag_severity severity, const char *code, const char *file, uint32_t line,
	       uint32_t column, uint32_t length, const char *source, const char *rule, const char *hint,
	       const char *fmt, ...)
{
	char message[MAX_MESSAGE_BYTES];
	struct diag *item;
	va_list ap;

	d->by_severity[severity]++;
	if (d->n == MAX_DIAGS) {
		d->dropped++;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	item = &d->items[d->n++];
	item->severity = severity;
	(void)text_copy(item->code, sizeof(item->code), code);
	item->file = keep(d, file ? file : "", MAX_MESSAGE_BYTES);
	item->line = MAX_OF(line, 1u);
	item->column = MAX_OF(column, 1u);
	item->length = MAX_OF(length, 1u);
	item->message = keep(d, message, MAX_MESSAGE_BYTES);
	item->hint = keep(d, hint, MAX_MESSAGE_BYTES / 2);
	item->rule = keep(d, rule, MAX_MESSAGE_BYTES / 4);
	item->source = keep_line(d, source, item->line);
	if (!item->file)
		item->file = "";
	if (!item->message)
		item->message = "out of memory";
}

size_t diags_count(const struct diags *d, enum diag_severity severity)
{
	return d->by_severity[severity];
}

size_t diags_dropped(const struct diags *d)
{
	return d->dropped;
}

size_t diags_total(const struct diags *d)
{
	return d->n;
}

const struct diag *diags_at(const struct diags *d, size_t i)
{
	return i < d->n ? &d->items[i] : NULL;
}

/* ---- for people ---- */

static size_t count_code_points(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)s[i] & 0xC0) != 0x80;
	return count;
}

static int add_escaped(struct buf *out, const char *s, size_t n, size_t *ret_columns)
{
	char escaped[MAX_MESSAGE_BYTES * 10];
	struct text t;

	text_init(&t, escaped, sizeof(escaped));
	text_add_escaped(&t, s, MIN_OF(n, (size_t)MAX_MESSAGE_BYTES));
	if (ret_columns)
		*ret_columns = count_code_points(escaped, t.len);
	return buf_add(out, escaped, t.len);
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

/* The line, cut to what surrounds the column, and the caret below it. */
static int print_source(const struct diag *item, struct buf *out)
{
	size_t len = strlen(item->source), column = MIN_OF((size_t)item->column - 1, len);
	size_t from = 0, to = len, before = 0, marked = 0;
	int r;

	if (len > MAX_SHOWN_BYTES) {
		from = column > MAX_SHOWN_BYTES / 2 ? column - MAX_SHOWN_BYTES / 2 : 0;
		from = MIN_OF(from, len - MAX_SHOWN_BYTES);
		to = from + MAX_SHOWN_BYTES;
		while (from > 0 && is_continuation(item->source[from]))
			from--;
		while (to < len && is_continuation(item->source[to]))
			to++;
	}
	r = buf_addf(out, "%6u | %s", item->line, from > 0 ? "..." : "");
	if (r == 0)
		r = add_escaped(out, item->source + from, column - from, &before);
	if (r == 0)
		r = add_escaped(out, item->source + column, MIN_OF((size_t)item->length, to - column), &marked);
	column += MIN_OF((size_t)item->length, to - column);
	if (r == 0)
		r = add_escaped(out, item->source + column, to - column, NULL);
	if (r == 0)
		r = buf_addf(out, "%s\n       | %*s^", to < len ? "..." : "", (int)(before + (from > 0 ? 3 : 0)), "");
	for (; r == 0 && marked > 1; marked--)
		r = buf_add_text(out, "~");
	if (r == 0 && item->hint) {
		r = buf_add_text(out, " ");
		if (r == 0)
			r = add_escaped(out, item->hint, strlen(item->hint), NULL);
	}
	return r == 0 ? buf_add_text(out, "\n") : r;
}

static int print_one(const struct diag *item, struct buf *out)
{
	int r = add_escaped(out, item->file, strlen(item->file), NULL);

	if (r == 0)
		r = buf_addf(out, ":%u:%u: %s[%s] ", item->line, item->column,
			     item->severity == DIAG_ERROR ? "error" : "warning", item->code);
	if (r == 0)
		r = add_escaped(out, item->message, strlen(item->message), NULL);
	if (r == 0 && item->hint && !item->source) {
		r = buf_add_text(out, "; ");
		if (r == 0)
			r = add_escaped(out, item->hint, strlen(item->hint), NULL);
	}
	if (r == 0)
		r = buf_add_text(out, "\n");
	return r == 0 && item->source ? print_source(item, out) : r;
}

int diags_print(const struct diags *d, struct buf *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->n; i++)
		r = print_one(&d->items[i], out);
	if (r == 0 && d->dropped > 0)
		r = buf_addf(out, "%zu further ones are not shown\n", d->dropped);
	return r;
}

/* ---- SARIF ---- */

/* A path as a URI reference. */
static void json_uri(struct json *j, const char *path)
{
	char uri[MAX_MESSAGE_BYTES * 3 + 8];
	struct text t;

	text_init(&t, uri, sizeof(uri));
	if (path[0] == '/')
		text_add(&t, "file://");
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
			text_add_n(&t, path, 1);
		else if ((c >= '0' && c <= '9') || strchr("/-._~", c))
			text_add_n(&t, path, 1);
		else
			text_addf(&t, "%%%02X", (unsigned)c);
	}
	json_key_text(j, "uri", uri);
}

/* SARIF counts code points from 1, we count bytes. */
static uint32_t sarif_column(const struct diag *item, uint32_t column)
{
	size_t bytes = column - 1, len = item->source ? strlen(item->source) : 0;

	if (!item->source || bytes > len)
		return column;
	return (uint32_t)count_code_points(item->source, bytes) + 1;
}

static void sarif_result(struct json *j, const struct diag *item)
{
	json_object_begin(j);
	json_key_text(j, "ruleId", item->code);
	json_key_text(j, "level", item->severity == DIAG_ERROR ? "error" : "warning");
	json_key(j, "message");
	json_object_begin(j);
	if (item->hint) {
		char text[MAX_MESSAGE_BYTES * 2];

		(void)snprintf(text, sizeof(text), "%s; %s", item->message, item->hint);
		json_key_text(j, "text", text);
	} else {
		json_key_text(j, "text", item->message);
	}
	json_object_end(j);
	json_key(j, "locations");
	json_array_begin(j);
	json_object_begin(j);
	json_key(j, "physicalLocation");
	json_object_begin(j);
	json_key(j, "artifactLocation");
	json_object_begin(j);
	json_uri(j, item->file);
	json_object_end(j);
	json_key(j, "region");
	json_object_begin(j);
	json_key_u64(j, "startLine", item->line);
	json_key_u64(j, "startColumn", sarif_column(item, item->column));
	json_key_u64(j, "endColumn", sarif_column(item, item->column + item->length));
	json_object_end(j);
	json_object_end(j);
	json_object_end(j);
	json_array_end(j);
	json_object_end(j);
}

int diags_print_sarif(const struct diags *d, const char *tool_version, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_object_begin(&j);
	json_key_text(&j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	json_key_text(&j, "version", "2.1.0");
	json_key(&j, "runs");
	json_array_begin(&j);
	json_object_begin(&j);
	json_key(&j, "tool");
	json_object_begin(&j);
	json_key(&j, "driver");
	json_object_begin(&j);
	json_key_text(&j, "name", "why");
	json_key_text_nonempty(&j, "version", tool_version);
	json_object_end(&j);
	json_object_end(&j);
	json_key_text(&j, "columnKind", "unicodeCodePoints");
	json_key(&j, "results");
	json_array_begin(&j);
	for (size_t i = 0; i < d->n; i++)
		sarif_result(&j, &d->items[i]);
	json_array_end(&j);
	json_object_end(&j);
	json_array_end(&j);
	json_object_end(&j);
	return json_end(&j);
}
