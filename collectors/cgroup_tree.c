// SPDX-License-Identifier: Apache-2.0
#include "collectors/cgroup_tree.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/text.h"

#include "collectors/cgroup_mounts.h"

#define MAX_TREES     4
#define MAX_WATCHES   16384
#define MAX_LATE      256 /* removed cgroups whose id is still known */
#define NO_SLOT       UINT32_MAX
#define FULL_SCAN_NS  (60 * NS_PER_S)
#define BLIND_SCAN_NS (5 * NS_PER_S)
#define TASKS_STALE_NS (3 * NS_PER_S)

struct slot {
	struct cgroup_node node; /* .path NULL: free */
	entity_id entity;
	uint32_t first_child, next_sibling;
	uint16_t depth;
	uint16_t dirty;                  /* bit h: its folder in h is to be read */
	uint32_t seen[CGROUP_HIER_MAX];  /* scan that last found it there */
	mono_ns_t tasks_at;              /* when tasks were last seen in it */
};

struct late {
	uint64_t id;
	enum cgroup_hier hier;
	entity_id entity;
};

struct cgroup_tree {
	unsigned n_users;
	dev_t dev;
	ino_t ino;
	bool fixture;
	struct cgroup_mounts mounts;
	struct slot slots[CGROUP_TREE_MAX_NODES];
	uint32_t n_slots, free_slot, births, scan; /* free_slot chains by next_sibling */
	size_t n_nodes, n_dirty;
	struct strmap *by_path;
	struct u64map *by_id[CGROUP_HIER_MAX];
	int inotify_fd;
	struct u64map *watches; /* watch -> slot << 4 | hier */
	bool blind;             /* not every folder is watched */
	struct late late[MAX_LATE];
	unsigned next_late, n_misses;
	mono_ns_t now, next_full, tasks_at;
	bool ever;
	const struct graph *graph;
	uint64_t refused;
	char scratch[16384]; /* of getdents and inotify */
};

static struct cgroup_tree *trees[MAX_TREES];

/* ---- nodes ---- */

static void mark_dirty(struct cgroup_tree *t, uint32_t i, enum cgroup_hier h)
{
	if (t->slots[i].dirty & 1U << h)
		return;
	t->slots[i].dirty |= (uint16_t)(1U << h);
	t->n_dirty++;
}

static uint32_t slot_take(struct cgroup_tree *t)
{
	uint32_t i = t->free_slot;
	if (i != NO_SLOT)
		t->free_slot = t->slots[i].next_sibling;
	else if (t->n_slots < CGROUP_TREE_MAX_NODES)
		i = t->n_slots++;
	return i;
}

static void slot_give(struct cgroup_tree *t, uint32_t i)
{
	memset(&t->slots[i], 0, sizeof(t->slots[i]));
	t->slots[i].next_sibling = t->free_slot;
	t->free_slot = i;
}

/* NO_SLOT: no room, or out of memory. `parent` NO_SLOT makes the root. */
static uint32_t node_new(struct cgroup_tree *t, uint32_t parent, const char *path)
{
	AUTO_FREE char *copy = strdup(path);
	uint32_t i = copy ? slot_take(t) : NO_SLOT;
	if (i == NO_SLOT) {
		t->refused++;
		return NO_SLOT;
	}
	if (strmap_set(t->by_path, path, i) < 0) {
		slot_give(t, i);
		t->refused++;
		return NO_SLOT;
	}
	struct slot *s = &t->slots[i];
	*s = (struct slot){ .node = { .index = i, .birth = ++t->births, .parent = parent == NO_SLOT ? i : parent,
				      .path = TAKE_PTR(copy) },
			    .first_child = NO_SLOT, .next_sibling = NO_SLOT };
	if (parent != NO_SLOT) {
		s->depth = t->slots[parent].depth + 1;
		s->next_sibling = t->slots[parent].first_child;
		t->slots[parent].first_child = i;
		t->slots[parent].node.n_children++;
	}
	t->n_nodes++;
	return i;
}

static void node_free(struct cgroup_tree *t, uint32_t i, struct batch *b)
{
	struct slot *s = &t->slots[i];
	if (s->node.parent != i) {
		struct slot *parent = &t->slots[s->node.parent];
		for (uint32_t *link = &parent->first_child; *link != NO_SLOT; link = &t->slots[*link].next_sibling)
			if (*link == i) {
				*link = s->next_sibling;
				parent->node.n_children--;
				break;
			}
	}
	if (b && s->entity != ENTITY_NONE && t->graph == b->graph)
		batch_gone(b, s->entity);
	(void)strmap_remove(t->by_path, s->node.path);
	t->n_dirty -= (size_t)__builtin_popcount(s->dirty);
	t->n_nodes--;
	free((char *)(uintptr_t)s->node.path);
	slot_give(t, i);
}

