// SPDX-License-Identifier: Apache-2.0
#include "collectors/self.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include "collectors/collector.h"
#include "collectors/fields.h"

#define SLOW_NS (10 * NS_PER_S) /* counting our descriptors walks a folder */

enum {
	CPU_RATIO,
	MEMORY,
	FDS,
	STATE_FREE,
	STATE_ERRORS,
	DROPPED_SAMPLES,
	DROPPED_EVENTS,
	REFUSED_ENTITIES,
	BPF_DROPS,
	FAILED,
	STALLED,
	RECOVERED,
	RULE_REJECTED,
	STATE_FULL,
	N_METRICS,
};

static const struct metric_field failed_fields[] = {
	{ "reason", 1, UNIT_NONE, "What went wrong, for a person" },
	{ 0 },
};
static const struct metric_field stalled_fields[] = {
	{ "waited_ns", 0, UNIT_NS, "How long it has not answered" },
	{ "deadline_ns", 0, UNIT_NS, "How long it may take" },
	{ 0 },
};
static const struct metric_field rejected_fields[] = {
	{ "file", 1, UNIT_NONE, "File with line and column" },
	{ "rule", 1, UNIT_NONE, "Id of the rule" },
	{ "message", 1, UNIT_NONE, "Why it was refused" },
	{ 0 },
};

static const struct metric_desc metrics[N_METRICS] = {
	[CPU_RATIO] = { "whyd.cpu_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_NODE,
		"CPU time of the agent over wall time, 1 is one CPU", NULL, NULL },
	[MEMORY] = { "whyd.memory", METRIC_GAUGE, UNIT_BYTES, ENTITY_NODE,
		"Resident memory of the agent", NULL, NULL },
	[FDS] = { "whyd.fds", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE, "Open descriptors of the agent", NULL, NULL },
	[STATE_FREE] = { "whyd.state_dir_free_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_NODE,
		"Free share of the file system that holds the agent's state", NULL, NULL },
	[STATE_ERRORS] = { "whyd.state_errors", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
		"Failed writes of the agent's state", NULL, NULL },
	[DROPPED_SAMPLES] = { "whyd.dropped_samples", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
		"Samples dropped because a batch was full", NULL, NULL },
	[DROPPED_EVENTS] = { "whyd.dropped_events", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
		"Events dropped because a batch was full", NULL, NULL },
	[REFUSED_ENTITIES] = { "whyd.refused_entities", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
		"Entities refused because the graph was full", NULL, NULL },
	[BPF_DROPS] = { "whyd.bpf_drops", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
		"Records lost by full BPF buffers", NULL, NULL },
	[FAILED] = { "whyd.collector.failed", METRIC_EVENT, UNIT_NONE, ENTITY_COLLECTOR,
		"A collector cannot read its source; code is the errno", failed_fields, NULL },
	[STALLED] = { "whyd.collector.stalled", METRIC_EVENT, UNIT_NONE, ENTITY_COLLECTOR,
		"A collector does not answer within its deadline", stalled_fields, NULL },
	[RECOVERED] = { "whyd.collector.recovered", METRIC_EVENT, UNIT_NONE, ENTITY_COLLECTOR,
		"A collector that failed or stalled answers again", NULL, NULL },
	[RULE_REJECTED] = { "whyd.rule_rejected", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
		"A rule was refused and does not run", rejected_fields, NULL },
	[STATE_FULL] = { "whyd.state_full", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
		"The agent's state cannot be written; code is the errno", NULL, NULL },
};

struct self {
	long page_bytes;
	int statm_fd;
	uint64_t cpu_ns;
	mono_ns_t at, next_slow;
	bool has_cpu;
};

static struct self_counters counters;
static char state_dir[4096];

struct self_counters *self_counters(void)
{
	return &counters;
}

void self_set_state_dir(const char *path)
{
	(void)text_copy(state_dir, sizeof(state_dir), path ? path : "");
}

static int self_probe(const struct collect_env *env UNUSED, char *ret_reason UNUSED, size_t size UNUSED)
{
	return 0;
}

static int self_open(const struct collect_env *env, void **ret_state)
{
	struct self *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->page_bytes = env->page_bytes;
	s->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	*ret_state = s;
	return 0;
}

static uint64_t timeval_ns(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * NS_PER_S + (uint64_t)t->tv_usec * NS_PER_US;
}

static void sample_cpu(struct self *s, mono_ns_t now, struct batch *b, entity_id node)
{
	struct rusage usage;
	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return;
	uint64_t cpu_ns = timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime);
	if (s->has_cpu && now > s->at && cpu_ns >= s->cpu_ns)
		batch_sample(b, CPU_RATIO, node, (double)(cpu_ns - s->cpu_ns) / (double)(now - s->at));
	s->cpu_ns = cpu_ns;
	s->at = now;
	s->has_cpu = true;
}

