// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "hub/store.h"
#include "hub/store_sqlite.h"
#include "proto/convert.h"
#include "tests/hub/made.h"

struct bed {
	char *folder, *url, *path;
	struct store store;
	struct store_reader reader;
	struct store_counts counts;
};

static void open_bed(struct bed *b)
{
	char why[256] = "";

	assert_int_equal(store_open(b->url, why, sizeof(why), &b->store), 0);
	assert_ok(store_reader_open(&b->store, &b->reader));
}

static void close_bed(struct bed *b)
{
	store_reader_close(&b->reader);
	store_close(&b->store);
}

static int setup(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	b->folder = made_folder();
	assert_true(asprintf(&b->path, "%s/hub.db", b->folder) > 0);
	assert_true(asprintf(&b->url, "sqlite:%s", b->path) > 0);
	open_bed(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	close_bed(b);
	made_folder_gone(&b->folder);
	free(b->url);
	free(b->path);
	free(b);
	return 0;
}

static void put(struct bed *b, const char *spool, uint64_t seq, const char *node, unsigned n, uint64_t revision,
		enum finding_state state, enum severity severity, wall_ns_t now)
{
	AUTO(finding_free) struct finding *f = made_finding(node, n, revision, state, severity);
	AUTO(record_batch_free) struct record_batch *batch = made_batch(spool, seq, f);

	assert_ok(b->store.class->begin(b->store.state));
	assert_ok(b->store.class->put(b->store.state, batch, now, &b->counts));
	assert_ok(b->store.class->commit(b->store.state));
}

static void note(struct bed *b, const char *node, wall_ns_t at, const char *status)
{
	struct store_note n = { .node = node,
				.boot_id = "b",
				.version = "1",
				.rules_digest = "d",
				.seen_at = at,
				.evaluated = 1,
				.status = status,
				.text = "text" };

	assert_ok(b->store.class->begin(b->store.state));
	assert_ok(b->store.class->note(b->store.state, &n));
	assert_ok(b->store.class->commit(b->store.state));
}

struct seen {
	char ids[64][FINDING_ID_SIZE];
	uint64_t n_of[64], change_of[64], revision_of[64];
	char nodes[64][64];
	size_t n;
};

static int see(void *arg, const struct store_row *row)
{
	AUTO(finding_free) struct finding *f = NULL;
	struct seen *s = arg;

	assert_true(s->n < 64);
	assert_ok(finding_unpack(row->data, row->n_data, &f, NULL));
	assert_string_equal(f->id, row->id);
	(void)snprintf(s->ids[s->n], FINDING_ID_SIZE, "%s", row->id);
	(void)snprintf(s->nodes[s->n], 64, "%s", row->node);
	s->n_of[s->n] = row->n;
	s->change_of[s->n] = row->change;
	s->revision_of[s->n++] = f->revision;
	return 0;
}

static struct seen look(struct bed *b, struct store_filter filter)
{
	struct seen s = { .n = 0 };

	if (!filter.key)
		filter.kind = STORE_NO_KIND;
	assert_ok(b->reader.class->visit(b->reader.state, &filter, see, &s));
	return s;
}

static uint64_t position(struct bed *b, const char *node, const char *spool)
{
	uint64_t seq = 99;

	assert_ok(b->reader.class->position(b->reader.state, node, spool, &seq));
	return seq;
}

static void what_comes_twice_is_stored_once(void **state)
{
	struct bed *b = *state;
	struct seen s;

	put(b, "s1", 1, "n1", 1, 1, FINDING_OPEN, SEVERITY_WARNING, 10);
	put(b, "s1", 1, "n1", 1, 1, FINDING_OPEN, SEVERITY_WARNING, 11); /* same seq */
	put(b, "s2", 7, "n1", 1, 1, FINDING_OPEN, SEVERITY_WARNING, 12); /* same revision from a new spool */
	s = look(b, (struct store_filter){ .order = STORE_BY_CHANGE });
	assert_int_equal(s.n, 1);
	assert_int_equal(s.change_of[0], 1);
	assert_int_equal(b->counts.stored, 1);
	assert_int_equal(b->counts.known, 2);
	assert_int_equal(position(b, "n1", "s1"), 1);
	assert_int_equal(position(b, "n1", "s2"), 7);
	assert_int_equal(position(b, "n2", "s1"), 0);
}

static void a_revision_never_goes_back(void **state)
{
	struct bed *b = *state;
	struct seen s;

	put(b, "s1", 1, "n1", 1, 3, FINDING_RESOLVED, SEVERITY_WARNING, 10);
	put(b, "s1", 2, "n1", 1, 2, FINDING_UPDATED, SEVERITY_CRITICAL, 11);
	s = look(b, (struct store_filter){ .order = STORE_BY_CHANGE });
	assert_int_equal(s.n, 1);
	assert_int_equal(s.revision_of[0], 3);
	assert_int_equal(look(b, (struct store_filter){ .only_open = true }).n, 0);
	assert_int_equal(position(b, "n1", "s1"), 2); /* acked all the same */
}

static void put_at(struct bed *b, const char *spool, uint64_t seq, uint64_t revision, enum finding_state state, wall_ns_t at)
{
	AUTO(finding_free) struct finding *f = made_finding("n1", 1, revision, state, SEVERITY_WARNING);
	AUTO(record_batch_free) struct record_batch *batch = NULL;

	f->changed_at = at;
	batch = made_batch(spool, seq, f);
	assert_ok(b->store.class->begin(b->store.state));
	assert_ok(b->store.class->put(b->store.state, batch, 11, &b->counts));
	assert_ok(b->store.class->commit(b->store.state));
}

static void nobody_else_may_read_the_file(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm", ".lock" };
	struct bed *b = *state;

	put(b, "s1", 1, "n1", 1, 1, FINDING_OPEN, SEVERITY_WARNING, 10);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[256];
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s%s", strchr(b->url, ':') + 1, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 077, 0);
	}
}

