// SPDX-License-Identifier: Apache-2.0
/* The collector against a stand-in that speaks the real wire (tests/runtimes/cri_standin.py). Real containerd:
 * tests/real/containerd. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tests/collectors/harness.h"
#include "tests/runtimes/standin.h"
#include "tests/test.h"

#define SOCKET   "run/containerd/containerd.sock"
#define JOB_NAME "training.kubeflow.org/job-name"
#define EXITED_METRIC "container.exited"

extern const struct collector collector_cri;

struct stage {
	char root[128], socket[256], id[80];
	struct standin *runtime;
	struct harness *h;
	mono_ns_t now;
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	(void)harness_folder(s->root, sizeof(s->root));
	(void)snprintf(s->socket, sizeof(s->socket), "%s/" SOCKET, s->root);
	s->now = 1000 * NS_PER_S;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;

	if (s->h)
		harness_close(&s->h);
	standin_stop(&s->runtime);
	harness_remove(s->root);
	free(s);
	return 0;
}

static void begin(struct stage *s, const char *world)
{
	s->runtime = standin_start("cri_standin.py", s->socket);
	(void)standin_order(s->runtime, "world %s", world);
	s->h = harness_open(&collector_cri, s->root);
}

static void pass(struct stage *s, unsigned seconds)
{
	s->now += seconds * NS_PER_S;
	assert_ok(harness_collect(s->h, s->now));
}

/* The id of the stand-in's nth. */
static const char *id(struct stage *s, unsigned n)
{
	(void)snprintf(s->id, sizeof(s->id), "%064x", n);
	return s->id;
}

static entity_id container(struct stage *s, unsigned n)
{
	return graph_find(s->h->graph, ENTITY_CONTAINER, id(s, n));
}

static const char *attr(struct stage *s, unsigned n, const char *name)
{
	return graph_attr(s->h->graph, container(s, n), name);
}

static const char *node_attr(struct stage *s, const char *name)
{
	return graph_attr(s->h->graph, graph_node(s->h->graph), name);
}

static bool is_alive(struct stage *s, entity_id entity)
{
	return graph_exists(s->h->graph, entity) && !graph_is_gone(s->h->graph, entity, NULL);
}

static entity_id pod(struct stage *s, const char *key)
{
	return graph_find(s->h->graph, ENTITY_POD, key);
}

static void assert_in_pod(struct stage *s, unsigned n, const char *key)
{
	entity_id in;

	assert_int_equal(graph_neighbours(s->h->graph, container(s, n), false, ENTITY_POD, &in, 1), 1);
	assert_string_equal(graph_key(s->h->graph, in), key);
}

static void assert_contains(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("\"%s\" does not contain \"%s\"", text ? text : "(absent)", part);
}

static int calls(struct stage *s, const char *method)
{
	return atoi(standin_order(s->runtime, "calls %s", method));
}

static void rest(void)
{
	struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };

	(void)nanosleep(&moment, NULL);
}

/* Seconds pass until the next list has been asked for: when that is depends on when the runtime says that it has no stream
 * of events. The batch is that of the list. */
static void await_list(struct stage *s)
{
	int before = calls(s, "ListPodSandbox");

	for (unsigned i = 0; i < 100 && calls(s, "ListPodSandbox") == before; i++) {
		rest();
		pass(s, 1);
	}
	assert_true(calls(s, "ListPodSandbox") > before);
}

/* Nothing in the graph but what is printable and allowed. */
static void assert_graph_is_clean(struct stage *s)
{
	for (enum entity_kind kind = 0; kind < ENTITY_KIND_MAX; kind++) {
		entity_id e;
		size_t cursor = 0;

		while ((e = graph_next_even_gone(s->h->graph, kind, &cursor)) != ENTITY_NONE) {
			const char *name, *value;

			for (size_t i = 0; graph_attr_at(s->h->graph, e, i, &name, &value); i++) {
				assert_null(strstr(value, "s3cr3t"));
				assert_null(strpbrk(value, "\x1b\x07\n"));
				assert_null(strstr(value, "\u202e"));
				assert_true(text_is_utf8(value, strlen(value)));
			}
		}
	}
}

/* ---- who is there ---- */

