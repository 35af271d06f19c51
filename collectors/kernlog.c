// SPDX-License-Identifier: Apache-2.0
/* The kernel log as typed events. Bounds, between two collect() calls: RECORDS_A_TICK records, EVENTS_A_TICK events of a
 * kind about one entity (a storm about one disk must not hide what happens to its neighbour), EVENTS_OF_KIND of a kind
 * about all; what NVIDIA's driver writes has bounds of its own (gpu_log.h). Above the first the source rests (what the
 * kernel overwrites meanwhile is counted as lost), above the others events are counted as suppressed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#include "collectors/collector.h"
#include "collectors/fields.h"
#include "collectors/gpu_log.h"
#include "collectors/kernlog_match.h"
#include "collectors/kernlog_patterns.h"
#include "collectors/kernlog_source.h"

#define RECORDS_A_TICK 20000
#define EVENTS_A_TICK  32
#define EVENTS_OF_KIND 1024
#define MAX_TOLD       512 /* a power of two: pairs of kind and entity that are counted apart */
#define MAX_REPORTS    4               /* OOM reports of which the kill is still to come */
#define REPORT_WAIT_NS (2 * NS_PER_S)

/* What an OOM report said so far. */
struct report {
	uint64_t pid; /* 0: unused */
	mono_ns_t at;
	char constraint[32], comm[32], cgroup[GRAPH_MAX_KEY], task_cgroup[GRAPH_MAX_KEY];
};

struct kernlog {
	struct kernlog_source *source;
	struct matcher *matcher;
	struct gpu_log *gpus;
	bool live; /* stood at the end once: records are as young as the wake-up that brings them */
	unsigned budget;
	unsigned n_events[KERNLOG_METRICS]; /* of this tick, by kind */
	struct {
		uint64_t pair; /* 0: free */
		unsigned n;
	} told[MAX_TOLD]; /* of this tick, by kind and entity */
	uint64_t suppressed, told_lost, records;
	struct report reports[MAX_REPORTS];
	/* the line so far, for records that go on */
	char line[MATCH_MAX_LINE];
	size_t len;
	unsigned facility;
	bool matched;
};

static int kernlog_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	struct collect_env end = *env;
	struct kernlog_source *s = NULL;
	const char *path = env->kmsg_path ? env->kmsg_path : "/dev/kmsg";
	end.kmsg_resume_seq = UINT64_MAX;
	int r = kernlog_source_open(&end, &s);
	kernlog_source_close(&s);
	if (r == -EPERM || r == -EACCES)
		snprintf(ret_reason, size, "%s may not be read: run as root or with CAP_SYSLOG", path);
	else if (r < 0)
		snprintf(ret_reason, size, "%s cannot be opened: %s", path, strerror(-r));
	return r;
}

static void kernlog_close(void *state)
{
	struct kernlog *k = state;
	if (!k)
		return;
	kernlog_source_close(&k->source);
	matcher_free(&k->matcher);
	gpu_log_free(&k->gpus);
	free(k);
}

static int kernlog_open(const struct collect_env *env, void **ret_state)
{
	const char *anchors[KERNLOG_MAX_PATTERNS];
	struct kernlog *k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	for (size_t i = 0; i < kernlog_n_patterns; i++)
		anchors[i] = kernlog_patterns[i].anchor;
	int r = matcher_new(anchors, kernlog_n_patterns, &k->matcher);
	if (r == 0)
		r = gpu_log_new(env, &k->gpus);
	if (r == 0)
		r = kernlog_source_open(env, &k->source);
	if (r < 0) {
		kernlog_close(k);
		return r;
	}
	k->budget = RECORDS_A_TICK;
	*ret_state = k;
	return 0;
}

/* ---- events ---- */

static void copy(char *ret_text, size_t size, const struct match_capture *c)
{
	struct text t;
	text_init(&t, ret_text, size);
	if (c)
		text_add_n(&t, c->text, c->len);
	else
		ret_text[0] = '\0';
}

static entity_id entity_of(const struct kernlog_pattern *p, const struct match_captures *c, struct batch *b)
{
	const struct match_capture *nvme = match_find(c, "nvme");
	enum entity_kind about = kernlog_metrics[p->kind].about;
	char key[GRAPH_MAX_KEY];
	if (about == ENTITY_NODE)
		return graph_node(b->graph);
	copy(key, sizeof(key) - 3, nvme ? nvme : match_find(c, "key"));
	if (nvme)
		memcpy(key + strlen(key), "n1", 3);
	return batch_entity(b, about, key);
}

