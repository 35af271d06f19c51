// SPDX-License-Identifier: Apache-2.0
/* Who a target is, letter by letter; and that no name of anybody breaks out of its line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/render.h"
#include "model/who.h"
#include "tests/cli/sample.h"
#include "tests/test.h"

#define ID64 "3f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012"

static const struct terminal pipe_terminal = { .unicode = true, .width = 100 };
static const struct terminal narrow = { .is_terminal = true, .color = true, .unicode = true, .width = TERMINAL_MIN_WIDTH };

static struct answer *answer;
static struct page page;
static struct common common;

static int setup(void **state UNUSED)
{
	(void)setenv("TZ", "UTC", 1);
	tzset();
	assert_ok(answer_new(QUERY_EXPLAIN, &answer));
	sample_head(answer);
	common = (struct common){ 0 };
	return 0;
}

static int teardown(void **state UNUSED)
{
	answer_free(&answer);
	page_done(&page);
	return 0;
}

static const char *render(const struct terminal *terminal)
{
	page_done(&page);
	page_init(&page, terminal, answer->as_of);
	render_answer(&page, answer, &common);
	return page.out.data ? (const char *)page.out.data : "";
}

static void give(struct finding_entity *e, const char *name, const char *value)
{
	e->attrs[e->n_attrs++] = (struct finding_attr){ name, value };
}

static struct finding_entity rank = { .kind = ENTITY_RANK, .id = "torchrun:llama/3", .name = "rank 3 of torchrun:llama" };
static struct finding_entity pod = { .kind = ENTITY_POD, .id = "ml/llama-0", .name = "ml/llama-0" };

static void test_a_pid_says_who_it_is(void **state UNUSED)
{
	struct finding_entity process = { .kind = ENTITY_PROCESS, .id = "4242/7", .name = "python3[4242]" };
	struct finding_entity job = { .kind = ENTITY_JOB, .id = "torchrun:llama", .name = "job torchrun:llama" };
	struct finding_entity container = { .kind = ENTITY_CONTAINER, .id = ID64, .name = "container train" };
	struct finding_entity cgroup = { .kind = ENTITY_CGROUP, .id = "/kubepods/x", .name = "/kubepods/x" };
	struct finding_entity gpu = { .kind = ENTITY_GPU, .id = "0000:5e:00.0", .name = "GPU 3" };
	struct finding_entity mount = { .kind = ENTITY_MOUNT, .id = "/data", .name = "/data" };

	give(&process, "identity", "environment at exec");
	give(&process, "conflict", "rank: environment says 3, title says 2");
	give(&job, "restart", "1");
	give(&container, "name", "train");
	give(&container, "image", "pytorch:2.4");
	give(&container, "unresolved", "the container runtime has not answered for 12 s");
	who_self(answer, &(struct who_facts){ .self = &process,
					      .rank = &rank,
					      .job = &job,
					      .container = &container,
					      .pod = &pod,
					      .cgroup = &cgroup,
					      .node = "node-17" });
	(void)who_add(answer, "uses", &gpu);
	(void)who_add(answer, "uses", &mount);
	who_doubts(answer, &process);
	who_doubts(answer, &container);
	answer->target = "4242";
	assert_string_equal(
		render(&pipe_terminal),
		"4242 on node-17  OK  no finding                                       as of 10:47:03 (agent 2 s ago)\n"
		"\n"
		"  python3[4242] is rank 3 of job torchrun:llama (restart 1), in container train (3f4e5d6c7b8a) of\n"
		"    pod ml/llama-0 (image pytorch:2.4), cgroup /kubepods/x, node node-17\n"
		"    known from   environment at exec\n"
		"    uses         GPU 3, mount /data\n"
		"    cannot tell  rank of python3[4242]: environment says 3, title says 2\n"
		"                 identity of container train: the container runtime has not answered for 12 s\n"
		"\n"
		"  rules 9f3c1a77 · whyd 0.1.0\n");
	assert_int_equal(answer_exit_status(answer), 0);
}

/* Rank 3 is stopped, the others wait for it; rank 10 has ended. */
static void fill_job(void)
{
	struct finding_entity job = { .kind = ENTITY_JOB, .id = "torchrun:llama", .name = "job torchrun:llama" };
	struct finding *f = sample_cause(answer, "stopped00000000000000000000", "rank 3 was stopped with SIGSTOP",
					 SEVERITY_CRITICAL);
	char id[64], name[64], process[64];

	f->subject = rank;
	f->affected[f->n_affected++] =
		(struct finding_entity){ .kind = ENTITY_RANK, .id = "torchrun:llama/9", .name = "rank 9" };
	give(&job, "world_size", "16");
	who_self(answer, &(struct who_facts){ .self = &job });
	for (unsigned i = 0; i < 12; i++) {
		struct finding_entity e = { .kind = ENTITY_RANK, .id = id, .name = name };

		(void)snprintf(id, sizeof(id), "torchrun:llama/%u", i);
		(void)snprintf(name, sizeof(name), "rank %u of torchrun:llama", i);
		(void)snprintf(process, sizeof(process), "python3[%u]", 4200 + i);
		give(&e, "process", process);
		give(&e, "pod", "ml/llama-0");
		who_member(answer, &e, "node-17", i == 10);
	}
	who_sort(answer);
	answer->target = "torchrun:llama";
}

