// SPDX-License-Identifier: Apache-2.0
/* Names that do not resolve. Who asks a name server keeps a UDP socket that is connected to its port 53 until the answer
 * is there. Such sockets of the agent's network namespace (the host's, as it is deployed) are looked at once a second.
 * One that is still there in the next second waits for an answer; one that is there after LOST_NS was not answered (5 s
 * is what programs wait).
 *
 * A socket is judged once. So a program that keeps its socket between its questions is told once and no more.
 * Bounds: MAX_WAITING sockets and MAX_SERVERS servers are followed; more are not. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#include "collectors/collector.h"
#include "collectors/tcp_links.h"

#define MAX_WAITING 512
#define MAX_SERVERS 16
#define TABLE_BYTES (1024 * 1024)
#define LATE_NS     (NS_PER_S * 9 / 10) /* two looks a second apart, and a tick may come early */
#define LOST_NS     (NS_PER_S * 9 / 2)
#define IDLE_NS     (600 * NS_PER_S)
#define DNS_PORT    53
#define CONNECTED   1

enum { WAITING, LATE, LOST, N_METRICS };

static const struct metric_desc metrics[N_METRICS] = {
	[WAITING] = { "link.dns.waiting", METRIC_GAUGE, UNIT_NONE, ENTITY_LINK,
		      "sockets that have asked this name server and wait", NULL, NULL },
	[LATE] = { "link.dns.late", METRIC_COUNTER, UNIT_NONE, ENTITY_LINK,
		   "sockets that had no answer of this name server after a second", NULL, NULL },
	[LOST] = { "link.dns.unanswered", METRIC_COUNTER, UNIT_NONE, ENTITY_LINK,
		   "sockets that had no answer of this name server after 4.5 seconds", NULL, NULL },
};

struct server {
	struct tcp_address address;
	entity_id entity; /* ENTITY_NONE: free */
	mono_ns_t last_ns;
	uint64_t waiting, late, lost;
};

struct waiting {
	uint64_t inode;
	mono_ns_t since_ns;
	size_t server;
	bool seen, late, lost;
};

struct dns {
	int root_fd;
	size_t n_waiting;
	struct waiting waiting[MAX_WAITING];
	struct server servers[MAX_SERVERS];
	char text[TABLE_BYTES];
};

static int dns_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	if (faccessat(env->root_fd, "proc/net/udp", R_OK, 0) == 0)
		return 0;
	int r = -errno;
	snprintf(ret_reason, size, "/proc/net/udp cannot be read (%s): is /proc mounted?",
		 strerror(-r));
	return r;
}

static int dns_open(const struct collect_env *env, void **ret_state)
{
	struct dns *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->root_fd = env->root_fd;
	for (size_t i = 0; i < MAX_SERVERS; i++)
		d->servers[i].entity = ENTITY_NONE;
	*ret_state = d;
	return 0;
}

static void dns_close(void *state)
{
	free(state);
}

/* "0200000A:0035": words of 8 digits in the machine's byte order, one or four of them. */
static bool parse_server(const char *text, struct tcp_address *ret_address)
{
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) / 8 : 0;
	uint32_t words[4];
	unsigned port;

	if ((n != 1 && n != 4) || (size_t)(colon - text) != n * 8 || sscanf(colon, ":%4X", &port) != 1 || port != DNS_PORT)
		return false;
	for (size_t i = 0; i < n; i++)
		if (sscanf(text + i * 8, "%8" SCNx32, &words[i]) != 1)
			return false;
	memset(ret_address, 0, sizeof(*ret_address));
	if (n == 4) {
		memcpy(ret_address->byte, words, sizeof(words));
		return true;
	}
	ret_address->byte[10] = ret_address->byte[11] = 0xff;
	memcpy(ret_address->byte + 12, words, 4);
	return true;
}

