// SPDX-License-Identifier: Apache-2.0
/* Pressure stall information of the node and of cgroups that hold tasks: shares of time each second, and triggers that
 * the kernel itself raises, delivered through one epoll descriptor.
 *
 * The kernel forgets that a trigger fired as soon as anybody polls it. A loop that polls our epoll descriptor does so on
 * the way, and epoll_wait() then finds nothing (seen on 6.18). So a wake-up says only that some trigger fired; which one
 * is read off the totals, over the time since the reading before the last. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/file.h"

#include "collectors/cgroup_tree.h"
#include "collectors/collector.h"
#include "collectors/fields.h"

#define MAX_CGROUPS  512 /* whose pressure is read; each costs three descriptors */
#define MAX_TRIGGERS 256 /* kernel triggers of cgroups; each costs kernel work while it is armed */
#define SCAN_NS      (100 * NS_PER_MS) /* between two looks at all armed triggers */
#define GRACE_NS     (30 * NS_PER_S) /* a cgroup calm for so long gives up its triggers and is read more rarely */
#define CALM_TICKS   3

/* What the kernel is asked: stalled for so long within the window. A window that is a multiple of two seconds is
 * allowed without CAP_SYS_RESOURCE since 6.6. */
#define STALL_US       150000
#define WINDOW_US      1000000
#define WIDE_STALL_US  300000
#define WIDE_WINDOW_US 2000000

enum resource { CPU, MEMORY, IO, N_RESOURCES };
enum share { SOME, FULL, N_SHARES };

enum {
	NODE_CPU_SOME, /* + 2 * resource + share */
	NODE_LAST = NODE_CPU_SOME + N_RESOURCES * N_SHARES - 1,
	CGROUP_CPU_SOME,
	CGROUP_LAST = CGROUP_CPU_SOME + N_RESOURCES * N_SHARES - 1,
	NODE_TRIGGER,
	CGROUP_TRIGGER,
	N_METRICS,
};

static const struct metric_field trigger_fields[] = {
	{ "resource", 1, UNIT_NONE, "cpu, memory or io" },
	{ "kind", 1, UNIT_NONE, "some: at least one task stalled; full: all did" },
	{ "threshold_ratio", 0, UNIT_RATIO, "Stalled share of the window above which the kernel says so" },
	{ 0 },
};

#define NODE(what, help)   { "node.psi." what "_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_NODE, help, NULL, NULL }
#define CGROUP(what, help) { "cgroup.psi." what "_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_CGROUP, help, NULL, NULL }
#define SIX(first, macro)                                                                                              \
	[(first) + 0] = macro("cpu.some", "Share of time in which some task waited for a CPU"),                        \
	[(first) + 1] = macro("cpu.full", "Share of time in which all tasks waited for a CPU"),                        \
	[(first) + 2] = macro("memory.some", "Share of time in which some task waited for memory"),                    \
	[(first) + 3] = macro("memory.full", "Share of time in which all tasks waited for memory"),                    \
	[(first) + 4] = macro("io.some", "Share of time in which some task waited for storage"),                       \
	[(first) + 5] = macro("io.full", "Share of time in which all tasks waited for storage")

static const struct metric_desc metrics[N_METRICS] = {
	SIX(NODE_CPU_SOME, NODE),
	SIX(CGROUP_CPU_SOME, CGROUP),
	[NODE_TRIGGER] = { "node.psi.trigger", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
			   "The kernel saw tasks of the node stall for longer than the threshold", trigger_fields, NULL },
	[CGROUP_TRIGGER] = { "cgroup.psi.trigger", METRIC_EVENT, UNIT_NONE, ENTITY_CGROUP,
			     "The kernel saw tasks of the cgroup stall for longer than the threshold",
			     trigger_fields, NULL },
};

static const char *const resource_names[N_RESOURCES] = { "cpu", "memory", "io" };

