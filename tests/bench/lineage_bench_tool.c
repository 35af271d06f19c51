// SPDX-License-Identifier: Apache-2.0
/* What collectors/lineage.c costs the machine: its two programs by the kernel's own count of their time, and a loop of
 * fork and exec with and without it, in turns. Prints lines `name value unit budget`. usage: lineage_bench_tool [PAIRS] */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collectors/lineage.h"

#define N_VARIABLES 60
#define BLOCK       50  /* programs started between two looks at the clock */
#define RUNS        2000

static char variables[N_VARIABLES][80];
static char *plain[N_VARIABLES + 1], *listed[N_VARIABLES + 1];

/* As a trainer in a pod has them: most are services and paths; about 3 KiB. */
static void make_environments(void)
{
	static const char *const names[] = { "KUBERNETES_SERVICE_HOST", "PATH", "LD_LIBRARY_PATH", "NVIDIA_VISIBLE",
					     "LOGNAME", "SHELL", "RAY_ADDRESS_NOT", "MASTER_KEY_FILE", "LANG", "HOME" };
	static char taken[ENV_KEY_MAX][80];
	for (size_t i = 0; i < N_VARIABLES; i++) {
		(void)snprintf(variables[i], sizeof(variables[i]), "%s_%zu=tcp://10.96.%zu.1:443/of/some/usual/length",
			       names[i % ARRAY_LEN(names)], i, i);
		plain[i] = listed[i] = variables[i];
	}
	for (size_t i = 0; i < MIN_OF((size_t)ENV_KEY_MAX, 15ul); i++) {
		(void)snprintf(taken[i], sizeof(taken[i]), "%s=%zu", env_key_name((enum env_key)i), i);
		listed[i * 4] = taken[i];
	}
}

static void start(char *const env[], bool exec)
{
	static char program[] = "/bin/true", *const argv[] = { program, NULL };
	pid_t pid = fork();
	if (pid == 0) {
		if (exec)
			(void)execve(argv[0], argv, env);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		exit(2);
}

static double block_ns(char *const env[])
{
	mono_ns_t begin = clock_mono_now();
	for (unsigned i = 0; i < BLOCK; i++)
		start(env, true);
	return (double)mono_since(begin, clock_mono_now()) / BLOCK;
}

/* The program of that name that was loaded last: ours. */
static int program_of(const char *name)
{
	struct bpf_prog_info info;
	uint32_t id = 0, size;
	int best = -1;
	while (bpf_prog_get_next_id(id, &id) == 0) {
		int fd = bpf_prog_get_fd_by_id(id);
		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && strcmp(info.name, name) == 0) {
			if (best >= 0)
				(void)close(best);
			best = fd;
		} else if (fd >= 0) {
			(void)close(fd);
		}
	}
	return best;
}

struct spent {
	uint64_t runs, ns;
};

static struct spent spent_by(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		exit(2);
	return (struct spent){ info.run_cnt, info.run_time_ns };
}

static void on_exec(void *arg, const struct lineage_exec *exec)
{
	(void)exec;
	++*(unsigned *)arg;
}

static void say_runs(struct lineage *l, const char *name, const char *program, char *const env[], bool exec)
{
	int fd = program_of(program);
	struct spent before = spent_by(fd);
	for (unsigned i = 0; i < RUNS; i++) {
		start(env, exec);
		if (i % 32 == 0)
			(void)lineage_drain(l, 1000);
		if (i % 400 == 399)
			(void)usleep(300000); /* below what is looked at in a second */
	}
	struct spent after = spent_by(fd);
	printf("%s %.0f ns_a_run -\n", name, (double)(after.ns - before.ns) / (double)(after.runs - before.runs));
	(void)close(fd);
}

static uint64_t own_start_ns(const struct collect_env *env)
{
	unsigned long ticks = 0;
	char line[1024];
	AUTO_FCLOSE FILE *f = fopen("/proc/self/stat", "re");
	const char *at = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%lu", &ticks) != 1)
		exit(2);
	return ticks * (NS_PER_S / (uint64_t)env->ticks_per_s);
}

/* Others of this machine start programs too: they are in the mean, and few beside RUNS. */
static void measure_programs(const struct collect_env *env)
{
	struct lineage *l = NULL;
	unsigned n = 0;
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0 || lineage_open(env, on_exec, &n, &l) < 0)
		exit(2);
	say_runs(l, "exec_with_60_variables_none_listed", "lineage_exec", plain, true);
	say_runs(l, "exec_with_60_variables_15_listed", "lineage_exec", listed, true);
	say_runs(l, "fork_of_a_process_without_owner", "lineage_fork", plain, false);
	if (lineage_adopt(l, (uint32_t)getpid(), own_start_ns(env), 1, 1) < 0)
		exit(2);
	say_runs(l, "fork_of_a_process_with_owner", "lineage_fork", plain, false);
	lineage_close(&l);
	(void)close(stats);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static double median(double *of, size_t n)
{
	qsort(of, n, sizeof(*of), by_value);
	return n % 2 ? of[n / 2] : (of[n / 2 - 1] + of[n / 2]) / 2;
}

static void measure_pairs(const struct collect_env *env, size_t n, char *const variables_of[], const char *name)
{
	AUTO_FREE double *ratio = calloc(n, sizeof(*ratio)), *without = calloc(n, sizeof(*without));
	double quickest = 0;
	struct lineage *l = NULL;
	unsigned told = 0;
	if (!ratio || !without)
		exit(2);
	for (size_t i = 0; i < n; i++) {
		double with = 0;
		for (int turn = 0; turn < 2; turn++) {
			bool attached = (turn == 0) == (i % 2 == 0); /* each is first as often */
			if (attached && lineage_open(env, on_exec, &told, &l) < 0)
				exit(2);
			(void)block_ns(variables_of); /* warm */
			double ns = block_ns(variables_of);
			if (attached)
				with = ns;
			else
				without[i] = ns;
			lineage_close(&l);
		}
		ratio[i] = with / without[i];
		quickest = i == 0 || with < quickest ? with : quickest;
	}
	printf("fork_and_exec_without_lineage_%s %.1f us -\n", name, median(without, n) / 1e3);
	printf("fork_and_exec_with_lineage_%s,_median_of_%zu_pairs %.3f ratio -\n", name, n, median(ratio, n));
	/* What else the machine does makes a block slower, never quicker: without[0] is the quickest now. */
	printf("fork_and_exec_with_lineage_%s,_quickest_of_each %.3f ratio <1.10\n", name, quickest / without[0]);
}

int main(int argc, char **argv)
{
	struct collect_env env = { .root_fd = AT_FDCWD, .ticks_per_s = sysconf(_SC_CLK_TCK), .ring_kib = 256 };
	size_t pairs = argc > 1 ? (size_t)atoi(argv[1]) : 40;
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
	make_environments();
	measure_programs(&env);
	measure_pairs(&env, pairs ? pairs : 1, plain, "none_listed");
	measure_pairs(&env, pairs ? pairs : 1, listed, "15_listed");
	return 0;
}
