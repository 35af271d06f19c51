// SPDX-License-Identifier: Apache-2.0
/* The collector against a stand-in that speaks the kubelet's real wire (tests/runtimes/kubelet_standin.py). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tests/collectors/harness.h"
#include "tests/runtimes/standin.h"
#include "tests/test.h"

#define POD       "ml/trainer-0"
#define RESOURCES "/var/lib/kubelet/pod-resources/kubelet.sock"

extern const struct collector collector_kubelet;

struct stage {
	char root[128], id[80];
	struct standin *kubelet;
	struct harness *h;
	mono_ns_t now;
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	(void)harness_folder(s->root, sizeof(s->root));
	s->now = 1000 * NS_PER_S;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;

	if (s->h)
		harness_close(&s->h);
	standin_stop(&s->kubelet);
	harness_remove(s->root);
	free(s);
	return 0;
}

static void begin(struct stage *s, const char *world, const char *first, const char *second)
{
	s->kubelet = standin_start("kubelet_standin.py", s->root);
	(void)standin_order(s->kubelet, "world %s", world);
	(void)standin_order(s->kubelet, "start %s", first);
	if (second)
		(void)standin_order(s->kubelet, "start %s", second);
	s->h = harness_open(&collector_kubelet, s->root);
}

static void pass(struct stage *s, unsigned seconds)
{
	s->now += seconds * NS_PER_S;
	assert_ok(harness_collect(s->h, s->now));
}

/* The id made of that letter. */
static const char *id(struct stage *s, char letter)
{
	memset(s->id, letter, 64);
	s->id[64] = '\0';
	return s->id;
}

static entity_id container(struct stage *s, char letter)
{
	return graph_find(s->h->graph, ENTITY_CONTAINER, id(s, letter));
}

static const char *attr(struct stage *s, char letter, const char *name)
{
	return graph_attr(s->h->graph, container(s, letter), name);
}

static const char *pod_attr(struct stage *s, const char *pod, const char *name)
{
	return graph_attr(s->h->graph, graph_find(s->h->graph, ENTITY_POD, pod), name);
}

static const char *node_attr(struct stage *s, const char *name)
{
	return graph_attr(s->h->graph, graph_node(s->h->graph), name);
}

static bool is_alive(struct stage *s, entity_id entity)
{
	return graph_exists(s->h->graph, entity) && !graph_is_gone(s->h->graph, entity, NULL);
}

static void assert_contains(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("\"%s\" does not contain \"%s\"", text ? text : "(absent)", part);
}

static void assert_grants(struct stage *s)
{
	assert_string_equal(attr(s, 'a', "devices"), "nvidia.com/gpu=GPU-1111,GPU-2222 rdma/hca_shared=mlx5_0");
	assert_string_equal(attr(s, 'a', "gpus"), "GPU-1111,GPU-2222");
	assert_string_equal(attr(s, 'a', "cpus"), "0-3,8");
	assert_string_equal(attr(s, 'a', "memory"), "memory 68719476736 on numa 0,1");
	assert_string_equal(attr(s, 'a', "claims"), "ml/train-claim=gpu.nvidia.com/node-1/gpu-3");
	assert_string_equal(pod_attr(s, POD, "gpus"), "GPU-1111,GPU-2222");
}

static void test_devices_of_containers_and_state_of_pods(void **state)
{
	struct stage *s = *state;
	entity_id in;

	begin(s, "normal", "resources", "pods");
	pass(s, 5);
	assert_grants(s);
	assert_null(attr(s, 'b', "gpus"));
	assert_string_equal(attr(s, 'b', "name"), "sidecar");
	assert_int_equal(graph_neighbours(s->h->graph, container(s, 'a'), false, ENTITY_POD, &in, 1), 1);
	assert_string_equal(graph_key(s->h->graph, in), POD);
	assert_string_equal(pod_attr(s, POD, "phase"), "Running");
	assert_string_equal(pod_attr(s, POD, "qos"), "burstable");
	assert_string_equal(pod_attr(s, POD, "uid"), "u-1");
	assert_string_equal(pod_attr(s, POD, "dag_id"), "my dag!"); /* the annotation, not the label made of it */
	assert_null(pod_attr(s, POD, "token"));
	assert_contains(standin_order(s->kubelet, "mask"), "status.phase");
	assert_null(strstr(standin_order(s->kubelet, "mask"), "spec"));
	assert_true(harness_node(s->h, "runtime.kubelet.silent") == 0);
	for (unsigned i = 0; i < 3; i++) {
		pass(s, 5);
		assert_int_equal(s->h->batch->n_ops, 0);
	}
}

