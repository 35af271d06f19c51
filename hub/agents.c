// SPDX-License-Identifier: Apache-2.0
#include "hub/agents.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "base/version.h"
#include "hub/asks.h"
#include "hub/orphans.h"
#include "hub/own_voice.h"
#include "proto/frame.h"

#define SAVE_SEEN_NS (60 * NS_PER_S) /* how old the stored last_seen of a connected node may get */

struct agent {
	uint64_t stream; /* 0: free slot */
	char *cert_pem;  /* until hello */
	char address[64];
	char node[RECORD_MAX_NODE]; /* "" until hello */
	char spool_id[RECORD_SPOOL_SIZE];
	struct agent_state state;
	mono_ns_t opened, seen, saved;
	struct record_batch *waiting; /* the writer was full */
	bool replaced, bad_told;
};

struct agents {
	struct agents_env env;
	struct rpc_server *server;
	struct store_reader reader; /* the server's thread */
	pthread_mutex_t lock; /* all below */
	struct agent *slots;
	uint32_t *free_slots;
	size_t n_free;
	struct u64map *by_stream;
	struct strmap *by_node;
	struct asks *asks;
	struct agents_stats stats;
};

int agents_new(const struct agents_env *env, struct agents **ret_agents)
{
	AUTO(agents_free) struct agents *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->env = *env;
	(void)pthread_mutex_init(&a->lock, NULL);
	a->slots = calloc(env->max_agents, sizeof(*a->slots));
	a->free_slots = calloc(env->max_agents, sizeof(*a->free_slots));
	if (!a->slots || !a->free_slots)
		return -ENOMEM;
	for (size_t i = env->max_agents; i-- > 0;)
		a->free_slots[a->n_free++] = (uint32_t)i;
	r = u64map_new(env->max_agents, &a->by_stream);
	if (r == 0)
		r = strmap_new(env->max_agents, RECORD_MAX_NODE, &a->by_node);
	if (r == 0)
		r = asks_new(&a->asks);
	if (r == 0)
		r = store_reader_open(env->store, &a->reader);
	if (r < 0)
		return r;
	*ret_agents = TAKE_PTR(a);
	return 0;
}

void agents_free(struct agents **agents)
{
	struct agents *a = *agents;

	if (!a)
		return;
	for (size_t i = 0; a->slots && i < a->env.max_agents; i++) {
		record_batch_free(&a->slots[i].waiting);
		free(a->slots[i].cert_pem);
	}
	store_reader_close(&a->reader);
	asks_free(&a->asks);
	u64map_free(&a->by_stream);
	strmap_free(&a->by_node);
	free(a->slots);
	free(a->free_slots);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
	*agents = NULL;
}

void agents_set_server(struct agents *a, struct rpc_server *server)
{
	a->server = server;
}

static void send_frame(struct agents *a, uint64_t stream, const struct frame_hub *frame)
{
	AUTO_BUF struct buf out;

	buf_init(&out, FRAME_MAX_MESSAGE);
	/* A stream that is gone, or takes nothing, learns its position with its next hello. */
	if (frame_pack_hub(frame, &out) == 0)
		(void)rpc_server_send(a->server, stream, out.data, out.len);
}

static void refuse(struct agents *a, uint64_t stream, enum frame_refusal why, enum rpc_status status, const char *text)
{
	struct frame_hub frame = { .kind = FRAME_REFUSAL, .why = why };

	(void)text_copy(frame.text, sizeof(frame.text), text);
	send_frame(a, stream, &frame);
	rpc_server_close(a->server, stream, status, text);
}

/* ---- with the lock held ---- */

static struct agent *by_stream(struct agents *a, uint64_t stream)
{
	uint64_t index;

	return u64map_get(a->by_stream, stream, &index) ? &a->slots[index] : NULL;
}

static struct agent *by_node(struct agents *a, const char *node)
{
	uint32_t index;

	return strmap_get(a->by_node, node, &index) ? &a->slots[index] : NULL;
}

/* ---- hello ---- */

static void note_hello(struct agents *a, const struct frame_hello *h, const char *address, const struct rpc_now *now)
{
	char text[256];
	struct store_note note = {
		.node = h->node,
		.boot_id = h->boot_id,
		.version = h->version,
		.rules_digest = h->rules_digest,
		.seen_at = now->wall,
		.evaluated = 0,
		.status = "connected",
		.text = text,
		.severity = SEVERITY_INFO,
	};

	(void)snprintf(text, sizeof(text), "agent %.40s connected from %.60s, boot %.40s", h->version, address, h->boot_id);
	(void)writer_note(a->env.writer, &note);
}