/* MAX_SERVERS: none is free. */
static size_t server_of(struct dns *d, const struct tcp_address *address, mono_ns_t now, struct batch *b)
{
	char key[TCP_LINKS_TEXT_MAX], ip[TCP_LINKS_TEXT_MAX];
	size_t free_one = MAX_SERVERS;

	for (size_t i = 0; i < MAX_SERVERS; i++) {
		if (d->servers[i].entity == ENTITY_NONE)
			free_one = i;
		else if (memcmp(&d->servers[i].address, address, sizeof(*address)) == 0)
			return i;
	}
	if (free_one == MAX_SERVERS)
		return MAX_SERVERS;
	tcp_address_format(address, ip);
	tcp_address_format_port(address, DNS_PORT, key);
	entity_id id = batch_entity(b, ENTITY_LINK, key);
	if (id == ENTITY_NONE)
		return MAX_SERVERS;
	if (!graph_attr(b->graph, id, "peer")) {
		batch_attr(b, id, "peer", ip);
		batch_attr_u64(b, id, "port", DNS_PORT);
		batch_link(b, EDGE_IN, id, graph_node(b->graph));
	}
	d->servers[free_one] = (struct server){ .address = *address, .entity = id, .last_ns = now };
	return free_one;
}

static struct waiting *waiting_of(struct dns *d, uint64_t inode)
{
	for (size_t i = 0; i < d->n_waiting; i++)
		if (d->waiting[i].inode == inode)
			return &d->waiting[i];
	return NULL;
}

/* "  12: 0100007F:A001 0200000A:0035 01 00000000:00000000 00:00000000 00000000  1000  0 99887 2 ..." */
static void take_line(struct dns *d, const char *line, mono_ns_t now, struct batch *b)
{
	struct tcp_address address;
	uint64_t inode;
	unsigned state;
	char remote[40];

	if (sscanf(line, " %*u: %*s %39s %x %*s %*s %*s %*u %*u %" SCNu64, remote, &state, &inode) != 3 ||
	    state != CONNECTED || inode == 0 || !parse_server(remote, &address))
		return;
	struct waiting *w = waiting_of(d, inode);
	if (!w) {
		size_t server = d->n_waiting < MAX_WAITING ? server_of(d, &address, now, b) : MAX_SERVERS;
		if (server == MAX_SERVERS)
			return;
		w = &d->waiting[d->n_waiting++];
		*w = (struct waiting){ .inode = inode, .since_ns = now, .server = server };
	}
	struct server *s = &d->servers[w->server];
	w->seen = true;
	s->last_ns = now;
	if (!w->late && mono_since(w->since_ns, now) >= LATE_NS) {
		w->late = true;
		s->late++;
	}
	if (!w->lost && mono_since(w->since_ns, now) >= LOST_NS) {
		w->lost = true;
		s->lost++;
	}
	s->waiting += !w->lost;
}

static int take_table(struct dns *d, const char *path, mono_ns_t now, struct batch *b)
{
	AUTO_CLOSE int fd = openat(d->root_fd, path, O_RDONLY | O_CLOEXEC);
	char *save = NULL;
	size_t len;

	if (fd < 0)
		return -errno;
	int r = file_reread(fd, d->text, sizeof(d->text), &len);
	if (r < 0 && r != -EFBIG)
		return r;
	for (char *line = strtok_r(d->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		take_line(d, line, now, b);
	return 0;
}

static void write_servers(struct dns *d, mono_ns_t now, struct batch *b)
{
	for (size_t i = 0; i < MAX_SERVERS; i++) {
		struct server *s = &d->servers[i];
		if (s->entity == ENTITY_NONE)
			continue;
		if (mono_since(s->last_ns, now) > IDLE_NS) {
			batch_gone(b, s->entity);
			s->entity = ENTITY_NONE;
			continue;
		}
		batch_sample(b, WAITING, s->entity, (double)s->waiting);
		batch_sample(b, LATE, s->entity, (double)s->late);
		batch_sample(b, LOST, s->entity, (double)s->lost);
	}
}

static int dns_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct dns *d = state;

	for (size_t i = 0; i < d->n_waiting; i++)
		d->waiting[i].seen = false;
	for (size_t i = 0; i < MAX_SERVERS; i++)
		d->servers[i].waiting = 0;
	int r = take_table(d, "proc/net/udp", now, out);
	if (r < 0)
		return r;
	(void)take_table(d, "proc/net/udp6", now, out); /* a kernel without IPv6 has none */
	for (size_t i = 0; i < d->n_waiting;) {
		if (d->waiting[i].seen)
			i++;
		else
			d->waiting[i] = d->waiting[--d->n_waiting];
	}
	write_servers(d, now, out);
	return 0;
}

const struct collector collector_dns = {
	.name = "dns",
	.help = "Questions to name servers that are not answered in time, of the network namespace that the agent is in",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.probe = dns_probe,
	.open = dns_open,
	.collect = dns_collect,
	.close = dns_close,
};
