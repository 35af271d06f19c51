// SPDX-License-Identifier: Apache-2.0
#include "tests/collectors/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"
#include "base/file.h"

static const struct metric_desc filler[] = {
	{ "harness.filler", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE, "Takes id 0.", NULL, NULL },
};

struct harness *harness_new(const struct collector *c, const char *root)
{
	struct harness *h = calloc(1, sizeof(*h));
	assert_non_null(h);
	h->collector = c;
	h->root_fd = open(root ? root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->root_fd < 0)
		fail_msg("cannot open %s: %s", root, strerror(errno));
	AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && file_reread(fd, h->boot_id, sizeof(h->boot_id), NULL) == 0)
		h->boot_id[strcspn(h->boot_id, "\n")] = '\0';
	h->env = (struct collect_env){ .root_fd = h->root_fd, .fixture = root != NULL, .boot_id = h->boot_id,
				       .node_name = HARNESS_NODE, .ticks_per_s = sysconf(_SC_CLK_TCK),
				       .page_bytes = sysconf(_SC_PAGESIZE),
				       .n_cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF), .ring_kib = 256,
				       .self_pid = (uint32_t)getpid() };
	assert_ok(metrics_new(&h->metrics));
	assert_ok(metrics_add(h->metrics, "harness", filler, 1, NULL));
	assert_ok(metrics_add(h->metrics, c->name, c->metrics, c->n_metrics, &h->first));
	assert_ok(graph_new(16384, HARNESS_NODE, &h->graph));
	assert_ok(batch_new(h->graph, 65536, 8192, 65536, &h->batch));
	return h;
}

int harness_start(struct harness *h)
{
	return h->collector->open(&h->env, &h->state);
}

struct harness *harness_open(const struct collector *c, const char *root)
{
	struct harness *h = harness_new(c, root);
	int r = harness_start(h);
	if (r < 0)
		fail_msg("%s does not open: %s", c->name, strerror(-r));
	return h;
}

int harness_probe(struct harness *h)
{
	h->reason[0] = '\0';
	return h->collector->probe ? h->collector->probe(&h->env, h->reason, sizeof(h->reason)) : 0;
}

int harness_restart(struct harness *h)
{
	h->collector->close(h->state);
	h->state = NULL;
	return harness_start(h);
}

void harness_close(struct harness **h)
{
	if (!*h)
		return;
	(*h)->collector->close((*h)->state);
	batch_free(&(*h)->batch);
	graph_free(&(*h)->graph);
	metrics_free(&(*h)->metrics);
	close((*h)->root_fd);
	free(*h);
	*h = NULL;
}

static void prepare(struct harness *h, mono_ns_t now)
{
	batch_reset(h->batch, now);
	batch_set_metric_base(h->batch, h->first);
}

int harness_collect(struct harness *h, mono_ns_t now)
{
	prepare(h, now);
	return h->collector->collect(h->state, now, h->batch);
}

int harness_drain(struct harness *h, unsigned max, mono_ns_t now)
{
	prepare(h, now);
	return h->collector->drain(h->state, max, h->batch);
}

void harness_settle(struct harness *h)
{
	h->collector->settle(h->state, h->batch->now, h->batch);
}

bool harness_wait(struct harness *h, int timeout_ms)
{
	struct pollfd p = { .fd = h->collector->event_fd(h->state), .events = POLLIN };
	return p.fd >= 0 && poll(&p, 1, timeout_ms) == 1;
}

static uint32_t id_of(struct harness *h, const char *metric)
{
	uint32_t id = metrics_find(h->metrics, metric);
	if (id == METRIC_NONE)
		fail_msg("%s has no metric %s", h->collector->name, metric);
	return id;
}

double harness_get(struct harness *h, const char *metric, enum entity_kind kind, const char *key)
{
	uint32_t id = id_of(h, metric);
	entity_id entity = graph_find(h->graph, kind, key);
	for (size_t i = h->batch->n_samples; entity != ENTITY_NONE && i-- > 0;)
		if (h->batch->samples[i].metric == id && h->batch->samples[i].entity == entity)
			return h->batch->samples[i].value;
	return NAN;
}

bool harness_has(struct harness *h, const char *metric, enum entity_kind kind, const char *key)
{
	return !isnan(harness_get(h, metric, kind, key));
}

double harness_value(struct harness *h, const char *metric, enum entity_kind kind, const char *key)
{
	double value = harness_get(h, metric, kind, key);
	if (isnan(value))
		fail_msg("no sample of %s on %s %s", metric, entity_kind_name(kind), key);
	return value;
}

double harness_node(struct harness *h, const char *metric)
{
	return harness_value(h, metric, ENTITY_NODE, HARNESS_NODE);
}

const struct event *harness_event(struct harness *h, const char *metric, size_t i)
{
	uint32_t id = id_of(h, metric);
	for (size_t k = 0; k < h->batch->n_events; k++)
		if (h->batch->events[k].metric == id && i-- == 0)
			return &h->batch->events[k];
	return NULL;
}

size_t harness_events(struct harness *h, const char *metric)
{
	size_t n = 0;
	while (harness_event(h, metric, n))
		n++;
	return n;
}

const char *harness_event_key(struct harness *h, const struct event *e)
{
	return e ? graph_key(h->graph, e->entity) : NULL;
}

static int field_of(struct harness *h, const struct event *e, const char *field)
{
	const struct metric_desc *desc = metrics_at(h->metrics, e->metric);
	int i = metric_field_index(desc, field);
	if (i < 0)
		fail_msg("%s has no field %s", desc->name, field);
	return i;
}

const char *harness_text(struct harness *h, const struct event *e, const char *field)
{
	int i = field_of(h, e, field);
	return (uint32_t)i < e->n_values ? e->values[i].text : NULL;
}

double harness_number(struct harness *h, const struct event *e, const char *field)
{
	int i = field_of(h, e, field);
	return (uint32_t)i < e->n_values ? e->values[i].number : NAN;
}

void harness_write(const char *folder, const char *path, const char *text)
{
	char full[512];
	snprintf(full, sizeof(full), "%s/%s", folder, path);
	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(full, 0755);
		*slash = '/';
	}
	AUTO_CLOSE int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail_msg("cannot write %s: %s", full, strerror(errno));
}

char *harness_folder(char *ret_path, size_t size)
{
	snprintf(ret_path, size, "/tmp/why-test-XXXXXX");
	if (!mkdtemp(ret_path))
		fail_msg("mkdtemp: %s", strerror(errno));
	return ret_path;
}

static int remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

void harness_remove(const char *folder)
{
	(void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
