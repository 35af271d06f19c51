/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/agent/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/storing.h"
#include "base/cleanup.h"

struct store {
	struct stage stage; /* for its folder only */
	char path[128], ballast[128];
	struct spool *spool;
	struct storing *storing;
	mono_ns_t now;
};

static void open_store(struct store *s, const char *boot_id)
{
	struct spool_options options = { .path = s->path, .max_records = 100000, .max_bytes = 64 << 20 };
	bool damaged;
	assert_ok(spool_open(&options, &s->spool, &damaged));
	assert_ok(storing_new(s->spool, boot_id, &s->storing));
}

static void close_store(struct store *s)
{
	storing_free(&s->storing);
	spool_close(&s->spool);
}

static int set_up(void **state)
{
	struct store *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	stage_open(&s->stage);
	assert_ok(mkdir(s->stage.state, 0755));
	snprintf(s->path, sizeof(s->path), "%s/spool.db", s->stage.state);
	snprintf(s->ballast, sizeof(s->ballast), "%s/ballast", s->stage.state);
	s->now = 1000 * NS_PER_S;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct store *s = *state;
	close_store(s);
	(void)umount2(s->stage.state, MNT_DETACH);
	stage_close(&s->stage);
	free(s);
	return 0;
}

static void put(struct store *s, unsigned n, uint64_t revision, enum finding_state state)
{
	AUTO(finding_free) struct finding *f = NULL;
	assert_ok(finding_new(&f));
	snprintf(f->id, sizeof(f->id), "fnd_%022u", n);
	f->revision = revision;
	f->state = state;
	f->rule = "lab.x";
	f->title = "a title";
	f->node = "stage";
	f->subject = (struct finding_entity){ .kind = ENTITY_NODE, .id = "stage", .name = "stage" };
	f->opened_at = f->changed_at = 1700000000ULL * NS_PER_S + n;
	f->rules_digest = "";
	storing_put(s->storing, f, 5 + n);
}

static int turn(struct store *s, uint64_t position)
{
	s->now += NS_PER_S / 5;
	return storing_commit(s->storing, position, s->now);
}

static void count_open(void *arg, const struct finding *f, mono_ns_t opened_mono)
{
	unsigned n = 0;
	assert_int_equal(sscanf(f->id, "fnd_%u", &n), 1);
	assert_int_equal(opened_mono, 5 + n);
	++*(unsigned *)arg;
}

static unsigned n_open(struct store *s)
{
	unsigned n = 0;
	assert_ok(spool_visit_open(s->spool, count_open, &n));
	return n;
}

static void test_findings_and_position_go_together(void **state)
{
	struct store *s = *state;
	open_store(s, "one");
	assert_false(storing_known_node(s->storing));
	assert_int_equal(storing_position(s->storing), 0);
	assert_int_equal(turn(s, 0), 0); /* the boot is noted */
	put(s, 1, 1, FINDING_OPEN);
	assert_int_equal(turn(s, 42), 1);
	assert_int_equal(turn(s, 42), 0);
	close_store(s);
	open_store(s, "one");
	assert_true(storing_same_boot(s->storing));
	assert_int_equal(storing_position(s->storing), 42);
	assert_int_equal(n_open(s), 1);
}

static void test_position_alone_once_a_second(void **state)
{
	struct store *s = *state;
	char text[32];
	open_store(s, "one");
	assert_int_equal(turn(s, 1), 0);
	for (uint64_t position = 2; position < 5; position++)
		assert_int_equal(turn(s, position), 0);
	assert_ok(spool_get(s->spool, "kernlog", text, sizeof(text)));
	assert_string_equal(text, "1");
	for (uint64_t position = 5; position < 9; position++)
		assert_int_equal(turn(s, position), 0);
	assert_ok(spool_get(s->spool, "kernlog", text, sizeof(text)));
	assert_true(strcmp(text, "1") != 0);
}