static void remember_late(struct cgroup_tree *t, enum cgroup_hier h, const struct slot *s)
{
	t->late[t->next_late] = (struct late){ .id = s->node.id[h], .hier = h, .entity = s->entity };
	t->next_late = (t->next_late + 1) % MAX_LATE;
}

/* The folder in `h` is gone, and with it all below. A node that is nowhere any more is freed.
 * Recursion is as deep as the tree, CGROUP_TREE_MAX_DEPTH. */
static void node_leave(struct cgroup_tree *t, uint32_t i, enum cgroup_hier h, struct batch *b)
{
	struct slot *s = &t->slots[i];
	for (uint32_t child = s->first_child, next; child != NO_SLOT; child = next) {
		next = t->slots[child].next_sibling;
		if (t->slots[child].node.id[h])
			node_leave(t, child, h, b);
	}
	remember_late(t, h, s);
	(void)u64map_remove(t->by_id[h], s->node.id[h]);
	s->node.id[h] = 0;
	if (s->dirty & 1U << h) {
		s->dirty &= (uint16_t)~(1U << h);
		t->n_dirty--;
	}
	for (size_t other = 0; other < CGROUP_HIER_MAX; other++)
		if (s->node.id[other])
			return;
	if (s->node.parent != i)
		node_free(t, i, b);
}

static void node_appear(struct cgroup_tree *t, uint32_t i, enum cgroup_hier h, uint64_t id)
{
	t->slots[i].node.id[h] = id;
	(void)u64map_set(t->by_id[h], id, i);
	mark_dirty(t, i, h);
}

static const char *below_root(const struct slot *s)
{
	return s->node.path[1] ? s->node.path + 1 : ".";
}

static bool child_path(const struct slot *parent, const char *name, char *ret_path, size_t size)
{
	const char *base = parent->node.path[1] ? parent->node.path : "";
	int n = snprintf(ret_path, size, "%s/%s", base, name);
	return n > 0 && (size_t)n < size;
}

/* ---- entities ---- */

entity_id cgroup_tree_entity_of_node(struct cgroup_tree *t, const struct cgroup_node *n, struct batch *b)
{
	struct slot *s = &t->slots[n->index];
	if (t->graph != b->graph) {
		for (uint32_t i = 0; i < t->n_slots; i++)
			t->slots[i].entity = ENTITY_NONE;
		memset(t->late, 0, sizeof(t->late));
		t->graph = b->graph;
	}
	if (s->entity != ENTITY_NONE)
		return s->entity;
	entity_id above = graph_node(b->graph);
	if (n->parent != n->index)
		above = cgroup_tree_entity_of_node(t, &t->slots[n->parent].node, b);
	s->entity = batch_entity(b, ENTITY_CGROUP, n->path);
	if (s->entity == ENTITY_NONE)
		return ENTITY_NONE;
	batch_attr(b, s->entity, "path", n->path);
	batch_attr(b, s->entity, "hierarchy", cgroup_mode_name(t->mounts.mode));
	if (above != ENTITY_NONE)
		batch_link(b, EDGE_IN, s->entity, above);
	return s->entity;
}

/* ---- discovery ---- */

