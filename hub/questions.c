// SPDX-License-Identifier: Apache-2.0
#include "hub/questions.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "hub/answers.h"
#include "hub/round.h"
#include "proto/convert.h"

enum state { FREE, OPEN, QUEUED, RUNNING, PARKED, ASKED };

/* One question on its way to several nodes. */
struct round {
	struct answer *base;
	size_t pending, asked, silent, more;
};

struct question {
	enum state state;
	struct round round;
	bool gone;    /* the stream closed while it was running */
	bool drained; /* since the last page was handed to the server */
	uint64_t stream, order;
	enum query_kind kind;
	struct query query;
};

struct questions {
	struct rpc_server *server;
	struct agents *agents;
	struct store_reader reader; /* the thread's */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t work;
	bool stop;
	uint64_t order;
	struct question list[QUESTIONS_MAX];
	struct questions_stats stats;
};

static const struct {
	const char *method;
	enum query_kind kind;
} methods[] = {
	{ "/why.v1.Query/Explain", QUERY_EXPLAIN }, { "/why.v1.Query/ListFindings", QUERY_LIST },
	{ "/why.v1.Query/Timeline", QUERY_TIMELINE }, { "/why.v1.Query/Fleet", QUERY_FLEET },
	{ "/why.v1.Query/Not", QUERY_NOT }, { "/why.v1.Query/Doctor", QUERY_DOCTOR },
	{ "/why.v1.Query/Rules", QUERY_RULES }, { "/why.v1.Query/Metrics", QUERY_METRICS },
};

static void release(struct question *one)
{
	answer_free(&one->round.base);
	*one = (struct question){ .state = FREE };
}

static struct question *by_stream(struct questions *q, uint64_t stream)
{
	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		if (q->list[i].state != FREE && q->list[i].stream == stream && !q->list[i].gone)
			return &q->list[i];
	}
	return NULL;
}

static void queue(struct questions *q, struct question *one)
{
	one->state = QUEUED;
	one->order = ++q->order;
	(void)pthread_cond_signal(&q->work);
}

/* ---- hooks ---- */

static enum rpc_status opened(void *arg, uint64_t stream, const char *method, const struct rpc_peer *peer,
			      const struct rpc_now *now, const char **ret_text)
{
	struct questions *q = arg;
	enum rpc_status status = RPC_EXHAUSTED;
	size_t kind;

	(void)peer;
	(void)now;
	for (kind = 0; kind < ARRAY_LEN(methods) && strcmp(methods[kind].method, method) != 0; kind++)
		;
	*ret_text = "the hub has no such question: is it older than the client?";
	if (kind == ARRAY_LEN(methods))
		return RPC_UNIMPLEMENTED;
	*ret_text = "the hub answers as many questions as it may: ask again in a moment";
	(void)pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < QUESTIONS_MAX && status != RPC_OK; i++) {
		if (q->list[i].state != FREE)
			continue;
		q->list[i] = (struct question){ .state = OPEN, .stream = stream, .kind = methods[kind].kind };
		status = RPC_OK;
	}
	q->stats.asked++;
	q->stats.refused += status != RPC_OK;
	(void)pthread_mutex_unlock(&q->lock);
	return status;
}

static bool received(void *arg, uint64_t stream, const uint8_t *data, size_t n, const struct rpc_now *now)
{
	struct questions *q = arg;
	const char *field = NULL;
	struct question *one;
	struct query query;
	char text[160];
	int r = data ? query_unpack(data, n, &query, &field) : -EBADMSG;

	(void)now;
	(void)pthread_mutex_lock(&q->lock);
	one = by_stream(q, stream);
	if (r == 0 && one && query.kind != one->kind) {
		r = -EBADMSG;
		field = "kind";
	}
	if (r == 0 && one) {
		one->query = query;
		queue(q, one);
	}
	(void)pthread_mutex_unlock(&q->lock);
	if (r < 0) {
		(void)snprintf(text, sizeof(text), "malformed question (%s)", field ? field : "empty");
		rpc_server_close(q->server, stream, RPC_BAD_ARGUMENT, text);
	}
	return false;
}

static void drained(void *arg, uint64_t stream)
{
	struct questions *q = arg;
	struct question *one;

	(void)pthread_mutex_lock(&q->lock);
	one = by_stream(q, stream);
	if (one && one->state == PARKED)
		queue(q, one);
	else if (one)
		one->drained = true;
	(void)pthread_mutex_unlock(&q->lock);
}

static void closed(void *arg, uint64_t stream, const struct rpc_now *now)
{
	struct questions *q = arg;
	struct question *one;

	(void)now;
	(void)pthread_mutex_lock(&q->lock);
	one = by_stream(q, stream);
	if (one && one->state == RUNNING)
		one->gone = true;
	else if (one)
		release(one);
	(void)pthread_mutex_unlock(&q->lock);
}

