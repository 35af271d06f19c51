// SPDX-License-Identifier: Apache-2.0
/* Each change of a finding as one structured entry of the journal: `journalctl WHY_RULE=gpu.fell_off_bus`. The native
 * protocol is spoken here because libsystemd's sender blocks when journald stands still, and the agent's loop must not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "exporters/exporter.h"

#define SOCKET_PATH "/run/systemd/journal/socket"
#define MAX_ENTRY   (160 * 1024) /* the texts of a finding are 64 KiB at most, all of them */
#define MAX_JSON    (48 * 1024)

/* For `journalctl MESSAGE_ID=`, and for a catalogue entry. */
#define MESSAGE_ID_FINDING "3cce1994ac21439098a7db75c3487053"

struct journald {
	int fd;
	struct buf entry, json;
	uint64_t written, dropped;
};

/* NAME=value; a value of several lines is sent with its length in front. */
static void add_field(struct buf *b, const char *name, const char *value)
{
	uint64_t n;
	uint8_t le[8];

	if (!value || !*value)
		return;
	if (!strchr(value, '\n')) {
		(void)buf_addf(b, "%s=%s\n", name, value);
		return;
	}
	n = strlen(value);
	for (size_t i = 0; i < sizeof(le); i++)
		le[i] = (uint8_t)(n >> (8 * i));
	(void)buf_addf(b, "%s\n", name);
	(void)buf_add(b, le, sizeof(le));
	(void)buf_add(b, value, n);
	(void)buf_add_text(b, "\n");
}

/* syslog's numbers. What is over, or only on trial, wakes nobody. */
static int priority_of(const struct finding *f)
{
	if (f->shadow)
		return 7;
	if (f->state == FINDING_RESOLVED)
		return 5;
	return f->severity == SEVERITY_CRITICAL ? 2 : f->severity == SEVERITY_WARNING ? 4 : 6;
}

static void add_message(struct journald *j, const struct finding *f)
{
	char text[1024];
	struct text t;

	text_init(&t, text, sizeof(text));
	text_addf(&t, "%s: %s (%s, %s)", f->state == FINDING_RESOLVED ? "resolved" : severity_name(f->severity), f->title,
		  f->subject.name, finding_confidence_word(f->confidence));
	add_field(&j->entry, "MESSAGE", text);
	(void)buf_addf(&j->entry, "PRIORITY=%d\n", priority_of(f));
	add_field(&j->entry, "MESSAGE_ID", MESSAGE_ID_FINDING);
	add_field(&j->entry, "SYSLOG_IDENTIFIER", "whyd");
}

static void add_json(struct journald *j, const struct finding *f)
{
	struct json json;

	buf_reset(&j->json);
	json_init(&json, &j->json);
	finding_write_json(f, &json);
	if (json_end(&json) == 0)
		add_field(&j->entry, "WHY_FINDING", (const char *)j->json.data);
}

static void write_entry(struct journald *j, const struct finding *f)
{
	struct buf *b = &j->entry;

	buf_reset(b);
	add_message(j, f);
	add_field(b, "WHY_ID", f->id);
	(void)buf_addf(b, "WHY_REVISION=%llu\nWHY_CONFIDENCE=%.2f\n", (unsigned long long)f->revision, f->confidence);
	add_field(b, "WHY_STATE", finding_state_name(f->state));
	add_field(b, "WHY_KIND", finding_kind_name(f->kind));
	add_field(b, "WHY_RULE", f->rule);
	add_field(b, "WHY_SEVERITY", severity_name(f->severity));
	add_field(b, "WHY_NODE", f->node);
	add_field(b, "WHY_SUBJECT_KIND", entity_kind_name(f->subject.kind));
	add_field(b, "WHY_SUBJECT", f->subject.id);
	for (size_t i = 0; i < f->n_because; i++)
		add_field(b, "WHY_BECAUSE", f->because[i]);
	for (size_t i = 0; i < f->n_evidence; i++)
		add_field(b, "WHY_EVIDENCE", f->evidence[i].text);
	add_field(b, "WHY_ACTION", remedy_action_name(f->remedy.action));
	add_field(b, "WHY_REMEDY", f->remedy.text);
	add_field(b, "WHY_RESOLVED_REASON", f->resolved_reason);
	add_field(b, "DOCUMENTATION", f->doc);
	add_field(b, "WHY_RULES_DIGEST", f->rules_digest);
	if (f->simulated)
		add_field(b, "WHY_SIMULATED", "1");
	if (f->shadow)
		add_field(b, "WHY_SHADOW", "1");
}

static int put_finding(void *state, const struct finding *f)
{
	struct journald *j = state;
	size_t without_json;

	write_entry(j, f);
	without_json = j->entry.len;
	add_json(j, f);
	if (j->entry.overflow) {
		/* A torn field would spoil the entry: go without the JSON, whose parts are all there by themselves. */
		j->entry.overflow = false;
		j->entry.len = without_json;
	}
	if (send(j->fd, j->entry.data, j->entry.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		j->dropped++;
		return -ENOBUFS;
	}
	j->written++;
	return 0;
}

static int close_journal(void *state, uint32_t flush_ms UNUSED)
{
	struct journald *j = state;

	if (!j)
		return 0;
	cleanup_close(&j->fd);
	buf_done(&j->entry);
	buf_done(&j->json);
	free(j);
	return 0;
}

/* A socket that is not there, or nobody behind it, is a machine without journald: nothing to say. */
static int connect_journal(struct journald *j, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (j->fd < 0)
		return -errno;
	if (connect(j->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == ECONNREFUSED ? -ENOENT : -errno;
	return 0;
}

static int open_journal(const struct export_env *env, void **ret_state)
{
	struct journald *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	j->fd = -1;
	buf_init(&j->entry, MAX_ENTRY);
	buf_init(&j->json, MAX_JSON);
	r = connect_journal(j, env->journal_socket ? env->journal_socket : SOCKET_PATH);
	if (r < 0) {
		(void)close_journal(j, 0);
		return r;
	}
	*ret_state = j;
	return 0;
}

static void stats(void *state, void (*say)(void *arg, const char *name, double value, const char *help), void *arg)
{
	const struct journald *j = state;

	say(arg, "entries_total", (double)j->written, "entries written to the journal");
	say(arg, "dropped_total", (double)j->dropped, "entries lost because journald did not take them");
}

const struct exporter exporter_journald = {
	.name = "journald",
	.help = "findings as structured entries of the journal",
	.wants = EXPORT_FINDINGS,
	.open = open_journal,
	.put_finding = put_finding,
	.stats = stats,
	.close = close_journal,
};
