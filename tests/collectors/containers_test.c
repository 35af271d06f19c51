// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "collectors/cgroup_tree.h"
#include "collectors/process.h"
#include "tests/collectors/harness.h"
#include "tests/collectors/real_cgroup.h"
#include "tests/collectors/scene.h"

extern const struct collector collector_containers;

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2   "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID   "3c5ac6d1-8b0e-4a5f-9e63-0f1d2c3b4a59"
#define SLICE "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod3c5ac6d1_8b0e_4a5f_9e63_0f1d2c3b4a59.slice"
#define SCOPE SLICE "/cri-containerd-" ID ".scope"
#define OURS  "name of pod " UID ": no container runtime or kubelet has told it"

/* A node that nothing is read of: the test says what other collectors saw. */
static struct harness *stage(void)
{
	return harness_open(&collector_containers, "/");
}

static void turn(struct harness *h, mono_ns_t now)
{
	batch_reset(h->batch, now);
	batch_set_metric_base(h->batch, h->first);
}

static entity_id cgroup(struct harness *h, const char *path)
{
	entity_id id = batch_entity(h->batch, ENTITY_CGROUP, path);

	assert_int_not_equal(id, ENTITY_NONE);
	batch_attr(h->batch, id, "path", path);
	return id;
}

static entity_id find(struct harness *h, enum entity_kind kind, const char *key)
{
	return graph_find(h->graph, kind, key);
}

static bool linked(struct harness *h, entity_id from, enum edge_kind kind, entity_id to)
{
	struct graph_edge edges[64];
	size_t n = graph_edges(h->graph, from, edges, ARRAY_LEN(edges));

	for (size_t i = 0; i < n && i < ARRAY_LEN(edges); i++)
		if (edges[i].kind == kind && edges[i].to == to)
			return true;
	return false;
}

static bool gone(struct harness *h, entity_id id)
{
	return graph_is_gone(h->graph, id, NULL);
}

static void attr_is(struct harness *h, entity_id id, const char *name, const char *value)
{
	const char *is = graph_attr(h->graph, id, name);

	if (!value)
		assert_null(is);
	else if (!is)
		fail_msg("no attribute %s", name);
	else
		assert_string_equal(is, value);
}

static void a_cgroup_makes_its_container(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, NS_PER_S);
	(void)cgroup(h, "/kubepods.slice");
	(void)cgroup(h, SLICE);
	entity_id scope = cgroup(h, SCOPE);
	(void)cgroup(h, SCOPE "/init");
	harness_settle(h);
	entity_id id = find(h, ENTITY_CONTAINER, ID);
	assert_int_not_equal(id, ENTITY_NONE);
	attr_is(h, id, "runtime", "containerd");
	attr_is(h, id, "pod_uid", UID);
	attr_is(h, id, "qos", "burstable");
	attr_is(h, id, "source", "cgroup");
	attr_is(h, id, "unresolved", NULL);
	assert_true(linked(h, id, EDGE_IN, scope));
	assert_false(linked(h, id, EDGE_IN, find(h, ENTITY_CGROUP, SCOPE "/init")));
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_node(h, "node.containers") == 1);
	assert_true(harness_node(h, "node.containers.unresolved") == 0);
	assert_true(harness_node(h, "node.containers.refused") == 0);
	/* the same again is no change */
	assert_int_equal(h->batch->n_ops, 0);
	harness_settle(h);
	assert_int_equal(h->batch->n_ops, 0);
	harness_close(&h);
}

static void what_is_no_container_makes_none(void **state)
{
	static const char *const others[] = { "/", "/system.slice/nginx.service", SLICE, "/docker", "/init.scope",
					      "/machine.slice/libpod-conmon-" ID ".scope", SLICE "/crio-conmon-" ID ".scope",
					      "/slurm", "/docker/0123", "/\033[31m" };
	struct harness *h = stage();
	size_t cursor = 0;

	(void)state;
	turn(h, NS_PER_S);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		(void)cgroup(h, others[i]);
	harness_settle(h);
	assert_int_equal(graph_next(h->graph, ENTITY_CONTAINER, &cursor), ENTITY_NONE);
	cursor = 0;
	assert_int_equal(graph_next(h->graph, ENTITY_JOB, &cursor), ENTITY_NONE);
	harness_close(&h);
}