struct rpc_hooks questions_hooks(struct questions *q)
{
	return (struct rpc_hooks){ .opened = opened, .received = received, .drained = drained, .closed = closed, .arg = q };
}

/* ---- answers ---- */

int questions_pack(struct answer *a, struct buf *out)
{
	for (;;) {
		size_t keep = a->n_findings / 2;
		int r = answer_pack(a, out);

		if (r != -EMSGSIZE || a->n_findings == 0)
			return r;
		while (a->n_findings > keep)
			finding_free(&a->findings[--a->n_findings]);
		a->truncated = true;
		buf_reset(out);
	}
}

static void send_answer(struct questions *q, uint64_t stream, struct answer *a, bool last)
{
	AUTO_BUF struct buf out;

	buf_init(&out, QUESTIONS_MAX_ANSWER);
	if (questions_pack(a, &out) < 0) {
		rpc_server_close(q->server, stream, RPC_INTERNAL, "the answer does not fit into a message: ask for less");
		return;
	}
	(void)rpc_server_send(q->server, stream, out.data, out.len);
	if (last)
		rpc_server_close(q->server, stream, RPC_OK, "");
	(void)pthread_mutex_lock(&q->lock);
	q->stats.answered++;
	(void)pthread_mutex_unlock(&q->lock);
}

static void refuse(struct questions *q, uint64_t stream, const struct query *query, const char *why)
{
	AUTO(answer_free) struct answer *a = NULL;

	if (answers_refusal(query, ANSWER_UNAVAILABLE, why, &a) == 0)
		send_answer(q, stream, a, true);
	else
		rpc_server_close(q->server, stream, RPC_EXHAUSTED, "the hub is out of memory");
}

static void from_node(void *arg, uint64_t asker, struct answer *answer, const char *why)
{
	AUTO(answer_free) struct answer *a = answer;
	struct questions *q = arg;
	struct query query = { .kind = QUERY_EXPLAIN };
	struct question *one;

	(void)pthread_mutex_lock(&q->lock);
	one = by_stream(q, asker);
	if (one)
		query = one->query;
	(void)pthread_mutex_unlock(&q->lock);
	if (!one)
		return;
	if (a && a->query == query.kind)
		send_answer(q, asker, a, true);
	else
		refuse(q, asker, &query, a ? "the node's agent answered another question" : why);
}

static void ask_node(struct questions *q, uint64_t stream, const struct query *query, const char *node,
		     const struct rpc_now *now)
{
	struct query of_node = *query;
	char text[400];
	int r;

	/* On the node, its own name or nothing is itself; what the hub cut off the word is the rest. */
	(void)text_copy(of_node.node, sizeof(of_node.node), node);
	if (strncmp(of_node.target, node, strlen(node)) == 0 && of_node.target[strlen(node)] == ':')
		memmove(of_node.target, of_node.target + strlen(node) + 1, strlen(of_node.target) - strlen(node));
	r = agents_ask(q->agents, node, &of_node, now->mono + QUESTIONS_NODE_NS, stream, from_node, q);
	if (r == 0)
		return;
	(void)snprintf(text, sizeof(text), "%s: %s", node,
		       r == -ENOTCONN ? "its agent is not connected to this hub, so it cannot be asked" :
		       r == -EOPNOTSUPP ? "its agent takes no questions: is it older than the hub?" :
		       "too many questions to nodes are under way: ask again in a moment");
	refuse(q, stream, query, text);
}

static void take_part(void *arg, uint64_t asker, struct answer *answer, const char *why)
{
	AUTO(answer_free) struct answer *part = answer;
	AUTO(answer_free) struct answer *whole = NULL;
	struct questions *q = arg;
	struct question *one;

	(void)why;
	(void)pthread_mutex_lock(&q->lock);
	one = by_stream(q, asker);
	if (one && one->round.base) {
		struct round *r = &one->round;

		if (part)
			round_merge(r->base, part);
		else
			r->silent++;
		if (--r->pending == 0) {
			round_end(r->base, r->silent, r->asked, r->more);
			whole = TAKE_PTR(r->base);
		}
	}
	(void)pthread_mutex_unlock(&q->lock);
	if (whole)
		send_answer(q, asker, whole, true);
}

