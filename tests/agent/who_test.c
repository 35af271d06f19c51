/* SPDX-License-Identifier: Apache-2.0 */
/* Who is who, in a graph made by hand: a job of four ranks in two pods, a launcher, a GPU, a mount. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "agent/who.h"
#include "base/cleanup.h"
#include "model/who.h"

#define ID64 "3f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012"
#define OTHER64 "3f4e5dffffff90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012"

static struct graph *graph;
static entity_id job, rank[4], process[4], container, pod, gpu, launcher;

static entity_id make(enum entity_kind kind, const char *key)
{
	entity_id id = ENTITY_NONE;

	assert_ok(graph_entity(graph, kind, key, 1, &id));
	return id;
}

static void give(entity_id id, const char *name, const char *value)
{
	assert_ok(graph_set_attr(graph, id, name, value));
}

static void make_rank(unsigned i)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "torchrun:llama/%u", i);
	rank[i] = make(ENTITY_RANK, text);
	(void)snprintf(text, sizeof(text), "%u", i);
	give(rank[i], "rank", text);
	give(rank[i], "role", "rank");
	(void)snprintf(text, sizeof(text), "%u/%u", 4200 + i, 900 + i);
	process[i] = make(ENTITY_PROCESS, text);
	give(process[i], "comm", "python3");
	(void)snprintf(text, sizeof(text), "%u", 4200 + i);
	give(process[i], "pid", text);
	give(process[i], "identity", "environment at exec");
	assert_ok(graph_link(graph, EDGE_OF, rank[i], job));
	assert_ok(graph_link(graph, EDGE_OF, process[i], rank[i]));
	assert_ok(graph_link(graph, EDGE_IN, process[i], container));
}

static int setup(void **state UNUSED)
{
	entity_id cgroup;

	assert_ok(graph_new(100, "node-1", &graph));
	job = make(ENTITY_JOB, "torchrun:llama");
	give(job, "name", "llama pretraining");
	give(job, "world_size", "8");
	give(job, "restart", "1");
	container = make(ENTITY_CONTAINER, ID64);
	give(container, "name", "train");
	give(container, "image", "pytorch:2.4");
	give(container, "runtime", "containerd");
	give(container, "state", "running");
	give(container, "restart_count", "2");
	give(container, "exit_code", "137");
	give(container, "exit_reason", "OOMKilled");
	pod = make(ENTITY_POD, "ml/llama-0");
	give(pod, "phase", "Running");
	cgroup = make(ENTITY_CGROUP, "/kubepods/pod1/c1");
	gpu = make(ENTITY_GPU, "0000:5e:00.0");
	give(gpu, "index", "3");
	assert_ok(graph_link(graph, EDGE_IN, container, pod));
	assert_ok(graph_link(graph, EDGE_IN, container, cgroup));
	for (unsigned i = 0; i < 4; i++)
		make_rank(i);
	assert_ok(graph_link(graph, EDGE_USES, process[3], gpu));
	assert_ok(graph_link(graph, EDGE_USES, process[3], make(ENTITY_MOUNT, "/data")));
	launcher = make(ENTITY_PROCESS, "4100/800");
	give(launcher, "comm", "torchrun");
	give(launcher, "role", "launcher");
	assert_ok(graph_link(graph, EDGE_OF, launcher, job));
	return 0;
}

static int teardown(void **state UNUSED)
{
	graph_free(&graph);
	return 0;
}

static struct answer *tell(entity_id id)
{
	struct answer *a = NULL;

	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	a->node = "node-1";
	who_tell(graph, id, a);
	return a;
}

static const struct answer_who *line(const struct answer *a, const char *role, const char *id)
{
	for (size_t i = 0; i < a->n_who; i++)
		if (strcmp(a->who[i].role, role) == 0 && strcmp(a->who[i].id, id) == 0)
			return &a->who[i];
	return NULL;
}

static void test_a_process(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = tell(process[3]);

	assert_string_equal(a->who[0].role, "self");
	assert_string_equal(a->who[0].text,
			    "python3[4203] is rank 3 of job torchrun:llama (restart 1), in container train (3f4e5d6c7b8a) "
			    "of pod ml/llama-0 (image pytorch:2.4), cgroup /kubepods/pod1/c1, node node-1");
	assert_non_null(line(a, "of", "torchrun:llama/3"));
	assert_non_null(line(a, "of", "torchrun:llama"));
	assert_non_null(line(a, "in", ID64));
	assert_non_null(line(a, "in", "ml/llama-0"));
	assert_non_null(line(a, "uses", "0000:5e:00.0"));
	assert_non_null(line(a, "uses", "/data"));
	assert_null(line(a, "doubt", "ml/llama-0"));
}

/* Its loader lives on, and sleeps: the rank is dead all the same. */
static void test_a_helper_that_is_left_over_is_no_rank(void **state UNUSED)
{
	entity_id helper = make(ENTITY_PROCESS, "4250/950"), before = make(ENTITY_PROCESS, "4190/890");

	give(process[2], "role", "rank");
	give(helper, "comm", "pt_data_worker");
	assert_ok(graph_link(graph, EDGE_OF, helper, rank[2]));
	assert_ok(graph_link(graph, EDGE_OF, before, rank[2])); /* with an older entity than the rank's */
	give(process[2], "exit_signal", "9");
	give(process[2], "signal", "9");
	give(process[2], "sender_comm", "bash");
	give(process[2], "sender_pid", "77");
	assert_ok(graph_gone(graph, process[2], 5));
	AUTO(answer_free) struct answer *a = tell(job);
	const struct answer_who *w = line(a, "member", "torchrun:llama/2");

	assert_non_null(w);
	assert_string_equal(w->status, "gone");
	assert_string_equal(who_attr(w, "process"), "python3[4202]");
	assert_string_equal(who_attr(w, "exit_reason"), "SIGKILL from bash[77]");
}

