// SPDX-License-Identifier: Apache-2.0
/* A datagram socket in the place of journald's reads what it would read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "exporters/exporter.h"
#include "tests/exporters/made.h"
#include "tests/test.h"

extern const struct exporter exporter_journald;

struct scene {
	char folder[64], path[80];
	int fd;
	void *exporter;
	char entry[256 * 1024];
};

static int make_scene(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct export_env env = {0};

	made_folder(s->folder);
	(void)snprintf(s->path, sizeof(s->path), "%s/socket", s->folder);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	env.journal_socket = s->path;
	assert_ok(exporter_journald.open(&env, &s->exporter));
	*state = s;
	return 0;
}

static int drop_scene(void **state)
{
	struct scene *s = *state;

	assert_ok(exporter_journald.close(s->exporter, 0));
	(void)close(s->fd);
	made_folder_remove(s->folder);
	free(s);
	return 0;
}

static size_t take(struct scene *s)
{
	ssize_t n = recv(s->fd, s->entry, sizeof(s->entry) - 1, MSG_DONTWAIT);

	assert_true(n > 0);
	s->entry[n] = '\0';
	return (size_t)n;
}

static void an_entry_has_its_fields(void **state)
{
	struct scene *s = *state;
	AUTO(finding_free) struct finding *f = made_finding(7, 2, FINDING_UPDATED);

	f->severity = SEVERITY_CRITICAL;
	f->evidence[0].text = "Xid 79";
	f->evidence[1].text = "AER fatal";
	f->n_evidence = 2;
	assert_ok(exporter_journald.put_finding(s->exporter, f));
	(void)take(s);
	assert_non_null(strstr(s->entry, "MESSAGE=critical: finding 7 (cpu 0, confirmed)\n"));
	assert_non_null(strstr(s->entry, "\nPRIORITY=2\n"));
	assert_non_null(strstr(s->entry, "\nMESSAGE_ID="));
	assert_non_null(strstr(s->entry, "\nWHY_RULE=cpu.test\n"));
	assert_non_null(strstr(s->entry, "\nWHY_STATE=updated\n"));
	assert_non_null(strstr(s->entry, "\nWHY_REVISION=2\n"));
	assert_non_null(strstr(s->entry, "\nWHY_EVIDENCE=Xid 79\nWHY_EVIDENCE=AER fatal\n"));
	assert_non_null(strstr(s->entry, "\nWHY_FINDING={\"apiVersion\":\"why/v1\""));
	assert_null(strstr(s->entry, "WHY_SHADOW"));
}

static void what_is_over_or_on_trial_is_quiet(void **state)
{
	struct scene *s = *state;
	AUTO(finding_free) struct finding *f = made_finding(7, 2, FINDING_RESOLVED);

	f->severity = SEVERITY_CRITICAL;
	assert_ok(exporter_journald.put_finding(s->exporter, f));
	(void)take(s);
	assert_non_null(strstr(s->entry, "MESSAGE=resolved: finding 7"));
	assert_non_null(strstr(s->entry, "\nPRIORITY=5\n"));
	f->shadow = true;
	assert_ok(exporter_journald.put_finding(s->exporter, f));
	(void)take(s);
	assert_non_null(strstr(s->entry, "\nPRIORITY=7\n"));
	assert_non_null(strstr(s->entry, "\nWHY_SHADOW=1\n"));
}

/* A value with a newline could otherwise add fields of its own. */
static void a_newline_cannot_forge_a_field(void **state)
{
	struct scene *s = *state;
	AUTO(finding_free) struct finding *f = made_finding(7, 1, FINDING_OPEN);
	size_t n;
	const char *at;

	f->subject.id = "x\n_UID=0";
	assert_ok(exporter_journald.put_finding(s->exporter, f));
	n = take(s);
	at = memmem(s->entry, n, "WHY_SUBJECT\n", 12);
	assert_non_null(at);
	assert_memory_equal(at + 12, "\x08\0\0\0\0\0\0\0x\n_UID=0\n", 17);
	assert_null(memmem(s->entry, (size_t)(at - s->entry), "\n_UID=", 6));
}

static void the_largest_finding_fits(void **state)
{
	struct scene *s = *state;
	AUTO(finding_free) struct finding *f = made_finding(7, 1, FINDING_OPEN);
	char text[2000];

	memset(text, '"', sizeof(text) - 1); /* twice as long as JSON: that part has to go */
	text[sizeof(text) - 1] = '\0';
	for (f->n_evidence = 0; f->n_evidence < FINDING_MAX_EVIDENCE; f->n_evidence++)
		f->evidence[f->n_evidence].text = text;
	assert_ok(exporter_journald.put_finding(s->exporter, f));
	assert_true(take(s) > 32 * 2000);
	assert_null(strstr(s->entry, "WHY_FINDING="));
	assert_non_null(strstr(s->entry, "\nWHY_RULES_DIGEST=d\n"));
}

static void find_dropped(void *arg, const char *name, double value, const char *help UNUSED)
{
	if (strcmp(name, "dropped_total") == 0)
		*(double *)arg = value;
}

static void a_journal_that_stands_still_blocks_nobody(void **state)
{
	struct scene *s = *state;
	AUTO(finding_free) struct finding *f = made_finding(7, 1, FINDING_OPEN);
	double dropped = 0;
	int r = 0;

	for (int i = 0; r == 0 && i < 100000; i++)
		r = exporter_journald.put_finding(s->exporter, f);
	assert_int_equal(r, -ENOBUFS);
	exporter_journald.stats(s->exporter, find_dropped, &dropped);
	assert_true(dropped == 1);
	(void)take(s);
	assert_ok(exporter_journald.put_finding(s->exporter, f));
}

static void absent_without_a_word(void **state UNUSED)
{
	struct export_env env = {.journal_socket = "/nonexistent/socket"};
	void *exporter = NULL;

	assert_err(exporter_journald.open(&env, &exporter), ENOENT);
	assert_null(exporter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scene, drop_scene)
		TEST(an_entry_has_its_fields),
		TEST(what_is_over_or_on_trial_is_quiet),
		TEST(a_newline_cannot_forge_a_field),
		TEST(the_largest_finding_fits),
		TEST(a_journal_that_stands_still_blocks_nobody),
		cmocka_unit_test(absent_without_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
