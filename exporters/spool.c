// SPDX-License-Identifier: Apache-2.0
#include "exporters/spool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "exporters/spool_db.h"
#include "proto/convert.h"

#define MAX_FINDING_BYTES (256 * 1024)
#define HISTORY_NS        (24 * 3600 * NS_PER_S)
#define HISTORY_MAX       4096
/* A power cut may take back commits whose records the hub already has. Numbers given out since the last sync to disk
 * are fewer than this, so a jump at each start keeps every number single. A random part on top: a state folder put back
 * from a backup jumps elsewhere than its first life did, and the hub's position tells. */
#define SEQ_JUMP (1 << 20)
/* Overflow is worked off below the limit, so that a storm does not pay for it with every change. */
#define SLACK_PARTS 32

struct totals {
	uint64_t records, bytes;
};

struct spool {
	struct spool_db db;
	struct spool_options options;
	char id[33];
	bool in_tick, critical;
	int tick_error;         /* something was written in half: the tick cannot be committed */
	wall_ns_t newest;       /* of the changes of this tick */
	struct totals now, committed;
	uint64_t last_seq, committed_seq, acked_seq;
	uint64_t dropped_resolved, dropped_superseded, errors;
	struct buf packed;
};

/* ---- small statements ---- */

static int bind_text(sqlite3_stmt *s, int at, const char *text)
{
	return sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

static int bind_number(sqlite3_stmt *s, int at, uint64_t value)
{
	return sqlite3_bind_int64(s, at, (sqlite3_int64)value);
}

static int counted(struct spool *s, int r)
{
	if (r < 0)
		s->errors++;
	return r;
}

/* Two numbers of the one row of a statement that is bound. */
static int ask_totals(struct spool *s, enum spool_sql which, struct totals *ret_totals)
{
	sqlite3_stmt *statement = s->db.statements[which];
	int r = sqlite3_step(statement) == SQLITE_ROW ? 0 : spool_db_error(&s->db);

	if (r == 0)
		*ret_totals = (struct totals){(uint64_t)sqlite3_column_int64(statement, 0),
					      (uint64_t)sqlite3_column_int64(statement, 1)};
	sqlite3_reset(statement);
	return r;
}

static void subtract(struct totals *from, const struct totals *part)
{
	from->records -= MIN_OF(from->records, part->records);
	from->bytes -= MIN_OF(from->bytes, part->bytes);
}

/* ---- opening ---- */

static int read_last_seq(struct spool *s, uint64_t *ret_seq)
{
	sqlite3_stmt *statement = spool_db_statement(&s->db, SPOOL_LAST_SEQ);
	int r = sqlite3_step(statement) == SQLITE_ROW ? 0 : spool_db_error(&s->db);

	if (r == 0)
		*ret_seq = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return r;
}

static int start_sequence(struct spool *s)
{
	int r = spool_db_run(&s->db, SPOOL_START_SEQ);
	uint32_t dice;

	sqlite3_randomness(sizeof(dice), &dice);
	if (r == 0) {
		bind_number(spool_db_statement(&s->db, SPOOL_SKIP_SEQ), 1, SEQ_JUMP + (uint64_t)dice);
		r = spool_db_run(&s->db, SPOOL_SKIP_SEQ);
	}
	if (r == 0)
		r = spool_db_sync(&s->db);
	if (r == 0)
		r = read_last_seq(s, &s->last_seq);
	s->committed_seq = s->last_seq;
	return r;
}

static int load_state(struct spool *s)
{
	char text[32];
	int r = spool_get(s, "spool_id", s->id, sizeof(s->id));

	if (r < 0)
		return r;
	r = spool_get(s, "acked_seq", text, sizeof(text));
	if (r == 0)
		(void)text_parse_u64(text, &s->acked_seq);
	else if (r != -ENOENT)
		return r;
	(void)spool_db_statement(&s->db, SPOOL_TOTALS);
	r = ask_totals(s, SPOOL_TOTALS, &s->now);
	s->committed = s->now;
	return r < 0 ? r : start_sequence(s);
}

int spool_open(const struct spool_options *options, struct spool **ret_spool, bool *ret_damaged)
{
	AUTO(spool_close) struct spool *s = calloc(1, sizeof(*s));
	bool damaged = false;
	int r;

	if (!s)
		return -ENOMEM;
	buf_init(&s->packed, MAX_FINDING_BYTES);
	s->options = *options;
	s->options.path = s->options.node = NULL; /* the caller's */
	r = spool_db_open(options->path, options->node, &s->db, &damaged);
	if (r == 0)
		r = load_state(s);
	if (r < 0)
		return r;
	*ret_spool = TAKE_PTR(s);
	*ret_damaged = damaged;
	return 0;
}

void spool_close(struct spool **spool)
{
	struct spool *s = *spool;

	if (!s)
		return;
	spool_db_close(&s->db);
	buf_done(&s->packed);
	free(s);
	*spool = NULL;
}

const char *spool_id(const struct spool *s)
{
	return s->id;
}

/* ---- a tick ---- */

int spool_begin(struct spool *s)
{
	int r;

	assert(!s->in_tick);
	r = spool_db_run(&s->db, SPOOL_BEGIN);
	if (r < 0)
		return counted(s, r);
	s->in_tick = true;
	s->critical = false;
	s->tick_error = 0;
	s->newest = 0;
	return 0;
}

static int classify(struct spool *s, const struct finding *f, enum spool_class *ret_class)
{
	sqlite3_stmt *statement;
	int code;

	if (f->state != FINDING_RESOLVED) {
		*ret_class = SPOOL_LATEST_OPEN;
		return 0;
	}
	statement = spool_db_statement(&s->db, SPOOL_HAS_FIRST);
	bind_text(statement, 1, f->id);
	code = sqlite3_step(statement);
	sqlite3_reset(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return spool_db_error(&s->db);
	*ret_class = code == SQLITE_ROW || f->revision == 1 ? SPOOL_RESOLVED_UNSEEN : SPOOL_RESOLVED;
	return 0;
}

static int put_record(struct spool *s, const struct finding *f)
{
	enum spool_class class = SPOOL_LATEST_OPEN;
	sqlite3_stmt *statement = spool_db_statement(&s->db, SPOOL_SUPERSEDE);
	int r;

	bind_text(statement, 1, f->id);
	r = spool_db_run(&s->db, SPOOL_SUPERSEDE);
	if (r == 0)
		r = classify(s, f, &class);
	if (r < 0)
		return r;
	statement = spool_db_statement(&s->db, SPOOL_PUT_RECORD);
	bind_text(statement, 1, f->id);
	bind_number(statement, 2, f->revision);
	bind_number(statement, 3, class);
	bind_number(statement, 4, s->packed.len);
	sqlite3_bind_blob64(statement, 5, s->packed.data, s->packed.len, SQLITE_STATIC);
	r = spool_db_run(&s->db, SPOOL_PUT_RECORD);
	if (r < 0)
		return r;
	s->last_seq = (uint64_t)sqlite3_last_insert_rowid(s->db.handle);
	s->now.records++;
	s->now.bytes += s->packed.len;
	return 0;
}

static int put_finding(struct spool *s, const struct finding *f, mono_ns_t opened_mono)
{
	sqlite3_stmt *statement = spool_db_statement(&s->db, SPOOL_PUT_FINDING);

	bind_text(statement, 1, f->id);
	bind_number(statement, 2, f->state != FINDING_RESOLVED);
	bind_number(statement, 3, opened_mono);
	bind_number(statement, 4, f->changed_at);
	sqlite3_bind_blob64(statement, 5, s->packed.data, s->packed.len, SQLITE_STATIC);
	return spool_db_run(&s->db, SPOOL_PUT_FINDING);
}

int spool_put(struct spool *s, const struct finding *f, mono_ns_t opened_mono)
{
	int r;

	assert(s->in_tick);
	buf_reset(&s->packed);
	r = finding_pack(f, &s->packed);
	if (r < 0)
		return counted(s, r);
	r = put_record(s, f);
	if (r == 0)
		r = put_finding(s, f, opened_mono);
	if (r < 0) {
		s->tick_error = r;
		return counted(s, r);
	}
	s->critical |= f->severity == SEVERITY_CRITICAL;
	s->newest = MAX_OF(s->newest, f->changed_at);
	return 0;
}

int spool_set(struct spool *s, const char *name, const char *value)
{
	sqlite3_stmt *statement = spool_db_statement(&s->db, SPOOL_SET);
	int r;

	bind_text(statement, 1, name);
	bind_text(statement, 2, value);
	r = spool_db_run(&s->db, SPOOL_SET);
	if (r < 0)
		s->tick_error = r;
	return counted(s, r);
}

/* Every change of one resolved finding of which the hub knows nothing. */
static int drop_unseen(struct spool *s, const char *id)
{
	struct totals part = {0};
	int r;

	bind_text(spool_db_statement(&s->db, SPOOL_TOTALS_ID), 1, id);
	r = ask_totals(s, SPOOL_TOTALS_ID, &part);
	if (r == 0) {
		bind_text(spool_db_statement(&s->db, SPOOL_DROP_ID), 1, id);
		r = spool_db_run(&s->db, SPOOL_DROP_ID);
	}
	if (r < 0)
		return r;
	subtract(&s->now, &part);
	s->dropped_resolved += part.records;
	return 0;
}

static int drop_one(struct spool *s, uint64_t seq, uint64_t size, bool superseded)
{
	int r;

	bind_number(spool_db_statement(&s->db, SPOOL_DROP_SEQ), 1, seq);
	r = spool_db_run(&s->db, SPOOL_DROP_SEQ);
	if (r < 0)
		return r;
	subtract(&s->now, &(struct totals){1, size});
	*(superseded ? &s->dropped_superseded : &s->dropped_resolved) += 1;
	return 0;
}

/* 1: one was dropped; 0: none of this class is left. */
static int drop_oldest(struct spool *s, enum spool_class class)
{
	sqlite3_stmt *statement = spool_db_statement(&s->db, SPOOL_OLDEST);
	char id[FINDING_ID_SIZE] = "";
	uint64_t seq, size;
	int code, r;

	bind_number(statement, 1, class);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		seq = (uint64_t)sqlite3_column_int64(statement, 0);
		text_copy(id, sizeof(id), (const char *)sqlite3_column_text(statement, 1));
		size = (uint64_t)sqlite3_column_int64(statement, 2);
	}
	sqlite3_reset(statement);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? 0 : spool_db_error(&s->db);
	r = class == SPOOL_RESOLVED_UNSEEN ? drop_unseen(s, id) : drop_one(s, seq, size, class == SPOOL_SUPERSEDED);
	return r < 0 ? r : 1;
}

static bool is_above(const struct spool *s, uint64_t parts)
{
	uint64_t records = s->options.max_records - s->options.max_records * parts / SLACK_PARTS;
	uint64_t bytes = s->options.max_bytes - s->options.max_bytes * parts / SLACK_PARTS;

	return s->now.records > records || s->now.bytes > bytes;
}

static int shed(struct spool *s)
{
	static const enum spool_class order[] = {SPOOL_RESOLVED_UNSEEN, SPOOL_SUPERSEDED, SPOOL_RESOLVED};
	size_t i = 0;

	if (!is_above(s, 0))
		return 0;
	while (i < ARRAY_LEN(order) && is_above(s, 1)) {
		int r = drop_oldest(s, order[i]);

		if (r < 0)
			return r;
		if (r == 0)
			i++;
	}
	return 0;
}

static int prune_history(struct spool *s)
{
	int r;

	if (s->newest <= HISTORY_NS)
		return 0;
	bind_number(spool_db_statement(&s->db, SPOOL_PRUNE_AGE), 1, s->newest - HISTORY_NS);
	r = spool_db_run(&s->db, SPOOL_PRUNE_AGE);
	if (r < 0)
		return r;
	bind_number(spool_db_statement(&s->db, SPOOL_PRUNE_COUNT), 1, HISTORY_MAX);
	return spool_db_run(&s->db, SPOOL_PRUNE_COUNT);
}

static void roll_back(struct spool *s)
{
	if (!sqlite3_get_autocommit(s->db.handle))
		(void)spool_db_run(&s->db, SPOOL_ROLLBACK);
	s->now = s->committed;
	s->last_seq = s->committed_seq;
	spool_db_shrink(&s->db);
}

/* A critical finding must survive the power cut that it may be the herald of: its log is synced before the commit
 * counts. The rest may lose their last moments to a power cut (never to a crash of this process), together with the
 * positions of the collectors, so that they are made again; it saves a sync to a slow disk with every change. */
int spool_commit(struct spool *s)
{
	uint64_t resolved = s->dropped_resolved, superseded = s->dropped_superseded;
	int r;

	assert(s->in_tick);
	s->in_tick = false;
	r = s->tick_error;
	if (r == 0)
		r = sqlite3_get_autocommit(s->db.handle) ? -EIO : shed(s); /* SQLite itself ends it after some failures */
	if (r == 0)
		r = prune_history(s);
	if (r == 0)
		r = spool_db_run(&s->db, SPOOL_COMMIT);
	if (r < 0) {
		roll_back(s);
		s->dropped_resolved = resolved;
		s->dropped_superseded = superseded;
		return counted(s, r);
	}
	s->committed = s->now;
	s->committed_seq = s->last_seq;
	return s->critical ? counted(s, spool_db_sync(&s->db)) : 0;
}

int spool_get(struct spool *s, const char *name, char *ret_value, size_t size)
{
	sqlite3_stmt *statement = spool_db_statement(&s->db, SPOOL_GET);
	int code, r = 0;

	bind_text(statement, 1, name);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		text_copy(ret_value, size, (const char *)sqlite3_column_text(statement, 0));
	else
		r = code == SQLITE_DONE ? -ENOENT : spool_db_error(&s->db);
	sqlite3_reset(statement);
	return r;
}

/* ---- reading findings back ---- */

struct visit {
	void (*open)(void *arg, const struct finding *f, mono_ns_t opened_mono);
	void (*history)(void *arg, const struct finding *f);
	void *arg;
};

/* What this version cannot read any more (after a downgrade) is left out, and counted. */
static void visit_row(struct spool *s, sqlite3_stmt *statement, const struct visit *v)
{
	AUTO(finding_free) struct finding *f = NULL;
	const void *data = sqlite3_column_blob(statement, 0);
	int n = sqlite3_column_bytes(statement, 0);

	if (!data || finding_unpack(data, (size_t)n, &f, NULL) < 0)
		s->errors++;
	else if (v->open)
		v->open(v->arg, f, (mono_ns_t)sqlite3_column_int64(statement, 1));
	else
		v->history(v->arg, f);
}

static int visit_findings(struct spool *s, sqlite3_stmt *statement, const struct visit *v)
{
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		visit_row(s, statement, v);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? 0 : counted(s, spool_db_error(&s->db));
}

int spool_visit_open(struct spool *s, void (*visit)(void *arg, const struct finding *f, mono_ns_t opened_mono), void *arg)
{
	return visit_findings(s, spool_db_statement(&s->db, SPOOL_OPEN_FINDINGS),
			      &(struct visit){.open = visit, .arg = arg});
}

int spool_visit_history(struct spool *s, wall_ns_t since, size_t max, void (*visit)(void *arg, const struct finding *f),
			void *arg)
{
	sqlite3_stmt *statement = spool_db_statement(&s->db, SPOOL_HISTORY);

	bind_number(statement, 1, MIN_OF(since, (wall_ns_t)INT64_MAX));
	bind_number(statement, 2, MIN_OF(max, (size_t)INT32_MAX));
	return visit_findings(s, statement, &(struct visit){.history = visit, .arg = arg});
}

/* ---- the way to the hub ---- */

int spool_visit_unacked(struct spool *s, uint64_t after, size_t max_n, size_t max_bytes,
			int (*visit)(void *arg, const struct spool_record *r), void *arg)
{
	sqlite3_stmt *statement = spool_db_statement(&s->db, SPOOL_UNACKED);
	size_t bytes = 0;
	int code = SQLITE_DONE, r = 0;

	bind_number(statement, 1, MIN_OF(after, (uint64_t)INT64_MAX));
	bind_number(statement, 2, MIN_OF(max_n, (size_t)INT32_MAX));
	while (r == 0 && bytes < max_bytes && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct spool_record record = {
			.seq = (uint64_t)sqlite3_column_int64(statement, 0),
			.data = sqlite3_column_blob(statement, 1),
			.n = (size_t)sqlite3_column_bytes(statement, 1),
		};

		if (bytes > 0 && bytes + record.n > max_bytes)
			break;
		bytes += record.n;
		r = visit(arg, &record);
	}
	sqlite3_reset(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return counted(s, spool_db_error(&s->db));
	return r;
}

static int forget(struct spool *s, uint64_t up_to_seq, struct totals *ret_part)
{
	char text[24];
	int r;

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)up_to_seq);
	bind_number(spool_db_statement(&s->db, SPOOL_TOTALS_BELOW), 1, up_to_seq);
	r = ask_totals(s, SPOOL_TOTALS_BELOW, ret_part);
	if (r == 0) {
		bind_number(spool_db_statement(&s->db, SPOOL_ACK_KNOWN), 1, up_to_seq);
		r = spool_db_run(&s->db, SPOOL_ACK_KNOWN);
	}
	if (r == 0) {
		bind_number(spool_db_statement(&s->db, SPOOL_ACK), 1, up_to_seq);
		r = spool_db_run(&s->db, SPOOL_ACK);
	}
	return r == 0 ? spool_set(s, "acked_seq", text) : r;
}

