// SPDX-License-Identifier: Apache-2.0
#include "collectors/gpu_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "collectors/kernlog_patterns.h"
#include "collectors/proc_facts.h"
#include "collectors/process.h"
#include "collectors/xid_catalogue.h"

#define MAX_PAIRS   256 /* a power of two: GPU and number, of this tick */
#define MAX_GPUS    64
#define MAX_WANTED  64
#define MAX_LOOKUPS 64 /* of /proc, a tick */
#define MAX_FAULTS  16 /* of programs, remembered for each GPU */
#define FAULTS_NS   (UINT64_C(86400) * NS_PER_S)
#define WANTED_NS   (5 * NS_PER_S)
#define NEAR_NS     (2 * NS_PER_S) /* first and last line of three */

/* A program's exception: another program's in the same place makes the GPU suspect. */
struct fault {
	uint32_t code, pid;
	int gpc, tpc;
	mono_ns_t at; /* 0: free */
};

struct gpu {
	entity_id entity; /* ENTITY_NONE: free */
	uint64_t lines;
	struct fault faults[MAX_FAULTS];
	unsigned next_fault;
};

/* One number about one GPU or switch, in this tick. */
struct pair {
	uint64_t what; /* address and number, 0: free */
	entity_id entity;
	bool is_switch, simulated;
	uint32_t code;
	unsigned told;
	uint64_t untold;
	char line[240]; /* the last */
};

struct gpu_log {
	int root_fd;
	long ticks_per_s;
	unsigned driver; /* its first number, 0 unknown */
	bool looked_for_driver;
	unsigned n_told, n_lookups; /* in this tick */
	struct pair pairs[MAX_PAIRS];
	struct gpu gpus[MAX_GPUS];
	struct {
		uint32_t pid; /* 0: free */
		entity_id gpu;
		mono_ns_t at;
	} wanted[MAX_WANTED];
	unsigned n_wanted;
	char named[24]; /* address in the last line that named one */
	mono_ns_t named_at;
};

int gpu_log_new(const struct collect_env *env, struct gpu_log **ret_log)
{
	struct gpu_log *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->root_fd = env->root_fd;
	g->ticks_per_s = env->ticks_per_s;
	*ret_log = g;
	return 0;
}

void gpu_log_free(struct gpu_log **g)
{
	free(*g);
	*g = NULL;
}

/* ---- driver ---- */

static void note_version(struct gpu_log *g, const struct xid_line *x)
{
	g->driver = 0;
	for (size_t i = 0; i < x->detail_len && x->detail[i] >= '0' && x->detail[i] <= '9' && g->driver < 100000; i++)
		g->driver = g->driver * 10 + (unsigned)(x->detail[i] - '0');
}

static unsigned driver_generation(struct gpu_log *g)
{
	char text[1024];
	size_t len = 0;
	struct xid_line x;

	if (g->driver == 0 && !g->looked_for_driver && g->root_fd >= 0) {
		g->looked_for_driver = true;
		if (file_read_at(g->root_fd, "proc/driver/nvidia/version", text, sizeof(text), &len) == 0 &&
		    xid_line_parse(text, strcspn(text, "\n"), &x) == 0 && x.kind == XID_LINE_LOADED)
			note_version(g, &x);
	}
	return g->driver;
}

static void text_of(char *ret_text, size_t size, const struct xid_line *x)
{
	snprintf(ret_text, size, "%.*s", (int)MIN_OF(x->detail_len, (size_t)BATCH_MAX_TEXT), x->detail);
}

static bool tell_driver(struct gpu_log *g, const struct xid_line *x, const char *line, size_t len, mono_ns_t at,
			bool simulated, struct batch *out)
{
	static const char *const states[] = { [XID_LINE_LOADED] = "loaded", [XID_LINE_UNLOADED] = "unloaded",
					      [XID_LINE_MISMATCH] = "mismatch" };
	char detail[BATCH_MAX_TEXT];

	if (x->kind == XID_LINE_LOADED)
		note_version(g, x);
	if (g->n_told >= GPU_LOG_EVENTS)
		return false;
	g->n_told++;
	struct event *e = batch_event(out, KERNLOG_GPU_DRIVER, graph_node(out->graph), at,
				      x->kind == XID_LINE_MISMATCH ? SEVERITY_WARNING : SEVERITY_INFO, 0);
	if (!e)
		return true;
	e->simulated = simulated;
	text_of(detail, sizeof(detail), x);
	batch_value_text(out, e, GPU_DRIVER_FIELD_STATE, states[x->kind]);
	batch_value_text(out, e, GPU_DRIVER_FIELD_DETAIL, detail);
	batch_message(out, e, "%.*s", (int)len, line);
	return true;
}

