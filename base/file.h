/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - small files read whole, and files replaced whole.
 *
 * Room: base.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: the caller's buffer. Paths are relative to a dirfd, so that a test hands in a fixture root.
 */
#ifndef WHY_BASE_FILE_H
#define WHY_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Read a whole file of /proc, /sys or a cgroup into `buffer`, always terminated; `ret_len` may be NULL.
 * Leading slashes of `path` are skipped, so "/proc/stat" works below any root; with AT_FDCWD they are not.
 * -ENOENT, -EACCES, ... from open(2) and read(2); -EFBIG: does not fit (buffer holds what did). */
int file_read_at(int dirfd, const char *path, char *buffer, size_t size, size_t *ret_len);

/* The same for a descriptor that is kept open and read again from its start (pread). */
int file_reread(int fd, char *buffer, size_t size, size_t *ret_len);

/* A file that holds one unsigned number, or "max" (UINT64_MAX). -EINVAL: something else. */
int file_read_u64_at(int dirfd, const char *path, uint64_t *ret_value);

/* Replace the file by `data` so that a reader, or a crash, sees the old or the new content whole
 * (temporary file, fsync, rename, fsync of the folder). Leaves no temporary file behind on failure. */
int file_write_atomic_at(int dirfd, const char *path, const void *data, size_t n, mode_t mode);

/* mkdir -p below dirfd. */
int file_make_dirs_at(int dirfd, const char *path, mode_t mode);

/* Open a folder O_DIRECTORY|O_CLOEXEC below dirfd, leading slashes skipped. */
int file_open_dir_at(int dirfd, const char *path, int *ret_fd);

/* The next line of `*cursor` (NUL-terminated text): terminates it in place, moves the cursor behind it.
 * NULL at the end. */
char *file_next_line(char **cursor);

#endif