struct gauge {
	int fd; /* -1: not there */
	uint64_t total_us[N_SHARES];
	uint64_t before_us; /* `some` one reading earlier */
	bool known[N_SHARES];
};

/* A trigger lives as long as its descriptor. */
struct trigger {
	int fd;
	mono_ns_t said; /* when it was last reported */
};

struct group {
	uint32_t birth; /* 0: unused slot */
	uint32_t slot;  /* in the tree */
	bool node;
	mono_ns_t born, at, stalled_at; /* first and last reading; last time anything stalled */
	struct gauge gauges[N_RESOURCES];
	struct trigger triggers[N_RESOURCES];
};

struct pressure {
	int root_fd, epoll_fd;
	bool use_triggers;
	int trigger_error; /* why the node's triggers could not be armed; 0: they are */
	bool wide;         /* the narrow window was refused */
	bool woken;        /* something fired that was not looked for yet */
	mono_ns_t scanned;
	unsigned tick;
	struct cgroup_tree *tree; /* NULL: no cgroups */
	size_t n_triggers, n_groups;
	struct group node;
	struct group groups[MAX_CGROUPS];
	uint16_t of_slot[CGROUP_TREE_MAX_NODES]; /* group + 1; 0 none */
};

static int pressure_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	char text[256];
	int r = file_read_at(env->root_fd, "proc/pressure/cpu", text, sizeof(text), NULL);
	if (r == -ENOENT)
		snprintf(ret_reason, size, "the kernel has no /proc/pressure: it lacks CONFIG_PSI");
	else if (r == -EOPNOTSUPP)
		snprintf(ret_reason, size, "pressure accounting is off: boot the kernel with psi=1");
	else if (r < 0)
		snprintf(ret_reason, size, "/proc/pressure/cpu cannot be read: %s", strerror(-r));
	return r == -EOPNOTSUPP ? -ENOSYS : r;
}

/* ---- groups ---- */

static void group_init(struct group *g)
{
	memset(g, 0, sizeof(*g));
	for (size_t r = 0; r < N_RESOURCES; r++) {
		g->gauges[r].fd = -1;
		g->triggers[r].fd = -1;
	}
}

static void group_disarm(struct pressure *p, struct group *g)
{
	for (size_t r = 0; r < N_RESOURCES; r++) {
		if (g->triggers[r].fd < 0)
			continue;
		close(g->triggers[r].fd); /* leaves the epoll set with it */
		g->triggers[r].fd = -1;
		if (!g->node)
			p->n_triggers--;
	}
}

static void group_close(struct pressure *p, struct group *g)
{
	group_disarm(p, g);
	for (size_t r = 0; r < N_RESOURCES; r++) {
		cleanup_close(&g->gauges[r].fd);
		g->gauges[r].fd = -1;
	}
}

