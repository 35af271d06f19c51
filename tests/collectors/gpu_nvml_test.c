// SPDX-License-Identifier: Apache-2.0
/* On the fake library (tests/gpu/fake_nvml.c). The test program is its own child too: started with `--isolated gpu_nvml` it
 * serves the collector, so that a call can hang in it. */
#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#include "collectors/gpu_metrics.h"
#include "collectors/isolate.h"
#include "collectors/nvml_gpu.h"
#include "collectors/process.h"
#include "collectors/self.h"
#include "tests/collectors/harness.h"
#include "tests/collectors/scene.h"

extern const struct collector collector_gpu_nvml, collector_self;

#define GPU0 "0000:10:00.0"
#define GPU1 "0000:11:00.0"
#define S    NS_PER_S

static char library[512], folder[128], scenario[160];

/* By rename: the library then sees a new file, however fast we write. */
static void write_scenario(const char *text)
{
	char next[200];

	harness_write(folder, "next", text);
	(void)snprintf(next, sizeof(next), "%s/next", folder);
	assert_int_equal(rename(next, scenario), 0);
}

static int set_up(void **state)
{
	ssize_t n = readlink("/proc/self/exe", library, sizeof(library) - 64);

	(void)state;
	assert_true(n > 0);
	library[n] = '\0';
	*strrchr(library, '/') = '\0';
	strcpy(strrchr(library, '/'), "/gpu/libnvidia-ml.so.1");
	(void)harness_folder(folder, sizeof(folder));
	(void)snprintf(scenario, sizeof(scenario), "%s/scenario", folder);
	return setenv("FAKE_NVML", scenario, 1);
}

static int tear_down(void **state)
{
	(void)state;
	harness_remove(folder);
	return 0;
}

static struct harness *open_on(const char *text)
{
	struct harness *h = harness_new(&collector_gpu_nvml, NULL);

	write_scenario(text);
	h->env.nvml_path = library;
	assert_ok(harness_probe(h));
	assert_ok(harness_start(h));
	return h;
}

static double gpu(struct harness *h, const char *metric)
{
	return harness_value(h, metric, ENTITY_GPU, GPU0);
}

static const char *attr(struct harness *h, const char *key, const char *name)
{
	entity_id id = graph_find(h->graph, ENTITY_GPU, key);

	assert_int_not_equal(id, ENTITY_NONE);
	return graph_attr(h->graph, id, name);
}

/* ---- values ---- */

static const char everything[] =
	"0.utilization = 97\n0.memory_busy = 41\n0.memory_used = 61000000000\n0.memory_total = 85000000000\n"
	"0.temperature = 71\n0.temperature_slowdown = 89\n0.temperature_memory = 83\n"
	"0.power = 698500\n0.power_limit = 500000\n0.power_default = 700000\n"
	"0.clock_sm = 1755\n0.clock_sm_max = 1980\n0.clock_application = 1700\n0.clock_memory = 2618\n"
	"0.held_power = 11000\n0.held_hw_thermal = 12000\n0.held_sw_thermal = 13000\n0.held_power_brake = 14000\n"
	"0.ecc = 1\n0.ecc_corrected = 21\n0.ecc_uncorrected = 5\n0.ecc_dram = 3\n0.ecc_sram = 2\n"
	"0.ecc_corrected_lifetime = 121\n0.ecc_uncorrected_lifetime = 15\n0.sram_threshold = 1\n"
	"0.remap_corrected = 4\n0.remap_uncorrected = 6\n0.remap_pending = 1\n0.remap_failed = 1\n"
	"0.pcie_generation = 4\n0.pcie_generation_max = 5\n0.pcie_width = 8\n0.pcie_width_max = 16\n0.pcie_replays = 77\n"
	"0.links = 18\n0.links_up = 17\n0.link_errors = 900\n0.link_kib = 10\n0.fabric_state = 2\n"
	"0.mig = 1\n0.persistence = 0\n0.recovery = 4\n0.serial = 1654922006536\n";

