// SPDX-License-Identifier: Apache-2.0
/* Carries what is in the spool to the hub, and the hub's questions to the agent. The spool is the queue: nothing is
 * kept here but what is in flight, so a break of the connection loses nothing and a hub that stands still costs
 * nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "exporters/backoff.h"
#include "exporters/exporter.h"
#include "exporters/hub_tls.h"
#include "exporters/spool.h"
#include "proto/call.h"
#include "proto/frame.h"

#define RETRY_MIN_NS    (1 * NS_PER_S)
#define RETRY_MAX_NS    (60 * NS_PER_S)
/* When a hub restarts, all of its agents come back: each picks a moment within this. */
#define SPREAD_NS       (10 * NS_PER_S)
#define HEARTBEAT_NS    (10 * NS_PER_S)
#define REPLY_WITHIN_NS (30 * NS_PER_S) /* of the first connect, too: gRPC gives that 20 s */
#define ACK_WITHIN_NS   (60 * NS_PER_S)
#define FLUSH_NS        (100 * NS_PER_MS)
#define FLUSH_RECORDS   50
#define MAX_IN_FLIGHT   16   /* batches sent and not acked: then wait for the hub */
#define MAX_ANSWERS     4    /* packed and not sent: then take no more questions */
#define WAIT_MS         50

enum phase { APART, GREETING, TOGETHER };

struct hub_stream {
	const struct export_env *env;
	int epoll_fd; /* stays the same while calls come and go */
	enum phase phase;
	struct call *call;
	struct backoff backoff;
	mono_ns_t retry_at, reply_by, heartbeat_at, unsent_since, waiting_since;
	bool said_lost; /* the log knows that the hub is away */
	char trouble[800]; /* why it is away; "": it is not */

	struct hub_tls tls;

	uint64_t sent_seq, acked_seq;
	uint64_t looked_seq; /* no record above sent_seq up to here: numbers have gaps */
	uint64_t in_flight[MAX_IN_FLIGHT]; /* last number of each batch, oldest first */
	size_t n_in_flight;
	struct frame_batch batch;
	struct buf message;
	struct buf answers[MAX_ANSWERS];
	size_t first_answer, n_answers;

	uint64_t connects, losses, sent_records, sent_batches, sent_bytes, questions, refusals, bad_messages, stalls;
};

/* ---- coming and going ---- */

/* The first loss is said, the tries that follow are not: a hub may be away for a day. */
static void say_lost(struct hub_stream *h, const char *why)
{
	(void)snprintf(h->trouble, sizeof(h->trouble), "hub %s: %s", h->env->hub_address, why);
	if (!h->said_lost)
		log_warning("%s; findings are kept and sent when it is back", h->trouble);
	else
		log_debug("%s", h->trouble);
	h->said_lost = true;
}

static void part(struct hub_stream *h)
{
	call_close(&h->call);
	h->phase = APART;
	h->unsent_since = h->waiting_since = 0;
	h->n_in_flight = 0;
	h->first_answer = h->n_answers = 0;
}

static void lose(struct hub_stream *h, mono_ns_t now, const char *why)
{
	/* A hub that was there and went: others lose it in the same moment. One that never answered: ask ever more
	 * rarely. */
	uint64_t wait = h->phase == TOGETHER ? backoff_spread(SPREAD_NS) : backoff_next(&h->backoff);

	h->losses++;
	part(h);
	h->retry_at = now + wait;
	say_lost(h, why);
}

static int connect_call(struct hub_stream *h, mono_ns_t now, char *ret_why, size_t size)
{
	struct call_options options = {.address = h->env->hub_address, .insecure = !hub_tls_is_used(h->env),
				       .max_message = FRAME_MAX_MESSAGE};
	struct epoll_event event = {.events = EPOLLIN};
	int r;

	if (!options.insecure) {
		r = hub_tls_load(&h->tls, h->env, now, ret_why, size);
		if (r < 0)
			return r;
		options.tls = &h->tls.pems;
	}
	r = call_open(&options, FRAME_METHOD_CONNECT, &h->call);
	if (r == 0 && epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, call_event_fd(h->call), &event) < 0)
		r = -errno;
	if (r < 0) {
		call_close(&h->call);
		text_copy(ret_why, size, strerror(-r));
	}
	return r;
}

static int send_message(struct hub_stream *h, int packed)
{
	int r = packed < 0 ? packed : call_send(h->call, h->message.data, h->message.len);

	if (r == 0)
		h->sent_bytes += h->message.len;
	return r;
}

