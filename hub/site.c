// SPDX-License-Identifier: Apache-2.0
#include "hub/site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "hub/answers.h"
#include "hub/page.h"

struct site {
	struct site_options options;
	struct store_reader reader;
};

static const char json_type[] = "application/json; charset=utf-8";
static const char html_type[] = "text/html; charset=utf-8";
static const char text_type[] = "text/plain; charset=utf-8";

int site_new(const struct site_options *options, struct site **ret_site)
{
	AUTO(site_free) struct site *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->options = *options;
	r = store_reader_open(options->store, &s->reader);
	if (r < 0)
		return r;
	*ret_site = TAKE_PTR(s);
	return 0;
}

void site_free(struct site **site)
{
	if (!*site)
		return;
	store_reader_close(&(*site)->reader);
	free(*site);
	*site = NULL;
}

static const char *behind(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(path, prefix, n) == 0 ? path + n : NULL;
}

static void plain(struct site_reply *reply, unsigned status, const char *text)
{
	reply->status = status;
	reply->type = text_type;
	(void)buf_add_text(&reply->body, text);
	(void)buf_add_text(&reply->body, "\n");
}

static void json_error(struct site_reply *reply, unsigned status, const char *text)
{
	struct json j;

	reply->status = status;
	reply->type = json_type;
	buf_reset(&reply->body);
	json_init(&j, &reply->body);
	json_object_begin(&j);
	json_key_text(&j, "apiVersion", "why/v1");
	json_key_text(&j, "kind", "Error");
	json_key_text(&j, "message", text);
	json_object_end(&j);
	(void)json_end(&j);
}

/* ---- a question from parameters ---- */

static const char *param(const struct site_request *r, const char *name)
{
	const char *value = r->get ? r->get(r->arg, name) : NULL;

	return value ? value : "";
}

/* NULL: fits; else what is wrong. */
static const char *take_text(const struct site_request *r, const char *name, char *ret, size_t size)
{
	const char *value = param(r, name);

	if (strlen(value) >= size || !text_is_utf8(value, strlen(value)))
		return name;
	(void)text_copy(ret, size, value);
	return NULL;
}

static const char *read_query(const struct site_request *r, enum query_kind kind, struct query *ret)
{
	struct query q = { .kind = kind, .target_kind = ENTITY_KIND_MAX };
	const char *state = param(r, "state"), *wrong;
	uint64_t limit = 0;

	wrong = take_text(r, "target", q.target, sizeof(q.target));
	if (!wrong)
		wrong = take_text(r, "node", q.node, sizeof(q.node));
	if (!wrong)
		wrong = take_text(r, "rule", q.cause, sizeof(q.cause));
	if (!wrong)
		wrong = take_text(r, "cursor", q.cursor, sizeof(q.cursor));
	if (wrong)
		return wrong;
	if (*param(r, "kind") && entity_kind_parse(param(r, "kind"), &q.target_kind) < 0)
		return "kind";
	if (*param(r, "since") && clock_parse_duration(param(r, "since"), &q.since_ns) < 0)
		return "since";
	if (*param(r, "limit") && (text_parse_u64(param(r, "limit"), &limit) < 0 || limit > ANSWER_MAX_FINDINGS))
		return "limit";
	if (*state && strcmp(state, "open") != 0 && strcmp(state, "all") != 0)
		return "state";
	if (*param(r, "min_confidence") && text_parse_double(param(r, "min_confidence"), &q.min_confidence) < 0)
		return "min_confidence";
	q.only_open = strcmp(state, "open") == 0;
	q.limit = (uint32_t)limit;
	*ret = q;
	return NULL;
}

static unsigned http_status(const struct answer *a)
{
	switch (a->status) {
	case ANSWER_OK:
		return 200;
	case ANSWER_NOT_FOUND:
		return 404;
	case ANSWER_AMBIGUOUS:
		return 409;
	case ANSWER_DENIED:
		return 403;
	case ANSWER_UNAVAILABLE:
		return 503;
	case ANSWER_BAD:
		return 400;
	}
	return 500;
}

static int ask(struct site *s, const struct query *q, struct answer **ret_answer)
{
	struct answers_env env = { .reader = &s->reader,
				   .agents = s->options.agents,
				   .now = { clock_mono_now(), clock_wall_now() } };
	char node[RECORD_MAX_NODE];
	int r = answers_make(&env, q, ret_answer, node);

	if (r > 0 && q->kind == QUERY_LIST && q->cause[0]) {
		/* Nothing is stored of this cause; whether there is such a rule, nobody is asked here. */
		r = answer_new(q->kind, ret_answer);
		if (r == 0)
			(*ret_answer)->evaluated = true;
		return r;
	}
	if (r > 0)
		r = answers_refusal(q, ANSWER_UNAVAILABLE,
				    "only the node itself can answer this: ask with the command `why`", ret_answer);
	return r;
}