static void every_value_arrives_in_base_units(void **state)
{
	static const struct {
		const char *metric;
		double value;
	} expected[] = {
		{ "gpu.utilization", 0.97 }, { "gpu.memory.busy_ratio", 0.41 }, { "gpu.memory.used", 61e9 },
		{ "gpu.memory.total", 85e9 }, { "gpu.temperature", 71 }, { "gpu.temperature.slowdown", 89 },
		{ "gpu.temperature.memory", 83 }, { "gpu.power.draw", 698.5 }, { "gpu.power.limit", 500 },
		{ "gpu.power.limit_default", 700 }, { "gpu.clock.sm", 1755e6 }, { "gpu.clock.sm_max", 1980e6 },
		{ "gpu.clock.sm_application", 1700e6 }, { "gpu.clock.memory", 2618e6 }, { "gpu.held.power_cap", 11000 },
		{ "gpu.held.hw_thermal", 12000 }, { "gpu.held.sw_thermal", 13000 }, { "gpu.held.power_brake", 14000 },
		{ "gpu.held.application_clocks", 0 }, { "gpu.held.hw_slowdown", 0 }, { "gpu.ecc.mode", 1 },
		{ "gpu.ecc.corrected", 21 }, { "gpu.ecc.uncorrected", 5 }, { "gpu.ecc.uncorrected_dram", 3 },
		{ "gpu.ecc.uncorrected_sram", 2 }, { "gpu.ecc.corrected_lifetime", 121 },
		{ "gpu.ecc.uncorrected_lifetime", 15 }, { "gpu.ecc.sram_threshold_exceeded", 1 },
		{ "gpu.remap.corrected", 4 }, { "gpu.remap.uncorrected", 6 }, { "gpu.remap.pending", 1 },
		{ "gpu.remap.failed", 1 }, { "gpu.pcie.generation", 4 }, { "gpu.pcie.generation_max", 5 },
		{ "gpu.pcie.width", 8 }, { "gpu.pcie.width_max", 16 }, { "gpu.pcie.replays", 77 },
		{ "gpu.nvlink.active", 17 }, { "gpu.nvlink.links", 18 }, { "gpu.nvlink.errors", 900 },
		{ "gpu.nvlink.bytes", 20480 }, { "gpu.fabric.state", GPU_FABRIC_IN_PROGRESS }, { "gpu.mig.mode", 1 },
		{ "gpu.persistence", 0 }, { "gpu.recovery_action", GPU_RECOVERY_DRAIN_AND_RESET }, { "gpu.answers", 1 },
		{ "gpu.processes", 0 },
	};
	struct harness *h = open_on(everything);

	(void)state;
	assert_ok(harness_collect(h, S));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		if (fabs(gpu(h, expected[i].metric) - expected[i].value) > 1e-9 * fabs(expected[i].value))
			fail_msg("%s is %g", expected[i].metric, gpu(h, expected[i].metric));
	assert_string_equal(attr(h, GPU0, "vendor"), "nvidia");
	assert_string_equal(attr(h, GPU0, "uuid"), "GPU-fake-0");
	assert_string_equal(attr(h, GPU0, "name"), "NVIDIA H100 80GB HBM3 (fake)");
	assert_string_equal(attr(h, GPU0, "serial"), "1654922006536");
	assert_string_equal(attr(h, GPU0, "index"), "0");
	assert_string_equal(attr(h, GPU0, "driver"), "550.54.15");
	assert_string_equal(attr(h, GPU0, "simulated"), "yes");
	assert_true(harness_node(h, "node.gpu.count") == 1);
	assert_true(harness_node(h, "node.gpu.driver_state") == GPU_DRIVER_WORKS);
	harness_close(&h);
}

static void what_the_board_lacks_is_unknown_and_not_zero(void **state)
{
	static const char *const all[] = {
		"utilization", "memory_total", "temperature", "temperature_slowdown", "temperature_memory", "power",
		"power_limit", "power_default", "clock_sm", "clock_sm_max", "clock_application", "clock_memory", "reasons",
		"held_power", "held_hw_thermal", "held_sw_thermal", "held_power_brake", "ecc", "ecc_corrected",
		"ecc_uncorrected", "ecc_dram", "ecc_sram", "ecc_corrected_lifetime", "ecc_uncorrected_lifetime",
		"sram_threshold", "remap_corrected", "pcie_generation", "pcie_generation_max", "pcie_width",
		"pcie_width_max",
		"pcie_replays", "pcie_sent", "pcie_received", "links", "fabric_state", "mig", "persistence", "recovery",
	};
	char text[4096];
	size_t n = 0, n_gpu = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "*.%s = none\n", all[i]);
	struct harness *h = open_on(text);
	for (int s = 1; s <= 6; s++) {
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
		for (size_t i = 0; i < h->batch->n_samples; i++) {
			const struct metric_desc *d = metrics_at(h->metrics, h->batch->samples[i].metric);
			if (d->about != ENTITY_GPU)
				continue;
			n_gpu++;
			if (strcmp(d->name, "gpu.answers") != 0 && strcmp(d->name, "gpu.processes") != 0 &&
			    strcmp(d->name, "gpu.memory.foreign") != 0)
				fail_msg("%s was told as %g", d->name, h->batch->samples[i].value);
		}
	}
	assert_true(n_gpu > 6);
	assert_null(attr(h, GPU0, "serial"));
	harness_close(&h);
}

