// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

#include "tests/collectors/harness.h"

extern const struct collector collector_topology;

/* A device at `place` below sys/devices, linked from the bus. */
static void make_device(const char *folder, const char *place, const char *class, const char *vendor, const char *numa)
{
	const char *address = strrchr(place, '/') + 1;
	char path[256], to[256];
	const struct {
		const char *file, *text;
	} files[] = { { "class", class }, { "vendor", vendor }, { "numa_node", numa } };
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "sys/devices/%s/%s", place, files[i].file);
		harness_write(folder, path, files[i].text);
	}
	harness_write(folder, "sys/bus/pci/devices/.keep", "");
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", folder, address);
	snprintf(to, sizeof(to), "../../../devices/%s", place);
	assert_ok(symlink(to, path));
}

static void make_nic(const char *folder, const char *name, const char *place)
{
	char path[256], to[256];
	harness_write(folder, "sys/class/net/.keep", "");
	snprintf(path, sizeof(path), "sys/devices/%s/net/%s/mtu", place, name);
	harness_write(folder, path, "1500\n");
	snprintf(path, sizeof(path), "%s/sys/class/net/%s", folder, name);
	snprintf(to, sizeof(to), "../../devices/%s/net/%s", place, name);
	assert_ok(symlink(to, path));
}

static bool near(struct harness *h, enum entity_kind kind, const char *key, enum entity_kind other,
		 const char *other_key)
{
	entity_id found[16], from = graph_find(h->graph, kind, key), to = graph_find(h->graph, other, other_key);
	size_t n = from == ENTITY_NONE ? 0 : graph_neighbours(h->graph, from, false, other, found, 16);
	for (size_t i = 0; to != ENTITY_NONE && i < n && i < 16; i++)
		if (found[i] == to)
			return true;
	return false;
}

/* Half an H100 machine: two PCIe switches, each with a GPU and a card, one on each node of memory; Ethernet elsewhere.
 */
static void test_switches_and_numa(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	make_device(folder, "pci0000:15/0000:15:01.0/0000:16:00.0/0000:17:00.0/0000:18:00.0", "0x020700\n", "0x15b3\n",
		    "0\n");
	make_device(folder, "pci0000:15/0000:15:01.0/0000:16:00.0/0000:17:01.0/0000:19:00.0", "0x030200\n", "0x10de\n",
		    "0\n");
	make_device(folder, "pci0000:97/0000:97:01.0/0000:98:00.0/0000:99:00.0/0000:9a:00.0", "0x020700\n", "0x15b3\n",
		    "1\n");
	make_device(folder, "pci0000:97/0000:97:01.0/0000:98:00.0/0000:99:01.0/0000:9b:00.0", "0x030200\n", "0x10de\n",
		    "1\n");
	make_device(folder, "pci0000:15/0000:15:05.0/0000:37:00.0", "0x020000\n", "0x8086\n", "0\n");
	make_device(folder, "pci0000:00/0000:00:1c.0/0000:03:00.0", "0x030000\n", "0x1a03\n",
		    "0\n"); /* the board's own screen */
	make_device(folder, "pci0000:a0/0000:a0:01.0/0000:a1:00.0", "0x120000\n", "0x1002\n", "-1\n");
	make_nic(folder, "ib0", "pci0000:15/0000:15:01.0/0000:16:00.0/0000:17:00.0/0000:18:00.0");
	make_nic(folder, "ib1", "pci0000:97/0000:97:01.0/0000:98:00.0/0000:99:00.0/0000:9a:00.0");
	make_nic(folder, "eth0", "pci0000:15/0000:15:05.0/0000:37:00.0");
	make_nic(folder, "docker0", "virtual");
	struct harness *h = harness_open(&collector_topology, folder);
	static const char *const nics[] = { "ib0", "ib1", "eth0", "docker0" };
	for (size_t i = 0; i < ARRAY_LEN(nics); i++)
		batch_entity(h->batch, ENTITY_NIC, nics[i]);
	assert_ok(harness_probe(h));
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(near(h, ENTITY_GPU, "0000:19:00.0", ENTITY_NIC, "ib0"));
	assert_true(near(h, ENTITY_GPU, "0000:9b:00.0", ENTITY_NIC, "ib1"));
	assert_false(near(h, ENTITY_GPU, "0000:19:00.0", ENTITY_NIC, "ib1"));
	assert_false(near(h, ENTITY_GPU, "0000:19:00.0", ENTITY_NIC, "eth0")); /* the same bridge, another port */
	assert_true(near(h, ENTITY_GPU, "0000:19:00.0", ENTITY_NUMA, "0"));
	assert_true(near(h, ENTITY_GPU, "0000:9b:00.0", ENTITY_NUMA, "1"));
	assert_true(near(h, ENTITY_NIC, "ib1", ENTITY_NUMA, "1"));
	assert_true(near(h, ENTITY_NIC, "eth0", ENTITY_NUMA, "0"));
	assert_int_equal(graph_find(h->graph, ENTITY_GPU, "0000:03:00.0"), ENTITY_NONE);
	entity_id amd = graph_find(h->graph, ENTITY_GPU, "0000:a1:00.0");
	assert_string_equal(graph_attr(h->graph, amd, "vendor"), "amd");
	assert_int_equal(graph_neighbours(h->graph, amd, false, ENTITY_NUMA, NULL, 0), 0); /* not known is not node 0 */
	assert_true(harness_node(h, "node.pci.gpus") == 3);
	harness_close(&h);
	harness_remove(folder);
}