static void it_goes_with_its_last_cgroup(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, NS_PER_S);
	harness_settle(h); /* the first look is over */
	entity_id one = cgroup(h, "/docker/" ID), two = cgroup(h, "/system.slice/x/docker/" ID);
	harness_settle(h);
	entity_id id = find(h, ENTITY_CONTAINER, ID);
	turn(h, 2 * NS_PER_S);
	batch_gone(h->batch, one);
	harness_settle(h);
	assert_false(gone(h, id));
	turn(h, 3 * NS_PER_S);
	batch_gone(h->batch, two);
	harness_settle(h);
	assert_true(gone(h, id));
	/* started again */
	turn(h, 4 * NS_PER_S);
	(void)cgroup(h, "/docker/" ID);
	harness_settle(h);
	assert_false(gone(h, id));
	assert_int_equal(find(h, ENTITY_CONTAINER, ID), id);
	harness_close(&h);
}

/* Removed and made again between two looks: one turn holds both changes. */
static void a_cgroup_made_again_keeps_its_container(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, NS_PER_S);
	entity_id one = cgroup(h, "/docker/" ID);
	harness_settle(h);
	turn(h, 2 * NS_PER_S);
	batch_gone(h->batch, one);
	(void)cgroup(h, "/docker/" ID);
	harness_settle(h);
	assert_false(gone(h, find(h, ENTITY_CONTAINER, ID)));
	harness_close(&h);
}

/* Only the kernel half still knew the cgroup of a process that died in it, and only the deepest. */
static void a_container_that_was_too_quick_is_named(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, NS_PER_S);
	harness_settle(h);
	turn(h, 2 * NS_PER_S);
	entity_id leaf = cgroup(h, "/machine.slice/libpod-" ID ".scope/container");
	batch_gone(h->batch, leaf);
	entity_id process = batch_entity(h->batch, ENTITY_PROCESS, "77/1234");
	batch_link(h->batch, EDGE_IN, process, leaf);
	batch_gone(h->batch, process);
	harness_settle(h);
	entity_id id = find(h, ENTITY_CONTAINER, ID);
	assert_true(gone(h, id));
	attr_is(h, id, "runtime", "podman");
	assert_true(linked(h, id, EDGE_IN, leaf));
	assert_true(linked(h, process, EDGE_IN, id));
	harness_close(&h);
}

static void processes_are_in_their_container(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, NS_PER_S);
	entity_id scope = cgroup(h, SCOPE), below = cgroup(h, SCOPE "/a/b"), inner = cgroup(h, SCOPE "/docker/" ID2);
	entity_id unit = cgroup(h, "/system.slice/x.service");
	entity_id p[5];
	for (int i = 0; i < 5; i++) {
		char key[16];
		(void)snprintf(key, sizeof(key), "%d/1", 10 + i);
		p[i] = batch_entity(h->batch, ENTITY_PROCESS, key);
	}
	batch_link(h->batch, EDGE_IN, p[0], scope); /* seen by the first look */
	harness_settle(h);
	turn(h, 2 * NS_PER_S);
	batch_link(h->batch, EDGE_IN, p[1], below);
	batch_link(h->batch, EDGE_IN, p[2], inner);
	batch_link(h->batch, EDGE_IN, p[3], unit);
	batch_link(h->batch, EDGE_IN, p[4], graph_node(h->graph));
	harness_settle(h);
	entity_id id = find(h, ENTITY_CONTAINER, ID), id2 = find(h, ENTITY_CONTAINER, ID2);
	assert_true(linked(h, p[0], EDGE_IN, id));
	assert_true(linked(h, p[1], EDGE_IN, id));
	assert_true(linked(h, p[2], EDGE_IN, id2));
	assert_false(linked(h, p[2], EDGE_IN, id));
	attr_is(h, id2, "pod_uid", UID); /* Docker inside that pod */
	entity_id none;
	assert_int_equal(graph_neighbours(h->graph, p[3], false, ENTITY_CONTAINER, &none, 1), 0);
	assert_int_equal(graph_neighbours(h->graph, p[4], false, ENTITY_CONTAINER, &none, 1), 0);
	harness_close(&h);
}

