/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/tcp_links.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/text.h"
#include "collectors/process.h"
#include "collectors/tcp_metric.h"

#define MIN_SEGMENTS 20                /* below, a ratio says nothing */
#define MAX_WINDOW   (10 * NS_PER_S)   /* fewer segments than that in so long: no ratio */
#define IDLE_NS      (300 * NS_PER_S)
#define ACTIVE_NS    (30 * NS_PER_S)
#define LOSSY_RATIO  0.005

struct link {
	struct tcp_address peer;
	bool used;
	entity_id entity;
	mono_ns_t last_ns;        /* of traffic */
	mono_ns_t window_ns;      /* beginning of the window below */
	struct tcp_peer at_begin; /* counters at the beginning of the window */
	struct tcp_peer before;   /* of the last round */
	double ratio;             /* of the last full window, -1 none */
	mono_ns_t ratio_ns;
};

struct port {
	entity_id entity; /* ENTITY_NONE: free */
	mono_ns_t last_ns;
};

struct tcp_links {
	struct link links[TCP_LINKS_MAX];
	struct u64map *by_address; /* hash of the address -> slot */
	struct port ports[TCP_LINKS_MAX_PORTS];
	mono_ns_t now;
	uint64_t tick;
	uint64_t failure_second;
	unsigned failures;
};

int tcp_links_new(struct tcp_links **ret_links)
{
	AUTO(tcp_links_free) struct tcp_links *l = calloc(1, sizeof(*l));

	if (!l || u64map_new(TCP_LINKS_MAX, &l->by_address) < 0)
		return -ENOMEM;
	*ret_links = TAKE_PTR(l);
	return 0;
}

void tcp_links_free(struct tcp_links **links)
{
	if (!*links)
		return;
	u64map_free(&(*links)->by_address);
	free(*links);
	*links = NULL;
}

static bool is_ipv4(const struct tcp_address *a)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	return memcmp(a->byte, mapped, sizeof(mapped)) == 0;
}

static bool is_loopback(const struct tcp_address *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return (is_ipv4(a) && a->byte[12] == 127) || memcmp(a->byte, one, sizeof(one)) == 0;
}

void tcp_address_format(const struct tcp_address *a, char ret_text[TCP_LINKS_TEXT_MAX])
{
	bool v4 = is_ipv4(a);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, a->byte + (v4 ? 12 : 0), ret_text, TCP_LINKS_TEXT_MAX))
		(void)text_copy(ret_text, TCP_LINKS_TEXT_MAX, "?");
}

void tcp_address_format_port(const struct tcp_address *a, uint16_t port, char ret_text[TCP_LINKS_TEXT_MAX])
{
	char ip[TCP_LINKS_TEXT_MAX];

	tcp_address_format(a, ip);
	(void)snprintf(ret_text, TCP_LINKS_TEXT_MAX, is_ipv4(a) ? "%.46s:%u" : "[%.46s]:%u", ip, port);
}

static entity_id link_entity(const struct tcp_address *peer, struct batch *b)
{
	char text[TCP_LINKS_TEXT_MAX];

	tcp_address_format(peer, text);
	entity_id id = batch_entity(b, ENTITY_LINK, text);
	if (id != ENTITY_NONE && !graph_attr(b->graph, id, "peer")) {
		batch_attr(b, id, "peer", text);
		batch_link(b, EDGE_IN, id, graph_node(b->graph));
	}
	return id;
}

/* Slot of a peer, taken when there is one; NULL: none free, or two addresses of one hash. */
static struct link *link_get(struct tcp_links *l, const struct tcp_address *peer, bool make)
{
	uint64_t key = text_hash(peer->byte, sizeof(peer->byte)), slot;

	if (u64map_get(l->by_address, key, &slot))
		return memcmp(&l->links[slot].peer, peer, sizeof(*peer)) == 0 ? &l->links[slot] : NULL;
	for (slot = 0; make && slot < TCP_LINKS_MAX; slot++) {
		struct link *k = &l->links[slot];
		if (k->used)
			continue;
		if (u64map_set(l->by_address, key, slot) < 0)
			return NULL;
		*k = (struct link){ .peer = *peer, .used = true, .last_ns = l->now, .window_ns = l->now, .ratio = -1 };
		return k;
	}
	return NULL;
}

