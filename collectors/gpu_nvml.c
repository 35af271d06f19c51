// SPDX-License-Identifier: Apache-2.0
/* NVIDIA GPUs by the driver's management library. Every call may hang for minutes, so that it runs in a process of its own,
 * and announces each call (nvml_ask.h): a GPU whose call did not return is named at once by the agent, and left alone for a
 * time by the next process, so that the others are read on.
 *
 * Bounds: MAX_GPUS; a GPU that hung is asked again after a minute, doubling to 16; one that is lost after 10 s, doubling to
 * five minutes; a driver that does not work after 30 s. Health and processes every HEALTH_TURNS. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include "collectors/nvml_gpu.h"
#include "collectors/nvml_users.h"

#define MAX_GPUS       64
#define MAX_XIDS       256 /* a reading */
#define HEALTH_TURNS   5
#define AFTER_HANG_NS  (60 * NS_PER_S)
#define AFTER_LOSS_NS  (10 * NS_PER_S)
#define MAX_LOSS_NS    (300 * NS_PER_S)
#define RETRY_NS       (30 * NS_PER_S)
#define PCI_NS         (10 * NS_PER_S)
#define DRIVER         "driver"

struct gpu_nvml {
	const struct collect_env *env;
	struct nvml_library *library;
	struct nvml_ask ask;
	nvml_event_set events;
	bool works;
	enum gpu_driver_state state;
	int told;            /* the trouble last told, so that it is told once: a metric of events; -1 none */
	mono_ns_t retry_at, pci_at, loss_wait_ns;
	unsigned n_listed, n_most;
	int n_pci;           /* -1: not known */
	uint64_t turn;
	char library_version[NVML_MAX_TEXT], driver_version[NVML_MAX_TEXT];
	struct nvml_gpu gpus[MAX_GPUS];
	size_t n;
};

/* ---- what there is without the library ---- */

