/* SPDX-License-Identifier: Apache-2.0 */
/* The whole agent as its own process: a line in a kernel log goes all the way, and what was found survives its end. */
#include "tests/agent/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "exporters/spool.h"

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	stage_open(s);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	stage_kill(s);
	(void)umount2(s->state, MNT_DETACH); /* where one was mounted */
	stage_close(s);
	free(*state);
	return 0;
}

static size_t count_files(const char *folder)
{
	AUTO_CLOSEDIR DIR *dir = opendir(folder);
	size_t n = 0;
	for (const struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	return n;
}

/* Where the kernel log was read to, and how many changes wait for a hub. Only while no agent runs. */
static uint64_t read_spool(const struct stage *s, char *ret_position, size_t size)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/spool.db", s->state);
	struct spool_options options = { .path = path, .max_records = 1000, .max_bytes = 1 << 20 };
	AUTO(spool_close) struct spool *spool = NULL;
	bool damaged;
	assert_ok(spool_open(&options, &spool, &damaged));
	assert_false(damaged);
	assert_ok(spool_get(spool, "kernlog", ret_position, size));
	struct spool_stats stats;
	spool_stats(spool, &stats);
	return stats.unacked;
}

static void test_a_line_becomes_a_finding_stored_and_recorded(void **state)
{
	struct stage *s = *state;
	stage_start(s);
	stage_xid(s, 7);
	AUTO(finding_free) struct finding *f = stage_await(s, "lab.xid", FINDING_OPEN);
	assert_string_equal(f->subject.id, "0000:07:00.0");
	assert_int_equal(f->severity, SEVERITY_CRITICAL);
	assert_true(f->simulated);
	assert_int_equal(f->revision, 1);
	char kept[256];
	snprintf(kept, sizeof(kept), "%s/recordings/%s", s->state, f->id);
	assert_true(count_files(kept) >= 1);
	assert_int_equal(stage_stop(s), 0);
	assert_true(stage_said(s, f->id));

	char position[32];
	assert_int_equal(read_spool(s, position, sizeof(position)), 1);
	assert_string_equal(position, "2"); /* the next line */
}

static void test_restart_takes_up_what_was_open(void **state)
{
	struct stage *s = *state;
	stage_start(s);
	stage_xid(s, 1);
	AUTO(finding_free) struct finding *before = stage_await(s, "lab.xid", FINDING_OPEN);
	assert_int_equal(stage_stop(s), 0);
	stage_start(s);
	AUTO(finding_free) struct finding *after = stage_await(s, "lab.xid", FINDING_OPEN);
	assert_string_equal(after->id, before->id);
	assert_int_equal(after->opened_at, before->opened_at);
	assert_true(after->revision >= before->revision);
	/* The line is not read again: the count of occurrences stays. */
	assert_int_equal(after->count, before->count);
	assert_int_equal(stage_stop(s), 0);
}

static void test_other_boot_resolves_with_reboot_and_the_next_revision(void **state)
{
	struct stage *s = *state;
	stage_start(s);
	stage_xid(s, 1);
	AUTO(finding_free) struct finding *before = stage_await(s, "lab.xid", FINDING_OPEN);
	assert_int_equal(stage_stop(s), 0);
	stage_boot(s, "boot-two\n");
	stage_write(s->folder, "kmsg", "");
	stage_start(s);
	AUTO(finding_free) struct finding *after = stage_await(s, "lab.xid", FINDING_RESOLVED);
	assert_string_equal(after->id, before->id);
	assert_string_equal(after->resolved_reason, "reboot");
	assert_true(after->revision > before->revision);
	assert_int_equal(stage_stop(s), 0);
	/* Told once: the next start has nothing to close any more. */
	stage_start(s);
	AUTO(finding_free) struct finding *again = stage_await(s, "lab.xid", FINDING_RESOLVED);
	assert_int_equal(again->revision, after->revision);
	assert_int_equal(stage_stop(s), 0);
}

/* A run that cannot read the log must not forget how far it was read. */
static void test_place_in_the_log_outlives_a_run_without_the_log(void **state)
{
	struct stage *s = *state;
	stage_start(s);
	stage_xid(s, 1);
	AUTO(finding_free) struct finding *before = stage_await(s, "lab.xid", FINDING_OPEN);
	assert_int_equal(stage_stop(s), 0);

	struct conf_list others = s->settings.disabled;
	s->disabled[others.n] = "kernlog";
	s->settings.disabled.n = others.n + 1;
	stage_start(s);
	AUTO(answer_free) struct answer *doctor = stage_ask_about(s, QUERY_DOCTOR, "");
	assert_string_equal(stage_line(doctor, "kernlog")->status, "missing");
	usleep(1500000); /* a position alone is stored once a second */
	assert_int_equal(stage_stop(s), 0);

	char position[32];
	(void)read_spool(s, position, sizeof(position));
	assert_string_equal(position, "2");

	s->settings.disabled = others;
	stage_xid(s, 2);
	stage_start(s);
	AUTO(finding_free) struct finding *fresh = stage_await_about(s, "lab.xid", "0000:02:00.0", FINDING_OPEN);
	AUTO(finding_free) struct finding *after = stage_await_about(s, "lab.xid", "0000:01:00.0", FINDING_OPEN);
	assert_string_equal(after->id, before->id);
	assert_int_equal(stage_stop(s), 0);
}