static void an_old_library_leaves_out_what_it_has_no_call_for(void **state)
{
	struct harness *h = open_on("0.error.nvmlDeviceGetRemappedRows = 13\n0.error.nvmlDeviceGetFieldValues = 13\n"
				    "0.power = 123000\n0.link_errors = 8\n");

	(void)state;
	assert_ok(harness_collect(h, S));
	assert_false(harness_has(h, "gpu.remap.pending", ENTITY_GPU, GPU0));
	assert_false(harness_has(h, "gpu.recovery_action", ENTITY_GPU, GPU0));
	assert_false(harness_has(h, "gpu.temperature.memory", ENTITY_GPU, GPU0));
	/* By the older calls. */
	assert_true(gpu(h, "gpu.power.draw") == 123);
	assert_true(gpu(h, "gpu.nvlink.errors") == 8);
	harness_close(&h);
}

static void reasons_are_added_up_where_the_driver_does_not_count(void **state)
{
	struct harness *h = open_on("*.held_hw_thermal = none\n*.held_power = 5000\n0.reasons = 72\n"); /* 0x40 and 0x08 */

	(void)state;
	for (int s = 1; s <= 3; s++)
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
	assert_true(gpu(h, "gpu.held.hw_thermal") == 2e9);
	assert_true(gpu(h, "gpu.held.hw_slowdown") == 2e9);
	assert_true(gpu(h, "gpu.held.power_cap") == 5000);
	/* A long gap is not known to have been like that. */
	assert_ok(harness_collect(h, 60 * S));
	assert_true(gpu(h, "gpu.held.hw_thermal") == 2e9);
	write_scenario("*.held_hw_thermal = none\n*.held_power = none\n0.reasons = 4\n");
	assert_ok(harness_collect(h, 61 * S));
	assert_ok(harness_collect(h, 62 * S));
	assert_true(gpu(h, "gpu.held.hw_thermal") == 2e9);
	/* Once the driver counted it, our own sum would look like a reset. */
	assert_false(harness_has(h, "gpu.held.power_cap", ENTITY_GPU, GPU0));
	harness_close(&h);
}

static void pcie_bytes_become_a_rate_that_a_reset_does_not_spoil(void **state)
{
	struct harness *h = open_on("0.pcie_sent = 1000\n0.pcie_received = 0\n");

	(void)state;
	assert_ok(harness_collect(h, S));
	assert_false(harness_has(h, "gpu.pcie.sent", ENTITY_GPU, GPU0));
	write_scenario("0.pcie_sent = 9000\n0.pcie_received = 600\n");
	assert_ok(harness_collect(h, 3 * S));
	assert_true(gpu(h, "gpu.pcie.sent") == 4000);
	assert_true(gpu(h, "gpu.pcie.received") == 300);
	write_scenario("0.pcie_sent = 10\n0.pcie_received = 900\n");
	assert_ok(harness_collect(h, 4 * S));
	assert_false(harness_has(h, "gpu.pcie.sent", ENTITY_GPU, GPU0));
	harness_close(&h);
}

static void a_recovery_action_of_later_drivers_is_unknown(void **state)
{
	struct harness *h = open_on("0.recovery = 9\n");

	(void)state;
	assert_ok(harness_collect(h, S));
	assert_false(harness_has(h, "gpu.recovery_action", ENTITY_GPU, GPU0));
	harness_close(&h);
}

static void switched_partitioning_is_an_event(void **state)
{
	struct harness *h = open_on("0.mig = 0\n");

	(void)state;
	assert_ok(harness_collect(h, S));
	assert_int_equal(harness_events(h, "gpu.mig.changed"), 0);
	write_scenario("0.mig = 1\n");
	size_t n = 0;
	for (int s = 2; s <= 12; s++) {
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
		n += harness_events(h, "gpu.mig.changed");
	}
	assert_int_equal(n, 1);
	harness_close(&h);
}

static void addresses_are_those_of_the_kernel(void **state)
{
	struct nvml_pci pci = { .bus_id = "0001A2B3:5E:1F.0" };
	char address[NVML_WHAT_MAX];

	(void)state;
	assert_true(nvml_gpu_address(&pci, address));
	assert_string_equal(address, "1a2b3:5e:1f.0");
	memset(pci.bus_id, 'x', sizeof(pci.bus_id)); /* not terminated */
	assert_false(nvml_gpu_address(&pci, address));
	struct harness *h = open_on("0.address = 0000:5e:00.0\n");
	assert_ok(harness_collect(h, S));
	assert_true(harness_has(h, "gpu.utilization", ENTITY_GPU, "0000:5e:00.0"));
	harness_close(&h);
}

