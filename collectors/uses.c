// SPDX-License-Identifier: Apache-2.0
/* What the processes of jobs use: mounts and disks, GPUs, network interfaces, listening sockets; from /proc/PID/fd, the
 * working directory and the mount tables.
 *
 * Only the links in /proc/PID/fd are read, the files behind them never touched: a dead file server cannot hold the
 * agent up. A file that is only mapped, its descriptor closed, is not seen. Every process is looked at within a second
 * or two of its joining a job, then every MIN_AGAIN_NS as the bounds allow; what was not seen for FORGET_NS is no
 * longer used: a loader that opens a file for a moment now and then uses its mount in between.
 *
 * Bounds: MAX_MEMBERS processes, MAX_USES things each; MAX_AGAIN processes and MAX_AGAIN_FDS descriptors a tick, more
 * of new ones (what has more descriptors is read on next time where it was left); what is above is counted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "base/text.h"

#include "collectors/collector.h"
#include "collectors/proc_facts.h"
#include "collectors/process.h"
#include "collectors/uses_devices.h"
#include "collectors/uses_mounts.h"
#include "collectors/uses_sockets.h"

#define MAX_MEMBERS   4096
#define MAX_USES      16
#define MAX_NEW       32 /* processes a tick that were not looked at before */
#define MAX_NEW_FDS   1024
#define MAX_AGAIN     12 /* and such that were: about 2.5 us a descriptor, 50 us a process */
#define MAX_AGAIN_FDS 384
#define MAX_OF_ONE    256 /* processes of one rank or job */
#define MIN_AGAIN_NS  (4 * NS_PER_S)
#define TABLES_NS     (10 * NS_PER_S)
#define SOCKETS_NS    (30 * NS_PER_S) /* the kernel walks its whole table of connections for it: milliseconds */
#define FORGET_NS     (180 * NS_PER_S)
#define PATH_BYTES    4096

enum { PROCESSES, LEFT_OUT, N_METRICS };

static const struct metric_desc metrics[N_METRICS] = {
	[PROCESSES] = { "node.uses.processes", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
			"Processes of jobs whose open files, devices and sockets are followed", NULL, NULL },
	[LEFT_OUT] = { "node.uses.left_out", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
		       "Processes that may not be looked into; processes, things they use and tables that did not fit "
		       "the bounds",
		       NULL, NULL },
};

struct use {
	entity_id what;
	mono_ns_t seen;
};

struct member {
	entity_id process; /* ENTITY_NONE: free */
	mono_ns_t looked;  /* 0: not yet */
	uint32_t next_fd;
	struct use uses[MAX_USES];
};

struct uses {
	int root_fd;
	struct uses_mounts *mounts;
	struct uses_sockets *sockets;
	struct uses_devices devices;
	struct u64map *known; /* entity -> position in members */
	struct member members[MAX_MEMBERS];
	size_t n_members, turn;
	mono_ns_t tables_at, sockets_at;
	uint64_t left_out;
	/* of the process looked at */
	struct member *member;
	struct batch *out;
	int proc_fd;
	bool sockets_asked, our_sockets;
	char path[PATH_BYTES];
};

static void uses_close(void *state)
{
	struct uses *u = state;

	if (!u)
		return;
	uses_mounts_free(&u->mounts);
	uses_sockets_free(&u->sockets);
	u64map_free(&u->known);
	free(u);
}

static void uses_cleanup(struct uses **u)
{
	uses_close(*u);
}

static int uses_open(const struct collect_env *env, void **ret_state)
{
	AUTO(uses_cleanup) struct uses *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->root_fd = env->root_fd;
	int r = uses_mounts_new(env->root_fd, &u->mounts);
	if (r == 0)
		r = uses_sockets_new(env->root_fd, env->fixture, &u->sockets);
	if (r == 0)
		r = u64map_new(MAX_MEMBERS, &u->known);
	if (r < 0)
		return r;
	*ret_state = TAKE_PTR(u);
	return 0;
}

/* ---- whom ---- */

static bool is_alive(const struct graph *g, entity_id id)
{
	return id != ENTITY_NONE && graph_exists(g, id) && !graph_is_gone(g, id, NULL);
}

static void add_member(struct uses *u, entity_id process)
{
	uint64_t at;

	if (u64map_get(u->known, process, &at))
		return;
	if (u->n_members == MAX_MEMBERS || u64map_set(u->known, process, u->n_members) < 0) {
		u->left_out++;
		return;
	}
	u->members[u->n_members++] = (struct member){ .process = process };
}

