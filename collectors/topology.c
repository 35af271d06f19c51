// SPDX-License-Identifier: Apache-2.0
/* Which GPU is near which network card and which memory: gpu NEAR nic behind the same PCIe root port, gpu and nic NEAR
 * numa. From the device tree of /sys, at the start and every minute.
 *
 * In most virtual machines every device hangs on the root bus itself, and no node of memory is told: then nothing is
 * near anything, which is what is known.
 *
 * Bounds: MAX_DEVICES devices of the bus are looked at, MAX_THINGS GPUs and as many cards are kept. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include "collectors/collector.h"

#define AGAIN_NS    (60 * NS_PER_S)
#define MAX_DEVICES 4096
#define MAX_THINGS  64
#define ADDRESS_MAX 16 /* "0000:5e:00.0", a domain may have more digits */
#define LINK_BYTES   512

enum { GPUS, N_METRICS };

static const struct metric_desc metrics[N_METRICS] = {
	[GPUS] = { "node.pci.gpus", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
		   "GPUs of NVIDIA and AMD that are on the PCI bus, whether or not a driver has them", NULL, NULL },
};

struct thing {
	char address[ADDRESS_MAX], port[ADDRESS_MAX]; /* port: the root port above it, "" none */
	entity_id entity;
};

struct topology {
	int root_fd;
	mono_ns_t due;
	struct thing gpus[MAX_THINGS], nics[MAX_THINGS];
	size_t n_gpus, n_nics;
};

static int topology_open(const struct collect_env *env, void **ret_state)
{
	struct topology *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->root_fd = env->root_fd;
	*ret_state = t;
	return 0;
}

static int topology_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	if (faccessat(env->root_fd, "sys/bus/pci/devices", F_OK, 0) == 0)
		return 0;
	(void)snprintf(ret_reason, size, "there is no PCI bus below /sys");
	return -ENODEV;
}

static DIR *open_folder(int root_fd, const char *path)
{
	int fd;

	if (file_open_dir_at(root_fd, path, &fd) < 0)
		return NULL;
	DIR *dir = fdopendir(fd);
	if (!dir)
		(void)close(fd);
	return dir;
}

/* ---- the device tree ---- */

/* "0000:5e:00.0" */
static bool is_address(const char *text, size_t n)
{
	size_t colons = 0, dots = 0;

	for (size_t i = 0; i < n; i++) {
		colons += text[i] == ':';
		dots += text[i] == '.';
		if (!strchr("0123456789abcdef:.", text[i]) || !text[i])
			return false;
	}
	return n >= strlen("0000:00:00.0") && n < ADDRESS_MAX && colons == 2 && dots == 1;
}

/* "../../../devices/pci0000:5d/0000:5d:00.0/0000:5e:00.0/net/eth0": the last address is the device, the first one, if
 * it is another, its root port. False: it is no PCI device. */
static bool place(const char *path, struct thing *ret_thing)
{
	*ret_thing = (struct thing){ 0 };
	while (*path) {
		size_t n = strcspn(path, "/");
		if (is_address(path, n)) {
			char *to = ret_thing->port[0] ? ret_thing->address : ret_thing->port;
			memcpy(to, path, n);
			to[n] = '\0';
		}
		path += n + (path[n] == '/');
	}
	if (!ret_thing->address[0]) { /* on the root bus itself */
		memcpy(ret_thing->address, ret_thing->port, sizeof(ret_thing->address));
		ret_thing->port[0] = '\0';
	}
	return ret_thing->address[0];
}

static bool place_of_link(const struct topology *t, const char *path, struct thing *ret_thing)
{
	char link[LINK_BYTES];
	ssize_t n = readlinkat(t->root_fd, path, link, sizeof(link) - 1);

	if (n <= 0)
		return false;
	link[n] = '\0';
	return place(link, ret_thing);
}

