/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/target.h"

#define ID64 "3f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012"

static struct finding_entity entity(enum entity_kind kind, const char *id, const char *name)
{
	return (struct finding_entity){ .kind = kind, .id = id, .name = name };
}

static void give(struct finding_entity *e, const char *name, const char *value)
{
	e->attrs[e->n_attrs++] = (struct finding_attr){ name, value };
}

/* The things of one node, and every way to say them. */
static const struct {
	enum entity_kind kind;
	const char *id, *name, *attr, *value;
	const char *word;
	enum target_fit as_kind, bare;
} table[] = {
	{ ENTITY_PROCESS, "4242/991", "python3[4242]", "pid", "4242", "4242", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_PROCESS, "4242/991", "python3[4242]", "pid", "4242", "4242/991", TARGET_EXACT, TARGET_EXACT },
	{ ENTITY_PROCESS, "4242/991", "python3[4242]", "comm", "x", "4242", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_PROCESS, "4242/991", "python3[4242]", "pid", "4242", "python3[4242]", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_PROCESS, "4242/991", "python3[4242]", "pid", "4242", "424", TARGET_NOT, TARGET_NOT },
	{ ENTITY_PROCESS, "4242/991", "python3[4242]", "pid", "4242", "991", TARGET_NOT, TARGET_NOT },
	{ ENTITY_PROCESS, "4242/991", "python3[4242]", "pid", "4242", "42421", TARGET_NOT, TARGET_NOT },
	{ ENTITY_CGROUP, "/demo/victim", NULL, "a", "b", "/demo/victim", TARGET_EXACT, TARGET_EXACT },
	{ ENTITY_CGROUP, "/demo/victim", NULL, "a", "b", "victim", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_CGROUP, "/demo/victim", NULL, "a", "b", "demo", TARGET_NOT, TARGET_NOT },
	{ ENTITY_CGROUP, "/", "/", "a", "b", "", TARGET_NOT, TARGET_NOT },
	{ ENTITY_CONTAINER, ID64, NULL, "name", "train", ID64, TARGET_EXACT, TARGET_EXACT },
	{ ENTITY_CONTAINER, ID64, NULL, "name", "train", "containerd://" ID64, TARGET_EXACT, TARGET_EXACT },
	{ ENTITY_CONTAINER, ID64, NULL, "name", "train", "3f4e5d", TARGET_PREFIX, TARGET_PREFIX },
	{ ENTITY_CONTAINER, ID64, NULL, "name", "train", "3f4e5", TARGET_NOT, TARGET_NOT },
	{ ENTITY_CONTAINER, ID64, NULL, "name", "train", "4e5d6c7b", TARGET_NOT, TARGET_NOT },
	{ ENTITY_CONTAINER, ID64, NULL, "name", "train", "train", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_CONTAINER, ID64, NULL, "name", "train", "docker://", TARGET_NOT, TARGET_NOT },
	{ ENTITY_POD, "ml/llama-0", "ml/llama-0", "uid", "11-22", "ml/llama-0", TARGET_EXACT, TARGET_EXACT },
	{ ENTITY_POD, "ml/llama-0", "ml/llama-0", "uid", "11-22", "llama-0", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_POD, "ml/llama-0", "ml/llama-0", "uid", "11-22", "11-22", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_POD, "ml/llama-0", "ml/llama-0", "uid", "11-22", "llama", TARGET_PREFIX, TARGET_PREFIX },
	{ ENTITY_POD, "ml/llama-0", "ml/llama-0", "uid", "11-22", "ml/ll", TARGET_PREFIX, TARGET_PREFIX },
	{ ENTITY_POD, "ml/llama-0", "ml/llama-0", "uid", "11-22", "ll", TARGET_PREFIX, TARGET_NOT },
	{ ENTITY_POD, "ml/llama-0", "ml/llama-0", "uid", "11-22", "lama", TARGET_NOT, TARGET_NOT },
	{ ENTITY_POD, "ml/llama-0", "ml/llama-0", "uid", "11-22", "llama-00", TARGET_NOT, TARGET_NOT },
	{ ENTITY_JOB, "slurm:81734", NULL, "name", "pretrain", "slurm:81734", TARGET_EXACT, TARGET_EXACT },
	{ ENTITY_JOB, "slurm:81734", NULL, "name", "pretrain", "81734", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_JOB, "slurm:81734", NULL, "name", "pretrain", "pretrain", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_JOB, "slurm:81734", NULL, "name", "pretrain", "8173", TARGET_PREFIX, TARGET_PREFIX },
	{ ENTITY_JOB, "slurm:81734", NULL, "name", "pretrain", "slurm:8173", TARGET_PREFIX, TARGET_PREFIX },
	{ ENTITY_JOB, "slurm:81734", NULL, "name", "pretrain", "817", TARGET_NOT, TARGET_NOT },
	{ ENTITY_JOB, "slurm:81734", NULL, "name", "pretrain", "slurm", TARGET_NOT, TARGET_NOT },
	{ ENTITY_JOB, "slurm:81734", NULL, "name", "pretrain", "slurm:817", TARGET_NOT, TARGET_NOT },
	{ ENTITY_JOB, "slurm:81734", NULL, "name", "pretrain", "1734", TARGET_NOT, TARGET_NOT },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "rank", "3", "slurm:81734/3", TARGET_EXACT, TARGET_EXACT },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "rank", "3", "slurm:81734:3", TARGET_EXACT, TARGET_EXACT },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "rank", "3", "81734:3", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "rank", "3", "81734/3", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "job_name", "pretrain", "pretrain:3", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "a", "b", "8173:3", TARGET_PREFIX, TARGET_PREFIX },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "a", "b", "817:3", TARGET_NOT, TARGET_NOT },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "a", "b", "81734:13", TARGET_NOT, TARGET_NOT },
	{ ENTITY_RANK, "slurm:81734/13", NULL, "a", "b", "81734:3", TARGET_NOT, TARGET_NOT },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "a", "b", "slurm:81734", TARGET_NOT, TARGET_NOT },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "a", "b", ":3", TARGET_NOT, TARGET_NOT },
	{ ENTITY_RANK, "slurm:81734/3", NULL, "a", "b", "3", TARGET_NOT, TARGET_NOT },
	{ ENTITY_RANK, "airflow:dag/load/2", NULL, "rank", "load/2", "dag:load/2", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_RANK, "airflow:dag/load/2", NULL, "job", "airflow:dag", "dag/load/2", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_RANK, "pytorchjob:ml/llama/1", NULL, "rank", "1", "ml/llama:1", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_RANK, "nothing", NULL, "rank", "1", "nothing:1", TARGET_NOT, TARGET_NOT },
	{ ENTITY_GPU, "0000:5e:00.0", "GPU 3", "index", "3", "3", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_GPU, "0000:5e:00.0", "GPU 3", "uuid", "GPU-aa", "GPU-aa", TARGET_CALLED, TARGET_CALLED },
	{ ENTITY_NIC, "eth0", NULL, "a", "b", "eth", TARGET_NOT, TARGET_NOT },
};