/* ---- the API ---- */

static void api_answer(struct site *s, const struct site_request *request, enum query_kind kind, struct site_reply *reply)
{
	AUTO(answer_free) struct answer *a = NULL;
	struct query q;
	const char *wrong = read_query(request, kind, &q);
	char text[80];
	struct json j;

	if (wrong) {
		(void)snprintf(text, sizeof(text), "parameter '%s' is wrong", wrong);
		json_error(reply, 400, text);
		return;
	}
	if (ask(s, &q, &a) < 0) {
		json_error(reply, 503, "the hub cannot read its store");
		return;
	}
	reply->status = http_status(a);
	reply->type = json_type;
	json_init(&j, &reply->body);
	answer_write_json(a, &j);
	if (json_end(&j) < 0)
		json_error(reply, 500, "the answer is too large: ask for less");
}

/* The chain of one finding; NULL with the reply filled. */
static const struct finding *get_finding(struct site *s, const char *id, struct answer **ret_answer, unsigned *ret_status)
{
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_KIND_MAX };

	*ret_status = 404;
	if (!*id || strlen(id) >= FINDING_ID_SIZE || strncmp(id, "fnd_", 4) != 0)
		return NULL;
	(void)text_copy(q.target, sizeof(q.target), id);
	if (ask(s, &q, ret_answer) < 0) {
		*ret_status = 503;
		return NULL;
	}
	for (size_t i = 0; i < (*ret_answer)->n_findings; i++) {
		if (strcmp((*ret_answer)->findings[i]->id, id) == 0)
			return (*ret_answer)->findings[i];
	}
	return NULL;
}

static void api_finding(struct site *s, const char *id, struct site_reply *reply)
{
	AUTO(answer_free) struct answer *a = NULL;
	unsigned status;
	const struct finding *f = get_finding(s, id, &a, &status);
	struct json j;

	if (!f) {
		json_error(reply, status,
			   status == 404 ? "no such finding: it may have been deleted by retention" :
					   "the hub cannot read its store");
		return;
	}
	reply->status = 200;
	reply->type = json_type;
	json_init(&j, &reply->body);
	finding_write_json(f, &j);
	(void)json_end(&j);
}

/* ---- pages ---- */

static void message(struct site_reply *reply, unsigned status, const char *title, const char *text)
{
	reply->status = status;
	reply->type = html_type;
	reply->page = true;
	buf_reset(&reply->body);
	page_message(title, text, &reply->body);
}

static void fleet(struct site *s, struct site_reply *reply)
{
	AUTO(answer_free) struct answer *nodes = NULL;
	AUTO(answer_free) struct answer *open = NULL;
	const struct query of_fleet = { .kind = QUERY_FLEET, .target_kind = ENTITY_KIND_MAX };
	const struct query of_open = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_KIND_MAX, .since_ns = PAGE_RECENT_NS };

	if (ask(s, &of_fleet, &nodes) < 0 || ask(s, &of_open, &open) < 0) {
		message(reply, 503, "not available", "The hub cannot read its store.");
		return;
	}
	reply->status = 200;
	reply->type = html_type;
	reply->page = true;
	page_fleet(nodes, open, &reply->body);
}

static void node(struct site *s, const char *name, struct site_reply *reply)
{
	AUTO(answer_free) struct answer *line = NULL;
	AUTO(answer_free) struct answer *findings = NULL;
	struct query of_line = { .kind = QUERY_FLEET, .target_kind = ENTITY_KIND_MAX };
	struct query of_node = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_NODE, .since_ns = PAGE_HISTORY_NS };

	if (*name && strlen(name) < sizeof(of_line.node) && text_is_utf8(name, strlen(name))) {
		(void)text_copy(of_line.node, sizeof(of_line.node), name);
		(void)text_copy(of_node.node, sizeof(of_node.node), name);
		if (ask(s, &of_line, &line) < 0 || ask(s, &of_node, &findings) < 0) {
			message(reply, 503, "not available", "The hub cannot read its store.");
			return;
		}
	}
	if (!line || line->n_lines == 0) {
		message(reply, 404, "no such node", "No agent of that name has ever connected to this hub.");
		return;
	}
	reply->status = 200;
	reply->type = html_type;
	reply->page = true;
	page_node(&line->lines[0], findings, &reply->body);
}

static void incident(struct site *s, const char *id, struct site_reply *reply)
{
	AUTO(answer_free) struct answer *a = NULL;
	unsigned status;
	const struct finding *f = get_finding(s, id, &a, &status);

	if (!f) {
		message(reply, status, status == 404 ? "no such finding" : "not available",
			status == 404 ? "It may have been deleted by retention." : "The hub cannot read its store.");
		return;
	}
	reply->status = 200;
	reply->type = html_type;
	reply->page = true;
	page_finding(a, f, &reply->body);
}

