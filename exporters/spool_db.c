// SPDX-License-Identifier: Apache-2.0
#include "exporters/spool_db.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

#define SCHEMA_VERSION 1

/* records: changes on their way to the hub. findings: the last change of each finding, open or of the last day.
 * AUTOINCREMENT: a sequence number is never used twice, even when all rows are gone. */
static const char schema[] =
	"CREATE TABLE records (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, revision INTEGER NOT NULL,"
	" class INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL);"
	"CREATE INDEX records_by_id ON records (id, revision);"
	"CREATE INDEX records_by_class ON records (class, seq);"
	"CREATE TABLE findings (id TEXT PRIMARY KEY, is_open INTEGER NOT NULL, opened_mono INTEGER NOT NULL,"
	" changed_at INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX findings_by_change ON findings (is_open, changed_at);"
	"CREATE INDEX findings_by_time ON findings (changed_at);"
	"CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"INSERT INTO notes VALUES ('spool_id', lower(hex(randomblob(16))));"
	"PRAGMA user_version = 1;";

static const char *const sql[SPOOL_SQL_MAX] = {
	[SPOOL_BEGIN] = "BEGIN IMMEDIATE",
	[SPOOL_COMMIT] = "COMMIT",
	[SPOOL_ROLLBACK] = "ROLLBACK",
	[SPOOL_SUPERSEDE] = "UPDATE records SET class = 0 WHERE id = ?1 AND class <> 0",
	[SPOOL_HAS_FIRST] = "SELECT 1 FROM records WHERE id = ?1 AND revision = 1",
	[SPOOL_PUT_RECORD] = "INSERT INTO records (id, revision, class, size, data) VALUES (?1, ?2, ?3, ?4, ?5)",
	[SPOOL_PUT_FINDING] = "INSERT OR REPLACE INTO findings (id, is_open, opened_mono, changed_at, data)"
			      " VALUES (?1, ?2, ?3, ?4, ?5)",
	[SPOOL_PRUNE_AGE] = "DELETE FROM findings WHERE is_open = 0 AND changed_at < ?1",
	[SPOOL_PRUNE_COUNT] = "DELETE FROM findings WHERE id IN (SELECT id FROM findings WHERE is_open = 0"
			      " ORDER BY changed_at DESC LIMIT -1 OFFSET ?1)",
	[SPOOL_SET] = "INSERT OR REPLACE INTO notes (name, value) VALUES (?1, ?2)",
	[SPOOL_GET] = "SELECT value FROM notes WHERE name = ?1",
	[SPOOL_OPEN_FINDINGS] = "SELECT data, opened_mono FROM findings WHERE is_open = 1 ORDER BY changed_at, id",
	[SPOOL_HISTORY] =
		"SELECT data, opened_mono FROM findings WHERE changed_at >= ?1 ORDER BY changed_at DESC, id LIMIT ?2",
	[SPOOL_UNACKED] = "SELECT seq, data FROM records WHERE seq > ?1 ORDER BY seq LIMIT ?2",
	[SPOOL_ACK_KNOWN] =
		"UPDATE records SET class = 2 WHERE class = 1 AND id IN (SELECT id FROM records WHERE seq <= ?1)",
	[SPOOL_ACK] = "DELETE FROM records WHERE seq <= ?1",
	[SPOOL_TOTALS] = "SELECT count(*), coalesce(sum(size), 0) FROM records",
	[SPOOL_TOTALS_BELOW] = "SELECT count(*), coalesce(sum(size), 0) FROM records WHERE seq <= ?1",
	[SPOOL_OLDEST] = "SELECT seq, id, size FROM records WHERE class = ?1 ORDER BY seq LIMIT 1",
	[SPOOL_TOTALS_ID] = "SELECT count(*), coalesce(sum(size), 0) FROM records WHERE id = ?1",
	[SPOOL_DROP_ID] = "DELETE FROM records WHERE id = ?1",
	[SPOOL_DROP_SEQ] = "DELETE FROM records WHERE seq = ?1",
	[SPOOL_LAST_SEQ] = "SELECT seq FROM sqlite_sequence WHERE name = 'records'",
	[SPOOL_SKIP_SEQ] = "UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = 'records'",
	[SPOOL_START_SEQ] = "INSERT INTO sqlite_sequence (name, seq) SELECT 'records', 0"
			    " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'records')",
	[SPOOL_OPEN_AGAIN] = "INSERT INTO records (id, revision, class, size, data) SELECT id, 0, 3, length(data), data"
			     " FROM findings WHERE is_open = 1 AND id NOT IN (SELECT id FROM records)"
			     " ORDER BY changed_at, id",
};