static void test_a_job_names_the_rank_and_folds_the_healthy(void **state UNUSED)
{
	const char *text;

	fill_job();
	text = render(&pipe_terminal);
	/* The first line says who is hit, and by what. */
	assert_ptr_equal(strstr(text, "torchrun:llama on node-17  CRITICAL  rank 3: rank 3 was stopped with SIGSTOP"), text);
	assert_non_null(strstr(
		text,
		"\n"
		"  job torchrun:llama (world size 16)\n"
		"    rank 3       python3[4203] in pod ml/llama-0: critical: rank 3 was stopped with SIGSTOP\n"
		"    rank 9       python3[4209] in pod ml/llama-0: affected: rank 3 was stopped with SIGSTOP\n"
		"    rank 10      python3[4210] in pod ml/llama-0: ended\n"
		"    ranks        0-2, 4-8, 11: nothing found\n"
		"    not seen     4 of 16 ranks: not on this node, or gone\n"
		"\n"
		"  ● rank 3 was stopped with SIGSTOP\n"));
	common.all = true;
	assert_non_null(strstr(render(&pipe_terminal), "    rank 11      python3[4211] in pod ml/llama-0: nothing found\n"));
}

static void test_a_pod_has_a_line_for_each_container(void **state UNUSED)
{
	struct finding_entity train = { .kind = ENTITY_CONTAINER, .id = ID64, .name = "container train (3f4e5d6c7b8a)" };
	struct finding_entity side = { .kind = ENTITY_CONTAINER, .id = "side", .name = "container side" };

	give(&train, "image", "pytorch:2.4");
	give(&train, "state", "running");
	give(&train, "restart_count", "2");
	give(&train, "exit_code", "137");
	give(&train, "exit_reason", "OOMKilled");
	who_self(answer, &(struct who_facts){ .self = &pod, .node = "node-17" });
	who_member(answer, &train, "node-17", false);
	who_member(answer, &side, "node-17", false);
	who_sort(answer);
	assert_non_null(strstr(render(&pipe_terminal),
			       "    container    train (3f4e5d6c7b8a), image pytorch:2.4, running, restarted 2 times, "
			       "last exit 137\n"
			       "                 (OOMKilled): nothing found\n"
			       "    container    side: nothing found\n"));
}

static void test_json_says_the_same(void **state UNUSED)
{
	AUTO_BUF struct buf out;
	struct json j;

	fill_job();
	buf_init(&out, 1 << 20);
	json_init(&j, &out);
	answer_write_json(answer, &j);
	assert_ok(json_end(&j));
	(void)buf_add(&out, "", 1);
	assert_non_null(strstr((char *)out.data,
			       "\"who\":[{\"role\":\"self\",\"kind\":\"job\",\"id\":\"torchrun:llama\",\"name\":\"job "
			       "torchrun:llama\",\"text\":\"job torchrun:llama (world size 16)\",\"attrs\":{\"world_size\":"
			       "\"16\"}},{\"role\":\"member\",\"kind\":\"rank\",\"id\":\"torchrun:llama/3\""));
	assert_non_null(strstr((char *)out.data, "\"status\":\"affected\""));
}