/* The agent's disk was lost, the event that made the finding was read again: the same id from revision 1 on. */
static void a_finding_made_anew_after_its_spool_was_lost_counts(void **state)
{
	struct bed *b = *state;
	struct seen s;

	put_at(b, "s1", 1, 1, FINDING_OPEN, 100 * NS_PER_S);
	put_at(b, "s1", 2, 3, FINDING_UPDATED, 300 * NS_PER_S);
	put_at(b, "s2", 1, 1, FINDING_OPEN, 300 * NS_PER_S); /* older than what is known: no news */
	assert_int_equal(b->counts.known, 1);
	put_at(b, "s2", 2, 2, FINDING_RESOLVED, 400 * NS_PER_S);
	assert_int_equal(look(b, (struct store_filter){ .only_open = true }).n, 0);
	s = look(b, (struct store_filter){ .order = STORE_BY_CHANGE });
	assert_int_equal(s.n, 1);
	assert_int_equal(s.revision_of[0], 2);
}

static void a_node_cannot_overwrite_anothers_finding(void **state)
{
	struct bed *b = *state;
	AUTO(finding_free) struct finding *f = made_finding("n1", 1, 9, FINDING_RESOLVED, SEVERITY_INFO);
	AUTO(record_batch_free) struct record_batch *batch = NULL;
	struct seen s;

	put(b, "s1", 1, "n1", 1, 1, FINDING_OPEN, SEVERITY_CRITICAL, 10);
	f->node = "n2";
	batch = made_batch("s9", 1, f);
	assert_ok(b->store.class->begin(b->store.state));
	assert_ok(b->store.class->put(b->store.state, batch, 11, &b->counts));
	assert_ok(b->store.class->commit(b->store.state));
	assert_int_equal(b->counts.foreign, 1);
	s = look(b, (struct store_filter){ .only_open = true });
	assert_int_equal(s.n, 1);
	assert_string_equal(s.nodes[0], "n1");
}

static void a_rolled_back_group_leaves_nothing(void **state)
{
	struct bed *b = *state;
	AUTO(finding_free) struct finding *f = made_finding("n1", 1, 1, FINDING_OPEN, SEVERITY_INFO);
	AUTO(record_batch_free) struct record_batch *batch = made_batch("s1", 5, f);

	assert_ok(b->store.class->begin(b->store.state));
	assert_ok(b->store.class->put(b->store.state, batch, 1, &b->counts));
	b->store.class->rollback(b->store.state);
	assert_int_equal(position(b, "n1", "s1"), 0);
	assert_int_equal(look(b, (struct store_filter){ 0 }).n, 0);
	put(b, "s1", 5, "n1", 1, 1, FINDING_OPEN, SEVERITY_INFO, 2);
	assert_int_equal(look(b, (struct store_filter){ .order = STORE_BY_CHANGE }).change_of[0], 1);
}

