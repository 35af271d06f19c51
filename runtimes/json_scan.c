// SPDX-License-Identifier: Apache-2.0
#include "runtimes/json_scan.h"

#include <errno.h>
#include <string.h>

enum state {
	WANT_VALUE,        /* the outermost one, or after ':' or ',' */
	WANT_VALUE_OR_END, /* after '[' */
	WANT_KEY,          /* after ',' in an object */
	WANT_KEY_OR_END,   /* after '{' */
	WANT_COLON,
	WANT_COMMA_OR_END,
	IN_STRING,
	IN_ESCAPE,
	IN_UNICODE,
	IN_LITERAL, /* number, true, false, null: judged when it ends */
	BROKEN,
};

static const char no_key[] = "";

void json_scan_init(struct json_scan *s, const struct json_scan_calls *calls)
{
	memset(s, 0, sizeof(*s));
	s->calls = *calls;
	s->state = WANT_VALUE;
}

unsigned json_scan_depth(const struct json_scan *s)
{
	return s->depth;
}

const char *json_scan_key(const struct json_scan *s, unsigned level)
{
	return level < s->depth && level < JSON_SCAN_KEYS ? s->key[level] : no_key;
}

bool json_scan_at(const struct json_scan *s, const char *const *keys)
{
	unsigned n = 0;

	for (; keys[n]; n++)
		if (n >= s->depth || n >= JSON_SCAN_KEYS || s->is_array[n] != !keys[n][0] ||
		    strcmp(s->key[n], keys[n]) != 0)
			return false;
	return n == s->depth;
}

/* ---- text ---- */

static void text_begin(struct json_scan *s, bool keep)
{
	s->keep = keep;
	s->cut = false;
	s->high = 0;
	s->n_text = 0;
}

/* One whole character, so that a cut falls between two. */
static void text_put(struct json_scan *s, const char *bytes, size_t n)
{
	size_t size = s->in_key ? JSON_SCAN_KEY : JSON_SCAN_VALUE;

	if (!s->keep || s->cut)
		return;
	if (s->n_text + n >= size || *bytes == '\0') {
		s->cut = true;
		return;
	}
	memcpy(s->text + s->n_text, bytes, n);
	s->n_text += n;
}

/* Raw bytes come one by one: take back the start of a character that did not fit. */
static void text_end(struct json_scan *s)
{
	while (s->cut && s->n_text > 0 && ((unsigned char)s->text[s->n_text - 1] & 0xc0) == 0x80)
		s->n_text--;
	if (s->cut && s->n_text > 0 && (unsigned char)s->text[s->n_text - 1] >= 0xc0)
		s->n_text--;
	s->text[s->n_text] = '\0';
}

static void put_code(struct json_scan *s, uint32_t code)
{
	char b[4];
	size_t n;

	if (code < 0x80) {
		b[0] = (char)code;
		n = 1;
	} else if (code < 0x800) {
		b[0] = (char)(0xc0 | code >> 6);
		b[1] = (char)(0x80 | (code & 0x3f));
		n = 2;
	} else if (code < 0x10000) {
		b[0] = (char)(0xe0 | code >> 12);
		b[1] = (char)(0x80 | (code >> 6 & 0x3f));
		b[2] = (char)(0x80 | (code & 0x3f));
		n = 3;
	} else {
		b[0] = (char)(0xf0 | code >> 18);
		b[1] = (char)(0x80 | (code >> 12 & 0x3f));
		b[2] = (char)(0x80 | (code >> 6 & 0x3f));
		b[3] = (char)(0x80 | (code & 0x3f));
		n = 4;
	}
	text_put(s, b, n);
}

