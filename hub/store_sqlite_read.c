// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "hub/store_sqlite.h"

#define MAX_SQL 2048

/* Parameters have fixed numbers, so that conditions can come and go: ?1 id, ?2 node, ?3 rule, ?4 kind, ?5 key, ?6 since,
 * ?7 change or n, ?8 limit. */
static void bind_filter(sqlite3_stmt *s, const struct store_filter *f, uint64_t behind, const char *rule)
{
	store_sqlite_bind_text(s, 1, f->id);
	store_sqlite_bind_text(s, 2, f->node);
	(void)sqlite3_bind_text(s, 3, rule, -1, SQLITE_TRANSIENT);
	(void)sqlite3_bind_int(s, 4, (int)f->kind);
	store_sqlite_bind_text(s, 5, f->key);
	(void)sqlite3_bind_int64(s, 6, (int64_t)f->since);
	(void)sqlite3_bind_int64(s, 7, (int64_t)behind);
	(void)sqlite3_bind_int64(s, 8, f->limit ? (int64_t)f->limit : -1);
}

/* "gpu.*" -> glob that matches only that; the characters that glob gives a meaning are refused by never matching. */
static void rule_glob(const char *rule, char *ret_glob, size_t size)
{
	size_t n = rule ? strlen(rule) : 0;

	ret_glob[0] = 0;
	if (n >= 2 && strcmp(rule + n - 2, ".*") == 0 && strcspn(rule, "*?[") == n - 1)
		(void)text_copy(ret_glob, size, rule);
}

/* The keys of a job's ranks begin with "JOB/"; '0' comes behind '/'. */
static void add_ranks(struct text *t, const struct store_filter *f)
{
	if (f->kind == ENTITY_JOB)
		text_addf(t, " UNION SELECT finding FROM entities WHERE kind = %d AND key > ?5 || '/' AND key < ?5 || '0'",
			  ENTITY_RANK);
}

static void add_where(struct text *t, const struct store_filter *f, bool glob)
{
	text_add(t, " WHERE 1");
	if (f->id)
		text_add(t, strlen(f->id) < FINDING_ID_SIZE - 2 ? " AND f.id >= ?1 AND f.id < ?1 || '~'" : " AND f.id = ?1");
	if (f->node)
		text_add(t, " AND f.node = ?2");
	if (f->rule)
		text_add(t, glob ? " AND f.rule GLOB ?3" : " AND f.rule = ?3");
	if (f->kind != STORE_NO_KIND && f->key) {
		text_add(t, " AND f.n IN (SELECT finding FROM entities WHERE kind = ?4 AND key = ?5");
		add_ranks(t, f);
		text_add(t, ")");
	}
	if (f->hide_shadow)
		text_add(t, " AND f.shadow = 0");
	if (f->since)
		text_add(t, " AND (f.state <> 2 OR f.changed_at >= ?6)");
	else if (f->only_open)
		text_add(t, " AND f.state <> 2");
}

static void add_order(struct text *t, const struct store_filter *f)
{
	switch (f->order) {
	case STORE_WORST_FIRST:
		text_add(t, " ORDER BY f.state = 2, f.severity DESC, f.changed_at DESC, f.id");
		break;
	case STORE_NEWEST_FIRST:
		text_add(t, f->before_n ? " AND f.n < ?7 ORDER BY f.n DESC" : " ORDER BY f.n DESC");
		break;
	case STORE_BY_CHANGE:
		text_add(t, " AND f.change > ?7 ORDER BY f.change");
		break;
	}
	text_add(t, " LIMIT ?8");
}

int store_sqlite_visit(void *db, const struct store_filter *filter, store_row_fn visit, void *arg)
{
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	char sql[MAX_SQL], glob[160];
	struct text t;
	int r, code;

	rule_glob(filter->rule, glob, sizeof(glob));
	text_init(&t, sql, sizeof(sql));
	text_add(&t, "SELECT f.n, f.change, f.id, f.node, f.data FROM findings f");
	add_where(&t, filter, glob[0] != 0);
	add_order(&t, filter);
	assert(!t.truncated);
	r = store_sqlite_prepare(db, sql, &s);
	if (r < 0)
		return r;
	bind_filter(s, filter, filter->order == STORE_BY_CHANGE ? filter->after_change : filter->before_n,
		    glob[0] ? glob : filter->rule);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_row row = {
			.n = (uint64_t)sqlite3_column_int64(s, 0),
			.change = (uint64_t)sqlite3_column_int64(s, 1),
			.id = (const char *)sqlite3_column_text(s, 2),
			.node = (const char *)sqlite3_column_text(s, 3),
			.data = sqlite3_column_blob(s, 4),
			.n_data = (size_t)sqlite3_column_bytes(s, 4),
		};

		if (!row.id || !row.node || !row.data)
			return -EUCLEAN;
		r = visit(arg, &row);
		if (r != 0)
			return r;
	}
	return store_sqlite_error(code);
}

