/* SPDX-License-Identifier: Apache-2.0 */
/* kernlog_match.h - which of many patterns a line of text is, in one pass, and the fields cut out of it.
 *
 * Room: collectors.  Owns: the automaton.  Thread: any, read-only once built.  Clock: none.
 * Bounds: MATCH_MAX_ANCHORS anchors of at most 64 bytes; a line is looked at as far as MATCH_MAX_LINE bytes; fitting a
 * template ends after MATCH_MAX_STEPS steps, whatever the line.
 *
 * Two stages. Every pattern has an anchor, a piece of text that the line must hold; an Aho-Corasick automaton over all
 * anchors tells in one pass which are there, usually none. Only then is the pattern's template fitted to the line:
 *
 *   text        is itself                     *           skips as little as possible
 *   {name:u}    digits                        {name:h}    hexadecimal digits, 0x before them or not
 *   {name:n}    [A-Za-z0-9_.@-], one or more  {name:w}    anything but blanks, as little as possible, one or more
 *   {name:t}    anything, as little as possible; at the template's end: the rest of the line
 *   {name=text} sets the field to `text`, takes nothing
 *
 * A template fits from the line's start; what follows its end is not looked at.
 */
#ifndef WHY_COLLECTORS_KERNLOG_MATCH_H
#define WHY_COLLECTORS_KERNLOG_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATCH_MAX_ANCHORS  64
#define MATCH_MAX_LINE     1024
#define MATCH_MAX_STEPS    20000
#define MATCH_MAX_CAPTURES 12

struct match_capture {
	const char *name; /* in the template, `name_len` bytes */
	size_t name_len;
	const char *text; /* in the line or in the template */
	size_t len;
};

struct match_captures {
	struct match_capture at[MATCH_MAX_CAPTURES];
	size_t n;
};

struct matcher;

/* -ENOMEM; -EINVAL: too many anchors, or one is empty or too long. */
int matcher_new(const char *const *anchors, size_t n, struct matcher **ret_matcher);
void matcher_free(struct matcher **m);
/* Bit i: anchors[i] is in the line. */
uint64_t matcher_scan(const struct matcher *m, const char *line, size_t len);

/* False: does not fit, or would take too many steps. */
bool match_template(const char *template_text, const char *line, size_t len, struct match_captures *ret_captures);
const struct match_capture *match_find(const struct match_captures *c, const char *name); /* NULL */

#endif
