/* SPDX-License-Identifier: Apache-2.0 */
/* tcp.c - TCP of all network namespaces: loss by peer, connections that fail, accept queues that overflow.
 *
 * Bounds: TCP_MAX_FLOWS sockets are followed, TCP_MAX_PEERS peers kept in the kernel; see tcp_links.h and
 * tcp_listeners.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "bpf/tcp.h"
#include "bpf/tcp.skel.h"
#include "collectors/collector.h"
#include "collectors/kernel_cgroup.h"
#include "collectors/kernel_half.h"
#include "collectors/self.h"
#include "collectors/tcp_links.h"
#include "collectors/tcp_listeners.h"
#include "collectors/tcp_metric.h"

#define CHUNK         256
#define MAX_LISTENERS 1024 /* sockets read in a round, before those that share an address are put together */

static const struct metric_field failed_fields[] = {
	{ "errno_name", 1, UNIT_NONE, "ECONNREFUSED, ETIMEDOUT, ...; ECANCELED: the program gave up without an answer;"
	  " EADDRNOTAVAIL: no local port was left" },
	{ "comm", 1, UNIT_NONE, "who tried" },
	{ "pid", 0, UNIT_NONE, "who tried" },
	{ "cgroup", 1, UNIT_NONE, "path of its cgroup" },
	{ "peer", 1, UNIT_NONE, "address" },
	{ "port", 0, UNIT_NONE, "port of the peer" },
	{ "tried", 0, UNIT_NS, "how long it tried" },
	{ NULL, 0, UNIT_NONE, NULL },
};

static const struct metric_desc metrics[TCP_N_METRICS] = {
	[TCP_LINK_RETRANSMITS] = { "link.tcp.retransmits", METRIC_COUNTER, UNIT_NONE, ENTITY_LINK,
				   "segments sent again to this peer", NULL, NULL },
	[TCP_LINK_SEGMENTS] = { "link.tcp.segments_out", METRIC_COUNTER, UNIT_NONE, ENTITY_LINK,
				"segments with data sent to this peer, those sent again included", NULL, NULL },
	[TCP_LINK_RATIO] = { "link.tcp.retransmit_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_LINK,
		"share of the segments to this peer that were sent again, over the last 20 segments or more; "
			     "absent when fewer were sent in 10 s",
			     NULL, NULL },
	[TCP_LINK_RTT] = { "link.tcp.rtt", METRIC_GAUGE, UNIT_NS, ENTITY_LINK,
		"mean of the smoothed round trips of its flows",
			   NULL, NULL },
	[TCP_LINK_HEARD] = { "link.tcp.flows_heard", METRIC_GAUGE, UNIT_NONE, ENTITY_LINK,
			     "connections on which something came from this peer in the last second", NULL, NULL },
	[TCP_LINK_CLOSED_WINDOWS] = { "link.tcp.closed_windows", METRIC_GAUGE, UNIT_NONE, ENTITY_LINK,
		"connections with data to send for which this peer has had no room for four seconds", NULL, NULL },
	[TCP_LINK_STUCK_LONG] = { "link.tcp.stuck_long", METRIC_GAUGE, UNIT_NONE, ENTITY_LINK,
		"connections whose oldest segment was sent four times or more and has 1000 bytes or more", NULL, NULL },
	[TCP_LINK_STUCK_SHORT] = { "link.tcp.stuck_short", METRIC_GAUGE, UNIT_NONE, ENTITY_LINK,
		"connections whose oldest segment was sent four times or more and has fewer than 1000 bytes", NULL, NULL },
	[TCP_LINK_STUCK_BYTES] = { "link.tcp.stuck_bytes", METRIC_GAUGE, UNIT_BYTES, ENTITY_LINK,
				   "length of the longest of these segments; absent without one", NULL, NULL },
	[TCP_LINK_RESETS_RECEIVED] = { "link.tcp.resets_received", METRIC_COUNTER, UNIT_NONE, ENTITY_LINK,
				       "connections that this peer reset or refused", NULL, NULL },
	[TCP_LINK_RESETS_SENT] = { "link.tcp.resets_sent", METRIC_COUNTER, UNIT_NONE, ENTITY_LINK,
				   "connections with this peer that were reset here", NULL, NULL },
	[TCP_LINK_CONNECT_FAILED] = { "link.tcp.connect_failed", METRIC_EVENT, UNIT_NONE, ENTITY_LINK,
		"a connection to this port of a peer did not come about; code: errno", failed_fields, NULL },
	[TCP_NODE_RATIO] = { "node.tcp.retransmit_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_NODE,
		"share of the segments to all peers that were sent again, over the last 20 segments or more", NULL,
			     NULL },
	[TCP_NODE_LOSSY_PEERS] = { "node.tcp.lossy_peers", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
		"peers off loopback to which more than 0.5 % of the segments were sent again within 30 s", NULL, NULL },
	[TCP_NODE_ACTIVE_PEERS] = { "node.tcp.active_peers", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
				    "peers off loopback with traffic within 30 s", NULL, NULL },
	[TCP_NODE_MISSED] = { "node.tcp.missed", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
		"sockets not followed, failures and listeners not told, because there were too many", NULL, NULL },
	[TCP_SOCKET_QUEUE] = { "socket.tcp.accept_queue", METRIC_GAUGE, UNIT_NONE, ENTITY_SOCKET,
			       "connections that wait to be accepted", NULL, NULL },
	[TCP_SOCKET_QUEUE_LIMIT] = { "socket.tcp.accept_queue_limit", METRIC_GAUGE, UNIT_NONE, ENTITY_SOCKET,
				     "how many may wait", NULL, NULL },
	[TCP_SOCKET_QUEUE_RATIO] = { "socket.tcp.accept_queue_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_SOCKET,
				     "how full the queue is", NULL, NULL },
	[TCP_SOCKET_DROPS] = { "socket.tcp.listen_drops", METRIC_COUNTER, UNIT_NONE, ENTITY_SOCKET,
			       "connections that it dropped, mostly because the queue was full", NULL, NULL },
};