static void test_every_way_to_say_a_thing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct finding_entity e = entity(table[i].kind, table[i].id, table[i].name);

		give(&e, table[i].attr, table[i].value);
		if (target_fit(&e, table[i].kind, table[i].word) != table[i].as_kind)
			fail_msg("'%s' for %s: %d", table[i].word, table[i].id,
				 target_fit(&e, table[i].kind, table[i].word));
		if (target_fit(&e, ENTITY_KIND_MAX, table[i].word) != table[i].bare)
			fail_msg("bare '%s' for %s: %d", table[i].word, table[i].id,
				 target_fit(&e, ENTITY_KIND_MAX, table[i].word));
		assert_int_equal(target_fit(&e, ENTITY_NODE, table[i].word), TARGET_NOT);
	}
}

static void test_the_best_fit_wins(void **state)
{
	(void)state;
	struct finding_entity named = entity(ENTITY_JOB, "torchrun:abcdef", NULL);
	struct finding_entity begun = entity(ENTITY_JOB, "slurm:llama7b", NULL);
	struct finding_entity pod = entity(ENTITY_POD, "ml/llama", NULL);
	struct target_search s;

	give(&named, "name", "llama");
	target_search_init(&s, ENTITY_JOB, "llama");
	target_search_offer(&s, &begun, NULL, 1, false);
	target_search_offer(&s, &named, NULL, 2, false);
	target_search_offer(&s, &begun, NULL, 1, false);
	assert_int_equal(s.n_hits, 1);
	assert_string_equal(s.hits[0].key, "torchrun:abcdef");
	assert_int_equal(s.hits[0].tag, 2);
	/* A bare word: the pod first, as it always was. */
	target_search_init(&s, ENTITY_KIND_MAX, "llama");
	target_search_offer(&s, &named, NULL, 2, false);
	target_search_offer(&s, &pod, NULL, 3, false);
	assert_int_equal(s.n_hits, 1);
	assert_int_equal(s.hits[0].kind, ENTITY_POD);
	/* But the beginning of a pod's name is less than a job's whole name. */
	pod.id = "ml/llama-0";
	target_search_init(&s, ENTITY_KIND_MAX, "llama");
	target_search_offer(&s, &pod, NULL, 3, false);
	target_search_offer(&s, &named, NULL, 2, false);
	assert_int_equal(s.n_hits, 1);
	assert_int_equal(s.hits[0].kind, ENTITY_JOB);
}

