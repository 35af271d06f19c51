// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "hub/store_sqlite.h"

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	POSITION,
	SET_POSITION,
	FIND,
	INSERT,
	UPDATE,
	ENTITY,
	LINE,
	NODE,
	SET_CHANGE,
	N_STATEMENTS,
};

static const char *const sql[N_STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[POSITION] = "SELECT acked FROM spools WHERE node = ?1 AND spool_id = ?2",
	[SET_POSITION] =
		"INSERT INTO spools VALUES(?1, ?2, ?3, ?4)"
		" ON CONFLICT DO UPDATE SET acked = max(acked, excluded.acked), stored_at = excluded.stored_at",
	[FIND] = "SELECT n, revision, node, state, severity, changed_at FROM findings WHERE id = ?1",
	[INSERT] = "INSERT INTO findings(n, id, node, revision, state, kind, severity, shadow, rule, title, "
		   "subject_kind, subject_key,"
		   " opened_at, changed_at, resolved_at, stored_at, change, data)"
		   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
	[UPDATE] = "UPDATE findings SET revision = ?4, state = ?5, kind = ?6, severity = ?7, shadow = ?8, rule = ?9, "
		   "title = ?10,"
		   " subject_kind = ?11, subject_key = ?12, opened_at = ?13, changed_at = ?14, resolved_at = ?15, "
		   "stored_at = ?16,"
		   " change = ?17, data = ?18 WHERE n = ?1",
	[ENTITY] = "INSERT INTO entities VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET called = excluded.called"
		   " WHERE called = '' AND excluded.called <> ''",
	[LINE] = "INSERT INTO timeline(at, stored_at, node, what, finding, status, severity, text) VALUES(?1, ?2, ?3, "
		 "?4, ?5, ?6, ?7, ?8)",
	[NODE] = "INSERT INTO nodes VALUES(?1, ?2, ?2, ifnull(?3, ''), ifnull(?4, ''), ifnull(?5, ''), max(?6, 0))"
		 " ON CONFLICT DO UPDATE SET last_seen = max(last_seen, ?2), boot_id = ifnull(?3, boot_id),"
		 " version = ifnull(?4, version), rules_digest = ifnull(?5, rules_digest),"
		 " evaluated = CASE WHEN ?6 < 0 THEN evaluated ELSE ?6 END",
	[SET_CHANGE] = "UPDATE meta SET value = ?1 WHERE name = 'change'",
};

struct store_sqlite_write {
	sqlite3 *db;
	sqlite3_stmt *statements[N_STATEMENTS];
	uint64_t change, committed_change;
};

static int read_change(struct store_sqlite_write *w)
{
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	int r = store_sqlite_prepare(w->db, "SELECT value FROM meta WHERE name = 'change'", &s);

	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return -EUCLEAN;
	w->change = w->committed_change = (uint64_t)sqlite3_column_int64(s, 0);
	return 0;
}

int store_sqlite_write_new(sqlite3 *db, struct store_sqlite_write **ret_write)
{
	AUTO(store_sqlite_write_free) struct store_sqlite_write *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->db = db;
	for (int i = 0; i < N_STATEMENTS; i++) {
		r = store_sqlite_prepare(db, sql[i], &w->statements[i]);
		if (r < 0)
			return r;
	}
	r = read_change(w);
	if (r < 0)
		return r;
	*ret_write = TAKE_PTR(w);
	return 0;
}

void store_sqlite_write_free(struct store_sqlite_write **write)
{
	if (!*write)
		return;
	for (int i = 0; i < N_STATEMENTS; i++)
		store_sqlite_finalize(&(*write)->statements[i]);
	free(*write);
	*write = NULL;
}

int store_sqlite_begin(struct store_sqlite_write *w)
{
	return store_sqlite_step(w->statements[BEGIN]);
}

void store_sqlite_rollback(struct store_sqlite_write *w)
{
	(void)store_sqlite_step(w->statements[ROLLBACK]);
	w->change = w->committed_change;
}

