/* SPDX-License-Identifier: Apache-2.0 */
/* mount_table.h - the mounts below the root: read whole, then line by line.
 *
 * Room: collectors.  Owns: nothing (the caller's buffer).  Thread: any.  Clock: none.
 * Bounds: the buffer. A table that does not fit is cut at its last whole line.
 */
#ifndef WHY_COLLECTORS_MOUNT_TABLE_H
#define WHY_COLLECTORS_MOUNT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct mount_line {
	const char *source, *target, *fstype, *options; /* unescaped, in the caller's buffer */
};

/* The table of this process when `root_fd` is the real root; else that of the root's process 1, else /proc/mounts as it
 * lies there. Terminated. -ENOENT: there is none; other errors from open(2). */
int mount_table_read(int root_fd, char *buffer, size_t size);

/* The next well-formed line of `*cursor`, taken apart in place. False at the end. */
bool mount_table_next(char **cursor, struct mount_line *ret_line);

/* The option is there, as a whole word: "ro" is in "ro,relatime" and not in "errors=remount-ro". */
bool mount_line_has_option(const struct mount_line *m, const char *option);

#endif