static void test_names_images_labels_and_pods(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	pass(s, 1);
	assert_string_equal(attr(s, 11, "name"), "main");
	assert_string_equal(attr(s, 11, "image"), "registry.test/train:3");
	assert_string_equal(attr(s, 11, "runtime"), "containerd");
	assert_string_equal(attr(s, 11, "source"), "cri");
	assert_string_equal(attr(s, 11, "state"), "running");
	assert_string_equal(attr(s, 11, "pid"), "4011");
	assert_string_equal(attr(s, 11, "restart_count"), "3");
	assert_string_equal(attr(s, 11, "pod_uid"), "uid-of-trainer-0");
	assert_string_equal(attr(s, 11, JOB_NAME), "llama");
	assert_null(attr(s, 11, "token"));
	assert_in_pod(s, 11, "ml/trainer-0");
	assert_in_pod(s, 1, "ml/trainer-0");
	assert_string_equal(attr(s, 1, "name"), "pause");
	assert_contains(attr(s, 12, "image"), "registry.test/side@sha256:cdcd");
	assert_string_equal(attr(s, 21, "state"), "created");
	assert_null(attr(s, 21, "pid"));
	entity_id p = pod(s, "ml/trainer-0");
	assert_string_equal(graph_attr(s->h->graph, p, "namespace"), "ml");
	assert_string_equal(graph_attr(s->h->graph, p, "name"), "trainer-0");
	assert_string_equal(graph_attr(s->h->graph, p, "uid"), "uid-of-trainer-0");
	assert_string_equal(graph_attr(s->h->graph, p, JOB_NAME), "llama");
	assert_string_equal(node_attr(s, "container_runtime"), "containerd 9.9.9");
	assert_null(node_attr(s, "unresolved.cri"));
	assert_graph_is_clean(s);
}

static void test_restarts_are_counted_by_container_and_pod(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	pass(s, 1);
	assert_true(harness_value(s->h, "container.restarts", ENTITY_CONTAINER, id(s, 11)) == 3);
	assert_true(harness_value(s->h, "pod.restarts", ENTITY_POD, "ml/trainer-0") == 3);
	(void)standin_order(s->runtime, "end 11 1 Error");
	(void)standin_order(s->runtime, "begin 14 1 main 4");
	await_list(s);
	assert_true(harness_value(s->h, "container.restarts", ENTITY_CONTAINER, id(s, 14)) == 4);
	assert_true(harness_value(s->h, "pod.restarts", ENTITY_POD, "ml/trainer-0") == 4);
	await_list(s);
	assert_true(harness_value(s->h, "container.restarts", ENTITY_CONTAINER, id(s, 14)) == 4);
	assert_false(harness_has(s->h, "container.restarts", ENTITY_CONTAINER, id(s, 11)));
}

static void test_what_changes_nothing_writes_nothing(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	pass(s, 1);
	for (unsigned i = 0; i < 3; i++) {
		await_list(s);
		assert_int_equal(s->h->batch->n_ops, 0);
		assert_int_equal(s->h->batch->n_events, 0);
	}
}

static void test_other_runtimes_are_named(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	(void)standin_order(s->runtime, "name cri-o");
	pass(s, 1);
	assert_string_equal(attr(s, 11, "runtime"), "cri-o");
	assert_string_equal(node_attr(s, "container_runtime"), "cri-o 9.9.9");
}

static void test_no_socket_is_no_runtime(void **state)
{
	struct stage *s = *state;

	s->h = harness_new(&collector_cri, s->root);
	assert_int_equal(harness_probe(s->h), -ENOENT);
	assert_contains(s->h->reason, "containerd");
	s->runtime = standin_start("cri_standin.py", s->socket);
	assert_ok(harness_probe(s->h));
}

/* ---- how they end ---- */