int store_sqlite_commit(struct store_sqlite_write *w)
{
	sqlite3_stmt *s = w->statements[SET_CHANGE];
	int r = 0;

	if (w->change != w->committed_change) {
		(void)sqlite3_bind_int64(s, 1, (int64_t)w->change);
		r = store_sqlite_step(s);
	}
	if (r == 0)
		r = store_sqlite_step(w->statements[COMMIT]);
	if (r < 0) {
		store_sqlite_rollback(w);
		return r;
	}
	w->committed_change = w->change;
	return 0;
}

static int position(struct store_sqlite_write *w, const struct record_batch *b, uint64_t *ret_seq)
{
	sqlite3_stmt *s = w->statements[POSITION];
	int code;

	store_sqlite_bind_text(s, 1, b->node);
	store_sqlite_bind_text(s, 2, b->spool_id);
	code = sqlite3_step(s);
	*ret_seq = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	(void)sqlite3_reset(s);
	return store_sqlite_error(code);
}

/* What is stored of the finding already. */
struct stored {
	bool found, own;
	uint64_t n, revision;
	wall_ns_t changed_at;
	int state, severity;
};

static int find(struct store_sqlite_write *w, const char *node, const struct record *r, struct stored *ret)
{
	sqlite3_stmt *s = w->statements[FIND];
	int code;

	*ret = (struct stored){ 0 };
	store_sqlite_bind_text(s, 1, r->id);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		const char *owner = (const char *)sqlite3_column_text(s, 2);

		ret->found = true;
		ret->n = (uint64_t)sqlite3_column_int64(s, 0);
		ret->revision = (uint64_t)sqlite3_column_int64(s, 1);
		ret->own = owner && strcmp(owner, node) == 0;
		ret->state = sqlite3_column_int(s, 3);
		ret->severity = sqlite3_column_int(s, 4);
		ret->changed_at = (wall_ns_t)sqlite3_column_int64(s, 5);
	}
	(void)sqlite3_reset(s);
	return store_sqlite_error(code);
}

static int put_row(sqlite3_stmt *s, uint64_t n, const char *node, const struct record *r, wall_ns_t now, uint64_t change)
{
	(void)sqlite3_bind_int64(s, 1, (int64_t)n);
	store_sqlite_bind_text(s, 2, r->id);
	store_sqlite_bind_text(s, 3, node);
	(void)sqlite3_bind_int64(s, 4, (int64_t)r->revision);
	(void)sqlite3_bind_int(s, 5, (int)r->state);
	(void)sqlite3_bind_int(s, 6, (int)r->kind);
	(void)sqlite3_bind_int(s, 7, (int)r->severity);
	(void)sqlite3_bind_int(s, 8, r->shadow);
	store_sqlite_bind_text(s, 9, r->rule);
	store_sqlite_bind_text(s, 10, r->title);
	(void)sqlite3_bind_int(s, 11, (int)r->entities[0].kind);
	store_sqlite_bind_text(s, 12, r->entities[0].key);
	(void)sqlite3_bind_int64(s, 13, (int64_t)r->opened_at);
	(void)sqlite3_bind_int64(s, 14, (int64_t)r->changed_at);
	(void)sqlite3_bind_int64(s, 15, (int64_t)r->resolved_at);
	(void)sqlite3_bind_int64(s, 16, (int64_t)now);
	(void)sqlite3_bind_int64(s, 17, (int64_t)change);
	(void)sqlite3_bind_blob64(s, 18, r->data, r->n_data, SQLITE_STATIC);
	return store_sqlite_step(s);
}

static int put_entities(struct store_sqlite_write *w, uint64_t n, const struct record *r)
{
	sqlite3_stmt *s = w->statements[ENTITY];
	int err = 0;

	for (size_t i = 0; i < r->n_entities && err == 0; i++) {
		(void)sqlite3_bind_int(s, 1, (int)r->entities[i].kind);
		store_sqlite_bind_text(s, 2, r->entities[i].key);
		(void)sqlite3_bind_int64(s, 3, (int64_t)n);
		store_sqlite_bind_text(s, 4, r->entities[i].other);
		store_sqlite_bind_text(s, 5, r->entities[i].called);
		err = store_sqlite_step(s);
	}
	return err;
}

