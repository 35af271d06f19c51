// SPDX-License-Identifier: Apache-2.0
/* What the processors did since the last tick: /proc/stat, and which of them are online. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#include "collectors/collector.h"
#include "collectors/fields.h"

#define MAX_CPUS   1024
#define TEXT_BYTES (512 * 1024) /* the interrupt line of a large machine alone takes 100 KiB */

enum {
	COUNT,
	ONLINE,
	USER,
	SYSTEM,
	IDLE,
	IOWAIT,
	IRQ,
	SOFTIRQ,
	STEAL,
	CPU_BUSY,
	CPU_SOFTIRQ,
	CPU_STEAL,
	CPU_IRQ,
	RUNNABLE,
	BLOCKED,
	FORKS,
	N_METRICS,
};

#define NODE_RATIO(name, help) { name, METRIC_GAUGE, UNIT_RATIO, ENTITY_NODE, help, NULL, NULL }
#define CPU_RATIO(name, help)  { name, METRIC_GAUGE, UNIT_RATIO, ENTITY_CPU, help, NULL, NULL }
#define NODE_COUNT(name, help) { name, METRIC_GAUGE, UNIT_NONE, ENTITY_NODE, help, NULL, NULL }

static const struct metric_desc metrics[N_METRICS] = {
	[COUNT] = NODE_COUNT("node.cpu.count", "CPUs the kernel counts in /proc/stat"),
	[ONLINE] = NODE_COUNT("node.cpu.online", "CPUs that are online"),
	[USER] = NODE_RATIO("node.cpu.user_ratio", "Share of all CPU time in user code, nice included"),
	[SYSTEM] = NODE_RATIO("node.cpu.system_ratio", "Share of all CPU time in the kernel for processes"),
	[IDLE] = NODE_RATIO("node.cpu.idle_ratio", "Share of all CPU time with nothing to do"),
	[IOWAIT] = NODE_RATIO("node.cpu.iowait_ratio", "Share of all CPU time idle while a task waits for storage"),
	[IRQ] = NODE_RATIO("node.cpu.irq_ratio", "Share of all CPU time in interrupt handlers"),
	[SOFTIRQ] = NODE_RATIO("node.cpu.softirq_ratio", "Share of all CPU time in soft interrupts"),
	[STEAL] = NODE_RATIO("node.cpu.steal_ratio", "Share of all CPU time that the hypervisor gave to others"),
	[CPU_BUSY] = CPU_RATIO("cpu.busy_ratio", "Share of this CPU's time neither idle nor waiting for storage"),
	[CPU_SOFTIRQ] = CPU_RATIO("cpu.softirq_ratio", "Share of this CPU's time in soft interrupts"),
	[CPU_STEAL] = CPU_RATIO("cpu.steal_ratio", "Share of this CPU's time that the hypervisor gave to others"),
	[CPU_IRQ] = CPU_RATIO("cpu.irq_ratio", "Share of this CPU's time in interrupt handlers"),
	[RUNNABLE] = NODE_COUNT("node.load.runnable", "Tasks that run or want to"),
	[BLOCKED] = NODE_COUNT("node.tasks.blocked", "Tasks that wait for storage"),
	[FORKS] = { "node.forks", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE, "Processes and threads ever made", NULL, NULL },
};

/* In the file's order. Guest time is part of user time and not counted twice. */
enum { T_USER, T_NICE, T_SYSTEM, T_IDLE, T_IOWAIT, T_IRQ, T_SOFTIRQ, T_STEAL, N_TIMES };

struct times {
	uint64_t t[N_TIMES];
	bool known;
};

struct cpu {
	int stat_fd, online_fd;
	struct times node;
	struct times cpus[MAX_CPUS];
	char text[TEXT_BYTES];
};

static int cpu_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	if (faccessat(env->root_fd, "proc/stat", R_OK, 0) == 0)
		return 0;
	int r = -errno;
	snprintf(ret_reason, size, "/proc/stat cannot be read (%s): is /proc mounted?", strerror(-r));
	return r;
}

static void cpu_close(void *state)
{
	struct cpu *c = state;
	if (!c)
		return;
	cleanup_close(&c->stat_fd);
	cleanup_close(&c->online_fd);
	free(c);
}