static void sample_memory(const struct self *s, struct batch *b, entity_id node)
{
	char text[256];
	size_t len;
	uint64_t pages;
	if (s->statm_fd < 0 || file_reread(s->statm_fd, text, sizeof(text), &len) < 0)
		return;
	struct fields f = fields_of(text, len);
	if (fields_skip(&f, 1) && fields_u64(&f, &pages))
		batch_sample(b, MEMORY, node, (double)pages * (double)s->page_bytes);
}

static void sample_fds(struct batch *b, entity_id node)
{
	AUTO_CLOSEDIR DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;
	if (!dir)
		return;
	for (struct dirent *d = readdir(dir); d; d = readdir(dir))
		n += d->d_name[0] != '.';
	batch_sample(b, FDS, node, (double)(n - 1)); /* not the one that reads the folder */
}

static void sample_state_dir(struct batch *b, entity_id node)
{
	struct statvfs fs;
	if (!state_dir[0] || statvfs(state_dir, &fs) < 0 || fs.f_blocks == 0)
		return;
	batch_sample(b, STATE_FREE, node, (double)fs.f_bavail / (double)fs.f_blocks);
}

static int self_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct self *s = state;
	entity_id node = graph_node(out->graph);
	sample_cpu(s, now, out, node);
	sample_memory(s, out, node);
	sample_state_dir(out, node);
	if (now >= s->next_slow) {
		sample_fds(out, node);
		s->next_slow = now + SLOW_NS;
	}
	batch_sample(out, STATE_ERRORS, node, (double)counters.state_errors);
	batch_sample(out, DROPPED_SAMPLES, node, (double)counters.dropped_samples);
	batch_sample(out, DROPPED_EVENTS, node, (double)counters.dropped_events);
	batch_sample(out, REFUSED_ENTITIES, node, (double)counters.refused_entities);
	batch_sample(out, BPF_DROPS, node, (double)counters.bpf_drops);
	return 0;
}

static void self_close(void *state)
{
	struct self *s = state;
	if (s)
		cleanup_close(&s->statm_fd);
	free(s);
}

static struct event *emit(struct batch *b, uint32_t first, uint32_t metric, const char *collector, mono_ns_t at,
			  enum severity severity, int code)
{
	batch_set_metric_base(b, first);
	entity_id about = collector ? batch_entity(b, ENTITY_COLLECTOR, collector) : graph_node(b->graph);
	return batch_event(b, metric, about, at, severity, code);
}

void self_emit_failed(struct batch *b, uint32_t first, const char *collector, mono_ns_t at, int error,
		      const char *reason)
{
	int code = error < 0 ? -error : error;
	struct event *e = emit(b, first, FAILED, collector, at, SEVERITY_WARNING, code);
	batch_value_text(b, e, 0, reason);
	batch_message(b, e, "collector %s failed: %s", collector, reason && reason[0] ? reason : strerror(code));
}

void self_emit_stalled(struct batch *b, uint32_t first, const char *collector, mono_ns_t at, uint64_t waited_ns,
		       uint64_t deadline_ns)
{
	char waited[64];
	struct event *e = emit(b, first, STALLED, collector, at, SEVERITY_WARNING, ETIMEDOUT);
	batch_value_number(b, e, 0, (double)waited_ns);
	batch_value_number(b, e, 1, (double)deadline_ns);
	clock_format_duration(waited_ns, waited, sizeof(waited));
	batch_message(b, e, "collector %s has not answered for %s", collector, waited);
}

void self_emit_recovered(struct batch *b, uint32_t first, const char *collector, mono_ns_t at)
{
	struct event *e = emit(b, first, RECOVERED, collector, at, SEVERITY_INFO, 0);
	batch_message(b, e, "collector %s answers again", collector);
}

void self_emit_rule_rejected(struct batch *b, uint32_t first, mono_ns_t at, const char *file, const char *rule,
			     const char *message)
{
	struct event *e = emit(b, first, RULE_REJECTED, NULL, at, SEVERITY_WARNING, 0);
	batch_value_text(b, e, 0, file);
	batch_value_text(b, e, 1, rule);
	batch_value_text(b, e, 2, message);
	batch_message(b, e, "%s: rule %s was refused: %s", file ? file : "?", rule ? rule : "?",
		      message ? message : "?");
}

void self_emit_state_full(struct batch *b, uint32_t first, mono_ns_t at, int error)
{
	int code = error < 0 ? -error : error;
	struct event *e = emit(b, first, STATE_FULL, NULL, at, SEVERITY_WARNING, code);
	batch_message(b, e, "the agent's state cannot be written: %s", strerror(code));
}

const struct collector collector_self = {
	.name = "self",
	.help = "The agent's own cost, losses and blind spots",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.probe = self_probe,
	.open = self_open,
	.collect = self_collect,
	.close = self_close,
};
