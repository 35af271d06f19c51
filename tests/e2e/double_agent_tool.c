// SPDX-License-Identifier: Apache-2.0
/* An agent that only brings findings: says hello, sends records FIRST..LAST, prints the sequence that was acked.
 * usage: double_agent_tool HOST:PORT NODE FIRST LAST [CA CERT KEY SERVER_NAME]
 * Exit status 0: all acked; 1: not (what was, is printed); 2: no connection. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proto/call.h"
#include "proto/convert.h"
#include "proto/frame.h"

#define PATIENCE_MS 10000

static void add_finding(struct frame_batch *batch, const char *node, uint64_t seq)
{
	AUTO(finding_free) struct finding *f = NULL;
	AUTO_BUF struct buf packed;

	if (finding_new(&f) < 0)
		abort();
	f->revision = 1;
	f->severity = SEVERITY_WARNING;
	f->rule = "test.acked";
	f->title = arena_printf(f->arena, "finding %llu", (unsigned long long)seq);
	f->node = node;
	f->confidence = f->coverage = 1;
	f->subject.kind = ENTITY_POD;
	f->subject.id = f->subject.name = arena_printf(f->arena, "ml/train-%llu", (unsigned long long)seq);
	f->opened_at = f->changed_at = 1700000000ULL * NS_PER_S + seq;
	f->remedy.text = "";
	f->rules_digest = "d";
	f->count = 1;
	finding_make_id(node, "boot", f->rule, ENTITY_POD, f->subject.id, seq, f->id);
	buf_init(&packed, 64 * 1024);
	if (finding_pack(f, &packed) < 0 || frame_batch_add(batch, seq, packed.data, packed.len) < 0)
		abort();
}

/* The next frame of the hub; false: none came. */
static bool receive(struct call *call, struct frame_hub *ret)
{
	for (int waited = 0; waited < PATIENCE_MS; waited += 100) {
		struct pollfd p = { .fd = call_event_fd(call), .events = POLLIN };
		AUTO_FREE uint8_t *data = NULL;
		struct call_status status;
		size_t n;

		if (call_receive(call, &data, &n) == 0)
			return frame_hub_unpack(data, n, ret, NULL) == 0;
		if (call_closed(call, &status)) {
			fprintf(stderr, "double_agent_tool: %s: %s\n", call_code_name(status.code), status.text);
			return false;
		}
		if (poll(&p, 1, 100) > 0)
			call_wake(call);
	}
	return false;
}

static bool send_all(struct call *call, const struct buf *b)
{
	for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
		if (call_send(call, b->data, b->len) == 0)
			return true;
		(void)poll(NULL, 0, 10);
	}
	return false;
}

static uint64_t bring(struct call *call, const char *node, uint64_t first, uint64_t last)
{
	struct frame_batch batch;
	struct frame_hub frame;
	uint64_t acked = 0;

	frame_batch_init(&batch);
	for (uint64_t seq = first; seq <= last; seq++) {
		AUTO_BUF struct buf out;

		add_finding(&batch, node, seq);
		if (batch.n_records < 100 && seq < last)
			continue;
		buf_init(&out, FRAME_MAX_MESSAGE);
		if (frame_pack_batch(&batch, &out) < 0 || !send_all(call, &out))
			break;
		frame_batch_reset(&batch);
	}
	while (acked < last && receive(call, &frame)) {
		if (frame.kind == FRAME_ACK)
			acked = frame.up_to_seq;
	}
	frame_batch_done(&batch);
	return acked;
}

int main(int argc, char **argv)
{
	AUTO(tls_pems_done) struct tls_pems pems = { 0 };
	struct call_options options = { .insecure = argc <= 8 };
	struct frame_hello hello = { .boot_id = "boot", .version = "test", .spool_id = "test" };
	AUTO(call_close) struct call *call = NULL;
	AUTO_BUF struct buf out;
	struct frame_hub frame;
	uint64_t acked, last;
	char why[512];

	if (argc < 5)
		return 64;
	options.address = argv[1];
	if (argc > 8) {
		const struct tls_files files = { argv[5], argv[6], argv[7] };

		if (tls_check_files(&files, clock_wall_now(), &pems, why, sizeof(why)) < 0) {
			fprintf(stderr, "double_agent_tool: %s\n", why);
			return 2;
		}
		options.tls = &pems;
		options.server_name = argv[8];
	}
	last = strtoull(argv[4], NULL, 10);
	(void)snprintf(hello.node, sizeof(hello.node), "%s", argv[2]);
	buf_init(&out, FRAME_MAX_MESSAGE);
	if (call_open(&options, FRAME_METHOD_CONNECT, &call) < 0 || frame_pack_hello(&hello, &out) < 0 ||
	    !send_all(call, &out) || !receive(call, &frame))
		return 2;
	if (frame.kind != FRAME_HELLO_REPLY) {
		fprintf(stderr, "double_agent_tool: refused: %s\n", frame.kind == FRAME_REFUSAL ? frame.text : "?");
		return 2;
	}
	acked = bring(call, argv[2], strtoull(argv[3], NULL, 10), last);
	printf("%llu\n", (unsigned long long)acked);
	return acked >= last ? 0 : 1;
}