/* ---- troubles ---- */

static void a_lost_gpu_is_told_once_and_its_return_too(void **state)
{
	struct harness *h = open_on("driver.count = 2\n");

	(void)state;
	assert_ok(harness_collect(h, S));
	assert_true(harness_node(h, "node.gpu.count") == 2);
	write_scenario("driver.count = 2\n1.state = lost\n");
	assert_ok(harness_collect(h, 2 * S));
	const struct event *e = harness_event(h, "gpu.lost", 0);
	assert_non_null(e);
	assert_string_equal(harness_event_key(h, e), GPU1);
	assert_string_equal(harness_text(h, e, "how"), "driver");
	assert_string_equal(harness_text(h, e, "uuid"), "GPU-fake-1");
	assert_int_equal(e->code, NVML_GPU_LOST);
	assert_true(e->simulated);
	assert_true(harness_value(h, "gpu.answers", ENTITY_GPU, GPU1) == 0);
	assert_true(gpu(h, "gpu.answers") == 1);
	assert_true(harness_node(h, "node.gpu.count") == 1);
	assert_true(harness_node(h, "node.gpu.count_expected") == 2);
	for (int s = 3; s < 60; s++) {
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
		assert_int_equal(harness_events(h, "gpu.lost"), 0);
		assert_false(harness_has(h, "gpu.utilization", ENTITY_GPU, GPU1));
		assert_true(harness_has(h, "gpu.utilization", ENTITY_GPU, GPU0));
	}
	write_scenario("driver.count = 2\n");
	size_t returned = 0;
	for (int s = 60; s < 160; s++) {
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
		returned += harness_events(h, "gpu.returned");
	}
	assert_int_equal(returned, 1);
	assert_true(harness_value(h, "gpu.answers", ENTITY_GPU, GPU1) == 1);
	harness_close(&h);
}

static void a_gpu_that_is_no_longer_listed_is_lost(void **state)
{
	struct harness *h = open_on("driver.count = 2\n");

	(void)state;
	assert_ok(harness_collect(h, S));
	/* The driver is reloaded, and lists one less. */
	write_scenario("driver.count = 1\n0.error.nvmlDeviceGetUtilizationRates = 1\n");
	assert_ok(harness_collect(h, 2 * S));
	assert_int_equal(harness_events(h, "gpu.lost"), 0);
	write_scenario("driver.count = 1\n");
	size_t lost = 0;
	for (int s = 3; s < 40; s++) {
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
		if (harness_events(h, "gpu.lost")) {
			lost++;
			assert_string_equal(harness_text(h, harness_event(h, "gpu.lost", 0), "how"), "count");
			assert_string_equal(harness_event_key(h, harness_event(h, "gpu.lost", 0)), GPU1);
		}
	}
	assert_int_equal(lost, 1);
	harness_close(&h);
}

static void an_unloaded_driver_loses_no_gpu(void **state)
{
	struct harness *h = open_on("driver.count = 2\n");

	(void)state;
	assert_ok(harness_collect(h, S));
	write_scenario("*.error.nvmlDeviceGetUtilizationRates = 1\ndriver.error.nvmlInit_v2 = 9\n");
	for (int s = 2; s < 40; s++) {
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
		assert_int_equal(harness_events(h, "gpu.lost"), 0);
		assert_int_equal(harness_events(h, "node.gpu.driver_not_loaded"), s == 2);
		assert_true(harness_node(h, "node.gpu.driver_state") == GPU_DRIVER_NOT_LOADED);
		assert_false(harness_has(h, "node.gpu.count", ENTITY_NODE, HARNESS_NODE));
	}
	write_scenario("driver.count = 2\n");
	for (int s = 40; s < 80; s++)
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
	assert_true(harness_node(h, "node.gpu.driver_state") == GPU_DRIVER_WORKS);
	assert_true(harness_value(h, "gpu.answers", ENTITY_GPU, GPU1) == 1);
	harness_close(&h);
}

static void different_versions_are_told_with_both(void **state)
{
	struct harness *h = open_on("driver.error.nvmlInit_v2 = 18\ndriver.library = 12.570.86.15\n");

	(void)state;
	assert_ok(harness_collect(h, S));
	const struct event *e = harness_event(h, "node.gpu.version_mismatch", 0);
	assert_non_null(e);
	assert_int_equal(e->code, NVML_VERSIONS_DIFFER);
	assert_string_equal(harness_text(h, e, "call"), "nvmlInit_v2");
	assert_string_equal(harness_text(h, e, "library_version"), "12.570.86.15");
	assert_true(harness_node(h, "node.gpu.driver_state") == GPU_DRIVER_MISMATCH);
	assert_ok(harness_collect(h, 40 * S));
	assert_int_equal(harness_events(h, "node.gpu.version_mismatch"), 0);
	write_scenario("");
	assert_ok(harness_collect(h, 80 * S));
	assert_true(harness_node(h, "node.gpu.driver_state") == GPU_DRIVER_WORKS);
	harness_close(&h);
}

