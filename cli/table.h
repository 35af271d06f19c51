/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - rows in columns as wide as their widest cell; the last column takes what is left.
 *
 * Room: cli.  Owns: copies of its cells.  Thread: one at a time.  Clock: none.
 * Bounds: TABLE_MAX_COLUMNS, TABLE_MAX_ROWS; a row past them is counted, not kept. A cell but the last is cut at
 * TABLE_MAX_CELL.
 */
#ifndef WHY_CLI_TABLE_H
#define WHY_CLI_TABLE_H

#include "base/arena.h"
#include "cli/page.h"

#define TABLE_MAX_COLUMNS 8
#define TABLE_MAX_ROWS    4096
#define TABLE_MAX_CELL    44

struct table;

/* `heads` NULL-ended, in capitals. -ENOMEM. */
int table_new(const char *const *heads, struct table **ret_table);
void table_free(struct table **table);
/* As many cells as heads; NULL is "". `style` is of cell `styled`. */
void table_add(struct table *t, enum style style, size_t styled, const char *const *cells);
/* On a terminal the last column is wrapped; in a pipe a row is always one line. */
void table_render(const struct table *t, struct page *p);

#endif