static void test_several_are_listed_with_what_they_are(void **state)
{
	(void)state;
	struct finding_entity e = entity(ENTITY_PROCESS, "4242/7", "python3[4242]");
	struct finding_entity pod = entity(ENTITY_POD, "ml/llama-0", "ml/llama-0");
	struct target_search s;
	char key[32];

	give(&e, "rank", "torchrun:abc/3");
	target_search_init(&s, ENTITY_PROCESS, "4242");
	target_search_offer(&s, &e, "node-1", 0, false);
	target_search_offer(&s, &e, "node-2", 0, false);
	target_search_offer(&s, &e, "node-2", 0, false);
	assert_int_equal(s.n_hits, 2);
	assert_string_equal(s.hits[1].node, "node-2");
	assert_string_equal(s.hits[0].what, "python3[4242], rank torchrun:abc/3");
	target_search_init(&s, ENTITY_POD, "llama");
	for (unsigned i = 0; i < 30; i++) {
		snprintf(key, sizeof(key), "ml/llama-%u", i);
		pod.id = key;
		target_search_offer(&s, &pod, NULL, i, false);
	}
	assert_int_equal(s.n_hits, TARGET_MAX_HITS);
	assert_int_equal(s.more, 10);
}

static void test_the_living_before_the_gone(void **state)
{
	(void)state;
	struct finding_entity old = entity(ENTITY_PROCESS, "77/1000", "a[77]");
	struct finding_entity young = entity(ENTITY_PROCESS, "77/20", "b[77]");
	struct target_search s;

	target_search_init(&s, ENTITY_PROCESS, "77");
	target_search_offer(&s, &old, NULL, 1, true);
	target_search_offer(&s, &young, NULL, 2, false);
	assert_int_equal(s.n_hits, 1);
	assert_int_equal(s.hits[0].tag, 2);
	/* Both gone: who had the pid last. */
	target_search_init(&s, ENTITY_PROCESS, "77");
	target_search_offer(&s, &young, NULL, 2, true);
	target_search_offer(&s, &old, NULL, 1, true);
	target_search_offer(&s, &young, NULL, 2, true);
	assert_int_equal(s.n_hits, 1);
	assert_int_equal(s.hits[0].tag, 1);
}

static void test_names_nearby(void **state)
{
	(void)state;
	struct finding_entity e = entity(ENTITY_POD, NULL, NULL);
	static const char *const ids[] = { "ml/llama-0", "ml/mistral-0", "web/nginx", "ml/llama-1", "ml/llama-1" };
	struct target_search s;
	char hint[256];

	target_search_init(&s, ENTITY_POD, "lama-0");
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		e.id = ids[i];
		target_search_offer(&s, &e, NULL, 0, false);
	}
	assert_int_equal(s.n_hits, 0);
	target_search_hint(&s, hint, sizeof(hint));
	assert_string_equal(hint, "; did you mean 'ml/llama-0' or 'ml/llama-1'?");
	target_search_init(&s, ENTITY_POD, "zzz");
	e.id = "ml/llama-0";
	target_search_offer(&s, &e, NULL, 0, false);
	target_search_hint(&s, hint, sizeof(hint));
	assert_string_equal(hint, "");
	/* Only so many, the nearest first. */
	target_search_init(&s, ENTITY_JOB, "gpu.termal");
	target_search_near(&s, "gpu.thermal");
	for (unsigned i = 0; i < 9; i++) {
		snprintf(hint, sizeof(hint), "x.gpu.termal.%u", i);
		target_search_near(&s, hint);
	}
	assert_int_equal(s.n_near, TARGET_MAX_NEAR);
	assert_string_equal(s.near[0], "x.gpu.termal.0");
}

