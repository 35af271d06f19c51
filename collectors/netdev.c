// SPDX-License-Identifier: Apache-2.0
/* Network interfaces, the receive path of each CPU, and TCP of the agent's network namespace. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#include "collectors/collector.h"
#include "collectors/fields.h"

#define MAX_NICS   256
#define NAME_BYTES 16 /* IFNAMSIZ */
#define TEXT_BYTES (128 * 1024)
#define MAX_CPUS   1024

enum {
	RX_BYTES,
	RX_PACKETS,
	RX_ERRORS,
	RX_DROPPED,
	TX_BYTES,
	TX_PACKETS,
	TX_ERRORS,
	TX_DROPPED,
	CARRIER_CHANGES,
	LINK,
	SPEED,
	SOFTNET_DROPPED,
	SOFTNET_SQUEEZED,
	CPU_SOFTNET_DROPPED,
	SEGMENTS_OUT,
	RETRANSMITS,
	RESETS_OUT,
	ATTEMPT_FAILS,
	LISTEN_OVERFLOWS,
	LISTEN_DROPS,
	SYN_RETRANSMITS,
	TIMEOUTS,
	N_METRICS,
};

#define NIC(name, unit, help)  { name, METRIC_COUNTER, unit, ENTITY_NIC, help, NULL, NULL }
#define NODE(name, help)       { name, METRIC_COUNTER, UNIT_NONE, ENTITY_NODE, help, NULL, NULL }

static const char *const link_states[] = { "down", "up", NULL };

static const struct metric_desc metrics[N_METRICS] = {
	[RX_BYTES] = NIC("nic.rx_bytes", UNIT_BYTES, "Bytes received"),
	[RX_PACKETS] = NIC("nic.rx_packets", UNIT_NONE, "Packets received"),
	[RX_ERRORS] = NIC("nic.rx_errors", UNIT_NONE, "Damaged or malformed packets received"),
	[RX_DROPPED] = NIC("nic.rx_dropped", UNIT_NONE, "Received packets dropped for want of room"),
	[TX_BYTES] = NIC("nic.tx_bytes", UNIT_BYTES, "Bytes sent"),
	[TX_PACKETS] = NIC("nic.tx_packets", UNIT_NONE, "Packets sent"),
	[TX_ERRORS] = NIC("nic.tx_errors", UNIT_NONE, "Packets that could not be sent"),
	[TX_DROPPED] = NIC("nic.tx_dropped", UNIT_NONE, "Packets dropped before they were sent"),
	[CARRIER_CHANGES] = NIC("nic.carrier_changes", UNIT_NONE, "Times the link went up or down"),
	[LINK] = { "nic.link", METRIC_STATE, UNIT_NONE, ENTITY_NIC, "Whether the link is up", NULL, link_states },
	[SPEED] = { "nic.speed_bytes", METRIC_GAUGE, UNIT_BYTES, ENTITY_NIC,
		    "Speed of the link, bytes a second", NULL, NULL },
	[SOFTNET_DROPPED] = NODE("node.net.softnet_dropped", "Packets dropped because a CPU's backlog was full"),
	[SOFTNET_SQUEEZED] = NODE("node.net.softnet_squeezed", "Times a CPU ran out of its share before its packets"),
	[CPU_SOFTNET_DROPPED] = { "cpu.softnet_dropped", METRIC_COUNTER, UNIT_NONE, ENTITY_CPU,
				  "Packets dropped because this CPU's backlog was full", NULL, NULL },
	[SEGMENTS_OUT] = NODE("node.tcp.segments_out", "TCP segments sent, retransmits not counted"),
	[RETRANSMITS] = NODE("node.tcp.retransmits", "TCP segments sent again"),
	[RESETS_OUT] = NODE("node.tcp.resets_out", "TCP resets sent"),
	[ATTEMPT_FAILS] = NODE("node.tcp.attempt_fails", "TCP connections that failed while opening"),
	[LISTEN_OVERFLOWS] = NODE("node.tcp.listen_overflows", "Connections that found an accept queue full"),
	[LISTEN_DROPS] = NODE("node.tcp.listen_drops", "SYNs dropped by listening sockets"),
	[SYN_RETRANSMITS] = NODE("node.tcp.syn_retransmits", "SYNs and SYN-ACKs sent again"),
	[TIMEOUTS] = NODE("node.tcp.timeouts", "TCP retransmission timers that fired"),
};