static void the_worst_open_one_comes_first(void **state)
{
	struct bed *b = *state;
	struct seen s;

	put(b, "s", 1, "n1", 1, 1, FINDING_OPEN, SEVERITY_INFO, 1);
	put(b, "s", 2, "n1", 2, 1, FINDING_RESOLVED, SEVERITY_CRITICAL, 1);
	put(b, "s", 3, "n1", 3, 1, FINDING_OPEN, SEVERITY_CRITICAL, 1);
	put(b, "s", 4, "n1", 4, 1, FINDING_OPEN, SEVERITY_WARNING, 1);
	s = look(b, (struct store_filter){ .order = STORE_WORST_FIRST });
	assert_int_equal(s.n, 4);
	assert_int_equal(s.n_of[0], 3);
	assert_int_equal(s.n_of[1], 4);
	assert_int_equal(s.n_of[2], 1);
	assert_int_equal(s.n_of[3], 2);
	assert_int_equal(look(b, (struct store_filter){ .only_open = true, .limit = 2 }).n, 2);
}

static void pages_neither_miss_nor_repeat(void **state)
{
	struct bed *b = *state;
	struct seen first, second;

	for (unsigned n = 1; n <= 5; n++)
		put(b, "s", n, "n1", n, 1, FINDING_OPEN, SEVERITY_INFO, n);
	first = look(b, (struct store_filter){ .order = STORE_NEWEST_FIRST, .limit = 3 });
	put(b, "s", 6, "n1", 1, 2, FINDING_UPDATED, SEVERITY_INFO, 9); /* an old one changes between the pages */
	put(b, "s", 7, "n1", 6, 1, FINDING_OPEN, SEVERITY_INFO, 9);
	second = look(b, (struct store_filter){ .order = STORE_NEWEST_FIRST, .limit = 3, .before_n = first.n_of[2] });
	assert_int_equal(first.n, 3);
	assert_int_equal(second.n, 2);
	assert_int_equal(second.n_of[0], first.n_of[2] - 1);
	assert_int_equal(second.n_of[1], 1);
}

static void filters_narrow(void **state)
{
	struct bed *b = *state;

	put(b, "s", 1, "n1", 1, 1, FINDING_OPEN, SEVERITY_INFO, 1);
	put(b, "s", 2, "n1", 8, 1, FINDING_RESOLVED, SEVERITY_INFO, 1); /* test.rule_1 too */
	put(b, "t", 1, "n2", 2, 1, FINDING_OPEN, SEVERITY_INFO, 1);
	assert_int_equal(look(b, (struct store_filter){ .node = "n1" }).n, 2);
	assert_int_equal(look(b, (struct store_filter){ .node = "n1", .only_open = true }).n, 1);
	assert_int_equal(look(b, (struct store_filter){ .rule = "test.rule_1" }).n, 2);
	assert_int_equal(look(b, (struct store_filter){ .rule = "test.*" }).n, 3);
	assert_int_equal(look(b, (struct store_filter){ .rule = "t*t.*" }).n, 0); /* no patterns of others */
	assert_int_equal(look(b, (struct store_filter){ .rule = "'; DROP TABLE findings; --" }).n, 0);
	assert_int_equal(look(b, (struct store_filter){ .kind = ENTITY_POD, .key = "ml/train-2" }).n, 1);
	assert_int_equal(look(b, (struct store_filter){ .kind = ENTITY_JOB, .key = "slurm:98" }).n, 1);
	assert_int_equal(look(b, (struct store_filter){ .kind = ENTITY_JOB, .key = "slurm:97" }).n, 0);
	assert_int_equal(look(b, (struct store_filter){ .since = 1, .only_open = true }).n, 3);
	assert_int_equal(look(b, (struct store_filter){ .since = 1800000000ULL * NS_PER_S, .only_open = true }).n, 2);
	assert_int_equal(look(b, (struct store_filter){ .after_change = 2, .order = STORE_BY_CHANGE }).n, 1);
}

