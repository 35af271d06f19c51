// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "hub/writer.h"
#include "tests/hub/made.h"

/* A store that fails or waits on demand; keeps nothing but counts. */
struct fake {
	atomic_int fail;    /* -errno of commit */
	atomic_int blocked; /* commit waits while this is set */
	atomic_int commits, records, notes;
	int in_transaction;
};

static int fake_begin(void *state)
{
	((struct fake *)state)->in_transaction = 0;
	return 0;
}

static int fake_put(void *state, const struct record_batch *b, wall_ns_t now, struct store_counts *counts)
{
	(void)now;
	((struct fake *)state)->in_transaction += (int)b->n_records;
	counts->stored += b->n_records;
	return 0;
}

static int fake_note(void *state, const struct store_note *note)
{
	(void)note;
	atomic_fetch_add(&((struct fake *)state)->notes, 1);
	return 0;
}

static int fake_commit(void *state)
{
	struct fake *f = state;

	while (atomic_load(&f->blocked))
		(void)poll(NULL, 0, 1);
	if (atomic_load(&f->fail))
		return atomic_load(&f->fail);
	atomic_fetch_add(&f->commits, 1);
	atomic_fetch_add(&f->records, f->in_transaction);
	assert_true(f->in_transaction <= WRITER_MAX_GROUP);
	return 0;
}

static void fake_rollback(void *state)
{
	(void)state;
}

static const struct store_class fake_class = {
	.name = "fake",
	.begin = fake_begin,
	.put = fake_put,
	.note = fake_note,
	.commit = fake_commit,
	.rollback = fake_rollback,
};

struct bed {
	struct fake fake;
	struct store store;
	struct writer *writer;
	atomic_int stored, changed, room;
	atomic_ullong last_seq;
};

static void on_stored(void *arg, const struct record_batch *b)
{
	struct bed *bed = arg;

	/* in order, and only after the commit */
	assert_true(b->last_seq > atomic_load(&bed->last_seq));
	atomic_store(&bed->last_seq, b->last_seq);
	assert_true(atomic_load(&bed->fake.records) >= atomic_fetch_add(&bed->stored, 1) + 1);
}

static void on_changed(void *arg)
{
	atomic_fetch_add(&((struct bed *)arg)->changed, 1);
}

static void on_room(void *arg)
{
	atomic_fetch_add(&((struct bed *)arg)->room, 1);
}

static void start(struct bed *b, size_t max_records)
{
	struct writer_hooks hooks = { on_stored, on_changed, on_room, b };

	*b = (struct bed){ .store = { &fake_class, &b->fake } };
	assert_ok(writer_new(&b->store, &hooks, max_records, 64 << 20, &b->writer));
}

static int put(struct bed *b, uint64_t seq)
{
	AUTO(finding_free) struct finding *f = made_finding("n1", (unsigned)seq, 1, FINDING_OPEN, SEVERITY_INFO);
	AUTO(record_batch_free) struct record_batch *batch = made_batch("s", seq, f);

	return writer_put(b->writer, &batch);
}

/* Bounded: 20 s, then the test fails. */
static void wait_until(atomic_int *what, int at_least)
{
	for (int i = 0; i < 20000 && atomic_load(what) < at_least; i++)
		(void)poll(NULL, 0, 1);
	assert_true(atomic_load(what) >= at_least);
}

static void groups_are_committed_and_told_in_order(void **state)
{
	struct bed b;

	(void)state;
	start(&b, 10000);
	for (uint64_t seq = 1; seq <= 3000; seq++)
		assert_ok(put(&b, seq));
	wait_until(&b.stored, 3000);
	assert_int_equal(atomic_load(&b.last_seq), 3000);
	assert_true(atomic_load(&b.fake.commits) < 1000); /* in groups, not one by one */
	assert_true(atomic_load(&b.changed) >= 1);
	assert_int_equal(atomic_load(&b.room), 0);
	writer_free(&b.writer);
}

static void a_full_queue_refuses_and_calls_when_there_is_room(void **state)
{
	struct bed b;
	uint64_t seq = 1;

	(void)state;
	start(&b, 100);
	atomic_store(&b.fake.blocked, 1);
	while (put(&b, seq) == 0)
		assert_true(++seq < 5000);
	assert_true(seq > 100);
	assert_int_equal(atomic_load(&b.room), 0);
	atomic_store(&b.fake.blocked, 0);
	wait_until(&b.room, 1);
	assert_ok(put(&b, seq));
	wait_until(&b.stored, (int)seq);
	writer_free(&b.writer);
}