static int send_hello(struct hub_stream *h)
{
	struct frame_hello hello = {.capabilities = h->env->answer ? FRAME_CAN_ANSWER : 0};
	struct spool_stats stats;

	spool_stats(h->env->spool, &stats);
	text_copy(hello.node, sizeof(hello.node), h->env->node);
	text_copy(hello.boot_id, sizeof(hello.boot_id), h->env->boot_id);
	text_copy(hello.version, sizeof(hello.version), h->env->version);
	text_copy(hello.spool_id, sizeof(hello.spool_id), spool_id(h->env->spool));
	text_copy(hello.rules_digest, sizeof(hello.rules_digest), h->env->rules_digest ? h->env->rules_digest : "");
	hello.acked_seq = stats.acked_seq;
	hello.last_seq = stats.last_seq;
	buf_reset(&h->message);
	return send_message(h, frame_pack_hello(&hello, &h->message));
}

static int greet(struct hub_stream *h, mono_ns_t now)
{
	char why[512] = "";
	int r = connect_call(h, now, why, sizeof(why));

	if (r == 0) {
		h->phase = GREETING;
		h->reply_by = now + REPLY_WITHIN_NS;
		r = send_hello(h);
		if (r == 0 || r == -EPIPE) /* it has ended already: why, comes with its status */
			return 0;
		text_copy(why, sizeof(why), strerror(-r));
	}
	lose(h, now, why);
	return r;
}

/* ---- what the hub says ---- */

/* False: this connection is of no use any more. */
static bool agree(struct hub_stream *h, uint64_t up_to_seq, mono_ns_t now)
{
	struct spool_stats stats;
	int r = 0;

	spool_stats(h->env->spool, &stats);
	if (up_to_seq > stats.last_seq) {
		r = spool_send_open_again(h->env->spool, true);
		lose(h, now, r < 0 ? strerror(-r) :
				     "knows changes that this node never sent: its state folder is a copy or an old one, "
				     "and takes a new identity");
		return false;
	}
	if (up_to_seq < stats.acked_seq)
		r = spool_send_open_again(h->env->spool, false);
	if (r == 0)
		r = spool_ack(h->env->spool, up_to_seq);
	/* An ack that cannot be kept (disk full) means that records are sent twice: the hub knows them. */
	if (r < 0)
		log_warning("hub %s: cannot note how far it is: %s", h->env->hub_address, strerror(-r));
	return true;
}

static void take_reply(struct hub_stream *h, const struct frame_hub *f, mono_ns_t now)
{
	struct spool_stats stats;

	if (h->phase != GREETING) {
		h->bad_messages++;
		return;
	}
	if (!agree(h, f->up_to_seq, now))
		return;
	spool_stats(h->env->spool, &stats);
	h->acked_seq = h->sent_seq = h->looked_seq = stats.acked_seq;
	h->phase = TOGETHER;
	h->heartbeat_at = now;
	h->connects++;
	backoff_reset(&h->backoff);
	log_info("hub %s: connected (version %s), %llu findings to send", h->env->hub_address, f->hub_version,
		 (unsigned long long)stats.unacked);
	h->said_lost = false;
	h->trouble[0] = 0;
}

static void take_ack(struct hub_stream *h, uint64_t up_to_seq, mono_ns_t now)
{
	size_t n = 0;

	if (h->phase != TOGETHER || up_to_seq > h->sent_seq) {
		h->bad_messages++;
		return;
	}
	if (up_to_seq <= h->acked_seq)
		return;
	/* If the spool cannot forget them now (disk full), a later ack does it, or they are sent twice: the hub knows
	 * them. */
	(void)spool_ack(h->env->spool, up_to_seq);
	h->acked_seq = up_to_seq;
	while (n < h->n_in_flight && h->in_flight[n] <= up_to_seq)
		n++;
	h->n_in_flight -= n;
	memmove(h->in_flight, h->in_flight + n, h->n_in_flight * sizeof(h->in_flight[0]));
	h->waiting_since = h->n_in_flight > 0 ? now : 0;
}

static void take_question(struct hub_stream *h, const struct frame_hub *f)
{
	AUTO(answer_free) struct answer *answer = NULL;
	struct buf *to = &h->answers[(h->first_answer + h->n_answers) % MAX_ANSWERS];
	int r = h->env->answer ? h->env->answer(h->env->answer_arg, &f->query, &answer) : -ENOSYS;

	h->questions++;
	buf_reset(to);
	if (r == 0)
		r = frame_pack_answer(f->query_id, answer, to);
	if (r == 0)
		h->n_answers++;
	else
		log_warning("hub %s: cannot answer its question: %s", h->env->hub_address, strerror(-r));
}