static int cpu_open(const struct collect_env *env, void **ret_state)
{
	struct cpu *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->stat_fd = openat(env->root_fd, "proc/stat", O_RDONLY | O_CLOEXEC);
	c->online_fd = openat(env->root_fd, "sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
	*ret_state = c;
	return 0;
}

/* Growth of each time and of all; false on the first reading, or when nothing grew. The kernel lets idle and iowait
 * fall by a tick now and then: that counts as no growth. */
static bool grow(struct times *was, const struct times *is, double ret_grown[N_TIMES], double *ret_sum)
{
	double sum = 0;
	bool known = was->known;
	for (size_t i = 0; i < N_TIMES; i++) {
		ret_grown[i] = is->t[i] > was->t[i] ? (double)(is->t[i] - was->t[i]) : 0;
		sum += ret_grown[i];
	}
	*was = *is;
	*ret_sum = sum;
	return known && sum > 0;
}

static bool parse_times(struct fields *line, struct times *ret_times)
{
	struct times is = { .known = true };
	size_t n = 0;
	while (n < N_TIMES && fields_u64(line, &is.t[n]))
		n++;
	if (n <= T_IDLE)
		return false;
	for (; n < N_TIMES; n++)
		is.t[n] = 0;
	*ret_times = is;
	return true;
}

static void sample_node(struct cpu *c, struct fields *line, struct batch *b)
{
	struct times is;
	double g[N_TIMES], sum;
	entity_id node = graph_node(b->graph);
	if (!parse_times(line, &is) || !grow(&c->node, &is, g, &sum))
		return;
	batch_sample(b, USER, node, (g[T_USER] + g[T_NICE]) / sum);
	batch_sample(b, SYSTEM, node, g[T_SYSTEM] / sum);
	batch_sample(b, IDLE, node, g[T_IDLE] / sum);
	batch_sample(b, IOWAIT, node, g[T_IOWAIT] / sum);
	batch_sample(b, IRQ, node, g[T_IRQ] / sum);
	batch_sample(b, SOFTIRQ, node, g[T_SOFTIRQ] / sum);
	batch_sample(b, STEAL, node, g[T_STEAL] / sum);
}

static void sample_cpu(struct cpu *c, const char *number, size_t number_len, struct fields *line, struct batch *b)
{
	struct times is;
	double g[N_TIMES], sum;
	uint64_t index;
	char key[16];
	struct fields f = fields_of(number, number_len);
	if (!fields_u64(&f, &index) || index >= MAX_CPUS)
		return;
	if (!parse_times(line, &is) || !grow(&c->cpus[index], &is, g, &sum))
		return;
	snprintf(key, sizeof(key), "%u", (unsigned)index);
	entity_id cpu = batch_entity(b, ENTITY_CPU, key);
	batch_sample(b, CPU_BUSY, cpu, (sum - g[T_IDLE] - g[T_IOWAIT]) / sum);
	batch_sample(b, CPU_SOFTIRQ, cpu, g[T_SOFTIRQ] / sum);
	batch_sample(b, CPU_STEAL, cpu, g[T_STEAL] / sum);
	batch_sample(b, CPU_IRQ, cpu, g[T_IRQ] / sum);
}

static void sample_one(struct fields *line, uint32_t metric, struct batch *b)
{
	uint64_t value;
	if (fields_u64(line, &value))
		batch_sample(b, metric, graph_node(b->graph), (double)value);
}

static void sample_stat(struct cpu *c, size_t len, struct batch *b)
{
	struct fields rest = fields_of(c->text, len), line;
	unsigned n_cpus = 0;
	while (fields_line(&rest, &line)) {
		const char *word;
		size_t n;
		if (!fields_word(&line, &word, &n))
			continue;
		if (n == 3 && memcmp(word, "cpu", 3) == 0)
			sample_node(c, &line, b);
		else if (n > 3 && memcmp(word, "cpu", 3) == 0) {
			n_cpus++;
			sample_cpu(c, word + 3, n - 3, &line, b);
		} else if (n == 9 && memcmp(word, "processes", 9) == 0)
			sample_one(&line, FORKS, b);
		else if (n == 13 && memcmp(word, "procs_running", 13) == 0)
			sample_one(&line, RUNNABLE, b);
		else if (n == 13 && memcmp(word, "procs_blocked", 13) == 0)
			sample_one(&line, BLOCKED, b);
	}
	if (n_cpus > 0)
		batch_sample(b, COUNT, graph_node(b->graph), n_cpus);
}

/* "0-3,8,10-11" */
static bool count_list(const char *text, size_t len, unsigned *ret_n)
{
	unsigned n = 0;
	const char *p = text, *end = text + len;
	while (p < end && *p >= '0' && *p <= '9') {
		unsigned long from = 0, to;
		for (; p < end && *p >= '0' && *p <= '9' && from < MAX_CPUS * 16; p++)
			from = from * 10 + (unsigned long)(*p - '0');
		to = from;
		if (p < end && *p == '-')
			for (to = 0, p++; p < end && *p >= '0' && *p <= '9' && to < MAX_CPUS * 16; p++)
				to = to * 10 + (unsigned long)(*p - '0');
		if (to < from || to >= MAX_CPUS * 16)
			return false;
		n += (unsigned)(to - from) + 1;
		if (p < end && *p == ',')
			p++;
	}
	*ret_n = n;
	return n > 0;
}

static int cpu_collect(void *state, mono_ns_t now UNUSED, struct batch *out)
{
	struct cpu *c = state;
	size_t len;
	unsigned n_online;
	bool any = false;
	if (c->stat_fd >= 0 && file_reread(c->stat_fd, c->text, sizeof(c->text), &len) == 0) {
		sample_stat(c, len, out);
		any = true;
	}
	if (c->online_fd >= 0 && file_reread(c->online_fd, c->text, sizeof(c->text), &len) == 0 &&
	    count_list(c->text, len, &n_online)) {
		batch_sample(out, ONLINE, graph_node(out->graph), n_online);
		any = true;
	}
	return any ? 0 : -EIO;
}

const struct collector collector_cpu = {
	.name = "cpu",
	.help = "Processors: what they did, which are online, steal and soft interrupts of each",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.probe = cpu_probe,
	.open = cpu_open,
	.collect = cpu_collect,
	.close = cpu_close,
};
