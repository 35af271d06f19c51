// SPDX-License-Identifier: Apache-2.0
#include "hub/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"

struct sqlite_store {
	char *path;
	int lock_fd;
	sqlite3 *db;
	struct store_sqlite_write *write;
	char identity[STORE_IDENTITY_SIZE];
};

int store_sqlite_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

void store_sqlite_finalize(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
	*statement = NULL;
}

int store_sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement)
{
	return store_sqlite_error(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL));
}

int store_sqlite_exec(sqlite3 *db, const char *sql)
{
	return store_sqlite_error(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

void store_sqlite_bind_text(sqlite3_stmt *s, int at, const char *text)
{
	(void)sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

int store_sqlite_step(sqlite3_stmt *s)
{
	int r = store_sqlite_error(sqlite3_step(s));

	(void)sqlite3_reset(s);
	return r;
}

static void close_db(sqlite3 **db)
{
	(void)sqlite3_close_v2(*db);
	*db = NULL;
}

int store_sqlite_connect(const char *path, bool writable, sqlite3 **ret_db)
{
	AUTO(close_db) sqlite3 *db = NULL;
	int flags = writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
	int r;

	r = store_sqlite_error(sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL));
	if (r < 0)
		return r;
	(void)sqlite3_busy_timeout(db, 5000);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (writable)
		r = store_sqlite_exec(
			db, "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			    "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-32768; PRAGMA "
			    "wal_autocheckpoint=8000; PRAGMA temp_store=MEMORY");
	else
		r = store_sqlite_exec(db, "PRAGMA query_only=1; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY");
	if (r < 0)
		return r;
	*ret_db = TAKE_PTR(db);
	return 0;
}

static void sqlite_store_free(struct sqlite_store **store)
{
	struct sqlite_store *s = *store;

	if (!s)
		return;
	store_sqlite_write_free(&s->write);
	close_db(&s->db);
	cleanup_close(&s->lock_fd);
	free(s->path);
	free(s);
	*store = NULL;
}

static void sqlite_close(void *state)
{
	struct sqlite_store *s = state;

	sqlite_store_free(&s);
}

static int take_lock(const char *path, int *ret_fd)
{
	AUTO_FREE char *lock = NULL;
	AUTO_CLOSE int fd = -1;

	if (asprintf(&lock, "%s.lock", path) < 0) {
		lock = NULL;
		return -ENOMEM;
	}
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* What a cluster suffers from is its owner's business: SQLite would make the file, and those beside it, for all to read. */
static int make_private(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : 0;
}

static int read_identity(sqlite3 *db, char ret_identity[STORE_IDENTITY_SIZE])
{
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	int r = store_sqlite_prepare(db, "SELECT value FROM meta WHERE name = 'identity'", &s);

	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW || sqlite3_column_type(s, 0) != SQLITE_TEXT)
		return -EUCLEAN;
	(void)text_copy(ret_identity, STORE_IDENTITY_SIZE, (const char *)sqlite3_column_text(s, 0));
	return 0;
}

static int sqlite_begin(void *state)
{
	return store_sqlite_begin(((struct sqlite_store *)state)->write);
}

static int sqlite_put(void *state, const struct record_batch *b, wall_ns_t now, struct store_counts *counts)
{
	return store_sqlite_put(((struct sqlite_store *)state)->write, b, now, counts);
}

static int sqlite_note(void *state, const struct store_note *note)
{
	return store_sqlite_note(((struct sqlite_store *)state)->write, note);
}

static int sqlite_commit(void *state)
{
	return store_sqlite_commit(((struct sqlite_store *)state)->write);
}

static void sqlite_rollback(void *state)
{
	store_sqlite_rollback(((struct sqlite_store *)state)->write);
}

static int sqlite_retain(void *state, const struct store_retention *r, wall_ns_t now, uint64_t *ret_deleted, bool *ret_more)
{
	return store_sqlite_retain(((struct sqlite_store *)state)->db, r, now, ret_deleted, ret_more);
}

static const char *sqlite_identity(void *state)
{
	return ((struct sqlite_store *)state)->identity;
}

static int sqlite_reader_open(void *state, void **ret_reader)
{
	sqlite3 *db;
	int r = store_sqlite_connect(((struct sqlite_store *)state)->path, false, &db);

	if (r == 0)
		*ret_reader = db;
	return r;
}

static void sqlite_reader_close(void *reader)
{
	sqlite3 *db = reader;

	close_db(&db);
}

static const struct store_class sqlite_class = {
	.name = "sqlite",
	.begin = sqlite_begin,
	.put = sqlite_put,
	.note = sqlite_note,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.retain = sqlite_retain,
	.identity = sqlite_identity,
	.close = sqlite_close,
	.reader_open = sqlite_reader_open,
	.reader_close = sqlite_reader_close,
	.position = store_sqlite_position,
	.visit = store_sqlite_visit,
	.visit_nodes = store_sqlite_visit_nodes,
	.visit_entities = store_sqlite_visit_entities,
	.visit_rules = store_sqlite_visit_rules,
	.visit_lines = store_sqlite_visit_lines,
	.totals = store_sqlite_totals,
};

static void say(int r, const char *path, char *ret_error, size_t size)
{
	if (r == -EBUSY)
		(void)snprintf(ret_error, size,
			       "%s is in use by another whyhub (it holds %s.lock): stop that one, or give another path",
			       path, path);
	else if (r == -EUCLEAN)
		(void)snprintf(
			ret_error, size,
			"%s is damaged or no database of whyhub: move it away (the hub starts a new one) or restore it",
			path);
	else if (r == -EOVERFLOW)
		(void)snprintf(ret_error, size,
			       "%s was made by a newer whyhub: install that version, or give another path", path);
	else
		(void)snprintf(ret_error, size,
			       "cannot open %s: %s: check that the folder exists and this user may write there", path,
			       strerror(-r));
}

static int open_store(const char *path, struct sqlite_store *s)
{
	int r;

	s->path = strdup(path);
	if (!s->path)
		return -ENOMEM;
	r = take_lock(path, &s->lock_fd);
	if (r == 0)
		r = make_private(path);
	if (r == 0)
		r = store_sqlite_connect(path, true, &s->db);
	if (r == 0)
		r = store_sqlite_migrate(s->db, 0);
	if (r == 0)
		r = read_identity(s->db, s->identity);
	if (r == 0)
		r = store_sqlite_write_new(s->db, &s->write);
	return r;
}

int store_sqlite_open(const char *path, char *ret_error, size_t error_size, struct store *ret_store)
{
	AUTO(sqlite_store_free) struct sqlite_store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->lock_fd = -1;
	r = open_store(path, s);
	if (r < 0) {
		say(r, path, ret_error, error_size);
		return r;
	}
	*ret_store = (struct store){ &sqlite_class, TAKE_PTR(s) };
	return 0;
}