int store_sqlite_position(void *db, const char *node, const char *spool_id, uint64_t *ret_seq)
{
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	int code;
	int r = store_sqlite_prepare(db, "SELECT acked FROM spools WHERE node = ?1 AND spool_id = ?2", &s);

	if (r < 0)
		return r;
	store_sqlite_bind_text(s, 1, node);
	store_sqlite_bind_text(s, 2, spool_id);
	code = sqlite3_step(s);
	if (store_sqlite_error(code) < 0)
		return store_sqlite_error(code);
	*ret_seq = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	return 0;
}

int store_sqlite_visit_nodes(void *db, const char *name, store_node_fn visit, void *arg)
{
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	int code, r;

	r = store_sqlite_prepare(
		db,
		"SELECT name, boot_id, version, rules_digest, first_seen, last_seen, evaluated,"
		" (SELECT max(severity) FROM findings f WHERE f.node = nodes.name AND f.state <> 2 AND f.shadow = 0),"
		" (SELECT count(*) FROM findings f WHERE f.node = nodes.name AND f.state <> 2 AND f.shadow = 0)"
		" FROM nodes WHERE ?1 IS NULL OR name = ?1 ORDER BY name",
		&s);
	if (r < 0)
		return r;
	store_sqlite_bind_text(s, 1, name);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_node node = {
			.name = (const char *)sqlite3_column_text(s, 0),
			.boot_id = (const char *)sqlite3_column_text(s, 1),
			.version = (const char *)sqlite3_column_text(s, 2),
			.rules_digest = (const char *)sqlite3_column_text(s, 3),
			.first_seen = (wall_ns_t)sqlite3_column_int64(s, 4),
			.last_seen = (wall_ns_t)sqlite3_column_int64(s, 5),
			.evaluated = sqlite3_column_int(s, 6) != 0,
			.worst = sqlite3_column_type(s, 7) == SQLITE_NULL ? -1 : sqlite3_column_int(s, 7),
			.n_open = (uint64_t)sqlite3_column_int64(s, 8),
		};

		if (!node.name || !node.boot_id || !node.version || !node.rules_digest)
			return -EUCLEAN;
		r = visit(arg, &node);
		if (r != 0)
			return r;
	}
	return store_sqlite_error(code);
}

int store_sqlite_visit_entities(void *db, enum entity_kind kind, const char *word, const char *node, size_t limit,
				store_entity_fn visit, void *arg)
{
	/* On a node-wide kind the same key means another thing on another node; pods, jobs and ranks are the cluster's. */
	static const char sql[] =
		"SELECT e.key, max(e.other), max(e.called), CASE WHEN ?1 IN (9, 11, 12) THEN '' ELSE f.node END AS place"
		" FROM entities e JOIN findings f ON f.n = e.finding WHERE e.kind = ?1 AND ((e.key >= ?2 AND e.key < ?3)"
		" OR (e.other <> '' AND e.other >= ?2 AND e.other < ?3)"
		" OR (e.called <> '' AND e.called >= ?2 AND e.called < ?3)) AND (?4 IS NULL OR f.node = ?4)"
		" GROUP BY e.key, place ORDER BY NOT (e.key = ?2 OR max(e.other) = ?2 OR max(e.called) = ?2), 1, 4 LIMIT ?5";
	_Static_assert(ENTITY_POD == 9 && ENTITY_JOB == 11 && ENTITY_RANK == 12, "numbers in the statement, and in stores");
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	char behind[GRAPH_MAX_KEY + 8];
	int code, r;

	/* The last letter there is: what begins with the word sorts before the word followed by it. */
	if (snprintf(behind, sizeof(behind), "%s\xf4\x8f\xbf\xbf", word) >= (int)sizeof(behind))
		return 0;
	r = store_sqlite_prepare(db, sql, &s);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int(s, 1, (int)kind);
	store_sqlite_bind_text(s, 2, word);
	store_sqlite_bind_text(s, 3, behind);
	store_sqlite_bind_text(s, 4, node && *node ? node : NULL);
	(void)sqlite3_bind_int64(s, 5, (int64_t)limit);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_entity e = { .kind = kind,
					  .key = (const char *)sqlite3_column_text(s, 0),
					  .other = (const char *)sqlite3_column_text(s, 1),
					  .called = (const char *)sqlite3_column_text(s, 2),
					  .node = (const char *)sqlite3_column_text(s, 3) };

		if (!e.key || !e.other || !e.called || !e.node)
			return -EUCLEAN;
		r = visit(arg, &e);
		if (r != 0)
			return r;
	}
	return store_sqlite_error(code);
}