static void watch_folder(struct cgroup_tree *t, uint32_t i, enum cgroup_hier h, int fd)
{
	char link[64];
	if (t->inotify_fd < 0) {
		t->blind = true;
		return;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	int wd = inotify_add_watch(t->inotify_fd, link, IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR);
	if (wd < 0 || u64map_set(t->watches, (uint64_t)wd, (uint64_t)i << 4 | h) < 0)
		t->blind = true;
}

static void found_child(struct cgroup_tree *t, uint32_t parent, enum cgroup_hier h, const char *name, uint64_t id,
			struct batch *b)
{
	char path[GRAPH_MAX_KEY];
	uint32_t i;
	if (t->slots[parent].depth + 1 >= CGROUP_TREE_MAX_DEPTH ||
	    !child_path(&t->slots[parent], name, path, sizeof(path))) {
		t->refused++;
		return;
	}
	if (strmap_get(t->by_path, path, &i) && t->slots[i].node.id[h] && t->slots[i].node.id[h] != id)
		node_leave(t, i, h, b); /* removed and made again: a different cgroup of the same name */
	if (!strmap_get(t->by_path, path, &i))
		i = node_new(t, parent, path);
	if (i == NO_SLOT)
		return;
	if (!t->slots[i].node.id[h])
		node_appear(t, i, h, id);
	t->slots[i].seen[h] = t->scan;
	(void)cgroup_tree_entity_of_node(t, &t->slots[i].node, b);
}

static void read_children(struct cgroup_tree *t, uint32_t i, enum cgroup_hier h, int fd, struct batch *b)
{
	for (;;) {
		ssize_t n = getdents64(fd, t->scratch, sizeof(t->scratch));
		if (n <= 0)
			return;
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(t->scratch + at);
			at += d->d_reclen;
			if (d->d_type == DT_DIR && strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
				found_child(t, i, h, d->d_name, d->d_ino, b);
		}
	}
}

static void scan_folder(struct cgroup_tree *t, uint32_t i, enum cgroup_hier h, struct batch *b)
{
	struct slot *s = &t->slots[i];
	s->dirty &= (uint16_t)~(1U << h);
	t->n_dirty--;
	AUTO_CLOSE int fd = openat(t->mounts.fd[h], below_root(s), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return; /* removed meanwhile: its parent is dirty as well */
	watch_folder(t, i, h, fd);
	t->scan++;
	read_children(t, i, h, fd, b);
	for (uint32_t child = s->first_child, next; child != NO_SLOT; child = next) {
		next = t->slots[child].next_sibling;
		if (t->slots[child].node.id[h] && t->slots[child].seen[h] != t->scan)
			node_leave(t, child, h, b);
	}
}

static void read_watches(struct cgroup_tree *t)
{
	for (;;) {
		ssize_t n = read(t->inotify_fd, t->scratch, sizeof(t->scratch));
		if (n <= 0)
			return;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(t->scratch + at);
			uint64_t where;
			at += (ssize_t)(sizeof(*e) + e->len);
			if (e->mask & IN_Q_OVERFLOW)
				t->next_full = 0;
			if (!u64map_get(t->watches, (uint64_t)e->wd, &where))
				continue;
			if (e->mask & IN_IGNORED)
				(void)u64map_remove(t->watches, (uint64_t)e->wd);
			else if (e->mask & IN_ISDIR && t->slots[where >> 4].node.id[where & 15])
				mark_dirty(t, (uint32_t)(where >> 4), (enum cgroup_hier)(where & 15));
		}
	}
}

static void mark_all(struct cgroup_tree *t)
{
	t->blind = false;
	for (uint32_t i = 0; i < t->n_slots; i++)
		for (size_t h = 0; t->slots[i].node.path && h < CGROUP_HIER_MAX; h++)
			if (t->slots[i].node.id[h])
				mark_dirty(t, i, (enum cgroup_hier)h);
}

void cgroup_tree_refresh(struct cgroup_tree *t, mono_ns_t now, struct batch *b)
{
	if (t->ever && t->now == now && t->graph == b->graph)
		return;
	(void)cgroup_tree_entity_of_node(t, &t->slots[0].node, b);
	t->ever = true;
	t->now = now;
	t->n_misses = 0;
	if (t->inotify_fd >= 0)
		read_watches(t);
	if (now >= t->next_full) {
		mark_all(t);
		t->next_full = now + FULL_SCAN_NS;
	}
	unsigned scans = 0;
	while (t->n_dirty > 0 && scans < CGROUP_TREE_MAX_SCANS) {
		for (uint32_t i = 0; i < t->n_slots && scans < CGROUP_TREE_MAX_SCANS; i++)
			for (size_t h = 0; t->slots[i].dirty && h < CGROUP_HIER_MAX; h++)
				if (t->slots[i].dirty & 1U << h) {
					scan_folder(t, i, (enum cgroup_hier)h, b);
					scans++;
				}
	}
	if (t->blind && t->next_full > now + BLIND_SCAN_NS)
		t->next_full = now + BLIND_SCAN_NS;
}

/* ---- life ---- */

static void tree_free(struct cgroup_tree **tree)
{
	struct cgroup_tree *t = *tree;
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n_slots; i++)
		free((char *)(uintptr_t)t->slots[i].node.path);
	strmap_free(&t->by_path);
	u64map_free(&t->watches);
	for (size_t h = 0; h < CGROUP_HIER_MAX; h++)
		u64map_free(&t->by_id[h]);
	cgroup_mounts_close(&t->mounts);
	cleanup_close(&t->inotify_fd);
	free(t);
	*tree = NULL;
}