static void test_end_is_told_with_code_and_reason(void **state)
{
	struct stage *s = *state;
	const struct event *e;

	begin(s, "normal");
	pass(s, 1);
	assert_int_equal(harness_events(s->h, EXITED_METRIC), 0); /* what ended before we looked is no news */
	(void)standin_order(s->runtime, "end 11 137 OOMKilled");
	await_list(s);
	assert_int_equal(harness_events(s->h, EXITED_METRIC), 1);
	e = harness_event(s->h, EXITED_METRIC, 0);
	assert_string_equal(harness_event_key(s->h, e), id(s, 11));
	assert_int_equal(e->code, 137);
	assert_int_equal(e->severity, SEVERITY_WARNING);
	assert_string_equal(harness_text(s->h, e, "reason"), "OOMKilled");
	assert_string_equal(harness_text(s->h, e, "name"), "main");
	assert_string_equal(harness_text(s->h, e, "pod"), "ml/trainer-0");
	assert_string_equal(harness_text(s->h, e, "image"), "registry.test/train:3");
	assert_true(harness_number(s->h, e, "restart_count") == 3);
	assert_true(harness_number(s->h, e, "lifetime") == 2e9);
	assert_string_equal(e->message, "container main of pod ml/trainer-0 exited with code 137: OOMKilled");
	assert_string_equal(attr(s, 11, "state"), "exited");
	assert_string_equal(attr(s, 11, "exit_code"), "137");
	assert_string_equal(attr(s, 11, "exit_reason"), "OOMKilled");
	assert_null(attr(s, 11, "pid"));
	assert_false(is_alive(s, container(s, 11)));
	assert_true(is_alive(s, pod(s, "ml/trainer-0")));
	await_list(s);
	assert_int_equal(harness_events(s->h, EXITED_METRIC), 0);
	assert_false(is_alive(s, container(s, 11)));
}

static void test_one_that_lived_between_two_looks_is_told(void **state)
{
	struct stage *s = *state;
	const struct event *e;

	begin(s, "normal");
	pass(s, 1);
	(void)standin_order(s->runtime, "begin 15 2 flash");
	(void)standin_order(s->runtime, "end 15 2 Error");
	await_list(s);
	assert_int_equal(harness_events(s->h, EXITED_METRIC), 1);
	e = harness_event(s->h, EXITED_METRIC, 0);
	assert_int_equal(e->code, 2);
	assert_string_equal(harness_text(s->h, e, "pod"), "shop/web");
}

static void test_removed_ones_are_gone(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	pass(s, 1);
	(void)standin_order(s->runtime, "remove 11");
	await_list(s);
	assert_false(is_alive(s, container(s, 11)));
	assert_true(is_alive(s, container(s, 12)));
	assert_true(is_alive(s, pod(s, "ml/trainer-0")));
	(void)standin_order(s->runtime, "stop-sandbox 1");
	await_list(s);
	assert_false(is_alive(s, container(s, 1)));
	assert_true(is_alive(s, pod(s, "ml/trainer-0")));
	(void)standin_order(s->runtime, "remove 12");
	(void)standin_order(s->runtime, "remove 1");
	await_list(s);
	assert_false(is_alive(s, pod(s, "ml/trainer-0")));
	assert_true(is_alive(s, pod(s, "shop/web")));
}

/* ---- the stream of events ---- */

/* Until the condition holds; the stream is another thread's. */
#define AWAIT(s, condition)                                                                                             \
	do {                                                                                                           \
		for (unsigned tries_ = 0; !(condition) && tries_ < 400; tries_++) {                                     \
			rest();                                                                                        \
			(s)->now += NS_PER_MS;                                                                         \
			assert_ok(harness_collect((s)->h, (s)->now));                                                  \
		}                                                                                                      \
		assert_true(condition);                                                                                \
	} while (0)

static void begin_with_stream(struct stage *s)
{
	s->runtime = standin_start("cri_standin.py", s->socket);
	(void)standin_order(s->runtime, "world normal");
	(void)standin_order(s->runtime, "events on");
	s->h = harness_open(&collector_cri, s->root);
	pass(s, 1);
	AWAIT(s, atoi(standin_order(s->runtime, "watchers")) == 1);
	await_list(s); /* the one after the stream has begun */
}

static void test_stream_tells_of_an_end_without_a_list(void **state)
{
	struct stage *s = *state;

	begin_with_stream(s);
	int lists = calls(s, "ListContainers");
	(void)standin_order(s->runtime, "end 11 1 Error");
	AWAIT(s, harness_events(s->h, EXITED_METRIC) == 1);
	assert_int_equal(calls(s, "ListContainers"), lists);
	(void)standin_order(s->runtime, "begin 16 2 fresh");
	AWAIT(s, is_alive(s, container(s, 16)));
	assert_string_equal(attr(s, 16, "name"), "fresh");
	assert_int_equal(calls(s, "GetContainerEvents"), 1);
}