static void test_changed_rule_keeps_its_finding_a_removed_one_closes_it(void **state)
{
	struct stage *s = *state;
	char changed[4096];
	stage_start(s);
	stage_xid(s, 1);
	AUTO(finding_free) struct finding *before = stage_await(s, "lab.xid", FINDING_OPEN);
	const char *title = strstr(stage_rules, "reported Xid");
	snprintf(changed, sizeof(changed), "%.*scomplained of Xid%s", (int)(title - stage_rules), stage_rules,
		 title + strlen("reported Xid"));
	stage_rule_file(s, "lab.why.yaml", changed);
	stage_xid(s, 2);
	AUTO(answer_free) struct answer *reloaded = stage_ask_about(s, QUERY_RELOAD, "");
	assert_int_equal(reloaded->status, ANSWER_OK);
	AUTO(finding_free) struct finding *kept = stage_await_about(s, "lab.xid", "0000:01:00.0", FINDING_OPEN);
	assert_string_equal(kept->id, before->id);
	assert_int_equal(kept->opened_at, before->opened_at);

	stage_rule_file(s, "lab.why.yaml", "rules: why/v1\npack: { name: lab, version: 2.0.0 }\n"); /* by inotify */
	AUTO(finding_free) struct finding *closed = stage_await_about(s, "lab.xid", "0000:01:00.0", FINDING_RESOLVED);
	assert_string_equal(closed->id, before->id);
	assert_string_equal(closed->resolved_reason, "rule removed");
	assert_int_equal(stage_stop(s), 0);
}

/* A place in the log of the last boot, stored under the name of this one, would pass over this boot's first lines. */
static void test_place_in_the_log_does_not_outlive_the_boot(void **state)
{
	struct stage *s = *state;
	stage_start(s);
	for (unsigned i = 0; i < 5; i++)
		stage_log(s, "usb 1-1: new high-speed USB device");
	stage_xid(s, 1);
	AUTO(finding_free) struct finding *old = stage_await(s, "lab.xid", FINDING_OPEN);
	assert_int_equal(stage_stop(s), 0);

	stage_boot(s, "boot-two\n");
	stage_write(s->folder, "kmsg", "");
	s->lines = 0;
	stage_start(s);
	AUTO(finding_free) struct finding *closed = stage_await(s, "lab.xid", FINDING_RESOLVED);
	stage_kill(s);
	stage_xid(s, 2);
	stage_start(s);
	AUTO(finding_free) struct finding *fresh = stage_await_about(s, "lab.xid", "0000:02:00.0", FINDING_OPEN);
	assert_string_not_equal(fresh->id, old->id);
	assert_int_equal(stage_stop(s), 0);
}

static void test_kill_loses_nothing_and_doubles_nothing(void **state)
{
	struct stage *s = *state;
	unsigned n = 0;
	for (unsigned kill = 0; kill < 12; kill++) {
		stage_start(s);
		for (unsigned i = 0; i < 4; i++) {
			stage_xid(s, n++);
			usleep(1000 * (5 + 7 * kill)); /* the end comes at another moment each time, also before it is up */
		}
		stage_kill(s);
		stage_xid(s, n++);
	}
	stage_start(s);
	struct query q = { .kind = QUERY_LIST, .target_kind = ENTITY_KIND_MAX, .since_ns = 3600 * NS_PER_S };
	snprintf(q.cause, sizeof(q.cause), "lab.xid");
	size_t found = 0;
	unsigned seen[256] = {0};
	for (unsigned i = 0; i < 400 && found < n; i++) {
		AUTO(answer_free) struct answer *a = stage_ask(s, &q);
		memset(seen, 0, sizeof(seen));
		found = a->n_findings;
		for (size_t k = 0; k < a->n_findings; k++) {
			unsigned gpu = 0;
			assert_int_equal(sscanf(a->findings[k]->subject.id, "0000:%02x", &gpu), 1);
			seen[gpu]++;
		}
		usleep(25000);
	}
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(found, n);
	assert_int_equal(stage_stop(s), 0);
}

static void fill(const char *folder)
{
	static const char zeros[4096];
	char path[256];
	snprintf(path, sizeof(path), "%s/ballast", folder);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < 4096 && write(fd, zeros, sizeof(zeros)) > 0; i++)
		;
	assert_int_equal(errno, ENOSPC);
}

static void make_room(const char *folder)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/ballast", folder);
	assert_ok(unlink(path));
}