/* The agent becomes its node; returns the stream it replaces, or RPC_NO_STREAM. */
static uint64_t take_name(struct agents *a, struct agent *ag, const struct frame_hello *h, const struct rpc_now *now)
{
	struct agent *old = by_node(a, h->node);
	uint64_t replaced = RPC_NO_STREAM;

	if (old && old != ag) {
		old->replaced = true;
		replaced = old->stream;
		a->stats.replaced++;
	}
	(void)strmap_set(a->by_node, h->node, (uint32_t)(ag - a->slots));
	(void)text_copy(ag->node, sizeof(ag->node), h->node);
	(void)text_copy(ag->spool_id, sizeof(ag->spool_id), h->spool_id);
	(void)text_copy(ag->state.version, sizeof(ag->state.version), h->version);
	(void)text_copy(ag->state.rules_digest, sizeof(ag->state.rules_digest), h->rules_digest);
	ag->state.can_answer = (h->capabilities & FRAME_CAN_ANSWER) != 0;
	ag->state.evaluated = false;
	ag->state.last_seen = now->wall;
	ag->seen = ag->saved = now->mono;
	a->stats.hellos++;
	a->stats.connected++;
	return replaced;
}

static bool on_hello(struct agents *a, uint64_t stream, const struct frame_hello *h, const struct rpc_now *now)
{
	struct frame_hub reply = { .kind = FRAME_HELLO_REPLY, .hub_version = WHY_VERSION };
	AUTO(record_batch_free) struct record_batch *orphans = NULL;
	char text[600] = "", address[64];
	AUTO_FREE char *pem = NULL;
	struct agent *ag;
	uint64_t replaced = RPC_NO_STREAM;
	bool again;

	(void)pthread_mutex_lock(&a->lock);
	ag = by_stream(a, stream);
	if (!ag) {
		(void)pthread_mutex_unlock(&a->lock);
		return false;
	}
	again = ag->node[0] != 0;
	pem = TAKE_PTR(ag->cert_pem);
	(void)text_copy(address, sizeof(address), ag->address);
	(void)pthread_mutex_unlock(&a->lock);
	if (again || !record_is_node_name(h->node) || !h->spool_id[0]) {
		refuse(a, stream, FRAME_REFUSED_PROTOCOL, RPC_BAD_ARGUMENT,
		       again ? "a second hello on one stream" :
			       "a hello needs a node name (no spaces, no slashes) and a spool id");
		return false;
	}
	if (!own_voice_hello(pem, address, h->node, text, sizeof(text))) {
		(void)pthread_mutex_lock(&a->lock);
		a->stats.refused_identity++;
		(void)pthread_mutex_unlock(&a->lock);
		refuse(a, stream, FRAME_REFUSED_IDENTITY, RPC_DENIED, text);
		return false;
	}
	if (orphans_position(&a->reader, h, now->wall, &reply.up_to_seq, &orphans) < 0) {
		refuse(a, stream, FRAME_REFUSED_BUSY, RPC_UNAVAILABLE,
		       "the hub cannot read its store: it will be tried again");
		return false;
	}
	if (orphans)
		(void)writer_put(a->env.writer, &orphans); /* full: at the next hello */
	(void)pthread_mutex_lock(&a->lock);
	ag = by_stream(a, stream);
	if (ag)
		replaced = take_name(a, ag, h, now);
	(void)pthread_mutex_unlock(&a->lock);
	if (replaced != RPC_NO_STREAM)
		refuse(a, replaced, FRAME_REFUSED_REPLACED, RPC_ABORTED,
		       "another agent has connected as this node: does it run twice, or have two nodes one name (--node)?");
	note_hello(a, h, address, now);
	send_frame(a, stream, &reply);
	return ag != NULL;
}

/* ---- batches, heartbeats, answers ---- */

static void protocol_error(struct agents *a, uint64_t stream, const char *what)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "malformed message (%s): is the agent of another version than the hub?",
		       what ? what : "?");
	(void)pthread_mutex_lock(&a->lock);
	a->stats.refused_protocol++;
	(void)pthread_mutex_unlock(&a->lock);
	refuse(a, stream, FRAME_REFUSED_PROTOCOL, RPC_BAD_ARGUMENT, text);
}

