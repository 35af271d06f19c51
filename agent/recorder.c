/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/recorder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"

#define PAUSE_NS  (60 * NS_PER_S)
#define MAX_NAMES 64

struct recorder {
	int ring_fd, kept_fd; /* folders */
	struct codec_header header;
	struct codec_writer *writer;
	struct buf buf;
	int fd; /* segment under way, -1 none */
	uint64_t sequence, segment_bytes, max_bytes;
	mono_ns_t begun, paused_until;
	struct recorder_stats stats;
};

/* Names in a folder in order, dot names left out; at most MAX_NAMES, the first ones. */
static size_t list_names(int dirfd, char names[][NAME_MAX + 1], size_t max)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir)
		return 0;
	(void)TAKE_FD(fd);
	size_t n = 0;
	const struct dirent *entry;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		size_t at = n;
		while (at > 0 && strcmp(names[at - 1], entry->d_name) > 0)
			at--;
		if (at == max)
			continue;
		size_t last = MIN_OF(n, max - 1);
		memmove(names[at + 1 <= max ? at + 1 : max], names[at], (last - at) * sizeof(names[0]));
		memcpy(names[at], entry->d_name, strlen(entry->d_name) + 1);
		n = MIN_OF(n + 1, max);
	}
	return n;
}

static uint64_t file_bytes(int dirfd, const char *name)
{
	struct stat st;
	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
}

/* Drop the oldest segments until number and bytes are within bounds. */
static void prune_ring(struct recorder *r)
{
	AUTO_FREE char (*names)[NAME_MAX + 1] = calloc(MAX_NAMES + 1, sizeof(*names));
	if (!names)
		return;
	size_t n = list_names(r->ring_fd, names, MAX_NAMES);
	uint64_t total = 0;
	for (size_t i = 0; i < n; i++)
		total += file_bytes(r->ring_fd, names[i]);
	size_t first = 0;
	/* Room for the segment that begins now. */
	uint64_t max = r->max_bytes - r->max_bytes / 4;
	while (first < n && (n - first >= RECORDER_SEGMENTS || (total > max && n - first > 1))) {
		total -= MIN_OF(total, file_bytes(r->ring_fd, names[first]));
		(void)unlinkat(r->ring_fd, names[first], 0);
		first++;
	}
	r->stats.bytes = total;
	r->stats.segments = n - first;
}

/* Sequence numbers go on over a restart, so that names stay in order. */
static void find_sequence(struct recorder *r)
{
	AUTO_FREE char (*names)[NAME_MAX + 1] = calloc(MAX_NAMES + 1, sizeof(*names));
	size_t n = names ? list_names(r->ring_fd, names, MAX_NAMES) : 0;
	for (size_t i = 0; i < n; i++) {
		unsigned long long sequence;
		if (sscanf(names[i], "%12llu.why", &sequence) == 1 && sequence >= r->sequence)
			r->sequence = sequence + 1;
	}
}

static int open_dir(int state_fd, const char *name, int *ret_fd)
{
	int r = file_make_dirs_at(state_fd, name, 0750);
	return r < 0 ? r : file_open_dir_at(state_fd, name, ret_fd);
}

int recorder_open(const char *state_dir, const struct metrics *metrics, const char *node, const char *boot_id,
		  uint64_t max_bytes, struct recorder **ret_recorder)
{
	AUTO(recorder_close) struct recorder *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->fd = r->ring_fd = r->kept_fd = -1;
	r->max_bytes = max_bytes;
	buf_init(&r->buf, 16 * CODEC_MAX_FRAME);
	snprintf(r->header.node, sizeof(r->header.node), "%s", node);
	snprintf(r->header.boot_id, sizeof(r->header.boot_id), "%s", boot_id);
	AUTO_CLOSE int state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state_fd < 0)
		return -errno;
	int error = open_dir(state_fd, "recorder", &r->ring_fd);
	if (error == 0)
		error = open_dir(state_fd, "recordings", &r->kept_fd);
	if (error == 0)
		error = codec_writer_new(metrics, &r->writer);
	if (error < 0)
		return error;
	find_sequence(r);
	*ret_recorder = TAKE_PTR(r);
	return 0;
}

void recorder_close(struct recorder **recorder)
{
	struct recorder *r = *recorder;
	if (!r)
		return;
	const int fds[] = { r->fd, r->ring_fd, r->kept_fd };
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	codec_writer_free(&r->writer);
	buf_done(&r->buf);
	free(r);
	*recorder = NULL;
}