static void a_failing_store_acks_nothing_and_recovers(void **state)
{
	struct writer_stats stats;
	struct bed b;

	(void)state;
	start(&b, 1000);
	atomic_store(&b.fake.fail, -ENOSPC);
	assert_ok(put(&b, 1));
	for (int i = 0; i < 20000; i++) {
		writer_stats(b.writer, &stats);
		if (stats.failures)
			break;
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(stats.last_error, -ENOSPC);
	assert_int_equal(atomic_load(&b.stored), 0);
	atomic_store(&b.fake.fail, 0);
	wait_until(&b.stored, 1);
	writer_stats(b.writer, &stats);
	assert_int_equal(stats.last_error, 0);
	assert_int_equal(stats.queued_records, 0);
	assert_int_equal(stats.queued_bytes, 0);
	writer_free(&b.writer);
}

static void stopping_commits_what_is_queued(void **state)
{
	struct store_note note = { .node = "n1", .seen_at = 1, .evaluated = -1, .status = "connected" };
	struct bed b;

	(void)state;
	start(&b, 1000);
	for (uint64_t seq = 1; seq <= 50; seq++)
		assert_ok(put(&b, seq));
	assert_ok(writer_note(b.writer, &note));
	writer_free(&b.writer);
	assert_int_equal(atomic_load(&b.stored), 50);
	assert_int_equal(atomic_load(&b.fake.notes), 1);
}

static void stopping_gives_up_on_a_failing_store(void **state)
{
	struct bed b;

	(void)state;
	start(&b, 1000);
	atomic_store(&b.fake.fail, -EIO);
	assert_ok(put(&b, 1));
	writer_free(&b.writer);
	assert_int_equal(atomic_load(&b.stored), 0);
}

/* ---- kill -9 ---- */

static int ack_fd;

static void tell_ack(void *arg, const struct record_batch *b)
{
	(void)arg;
	assert_int_equal(write(ack_fd, &b->last_seq, sizeof(b->last_seq)), sizeof(b->last_seq));
}

static void nothing(void *arg)
{
	(void)arg;
}

/* The child: takes records after what is stored, says what was acked, until it is killed. Each finding comes in three
 * revisions. */
static void be_a_hub(const char *url, int fd)
{
	const struct writer_hooks hooks = { tell_ack, nothing, nothing, NULL };
	struct store store;
	struct store_reader reader;
	struct writer *w;
	uint64_t seq;
	char why[256];

	ack_fd = fd;
	if (store_open(url, why, sizeof(why), &store) < 0 || store_reader_open(&store, &reader) < 0 ||
	    reader.class->position(reader.state, "n1", "s", &seq) < 0 || writer_new(&store, &hooks, 500, 64 << 20, &w) < 0)
		_exit(9);
	for (;;) {
		AUTO(finding_free) struct finding *f = NULL;
		AUTO(record_batch_free) struct record_batch *b = NULL;

		seq++;
		f = made_finding("n1", (unsigned)((seq + 2) / 3), (seq + 2) % 3 + 1, FINDING_OPEN, SEVERITY_INFO);
		b = made_batch("s", seq, f);
		while (writer_put(w, &b) < 0)
			(void)poll(NULL, 0, 1);
	}
}

struct census {
	uint64_t n;
};

static int count_row(void *arg, const struct store_row *row)
{
	struct census *c = arg;

	(void)row;
	c->n++;
	return 0;
}

/* After the death: all that was acked is there, once; and the store is whole. */
static void check(const char *url, uint64_t acked, uint64_t *ret_position)
{
	struct store store = { 0 };
	struct store_reader reader;
	struct store_filter filter = { .kind = STORE_NO_KIND, .order = STORE_BY_CHANGE };
	struct store_totals totals;
	struct census census = { 0 };
	char why[256] = "";

	assert_int_equal(store_open(url, why, sizeof(why), &store), 0);
	assert_ok(store_reader_open(&store, &reader));
	assert_ok(reader.class->position(reader.state, "n1", "s", ret_position));
	assert_true(*ret_position >= acked);
	assert_ok(reader.class->visit(reader.state, &filter, count_row, &census));
	assert_ok(reader.class->totals(reader.state, &totals));
	/* Each change was stored exactly once: as many changes as records, a finding for every three. */
	assert_int_equal(totals.change, *ret_position);
	assert_int_equal(census.n, (*ret_position + 2) / 3);
	store_reader_close(&reader);
	store_close(&store);
}

static uint64_t live_and_die(const char *url, unsigned acks_before_death)
{
	uint64_t acked = 0, got;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(fds[0]);
		be_a_hub(url, fds[1]);
		_exit(0);
	}
	(void)close(fds[1]);
	for (unsigned i = 0; i < acks_before_death && read(fds[0], &got, sizeof(got)) == sizeof(got); i++)
		acked = got;
	/* Somewhere within the next commit. */
	(void)poll(NULL, 0, rand() % 8);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (read(fds[0], &got, sizeof(got)) == sizeof(got))
		acked = got;
	(void)close(fds[0]);
	return acked;
}

static void nothing_acked_is_lost_and_nothing_doubled(void **state)
{
	char *folder = made_folder(), *url;
	uint64_t position = 0, before = 0;

	(void)state;
	srand(20231);
	assert_true(asprintf(&url, "sqlite:%s/hub.db", folder) > 0);
	for (int round = 0; round < 50; round++) {
		uint64_t acked = live_and_die(url, 1 + (unsigned)rand() % 400);

		assert_true(acked > before);
		check(url, acked, &position);
		before = position;
	}
	free(url);
	made_folder_gone(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_committed_and_told_in_order),
		cmocka_unit_test(a_full_queue_refuses_and_calls_when_there_is_room),
		cmocka_unit_test(a_failing_store_acks_nothing_and_recovers),
		cmocka_unit_test(stopping_commits_what_is_queued),
		cmocka_unit_test(stopping_gives_up_on_a_failing_store),
		cmocka_unit_test(nothing_acked_is_lost_and_nothing_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