/* False: the writer is full, the batch waits in the agent. */
static bool queue_batch(struct agents *a, uint64_t stream, struct record_reading *rd)
{
	bool tell = false, queued = true;
	char node[RECORD_MAX_NODE];
	struct agent *ag;

	(void)pthread_mutex_lock(&a->lock);
	ag = by_stream(a, stream);
	a->stats.batches++;
	a->stats.records += rd->batch->n_records;
	a->stats.bad_records += rd->bad;
	if (ag) {
		tell = rd->bad && !ag->bad_told;
		ag->bad_told |= tell;
		(void)text_copy(node, sizeof(node), ag->node);
		queued = writer_put(a->env.writer, &rd->batch) == 0;
		if (!queued)
			ag->waiting = TAKE_PTR(rd->batch);
	}
	(void)pthread_mutex_unlock(&a->lock);
	record_batch_free(&rd->batch);
	if (tell)
		log_warning("%s sent findings that cannot be stored (wrong field: %s): left out; further ones are "
			    "counted only",
			    node, rd->field ? rd->field : "?");
	return queued;
}

static bool on_batch(struct agents *a, uint64_t stream, const struct frame_received *from)
{
	char node[RECORD_MAX_NODE] = "", spool_id[RECORD_SPOOL_SIZE];
	struct record_reading rd = { 0 };
	struct agent *ag;
	int r;

	(void)pthread_mutex_lock(&a->lock);
	ag = by_stream(a, stream);
	if (ag && !ag->replaced) {
		(void)text_copy(node, sizeof(node), ag->node);
		(void)text_copy(spool_id, sizeof(spool_id), ag->spool_id);
	}
	(void)pthread_mutex_unlock(&a->lock);
	if (!node[0]) {
		protocol_error(a, stream, "a batch before hello");
		return false;
	}
	r = record_batch_read(node, spool_id, stream, from, &rd);
	if (r == -EBADMSG || r == -EMSGSIZE) {
		protocol_error(a, stream, "batch");
		return false;
	}
	if (r < 0) {
		refuse(a, stream, FRAME_REFUSED_BUSY, RPC_EXHAUSTED, "the hub is out of memory: it will be tried again");
		return false;
	}
	return queue_batch(a, stream, &rd);
}

static bool on_heartbeat(struct agents *a, uint64_t stream, const struct frame_heartbeat *h, const struct rpc_now *now)
{
	struct store_note note = { .evaluated = h->evaluated, .rules_digest = h->rules_digest, .seen_at = now->wall };
	char node[RECORD_MAX_NODE] = "";
	bool save = false;
	struct agent *ag;

	(void)pthread_mutex_lock(&a->lock);
	ag = by_stream(a, stream);
	if (ag && ag->node[0]) {
		save = ag->state.evaluated != h->evaluated || strcmp(ag->state.rules_digest, h->rules_digest) != 0 ||
		       mono_since(ag->saved, now->mono) >= SAVE_SEEN_NS;
		if (save)
			ag->saved = now->mono;
		ag->state.evaluated = h->evaluated;
		(void)text_copy(ag->state.rules_digest, sizeof(ag->state.rules_digest), h->rules_digest);
		(void)text_copy(node, sizeof(node), ag->node);
	}
	a->stats.heartbeats++;
	(void)pthread_mutex_unlock(&a->lock);
	if (!node[0]) {
		protocol_error(a, stream, "a heartbeat before hello");
		return false;
	}
	note.node = node;
	if (save)
		(void)writer_note(a->env.writer, &note);
	return true;
}

static bool on_answer(struct agents *a, uint64_t stream, struct frame_agent *frame)
{
	char node[RECORD_MAX_NODE] = "";
	struct agent *ag;
	struct ask ask;
	bool found, own = false;

	(void)pthread_mutex_lock(&a->lock);
	found = asks_take(a->asks, frame->answer.query_id, stream, &ask);
	ag = by_stream(a, stream);
	if (ag)
		(void)text_copy(node, sizeof(node), ag->node);
	own = own_voice_answer(frame->answer.answer, node);
	a->stats.answered += found && own;
	a->stats.unanswered += found && !own;
	a->stats.refused_identity += found && !own;
	(void)pthread_mutex_unlock(&a->lock);
	if (found && own) {
		ask.fn(ask.arg, ask.asker, TAKE_PTR(frame->answer.answer), NULL);
	} else if (found) {
		log_warning("the agent of %s answered in the name of another node: left out", node);
		ask.fn(ask.arg, ask.asker, NULL, "the node's agent answered in the name of another node: not passed on");
	}
	return true;
}