static int errno_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_TOOBIG:
		return -EMSGSIZE;
	default:
		return -EIO;
	}
}

int spool_db_error(const struct spool_db *db)
{
	int system = sqlite3_system_errno(db->handle);
	int r = errno_of(sqlite3_extended_errcode(db->handle));

	if ((r == -EIO || sqlite3_errcode(db->handle) == SQLITE_CANTOPEN) && system > 0)
		return -system;
	return r ? r : -EIO;
}

struct sqlite3_stmt *spool_db_statement(struct spool_db *db, enum spool_sql which)
{
	sqlite3_stmt *s = db->statements[which];

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return s;
}

int spool_db_run(struct spool_db *db, enum spool_sql which)
{
	sqlite3_stmt *s = db->statements[which];
	int code = sqlite3_step(s);
	int r = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : spool_db_error(db);

	sqlite3_reset(s);
	return r;
}

int spool_db_sync(struct spool_db *db)
{
	sqlite3_file *log = NULL;
	int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

	if (code == SQLITE_OK && log && log->pMethods)
		code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
	return errno_of(code);
}

void spool_db_shrink(struct spool_db *db)
{
	(void)sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

void spool_db_close(struct spool_db *db)
{
	for (size_t i = 0; i < SPOOL_SQL_MAX; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->handle);
	*db = (struct spool_db){0};
}

static int take_number(void *arg, int n, char **values, char **names UNUSED)
{
	if (n > 0 && values[0])
		*(int *)arg = atoi(values[0]);
	return 0;
}

static int take_ok(void *arg, int n, char **values, char **names UNUSED)
{
	*(bool *)arg = n > 0 && values[0] && strcmp(values[0], "ok") == 0;
	return 0;
}

static int run(struct spool_db *db, const char *text, int (*take)(void *, int, char **, char **), void *arg)
{
	return sqlite3_exec(db->handle, text, take, arg, NULL) == SQLITE_OK ? 0 : spool_db_error(db);
}

/* A log in memory of this process alone: a second agent on the same state folder is refused, not mixed in. */
static int prepare_file(struct spool_db *db)
{
	bool sound = false;
	int version = 0;
	int r = run(db,
		    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		    "PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 4194304",
		    NULL, NULL);

	if (r == 0)
		r = run(db, "PRAGMA quick_check(1)", take_ok, &sound);
	if (r == 0 && !sound)
		return -EBADMSG;
	if (r == 0)
		r = run(db, "PRAGMA user_version", take_number, &version);
	if (r < 0)
		return r;
	if (version > SCHEMA_VERSION)
		return -EPROTONOSUPPORT;
	if (version == SCHEMA_VERSION)
		return 0;
	r = run(db, "BEGIN IMMEDIATE", NULL, NULL);
	if (r == 0)
		r = run(db, schema, NULL, NULL);
	return r == 0 ? run(db, "COMMIT", NULL, NULL) : r;
}

static int try_open(const char *path, struct spool_db *ret_db)
{
	AUTO(spool_db_close) struct spool_db db = {0};
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int r;

	if (sqlite3_open_v2(path, &db.handle, flags, NULL) != SQLITE_OK)
		return db.handle ? spool_db_error(&db) : -ENOMEM;
	(void)sqlite3_extended_result_codes(db.handle, 1);
	r = prepare_file(&db);
	for (size_t i = 0; r == 0 && i < SPOOL_SQL_MAX; i++)
		if (sqlite3_prepare_v3(db.handle, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db.statements[i], NULL) !=
		    SQLITE_OK)
			r = -EBADMSG; /* tables are missing: not our file, or half of it */
	if (r < 0)
		return r;
	*ret_db = db;
	db = (struct spool_db){0};
	return 0;
}

/* The ones before go: one damaged file is enough to look at, and a disk has an end. */
static void remove_older(int dir, const char *name)
{
	AUTO_CLOSEDIR DIR *d = fdopendir(dup(dir));
	char prefix[300];
	const struct dirent *e;

	(void)snprintf(prefix, sizeof(prefix), "%s.damaged-", name);
	while (d && (e = readdir(d)))
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0)
			(void)unlinkat(dir, e->d_name, 0);
}

