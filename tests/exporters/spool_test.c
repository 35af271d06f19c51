// SPDX-License-Identifier: Apache-2.0
#include "exporters/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "proto/convert.h"
#include "tests/exporters/made.h"
#include "tests/test.h"

#define AUTO_SPOOL AUTO(spool_close)

struct place {
	char folder[64], path[80];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	made_folder(p->folder);
	(void)snprintf(p->path, sizeof(p->path), "%s/spool.db", p->folder);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	made_folder_remove(p->folder);
	free(p);
	return 0;
}

static struct spool *open_with(const struct place *p, uint64_t max_records, uint64_t max_bytes)
{
	struct spool_options o = {.path = p->path, .max_records = max_records, .max_bytes = max_bytes};
	struct spool *s = NULL;
	bool damaged = true;

	assert_ok(spool_open(&o, &s, &damaged));
	assert_false(damaged);
	return s;
}

static struct spool *open_spool(const struct place *p)
{
	return open_with(p, 100000, 64 << 20);
}

static void put(struct spool *s, unsigned n, uint64_t revision, enum finding_state state)
{
	AUTO(finding_free) struct finding *f = made_finding(n, revision, state);

	assert_ok(spool_put(s, f, n * 100));
}

static void tick(struct spool *s, unsigned n, uint64_t revision, enum finding_state state)
{
	assert_ok(spool_begin(s));
	put(s, n, revision, state);
	assert_ok(spool_commit(s));
}

struct list {
	uint64_t seq[2000], revision[2000];
	unsigned n[2000];
	mono_ns_t opened[2000];
	size_t len;
	int stop_after;
};

static int list_record(void *arg, const struct spool_record *r)
{
	struct list *l = arg;
	AUTO(finding_free) struct finding *f = NULL;

	assert_ok(finding_unpack(r->data, r->n, &f, NULL));
	l->seq[l->len] = r->seq;
	l->revision[l->len] = f->revision;
	l->n[l->len++] = made_number(f);
	return l->stop_after && (int)l->len == l->stop_after ? -EINTR : 0;
}

static void list_open(void *arg, const struct finding *f, mono_ns_t opened_mono)
{
	struct list *l = arg;

	l->revision[l->len] = f->revision;
	l->opened[l->len] = opened_mono;
	l->n[l->len++] = made_number(f);
}

static void list_history(void *arg, const struct finding *f)
{
	list_open(arg, f, 0);
}

static struct list *unacked(struct spool *s, uint64_t after, size_t max_n, size_t max_bytes)
{
	static struct list l;

	memset(&l, 0, sizeof(l));
	assert_ok(spool_visit_unacked(s, after, max_n, max_bytes, list_record, &l));
	return &l;
}

static struct list *all_unacked(struct spool *s)
{
	return unacked(s, 0, 2000, SIZE_MAX);
}

/* ---- the way to the hub ---- */

static void records_leave_in_order_and_are_forgotten_when_acked(void **state)
{
	AUTO_SPOOL struct spool *s = open_spool(*state);
	struct spool_stats stats;
	struct list *l;
	uint64_t third;

	for (unsigned n = 1; n <= 5; n++)
		tick(s, n, 1, FINDING_OPEN);
	l = all_unacked(s);
	assert_int_equal(l->len, 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(l->n[i], i + 1);
		assert_true(i == 0 || l->seq[i] > l->seq[i - 1]);
	}
	third = l->seq[2];
	assert_int_equal(unacked(s, third, 100, SIZE_MAX)->n[0], 4);
	assert_int_equal(unacked(s, 0, 2, SIZE_MAX)->len, 2);
	assert_int_equal(unacked(s, 0, 100, 1)->len, 1); /* one at least, else nothing would ever leave */
	assert_ok(spool_ack(s, third));
	assert_int_equal(all_unacked(s)->len, 2);
	assert_ok(spool_ack(s, third - 1)); /* cumulative: an old ack changes nothing */
	spool_stats(s, &stats);
	assert_int_equal(stats.acked_seq, third);
	assert_int_equal(stats.unacked, 2);
	assert_ok(spool_ack(s, UINT64_MAX)); /* a confused hub */
	spool_stats(s, &stats);
	assert_int_equal(stats.acked_seq, stats.last_seq);
	assert_int_equal(stats.unacked, 0);
	assert_int_equal(stats.bytes, 0);
}