int store_sqlite_visit_rules(void *db, size_t limit, store_name_fn visit, void *arg)
{
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	int code, r = store_sqlite_prepare(db, "SELECT DISTINCT rule FROM findings ORDER BY 1 LIMIT ?1", &s);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(s, 1, (int64_t)limit);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		const char *rule = (const char *)sqlite3_column_text(s, 0);

		if (!rule)
			return -EUCLEAN;
		r = visit(arg, rule);
		if (r != 0)
			return r;
	}
	return store_sqlite_error(code);
}

int store_sqlite_visit_lines(void *db, const struct store_filter *filter, uint64_t after_n, store_line_fn visit, void *arg)
{
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	char sql[MAX_SQL];
	struct text t;
	int r, code;

	text_init(&t, sql, sizeof(sql));
	text_add(&t, "SELECT n, at, node, what, finding, status, severity, text FROM timeline WHERE n > ?7 AND at >= ?6");
	if (filter->id)
		text_add(&t, " AND finding = ?1");
	if (filter->node)
		text_add(&t, " AND node = ?2");
	if (filter->kind != STORE_NO_KIND && filter->key) {
		text_add(&t, " AND finding IN (SELECT id FROM findings WHERE n IN (SELECT finding FROM entities WHERE "
			     "kind = ?4 AND key = ?5");
		add_ranks(&t, filter);
		text_add(&t, "))");
	}
	text_add(&t, " ORDER BY n LIMIT ?8");
	r = store_sqlite_prepare(db, sql, &s);
	if (r < 0)
		return r;
	bind_filter(s, filter, after_n, NULL);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_line line = {
			.n = (uint64_t)sqlite3_column_int64(s, 0),
			.at = (wall_ns_t)sqlite3_column_int64(s, 1),
			.node = (const char *)sqlite3_column_text(s, 2),
			.what = (const char *)sqlite3_column_text(s, 3),
			.finding = (const char *)sqlite3_column_text(s, 4),
			.status = (const char *)sqlite3_column_text(s, 5),
			.severity = (enum severity)sqlite3_column_int(s, 6),
			.text = (const char *)sqlite3_column_text(s, 7),
		};

		if (!line.node || !line.what || !line.finding || !line.status || !line.text)
			return -EUCLEAN;
		r = visit(arg, &line);
		if (r != 0)
			return r;
	}
	return store_sqlite_error(code);
}

int store_sqlite_totals(void *db, struct store_totals *ret_totals)
{
	AUTO(store_sqlite_finalize) sqlite3_stmt *s = NULL;
	int r = store_sqlite_prepare(
		db,
		"SELECT (SELECT count(*) FROM findings), (SELECT count(*) FROM findings WHERE state <> 2),"
		" (SELECT count(*) FROM nodes), (SELECT count(*) FROM timeline),"
		" (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size),"
		" (SELECT value FROM meta WHERE name = 'change')",
		&s);
	int code;

	if (r < 0)
		return r;
	code = sqlite3_step(s);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? -EUCLEAN : store_sqlite_error(code);
	*ret_totals = (struct store_totals){
		.findings = (uint64_t)sqlite3_column_int64(s, 0),
		.open = (uint64_t)sqlite3_column_int64(s, 1),
		.nodes = (uint64_t)sqlite3_column_int64(s, 2),
		.lines = (uint64_t)sqlite3_column_int64(s, 3),
		.bytes = (uint64_t)sqlite3_column_int64(s, 4),
		.change = (uint64_t)sqlite3_column_int64(s, 5),
	};
	return 0;
}