static void take_refusal(struct hub_stream *h, const struct frame_hub *f, mono_ns_t now)
{
	char why[600];

	h->refusals++;
	(void)snprintf(why, sizeof(why), "refuses this agent: %s", f->text);
	h->phase = GREETING; /* for lose(): back off ever longer, as if it had never answered */
	lose(h, now, why);
	/* Another agent of the same name: coming back at once, each would put out the other for ever. */
	if (f->why == FRAME_REFUSED_REPLACED)
		h->retry_at = now + RETRY_MAX_NS / 2 + backoff_spread(RETRY_MAX_NS / 2);
}

static void take_message(struct hub_stream *h, const uint8_t *data, size_t n, mono_ns_t now)
{
	struct frame_hub f;

	if (frame_hub_unpack(data, n, &f, NULL) < 0) {
		h->bad_messages++;
		return;
	}
	switch (f.kind) {
	case FRAME_HELLO_REPLY:
		take_reply(h, &f, now);
		break;
	case FRAME_ACK:
		take_ack(h, f.up_to_seq, now);
		break;
	case FRAME_ASK:
		take_question(h, &f);
		break;
	case FRAME_REFUSAL:
		take_refusal(h, &f, now);
		break;
	}
}

/* A hub that wants a certificate closes the connection of who shows none, without a word; one without TLS as well. */
static const char *advice(const struct hub_stream *h, const struct call_status *status)
{
	if (h->phase != GREETING || status->code != CALL_UNAVAILABLE)
		return "";
	if (strcasestr(status->text, "handshake") || strcasestr(status->text, "certificate"))
		return " (its certificate is not signed by the CA of hub.tls.ca, or is made for another name, or it "
		       "speaks no TLS)";
	if (!strcasestr(status->text, "socket closed"))
		return "";
	if (!hub_tls_is_used(h->env))
		return " (we speak plaintext; if it wants TLS: set hub.tls.ca, hub.tls.cert and hub.tls.key)";
	return h->tls.pems.cert ? "" : " (we show no certificate; if it wants one: set hub.tls.cert and hub.tls.key)";
}

static void receive_all(struct hub_stream *h, mono_ns_t now)
{
	struct call_status status;

	call_wake(h->call);
	while (h->call && h->n_answers < MAX_ANSWERS) {
		AUTO_FREE uint8_t *data = NULL;
		size_t n;

		if (call_receive(h->call, &data, &n) < 0)
			break;
		take_message(h, data, n, now);
	}
	if (h->call && call_closed(h->call, &status)) {
		char why[760];

		(void)snprintf(why, sizeof(why), "%s%s%s%s", call_code_name(status.code), *status.text ? ": " : "",
			       status.text, advice(h, &status));
		lose(h, now, why);
	}
}

/* ---- what is sent ---- */

static int add_record(void *arg, const struct spool_record *r)
{
	return frame_batch_add(arg, r->seq, r->data, r->n);
}

static int send_batch(struct hub_stream *h, uint64_t last_seq, mono_ns_t now)
{
	int r;

	frame_batch_reset(&h->batch);
	r = spool_visit_unacked(h->env->spool, h->sent_seq, FRAME_GOOD_RECORDS, FRAME_GOOD_RAW, add_record, &h->batch);
	h->unsent_since = 0;
	if (h->batch.n_records == 0) {
		h->looked_seq = last_seq;
		return r < 0 ? r : -EAGAIN;
	}
	buf_reset(&h->message);
	r = send_message(h, frame_pack_batch(&h->batch, &h->message));
	if (r < 0)
		return r;
	h->sent_seq = h->batch.last_seq;
	h->in_flight[h->n_in_flight++] = h->sent_seq;
	h->sent_records += h->batch.n_records;
	h->sent_batches++;
	if (h->waiting_since == 0)
		h->waiting_since = now;
	return 0;
}

