/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/agent/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "collectors/collector.h"
#include "proto/local.h"

#define ATTEMPTS 600
#define PAUSE_US 25000

const char stage_rules[] =
	"rules: why/v1\n"
	"pack: { name: lab, version: 1.0.0 }\n"
	"causes:\n"
	"  lab.xid:\n"
	"    title: \"GPU {gpu.key} reported Xid {gpu.xid}\"\n"
	"    scope: gpu\n"
	"    trigger: count(gpu.xid, 1m) >= 1\n"
	"    requires: [{ id: xid, when: \"count(gpu.xid, 1m) >= 1\", show: \"Xid {gpu.xid}\" }]\n"
	"    confidence: { prior: 0.9, report_at: 0.5 }\n"
	"    severity: critical\n"
	"    hold: { clear_after: 10m }\n"
	"    remedy: { action: reboot_node, text: \"Reboot.\" }\n"
	"  lab.state_full:\n"
	"    title: \"the state folder cannot be written\"\n"
	"    scope: node\n"
	"    trigger: count(whyd.state_full, 2s) >= 1\n"
	"    requires: [{ id: full, when: \"count(whyd.state_full, 2s) >= 1\", show: \"errno {whyd.state_full}\" }]\n"
	"    confidence: { prior: 0.9, report_at: 0.5 }\n"
	"    severity: warning\n"
	"    hold: { clear_after: 1s }\n"
	"    remedy: { action: run_diag, text: \"Make room.\" }\n"
	"  lab.rule_rejected:\n"
	"    title: \"a rule was refused\"\n"
	"    scope: node\n"
	"    trigger: count(whyd.rule_rejected, 1m) >= 1\n"
	"    requires: [{ id: refused, when: \"count(whyd.rule_rejected, 1m) >= 1\", show: "
	"\"{whyd.rule_rejected.rule}\" }]\n"
	"    confidence: { prior: 0.9, report_at: 0.5 }\n"
	"    severity: warning\n"
	"    hold: { clear_after: 10m }\n"
	"    remedy: { action: none, text: \"Mend it.\" }\n";

void stage_write(const char *folder, const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

void stage_boot(struct stage *s, const char *boot_id)
{
	stage_write(s->root, "proc/sys/kernel/random/boot_id", boot_id);
}

void stage_rule_file(struct stage *s, const char *name, const char *text)
{
	char from[256], to[256], hidden[128];
	snprintf(hidden, sizeof(hidden), ".%s.new", name);
	stage_write(s->rules, hidden, text);
	snprintf(from, sizeof(from), "%s/%s", s->rules, hidden);
	snprintf(to, sizeof(to), "%s/%s", s->rules, name);
	assert_ok(rename(from, to));
}

void stage_log(struct stage *s, const char *text)
{
	char line[512];
	s->lines++;
	int n = snprintf(line, sizeof(line), "4,%u,%u,-;%s\n", s->lines, 1000000 + s->lines, text);
	AUTO_CLOSE int fd = open(s->kmsg, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, line, (size_t)n), n);
}

void stage_xid(struct stage *s, unsigned gpu)
{
	char text[160];
	snprintf(text, sizeof(text),
		 "NVRM: Xid (PCI:0000:%02x:00): 79, pid=42, name=python3, GPU has fallen off the bus.", gpu);
	stage_log(s, text);
}

/* Only what reads files of the stage; a child of its own would be this test program again. */
static void choose_collectors(struct stage *s)
{
	size_t n, n_disabled = 0;
	const struct collector *const *all = collectors_all(&n);
	for (size_t i = 0; i < n && n_disabled < ARRAY_LEN(s->disabled); i++)
		if (strcmp(all[i]->name, "kernlog") != 0 && strcmp(all[i]->name, "self") != 0)
			s->disabled[n_disabled++] = all[i]->name;
	s->settings.disabled = (struct conf_list){ s->disabled, n_disabled };
}

static void name_places(struct stage *s)
{
	snprintf(s->root, sizeof(s->root), "%s/root", s->folder);
	snprintf(s->state, sizeof(s->state), "%s/state", s->folder);
	snprintf(s->run, sizeof(s->run), "%s/run", s->folder);
	snprintf(s->rules, sizeof(s->rules), "%s/rules", s->folder);
	snprintf(s->kmsg, sizeof(s->kmsg), "%s/kmsg", s->folder);
	snprintf(s->log, sizeof(s->log), "%s/log", s->folder);
	snprintf(s->socket, sizeof(s->socket), "%s/%s", s->run, LOCAL_SOCKET);
}