/* Half of a pair without its other half becomes U+FFFD. */
static void put_unit(struct json_scan *s, uint32_t unit)
{
	uint32_t high = s->high;

	s->high = 0;
	if (high && unit >= 0xdc00 && unit <= 0xdfff) {
		put_code(s, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
		return;
	}
	if (high)
		put_code(s, 0xfffd);
	if (unit >= 0xd800 && unit <= 0xdbff)
		s->high = unit;
	else
		put_code(s, unit >= 0xdc00 && unit <= 0xdfff ? 0xfffd : unit);
}

static void flush_high(struct json_scan *s)
{
	if (s->high)
		put_code(s, 0xfffd);
	s->high = 0;
}

/* ---- structure ---- */

static int broken(struct json_scan *s)
{
	s->state = BROKEN;
	return -EBADMSG;
}

static void value_done(struct json_scan *s)
{
	s->state = s->depth ? WANT_COMMA_OR_END : WANT_VALUE;
	s->n_values += s->depth == 0;
}

static int open_level(struct json_scan *s, bool array)
{
	if (s->depth == JSON_SCAN_DEPTH)
		return broken(s);
	if (s->depth < JSON_SCAN_KEYS)
		s->key[s->depth][0] = '\0';
	s->is_array[s->depth++] = array;
	s->state = array ? WANT_VALUE_OR_END : WANT_KEY_OR_END;
	return 0;
}

static int close_level(struct json_scan *s, bool array)
{
	if (s->depth == 0 || s->is_array[s->depth - 1] != array)
		return broken(s);
	s->depth--;
	if (s->calls.closed)
		s->calls.closed(s->calls.arg, s);
	value_done(s);
	return 0;
}

static bool is_wanted(struct json_scan *s)
{
	return s->depth <= JSON_SCAN_KEYS && s->calls.wanted(s->calls.arg, s);
}

static int begin_value(struct json_scan *s, char c)
{
	if (c == '{' || c == '[')
		return open_level(s, c == '[');
	if (c == '"') {
		s->in_key = false;
		text_begin(s, is_wanted(s));
		s->state = IN_STRING;
		return 0;
	}
	if (c != '-' && c != 't' && c != 'f' && c != 'n' && !(c >= '0' && c <= '9'))
		return broken(s);
	/* Kept always: it has to be judged, and is no secret. */
	s->in_key = false;
	text_begin(s, true);
	text_put(s, &c, 1);
	s->state = IN_LITERAL;
	return 0;
}

static int begin_key(struct json_scan *s, char c)
{
	if (c != '"')
		return broken(s);
	s->in_key = true;
	text_begin(s, s->depth <= JSON_SCAN_KEYS);
	s->state = IN_STRING;
	return 0;
}

static void end_string(struct json_scan *s)
{
	flush_high(s);
	if (s->in_key) {
		if (s->cut)
			s->n_text = 0;
		s->text[s->n_text] = '\0';
		if (s->depth <= JSON_SCAN_KEYS)
			memcpy(s->key[s->depth - 1], s->text, s->n_text + 1);
		s->state = WANT_COLON;
		return;
	}
	text_end(s);
	if (s->keep)
		s->calls.value(s->calls.arg, s, s->text, true);
	value_done(s);
}

/* ---- literals ---- */

static const char *digits(const char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

static bool is_number(const char *p)
{
	const char *start;

	p += *p == '-';
	start = p;
	p = digits(p);
	if (p == start || (*start == '0' && p > start + 1))
		return false;
	if (*p == '.') {
		start = ++p;
		p = digits(p);
		if (p == start)
			return false;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '-' || *p == '+';
		start = p;
		p = digits(p);
		if (p == start)
			return false;
	}
	return *p == '\0';
}

static int end_literal(struct json_scan *s)
{
	s->text[s->n_text] = '\0';
	if (s->cut || (strcmp(s->text, "true") != 0 && strcmp(s->text, "false") != 0 && strcmp(s->text, "null") != 0 &&
		       !is_number(s->text)))
		return broken(s);
	if (is_wanted(s))
		s->calls.value(s->calls.arg, s, s->text, false);
	value_done(s);
	return 0;
}

static bool is_literal_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

/* ---- strings ---- */

static int put_escape(struct json_scan *s, char c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = c ? strchr(from, c) : NULL;

	if (c == 'u') {
		s->state = IN_UNICODE;
		s->code = s->digits = 0;
		return 0;
	}
	if (!at)
		return broken(s);
	flush_high(s);
	text_put(s, &to[at - from], 1);
	s->state = IN_STRING;
	return 0;
}

static int put_unicode(struct json_scan *s, char c)
{
	uint32_t v;

	if (c >= '0' && c <= '9')
		v = (uint32_t)(c - '0');
	else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		v = (uint32_t)((c | 0x20) - 'a' + 10);
	else
		return broken(s);
	s->code = s->code << 4 | v;
	if (++s->digits == 4) {
		put_unit(s, s->code);
		s->state = IN_STRING;
	}
	return 0;
}

static int put_in_string(struct json_scan *s, char c)
{
	if (c == '"') {
		end_string(s);
	} else if (c == '\\') {
		s->state = IN_ESCAPE;
	} else if ((unsigned char)c < 0x20) {
		return broken(s);
	} else {
		flush_high(s);
		text_put(s, &c, 1);
	}
	return 0;
}

static int put_between(struct json_scan *s, char c)
{
	if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
		return 0;
	switch (s->state) {
	case WANT_VALUE_OR_END:
		return c == ']' ? close_level(s, true) : begin_value(s, c);
	case WANT_VALUE:
		return begin_value(s, c);
	case WANT_KEY_OR_END:
		return c == '}' ? close_level(s, false) : begin_key(s, c);
	case WANT_KEY:
		return begin_key(s, c);
	case WANT_COLON:
		s->state = WANT_VALUE;
		return c == ':' ? 0 : broken(s);
	default: /* WANT_COMMA_OR_END */
		if (c == ',') {
			s->state = s->is_array[s->depth - 1] ? WANT_VALUE : WANT_KEY;
			return 0;
		}
		return c == '}' || c == ']' ? close_level(s, c == ']') : broken(s);
	}
}

static int put_byte(struct json_scan *s, char c)
{
	switch (s->state) {
	case IN_STRING:
		return put_in_string(s, c);
	case IN_ESCAPE:
		return put_escape(s, c);
	case IN_UNICODE:
		return put_unicode(s, c);
	case IN_LITERAL:
		if (is_literal_byte(c)) {
			text_put(s, &c, 1);
			return 0;
		}
		return end_literal(s) < 0 ? -EBADMSG : put_between(s, c);
	case BROKEN:
		return -EBADMSG;
	default:
		return put_between(s, c);
	}
}

int json_scan_put(struct json_scan *s, const char *data, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = put_byte(s, data[i]);
	return r;
}

bool json_scan_is_whole(struct json_scan *s)
{
	if (s->state == IN_LITERAL && s->depth == 0)
		(void)end_literal(s);
	return s->state == WANT_VALUE && s->depth == 0;
}
