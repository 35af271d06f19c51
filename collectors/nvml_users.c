// SPDX-License-Identifier: Apache-2.0
#include "collectors/nvml_users.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#include "collectors/proc_facts.h"
#include "collectors/process.h"

static void key_of(const struct nvml_user *u, char ret_key[PROCESS_KEY_MAX])
{
	(void)snprintf(ret_key, PROCESS_KEY_MAX, "%u/%llu", u->pid, (unsigned long long)u->start_ticks);
}

static struct nvml_user *find_user(struct nvml_gpu *g, uint32_t pid, uint64_t start_ticks)
{
	for (size_t i = 0; i < g->n_users; i++)
		if (g->users[i].pid == pid && g->users[i].start_ticks == start_ticks)
			return &g->users[i];
	return NULL;
}

/* A process that draws and computes is in both lists, each time with all that it holds. */
static void note_user(struct nvml_gpu *g, const struct nvml_process *p, int root_fd, entity_id gpu, struct batch *b)
{
	double bytes = p->used_bytes == NVML_NO_BYTES ? NAN : (double)p->used_bytes;
	char key[PROCESS_KEY_MAX], comm[PROCESS_COMM_MAX];
	struct proc_stat stat;

	if (p->pid == 0 || proc_facts_glance(root_fd, p->pid, &stat) < 0 || stat.ended)
		return; /* it has ended since, or is of another namespace */
	struct nvml_user *u = find_user(g, p->pid, stat.start_ticks);
	if (!u) {
		if (g->n_users == NVML_GPU_USERS)
			return;
		u = &g->users[g->n_users++];
		*u = (struct nvml_user){ .pid = p->pid, .start_ticks = stat.start_ticks, .bytes = NAN };
	}
	u->bytes = u->seen ? fmax(u->bytes, bytes) : bytes;
	u->seen = true;
	key_of(u, key);
	entity_id process = batch_entity(b, ENTITY_PROCESS, key);
	process_comm(stat.comm, comm);
	batch_attr_u64(b, process, "pid", p->pid);
	batch_attr(b, process, "comm", comm);
	batch_link(b, EDGE_USES, process, gpu);
}

/* What no longer uses it. One that has ended is said to be gone: that we named it may have brought it back after others
 * saw its end. */
static void drop_users(struct nvml_gpu *g, int root_fd, entity_id gpu, struct batch *b)
{
	for (size_t i = 0; i < g->n_users;) {
		struct nvml_user *u = &g->users[i];
		if (u->seen) {
			i++;
			continue;
		}
		char key[PROCESS_KEY_MAX];
		struct proc_stat stat;
		key_of(u, key);
		entity_id process = graph_find(b->graph, ENTITY_PROCESS, key);
		if (process != ENTITY_NONE) {
			if (proc_facts_glance(root_fd, u->pid, &stat) < 0 || stat.ended ||
			    stat.start_ticks != u->start_ticks)
				batch_gone(b, process);
			else
				batch_unlink(b, EDGE_USES, process, gpu);
		}
		*u = g->users[--g->n_users];
	}
}

/* On all GPUs, as each told last. NaN: not known of one. */
static double held_by(const struct nvml_gpu *all, size_t n, const struct nvml_user *user)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < all[i].n_users; j++)
			if (all[i].users[j].pid == user->pid && all[i].users[j].start_ticks == user->start_ticks)
				sum += all[i].users[j].bytes;
	return sum;
}

/* ---- whose ---- */

struct owners {
	char path[NVML_GPU_USERS][PROC_FACTS_PATH_BYTES]; /* of the container, pod or step, or the cgroup */
	double bytes[NVML_GPU_USERS];
	size_t n;
};

static bool owner_of(const struct nvml_user *u, int root_fd, char ret_path[PROC_FACTS_PATH_BYTES])
{
	struct cgroup_form form;
	AUTO_CLOSE int fd = -1;

	if (proc_facts_open(root_fd, u->pid, &fd) < 0 || proc_facts_cgroup(fd, ret_path, &form) < 0)
		return false;
	if (form.holder != CGROUP_HOLDER_NONE && form.n_holder < PROC_FACTS_PATH_BYTES)
		ret_path[form.n_holder] = '\0';
	return true;
}

static void add_owner(struct owners *o, const char *path, double bytes)
{
	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->path[i], path) == 0) {
			o->bytes[i] += bytes;
			return;
		}
	memcpy(o->path[o->n], path, strlen(path) + 1);
	o->bytes[o->n++] = bytes;
}

/* Left out when it cannot be told of every process: absent is not zero. */
static void tell_foreign(const struct nvml_gpu *g, int root_fd, entity_id gpu, struct batch *b)
{
	static struct owners owners; /* 33 KiB: one thread, and too much for its stack */
	char path[PROC_FACTS_PATH_BYTES];
	double all = 0, most = 0;

	owners.n = 0;
	for (size_t i = 0; i < g->n_users; i++) {
		if (isnan(g->users[i].bytes) || !owner_of(&g->users[i], root_fd, path))
			return;
		add_owner(&owners, path, g->users[i].bytes);
		all += g->users[i].bytes;
	}
	for (size_t i = 0; i < owners.n; i++)
		most = fmax(most, owners.bytes[i]);
	batch_sample(b, GPU_PROCESS_FOREIGN, gpu, all - most);
}

void nvml_users_read(struct nvml_gpu *g, const struct nvml_gpu *all, size_t n, struct nvml_ask *ask, int root_fd,
		     entity_id gpu, struct batch *b)
{
	struct nvml_process list[2][NVML_GPU_USERS];
	unsigned counts[2] = { NVML_GPU_USERS, NVML_GPU_USERS };
	nvml_return computing = NVML_ASK(ask, DeviceGetComputeRunningProcesses, g->handle, &counts[0], list[0]);
	nvml_return drawing = NVML_ASK(ask, DeviceGetGraphicsRunningProcesses, g->handle, &counts[1], list[1]);

	if (computing == NVML_TOO_SMALL)
		batch_sample(b, GPU_PROCESSES, gpu, counts[0]);
	if (computing != NVML_OK)
		return;
	if (drawing != NVML_OK)
		counts[1] = 0;
	for (size_t i = 0; i < g->n_users; i++)
		g->users[i].seen = false;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < MIN_OF((size_t)counts[k], (size_t)NVML_GPU_USERS); i++)
			note_user(g, &list[k][i], root_fd, gpu, b);
	drop_users(g, root_fd, gpu, b);
	batch_sample(b, GPU_PROCESSES, gpu, (double)g->n_users);
	for (size_t i = 0; i < g->n_users; i++) {
		char key[PROCESS_KEY_MAX];
		double bytes = held_by(all, n, &g->users[i]);
		key_of(&g->users[i], key);
		if (!isnan(bytes))
			batch_sample(b, GPU_PROCESS_MEMORY, batch_entity(b, ENTITY_PROCESS, key), bytes);
	}
	tell_foreign(g, root_fd, gpu, b);
}
