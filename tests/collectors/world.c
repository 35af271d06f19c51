/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/collectors/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "model/codec.h"
#include "tests/test.h"

extern const struct collector collector_workload;

static void write_bytes(const char *root, const char *path, const char *data, size_t n)
{
	char full[512];

	harness_write(root, path, "");
	(void)snprintf(full, sizeof(full), "%s/%s", root, path);
	AUTO_CLOSE int fd = open(full, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
}

static void write_list(const char *root, uint32_t pid, const char *name, const char *const *list)
{
	char data[4096], path[64];
	size_t n = 0;

	for (; *list; list++) {
		memcpy(data + n, *list, strlen(*list) + 1);
		n += strlen(*list) + 1;
	}
	(void)snprintf(path, sizeof(path), "proc/%u/%s", pid, name);
	write_bytes(root, path, data, n);
}

void world_process(struct world *w, const struct made *p)
{
	char path[64], text[1024];

	(void)snprintf(path, sizeof(path), "proc/%u/stat", p->pid);
	(void)snprintf(text, sizeof(text), "%u (%s) S %u 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %lu 1000 10\n", p->pid,
		       p->comm, p->ppid, (unsigned long)p->start);
	harness_write(w->root, path, text);
	(void)snprintf(path, sizeof(path), "proc/%u/cgroup", p->pid);
	(void)snprintf(text, sizeof(text), "0::%s\n", p->cgroup ? p->cgroup : "/");
	harness_write(w->root, path, text);
	write_list(w->root, p->pid, "cmdline", p->argv);
	write_list(w->root, p->pid, "environ", p->env);
}

void world_process_end(struct world *w, uint32_t pid)
{
	char folder[256];

	(void)snprintf(folder, sizeof(folder), "%s/proc/%u", w->root, pid);
	harness_remove(folder);
}

int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	(void)harness_folder(w->root, sizeof(w->root));
	harness_write(w->root, "proc/stat", "cpu 1\n");
	*state = w;
	return 0;
}

int world_close(void **state)
{
	struct world *w = *state;

	harness_close(&w->h);
	harness_remove(w->root);
	free(w);
	return 0;
}

void world_tick(struct world *w)
{
	if (!w->h)
		w->h = harness_open(&collector_workload, w->root);
	w->now += NS_PER_S;
	assert_ok(harness_collect(w->h, w->now));
	harness_settle(w->h);
}

entity_id world_entity(struct world *w, enum entity_kind kind, const char *key)
{
	entity_id id = graph_find(w->h->graph, kind, key);

	if (id == ENTITY_NONE)
		fail_msg("there is no %s %s", entity_kind_name(kind), key);
	return id;
}

const char *world_attr(struct world *w, enum entity_kind kind, const char *key, const char *name)
{
	const char *value = graph_attr(w->h->graph, world_entity(w, kind, key), name);

	return value ? value : "(none)";
}

/* The key of what it is OF (or IN), "" nothing. */
const char *world_next(struct harness *h, entity_id id, enum entity_kind kind)
{
	entity_id to;
	size_t n = graph_neighbours(h->graph, id, false, kind, &to, 1);

	assert_true(n <= 1);
	return n ? graph_key(h->graph, to) : "";
}

void world_rank(struct world *w, uint32_t pid, uint64_t start, const char *rank)
{
	char text[64];
	struct made p = { .pid = pid, .ppid = 100, .start = start, .comm = "python3",
			  .argv = { "python3", "train.py", "--api-key", WORLD_SECRET, NULL },
			  .env = { "PATH=/bin", "HF_TOKEN=" WORLD_SECRET, text, "LOCAL_RANK=0", "WORLD_SIZE=4",
				   "MASTER_ADDR=10.0.0.9", "MASTER_PORT=29500", "TORCHELASTIC_RUN_ID=llama",
				   "TORCHELASTIC_RESTART_COUNT=2", NULL } };

	(void)snprintf(text, sizeof(text), "RANK=%s", rank);
	world_process(w, &p);
}

void world_begin(struct world *w)
{
	w->now += NS_PER_S;
	batch_reset(w->h->batch, w->now);
	batch_set_metric_base(w->h->batch, w->h->first);
}

entity_id world_made_by_others(struct world *w, const char *key)
{
	world_begin(w);
	entity_id id = batch_entity(w->h->batch, ENTITY_PROCESS, key);
	harness_settle(w->h);
	return id;
}

void world_bytes(struct harness *h, mono_ns_t now, struct buf *out)
{
	struct codec_writer *writer = NULL;

	assert_ok(codec_writer_new(h->metrics, &writer));
	assert_ok(codec_write_batch(writer, h->batch, 0, out));
	assert_ok(codec_write_graph(writer, h->graph, now, out));
	codec_writer_free(&writer);
}