static int count_entity(void *arg, const struct store_entity *e)
{
	char *text = arg;

	(void)snprintf(text + strlen(text), 200 - strlen(text), "%s %s@%s;", entity_kind_name(e->kind), e->key, e->node);
	return 0;
}

static void words_find_entities(void **state)
{
	struct bed *b = *state;
	char text[200] = "";

	put(b, "s", 1, "n1", 1, 1, FINDING_OPEN, SEVERITY_INFO, 1);
	put(b, "t", 1, "n2", 1, 1, FINDING_OPEN, SEVERITY_INFO, 1); /* the same pod, seen from two nodes */
	assert_ok(b->reader.class->visit_entities(b->reader.state, ENTITY_POD, "train-1", NULL, 10, count_entity, text));
	assert_string_equal(text, "pod ml/train-1@;");
	text[0] = 0;
	assert_ok(b->reader.class->visit_entities(b->reader.state, ENTITY_JOB, "91", NULL, 10, count_entity, text));
	assert_string_equal(text, "job slurm:91@;");
	text[0] = 0;
	assert_ok(b->reader.class->visit_entities(b->reader.state, ENTITY_POD, "nope", NULL, 10, count_entity, text));
	assert_string_equal(text, "");
}

static int copy_node(void *arg, const struct store_node *node)
{
	struct store_node *n = arg;

	*n = *node;
	n->name = n->boot_id = n->version = n->rules_digest = NULL;
	return 0;
}

static void a_node_has_its_worst_open_finding(void **state)
{
	struct bed *b = *state;
	AUTO(finding_free) struct finding *f = made_finding("n1", 7, 1, FINDING_OPEN, SEVERITY_CRITICAL);
	AUTO(record_batch_free) struct record_batch *batch = NULL;
	struct store_node n = { .worst = 9 };

	note(b, "n1", 1000, "connected");
	note(b, "n1", 500, NULL); /* an older word does not turn back the clock */
	assert_ok(b->reader.class->visit_nodes(b->reader.state, "n1", copy_node, &n));
	assert_int_equal(n.worst, -1);
	assert_int_equal(n.last_seen, 1000);
	put(b, "s", 1, "n1", 1, 1, FINDING_OPEN, SEVERITY_WARNING, 1);
	put(b, "s", 2, "n1", 2, 1, FINDING_RESOLVED, SEVERITY_CRITICAL, 1);
	f->shadow = true; /* of a rule on trial: does not count */
	batch = made_batch("s", 3, f);
	assert_ok(b->store.class->begin(b->store.state));
	assert_ok(b->store.class->put(b->store.state, batch, 1, &b->counts));
	assert_ok(b->store.class->commit(b->store.state));
	assert_ok(b->reader.class->visit_nodes(b->reader.state, NULL, copy_node, &n));
	assert_int_equal(n.worst, SEVERITY_WARNING);
	assert_int_equal(n.n_open, 1);
}

static int collect_lines(void *arg, const struct store_line *line)
{
	char *text = arg;

	(void)snprintf(text + strlen(text), 400 - strlen(text), "%s:%s ", line->what, line->status);
	return 0;
}

static void the_timeline_tells_what_is_news(void **state)
{
	struct bed *b = *state;
	struct store_filter filter = { .node = "n1", .kind = STORE_NO_KIND };
	char text[400] = "";

	note(b, "n1", 5, "connected");
	put(b, "s", 1, "n1", 1, 1, FINDING_OPEN, SEVERITY_WARNING, 1);
	put(b, "s", 2, "n1", 1, 2, FINDING_UPDATED, SEVERITY_WARNING, 1); /* no news */
	put(b, "s", 3, "n1", 1, 3, FINDING_UPDATED, SEVERITY_CRITICAL, 1);
	put(b, "s", 4, "n1", 1, 4, FINDING_RESOLVED, SEVERITY_CRITICAL, 1);
	put(b, "s", 5, "n1", 1, 5, FINDING_OPEN, SEVERITY_CRITICAL, 1);
	put(b, "t", 1, "n2", 2, 1, FINDING_OPEN, SEVERITY_WARNING, 1);
	assert_ok(b->reader.class->visit_lines(b->reader.state, &filter, 0, collect_lines, text));
	assert_string_equal(text, "node:connected finding:open finding:critical finding:resolved finding:reopened ");
	text[0] = 0;
	filter = (struct store_filter){ .kind = ENTITY_JOB, .key = "slurm:92" };
	assert_ok(b->reader.class->visit_lines(b->reader.state, &filter, 0, collect_lines, text));
	assert_string_equal(text, "finding:open ");
}

