// SPDX-License-Identifier: Apache-2.0
/* Containers, pods and their labels by the CRI sockets of containerd, CRI-O and cri-dockerd.
 *
 * The list tells who is there; the stream of events, where the runtime has it, when to ask again. Without it the list is
 * asked for every two seconds, more rarely the longer it is. A list is walked over several collects when there is more
 * news in it than a batch holds. Runtimes that hang cost PATIENCE_MS a collect, then back off; the deadline of the
 * collector is far above that, so that what is silent is told as such and this child lives on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/records.h"
#include "base/text.h"
#include "collectors/collector.h"
#include "proto/items.h"
#include "runtimes/cri_metric.h"
#include "runtimes/cri_sockets.h"
#include "runtimes/cri_write.h"
#include "runtimes/talk.h"

#define PATIENCE_MS        4000 /* all runtimes together */
#define MIN_PATIENCE_MS    700
#define LIST_DEADLINE_MS   3000
#define STATUS_DEADLINE_MS 1000
#define DEADLINE_MS        9000
#define POLL_NS            (2 * NS_PER_S)
#define POLL_PER_ITEM_NS   (2 * NS_PER_MS) /* 2,000 containers in 1,000 pods: every 8 s */
#define WATCHED_NS         (30 * NS_PER_S)
#define GREET_NS           (5 * NS_PER_S)
#define SETTLE_NS          (3 * NS_PER_S)  /* a stream has surely begun by then */
#define ASK_AGAIN_NS       (30 * NS_PER_S)
#define MAX_STATUS         256             /* a collect */
#define MAX_OPS            6000            /* a collect */
#define OPS_OF_ITEM        64

enum phase { PHASE_IDLE, PHASE_SANDBOXES, PHASE_CONTAINERS };

struct listing {
	enum phase phase;
	struct buf reply;
	size_t at, n_items;
	uint32_t round;
	bool whole_once;
	mono_ns_t due;
};

struct cri {
	struct records *table;
	struct cri_reader *reader;
	struct buf reply, request;
	uint64_t refused;
	bool news; /* of what is silent: the node's attribute is to be written anew */
	bool begun;
	struct talk talks[CRI_N_SOCKETS];
	struct listing lists[CRI_N_SOCKETS];
	bool lost[CRI_N_SOCKETS]; /* said to be silent, and not yet to have recovered */
};

static int cri_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	for (size_t i = 0; i < CRI_N_SOCKETS; i++)
		if (talk_socket_present(env->root_fd, cri_sockets[i].path, NULL))
			return 0;
	(void)snprintf(ret_reason, size,
		       "no socket of containerd, CRI-O or cri-dockerd below /run; looked for every 30 s (in a container: "
		       "mount /run/containerd or /run/crio from the node)");
	return -ENOENT;
}

static void cri_close(void *state)
{
	struct cri *c = state;

	if (!c)
		return;
	for (size_t i = 0; i < CRI_N_SOCKETS; i++) {
		talk_done(&c->talks[i]);
		buf_done(&c->lists[i].reply);
	}
	records_free(&c->table);
	cri_reader_free(&c->reader);
	buf_done(&c->reply);
	buf_done(&c->request);
	free(c);
}

static void close_half_open(struct cri **c)
{
	cri_close(*c);
}

