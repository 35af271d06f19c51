// SPDX-License-Identifier: Apache-2.0
/* The HTTP side of a whole hub: the API as JSON, the pages with hostile names in every field, limits and refusals. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "hub/hub_settings.h"
#include "hub/page.h"
#include "tests/hub/stand.h"

static int setup(void **state)
{
	struct stand *s = calloc(1, sizeof(*s));

	stand_init(s);
	stand_start(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	stand_done(*state);
	free(*state);
	return 0;
}

static const char *get(const struct stand *s, const char *path, struct buf *out, int *ret_status)
{
	const char *body;

	stand_get(s, path, out);
	assert_int_equal(sscanf((char *)out->data, "HTTP/1.1 %d", ret_status), 1);
	body = strstr((char *)out->data, "\r\n\r\n");
	assert_non_null(body);
	return body + 4;
}

static json_t *get_json(const struct stand *s, const char *path, int want_status)
{
	AUTO_BUF struct buf out;
	json_error_t error;
	int status;
	const char *body = get(s, path, &out, &status);
	json_t *j = json_loads(body, JSON_REJECT_DUPLICATES, &error);

	if (!j)
		fail_msg("%s: %s in %s", path, error.text, body);
	if (status != want_status)
		fail_msg("%s: %d, not %d: %s", path, status, want_status, body);
	assert_non_null(strstr((char *)out.data, "application/json"));
	return j;
}

static const char *text_at(json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

static void bring(struct stand *s, struct double_agent *agent, unsigned first, unsigned last, enum severity severity)
{
	if (!agent->call) {
		double_open(agent, s, NULL);
		(void)double_hello(agent, "node-1", "s1");
		double_heartbeat(agent, true);
	}
	double_send_batch(agent, "node-1", first, last, severity);
	double_wait_ack(agent, last);
}

static void the_api_answers_in_json(void **state)
{
	struct stand *s = *state;
	struct double_agent agent = { 0 };
	json_t *j, *f;
	char path[128];

	bring(s, &agent, 1, 3, SEVERITY_CRITICAL);
	j = get_json(s, "/api/v1/explain?target=node-1", 200);
	assert_string_equal(text_at(j, "kind"), "Explanation");
	assert_int_equal(json_array_size(json_object_get(j, "findings")), 3);
	f = json_array_get(json_object_get(j, "findings"), 0);
	(void)snprintf(path, sizeof(path), "/api/v1/findings/%s", text_at(f, "id"));
	json_decref(j);
	j = get_json(s, path, 200);
	assert_string_equal(text_at(j, "apiVersion"), "why/v1");
	assert_string_equal(text_at(j, "node"), "node-1");
	json_decref(j);
	j = get_json(s, "/api/v1/findings?limit=2&state=open", 200);
	assert_int_equal(json_array_size(json_object_get(j, "findings")), 2);
	(void)snprintf(path, sizeof(path), "/api/v1/findings?limit=2&cursor=%s", text_at(j, "next_cursor"));
	json_decref(j);
	j = get_json(s, path, 200);
	assert_int_equal(json_array_size(json_object_get(j, "findings")), 1);
	json_decref(j);
	j = get_json(s, "/api/v1/timeline?target=node-1&since=87600h", 200);
	assert_int_equal(json_array_size(json_object_get(j, "items")), 4);
	json_decref(j);
	j = get_json(s, "/api/v1/fleet", 200);
	assert_string_equal(text_at(json_array_get(json_object_get(j, "items"), 0), "status"), "critical");
	json_decref(j);
	double_close(&agent);
}

static void what_is_wrong_is_said(void **state)
{
	struct stand *s = *state;

	json_decref(get_json(s, "/api/v1/explain?target=nobody", 404));
	json_decref(get_json(s, "/api/v1/findings/fnd_nothing", 404));
	json_decref(get_json(s, "/api/v1/findings?since=yesterday", 400));
	json_decref(get_json(s, "/api/v1/findings?limit=-1", 400));
	json_decref(get_json(s, "/api/v1/findings?limit=99999999999999999999", 400));
	json_decref(get_json(s, "/api/v1/findings?state=perhaps", 400));
	json_decref(get_json(s, "/api/v1/explain?kind=dragon&target=x", 400));
	json_decref(get_json(s, "/api/v1/explain?target=%ff%fe", 400));
	json_decref(get_json(s, "/api/v1/findings?cursor=x", 400));
	json_decref(get_json(s, "/api/v1/nothing", 404));
}

static void probes_answer(void **state)
{
	struct stand *s = *state;
	AUTO_BUF struct buf a;
	AUTO_BUF struct buf b;
	AUTO_BUF struct buf c;
	int status;

	assert_string_equal(get(s, "/healthz", &a, &status), "ok\n");
	assert_int_equal(status, 200);
	(void)get(s, "/readyz", &b, &status);
	assert_int_equal(status, 200);
	assert_non_null(strstr(get(s, "/metrics", &c, &status), "\nwhyhub_agents_connected 0\n"));
}

#define EVIL "<img src=x onerror=alert(1)>\"'&\xe2\x80\xae"

/* Every text of the finding is markup, or worse. */
static struct finding *evil_finding(void)
{
	struct finding *f = made_finding("node-1", 1, 1, FINDING_OPEN, SEVERITY_CRITICAL);