void tcp_links_begin(struct tcp_links *l, mono_ns_t now, uint64_t tick)
{
	l->now = now;
	l->tick = tick;
}

/* Close the window when it holds enough segments, or has been open too long to say anything. */
static void window_step(struct tcp_links *l, struct link *k, const struct tcp_peer *p, struct batch *b)
{
	uint64_t segments = p->segments - k->at_begin.segments, again = p->retransmits - k->at_begin.retransmits;

	if (segments >= MIN_SEGMENTS) {
		k->ratio = MIN_OF((double)again / (double)segments, 1.0);
		k->ratio_ns = l->now;
		batch_sample(b, TCP_LINK_RATIO, k->entity, k->ratio);
	}
	if (segments >= MIN_SEGMENTS || mono_since(k->window_ns, l->now) >= MAX_WINDOW) {
		k->at_begin = *p;
		k->window_ns = l->now;
	}
}

void tcp_links_put(struct tcp_links *l, const struct tcp_address *peer, const struct tcp_peer *p, struct batch *b)
{
	bool fresh = p->tick == l->tick;
	bool worth = p->segments >= MIN_SEGMENTS || p->retransmits || p->resets_in || p->resets_out ||
		     (fresh && p->closed_windows);
	struct link *k = link_get(l, peer, false);

	/* It left the kernel's table and came back. */
	if (k && (p->segments < k->before.segments || p->retransmits < k->before.retransmits)) {
		memset(&k->before, 0, sizeof(k->before));
		memset(&k->at_begin, 0, sizeof(k->at_begin));
	}
	if (!k && worth)
		k = link_get(l, peer, true);
	if (!k)
		return;
	bool moved = p->segments != k->before.segments || p->retransmits != k->before.retransmits ||
		     p->resets_in != k->before.resets_in || p->resets_out != k->before.resets_out;
	k->before = *p;
	/* A connection that waits for room moves nothing, and is what is to be told. */
	if (moved || (fresh && p->closed_windows))
		k->last_ns = l->now;
	else if (mono_since(k->last_ns, l->now) > ACTIVE_NS)
		return;
	k->entity = link_entity(peer, b);
	batch_sample(b, TCP_LINK_SEGMENTS, k->entity, (double)p->segments);
	batch_sample(b, TCP_LINK_RETRANSMITS, k->entity, (double)p->retransmits);
	batch_sample(b, TCP_LINK_RESETS_RECEIVED, k->entity, (double)p->resets_in);
	batch_sample(b, TCP_LINK_RESETS_SENT, k->entity, (double)p->resets_out);
	batch_sample(b, TCP_LINK_HEARD, k->entity, fresh ? p->heard : 0);
	batch_sample(b, TCP_LINK_CLOSED_WINDOWS, k->entity, fresh ? p->closed_windows : 0);
	batch_sample(b, TCP_LINK_STUCK_LONG, k->entity, fresh ? p->stuck_long : 0);
	batch_sample(b, TCP_LINK_STUCK_SHORT, k->entity, fresh ? p->stuck_short : 0);
	if (fresh && p->stuck_bytes)
		batch_sample(b, TCP_LINK_STUCK_BYTES, k->entity, p->stuck_bytes);
	if (fresh && p->n_rtt)
		batch_sample(b, TCP_LINK_RTT, k->entity, (double)p->rtt_us_sum / p->n_rtt * (double)NS_PER_US);
	window_step(l, k, p, b);
}