/* Whoever has a million names is not asked to compare them all. */
static void test_guessing_is_bounded(void **state)
{
	(void)state;
	struct finding_entity e = entity(ENTITY_PROCESS, "4243/1", "python3[4243]");
	struct target_search s;
	char key[32];

	target_search_init(&s, ENTITY_PROCESS, "4242");
	target_search_offer(&s, &e, NULL, 0, false);
	assert_int_equal(s.n_near, 0);
	e = entity(ENTITY_POD, key, NULL);
	target_search_init(&s, ENTITY_POD, "ml/nobody");
	for (unsigned i = 0; i < TARGET_MAX_LOOKED + 10; i++) {
		snprintf(key, sizeof(key), "web/%u", i);
		target_search_offer(&s, &e, NULL, 0, false);
	}
	snprintf(key, sizeof(key), "ml/nobodi");
	target_search_offer(&s, &e, NULL, 0, false);
	assert_int_equal(s.n_near, 0);
	snprintf(key, sizeof(key), "ml/nobody");
	target_search_offer(&s, &e, NULL, 0, false);
	assert_int_equal(s.n_hits, 1);
}

static void test_finding_is_about_subject_affected_and_explained(void **state)
{
	(void)state;
	struct finding f = { .node = "n1", .subject = entity(ENTITY_CGROUP, "/a", "/a") };
	f.affected[f.n_affected++] = entity(ENTITY_POD, "ml/train-0", NULL);
	f.explains[f.n_explains++] = (struct finding_explained){ .symptom = "s" };
	f.explains[0].subject = entity(ENTITY_PROCESS, "7/1", "x[7]");
	give(&f.subject, "container", ID64);
	give(&f.explains[0].subject, "rank", "torchrun:a/3");
	assert_true(finding_is_about(&f, ENTITY_NODE, "n1"));
	assert_false(finding_is_about(&f, ENTITY_NODE, "n2"));
	assert_true(finding_is_about(&f, ENTITY_CGROUP, "/a"));
	assert_true(finding_is_about(&f, ENTITY_POD, "ml/train-0"));
	assert_true(finding_is_about(&f, ENTITY_PROCESS, "7/1"));
	assert_false(finding_is_about(&f, ENTITY_PROCESS, "7"));
	assert_false(finding_is_about(&f, ENTITY_POD, "7/1"));
	assert_true(finding_is_about(&f, ENTITY_CONTAINER, ID64));
	assert_true(finding_is_about(&f, ENTITY_RANK, "torchrun:a/3"));
	/* To blame is who the finding is about, not whom it hits. */
	assert_true(finding_blames(&f, ENTITY_CONTAINER, ID64));
	assert_false(finding_blames(&f, ENTITY_RANK, "torchrun:a/3"));
	f.affected[f.n_affected++] = entity(ENTITY_RANK, "slurm:9/3", NULL);
	assert_true(finding_is_about(&f, ENTITY_JOB, "slurm:9"));
	assert_false(finding_is_about(&f, ENTITY_JOB, "slurm"));
	/* The attribute "rank" of a rank is its number, not another rank. */
	give(&f.affected[1], "rank", "3");
	assert_false(finding_is_about(&f, ENTITY_RANK, "3"));
}

static void test_finding_by_beginning_of_id(void **state)
{
	(void)state;
	struct finding f = {0};
	strcpy(f.id, "fnd_ABCDEFGH");
	assert_true(finding_is_called(&f, "fnd_ABCDEFGH"));
	assert_true(finding_is_called(&f, "fnd_ABCD"));
	assert_false(finding_is_called(&f, "fnd_ABC"));
	assert_false(finding_is_called(&f, "fnd_ABCE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_way_to_say_a_thing),
		cmocka_unit_test(test_the_best_fit_wins),
		cmocka_unit_test(test_several_are_listed_with_what_they_are),
		cmocka_unit_test(test_the_living_before_the_gone),
		cmocka_unit_test(test_names_nearby),
		cmocka_unit_test(test_guessing_is_bounded),
		cmocka_unit_test(test_finding_is_about_subject_affected_and_explained),
		cmocka_unit_test(test_finding_by_beginning_of_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