/* ---- hooks ---- */

static enum rpc_status opened(void *arg, uint64_t stream, const char *method, const struct rpc_peer *peer,
			      const struct rpc_now *now, const char **ret_text)
{
	struct agents *a = arg;
	char *pem = peer->cert_pem ? strdup(peer->cert_pem) : NULL;
	struct agent *ag = NULL;

	(void)method;
	(void)pthread_mutex_lock(&a->lock);
	if (a->n_free > 0 && (pem || !peer->cert_pem)) {
		uint32_t index = a->free_slots[a->n_free - 1];

		if (u64map_set(a->by_stream, stream, index) == 0) {
			a->n_free--;
			ag = &a->slots[index];
			*ag = (struct agent){
				.stream = stream, .cert_pem = TAKE_PTR(pem), .opened = now->mono, .seen = now->mono
			};
			(void)text_copy(ag->address, sizeof(ag->address), peer->address);
		}
	}
	(void)pthread_mutex_unlock(&a->lock);
	free(pem);
	*ret_text = "the hub serves as many agents as it may: raise --max-agents, or start another hub";
	return ag ? RPC_OK : RPC_EXHAUSTED;
}

static bool dispatch(struct agents *a, uint64_t stream, struct frame_agent *frame, const struct rpc_now *now)
{
	switch (frame->kind) {
	case FRAME_HELLO:
		return on_hello(a, stream, &frame->hello, now);
	case FRAME_BATCH:
		return on_batch(a, stream, &frame->batch);
	case FRAME_HEARTBEAT:
		return on_heartbeat(a, stream, &frame->heartbeat, now);
	case FRAME_ANSWER:
		return on_answer(a, stream, frame);
	}
	return false;
}

static bool received(void *arg, uint64_t stream, const uint8_t *data, size_t n, const struct rpc_now *now)
{
	AUTO(frame_agent_done) struct frame_agent frame = { 0 };
	struct agents *a = arg;
	const char *field = NULL;
	struct agent *ag;
	int r;

	if (!data) {
		rpc_server_close(a->server, stream, RPC_OK, "");
		return false;
	}
	r = frame_agent_unpack(data, n, &frame, &field);
	if (r < 0) {
		protocol_error(a, stream, field);
		return false;
	}
	(void)pthread_mutex_lock(&a->lock);
	ag = by_stream(a, stream);
	if (ag) {
		ag->seen = now->mono;
		ag->state.last_seen = now->wall;
	}
	(void)pthread_mutex_unlock(&a->lock);
	return dispatch(a, stream, &frame, now);
}

static void note_lost(struct agents *a, const char *node, const struct rpc_now *now)
{
	struct store_note note = {
		.node = node, .seen_at = now->wall, .evaluated = -1, .status = "lost", .severity = SEVERITY_WARNING,
		.text = "the agent's stream ended: what is wrong there is unknown until it connects again",
	};

	(void)writer_note(a->env.writer, &note);
}

static void closed(void *arg, uint64_t stream, const struct rpc_now *now)
{
	AUTO(record_batch_free) struct record_batch *waiting = NULL;
	struct agents *a = arg;
	char node[RECORD_MAX_NODE] = "";
	struct agent *ag;
	struct ask ask;

	(void)pthread_mutex_lock(&a->lock);
	ag = by_stream(a, stream);
	if (ag) {
		waiting = TAKE_PTR(ag->waiting);
		free(ag->cert_pem);
		a->stats.connected -= ag->node[0] != 0;
		if (ag->node[0] && by_node(a, ag->node) == ag) {
			(void)text_copy(node, sizeof(node), ag->node);
			(void)strmap_remove(a->by_node, ag->node);
		}
		(void)u64map_remove(a->by_stream, stream);
		a->free_slots[a->n_free++] = (uint32_t)(ag - a->slots);
		*ag = (struct agent){ 0 };
	}
	(void)pthread_mutex_unlock(&a->lock);
	if (node[0])
		note_lost(a, node, now);
	for (;;) {
		bool found;

		(void)pthread_mutex_lock(&a->lock);
		found = asks_take_of(a->asks, stream, &ask);
		a->stats.unanswered += found;
		(void)pthread_mutex_unlock(&a->lock);
		if (!found)
			return;
		ask.fn(ask.arg, ask.asker, NULL, "the node's agent disconnected before it answered");
	}
}