static void remove_member(struct uses *u, size_t i)
{
	(void)u64map_remove(u->known, u->members[i].process);
	u->members[i] = u->members[--u->n_members];
	if (i < u->n_members)
		(void)u64map_set(u->known, u->members[i].process, i);
}

static void add_members_of(struct uses *u, const struct graph *g, enum entity_kind kind)
{
	entity_id near[MAX_OF_ONE];
	size_t cursor = 0;

	for (entity_id id; (id = graph_next(g, kind, &cursor)) != ENTITY_NONE;) {
		size_t n = graph_neighbours(g, id, true, ENTITY_PROCESS, near, MAX_OF_ONE);
		for (size_t i = 0; i < MIN_OF(n, (size_t)MAX_OF_ONE); i++)
			if (is_alive(g, near[i]))
				add_member(u, near[i]);
	}
}

/* ---- what ---- */

static void note_use(struct uses *u, entity_id what)
{
	struct use *free_one = NULL;

	if (what == ENTITY_NONE)
		return;
	for (size_t i = 0; i < MAX_USES; i++) {
		struct use *use = &u->member->uses[i];
		if (use->what == what) {
			use->seen = u->out->now;
			return;
		}
		if (use->what == ENTITY_NONE && !free_one)
			free_one = use;
	}
	if (!free_one) {
		u->left_out++;
		return;
	}
	*free_one = (struct use){ .what = what, .seen = u->out->now };
	batch_link(u->out, EDGE_USES, u->member->process, what);
}

static void drop_old_uses(struct uses *u, struct member *m, struct batch *out)
{
	for (size_t i = 0; i < MAX_USES; i++) {
		struct use *use = &m->uses[i];
		if (use->what == ENTITY_NONE)
			continue;
		bool alive = is_alive(out->graph, use->what);
		if (alive && mono_since(use->seen, out->now) < FORGET_NS)
			continue;
		if (alive)
			batch_unlink(out, EDGE_USES, m->process, use->what);
		use->what = ENTITY_NONE;
	}
	(void)u;
}

static void note_disk(struct uses *u, const char *disk)
{
	note_use(u, graph_find(u->out->graph, ENTITY_DISK, disk));
}

static void note_path(struct uses *u, const char *path)
{
	char disk[USES_DEVICE_NAME];
	uint32_t major, minor;
	const char *gpu = uses_devices_gpu(&u->devices, path);

	if (gpu) {
		note_use(u, batch_entity(u->out, ENTITY_GPU, gpu));
		return;
	}
	if (uses_devices_disk(&u->devices, path, disk)) {
		note_disk(u, disk);
		return;
	}
	entity_id mount = uses_mounts_find(u->mounts, path, u->out->graph, &major, &minor);
	if (mount != ENTITY_NONE)
		note_use(u, mount);
	else if (uses_devices_disk_of(&u->devices, major, minor, disk))
		note_disk(u, disk);
}

static bool are_our_sockets(struct uses *u)
{
	if (u->out->now >= u->sockets_at) {
		(void)uses_sockets_refresh(u->sockets);
		u->sockets_at = u->out->now + SOCKETS_NS;
	}
	if (!u->sockets_asked)
		u->our_sockets = uses_sockets_is_ours(u->sockets, u->proc_fd);
	u->sockets_asked = true;
	return u->our_sockets;
}

static void note_socket(struct uses *u, const char *number)
{
	char key[USES_SOCKET_KEY], digits[24];
	uint64_t inode;

	(void)text_copy(digits, sizeof(digits), number);
	digits[strcspn(digits, "]")] = '\0';
	if (text_parse_u64(digits, &inode) < 0 || !are_our_sockets(u))
		return;
	switch (uses_sockets_find(u->sockets, inode, key)) {
	case USES_SOCKET_LISTENS:
		note_use(u, graph_find(u->out->graph, ENTITY_SOCKET, key));
		break;
	case USES_SOCKET_TALKS:
		if (key[0])
			note_use(u, graph_find(u->out->graph, ENTITY_NIC, key));
		break;
	default:
		break;
	}
}

static void note_link(struct uses *u, int dirfd, const char *name)
{
	ssize_t n = readlinkat(dirfd, name, u->path, sizeof(u->path) - 1);

	if (n <= 0)
		return;
	u->path[n] = '\0';
	if (strncmp(u->path, "socket:[", 8) == 0)
		note_socket(u, u->path + 8);
	else if (u->path[0] == '/' && strncmp(u->path, "/memfd:", 7) != 0)
		note_path(u, u->path);
}