static int make_root(struct cgroup_tree *t)
{
	uint32_t root = node_new(t, NO_SLOT, "/");
	if (root != 0)
		return -ENOMEM;
	for (size_t h = 0; h < CGROUP_HIER_MAX; h++) {
		struct stat st;
		if (t->mounts.fd[h] < 0)
			continue;
		if (fstat(t->mounts.fd[h], &st) < 0)
			return -errno;
		int r = u64map_new(CGROUP_TREE_MAX_NODES, &t->by_id[h]);
		if (r < 0)
			return r;
		node_appear(t, root, (enum cgroup_hier)h, st.st_ino);
	}
	return 0;
}

static int tree_new(const struct collect_env *env, const struct stat *root, struct cgroup_tree **ret_tree)
{
	struct cgroup_mounts mounts;
	int r = cgroup_mounts_open(env->root_fd, &mounts);
	if (r < 0)
		return r;
	AUTO(tree_free) struct cgroup_tree *t = calloc(1, sizeof(*t));
	if (!t) {
		cgroup_mounts_close(&mounts);
		return -ENOMEM;
	}
	t->mounts = mounts;
	t->dev = root->st_dev;
	t->ino = root->st_ino;
	t->fixture = env->fixture;
	t->free_slot = NO_SLOT;
	t->inotify_fd = env->fixture ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	r = strmap_new(CGROUP_TREE_MAX_NODES, GRAPH_MAX_KEY, &t->by_path);
	if (r < 0)
		return r;
	r = u64map_new(MAX_WATCHES, &t->watches);
	if (r < 0)
		return r;
	r = make_root(t);
	if (r < 0)
		return r;
	*ret_tree = TAKE_PTR(t);
	return 0;
}

int cgroup_tree_open(const struct collect_env *env, struct cgroup_tree **ret_tree)
{
	struct stat root;
	size_t unused = MAX_TREES;
	if (fstat(env->root_fd, &root) < 0)
		return -errno;
	for (size_t i = MAX_TREES; i-- > 0;) {
		if (!trees[i]) {
			unused = i;
		} else if (trees[i]->dev == root.st_dev && trees[i]->ino == root.st_ino) {
			trees[i]->n_users++;
			*ret_tree = trees[i];
			return 0;
		}
	}
	if (unused == MAX_TREES)
		return -ENOSPC;
	int r = tree_new(env, &root, &trees[unused]);
	if (r < 0)
		return r;
	trees[unused]->n_users = 1;
	*ret_tree = trees[unused];
	return 0;
}

void cgroup_tree_close(struct cgroup_tree **tree)
{
	struct cgroup_tree *t = *tree;
	*tree = NULL;
	if (!t || --t->n_users > 0)
		return;
	for (size_t i = 0; i < MAX_TREES; i++)
		if (trees[i] == t)
			tree_free(&trees[i]);
}

/* ---- asking ---- */

enum cgroup_mode cgroup_tree_mode(const struct cgroup_tree *t)
{
	return t->mounts.mode;
}

bool cgroup_tree_has(const struct cgroup_tree *t, enum cgroup_hier hier)
{
	return t->mounts.fd[t->mounts.home[hier]] >= 0;
}

bool cgroup_tree_is_v2(const struct cgroup_tree *t, enum cgroup_hier hier)
{
	return t->mounts.home[hier] == CGROUP_HIER_UNIFIED && t->mounts.fd[CGROUP_HIER_UNIFIED] >= 0;
}

const struct cgroup_node *cgroup_tree_by_id(const struct cgroup_tree *t, enum cgroup_hier hier, uint64_t id)
{
	uint64_t i;
	enum cgroup_hier home = t->mounts.home[hier];
	if (!t->by_id[home] || !id || !u64map_get(t->by_id[home], id, &i))
		return NULL;
	return &t->slots[i].node;
}

const struct cgroup_node *cgroup_tree_by_path(const struct cgroup_tree *t, const char *path)
{
	uint32_t i;
	return strmap_get(t->by_path, path, &i) ? &t->slots[i].node : NULL;
}

const struct cgroup_node *cgroup_tree_at(const struct cgroup_tree *t, uint32_t index)
{
	return index < t->n_slots && t->slots[index].node.path ? &t->slots[index].node : NULL;
}

const struct cgroup_node *cgroup_tree_next(const struct cgroup_tree *t, size_t *cursor)
{
	while (*cursor < t->n_slots) {
		const struct slot *s = &t->slots[(*cursor)++];
		if (s->node.path)
			return &s->node;
	}
	return NULL;
}

void cgroup_tree_saw_tasks(struct cgroup_tree *t, enum cgroup_hier hier, uint64_t id, mono_ns_t now)
{
	const struct cgroup_node *n = cgroup_tree_by_id(t, hier, id);
	if (n)
		t->slots[n->index].tasks_at = now;
	t->tasks_at = now;
}