static void a_runtimes_word_is_kept(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, NS_PER_S);
	entity_id id = batch_entity(h->batch, ENTITY_CONTAINER, ID);
	batch_attr(h->batch, id, "source", "cri");
	batch_attr(h->batch, id, "runtime", "cri-o");
	(void)cgroup(h, SCOPE);
	harness_settle(h);
	attr_is(h, id, "source", "cri");
	attr_is(h, id, "runtime", "cri-o");
	attr_is(h, id, "qos", "burstable");
	/* that it was known before does not make its pod known */
	assert_ok(harness_collect(h, 7 * NS_PER_S));
	attr_is(h, id, "unresolved", OURS);
	harness_close(&h);
}

static void look(struct harness *h, mono_ns_t now)
{
	assert_ok(harness_collect(h, now));
	harness_settle(h);
}

static void a_pod_that_nobody_tells_is_unresolved(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, 10 * NS_PER_S);
	(void)cgroup(h, SCOPE);
	(void)cgroup(h, "/docker/" ID2);
	harness_settle(h);
	entity_id id = find(h, ENTITY_CONTAINER, ID);
	for (uint64_t s = 11; s < 15; s++) {
		look(h, s * NS_PER_S);
		attr_is(h, id, "unresolved", NULL);
	}
	look(h, 15 * NS_PER_S);
	attr_is(h, id, "unresolved", OURS);
	attr_is(h, find(h, ENTITY_CONTAINER, ID2), "unresolved", NULL); /* in no pod */
	look(h, 16 * NS_PER_S);
	assert_true(harness_node(h, "node.containers.unresolved") == 1);
	assert_true(harness_node(h, "node.containers") == 2);
	/* a runtime tells the pod, and who is in it */
	turn(h, 17 * NS_PER_S);
	entity_id pod = batch_entity(h->batch, ENTITY_POD, "ml/trainer-0");
	batch_link(h->batch, EDGE_IN, id, pod);
	harness_settle(h);
	look(h, 18 * NS_PER_S);
	attr_is(h, id, "unresolved", NULL);
	assert_true(harness_node(h, "node.containers.unresolved") == 0);
	harness_close(&h);
}

static void a_silent_runtime_is_named_as_the_reason(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, 10 * NS_PER_S);
	batch_attr(h->batch, graph_node(h->graph), "unresolved.cri",
		   "names of containers and pods: containerd at /run/c.sock has not answered for 12 s (timeout)");
	(void)cgroup(h, SCOPE);
	harness_settle(h);
	look(h, 16 * NS_PER_S);
	attr_is(h, find(h, ENTITY_CONTAINER, ID), "unresolved",
		"name of pod " UID ": containerd at /run/c.sock has not answered for 12 s (timeout)");
	harness_close(&h);
}

static void a_pods_uid_is_enough(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, 10 * NS_PER_S);
	entity_id other = batch_entity(h->batch, ENTITY_POD, "ml/other");
	batch_attr(h->batch, other, "uid", "00000000-1111-2222-3333-444444444444");
	(void)cgroup(h, SCOPE);
	(void)cgroup(h, SCOPE "/docker/" ID2);
	harness_settle(h);
	look(h, 16 * NS_PER_S);
	attr_is(h, find(h, ENTITY_CONTAINER, ID2), "unresolved", OURS);
	turn(h, 17 * NS_PER_S);
	entity_id pod = batch_entity(h->batch, ENTITY_POD, "ml/trainer-0");
	batch_attr(h->batch, pod, "uid", UID);
	harness_settle(h);
	look(h, 18 * NS_PER_S);
	assert_true(linked(h, find(h, ENTITY_CONTAINER, ID), EDGE_IN, pod));
	assert_true(linked(h, find(h, ENTITY_CONTAINER, ID2), EDGE_IN, pod)); /* no runtime of the node tells of it */
	assert_false(linked(h, find(h, ENTITY_CONTAINER, ID), EDGE_IN, other));
	attr_is(h, find(h, ENTITY_CONTAINER, ID2), "unresolved", NULL);
	harness_close(&h);
}