	f->rule = "a" EVIL;
	f->title = "b" EVIL;
	f->subject.id = "c" EVIL;
	f->subject.name = "d" EVIL;
	f->affected[0].name = "e" EVIL;
	f->evidence[0].text = "f" EVIL;
	f->evidence[0].observed_text = "g" EVIL;
	f->evidence[0].expected = "h" EVIL;
	f->evidence[0].source = "i" EVIL;
	f->evidence[0].role = "supports";
	f->ruled_out[f->n_ruled_out++] = (struct finding_ruled_out){ "j" EVIL, "k" EVIL };
	f->cannot_tell[f->n_cannot_tell++] = (struct finding_unknown){ "l" EVIL, "m" EVIL };
	f->remedy.text = "n" EVIL;
	f->remedy.check[f->remedy.n_check++] = "o" EVIL;
	f->explains[f->n_explains++] = (struct finding_explained){
		.symptom = "p" EVIL, .subject = { .kind = ENTITY_POD, .id = "q" EVIL, .name = "r" EVIL }
	};
	f->doc = "javascript:alert(1)";
	f->rules_digest = "s" EVIL;
	return f;
}

static void send_one(struct double_agent *agent, const struct finding *f, uint64_t seq)
{
	struct frame_batch batch;
	AUTO_BUF struct buf packed;
	AUTO_BUF struct buf out;

	frame_batch_init(&batch);
	made_pack(f, &packed);
	assert_ok(frame_batch_add(&batch, seq, packed.data, packed.len));
	buf_init(&out, FRAME_MAX_MESSAGE);
	assert_ok(frame_pack_batch(&batch, &out));
	double_send(agent, &out);
	frame_batch_done(&batch);
	double_wait_ack(agent, seq);
}

static void check_harmless(const char *page)
{
	assert_null(strstr(page, "<img"));
	assert_null(strstr(page, "\xe2\x80\xae"));
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "javascript:"));
}