/* One more event of this kind about this entity: is there room for it in this tick? */
static bool may_tell(struct kernlog *k, enum kernlog_kind kind, entity_id e)
{
	uint64_t pair = ((uint64_t)kind + 1) << 32 | e;
	size_t at = text_hash(&pair, sizeof(pair)) & (MAX_TOLD - 1);
	if (k->n_events[kind]++ >= EVENTS_OF_KIND)
		return false;
	for (unsigned probe = 0; probe < 8; probe++, at = (at + 1) & (MAX_TOLD - 1)) {
		if (k->told[at].pair != 0 && k->told[at].pair != pair)
			continue;
		k->told[at].pair = pair;
		return k->told[at].n++ < EVENTS_A_TICK;
	}
	return true; /* too many different ones to tell apart: the kind's own bound holds */
}

static struct event *emit(struct kernlog *k, enum kernlog_kind kind, entity_id e, mono_ns_t at, enum severity severity,
			  int code, struct batch *b)
{
	if (!may_tell(k, kind, e)) {
		k->suppressed++;
		return NULL;
	}
	struct event *event = batch_event(b, kind, e, at, severity, code);
	if (event)
		event->simulated = kernlog_source_simulated(k->source);
	return event;
}

static bool number_of(const struct match_capture *c, uint64_t *ret_value)
{
	if (!c)
		return false;
	struct fields f = fields_of(c->text, c->len);
	return fields_u64(&f, ret_value);
}

static void fill_values(struct batch *b, struct event *event, const struct metric_field *fields,
			const struct match_captures *c, const char *line, size_t len)
{
	char text[BATCH_MAX_TEXT];
	uint64_t number;
	for (unsigned i = 0; event && fields && fields[i].name; i++) {
		struct match_capture whole = { .text = line, .len = len };
		const struct match_capture *found = match_find(c, fields[i].name);
		if (!found && strcmp(fields[i].name, "text") == 0)
			found = &whole;
		if (found && fields[i].is_text) {
			copy(text, sizeof(text), found);
			batch_value_text(b, event, i, text);
		} else if (number_of(found, &number)) {
			batch_value_number(b, event, i, (double)number * (fields[i].unit == UNIT_BYTES ? 1024 : 1));
		}
	}
}

static void emit_pattern(struct kernlog *k, const struct kernlog_pattern *p, const struct match_captures *c,
			 mono_ns_t at, struct batch *b)
{
	struct event *event = emit(k, p->kind, entity_of(p, c, b), at, p->severity, 0, b);
	fill_values(b, event, kernlog_metrics[p->kind].fields, c, k->line, k->len);
	batch_message(b, event, "%.*s", (int)k->len, k->line);
}

/* ---- OOM reports ---- */

static const char *constraint_name(const char *kernel_name)
{
	static const char *const names[][2] = { { "MEMCG", "memcg" }, { "NONE", "none" }, { "CPUSET", "cpuset" },
						{ "MEMORY_POLICY", "mempolicy" } };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(kernel_name, names[i][0]) == 0)
			return names[i][1];
	return kernel_name;
}

static void emit_oom(struct kernlog *k, const struct report *r, const struct match_captures *kill, mono_ns_t at,
		     struct batch *b)
{
	struct event *e = emit(k, KERNLOG_OOM, graph_node(b->graph), at, SEVERITY_CRITICAL, 0, b);
	fill_values(b, e, kernlog_metrics[KERNLOG_OOM].fields, kill, "", 0);
	batch_value_text(b, e, OOM_CONSTRAINT, r->constraint);
	batch_value_number(b, e, OOM_VICTIM_PID, (double)r->pid);
	batch_value_text(b, e, OOM_VICTIM_COMM, r->comm);
	if (r->cgroup[0])
		batch_value_text(b, e, OOM_CGROUP, r->cgroup);
	if (r->task_cgroup[0])
		batch_value_text(b, e, OOM_TASK_CGROUP, r->task_cgroup);
	batch_message(b, e, "the kernel killed %s[%llu] for want of memory%s%s", r->comm, (unsigned long long)r->pid,
		      r->cgroup[0] ? " in cgroup " : "", r->cgroup);
}