struct rpc_hooks agents_hooks(struct agents *a)
{
	return (struct rpc_hooks){ .opened = opened, .received = received, .closed = closed, .arg = a };
}

/* ---- from the writer ---- */

void agents_stored(struct agents *a, const struct record_batch *b)
{
	struct frame_hub ack = { .kind = FRAME_ACK, .up_to_seq = b->last_seq };

	if (b->origin != RPC_NO_STREAM)
		send_frame(a, b->origin, &ack);
}

void agents_room(struct agents *a)
{
	for (size_t i = 0; i < a->env.max_agents; i++) {
		uint64_t resume = RPC_NO_STREAM;
		bool full = false;

		(void)pthread_mutex_lock(&a->lock);
		if (a->slots[i].waiting) {
			full = writer_put(a->env.writer, &a->slots[i].waiting) < 0;
			resume = full ? RPC_NO_STREAM : a->slots[i].stream;
		}
		(void)pthread_mutex_unlock(&a->lock);
		if (full)
			return; /* the writer will call again */
		if (resume != RPC_NO_STREAM)
			rpc_server_resume(a->server, resume);
	}
}

/* ---- from the loop ---- */

static void close_silent(struct agents *a, const struct rpc_now *now)
{
	for (size_t i = 0; i < a->env.max_agents; i++) {
		uint64_t stream = RPC_NO_STREAM;

		(void)pthread_mutex_lock(&a->lock);
		if (a->slots[i].stream && !a->slots[i].node[0] &&
		    mono_since(a->slots[i].opened, now->mono) > AGENTS_HELLO_S * NS_PER_S)
			stream = a->slots[i].stream;
		(void)pthread_mutex_unlock(&a->lock);
		if (stream != RPC_NO_STREAM)
			refuse(a, stream, FRAME_REFUSED_PROTOCOL, RPC_TIMEOUT, "no hello came");
	}
}

void agents_tick(struct agents *a, const struct rpc_now *now)
{
	struct ask ask;

	close_silent(a, now);
	for (;;) {
		bool found;

		(void)pthread_mutex_lock(&a->lock);
		found = asks_take_due(a->asks, now->mono, &ask);
		a->stats.unanswered += found;
		(void)pthread_mutex_unlock(&a->lock);
		if (!found)
			return;
		ask.fn(ask.arg, ask.asker, NULL, "the node's agent did not answer in time");
	}
}

/* ---- for any thread ---- */

bool agents_state(struct agents *a, const char *node, mono_ns_t now, struct agent_state *ret_state)
{
	struct agent *ag;

	(void)pthread_mutex_lock(&a->lock);
	ag = by_node(a, node);
	if (ag) {
		*ret_state = ag->state;
		ret_state->quiet = mono_since(ag->seen, now) > AGENTS_STALE_NS;
	}
	(void)pthread_mutex_unlock(&a->lock);
	return ag != NULL;
}

int agents_ask(struct agents *a, const char *node, const struct query *q, mono_ns_t deadline, uint64_t asker,
	       agents_answer_fn fn, void *arg)
{
	struct frame_hub frame = { .kind = FRAME_ASK, .query = *q };
	struct ask ask = { .deadline = deadline, .asker = asker, .fn = fn, .arg = arg };
	struct agent *ag;
	int r = -ENOTCONN;

	(void)pthread_mutex_lock(&a->lock);
	ag = by_node(a, node);
	if (ag) {
		ask.stream = ag->stream;
		r = ag->state.can_answer ? asks_add(a->asks, &ask, &frame.query_id) : -EOPNOTSUPP;
	}
	a->stats.asked += r == 0;
	(void)pthread_mutex_unlock(&a->lock);
	if (r == 0)
		send_frame(a, ask.stream, &frame);
	return r;
}

void agents_stats(struct agents *a, struct agents_stats *ret_stats)
{
	(void)pthread_mutex_lock(&a->lock);
	*ret_stats = a->stats;
	ret_stats->waiting = 0;
	for (size_t i = 0; i < a->env.max_agents; i++)
		ret_stats->waiting += a->slots[i].waiting != NULL;
	(void)pthread_mutex_unlock(&a->lock);
}