void stage_open(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	strcpy(s->folder, "/tmp/why-stage-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	name_places(s);
	stage_boot(s, "boot-one\n");
	stage_write(s->folder, "kmsg", "");
	stage_rule_file(s, "lab.why.yaml", stage_rules);
	static const char *const argv[] = { "whyd", "--config", "/nonexistent", NULL };
	int status;
	assert_ok(settings_load(1, (char *const *)argv, &s->settings, &status));
	s->settings.node = "stage";
	s->settings.state_dir = s->state;
	s->settings.run_dir = s->run;
	s->settings.root_prefix = s->root;
	s->settings.kmsg = s->kmsg;
	s->settings.metrics_listen = "off";
	s->settings.hub_address = "";
	s->settings.interval_ns = 200 * NS_PER_MS;
	s->rule_dirs[0] = s->rules;
	s->settings.rules = (struct conf_list){ s->rule_dirs, 1 };
	choose_collectors(s);
}

static int remove_one(const char *path, const struct stat *st UNUSED, int what UNUSED, struct FTW *walk UNUSED)
{
	return remove(path);
}

void stage_close(struct stage *s)
{
	stage_kill(s);
	(void)nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	settings_done(&s->settings);
}

/* ---- the agent ---- */

static _Noreturn void be_the_agent(const struct stage *s)
{
	int fd = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	(void)dup2(fd, STDERR_FILENO);
	struct agent a;
	int status = 1;
	if (agent_open(&s->settings, &a) == 0) {
		status = agent_run(&a);
		agent_close(&a);
	}
	exit(status); /* not _exit: a sanitizer looks for leaks */
}

void stage_start(struct stage *s)
{
	assert_int_equal(s->pid, 0);
	fflush(NULL);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0)
		be_the_agent(s);
}

int stage_stop(struct stage *s)
{
	int status = -1;
	assert_true(s->pid > 0);
	assert_ok(kill(s->pid, SIGTERM));
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	s->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void stage_kill(struct stage *s)
{
	if (s->pid <= 0)
		return;
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

struct answer *stage_ask(struct stage *s, const struct query *q)
{
	struct answer *a = NULL;
	int r = -ENOENT;
	for (unsigned i = 0; i < ATTEMPTS && r < 0; i++) {
		r = local_ask(s->socket, q, 10 * NS_PER_S, &a);
		if (r < 0)
			usleep(PAUSE_US);
	}
	assert_ok(r);
	return a;
}

struct answer *stage_ask_about(struct stage *s, enum query_kind kind, const char *target)
{
	struct query q = { .kind = kind, .target_kind = ENTITY_KIND_MAX };
	snprintf(q.target, sizeof(q.target), "%s", target);
	return stage_ask(s, &q);
}

static struct finding *take(struct answer *a, const char *rule, const char *subject, enum finding_state state)
{
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct finding *f = a->findings[i];
		bool resolved = f->state == FINDING_RESOLVED;
		if (strcmp(f->rule, rule) != 0 || resolved != (state == FINDING_RESOLVED))
			continue;
		if (subject && strcmp(f->subject.id, subject) != 0)
			continue;
		return TAKE_PTR(a->findings[i]);
	}
	return NULL;
}

static void print_log(const struct stage *s)
{
	char text[8192];
	AUTO_CLOSE int fd = open(s->log, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, text, sizeof(text) - 1, size > (off_t)sizeof(text) ? size - (off_t)sizeof(text) + 1 : 0);
	text[n > 0 ? n : 0] = 0;
	print_message("%s\n", text);
}

struct finding *stage_await_about(struct stage *s, const char *rule, const char *subject, enum finding_state state)
{
	struct query q = { .kind = QUERY_LIST, .target_kind = ENTITY_KIND_MAX, .since_ns = 3600 * NS_PER_S };
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		struct answer *a = stage_ask(s, &q);
		struct finding *f = take(a, rule, subject, state);
		answer_free(&a);
		if (f)
			return f;
		usleep(PAUSE_US);
	}
	print_log(s);
	fail_msg("no finding of %s came to the state %s", rule, finding_state_name(state));
	return NULL;
}

struct finding *stage_await(struct stage *s, const char *rule, enum finding_state state)
{
	return stage_await_about(s, rule, NULL, state);
}

const struct answer_line *stage_line(const struct answer *a, const char *what)
{
	for (size_t i = 0; i < a->n_lines; i++)
		if (a->lines[i].what && strcmp(a->lines[i].what, what) == 0)
			return &a->lines[i];
	return NULL;
}

bool stage_said(const struct stage *s, const char *text)
{
	static char all[1 << 20];
	AUTO_CLOSE int fd = open(s->log, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, all, sizeof(all) - 1) : 0;
	all[n > 0 ? n : 0] = 0;
	return strstr(all, text) != NULL;
}
