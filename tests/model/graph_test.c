/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/graph.h"

static struct graph *graph_of(size_t max)
{
	struct graph *g = NULL;

	assert_ok(graph_new(max, "node-17", &g));
	return g;
}

static entity_id make(struct graph *g, enum entity_kind kind, const char *key)
{
	entity_id id = ENTITY_NONE;

	assert_ok(graph_entity(g, kind, key, 0, &id));
	assert_int_not_equal(id, ENTITY_NONE);
	return id;
}

static entity_id make_process(struct graph *g, unsigned pid)
{
	char key[32];

	snprintf(key, sizeof(key), "%u/100", pid);
	return make(g, ENTITY_PROCESS, key);
}

static void an_entity_is_found_by_kind_and_key(void **state)
{
	struct graph *g = graph_of(100);
	entity_id cgroup = make(g, ENTITY_CGROUP, "/a"), job = make(g, ENTITY_JOB, "/a");

	(void)state;
	assert_int_not_equal(cgroup, job);
	assert_int_equal(make(g, ENTITY_CGROUP, "/a"), cgroup);
	assert_int_equal(graph_find(g, ENTITY_CGROUP, "/a"), cgroup);
	assert_int_equal(graph_find(g, ENTITY_POD, "/a"), ENTITY_NONE);
	assert_int_equal(graph_kind(g, job), ENTITY_JOB);
	assert_string_equal(graph_key(g, cgroup), "/a");
	assert_string_equal(graph_attr(g, cgroup, "key"), "/a");
	assert_int_equal(graph_kind(g, graph_node(g)), ENTITY_NODE);
	assert_string_equal(graph_key(g, graph_node(g)), "node-17");
	assert_int_equal(graph_count(g), 3);
	assert_int_equal(graph_kind(g, ENTITY_NONE), ENTITY_KIND_MAX);
	assert_null(graph_key(g, 0xffffffff));
	assert_false(graph_exists(g, ENTITY_NONE));
	graph_free(&g);
	assert_null(g);
	graph_free(&g);
}

static void bad_keys_and_sizes_are_refused(void **state)
{
	struct graph *g = NULL;
	char longest[GRAPH_MAX_KEY + 1];
	entity_id id = 5;

	(void)state;
	assert_err(graph_new(100, "", &g), EINVAL);
	assert_err(graph_new(0, "n", &g), EINVAL);
	assert_err(graph_new(GRAPH_MAX_ENTITIES + 1, "n", &g), EINVAL);
	assert_null(g);
	g = graph_of(10);
	memset(longest, 'x', sizeof(longest));
	longest[GRAPH_MAX_KEY] = '\0';
	assert_err(graph_entity(g, ENTITY_CGROUP, longest, 0, &id), EINVAL);
	assert_err(graph_entity(g, ENTITY_CGROUP, "", 0, &id), EINVAL);
	assert_err(graph_entity(g, ENTITY_CGROUP, "/\xff", 0, &id), EINVAL);
	assert_err(graph_entity(g, ENTITY_KIND_MAX, "x", 0, &id), EINVAL);
	assert_int_equal(id, 5);
	longest[GRAPH_MAX_KEY - 1] = '\0';
	assert_ok(graph_entity(g, ENTITY_CGROUP, longest, 0, &id));
	assert_int_equal(strlen(graph_key(g, id)), GRAPH_MAX_KEY - 1);
	assert_int_equal(graph_refused(g), 0);
	graph_free(&g);
}

static void a_full_graph_refuses_and_counts(void **state)
{
	struct graph *g = graph_of(3);
	entity_id id = 5, first;

	(void)state;
	first = make(g, ENTITY_CPU, "0");
	make(g, ENTITY_CPU, "1");
	assert_err(graph_entity(g, ENTITY_CPU, "2", 0, &id), ENOSPC);
	assert_int_equal(id, 5);
	assert_int_equal(graph_refused(g), 1);
	assert_int_equal(make(g, ENTITY_CPU, "0"), first);
	graph_free(&g);
}