static int open_file(const struct pressure *p, const struct group *g, enum resource r, int flags)
{
	char name[64];
	int fd = -1;
	if (g->node) {
		snprintf(name, sizeof(name), "proc/pressure/%s", resource_names[r]);
		fd = openat(p->root_fd, name, flags | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	const struct cgroup_node *n = cgroup_tree_at(p->tree, g->slot);
	snprintf(name, sizeof(name), "%s.pressure", resource_names[r]);
	int error = n ? cgroup_tree_open_file(p->tree, n, CGROUP_HIER_UNIFIED, name, flags, &fd) : -ENOENT;
	return error < 0 ? error : fd;
}

/* Writes one trigger. The kernel without CAP_SYS_RESOURCE refuses windows that are no multiple of 2 s (-EINVAL), and
 * older kernels refuse all (-EPERM). */
static int arm(struct pressure *p, struct group *g, enum resource r)
{
	char request[64];
	AUTO_CLOSE int fd = open_file(p, g, r, O_RDWR | O_NONBLOCK);
	if (fd < 0)
		return fd;
	for (int wide = p->wide; wide <= 1; wide++) {
		int n = snprintf(request, sizeof(request), "some %d %d", wide ? WIDE_STALL_US : STALL_US,
				 wide ? WIDE_WINDOW_US : WINDOW_US);
		if (write(fd, request, (size_t)n + 1) > 0) {
			p->wide = wide;
			break;
		}
		if (wide || (errno != EINVAL && errno != EPERM))
			return -errno;
	}
	/* Edges: the trigger of a cgroup that is gone is in error for ever, and would keep the loop awake. */
	struct epoll_event e = { .events = EPOLLPRI | EPOLLET, .data.fd = fd };
	if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		return -errno;
	g->triggers[r] = (struct trigger){ .fd = TAKE_FD(fd) };
	return 0;
}

static void group_open(struct pressure *p, struct group *g)
{
	for (size_t r = 0; r < N_RESOURCES; r++) {
		int fd = open_file(p, g, (enum resource)r, O_RDONLY);
		g->gauges[r].fd = fd < 0 ? -1 : fd;
	}
}

static void pressure_close(void *state)
{
	struct pressure *p = state;
	if (!p)
		return;
	group_close(p, &p->node);
	for (size_t i = 0; i < MAX_CGROUPS; i++)
		group_close(p, &p->groups[i]);
	cleanup_close(&p->epoll_fd);
	cgroup_tree_close(&p->tree);
	free(p);
}

static int pressure_open(const struct collect_env *env, void **ret_state)
{
	struct pressure *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->root_fd = env->root_fd;
	p->use_triggers = !env->fixture;
	group_init(&p->node);
	for (size_t i = 0; i < MAX_CGROUPS; i++)
		group_init(&p->groups[i]);
	p->node.node = true;
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll_fd < 0) {
		int r = -errno;
		pressure_close(p);
		return r;
	}
	if (cgroup_tree_open(env, &p->tree) < 0)
		p->tree = NULL;
	group_open(p, &p->node);
	for (size_t r = 0; p->use_triggers && r < N_RESOURCES; r++) {
		int error = arm(p, &p->node, (enum resource)r);
		if (error < 0)
			p->trigger_error = error;
	}
	*ret_state = p;
	return 0;
}

/* ---- each second ---- */

/* The kernel gives such a file whole in one read: asking for its end would double the cost. */
static bool read_gauge(const struct gauge *gauge, char *ret_text, size_t size, size_t *ret_len)
{
	ssize_t n = gauge->fd < 0 ? -1 : pread(gauge->fd, ret_text, size, 0);
	*ret_len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=123"; "full ..." may be missing for cpu. */
static bool sample_gauge(struct gauge *gauge, double elapsed_us, uint32_t metric, entity_id e, struct batch *b)
{
	static const char *const names[N_SHARES] = { "some", "full" };
	char text[512];
	size_t len;
	bool stalled = false;
	if (!read_gauge(gauge, text, sizeof(text), &len))
		return false;
	struct fields rest = fields_of(text, len), line;
	while (fields_line(&rest, &line))
		for (size_t s = 0; s < N_SHARES; s++) {
			struct fields words = line;
			uint64_t total;
			if (!fields_is(&words, names[s]) || !fields_assigned(words, "total", &total))
				continue;
			if (gauge->known[s] && total >= gauge->total_us[s] && elapsed_us > 0) {
				double ratio = (double)(total - gauge->total_us[s]) / elapsed_us;
				batch_sample(b, metric + (uint32_t)s, e, ratio > 1 ? 1 : ratio);
				stalled = stalled || ratio > 0.01;
			}
			if (s == SOME)
				gauge->before_us = gauge->known[s] ? gauge->total_us[s] : total;
			gauge->total_us[s] = total;
			gauge->known[s] = true;
		}
	return stalled;
}

static void sample_group(struct group *g, mono_ns_t now, entity_id e, struct batch *b)
{
	uint32_t first = g->node ? NODE_CPU_SOME : CGROUP_CPU_SOME;
	double elapsed_us = (double)mono_since(g->at, now) / (double)NS_PER_US;
	for (uint32_t r = 0; r < N_RESOURCES; r++)
		if (sample_gauge(&g->gauges[r], g->at ? elapsed_us : 0, first + r * N_SHARES, e, b))
			g->stalled_at = now;
	g->at = now;
	if (!g->born)
		g->born = now;
}

static bool is_calm(const struct group *g, mono_ns_t now)
{
	return g->born && mono_since(MAX_OF(g->stalled_at, g->born), now) > GRACE_NS;
}

/* A trigger costs the kernel work while anything stalls, and there are only so many: a cgroup gets its memory and I/O
 * triggers when it first shows pressure, and gives them up when it has been calm for a while. */
static void arrange_triggers(struct pressure *p, struct group *g, mono_ns_t now)
{
	bool armed = g->triggers[MEMORY].fd >= 0;
	if (!p->use_triggers || p->trigger_error)
		return;
	if (armed && is_calm(g, now)) {
		group_disarm(p, g);
		return;
	}
	if (armed || g->stalled_at != now)
		return;
	for (enum resource r = CPU; r < N_RESOURCES && p->n_triggers < MAX_TRIGGERS; r++)
		if (g->triggers[r].fd < 0 && arm(p, g, r) == 0)
			p->n_triggers++;
}

/* Groups follow the tree: leaves and inner cgroups alike, while there is room. */
static void follow_tree(struct pressure *p)
{
	const struct cgroup_node *n;
	size_t cursor = 0;
	for (size_t i = 0; i < MAX_CGROUPS; i++) {
		struct group *g = &p->groups[i];
		if (!g->birth)
			continue;
		n = cgroup_tree_at(p->tree, g->slot);
		if (n && n->birth == g->birth)
			continue;
		p->of_slot[g->slot] = 0;
		group_close(p, g);
		group_init(g);
		p->n_groups--;
	}
	size_t place = 0;
	while (p->n_groups < MAX_CGROUPS && (n = cgroup_tree_next(p->tree, &cursor))) {
		/* The root's pressure is the node's. */
		if (n->parent == n->index || p->of_slot[n->index] || !n->id[CGROUP_HIER_UNIFIED])
			continue;
		while (p->groups[place].birth)
			place++;
		struct group *g = &p->groups[place];
		g->birth = n->birth;
		g->slot = n->index;
		p->of_slot[n->index] = (uint16_t)(place + 1);
		p->n_groups++;
		group_open(p, g);
	}
}

static unsigned scan_triggers(struct pressure *p, struct batch *b);

static int pressure_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct pressure *p = state;
	if (p->woken)
		(void)scan_triggers(p, out);
	sample_group(&p->node, now, graph_node(out->graph), out);
	if (!p->tree)
		return 0;
	p->tick++;
	cgroup_tree_refresh(p->tree, now, out);
	follow_tree(p);
	for (size_t i = 0; i < MAX_CGROUPS; i++) {
		struct group *g = &p->groups[i];
		const struct cgroup_node *n = g->birth ? cgroup_tree_at(p->tree, g->slot) : NULL;
		if (!n || ((p->tick + i) % CALM_TICKS != 0 && is_calm(g, now)))
			continue;
		sample_group(g, now, cgroup_tree_entity_of_node(p->tree, n, out), out);
		arrange_triggers(p, g, now);
	}
	return 0;
}

/* ---- triggers ---- */

static int pressure_event_fd(void *state)
{
	struct pressure *p = state;
	return p->use_triggers ? p->epoll_fd : -1;
}

static void emit_trigger(struct pressure *p, struct group *g, enum resource r, struct batch *b)
{
	const struct cgroup_node *n = g->node ? NULL : cgroup_tree_at(p->tree, g->slot);
	double threshold = p->wide ? (double)WIDE_STALL_US / WIDE_WINDOW_US : (double)STALL_US / WINDOW_US;
	entity_id e = n ? cgroup_tree_entity_of_node(p->tree, n, b) : graph_node(b->graph);
	struct event *event = batch_event(b, g->node ? NODE_TRIGGER : CGROUP_TRIGGER, e, b->now, SEVERITY_INFO, 0);
	batch_value_text(b, event, 0, resource_names[r]);
	batch_value_text(b, event, 1, "some");
	batch_value_number(b, event, 2, threshold);
	batch_message(b, event, "tasks of %s stalled on %s for more than %.0f %% of %d s", n ? n->path : "the node",
		      resource_names[r], threshold * 100, p->wide ? 2 : 1);
	g->triggers[r].said = b->now;
}

static bool has_stalled(const struct pressure *p, const struct gauge *gauge)
{
	char text[512];
	size_t len;
	struct fields line;
	uint64_t total;
	if (!gauge->known[SOME] || !read_gauge(gauge, text, sizeof(text), &len))
		return false;
	struct fields rest = fields_of(text, len);
	return fields_line(&rest, &line) && fields_is(&line, "some") && fields_assigned(line, "total", &total) &&
	       total >= gauge->before_us + (p->wide ? WIDE_STALL_US : STALL_US);
}

static unsigned scan_group(struct pressure *p, struct group *g, struct batch *b)
{
	uint64_t window_ns = (p->wide ? WIDE_WINDOW_US : WINDOW_US) * NS_PER_US;
	const struct cgroup_node *n = g->node ? NULL : cgroup_tree_at(p->tree, g->slot);
	unsigned emitted = 0;
	if (!g->node && (!g->birth || !n || n->birth != g->birth))
		return 0;
	for (enum resource r = CPU; r < N_RESOURCES; r++) {
		const struct trigger *t = &g->triggers[r];
		if (t->fd < 0 || (t->said && mono_since(t->said, b->now) < window_ns) || !has_stalled(p, &g->gauges[r]))
			continue;
		emit_trigger(p, g, r, b);
		emitted++;
	}
	return emitted;
}

static unsigned scan_triggers(struct pressure *p, struct batch *b)
{
	unsigned emitted = scan_group(p, &p->node, b);
	for (size_t i = 0; p->n_triggers > 0 && i < MAX_CGROUPS; i++)
		emitted += scan_group(p, &p->groups[i], b);
	p->scanned = b->now;
	p->woken = false;
	return emitted;
}

static int pressure_drain(void *state, unsigned max UNUSED, struct batch *out)
{
	struct pressure *p = state;
	struct epoll_event events[16];
	for (unsigned round = 0; round < MAX_TRIGGERS; round++)
		if (epoll_wait(p->epoll_fd, events, ARRAY_LEN(events), 0) < (int)ARRAY_LEN(events))
			break;
	p->woken = true;
	if (p->scanned && mono_since(p->scanned, out->now) < SCAN_NS)
		return 0; /* the next collect() looks */
	return (int)scan_triggers(p, out);
}

static void pressure_hooks(void *state, void (*say)(void *arg, const char *hook, int error, const char *reason),
			   void *arg)
{
	struct pressure *p = state;
	if (p->use_triggers)
		say(arg, "kernel pressure triggers", p->trigger_error,
		    p->trigger_error ? "the kernel refuses them; pressure is still read each second" : NULL);
	bool cgroups = false;
	for (size_t i = 0; i < MAX_CGROUPS; i++)
		cgroups = cgroups || p->groups[i].gauges[CPU].fd >= 0;
	say(arg, "pressure of cgroups", cgroups ? 0 : -ENOENT,
	    cgroups ? NULL : "no cgroup has pressure files: they exist in cgroup v2 only");
}

const struct collector collector_pressure = {
	.name = "pressure",
	.help = "Time lost waiting for CPU, memory and storage: node and cgroups, with kernel triggers",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.probe = pressure_probe,
	.open = pressure_open,
	.collect = pressure_collect,
	.event_fd = pressure_event_fd,
	.drain = pressure_drain,
	.hooks = pressure_hooks,
	.close = pressure_close,
};