/* ---- GPUs ---- */

static struct gpu *gpu_of(struct gpu_log *g, entity_id entity)
{
	if (entity == ENTITY_NONE)
		return NULL;
	for (size_t i = 0; i < MAX_GPUS; i++) {
		if (g->gpus[i].entity == ENTITY_NONE)
			g->gpus[i].entity = entity;
		if (g->gpus[i].entity == entity)
			return &g->gpus[i];
	}
	return NULL;
}

static bool same_place(const struct fault *f, const struct xid_line *x)
{
	bool known = f->gpc >= 0 && f->tpc >= 0 && x->gpc >= 0 && x->tpc >= 0;

	return f->code == x->code && (!known || (f->gpc == x->gpc && f->tpc == x->tpc));
}

/* How many programs made this fault in this place within a day, this one included. */
static unsigned count_programs(struct gpu *gpu, const struct xid_line *x, mono_ns_t at)
{
	unsigned others = 0;
	bool known = false;

	for (size_t i = 0; i < MAX_FAULTS; i++) {
		const struct fault *f = &gpu->faults[i];
		if (f->at == 0 || mono_since(f->at, at) > FAULTS_NS || !same_place(f, x))
			continue;
		known |= f->pid == x->pid;
		others += f->pid != x->pid;
	}
	if (!known) {
		gpu->faults[gpu->next_fault] = (struct fault){ x->code, x->pid, x->gpc, x->tpc, at ? at : 1 };
		gpu->next_fault = (gpu->next_fault + 1) % MAX_FAULTS;
	}
	return others + 1;
}

/* ---- processes ---- */

static entity_id process_in_graph(const struct graph *graph, uint32_t pid, mono_ns_t now)
{
	entity_id best = ENTITY_NONE, id;
	uint64_t best_start = 0, start;
	size_t cursor = 0;
	uint32_t other;
	mono_ns_t gone;

	while ((id = graph_next_even_gone(graph, ENTITY_PROCESS, &cursor)) != ENTITY_NONE) {
		if (process_key_parse(graph_key(graph, id), &other, &start) < 0 || other != pid || start < best_start)
			continue;
		if (graph_is_gone(graph, id, &gone) && mono_since(gone, now) > WANTED_NS)
			continue;
		best = id;
		best_start = start;
	}
	return best;
}

static entity_id process_in_proc(const struct gpu_log *g, uint32_t pid, mono_ns_t at, struct batch *out)
{
	char key[PROCESS_KEY_MAX], comm[PROCESS_COMM_MAX], path[PROC_FACTS_PATH_BYTES];
	struct cgroup_form form;
	struct proc_stat stat;
	AUTO_CLOSE int fd = -1;

	if (g->root_fd < 0 || proc_facts_open(g->root_fd, pid, &fd) < 0 || proc_facts_stat(fd, &stat) < 0 ||
		stat.pid != pid)
		return ENTITY_NONE;
	uint64_t start_ns = g->ticks_per_s > 0 ? stat.start_ticks * (NS_PER_S / (uint64_t)g->ticks_per_s) : 0;
	if (at != out->now && start_ns > at) /* of a line from before we were there: the pid is in use again */
		return ENTITY_NONE;
	snprintf(key, sizeof(key), "%u/%llu", pid, (unsigned long long)stat.start_ticks);
	entity_id known = graph_find(out->graph, ENTITY_PROCESS, key);
	if (known != ENTITY_NONE)
		return known;
	entity_id id = batch_entity(out, ENTITY_PROCESS, key);
	process_comm(stat.comm, comm);
	batch_attr_u64(out, id, "pid", pid);
	batch_attr(out, id, "comm", comm);
	batch_attr_u64(out, id, "uid", stat.uid);
	batch_attr_u64(out, id, "ppid", stat.ppid);
	entity_id cgroup = proc_facts_cgroup(fd, path, &form) == 0 ? graph_find(out->graph, ENTITY_CGROUP, path) :
		ENTITY_NONE;
	if (cgroup != ENTITY_NONE)
		batch_link(out, EDGE_IN, id, cgroup);
	return id;
}