static void test_other_boot_forgets_the_position_in_its_first_transaction(void **state)
{
	struct store *s = *state;
	open_store(s, "one");
	assert_int_equal(turn(s, 99), 0);
	close_store(s);
	open_store(s, "two");
	assert_true(storing_known_node(s->storing));
	assert_false(storing_same_boot(s->storing));
	assert_int_equal(storing_position(s->storing), 0);
	close_store(s); /* killed before its first turn: still nobody has been here in this boot */
	open_store(s, "two");
	assert_false(storing_same_boot(s->storing));
	assert_int_equal(turn(s, 0), 0);
	close_store(s); /* killed before it read a line */
	open_store(s, "two");
	assert_true(storing_same_boot(s->storing));
	assert_int_equal(storing_position(s->storing), 0);
}

static bool small_disk(struct store *s)
{
	return mount("tmpfs", s->stage.state, "tmpfs", 0, "size=512k") == 0;
}

static void fill(struct store *s)
{
	static const char zeros[4096];
	AUTO_CLOSE int fd = open(s->ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
}

static void test_what_the_disk_refuses_waits_with_its_position(void **state)
{
	struct store *s = *state;
	char text[32];
	if (!small_disk(s))
		skip();
	open_store(s, "one");
	assert_int_equal(turn(s, 1), 0);
	fill(s);
	unsigned n = 0;
	int r = 0;
	while (r >= 0 && n < 2000) { /* the log of the database has some room of its own */
		put(s, n++, 1, FINDING_OPEN);
		r = turn(s, 1 + n);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(storing_error(s->storing), -ENOSPC);
	assert_int_equal(n_open(s), n - 1);
	put(s, n++, 1, FINDING_OPEN);
	assert_int_equal(turn(s, 1 + n), 0); /* not yet time to try again */
	struct storing_stats stats;
	storing_stats(s->storing, &stats);
	assert_int_equal(stats.waiting, 2);
	assert_int_equal(stats.failures, 1);
	/* What changes again meanwhile waits once. */
	put(s, n - 1, 2, FINDING_UPDATED);
	storing_stats(s->storing, &stats);
	assert_int_equal(stats.waiting, 2);
	assert_ok(unlink(s->ballast));
	s->now += STORING_RETRY_NS;
	assert_int_equal(turn(s, 1 + n), 1);
	assert_int_equal(storing_error(s->storing), 0);
	assert_int_equal(n_open(s), n);
	assert_ok(spool_get(s->spool, "kernlog", text, sizeof(text)));
	assert_int_equal(atoi(text), 1 + n);
	storing_stats(s->storing, &stats);
	assert_int_equal(stats.waiting, 0);
	assert_int_equal(stats.lost, 0);
}

static void test_what_waits_is_bounded_and_loss_is_counted(void **state)
{
	struct store *s = *state;
	if (!small_disk(s))
		skip();
	open_store(s, "one");
	assert_int_equal(turn(s, 1), 0);
	fill(s);
	unsigned n = 0;
	for (int r = 0; r >= 0 && n < 2000; r = turn(s, 1))
		put(s, n++, 1, FINDING_OPEN);
	assert_int_equal(storing_error(s->storing), -ENOSPC);
	for (unsigned i = 0; i < STORING_MAX + 100; i++)
		put(s, n++, 1, FINDING_OPEN);
	struct storing_stats stats;
	storing_stats(s->storing, &stats);
	assert_int_equal(stats.waiting, STORING_MAX);
	assert_int_equal(stats.lost, 101);
}

static void test_a_storm_in_one_turn_is_stored_whole(void **state)
{
	struct store *s = *state;
	open_store(s, "one");
	for (unsigned i = 0; i < STORING_MAX + 50; i++)
		put(s, i, 1, FINDING_OPEN);
	assert_int_equal(turn(s, 7), 1);
	assert_int_equal(n_open(s), STORING_MAX + 50);
	struct storing_stats stats;
	storing_stats(s->storing, &stats);
	assert_int_equal(stats.lost, 0);
	assert_int_equal(stats.waiting, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_findings_and_position_go_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_position_alone_once_a_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_boot_forgets_the_position_in_its_first_transaction, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_what_the_disk_refuses_waits_with_its_position, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_waits_is_bounded_and_loss_is_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_storm_in_one_turn_is_stored_whole, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
