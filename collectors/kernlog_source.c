// SPDX-License-Identifier: Apache-2.0
#include "collectors/kernlog_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"

#define BUFFER_BYTES 16384
#define MAX_OVERRUNS 64     /* of one call */
#define MAX_BACKLOG  1000000 /* records passed over at birth to stand at the end */

enum kind { KMSG, FIFO, FILE_ };

struct kernlog_source {
	enum kind kind;
	int fd, epoll_fd, inotify_fd, more_fd;
	bool simulated, skipping, rests;
	uint64_t resume, next_seq; /* resume 0: take all */
	uint64_t lost, malformed;
	off_t offset;     /* in a regular file */
	size_t at, len;   /* what of the buffer is not taken yet */
	char buffer[BUFFER_BYTES];
};

/* ---- records ---- */

static bool take_number(const char **p, const char *end, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *start = *p;
	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++)
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(**p - '0'), &value))
			return false;
	*ret_value = value;
	return *p > start;
}

int kernlog_record_parse(const char *line, size_t len, struct kernlog_record *ret_record)
{
	const char *p = line, *end = line + len;
	const char *semicolon = len ? memchr(line, ';', MIN_OF(len, (size_t)128)) : NULL;
	uint64_t priority, seq, usec;
	if (!semicolon)
		return -EBADMSG;
	if (!take_number(&p, semicolon, &priority) || priority > 1023 || *p++ != ',')
		return -EBADMSG;
	if (!take_number(&p, semicolon, &seq) || *p++ != ',')
		return -EBADMSG;
	if (!take_number(&p, semicolon, &usec) || *p++ != ',' || p > semicolon)
		return -EBADMSG;
	const char *text = semicolon + 1;
	const char *newline = text < end ? memchr(text, '\n', (size_t)(end - text)) : NULL;
	*ret_record = (struct kernlog_record){ .level = priority & 7, .facility = (unsigned)priority >> 3, .seq = seq,
					       .usec = usec, .continued = *p == 'c' || *p == '+', .text = text,
					       .len = (size_t)((newline ? newline : end) - text) };
	return 0;
}

/* ---- life ---- */

static int source_watch(struct kernlog_source *s, int fd, bool wanted)
{
	struct epoll_event e = { .events = wanted ? EPOLLIN : 0, .data.fd = fd };
	if (fd < 0)
		return 0;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, fd, &e) == 0)
		return 0;
	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

void kernlog_source_close(struct kernlog_source **s)
{
	if (!*s)
		return;
	cleanup_close(&(*s)->fd);
	cleanup_close(&(*s)->epoll_fd);
	cleanup_close(&(*s)->inotify_fd);
	cleanup_close(&(*s)->more_fd);
	free(*s);
	*s = NULL;
}

