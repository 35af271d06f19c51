// SPDX-License-Identifier: Apache-2.0
#include "runtimes/docker_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define KEYS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define IN_LIST   "" /* any position of the outermost array */

static const char kube_name_key[] = "io.kubernetes.container.name";

bool docker_id_ok(const char *id)
{
	return strspn(id, "0123456789abcdef") == DOCKER_ID_MAX - 1 && !id[DOCKER_ID_MAX - 1];
}

/* ---- values ---- */

enum field {
	FIELD_NONE,
	FIELD_ID,
	FIELD_NAME,
	FIELD_IMAGE,
	FIELD_POD,
	FIELD_STATE,
	FIELD_PID,
	FIELD_EXIT_CODE,
	FIELD_OOM_KILLED,
	FIELD_STARTED_AT,
	FIELD_RESTARTS,
	FIELD_LABEL,
	FIELD_EVENT_TYPE,
	FIELD_EVENT_ACTION,
	FIELD_EVENT_ID,
	FIELD_EVENT_EXIT_CODE,
	FIELD_VERSION,
	FIELD_API,
	FIELD_COMPONENT,
};

struct field_at {
	enum field field;
	const char *keys[4];
};

static const struct field_at list_fields[] = {
	{ FIELD_ID, { IN_LIST, "Id" } },       { FIELD_NAME, { IN_LIST, "Names", "" } },
	{ FIELD_IMAGE, { IN_LIST, "Image" } }, { FIELD_STATE, { IN_LIST, "State" } },
	{ FIELD_POD, { IN_LIST, "PodName" } }, { FIELD_NONE, { NULL } },
};
static const struct field_at inspect_fields[] = {
	{ FIELD_ID, { "Id" } },
	{ FIELD_NAME, { "Name" } },
	{ FIELD_IMAGE, { "Config", "Image" } },
	{ FIELD_STATE, { "State", "Status" } },
	{ FIELD_PID, { "State", "Pid" } },
	{ FIELD_EXIT_CODE, { "State", "ExitCode" } },
	{ FIELD_OOM_KILLED, { "State", "OOMKilled" } },
	{ FIELD_STARTED_AT, { "State", "StartedAt" } },
	{ FIELD_RESTARTS, { "RestartCount" } },
	{ FIELD_NONE, { NULL } },
};
static const struct field_at event_fields[] = {
	{ FIELD_EVENT_TYPE, { "Type" } },
	{ FIELD_EVENT_ACTION, { "Action" } },
	{ FIELD_EVENT_ID, { "Actor", "ID" } },
	{ FIELD_EVENT_EXIT_CODE, { "Actor", "Attributes", "exitCode" } },
	{ FIELD_NONE, { NULL } },
};
static const struct field_at version_fields[] = {
	{ FIELD_VERSION, { "Version" } },
	{ FIELD_API, { "ApiVersion" } },
	{ FIELD_COMPONENT, { "Components", "", "Name" } },
	{ FIELD_NONE, { NULL } },
};

static const struct field_at *fields_of(enum docker_answer answer)
{
	switch (answer) {
	case DOCKER_INSPECT:
		return inspect_fields;
	case DOCKER_EVENTS:
		return event_fields;
	case DOCKER_VERSION:
		return version_fields;
	default:
		return list_fields;
	}
}

static const char *label_here(const struct docker_reader *r)
{
	const struct json_scan *s = &r->scan;
	unsigned last = json_scan_depth(s) - 1;
	const char *key = json_scan_key(s, last);

	if (r->answer == DOCKER_INSPECT ? !json_scan_at(s, KEYS("Config", "Labels", key))
					: !json_scan_at(s, KEYS(IN_LIST, "Labels", key)))
		return NULL;
	return strcmp(key, kube_name_key) == 0 || label_key_wanted(key, strlen(key)) ? key : NULL;
}

static enum field field_here(const struct docker_reader *r)
{
	const struct field_at *f = fields_of(r->answer);

	for (; f->field != FIELD_NONE; f++)
		if (json_scan_at(&r->scan, f->keys))
			return f->field;
	if (json_scan_depth(&r->scan) == 3 && r->answer <= DOCKER_INSPECT && label_here(r))
		return FIELD_LABEL;
	return FIELD_NONE;
}

static bool wanted(void *arg, const struct json_scan *s UNUSED)
{
	return field_here(arg) != FIELD_NONE;
}

/* What engines call it, and what we do: Podman has more words. */
static void take_state(struct docker_container *c, const char *text)
{
	static const char *const words[][2] = {
		{ "created", "created" },       { "configured", "created" }, { "initialized", "created" },
		{ "init", "created" },          { "running", "running" },    { "paused", "paused" },
		{ "restarting", "restarting" }, { "exited", "exited" },      { "stopped", "exited" },
		{ "stopping", "running" },      { "dead", "exited" },        { "removing", "removing" },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i][0]) == 0)
			(void)text_copy(c->state, sizeof(c->state), words[i][1]);
}

static void take_label(struct docker_reader *r, const char *text)
{
	struct docker_container *c = &r->container;
	const char *key = label_here(r);
	struct docker_label *l;

	if (strcmp(key, kube_name_key) == 0)
		(void)text_copy(c->kube_name, sizeof(c->kube_name), text);
	if (!label_key_wanted(key, strlen(key)) || c->n_labels == DOCKER_MAX_LABELS)
		return;
	l = &c->labels[c->n_labels++];
	(void)text_copy(l->key, sizeof(l->key), key);
	(void)text_copy(l->value, sizeof(l->value), text);
}