static int write_all(int fd, const struct buf *b)
{
	for (size_t done = 0; done < b->len;) {
		ssize_t n = write(fd, b->data + done, b->len - done);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

static void segment_name(uint64_t sequence, char ret_name[32])
{
	snprintf(ret_name, 32, "%012llu.why", (unsigned long long)sequence);
}

static int begin_segment(struct recorder *r, const struct batch *b, wall_ns_t wall)
{
	if (r->fd >= 0)
		(void)close(TAKE_FD(r->fd));
	prune_ring(r);
	r->header.wall = wall;
	r->header.mono = b->now;
	codec_writer_restart(r->writer);
	int error = codec_write_header(r->writer, &r->header, &r->buf);
	if (error == 0)
		error = codec_write_graph(r->writer, b->graph, b->now, &r->buf);
	if (error < 0)
		return error;
	char name[32];
	segment_name(r->sequence++, name);
	r->fd = openat(r->ring_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (r->fd < 0)
		return -errno;
	r->begun = b->now;
	r->segment_bytes = 0;
	return 0;
}

/* What is torn here is cut off by the reader; the next attempt begins a new segment. One without anything whole in it
 * goes: on a full disk such would push out, one a minute, those that tell how it came to that. */
static void end_torn(struct recorder *r)
{
	if (r->fd < 0)
		return;
	(void)close(TAKE_FD(r->fd));
	if (r->segment_bytes > 0)
		return;
	char name[32];
	segment_name(r->sequence - 1, name);
	(void)unlinkat(r->ring_fd, name, 0);
}

int recorder_put(struct recorder *r, const struct batch *b, wall_ns_t wall)
{
	if (b->now < r->paused_until) {
		r->stats.missed_ticks++;
		return 0;
	}
	buf_reset(&r->buf);
	int error = 0;
	if (r->fd < 0 || mono_since(r->begun, b->now) >= RECORDER_SEGMENT_NS || r->segment_bytes > r->max_bytes / 4)
		error = begin_segment(r, b, wall);
	if (error == 0)
		error = codec_write_batch(r->writer, b, wall, &r->buf);
	if (error == 0)
		error = write_all(r->fd, &r->buf);
	if (error < 0) {
		end_torn(r);
		r->paused_until = b->now + PAUSE_NS;
		r->stats.missed_ticks++;
		r->stats.errors++;
		return error;
	}
	r->segment_bytes += r->buf.len;
	return 0;
}

static void remove_folder(int dirfd, const char *name)
{
	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char (*names)[NAME_MAX + 1] = calloc(MAX_NAMES + 1, sizeof(*names));
	size_t n = fd >= 0 && names ? list_names(fd, names, MAX_NAMES) : 0;
	for (size_t i = 0; i < n; i++)
		(void)unlinkat(fd, names[i], 0);
	(void)unlinkat(dirfd, name, AT_REMOVEDIR);
}

/* Names of recordings begin with the finding's id, which says nothing of age: the folder's time does. */
static void prune_kept(struct recorder *r)
{
	AUTO_FREE char (*names)[NAME_MAX + 1] = calloc(MAX_NAMES + 1, sizeof(*names));
	size_t n = names ? list_names(r->kept_fd, names, MAX_NAMES) : 0;
	r->stats.kept = n;
	if (n <= RECORDER_MAX_KEPT)
		return;
	size_t oldest = 0;
	time_t oldest_time = 0;
	for (size_t i = 0; i < n; i++) {
		struct stat st;
		if (fstatat(r->kept_fd, names[i], &st, 0) == 0 && (oldest_time == 0 || st.st_mtime < oldest_time)) {
			oldest = i;
			oldest_time = st.st_mtime;
		}
	}
	remove_folder(r->kept_fd, names[oldest]);
	r->stats.kept--;
}

int recorder_keep(struct recorder *r, const char *name)
{
	if (mkdirat(r->kept_fd, name, 0750) < 0)
		return errno == EEXIST ? 0 : -errno;
	AUTO_CLOSE int folder = openat(r->kept_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char (*names)[NAME_MAX + 1] = calloc(MAX_NAMES + 1, sizeof(*names));
	if (folder < 0 || !names)
		return folder < 0 ? -errno : -ENOMEM;
	size_t n = list_names(r->ring_fd, names, MAX_NAMES);
	int error = 0;
	for (size_t i = 0; i < n; i++)
		if (linkat(r->ring_fd, names[i], folder, names[i], 0) < 0)
			error = -errno;
	prune_kept(r);
	return error;
}

void recorder_stats(const struct recorder *r, struct recorder_stats *ret_stats)
{
	*ret_stats = r->stats;
}