static void a_visitor_may_stop(void **state)
{
	AUTO_SPOOL struct spool *s = open_spool(*state);
	struct list l = {.stop_after = 2};

	for (unsigned n = 1; n <= 5; n++)
		tick(s, n, 1, FINDING_OPEN);
	assert_err(spool_visit_unacked(s, 0, 100, SIZE_MAX, list_record, &l), EINTR);
	assert_int_equal(l.len, 2);
	tick(s, 6, 1, FINDING_OPEN); /* no statement is left open */
}

static void a_number_is_never_used_twice(void **state)
{
	uint64_t last = 0;
	char id[40] = "";

	for (int round = 0; round < 3; round++) {
		AUTO_SPOOL struct spool *s = open_spool(*state);
		struct spool_stats stats;

		assert_true(round == 0 || strcmp(id, spool_id(s)) == 0);
		(void)snprintf(id, sizeof(id), "%s", spool_id(s));
		assert_int_equal(strlen(id), 32);
		spool_stats(s, &stats);
		assert_true(stats.last_seq >= last);
		tick(s, 1, 1 + (uint64_t)round, FINDING_OPEN);
		assert_true(all_unacked(s)->seq[0] > last);
		last = all_unacked(s)->seq[0];
		assert_ok(spool_ack(s, last));
	}
}

static struct spool *open_as(const struct place *p, const char *node)
{
	struct spool_options o = {.path = p->path, .max_records = 100, .max_bytes = 1 << 20, .node = node};
	struct spool *s = NULL;
	bool damaged = true;

	assert_ok(spool_open(&o, &s, &damaged));
	assert_false(damaged);
	return s;
}

/* The hub would leave out every record of the old name, and the ids it knows are the old node's. */
static void a_renamed_node_begins_anew(void **state)
{
	char id[40], value[40];
	uint64_t last;

	{
		AUTO_SPOOL struct spool *s = open_spool(*state); /* before nodes were noted */
		tick(s, 1, 1, FINDING_OPEN);
	}
	{
		AUTO_SPOOL struct spool *s = open_as(*state, "n1");
		assert_int_equal(all_unacked(s)->len, 1);
	}
	{
		AUTO_SPOOL struct spool *s = open_as(*state, "n1");
		assert_int_equal(all_unacked(s)->len, 1);
		last = all_unacked(s)->seq[0];
		(void)snprintf(id, sizeof(id), "%s", spool_id(s));
	}
	{
		AUTO_SPOOL struct spool *s = open_as(*state, "n2");
		struct spool_stats stats;

		assert_int_equal(all_unacked(s)->len, 0);
		assert_string_not_equal(spool_id(s), id);
		assert_err(spool_get(s, "boot_id", value, sizeof(value)), ENOENT);
		assert_ok(spool_get(s, "node", value, sizeof(value)));
		assert_string_equal(value, "n2");
		spool_stats(s, &stats);
		assert_int_equal(stats.unacked, 0);
		tick(s, 2, 1, FINDING_OPEN);
		assert_true(all_unacked(s)->seq[0] > last);
	}
}

/* ---- what survives ---- */

static void a_tick_without_commit_never_was(void **state)
{
	AUTO_SPOOL struct spool *s = open_spool(*state);
	char value[16];

	assert_ok(spool_begin(s));
	assert_ok(spool_set(s, "kernlog", "10"));
	assert_ok(spool_commit(s));
	assert_ok(spool_begin(s));
	put(s, 1, 1, FINDING_OPEN);
	assert_ok(spool_set(s, "kernlog", "11"));
	spool_close(&s);
	s = open_spool(*state);
	assert_ok(spool_get(s, "kernlog", value, sizeof(value)));
	assert_string_equal(value, "10");
	assert_int_equal(all_unacked(s)->len, 0);
	assert_err(spool_get(s, "nothing", value, sizeof(value)), ENOENT);
}