static void oom_context(struct kernlog *k, const struct match_captures *c, mono_ns_t at, struct batch *b)
{
	char name[32];
	uint64_t pid;
	struct report *r = &k->reports[0];
	if (!number_of(match_find(c, "victim_pid"), &pid))
		return;
	for (size_t i = 0; i < MAX_REPORTS; i++) /* a free place, or the oldest */
		if (k->reports[i].pid == 0 || (r->pid && k->reports[i].at < r->at))
			r = &k->reports[i];
	if (r->pid)
		emit_oom(k, r, &(struct match_captures){ .n = 0 }, r->at, b);
	memset(r, 0, sizeof(*r));
	r->pid = pid;
	r->at = at;
	copy(name, sizeof(name), match_find(c, "constraint"));
	snprintf(r->constraint, sizeof(r->constraint), "%s", constraint_name(name));
	copy(r->comm, sizeof(r->comm), match_find(c, "victim_comm"));
	copy(r->cgroup, sizeof(r->cgroup), match_find(c, "cgroup"));
	copy(r->task_cgroup, sizeof(r->task_cgroup), match_find(c, "task_cgroup"));
}

static void oom_kill(struct kernlog *k, const struct match_captures *c, mono_ns_t at, struct batch *b)
{
	static const char memcg[] = "Memory cgroup ";
	struct report alone = { .at = at };
	if (!number_of(match_find(c, "victim_pid"), &alone.pid))
		return;
	for (size_t i = 0; i < MAX_REPORTS; i++)
		if (k->reports[i].pid == alone.pid) {
			emit_oom(k, &k->reports[i], c, at, b);
			k->reports[i].pid = 0;
			return;
		}
	/* The line before it was lost, or the kernel is too old to write it. */
	bool in_memcg = k->len > sizeof(memcg) && memcmp(k->line, memcg, sizeof(memcg) - 1) == 0;
	snprintf(alone.constraint, sizeof(alone.constraint), "%s", in_memcg ? "memcg" : "none");
	copy(alone.comm, sizeof(alone.comm), match_find(c, "victim_comm"));
	emit_oom(k, &alone, c, at, b);
}

/* ---- a record ---- */

static void apply(struct kernlog *k, const struct kernlog_pattern *p, const struct match_captures *c,
		  const struct xid_line *xid, mono_ns_t at, struct batch *b)
{
	if (k->facility != 0) {
		struct event *e = p->hardware ? emit(k, KERNLOG_FORGED, graph_node(b->graph), at, SEVERITY_WARNING, 0, b)
					      : NULL;
		fill_values(b, e, kernlog_metrics[KERNLOG_FORGED].fields, c, k->line, k->len);
		batch_message(b, e, "a process, not the kernel, wrote to the kernel log: %.*s", (int)k->len, k->line);
		return;
	}
	switch (p->step) {
	case KERNLOG_OOM_CONTEXT: oom_context(k, c, at, b); break;
	case KERNLOG_OOM_KILL: oom_kill(k, c, at, b); break;
	case KERNLOG_GPU_LINE:
		k->suppressed += !gpu_log_take(k->gpus, xid, k->line, k->len, at, kernlog_source_simulated(k->source), b);
		break;
	default: emit_pattern(k, p, c, at, b); break;
	}
}

static void take_text(struct kernlog *k, const struct kernlog_record *record)
{
	bool joins = record->continued && record->facility == k->facility && k->len > 0;
	if (!joins) {
		k->len = 0;
		k->matched = false;
		k->facility = record->facility;
	}
	size_t n = MIN_OF(record->len, sizeof(k->line) - k->len);
	memcpy(k->line + k->len, record->text, n);
	k->len += n;
}