bool cgroup_tree_has_tasks(const struct cgroup_tree *t, const struct cgroup_node *n, mono_ns_t now, bool *ret_known)
{
	mono_ns_t at = t->slots[n->index].tasks_at;
	*ret_known = t->tasks_at && mono_since(t->tasks_at, now) <= TASKS_STALE_NS;
	return *ret_known && at && mono_since(at, now) <= TASKS_STALE_NS;
}

/* Younger than the last refresh: ask the kernel for its path, and take in the chain above it. */
static const struct cgroup_node *look_up(struct cgroup_tree *t, enum cgroup_hier h, uint64_t id, struct batch *b)
{
	char path[GRAPH_MAX_KEY], chain[GRAPH_MAX_KEY] = "";
	uint32_t at = 0;
	char *save = NULL;
	size_t len = 0;
	if (cgroup_mounts_path_of_id(&t->mounts, h, id, path, sizeof(path)) < 0)
		return NULL;
	for (char *name = strtok_r(path, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		struct stat st;
		len += (size_t)snprintf(chain + len, sizeof(chain) - len, "/%s", name);
		if (len >= sizeof(chain) || fstatat(t->mounts.fd[h], chain + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return NULL;
		found_child(t, at, h, name, st.st_ino, b);
		if (!strmap_get(t->by_path, chain, &at))
			return NULL;
	}
	return cgroup_tree_by_id(t, h, id);
}

entity_id cgroup_tree_entity(struct cgroup_tree *t, enum cgroup_hier hier, uint64_t id, struct batch *b)
{
	enum cgroup_hier home = t->mounts.home[hier];
	const struct cgroup_node *n = cgroup_tree_by_id(t, home, id);
	if (n)
		return cgroup_tree_entity_of_node(t, n, b);
	if (!id || t->graph != b->graph)
		return ENTITY_NONE;
	for (size_t i = 0; i < MAX_LATE; i++)
		if (t->late[i].id == id && t->late[i].hier == home)
			return t->late[i].entity;
	if (t->fixture || t->mounts.fd[home] < 0 || t->n_misses >= CGROUP_TREE_MAX_MISSES)
		return ENTITY_NONE;
	t->n_misses++;
	n = look_up(t, home, id, b);
	return n ? cgroup_tree_entity_of_node(t, n, b) : ENTITY_NONE;
}

entity_id cgroup_tree_entity_of_task(struct cgroup_tree *t, const uint64_t ids[CGROUP_HIER_MAX], struct batch *b)
{
	static const enum cgroup_hier order[] = { CGROUP_HIER_MEMORY, CGROUP_HIER_CPU,   CGROUP_HIER_PIDS,
						  CGROUP_HIER_UNIFIED, CGROUP_HIER_CPUACCT, CGROUP_HIER_BLKIO };
	const struct cgroup_node *best = NULL;
	for (size_t k = 0; k < ARRAY_LEN(order); k++) {
		uint64_t id = ids[order[k]];
		const struct cgroup_node *n = cgroup_tree_by_id(t, order[k], id);
		if (!n && id && cgroup_tree_entity(t, order[k], id, b) != ENTITY_NONE)
			n = cgroup_tree_by_id(t, order[k], id);
		if (n && (!best || t->slots[n->index].depth > t->slots[best->index].depth))
			best = n;
	}
	return best ? cgroup_tree_entity_of_node(t, best, b) : ENTITY_NONE;
}

entity_id cgroup_tree_entity_of_path(struct cgroup_tree *t, const char *path, struct batch *b)
{
	const struct cgroup_node *n = cgroup_tree_by_path(t, path);
	return n ? cgroup_tree_entity_of_node(t, n, b) : ENTITY_NONE;
}

int cgroup_tree_open_file(const struct cgroup_tree *t, const struct cgroup_node *n, enum cgroup_hier hier,
			  const char *name, int flags, int *ret_fd)
{
	char path[GRAPH_MAX_KEY + 64];
	enum cgroup_hier home = t->mounts.home[hier];
	if (t->mounts.fd[home] < 0 || !n->id[home])
		return -ENOENT;
	int len = snprintf(path, sizeof(path), "%s/%s", below_root(&t->slots[n->index]), name);
	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	int fd = openat(t->mounts.fd[home], path, flags | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

size_t cgroup_tree_count(const struct cgroup_tree *t)
{
	return t->n_nodes;
}

uint64_t cgroup_tree_refused(const struct cgroup_tree *t)
{
	return t->refused;
}