static void test_stream_that_breaks_is_begun_again(void **state)
{
	struct stage *s = *state;

	begin_with_stream(s);
	(void)standin_order(s->runtime, "cut");
	(void)standin_order(s->runtime, "end 11 1 Error");
	for (unsigned i = 0; i < 40 && calls(s, "GetContainerEvents") < 2; i++) {
		rest();
		pass(s, 1);
	}
	assert_int_equal(calls(s, "GetContainerEvents"), 2);
	await_list(s);
	assert_false(is_alive(s, container(s, 11)));
	assert_null(node_attr(s, "unresolved.cri"));
}

static void test_runtime_that_dies_under_its_stream(void **state)
{
	struct stage *s = *state;

	begin_with_stream(s);
	(void)standin_order(s->runtime, "stop");
	(void)standin_order(s->runtime, "end 11 9 Error");
	pass(s, 1);
	assert_contains(node_attr(s, "unresolved.cri"), "is gone");
	(void)standin_order(s->runtime, "start");
	AWAIT(s, harness_events(s->h, EXITED_METRIC) == 1);
	assert_int_equal(harness_event(s->h, EXITED_METRIC, 0)->code, 9);
	AWAIT(s, calls(s, "GetContainerEvents") == 2);
	await_list(s);
	(void)standin_order(s->runtime, "end 12 4 Error");
	AWAIT(s, harness_events(s->h, EXITED_METRIC) == 1);
}

static void test_flood_of_events_is_one_list(void **state)
{
	struct stage *s = *state;

	begin_with_stream(s);
	int lists = calls(s, "ListContainers");
	(void)standin_order(s->runtime, "flood 3000");
	AWAIT(s, calls(s, "ListContainers") > lists);
	assert_int_equal(s->h->batch->dropped_ops, 0);
	(void)standin_order(s->runtime, "begin 17 2 late");
	AWAIT(s, is_alive(s, container(s, 17)));
}

static void test_without_a_stream_it_is_not_asked_for_again(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	for (unsigned i = 0; i < 10; i++) {
		await_list(s);
	}
	assert_int_equal(calls(s, "GetContainerEvents"), 1);
	assert_true(calls(s, "ListContainers") >= 8);
}

/* ---- hostile ---- */

static void test_hostile_texts_change_only_their_own_line(void **state)
{
	struct stage *s = *state;

	begin(s, "hostile");
	pass(s, 1);
	assert_string_equal(attr(s, 13, "name"), "fine");
	assert_string_equal(attr(s, 13, "image"), "registry.test/train:3");
	assert_in_pod(s, 13, "ml/ok");
	assert_string_equal(attr(s, 11, "name"), "evil\\x1B[2J\\x0A\\u{202E}name");
	assert_int_equal(strlen(attr(s, 11, JOB_NAME)), 255);
	assert_string_equal(attr(s, 12, JOB_NAME), "bad\\xFF\\xFEbytes");
	assert_string_equal(graph_attr(s->h->graph, pod(s, "ml/ok"), JOB_NAME), "j\\x1B[31mRED\\x1B]0;x\\x07");
	assert_int_equal((int)harness_node(s->h, "runtime.cri.refused"), 3);
	assert_graph_is_clean(s);
	/* A '/' in a name makes no pod; a container without a sandbox says so; labels that lie are a conflict. */
	assert_int_equal(pod(s, "c/a/b"), ENTITY_NONE);
	assert_contains(attr(s, 14, "unresolved"), "lists no sandbox");
	assert_in_pod(s, 15, "ml/ok");
	assert_string_equal(attr(s, 15, "conflict"),
			    "pod: containerd says its sandbox is of ml/ok, its labels say kube-system/other");
}

static void test_two_thousand_containers(void **state)
{
	struct stage *s = *state;
	size_t cursor = 0, n = 0;

	begin(s, "many 2000");
	for (unsigned i = 0; i < 20; i++) {
		pass(s, 1);
		assert_true(s->h->batch->n_ops < 16384);
	}
	while (graph_next(s->h->graph, ENTITY_CONTAINER, &cursor) != ENTITY_NONE)
		n++;
	assert_int_equal(n, 3000); /* with those that hold the pods */
	assert_non_null(attr(s, 201999, "name"));
	assert_string_equal(attr(s, 201999, "name"), "c1");
	assert_non_null(attr(s, 201999, "pid"));
	assert_in_pod(s, 201999, "load/pod-1998");
	assert_string_equal(attr(s, 201999, "pid"), "205999");
	assert_int_equal(s->h->batch->dropped_ops, 0);
	assert_true(harness_node(s->h, "runtime.cri.refused") == 0);
}