static unsigned n_dropped;
static entity_id dropped[8];

static void on_dropped(void *arg, entity_id id)
{
	assert_true(graph_exists(arg, id));
	if (n_dropped < 8)
		dropped[n_dropped] = id;
	n_dropped++;
}

static void a_tombstone_lingers_then_its_id_finds_nothing(void **state)
{
	struct graph *g = graph_of(100);
	entity_id process = make_process(g, 4242), cgroup = make(g, ENTITY_CGROUP, "/a"), again, ids[4];
	mono_ns_t since = 0;

	(void)state;
	n_dropped = 0;
	assert_ok(graph_set_attr(g, process, "comm", "python3"));
	assert_ok(graph_link(g, EDGE_IN, process, cgroup));
	assert_ok(graph_gone(g, process, 5 * NS_PER_S));
	assert_ok(graph_gone(g, process, 9 * NS_PER_S)); /* the first time counts */
	assert_true(graph_is_gone(g, process, &since));
	assert_int_equal(since, 5 * NS_PER_S);
	assert_false(graph_is_gone(g, cgroup, &since));

	assert_int_equal(graph_expire(g, 304 * NS_PER_S, on_dropped, g), 0);
	assert_string_equal(graph_attr(g, process, "comm"), "python3");
	assert_int_equal(graph_neighbours(g, process, false, ENTITY_CGROUP, ids, 4), 1);
	assert_int_equal(ids[0], cgroup);
	assert_int_equal(graph_neighbours(g, cgroup, true, ENTITY_PROCESS, ids, 4), 1);

	assert_int_equal(graph_expire(g, 305 * NS_PER_S, on_dropped, g), 1);
	assert_int_equal(n_dropped, 1);
	assert_int_equal(dropped[0], process);
	assert_false(graph_exists(g, process));
	assert_null(graph_attr(g, process, "comm"));
	assert_int_equal(graph_find(g, ENTITY_PROCESS, "4242/100"), ENTITY_NONE);
	assert_int_equal(graph_neighbours(g, cgroup, true, ENTITY_PROCESS, ids, 4), 0);
	assert_err(graph_set_attr(g, process, "comm", "x"), ENOENT);
	assert_err(graph_link(g, EDGE_IN, process, cgroup), ENOENT);
	assert_err(graph_gone(g, process, 0), ENOENT);

	/* The slot is in use again, the old id still finds nothing. */
	again = make_process(g, 4242);
	assert_int_not_equal(again, process);
	assert_int_equal(again & 0xfffff, process & 0xfffff);
	assert_false(graph_exists(g, process));
	assert_null(graph_attr(g, again, "comm"));
	graph_free(&g);
}

static void what_comes_back_keeps_id_attributes_and_edges(void **state)
{
	struct graph *g = graph_of(100);
	entity_id nic = make(g, ENTITY_NIC, "eth0"), gpu = make(g, ENTITY_GPU, "0000:5e:00.0"), ids[2];

	(void)state;
	assert_ok(graph_link(g, EDGE_NEAR, gpu, nic));
	assert_ok(graph_gone(g, nic, NS_PER_S));
	assert_int_equal(make(g, ENTITY_NIC, "eth0"), nic);
	assert_false(graph_is_gone(g, nic, NULL));
	assert_int_equal(graph_expire(g, 1000 * NS_PER_S, NULL, NULL), 0);
	assert_int_equal(graph_neighbours(g, gpu, false, ENTITY_NIC, ids, 2), 1);
	assert_err(graph_gone(g, graph_node(g), 0), EINVAL);
	graph_free(&g);
}

static void generations_tell_a_thousand_reuses_apart(void **state)
{
	struct graph *g = graph_of(2);
	entity_id before = ENTITY_NONE;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		entity_id id = make_process(g, 7);

		assert_int_not_equal(id, before);
		assert_false(graph_exists(g, before));
		assert_ok(graph_gone(g, id, 0));
		assert_int_equal(graph_expire(g, GRAPH_LINGER_NS, NULL, NULL), 1);
		before = id;
	}
	graph_free(&g);
}

