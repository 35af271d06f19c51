/* SPDX-License-Identifier: Apache-2.0 */
/* spool_db.h - the database file of a spool: opening, moving aside what is damaged, prepared statements.
 *
 * Room: exporters (spool*.c only).  Owns: the connection and its statements.  Thread: the loop.  Clock: none.
 * Bounds: 1 MiB of page cache; the log is checkpointed every 1,000 pages.
 */
#ifndef WHY_EXPORTERS_SPOOL_DB_H
#define WHY_EXPORTERS_SPOOL_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

enum spool_sql {
	SPOOL_BEGIN,
	SPOOL_COMMIT,
	SPOOL_ROLLBACK,
	SPOOL_SUPERSEDE,
	SPOOL_HAS_FIRST,
	SPOOL_PUT_RECORD,
	SPOOL_PUT_FINDING,
	SPOOL_PRUNE_AGE,
	SPOOL_PRUNE_COUNT,
	SPOOL_SET,
	SPOOL_GET,
	SPOOL_OPEN_FINDINGS,
	SPOOL_HISTORY,
	SPOOL_UNACKED,
	SPOOL_ACK_KNOWN,
	SPOOL_ACK,
	SPOOL_TOTALS,
	SPOOL_TOTALS_BELOW,
	SPOOL_OLDEST,
	SPOOL_TOTALS_ID,
	SPOOL_DROP_ID,
	SPOOL_DROP_SEQ,
	SPOOL_LAST_SEQ,
	SPOOL_SKIP_SEQ,
	SPOOL_START_SEQ,
	SPOOL_OPEN_AGAIN,
	SPOOL_SQL_MAX,
};

/* What an unacked change is, in the order in which it is given up; the number is in the database. */
enum spool_class {
	SPOOL_SUPERSEDED = 0,      /* a later change of the same finding is here */
	SPOOL_RESOLVED_UNSEEN = 1, /* resolved, and its first change is here too: the hub has never heard of it */
	SPOOL_RESOLVED = 2,        /* resolved, and the hub believes it open */
	SPOOL_LATEST_OPEN = 3,     /* never given up */
};

struct spool_db {
	struct sqlite3 *handle;
	struct sqlite3_stmt *statements[SPOOL_SQL_MAX];
};

/* Errors as spool_open; -EBUSY: another process has it. */
int spool_db_open(const char *path, const char *node, struct spool_db *ret_db, bool *ret_damaged);
void spool_db_close(struct spool_db *db);

/* The statement, reset, without bindings. */
struct sqlite3_stmt *spool_db_statement(struct spool_db *db, enum spool_sql which);
/* Step a statement that gives no rows, and reset it. 0 or -errno. */
int spool_db_run(struct spool_db *db, enum spool_sql which);
/* The error of the last call as -errno. */
int spool_db_error(const struct spool_db *db);
/* Make what was committed survive a power cut. */
int spool_db_sync(struct spool_db *db);
/* Give back the space of the log. */
void spool_db_shrink(struct spool_db *db);

#endif