static void hostile_names_stay_text_on_the_pages(void **state)
{
	struct stand *s = *state;
	struct double_agent agent = { 0 };
	AUTO(finding_free) struct finding *f = evil_finding();
	AUTO_BUF struct buf front;
	AUTO_BUF struct buf incident;
	AUTO_BUF struct buf node;
	char path[128], want[8];
	const char *page;
	int status;

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node<b>1", "s1"); /* a node's own name, too */
	f->node = "node<b>1";
	send_one(&agent, f, 1);
	page = get(s, "/", &front, &status);
	assert_int_equal(status, 200);
	check_harmless(page);
	assert_non_null(strstr(page, "b&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;\\u{202e}"));
	assert_null(strstr(page, "node<b>"));
	assert_non_null(strstr(page, "node&lt;b&gt;1"));
	page = get(s, "/n/node%3Cb%3E1", &node, &status);
	assert_int_equal(status, 200);
	check_harmless(page);
	assert_null(strstr(page, "node<b>"));
	assert_non_null(strstr(page, "href=\"/i/fnd_"));
	(void)snprintf(path, sizeof(path), "/i/%s", f->id);
	page = get(s, path, &incident, &status);
	assert_int_equal(status, 200);
	check_harmless(page);
	for (const char *c = "abdefghijklmnoprs"; *c;
	     c++) { /* all of them are there; g stands for the number, q for r's id */
		(void)snprintf(want, sizeof(want), "%c&lt;im", *c);
		if (!strstr(page, want))
			fail_msg("field %c is not on the page", *c);
	}
	assert_non_null(strstr((char *)incident.data, "Content-Security-Policy: " PAGE_POLICY "\r\n"));
	assert_non_null(strstr((char *)incident.data, "X-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(page, "\xe2\x9c\x96 critical")); /* a word and a sign, not a colour alone */
	double_close(&agent);
}

/* A job with one rank in trouble, everything of it named by somebody who likes markup. */
static void things_have_pages(void **state)
{
	struct stand *s = *state;
	struct double_agent agent = { 0 };
	AUTO(finding_free) struct finding *f = made_finding("node-1", 1, 1, FINDING_OPEN, SEVERITY_CRITICAL);
	AUTO_BUF struct buf job;
	AUTO_BUF struct buf pod;
	AUTO_BUF struct buf process;
	AUTO_BUF struct buf front;
	AUTO_BUF struct buf none;
	const char *page;
	int status;

	f->title = "<b>rank 3</b> was stopped";
	f->subject = (struct finding_entity){ .kind = ENTITY_PROCESS, .id = "42/7", .name = "a<script>[42]" };
	f->subject.attrs[0] = (struct finding_attr){ "job", "torchrun:<i>llama" };
	f->subject.attrs[1] = (struct finding_attr){ "rank", "torchrun:<i>llama/3" };
	f->subject.attrs[2] = (struct finding_attr){ "conflict", "rank: <u>one</u> says 3" };
	f->subject.n_attrs = 3;
	f->affected[0] = (struct finding_entity){ .kind = ENTITY_RANK, .id = "torchrun:<i>llama/3", .name = "<i>" };
	f->affected[1] = (struct finding_entity){ .kind = ENTITY_RANK, .id = "torchrun:<i>llama/0", .name = "<i>" };
	f->affected[2] = (struct finding_entity){ .kind = ENTITY_JOB, .id = "torchrun:<i>llama", .name = "<i>" };
	f->affected[3] = (struct finding_entity){ .kind = ENTITY_POD, .id = "ml/<img>", .name = "ml/<img>" };
	f->n_affected = 4;
	double_open(&agent, s, NULL);
	agent.mute = true;
	(void)double_hello(&agent, "node-1", "s1");
	double_heartbeat(&agent, true);
	send_one(&agent, f, 1);
	page = get(s, "/job/torchrun:%3Ci%3Ellama", &job, &status);
	assert_int_equal(status, 200);
	check_harmless(page);
	assert_null(strstr(page, "<i>"));
	assert_null(strstr(page, "<b>rank"));
	assert_non_null(strstr(page, "job torchrun:&lt;i&gt;llama"));
	assert_non_null(strstr(page, "<h2>Members</h2>"));
	assert_non_null(strstr(page, "rank 3</bdi><div class=\"sub\">&lt;b&gt;rank 3"));
	assert_non_null(strstr(page, "affected<td"));
	page = get(s, "/pod/%3Cimg%3E", &pod, &status); /* without its namespace */
	assert_int_equal(status, 200);
	check_harmless(page);
	assert_non_null(strstr(page, "pod ml/&lt;img&gt;"));
	page = get(s, "/process/node-1:42", &process, &status);
	assert_int_equal(status, 200);
	check_harmless(page);
	assert_non_null(strstr(page, "a&lt;script&gt;[42] is rank 3 of job torchrun:&lt;i&gt;llama"));
	assert_non_null(strstr(page, "Cannot tell"));
	assert_non_null(strstr(page, "&lt;u&gt;one&lt;/u&gt; says 3"));
	page = get(s, "/", &front, &status);
	assert_null(strstr(page, "<script>"));
	page = get(s, "/job/nothing", &none, &status);
	assert_int_equal(status, 404);
	double_close(&agent);
}

static void a_word_for_several_things_is_a_choice(void **state)
{
	struct stand *s = *state;
	struct double_agent one = { 0 }, two = { 0 };
	AUTO(finding_free) struct finding *f = made_finding("node-1", 1, 1, FINDING_OPEN, SEVERITY_INFO);
	AUTO(finding_free) struct finding *g = made_finding("node-2", 1, 1, FINDING_OPEN, SEVERITY_INFO);
	AUTO_BUF struct buf out;
	const char *page;
	int status;

	f->subject = g->subject = (struct finding_entity){ .kind = ENTITY_PROCESS, .id = "42/7", .name = "a[42]" };
	double_open(&one, s, NULL);
	(void)double_hello(&one, "node-1", "s1");
	send_one(&one, f, 1);
	double_open(&two, s, NULL);
	(void)double_hello(&two, "node-2", "s2");
	send_one(&two, g, 1);
	page = get(s, "/process/42", &out, &status);
	assert_int_equal(status, 409);
	assert_non_null(strstr(page, "href=\"/process/node-2:42%2F7\""));
	double_close(&one);
	double_close(&two);
}

static void the_page_of_a_missing_finding_is_a_404(void **state)
{
	struct stand *s = *state;
	AUTO_BUF struct buf other;
	AUTO_BUF struct buf bad;
	AUTO_BUF struct buf out;
	int status;

	(void)get(s, "/i/fnd_%3Cscript%3E", &out, &status);
	assert_int_equal(status, 404);
	assert_null(strstr((char *)out.data, "<script"));
	(void)get(s, "/n/%3Cscript%3E", &other, &status);
	assert_int_equal(status, 404);
	assert_null(strstr((char *)other.data, "<script"));
	(void)get(s, "/n/%ff", &bad, &status);
	assert_int_equal(status, 404);
}

/* Raw bytes in, the first line out. */
static void raw(const struct stand *s, const char *request, size_t n, char *ret_line, size_t size)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)hub_http_port(s->hub)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t got = 0;

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	(void)!send(fd, request, n, MSG_NOSIGNAL);
	if (poll(&p, 1, 30000) > 0)
		got = read(fd, ret_line, size - 1);
	ret_line[got > 0 ? got : 0] = 0;
}