static void retain_all(struct bed *b, struct store_retention retention, wall_ns_t now)
{
	uint64_t deleted;
	bool more = true;

	for (int i = 0; i < 100 && more; i++)
		assert_ok(b->store.class->retain(b->store.state, &retention, now, &deleted, &more));
	assert_false(more);
}

static void age_deletes_resolved_ones_only(void **state)
{
	struct bed *b = *state;
	const wall_ns_t day = 86400ULL * NS_PER_S, start = 20000 * day;
	char text[200] = "";
	struct seen s;

	note(b, "n1", start + 9 * day, NULL);
	put(b, "s", 1, "n1", 1, 1, FINDING_RESOLVED, SEVERITY_WARNING, start);
	put(b, "s", 2, "n1", 2, 1, FINDING_OPEN, SEVERITY_WARNING, start);
	put(b, "s", 3, "n1", 3, 1, FINDING_RESOLVED, SEVERITY_WARNING, start + 8 * day);
	put(b, "old", 1, "gone", 4, 1, FINDING_OPEN, SEVERITY_WARNING, start); /* its node has not been seen for as long */
	retain_all(b, (struct store_retention){ .max_age_ns = 5 * day }, start + 10 * day);
	s = look(b, (struct store_filter){ .order = STORE_BY_CHANGE });
	assert_int_equal(s.n, 2);
	assert_int_equal(s.n_of[0], 2);
	assert_int_equal(s.n_of[1], 3);
	/* its names went with it */
	assert_ok(b->reader.class->visit_entities(b->reader.state, ENTITY_POD, "ml/train-1", NULL, 9, count_entity, text));
	assert_string_equal(text, "");
	assert_int_equal(position(b, "n1", "s"), 3);
	assert_int_equal(position(b, "gone", "old"), 0);
}

static void changes_never_go_back_after_deleting(void **state)
{
	struct bed *b = *state;

	put(b, "s", 1, "n1", 1, 1, FINDING_RESOLVED, SEVERITY_WARNING, 1000);
	put(b, "s", 2, "n1", 2, 1, FINDING_RESOLVED, SEVERITY_WARNING, 1000);
	retain_all(b, (struct store_retention){ .max_age_ns = 1 }, 5000);
	assert_int_equal(look(b, (struct store_filter){ 0 }).n, 0);
	close_bed(b);
	open_bed(b);
	put(b, "s", 3, "n1", 3, 1, FINDING_OPEN, SEVERITY_WARNING, 6000);
	assert_int_equal(look(b, (struct store_filter){ .order = STORE_BY_CHANGE }).change_of[0], 3);
}

static void size_deletes_resolved_ones_first(void **state)
{
	struct bed *b = *state;
	struct store_totals before, after;

	assert_ok(b->store.class->begin(b->store.state));
	for (unsigned n = 1; n <= 3000; n++) {
		AUTO(finding_free) struct finding *f =
			made_finding("n1", n, 1, n % 10 ? FINDING_RESOLVED : FINDING_OPEN, SEVERITY_INFO);
		AUTO(record_batch_free) struct record_batch *batch = made_batch("s", n, f);

		assert_ok(b->store.class->put(b->store.state, batch, n, &b->counts));
	}
	assert_ok(b->store.class->commit(b->store.state));
	assert_ok(b->reader.class->totals(b->reader.state, &before));
	assert_int_equal(before.findings, 3000);
	retain_all(b, (struct store_retention){ .max_bytes = before.bytes / 2 }, 4000);
	assert_ok(b->reader.class->totals(b->reader.state, &after));
	assert_true(after.bytes <= before.bytes / 2 + 300000);
	assert_true(after.findings < 3000);
	assert_int_equal(after.open, 300);
}