static void take_record(struct kernlog *k, const struct kernlog_record *record, struct batch *b)
{
	struct match_captures c;
	struct xid_line xid;
	take_text(k, record);
	if (k->matched) /* the beginning of the line has spoken already */
		return;
	uint64_t found = matcher_scan(k->matcher, k->line, k->len);
	if (!found)
		return;
	mono_ns_t logged = record->usec < UINT64_MAX / NS_PER_US ? record->usec * NS_PER_US : b->now;
	/* The log's clock drifts against ours: its time is used only for what was written before we were there. */
	mono_ns_t at = k->live || kernlog_source_simulated(k->source) || logged > b->now ? b->now : logged;
	for (size_t i = 0; i < kernlog_n_patterns; i++) {
		const struct kernlog_pattern *p = &kernlog_patterns[i];
		if (!(found & UINT64_C(1) << i) || !match_template(p->template_text, k->line, k->len, &c))
			continue;
		if (p->step == KERNLOG_GPU_LINE && xid_line_parse(k->line, k->len, &xid) < 0)
			continue;
		apply(k, p, &c, &xid, at, b);
		k->matched = true;
		return;
	}
}

static void tell_lost(struct kernlog *k, struct batch *b)
{
	uint64_t lost = kernlog_source_lost(k->source);
	if (lost == k->told_lost)
		return;
	struct event *e = emit(k, KERNLOG_LOST, graph_node(b->graph), b->now, SEVERITY_WARNING, 0, b);
	batch_value_number(b, e, 0, (double)(lost - k->told_lost));
	batch_message(b, e, "%llu kernel log records were overwritten before they could be read",
		      (unsigned long long)(lost - k->told_lost));
	k->told_lost = lost;
}

static int kernlog_drain(void *state, unsigned max, struct batch *out)
{
	struct kernlog *k = state;
	struct kernlog_record record;
	unsigned taken = 0;
	int r = 0;
	kernlog_source_more(k->source, false);
	while (taken < max && k->budget > 0) {
		r = kernlog_source_next(k->source, &record);
		if (r <= 0)
			break;
		taken++;
		k->budget--;
		k->records++;
		take_record(k, &record, out);
	}
	if (r == 0 && taken < max && k->budget > 0)
		k->live = true;
	else
		kernlog_source_more(k->source, true);
	if (k->budget == 0 || r < 0)
		kernlog_source_rest(k->source, true);
	tell_lost(k, out);
	return r < 0 && taken == 0 ? r : (int)taken;
}

static int kernlog_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct kernlog *k = state;
	entity_id node = graph_node(out->graph);
	memset(k->n_events, 0, sizeof(k->n_events));
	memset(k->told, 0, sizeof(k->told));
	k->budget = RECORDS_A_TICK;
	kernlog_source_rest(k->source, false);
	for (size_t i = 0; i < MAX_REPORTS; i++) {
		struct report *r = &k->reports[i];
		if (r->pid && mono_since(r->at, now) > REPORT_WAIT_NS) {
			emit_oom(k, r, &(struct match_captures){ .n = 0 }, r->at, out);
			r->pid = 0;
		}
	}
	if (k->suppressed) {
		struct event *e = emit(k, KERNLOG_SUPPRESSED, node, now, SEVERITY_INFO, 0, out);
		batch_value_number(out, e, 0, (double)k->suppressed);
		batch_message(out, e, "%llu more events of the kernel log were left out of this second",
			      (unsigned long long)k->suppressed);
		k->suppressed = 0;
	}
	gpu_log_collect(k->gpus, now, out);
	batch_sample(out, KERNLOG_RECORDS, node, (double)k->records);
	return 0;
}

static void kernlog_settle(void *state, mono_ns_t now, struct batch *out)
{
	struct kernlog *k = state;
	gpu_log_settle(k->gpus, now, out);
}

static int kernlog_event_fd(void *state)
{
	struct kernlog *k = state;
	return kernlog_source_fd(k->source);
}

static uint64_t kernlog_position(void *state)
{
	struct kernlog *k = state;
	return kernlog_source_position(k->source);
}

const struct collector collector_kernlog = {
	.name = "kernlog",
	.help = "The kernel log as typed events: OOM kills, crashes, lockups, hardware, disks, links, GPUs",
	.metrics = kernlog_metrics,
	.n_metrics = KERNLOG_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.caps = UINT64_C(1) << 34, /* CAP_SYSLOG */
	.probe = kernlog_probe,
	.open = kernlog_open,
	.collect = kernlog_collect,
	.event_fd = kernlog_event_fd,
	.drain = kernlog_drain,
	.settle = kernlog_settle,
	.position = kernlog_position,
	.close = kernlog_close,
};