static void attributes_are_set_replaced_removed_and_bounded(void **state)
{
	struct graph *g = graph_of(10);
	entity_id id = make(g, ENTITY_POD, "ml/train-0");
	const char *name, *value;
	char long_value[2000], text[16];

	(void)state;
	assert_ok(graph_set_attr(g, id, "team", "vision"));
	assert_ok(graph_set_attr(g, id, "app", "llama"));
	assert_ok(graph_set_attr(g, id, "team", "a much longer name of a team"));
	assert_string_equal(graph_attr(g, id, "team"), "a much longer name of a team");
	assert_ok(graph_set_attr(g, id, "team", ""));
	assert_string_equal(graph_attr(g, id, "team"), "");
	assert_true(graph_attr_at(g, id, 1, &name, &value));
	assert_string_equal(name, "app");
	assert_string_equal(value, "llama");
	assert_ok(graph_set_attr(g, id, "team", NULL));
	assert_ok(graph_set_attr(g, id, "never", NULL));
	assert_null(graph_attr(g, id, "team"));
	assert_true(graph_attr_at(g, id, 0, &name, &value));
	assert_string_equal(name, "app");
	assert_false(graph_attr_at(g, id, 1, &name, &value));

	memset(long_value, 'y', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	memcpy(long_value + GRAPH_MAX_VALUE - 2, "\xc3\xa9", 2); /* the cut must not halve it */
	assert_ok(graph_set_attr(g, id, "long", long_value));
	assert_int_equal(strlen(graph_attr(g, id, "long")), GRAPH_MAX_VALUE - 2);
	assert_ok(graph_set_attr(g, id, "raw", "a\xff" "b"));
	assert_string_equal(graph_attr(g, id, "raw"), "a\\xFFb");

	assert_err(graph_set_attr(g, id, "", "x"), EINVAL);
	assert_err(graph_set_attr(g, id, "key", "x"), EINVAL);
	assert_err(graph_set_attr(g, id, "a b", "x"), EINVAL);
	assert_err(graph_set_attr(g, id, "a\"b", "x"), EINVAL);
	for (unsigned i = 3; i < GRAPH_MAX_ATTRS; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		assert_ok(graph_set_attr(g, id, text, text));
	}
	assert_err(graph_set_attr(g, id, "one.more", "x"), ENOSPC);
	assert_ok(graph_set_attr(g, id, "n5", "still"));
	assert_int_equal(graph_refused(g), 1);
	graph_free(&g);
}

static void only_what_changes_is_a_change(void **state)
{
	struct graph *g = graph_of(10);
	entity_id process = make_process(g, 1), cgroup = make(g, ENTITY_CGROUP, "/");
	uint64_t before;

	(void)state;
	assert_ok(graph_set_attr(g, process, "comm", "init"));
	assert_ok(graph_link(g, EDGE_IN, process, cgroup));
	before = graph_changes(g);
	make_process(g, 1);
	assert_ok(graph_set_attr(g, process, "comm", "init"));
	assert_ok(graph_set_attr(g, process, "gone", NULL));
	assert_ok(graph_link(g, EDGE_IN, process, cgroup));
	assert_ok(graph_link(g, EDGE_IN, process, graph_node(g)));
	assert_int_equal(graph_changes(g), before);
	assert_ok(graph_set_attr(g, process, "comm", "systemd"));
	assert_true(graph_changes(g) > before);
	graph_free(&g);
}

static void edges_are_walked_both_ways_oldest_first(void **state)
{
	struct graph *g = graph_of(100);
	entity_id root = make(g, ENTITY_CGROUP, "/"), a = make(g, ENTITY_CGROUP, "/a");
	entity_id p1 = make_process(g, 1), p2 = make_process(g, 2), p3 = make_process(g, 3), ids[4] = {0};

	(void)state;
	assert_ok(graph_link(g, EDGE_IN, p3, root));
	assert_ok(graph_link(g, EDGE_IN, p1, root));
	assert_ok(graph_link(g, EDGE_IN, a, root));
	assert_ok(graph_link(g, EDGE_IN, p2, root));
	assert_ok(graph_link(g, EDGE_CHILD, p2, p1));

	assert_int_equal(graph_neighbours(g, root, true, ENTITY_PROCESS, ids, 4), 3);
	assert_int_equal(ids[0], p1);
	assert_int_equal(ids[1], p2);
	assert_int_equal(ids[2], p3);
	assert_int_equal(graph_neighbours(g, root, true, ENTITY_CGROUP, ids, 4), 1);
	assert_int_equal(ids[0], a);
	assert_int_equal(graph_neighbours(g, root, false, ENTITY_CGROUP, ids, 4), 0);
	assert_int_equal(graph_neighbours(g, p2, false, ENTITY_PROCESS, ids, 4), 1);
	assert_int_equal(ids[0], p1);
	assert_int_equal(graph_neighbours(g, p1, true, ENTITY_PROCESS, ids, 4), 1);
	assert_int_equal(ids[0], p2);

	/* `max` cuts the list, not the count. */
	ids[1] = 99;
	assert_int_equal(graph_neighbours(g, root, true, ENTITY_PROCESS, ids, 1), 3);
	assert_int_equal(ids[0], p1);
	assert_int_equal(ids[1], 99);
	assert_int_equal(graph_neighbours(g, root, true, ENTITY_PROCESS, NULL, 0), 3);

	assert_ok(graph_unlink(g, EDGE_IN, p1, root));
	assert_err(graph_unlink(g, EDGE_IN, p1, root), ENOENT);
	assert_err(graph_unlink(g, EDGE_CHILD, p1, root), EINVAL);
	assert_int_equal(graph_neighbours(g, root, true, ENTITY_PROCESS, ids, 4), 2);
	assert_int_equal(ids[0], p2);
	graph_free(&g);
}

static void only_permitted_pairs_are_linked(void **state)
{
	struct graph *g = graph_of(100);
	entity_id gpu = make(g, ENTITY_GPU, "0000:5e:00.0"), disk = make(g, ENTITY_DISK, "sda"), p = make_process(g, 1);

	(void)state;
	assert_err(graph_link(g, EDGE_ON, gpu, disk), EINVAL);
	assert_err(graph_link(g, EDGE_USES, gpu, p), EINVAL);
	assert_err(graph_link(g, EDGE_IN, p, gpu), EINVAL);
	assert_err(graph_link(g, EDGE_CHILD, p, p), EINVAL);
	assert_err(graph_link(g, EDGE_KIND_MAX, p, gpu), EINVAL);
	assert_err(graph_link(g, EDGE_USES, p, ENTITY_NONE), ENOENT);
	assert_ok(graph_link(g, EDGE_USES, p, gpu));
	assert_true(graph_edge_allowed(ENTITY_PROCESS, ENTITY_GPU));
	assert_false(graph_edge_allowed(ENTITY_GPU, ENTITY_PROCESS));
	assert_true(graph_edge_allowed(ENTITY_MOUNT, ENTITY_DISK));
	assert_true(graph_edge_allowed(ENTITY_PROCESS, ENTITY_PROCESS));
	assert_false(graph_edge_allowed(ENTITY_JOB, ENTITY_NODE));
	assert_false(graph_edge_allowed(ENTITY_KIND_MAX, ENTITY_NODE));
	graph_free(&g);
}

static void everything_is_in_its_node_without_a_link(void **state)
{
	struct graph *g = graph_of(100);
	entity_id nic = make(g, ENTITY_NIC, "eth0"), job = make(g, ENTITY_JOB, "slurm:1"), p = make_process(g, 1), ids[4];
	entity_id other = make(g, ENTITY_NODE, "node-18"), far = make(g, ENTITY_NIC, "ib0");

	(void)state;
	assert_int_equal(graph_neighbours(g, nic, false, ENTITY_NODE, ids, 4), 1);
	assert_int_equal(ids[0], graph_node(g));
	assert_int_equal(graph_neighbours(g, job, false, ENTITY_NODE, ids, 4), 0);
	assert_ok(graph_link(g, EDGE_IN, far, other));
	assert_int_equal(graph_neighbours(g, graph_node(g), true, ENTITY_NIC, ids, 4), 1);
	assert_int_equal(ids[0], nic);
	assert_int_equal(graph_neighbours(g, graph_node(g), true, ENTITY_PROCESS, ids, 4), 1);
	assert_int_equal(ids[0], p);
	assert_int_equal(graph_neighbours(g, graph_node(g), true, ENTITY_JOB, ids, 4), 0);
	assert_int_equal(graph_neighbours(g, far, false, ENTITY_NODE, ids, 4), 1);
	assert_int_equal(ids[0], other);
	assert_int_equal(graph_neighbours(g, other, true, ENTITY_NIC, ids, 4), 1);
	assert_int_equal(ids[0], far);
	graph_free(&g);
}

static void one_entity_has_a_maximum_of_living_edges(void **state)
{
	struct graph *g = graph_of(GRAPH_MAX_EDGES + 100);
	entity_id root = make(g, ENTITY_CGROUP, "/"), last, one_more;

	(void)state;
	for (unsigned i = 1; i <= GRAPH_MAX_EDGES; i++) {
		last = make_process(g, i);
		assert_ok(graph_link(g, EDGE_IN, last, root));
	}
	one_more = make_process(g, 9999);
	assert_err(graph_link(g, EDGE_IN, one_more, root), ENOSPC);
	assert_int_equal(graph_refused(g), 1);
	/* The dead make room, yet are still found. */
	assert_ok(graph_gone(g, last, NS_PER_S));
	assert_ok(graph_link(g, EDGE_IN, one_more, root));
	assert_int_equal(graph_neighbours(g, root, true, ENTITY_PROCESS, NULL, 0), GRAPH_MAX_EDGES + 1);
	assert_int_equal(graph_expire(g, 2 * NS_PER_S - 1, NULL, NULL), 0);
	assert_int_equal(graph_expire(g, 2 * NS_PER_S, NULL, NULL), 1); /* nearly full: it lingers for a second only */
	assert_int_equal(graph_neighbours(g, root, true, ENTITY_PROCESS, NULL, 0), GRAPH_MAX_EDGES);
	graph_free(&g);
}

static void expiry_is_bounded_a_call(void **state)
{
	struct graph *g = graph_of(20000);

	(void)state;
	for (unsigned i = 1; i <= 5000; i++)
		assert_ok(graph_gone(g, make_process(g, i), i));
	assert_int_equal(graph_expire(g, GRAPH_LINGER_NS + 5000, NULL, NULL), 4096);
	assert_int_equal(graph_expire(g, GRAPH_LINGER_NS + 5000, NULL, NULL), 904);
	assert_int_equal(graph_count(g), 1);
	graph_free(&g);
}

static void all_of_a_kind_are_walked_oldest_first(void **state)
{
	struct graph *g = graph_of(100);
	entity_id a = make(g, ENTITY_DISK, "sda"), b = make(g, ENTITY_DISK, "sdb"), c = make(g, ENTITY_DISK, "sdc");
	size_t cursor = 0;

	(void)state;
	make(g, ENTITY_NIC, "eth0");
	assert_ok(graph_gone(g, b, NS_PER_S));
	assert_int_equal(graph_next(g, ENTITY_DISK, &cursor), a);
	assert_int_equal(graph_next(g, ENTITY_DISK, &cursor), c);
	assert_int_equal(graph_next(g, ENTITY_DISK, &cursor), ENTITY_NONE);
	cursor = 0;
	assert_int_equal(graph_next_even_gone(g, ENTITY_DISK, &cursor), a);
	assert_int_equal(graph_next_even_gone(g, ENTITY_DISK, &cursor), b);
	cursor = 0;
	assert_int_equal(graph_next(g, ENTITY_GPU, &cursor), ENTITY_NONE);

	/* A slot used again is young, although its number is low. */
	assert_int_equal(graph_expire(g, GRAPH_LINGER_NS + NS_PER_S, NULL, NULL), 1);
	b = make(g, ENTITY_DISK, "sdd");
	cursor = 0;
	assert_int_equal(graph_next(g, ENTITY_DISK, &cursor), a);
	assert_int_equal(graph_next(g, ENTITY_DISK, &cursor), c);
	assert_int_equal(graph_next(g, ENTITY_DISK, &cursor), b);
	graph_free(&g);
}

static void stored_edges_are_listed_for_recording(void **state)
{
	struct graph *g = graph_of(100);
	entity_id link = make(g, ENTITY_LINK, "10.0.0.2:443"), peer = make(g, ENTITY_LINK, "10.0.0.2");
	entity_id nic = make(g, ENTITY_NIC, "eth0");
	struct graph_edge edges[4];

	(void)state;
	assert_ok(graph_link(g, EDGE_OF, link, peer));
	assert_ok(graph_link(g, EDGE_USES, link, nic));
	assert_ok(graph_link(g, EDGE_IN, link, graph_node(g)));
	assert_int_equal(graph_edges(g, link, edges, 4), 2);
	assert_int_equal(edges[0].kind, EDGE_USES);
	assert_int_equal(edges[0].to, nic);
	assert_int_equal(edges[1].kind, EDGE_OF);
	assert_int_equal(edges[1].to, peer);
	assert_int_equal(graph_edges(g, peer, edges, 4), 0);
	assert_int_equal(graph_edges(g, ENTITY_NONE, edges, 4), 0);
	graph_free(&g);
}

static void assert_described(struct graph *g, entity_id id, const char *text)
{
	char got[64];

	graph_describe(g, id, got, sizeof(got));
	assert_string_equal(got, text);
}

static void things_have_names_for_people(void **state)
{
	struct graph *g = graph_of(100);
	entity_id p = make(g, ENTITY_PROCESS, "4242/81734"), gpu = make(g, ENTITY_GPU, "0000:5e:00.0"), c;
	char tiny[5];

	(void)state;
	assert_described(g, p, "pid 4242");
	assert_ok(graph_set_attr(g, p, "comm", "python3"));
	assert_described(g, p, "python3[4242]");
	assert_described(g, gpu, "GPU 0000:5e:00.0");
	assert_ok(graph_set_attr(g, gpu, "index", "3"));
	assert_described(g, gpu, "GPU 3");
	assert_described(g, make(g, ENTITY_CGROUP, "/a/b"), "/a/b");
	assert_described(g, make(g, ENTITY_POD, "ml/train-0"), "ml/train-0");
	assert_described(g, make(g, ENTITY_RANK, "slurm:81734/19"), "rank 19 of slurm:81734");
	entity_id r = make(g, ENTITY_RANK, "airflow:dag/load/2");
	assert_ok(graph_set_attr(g, r, "rank", "load/2"));
	assert_ok(graph_set_attr(g, r, "role", "task"));
	assert_described(g, r, "task load/2 of airflow:dag");
	c = make(g, ENTITY_CONTAINER, "0123456789abcdef0123456789abcdef");
	assert_described(g, c, "container 0123456789ab");
	assert_ok(graph_set_attr(g, c, "name", "trainer"));
	assert_described(g, c, "container trainer (0123456789ab)");
	assert_described(g, make(g, ENTITY_CONTAINER, "container_e17_1700000000000_0001_01_000002"),
			 "container container_e17_1700000000000_0001_01_000002");
	assert_described(g, make(g, ENTITY_CONTAINER, "\u00e4\u00e4"), "container \u00e4\u00e4");
	assert_described(g, graph_node(g), "node-17");
	assert_described(g, make(g, ENTITY_CPU, "3"), "CPU 3");
	assert_described(g, ENTITY_NONE, "something unknown");
	graph_describe(g, p, tiny, sizeof(tiny));
	assert_string_equal(tiny, "pyth");
	graph_free(&g);
}

/* Ten thousand random changes against the plainest possible model: flags and a matrix. */
#define N_RANDOM 60

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void random_changes_agree_with_a_matrix(void **state)
{
	struct graph *g = graph_of(200);
	static bool linked[N_RANDOM][N_RANDOM];
	entity_id id[N_RANDOM];
	bool exists[N_RANDOM] = {0};
	uint32_t seed = 42;
	mono_ns_t now = 0;

	(void)state;
	memset(linked, 0, sizeof(linked));
	for (unsigned step = 0; step < 10000; step++) {
		unsigned a = random_next(&seed) % N_RANDOM, b = random_next(&seed) % N_RANDOM;
		unsigned what = random_next(&seed) % 10;

		if (what < 3) {
			id[a] = make_process(g, a + 1);
			exists[a] = true;
		} else if (what < 7 && exists[a] && exists[b] && a != b) {
			assert_ok(graph_link(g, EDGE_CHILD, id[a], id[b]));
			linked[a][b] = true;
		} else if (what == 7 && exists[a] && exists[b] && a != b) {
			assert_int_equal(graph_unlink(g, EDGE_CHILD, id[a], id[b]), linked[a][b] ? 0 : -ENOENT);
			linked[a][b] = false;
		} else if (what == 8 && exists[a] && random_next(&seed) % 4 == 0) {
			now += GRAPH_LINGER_NS;
			assert_ok(graph_gone(g, id[a], now));
			assert_int_equal(graph_expire(g, now + GRAPH_LINGER_NS, NULL, NULL), 1);
			exists[a] = false;
			for (unsigned i = 0; i < N_RANDOM; i++)
				linked[a][i] = linked[i][a] = false;
		}
		for (unsigned in = 0; exists[a] && in < 2; in++) {
			entity_id got[N_RANDOM];
			size_t n = graph_neighbours(g, id[a], in, ENTITY_PROCESS, got, N_RANDOM), expected = 0;

			for (unsigned i = 0; i < N_RANDOM; i++)
				expected += in ? linked[i][a] : linked[a][i];
			assert_int_equal(n, expected);
			for (size_t i = 0; i < n; i++) {
				unsigned pid = (unsigned)strtoul(graph_key(g, got[i]), NULL, 10) - 1;

				assert_true(in ? linked[pid][a] : linked[a][pid]);
				assert_int_equal(got[i], id[pid]);
			}
		}
	}
	graph_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entity_is_found_by_kind_and_key),
		cmocka_unit_test(bad_keys_and_sizes_are_refused),
		cmocka_unit_test(a_full_graph_refuses_and_counts),
		cmocka_unit_test(a_tombstone_lingers_then_its_id_finds_nothing),
		cmocka_unit_test(what_comes_back_keeps_id_attributes_and_edges),
		cmocka_unit_test(generations_tell_a_thousand_reuses_apart),
		cmocka_unit_test(attributes_are_set_replaced_removed_and_bounded),
		cmocka_unit_test(only_what_changes_is_a_change),
		cmocka_unit_test(edges_are_walked_both_ways_oldest_first),
		cmocka_unit_test(only_permitted_pairs_are_linked),
		cmocka_unit_test(everything_is_in_its_node_without_a_link),
		cmocka_unit_test(one_entity_has_a_maximum_of_living_edges),
		cmocka_unit_test(expiry_is_bounded_a_call),
		cmocka_unit_test(all_of_a_kind_are_walked_oldest_first),
		cmocka_unit_test(stored_edges_are_listed_for_recording),
		cmocka_unit_test(things_have_names_for_people),
		cmocka_unit_test(random_changes_agree_with_a_matrix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