static void test_ids_come_from_the_runtime_without_pods_api(void **state)
{
	struct stage *s = *state;

	begin(s, "normal", "resources", "runtime");
	pass(s, 5);
	pass(s, 5);
	assert_grants(s);
	assert_string_equal(standin_order(s->kubelet, "filter"), "0a0412020801"); /* those that run */
	/* Started again, it has another id. */
	(void)standin_order(s->kubelet, "world restarted");
	for (unsigned i = 0; i < 8; i++)
		pass(s, 5);
	assert_string_equal(attr(s, 'c', "gpus"), "GPU-1111,GPU-2222");
	assert_false(is_alive(s, container(s, 'a')));
}

static void test_later_names_of_the_service_are_tried(void **state)
{
	struct stage *s = *state;

	s->kubelet = standin_start("kubelet_standin.py", s->root);
	(void)standin_order(s->kubelet, "world normal");
	(void)standin_order(s->kubelet, "service v1.Pods");
	(void)standin_order(s->kubelet, "start pods");
	s->h = harness_open(&collector_kubelet, s->root);
	pass(s, 5);
	assert_string_equal(pod_attr(s, POD, "phase"), "Running");
	assert_null(node_attr(s, "unresolved.kubelet"));
}

static void test_eviction_is_told_once(void **state)
{
	struct stage *s = *state;
	const struct event *e;

	begin(s, "normal", "resources", "pods");
	pass(s, 5);
	(void)standin_order(s->kubelet, "world failed");
	pass(s, 5);
	e = harness_event(s->h, "pod.failed", 0);
	assert_non_null(e);
	assert_string_equal(harness_event_key(s->h, e), POD);
	assert_string_equal(harness_text(s->h, e, "reason"), "Evicted");
	assert_string_equal(e->message, "pod " POD " has failed: Evicted");
	assert_string_equal(pod_attr(s, POD, "reason"), "Evicted");
	assert_false(is_alive(s, container(s, 'a')));
	pass(s, 5);
	assert_int_equal(harness_events(s->h, "pod.failed"), 0);
}

/* Of a pod with restartPolicy Never the kubelet gives no reason of its own. */
static void test_the_container_that_failed_is_named(void **state)
{
	struct stage *s = *state;
	const struct event *e;

	begin(s, "normal", "resources", "pods");
	pass(s, 5);
	(void)standin_order(s->kubelet, "world crashed");
	pass(s, 5);
	e = harness_event(s->h, "pod.failed", 0);
	assert_non_null(e);
	assert_string_equal(harness_text(s->h, e, "reason"), "container main ended with 3 (Error)");
}

/* Cancelled, preempted, scaled down, drained: it ends as Failed, because its program ends with 143, and was meant to. */
static void test_a_pod_that_is_deleted_has_not_failed(void **state)
{
	struct stage *s = *state;

	begin(s, "normal", "resources", "pods");
	pass(s, 5);
	(void)standin_order(s->kubelet, "world deleted");
	pass(s, 5);
	assert_int_equal(harness_events(s->h, "pod.failed"), 0);
	assert_string_equal(pod_attr(s, POD, "phase"), "Failed");
}

static void test_what_had_failed_before_is_no_news(void **state)
{
	struct stage *s = *state;

	begin(s, "failed", "pods", NULL);
	pass(s, 5);
	assert_int_equal(harness_events(s->h, "pod.failed"), 0);
	assert_string_equal(pod_attr(s, POD, "phase"), "Failed");
}

static void test_container_that_does_not_start_is_told_once(void **state)
{
	struct stage *s = *state;
	const struct event *e;

	begin(s, "normal", "pods", NULL);
	pass(s, 5);
	(void)standin_order(s->kubelet, "world waiting");
	pass(s, 5);
	e = harness_event(s->h, "pod.waiting", 0);
	assert_non_null(e);
	assert_string_equal(harness_text(s->h, e, "reason"), "CrashLoopBackOff");
	assert_string_equal(harness_text(s->h, e, "container"), "main");
	assert_true(harness_number(s->h, e, "restart_count") == 7);
	pass(s, 5);
	(void)standin_order(s->kubelet, "world normal"); /* runs for a moment */
	pass(s, 5);
	(void)standin_order(s->kubelet, "world waiting");
	pass(s, 5);
	assert_int_equal(harness_events(s->h, "pod.waiting"), 0);
}

static void test_hostile_pods_change_only_their_own_lines(void **state)
{
	struct stage *s = *state;
	const char *name, *value;
	size_t cursor;
	entity_id e;

	begin(s, "hostile", "resources", "pods");
	pass(s, 5);
	assert_grants(s);
	assert_int_equal((int)harness_node(s->h, "runtime.kubelet.refused"), 6);
	assert_string_equal(pod_attr(s, "n\\xFF/e\\x1B[2J", "phase"), "Run\\x07ning");
	assert_int_equal(graph_find(s->h->graph, ENTITY_POD, "c/a/b"), ENTITY_NONE);
	assert_int_equal(graph_find(s->h->graph, ENTITY_CONTAINER, "../../x"), ENTITY_NONE);
	for (enum entity_kind kind = 0; kind < ENTITY_KIND_MAX; kind++) {
		cursor = 0;
		while ((e = graph_next_even_gone(s->h->graph, kind, &cursor)) != ENTITY_NONE)
			for (size_t i = 0; graph_attr_at(s->h->graph, e, i, &name, &value); i++) {
				assert_null(strstr(value, "s3cr3t"));
				assert_null(strpbrk(value, "\x1b\x07\n"));
				assert_true(text_is_utf8(value, strlen(value)));
			}
	}
}

