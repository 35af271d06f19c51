/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/proc_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "collectors/fields.h"

#define KERNEL_THREAD 0x00200000U /* PF_KTHREAD */
#define PIECE         4096

int proc_facts_open(int root_fd, uint32_t pid, int *ret_fd)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "proc/%u", pid);
	return file_open_dir_at(root_fd, path, ret_fd);
}

/* "7 (a name) S 1 7 7 0 -1 4194560 ...": the name may hold anything, also ") S 1". */
static int stat_parse(const char *data, size_t len, struct proc_stat *ret)
{
	const char *open = memchr(data, '(', len), *close = memrchr(data, ')', len);
	struct fields f = fields_of(data, len);
	struct proc_stat s = { 0 };
	uint64_t pid, ppid, flags;
	const char *state;
	size_t state_len;

	if (!open || !close || close < open || !fields_u64(&f, &pid) || pid == 0 || pid > INT32_MAX)
		return -EBADMSG;
	f = fields_of(close + 1, len - (size_t)(close + 1 - data));
	if (!fields_word(&f, &state, &state_len) || !fields_u64(&f, &ppid) || ppid > INT32_MAX || !fields_skip(&f, 4) ||
	    !fields_u64(&f, &flags) || !fields_skip(&f, 12) || !fields_u64(&f, &s.start_ticks))
		return -EBADMSG;
	memcpy(s.comm, open + 1, MIN_OF((size_t)(close - open - 1), sizeof(s.comm) - 1));
	s.pid = (uint32_t)pid;
	s.ppid = (uint32_t)ppid;
	s.kernel_thread = flags & KERNEL_THREAD;
	s.ended = state_len == 1 && (*state == 'Z' || *state == 'X');
	*ret = s;
	return 0;
}

int proc_facts_stat(int proc_fd, struct proc_stat *ret_stat)
{
	char data[1024];
	struct stat owner;
	size_t len = 0;

	int r = file_read_at(proc_fd, "stat", data, sizeof(data), &len);
	if (r == 0)
		r = stat_parse(data, len, ret_stat);
	if (r == 0)
		ret_stat->uid = fstat(proc_fd, &owner) == 0 ? owner.st_uid : 0;
	return r;
}

int proc_facts_glance(int root_fd, uint32_t pid, struct proc_stat *ret_stat)
{
	char path[40], data[1024];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "proc/%u/stat", pid);
	int r = file_read_at(root_fd, path, data, sizeof(data), &len);
	return r < 0 ? r : stat_parse(data, len, ret_stat);
}

bool proc_facts_is_process(int proc_fd, uint32_t pid)
{
	static const char *const keys[] = { "Tgid" };
	char data[4096];
	uint64_t tgid;
	size_t len = 0;

	int r = file_read_at(proc_fd, "status", data, sizeof(data), &len);
	if (r == -EFBIG)
		len = sizeof(data) - 1;
	return (r == 0 || r == -EFBIG) && fields_keyed(data, len, keys, 1, &tgid) && tgid == pid;
}

/* One variable as it goes by: of a long one only as much is held as may be of use, which is most for TF_CONFIG. */
struct entry {
	char text[8192];
	size_t len;
};

static int entry_end(struct entry *e, struct env_values *env)
{
	int taken = e->len > 0 && env_values_take(env, e->text, e->len);

	explicit_bzero(e->text, e->len);
	e->len = 0;
	return taken;
}

static int take_piece(const char *piece, size_t n, struct entry *e, struct env_values *env)
{
	int taken = 0;

	while (n > 0) {
		const char *end = memchr(piece, '\0', n);
		size_t part = end ? (size_t)(end - piece) : n;
		size_t held = MIN_OF(part, sizeof(e->text) - e->len);

		memcpy(e->text + e->len, piece, held);
		e->len += held;
		if (!end)
			break;
		taken += entry_end(e, env);
		piece += part + 1;
		n -= part + 1;
	}
	return taken;
}

int proc_facts_env(int proc_fd, struct env_values *ret_env, bool *ret_cut)
{
	AUTO_CLOSE int fd = openat(proc_fd, "environ", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char piece[PIECE];
	struct entry e = { .len = 0 };
	size_t total = 0;
	ssize_t n = 0;
	int taken = 0;

	memset(ret_env, 0, sizeof(*ret_env));
	if (fd < 0)
		return -errno;
	while (total < PROC_FACTS_ENV_BYTES) {
		n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		taken += take_piece(piece, (size_t)n, &e, ret_env);
		explicit_bzero(piece, (size_t)n);
		total += (size_t)n;
	}
	int error = n < 0 ? -errno : 0;
	if (error == 0 && total < PROC_FACTS_ENV_BYTES)
		taken += entry_end(&e, ret_env);
	explicit_bzero(&e, sizeof(e));
	if (error < 0) {
		memset(ret_env, 0, sizeof(*ret_env));
		return error;
	}
	if (ret_cut)
		*ret_cut = n > 0;
	return taken;
}

int proc_facts_argv(int proc_fd, char *ret_argv, size_t size, size_t *ret_len)
{
	int r = file_read_at(proc_fd, "cmdline", ret_argv, size, ret_len);

	if (r == -EFBIG) {
		*ret_len = size - 1;
		r = 0;
	}
	return r;
}

/* How much the holder tells of whose it is. */
static int weight_of(enum cgroup_holder holder)
{
	switch (holder) {
	case CGROUP_HOLDER_CONTAINER:
	case CGROUP_HOLDER_YARN:
		return 4;
	case CGROUP_HOLDER_SLURM:
		return 3;
	case CGROUP_HOLDER_POD:
		return 2;
	case CGROUP_HOLDER_UNIT:
		return 1;
	case CGROUP_HOLDER_NONE:
		break;
	}
	return 0;
}

static bool better(const struct cgroup_form *form, const char *path, const struct cgroup_form *than, const char *than_path)
{
	int a = weight_of(form->holder), b = weight_of(than->holder);

	return a != b ? a > b : strlen(path) > strlen(than_path);
}

int proc_facts_cgroup(int proc_fd, char ret_path[PROC_FACTS_PATH_BYTES], struct cgroup_form *ret_form)
{
	char data[8192], *cursor = data;
	struct cgroup_form form, best = { 0 };
	const char *found = NULL;

	int r = file_read_at(proc_fd, "cgroup", data, sizeof(data), NULL);
	if (r < 0 && r != -EFBIG)
		return r;
	for (char *line; (line = file_next_line(&cursor));) {
		char *path = strchr(line, ':');
		path = path ? strchr(path + 1, ':') : NULL;
		if (!path || path[1] != '/' || strlen(path + 1) >= PROC_FACTS_PATH_BYTES)
			continue;
		path++;
		(void)cgroup_form_parse(path, &form);
		if (!found || better(&form, path, &best, found)) {
			found = path;
			best = form;
		}
	}
	if (!found)
		return -ENODATA;
	(void)text_copy(ret_path, PROC_FACTS_PATH_BYTES, found);
	*ret_form = best;
	return 0;
}
