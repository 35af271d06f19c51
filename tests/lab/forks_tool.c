/* SPDX-License-Identifier: Apache-2.0 */
/* forks: starts short-lived processes, one after another or at a rate, and prints what one cost:
 * CPU time in us, wall time in us, and how many a second there were.
 * usage: forks_tool fork|exec COUNT [PER_SECOND] [CPU]   fork: the child ends at once; exec: it becomes /bin/true.
 * PER_SECOND 0: as fast as it goes. CPU -1: wherever the kernel likes. */
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(int who)
{
	struct rusage u;

	(void)getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void pin(int number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		perror("forks: sched_setaffinity");
}

static int start(int exec, pid_t *ret_pid)
{
	char *argv[] = {(char[]){"true"}, NULL};

	if (exec)
		return posix_spawn(ret_pid, "/bin/true", NULL, NULL, argv, environ);
	*ret_pid = fork();
	if (*ret_pid == 0)
		_exit(0);
	return *ret_pid < 0;
}

/* Sleeps only when ahead of the rate, and then for a thousandth of a second or more. */
static void keep_rate(double begin, long n, double rate)
{
	double ahead = rate > 0 ? begin + (double)n / rate - now() : 0;

	if (ahead > 0.001)
		(void)usleep((useconds_t)(ahead * 1e6));
}

int main(int argc, char **argv)
{
	int exec = argc > 1 && strcmp(argv[1], "exec") == 0, on = argc > 4 ? atoi(argv[4]) : -1;
	long count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	double rate = argc > 3 ? strtod(argv[3], NULL) : 0, begin, wall;

	if (count <= 0 || (!exec && strcmp(argv[1], "fork") != 0)) {
		fprintf(stderr, "usage: forks_tool fork|exec COUNT [PER_SECOND] [CPU]\n");
		return 64;
	}
	if (on >= 0)
		pin(on);
	begin = now();
	for (long i = 0; i < count; i++) {
		int status;
		pid_t pid;

		if (start(exec, &pid) != 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
			perror("forks: a process could not be started");
			return 1;
		}
		keep_rate(begin, i + 1, rate);
	}
	wall = now() - begin;
	printf("%.2f %.2f %.0f\n", (cpu(RUSAGE_SELF) + cpu(RUSAGE_CHILDREN)) * 1e6 / (double)count,
	       wall * 1e6 / (double)count, (double)count / wall);
	return 0;
}