static void test_a_process_of_nobody(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = NULL;
	entity_id lone = make(ENTITY_PROCESS, "7/7");

	give(lone, "comm", "cron");
	give(lone, "unresolved", "container: no cgroup could be read");
	a = tell(lone);
	assert_string_equal(a->who[0].text, "cron[7] is of no container, pod or job that is known, node node-1");
	assert_string_equal(a->who[1].role, "doubt");
	assert_string_equal(a->who[1].name, "container of cron[7]");
	assert_string_equal(a->who[1].text, "no cgroup could be read");
	answer_free(&a);
	a = tell(launcher);
	assert_string_equal(a->who[0].text, "torchrun[4100] is launcher of job torchrun:llama (restart 1), node node-1");
}

static void test_a_job_has_members_and_says_which_is_in_trouble(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = NULL;
	struct finding *f = NULL;
	size_t first = 0;

	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	a->node = "node-1";
	assert_ok(finding_new(&f));
	f->title = "python3[4202] was stopped";
	f->severity = SEVERITY_CRITICAL;
	f->subject = (struct finding_entity){ .kind = ENTITY_PROCESS, .id = "4202/902", .name = "python3[4202]" };
	f->subject.attrs[f->subject.n_attrs++] = (struct finding_attr){ "rank", "torchrun:llama/2" };
	f->explains[0] = (struct finding_explained){ .symptom = "job.rank_stalled" };
	f->explains[0].subject = (struct finding_entity){ .kind = ENTITY_RANK, .id = "torchrun:llama/1" };
	f->n_explains = 1;
	assert_ok(answer_add_finding(a, &f));
	assert_ok(graph_gone(graph, process[0], 5));
	who_tell(graph, job, a);
	assert_string_equal(a->who[0].text, "job torchrun:llama (name llama pretraining, world size 8, restart 1)");
	while (strcmp(a->who[first].role, "member") != 0)
		first++;
	assert_int_equal(a->n_who - first, 5);
	assert_string_equal(a->who[first].id, "torchrun:llama/2");
	assert_string_equal(a->who[first].status, "critical");
	assert_string_equal(a->who[first].text, "python3[4202] was stopped");
	assert_string_equal(a->who[first + 1].id, "torchrun:llama/1");
	assert_string_equal(a->who[first + 1].status, "affected");
	assert_string_equal(a->who[first + 2].id, "torchrun:llama/0");
	assert_string_equal(a->who[first + 2].status, "gone");
	assert_string_equal(line(a, "member", "torchrun:llama/3")->status, "ok");
	assert_string_equal(line(a, "member", "4100/800")->status, "ok");
}

/* Felt here, caused elsewhere: the rank is not to blame. */
static void test_a_symptom_explained_elsewhere_blames_nobody(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = NULL;
	struct finding *cause = NULL, *symptom = NULL;

	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	assert_ok(finding_new(&cause));
	assert_ok(finding_new(&symptom));
	strcpy(symptom->id, "fnd_symptom");
	symptom->kind = FINDING_SYMPTOM;
	symptom->rule = "job.rank_stalled";
	symptom->severity = SEVERITY_CRITICAL;
	symptom->subject = (struct finding_entity){ .kind = ENTITY_RANK, .id = "torchrun:llama/0" };
	cause->subject = (struct finding_entity){ .kind = ENTITY_RANK, .id = "torchrun:llama/3" };
	cause->title = "rank 3 was stopped";
	cause->severity = SEVERITY_WARNING;
	cause->explains[0].subject = symptom->subject;
	strcpy(cause->explains[0].finding, "fnd_symptom");
	cause->n_explains = 1;
	assert_ok(answer_add_finding(a, &symptom));
	assert_ok(answer_add_finding(a, &cause));
	who_tell(graph, job, a);
	assert_string_equal(line(a, "member", "torchrun:llama/0")->status, "affected");
	assert_string_equal(line(a, "member", "torchrun:llama/3")->status, "warning");
	assert_string_equal(line(a, "member", "torchrun:llama/1")->status, "ok");
	/* Alone, and unexplained, it is all that is known. */
	finding_free(&a->findings[1]);
	a->n_findings = 1;
	a->n_who = 0;
	who_tell(graph, job, a);
	assert_string_equal(line(a, "member", "torchrun:llama/0")->status, "critical");
}