/* Now or never: it may end at any moment, and its pid be used again. */
static void find_process(struct gpu_log *g, uint32_t pid, entity_id gpu, mono_ns_t at, struct batch *out)
{
	entity_id process = ENTITY_NONE;

	if (g->n_lookups < MAX_LOOKUPS) {
		g->n_lookups++;
		process = process_in_proc(g, pid, at, out);
		if (process == ENTITY_NONE)
			process = process_in_graph(out->graph, pid, out->now);
	}
	if (process != ENTITY_NONE) {
		batch_link(out, EDGE_USES, process, gpu);
		return;
	}
	for (size_t i = 0; i < MAX_WANTED; i++) {
		if (g->wanted[i].pid != 0 && (g->wanted[i].pid != pid || g->wanted[i].gpu != gpu))
			continue;
		g->n_wanted += g->wanted[i].pid == 0;
		g->wanted[i].pid = pid;
		g->wanted[i].gpu = gpu;
		g->wanted[i].at = out->now;
		return;
	}
}

/* ---- events ---- */

/* One more of this number about this thing: NULL when there is no place to count it apart. */
static struct pair *pair_of(struct gpu_log *g, entity_id entity, const struct xid_line *x)
{
	bool is_switch = x->kind == XID_LINE_SXID;
	uint64_t key[2] = { text_hash(x->pci, strlen(x->pci)), (uint64_t)x->code << 1 | is_switch };
	uint64_t what = text_hash(key, sizeof(key)) | 1;
	size_t at = (what >> 1) & (MAX_PAIRS - 1);

	for (unsigned probe = 0; probe < 16; probe++, at = (at + 1) & (MAX_PAIRS - 1)) {
		struct pair *p = &g->pairs[at];
		if (p->what == 0)
			*p = (struct pair){ .what = what, .entity = entity, .code = x->code, .is_switch = is_switch };
		if (p->what == what)
			return p;
	}
	return NULL;
}

/* 1: tell it; 0: it is counted and told later; -1: left out. */
static int may_tell(struct gpu_log *g, struct pair *p, const char *line, size_t len, bool simulated)
{
	if (p && p->told >= GPU_LOG_TOLD) {
		p->untold++;
		p->simulated = simulated;
		snprintf(p->line, sizeof(p->line), "%.*s", (int)MIN_OF(len, sizeof(p->line) - 1), line);
		return 0;
	}
	if (g->n_told >= GPU_LOG_EVENTS)
		return -1;
	g->n_told++;
	if (p)
		p->told++;
	return 1;
}

/* The part of the chip that the message names. */
static void write_unit(struct batch *out, struct event *e, const struct xid_line *x, const char *nvlink_unit)
{
	static const char engine[] = "ENGINE ";
	char text[64] = "";
	const char *at = memmem(x->detail, x->detail_len, engine, sizeof(engine) - 1);

	if (x->gpc >= 0 && x->tpc >= 0)
		snprintf(text, sizeof(text), "GPC %d TPC %d", x->gpc, x->tpc);
	else if (nvlink_unit)
		(void)text_copy(text, sizeof(text), nvlink_unit);
	else if (at) {
		const char *end = x->detail + x->detail_len, *word = at + sizeof(engine) - 1;
		int n = 0;
		while (word + n < end && word[n] != ' ' && n < 40)
			n++;
		snprintf(text, sizeof(text), "%.*s", n, word);
	} else {
		(void)text_copy(text, sizeof(text), x->instance);
	}
	if (text[0])
		batch_value_text(out, e, XID_FIELD_UNIT, text);
	if (x->link >= 0)
		batch_value_number(out, e, XID_FIELD_LINK, x->link);
}

