// SPDX-License-Identifier: Apache-2.0
#include "hub/self_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "proto/call.h"
#include "proto/frame.h"
#include "proto/health.h"

struct self_probe {
	char *address, *server_name;
	struct rpc_tls *tls;
	uint64_t max_rss_bytes;
	uint64_t (*progress)(void *arg);
	void *progress_arg;
	void (*end)(int status);
	int every_ms;
	int stop_fd;
	pthread_t thread;
	bool running;
	atomic_ullong failures;
};

static int ask(const struct self_probe *p, struct call_status *ret_status)
{
	AUTO(tls_pems_done) struct tls_pems pems = { 0 };
	struct call_options options = { .address = p->address, .insecure = !p->tls, .tls = p->tls ? &pems : NULL,
					.server_name = p->server_name };
	AUTO_BUF struct buf request;
	AUTO_BUF struct buf reply;
	enum health health;
	int r;

	buf_init(&request, 64);
	buf_init(&reply, 64);
	if (p->tls) {
		r = rpc_tls_copy(p->tls, &pems);
		if (r < 0)
			return r;
	}
	r = health_pack_request("", &request);
	if (r == 0)
		r = call_unary(&options, FRAME_METHOD_HEALTH, request.data, request.len, SELF_PROBE_DEADLINE_MS, &reply,
			       ret_status);
	/* Not serving is an answer: a full disk is not cured by a restart. */
	return r < 0 ? r : health_reply_unpack(reply.data, reply.len, &health);
}

static uint64_t rss_bytes(void)
{
	char line[128];
	size_t n;
	unsigned long long pages;

	if (file_read_at(AT_FDCWD, "/proc/self/statm", line, sizeof(line), &n) < 0 || sscanf(line, "%*u %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void check_memory(const struct self_probe *p)
{
	uint64_t rss = p->max_rss_bytes ? rss_bytes() : 0;

	if (rss <= p->max_rss_bytes)
		return;
	log_error("memory in use (%llu MiB) is above --max-memory: ending, to be started anew; nothing acked is lost",
		  (unsigned long long)(rss >> 20));
	p->end(SELF_PROBE_EXIT_MEMORY);
}

/* False: time to stop. */
static bool wait_a_while(const struct self_probe *p, int ms)
{
	struct pollfd stop = { .fd = p->stop_fd, .events = POLLIN };

	return poll(&stop, 1, ms) == 0;
}

/* Failures in a row, those while others got in, and how many had got in by then. */
struct row {
	unsigned failures, silent;
	uint64_t seen;
};

static bool is_deaf(const struct self_probe *p, struct row *row)
{
	uint64_t now = p->progress ? p->progress(p->progress_arg) : 0;

	row->failures++;
	row->silent = now == row->seen ? row->silent + 1 : 1;
	row->seen = now;
	return row->silent >= SELF_PROBE_FAILURES || row->failures >= SELF_PROBE_MOST;
}

static void *run(void *arg)
{
	struct self_probe *p = arg;
	struct row row = { 0 };

	while (wait_a_while(p, p->every_ms / 2)) {
		struct call_status status = { .text = "" };
		int r;

		check_memory(p);
		if (!wait_a_while(p, p->every_ms / 2))
			break;
		check_memory(p);
		if (!p->address)
			continue;
		r = ask(p, &status);
		if (r == 0) {
			row = (struct row){ 0 };
			continue;
		}
		(void)atomic_fetch_add(&p->failures, 1);
		log_warning("the hub does not answer its own health check at %s: %s", p->address,
			    status.text[0] ? status.text : strerror(-r));
		if (!is_deaf(p, &row))
			continue;
		log_error("no answer %u times in a row: ending, to be started anew; nothing acked is lost", row.failures);
		p->end(SELF_PROBE_EXIT_DEAF);
		row = (struct row){ 0 };
	}
	return NULL;
}

static void end_process(int status)
{
	_exit(status);
}

int self_probe_new(const struct self_probe_options *options, struct self_probe **ret_probe)
{
	AUTO(self_probe_free) struct self_probe *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->stop_fd < 0)
		return -errno;
	p->address = options->address ? strdup(options->address) : NULL;
	p->server_name = strdup(options->server_name ? options->server_name : "");
	if ((options->address && !p->address) || !p->server_name)
		return -ENOMEM;
	p->tls = options->tls;
	p->max_rss_bytes = options->max_rss_bytes;
	p->every_ms = (int)(options->every_ms ? options->every_ms : SELF_PROBE_EVERY_MS);
	p->progress = options->progress;
	p->progress_arg = options->progress_arg;
	p->end = options->end ? options->end : end_process;
	r = -pthread_create(&p->thread, NULL, run, p);
	if (r < 0)
		return r;
	p->running = true;
	*ret_probe = TAKE_PTR(p);
	return 0;
}

void self_probe_free(struct self_probe **probe)
{
	struct self_probe *p = *probe;
	const uint64_t one = 1;

	if (!p)
		return;
	if (p->running) {
		(void)!write(p->stop_fd, &one, sizeof(one));
		(void)pthread_join(p->thread, NULL);
	}
	cleanup_close(&p->stop_fd);
	free(p->address);
	free(p->server_name);
	free(p);
	*probe = NULL;
}

uint64_t self_probe_failures(struct self_probe *p)
{
	return atomic_load(&p->failures);
}

int self_probe_address(const char *listen, int port, char *ret_address, size_t size)
{
	const char *colon = strrchr(listen, ':');
	char host[256];

	if (strncmp(listen, "unix:", 5) == 0) {
		(void)text_copy(ret_address, size, listen);
		return 0;
	}
	if (!colon || (size_t)(colon - listen) >= sizeof(host))
		return -EINVAL;
	memcpy(host, listen, (size_t)(colon - listen));
	host[colon - listen] = 0;
	if (strcmp(host, "0.0.0.0") == 0 || !*host)
		(void)text_copy(host, sizeof(host), "127.0.0.1");
	else if (strcmp(host, "[::]") == 0)
		(void)text_copy(host, sizeof(host), "[::1]");
	(void)snprintf(ret_address, size, "%s:%d", host, port);
	return 0;
}
