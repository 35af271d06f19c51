// SPDX-License-Identifier: Apache-2.0
/* What knowing whose process it is costs on a full node: 2,000 containers in 1,000 pods and 20,000 processes, of which each
 * container's first is a rank, in a made /proc and cgroup tree. CPU time of the cgroup tree, workload and containers
 * while they see it first, on ordinary ticks, and while 10 containers a second come and go; and the memory it takes.
 * Prints lines `name value unit budget`. usage: whose_bench_tool [SECONDS] */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collectors/cgroup_tree.h"
#include "collectors/collector.h"

extern const struct collector collector_workload, collector_containers;

#define CONTAINERS 2000
#define PROCESSES  20000
#define EACH       (PROCESSES / CONTAINERS)
#define CHURN      10

static char root[64];

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static int remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void remove_root(void)
{
	(void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
}

static void put(const char *name, const void *text, size_t n)
{
	char path[768];
	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 && errno == ENOENT) {
		make_folders(path);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	}
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		fail(path);
}

/* Two containers a pod, the systemd driver. `generation` makes another container of the same number. */
static void cgroup_of(unsigned c, unsigned generation, char *ret_path, size_t size)
{
	(void)snprintf(ret_path, size,
		       "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod%08x_0000_4000_8000_%012x.slice/"
		       "cri-containerd-%032x%032x.scope",
		       c / 2, c / 2, c + 1, generation + 1);
}

static void make_process(unsigned pid, unsigned c, unsigned generation, bool rank)
{
	char name[64], text[1024], cgroup[512];
	cgroup_of(c, generation, cgroup, sizeof(cgroup));
	int n = snprintf(text, sizeof(text),
			 "%u (python3) S 1 %u %u 0 -1 4194304 1 0 0 0 5 5 0 0 20 0 1 0 %u 1000000 500 "
			 "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
			 pid, pid, pid, 1000 + pid + generation);
	(void)snprintf(name, sizeof(name), "proc/%u/stat", pid);
	put(name, text, (size_t)n);
	n = snprintf(text, sizeof(text), "0::%s\n", cgroup);
	(void)snprintf(name, sizeof(name), "proc/%u/cgroup", pid);
	put(name, text, (size_t)n);
	(void)snprintf(name, sizeof(name), "proc/%u/cmdline", pid);
	put(name, "python3\0train.py\0--epochs\0003", sizeof("python3\0train.py\0--epochs\0003"));
	n = snprintf(text, sizeof(text), "PATH=/usr/bin%cHOME=/root%cKUBERNETES_SERVICE_HOST=10.96.0.1%c", 0, 0, 0);
	if (rank)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "RANK=%u%cLOCAL_RANK=%u%cWORLD_SIZE=%u%cMASTER_ADDR=head-%u%cMASTER_PORT=29500%c"
			      "TORCHELASTIC_RUN_ID=run-%u%c",
			      c % 64, 0, c % 8, 0, 64u, 0, c / 64, 0, 0, c / 64, 0);
	(void)snprintf(name, sizeof(name), "proc/%u/environ", pid);
	put(name, text, (size_t)n);
}

