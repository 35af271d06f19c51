// SPDX-License-Identifier: Apache-2.0
/* Words, and the things of stored findings that they name: a job on two nodes, a process that two nodes have. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "hub/answers.h"
#include "hub/resolve.h"
#include "tests/hub/made.h"

#define ID64    "3f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012"
#define OTHER64 "3f4e5dffffff90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012"

struct bed {
	char *folder, *url;
	struct store store;
	struct store_reader reader;
	struct agents *agents;
	uint64_t seq;
};

static void give(struct finding *f, struct finding_entity *e, const char *name, const char *value)
{
	e->attrs[e->n_attrs++] = (struct finding_attr){ name, arena_strdup(f->arena, value) };
}

static void put(struct bed *b, const struct finding *f)
{
	AUTO(record_batch_free) struct record_batch *batch = made_batch(f->node, ++b->seq, f);
	struct store_counts counts = { 0 };
	struct store_note n = { .node = f->node, .seen_at = 5, .evaluated = 1 };

	assert_ok(b->store.class->begin(b->store.state));
	assert_ok(b->store.class->put(b->store.state, batch, 5, &counts));
	assert_ok(b->store.class->note(b->store.state, &n));
	assert_ok(b->store.class->commit(b->store.state));
	assert_int_equal(counts.stored, 1);
}

/* Process 4242 of this node, which is a rank of slurm:81734, in a container. */
static void put_rank(struct bed *b, const char *node, unsigned rank, const char *container)
{
	AUTO(finding_free) struct finding *f = made_finding(node, rank, 1, FINDING_OPEN, SEVERITY_CRITICAL);
	char key[64];

	(void)snprintf(key, sizeof(key), "slurm:81734/%u", rank);
	f->subject = (struct finding_entity){ .kind = ENTITY_PROCESS, .id = "4242/7", .name = "python3[4242]" };
	give(f, &f->subject, "pid", "4242");
	give(f, &f->subject, "rank", key);
	give(f, &f->subject, "job", "slurm:81734");
	give(f, &f->subject, "container", container);
	f->affected[0] = (struct finding_entity){ .kind = ENTITY_RANK, .id = arena_strdup(f->arena, key) };
	give(f, &f->affected[0], "job_name", "pretraining");
	f->n_affected = 1;
	finding_make_id(node, "boot-1", f->rule, f->subject.kind, f->subject.id, rank, f->id);
	put(b, f);
}

static int setup(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));
	AUTO(finding_free) struct finding *llama = made_finding("node-1", 500, 1, FINDING_OPEN, SEVERITY_WARNING);
	char why[256];

	b->folder = made_folder();
	assert_true(asprintf(&b->url, "sqlite:%s/hub.db", b->folder) > 0);
	assert_int_equal(store_open(b->url, why, sizeof(why), &b->store), 0);
	assert_ok(store_reader_open(&b->store, &b->reader));
	assert_ok(agents_new(&(struct agents_env){ .store = &b->store, .max_agents = 2 }, &b->agents));
	put_rank(b, "node-1", 3, ID64);
	put_rank(b, "node-2", 13, OTHER64);
	llama->subject.id = llama->subject.name = "ml/llama-0";
	llama->affected[0].id = "torchrun:4711";
	give(llama, &llama->affected[0], "name", "pretrain-2");
	put(b, llama);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	agents_free(&b->agents);
	store_reader_close(&b->reader);
	store_close(&b->store);
	made_folder_gone(&b->folder);
	free(b->url);
	free(b);
	return 0;
}

static const struct {
	enum entity_kind kind;
	const char *word, *key, *node; /* key NULL: not found; "?": ambiguous */
} table[] = {
	{ ENTITY_JOB, "slurm:81734", "slurm:81734", "" },
	{ ENTITY_JOB, "81734", "slurm:81734", "" },
	{ ENTITY_JOB, "8173", "slurm:81734", "" },
	{ ENTITY_JOB, "slurm:8173", "slurm:81734", "" },
	{ ENTITY_JOB, "817", NULL, "" },
	{ ENTITY_JOB, "pretrain-2", "torchrun:4711", "" },
	{ ENTITY_RANK, "slurm:81734/3", "slurm:81734/3", "" },
	{ ENTITY_RANK, "slurm:81734:3", "slurm:81734/3", "" },
	{ ENTITY_RANK, "81734:13", "slurm:81734/13", "" },
	{ ENTITY_RANK, "81734/3", "slurm:81734/3", "" },
	{ ENTITY_RANK, "pretraining:3", "slurm:81734/3", "" },
	{ ENTITY_RANK, "81734:1", NULL, "" },
	{ ENTITY_POD, "ml/llama-0", "ml/llama-0", "" },
	{ ENTITY_POD, "llama-0", "ml/llama-0", "" },
	{ ENTITY_POD, "lla", "ml/llama-0", "" },
	{ ENTITY_POD, "ml/ll", "ml/llama-0", "" },
	{ ENTITY_POD, "lama", NULL, "" },
	{ ENTITY_KIND_MAX, "llama-0", "ml/llama-0", "" },
	{ ENTITY_KIND_MAX, "81734", "slurm:81734", "" },
	{ ENTITY_KIND_MAX, "ll", NULL, "" },
	{ ENTITY_CONTAINER, ID64, ID64, "node-1" },
	{ ENTITY_CONTAINER, "containerd://" ID64, ID64, "node-1" },
	{ ENTITY_CONTAINER, "3f4e5d6", ID64, "node-1" },
	{ ENTITY_CONTAINER, "3f4e5d", "?", "" },
	{ ENTITY_CONTAINER, "3f4e5", NULL, "" },
	{ ENTITY_CONTAINER, "node-2:3f4e5d", OTHER64, "node-2" },
	{ ENTITY_PROCESS, "4242", "?", "" },
	{ ENTITY_PROCESS, "node-2:4242", "4242/7", "node-2" },
};

