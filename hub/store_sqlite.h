/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite.h - the store in one SQLite file (WAL), for one machine.
 *
 * Room: hub.  Owns: the file, its lock (FILE.lock) and its connections.  Thread: see hub/store.h.  Clock: none.
 * Bounds: 8 MiB of page cache a reader, 32 MiB for the writer; the WAL is checkpointed every 8,000 pages (32 MiB) and cut
 * back to 64 MiB.
 *
 * synchronous=FULL: with NORMAL, WAL commits survive the death of the process but the last ones may be lost with the
 * machine, and an ack is a promise for both. The writer commits up to a thousand records at once, so the cost is one
 * fsync for all of them.
 */
#ifndef WHY_HUB_STORE_SQLITE_H
#define WHY_HUB_STORE_SQLITE_H

#include "hub/store.h"

int store_sqlite_open(const char *path, char *ret_error, size_t error_size, struct store *ret_store);

/* ---- between the files store_sqlite*.c ---- */

struct sqlite3;
struct sqlite3_stmt;

/* Steps from an empty file to the present form; user_version counts those that were done. */
int store_sqlite_migrate(struct sqlite3 *db,
			 int up_to); /* up_to 0: all; tests stop earlier. -EOVERFLOW: newer than we know */
int store_sqlite_version(void);

int store_sqlite_error(int sqlite_code); /* 0, or the -errno it stands for */
int store_sqlite_connect(const char *path, bool writable, struct sqlite3 **ret_db);
void store_sqlite_finalize(struct sqlite3_stmt **statement);
int store_sqlite_prepare(struct sqlite3 *db, const char *sql, struct sqlite3_stmt **ret_statement);
int store_sqlite_exec(struct sqlite3 *db, const char *sql);
void store_sqlite_bind_text(struct sqlite3_stmt *s, int at,
			    const char *text); /* NULL binds NULL; the text must outlive the step */
int store_sqlite_step(struct sqlite3_stmt *s); /* runs a statement without rows to its end and resets it */

struct store_sqlite_write; /* the writer's statements */
int store_sqlite_write_new(struct sqlite3 *db, struct store_sqlite_write **ret_write);
void store_sqlite_write_free(struct store_sqlite_write **w);
int store_sqlite_begin(struct store_sqlite_write *w);
int store_sqlite_put(struct store_sqlite_write *w, const struct record_batch *b, wall_ns_t now, struct store_counts *counts);
int store_sqlite_note(struct store_sqlite_write *w, const struct store_note *note);
int store_sqlite_commit(struct store_sqlite_write *w);
void store_sqlite_rollback(struct store_sqlite_write *w);

int store_sqlite_retain(struct sqlite3 *db, const struct store_retention *r, wall_ns_t now, uint64_t *ret_deleted,
			bool *ret_more);

int store_sqlite_position(void *db, const char *node, const char *spool_id, uint64_t *ret_seq);
int store_sqlite_visit(void *db, const struct store_filter *filter, store_row_fn visit, void *arg);
int store_sqlite_visit_nodes(void *db, const char *name, store_node_fn visit, void *arg);
int store_sqlite_visit_entities(void *db, enum entity_kind kind, const char *word, const char *node, size_t limit,
				store_entity_fn visit, void *arg);
int store_sqlite_visit_rules(void *db, size_t limit, store_name_fn visit, void *arg);
int store_sqlite_visit_lines(void *db, const struct store_filter *filter, uint64_t after_n, store_line_fn visit, void *arg);
int store_sqlite_totals(void *db, struct store_totals *ret_totals);

#endif
