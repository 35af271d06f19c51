// SPDX-License-Identifier: Apache-2.0
/* Bytes as a kernel log: through the record parser, the matcher and every template, then the whole collector on a pipe
 * of them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collectors/collector.h"
#include "collectors/kernlog_match.h"
#include "collectors/kernlog_patterns.h"
#include "collectors/kernlog_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct collector collector_kernlog;

static void through_parts(const char *text, size_t len)
{
	static struct matcher *matcher;
	const char *anchors[KERNLOG_MAX_PATTERNS];
	struct kernlog_record record;
	struct match_captures captures;
	if (!matcher) {
		for (size_t i = 0; i < kernlog_n_patterns; i++)
			anchors[i] = kernlog_patterns[i].anchor;
		if (matcher_new(anchors, kernlog_n_patterns, &matcher) < 0)
			abort();
	}
	if (kernlog_record_parse(text, len, &record) == 0 && (record.text < text || record.text + record.len > text + len))
		abort();
	(void)matcher_scan(matcher, text, len);
	for (size_t i = 0; i < kernlog_n_patterns; i++)
		if (match_template(kernlog_patterns[i].template_text, text, len, &captures) &&
		    captures.n > MATCH_MAX_CAPTURES)
			abort();
}

static void through_collector(const uint8_t *data, size_t size)
{
	static struct graph *graph;
	static struct batch *batch;
	static int fd = -1;
	static char path[64];
	struct collect_env env = { .kmsg_path = path, .kmsg_resume_seq = UINT64_MAX, .root_fd = -1 };
	void *state = NULL;
	if (!graph) {
		fd = memfd_create("kmsg", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (fd < 0 || graph_new(1024, "n", &graph) < 0 || batch_new(graph, 256, 256, 1024, &batch) < 0)
			abort();
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (collector_kernlog.open(&env, &state) < 0)
		abort();
	batch_reset(batch, NS_PER_S);
	for (unsigned i = 0; i < 64 && collector_kernlog.drain(state, 64, batch) > 0; i++)
		;
	(void)collector_kernlog.collect(state, 10 * NS_PER_S, batch);
	collector_kernlog.close(state);
	(void)graph_expire(graph, UINT64_MAX, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a copy of the exact size: a step too far is seen */
	char *text = malloc(size ? size : 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	through_parts(text, size);
	free(text);
	through_collector(data, size);
	return 0;
}
