// SPDX-License-Identifier: Apache-2.0
#include "cli/page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

#define BLANKS                                                                                                           \
	"                                                                                                              " \
	"          "

static const char *const sgr[STYLE_MAX] = {
	[STYLE_PLAIN] = "",
	[STYLE_BOLD] = "\033[1m",
	[STYLE_DIM] = "\033[2m",
	[STYLE_CRITICAL] = "\033[1;31m",
	[STYLE_WARNING] = "\033[1;33m",
	[STYLE_GOOD] = "\033[1;32m",
	[STYLE_ODD] = "\033[1;35m",
};

void page_init(struct page *p, const struct terminal *terminal, wall_ns_t now)
{
	*p = (struct page){ .terminal = *terminal, .now = now };
	buf_init(&p->out, PAGE_MAX_BYTES);
}

void page_done(struct page *p)
{
	buf_done(&p->out);
}

static void style_begin(struct page *p, enum style style)
{
	if (p->terminal.color && style != STYLE_PLAIN)
		(void)buf_add_text(&p->out, sgr[style]);
}

static void style_end(struct page *p, enum style style)
{
	if (p->terminal.color && style != STYLE_PLAIN)
		(void)buf_add_text(&p->out, "\033[0m");
}

static void add(struct page *p, const char *text, size_t n)
{
	(void)buf_add(&p->out, text, n);
	p->column += terminal_columns(text, n);
}

static size_t escape(const char *text, char ret_text[PAGE_MAX_TEXT])
{
	struct text t;

	text_init(&t, ret_text, PAGE_MAX_TEXT - 4);
	text_add_escaped(&t, text, strlen(text));
	if (t.truncated) {
		memcpy(ret_text + t.len, "...", 4);
		t.len += 3;
	}
	return t.len;
}

void page_text(struct page *p, enum style style, const char *text)
{
	char escaped[PAGE_MAX_TEXT];
	size_t n = escape(text, escaped);

	if (n == 0)
		return;
	style_begin(p, style);
	add(p, escaped, n);
	style_end(p, style);
}

void page_textf(struct page *p, enum style style, const char *fmt, ...)
{
	char text[PAGE_MAX_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	page_text(p, style, text);
}

void page_break(struct page *p)
{
	(void)buf_add_text(&p->out, "\n");
	p->column = 0;
}

void page_gap(struct page *p)
{
	const struct buf *b = &p->out;

	if (p->column > 0)
		page_break(p);
	if (b->len > 1 && !(b->data[b->len - 1] == '\n' && b->data[b->len - 2] == '\n'))
		page_break(p);
}

void page_pad(struct page *p, size_t column)
{
	size_t n = column > p->column ? column - p->column : p->column > 0 ? 1 : 0;

	for (; n > 0; n -= MIN_OF(n, sizeof(BLANKS) - 1))
		add(p, BLANKS, MIN_OF(n, sizeof(BLANKS) - 1));
}

void page_right(struct page *p, enum style style, const char *text)
{
	size_t columns = terminal_columns(text, strlen(text));

	if (p->column + 2 + columns <= p->terminal.width)
		page_pad(p, p->terminal.width - columns);
	else
		page_pad(p, p->column + 2);
	page_text(p, style, text);
}

/* `right` (NULL: none) goes to the end of the first line. */
static void wrap(struct page *p, enum style style, size_t indent, size_t reserve, const char *text, const char *right)
{
	char escaped[PAGE_MAX_TEXT];
	size_t n = escape(text, escaped), limit = p->terminal.width - MIN_OF(reserve, p->terminal.width / 2);
	bool fresh = true; /* nothing of this text on this line yet */

	style_begin(p, style);
	for (size_t i = 0; i < n;) {
		size_t len = strcspn(escaped + i, " "), columns = terminal_columns(escaped + i, len);

		if (!fresh && p->column + 1 + columns > limit) {
			style_end(p, style);
			if (right)
				page_right(p, STYLE_DIM, right);
			right = NULL;
			page_break(p);
			page_pad(p, indent);
			style_begin(p, style);
			fresh = true;
		}
		if (!fresh)
			add(p, " ", 1);
		add(p, escaped + i, len);
		fresh = false;
		i += len;
		i += strspn(escaped + i, " ");
	}
	style_end(p, style);
	if (right)
		page_right(p, STYLE_DIM, right);
}

void page_wrap(struct page *p, enum style style, size_t indent, size_t reserve, const char *text)
{
	wrap(p, style, indent, reserve, text, NULL);
}

void page_row(struct page *p, const char *label, enum style style, const char *text, const char *right)
{
	page_pad(p, PAGE_LABEL);
	page_text(p, STYLE_DIM, label);
	page_pad(p, PAGE_BODY);
	wrap(p, style, PAGE_BODY, right ? terminal_columns(right, strlen(right)) + 2 : 0, text, right);
	page_break(p);
}

const char *page_bullet(const struct page *p)
{
	return p->terminal.unicode ? "●" : "*";
}

const char *page_dot(const struct page *p)
{
	return p->terminal.unicode ? " · " : ", ";
}

enum style page_severity_style(enum severity s)
{
	return s >= SEVERITY_CRITICAL ? STYLE_CRITICAL : s == SEVERITY_WARNING ? STYLE_WARNING : STYLE_PLAIN;
}

void page_time(const struct page *p, wall_ns_t t, bool with_ms, char *ret_text, size_t size)
{
	time_t seconds = (time_t)(t / NS_PER_S), now = (time_t)(p->now / NS_PER_S);
	struct tm tm = { 0 }, today = { 0 };
	char clock[32] = "";

	(void)localtime_r(&seconds, &tm);
	(void)localtime_r(&now, &today);
	if (tm.tm_year != today.tm_year)
		(void)strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M:%S", &tm);
	else if (tm.tm_yday != today.tm_yday)
		(void)strftime(clock, sizeof(clock), "%b %e %H:%M:%S", &tm);
	else
		(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	if (with_ms)
		(void)snprintf(ret_text, size, "%s.%03u", clock, (unsigned)(t / NS_PER_MS % 1000));
	else
		(void)snprintf(ret_text, size, "%s", clock);
}

void page_span(wall_ns_t from, wall_ns_t to, char *ret_text, size_t size)
{
	clock_format_duration(to > from ? to - from : 0, ret_text, size);
}

int page_write(struct page *p, int fd)
{
	for (size_t done = 0; done < p->out.len;) {
		ssize_t n = write(fd, p->out.data + done, p->out.len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return p->out.overflow ? -EMSGSIZE : 0;
}