static void open_findings_come_back(void **state)
{
	AUTO_SPOOL struct spool *s = open_spool(*state);
	struct list l = {0};

	tick(s, 1, 1, FINDING_OPEN);
	tick(s, 2, 1, FINDING_OPEN);
	tick(s, 3, 1, FINDING_OPEN);
	tick(s, 1, 2, FINDING_UPDATED);
	tick(s, 2, 2, FINDING_RESOLVED);
	spool_close(&s);
	s = open_spool(*state);
	assert_ok(spool_visit_open(s, list_open, &l));
	assert_int_equal(l.len, 2);
	assert_int_equal(l.n[0], 1);
	assert_int_equal(l.revision[0], 2);
	assert_int_equal(l.opened[0], 100);
	assert_int_equal(l.n[1], 3);
	assert_int_equal(all_unacked(s)->len, 5);
}

static void history_is_newest_first_and_ends_after_a_day(void **state)
{
	AUTO_SPOOL struct spool *s = open_spool(*state);
	struct list l = {0};

	tick(s, 1, 1, FINDING_RESOLVED);
	tick(s, 2, 1, FINDING_OPEN);
	tick(s, 100, 2, FINDING_RESOLVED);
	assert_ok(spool_visit_history(s, 0, 100, list_history, &l));
	assert_int_equal(l.len, 3);
	assert_int_equal(l.n[0], 100);
	assert_int_equal(l.n[2], 1);
	l.len = 0;
	assert_ok(spool_visit_history(s, (1000000000ULL + 100) * NS_PER_S, 100, list_history, &l));
	assert_int_equal(l.len, 1);
	l.len = 0;
	tick(s, 24 * 3600 + 50, 1, FINDING_OPEN);
	assert_ok(spool_visit_history(s, 0, 100, list_history, &l));
	assert_int_equal(l.len, 3); /* 1 is gone; 2 is old, but open; 100 is not a day old */
	assert_int_equal(l.n[1], 100);
	assert_int_equal(l.n[2], 2);
}

/* ---- overflow ---- */

static void resolved_ones_go_first_and_whole(void **state)
{
	AUTO_SPOOL struct spool *s = open_with(*state, 64, 64 << 20);
	struct spool_stats stats;
	struct list *l;

	/* 1..10 open and resolve here; 11 opens, changes often and stays; 12 was open at the hub, and resolves. */
	tick(s, 12, 1, FINDING_OPEN);
	assert_ok(spool_ack(s, all_unacked(s)->seq[0]));
	tick(s, 12, 2, FINDING_RESOLVED);
	for (unsigned n = 1; n <= 10; n++) {
		tick(s, n, 1, FINDING_OPEN);
		tick(s, n, 2, FINDING_RESOLVED);
	}
	for (uint64_t revision = 1; revision <= 44; revision++)
		tick(s, 11, revision, revision == 1 ? FINDING_OPEN : FINDING_UPDATED);
	spool_stats(s, &stats);
	assert_int_equal(stats.dropped_resolved, 4); /* 65 > 64: down to 62, by whole findings */
	assert_int_equal(stats.dropped_superseded, 0);
	assert_int_equal(stats.unacked, 61);
	l = all_unacked(s);
	assert_int_equal(l->n[0], 12);
	assert_int_equal(l->n[1], 3); /* 1 and 2 are gone, as if they had never been */
}

static void then_superseded_changes_never_the_latest_of_an_open_one(void **state)
{
	AUTO_SPOOL struct spool *s = open_with(*state, 64, 64 << 20);
	struct spool_stats stats;
	struct list *l;
	bool seen[100] = {0};

	tick(s, 99, 1, FINDING_OPEN);
	assert_ok(spool_ack(s, all_unacked(s)->seq[0]));
	tick(s, 99, 2, FINDING_RESOLVED); /* the hub believes it open */
	for (unsigned n = 1; n <= 40; n++)
		tick(s, n, 1, FINDING_OPEN);
	for (unsigned n = 1; n <= 40; n++)
		tick(s, n, 2, FINDING_UPDATED);
	spool_stats(s, &stats);
	assert_true(stats.unacked <= 64);
	assert_int_equal(stats.dropped_resolved, 0);
	assert_true(stats.dropped_superseded >= 17);
	l = all_unacked(s);
	for (size_t i = 0; i < l->len; i++)
		seen[l->n[i]] |= l->revision[i] == 2;
	for (unsigned n = 1; n <= 40; n++)
		assert_true(seen[n]);
	assert_true(seen[99]);
	for (unsigned n = 41; n <= 80; n++) /* more open ones than there is room: none of them is dropped */
		tick(s, n, 2, FINDING_OPEN);
	l = all_unacked(s);
	assert_int_equal(l->len, 80);
	spool_stats(s, &stats);
	assert_int_equal(stats.dropped_resolved, 1); /* 99 had to go in the end */
}