/* A virtual machine: everything on the root bus, a card behind virtio. */
static void test_flat_bus(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	make_device(folder, "pci0000:00/0000:00:1e.0", "0x030200\n", "0x10de\n", "-1\n");
	make_device(folder, "pci0000:00/0000:00:03.0", "0x020000\n", "0x1af4\n", "-1\n");
	make_nic(folder, "eth0", "pci0000:00/0000:00:03.0/virtio1");
	struct harness *h = harness_open(&collector_topology, folder);
	batch_entity(h->batch, ENTITY_NIC, "eth0");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_int_not_equal(graph_find(h->graph, ENTITY_GPU, "0000:00:1e.0"), ENTITY_NONE);
	assert_false(near(h, ENTITY_GPU, "0000:00:1e.0", ENTITY_NIC, "eth0"));
	harness_close(&h);
	harness_remove(folder);
}

/* An Azure VM: each device on a bus of a domain of its own, with five digits or four. */
static void test_domains(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	make_device(folder, "LNXSYSTM:00/VMBUS:01/47505500-0001/pci0001:00/0001:00:00.0", "0x030200\n", "0x10de\n",
		    "0\n");
	make_device(folder, "LNXSYSTM:00/pci10000:e0/10000:e0:06.0/10000:e1:00.0", "0x030200\n", "0x10de\n", "0\n");
	struct harness *h = harness_open(&collector_topology, folder);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(near(h, ENTITY_GPU, "0001:00:00.0", ENTITY_NUMA, "0"));
	assert_true(near(h, ENTITY_GPU, "10000:e1:00.0", ENTITY_NUMA, "0"));
	harness_close(&h);
	harness_remove(folder);
}

static void test_real_and_none(void **unused)
{
	(void)unused;
	char folder[64];
	struct harness *h = harness_open(&collector_topology, NULL);
	assert_ok(harness_collect(h, NS_PER_S));
	harness_close(&h);
	harness_folder(folder, sizeof(folder));
	h = harness_open(&collector_topology, folder);
	assert_err(harness_probe(h), ENODEV);
	assert_ok(harness_collect(h, NS_PER_S));
	harness_close(&h);
	harness_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_switches_and_numa),
		cmocka_unit_test(test_flat_bus),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_real_and_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
