// SPDX-License-Identifier: Apache-2.0
/* An agent that brings findings for people to look at, and stays until its standard input ends.
 * usage: page_agent_tool HOST:PORT NODE [TEXT]
 * Without TEXT: a cause with a deeper cause, two symptoms, evidence for and against, and a resolved finding. With it: one
 * finding that has TEXT in every field that holds text. Prints "KIND ID" a line once all is acked. */
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proto/call.h"
#include "proto/convert.h"
#include "proto/frame.h"

#define PATIENCE_MS  10000
#define HEARTBEAT_MS 5000

static wall_ns_t now;

static struct finding *new_finding(const char *node, const char *rule, const char *title, uint64_t ago_s)
{
	struct finding *f;

	if (finding_new(&f) < 0)
		abort();
	f->revision = 1;
	f->kind = FINDING_CAUSE;
	f->severity = SEVERITY_CRITICAL;
	f->rule = rule;
	f->title = title;
	f->node = node;
	f->confidence = 0.99;
	f->coverage = 0.92;
	f->subject.kind = ENTITY_GPU;
	f->subject.id = f->subject.name = "0000:5e:00.0";
	f->opened_at = f->changed_at = now - ago_s * NS_PER_S;
	f->remedy.text = "";
	f->rules_digest = "0123456789abcdef";
	f->count = 1;
	finding_make_id(node, "boot", rule, ENTITY_GPU, f->subject.id, ago_s, f->id);
	return f;
}

static void add_evidence(struct finding *f, const char *role, const char *text, wall_ns_t from, wall_ns_t to)
{
	struct finding_evidence *e = &f->evidence[f->n_evidence++];

	*e = (struct finding_evidence){ .id = "e", .text = text, .metric = "gpu.xid", .observed = 1, .expected = ">= 1",
					.source = "kernlog", .role = role, .from = from, .to = to };
}

static void add_symptom(struct finding *f, const char *title, const struct finding *symptom, uint64_t ago_s)
{
	struct finding_explained *e = &f->explains[f->n_explains++];

	e->symptom = title;
	e->subject.kind = ENTITY_PROCESS;
	e->subject.id = e->subject.name = "python3[4242]";
	e->at = now - ago_s * NS_PER_S;
	if (symptom)
		(void)snprintf(e->finding, sizeof(e->finding), "%s", symptom->id);
}

static size_t make_story(const char *node, struct finding **list)
{
	struct finding *deeper = new_finding(node, "pcie.link_lost", "PCIe port 0000:5d:01.0 lost its link", 301);
	struct finding *cause = new_finding(node, "gpu.fell_off_bus", "GPU 3 fell off the PCIe bus", 300);
	struct finding *symptom = new_finding(node, "proc.died", "python3[4242] died of SIGABRT", 296);
	struct finding *old = new_finding(node, "fs.full", "/scratch is full", 7200);

	add_evidence(deeper, "requires", "PCIe AER fatal on 0000:5d:01.0", 0, deeper->opened_at);
	add_evidence(cause, "supports", "a fatal PCIe error 6 ms earlier", 0, cause->opened_at - 6 * NS_PER_MS);
	add_evidence(cause, "requires", "kernel: NVRM: Xid (PCI:0000:5e:00): 79", 0, cause->opened_at);
	add_evidence(cause, "supports", "GPU 3 drew no power", cause->opened_at, cause->opened_at + 30 * NS_PER_S);
	add_evidence(cause, "refutes", "nvidia-smi still answered", 0, cause->opened_at - 2 * NS_PER_S);
	(void)snprintf(cause->because[cause->n_because++], FINDING_ID_SIZE, "%s", deeper->id);
	add_symptom(cause, "proc.died", symptom, 296);
	add_symptom(cause, "nccl.waits", NULL, 295);
	cause->affected[0] = (struct finding_entity){ .kind = ENTITY_JOB, .id = "slurm:81734", .name = "slurm:81734" };
	cause->n_affected = 1;
	cause->ruled_out[cause->n_ruled_out++] = (struct finding_ruled_out){ "gpu.thermal", "peak 61 C" };
	cause->cannot_tell[cause->n_cannot_tell++] = (struct finding_unknown){ "power supply", "no BMC access" };
	cause->remedy.action = REMEDY_REBOOT_NODE;
	cause->remedy.then = REMEDY_REPLACE_NODE;
	cause->remedy.text = "Drain, reboot; if it happens again, replace the node.";
	cause->remedy.check[cause->remedy.n_check++] = "lspci -vvs 0000:5e:00 | grep -i '<lnksta>'";
	symptom->kind = FINDING_SYMPTOM;
	symptom->severity = SEVERITY_WARNING;
	old->state = FINDING_RESOLVED;
	old->resolved_at = old->changed_at = now - 3600 * NS_PER_S;
	old->resolved_reason = "cleared";
	list[0] = deeper;
	list[1] = cause;
	list[2] = symptom;
	list[3] = old;
	return 4;
}