static void test_more_than_there_is_room_for_are_refused_and_counted(void **state)
{
	struct stage *s = *state;

	begin(s, "many 7000");
	for (unsigned i = 0; i < 40; i++)
		pass(s, 1);
	assert_true(harness_node(s->h, "runtime.cri.refused") > 2000); /* 10,500 - 8,192 */
	assert_null(node_attr(s, "unresolved.cri"));
}

/* ---- runtimes that do not answer ---- */

static void assert_lost(struct stage *s, const char *why)
{
	const struct event *e = harness_event(s->h, "runtime.cri.lost", 0);

	assert_non_null(e);
	assert_string_equal(harness_text(s->h, e, "runtime"), "containerd");
	assert_string_equal(harness_text(s->h, e, "socket"), "/" SOCKET);
	assert_contains(harness_text(s->h, e, "reason"), why);
	assert_contains(node_attr(s, "unresolved.cri"), "names of containers and pods: containerd at /" SOCKET);
	assert_contains(node_attr(s, "unresolved.cri"), why);
}

static void test_hanging_runtime_is_told_and_what_is_known_stays(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	pass(s, 1);
	assert_true(harness_node(s->h, "runtime.cri.silent") == 0);
	(void)standin_order(s->runtime, "how hang");
	pass(s, 10);
	assert_lost(s, "timeout");
	assert_contains(node_attr(s, "unresolved.cri"), "has not answered for 10 s");
	assert_true(harness_node(s->h, "runtime.cri.silent") == 10e9);
	assert_true(is_alive(s, container(s, 11)));
	assert_string_equal(attr(s, 11, "name"), "main");
	assert_string_equal(attr(s, 11, "unresolved"), "state and exit code: containerd at /" SOCKET " does not answer");
	pass(s, 1); /* backing off: not asked, still silent, said once */
	assert_int_equal(harness_events(s->h, "runtime.cri.lost"), 0);
	assert_true(harness_node(s->h, "runtime.cri.silent") == 11e9);
	(void)standin_order(s->runtime, "how ok");
	(void)standin_order(s->runtime, "end 11 3 Error");
	pass(s, 5);
	assert_null(attr(s, 12, "unresolved"));
	assert_int_equal(harness_events(s->h, "runtime.cri.recovered"), 1);
	assert_int_equal(harness_events(s->h, EXITED_METRIC), 1);
	assert_null(node_attr(s, "unresolved.cri"));
	assert_true(harness_node(s->h, "runtime.cri.silent") == 0);
}

/* The graph of the harness stands for the agent's, the batch for what a new child tells it. */
static void test_what_another_process_said_is_taken_back(void **state)
{
	struct stage *s = *state;
	bool said[2] = {0}, removed[2] = {0};

	begin(s, "normal");
	pass(s, 1);
	for (size_t i = 0; i < s->h->batch->n_ops; i++) {
		const struct batch_op *op = &s->h->batch->ops[i];
		bool node = op->a == graph_node(s->h->graph);

		if (op->kind != BATCH_OP_ATTR || (op->a != container(s, 11) && !node) ||
		    strcmp(op->name, node ? "unresolved.cri" : "unresolved") != 0)
			continue;
		(op->value ? said : removed)[node] = true;
	}
	assert_true(said[0] && said[1] && removed[0] && removed[1]);
}

static void test_mute_socket_is_told(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	(void)standin_order(s->runtime, "mute");
	pass(s, 1);
	assert_lost(s, "timeout");
	assert_contains(node_attr(s, "unresolved.cri"), "does not answer");
}

static void test_noise_on_the_socket_is_told(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	(void)standin_order(s->runtime, "raw");
	pass(s, 1);
	assert_lost(s, "unavailable");
}

static void test_garbage_for_a_list_is_told(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	pass(s, 1);
	(void)standin_order(s->runtime, "how list-garbage");
	await_list(s);
	assert_lost(s, "no list of containers");
	assert_true(is_alive(s, container(s, 11)));
}

static void test_error_of_a_list_is_told_and_safe_to_print(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	(void)standin_order(s->runtime, "how list-unknown");
	pass(s, 1);
	assert_lost(s, "no luck\\x1B[31m today");
}