static void every_word_finds_its_thing(void **state)
{
	struct bed *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct query q = { .kind = QUERY_EXPLAIN, .target_kind = table[i].kind };
		AUTO(answer_free) struct answer *a = NULL;
		struct resolved t = { .what = RESOLVED_FLEET };
		int r;

		(void)snprintf(q.target, sizeof(q.target), "%s", table[i].word);
		assert_ok(answer_new(QUERY_EXPLAIN, &a));
		r = resolve_target(&b->reader, &q, &t, a);
		if (r != (!table[i].key || table[i].key[0] == '?'))
			fail_msg("%s: %d %s", table[i].word, r, a->message ? a->message : t.key);
		if (r == 1) {
			assert_int_equal(a->status, table[i].key ? ANSWER_AMBIGUOUS : ANSWER_NOT_FOUND);
			continue;
		}
		assert_int_equal(t.what, RESOLVED_ENTITY);
		assert_string_equal(t.key, table[i].key);
		assert_string_equal(t.node, table[i].node);
	}
}

static void several_are_listed_with_what_they_are(void **state)
{
	struct bed *b = *state;
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_PROCESS, .target = "4242" };
	AUTO(answer_free) struct answer *a = NULL;
	struct resolved t;

	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	assert_int_equal(resolve_target(&b->reader, &q, &t, a), 1);
	assert_int_equal(a->n_candidates, 2);
	assert_string_equal(a->candidates[0], "pid node-1:4242/7");
	assert_string_equal(a->who[1].role, "candidate");
	assert_string_equal(a->who[1].name, "python3[4242]");
	assert_string_equal(a->who[1].node, "node-2");
	assert_int_equal(answer_exit_status(a), 66);
}

static void what_is_not_known_is_not_guessed(void **state)
{
	struct bed *b = *state;
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_POD, .target = "lama-0" };
	AUTO(answer_free) struct answer *a = NULL;
	struct resolved t;

	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	assert_int_equal(resolve_target(&b->reader, &q, &t, a), 1);
	assert_non_null(strstr(a->message, "did you mean 'ml/llama-0'?"));
	/* With a node, that node may know more. */
	strcpy(q.node, "node-1");
	assert_int_equal(resolve_target(&b->reader, &q, &t, a), 0);
	assert_int_equal(t.what, RESOLVED_ELSEWHERE);
	/* A word longer than any key, and one full of what databases find special. */
	memset(q.target, 'x', sizeof(q.target) - 1);
	q.node[0] = 0;
	assert_int_equal(resolve_target(&b->reader, &q, &t, a), 1);
	strcpy(q.target, "%' OR 1=1 --*?[");
	assert_int_equal(resolve_target(&b->reader, &q, &t, a), 1);
}

/* A job spans nodes: what any node found of it or its ranks. */
static void a_job_gathers_from_all_nodes(void **state)
{
	struct bed *b = *state;
	struct answers_env env = { .reader = &b->reader, .agents = b->agents, .now = { 1, 1 } };
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_JOB, .target = "81734" };
	AUTO(answer_free) struct answer *a = NULL;
	AUTO(answer_free) struct answer *list = NULL;
	char node[RECORD_MAX_NODE];

	assert_int_equal(answers_make(&env, &q, &a, node), 0);
	assert_int_equal(a->status, ANSWER_OK);
	assert_int_equal(a->n_findings, 2);
	assert_string_equal(a->who[0].text, "job slurm:81734");
	assert_int_equal(a->n_who, 3);
	assert_string_equal(a->who[1].id, "slurm:81734/3");
	assert_string_equal(a->who[1].node, "node-1");
	assert_string_equal(a->who[2].id, "slurm:81734/13");
	assert_string_equal(a->who[2].node, "node-2");
	q.kind = QUERY_LIST;
	strcpy(q.target, "slurm:81734:13");
	q.target_kind = ENTITY_RANK;
	assert_int_equal(answers_make(&env, &q, &list, node), 0);
	assert_int_equal(list->n_findings, 1);
	assert_string_equal(list->findings[0]->node, "node-2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_word_finds_its_thing, setup, teardown),
		cmocka_unit_test_setup_teardown(several_are_listed_with_what_they_are, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_known_is_not_guessed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_job_gathers_from_all_nodes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
