/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_tree.h - the cgroups of this machine, v1, v2 or both: path, kernel id and entity of each.
 *
 * Room: collectors.  Owns: the tree, one folder descriptor a hierarchy, an inotify descriptor.  Thread: the loop.
 * Clock: none (`now` is passed in).
 * Bounds: CGROUP_TREE_MAX_NODES cgroups (further ones are refused and counted), depth CGROUP_TREE_MAX_DEPTH, at
 * most CGROUP_TREE_MAX_SCANS folders read a refresh and CGROUP_TREE_MAX_MISSES unknown ids looked up a refresh.
 *
 * One tree is shared by all collectors that open the same root. A cgroup is one node per *path*: with v1 the
 * same path in several hierarchies is one node, with one kernel id in each hierarchy where it exists. The kernel id
 * (inode number of the folder, kn->id in BPF) is unique within its hierarchy only, so an id is always given together
 * with the hierarchy it is from. On a pure v2 machine every CGROUP_HIER_* means the one hierarchy.
 *
 * Discovery: inotify tells which folders changed, so that a quiet tick costs one read; everything is walked again
 * once a minute, or every five seconds when the watches ran out or the root is a fixture.
 */
#ifndef WHY_COLLECTORS_CGROUP_TREE_H
#define WHY_COLLECTORS_CGROUP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "collectors/collector.h"
#include "model/batch.h"

#define CGROUP_TREE_MAX_NODES  8192 /* 2,000 containers, a pod and a sandbox for each, and what else there is */
#define CGROUP_TREE_MAX_DEPTH  32
#define CGROUP_TREE_MAX_SCANS  1024
#define CGROUP_TREE_MAX_MISSES 64

enum cgroup_mode { CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

/* Where a controller lives. UNIFIED is the cgroup2 hierarchy, if there is one. */
enum cgroup_hier {
	CGROUP_HIER_UNIFIED,
	CGROUP_HIER_CPU,
	CGROUP_HIER_CPUACCT,
	CGROUP_HIER_MEMORY,
	CGROUP_HIER_PIDS,
	CGROUP_HIER_BLKIO,
	CGROUP_HIER_MAX,
};

struct cgroup_node {
	uint32_t index;               /* its slot, below CGROUP_TREE_MAX_NODES: users keep arrays beside the tree */
	uint32_t birth;               /* differs when the slot is taken again by another cgroup */
	uint32_t parent;              /* slot; the root's is its own */
	uint32_t n_children;
	const char *path;             /* "/" is the root */
	uint64_t id[CGROUP_HIER_MAX]; /* 0: does not exist in that hierarchy */
};

struct cgroup_tree;

/* Shared: a second open of the same root gives the same tree. Nothing is walked before the first refresh.
 * -ENOENT: no cgroup file system is mounted below the root; -ENOMEM; -ENOSPC: too many different roots. */
int cgroup_tree_open(const struct collect_env *env, struct cgroup_tree **ret_tree);
void cgroup_tree_close(struct cgroup_tree **tree);

/* Bring the tree up to date and write entities, attributes (path, hierarchy), edges (cgroup IN its parent, the root IN
 * the node) and disappearances into `b`. A second call with the same `now` does nothing. */
void cgroup_tree_refresh(struct cgroup_tree *t, mono_ns_t now, struct batch *b);

enum cgroup_mode cgroup_tree_mode(const struct cgroup_tree *t);
const char *cgroup_mode_name(enum cgroup_mode mode); /* "v1" "hybrid" "v2" */
bool cgroup_tree_has(const struct cgroup_tree *t, enum cgroup_hier hier); /* that hierarchy is mounted */
bool cgroup_tree_is_v2(const struct cgroup_tree *t, enum cgroup_hier hier); /* the controller's files are v2 files */

/* Entity of a kernel id. A cgroup younger than the last refresh is looked up by its file handle; one that was
 * removed lately is still known. ENTITY_NONE: unknown. */
entity_id cgroup_tree_entity(struct cgroup_tree *t, enum cgroup_hier hier, uint64_t id, struct batch *b);
/* Entity of a task that is in `ids[h]` of each hierarchy h (0: not asked): the deepest of them, so that a task that
 * somebody moved in one v1 hierarchy only is blamed on that cgroup. */
entity_id cgroup_tree_entity_of_task(struct cgroup_tree *t, const uint64_t ids[CGROUP_HIER_MAX], struct batch *b);
entity_id cgroup_tree_entity_of_node(struct cgroup_tree *t, const struct cgroup_node *n, struct batch *b);
entity_id cgroup_tree_entity_of_path(struct cgroup_tree *t, const char *path, struct batch *b); /* never makes one */

/* The node of an id or a path as of the last refresh, NULL when unknown. Valid until the next refresh. */
const struct cgroup_node *cgroup_tree_by_id(const struct cgroup_tree *t, enum cgroup_hier hier, uint64_t id);
const struct cgroup_node *cgroup_tree_by_path(const struct cgroup_tree *t, const char *path);
/* Walk all: *cursor 0 at the start, NULL at the end. */
const struct cgroup_node *cgroup_tree_next(const struct cgroup_tree *t, size_t *cursor);
const struct cgroup_node *cgroup_tree_at(const struct cgroup_tree *t, uint32_t index); /* NULL: slot is free */

/* A look over all tasks found some in this cgroup at `now`; and, for those who would have to read a list of tasks to know
 * it: were there any in the look that was made at `now` or up to three seconds before? *ret_known false: there was no such
 * look. A task that is in several v1 hierarchies is found in one of them only (bpf/task_cgroup.bpf.h). */
void cgroup_tree_saw_tasks(struct cgroup_tree *t, enum cgroup_hier hier, uint64_t id, mono_ns_t now);
bool cgroup_tree_has_tasks(const struct cgroup_tree *t, const struct cgroup_node *n, mono_ns_t now, bool *ret_known);

/* Open a file of the cgroup in the folder of `hier`, O_CLOEXEC. `flags` as open(2). -ENOENT: no such hierarchy or
 * file; other errors from openat(2). */
int cgroup_tree_open_file(const struct cgroup_tree *t, const struct cgroup_node *n, enum cgroup_hier hier,
			  const char *name, int flags, int *ret_fd);

size_t cgroup_tree_count(const struct cgroup_tree *t);
uint64_t cgroup_tree_refused(const struct cgroup_tree *t); /* cgroups not taken in for want of room, since birth */

#endif
