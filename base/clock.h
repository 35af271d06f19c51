/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - the two times, kept apart by name, and the only functions that read them.
 *
 * Room: base.  Owns: nothing.  Thread: any.
 * Clock: this is the clock. Only clock.c and the loop files call these (`make check`); everybody
 * else is handed `now`, so that a recording replays to the same findings.
 *
 * mono_ns_t  CLOCK_MONOTONIC, ns: windows, ages, deadlines. BPF's ktime and the kernel log use it too.
 * wall_ns_t  CLOCK_REALTIME, ns since 1970: what a person reads. Never subtract two of them: the
 *            clock may have been set in between.
 */
#ifndef WHY_BASE_CLOCK_H
#define WHY_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t mono_ns_t;
typedef uint64_t wall_ns_t;

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

mono_ns_t clock_mono_now(void);
wall_ns_t clock_wall_now(void);

/* Time that passed from `from` to `to`; 0 when `to` is earlier, so that no age is ever huge. */
static inline uint64_t mono_since(mono_ns_t from, mono_ns_t to)
{
	return to > from ? to - from : 0;
}

#define CLOCK_RFC3339_MAX 36 /* "2026-11-21T07:40:09.000000001Z" and its NUL, with room */

/* Write `t` as RFC 3339 in UTC with nine digits of a second. Always terminates `ret_text`. */
void clock_format_rfc3339(wall_ns_t t, char ret_text[CLOCK_RFC3339_MAX]);

/* Parse what clock_format_rfc3339 writes (fraction optional, 'Z' or +hh:mm).
 * -EINVAL: not such a text. */
int clock_parse_rfc3339(const char *text, wall_ns_t *ret_t);

/* Parse "250ms", "60s", "5m", "2h", "7d", also "1h30m". -EINVAL: not a duration; -ERANGE: above 2^63 ns. */
int clock_parse_duration(const char *text, uint64_t *ret_ns);

/* Write a duration for people, two units at most: "340 ms", "9.4 s", "5 min 3 s", "2 d 4 h". */
void clock_format_duration(uint64_t ns, char *ret_text, size_t size);

#endif