static int send_heartbeat(struct hub_stream *h, mono_ns_t now)
{
	struct frame_heartbeat beat = {.mono = now, .wall = clock_wall_now()};
	struct export_status status = {0};
	struct spool_stats stats;

	if (h->env->status)
		h->env->status(h->env->status_arg, &status);
	spool_stats(h->env->spool, &stats);
	beat.open_findings = status.open_findings;
	beat.evaluated = status.evaluated;
	beat.any_open = status.any_open;
	beat.worst = status.worst;
	text_copy(beat.rules_digest, sizeof(beat.rules_digest), h->env->rules_digest ? h->env->rules_digest : "");
	beat.unacked = stats.unacked;
	beat.dropped_findings = status.dropped_findings + stats.dropped_resolved + stats.dropped_superseded;
	beat.dropped_samples = status.dropped_samples;
	beat.dropped_events = status.dropped_events;
	/* Until the first evaluation the hub must call the node unknown: do not leave it so for longer than needed. */
	h->heartbeat_at = now + (status.evaluated ? HEARTBEAT_NS : NS_PER_S);
	buf_reset(&h->message);
	return send_message(h, frame_pack_heartbeat(&beat, &h->message));
}

static int send_answer(struct hub_stream *h)
{
	struct buf *b = &h->answers[h->first_answer];
	int r = call_send(h->call, b->data, b->len);

	if (r < 0)
		return r;
	h->sent_bytes += b->len;
	h->first_answer = (h->first_answer + 1) % MAX_ANSWERS;
	h->n_answers--;
	buf_done(b);
	buf_init(b, FRAME_MAX_MESSAGE);
	return 0;
}

/* At once when the line is idle; while an ack is awaited, gather, but no longer than FLUSH_NS. */
static bool batch_is_due(struct hub_stream *h, const struct spool_stats *stats, mono_ns_t now)
{
	if (stats->unacked == 0 || stats->last_seq <= MAX_OF(h->sent_seq, h->looked_seq))
		return false;
	if (h->n_in_flight == MAX_IN_FLIGHT)
		return false;
	if (h->n_in_flight == 0 || stats->last_seq - h->sent_seq >= FLUSH_RECORDS)
		return true;
	if (h->unsent_since == 0)
		h->unsent_since = now;
	return mono_since(h->unsent_since, now) >= FLUSH_NS;
}

static int send_next(struct hub_stream *h, mono_ns_t now)
{
	struct spool_stats stats;

	if (h->n_answers > 0)
		return send_answer(h);
	if (now >= h->heartbeat_at)
		return send_heartbeat(h, now);
	spool_stats(h->env->spool, &stats);
	if (batch_is_due(h, &stats, now))
		return send_batch(h, stats.last_seq, now);
	return -EAGAIN;
}

static void send_all(struct hub_stream *h, mono_ns_t now)
{
	while (h->phase == TOGETHER && call_can_send(h->call)) {
		int r = send_next(h, now);

		if (r == -EAGAIN || r == -EPIPE)
			return;
		if (r < 0) {
			lose(h, now, strerror(-r));
			return;
		}
	}
}

/* ---- the exporter ---- */

static void look_at_tls(struct hub_stream *h, mono_ns_t now)
{
	char why[512];
	bool renewed = false;

	if (h->phase == APART || !hub_tls_is_used(h->env))
		return;
	if (hub_tls_renewed(&h->tls, h->env, now, &renewed, why, sizeof(why)) < 0)
		log_error("hub %s: the connection goes on with the old certificate: %s", h->env->hub_address, why);
	if (!renewed)
		return;
	log_info("hub %s: the certificate was renewed, connecting anew", h->env->hub_address);
	part(h);
	h->retry_at = now;
}

static void look_at_silence(struct hub_stream *h, mono_ns_t now)
{
	const char *why = NULL;

	if (h->phase == GREETING && now >= h->reply_by)
		why = "did not reply to our hello";
	else if (h->phase == TOGETHER && h->waiting_since && mono_since(h->waiting_since, now) >= ACK_WITHIN_NS)
		why = "takes findings but does not acknowledge them";
	else if (h->phase == TOGETHER && mono_since(h->heartbeat_at, now) >= ACK_WITHIN_NS)
		why = "does not read what is sent";
	if (!why)
		return;
	h->stalls++;
	h->phase = GREETING; /* back off: it is there, but not well */
	lose(h, now, why);
}

static mono_ns_t next_time(const struct hub_stream *h)
{
	mono_ns_t at = h->heartbeat_at;

	if (h->phase == APART)
		return h->retry_at;
	if (h->phase == GREETING)
		return h->reply_by;
	if (h->unsent_since)
		at = MIN_OF(at, h->unsent_since + FLUSH_NS);
	if (h->waiting_since)
		at = MIN_OF(at, h->waiting_since + ACK_WITHIN_NS);
	return at;
}