/* `base` is what the hub knows itself. */
static void ask_around(struct questions *q, struct question *one, uint64_t stream, struct answer **base,
		       const struct round_plan *plan, const struct rpc_now *now)
{
	bool gone;

	(void)pthread_mutex_lock(&q->lock);
	gone = one->stream != stream || one->state != ASKED;
	if (!gone)
		one->round = (struct round){ TAKE_PTR(*base), plan->n, plan->n, 0, plan->more };
	(void)pthread_mutex_unlock(&q->lock);
	for (size_t i = 0; i < plan->n && !gone; i++) {
		struct query of_node = plan->query;

		(void)text_copy(of_node.node, sizeof(of_node.node), plan->nodes[i]);
		if (agents_ask(q->agents, plan->nodes[i], &of_node, now->mono + QUESTIONS_ROUND_NS, stream, take_part,
			       q) < 0)
			take_part(q, stream, NULL, "not asked");
	}
}

/* What becomes of a question once its answer, or a page of it, was sent. */
static void settle(struct questions *q, struct question *one, enum state state, const char *cursor)
{
	(void)pthread_mutex_lock(&q->lock);
	if (one->gone) {
		release(one);
	} else {
		one->state = state;
		if (cursor)
			(void)text_copy(one->query.cursor, sizeof(one->query.cursor), cursor);
		if (state == PARKED && one->drained)
			queue(q, one);
	}
	(void)pthread_mutex_unlock(&q->lock);
}

static void answer(struct questions *q, struct question *one, const struct query *query, uint64_t stream)
{
	AUTO(answer_free) struct answer *a = NULL;
	struct answers_env env = { .reader = &q->reader,
				   .agents = q->agents,
				   .now = { clock_mono_now(), clock_wall_now() } };
	AUTO_FREE struct round_plan *plan = malloc(sizeof(*plan));
	char node[RECORD_MAX_NODE];
	bool more;
	int r;

	r = answers_make(&env, query, &a, node);
	if (r > 0) {
		/* ASKED first: the answer may come before agents_ask returns. */
		settle(q, one, ASKED, NULL);
		ask_node(q, stream, query, node, &env.now);
		return;
	}
	if (r < 0) {
		log_warning("cannot answer a question: %s", strerror(-r));
		settle(q, one, ASKED, NULL);
		refuse(q, stream, query, "the hub cannot read its store");
		return;
	}
	if (plan && round_plan(&env, query, a, plan) == 0 && plan->n > 0) {
		settle(q, one, ASKED, NULL);
		ask_around(q, one, stream, &a, plan, &env.now);
		return;
	}
	more = query->kind == QUERY_TIMELINE && a->next_cursor[0];
	send_answer(q, stream, a, !more);
	settle(q, one, more ? PARKED : ASKED, more ? a->next_cursor : NULL);
}

static struct question *next_question(struct questions *q)
{
	struct question *first = NULL;

	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		struct question *one = &q->list[i];

		if (one->state == QUEUED && (!first || one->order < first->order))
			first = one;
	}
	return first;
}

static void *run(void *arg)
{
	struct questions *q = arg;

	(void)pthread_mutex_lock(&q->lock);
	while (!q->stop) {
		struct question *one = next_question(q);
		struct query query;
		uint64_t stream;

		if (!one) {
			(void)pthread_cond_wait(&q->work, &q->lock);
			continue;
		}
		one->state = RUNNING;
		one->drained = false;
		query = one->query;
		stream = one->stream;
		(void)pthread_mutex_unlock(&q->lock);
		answer(q, one, &query, stream);
		(void)pthread_mutex_lock(&q->lock);
	}
	(void)pthread_mutex_unlock(&q->lock);
	return NULL;
}

int questions_new(const struct store *store, struct agents *agents, struct questions **ret_questions)
{
	AUTO(questions_free) struct questions *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	q->agents = agents;
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_cond_init(&q->work, NULL);
	r = store_reader_open(store, &q->reader);
	if (r == 0)
		r = -pthread_create(&q->thread, NULL, run, q);
	if (r < 0)
		return r;
	q->running = true;
	*ret_questions = TAKE_PTR(q);
	return 0;
}

void questions_set_server(struct questions *q, struct rpc_server *server)
{
	q->server = server;
}

void questions_free(struct questions **questions)
{
	struct questions *q = *questions;

	if (!q)
		return;
	(void)pthread_mutex_lock(&q->lock);
	q->stop = true;
	(void)pthread_cond_signal(&q->work);
	(void)pthread_mutex_unlock(&q->lock);
	if (q->running)
		(void)pthread_join(q->thread, NULL);
	for (size_t i = 0; i < QUESTIONS_MAX; i++)
		answer_free(&q->list[i].round.base);
	store_reader_close(&q->reader);
	(void)pthread_cond_destroy(&q->work);
	(void)pthread_mutex_destroy(&q->lock);
	free(q);
	*questions = NULL;
}

void questions_stats(struct questions *q, struct questions_stats *ret_stats)
{
	(void)pthread_mutex_lock(&q->lock);
	*ret_stats = q->stats;
	(void)pthread_mutex_unlock(&q->lock);
}