struct tcp {
	struct kernel_half kernel;
	struct tcp_bpf *skel;
	struct bpf_link *each_flow;
	struct kernel_ring ring;
	struct kernel_cgroup cgroups;
	struct tcp_links *links;
	struct tcp_listeners *listeners;
	struct tcp_listener *found; /* MAX_LISTENERS */
	long ticks_per_s;
	mono_ns_t last_now;
	uint64_t segments, retransmits; /* beginning of the node's window */
	uint64_t untold;
	uint64_t drops_before;
	struct batch *out;
	struct tcp_address keys[CHUNK];
	struct tcp_peer values[CHUNK];
};

KERNEL_HALF_WRAP(tcp)

static void tcp_set(void *skel, const struct collect_env *env, void *arg)
{
	struct tcp_bpf *s = skel;

	(void)arg;
	s->rodata->cgroup_v1 = kernel_cgroup_v1(env);
	(void)bpf_map__set_max_entries(s->maps.failures, env->ring_kib * 1024);
}

static const struct kernel_half_ops tcp_kernel_half = {
	.open = tcp_kernel_half_open,
	.destroy = tcp_kernel_half_destroy,
	.set = tcp_set,
};

static void tcp_close(void *state)
{
	struct tcp *t = state;

	if (!t)
		return;
	if (t->each_flow)
		(void)bpf_link__destroy(t->each_flow);
	kernel_ring_close(&t->ring);
	kernel_half_close(&t->kernel);
	kernel_cgroup_close(&t->cgroups);
	tcp_links_free(&t->links);
	tcp_listeners_free(&t->listeners);
	free(t->found);
	free(t);
}

static void tcp_cleanup(struct tcp **t)
{
	tcp_close(*t);
}

static int tcp_take(void *arg, const void *data, size_t size)
{
	struct tcp *t = arg;
	struct tcp_failure f;

	if (size < sizeof(f))
		return 0;
	memcpy(&f, data, sizeof(f));
	if (!tcp_links_failure(t->links, &f, t->ticks_per_s, &t->cgroups, t->out))
		t->untold++;
	return 0;
}

static uint32_t own_netns(const struct collect_env *env)
{
	struct stat ns;

	if (fstatat(env->root_fd, "proc/1/ns/net", &ns, 0) < 0 && fstatat(env->root_fd, "proc/self/ns/net", &ns, 0) < 0)
		return 0;
	return (uint32_t)ns.st_ino;
}

/* Iterators: one for each round, one that runs once now. A refusal of either costs only what it reads. */
static void link_iterators(struct tcp *t)
{
	union bpf_iter_link_info over = { .map = { .map_fd = (uint32_t)bpf_map__fd(t->skel->maps.flows) } };
	struct bpf_link *once = NULL;

	(void)kernel_half_attach_iterator(&t->kernel, t->skel->progs.each_flow, &over, &t->each_flow);
	if (kernel_half_attach_iterator(&t->kernel, t->skel->progs.each_file, NULL, &once) < 0)
		return;
	(void)kernel_half_iterate(once);
	(void)bpf_link__destroy(once);
}