/* A job, a rank, a pod, a container or NODE:PID. */
static void thing(struct site *s, enum entity_kind kind, const char *word, struct site_reply *reply)
{
	AUTO(answer_free) struct answer *a = NULL;
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = kind, .since_ns = PAGE_HISTORY_NS };

	if (!*word || strlen(word) >= sizeof(q.target) || !text_is_utf8(word, strlen(word))) {
		message(reply, 404, "not found", "There is no such page.");
		return;
	}
	(void)text_copy(q.target, sizeof(q.target), word);
	if (ask(s, &q, &a) < 0) {
		message(reply, 503, "not available", "The hub cannot read its store.");
		return;
	}
	if (a->status == ANSWER_OK && a->n_who > 0) {
		reply->status = 200;
		reply->type = html_type;
		reply->page = true;
		page_thing(a, &reply->body);
	} else if (a->status == ANSWER_AMBIGUOUS) {
		reply->status = http_status(a);
		reply->type = html_type;
		reply->page = true;
		page_choices(a, &reply->body);
	} else {
		message(reply, http_status(a), "nothing is known of it",
			a->message ? a->message : "No stored finding is about it.");
	}
}

/* ---- routes ---- */

static bool things(struct site *s, const char *path, struct site_reply *reply)
{
	static const enum entity_kind kinds[] = { ENTITY_JOB, ENTITY_POD, ENTITY_RANK, ENTITY_CONTAINER, ENTITY_PROCESS };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const char *word = path[0] == '/' ? behind(path + 1, entity_kind_name(kinds[i])) : NULL;

		if (!word || *word != '/')
			continue;
		thing(s, kinds[i], word + 1, reply);
		return true;
	}
	return false;
}

static bool probes(struct site *s, const char *path, struct site_reply *reply)
{
	if (strcmp(path, "/healthz") == 0) {
		plain(reply, 200, "ok");
	} else if (strcmp(path, "/readyz") == 0) {
		bool ready = health_service_get(s->options.health);

		plain(reply, ready ? 200 : 503, ready ? "ready" : "the store refuses findings");
	} else if (strcmp(path, "/metrics") == 0) {
		reply->status = 200;
		reply->type = "text/plain; version=0.0.4; charset=utf-8";
		hub_stats_print(&s->options.stats, &s->reader, &reply->body);
	} else {
		return false;
	}
	return true;
}

static void api(struct site *s, const struct site_request *request, const char *name, struct site_reply *reply)
{
	if (strcmp(name, "explain") == 0)
		api_answer(s, request, QUERY_EXPLAIN, reply);
	else if (strcmp(name, "findings") == 0)
		api_answer(s, request, QUERY_LIST, reply);
	else if (strcmp(name, "timeline") == 0)
		api_answer(s, request, QUERY_TIMELINE, reply);
	else if (strcmp(name, "fleet") == 0)
		api_answer(s, request, QUERY_FLEET, reply);
	else if (behind(name, "findings/"))
		api_finding(s, behind(name, "findings/"), reply);
	else
		json_error(reply, 404, "no such resource: explain, findings, findings/ID, timeline, fleet");
}

static bool is_local_name(const char *host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
	const char *port;

	for (size_t i = 0; host && i < ARRAY_LEN(names); i++) {
		port = behind(host, names[i]);
		if (port && (*port == 0 || (*port == ':' && strspn(port + 1, "0123456789") == strlen(port + 1))))
			return true;
	}
	return false;
}

void site_answer(struct site *s, const struct site_request *request, struct site_reply *reply)
{
	const char *path = request->path;

	if (probes(s, path, reply))
		return;
	if (s->options.probes_only)
		plain(reply, 403,
		      "findings are not served in the open: reach the hub through 127.0.0.1 (kubectl port-forward, ssh "
		      "-L) or an "
		      "authenticating proxy, or start it with --http-open");
	else if (s->options.local_only && !is_local_name(request->host))
		plain(reply, 403,
		      "this address serves its own machine only: ask for localhost, or start whyhub with --http-open");
	else if (behind(path, "/api/v1/"))
		api(s, request, behind(path, "/api/v1/"), reply);
	else if (strcmp(path, "/") == 0)
		fleet(s, reply);
	else if (behind(path, "/i/"))
		incident(s, behind(path, "/i/"), reply);
	else if (behind(path, "/n/"))
		node(s, behind(path, "/n/"), reply);
	else if (strcmp(path, "/style.css") == 0) {
		reply->status = 200;
		reply->type = "text/css; charset=utf-8";
		(void)buf_add_text(&reply->body, page_style());
	} else if (!things(s, path, reply)) {
		message(reply, 404, "not found", "There is no such page.");
	}
}