static void make_container(unsigned c, unsigned generation)
{
	char cgroup[512], path[768];
	cgroup_of(c, generation, cgroup, sizeof(cgroup));
	(void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup%s/", root, cgroup);
	make_folders(path);
	for (unsigned i = 0; i < EACH; i++)
		make_process(100 + c * EACH + i, c, generation, i == 0);
}

static void remove_container(unsigned c, unsigned generation)
{
	static const char *const files[] = { "stat", "cgroup", "cmdline", "environ", "" };
	char cgroup[512], path[768];
	cgroup_of(c, generation, cgroup, sizeof(cgroup));
	(void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup%s", root, cgroup);
	if (rmdir(path) < 0)
		fail(path);
	for (unsigned i = 0; i < EACH; i++)
		for (size_t f = 0; f < ARRAY_LEN(files); f++) {
			(void)snprintf(path, sizeof(path), "%s/proc/%u/%s", root, 100 + c * EACH + i, files[f]);
			(void)remove(path);
		}
}

/* ---- the part of the agent that is measured ---- */

struct node {
	struct collect_env env;
	struct graph *graph;
	struct batch *batch;
	void *workload, *containers;
	mono_ns_t now;
	double worst_ns;
};

static double cpu_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double rss_mib(void)
{
	unsigned long pages = 0;
	AUTO_FCLOSE FILE *f = fopen("/proc/self/statm", "re");
	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		return 0;
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static double tick(struct node *n)
{
	double begin = cpu_ns();
	n->now += NS_PER_S;
	batch_reset(n->batch, n->now);
	(void)collector_workload.collect(n->workload, n->now, n->batch);
	(void)collector_containers.collect(n->containers, n->now, n->batch);
	collector_workload.settle(n->workload, n->now, n->batch);
	collector_containers.settle(n->containers, n->now, n->batch);
	(void)graph_expire(n->graph, n->now, NULL, NULL);
	double spent = cpu_ns() - begin;
	n->worst_ns = spent > n->worst_ns ? spent : n->worst_ns;
	return spent;
}

static size_t alive(const struct graph *g, enum entity_kind kind)
{
	size_t n = 0, cursor = 0;
	while (graph_next(g, kind, &cursor) != ENTITY_NONE)
		n++;
	return n;
}

static void say(const char *name, double value, const char *unit, const char *budget)
{
	printf("%s %.6g %s %s\n", name, value, unit, budget);
}

static void see_first(struct node *n)
{
	double sum = 0, before = rss_mib();
	unsigned ticks = 0;
	n->worst_ns = 0;
	while (ticks < 60 && alive(n->graph, ENTITY_RANK) < CONTAINERS) {
		sum += tick(n);
		ticks++;
	}
	say("2,000_containers_first_seen:_ticks_until_all_ranks_are_known", ticks, "ticks", "<60");
	say("2,000_containers_first_seen:_worst_tick", n->worst_ns / NS_PER_S, "of_a_core", "-");
	say("2,000_containers_first_seen:_CPU_in_all", sum / NS_PER_S, "s", "-");
	say("2,000_containers:_memory_that_came_with_them", rss_mib() - before, "MiB", "<40");
	say("2,000_containers:_containers_known", (double)alive(n->graph, ENTITY_CONTAINER), "containers", ">2000");
	say("2,000_containers:_ranks_known", (double)alive(n->graph, ENTITY_RANK), "ranks", ">2000");
}

static void go_on(struct node *n, unsigned seconds, bool churn)
{
	double sum = 0, before = rss_mib();
	n->worst_ns = 0;
	for (unsigned s = 0; s < seconds; s++) {
		for (unsigned i = 0; churn && i < CHURN; i++) {
			unsigned c = (s * CHURN + i) % CONTAINERS, generation = (s * CHURN + i) / CONTAINERS;
			remove_container(c, generation);
			make_container(c, generation + 1);
		}
		sum += tick(n);
	}
	const char *what = churn ? "10_of_2,000_containers_a_second_replaced" : "2,000_containers_at_rest";
	char name[128];
	(void)snprintf(name, sizeof(name), "%s:_CPU", what);
	say(name, sum / seconds / NS_PER_S, "of_a_core", churn ? "-" : "<0.05");
	(void)snprintf(name, sizeof(name), "%s:_worst_tick", what);
	say(name, n->worst_ns / NS_PER_S, "of_a_core", "-");
	(void)snprintf(name, sizeof(name), "%s:_memory_that_came", what);
	say(name, rss_mib() - before, "MiB", churn ? "<20" : "<5");
}

int main(int argc, char **argv)
{
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 60;
	struct node n = { 0 };
	(void)snprintf(root, sizeof(root), "%s/why-bench-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(root))
		fail(root);
	(void)atexit(remove_root);
	put("proc/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", 38);
	put("proc/uptime", "100000.00 1.00\n", 15);
	for (unsigned c = 0; c < CONTAINERS; c++)
		make_container(c, 0);
	n.env = (struct collect_env){ .root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .fixture = true,
				      .node_name = "node", .boot_id = "boot", .ticks_per_s = 100, .page_bytes = 4096,
				      .n_cpus = 2, .ring_kib = 256 };
	if (n.env.root_fd < 0 || graph_new(30000, "node", &n.graph) < 0 ||
	    batch_new(n.graph, 65536, 4096, 65536, &n.batch) < 0 ||
	    collector_workload.open(&n.env, &n.workload) < 0 || collector_containers.open(&n.env, &n.containers) < 0)
		fail("open");
	see_first(&n);
	go_on(&n, seconds ? seconds : 1, false);
	go_on(&n, seconds ? seconds : 1, true);
	say("2,000_containers:_changes_lost", (double)n.batch->dropped_ops, "changes", "<0");
	say("2,000_containers:_entities_refused", (double)graph_refused(n.graph), "entities", "<0");
	collector_workload.close(n.workload);
	collector_containers.close(n.containers);
	batch_free(&n.batch);
	graph_free(&n.graph);
	(void)close(n.env.root_fd);
	return 0;
}
