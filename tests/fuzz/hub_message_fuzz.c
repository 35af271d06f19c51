// SPDX-License-Identifier: Apache-2.0
/* Any bytes as what agents, people and browsers send to a hub: frames with their batches, questions answered from a
 * store, paths and parameters of the HTTP side. No crash, no leak, and an answer to every well-formed question. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "hub/answers.h"
#include "hub/questions.h"
#include "hub/site.h"
#include "proto/convert.h"
#include "proto/frame.h"
#include "proto/health.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	char path[64];
	struct store store;
	struct store_reader reader;
	struct agents *agents;
	struct health_service *health;
	struct site *site;
} hub;

static void demand(bool truth)
{
	if (!truth)
		abort();
}

static void remove_store(void)
{
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
	char path[80];

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", hub.path + strlen("sqlite:"), ends[i]);
		(void)unlink(path);
	}
}

static void put_finding(unsigned n)
{
	AUTO(finding_free) struct finding *f = NULL;
	AUTO(record_batch_free) struct record_batch *b = NULL;
	struct store_note note = { .node = "node-1", .seen_at = 1, .evaluated = 1, .status = "connected" };
	struct store_counts counts = { 0 };
	AUTO_BUF struct buf packed;

	buf_init(&packed, 64 * 1024);
	demand(finding_new(&f) == 0);
	f->revision = 1;
	f->severity = (enum severity)(n % 3);
	f->rule = "gpu.thermal";
	f->title = "hot";
	f->node = "node-1";
	f->confidence = f->coverage = 1;
	f->subject.kind = n % 2 ? ENTITY_POD : ENTITY_GPU;
	f->subject.id = f->subject.name = arena_printf(f->arena, n % 2 ? "ns/pod-%u" : "0000:%02x:00.0", n);
	f->remedy.text = f->rules_digest = "";
	finding_make_id("node-1", "b", f->rule, f->subject.kind, f->subject.id, n, f->id);
	demand(finding_pack(f, &packed) == 0);
	demand(record_batch_new("node-1", "s", 1, &b) == 0);
	demand(record_batch_add(b, n, packed.data, packed.len, NULL) == 0);
	b->last_seq = n;
	demand(hub.store.class->begin(hub.store.state) == 0 && hub.store.class->put(hub.store.state, b, n, &counts) == 0 &&
	       hub.store.class->note(hub.store.state, &note) == 0 && hub.store.class->commit(hub.store.state) == 0);
}

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
	struct agents_env env = { .store = &hub.store, .max_agents = 4 };
	struct site_options options = { .store = &hub.store };
	char why[256];

	(void)snprintf(hub.path, sizeof(hub.path), "sqlite:/tmp/hub-fuzz-%d.db", getpid());
	remove_store();
	(void)atexit(remove_store);
	demand(store_open(hub.path, why, sizeof(why), &hub.store) == 0);
	for (unsigned n = 1; n <= 6; n++)
		put_finding(n);
	demand(store_reader_open(&hub.store, &hub.reader) == 0 && agents_new(&env, &hub.agents) == 0 &&
	       health_service_new(&hub.health) == 0);
	options.agents = hub.agents;
	options.health = hub.health;
	options.stats.agents = hub.agents;
	demand(site_new(&options, &hub.site) == 0);
	return 0;
}

static void from_agent(const uint8_t *data, size_t size)
{
	AUTO(frame_agent_done) struct frame_agent frame = { 0 };
	struct record_reading rd = { 0 };

	if (frame_agent_unpack(data, size, &frame, NULL) < 0)
		return;
	if (frame.kind == FRAME_HELLO)
		(void)record_is_node_name(frame.hello.node);
	if (frame.kind == FRAME_BATCH && record_batch_read("node-1", "s", 1, &frame.batch, &rd) == 0) {
		demand(rd.batch->n_records + rd.bad == frame.batch.n_records);
		record_batch_free(&rd.batch);
	}
}

static void from_person(const uint8_t *data, size_t size)
{
	const struct answers_env env = { .reader = &hub.reader,
					 .agents = hub.agents,
					 .now = { 1000 * NS_PER_S, 1000 * NS_PER_S } };
	AUTO(answer_free) struct answer *a = NULL;
	AUTO_BUF struct buf out;
	char node[RECORD_MAX_NODE] = "";
	struct query q;
	int r;

	buf_init(&out, QUESTIONS_MAX_ANSWER);
	if (query_unpack(data, size, &q, NULL) < 0)
		return;
	r = answers_make(&env, &q, &a, node);
	demand(r == 0 || r == 1);
	demand((r == 0) == (a != NULL) && (r == 1) == (node[0] != 0));
	demand(!a || questions_pack(a, &out) == 0);
}

/* Lines: the path, then name=value of each parameter. */
struct lines {
	char *text;
};

static const char *get_line(void *arg, const char *name)
{
	struct lines *l = arg;
	size_t n = strlen(name);

	for (char *at = strchr(l->text, 0) + 1; *at; at = strchr(at, 0) + 1) {
		if (strncmp(at, name, n) == 0 && at[n] == '=')
			return at + n + 1;
	}
	return NULL;
}

static void from_browser(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = calloc(1, size + 3);
	struct lines lines = { text };
	struct site_request request = { .path = text, .host = "localhost", .get = get_line, .arg = &lines };
	struct site_reply reply = { 0 };

	memcpy(text, data, size);
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n')
			text[i] = 0;
	}
	buf_init(&reply.body, SITE_MAX_BODY);
	site_answer(hub.site, &request, &reply);
	demand(reply.status >= 200 && reply.status < 600 && reply.type && !reply.body.overflow);
	buf_done(&reply.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char service[256];

	if (size == 0)
		return 0;
	switch (data[0] % 4) {
	case 0:
		from_agent(data + 1, size - 1);
		break;
	case 1:
		from_person(data + 1, size - 1);
		break;
	case 2:
		from_browser(data + 1, size - 1);
		break;
	default:
		(void)health_request_unpack(data + 1, size - 1, service);
	}
	return 0;
}
