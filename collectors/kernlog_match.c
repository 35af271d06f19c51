// SPDX-License-Identifier: Apache-2.0
#include "collectors/kernlog_match.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

#define MAX_ANCHOR 64
#define N_CLASSES  96 /* printable ASCII each its own; all other bytes are class 0 */

/* ---- anchors ---- */

struct matcher {
	size_t n_states;
	uint64_t *found;               /* by state: anchors that end here */
	uint16_t (*next)[N_CLASSES];
	uint16_t *fallback;
};

static unsigned class_of(char c)
{
	unsigned char u = (unsigned char)c;
	return u > ' ' && u < 0x7f ? u - ' ' : u == ' ' ? 95 : 0;
}

void matcher_free(struct matcher **m)
{
	if (!*m)
		return;
	free((*m)->found);
	free((*m)->next);
	free((*m)->fallback);
	free(*m);
	*m = NULL;
}

static void add_anchor(struct matcher *m, const char *anchor, size_t index)
{
	uint16_t state = 0;
	for (const char *p = anchor; *p; p++) {
		uint16_t *next = &m->next[state][class_of(*p)];
		if (!*next)
			*next = (uint16_t)m->n_states++;
		state = *next;
	}
	m->found[state] |= UINT64_C(1) << index;
}

/* Breadth first: a state's missing transitions are those of the longest proper suffix that is a state too. */
static int link_states(struct matcher *m)
{
	AUTO_FREE uint16_t *queue = calloc(m->n_states, sizeof(*queue));
	size_t head = 0, tail = 0;
	if (!queue)
		return -ENOMEM;
	for (size_t c = 0; c < N_CLASSES; c++)
		if (m->next[0][c])
			queue[tail++] = m->next[0][c];
	while (head < tail) {
		uint16_t state = queue[head++], suffix = m->fallback[state];
		m->found[state] |= m->found[suffix];
		for (size_t c = 0; c < N_CLASSES; c++) {
			uint16_t next = m->next[state][c];
			if (!next) {
				m->next[state][c] = m->next[suffix][c];
				continue;
			}
			m->fallback[next] = m->next[suffix][c];
			queue[tail++] = next;
		}
	}
	return 0;
}

int matcher_new(const char *const *anchors, size_t n, struct matcher **ret_matcher)
{
	size_t max_states = 1;
	if (n > MATCH_MAX_ANCHORS)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(anchors[i]);
		if (len == 0 || len > MAX_ANCHOR)
			return -EINVAL;
		max_states += len;
	}
	AUTO(matcher_free) struct matcher *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->n_states = 1;
	m->found = calloc(max_states, sizeof(*m->found));
	m->next = calloc(max_states, sizeof(*m->next));
	m->fallback = calloc(max_states, sizeof(*m->fallback));
	if (!m->found || !m->next || !m->fallback)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		add_anchor(m, anchors[i], i);
	int r = link_states(m);
	if (r < 0)
		return r;
	*ret_matcher = TAKE_PTR(m);
	return 0;
}

uint64_t matcher_scan(const struct matcher *m, const char *line, size_t len)
{
	uint64_t found = 0;
	uint16_t state = 0;
	if (len > MATCH_MAX_LINE)
		len = MATCH_MAX_LINE;
	for (size_t i = 0; i < len; i++) {
		state = m->next[state][class_of(line[i])];
		found |= m->found[state];
	}
	return found;
}

/* ---- templates ---- */

struct fit {
	const char *end; /* of the line */
	struct match_captures *captures;
	unsigned steps;
};

static bool fit_rest(struct fit *f, const char *t, const char *p);

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
	       c == '@' || c == '-';
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Sets the capture, fits the rest, and takes it back when the rest does not fit. */
static bool capture(struct fit *f, const struct match_capture *c, const char *t, const char *p)
{
	if (f->captures->n == MATCH_MAX_CAPTURES)
		return false;
	f->captures->at[f->captures->n++] = *c;
	if (fit_rest(f, t, p))
		return true;
	f->captures->n--;
	return false;
}

static bool capture_greedy(struct fit *f, struct match_capture c, char type, const char *t, const char *p)
{
	const char *start = p;
	if (type == 'h' && f->end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	const char *first = p;
	while (p < f->end && (type == 'u' ? *p >= '0' && *p <= '9' : type == 'h' ? is_hex(*p) : is_name_char(*p)))
		p++;
	if (p == first)
		return false;
	c.text = start;
	c.len = (size_t)(p - start);
	return capture(f, &c, t, p);
}

static bool capture_lazy(struct fit *f, struct match_capture c, char type, const char *t, const char *p)
{
	c.text = p;
	if (*t == '\0') { /* the template ends: all that is left, or the word */
		while (p < f->end && (type == 't' || (*p != ' ' && *p != '\t')))
			p++;
		c.len = (size_t)(p - c.text);
		return c.len > 0 && capture(f, &c, t, p);
	}
	for (p++; p <= f->end; p++) {
		if (type == 'w' && (p[-1] == ' ' || p[-1] == '\t'))
			return false;
		c.len = (size_t)(p - c.text);
		if (p < f->end && *t != '{' && *t != '*' && *t != *p)
			continue;
		if (capture(f, &c, t, p))
			return true;
		if (f->steps > MATCH_MAX_STEPS)
			return false;
	}
	return false;
}

/* `t` stands behind '{'. */
static bool fit_field(struct fit *f, const char *t, const char *p)
{
	struct match_capture c = { .name = t, .name_len = strcspn(t, ":=}") };
	const char *close = strchr(t, '}'), *sign = t + c.name_len;
	if (!close || *sign == '}')
		return false;
	if (*sign == '=') {
		c.text = sign + 1;
		c.len = (size_t)(close - c.text);
		return capture(f, &c, close + 1, p);
	}
	char type = sign[1];
	if (type == 't' || type == 'w')
		return capture_lazy(f, c, type, close + 1, p);
	return capture_greedy(f, c, type, close + 1, p);
}

static bool fit_rest(struct fit *f, const char *t, const char *p)
{
	for (;; t++, p++) {
		if (++f->steps > MATCH_MAX_STEPS)
			return false;
		if (*t == '\0')
			return true;
		if (*t == '{')
			return fit_field(f, t + 1, p);
		if (*t == '*')
			break;
		if (p >= f->end || *t != *p)
			return false;
	}
	t++;
	for (; p <= f->end; p++) {
		if (++f->steps > MATCH_MAX_STEPS)
			return false;
		if (*t && *t != '{' && *t != '*' && (p == f->end || *t != *p))
			continue;
		if (fit_rest(f, t, p))
			return true;
	}
	return false;
}

bool match_template(const char *template_text, const char *line, size_t len, struct match_captures *ret_captures)
{
	struct match_captures captures = { .n = 0 };
	if (len > MATCH_MAX_LINE)
		len = MATCH_MAX_LINE;
	struct fit f = { .end = line + len, .captures = &captures };
	if (!fit_rest(&f, template_text, line))
		return false;
	*ret_captures = captures;
	return true;
}

const struct match_capture *match_find(const struct match_captures *c, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].name_len == len && memcmp(c->at[i].name, name, len) == 0)
			return &c->at[i];
	return NULL;
}