/* A limit of the whole pod is met in the pod's own cgroup. */
static void a_pod_is_in_its_own_cgroup(void **state)
{
	static const char second[] = "77777777-1111-2222-3333-444444444444";
	struct harness *h = stage();

	(void)state;
	turn(h, 10 * NS_PER_S);
	entity_id late = batch_entity(h->batch, ENTITY_POD, "ml/late");
	batch_attr(h->batch, late, "uid", second);
	entity_id slice = cgroup(h, SLICE);
	harness_settle(h);
	look(h, 11 * NS_PER_S);
	/* the name after the cgroup, the cgroup after the name */
	turn(h, 12 * NS_PER_S);
	entity_id pod = batch_entity(h->batch, ENTITY_POD, "ml/trainer-0");
	batch_attr(h->batch, pod, "uid", UID);
	entity_id folder = cgroup(h, "/kubepods/pod77777777-1111-2222-3333-444444444444");
	harness_settle(h);
	look(h, 13 * NS_PER_S);
	assert_true(linked(h, pod, EDGE_IN, slice));
	assert_true(linked(h, late, EDGE_IN, folder));
	assert_false(linked(h, late, EDGE_IN, slice));
	/* made again: the new one */
	turn(h, 14 * NS_PER_S);
	batch_gone(h->batch, folder);
	harness_settle(h);
	turn(h, 15 * NS_PER_S);
	entity_id again = cgroup(h, "/kubepods/burstable/pod77777777-1111-2222-3333-444444444444");
	harness_settle(h);
	look(h, 16 * NS_PER_S);
	assert_true(linked(h, late, EDGE_IN, again));
	harness_close(&h);
}

/* What a runtime's own collector says is nearer to the cause than ours, and its to take back. */
static void a_runtimes_reason_is_kept(void **state)
{
	static const char theirs[] = "pod name: containerd has not answered for 12 s";
	struct harness *h = stage();

	(void)state;
	turn(h, 10 * NS_PER_S);
	(void)cgroup(h, SCOPE);
	harness_settle(h);
	entity_id id = find(h, ENTITY_CONTAINER, ID);
	batch_attr(h->batch, id, "unresolved", theirs);
	look(h, 20 * NS_PER_S);
	attr_is(h, id, "unresolved", theirs);
	turn(h, 21 * NS_PER_S);
	batch_link(h->batch, EDGE_IN, id, batch_entity(h->batch, ENTITY_POD, "ml/trainer-0"));
	harness_settle(h);
	look(h, 22 * NS_PER_S);
	attr_is(h, id, "unresolved", theirs);
	harness_close(&h);
}

static void a_container_that_went_waits_no_longer(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, 10 * NS_PER_S);
	entity_id scope = cgroup(h, SCOPE);
	harness_settle(h);
	look(h, 16 * NS_PER_S);
	assert_ok(harness_collect(h, 17 * NS_PER_S));
	assert_true(harness_node(h, "node.containers.unresolved") == 1);
	turn(h, 18 * NS_PER_S);
	batch_gone(h->batch, scope);
	harness_settle(h); /* marks the container, which the next look sees */
	look(h, 19 * NS_PER_S);
	look(h, 20 * NS_PER_S);
	assert_true(harness_node(h, "node.containers.unresolved") == 0);
	assert_true(harness_node(h, "node.containers") == 0);
	attr_is(h, find(h, ENTITY_CONTAINER, ID), "unresolved", OURS); /* stays true of it */
	harness_close(&h);
}

static void slurm_cgroups_are_of_their_job(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, NS_PER_S);
	harness_settle(h);
	entity_id job17 = cgroup(h, "/slurm/uid_0/job_17"), step = cgroup(h, "/slurm/uid_0/job_17/step_0");
	entity_id user = cgroup(h, "/system.slice/slurmstepd.scope/job_18/step_batch/user");
	harness_settle(h);
	entity_id job = find(h, ENTITY_JOB, "slurm:17"), other = find(h, ENTITY_JOB, "slurm:18");
	attr_is(h, job, "scheduler", "slurm");
	assert_true(linked(h, job17, EDGE_OF, job));
	assert_true(linked(h, step, EDGE_OF, job));
	assert_true(linked(h, user, EDGE_OF, other));
	/* the step ends, then the job */
	turn(h, 2 * NS_PER_S);
	batch_gone(h->batch, step);
	harness_settle(h);
	assert_false(gone(h, job));
	turn(h, 3 * NS_PER_S);
	batch_gone(h->batch, job17);
	harness_settle(h);
	assert_true(gone(h, job));
	assert_false(gone(h, other));
	harness_close(&h);
}