/* A GPU handed to a virtual machine is not this kernel's to drive. */
static bool is_nvidia_gpu(int root_fd, const char *address)
{
	char path[320], text[32], link[256];

	(void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/vendor", address);
	if (file_read_at(root_fd, path, text, sizeof(text), NULL) < 0 || strncmp(text, "0x10de", 6) != 0)
		return false;
	(void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/class", address);
	if (file_read_at(root_fd, path, text, sizeof(text), NULL) < 0 ||
	    (strncmp(text, "0x0300", 6) != 0 && strncmp(text, "0x0302", 6) != 0))
		return false;
	(void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/driver", address);
	ssize_t n = readlinkat(root_fd, path, link, sizeof(link) - 1);
	if (n <= 0)
		return true;
	link[n] = '\0';
	return !strstr(link, "/vfio-pci") && !strstr(link, "/pci-stub");
}

/* -1: the bus cannot be read. */
static int count_pci(int root_fd)
{
	int fd, n = 0;

	if (file_open_dir_at(root_fd, "sys/bus/pci/devices", &fd) < 0)
		return -1;
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -1;
	}
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		n += e->d_name[0] != '.' && is_nvidia_gpu(root_fd, e->d_name);
	return n;
}

/* The first word with a digit and a dot: "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar ..." */
static void loaded_driver(int root_fd, char *ret_version, size_t size)
{
	char text[1024];

	(void)text_copy(ret_version, size, "");
	if (file_read_at(root_fd, "proc/driver/nvidia/version", text, sizeof(text), NULL) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	for (char *cursor = text, *word; (word = strsep(&cursor, " \t"));)
		if (word[0] >= '0' && word[0] <= '9' && strchr(word, '.')) {
			(void)text_copy(ret_version, size, word);
			return;
		}
}

static int gpu_nvml_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	if (env->nvml_path) {
		if (faccessat(AT_FDCWD, env->nvml_path, R_OK, 0) == 0)
			return 0;
		(void)snprintf(ret_reason, size, "--nvml %s: %s", env->nvml_path, strerror(errno));
		return -ENOENT;
	}
	if (env->fixture) {
		(void)snprintf(ret_reason, size, "below --root-prefix the driver is not asked: give --nvml FILE to");
		return -ENODEV;
	}
	if (count_pci(env->root_fd) > 0 || faccessat(env->root_fd, "proc/driver/nvidia/version", F_OK, 0) == 0)
		return 0;
	(void)snprintf(ret_reason, size, "no NVIDIA GPU on the PCI bus, and no NVIDIA driver loaded");
	return -ENODEV;
}

static int gpu_nvml_open(const struct collect_env *env, void **ret_state)
{
	struct gpu_nvml *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->env = env;
	s->n_pci = s->told = -1;
	s->loss_wait_ns = AFTER_LOSS_NS;
	*ret_state = s;
	return 0;
}

static void stop(struct gpu_nvml *s)
{
	if (!s->library)
		return;
	nvml_ask_about(&s->ask, DRIVER);
	if (s->events)
		(void)NVML_ASK(&s->ask, EventSetFree, s->events);
	if (s->works)
		(void)NVML_ASK(&s->ask, Shutdown);
	s->events = NULL;
	s->works = false;
	for (size_t i = 0; i < s->n; i++)
		s->gpus[i].present = s->gpus[i].registered = false;
}

static void gpu_nvml_close(void *state)
{
	struct gpu_nvml *s = state;

	if (!s)
		return;
	stop(s);
	nvml_library_close(&s->library);
	free(s);
}

/* ---- troubles with all of it ---- */

static void tell_trouble(struct gpu_nvml *s, uint32_t metric, const char *call, int code, const char *error, mono_ns_t now,
			 struct batch *b)
{
	if (s->told == (int)metric)
		return;
	s->told = (int)metric;
	struct event *e = batch_event(b, metric, graph_node(b->graph), now, SEVERITY_WARNING, code);
	if (!e)
		return;
	e->simulated = s->env->nvml_path != NULL;
	batch_value_text(b, e, GPU_FAILED_CALL, call);
	batch_value_text(b, e, GPU_FAILED_ERROR, error);
	if (s->driver_version[0])
		batch_value_text(b, e, GPU_FAILED_DRIVER_VERSION, s->driver_version);
	if (s->library_version[0])
		batch_value_text(b, e, GPU_FAILED_LIBRARY_VERSION, s->library_version);
	batch_message(b, e, "NVIDIA GPUs: %s: %s", call, error);
}

static void tell_refused(struct gpu_nvml *s, const char *call, nvml_return r, mono_ns_t now, struct batch *b)
{
	uint32_t metric = GPU_NODE_CALL_FAILED;

	s->state = GPU_DRIVER_FAILS;
	if (r == NVML_DRIVER_NOT_LOADED) {
		s->state = GPU_DRIVER_NOT_LOADED;
		metric = GPU_NODE_NOT_LOADED;
	} else if (r == NVML_VERSIONS_DIFFER) {
		s->state = GPU_DRIVER_MISMATCH;
		metric = GPU_NODE_MISMATCH;
	}
	tell_trouble(s, metric, call, r, nvml_library_error(r), now, b);
}

/* ---- starting ---- */

static bool load(struct gpu_nvml *s, mono_ns_t now, struct batch *b)
{
	char reason[256] = "";

	if (s->library)
		return true;
	int r = nvml_library_open(s->env->nvml_path, &s->library, reason, sizeof(reason));
	if (r < 0) {
		s->state = GPU_DRIVER_NO_LIBRARY;
		tell_trouble(s, GPU_NODE_NO_LIBRARY, "libnvidia-ml.so.1", -r, reason, now, b);
		return false;
	}
	s->ask = (struct nvml_ask){ .library = s->library, .marks = s->env->marks, .clock = s->env->clock };
	return true;
}

static bool start(struct gpu_nvml *s, mono_ns_t now, struct batch *b)
{
	loaded_driver(s->env->root_fd, s->driver_version, sizeof(s->driver_version));
	if (!load(s, now, b))
		return false;
	nvml_ask_about(&s->ask, DRIVER);
	if (NVML_ASK(&s->ask, SystemGetNVMLVersion, s->library_version, sizeof(s->library_version)) != NVML_OK)
		s->library_version[0] = '\0';
	nvml_return r = NVML_ASK(&s->ask, Init);
	if (r != NVML_OK) {
		tell_refused(s, "nvmlInit_v2", r, now, b);
		return false;
	}
	nvml_ask_forget_hang(&s->ask, DRIVER);
	s->works = true;
	s->state = GPU_DRIVER_WORKS;
	(void)NVML_ASK(&s->ask, SystemGetDriverVersion, s->driver_version, sizeof(s->driver_version));
	s->library_version[sizeof(s->library_version) - 1] = s->driver_version[sizeof(s->driver_version) - 1] = '\0';
	if (NVML_ASK(&s->ask, EventSetCreate, &s->events) != NVML_OK)
		s->events = NULL;
	return true;
}

static struct nvml_gpu *find_gpu(struct gpu_nvml *s, const char *address)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->gpus[i].address, address) == 0)
			return &s->gpus[i];
	if (s->n == MAX_GPUS)
		return NULL;
	struct nvml_gpu *g = &s->gpus[s->n++];
	*g = (struct nvml_gpu){ .mig = -1, .n_links = -1 };
	(void)text_copy(g->address, sizeof(g->address), address);
	return g;
}