static bool read_hex(const struct topology *t, const char *address, const char *file, unsigned long *ret_value)
{
	char path[96], text[32];

	(void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", address, file);
	if (file_read_at(t->root_fd, path, text, sizeof(text), NULL) < 0)
		return false;
	*ret_value = strtoul(text, NULL, 16);
	return true;
}

static void put_numa(const struct topology *t, const struct thing *thing, struct batch *out)
{
	char path[96], text[16];
	uint64_t node;

	(void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/numa_node", thing->address);
	if (file_read_at(t->root_fd, path, text, sizeof(text), NULL) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (text_parse_u64(text, &node) == 0) /* "-1": not known */
		batch_link(out, EDGE_NEAR, thing->entity, batch_entity(out, ENTITY_NUMA, text));
}

/* ---- what is there ---- */

static const char *gpu_vendor(const struct topology *t, const char *address)
{
	unsigned long class, vendor;

	if (!read_hex(t, address, "class", &class) || !read_hex(t, address, "vendor", &vendor))
		return NULL;
	class >>= 8;
	if (vendor == 0x10de && (class == 0x0300 || class == 0x0302))
		return "nvidia";
	if (vendor == 0x1002 && (class == 0x0300 || class == 0x0302 || class == 0x0380 || class == 0x1200))
		return "amd";
	return NULL;
}

static void find_gpus(struct topology *t, struct batch *out)
{
	AUTO_CLOSEDIR DIR *dir = open_folder(t->root_fd, "sys/bus/pci/devices");
	unsigned n = 0;

	t->n_gpus = 0;
	for (struct dirent *e = dir ? readdir(dir) : NULL; e && n < MAX_DEVICES; e = readdir(dir), n++) {
		char path[300];
		struct thing *g = &t->gpus[t->n_gpus];
		const char *vendor = is_address(e->d_name, strlen(e->d_name)) ? gpu_vendor(t, e->d_name) : NULL;
		(void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s", e->d_name);
		if (!vendor || t->n_gpus == MAX_THINGS || !place_of_link(t, path, g))
			continue;
		g->entity = batch_entity(out, ENTITY_GPU, g->address);
		batch_attr(out, g->entity, "vendor", vendor);
		put_numa(t, g, out);
		t->n_gpus++;
	}
}

static void find_nics(struct topology *t, struct batch *out)
{
	AUTO_CLOSEDIR DIR *dir = open_folder(t->root_fd, "sys/class/net");
	unsigned n = 0;

	t->n_nics = 0;
	for (struct dirent *e = dir ? readdir(dir) : NULL; e && n < MAX_DEVICES; e = readdir(dir), n++) {
		char path[300];
		struct thing *c = &t->nics[t->n_nics];
		(void)snprintf(path, sizeof(path), "sys/class/net/%s", e->d_name);
		if (e->d_name[0] == '.' || t->n_nics == MAX_THINGS || !place_of_link(t, path, c))
			continue;
		c->entity = graph_find(out->graph, ENTITY_NIC, e->d_name);
		if (c->entity == ENTITY_NONE || graph_is_gone(out->graph, c->entity, NULL))
			continue; /* the collector netdev says which cards there are */
		put_numa(t, c, out);
		t->n_nics++;
	}
}

static int topology_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct topology *t = state;

	if (now >= t->due) {
		find_gpus(t, out);
		find_nics(t, out);
		for (size_t g = 0; g < t->n_gpus; g++)
			for (size_t c = 0; c < t->n_nics; c++)
				if (t->gpus[g].port[0] && strcmp(t->gpus[g].port, t->nics[c].port) == 0)
					batch_link(out, EDGE_NEAR, t->gpus[g].entity, t->nics[c].entity);
		t->due = now + AGAIN_NS;
	}
	batch_sample(out, GPUS, graph_node(out->graph), (double)t->n_gpus);
	return 0;
}

const struct collector collector_topology = {
	.name = "topology",
	.help = "Which GPU is near which network card and which NUMA node",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 5000,
	.probe = topology_probe,
	.open = topology_open,
	.collect = topology_collect,
	.close = free,
};