static void other_requests_are_refused(void **state)
{
	static const char post[] = "POST /api/v1/findings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc";
	static const char foreign[] = "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
	static const char foreign_probe[] = "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n";
	struct stand *s = *state;
	AUTO_FREE char *large = malloc(100000);
	char line[4096];

	raw(s, post, sizeof(post) - 1, line, sizeof(line));
	assert_memory_equal(line, "HTTP/1.1 405", 12);
	raw(s, foreign, sizeof(foreign) - 1, line, sizeof(line)); /* a page elsewhere that rebinds its name to 127.0.0.1 */
	assert_memory_equal(line, "HTTP/1.1 403", 12);
	raw(s, foreign_probe, sizeof(foreign_probe) - 1, line, sizeof(line));
	assert_memory_equal(line, "HTTP/1.1 200", 12);
	memset(large, 'a', 100000);
	memcpy(large, "GET /", 5);
	raw(s, large, 100000, line, sizeof(line)); /* no end in sight */
	assert_true(line[0] == 0 || strncmp(line, "HTTP/1.1 4", 10) == 0);
	raw(s, "\x16\x03\x01\0\0", 5, line, sizeof(line)); /* TLS to the plain port */
	stand_wait_metric(s, "nodes", 0); /* it still answers */
}

static void off_loopback_only_probes_are_served(void **state)
{
	struct stand *s = *state;
	AUTO_BUF struct buf a;
	AUTO_BUF struct buf b;
	AUTO_BUF struct buf c;
	int status;

	stand_stop(s);
	s->settings.http = "0.0.0.0:0";
	stand_start(s);
	(void)get(s, "/", &a, &status);
	assert_int_equal(status, 403);
	(void)get(s, "/readyz", &b, &status);
	assert_int_equal(status, 200);
	stand_stop(s);
	s->settings.http_open = true;
	stand_start(s);
	(void)get(s, "/", &c, &status);
	assert_int_equal(status, 200);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_api_answers_in_json),
		T(what_is_wrong_is_said),
		T(probes_answer),
		T(hostile_names_stay_text_on_the_pages),
		T(things_have_pages),
		T(a_word_for_several_things_is_a_choice),
		T(the_page_of_a_missing_finding_is_a_404),
		T(other_requests_are_refused),
		T(off_loopback_only_probes_are_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
