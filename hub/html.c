// SPDX-License-Identifier: Apache-2.0
#include "hub/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void html_add(struct buf *out, const char *markup)
{
	(void)buf_add_text(out, markup);
}

static const char *reference(uint32_t code)
{
	switch (code) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_text(struct buf *out, const char *text)
{
	html_text_cut(out, text, SIZE_MAX);
}

void html_text_cut(struct buf *out, const char *text, size_t max)
{
	size_t n = text ? strlen(text) : 0, codes = 0;

	for (size_t at = 0; at < n; codes++) {
		uint32_t code = 0;
		size_t width = text_decode(text + at, n - at, &code);

		if (codes == max) {
			html_add(out, "\xe2\x80\xa6");
			return;
		}
		if (width == 0) {
			(void)buf_addf(out, "\\x%02x", (unsigned char)text[at]);
			width = 1;
		} else if (reference(code)) {
			(void)buf_add_text(out, reference(code));
		} else if (text_is_unsafe(code) && code != '\n') {
			(void)buf_addf(out, "\\u{%04x}", (unsigned)code);
		} else {
			(void)buf_add(out, text + at, width);
		}
		at += width;
	}
}

void html_textf(struct buf *out, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	html_text(out, text);
}

void html_path(struct buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

	for (; *text; text++) {
		if (strchr(plain, *text))
			(void)buf_add(out, text, 1);
		else
			(void)buf_addf(out, "%%%02X", (unsigned char)*text);
	}
}

void html_time(struct buf *out, wall_ns_t t)
{
	char text[CLOCK_RFC3339_MAX];

	if (t == 0) {
		html_add(out, "never");
		return;
	}
	clock_format_rfc3339(t, text);
	(void)buf_addf(out, "<time datetime=\"%s\">%.10s %.8s</time>", text, text, text + 11);
}

void html_clock(struct buf *out, wall_ns_t t, wall_ns_t day)
{
	char text[CLOCK_RFC3339_MAX], other[CLOCK_RFC3339_MAX];

	if (t == 0)
		return;
	clock_format_rfc3339(t, text);
	clock_format_rfc3339(day, other);
	(void)buf_addf(out, "<time datetime=\"%s\">", text);
	if (strncmp(text, other, 10) != 0)
		(void)buf_addf(out, "%.10s ", text);
	(void)buf_addf(out, "%.12s</time>", text + 11);
}