static uint64_t hang_wait(const struct gpu_nvml *s)
{
	uint32_t times = s->ask.marks ? s->ask.marks->hangs : 1;

	return AFTER_HANG_NS << MIN_OF(times > 0 ? times - 1 : 0, 4u);
}

static void take_gpu(struct gpu_nvml *s, unsigned index, mono_ns_t now)
{
	char what[NVML_WHAT_MAX], address[NVML_WHAT_MAX];
	struct nvml_pci pci = { 0 };
	nvml_device handle = NULL;

	(void)snprintf(what, sizeof(what), "#%u", index);
	nvml_ask_about(&s->ask, what);
	if (nvml_ask_hung_at(&s->ask, what)) { /* it hung before its address was known: left out until the next start */
		s->retry_at = now + hang_wait(s);
		return;
	}
	if (NVML_ASK(&s->ask, DeviceGetHandleByIndex, index, &handle) != NVML_OK ||
	    NVML_ASK(&s->ask, DeviceGetPciInfo, handle, &pci) != NVML_OK || !nvml_gpu_address(&pci, address))
		return;
	struct nvml_gpu *g = find_gpu(s, address);
	if (!g)
		return;
	g->index = index;
	g->handle = handle;
	g->present = true;
	g->registered = false;
	if (nvml_ask_hung_at(&s->ask, address) && !g->asleep_until)
		g->asleep_until = now + hang_wait(s);
}

/* The list is made when the library is started; a GPU that comes or goes later is seen at the next start. */
static void list_gpus(struct gpu_nvml *s, mono_ns_t now, struct batch *b)
{
	unsigned n = 0;

	nvml_ask_about(&s->ask, DRIVER);
	nvml_return r = NVML_ASK(&s->ask, DeviceGetCount, &n);
	if (r != NVML_OK) {
		tell_refused(s, "nvmlDeviceGetCount_v2", r, now, b);
		stop(s);
		return;
	}
	s->n_listed = n;
	s->n_most = MAX_OF(s->n_most, n);
	for (unsigned i = 0; i < n; i++)
		take_gpu(s, i, now);
	if (n == 0)
		tell_trouble(s, GPU_NODE_NO_GPU, "nvmlDeviceGetCount_v2", 0, "the driver works, and shows no GPU", now, b);
	else
		s->told = -1;
}

/* ---- lost and found ---- */

static entity_id entity_of(struct gpu_nvml *s, const struct nvml_gpu *g, struct batch *b)
{
	entity_id id = batch_entity(b, ENTITY_GPU, g->address);

	batch_attr(b, id, "simulated", s->env->nvml_path ? "yes" : NULL);
	batch_attr(b, id, "driver", s->driver_version[0] ? s->driver_version : NULL);
	return id;
}

static void lose(struct gpu_nvml *s, struct nvml_gpu *g, const char *how, const char *why, mono_ns_t now, struct batch *b)
{
	if (g->lost)
		return;
	g->lost = true;
	s->loss_wait_ns = AFTER_LOSS_NS;
	s->retry_at = now + s->loss_wait_ns;
	struct event *e = batch_event(b, GPU_EVENT_LOST, entity_of(s, g, b), now, SEVERITY_CRITICAL, s->ask.gone);
	if (!e)
		return;
	e->simulated = s->env->nvml_path != NULL;
	batch_value_text(b, e, GPU_LOST_HOW, how);
	if (g->uuid[0])
		batch_value_text(b, e, GPU_LOST_UUID, g->uuid);
	batch_message(b, e, "GPU %u (%s) is not to be reached: %s", g->index, g->address, why);
}

static void find_again(struct gpu_nvml *s, struct nvml_gpu *g, mono_ns_t now, struct batch *b)
{
	if (!g->lost)
		return;
	g->lost = false;
	struct event *e = batch_event(b, GPU_EVENT_RETURNED, entity_of(s, g, b), now, SEVERITY_INFO, 0);
	if (e)
		e->simulated = s->env->nvml_path != NULL;
	batch_message(b, e, "GPU %u (%s) can be reached again", g->index, g->address);
}

/* The driver as a whole was unloaded, as an upgrade does: no GPU of it is lost. */
static bool driver_left(struct gpu_nvml *s, mono_ns_t now, struct batch *b)
{
	if (s->ask.gone != NVML_UNINITIALIZED && s->ask.gone != NVML_DRIVER_NOT_LOADED)
		return false;
	tell_refused(s, s->ask.what, NVML_DRIVER_NOT_LOADED, now, b);
	stop(s);
	s->retry_at = now + RETRY_NS;
	return true;
}