static void test_status_that_hangs_is_said_of_the_container(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	(void)standin_order(s->runtime, "how status-hang");
	pass(s, 1);
	pass(s, 1);
	assert_string_equal(attr(s, 11, "unresolved"),
			    "process id and exit code: containerd does not answer for this container");
	assert_string_equal(attr(s, 11, "name"), "main");
	assert_null(node_attr(s, "unresolved.cri"));
	(void)standin_order(s->runtime, "how ok");
	pass(s, 31);
	assert_null(attr(s, 11, "unresolved"));
	assert_string_equal(attr(s, 11, "pid"), "4011");
}

static void test_status_garbage_or_error_spoils_nothing(void **state)
{
	struct stage *s = *state;
	static const char *const how[] = { "status-garbage", "status-unknown" };

	begin(s, "normal");
	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		(void)standin_order(s->runtime, "how %s", how[i]);
		await_list(s);
		assert_string_equal(attr(s, 11, "name"), "main");
		assert_null(attr(s, 11, "pid"));
		assert_null(node_attr(s, "unresolved.cri"));
	}
	(void)standin_order(s->runtime, "how ok");
	pass(s, 31);
	assert_string_equal(attr(s, 11, "pid"), "4011");
}

static void test_slow_runtime_is_waited_for(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	(void)standin_order(s->runtime, "how slow");
	pass(s, 1);
	pass(s, 1);
	assert_string_equal(attr(s, 11, "pid"), "4011");
	assert_int_equal(harness_events(s->h, "runtime.cri.lost"), 0);
}

static void test_runtime_without_cri_is_no_loss(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	(void)standin_order(s->runtime, "how refuse");
	pass(s, 1);
	assert_int_equal(s->h->batch->n_events, 0);
	for (unsigned i = 0; i < 5; i++) {
		pass(s, 10);
		assert_int_equal(s->h->batch->n_events, 0);
		assert_int_equal(s->h->batch->n_ops, 0);
	}
	assert_int_equal(calls(s, "Version"), 1);
}

static void test_restarted_runtime_is_known_again(void **state)
{
	struct stage *s = *state;

	begin(s, "normal");
	pass(s, 1);
	(void)standin_order(s->runtime, "stop");
	pass(s, 3);
	assert_lost(s, "socket is not there");
	pass(s, 3);
	assert_int_equal(harness_events(s->h, "runtime.cri.lost"), 0);
	assert_true(is_alive(s, container(s, 11)));
	(void)standin_order(s->runtime, "start");
	(void)standin_order(s->runtime, "begin 18 2 after");
	pass(s, 1);
	assert_int_equal(harness_events(s->h, "runtime.cri.recovered"), 1);
	assert_true(is_alive(s, container(s, 11)));
	assert_true(is_alive(s, container(s, 18)));
	assert_null(node_attr(s, "unresolved.cri"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_images_labels_and_pods),
		TEST(test_restarts_are_counted_by_container_and_pod),
		TEST(test_what_changes_nothing_writes_nothing),
		TEST(test_other_runtimes_are_named),
		TEST(test_no_socket_is_no_runtime),
		TEST(test_end_is_told_with_code_and_reason),
		TEST(test_one_that_lived_between_two_looks_is_told),
		TEST(test_removed_ones_are_gone),
		TEST(test_stream_tells_of_an_end_without_a_list),
		TEST(test_stream_that_breaks_is_begun_again),
		TEST(test_runtime_that_dies_under_its_stream),
		TEST(test_flood_of_events_is_one_list),
		TEST(test_without_a_stream_it_is_not_asked_for_again),
		TEST(test_hostile_texts_change_only_their_own_line),
		TEST(test_two_thousand_containers),
		TEST(test_more_than_there_is_room_for_are_refused_and_counted),
		TEST(test_hanging_runtime_is_told_and_what_is_known_stays),
		TEST(test_what_another_process_said_is_taken_back),
		TEST(test_mute_socket_is_told),
		TEST(test_noise_on_the_socket_is_told),
		TEST(test_garbage_for_a_list_is_told),
		TEST(test_error_of_a_list_is_told_and_safe_to_print),
		TEST(test_status_that_hangs_is_said_of_the_container),
		TEST(test_status_garbage_or_error_spoils_nothing),
		TEST(test_slow_runtime_is_waited_for),
		TEST(test_runtime_without_cri_is_no_loss),
		TEST(test_restarted_runtime_is_known_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