static void bytes_are_a_bound_too(void **state)
{
	AUTO_SPOOL struct spool *s = open_with(*state, 100000, 4000);
	struct spool_stats stats;

	for (unsigned n = 1; n <= 100; n++) {
		tick(s, n, 1, FINDING_OPEN);
		tick(s, n, 2, FINDING_RESOLVED);
		spool_stats(s, &stats);
		assert_true(stats.bytes <= 4000);
	}
	assert_true(stats.unacked > 10 && stats.dropped_resolved > 100);
	assert_int_equal(stats.unacked + stats.dropped_resolved, 200);
	spool_close(&s);
	s = open_with(*state, 100000, 4000);
	struct spool_stats again;

	spool_stats(s, &again);
	assert_int_equal(again.bytes, stats.bytes); /* counted anew from the file */
	assert_int_equal(again.unacked, stats.unacked);
}

/* ---- being killed ---- */

static void work_until_killed(const struct place *p)
{
	struct spool *s = open_spool(p);
	char value[32] = "0";
	uint64_t position;

	(void)spool_get(s, "position", value, sizeof(value));
	assert_ok(text_parse_u64(value, &position));
	for (;;) {
		unsigned findings = 1 + position % 3;

		assert_ok(spool_begin(s));
		for (unsigned i = 0; i < findings; i++)
			put(s, (unsigned)++position, 1, FINDING_OPEN);
		(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)position);
		assert_ok(spool_set(s, "position", value));
		assert_ok(spool_commit(s));
	}
}

static void killed_fifty_times_none_lost_none_doubled(void **state)
{
	struct place *p = *state;
	uint64_t position, last = 0;
	char value[32] = "";
	size_t n = 0;

	for (int round = 0; round < 50; round++) {
		struct timespec wait = {0, 2000000 + rand() % 25000000};
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0) {
			work_until_killed(p);
			_exit(1);
		}
		(void)nanosleep(&wait, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status)); /* it did not fail by itself */
	}
	AUTO_SPOOL struct spool *s = open_spool(p);

	assert_ok(spool_get(s, "position", value, sizeof(value)));
	assert_ok(text_parse_u64(value, &position));
	assert_true(position > 100);
	for (;;) {
		struct list *l = unacked(s, last, 1000, SIZE_MAX);

		if (l->len == 0)
			break;
		for (size_t i = 0; i < l->len; i++) {
			assert_int_equal(l->n[i], ++n);
			assert_true(l->seq[i] > last);
			last = l->seq[i];
		}
	}
	assert_int_equal(n, position);
}

/* ---- files that are not as they should be ---- */

static void spoil(const char *path, off_t at)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY);
	char junk[4096];

	memset(junk, 0x5a, sizeof(junk));
	assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
}

static size_t count_damaged(const struct place *p)
{
	AUTO_CLOSEDIR DIR *d = opendir(p->folder);
	struct dirent *e;
	size_t n = 0;

	while ((e = readdir(d)))
		n += strstr(e->d_name, ".damaged-") != NULL;
	return n;
}

static void a_damaged_file_is_moved_aside(void **state)
{
	struct place *p = *state;
	struct spool_options o = {.path = p->path, .max_records = 100, .max_bytes = 1 << 20};

	for (int round = 0; round < 2; round++) {
		AUTO_SPOOL struct spool *s = open_spool(p);
		char old[40];
		bool damaged = false;

		for (unsigned n = 1; n <= 20; n++)
			tick(s, n, 1, FINDING_OPEN);
		(void)snprintf(old, sizeof(old), "%s", spool_id(s));
		spool_close(&s);
		spoil(p->path, round == 0 ? 0 : 8192); /* the header; a page of a table */
		assert_ok(spool_open(&o, &s, &damaged));
		assert_true(damaged);
		assert_string_not_equal(spool_id(s), old);
		assert_int_equal(all_unacked(s)->len, 0);
		assert_int_equal(count_damaged(p), 1);
	}
}