static int move_aside(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	AUTO_FREE char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	AUTO_CLOSE int dir = folder ? open(folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC) : -1;
	char other[400];
	struct stat st;

	if (dir < 0 || fstatat(dir, name, &st, 0) < 0)
		return folder ? -errno : -ENOMEM;
	remove_older(dir, name);
	(void)snprintf(other, sizeof(other), "%s.damaged-%lld", name, (long long)st.st_mtim.tv_sec);
	if (renameat(dir, name, dir, other) < 0)
		return -errno;
	(void)snprintf(other, sizeof(other), "%s-wal", name);
	(void)unlinkat(dir, other, 0);
	(void)snprintf(other, sizeof(other), "%s-shm", name);
	(void)unlinkat(dir, other, 0);
	return 0;
}

/* What was found under another name cannot be carried on under this one: the ids hold the name, and the hub takes from a
 * node its own only. */
static int forget(struct spool_db *db)
{
	return run(db,
		   "DELETE FROM records; DELETE FROM findings; DELETE FROM notes;"
		   "INSERT INTO notes VALUES ('spool_id', lower(hex(randomblob(16))))",
		   NULL, NULL);
}

static int claim(struct spool_db *db, const char *node)
{
	sqlite3_stmt *s = spool_db_statement(db, SPOOL_GET);
	char known[300] = "";
	int r;

	(void)sqlite3_bind_text(s, 1, "node", -1, SQLITE_STATIC);
	if (sqlite3_step(s) == SQLITE_ROW)
		text_copy(known, sizeof(known), (const char *)sqlite3_column_text(s, 0));
	(void)sqlite3_reset(s);
	if (strcmp(known, node) == 0)
		return 0;
	r = spool_db_run(db, SPOOL_BEGIN);
	if (r == 0 && *known) {
		log_warning("the state folder is of node %s, this is %s: what was found there is forgotten", known,
			    node);
		r = forget(db);
	}
	s = spool_db_statement(db, SPOOL_SET);
	(void)sqlite3_bind_text(s, 1, "node", -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 2, node, -1, SQLITE_STATIC);
	if (r == 0)
		r = spool_db_run(db, SPOOL_SET);
	if (r == 0)
		r = spool_db_run(db, SPOOL_COMMIT);
	if (r < 0 && !sqlite3_get_autocommit(db->handle))
		(void)spool_db_run(db, SPOOL_ROLLBACK);
	return r;
}

int spool_db_open(const char *path, const char *node, struct spool_db *ret_db, bool *ret_damaged)
{
	int r = try_open(path, ret_db);

	*ret_damaged = r == -EBADMSG;
	if (r == -EBADMSG) {
		r = move_aside(path);
		if (r == 0)
			r = try_open(path, ret_db);
	}
	return r == 0 && node ? claim(ret_db, node) : r;
}