static void a_job_outlives_its_cgroup_while_a_rank_lives(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, NS_PER_S);
	entity_id folder = cgroup(h, "/slurm/uid_0/job_17");
	harness_settle(h);
	entity_id job = find(h, ENTITY_JOB, "slurm:17");
	entity_id rank = batch_entity(h->batch, ENTITY_RANK, "slurm:17/0");
	batch_link(h->batch, EDGE_OF, rank, job);
	turn(h, 2 * NS_PER_S);
	batch_gone(h->batch, folder);
	harness_settle(h);
	assert_false(gone(h, job));
	turn(h, 3 * NS_PER_S);
	batch_gone(h->batch, rank);
	harness_settle(h);
	for (uint64_t s = 4; s < 16; s++)
		look(h, s * NS_PER_S);
	assert_true(gone(h, job));
	harness_close(&h);
}

/* By SLUID a path names a job whose number only its processes know. */
static void a_sluid_is_followed_by_its_processes(void **state)
{
	static const char folder[] = "/system.slice/slurmstepd.scope/s7QK2M4XW9TBCD";
	struct harness *h = stage();
	size_t cursor = 0;
	char path[128];

	(void)state;
	turn(h, NS_PER_S);
	entity_id top = cgroup(h, folder);
	(void)snprintf(path, sizeof(path), "%s/step_0/user/task_0", folder);
	entity_id task = cgroup(h, path);
	harness_settle(h);
	assert_int_equal(graph_next(h->graph, ENTITY_JOB, &cursor), ENTITY_NONE);
	turn(h, 2 * NS_PER_S);
	entity_id process = batch_entity(h->batch, ENTITY_PROCESS, "5/5");
	entity_id alien = batch_entity(h->batch, ENTITY_JOB, "ray:1");
	entity_id rank = batch_entity(h->batch, ENTITY_RANK, "slurm:17/0");
	entity_id job = batch_entity(h->batch, ENTITY_JOB, "slurm:17");
	batch_link(h->batch, EDGE_IN, process, task);
	batch_link(h->batch, EDGE_OF, process, alien);
	harness_settle(h);
	assert_false(linked(h, top, EDGE_OF, alien));
	turn(h, 3 * NS_PER_S);
	batch_link(h->batch, EDGE_OF, rank, job);
	batch_link(h->batch, EDGE_OF, process, rank);
	harness_settle(h);
	assert_true(linked(h, top, EDGE_OF, job));
	harness_close(&h);
}

static void yarns_containers_have_yarns_names(void **state)
{
	static const char key[] = "container_e17_1700000000000_0001_01_000002";
	struct harness *h = stage();

	(void)state;
	turn(h, NS_PER_S);
	entity_id folder = cgroup(h, "/hadoop-yarn/container_e17_1700000000000_0001_01_000002");
	harness_settle(h);
	entity_id id = find(h, ENTITY_CONTAINER, key);
	attr_is(h, id, "runtime", "yarn");
	assert_true(linked(h, id, EDGE_IN, folder));
	harness_close(&h);
}

/* When not every change fitted into a batch, everything is looked at again. */
static void lost_changes_are_made_good(void **state)
{
	struct harness *h = stage();

	(void)state;
	turn(h, NS_PER_S);
	entity_id folder = cgroup(h, "/docker/" ID2);
	harness_settle(h);
	size_t room = h->batch->max_ops;
	turn(h, 2 * NS_PER_S);
	h->batch->max_ops = 0;
	entity_id scope = cgroup(h, SCOPE), process = batch_entity(h->batch, ENTITY_PROCESS, "9/9");
	batch_link(h->batch, EDGE_IN, process, scope);
	batch_gone(h->batch, folder);
	harness_settle(h);
	h->batch->max_ops = room;
	turn(h, 3 * NS_PER_S);
	harness_settle(h);
	entity_id id = find(h, ENTITY_CONTAINER, ID);
	assert_true(linked(h, process, EDGE_IN, id));
	assert_true(linked(h, id, EDGE_IN, scope));
	assert_true(gone(h, find(h, ENTITY_CONTAINER, ID2)));
	harness_close(&h);
}

