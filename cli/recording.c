// SPDX-License-Identifier: Apache-2.0
#include "cli/recording.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/show.h"
#include "model/codec.h"

#define SUFFIX     ".why"
#define CHUNK      (256 * 1024)
#define MAX_BUFFER (2 * CODEC_MAX_FRAME + CHUNK)

/* Who gets the bytes. */
struct taker {
	recording_take_fn take;
	void *arg;
};

static int refuse(int status, const char *path, const char *why)
{
	char error[PATH_MAX + 256];
	struct text t;

	text_init(&t, error, sizeof(error));
	text_add_escaped(&t, path, strlen(path));
	text_addf(&t, ": %s", why);
	return show_error(status, error);
}

static int tell_feed(int r, const char *path)
{
	switch (-r) {
	case EBADMSG:
		return refuse(WHY_EXIT_BAD_RULES, path,
			      "no recording, or damaged; what came before the damage was played");
	case ESTALE:
		return refuse(WHY_EXIT_BAD_RULES, path,
			      "a segment of another node or boot: replay the segments of one boot at a time");
	case EPROTONOSUPPORT:
		return refuse(WHY_EXIT_BAD_RULES, path, "written by a newer whyd: use its `why`");
	case EFBIG:
		return refuse(WHY_EXIT_BAD_RULES, path, "too large a recording for this; `why replay` plays any");
	case ECANCELED:
		return WHY_EXIT_INTERNAL;
	default:
		return refuse(WHY_EXIT_INTERNAL, path, strerror(-r));
	}
}

/* One segment. A frame cut off at its end is what a crash leaves: said, and no error. */
static int play_fd(const struct taker *taker, int fd, const char *path)
{
	AUTO_BUF struct buf in;
	AUTO_FREE uint8_t *chunk = malloc(CHUNK);

	buf_init(&in, MAX_BUFFER);
	if (!chunk)
		return show_error(WHY_EXIT_INTERNAL, "out of memory");
	for (;;) {
		ssize_t n = read(fd, chunk, CHUNK);
		size_t used = 0;
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse(WHY_EXIT_NOT_FOUND, path, strerror(errno));
		if (n == 0)
			break;
		r = buf_add(&in, chunk, (size_t)n);
		if (r == 0)
			r = taker->take(taker->arg, in.data, in.len, &used);
		if (r < 0)
			return tell_feed(r, path);
		memmove(in.data, in.data + used, in.len - used);
		in.len -= used;
	}
	if (in.len > 0)
		(void)refuse(WHY_EXIT_OK, path, "its last frame is cut off; all before it was played");
	return WHY_EXIT_OK;
}

static int play_file(const struct taker *taker, const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return refuse(errno == EACCES ? WHY_EXIT_DENIED : WHY_EXIT_NOT_FOUND, path, strerror(errno));
	return play_fd(taker, fd, path);
}

static int is_segment(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > strlen(SUFFIX) && strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int play_folder(const struct taker *taker, const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_segment, by_name), status = WHY_EXIT_OK;
	char file[PATH_MAX];

	if (n < 0)
		return refuse(errno == EACCES ? WHY_EXIT_DENIED : WHY_EXIT_NOT_FOUND, path, strerror(errno));
	if (n == 0)
		status = refuse(WHY_EXIT_NOT_FOUND, path, "no segments (NUMBER" SUFFIX ") in this folder");
	for (int i = 0; i < n && status == WHY_EXIT_OK; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		status = play_file(taker, file);
	}
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return status;
}

int recording_play(const char *path, recording_take_fn take, void *arg)
{
	const struct taker it = { .take = take, .arg = arg }, *taker = &it;
	struct stat st;

	if (strcmp(path, "-") == 0)
		return play_fd(taker, STDIN_FILENO, "standard input");
	if (stat(path, &st) < 0)
		return refuse(errno == EACCES ? WHY_EXIT_DENIED : WHY_EXIT_NOT_FOUND, path, strerror(errno));
	return S_ISDIR(st.st_mode) ? play_folder(taker, path) : play_file(taker, path);
}