/* An ack of what was never sent is a confused hub's: only what exists can be forgotten. */
int spool_ack(struct spool *s, uint64_t up_to_seq)
{
	struct totals part = {0};
	int r;

	assert(!s->in_tick);
	up_to_seq = MIN_OF(up_to_seq, s->last_seq);
	if (up_to_seq <= s->acked_seq)
		return 0;
	r = spool_db_run(&s->db, SPOOL_BEGIN);
	if (r < 0)
		return counted(s, r);
	r = forget(s, up_to_seq, &part);
	if (r == 0)
		r = spool_db_run(&s->db, SPOOL_COMMIT);
	if (r < 0) {
		roll_back(s);
		return counted(s, r);
	}
	subtract(&s->now, &part);
	s->committed = s->now;
	s->acked_seq = up_to_seq;
	return 0;
}

static int queue_open(struct spool *s, const char *new_id)
{
	int r = new_id ? spool_set(s, "spool_id", new_id) : 0;

	/* Not 0: to a hub that says that nothing is remembered here. */
	if (r == 0 && new_id && s->acked_seq == 0)
		r = spool_set(s, "acked_seq", "1");
	if (r == 0)
		r = spool_db_run(&s->db, SPOOL_OPEN_AGAIN);
	if (r == 0)
		r = read_last_seq(s, &s->last_seq);
	(void)spool_db_statement(&s->db, SPOOL_TOTALS);
	return r == 0 ? ask_totals(s, SPOOL_TOTALS, &s->now) : r;
}

