/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.h - what the place that output goes to can show: colours, letters beyond ASCII, columns.
 *
 * Room: cli.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: width within TERMINAL_MIN_WIDTH..TERMINAL_MAX_WIDTH.
 */
#ifndef WHY_CLI_TERMINAL_H
#define WHY_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#define TERMINAL_MIN_WIDTH 50
#define TERMINAL_MAX_WIDTH 120 /* longer lines are hard to read */
#define TERMINAL_NO_WIDTH  100 /* of a pipe or a file */

struct terminal {
	bool is_terminal;
	bool color;
	bool unicode;
	unsigned width;
};

/* Colour only on a terminal that is not TERM=dumb, and neither `no_color` nor $NO_COLOR (any value but "") says no.
 * Letters beyond ASCII by LC_ALL, LC_CTYPE, LANG. */
void terminal_probe(int fd, bool no_color, struct terminal *ret_terminal);

/* Columns that a text of UTF-8 takes: 0 for combining marks, 2 for wide letters. */
size_t terminal_columns(const char *text, size_t n);

#endif