/* ---- events ---- */

static void register_events(struct gpu_nvml *s, struct nvml_gpu *g)
{
	unsigned long long types = 0;

	if (!s->events || g->registered)
		return;
	if (NVML_ASK(&s->ask, DeviceGetSupportedEventTypes, g->handle, &types) == NVML_OK && types & NVML_EVENT_XID)
		(void)NVML_ASK(&s->ask, DeviceRegisterEvents, g->handle, types & (NVML_EVENT_XID | NVML_EVENT_MIG),
			       s->events);
	g->registered = true;
}

static void take_event(struct gpu_nvml *s, const struct nvml_event *event, mono_ns_t now, struct batch *b)
{
	struct nvml_gpu *g = NULL;
	struct event *e;

	for (size_t i = 0; i < s->n; i++)
		if (s->gpus[i].present && s->gpus[i].handle == event->device)
			g = &s->gpus[i];
	if (!g)
		return;
	if (event->type & NVML_EVENT_MIG) {
		e = batch_event(b, GPU_EVENT_MIG_CHANGED, entity_of(s, g, b), now, SEVERITY_INFO, 0);
		batch_message(b, e, "GPU %u (%s) was partitioned anew", g->index, g->address);
	} else {
		e = batch_event(b, GPU_EVENT_XID, entity_of(s, g, b), now, SEVERITY_WARNING, (int32_t)event->data);
		batch_message(b, e, "GPU %u (%s): Xid %llu", g->index, g->address, event->data);
	}
	if (e)
		e->simulated = s->env->nvml_path != NULL;
}

static void read_events(struct gpu_nvml *s, mono_ns_t now, struct batch *b)
{
	struct nvml_event event = { 0 };

	if (!s->events)
		return;
	nvml_ask_about(&s->ask, DRIVER);
	for (unsigned i = 0; i < MAX_XIDS && NVML_ASK(&s->ask, EventSetWait, s->events, &event, 0) == NVML_OK; i++)
		take_event(s, &event, now, b);
}

/* ---- readings ---- */

static void read_gpu(struct gpu_nvml *s, size_t i, mono_ns_t now, struct batch *b)
{
	struct nvml_gpu *g = &s->gpus[i];
	entity_id id = entity_of(s, g, b);
	bool first = !g->described;

	if (now < g->asleep_until || (g->lost && !g->present)) {
		batch_sample(b, GPU_ANSWERS, id, 0);
		return;
	}
	g->asleep_until = 0;
	nvml_ask_about(&s->ask, g->address);
	if (first)
		nvml_gpu_describe(g, &s->ask, id, b);
	g->described = true;
	if (!s->ask.gone)
		nvml_gpu_read(g, &s->ask, id, now, b);
	if (!s->ask.gone && (first || (s->turn + i) % HEALTH_TURNS == 0)) {
		register_events(s, g);
		nvml_gpu_read_health(g, &s->ask, id, now, b);
		nvml_users_read(g, s->gpus, s->n, &s->ask, s->env->root_fd, id, b);
	}
	if (driver_left(s, now, b))
		return;
	if (s->ask.gone) {
		lose(s, g, "driver", nvml_library_error(s->ask.gone), now, b);
		g->present = false;
		batch_sample(b, GPU_ANSWERS, id, 0);
		return;
	}
	if (s->ask.n_answers == 0) { /* errors only: neither well nor lost */
		batch_sample(b, GPU_ANSWERS, id, 0);
		return;
	}
	nvml_ask_forget_hang(&s->ask, g->address);
	find_again(s, g, now, b);
	batch_sample(b, GPU_ANSWERS, id, 1);
	if (s->ask.clock)
		batch_sample(b, GPU_CALL_TIME, id, (double)s->ask.slowest_ns);
}

/* A real library lists anew only after it was shut down: done while one is missing, more and more seldom. */
static void look_for_lost(struct gpu_nvml *s, mono_ns_t now, struct batch *b)
{
	bool missing = s->n_listed == 0;

	for (size_t i = 0; i < s->n; i++)
		missing |= s->gpus[i].lost;
	if (!s->works || !missing || now < s->retry_at)
		return;
	s->loss_wait_ns = MIN_OF(s->loss_wait_ns * 2, MAX_LOSS_NS);
	s->retry_at = now + s->loss_wait_ns;
	stop(s);
	if (start(s, now, b))
		list_gpus(s, now, b);
}