struct nic {
	char name[NAME_BYTES];
	unsigned last_tick;
	const char *type; /* bridge, tun: its link follows the containers or the program behind it */
	int carrier_changes_fd, operstate_fd, speed_fd;
};

struct netdev {
	int root_fd, dev_fd, softnet_fd, snmp_fd, netstat_fd;
	unsigned tick;
	size_t n_nics;
	struct nic nics[MAX_NICS];
	char text[TEXT_BYTES];
};

static int netdev_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	if (faccessat(env->root_fd, "proc/net/dev", R_OK, 0) == 0)
		return 0;
	int r = -errno;
	snprintf(ret_reason, size, "/proc/net/dev cannot be read (%s): is /proc mounted?", strerror(-r));
	return r;
}

static void nic_close(struct nic *n)
{
	cleanup_close(&n->carrier_changes_fd);
	cleanup_close(&n->operstate_fd);
	cleanup_close(&n->speed_fd);
}

static void netdev_close(void *state)
{
	struct netdev *s = state;
	if (!s)
		return;
	for (size_t i = 0; i < s->n_nics; i++)
		nic_close(&s->nics[i]);
	cleanup_close(&s->dev_fd);
	cleanup_close(&s->softnet_fd);
	cleanup_close(&s->snmp_fd);
	cleanup_close(&s->netstat_fd);
	free(s);
}

static int netdev_open(const struct collect_env *env, void **ret_state)
{
	struct netdev *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->root_fd = env->root_fd;
	s->dev_fd = openat(env->root_fd, "proc/net/dev", O_RDONLY | O_CLOEXEC);
	s->softnet_fd = openat(env->root_fd, "proc/net/softnet_stat", O_RDONLY | O_CLOEXEC);
	s->snmp_fd = openat(env->root_fd, "proc/net/snmp", O_RDONLY | O_CLOEXEC);
	s->netstat_fd = openat(env->root_fd, "proc/net/netstat", O_RDONLY | O_CLOEXEC);
	*ret_state = s;
	return 0;
}

