// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"

/* "/proc/stat" below any root; the root itself is ".". Without a root (AT_FDCWD) a path means what it says. */
static const char *below(int dirfd, const char *path)
{
	if (dirfd == AT_FDCWD)
		return path;
	path += strspn(path, "/");
	return *path ? path : ".";
}

/* `again`: from the file's start; else read(2), because some files of /proc and /sys cannot seek. */
static int read_whole(int fd, bool again, char *buffer, size_t size, size_t *ret_len)
{
	size_t len = 0;
	char more;

	assert(size > 0);
	buffer[0] = '\0';
	for (;;) {
		bool full = len == size - 1;
		void *to = full ? &more : buffer + len;
		size_t room = full ? 1 : size - 1 - len;
		ssize_t n = again ? pread(fd, to, room, (off_t)len) : read(fd, to, room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 && !full)
			len += (size_t)n;
		buffer[len] = '\0';
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (full)
			return -EFBIG;
	}
	if (ret_len)
		*ret_len = len;
	return 0;
}

int file_reread(int fd, char *buffer, size_t size, size_t *ret_len)
{
	return read_whole(fd, true, buffer, size, ret_len);
}

int file_read_at(int dirfd, const char *path, char *buffer, size_t size, size_t *ret_len)
{
	/* O_NONBLOCK: a fifo under that name must not stop us in open(2). */
	AUTO_CLOSE int fd = openat(dirfd, below(dirfd, path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	return read_whole(fd, false, buffer, size, ret_len);
}

int file_read_u64_at(int dirfd, const char *path, uint64_t *ret_value)
{
	char text[64];
	size_t len;
	int r = file_read_at(dirfd, path, text, sizeof(text), &len);

	if (r == -EFBIG)
		return -EINVAL;
	if (r < 0)
		return r;
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = '\0';
	if (strlen(text) != len)
		return -EINVAL;
	if (strcmp(text, "max") == 0) {
		*ret_value = UINT64_MAX;
		return 0;
	}
	return text_parse_u64(text, ret_value) < 0 ? -EINVAL : 0;
}

static int write_whole(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t written = write(fd, p, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		p += written;
		n -= (size_t)written;
	}
	return 0;
}

/* Open the folder that holds `path`; ret_name points into path. */
static int open_parent(int dirfd, const char *path, const char **ret_name, int *ret_fd)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd;

	if (!slash)
		fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else if (slash == path)
		fd = openat(dirfd, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else if ((size_t)(slash - path) >= sizeof(folder))
		return -ENAMETOOLONG;
	else {
		memcpy(folder, path, (size_t)(slash - path));
		folder[slash - path] = '\0';
		fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	*ret_name = slash ? slash + 1 : path;
	*ret_fd = fd;
	return 0;
}

static int write_temporary(int folder, const char *name, const void *data, size_t n, mode_t mode)
{
	AUTO_CLOSE int fd = -1;
	int r;

	(void)unlinkat(folder, name, 0); /* what a crash left */
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) < 0)
		return -errno;
	r = write_whole(fd, data, n);
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

int file_write_atomic_at(int dirfd, const char *path, const void *data, size_t n, mode_t mode)
{
	AUTO_CLOSE int folder = -1;
	char temporary[NAME_MAX + 1];
	const char *name;
	int r;

	r = open_parent(dirfd, below(dirfd, path), &name, &folder);
	if (r < 0)
		return r;
	r = snprintf(temporary, sizeof(temporary), ".%s.%d.tmp", name, (int)gettid());
	if (r >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	r = write_temporary(folder, temporary, data, n, mode);
	if (r == 0 && renameat(folder, temporary, folder, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(folder, temporary, 0);
		return r;
	}
	return fsync(folder) < 0 ? -errno : 0;
}

int file_make_dirs_at(int dirfd, const char *path, mode_t mode)
{
	char part[PATH_MAX];
	struct stat st;
	size_t len;

	path = below(dirfd, path);
	len = strlen(path);
	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdirat(dirfd, part, mode) < 0 && errno != EEXIST)
			return -errno;
	}
	if (fstatat(dirfd, path, &st, 0) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int file_open_dir_at(int dirfd, const char *path, int *ret_fd)
{
	int fd = openat(dirfd, below(dirfd, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

char *file_next_line(char **cursor)
{
	char *line = *cursor, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end) {
		*end = '\0';
		*cursor = end + 1;
	} else {
		*cursor = line + strlen(line);
	}
	return line;
}