static int open_path(const struct collect_env *env, enum kind *ret_kind, int *ret_fd)
{
	int at = env->kmsg_path ? AT_FDCWD : env->root_fd;
	const char *path = env->kmsg_path ? env->kmsg_path : "dev/kmsg";
	struct stat st;
	if (fstatat(at, path, &st, 0) < 0)
		return -errno;
	/* A fifo opened for writing too never ends, and needs no writer to open. */
	int flags = S_ISFIFO(st.st_mode) ? O_RDWR : O_RDONLY;
	AUTO_CLOSE int fd = openat(at, path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_kind = S_ISFIFO(st.st_mode) ? FIFO : S_ISREG(st.st_mode) ? FILE_ : KMSG;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Stand at the end, knowing the sequence: SEEK_END would not tell it, and a restart before the next record would then
 * lose what came in between. */
static void pass_over_backlog(struct kernlog_source *s)
{
	struct kernlog_record record;
	for (size_t i = 0; i < MAX_BACKLOG && kernlog_source_next(s, &record) == 1; i++)
		;
	s->lost = 0;
	s->malformed = 0;
}

static int start(struct kernlog_source *s, const struct collect_env *env)
{
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return -errno;
	int r = open_path(env, &s->kind, &s->fd);
	if (r < 0)
		return r;
	s->simulated = env->kmsg_path != NULL;
	if (s->kind != KMSG) {
		s->more_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (s->more_fd < 0)
			return -errno;
	}
	if (s->kind == FILE_) {
		char path[PATH_MAX];
		s->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
		if (s->inotify_fd < 0 || inotify_add_watch(s->inotify_fd, path, IN_MODIFY) < 0)
			return -errno;
	}
	kernlog_source_rest(s, false);
	if (env->kmsg_resume_seq == 0)
		pass_over_backlog(s);
	else if (env->kmsg_resume_seq != UINT64_MAX)
		s->resume = s->next_seq = env->kmsg_resume_seq;
	kernlog_source_more(s, true);
	return 0;
}

int kernlog_source_open(const struct collect_env *env, struct kernlog_source **ret_source)
{
	AUTO(kernlog_source_close) struct kernlog_source *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->fd = s->epoll_fd = s->inotify_fd = s->more_fd = -1;
	int r = start(s, env);
	if (r < 0)
		return r;
	*ret_source = TAKE_PTR(s);
	return 0;
}

/* ---- reading ---- */

/* 1: wanted; 0: seen before the restart. */
static int admit(struct kernlog_source *s, const struct kernlog_record *record)
{
	if (s->resume && record->seq < s->resume)
		return 0;
	if (s->kind == KMSG) {
		if (s->next_seq && record->seq > s->next_seq)
			s->lost += record->seq - s->next_seq;
		s->resume = 0;
	}
	s->next_seq = record->seq + 1;
	return 1;
}

static int next_of_device(struct kernlog_source *s, struct kernlog_record *ret_record)
{
	for (unsigned overruns = 0; overruns < MAX_OVERRUNS;) {
		ssize_t n = read(s->fd, s->buffer, sizeof(s->buffer));
		if (n < 0 && (errno == EPIPE || errno == EINTR)) {
			overruns++;
			continue;
		}
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0)
			return 0;
		if (kernlog_record_parse(s->buffer, (size_t)n, ret_record) < 0)
			s->malformed++;
		else if (admit(s, ret_record))
			return 1;
	}
	return 0;
}

/* More bytes behind those that are there; false when there are none now. */
static bool fill(struct kernlog_source *s)
{
	struct stat st;
	if (s->at > 0) {
		memmove(s->buffer, s->buffer + s->at, s->len - s->at);
		s->len -= s->at;
		s->at = 0;
	}
	if (s->len == sizeof(s->buffer)) { /* a line longer than all */
		s->malformed += !s->skipping;
		s->skipping = true;
		s->len = 0;
	}
	if (s->kind == FILE_ && fstat(s->fd, &st) == 0 && st.st_size < s->offset) {
		s->offset = 0;
		s->len = 0;
		s->skipping = false;
	}
	char *to = s->buffer + s->len;
	size_t room = sizeof(s->buffer) - s->len;
	ssize_t n = s->kind == FILE_ ? pread(s->fd, to, room, s->offset) : read(s->fd, to, room);
	if (n <= 0)
		return false;
	s->offset += n;
	s->len += (size_t)n;
	return true;
}

static int next_of_lines(struct kernlog_source *s, struct kernlog_record *ret_record)
{
	for (;;) {
		const char *line = s->buffer + s->at;
		const char *newline = s->len > s->at ? memchr(line, '\n', s->len - s->at) : NULL;
		if (!newline) {
			if (fill(s))
				continue;
			if (s->kind == FILE_)
				s->resume = 0; /* what is appended from here on is new, whatever its number */
			return 0;
		}
		size_t len = (size_t)(newline - line);
		bool rest_of_long = s->skipping;
		s->at += len + 1;
		s->skipping = false;
		if (rest_of_long || len == 0 || line[0] == ' ')
			continue;
		if (kernlog_record_parse(line, len, ret_record) < 0)
			s->malformed++;
		else if (admit(s, ret_record))
			return 1;
	}
}

int kernlog_source_next(struct kernlog_source *s, struct kernlog_record *ret_record)
{
	return s->kind == KMSG ? next_of_device(s, ret_record) : next_of_lines(s, ret_record);
}

int kernlog_source_fd(const struct kernlog_source *s)
{
	return s->epoll_fd;
}

void kernlog_source_rest(struct kernlog_source *s, bool rest)
{
	s->rests = rest;
	(void)source_watch(s, s->more_fd, !rest);
	(void)source_watch(s, s->kind == FILE_ ? s->inotify_fd : s->fd, !rest);
}

void kernlog_source_more(struct kernlog_source *s, bool more)
{
	char events[4096];
	uint64_t one = 1;
	if (s->kind == KMSG)
		return;
	if (more) {
		(void)!write(s->more_fd, &one, sizeof(one));
		return;
	}
	(void)!read(s->more_fd, &one, sizeof(one));
	while (s->inotify_fd >= 0 && read(s->inotify_fd, events, sizeof(events)) > 0)
		;
}

bool kernlog_source_simulated(const struct kernlog_source *s)
{
	return s->simulated;
}

uint64_t kernlog_source_lost(const struct kernlog_source *s)
{
	return s->lost;
}

uint64_t kernlog_source_malformed(const struct kernlog_source *s)
{
	return s->malformed;
}

uint64_t kernlog_source_position(const struct kernlog_source *s)
{
	return s->next_seq;
}
