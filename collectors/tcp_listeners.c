/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/tcp_listeners.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "collectors/process.h"
#include "collectors/tcp_links.h"
#include "collectors/tcp_metric.h"

#define CROWDED_RATIO 0.5 /* from here on, or when it drops, its process is worth an entity */

struct listener {
	struct tcp_listener l; /* sums over the sockets of one address */
	uint32_t drops_before;
	entity_id entity;
	bool seen, told_process;
};

struct tcp_listeners {
	struct listener items[TCP_LISTENERS_MAX];
	size_t n;
	uint32_t own_netns;
	uint64_t refused;
};

int tcp_listeners_new(uint32_t own_netns, struct tcp_listeners **ret_listeners)
{
	struct tcp_listeners *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->own_netns = own_netns;
	*ret_listeners = t;
	return 0;
}

void tcp_listeners_free(struct tcp_listeners **listeners)
{
	free(*listeners);
	*listeners = NULL;
}

uint64_t tcp_listeners_refused(const struct tcp_listeners *t)
{
	return t->refused;
}

static bool is_same(const struct tcp_listener *a, const struct tcp_listener *b)
{
	return a->port == b->port && a->netns == b->netns && a->family == b->family &&
	       memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
}

static void add(struct tcp_listeners *t, const struct tcp_listener *l)
{
	for (size_t i = 0; i < t->n; i++) {
		struct listener *k = &t->items[i];
		if (!is_same(&k->l, l))
			continue;
		if (!k->seen) {
			k->drops_before = k->l.drops;
			k->l = *l;
		} else {
			k->l.queue += l->queue;
			k->l.queue_limit += l->queue_limit;
			k->l.drops += l->drops;
		}
		k->seen = true;
		return;
	}
	if (t->n >= TCP_LISTENERS_MAX) {
		t->refused++;
		return;
	}
	t->items[t->n++] = (struct listener){ .l = *l, .drops_before = l->drops, .seen = true };
}

static void make_entity(const struct tcp_listeners *t, struct listener *k, struct batch *b)
{
	char address[TCP_LINKS_TEXT_MAX], ip[TCP_LINKS_TEXT_MAX], key[TCP_LINKS_TEXT_MAX + 32], comm[PROCESS_COMM_MAX];

	tcp_address_format(&k->l.address, ip);
	tcp_address_format_port(&k->l.address, k->l.port, address);
	if (k->l.netns == t->own_netns)
		(void)snprintf(key, sizeof(key), "tcp:%s", address);
	else
		(void)snprintf(key, sizeof(key), "tcp:%s@%u", address, k->l.netns);
	k->entity = batch_entity(b, ENTITY_SOCKET, key);
	batch_attr(b, k->entity, "address", ip);
	batch_attr_u64(b, k->entity, "port", k->l.port);
	if (k->l.pid) {
		process_comm(k->l.comm, comm);
		batch_attr_u64(b, k->entity, "pid", k->l.pid);
		batch_attr(b, k->entity, "comm", comm);
	}
	batch_link(b, EDGE_IN, k->entity, graph_node(b->graph));
}

static void listener_write(struct listener *k, long ticks_per_s, struct kernel_cgroup *cgroups, struct batch *b)
{
	/* The queue takes one more than its limit. */
	double ratio = k->l.queue_limit ? MIN_OF((double)k->l.queue / k->l.queue_limit, 1.0) : 0;

	batch_sample(b, TCP_SOCKET_QUEUE, k->entity, k->l.queue);
	batch_sample(b, TCP_SOCKET_QUEUE_LIMIT, k->entity, k->l.queue_limit);
	if (k->l.queue_limit)
		batch_sample(b, TCP_SOCKET_QUEUE_RATIO, k->entity, ratio);
	batch_sample(b, TCP_SOCKET_DROPS, k->entity, k->l.drops);
	if (k->told_process || !k->l.start_ns || (ratio < CROWDED_RATIO && k->l.drops == k->drops_before))
		return;
	const struct process_seen seen = { .pid = k->l.pid, .ppid = k->l.ppid, .uid = k->l.uid, .start_ns = k->l.start_ns,
					   .cgroup = k->l.cgroup, .comm = k->l.comm };
	batch_link(b, EDGE_USES, process_entity(&seen, ticks_per_s, cgroups, b), k->entity);
	k->told_process = true;
}

void tcp_listeners_put(struct tcp_listeners *t, const struct tcp_listener *all, size_t n, long ticks_per_s,
		       struct kernel_cgroup *cgroups, struct batch *b)
{
	for (size_t i = 0; i < t->n; i++)
		t->items[i].seen = false;
	for (size_t i = 0; i < n; i++)
		add(t, &all[i]);
	for (size_t i = 0; i < t->n;) {
		struct listener *k = &t->items[i];
		if (!k->seen) {
			batch_gone(b, k->entity);
			t->items[i] = t->items[--t->n];
			continue;
		}
		if (k->entity == ENTITY_NONE || !graph_exists(b->graph, k->entity))
			make_entity(t, k, b);
		listener_write(k, ticks_per_s, cgroups, b);
		i++;
	}
}
