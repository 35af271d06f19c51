// SPDX-License-Identifier: Apache-2.0
#include "tests/runtimes/standin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/test.h"

#define PYTHON "/usr/bin/python3" /* Debian's, which has Debian's grpcio */

struct standin {
	pid_t pid;
	FILE *orders, *answers;
	char answer[256];
};

static const char *read_answer(struct standin *s)
{
	if (!fgets(s->answer, sizeof(s->answer), s->answers))
		fail_msg("the stand-in has died");
	s->answer[strcspn(s->answer, "\n")] = '\0';
	return s->answer;
}

static void be_child(const char *script, const char *socket_path, int orders, int answers)
{
	char path[256];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)snprintf(path, sizeof(path), "tests/runtimes/%s", script);
	(void)dup2(orders, 0);
	(void)dup2(answers, 1);
	(void)execl(PYTHON, PYTHON, "-B", path, socket_path, (char *)NULL);
	_exit(127);
}

struct standin *standin_start(const char *script, const char *socket_path)
{
	struct standin *s = calloc(1, sizeof(*s));
	int orders[2], answers[2];

	assert_non_null(s);
	if (access("/usr/lib/python3/dist-packages/grpc/__init__.py", F_OK) < 0) {
		free(s);
		print_message("skipped: no python3-grpcio (apt-get install python3-grpcio)\n");
		skip();
	}
	(void)signal(SIGPIPE, SIG_IGN);
	assert_ok(pipe2(orders, O_CLOEXEC));
	assert_ok(pipe2(answers, O_CLOEXEC));
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0)
		be_child(script, socket_path, orders[0], answers[1]);
	(void)close(orders[0]);
	(void)close(answers[1]);
	s->orders = fdopen(orders[1], "w");
	s->answers = fdopen(answers[0], "r");
	assert_non_null(s->orders);
	assert_non_null(s->answers);
	assert_string_equal(read_answer(s), "ready");
	return s;
}

void standin_stop(struct standin **standin)
{
	struct standin *s = *standin;

	if (!s)
		return;
	(void)fclose(s->orders);
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
	(void)fclose(s->answers);
	free(s);
	*standin = NULL;
}

const char *standin_order(struct standin *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vfprintf(s->orders, fmt, args);
	va_end(args);
	(void)fputc('\n', s->orders);
	(void)fflush(s->orders);
	return read_answer(s);
}
