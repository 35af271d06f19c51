/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/otel_mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "collectors/fields.h"
#include "identity/otel_context.h"

#define PIECE 8192

/* "7f1-7f2 r--p 00000000 00:01 7 /memfd:OTEL_CTX (deleted)" */
static bool line_is(struct fields line, uint64_t *ret_start)
{
	char path[64];
	size_t n = (size_t)(line.end - line.at);
	const char *dash = memchr(line.at, '-', n);
	struct fields start = { .at = line.at, .end = dash };
	const char *word;
	size_t len;

	/* Most lines are of files and of nothing; the name that is meant is never that long. */
	if (!dash || !fields_skip(&line, 5) || !fields_word(&line, &word, &len))
		return false;
	len = (size_t)(line.end - word);
	if (len >= sizeof(path))
		return false;
	memcpy(path, word, len);
	path[len] = '\0';
	return otel_context_is_mapping(path) && fields_hex(&start, ret_start);
}

static int find_mapping(int proc_fd, uint64_t *ret_start)
{
	AUTO_CLOSE int fd = openat(proc_fd, "maps", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char piece[PIECE];
	size_t held = 0, total = 0;

	if (fd < 0)
		return -errno;
	while (total < OTEL_MAPPING_MAPS_BYTES) {
		ssize_t n = read(fd, piece + held, sizeof(piece) - held);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		total += (size_t)n;
		held += (size_t)n;
		struct fields rest = fields_of(piece, held), line;
		while (memchr(rest.at, '\n', (size_t)(rest.end - rest.at)) && fields_line(&rest, &line))
			if (line_is(line, ret_start))
				return 0;
		held = (size_t)(rest.end - rest.at);
		if (n == 0 || held == sizeof(piece))
			return -ENOENT;
		memmove(piece, rest.at, held);
	}
	return -ENOENT;
}

static int read_memory(int fd, uint64_t at, void *ret_bytes, size_t n)
{
	if (at > INT64_MAX)
		return -EBADMSG;
	ssize_t got = pread(fd, ret_bytes, n, (off_t)at);
	return got < 0 ? -errno : (size_t)got == n ? 0 : -EBADMSG;
}

static int read_header(int fd, uint64_t start, struct otel_context *ret_context)
{
	uint8_t header[OTEL_CONTEXT_HEADER];
	int r = read_memory(fd, start, header, sizeof(header));

	return r < 0 ? r : otel_context_header(header, sizeof(header), ret_context);
}

int otel_mapping_service(int proc_fd, char *ret_name, size_t size)
{
	struct otel_context before, after;
	AUTO_FREE uint8_t *payload = NULL;
	AUTO_CLOSE int fd = -1;
	uint64_t start;

	int r = find_mapping(proc_fd, &start);
	if (r < 0)
		return r;
	fd = openat(proc_fd, "mem", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	r = read_header(fd, start, &before);
	if (r < 0)
		return r;
	payload = malloc(before.payload_size);
	if (!payload)
		return -ENOMEM;
	r = read_memory(fd, before.payload, payload, before.payload_size);
	if (r == 0)
		r = read_header(fd, start, &after);
	if (r == 0 && after.published_ns != before.published_ns)
		r = -EAGAIN;
	if (r == 0)
		r = otel_context_service(payload, before.payload_size, ret_name, size);
	explicit_bzero(payload, before.payload_size);
	return r;
}
