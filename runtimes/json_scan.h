/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan.h - reads JSON as it arrives and hands out only the values that were asked for; the rest is forgotten at
 * once.
 *
 * Room: runtimes.  Owns: the key stack and one value.  Thread: any.  Clock: none.
 * Bounds: nesting JSON_SCAN_DEPTH (deeper is an error), keys JSON_SCAN_KEY - 1 bytes (a longer key matches nothing),
 * values JSON_SCAN_VALUE - 1 bytes (cut at a UTF-8 boundary). The length of the text has no bound here.
 *
 * A container runtime's answer holds environments with tokens in them. A tree of the whole answer would hold them too,
 * in memory that a core file shows; here a string that nobody wants is never copied, not for a moment.
 *
 * Strict (RFC 8259), with two things left to the caller: numbers are handed out as they were written, and several
 * values may follow each other (an event stream). Escapes are decoded; what is not UTF-8 is handed out as it is.
 */
#ifndef WHY_RUNTIMES_JSON_SCAN_H
#define WHY_RUNTIMES_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_SCAN_DEPTH 32
#define JSON_SCAN_KEYS  6 /* the outermost levels, whose keys are kept; nothing below them can be asked for */
#define JSON_SCAN_KEY   128
#define JSON_SCAN_VALUE 1024

struct json_scan;

struct json_scan_calls {
	/* A string, number, true, false or null comes next, at json_scan_key(s, 0..depth-1): is it to be kept? */
	bool (*wanted)(void *arg, const struct json_scan *s);
	/* It is whole. `text` is terminated; a string's may hold no NUL (cut there). `is_string` tells "3" from 3. */
	void (*value)(void *arg, const struct json_scan *s, const char *text, bool is_string);
	/* An object or array has ended, `depth` is that of what holds it: 0 at the end of the whole value. */
	void (*closed)(void *arg, const struct json_scan *s);
	void *arg;
};

struct json_scan {
	struct json_scan_calls calls;
	unsigned state, depth, digits;
	bool is_array[JSON_SCAN_DEPTH];
	bool in_key, keep, cut;
	uint32_t code, high; /* of a \u escape; the high half of a surrogate pair */
	char key[JSON_SCAN_KEYS][JSON_SCAN_KEY];
	char text[JSON_SCAN_VALUE];
	size_t n_text;
	uint64_t n_values; /* whole outermost values so far */
};

void json_scan_init(struct json_scan *s, const struct json_scan_calls *calls);

/* Take the next bytes. -EBADMSG: no JSON, or too deep; then nothing more may be put. */
int json_scan_put(struct json_scan *s, const char *data, size_t n);

/* True when nothing is half read: at the end of a body, and between two events. */
bool json_scan_is_whole(struct json_scan *s);

unsigned json_scan_depth(const struct json_scan *s);
/* Key at `level` (0 is the outermost); "" in an array, below the kept levels, and where it was too long. */
const char *json_scan_key(const struct json_scan *s, unsigned level);
/* The value is at exactly these keys, given as "State", "Pid", NULL; "" stands for any position of an array. */
bool json_scan_at(const struct json_scan *s, const char *const *keys);

#endif