static void a_full_graph_is_counted(void **state)
{
	struct harness *h = stage();
	char key[32];

	(void)state;
	turn(h, NS_PER_S);
	for (unsigned i = 0; i < 16382; i++) {
		(void)snprintf(key, sizeof(key), "%u/1", i);
		(void)batch_entity(h->batch, ENTITY_PROCESS, key);
	}
	(void)cgroup(h, SCOPE);
	harness_settle(h);
	assert_int_equal(find(h, ENTITY_CONTAINER, ID), ENTITY_NONE);
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_node(h, "node.containers.refused") >= 1);
	harness_close(&h);
}

/* 2,000 containers in 1,000 pods, 20,000 processes; then 100 of the containers replaced each second. */
static void full_cgroup(unsigned number, char *ret_path, size_t size)
{
	(void)snprintf(ret_path, size, "/kubepods/burstable/pod%032x/%064x", number / 2 + 1, number + 1);
}

static void full_add(struct harness *h, unsigned number)
{
	char path[256], key[32];

	full_cgroup(number, path, sizeof(path));
	entity_id folder = cgroup(h, path);
	for (unsigned i = 0; i < 10; i++) {
		(void)snprintf(key, sizeof(key), "%u/%u", 100 + number * 10 + i, number);
		entity_id process = batch_entity(h->batch, ENTITY_PROCESS, key);
		assert_int_not_equal(process, ENTITY_NONE);
		batch_link(h->batch, EDGE_IN, process, folder);
	}
}

static void full_remove(struct harness *h, unsigned number)
{
	char path[256], key[32];

	full_cgroup(number, path, sizeof(path));
	batch_gone(h->batch, find(h, ENTITY_CGROUP, path));
	for (unsigned i = 0; i < 10; i++) {
		(void)snprintf(key, sizeof(key), "%u/%u", 100 + number * 10 + i, number);
		batch_gone(h->batch, find(h, ENTITY_PROCESS, key));
	}
}

static void a_full_node_is_carried(void **state)
{
	struct harness *h = stage();
	char key[80];
	size_t room;

	(void)state;
	batch_free(&h->batch);
	graph_free(&h->graph);
	assert_ok(graph_new(30000, HARNESS_NODE, &h->graph));
	assert_ok(batch_new(h->graph, 65536, 1024, 131072, &h->batch));
	turn(h, NS_PER_S);
	harness_settle(h);
	for (unsigned c = 0; c < 2000; c++)
		full_add(h, c);
	harness_settle(h);
	assert_int_equal(h->batch->dropped_ops, 0);
	for (unsigned c = 0; c < 2000; c++) {
		(void)snprintf(key, sizeof(key), "%064x", c + 1);
		entity_id id = find(h, ENTITY_CONTAINER, key);
		assert_int_equal(graph_neighbours(h->graph, id, true, ENTITY_PROCESS, &(entity_id){ 0 }, 1), 10);
	}
	/* at rest nothing is written */
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_node(h, "node.containers") == 2000);
	harness_settle(h);
	assert_int_equal(h->batch->n_ops, 0);
	/* nobody tells the pods; then a kubelet tells all at once */
	look(h, 8 * NS_PER_S);
	assert_ok(harness_collect(h, 9 * NS_PER_S));
	assert_true(harness_node(h, "node.containers.unresolved") == 2000);
	turn(h, 10 * NS_PER_S);
	for (unsigned pod = 0; pod < 1000; pod++) {
		(void)snprintf(key, sizeof(key), "ml/pod-%u", pod);
		entity_id id = batch_entity(h->batch, ENTITY_POD, key);
		(void)snprintf(key, sizeof(key), "%032x", pod + 1);
		batch_attr(h->batch, id, "uid", key);
	}
	harness_settle(h);
	assert_ok(harness_collect(h, 11 * NS_PER_S));
	assert_true(harness_node(h, "node.containers.unresolved") == 0);
	room = graph_count(h->graph);
	for (unsigned s = 0; s < 60; s++) {
		assert_ok(harness_collect(h, (12 + s) * NS_PER_S));
		for (unsigned c = 0; c < 100; c++) {
			full_remove(h, s * 100 + c);
			full_add(h, 2000 + s * 100 + c);
		}
		harness_settle(h);
		(void)graph_expire(h->graph, (12 + s) * NS_PER_S, NULL, NULL);
		assert_int_equal(h->batch->dropped_ops, 0);
	}
	assert_ok(harness_collect(h, 80 * NS_PER_S));
	assert_true(harness_node(h, "node.containers") == 2000);
	assert_true(harness_node(h, "node.containers.refused") == 0);
	assert_true(graph_count(h->graph) <= 30000 && graph_count(h->graph) >= room);
	assert_int_equal(graph_refused(h->graph), 0);
	harness_close(&h);
}