static void an_old_file_is_migrated(void **state)
{
	struct bed *b = *state;
	AUTO_BUF struct buf packed;
	AUTO(finding_free) struct finding *f = made_finding("n1", 5, 2, FINDING_OPEN, SEVERITY_CRITICAL);
	sqlite3 *db;
	sqlite3_stmt *s;
	char text[200] = "", why[200];
	char *old, *url;

	assert_true(asprintf(&old, "%s/old.db", b->folder) > 0);
	assert_true(asprintf(&url, "sqlite:%s", old) > 0);
	made_pack(f, &packed);
	assert_int_equal(sqlite3_open(old, &db), SQLITE_OK);
	assert_ok(store_sqlite_migrate(db, 1)); /* as the first version made it */
	assert_ok(store_sqlite_prepare(
		db, "INSERT INTO findings VALUES(7,?1,'n1',2,0,0,2,0,'test.rule_5','t',9,'ml/train-5',1,2,0,3,7,?2)",
		&s));
	(void)sqlite3_bind_text(s, 1, f->id, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob(s, 2, packed.data, (int)packed.len, SQLITE_STATIC);
	assert_ok(store_sqlite_step(s));
	store_sqlite_finalize(&s);
	assert_ok(store_sqlite_exec(
		db, "INSERT INTO spools VALUES('n1','s',41,1); UPDATE meta SET value = 7 WHERE name = 'change'"));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);

	close_bed(b);
	free(b->url);
	b->url = url;
	open_bed(b);
	assert_int_equal(position(b, "n1", "s"), 41);
	assert_int_equal(look(b, (struct store_filter){ .only_open = true }).revision_of[0], 2);
	assert_ok(b->reader.class->visit_entities(b->reader.state, ENTITY_POD, "ml/train-5", NULL, 9, count_entity, text));
	assert_string_equal(text, "pod ml/train-5@;");
	put(b, "s", 42, "n1", 5, 3, FINDING_UPDATED, SEVERITY_CRITICAL, 9);
	assert_int_equal(look(b, (struct store_filter){ .order = STORE_BY_CHANGE }).change_of[0], 8);

	/* and one from the future is left alone */
	close_bed(b);
	assert_int_equal(sqlite3_open(old, &db), SQLITE_OK);
	assert_ok(store_sqlite_exec(db, "PRAGMA user_version = 99"));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_err(store_open(url, why, sizeof(why), &b->store), EOVERFLOW);
	assert_non_null(strstr(why, "newer"));
	assert_int_equal(sqlite3_open(old, &db), SQLITE_OK);
	(void)snprintf(text, sizeof(text), "PRAGMA user_version = %d", store_sqlite_version());
	assert_ok(store_sqlite_exec(db, text));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	free(old);
	open_bed(b);
}

static void a_second_hub_and_a_damaged_file_are_refused(void **state)
{
	struct bed *b = *state;
	struct store second = { 0 };
	char why[256], *url;
	FILE *f;

	assert_err(store_open(b->url, why, sizeof(why), &second), EBUSY);
	assert_non_null(strstr(why, "in use by another whyhub"));
	assert_true(asprintf(&url, "sqlite:%s/junk.db", b->folder) > 0);
	f = fopen(url + 7, "w");
	for (int i = 0; i < 1000; i++)
		(void)fputs("this is no database at all ", f);
	(void)fclose(f);
	assert_err(store_open(url, why, sizeof(why), &second), EUCLEAN);
	assert_non_null(strstr(why, "move it away"));
	free(url);
	assert_err(store_open("sqlite:/nonexistent-folder/x.db", why, sizeof(why), &second), ENOENT);
	assert_err(store_open("postgresql://h/d", why, sizeof(why), &second), EPROTONOSUPPORT);
	assert_non_null(strstr(why, "not built"));
	assert_err(store_open("sqlite:", why, sizeof(why), &second), EINVAL);
	assert_null(second.class);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_comes_twice_is_stored_once),	T(a_revision_never_goes_back),
		T(nobody_else_may_read_the_file),
		T(a_finding_made_anew_after_its_spool_was_lost_counts),
		T(a_node_cannot_overwrite_anothers_finding), T(a_rolled_back_group_leaves_nothing),
		T(the_worst_open_one_comes_first),	T(pages_neither_miss_nor_repeat),
		T(filters_narrow),			T(words_find_entities),
		T(a_node_has_its_worst_open_finding),	T(the_timeline_tells_what_is_news),
		T(age_deletes_resolved_ones_only),	T(changes_never_go_back_after_deleting),
		T(size_deletes_resolved_ones_first),	T(an_old_file_is_migrated),
		T(a_second_hub_and_a_damaged_file_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