static void the_loaded_driver_is_told_though_the_library_cannot(void **state)
{
	static const char *const texts[] = {
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n"
		"GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n",
		"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build\n",
	};
	char root[128];

	(void)state;
	(void)harness_folder(root, sizeof(root));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct harness *h = harness_new(&collector_gpu_nvml, root);
		harness_write(root, "proc/driver/nvidia/version", texts[i]);
		write_scenario("driver.error.nvmlInit_v2 = 18\n");
		h->env.nvml_path = library;
		assert_ok(harness_start(h));
		assert_ok(harness_collect(h, S));
		assert_string_equal(harness_text(h, harness_event(h, "node.gpu.version_mismatch", 0), "driver_version"),
				    "550.54.15");
		harness_close(&h);
	}
	harness_remove(root);
}

static void other_troubles_have_events_of_their_own(void **state)
{
	struct harness *h = open_on("driver.count = 0\n");

	(void)state;
	assert_ok(harness_collect(h, S));
	assert_int_equal(harness_events(h, "node.gpu.none"), 1);
	assert_true(harness_node(h, "node.gpu.count") == 0);
	assert_ok(harness_collect(h, 2 * S));
	assert_int_equal(harness_events(h, "node.gpu.none"), 0);
	harness_close(&h);
	h = open_on("driver.error.nvmlInit_v2 = 17\n");
	assert_ok(harness_collect(h, S));
	assert_int_equal(harness_events(h, "node.gpu.call_failed"), 1);
	assert_int_equal(harness_event(h, "node.gpu.call_failed", 0)->code, 17);
	assert_true(harness_node(h, "node.gpu.driver_state") == GPU_DRIVER_FAILS);
	assert_false(harness_has(h, "node.gpu.count", ENTITY_NODE, HARNESS_NODE));
	harness_close(&h);
}

static void a_library_that_is_none_is_told(void **state)
{
	struct harness *h = harness_new(&collector_gpu_nvml, NULL);

	(void)state;
	h->env.nvml_path = "/nonexistent/libnvidia-ml.so.1";
	assert_err(harness_probe(h), ENOENT);
	assert_non_null(strstr(h->reason, "/nonexistent"));
	write_scenario("not an ELF file");
	h->env.nvml_path = scenario;
	assert_ok(harness_probe(h));
	assert_ok(harness_start(h));
	assert_ok(harness_collect(h, S));
	const struct event *e = harness_event(h, "node.gpu.library_missing", 0);
	assert_non_null(e);
	assert_int_equal(e->code, ELIBBAD);
	assert_true(harness_node(h, "node.gpu.driver_state") == GPU_DRIVER_NO_LIBRARY);
	harness_close(&h);
}

static void a_machine_without_is_quietly_absent(void **state)
{
	char root[128];
	struct harness *h = harness_new(&collector_gpu_nvml, NULL);

	(void)state;
	(void)harness_folder(root, sizeof(root));
	(void)close(h->root_fd);
	h->env.root_fd = h->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_err(harness_probe(h), ENODEV);
	assert_non_null(strstr(h->reason, "no NVIDIA GPU"));
	/* Another vendor's GPU, and NVIDIA's network card. */
	harness_write(root, "sys/bus/pci/devices/0000:03:00.0/vendor", "0x1002\n");
	harness_write(root, "sys/bus/pci/devices/0000:03:00.0/class", "0x030000\n");
	harness_write(root, "sys/bus/pci/devices/0000:04:00.0/vendor", "0x10de\n");
	harness_write(root, "sys/bus/pci/devices/0000:04:00.0/class", "0x020000\n");
	assert_err(harness_probe(h), ENODEV);
	harness_write(root, "sys/bus/pci/devices/0000:5e:00.0/vendor", "0x10de\n");
	harness_write(root, "sys/bus/pci/devices/0000:5e:00.0/class", "0x030200\n");
	assert_ok(harness_probe(h));
	char link[256];
	(void)snprintf(link, sizeof(link), "%s/sys/bus/pci/devices/0000:5e:00.0/driver", root);
	assert_int_equal(symlink("../../../bus/pci/drivers/vfio-pci", link), 0);
	assert_err(harness_probe(h), ENODEV); /* a virtual machine's */
	h->env.fixture = true;
	assert_err(harness_probe(h), ENODEV);
	harness_close(&h);
	harness_remove(root);
}