static int in_it(void *arg)
{
	(void)arg;
	(void)pause();
	return 0;
}

/* Cgroups of this machine, by the tree that reads them, and a process put in by its key. */
static void a_real_cgroup(void **state)
{
	struct harness *h = harness_open(&collector_containers, NULL);
	struct real_cgroup outer;
	struct cgroup_tree *tree;
	char folder[512], path[512], key[64];

	(void)state;
	if (!real_cgroup_make("memory", &outer)) {
		harness_close(&h);
		skip();
	}
	struct real_cgroup inner = outer;
	(void)snprintf(folder, sizeof(folder), "%s/cri-containerd-" ID ".scope", outer.folder);
	(void)snprintf(path, sizeof(path), "%s/cri-containerd-" ID ".scope", outer.key);
	assert_true(strlen(folder) < sizeof(inner.folder));
	(void)memcpy(inner.folder, folder, strlen(folder) + 1);
	assert_ok(mkdir(folder, 0755));
	assert_ok(cgroup_tree_open(&h->env, &tree));
	turn(h, NS_PER_S);
	cgroup_tree_refresh(tree, NS_PER_S, h->batch);
	harness_settle(h);
	entity_id id = find(h, ENTITY_CONTAINER, ID), scope = find(h, ENTITY_CGROUP, path);
	assert_int_not_equal(scope, ENTITY_NONE);
	assert_true(linked(h, id, EDGE_IN, scope));
	attr_is(h, id, "runtime", "containerd");
	pid_t pid = real_cgroup_run(&inner, in_it, NULL);
	scene_key(pid, key, sizeof(key));
	turn(h, 2 * NS_PER_S);
	entity_id process = batch_entity(h->batch, ENTITY_PROCESS, key);
	batch_link(h->batch, EDGE_IN, process, scope);
	harness_settle(h);
	assert_true(linked(h, process, EDGE_IN, id));
	real_cgroup_remove(&inner);
	real_cgroup_remove(&outer);
	turn(h, 3 * NS_PER_S);
	cgroup_tree_refresh(tree, 3 * NS_PER_S, h->batch);
	harness_settle(h);
	assert_true(gone(h, id));
	cgroup_tree_close(&tree);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cgroup_makes_its_container),
		cmocka_unit_test(what_is_no_container_makes_none),
		cmocka_unit_test(it_goes_with_its_last_cgroup),
		cmocka_unit_test(a_cgroup_made_again_keeps_its_container),
		cmocka_unit_test(a_container_that_was_too_quick_is_named),
		cmocka_unit_test(processes_are_in_their_container),
		cmocka_unit_test(a_runtimes_word_is_kept),
		cmocka_unit_test(a_pod_that_nobody_tells_is_unresolved),
		cmocka_unit_test(a_silent_runtime_is_named_as_the_reason),
		cmocka_unit_test(a_pods_uid_is_enough),
		cmocka_unit_test(a_pod_is_in_its_own_cgroup),
		cmocka_unit_test(a_runtimes_reason_is_kept),
		cmocka_unit_test(a_container_that_went_waits_no_longer),
		cmocka_unit_test(slurm_cgroups_are_of_their_job),
		cmocka_unit_test(a_job_outlives_its_cgroup_while_a_rank_lives),
		cmocka_unit_test(a_sluid_is_followed_by_its_processes),
		cmocka_unit_test(yarns_containers_have_yarns_names),
		cmocka_unit_test(lost_changes_are_made_good),
		cmocka_unit_test(a_full_graph_is_counted),
		cmocka_unit_test(a_full_node_is_carried),
		cmocka_unit_test(a_real_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