/* Descriptors from where it was left; how many. */
static unsigned read_fds(struct uses *u, int proc_fd, unsigned max)
{
	unsigned n = 0;
	int fd;

	if (file_open_dir_at(proc_fd, "fd", &fd) < 0) {
		u->left_out++; /* it has capabilities that the agent has not */
		return 0;
	}
	/* The kernel's position is the descriptor's number and two for "." and "..". */
	if (u->member->next_fd)
		(void)lseek(fd, u->member->next_fd + 2, SEEK_SET);
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return 0;
	}
	u->member->next_fd = 0;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		uint64_t number;
		if (text_parse_u64(e->d_name, &number) < 0)
			continue;
		if (n == max) {
			u->member->next_fd = (uint32_t)number;
			break;
		}
		note_link(u, dirfd(dir), e->d_name);
		n++;
	}
	return n;
}

/* How many descriptors were read. */
static unsigned look_at(struct uses *u, struct member *m, unsigned max)
{
	const char *key = graph_key(u->out->graph, m->process);
	struct proc_stat stat;
	uint64_t start;
	uint32_t pid;
	AUTO_CLOSE int proc_fd = -1;

	m->looked = u->out->now;
	if (!key || process_key_parse(key, &pid, &start) < 0 || proc_facts_open(u->root_fd, pid, &proc_fd) < 0 ||
	    proc_facts_stat(proc_fd, &stat) < 0 || stat.start_ticks != start || stat.ended)
		return 1;
	u->member = m;
	u->proc_fd = proc_fd;
	u->sockets_asked = false;
	(void)uses_mounts_enter(u->mounts, proc_fd);
	note_link(u, proc_fd, "cwd");
	return 1 + read_fds(u, proc_fd, max);
}

static void refresh_tables(struct uses *u, mono_ns_t now)
{
	(void)uses_mounts_refresh(u->mounts);
	uses_devices_read(&u->devices, u->root_fd);
	u->tables_at = now + TABLES_NS;
}

static void drop_dead(struct uses *u, const struct graph *g)
{
	for (size_t i = u->n_members; i-- > 0;)
		if (!is_alive(g, u->members[i].process))
			remove_member(u, i);
}

static unsigned look_and_forget(struct uses *u, struct member *m, mono_ns_t now, unsigned max)
{
	if (now >= u->tables_at)
		refresh_tables(u, now);
	unsigned n = look_at(u, m, max);
	drop_old_uses(u, m, u->out);
	return n;
}

/* Those never looked at first, then the others in turn. */
static void look_at_some(struct uses *u, mono_ns_t now)
{
	unsigned processes = 0, fds = 0;

	for (size_t i = 0; i < u->n_members && processes < MAX_NEW && fds < MAX_NEW_FDS; i++) {
		if (u->members[i].looked)
			continue;
		fds += look_and_forget(u, &u->members[i], now, MAX_NEW_FDS - fds);
		processes++;
	}
	for (size_t i = 0; i < u->n_members && processes < MAX_AGAIN && fds < MAX_AGAIN_FDS; i++) {
		struct member *m = &u->members[u->turn++ % u->n_members];
		if (!m->looked || mono_since(m->looked, now) < MIN_AGAIN_NS)
			continue;
		fds += look_and_forget(u, m, now, MAX_AGAIN_FDS - fds);
		processes++;
	}
}

static int uses_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct uses *u = state;

	u->out = out;
	drop_dead(u, out->graph);
	add_members_of(u, out->graph, ENTITY_RANK);
	add_members_of(u, out->graph, ENTITY_JOB);
	look_at_some(u, now);
	batch_sample(out, PROCESSES, graph_node(out->graph), (double)u->n_members);
	batch_sample(out, LEFT_OUT, graph_node(out->graph),
		     (double)(u->left_out + uses_mounts_cut(u->mounts) + uses_sockets_cut(u->sockets)));
	u->out = NULL;
	return 0;
}

static int uses_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	if (faccessat(env->root_fd, "proc/1", F_OK, 0) == 0)
		return 0;
	(void)snprintf(ret_reason, size, "processes cannot be seen: is /proc mounted?");
	return -ENOENT;
}

const struct collector collector_uses = {
	.name = "uses",
	.help = "What processes of jobs use: mounts, disks, GPUs, network interfaces, listening sockets",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.probe = uses_probe,
	.open = uses_open,
	.collect = uses_collect,
	.close = uses_close,
};