static int tcp_open(const struct collect_env *env, void **ret_state)
{
	AUTO(tcp_cleanup) struct tcp *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->ticks_per_s = env->ticks_per_s;
	t->found = calloc(MAX_LISTENERS, sizeof(*t->found));
	if (!t->found || tcp_links_new(&t->links) < 0 || tcp_listeners_new(own_netns(env), &t->listeners) < 0)
		return -ENOMEM;
	r = kernel_half_open(&t->kernel, &tcp_kernel_half, env, NULL);
	if (r < 0)
		return r;
	t->skel = t->kernel.skel;
	kernel_cgroup_open(&t->cgroups, env, bpf_map__fd(t->skel->maps.cgroup_paths));
	r = kernel_ring_open(&t->ring, bpf_map__fd(t->skel->maps.failures), tcp_take, t);
	if (r < 0)
		return r;
	link_iterators(t);
	*ret_state = TAKE_PTR(t);
	return 0;
}

static void collect_flows(struct tcp *t, struct batch *b)
{
	struct tcp_state *control = &t->skel->bss->control;
	size_t len = 0;

	control->flows = control->flows_new = 0;
	if (kernel_half_iterate_into(t->each_flow, t->found, MAX_LISTENERS * sizeof(*t->found), &len) < 0)
		return;
	tcp_listeners_put(t->listeners, t->found, len / sizeof(*t->found), t->ticks_per_s, &t->cgroups, b);
}

static void collect_peers(struct tcp *t, mono_ns_t now, struct batch *b)
{
	int fd = bpf_map__fd(t->skel->maps.peers);
	uint32_t cursor = 0, n;
	void *in = NULL;
	bool more = true;

	tcp_links_begin(t->links, now, t->skel->bss->control.tick);
	for (unsigned rounds = 0; more && rounds < TCP_MAX_PEERS; rounds++) {
		n = CHUNK;
		int r = bpf_map_lookup_batch(fd, in, &cursor, t->keys, t->values, &n, NULL);
		if (r < 0 && errno != ENOENT)
			break;
		more = r == 0;
		in = &cursor;
		for (uint32_t i = 0; i < n; i++)
			tcp_links_put(t->links, &t->keys[i], &t->values[i], b);
	}
	tcp_links_end(t->links, b);
}

static void write_node(struct tcp *t, struct batch *b)
{
	const struct tcp_state *c = &t->skel->bss->control;
	uint64_t segments = c->segments - t->segments, again = c->retransmits - t->retransmits;
	entity_id node = graph_node(b->graph);

	if (segments >= 20) {
		batch_sample(b, TCP_NODE_RATIO, node, MIN_OF((double)again / (double)segments, 1.0));
		t->segments = c->segments;
		t->retransmits = c->retransmits;
	}
	batch_sample(b, TCP_NODE_MISSED, node,
		     (double)(c->untracked + c->missed_rate + c->missed_ring + t->untold +
			      tcp_listeners_refused(t->listeners)));
	self_counters()->bpf_drops += c->missed_ring - t->drops_before;
	t->drops_before = c->missed_ring;
}

static int tcp_collect(void *state, mono_ns_t now, struct batch *b)
{
	struct tcp *t = state;

	if (t->last_now && now <= t->last_now)
		return 0;
	t->last_now = now;
	kernel_cgroup_refresh(&t->cgroups, now, b);
	t->skel->bss->control.tick++;
	if (t->each_flow)
		collect_flows(t, b);
	collect_peers(t, now, b);
	write_node(t, b);
	return 0;
}

static int tcp_event_fd(void *state)
{
	return kernel_ring_fd(&((struct tcp *)state)->ring);
}

static int tcp_drain(void *state, unsigned max, struct batch *b)
{
	struct tcp *t = state;

	t->out = b;
	return kernel_ring_drain(&t->ring, max);
}

static void tcp_hooks(void *state, void (*say)(void *arg, const char *hook, int error, const char *reason), void *arg)
{
	kernel_half_say(&((struct tcp *)state)->kernel, say, arg);
}

const struct collector collector_tcp = {
	.name = "tcp",
	.help = "TCP loss by peer, failed connections and accept queues of all network namespaces, by BPF",
	.metrics = metrics,
	.n_metrics = TCP_N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.caps = 1ULL << 39 | 1ULL << 38 | 1ULL << 12, /* CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN */
	.probe = kernel_half_probe,
	.open = tcp_open,
	.collect = tcp_collect,
	.event_fd = tcp_event_fd,
	.drain = tcp_drain,
	.hooks = tcp_hooks,
	.close = tcp_close,
};
