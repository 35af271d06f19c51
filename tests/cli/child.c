// SPDX-License-Identifier: Apache-2.0
#include "tests/cli/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/program.h"
#include "proto/convert.h"
#include "proto/local.h"
#include "tests/test.h"

#define MAX_WORDS 32

static struct child_result result;
static char folder[64];

/* What the agent's process tells the test's. */
struct shared {
	struct query asked;
	unsigned count;
};

static struct shared *shared;
static pid_t agent = -1;

static int count_words(const char *const *words, char *argv[MAX_WORDS])
{
	int n = 0;

	argv[n++] = (char *)"why";
	for (; words[n - 1]; n++) {
		assert_true(n < MAX_WORDS - 1);
		argv[n] = (char *)words[n - 1];
	}
	argv[n] = NULL;
	return n;
}

static void set_environment(void)
{
	static const char *const gone[] = { "WHY_HUB",     "WHY_RUN",  "WHY_OUTPUT", "WHY_TLS_CA", "WHY_TLS_CERT",
					    "WHY_TLS_KEY", "NO_COLOR", "LC_ALL",     "LC_CTYPE" };

	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		(void)unsetenv(gone[i]);
	(void)setenv("TZ", "UTC", 1);
	(void)setenv("LANG", "C.UTF-8", 1);
	(void)setenv("TERM", "xterm", 1);
}

static void read_back(int fd, char *ret_text)
{
	ssize_t n = pread(fd, ret_text, CHILD_MAX_OUTPUT - 1, 0);

	assert_true(n >= 0);
	ret_text[n] = '\0';
}

static int status_of(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

int child_wait(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status_of(status);
}

const struct child_result *child_run(const char *const *words)
{
	return child_run_as((uid_t)-1, words);
}

const struct child_result *child_run_as(uid_t uid, const char *const *words)
{
	char *argv[MAX_WORDS];
	int argc = count_words(words, argv), status = 0;
	AUTO_CLOSE int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);

	assert_true(out >= 0 && err >= 0);
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(out, STDOUT_FILENO);
		(void)dup2(err, STDERR_FILENO);
		set_environment();
		if (uid != (uid_t)-1 && (setgid(uid) < 0 || setuid(uid) < 0))
			_exit(6);
		status = program_run(argc, argv);
		(void)fflush(NULL);
		_exit(status);
	}
	result.status = child_wait(pid);
	read_back(out, result.out);
	read_back(err, result.err);
	return &result;
}

const struct child_result *child_run_on_terminal(const char *const *words, int no_color_env)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	char *argv[MAX_WORDS];
	int argc = count_words(words, argv), master, status;
	size_t len = 0;

	(void)fflush(NULL);
	pid_t pid = forkpty(&master, NULL, NULL, &size);
	assert_true(pid >= 0);
	if (pid == 0) {
		set_environment();
		if (no_color_env)
			(void)setenv("NO_COLOR", "1", 1);
		status = program_run(argc, argv);
		(void)fflush(NULL);
		_exit(status);
	}
	for (;;) {
		ssize_t n = read(master, result.out + len, CHILD_MAX_OUTPUT - 1 - len);

		if (n <= 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	result.out[len] = '\0';
	result.err[0] = '\0';
	(void)close(master);
	result.status = child_wait(pid);
	return &result;
}

const char *child_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/why-cli-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	return folder;
}

const char *child_write(const char *name, const void *data, size_t n)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), (ssize_t)n);
	return path;
}

void child_folder_remove(void)
{
	AUTO_CLOSEDIR DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)rmdir(folder);
}

/* ---- the agent -------------------------------------------------------------------------------------- */

static const char *socket_path(void)
{
	static char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	snprintf(path, sizeof(path), "%s/" LOCAL_SOCKET, folder);
	return path;
}

static int listen_here(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path());
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* Read one question, write one answer. */
static void serve(int fd, fake_answer_fn fill)
{
	uint8_t in[LOCAL_MAX_QUERY + 4];
	const uint8_t *body;
	size_t len = 0, body_len, used;
	AUTO_BUF struct buf out;
	AUTO(answer_free) struct answer *a = NULL;

	while (local_frame(in, len, LOCAL_MAX_QUERY, &body, &body_len, &used) == -EAGAIN) {
		ssize_t n = read(fd, in + len, sizeof(in) - len);

		if (n <= 0)
			return;
		len += (size_t)n;
	}
	if (query_unpack(body, body_len, &shared->asked, NULL) < 0 || answer_new(shared->asked.kind, &a) < 0)
		_exit(9);
	shared->count++;
	fill(&shared->asked, a);
	buf_init(&out, LOCAL_MAX_ANSWER + 4);
	if (local_frame_answer(a, &out) < 0)
		_exit(8);
	for (size_t done = 0; done < out.len;) {
		ssize_t n = write(fd, out.data + done, out.len - done);

		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

void fake_agent_start(fake_answer_fn answer)
{
	int listening = listen_here();

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	(void)fflush(NULL);
	agent = fork();
	assert_true(agent >= 0);
	if (agent == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int fd = accept(listening, NULL, NULL);

			if (fd < 0)
				_exit(7);
			serve(fd, answer);
			(void)close(fd);
		}
	}
	(void)close(listening);
}

void fake_agent_stop(void)
{
	int status;

	assert_true(agent > 0);
	(void)kill(agent, SIGKILL);
	assert_int_equal(waitpid(agent, &status, 0), agent);
	/* It answers, or is killed by us: anything else is a fault of the test. */
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	agent = -1;
	(void)unlink(socket_path());
	(void)munmap(shared, sizeof(*shared));
	shared = NULL;
}

const struct query *fake_agent_asked(void)
{
	return &shared->asked;
}

unsigned fake_agent_count(void)
{
	return shared->count;
}