static int pump(void *state, mono_ns_t now, mono_ns_t *ret_next)
{
	struct hub_stream *h = state;
	int r = 0;

	if (h->call)
		receive_all(h, now);
	look_at_tls(h, now);
	look_at_silence(h, now);
	if (h->phase == APART && now >= h->retry_at)
		r = greet(h, now);
	send_all(h, now);
	/* A time that is past means that a send is in flight; its end will wake us. */
	*ret_next = MAX_OF(next_time(h), now + 10 * NS_PER_MS);
	return h->phase == APART && r == 0 ? -ENOTCONN : r;
}

static int close_stream(void *state, uint32_t flush_ms)
{
	struct hub_stream *h = state;
	mono_ns_t until = clock_mono_now() + flush_ms * NS_PER_MS;
	struct spool_stats stats;
	mono_ns_t now, next;

	if (!h)
		return 0;
	while (h->env->spool && h->phase == TOGETHER && (now = clock_mono_now()) < until) {
		struct epoll_event event;

		spool_stats(h->env->spool, &stats);
		if (stats.unacked == 0)
			break;
		(void)pump(h, now, &next);
		(void)epoll_wait(h->epoll_fd, &event, 1, WAIT_MS);
	}
	call_close(&h->call);
	cleanup_close(&h->epoll_fd);
	hub_tls_done(&h->tls);
	frame_batch_done(&h->batch);
	buf_done(&h->message);
	for (size_t i = 0; i < MAX_ANSWERS; i++)
		buf_done(&h->answers[i]);
	free(h);
	return 0;
}

static int open_stream(const struct export_env *env, void **ret_state)
{
	struct hub_stream *h;

	if (!env->spool || !env->hub_address || !*env->hub_address)
		return -ENOENT;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->env = env;
	h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	frame_batch_init(&h->batch);
	buf_init(&h->message, FRAME_MAX_MESSAGE);
	for (size_t i = 0; i < MAX_ANSWERS; i++)
		buf_init(&h->answers[i], FRAME_MAX_MESSAGE);
	backoff_init(&h->backoff, RETRY_MIN_NS, RETRY_MAX_NS);
	if (h->epoll_fd < 0) {
		int r = -errno;

		(void)close_stream(h, 0);
		return r;
	}
	*ret_state = h;
	return 0;
}

static int event_fd(void *state)
{
	return ((struct hub_stream *)state)->epoll_fd;
}

static void stats(void *state, void (*say)(void *arg, const char *name, double value, const char *help), void *arg)
{
	const struct hub_stream *h = state;
	struct spool_stats spool;

	spool_stats(h->env->spool, &spool);
	say(arg, "connected", h->phase == TOGETHER, "1 while the hub takes findings");
	say(arg, "connects_total", (double)h->connects, "connections that the hub has greeted");
	say(arg, "losses_total", (double)h->losses, "connections that ended or could not be made");
	say(arg, "sent_records_total", (double)h->sent_records, "changes of findings sent, repeats included");
	say(arg, "sent_batches_total", (double)h->sent_batches, "messages they went in");
	say(arg, "sent_bytes_total", (double)h->sent_bytes, "bytes handed to the connection");
	say(arg, "questions_total", (double)h->questions, "questions that the hub has asked this node");
	say(arg, "refusals_total", (double)h->refusals, "times that the hub has refused this node");
	say(arg, "bad_messages_total", (double)h->bad_messages, "messages of the hub that made no sense");
	say(arg, "stalls_total", (double)h->stalls, "connections given up because the hub stood still");
	say(arg, "unacked_records", (double)spool.unacked, "changes that the hub has not acknowledged");
	say(arg, "unacked_bytes", (double)spool.bytes, "their size in the spool");
	say(arg, "dropped_resolved_total", (double)spool.dropped_resolved,
	    "changes of resolved findings given up: the spool was full");
	say(arg, "dropped_superseded_total", (double)spool.dropped_superseded,
	    "superseded changes given up: the spool was full");
	say(arg, "spool_errors_total", (double)spool.errors, "failures of the spool's disk");
	say(arg, "certificate_expires_seconds", (double)(h->tls.pems.cert_expires_at / NS_PER_S),
	    "when our certificate ends, in seconds since 1970; 0: none");
}

static const char *trouble(void *state)
{
	return ((const struct hub_stream *)state)->trouble;
}

const struct exporter exporter_hub_stream = {
	.name = "hub_stream",
	.help = "findings to the hub, acknowledged and kept until then",
	.wants = 0, /* it reads the spool */
	.open = open_stream,
	.event_fd = event_fd,
	.pump = pump,
	.stats = stats,
	.close = close_stream,
	.trouble = trouble,
};
