// SPDX-License-Identifier: Apache-2.0
#include "collectors/mount_table.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"

static bool is_real_root(int root_fd)
{
	struct stat ours, theirs;
	return fstat(root_fd, &ours) == 0 && stat("/", &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

int mount_table_read(int root_fd, char *buffer, size_t size)
{
	static const char *const host[] = { "proc/1/mounts", "proc/mounts" };
	static const char *const own[] = { "proc/self/mounts", "proc/mounts" };
	const char *const *paths = is_real_root(root_fd) ? own : host;
	int r = -ENOENT;
	for (size_t i = 0; i < 2; i++) {
		r = file_read_at(root_fd, paths[i], buffer, size, NULL);
		if (r == -EFBIG) {
			char *newline = strrchr(buffer, '\n');
			if (newline)
				newline[1] = '\0';
			return 0;
		}
		if (r == 0)
			return 0;
	}
	return r;
}

/* \040 and its kin: the kernel writes blank, tab, newline, backslash and hash so. */
static void unescape(char *s)
{
	char *to = s;
	for (const char *p = s; *p; p++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' &&
		    p[3] <= '7') {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 3;
			continue;
		}
		*to++ = *p;
	}
	*to = '\0';
}

bool mount_table_next(char **cursor, struct mount_line *ret_line)
{
	for (char *line = file_next_line(cursor); line; line = file_next_line(cursor)) {
		char *word[4], *save = NULL;
		size_t n = 0;
		for (char *w = strtok_r(line, " ", &save); w && n < ARRAY_LEN(word); w = strtok_r(NULL, " ", &save))
			word[n++] = w;
		if (n < ARRAY_LEN(word))
			continue;
		for (size_t i = 0; i < n; i++)
			unescape(word[i]);
		*ret_line = (struct mount_line){ .source = word[0], .target = word[1], .fstype = word[2],
						 .options = word[3] };
		return true;
	}
	return false;
}

bool mount_line_has_option(const struct mount_line *m, const char *option)
{
	size_t len = strlen(option);
	for (const char *p = m->options; *p;) {
		size_t n = strcspn(p, ",");
		if (n == len && memcmp(p, option, len) == 0)
			return true;
		p += n;
		if (*p == ',')
			p++;
	}
	return false;
}