/* ---- events and processes ---- */

static void each_xid_of_the_event_set_is_told_once(void **state)
{
	struct harness *h = open_on("driver.count = 2\n1.xid = 31\n"); /* before our time */

	(void)state;
	assert_ok(harness_collect(h, S));
	assert_int_equal(harness_events(h, "gpu.driver_xid"), 0);
	write_scenario("driver.count = 2\n1.xid = 31\n1.xid = 79\n0.xid = 63\n");
	assert_ok(harness_collect(h, 2 * S));
	assert_int_equal(harness_events(h, "gpu.driver_xid"), 2);
	assert_int_equal(harness_event(h, "gpu.driver_xid", 0)->code, 79);
	assert_string_equal(harness_event_key(h, harness_event(h, "gpu.driver_xid", 0)), GPU1);
	assert_int_equal(harness_event(h, "gpu.driver_xid", 1)->code, 63);
	assert_true(harness_event(h, "gpu.driver_xid", 1)->simulated);
	assert_ok(harness_collect(h, 3 * S));
	assert_int_equal(harness_events(h, "gpu.driver_xid"), 0);
	harness_close(&h);
}

static bool uses(struct harness *h, const char *process, const char *address)
{
	entity_id p = graph_find(h->graph, ENTITY_PROCESS, process), ids[8];
	size_t n = graph_neighbours(h->graph, p, false, ENTITY_GPU, ids, 8);

	for (size_t i = 0; i < n && i < 8; i++)
		if (strcmp(graph_key(h->graph, ids[i]), address) == 0)
			return true;
	return false;
}

static void processes_are_joined_with_their_memory(void **state)
{
	pid_t one = scene_spawn("trainer", scene_sleep, NULL), two = scene_spawn("notebook", scene_sleep, NULL);
	char key_one[PROCESS_KEY_MAX], key_two[PROCESS_KEY_MAX], text[512];

	(void)state;
	scene_key(one, key_one, sizeof(key_one));
	scene_key(two, key_two, sizeof(key_two));
	(void)snprintf(text, sizeof(text),
		       "driver.count = 2\n0.process = %d 3000\n1.process = %d 500\n0.process = %d\n0.process = 4194303 9\n",
		       one, one, two);
	struct harness *h = open_on(text);
	for (int s = 1; s <= 6; s++)
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
	assert_true(uses(h, key_one, GPU0));
	assert_true(uses(h, key_one, GPU1));
	assert_true(uses(h, key_two, GPU0));
	assert_false(uses(h, key_two, GPU1));
	assert_string_equal(graph_attr(h->graph, graph_find(h->graph, ENTITY_PROCESS, key_one), "comm"), "trainer");
	double processes = NAN, memory = NAN;
	for (int s = 7; s <= 11; s++) {
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
		processes = fmax(processes, harness_get(h, "gpu.processes", ENTITY_GPU, GPU0));
		memory = fmax(memory, harness_get(h, "proc.gpu.memory", ENTITY_PROCESS, key_one));
		assert_false(harness_has(h, "proc.gpu.memory", ENTITY_PROCESS, key_two));  /* the driver does not know */
		assert_false(harness_has(h, "gpu.memory.foreign", ENTITY_GPU, GPU0));
	}
	assert_true(processes == 2); /* the fourth line's process is none that lives */
	assert_true(memory == 3500);
	/* One goes away from one GPU, the other ends. */
	(void)snprintf(text, sizeof(text), "driver.count = 2\n0.process = %d 3000\n", one);
	write_scenario(text);
	(void)scene_end(two);
	for (int s = 12; s <= 17; s++)
		assert_ok(harness_collect(h, (mono_ns_t)s * S));
	assert_true(uses(h, key_one, GPU0));
	assert_false(uses(h, key_one, GPU1));
	assert_false(graph_is_gone(h->graph, graph_find(h->graph, ENTITY_PROCESS, key_one), NULL));
	assert_true(graph_is_gone(h->graph, graph_find(h->graph, ENTITY_PROCESS, key_two), NULL));
	(void)scene_end(one);
	harness_close(&h);
}

static void memory_of_others_is_foreign(void **state)
{
	char mine[SCENE_PATH_MAX], path[SCENE_PATH_MAX], text[256];

	(void)state;
	if (!scene_cgroup("memory", "gpunvml", mine, path) && !scene_cgroup("pids", "gpunvml", mine, path))
		skip();
	pid_t one = scene_spawn("trainer", scene_sleep, NULL), two = scene_spawn("notebook", scene_sleep, NULL);
	scene_cgroup_enter(mine, one);
	(void)snprintf(text, sizeof(text), "0.process = %d 7000\n0.process = %d 300\n", one, two);
	struct harness *h = open_on(text);
	assert_ok(harness_collect(h, S));
	assert_true(gpu(h, "gpu.memory.foreign") == 300);
	harness_close(&h);
	(void)scene_end(one);
	(void)scene_end(two);
	scene_cgroup_remove(mine);
}

