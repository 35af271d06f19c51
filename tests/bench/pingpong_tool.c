/* SPDX-License-Identifier: Apache-2.0 */
/* pingpong: two processes on one CPU hand a byte to and fro through pipes; prints the CPU time of one hand-over in ns.
 * Every hand-over is a context switch, so whatever hangs on the scheduler's path shows here first.
 * usage: pingpong_tool [HANDOVERS] [CPU] */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		perror("pingpong: sched_setaffinity");
}

static void play(int in, int out, long n, int serve)
{
	char byte = 'x';
	for (long i = 0; i < n; i++) {
		if (serve && write(out, &byte, 1) != 1)
			exit(1);
		if (read(in, &byte, 1) != 1)
			exit(1);
		if (!serve && write(out, &byte, 1) != 1)
			exit(1);
	}
}

static double cpu_ns(int who)
{
	struct rusage u;
	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
	pin(argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0);
	int there[2], back[2];
	if (pipe(there) < 0 || pipe(back) < 0)
		return 1;
	pid_t child = fork();
	if (child < 0)
		return 1;
	if (child == 0) {
		play(there[0], back[1], n, 0);
		_exit(0);
	}
	play(back[0], there[1], n, 1);
	int status;
	if (waitpid(child, &status, 0) < 0 || status != 0)
		return 1;
	printf("%.1f\n", (cpu_ns(RUSAGE_SELF) + cpu_ns(RUSAGE_CHILDREN)) / (double)(2 * n));
	return 0;
}
