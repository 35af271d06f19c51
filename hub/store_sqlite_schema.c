// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "hub/store_sqlite.h"

/* Numbers in columns state, kind, severity and *_kind are the enums of model/: those never change their numbers.
 * state 2 is resolved. Times are ns since 1970. A step that was released is never edited: add another. */
static const char *const steps[] = {
	/* 1: nodes, findings, their timeline, and how far each spool was taken */
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"INSERT INTO meta VALUES('identity', lower(hex(randomblob(8)))), ('change', 0);"
	"CREATE TABLE nodes(name TEXT PRIMARY KEY, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,"
	"  boot_id TEXT NOT NULL DEFAULT '', version TEXT NOT NULL DEFAULT '', rules_digest TEXT NOT NULL DEFAULT '',"
	"  evaluated INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
	"CREATE TABLE spools(node TEXT NOT NULL, spool_id TEXT NOT NULL, acked INTEGER NOT NULL, stored_at INTEGER NOT "
	"NULL,"
	"  PRIMARY KEY(node, spool_id)) WITHOUT ROWID;"
	"CREATE TABLE findings(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, node TEXT NOT NULL, revision INTEGER "
	"NOT NULL,"
	"  state INTEGER NOT NULL, kind INTEGER NOT NULL, severity INTEGER NOT NULL, shadow INTEGER NOT NULL,"
	"  rule TEXT NOT NULL, title TEXT NOT NULL, subject_kind INTEGER NOT NULL, subject_key TEXT NOT NULL,"
	"  opened_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, resolved_at INTEGER NOT NULL,"
	"  stored_at INTEGER NOT NULL, change INTEGER NOT NULL, data BLOB NOT NULL);"
	"CREATE UNIQUE INDEX findings_change ON findings(change);"
	"CREATE INDEX findings_node ON findings(node, changed_at);"
	"CREATE INDEX findings_open ON findings(severity, node) WHERE state <> 2;"
	"CREATE INDEX findings_resolved ON findings(stored_at) WHERE state = 2;"
	"CREATE TABLE timeline(n INTEGER PRIMARY KEY, at INTEGER NOT NULL, stored_at INTEGER NOT NULL, node TEXT NOT "
	"NULL,"
	"  what TEXT NOT NULL, finding TEXT NOT NULL, status TEXT NOT NULL, severity INTEGER NOT NULL, text TEXT NOT "
	"NULL);"
	"CREATE INDEX timeline_node ON timeline(node, at);"
	"CREATE INDEX timeline_finding ON timeline(finding) WHERE finding <> '';",

	/* 2: which findings speak of a pod, a job, a GPU ...; findings stored before are known by their subject only */
	"CREATE TABLE entities(kind INTEGER NOT NULL, key TEXT NOT NULL, finding INTEGER NOT NULL, other TEXT NOT NULL,"
	"  PRIMARY KEY(kind, key, finding)) WITHOUT ROWID;"
	"CREATE INDEX entities_other ON entities(kind, other) WHERE other <> '';"
	"CREATE INDEX entities_finding ON entities(finding);"
	"CREATE TRIGGER findings_deleted AFTER DELETE ON findings BEGIN DELETE FROM entities WHERE finding = old.n; "
	"END;"
	"INSERT INTO entities SELECT subject_kind, subject_key, n, '' FROM findings;",

	/* 3: what people call a thing, so that `why job llama` finds slurm:81734 */
	"ALTER TABLE entities ADD COLUMN called TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX entities_called ON entities(kind, called) WHERE called <> '';",
};

int store_sqlite_version(void)
{
	return (int)ARRAY_LEN(steps);
}

static int version_of(sqlite3 *db, int *ret_version)
{
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	int r = store_sqlite_prepare(db, "PRAGMA user_version", &s);

	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return store_sqlite_error(sqlite3_errcode(db));
	*ret_version = sqlite3_column_int(s, 0);
	return 0;
}

static int do_step(sqlite3 *db, int step)
{
	char set_version[48];
	int r;

	(void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", step + 1);
	r = store_sqlite_exec(db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	r = store_sqlite_exec(db, steps[step]);
	if (r == 0)
		r = store_sqlite_exec(db, set_version);
	if (r == 0)
		r = store_sqlite_exec(db, "COMMIT");
	if (r < 0)
		(void)store_sqlite_exec(db, "ROLLBACK");
	return r;
}

int store_sqlite_migrate(sqlite3 *db, int up_to)
{
	int version, r;

	r = version_of(db, &version);
	if (r < 0)
		return r;
	if (version < 0 || version > store_sqlite_version())
		return -EOVERFLOW;
	for (int step = version; step < (up_to ? up_to : store_sqlite_version()) && r == 0; step++)
		r = do_step(db, step);
	return r;
}
