/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/workload_scan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "base/text.h"

int workload_scan_open(struct workload_scan *s, int root_fd)
{
	AUTO_CLOSE int fd = -1;

	*s = (struct workload_scan){ 0 };
	int r = file_open_dir_at(root_fd, "proc", &fd);
	if (r < 0)
		return r;
	r = u64map_new(SCAN_MAX_SEEN, &s->seen);
	if (r < 0)
		return r;
	s->folder = fdopendir(fd);
	if (!s->folder)
		return -errno;
	(void)TAKE_FD(fd);
	return 0;
}

void workload_scan_close(struct workload_scan *s)
{
	if (s->folder)
		(void)closedir(s->folder);
	u64map_free(&s->seen);
	*s = (struct workload_scan){ 0 };
}

bool workload_scan_next(struct workload_scan *s, uint32_t *ret_pid)
{
	struct dirent *d;
	uint64_t pid;

	while ((d = readdir(s->folder))) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9' || text_parse_u64(d->d_name, &pid) < 0 || pid > INT32_MAX)
			continue;
		*ret_pid = (uint32_t)pid;
		return true;
	}
	rewinddir(s->folder);
	s->rounds++;
	return false;
}

/* "0.20 0.18 0.12 1/80 11206": the last is the pid that was given out last. */
static uint32_t last_pid(int root_fd)
{
	char text[128];
	uint32_t pid;

	return file_read_at(root_fd, "proc/loadavg", text, sizeof(text), NULL) == 0 &&
			       sscanf(text, "%*s %*s %*s %*s %u", &pid) == 1 && pid <= INT32_MAX ?
		       pid :
		       0;
}

bool workload_scan_recent(struct workload_scan *s, int root_fd, uint32_t max, uint32_t *ret_after, uint32_t *ret_to)
{
	uint32_t after = s->last_pid[1], to = s->last_pid[0];

	s->last_pid[1] = to;
	s->last_pid[0] = last_pid(root_fd);
	if (after == 0 || to == 0 || to == after)
		return false;
	if (to < after) /* they have come round */
		after = 0;
	*ret_after = to - after > max ? to - max : after;
	*ret_to = to;
	return true;
}

#define NAME_BITS 16

bool workload_scan_is_new(struct workload_scan *s, const struct proc_stat *stat)
{
	uint64_t name = text_hash(stat->comm, strnlen(stat->comm, sizeof(stat->comm))) >> (64 - NAME_BITS);
	uint64_t now = stat->start_ticks << NAME_BITS | name, before;

	if (u64map_get(s->seen, stat->pid, &before) && before == now)
		return false;
	/* Pids of long ago fill it; what lives comes in again within a round. */
	if (u64map_set(s->seen, stat->pid, now) < 0) {
		u64map_clear(s->seen);
		(void)u64map_set(s->seen, stat->pid, now);
	}
	return true;
}

bool workload_scan_saw(const struct workload_scan *s, uint32_t pid, uint64_t start_ticks)
{
	uint64_t seen;

	return u64map_get(s->seen, pid, &seen) && seen >> NAME_BITS == start_ticks;
}
