/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/agent/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "proto/convert.h"
#include "rules/replay.h"

struct ring {
	struct stage stage; /* for its folder only, except in the last test */
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	struct recorder *recorder;
	mono_ns_t now;
};

static void open_recorder(struct ring *r, uint64_t max_bytes)
{
	assert_ok(recorder_open(r->stage.state, r->metrics, "stage", "boot-one", max_bytes, &r->recorder));
}

static int set_up(void **state)
{
	struct ring *r = calloc(1, sizeof(*r));
	uint32_t first[COLLECTING_MAX];
	assert_non_null(r);
	stage_open(&r->stage);
	assert_ok(mkdir(r->stage.state, 0755));
	assert_ok(metrics_new(&r->metrics));
	assert_ok(collectors_register(r->metrics, first, COLLECTING_MAX));
	assert_ok(graph_new(1000, "stage", &r->graph));
	assert_ok(batch_new(r->graph, 5000, 100, 5000, &r->batch));
	r->now = 1000 * NS_PER_S;
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct ring *r = *state;
	recorder_close(&r->recorder);
	batch_free(&r->batch);
	graph_free(&r->graph);
	metrics_free(&r->metrics);
	stage_kill(&r->stage);
	(void)umount2(r->stage.state, MNT_DETACH);
	stage_close(&r->stage);
	free(r);
	return 0;
}

/* A second passes, with n samples. */
static int put(struct ring *r, unsigned n)
{
	r->now += NS_PER_S;
	batch_reset(r->batch, r->now);
	uint32_t metric = metrics_find(r->metrics, "whyd.memory");
	assert_int_not_equal(metric, METRIC_NONE);
	for (unsigned i = 0; i < n; i++)
		batch_sample(r->batch, metric, graph_node(r->graph), (double)(i * r->now));
	return recorder_put(r->recorder, r->batch, r->now);
}

struct names {
	char name[64][64];
	size_t n;
	uint64_t bytes;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void list(const struct ring *r, const char *folder, struct names *ret_names)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", r->stage.state, folder);
	memset(ret_names, 0, sizeof(*ret_names));
	AUTO_CLOSEDIR DIR *dir = opendir(path);
	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir));) {
		struct stat st;
		if (e->d_name[0] == '.')
			continue;
		assert_true(ret_names->n < 64 && strlen(e->d_name) < 64);
		strcpy(ret_names->name[ret_names->n++], e->d_name);
		assert_ok(fstatat(dirfd(dir), e->d_name, &st, 0));
		ret_names->bytes += (uint64_t)st.st_size;
	}
	qsort(ret_names->name, ret_names->n, sizeof(ret_names->name[0]), by_name);
}

static void test_a_segment_a_minute_sixteen_are_kept(void **state)
{
	struct ring *r = *state;
	struct names names;
	open_recorder(r, 64 << 20);
	for (unsigned i = 0; i < 60 * 20; i++)
		assert_ok(put(r, 1));
	list(r, "recorder", &names);
	assert_int_equal(names.n, RECORDER_SEGMENTS);
	assert_string_equal(names.name[0], "000000000004.why");
	assert_string_equal(names.name[15], "000000000019.why");
}

static void test_bytes_are_bounded_and_the_newest_stay(void **state)
{
	struct ring *r = *state;
	struct names names;
	open_recorder(r, 1 << 20);
	for (unsigned i = 0; i < 400; i++)
		assert_ok(put(r, 1000));
	list(r, "recorder", &names);
	assert_in_range(names.bytes, 1 << 19, (1 << 20) + (64 << 10));
	assert_true(names.n > 1);
}

static void test_restart_goes_on_behind_what_there_is(void **state)
{
	struct ring *r = *state;
	struct names names;
	open_recorder(r, 64 << 20);
	assert_ok(put(r, 1));
	recorder_close(&r->recorder);
	open_recorder(r, 64 << 20);
	assert_ok(put(r, 1));
	list(r, "recorder", &names);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.name[1], "000000000001.why");
}

static void test_kept_recording_survives_the_ring_and_the_oldest_goes(void **state)
{
	struct ring *r = *state;
	struct names names;
	open_recorder(r, 64 << 20);
	assert_ok(put(r, 1));
	assert_ok(recorder_keep(r->recorder, "fnd_first"));
	assert_ok(recorder_keep(r->recorder, "fnd_first"));
	for (unsigned i = 0; i < 60 * 20; i++)
		assert_ok(put(r, 1));
	list(r, "recordings/fnd_first", &names);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.name[0], "000000000000.why"); /* gone from the ring */
	assert_true(names.bytes > 0);

	struct timespec old[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
	char path[256];
	snprintf(path, sizeof(path), "%s/recordings/fnd_first", r->stage.state);
	assert_ok(utimensat(AT_FDCWD, path, old, 0));
	for (unsigned i = 0; i < RECORDER_MAX_KEPT; i++) {
		char name[32];
		snprintf(name, sizeof(name), "fnd_%02u", i);
		assert_ok(recorder_keep(r->recorder, name));
	}
	list(r, "recordings", &names);
	assert_int_equal(names.n, RECORDER_MAX_KEPT);
	for (size_t i = 0; i < names.n; i++)
		assert_string_not_equal(names.name[i], "fnd_first");
}