/* ---- hanging ---- */

struct stage {
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	struct collect_env env;
	struct isolate *isolate;
	uint32_t self_first, first;
	mono_ns_t now;
};

static void stage_open(struct stage *s)
{
	*s = (struct stage){ .now = 1000 * S };
	assert_ok(metrics_new(&s->metrics));
	assert_ok(metrics_add(s->metrics, "self", collector_self.metrics, collector_self.n_metrics, &s->self_first));
	assert_ok(metrics_add(s->metrics, "gpu_nvml", gpu_metrics, GPU_METRICS, &s->first));
	assert_ok(graph_new(4096, "testnode", &s->graph));
	assert_ok(batch_new(s->graph, 4096, 256, 4096, &s->batch));
	s->env = (struct collect_env){ .root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), .boot_id = "b",
				       .node_name = "testnode", .ticks_per_s = 100, .page_bytes = 4096, .n_cpus = 1,
				       .ring_kib = 64, .self_pid = 1, .nvml_path = library };
	assert_ok(isolate_open(&collector_gpu_nvml, &s->env, s->metrics, s->self_first, &s->isolate));
}

static void stage_close(struct stage *s)
{
	isolate_close(&s->isolate);
	batch_free(&s->batch);
	graph_free(&s->graph);
	metrics_free(&s->metrics);
	(void)close(s->env.root_fd);
}

/* Ask and wait for the whole answer: at most 10 s. False: it did not come. */
static bool reading(struct stage *s, unsigned timeout_ms)
{
	struct pollfd p = { .fd = isolate_event_fd(s->isolate), .events = POLLIN };
	int r = -EAGAIN;

	batch_reset(s->batch, s->now);
	for (int i = 0; i < 200 && r == -EAGAIN; i++) {
		r = isolate_request(s->isolate, s->now);
		if (r == -EAGAIN && poll(&p, 1, 20) > 0) /* the one before is still dying */
			(void)isolate_drain(s->isolate, s->now, s->batch);
	}
	assert_ok(r);
	for (unsigned waited = 0; waited < timeout_ms; waited += 20) {
		if (poll(&p, 1, 20) > 0)
			(void)isolate_drain(s->isolate, s->now, s->batch);
		if (isolate_due(s->isolate) == UINT64_MAX)
			return true;
	}
	return false;
}

static double told(struct stage *s, enum gpu_metric metric, const char *address)
{
	entity_id id = graph_find(s->graph, ENTITY_GPU, address);
	double value = NAN;

	for (size_t i = 0; i < s->batch->n_samples; i++)
		if (s->batch->samples[i].metric == s->first + metric && s->batch->samples[i].entity == id)
			value = s->batch->samples[i].value;
	return value;
}

static const struct event *happened(struct stage *s, uint32_t id)
{
	for (size_t i = 0; i < s->batch->n_events; i++)
		if (s->batch->events[i].metric == id)
			return &s->batch->events[i];
	return NULL;
}