static void note_vanished(struct gpu_nvml *s, mono_ns_t now, struct batch *b)
{
	char path[128];

	for (size_t i = 0; i < s->n && s->works; i++) {
		struct nvml_gpu *g = &s->gpus[i];
		if (g->lost || g->present || now < g->asleep_until)
			continue;
		s->ask.gone = NVML_OK;
		(void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s", g->address);
		if (!s->env->nvml_path && faccessat(s->env->root_fd, path, F_OK, 0) < 0)
			lose(s, g, "pci", "it is no longer on the PCI bus", now, b);
		else
			lose(s, g, "count", "the driver no longer lists it", now, b);
	}
}

static void tell_node(struct gpu_nvml *s, mono_ns_t now, struct batch *b)
{
	entity_id node = graph_node(b->graph);
	unsigned n = 0;

	if (now >= s->pci_at) {
		s->pci_at = now + PCI_NS;
		s->n_pci = count_pci(s->env->root_fd);
	}
	for (size_t i = 0; i < s->n; i++)
		n += s->gpus[i].present && !s->gpus[i].lost;
	batch_sample(b, GPU_NODE_DRIVER_STATE, node, s->state);
	if (s->works) {
		batch_sample(b, GPU_NODE_COUNT, node, n);
		batch_sample(b, GPU_NODE_COUNT_EXPECTED, node, s->n_most);
	}
	if (s->n_pci >= 0 && !s->env->nvml_path)
		batch_sample(b, GPU_NODE_COUNT_PCI, node, s->n_pci);
}

static int gpu_nvml_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct gpu_nvml *s = state;

	if (!s->works && now >= s->retry_at) {
		s->retry_at = now + RETRY_NS;
		if (start(s, now, out))
			list_gpus(s, now, out);
	} else {
		look_for_lost(s, now, out);
	}
	if (s->works) {
		note_vanished(s, now, out);
		read_events(s, now, out);
	}
	for (size_t i = 0; i < s->n && s->works; i++)
		read_gpu(s, i, now, out);
	s->turn++;
	tell_node(s, now, out);
	return 0;
}

/* In the agent. "0000:5e:00.0 nvmlDeviceGetTemperature", "#3 nvmlDeviceGetHandleByIndex", "driver nvmlInit". */
static void gpu_nvml_hung(const char *doing, uint64_t waited_ns, mono_ns_t now, struct batch *out)
{
	char what[NVML_WHAT_MAX], waited[64];
	size_t n = strcspn(doing, " ");
	struct event *e;

	if (n >= sizeof(what) || !doing[n])
		return;
	memcpy(what, doing, n);
	what[n] = '\0';
	clock_format_duration(waited_ns, waited, sizeof(waited));
	if (what[0] == '#' || strcmp(what, DRIVER) == 0) {
		e = batch_event(out, GPU_NODE_CALL_FAILED, graph_node(out->graph), now, SEVERITY_WARNING, ETIMEDOUT);
		batch_value_text(out, e, GPU_FAILED_CALL, doing + n + 1);
		batch_value_text(out, e, GPU_FAILED_ERROR, "it does not return");
		batch_message(out, e, "NVIDIA GPUs: %s has not returned for %s", doing, waited);
		return;
	}
	entity_id gpu = batch_entity(out, ENTITY_GPU, what);
	const char *simulated = graph_attr(out->graph, gpu, "simulated");
	batch_sample_at(out, GPU_ANSWERS, gpu, now, 0);
	e = batch_event(out, GPU_EVENT_HUNG, gpu, now, SEVERITY_CRITICAL, ETIMEDOUT);
	if (e)
		e->simulated = simulated && strcmp(simulated, "yes") == 0;
	batch_value_text(out, e, GPU_HUNG_CALL, doing + n + 1);
	batch_value_number(out, e, GPU_HUNG_WAITED, (double)waited_ns);
	batch_message(out, e, "GPU %s: %s has not returned for %s", what, doing + n + 1, waited);
}

const struct collector collector_gpu_nvml = {
	.name = "gpu_nvml",
	.help = "NVIDIA GPUs as their driver's management library (NVML) shows them",
	.metrics = gpu_metrics,
	.n_metrics = GPU_METRICS,
	.where = COLLECT_ISOLATED,
	.interval_ms = 1000,
	.deadline_ms = 5000,
	.probe = gpu_nvml_probe,
	.open = gpu_nvml_open,
	.collect = gpu_nvml_collect,
	.hung = gpu_nvml_hung,
	.close = gpu_nvml_close,
};