/* A minute a try: after a quarter of an hour of a full disk nothing would be left of what came before it. */
static void test_full_disk_pauses_and_spares_what_is_recorded(void **state)
{
	struct ring *r = *state;
	struct names before, after;
	static const char zeros[4096];
	if (mount("tmpfs", r->stage.state, "tmpfs", 0, "size=256k") < 0)
		skip();
	open_recorder(r, 64 << 20);
	for (unsigned i = 0; i < 130; i++)
		assert_ok(put(r, 1));
	list(r, "recorder", &before);
	assert_int_equal(before.n, 3);
	char ballast[128];
	snprintf(ballast, sizeof(ballast), "%s/ballast", r->stage.state);
	AUTO_CLOSE int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	unsigned refused = 0;
	for (unsigned i = 0; i < 60 * 30; i++)
		refused += put(r, 1) == -ENOSPC;
	assert_in_range(refused, 20, 31); /* once a minute, not once a second */
	list(r, "recorder", &after);
	assert_int_equal(after.n, before.n);
	assert_string_equal(after.name[0], before.name[0]);
	struct recorder_stats stats;
	recorder_stats(r->recorder, &stats);
	assert_int_equal(stats.errors, refused);
	assert_true(stats.missed_ticks > 60 * 25);
	assert_ok(unlink(ballast));
	assert_ok(ftruncate(fd, 0));
	for (unsigned i = 0; i < 70; i++)
		assert_ok(put(r, 1));
	list(r, "recorder", &after);
	assert_true(after.n > before.n);
}

static void test_no_folder_is_an_error(void **state)
{
	struct ring *r = *state;
	struct recorder *none = NULL;
	assert_err(recorder_open("/proc/self/nowhere", r->metrics, "n", "b", 1 << 20, &none), ENOENT);
	assert_null(none);
}

/* ---- what was recorded, replayed, gives what was spooled ---- */

struct told {
	struct buf json;
	size_t n;
};

static void tell(void *arg, const struct finding *f)
{
	struct told *t = arg;
	struct json j;
	json_init(&j, &t->json);
	finding_write_json(f, &j);
	assert_ok(json_end(&j));
	assert_ok(buf_add_text(&t->json, "\n"));
	t->n++;
}

static int tell_record(void *arg, const struct spool_record *record)
{
	AUTO(finding_free) struct finding *f = NULL;
	assert_ok(finding_unpack(record->data, record->n, &f, NULL));
	tell(arg, f);
	return 0;
}

static void read_segments(const struct ring *r, const char *folder, struct buf *out)
{
	struct names names;
	list(r, folder, &names);
	for (size_t i = 0; i < names.n; i++) {
		char path[256];
		static uint8_t bytes[1 << 20];
		snprintf(path, sizeof(path), "%s/%s/%s", r->stage.state, folder, names.name[i]);
		AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, bytes, sizeof(bytes));
		assert_true(n > 0);
		assert_ok(buf_add(out, bytes, (size_t)n));
	}
}

static void read_spool(const struct ring *r, struct told *ret_told)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/spool.db", r->stage.state);
	struct spool_options options = { .path = path, .max_records = 1000, .max_bytes = 1 << 20 };
	AUTO(spool_close) struct spool *spool = NULL;
	bool damaged;
	assert_ok(spool_open(&options, &spool, &damaged));
	assert_ok(spool_visit_unacked(spool, 0, 1000, 1 << 20, tell_record, ret_told));
}

static void live_a_little(struct ring *r)
{
	struct stage *s = &r->stage;
	stage_start(s);
	for (unsigned i = 0; i < 6; i++) {
		stage_xid(s, i % 4);
		stage_log(s, "EXT4-fs (sda1): mounted filesystem");
		usleep(70000);
	}
	AUTO(finding_free) struct finding *last = stage_await_about(s, "lab.xid", "0000:03:00.0", FINDING_OPEN);
	usleep(500000);
	assert_int_equal(stage_stop(s), 0);
}

static void test_replay_gives_what_was_spooled(void **state)
{
	struct ring *r = *state;
	live_a_little(r);
	struct told live = {0}, again = {0};
	buf_init(&live.json, 4 << 20);
	buf_init(&again.json, 4 << 20);
	read_spool(r, &live);
	assert_true(live.n >= 4);

	AUTO(diags_free) struct diags *diags = NULL;
	struct ruleset *rules = NULL;
	const char *dirs[] = { r->stage.rules };
	assert_ok(diags_new(&diags));
	assert_ok(ruleset_load_dirs(dirs, 1, r->metrics, NULL, diags, &rules));
	struct replay_options options = {
		.metrics = r->metrics,
		.max_entities = r->stage.settings.max_entities,
		.max_instances = MAX_INSTANCES,
		.max_series = MAX_SERIES,
		.max_series_bytes = SERIES_BYTES,
		.interval_ns = r->stage.settings.interval_ns,
		.warm_up_ns = WARM_UP_NS,
	};
	AUTO(replay_free) struct replay *replay = NULL;
	assert_ok(replay_new(&options, &rules, &replay));
	AUTO_BUF struct buf recording;
	buf_init(&recording, 16 << 20);
	read_segments(r, "recorder", &recording);
	size_t used;
	assert_ok(replay_feed(replay, recording.data, recording.len, tell, &again, &used));
	assert_int_equal(used, recording.len);
	assert_int_equal(again.n, live.n);
	assert_int_equal(again.json.len, live.json.len);
	assert_memory_equal(again.json.data, live.json.data, live.json.len);
	buf_done(&live.json);
	buf_done(&again.json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_segment_a_minute_sixteen_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bytes_are_bounded_and_the_newest_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restart_goes_on_behind_what_there_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kept_recording_survives_the_ring_and_the_oldest_goes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk_pauses_and_spares_what_is_recorded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_folder_is_an_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replay_gives_what_was_spooled, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