static void two_agents_do_not_share(void **state)
{
	struct place *p = *state;
	AUTO_SPOOL struct spool *s = open_spool(p), *other = NULL;
	struct spool_options o = {.path = p->path, .max_records = 100, .max_bytes = 1 << 20};
	bool damaged;

	assert_err(spool_open(&o, &other, &damaged), EBUSY);
	tick(s, 1, 1, FINDING_OPEN);
}

static void a_newer_file_is_left_alone(void **state)
{
	struct place *p = *state;
	struct spool_options o = {.path = p->path, .max_records = 100, .max_bytes = 1 << 20};
	AUTO_SPOOL struct spool *s = open_spool(p);
	sqlite3 *db = NULL;
	bool damaged;

	spool_close(&s);
	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 9", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_err(spool_open(&o, &s, &damaged), EPROTONOSUPPORT);
	assert_int_equal(count_damaged(p), 0);
}

static void a_folder_that_is_not_there(void **state UNUSED)
{
	struct spool_options o = {.path = "/nonexistent/spool.db", .max_records = 100, .max_bytes = 1 << 20};
	struct spool *s = NULL;
	bool damaged;

	assert_err(spool_open(&o, &s, &damaged), ENOENT);
	assert_null(s);
}

/* ---- a full disk ---- */

static int fill_tick(struct spool *s, unsigned n)
{
	int r = spool_begin(s);

	for (unsigned i = 0; r == 0 && i < 20; i++) {
		AUTO(finding_free) struct finding *f = made_finding(n + i, 1, FINDING_OPEN);

		f->title =
			"a title that needs some room on the disk, as those of real findings do";
		r = spool_put(s, f, 1);
	}
	/* What failed is rolled back by commit. */
	int committed = spool_commit(s);

	return r < 0 ? r : committed;
}

static void a_full_disk_is_said_and_survived(void **state)
{
	struct place *p = *state;
	struct spool_options o = {.path = p->path, .max_records = 100000, .max_bytes = 64 << 20};
	struct spool *s = NULL;
	struct spool_stats stats;
	char ballast[80], value[8];
	unsigned n = 0;
	size_t stored = 0;
	bool damaged;
	int fd, r = 0;

	if (mount("why-test", p->folder, "tmpfs", 0, "size=2m") < 0)
		skip();
	assert_ok(spool_open(&o, &s, &damaged));
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast", p->folder);
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0 && ftruncate(fd, 0) == 0 && posix_fallocate(fd, 0, 1 << 20) == 0);
	for (; r == 0 && n < 20000; n += 20) {
		r = fill_tick(s, n);
		stored += r == 0 ? 20 : 0;
	}
	assert_int_equal(r, -ENOSPC);
	assert_true(stored > 100);
	spool_stats(s, &stats);
	assert_int_equal(stats.unacked, stored);
	assert_true(stats.errors > 0);
	assert_err(fill_tick(s, n), ENOSPC);
	assert_ok(ftruncate(fd, 0)); /* space is back */
	assert_ok(fill_tick(s, n));
	assert_ok(spool_begin(s));
	assert_ok(spool_set(s, "a", "b"));
	assert_ok(spool_commit(s));
	spool_close(&s);
	s = open_spool(p);
	assert_ok(spool_get(s, "a", value, sizeof(value)));
	spool_stats(s, &stats);
	assert_int_equal(stats.unacked, stored + 20);
	spool_close(&s);
	(void)close(fd);
	assert_ok(umount2(p->folder, MNT_DETACH));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)
		TEST(records_leave_in_order_and_are_forgotten_when_acked),
		TEST(a_visitor_may_stop),
		TEST(a_number_is_never_used_twice),
		TEST(a_renamed_node_begins_anew),
		TEST(a_tick_without_commit_never_was),
		TEST(open_findings_come_back),
		TEST(history_is_newest_first_and_ends_after_a_day),
		TEST(resolved_ones_go_first_and_whole),
		TEST(then_superseded_changes_never_the_latest_of_an_open_one),
		TEST(bytes_are_a_bound_too),
		TEST(killed_fifty_times_none_lost_none_doubled),
		TEST(a_damaged_file_is_moved_aside),
		TEST(two_agents_do_not_share),
		TEST(a_newer_file_is_left_alone),
		cmocka_unit_test(a_folder_that_is_not_there),
		TEST(a_full_disk_is_said_and_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