static int open_attribute(int root_fd, const char *nic, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "sys/class/net/%s/%s", nic, name);
	return openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static const char *type_of(int root_fd, const char *nic)
{
	static const struct { const char *file, *type; } marks[] = {
		{ "bridge", "bridge" }, { "tun_flags", "tun" }, { "device", "device" },
	};
	char path[128];
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		snprintf(path, sizeof(path), "sys/class/net/%s/%s", nic, marks[i].file);
		if (faccessat(root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return marks[i].type;
	}
	return "virtual";
}

static struct nic *find_nic(struct netdev *s, const char *name)
{
	for (size_t i = 0; i < s->n_nics; i++)
		if (strcmp(s->nics[i].name, name) == 0)
			return &s->nics[i];
	if (s->n_nics == MAX_NICS)
		return NULL;
	struct nic *n = &s->nics[s->n_nics++];
	snprintf(n->name, sizeof(n->name), "%s", name);
	n->type = type_of(s->root_fd, name);
	n->carrier_changes_fd = open_attribute(s->root_fd, name, "carrier_changes");
	n->operstate_fd = open_attribute(s->root_fd, name, "operstate");
	n->speed_fd = open_attribute(s->root_fd, name, "speed");
	return n;
}

/* An interface that is not "up" may refuse the question (-EINVAL): then it is left out. */
static bool read_attribute(int fd, char *ret_text, size_t size, size_t *ret_len)
{
	return fd >= 0 && file_reread(fd, ret_text, size, ret_len) == 0;
}

static void sample_attributes(const struct nic *n, entity_id nic, struct batch *b)
{
	char text[64];
	size_t len;
	uint64_t value;
	if (read_attribute(n->carrier_changes_fd, text, sizeof(text), &len) && fields_one(text, len, &value))
		batch_sample(b, CARRIER_CHANGES, nic, (double)value);
	if (read_attribute(n->operstate_fd, text, sizeof(text), &len)) {
		if (strncmp(text, "up", 2) == 0)
			batch_sample(b, LINK, nic, 1);
		else if (strstr(text, "down")) /* down, lowerlayerdown; loopback's "unknown" says nothing */
			batch_sample(b, LINK, nic, 0);
	}
	/* Mbit/s; -1 or 2^32-1 mean that the driver does not know. */
	if (read_attribute(n->speed_fd, text, sizeof(text), &len) && fields_one(text, len, &value) && value > 0 &&
	    value < UINT32_MAX)
		batch_sample(b, SPEED, nic, (double)value * 1e6 / 8);
}

static void sample_nic(struct netdev *s, struct fields *line, struct batch *b)
{
	static const struct { unsigned column; uint32_t metric; } columns[] = {
		{ 0, RX_BYTES }, { 1, RX_PACKETS }, { 2, RX_ERRORS },  { 3, RX_DROPPED },
		{ 8, TX_BYTES }, { 9, TX_PACKETS }, { 10, TX_ERRORS }, { 11, TX_DROPPED },
	};
	char name[NAME_BYTES];
	uint64_t v[16];
	size_t name_len = 0;
	while (line->at < line->end && (*line->at == ' ' || *line->at == '\t'))
		line->at++;
	const char *colon = memchr(line->at, ':', (size_t)(line->end - line->at));
	if (!colon)
		return; /* the heading */
	name_len = (size_t)(colon - line->at);
	if (name_len == 0 || name_len >= sizeof(name) || memchr(line->at, '/', name_len))
		return;
	memcpy(name, line->at, name_len);
	name[name_len] = '\0';
	line->at = colon + 1;
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		if (!fields_u64(line, &v[i]))
			return;
	struct nic *n = find_nic(s, name);
	if (!n)
		return;
	n->last_tick = s->tick;
	entity_id nic = batch_entity(b, ENTITY_NIC, name);
	if (!graph_attr(b->graph, nic, "type"))
		batch_attr(b, nic, "type", n->type);
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		batch_sample(b, columns[i].metric, nic, (double)v[columns[i].column]);
	sample_attributes(n, nic, b);
}

static void forget_gone(struct netdev *s, struct batch *b)
{
	for (size_t i = 0; i < s->n_nics;) {
		if (s->nics[i].last_tick == s->tick) {
			i++;
			continue;
		}
		entity_id nic = graph_find(b->graph, ENTITY_NIC, s->nics[i].name);
		if (nic != ENTITY_NONE)
			batch_gone(b, nic);
		nic_close(&s->nics[i]);
		s->nics[i] = s->nics[--s->n_nics];
	}
}

/* One line a CPU, hexadecimal: processed, dropped, squeezed, ...; the 13th word is the CPU's number since 5.10, before
 * that the line's place is all there is (offline CPUs have no line, so that it may be wrong: then no CPU is named). */
static void sample_softnet(const char *text, size_t len, struct batch *b)
{
	struct fields rest = fields_of(text, len), line;
	uint64_t dropped = 0, squeezed = 0;
	size_t n_lines = 0;
	while (fields_line(&rest, &line)) {
		uint64_t v[13];
		size_t n = 0;
		while (n < ARRAY_LEN(v) && fields_hex(&line, &v[n]))
			n++;
		if (n < 3)
			continue;
		n_lines++;
		dropped += v[1];
		squeezed += v[2];
		if (n == 13 && v[12] < MAX_CPUS) {
			char key[16];
			snprintf(key, sizeof(key), "%u", (unsigned)v[12]);
			batch_sample(b, CPU_SOFTNET_DROPPED, batch_entity(b, ENTITY_CPU, key), (double)v[1]);
		}
	}
	if (n_lines == 0)
		return;
	batch_sample(b, SOFTNET_DROPPED, graph_node(b->graph), (double)dropped);
	batch_sample(b, SOFTNET_SQUEEZED, graph_node(b->graph), (double)squeezed);
}

struct wanted {
	const char *name;
	uint32_t metric;
};

/* Pairs of lines: "Tcp: NAME NAME ..." and "Tcp: NUMBER NUMBER ...". */
static void sample_paired(const char *text, size_t len, const char *prefix, const struct wanted *wanted, size_t n_wanted,
			  struct batch *b)
{
	struct fields rest = fields_of(text, len), names, values;
	while (fields_line(&rest, &names)) {
		if (!fields_is(&names, prefix))
			continue;
		if (!fields_line(&rest, &values) || !fields_is(&values, prefix))
			return;
		const char *name, *value;
		size_t name_len, value_len;
		while (fields_word(&names, &name, &name_len) && fields_word(&values, &value, &value_len)) {
			struct fields one = fields_of(value, value_len);
			uint64_t v;
			for (size_t i = 0; i < n_wanted; i++)
				if (strlen(wanted[i].name) == name_len && memcmp(wanted[i].name, name, name_len) == 0 &&
				    fields_u64(&one, &v))
					batch_sample(b, wanted[i].metric, graph_node(b->graph), (double)v);
		}
		return;
	}
}

static const struct wanted snmp_wanted[] = {
	{ "AttemptFails", ATTEMPT_FAILS }, { "OutSegs", SEGMENTS_OUT },
	{ "RetransSegs", RETRANSMITS },    { "OutRsts", RESETS_OUT },
};
static const struct wanted netstat_wanted[] = {
	{ "ListenOverflows", LISTEN_OVERFLOWS }, { "ListenDrops", LISTEN_DROPS },
	{ "TCPTimeouts", TIMEOUTS }, { "TCPSynRetrans", SYN_RETRANSMITS },
};

static bool reread(struct netdev *s, int fd, size_t *ret_len)
{
	if (fd < 0)
		return false;
	int r = file_reread(fd, s->text, sizeof(s->text), ret_len);
	if (r == -EFBIG)
		*ret_len = strlen(s->text);
	return r == 0 || r == -EFBIG;
}

static int netdev_collect(void *state, mono_ns_t now UNUSED, struct batch *out)
{
	struct netdev *s = state;
	size_t len;
	bool any = false;
	if (reread(s, s->dev_fd, &len)) {
		struct fields rest = fields_of(s->text, len), line;
		s->tick++;
		while (fields_line(&rest, &line))
			sample_nic(s, &line, out);
		forget_gone(s, out);
		any = true;
	}
	if (reread(s, s->softnet_fd, &len)) {
		sample_softnet(s->text, len, out);
		any = true;
	}
	if (reread(s, s->snmp_fd, &len)) {
		sample_paired(s->text, len, "Tcp:", snmp_wanted, ARRAY_LEN(snmp_wanted), out);
		any = true;
	}
	if (reread(s, s->netstat_fd, &len)) {
		sample_paired(s->text, len, "TcpExt:", netstat_wanted, ARRAY_LEN(netstat_wanted), out);
		any = true;
	}
	return any ? 0 : -EIO;
}

const struct collector collector_netdev = {
	.name = "netdev",
	.help = "Network interfaces, receive backlog of each CPU, and TCP counters of the agent's network namespace",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.probe = netdev_probe,
	.open = netdev_open,
	.collect = netdev_collect,
	.close = netdev_close,
};