int spool_send_open_again(struct spool *s, bool as_another)
{
	char id[sizeof(s->id)];
	uint64_t dice[2];
	int r;

	sqlite3_randomness(sizeof(dice), dice);
	(void)snprintf(id, sizeof(id), "%016llx%016llx", (unsigned long long)dice[0], (unsigned long long)dice[1]);
	r = spool_db_run(&s->db, SPOOL_BEGIN);
	if (r < 0)
		return counted(s, r);
	r = queue_open(s, as_another ? id : NULL);
	if (r == 0)
		r = spool_db_run(&s->db, SPOOL_COMMIT);
	if (r < 0) {
		roll_back(s);
		return counted(s, r);
	}
	s->committed = s->now;
	s->committed_seq = s->last_seq;
	if (as_another) {
		text_copy(s->id, sizeof(s->id), id);
		s->acked_seq = MAX_OF(s->acked_seq, (uint64_t)1);
	}
	return counted(s, spool_db_sync(&s->db));
}

void spool_stats(const struct spool *s, struct spool_stats *ret_stats)
{
	*ret_stats = (struct spool_stats){
		.unacked = s->committed.records,
		.last_seq = s->committed_seq,
		.acked_seq = s->acked_seq,
		.dropped_resolved = s->dropped_resolved,
		.dropped_superseded = s->dropped_superseded,
		.errors = s->errors,
		.bytes = s->committed.bytes,
	};
}
