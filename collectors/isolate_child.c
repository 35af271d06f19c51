/* SPDX-License-Identifier: Apache-2.0 */
/* The child's half of isolate.h: one collector, one socket, nothing else. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "collectors/isolate.h"
#include "collectors/isolate_wire.h"
#include "model/codec.h"

#define EXIT_NO_SUCH 64
#define EXIT_BROKEN  70

#define MAX_ENTITIES 16384
#define MAX_SAMPLES  16384
#define MAX_EVENTS   1024

struct child {
	const struct collector *collector;
	struct isolate_setup setup;
	struct collect_env env;
	struct collect_marks *marks; /* NULL: none could be had */
	void *state;
	bool opened;
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	struct codec_writer *writer;
	struct buf frames;
};

static void child_done(struct child *c)
{
	if (c->opened)
		c->collector->close(c->state);
	codec_writer_free(&c->writer);
	batch_free(&c->batch);
	graph_free(&c->graph);
	metrics_free(&c->metrics);
	buf_done(&c->frames);
	if (c->marks)
		(void)munmap(c->marks, sizeof(*c->marks));
}

/* 1: a packet of that kind; 0: the parent hung up; -errno. */
static int receive(enum isolate_kind kind, struct isolate_packet *ret_packet, void *data, size_t size)
{
	struct isolate_packet p;
	struct iovec parts[] = { { .iov_base = &p, .iov_len = sizeof(p) }, { .iov_base = data, .iov_len = size } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = data ? 2 : 1 };
	ssize_t n;

	do {
		n = recvmsg(ISOLATE_FD, &m, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	if ((size_t)n != sizeof(p) + size || p.magic != ISOLATE_MAGIC || p.kind != (uint32_t)kind)
		return -EBADMSG;
	*ret_packet = p;
	return 1;
}

static int reply(enum isolate_kind kind, uint64_t seq, int result, const void *data, size_t n)
{
	struct isolate_packet p = {
		.magic = ISOLATE_MAGIC,
		.kind = kind,
		.result = result,
		.n_data = (uint32_t)n,
		.seq = seq,
	};
	struct iovec parts[] = {
		{ .iov_base = &p, .iov_len = sizeof(p) },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = n },
	};
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = n ? 2 : 1 };
	ssize_t r;

	do {
		r = sendmsg(ISOLATE_FD, &m, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static int child_make(struct child *c)
{
	struct isolate_packet p;
	int r = receive(ISOLATE_INIT, &p, &c->setup, sizeof(c->setup));

	if (r <= 0)
		return r < 0 ? r : -EPIPE;
	c->setup.node_name[sizeof(c->setup.node_name) - 1] = '\0';
	c->setup.boot_id[sizeof(c->setup.boot_id) - 1] = '\0';
	c->setup.nvml_path[sizeof(c->setup.nvml_path) - 1] = '\0';
	void *marks = mmap(NULL, sizeof(*c->marks), PROT_READ | PROT_WRITE, MAP_SHARED, ISOLATE_MARK_FD, 0);

	c->marks = marks == MAP_FAILED ? NULL : marks;
	c->env = (struct collect_env){
		.root_fd = ISOLATE_ROOT_FD,
		.fixture = c->setup.fixture,
		.boot_id = c->setup.boot_id,
		.nvml_path = c->setup.nvml_path[0] ? c->setup.nvml_path : NULL,
		.node_name = c->setup.node_name,
		.ticks_per_s = (long)c->setup.ticks_per_s,
		.page_bytes = (long)c->setup.page_bytes,
		.n_cpus = c->setup.n_cpus,
		.ring_kib = c->setup.ring_kib,
		.self_pid = c->setup.self_pid,
		.marks = c->marks,
		.clock = clock_mono_now,
	};
	r = metrics_new(&c->metrics);
	if (r == 0)
		r = metrics_add(c->metrics, c->collector->name, c->collector->metrics, c->collector->n_metrics, NULL);
	if (r == 0)
		r = graph_new(MAX_ENTITIES, c->setup.node_name, &c->graph);
	if (r == 0)
		r = batch_new(c->graph, MAX_SAMPLES, MAX_EVENTS, MAX_SAMPLES, &c->batch);
	if (r == 0)
		r = codec_writer_new(c->metrics, &c->writer);
	return r;
}

static int child_read(struct child *c, mono_ns_t now)
{
	const struct collector *k = c->collector;
	int r = 0;

	batch_reset(c->batch, now);
	(void)graph_expire(c->graph, now, NULL, NULL);
	if (!c->opened) {
		r = k->open(&c->env, &c->state);
		if (r < 0)
			return r;
		c->opened = true;
	}
	if (k->collect)
		r = k->collect(c->state, now, c->batch);
	if (k->drain)
		(void)k->drain(c->state, MAX_EVENTS / 2, c->batch);
	return r;
}

static int child_answer(struct child *c, const struct isolate_packet *request)
{
	int result = child_read(c, request->now_ns), r;

	buf_reset(&c->frames);
	r = codec_write_batch(c->writer, c->batch, request->wall_ns, &c->frames);
	if (r < 0) {
		buf_reset(&c->frames);
		result = r;
	}
	for (size_t at = 0; at < c->frames.len; at += ISOLATE_MAX_DATA) {
		r = reply(ISOLATE_DATA, request->seq, 0, c->frames.data + at,
			  MIN_OF(c->frames.len - at, (size_t)ISOLATE_MAX_DATA));
		if (r < 0)
			return r;
	}
	return reply(ISOLATE_DONE, request->seq, result, NULL, 0);
}

int isolate_child_serve(const struct collector *collector)
{
	AUTO(child_done) struct child c = { .collector = collector };
	struct isolate_packet request;
	int r;

	/* The parent's end closes with it; a read that hangs then would outlive the agent for no use. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, collector->name);
	/* What runtimes answer holds the environments of containers: no core file of this process, no reading by others. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	buf_init(&c.frames, ISOLATE_MAX_READING);
	if (child_make(&c) < 0)
		return EXIT_BROKEN;
	while ((r = receive(ISOLATE_REQUEST, &request, NULL, 0)) > 0)
		if (child_answer(&c, &request) < 0)
			return EXIT_BROKEN;
	return r < 0 ? EXIT_BROKEN : 0;
}

int isolate_child_main(const char *name)
{
	const struct collector *c = collectors_find(name);

	return c ? isolate_child_serve(c) : EXIT_NO_SUCH;
}
