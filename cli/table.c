// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct row {
	const char *cells[TABLE_MAX_COLUMNS];
	enum style style;
	size_t styled;
};

struct table {
	struct arena *arena;
	const char *const *heads;
	size_t n_columns, n_rows, left_out;
	size_t widths[TABLE_MAX_COLUMNS];
	struct row rows[TABLE_MAX_ROWS];
};

static size_t columns(const char *text)
{
	return terminal_columns(text, strlen(text));
}

int table_new(const char *const *heads, struct table **ret_table)
{
	AUTO(table_free) struct table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->heads = heads;
	while (t->n_columns < TABLE_MAX_COLUMNS && heads[t->n_columns]) {
		t->widths[t->n_columns] = columns(heads[t->n_columns]);
		t->n_columns++;
	}
	r = arena_new(PAGE_MAX_BYTES, &t->arena);
	if (r < 0)
		return r;
	*ret_table = TAKE_PTR(t);
	return 0;
}

void table_free(struct table **table)
{
	if (!*table)
		return;
	arena_free(&(*table)->arena);
	free(*table);
	*table = NULL;
}

/* Escaped already here: its width is that of what will be printed. */
static const char *take(struct table *t, const char *cell, bool is_last)
{
	char escaped[PAGE_MAX_TEXT];
	struct text text;
	const char *copy;

	text_init(&text, escaped, is_last ? sizeof(escaped) : TABLE_MAX_CELL);
	text_add_escaped(&text, cell, strlen(cell));
	copy = text.truncated ? arena_printf(t->arena, "%s...", escaped) : arena_strdup(t->arena, escaped);
	return copy ? copy : "";
}

void table_add(struct table *t, enum style style, size_t styled, const char *const *cells)
{
	struct row *row;

	if (t->n_rows == TABLE_MAX_ROWS) {
		t->left_out++;
		return;
	}
	row = &t->rows[t->n_rows++];
	row->style = style;
	row->styled = styled;
	for (size_t i = 0; i < t->n_columns; i++) {
		row->cells[i] = take(t, cells[i] ? cells[i] : "", i + 1 == t->n_columns);
		t->widths[i] = MAX_OF(t->widths[i], columns(row->cells[i]));
	}
}

static void render_row(const struct table *t, struct page *p, const struct row *row)
{
	size_t at = 0, last = t->n_columns - 1, n = t->n_columns;

	while (n > 0 && !row->cells[n - 1][0])
		n--; /* no blanks at a line's end */
	for (size_t i = 0; i < n; i++) {
		enum style style = i == row->styled ? row->style : STYLE_PLAIN;

		page_pad(p, at);
		if (i == last && p->terminal.is_terminal && at + 20 < p->terminal.width)
			page_wrap(p, style, at, 0, row->cells[i]);
		else
			page_text(p, style, row->cells[i]);
		at += t->widths[i] + 2;
	}
	page_break(p);
}

void table_render(const struct table *t, struct page *p)
{
	size_t at = 0;

	for (size_t i = 0; i < t->n_columns; i++) {
		page_pad(p, at);
		page_text(p, STYLE_DIM, t->heads[i]);
		at += t->widths[i] + 2;
	}
	page_break(p);
	for (size_t i = 0; i < t->n_rows; i++)
		render_row(t, p, &t->rows[i]);
	if (t->left_out > 0) {
		page_textf(p, STYLE_WARNING, "and %zu more: -o json or -o jsonl shows all", t->left_out);
		page_break(p);
	}
}