static void write_xid(struct gpu_log *g, struct event *e, const struct xid_line *x, struct batch *out)
{
	const struct xid_meaning *m = xid_catalogue_find(x->code);
	enum xid_advice advice = m ? m->advice : XID_CONTACT_VENDOR;
	const char *unit = NULL, *says = xid_advice_name(advice);
	char detail[BATCH_MAX_TEXT];
	struct nvlink_message nv;

	if (advice == XID_DECODE) {
		const struct nvlink_error *n = NULL;
		bool read = xid_line_nvlink(x, &nv);
		if (read)
			n = nvlink_error_find(x->code, nv.unit, nv.info, nv.status, driver_generation(g));
		unit = n ? n->unit : read ? nv.unit : NULL;
		/* What is in no table is as bad as the driver calls it. */
		advice = n ? n->advice : read && !nv.fatal ? XID_NOTHING : XID_RESET_GPU;
		says = xid_advice_name(advice);
		e->severity = advice == XID_RESET_GPU ? SEVERITY_CRITICAL : SEVERITY_INFO;
	} else if (advice == XID_DRIVER_SAYS) {
		int asked = xid_line_recovery(x);
		says = asked < 0 ? "unknown" : xid_advice_name((enum xid_advice)asked);
	}
	text_of(detail, sizeof(detail), x);
	if (x->has_pid)
		batch_value_number(out, e, XID_FIELD_PID, x->pid);
	if (x->comm[0])
		batch_value_text(out, e, XID_FIELD_COMM, x->comm);
	batch_value_text(out, e, XID_FIELD_DETAIL, detail);
	batch_value_text(out, e, XID_FIELD_NAME, m ? m->name : "unknown");
	batch_value_text(out, e, XID_FIELD_MEANING, m ? m->meaning : "not in the catalogue of this version");
	batch_value_text(out, e, XID_FIELD_SUSPECT, xid_suspect_name(m ? m->suspect : XID_UNKNOWN));
	batch_value_text(out, e, XID_FIELD_ADVICE, says);
	write_unit(out, e, x, unit);
}

static struct event *start_event(const struct xid_line *x, entity_id entity, mono_ns_t at, bool simulated,
	const char *line,
				 size_t len, struct batch *out)
{
	const struct xid_meaning *m = xid_catalogue_find(x->code);
	bool is_switch = x->kind == XID_LINE_SXID;
	struct event *e = batch_event(out, is_switch ? KERNLOG_SXID : KERNLOG_XID, entity, at,
				      !is_switch && m ? m->severity : SEVERITY_WARNING, (int32_t)(x->code & INT32_MAX));

	if (e) {
		e->simulated = simulated;
		batch_message(out, e, "%.*s", (int)len, line);
	}
	return e;
}

static void write_sxid(struct event *e, const struct xid_line *x, struct batch *out)
{
	const struct sxid_meaning *m = sxid_catalogue_find(x->code);
	bool listed_fatal = m && (m->fatal == SXID_FATAL || m->fatal == SXID_ALWAYS);
	bool always = m && m->fatal == SXID_ALWAYS;
	/* The line outranks the table. */
	bool fatal = always || x->says_fatal || (listed_fatal && !x->says_nonfatal);
	enum xid_advice advice = !m ? XID_CONTACT_VENDOR : fatal && m->advice == XID_NOTHING ? XID_RESET_GPU : m->advice;
	char detail[BATCH_MAX_TEXT];

	e->severity = fatal ? SEVERITY_CRITICAL : m && m->fatal == SXID_HARMLESS ? SEVERITY_INFO : SEVERITY_WARNING;
	text_of(detail, sizeof(detail), x);
	batch_value_text(out, e, SXID_FIELD_SWITCH, x->pci);
	if (x->link >= 0)
		batch_value_number(out, e, SXID_FIELD_LINK, x->link);
	batch_value_text(out, e, SXID_FIELD_REACH, fatal ? "fatal" : !m && !x->says_nonfatal ? "unknown" : "nonfatal");
	batch_value_text(out, e, SXID_FIELD_ADVICE, xid_advice_name(fatal || !m ? advice : XID_NOTHING));
	batch_value_text(out, e, SXID_FIELD_MEANING, m ? m->meaning : "not in the catalogue of this version");
	batch_value_text(out, e, SXID_FIELD_DETAIL, detail);
}

static bool tell_sxid(struct gpu_log *g, const struct xid_line *x, const char *line, size_t len, mono_ns_t at,
	bool simulated,
		      struct batch *out)
{
	entity_id node = graph_node(out->graph);
	int may = may_tell(g, pair_of(g, node, x), line, len, simulated);
	struct event *e = may > 0 ? start_event(x, node, at, simulated, line, len, out) : NULL;

	if (e) {
		write_sxid(e, x, out);
		batch_value_number(out, e, SXID_FIELD_LINES, 1);
	}
	return may >= 0;
}

static bool tell_xid(struct gpu_log *g, const struct xid_line *x, const char *line, size_t len, mono_ns_t at,
	bool simulated,
		     struct batch *out)
{
	entity_id entity = batch_entity(out, ENTITY_GPU, x->pci);
	struct gpu *gpu = gpu_of(g, entity);
	unsigned programs = 0;

