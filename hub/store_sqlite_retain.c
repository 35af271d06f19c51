// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

#include "base/cleanup.h"
#include "hub/store_sqlite.h"

/* ?1: the time before which a thing is too old. Each deletes at most 500 rows, for the writer has findings to take in
 * between; the first that finds any ends the call. */
static const char *const by_age[] = {
	"DELETE FROM findings WHERE n IN (SELECT n FROM findings WHERE state = 2 AND stored_at < ?1 ORDER BY stored_at "
	"LIMIT 500)",
	"DELETE FROM timeline WHERE n IN (SELECT n FROM timeline ORDER BY n LIMIT 500) AND stored_at < ?1",
	"DELETE FROM findings WHERE n IN (SELECT f.n FROM findings f LEFT JOIN nodes o ON o.name = f.node"
	" WHERE f.state <> 2 AND f.stored_at < ?1 AND ifnull(o.last_seen, 0) < ?1 LIMIT 500)",
	"DELETE FROM spools WHERE (node, spool_id) IN (SELECT node, spool_id FROM spools s WHERE stored_at < ?1 AND"
	" NOT EXISTS (SELECT 1 FROM nodes o WHERE o.name = s.node AND o.last_seen >= ?1) LIMIT 500)",
	"DELETE FROM nodes WHERE name IN (SELECT name FROM nodes WHERE last_seen < ?1 AND"
	" NOT EXISTS (SELECT 1 FROM findings f WHERE f.node = nodes.name) LIMIT 500)",
};

static const char *const by_size[] = {
	"DELETE FROM findings WHERE n IN (SELECT n FROM findings WHERE state = 2 ORDER BY stored_at LIMIT 500)",
	"DELETE FROM timeline WHERE n IN (SELECT n FROM timeline ORDER BY n LIMIT 500)",
	"DELETE FROM findings WHERE n IN (SELECT n FROM findings ORDER BY stored_at LIMIT 500)",
};

static int number(sqlite3 *db, const char *sql, uint64_t *ret)
{
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	int r = store_sqlite_prepare(db, sql, &s);

	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return store_sqlite_error(sqlite3_errcode(db));
	*ret = (uint64_t)sqlite3_column_int64(s, 0);
	return 0;
}

/* Bytes in use: pages less those on the free list. */
static int used_bytes(sqlite3 *db, uint64_t *ret_bytes)
{
	uint64_t pages, free_pages, page_size;
	int r = number(db, "PRAGMA page_count", &pages);

	if (r == 0)
		r = number(db, "PRAGMA freelist_count", &free_pages);
	if (r == 0)
		r = number(db, "PRAGMA page_size", &page_size);
	if (r == 0)
		*ret_bytes = (pages - free_pages) * page_size;
	return r;
}

static int delete_first(sqlite3 *db, const char *const *statements, size_t n, int64_t before, uint64_t *ret_deleted)
{
	*ret_deleted = 0;
	for (size_t i = 0; i < n && *ret_deleted == 0; i++) {
		AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
		int r = store_sqlite_prepare(db, statements[i], &s);

		if (r < 0)
			return r;
		(void)sqlite3_bind_int64(s, 1, before);
		r = store_sqlite_step(s);
		if (r < 0)
			return r;
		*ret_deleted = (uint64_t)sqlite3_changes(db);
	}
	return 0;
}

static int delete_some(sqlite3 *db, const struct store_retention *r, wall_ns_t now, uint64_t *ret_deleted)
{
	uint64_t bytes = 0;
	int err;

	*ret_deleted = 0;
	if (r->max_age_ns && now > r->max_age_ns) {
		err = delete_first(db, by_age, ARRAY_LEN(by_age), (int64_t)(now - r->max_age_ns), ret_deleted);
		if (err < 0 || *ret_deleted)
			return err;
	}
	if (!r->max_bytes)
		return 0;
	err = used_bytes(db, &bytes);
	if (err < 0 || bytes <= r->max_bytes)
		return err;
	return delete_first(db, by_size, ARRAY_LEN(by_size), 0, ret_deleted);
}

int store_sqlite_retain(sqlite3 *db, const struct store_retention *r, wall_ns_t now, uint64_t *ret_deleted, bool *ret_more)
{
	uint64_t deleted = 0;
	int err;

	err = store_sqlite_exec(db, "BEGIN IMMEDIATE");
	if (err < 0)
		return err;
	err = delete_some(db, r, now, &deleted);
	if (err == 0)
		err = store_sqlite_exec(db, "COMMIT");
	if (err < 0) {
		(void)store_sqlite_exec(db, "ROLLBACK");
		return err;
	}
	if (deleted)
		err = store_sqlite_exec(db, "PRAGMA incremental_vacuum(2000)");
	*ret_deleted = deleted;
	*ret_more = deleted > 0;
	return err;
}