static enum docker_action action_of(const char *text)
{
	static const struct {
		const char *word;
		enum docker_action action;
	} words[] = {
		{ "create", DOCKER_CHANGED },  { "start", DOCKER_CHANGED },  { "restart", DOCKER_CHANGED },
		{ "rename", DOCKER_CHANGED },  { "pause", DOCKER_CHANGED },  { "unpause", DOCKER_CHANGED },
		{ "update", DOCKER_CHANGED },  { "stop", DOCKER_CHANGED },   { "kill", DOCKER_OTHER },
		{ "die", DOCKER_DIED },        { "died", DOCKER_DIED },      { "oom", DOCKER_OOM },
		{ "destroy", DOCKER_REMOVED }, { "remove", DOCKER_REMOVED },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i].word) == 0)
			return words[i].action;
	return DOCKER_OTHER;
}

static bool take_code(const char *text, int32_t *ret_code)
{
	int64_t v;

	if (text_parse_i64(text, &v) < 0 || v < INT32_MIN || v > INT32_MAX)
		return false;
	*ret_code = (int32_t)v;
	return true;
}

static void take_event(struct docker_event *e, enum field field, const char *text)
{
	switch (field) {
	case FIELD_EVENT_TYPE:
		e->is_container = strcmp(text, "container") == 0;
		break;
	case FIELD_EVENT_ACTION:
		e->action = action_of(text);
		break;
	case FIELD_EVENT_ID:
		(void)text_copy(e->id, sizeof(e->id), strlen(text) < sizeof(e->id) ? text : "");
		break;
	default:
		e->has_exit_code = take_code(text, &e->exit_code);
		break;
	}
}

static void take_version(struct docker_version *v, enum field field, const char *text)
{
	if (field == FIELD_VERSION)
		(void)text_copy(v->version, sizeof(v->version), text);
	else if (field == FIELD_API)
		(void)text_copy(v->api, sizeof(v->api), text);
	else if (strcmp(text, "Podman Engine") == 0)
		v->podman = true;
}

static void take_name(struct docker_container *c, const char *text)
{
	if (!c->name[0])
		(void)text_copy(c->name, sizeof(c->name), text + (*text == '/'));
}

static void take_number(struct docker_container *c, enum field field, const char *text)
{
	uint64_t n;

	if (field == FIELD_EXIT_CODE)
		c->has_exit_code = take_code(text, &c->exit_code);
	else if (text_parse_u64(text, &n) < 0)
		return;
	else if (field == FIELD_RESTARTS)
		c->restarts = n;
	else if (n <= INT32_MAX)
		c->pid = (uint32_t)n;
}

static void take_container(struct docker_reader *r, enum field field, const char *text)
{
	struct docker_container *c = &r->container;

	switch (field) {
	case FIELD_ID:
		(void)text_copy(c->id, sizeof(c->id), strlen(text) < sizeof(c->id) ? text : "");
		break;
	case FIELD_NAME:
		take_name(c, text);
		break;
	case FIELD_IMAGE:
		(void)text_copy(c->image, sizeof(c->image), text);
		break;
	case FIELD_POD:
		(void)text_copy(c->pod, sizeof(c->pod), text);
		break;
	case FIELD_STATE:
		take_state(c, text);
		break;
	case FIELD_STARTED_AT: /* year 1: never */
		(void)text_copy(c->started_at, sizeof(c->started_at), strncmp(text, "0001-", 5) != 0 ? text : "");
		break;
	case FIELD_OOM_KILLED:
		c->oom_killed = strcmp(text, "true") == 0;
		break;
	case FIELD_LABEL:
		take_label(r, text);
		break;
	default:
		take_number(c, field, text);
		break;
	}
}

static void value(void *arg, const struct json_scan *s UNUSED, const char *text, bool is_string)
{
	struct docker_reader *r = arg;
	enum field field = field_here(r);
	bool is_number =
		field == FIELD_PID || field == FIELD_RESTARTS || field == FIELD_EXIT_CODE || field == FIELD_OOM_KILLED;

	if (is_number == is_string)
		return; /* null, or another type than it should be: not said */
	if (r->answer == DOCKER_EVENTS)
		take_event(&r->event, field, text);
	else if (r->answer == DOCKER_VERSION)
		take_version(&r->version, field, text);
	else
		take_container(r, field, text);
}

/* ---- whole ones ---- */

static void container_end(struct docker_reader *r)
{
	if (docker_id_ok(r->container.id) && r->on_container)
		r->on_container(r->arg, &r->container);
	memset(&r->container, 0, sizeof(r->container));
}

static void event_end(struct docker_reader *r)
{
	const struct docker_event *e = &r->event;

	if (e->is_container && e->action != DOCKER_OTHER && docker_id_ok(e->id) && r->on_event)
		r->on_event(r->arg, e);
	memset(&r->event, 0, sizeof(r->event));
}

static void closed(void *arg, const struct json_scan *s)
{
	struct docker_reader *r = arg;
	unsigned depth = json_scan_depth(s);

	if (r->answer == DOCKER_EVENTS && depth == 0)
		event_end(r);
	if (r->answer == DOCKER_INSPECT && depth == 0) {
		r->container.inspected = true;
		container_end(r);
	}
	if (r->answer <= DOCKER_LIBPOD_LIST && depth == 1)
		container_end(r);
}

void docker_reader_init(struct docker_reader *r, enum docker_answer answer)
{
	const struct json_scan_calls calls = { .wanted = wanted, .value = value, .closed = closed, .arg = r };

	memset(r, 0, sizeof(*r));
	r->answer = answer;
	json_scan_init(&r->scan, &calls);
}

int docker_reader_put(struct docker_reader *r, const char *data, size_t n)
{
	return json_scan_put(&r->scan, data, n);
}

bool docker_reader_is_whole(struct docker_reader *r)
{
	return json_scan_is_whole(&r->scan) && (r->answer == DOCKER_EVENTS || r->scan.n_values == 1);
}