static void test_a_thousand_pods(void **state)
{
	struct stage *s = *state;
	char key[80];

	begin(s, "many", "resources", "pods");
	for (unsigned i = 0; i < 4; i++)
		pass(s, 5);
	(void)snprintf(key, sizeof(key), "%064x", 999);
	assert_string_equal(graph_attr(s->h->graph, graph_find(s->h->graph, ENTITY_CONTAINER, key), "gpus"), "GPU-999");
	assert_int_equal(s->h->batch->dropped_ops, 0);
	assert_true(harness_node(s->h, "runtime.kubelet.refused") == 0);
}

static void test_a_kubelet_that_lists_nothing_for_a_while_loses_nothing(void **state)
{
	struct stage *s = *state;
	entity_id pod;

	begin(s, "normal", "resources", "pods");
	pass(s, 5);
	(void)standin_order(s->kubelet, "world empty");
	pass(s, 5);
	pod = graph_find(s->h->graph, ENTITY_POD, POD);
	assert_true(is_alive(s, pod));
	assert_true(is_alive(s, container(s, 'a')));
	for (unsigned i = 0; i < 31; i++)
		pass(s, 10);
	assert_false(is_alive(s, pod));
	assert_false(is_alive(s, container(s, 'a')));
}

static void test_hanging_kubelet_is_told(void **state)
{
	struct stage *s = *state;
	const struct event *e;

	begin(s, "normal", "resources", NULL);
	pass(s, 5);
	(void)standin_order(s->kubelet, "how hang");
	pass(s, 5);
	e = harness_event(s->h, "runtime.kubelet.lost", 0);
	assert_non_null(e);
	assert_string_equal(harness_text(s->h, e, "socket"), RESOURCES);
	assert_contains(harness_text(s->h, e, "reason"), "timeout");
	assert_contains(node_attr(s, "unresolved.kubelet"), "devices of containers: kubelet at " RESOURCES
							     " has not answered for 5 s");
	assert_true(harness_node(s->h, "runtime.kubelet.silent") == 5e9);
	(void)standin_order(s->kubelet, "how ok");
	pass(s, 5);
	assert_int_equal(harness_events(s->h, "runtime.kubelet.recovered"), 1);
	assert_null(node_attr(s, "unresolved.kubelet"));
}

static void test_garbage_is_told_and_restart_is_survived(void **state)
{
	struct stage *s = *state;

	begin(s, "normal", "resources", "pods");
	pass(s, 5);
	(void)standin_order(s->kubelet, "how garbage");
	pass(s, 5);
	assert_int_equal(harness_events(s->h, "runtime.kubelet.lost"), 2);
	assert_contains(node_attr(s, "unresolved.kubelet"), "no list of pods");
	(void)standin_order(s->kubelet, "stop resources");
	(void)standin_order(s->kubelet, "stop pods");
	pass(s, 5);
	assert_grants(s);
	(void)standin_order(s->kubelet, "how ok");
	(void)standin_order(s->kubelet, "start resources");
	(void)standin_order(s->kubelet, "start pods");
	pass(s, 5);
	assert_null(node_attr(s, "unresolved.kubelet"));
	assert_grants(s);
}

static void test_no_socket_is_no_kubelet(void **state)
{
	struct stage *s = *state;

	s->h = harness_new(&collector_kubelet, s->root);
	assert_int_equal(harness_probe(s->h), -ENOENT);
	assert_contains(s->h->reason, "pod-resources");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_devices_of_containers_and_state_of_pods),
		TEST(test_ids_come_from_the_runtime_without_pods_api),
		TEST(test_later_names_of_the_service_are_tried),
		TEST(test_eviction_is_told_once),
		TEST(test_the_container_that_failed_is_named),
		TEST(test_a_pod_that_is_deleted_has_not_failed),
		TEST(test_what_had_failed_before_is_no_news),
		TEST(test_container_that_does_not_start_is_told_once),
		TEST(test_hostile_pods_change_only_their_own_lines),
		TEST(test_a_thousand_pods),
		TEST(test_a_kubelet_that_lists_nothing_for_a_while_loses_nothing),
		TEST(test_hanging_kubelet_is_told),
		TEST(test_garbage_is_told_and_restart_is_survived),
		TEST(test_no_socket_is_no_kubelet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