static void test_candidates_say_what_they_are(void **state UNUSED)
{
	static const char what[] = "rank 3 of torchrun:abc, python3[4242]";
	struct finding_entity e = { .kind = ENTITY_PROCESS, .id = "4242/7", .name = what };
	const char *list[] = { "pid 4242/7" };
	struct answer_who *w = who_add(answer, "candidate", &e);

	w->node = "node-17";
	answer->status = ANSWER_AMBIGUOUS;
	answer->message = "'4242' is more than one thing";
	answer->candidates = list;
	answer->n_candidates = 1;
	assert_string_equal(render(&pipe_terminal),
			    "why: '4242' is more than one thing\n"
			    "  Perhaps one of these:\n"
			    "    why pid 4242/7  # rank 3 of torchrun:abc, python3[4242], node node-17\n");
	assert_int_equal(answer_exit_status(answer), 66);
	answer->candidates = NULL; /* not ours to free, and gone with this frame */
	answer->n_candidates = 0;
}

/* Everything that has a name, named so that it would clear the screen, turn the text around, or fill the disk. */
static void test_hostile_names_change_nothing_but_their_line(void **state UNUSED)
{
	static char label[4097];
	struct finding_entity container = { .kind = ENTITY_CONTAINER, .id = ID64, .name = "\033[2J\033[31mevil\r\nOK" };
	struct finding_entity evil = { .kind = ENTITY_RANK, .id = "torchrun:\033]0;x\a/\xe2\x80\xae", .name = "\033[H" };
	struct finding *f = sample_cause(answer, "evil00000000000000000000000", "x", SEVERITY_WARNING);
	const struct terminal *const terminals[] = { &pipe_terminal, &narrow };

	memset(label, 'L', sizeof(label) - 1);
	give(&container, "name", "\033[2Jtrain");
	give(&container, "image", label);
	give(&container, "unresolved", "\033[31mred: \033[0m");
	who_self(answer, &(struct who_facts){ .self = &container, .pod = &pod, .node = "node-17" });
	who_doubts(answer, &container);
	f->subject = evil;
	who_member(answer, &evil, "n\033[1mode", false);
	who_member(answer, &(struct finding_entity){ .kind = ENTITY_PROCESS, .id = "1/1", .name = "a\nOK" }, NULL, false);
	who_sort(answer);
	for (size_t i = 0; i < ARRAY_LEN(terminals); i++) {
		const char *text = render(terminals[i]);
		size_t lines = 0;

		for (const char *c = text; *c; c++) {
			lines += *c == '\n';
			assert_true(*c == '\n' || *c == '\033' || (unsigned char)*c >= ' ');
			/* Only our own colours. */
			if (*c == '\033')
				assert_true(terminals[i]->color &&
					    (strncmp(c, "\033[0m", 4) == 0 || strncmp(c, "\033[1", 3) == 0 ||
					     strncmp(c, "\033[2m", 4) == 0));
			assert_true(strncmp(c, "\033[2J", 4) != 0 && strncmp(c, "\033[1mode", 7) != 0);
		}
		assert_true(lines < 60);
		assert_null(strstr(text, "\xe2\x80\xae"));
		assert_null(strstr(text, "\nOK"));
		assert_non_null(strstr(text, "\\x1B[2Jtrain"));
	}
	assert_non_null(strstr(render(&pipe_terminal), "LLLL"));
	assert_true(strlen(render(&pipe_terminal)) < 16384);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_pid_says_who_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_job_names_the_rank_and_folds_the_healthy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_pod_has_a_line_for_each_container, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_says_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(test_candidates_say_what_they_are, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_names_change_nothing_but_their_line, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