static void test_a_rank_a_container_a_pod_a_gpu(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = tell(rank[3]);

	assert_string_equal(a->who[0].text,
			    "rank 3 of job torchrun:llama (name llama pretraining, world size 8, restart 1), node node-1");
	assert_non_null(line(a, "uses", "/data"));
	assert_non_null(line(a, "member", "4203/903"));
	answer_free(&a);
	a = tell(container);
	assert_string_equal(a->who[0].text,
			    "container train (3f4e5d6c7b8a) of pod ml/llama-0, image pytorch:2.4, running under containerd, "
			    "restarted 2 times, last exit 137 (OOMKilled), cgroup /kubepods/pod1/c1, node node-1");
	assert_non_null(line(a, "member", "torchrun:llama/0"));
	assert_string_equal(line(a, "member", "torchrun:llama/0")->attrs[0].value, "python3[4200]");
	answer_free(&a);
	a = tell(pod);
	assert_string_equal(a->who[0].text, "pod ml/llama-0, Running, node node-1");
	assert_non_null(line(a, "member", ID64));
	assert_non_null(line(a, "member", "torchrun:llama/3"));
	answer_free(&a);
	a = tell(gpu);
	assert_non_null(line(a, "member", "4203/903"));
	answer_free(&a);
	a = tell(graph_node(graph));
	assert_int_equal(a->n_who, 0);
}

static struct target_search *search(enum entity_kind kind, const char *word)
{
	static struct target_search s;

	target_search_init(&s, kind, word);
	who_search(graph, &s);
	return &s;
}

static void test_words_find_them(void **state UNUSED)
{
	const struct target_search *s;
	char brief[256];

	assert_int_equal(search(ENTITY_JOB, "llama pretraining")->hits[0].tag, job);
	assert_int_equal(search(ENTITY_JOB, "llam")->hits[0].tag, job);
	assert_int_equal(search(ENTITY_RANK, "llama pretraining:2")->hits[0].tag, rank[2]);
	assert_int_equal(search(ENTITY_RANK, "torchrun:llama:2")->hits[0].tag, rank[2]);
	assert_int_equal(search(ENTITY_POD, "llama")->hits[0].tag, pod);
	assert_int_equal(search(ENTITY_KIND_MAX, "llama-0")->hits[0].tag, pod);
	assert_int_equal(search(ENTITY_PROCESS, "4201")->hits[0].tag, process[1]);
	assert_int_equal(search(ENTITY_CONTAINER, "3f4e5d")->hits[0].tag, container);
	assert_int_equal(search(ENTITY_CONTAINER, "3f4e5")->n_hits, 0);
	(void)make(ENTITY_CONTAINER, OTHER64);
	s = search(ENTITY_CONTAINER, "3f4e5d");
	assert_int_equal(s->n_hits, 2);
	assert_int_equal(search(ENTITY_CONTAINER, "3f4e5d6")->n_hits, 1);
	who_brief(graph, process[3], brief, sizeof(brief));
	assert_non_null(strstr(brief, "rank 3 of"));
	assert_non_null(strstr(brief, "python3[4203]"));
	who_brief(graph, rank[3], brief, sizeof(brief));
	assert_non_null(strstr(brief, "python3[4203]"));
	/* Gone, and still found. */
	assert_ok(graph_gone(graph, process[3], 9));
	s = search(ENTITY_PROCESS, "4203");
	assert_int_equal(s->n_hits, 1);
	assert_true(s->hits[0].gone);
}

static void test_many_members_are_bounded(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = NULL;
	struct graph *small = graph;
	char key[64];

	assert_ok(graph_new(5000, "node-1", &graph));
	job = make(ENTITY_JOB, "spark:app");
	for (unsigned i = 0; i < 3000; i++) {
		(void)snprintf(key, sizeof(key), "spark:app/exec-%u", i);
		assert_ok(graph_link(graph, EDGE_OF, make(ENTITY_RANK, key), job));
	}
	a = tell(job);
	assert_true(a->n_who <= ANSWER_MAX_WHO);
	assert_true(a->n_who > AGENT_WHO_MAX);
	assert_true(a->truncated);
	graph_free(&graph);
	graph = small;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_helper_that_is_left_over_is_no_rank, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_process_of_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_job_has_members_and_says_which_is_in_trouble, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_symptom_explained_elsewhere_blames_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_rank_a_container_a_pod_a_gpu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words_find_them, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_members_are_bounded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