static void test_full_disk_delays_and_loses_nothing(void **state)
{
	struct stage *s = *state;
	assert_ok(mkdir(s->state, 0755));
	if (mount("tmpfs", s->state, "tmpfs", 0, "size=3m") < 0)
		skip();
	stage_start(s);
	stage_xid(s, 0);
	AUTO(finding_free) struct finding *first = stage_await(s, "lab.xid", FINDING_OPEN);
	fill(s->state);
	for (unsigned i = 1; i <= 100; i++) {
		stage_xid(s, i);
		if (i % 10 == 0)
			usleep(300000); /* more in a second would be a flood, and left out */
	}
	AUTO(finding_free) struct finding *full = stage_await(s, "lab.state_full", FINDING_OPEN);
	AUTO(finding_free) struct finding *last = stage_await_about(s, "lab.xid", "0000:64:00.0", FINDING_OPEN);
	AUTO(answer_free) struct answer *doctor = stage_ask_about(s, QUERY_DOCTOR, "");
	assert_string_equal(stage_line(doctor, "spool")->status, "failed");
	make_room(s->state);
	AUTO(finding_free) struct finding *well = stage_await(s, "lab.state_full", FINDING_RESOLVED);
	stage_kill(s); /* what counts is what is on the disk */
	stage_start(s);
	for (unsigned i = 0; i <= 100; i += 25) {
		char subject[32];
		snprintf(subject, sizeof(subject), "0000:%02x:00.0", i);
		AUTO(finding_free) struct finding *f = stage_await_about(s, "lab.xid", subject, FINDING_OPEN);
		assert_non_null(f);
	}
	AUTO(finding_free) struct finding *same = stage_await_about(s, "lab.xid", "0000:64:00.0", FINDING_OPEN);
	assert_string_equal(same->id, last->id);
	assert_int_equal(same->opened_at, last->opened_at);
	assert_int_equal(stage_stop(s), 0);
	assert_true(stage_said(s, "findings are stored again"));
}

static void test_starts_on_a_full_disk_and_says_so(void **state)
{
	struct stage *s = *state;
	assert_ok(mkdir(s->state, 0755));
	if (mount("tmpfs", s->state, "tmpfs", 0, "size=64k") < 0)
		skip();
	fill(s->state);
	stage_start(s);
	stage_xid(s, 4);
	AUTO(finding_free) struct finding *full = stage_await(s, "lab.state_full", FINDING_OPEN);
	AUTO(finding_free) struct finding *f = stage_await(s, "lab.xid", FINDING_OPEN);
	AUTO(answer_free) struct answer *doctor = stage_ask_about(s, QUERY_DOCTOR, "");
	assert_string_equal(stage_line(doctor, "spool")->status, "failed");
	assert_int_equal(stage_stop(s), 0);
	assert_true(stage_said(s, "make room, then restart"));
}

static void test_rule_that_is_broken_from_the_start_is_said(void **state)
{
	struct stage *s = *state;
	stage_rule_file(s, "mine.why.yaml",
			"rules: why/v1\npack: { name: mine, version: 1.0.0 }\ncauses:\n  mine.bad:\n    title: x\n"
			"    scope: node\n    trigger: no.such.metric > 1\n");
	stage_start(s);
	AUTO(finding_free) struct finding *f = stage_await(s, "lab.rule_rejected", FINDING_OPEN);
	assert_int_equal(f->subject.kind, ENTITY_NODE);
	assert_int_equal(stage_stop(s), 0);
}

static void test_wrong_state_folder_says_what_to_do(void **state)
{
	struct stage *s = *state;
	int status;
	s->settings.state_dir = "/proc/self/nowhere";
	stage_start(s);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	s->pid = 0;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_true(stage_said(s, "/proc/self/nowhere"));
	assert_true(stage_said(s, "--state DIR"));
}

static void test_second_agent_on_the_same_state_is_refused_the_first_goes_on(void **state)
{
	struct stage *s = *state;
	int status;
	stage_start(s);
	AUTO(answer_free) struct answer *up = stage_ask_about(s, QUERY_EXPLAIN, "");
	pid_t first = s->pid;
	s->pid = 0;
	stage_start(s);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_true(stage_said(s, "another whyd uses it"));
	s->pid = first;
	stage_xid(s, 3);
	AUTO(finding_free) struct finding *f = stage_await(s, "lab.xid", FINDING_OPEN);
	assert_int_equal(stage_stop(s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_line_becomes_a_finding_stored_and_recorded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restart_takes_up_what_was_open, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_boot_resolves_with_reboot_and_the_next_revision, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_place_in_the_log_does_not_outlive_the_boot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_place_in_the_log_outlives_a_run_without_the_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changed_rule_keeps_its_finding_a_removed_one_closes_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_kill_loses_nothing_and_doubles_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk_delays_and_loses_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_starts_on_a_full_disk_and_says_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rule_that_is_broken_from_the_start_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_state_folder_says_what_to_do, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_second_agent_on_the_same_state_is_refused_the_first_goes_on,
						set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