static void a_call_that_hangs_is_named_and_the_other_gpus_read_on(void **state)
{
	struct stage s;
	struct isolate_stats stats;

	(void)state;
	write_scenario("driver.count = 3\n");
	stage_open(&s);
	assert_true(reading(&s, 10000));
	assert_true(told(&s, GPU_ANSWERS, GPU1) == 1);
	assert_true(told(&s, GPU_CALL_TIME, GPU1) > 0);
	write_scenario("driver.count = 3\n1.hang = nvmlDeviceGetTemperature\n");
	s.now += S;
	assert_false(reading(&s, 300));
	/* Nothing was waited for; at the deadline it is said whose call it is, and the child is ended. */
	s.now = isolate_due(s.isolate);
	batch_reset(s.batch, s.now);
	(void)isolate_drain(s.isolate, s.now, s.batch);
	assert_non_null(happened(&s, metrics_find(s.metrics, "whyd.collector.stalled")));
	const struct event *e = happened(&s, s.first + GPU_EVENT_HUNG);
	assert_non_null(e);
	assert_string_equal(graph_key(s.graph, e->entity), GPU1);
	assert_string_equal(e->values[GPU_HUNG_CALL].text, "nvmlDeviceGetTemperature");
	assert_true(e->values[GPU_HUNG_WAITED].number >= 5e9);
	assert_true(e->simulated);
	assert_true(told(&s, GPU_ANSWERS, GPU1) == 0);
	/* The next child leaves that GPU alone, for a minute. */
	for (int n = 0; n < 3; n++) {
		s.now += 2 * S;
		assert_true(reading(&s, 10000));
		assert_true(told(&s, GPU_ANSWERS, GPU0) == 1);
		assert_true(told(&s, GPU_ANSWERS, GPU1) == 0);
		assert_true(told(&s, GPU_ANSWERS, "0000:12:00.0") == 1);
		assert_true(isnan(told(&s, GPU_TEMPERATURE, GPU1)));
		assert_null(happened(&s, s.first + GPU_EVENT_LOST));
	}
	isolate_stats(s.isolate, &stats);
	assert_int_equal(stats.starts, 2);
	assert_int_equal(stats.missed_deadlines, 1);
	/* Then it is tried again; it hangs again; then it is left alone for longer. */
	s.now += 60 * S;
	assert_false(reading(&s, 300));
	s.now = isolate_due(s.isolate);
	batch_reset(s.batch, s.now);
	(void)isolate_drain(s.isolate, s.now, s.batch);
	assert_non_null(happened(&s, s.first + GPU_EVENT_HUNG));
	write_scenario("driver.count = 3\n");
	s.now += 3 * S;
	assert_true(reading(&s, 10000));
	s.now += 70 * S;
	assert_true(reading(&s, 10000));
	assert_true(told(&s, GPU_ANSWERS, GPU1) == 0);
	s.now += 60 * S;
	assert_true(reading(&s, 10000));
	assert_true(told(&s, GPU_ANSWERS, GPU1) == 1);
	stage_close(&s);
}

static void a_driver_that_hangs_at_once_is_told_about_the_node(void **state)
{
	struct stage s;
	struct isolate_stats stats;

	(void)state;
	write_scenario("driver.hang = nvmlInit_v2\n");
	stage_open(&s);
	assert_false(reading(&s, 500));
	s.now = isolate_due(s.isolate);
	batch_reset(s.batch, s.now);
	(void)isolate_drain(s.isolate, s.now, s.batch);
	const struct event *e = happened(&s, s.first + GPU_NODE_CALL_FAILED);
	assert_non_null(e);
	assert_int_equal(e->entity, graph_node(s.graph));
	assert_int_equal(e->code, ETIMEDOUT);
	assert_string_equal(e->values[GPU_FAILED_CALL].text, "nvmlInit");
	/* Backing off, with no child meanwhile. */
	assert_err(isolate_request(s.isolate, s.now), EAGAIN);
	isolate_stats(s.isolate, &stats);
	assert_int_equal(stats.starts, 1);
	write_scenario("");
	s.now += 2 * S;
	assert_true(reading(&s, 10000));
	assert_true(told(&s, GPU_ANSWERS, GPU0) == 1);
	stage_close(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_arrives_in_base_units),
		cmocka_unit_test(what_the_board_lacks_is_unknown_and_not_zero),
		cmocka_unit_test(an_old_library_leaves_out_what_it_has_no_call_for),
		cmocka_unit_test(reasons_are_added_up_where_the_driver_does_not_count),
		cmocka_unit_test(pcie_bytes_become_a_rate_that_a_reset_does_not_spoil),
		cmocka_unit_test(a_recovery_action_of_later_drivers_is_unknown),
		cmocka_unit_test(switched_partitioning_is_an_event),
		cmocka_unit_test(addresses_are_those_of_the_kernel),
		cmocka_unit_test(a_lost_gpu_is_told_once_and_its_return_too),
		cmocka_unit_test(a_gpu_that_is_no_longer_listed_is_lost),
		cmocka_unit_test(an_unloaded_driver_loses_no_gpu),
		cmocka_unit_test(different_versions_are_told_with_both),
		cmocka_unit_test(the_loaded_driver_is_told_though_the_library_cannot),
		cmocka_unit_test(other_troubles_have_events_of_their_own),
		cmocka_unit_test(a_library_that_is_none_is_told),
		cmocka_unit_test(a_machine_without_is_quietly_absent),
		cmocka_unit_test(each_xid_of_the_event_set_is_told_once),
		cmocka_unit_test(processes_are_joined_with_their_memory),
		cmocka_unit_test(memory_of_others_is_foreign),
		cmocka_unit_test(a_call_that_hangs_is_named_and_the_other_gpus_read_on),
		cmocka_unit_test(a_driver_that_hangs_at_once_is_told_about_the_node),
	};

	if (argc == 3 && strcmp(argv[1], "--isolated") == 0)
		return isolate_child_serve(&collector_gpu_nvml);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