	if (gpu) {
		gpu->lines++;
		if (x->has_pid && (x->code == 13 || x->code == 31))
			programs = count_programs(gpu, x, at);
	}
	int may = may_tell(g, pair_of(g, entity, x), line, len, simulated);
	if (x->has_pid && may > 0)
		find_process(g, x->pid, entity, at, out);
	struct event *e = may > 0 ? start_event(x, entity, at, simulated, line, len, out) : NULL;
	if (e) {
		write_xid(g, e, x, out);
		if (programs)
			batch_value_number(out, e, XID_FIELD_PROGRAMS, programs);
		batch_value_number(out, e, XID_FIELD_LINES, 1);
	}
	return may >= 0;
}

bool gpu_log_take(struct gpu_log *g, const struct xid_line *x, const char *line, size_t len, mono_ns_t at, bool simulated,
		  struct batch *out)
{
	struct xid_line fell = *x;
	char detail[BATCH_MAX_TEXT];

	if (x->kind == XID_LINE_UUID || x->kind == XID_LINE_NAMED) {
		(void)text_copy(g->named, sizeof(g->named), x->pci);
		g->named_at = out->now;
	}
	text_of(detail, sizeof(detail), x);
	switch (x->kind) {
	case XID_LINE_XID: return tell_xid(g, x, line, len, at, simulated, out);
	case XID_LINE_SXID: return tell_sxid(g, x, line, len, at, simulated, out);
	case XID_LINE_UUID: batch_attr(out, batch_entity(out, ENTITY_GPU, x->pci), "uuid", detail); return true;
	case XID_LINE_SERIAL:
		if (g->named[0] && mono_since(g->named_at, out->now) <= NEAR_NS)
			batch_attr(out, batch_entity(out, ENTITY_GPU, g->named), "serial", detail);
		return true;
	case XID_LINE_FELL:
		if (!g->named[0] || mono_since(g->named_at, out->now) > NEAR_NS)
			return true;
		fell.kind = XID_LINE_XID;
		fell.code = 79;
		(void)text_copy(fell.pci, sizeof(fell.pci), g->named);
		return tell_xid(g, &fell, line, len, at, simulated, out);
	case XID_LINE_NAMED: return true;
	default: return tell_driver(g, x, line, len, at, simulated, out);
	}
}

/* ---- once a tick ---- */

static void tell_rest(struct gpu_log *g, const struct pair *p, mono_ns_t now, struct batch *out)
{
	struct xid_line x;
	size_t len = strlen(p->line);

	if (xid_line_parse(p->line, len, &x) < 0 || x.code != p->code)
		return;
	x.has_pid = false; /* of many lines, perhaps of many programs */
	struct event *e = start_event(&x, p->entity, now, p->simulated, p->line, len, out);
	if (!e)
		return;
	if (p->is_switch)
		write_sxid(e, &x, out);
	else
		write_xid(g, e, &x, out);
	batch_value_number(out, e, p->is_switch ? SXID_FIELD_LINES : XID_FIELD_LINES, (double)p->untold);
}

void gpu_log_collect(struct gpu_log *g, mono_ns_t now, struct batch *out)
{
	for (size_t i = 0; i < MAX_PAIRS; i++)
		if (g->pairs[i].untold)
			tell_rest(g, &g->pairs[i], now, out);
	memset(g->pairs, 0, sizeof(g->pairs));
	g->n_told = g->n_lookups = 0;
	g->looked_for_driver = false;
	for (size_t i = 0; i < MAX_GPUS && g->gpus[i].entity != ENTITY_NONE; i++) {
		if (!graph_exists(out->graph, g->gpus[i].entity)) {
			memmove(&g->gpus[i], &g->gpus[i + 1], (MAX_GPUS - 1 - i) * sizeof(g->gpus[0]));
			memset(&g->gpus[MAX_GPUS - 1], 0, sizeof(g->gpus[0]));
			i--;
			continue;
		}
		batch_sample(out, KERNLOG_XID_LINES, g->gpus[i].entity, (double)g->gpus[i].lines);
	}
}

void gpu_log_settle(struct gpu_log *g, mono_ns_t now, struct batch *out)
{
	for (size_t i = 0; i < MAX_WANTED && g->n_wanted > 0; i++) {
		if (g->wanted[i].pid == 0)
			continue;
		entity_id process = process_in_graph(out->graph, g->wanted[i].pid, now);
		if (process != ENTITY_NONE)
			batch_link(out, EDGE_USES, process, g->wanted[i].gpu);
		if (process != ENTITY_NONE || mono_since(g->wanted[i].at, now) > WANTED_NS) {
			g->wanted[i].pid = 0;
			g->n_wanted--;
		}
	}
}