void tcp_links_end(struct tcp_links *l, struct batch *b)
{
	size_t active = 0, lossy = 0;

	for (size_t i = 0; i < TCP_LINKS_MAX; i++) {
		struct link *k = &l->links[i];
		if (!k->used)
			continue;
		if (mono_since(k->last_ns, l->now) > IDLE_NS) {
			batch_gone(b, k->entity);
			(void)u64map_remove(l->by_address, text_hash(k->peer.byte, sizeof(k->peer.byte)));
			k->used = false;
			continue;
		}
		/* Loopback has no path: counted, it would dilute the share of peers that see loss. */
		if (is_loopback(&k->peer))
			continue;
		active += mono_since(k->last_ns, l->now) <= ACTIVE_NS;
		lossy += k->ratio > LOSSY_RATIO && mono_since(k->ratio_ns, l->now) <= ACTIVE_NS;
	}
	batch_sample(b, TCP_NODE_ACTIVE_PEERS, graph_node(b->graph), (double)active);
	batch_sample(b, TCP_NODE_LOSSY_PEERS, graph_node(b->graph), (double)lossy);
	for (size_t i = 0; i < TCP_LINKS_MAX_PORTS; i++) {
		struct port *p = &l->ports[i];
		if (p->entity == ENTITY_NONE || mono_since(p->last_ns, l->now) <= IDLE_NS)
			continue;
		batch_gone(b, p->entity);
		p->entity = ENTITY_NONE;
	}
}

/* Remember that the entity is in use; false: the table is full of others that are. */
static bool port_touch(struct tcp_links *l, entity_id id, mono_ns_t at)
{
	struct port *free_one = NULL;

	for (size_t i = 0; i < TCP_LINKS_MAX_PORTS; i++) {
		struct port *p = &l->ports[i];
		if (p->entity == id) {
			p->last_ns = at;
			return true;
		}
		if (p->entity == ENTITY_NONE && !free_one)
			free_one = p;
	}
	if (free_one)
		*free_one = (struct port){ .entity = id, .last_ns = at };
	return free_one != NULL;
}

static bool failure_allowed(struct tcp_links *l, mono_ns_t at)
{
	if (l->failure_second != at / NS_PER_S) {
		l->failure_second = at / NS_PER_S;
		l->failures = 0;
	}
	return l->failures++ < TCP_LINKS_FAILURES_PER_S;
}

bool tcp_links_failure(struct tcp_links *l, const struct tcp_failure *f, long ticks_per_s, struct kernel_cgroup *cgroups,
		       struct batch *b)
{
	int error = f->error ? (int)f->error : ECANCELED;
	char key[TCP_LINKS_TEXT_MAX], ip[TCP_LINKS_TEXT_MAX], comm[PROCESS_COMM_MAX], path[KERNEL_CGROUP_PATH_MAX];
	const char *name = strerrorname_np(error);

	if (!failure_allowed(l, f->at_ns))
		return false;
	tcp_address_format(&f->peer, ip);
	tcp_address_format_port(&f->peer, f->port, key);
	entity_id id = batch_entity(b, ENTITY_LINK, key);
	if (id != ENTITY_NONE && !graph_attr(b->graph, id, "peer")) {
		batch_attr(b, id, "peer", ip);
		batch_attr_u64(b, id, "port", f->port);
		batch_link(b, EDGE_IN, id, graph_node(b->graph));
	}
	bool kept = port_touch(l, id, f->at_ns);
	struct event *e = batch_event(b, TCP_LINK_CONNECT_FAILED, id, f->at_ns, SEVERITY_WARNING, error);
	process_comm(f->comm, comm);
	batch_value_text(b, e, 0, name ? name : "?");
	batch_value_text(b, e, 1, comm);
	batch_value_number(b, e, 2, f->pid);
	kernel_cgroup_path(cgroups, f->cgroup, path, sizeof(path));
	if (path[0])
		batch_value_text(b, e, 3, path);
	batch_value_text(b, e, 4, ip);
	batch_value_number(b, e, 5, f->port);
	batch_value_number(b, e, 6, (double)f->tried_ns);
	batch_message(b, e, "%s[%u] could not connect to %s: %s%s", comm, f->pid, key, name ? name : "?",
		      f->error ? "" : " (the program gave up without an answer)");
	if (f->start_ns) {
		const struct process_seen seen = { .pid = f->pid, .ppid = f->ppid, .uid = f->uid, .start_ns = f->start_ns,
						   .cgroup = f->cgroup, .comm = f->comm };
		batch_link(b, EDGE_USES, process_entity(&seen, ticks_per_s, cgroups, b), id);
	}
	if (!kept)
		batch_gone(b, id);
	return true;
}