static int put_line(struct store_sqlite_write *w, const struct store_line *line, wall_ns_t now)
{
	sqlite3_stmt *s = w->statements[LINE];

	(void)sqlite3_bind_int64(s, 1, (int64_t)line->at);
	(void)sqlite3_bind_int64(s, 2, (int64_t)now);
	store_sqlite_bind_text(s, 3, line->node);
	store_sqlite_bind_text(s, 4, line->what);
	store_sqlite_bind_text(s, 5, line->finding);
	store_sqlite_bind_text(s, 6, line->status);
	(void)sqlite3_bind_int(s, 7, (int)line->severity);
	store_sqlite_bind_text(s, 8, line->text);
	return store_sqlite_step(s);
}

/* NULL: this change is no news for a timeline. */
static const char *news(const struct stored *old, const struct record *r)
{
	if (r->state == FINDING_RESOLVED)
		return !old->found || old->state != FINDING_RESOLVED ? "resolved" : NULL;
	if (!old->found)
		return "open";
	if (old->state == FINDING_RESOLVED)
		return "reopened";
	return old->severity != (int)r->severity ? severity_name(r->severity) : NULL;
}

/* Revisions of one spool only rise. An agent that lost its spool makes a finding anew, perhaps with the same id (an event
 * of the kernel's log, read again): it begins at revision 1, later than what is stored, and must count. */
static bool is_known(const struct stored *old, const struct record *r)
{
	return r->revision <= old->revision && r->changed_at <= old->changed_at;
}

static int put_record(struct store_sqlite_write *w, const char *node, const struct record *r, wall_ns_t now,
		      struct store_counts *counts)
{
	struct stored old;
	const char *status;
	int err;

	err = find(w, node, r, &old);
	if (err < 0)
		return err;
	if (old.found && !old.own) {
		counts->foreign++;
		return 0;
	}
	if (old.found && is_known(&old, r)) {
		counts->known++;
		return 0;
	}
	w->change++;
	err = put_row(w->statements[old.found ? UPDATE : INSERT], old.found ? old.n : w->change, node, r, now, w->change);
	if (err == 0)
		err = put_entities(w, old.found ? old.n : w->change, r);
	status = news(&old, r);
	if (err == 0 && status)
		err = put_line(w,
			       &(struct store_line){ .at = r->changed_at,
						     .node = node,
						     .what = "finding",
						     .finding = r->id,
						     .status = status,
						     .severity = r->severity,
						     .text = r->title },
			       now);
	counts->stored += err == 0;
	return err;
}

int store_sqlite_put(struct store_sqlite_write *w, const struct record_batch *b, wall_ns_t now, struct store_counts *counts)
{
	sqlite3_stmt *s = w->statements[SET_POSITION];
	uint64_t acked;
	int r;

	r = position(w, b, &acked);
	for (size_t i = 0; i < b->n_records && r == 0; i++) {
		if (b->records[i].seq <= acked)
			counts->known++;
		else
			r = put_record(w, b->node, &b->records[i], now, counts);
	}
	if (r < 0)
		return r;
	store_sqlite_bind_text(s, 1, b->node);
	store_sqlite_bind_text(s, 2, b->spool_id);
	(void)sqlite3_bind_int64(s, 3, (int64_t)b->last_seq);
	(void)sqlite3_bind_int64(s, 4, (int64_t)now);
	return store_sqlite_step(s);
}

int store_sqlite_note(struct store_sqlite_write *w, const struct store_note *note)
{
	sqlite3_stmt *s = w->statements[NODE];
	int r;

	store_sqlite_bind_text(s, 1, note->node);
	(void)sqlite3_bind_int64(s, 2, (int64_t)note->seen_at);
	store_sqlite_bind_text(s, 3, note->boot_id);
	store_sqlite_bind_text(s, 4, note->version);
	store_sqlite_bind_text(s, 5, note->rules_digest);
	(void)sqlite3_bind_int(s, 6, note->evaluated);
	r = store_sqlite_step(s);
	if (r == 0 && note->status)
		r = put_line(w, &(struct store_line){ .at = note->seen_at, .node = note->node, .what = "node", .finding = "",
						      .status = note->status, .severity = note->severity,
						      .text = note->text ? note->text : "" }, note->seen_at);
	return r;
}