static int cri_open(const struct collect_env *env, void **ret_state)
{
	AUTO(close_half_open) struct cri *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	buf_init(&c->reply, CALL_MAX_REPLY);
	buf_init(&c->request, 4096);
	for (size_t i = 0; i < CRI_N_SOCKETS; i++) {
		talk_init(&c->talks[i], &cri_sockets[i], env->root_fd);
		buf_init(&c->lists[i].reply, CALL_MAX_REPLY);
	}
	r = records_new(CRI_MAX_KNOWN, sizeof(struct cri_known), offsetof(struct cri_known, id), CRI_MAX_ID, &c->table);
	if (r == 0)
		r = cri_reader_new(&c->reader);
	if (r < 0)
		return r;
	/* What a runtime tells may hold environments of containers: no core file of this process, no reading by others. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	*ret_state = TAKE_PTR(c);
	return 0;
}

/* ---- one runtime ---- */

/* What a step works with. */
struct turn {
	struct cri *cri;
	struct talk *talk;
	struct listing *list;
	struct cri_scribe scribe;
	size_t ops_before;
};

static bool has_room(const struct turn *t)
{
	const struct batch *out = t->scribe.out;

	return out->n_ops + OPS_OF_ITEM < MIN_OF(out->max_ops, t->ops_before + MAX_OPS) &&
	       out->n_events + 4 < out->max_events;
}

static void on_event(void *arg, const uint8_t *data, size_t n)
{
	struct turn *t = arg;
	enum cri_happened happened;
	char id[CRI_MAX_ID];
	struct cri_known *k;

	if (cri_read_event(data, n, id, &happened) < 0) {
		t->scribe.refused++;
		return;
	}
	k = records_find(t->cri->table, id);
	if (k && !k->sandbox && happened == CRI_HAPPENED_STOPPED) {
		k->ask = true;
		k->ask_at = 0;
		return;
	}
	/* Who is new, and in which pod, only the list tells. */
	t->list->due = MIN_OF(t->list->due, t->scribe.now);
}

static mono_ns_t polled_at(const struct turn *t)
{
	return t->scribe.now + POLL_NS + t->list->n_items * POLL_PER_ITEM_NS;
}

static void take_events(struct turn *t)
{
	mono_ns_t now = t->scribe.now;

	switch (talk_events(t->talk, CRI_METHOD_EVENTS, now, on_event, t)) {
	case TALK_STREAM_BROKEN:
		t->list->due = MIN_OF(t->list->due, now + (t->list->whole_once ? SETTLE_NS : 0));
		break;
	case TALK_STREAM_NONE:
		t->list->due = MIN_OF(t->list->due, polled_at(t));
		break;
	case TALK_STREAM_WELL:
		break;
	}
}

static int fetch(struct turn *t, const char *method, enum phase phase)
{
	struct listing *l = t->list;
	struct buf empty = {0};
	int r = talk_ask(t->talk, method, &empty, LIST_DEADLINE_MS, &l->reply);

	if (r < 0)
		return r;
	l->phase = phase;
	l->at = 0;
	return 0;
}

static void end_listing(struct turn *t)
{
	struct listing *l = t->list;

	cri_write_removed(&t->scribe);
	cri_write_restarts(&t->scribe);
	/* The first list may have been made before the stream of events began. */
	l->due = t->talk->events ? t->scribe.now + (l->whole_once ? WATCHED_NS : SETTLE_NS) : polled_at(t);
	l->whole_once = true;
	l->phase = PHASE_IDLE;
	buf_done(&l->reply);
}

/* Items while there is room. 1: more room than items; 0: no room; -EBADMSG: what came is no list. */
static int walk(struct turn *t)
{
	struct listing *l = t->list;
	const uint8_t *item;
	size_t n;

	while (has_room(t)) {
		int r = items_next(l->reply.data, l->reply.len, CRI_ITEMS, &l->at, &item, &n);

		if (r <= 0)
			return r < 0 ? r : 1;
		l->n_items++;
		if (l->phase == PHASE_SANDBOXES)
			cri_write_sandbox(&t->scribe, item, n);
		else
			cri_write_container(&t->scribe, item, n);
	}
	return 0;
}

static int list(struct turn *t)
{
	struct listing *l = t->list;
	int r = 1;

	if (l->phase == PHASE_IDLE) {
		if (t->scribe.now < l->due)
			return 0;
		l->n_items = 0;
		if (++l->round == 0)
			l->round = 1;
		r = fetch(t, CRI_METHOD_SANDBOXES, PHASE_SANDBOXES);
		if (r < 0)
			return r;
		talk_answered(t->talk, t->scribe.now);
	}
	t->scribe.round = l->round;
	t->scribe.first = !l->whole_once;
	r = walk(t);
	if (r > 0 && l->phase == PHASE_SANDBOXES) {
		r = fetch(t, CRI_METHOD_CONTAINERS, PHASE_CONTAINERS);
		if (r == 0)
			r = walk(t);
	}
	if (r == -EBADMSG)
		(void)snprintf(t->talk->why, sizeof(t->talk->why), "what it sends is no list of containers");
	if (r > 0)
		end_listing(t);
	return MIN_OF(r, 0);
}

/* It hangs over this one container: that is said of the container. Whether it hangs altogether the next list shows. */
static void give_up(struct turn *t, struct cri_known *k)
{
	char text[192];

	(void)snprintf(text, sizeof(text), "process id and exit code: %s does not answer for this container",
		       t->scribe.runtime);
	batch_attr(t->scribe.out, k->entity, "unresolved", text);
	k->ask_at = t->scribe.now + ASK_AGAIN_NS;
	t->list->due = t->scribe.now;
}

static int ask_status(struct turn *t, struct cri_known *k)
{
	struct cri *c = t->cri;
	struct cri_status status;
	int r;

	buf_reset(&c->request);
	if (cri_pack_status_request(k->id, &c->request) < 0)
		return 0;
	r = talk_ask(t->talk, CRI_METHOD_STATUS, &c->request, STATUS_DEADLINE_MS, &c->reply);
	if (r == 0) {
		const char *said = graph_attr(t->scribe.out->graph, k->entity, "unresolved");

		r = cri_read_status(c->reply.data, c->reply.len, &status);
		if (r == 0 && strcmp(status.id, k->id) != 0)
			r = -EBADMSG;
		if (said && strncmp(said, "process id ", 11) == 0)
			batch_attr(t->scribe.out, k->entity, "unresolved", NULL);
		/* The environment of the container was in there. */
		if (c->reply.len > 0)
			explicit_bzero(c->reply.data, c->reply.len);
	}
	if (r == 0 || r == -ENOENT)
		cri_write_status(&t->scribe, k, r == 0 ? &status : NULL);
	else if (r == -ETIMEDOUT)
		give_up(t, k);
	else
		k->ask_at = t->scribe.now + ASK_AGAIN_NS;
	return r == -ETIMEDOUT || r == -EIO ? r : 0;
}

static int ask_all(struct turn *t)
{
	struct cri_known *k;
	size_t cursor = 0;
	unsigned n = 0;
	int r = 0;

	while (r == 0 && n < MAX_STATUS && has_room(t) && (k = records_next(t->cri->table, &cursor)))
		if (k->ask && k->runtime == t->scribe.index && t->scribe.now >= k->ask_at) {
			r = ask_status(t, k);
			n++;
		}
	return r == -ETIMEDOUT ? 0 : r;
}

/* Who it is; and now and then whether it is still there, while nothing else is asked. */
static int greet(struct turn *t)
{
	struct buf empty = {0};
	char text[2 * CRI_MAX_ID + 2], name[CRI_MAX_ID], version[CRI_MAX_ID] = "";
	int r;

	if (!t->talk->is_new && mono_since(t->talk->answered_at, t->scribe.now) < GREET_NS)
		return 0;
	r = talk_ask(t->talk, CRI_METHOD_VERSION, &empty, STATUS_DEADLINE_MS, &t->cri->reply);
	if (r < 0)
		return r;
	talk_answered(t->talk, t->scribe.now);
	if (!t->talk->is_new)
		return 0;
	/* What happened while it was away only a list tells. */
	t->talk->is_new = false;
	t->list->phase = PHASE_IDLE;
	t->list->due = 0;
	if (cri_read_version(t->cri->reply.data, t->cri->reply.len, name, version) < 0)
		return 0;
	(void)text_copy(t->talk->name, sizeof(t->talk->name), name);
	t->scribe.runtime = talk_name(t->talk);
	(void)snprintf(text, sizeof(text), "%s %s", t->scribe.runtime, version);
	batch_attr(t->scribe.out, graph_node(t->scribe.out->graph), "container_runtime", text);
	return 0;
}

static void visit(struct turn *t, uint32_t patience_ms)
{
	int r = talk_patience(t->talk, patience_ms);

	if (r == 0)
		r = greet(t);
	if (r == -ENOSYS) {
		talk_done(t->talk);
		t->talk->refused = true;
		return;
	}
	if (r == 0) {
		take_events(t);
		r = list(t);
	}
	if (r == 0)
		r = ask_all(t);
	if (r == 0)
		return;
	t->list->phase = PHASE_IDLE;
	t->list->due = 0;
	buf_done(&t->list->reply);
	talk_failed(t->talk, t->scribe.now);
	t->cri->news = true;
}

/* ---- what is silent ---- */

static void say_change(struct cri *c, size_t i, uint32_t metric, mono_ns_t now, struct batch *out)
{
	const struct talk *t = &c->talks[i];
	enum severity severity = metric == CRI_LOST ? SEVERITY_WARNING : SEVERITY_INFO;
	struct event *e = batch_event(out, metric, graph_node(out->graph), now, severity, 0);
	char path[128], text[512];

	(void)snprintf(path, sizeof(path), "/%s", t->socket->path);
	batch_value_text(out, e, LOST_RUNTIME, talk_name(t));
	batch_value_text(out, e, LOST_SOCKET, path);
	if (metric == CRI_LOST) {
		talk_say(t, now, text, sizeof(text));
		batch_value_text(out, e, LOST_REASON, t->why);
		batch_message(out, e, "%s", text);
	} else {
		batch_message(out, e, "%s at %s answers again", talk_name(t), path);
	}
}

/* What is known of its containers stays as it was; whether it is so still, nobody can say until it answers again. */
static void doubt_containers(struct cri *c, size_t i, bool lost, struct batch *out)
{
	static const char what[] = "state and exit code: ";
	struct cri_known *k;
	size_t cursor = 0;
	char text[320];

	(void)snprintf(text, sizeof(text), "%s%s at /%s does not answer", what, talk_name(&c->talks[i]),
		       c->talks[i].socket->path);
	while ((k = records_next(c->table, &cursor))) {
		const char *said = graph_attr(out->graph, k->entity, "unresolved");

		if (k->runtime != i || k->entity == ENTITY_NONE || k->state == CRI_EXITED ||
		    graph_is_gone(out->graph, k->entity, NULL))
			continue;
		if (lost && !said)
			batch_attr(out, k->entity, "unresolved", text);
		else if (!lost && said && strncmp(said, what, sizeof(what) - 1) == 0)
			batch_attr(out, k->entity, "unresolved", NULL);
	}
}

static bool is_silent(const struct talk *t)
{
	return t->asked && t->failing;
}

/* Events at the change, the gauge always, and for findings the sentence why names may be missing. */
static void say_silent(struct cri *c, mono_ns_t now, struct batch *out)
{
	const struct talk *worst = NULL;
	uint64_t longest = 0;
	char text[600], why[512];
	bool asked = false;

	for (size_t i = 0; i < CRI_N_SOCKETS; i++) {
		const struct talk *t = &c->talks[i];

		asked |= t->asked;
		if (is_silent(t) != c->lost[i]) {
			c->lost[i] = !c->lost[i];
			c->news = true;
			say_change(c, i, c->lost[i] ? CRI_LOST : CRI_RECOVERED, now, out);
			doubt_containers(c, i, c->lost[i], out);
		}
		if (is_silent(t) && (!worst || mono_since(t->answered_at, now) > longest)) {
			worst = t;
			longest = mono_since(t->answered_at, now);
		}
	}
	if (asked) {
		batch_sample(out, CRI_SILENT, graph_node(out->graph), (double)longest);
		batch_sample(out, CRI_REFUSED, graph_node(out->graph), (double)c->refused);
	}
	if (!c->news)
		return;
	c->news = false;
	if (worst) {
		talk_say(worst, now, why, sizeof(why));
		(void)snprintf(text, sizeof(text), "names of containers and pods: %s", why);
	}
	batch_attr(out, graph_node(out->graph), "unresolved.cri", worst ? text : NULL);
}

static int cri_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct cri *c = state;
	unsigned n = 0;

	if (!c->begun)
		cri_write_afresh(out, graph_node(out->graph), "unresolved.cri");
	c->begun = true;
	for (size_t i = 0; i < CRI_N_SOCKETS; i++) {
		talk_look(&c->talks[i]);
		n += talk_may_ask(&c->talks[i], now);
	}
	for (size_t i = 0; i < CRI_N_SOCKETS; i++) {
		struct turn t = {
			.cri = c,
			.talk = &c->talks[i],
			.list = &c->lists[i],
			.ops_before = out->n_ops,
			.scribe = {
				.table = c->table, .reader = c->reader, .out = out, .index = (uint8_t)i, .now = now,
				.runtime = talk_name(&c->talks[i]),
			},
		};

		if (!talk_may_ask(t.talk, now))
			continue;
		visit(&t, MAX_OF(PATIENCE_MS / n, (unsigned)MIN_PATIENCE_MS));
		c->refused += t.scribe.refused;
	}
	say_silent(c, now, out);
	return 0;
}

const struct collector collector_cri = {
	.name = "cri",
	.help = "Containers and pods, their names, images, labels and ends, by containerd, CRI-O and cri-dockerd",
	.metrics = cri_metrics,
	.n_metrics = CRI_N_METRICS,
	.where = COLLECT_ISOLATED,
	.interval_ms = 1000,
	.deadline_ms = DEADLINE_MS,
	.probe = cri_probe,
	.open = cri_open,
	.collect = cri_collect,
	.close = cri_close,
};