static size_t make_hostile(const char *node, const char *text, struct finding **list)
{
	struct finding *f = new_finding(node, "test.hostile", text, 60);

	f->subject.name = f->subject.id = text;
	finding_make_id(node, "boot", f->rule, ENTITY_GPU, "hostile", 60, f->id);
	add_evidence(f, "requires", text, 0, f->opened_at);
	f->evidence[0].observed = NAN;
	f->evidence[0].observed_text = f->evidence[0].expected = f->evidence[0].source = text;
	add_symptom(f, text, NULL, 59);
	f->explains[0].subject.id = f->explains[0].subject.name = text;
	f->affected[f->n_affected++] = (struct finding_entity){ .kind = ENTITY_POD, .id = text, .name = text };
	f->ruled_out[f->n_ruled_out++] = (struct finding_ruled_out){ text, text };
	f->cannot_tell[f->n_cannot_tell++] = (struct finding_unknown){ text, text };
	f->remedy.text = f->remedy.check[f->remedy.n_check++] = text;
	f->doc = text;
	list[0] = f;
	return 1;
}

/* ---- the wire ---- */

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
			fprintf(stderr, "page_agent_tool: %s: %s\n", call_code_name(status.code), status.text);
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

static bool say_hello(struct call *call, const char *node)
{
	struct frame_hello hello = { .boot_id = "boot", .version = "test", .spool_id = "test" };
	struct frame_hub frame;
	AUTO_BUF struct buf out;

	(void)snprintf(hello.node, sizeof(hello.node), "%s", node);
	buf_init(&out, FRAME_MAX_MESSAGE);
	return frame_pack_hello(&hello, &out) == 0 && send_all(call, &out) && receive(call, &frame) &&
	       frame.kind == FRAME_HELLO_REPLY;
}

static bool bring(struct call *call, struct finding **list, size_t n)
{
	struct frame_batch batch;
	struct frame_hub frame;
	uint64_t acked = 0;
	AUTO_BUF struct buf out;

	frame_batch_init(&batch);
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf packed;

		buf_init(&packed, FRAME_MAX_RAW);
		if (finding_pack(list[i], &packed) < 0 || frame_batch_add(&batch, i + 1, packed.data, packed.len) < 0)
			abort();
	}
	buf_init(&out, FRAME_MAX_MESSAGE);
	if (frame_pack_batch(&batch, &out) == 0 && send_all(call, &out)) {
		while (acked < n && receive(call, &frame))
			acked = frame.kind == FRAME_ACK ? frame.up_to_seq : acked;
	}
	frame_batch_done(&batch);
	return acked == n;
}

static bool beat(struct call *call)
{
	const struct frame_heartbeat h = { .mono = clock_mono_now(), .wall = clock_wall_now(), .evaluated = true };
	AUTO_BUF struct buf out;

	buf_init(&out, FRAME_MAX_MESSAGE);
	return frame_pack_heartbeat(&h, &out) == 0 && send_all(call, &out);
}

int main(int argc, char **argv)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	struct call_options options = { .insecure = true };
	AUTO(call_close) struct call *call = NULL;
	struct finding *list[4];
	size_t n;

	if (argc < 3)
		return 64;
	now = clock_wall_now();
	options.address = argv[1];
	n = argc > 3 ? make_hostile(argv[2], argv[3], list) : make_story(argv[2], list);
	if (call_open(&options, FRAME_METHOD_CONNECT, &call) < 0 || !say_hello(call, argv[2]) || !beat(call) ||
	    !bring(call, list, n))
		return 2;
	for (size_t i = 0; i < n; i++) {
		printf("%s %s\n", list[i]->rule, list[i]->id);
		finding_free(&list[i]);
	}
	(void)fflush(stdout);
	while (poll(&input, 1, HEARTBEAT_MS) == 0 && beat(call)) {
	}
	return 0;
}
