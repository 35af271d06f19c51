/* SPDX-License-Identifier: Apache-2.0 */
#include "model/who.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/target.h"

#define MAX_SENTENCE 2048
#define MAX_EXTRAS   6
#define MAX_HEAD     40

/* ---- the sentence ---- */

static const char *attr(const struct finding_entity *e, const char *name)
{
	const char *value = e ? finding_entity_attr(e, name) : NULL;

	return value && value[0] ? value : NULL;
}

static const char *name_of(const struct finding_entity *e)
{
	return e->name && e->name[0] ? e->name : e->id ? e->id : "?";
}

static bool is_in_key(const struct finding_entity *e, const char *value)
{
	const char *colon = e->id ? strchr(e->id, ':') : NULL;

	return colon && strcmp(colon + 1, value) == 0;
}

/* "(restart 1, world size 4)" of what tells a person something; `names` ends with NULL. */
static void add_extras(struct text *t, const struct finding_entity *e, const char *const *names, size_t *n)
{
	for (; e && *names && *n < MAX_EXTRAS; names++) {
		const char *value = attr(e, *names);

		/* Neither that it never restarted, nor its key once more. */
		if (!value || strcmp(value, "0") == 0 || (strcmp(*names, "name") == 0 && is_in_key(e, value)))
			continue;
		text_add(t, (*n)++ ? ", " : " (");
		for (const char *c = *names; *c; c++)
			text_add_n(t, *c == '_' ? " " : c, 1);
		text_addf(t, " %s", value);
	}
}

static void close_extras(struct text *t, size_t n)
{
	if (n > 0)
		text_add(t, ")");
}

static const char *const rank_extras[] = { "attempt", "restart", NULL };
static const char *const job_brief[] = { "restart", NULL };
static const char *const job_extras[] = { "name", "world_size", "restart", "queue", "namespace", NULL };

/* "rank 3", "executor exec-7". */
static void add_member(struct text *t, const struct finding_entity *rank)
{
	const char *member = attr(rank, "rank"), *role = attr(rank, "role");
	const char *slash = rank->id ? strrchr(rank->id, '/') : NULL;

	text_addf(t, "%s %s", role ? role : "rank", member ? member : slash ? slash + 1 : name_of(rank));
}

static void add_job(struct text *t, const struct finding_entity *job)
{
	text_addf(t, "job %s", job->id ? job->id : "?");
}

static void add_workload(struct text *t, const struct who_facts *f, const char *verb)
{
	const char *role = attr(f->self, "role");
	size_t n = 0;

	if (f->rank) {
		text_addf(t, "%s ", verb);
		add_member(t, f->rank);
		if (f->job) {
			text_add(t, " of ");
			add_job(t, f->job);
		}
	} else if (f->job) {
		text_addf(t, "%s %s%sof ", verb, role ? role : "", role ? " " : "");
		add_job(t, f->job);
	} else {
		return;
	}
	add_extras(t, f->rank, rank_extras, &n);
	add_extras(t, f->job, job_brief, &n);
	close_extras(t, n);
}

static void add_container_name(struct text *t, const struct finding_entity *c)
{
	const char *name = attr(c, "name"), *key = c->id ? c->id : "?";
	bool digits = strspn(key, "0123456789abcdef") >= 32; /* YARN's ids begin alike */
	char id[65];

	(void)text_copy(id, digits ? 13 : sizeof(id), key);
	text_addf(t, "container %s%s%s%s", name ? name : "", name ? " (" : "", id, name ? ")" : "");
}

static void add_place(struct text *t, const struct who_facts *f, const char *glue)
{
	const char *image = attr(f->container, "image");

	if (f->container) {
		text_addf(t, "%sin ", glue);
		add_container_name(t, f->container);
		glue = ", ";
	}
	if (f->pod)
		text_addf(t, "%s%s", f->container ? " of pod " : glue, f->container ? "" : "in pod ");
	if (f->pod)
		text_add(t, f->pod->id ? f->pod->id : "?");
	if (image)
		text_addf(t, " (image %s)", image);
}

static void sentence_of_container(const struct who_facts *f, struct text *t)
{
	const char *runtime = attr(f->self, "runtime"), *state = attr(f->self, "state");
	const char *image = attr(f->self, "image"), *restarts = attr(f->self, "restart_count");
	const char *code = attr(f->self, "exit_code"), *reason = attr(f->self, "exit_reason");

	add_container_name(t, f->self);
	if (f->pod)
		text_addf(t, " of pod %s", f->pod->id);
	if (image)
		text_addf(t, ", image %s", image);
	if (state)
		text_addf(t, ", %s", state);
	if (runtime)
		text_addf(t, "%s %s", state ? " under" : ", under", runtime);
	if (restarts && strcmp(restarts, "0") != 0)
		text_addf(t, ", restarted %s time%s", restarts, strcmp(restarts, "1") == 0 ? "" : "s");
	if (code || reason)
		text_addf(t, ", last exit %s%s%s%s", code ? code : "", code && reason ? " (" : "", reason ? reason : "",
			  code && reason ? ")" : "");
	add_workload(t, f, ", it is");
}

static void sentence_of_pod(const struct who_facts *f, struct text *t)
{
	const char *phase = attr(f->self, "phase");

	text_addf(t, "pod %s", f->self->id ? f->self->id : "?");
	if (phase)
		text_addf(t, ", %s", phase);
	add_workload(t, f, ", it is");
}

static void sentence_of_job(const struct who_facts *f, struct text *t)
{
	size_t n = 0;

	add_job(t, f->self);
	add_extras(t, f->self, job_extras, &n);
	close_extras(t, n);
}

static void sentence_of_rank(const struct who_facts *f, struct text *t)
{
	size_t n = 0;

	add_member(t, f->self);
	if (f->job) {
		text_add(t, " of ");
		add_job(t, f->job);
	}
	add_extras(t, f->self, rank_extras, &n);
	add_extras(t, f->job, job_extras, &n);
	close_extras(t, n);
	add_place(t, f, ", ");
}

static void sentence_of_process(const struct who_facts *f, struct text *t)
{
	text_add(t, name_of(f->self));
	add_workload(t, f, " is");
	add_place(t, f, f->rank || f->job ? ", " : " is ");
	if (!f->rank && !f->job && !f->container && !f->pod)
		text_add(t, " is of no container, pod or job that is known");
}

void who_sentence(const struct who_facts *f, struct text *t)
{
	switch (f->self->kind) {
	case ENTITY_PROCESS:
		sentence_of_process(f, t);
		break;
	case ENTITY_RANK:
		sentence_of_rank(f, t);
		break;
	case ENTITY_JOB:
		sentence_of_job(f, t);
		break;
	case ENTITY_CONTAINER:
		sentence_of_container(f, t);
		break;
	case ENTITY_POD:
		sentence_of_pod(f, t);
		break;
	case ENTITY_CGROUP:
		text_addf(t, "cgroup %s", f->self->id ? f->self->id : "?");
		add_workload(t, f, " is");
		add_place(t, f, f->rank || f->job ? ", " : " is ");
		break;
	default:
		text_add(t, name_of(f->self));
		break;
	}
	if (f->cgroup && f->cgroup->id)
		text_addf(t, ", cgroup %s", f->cgroup->id);
	if (f->node && f->node[0] && f->self->kind != ENTITY_JOB) /* a job may be on many */
		text_addf(t, ", node %s", f->node);
}

/* ---- lines ---- */

struct answer_who *who_add(struct answer *a, const char *role, const struct finding_entity *e)
{
	struct answer_who *w = answer_add_who(a);

	if (!w)
		return NULL;
	*w = (struct answer_who){ .role = role, .kind = e->kind, .text = "", .node = "", .status = "" };
	w->id = arena_strdup(a->arena, e->id ? e->id : "");
	w->name = arena_strdup(a->arena, name_of(e));
	for (size_t i = 0; i < e->n_attrs && w->n_attrs < ANSWER_WHO_ATTRS; i++) {
		struct finding_attr *to = &w->attrs[w->n_attrs];

		if (!e->attrs[i].name || !e->attrs[i].value)
			continue;
		to->name = arena_strdup(a->arena, e->attrs[i].name);
		to->value = arena_strdup(a->arena, e->attrs[i].value);
		w->n_attrs += to->name && to->value;
	}
	if (!w->id || !w->name) {
		a->n_who--;
		return NULL;
	}
	return w;
}

static void set_text(struct answer *a, const char **ret, const char *text)
{
	const char *copy = text ? arena_strdup(a->arena, text) : NULL;

	*ret = copy ? copy : "";
}

void who_self(struct answer *a, const struct who_facts *f)
{
	const struct finding_entity *const of[] = { f->rank, f->job }, *const in[] = { f->container, f->pod, f->cgroup };
	struct answer_who *self = who_add(a, "self", f->self);
	char sentence[MAX_SENTENCE];
	struct text t;

	text_init(&t, sentence, sizeof(sentence));
	who_sentence(f, &t);
	if (self) {
		set_text(a, &self->text, sentence);
		set_text(a, &self->node, f->node);
	}
	for (size_t i = 0; i < ARRAY_LEN(of); i++)
		if (of[i])
			(void)who_add(a, "of", of[i]);
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		if (in[i])
			(void)who_add(a, "in", in[i]);
}

void who_split_doubt(const char *sentence, const char *name, struct text *ret_what, const char **ret_why)
{
	const char *colon = strstr(sentence, ": ");
	size_t n = colon ? (size_t)(colon - sentence) : 0;

	if (n == 0 || n > MAX_HEAD) {
		text_addf(ret_what, "identity of %s", name);
		*ret_why = sentence;
		return;
	}
	text_addf(ret_what, "%.*s of %s", (int)n, sentence, name);
	*ret_why = colon + 2;
}

void who_doubts(struct answer *a, const struct finding_entity *e)
{
	static const char *const names[] = { "unresolved", "conflict" };

	for (size_t i = 0; e && i < ARRAY_LEN(names); i++) {
		const char *sentence = attr(e, names[i]), *why;
		char what[512];
		struct answer_who *w;
		struct text t;

		w = sentence ? answer_add_who(a) : NULL;
		if (!w)
			continue;
		text_init(&t, what, sizeof(what));
		who_split_doubt(sentence, name_of(e), &t, &why);
		*w = (struct answer_who){ .role = "doubt", .kind = e->kind, .node = "", .status = "" };
		set_text(a, &w->id, e->id);
		set_text(a, &w->name, what);
		set_text(a, &w->text, why);
	}
}

/* ---- members ---- */

static bool counts(const struct finding *f)
{
	return f->state != FINDING_RESOLVED && !f->shadow;
}

/* A symptom that is felt here and caused elsewhere. */
static bool is_caused_elsewhere(const struct answer *a, const struct finding *symptom, const struct finding_entity *e)
{
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct finding *f = a->findings[i];

		if (!counts(f) || f == symptom || finding_blames(f, e->kind, e->id))
			continue;
		for (size_t k = 0; k < f->n_explains; k++)
			if (strcmp(f->explains[k].finding, symptom->id) == 0)
				return true;
	}
	return symptom->n_because > 0;
}

/* What blames it, the most severe first, causes before symptoms; else what it suffers from. */
static const struct finding *worst_of(const struct answer *a, const struct finding_entity *e, bool *ret_blamed)
{
	const struct finding *worst = NULL, *other = NULL;

	for (size_t i = 0; i < a->n_findings; i++) {
		const struct finding *f = a->findings[i];

		if (!counts(f) || !e->id)
			continue;
		if (!finding_blames(f, e->kind, e->id)) {
			if (!other && finding_is_about(f, e->kind, e->id))
				other = f;
		} else if (f->kind == FINDING_SYMPTOM && is_caused_elsewhere(a, f, e)) {
			other = other ? other : f;
		} else if (!worst || f->severity > worst->severity ||
			   (f->severity == worst->severity && f->kind < worst->kind)) {
			worst = f;
		}
	}
	*ret_blamed = worst != NULL;
	return worst ? worst : other;
}

void who_member(struct answer *a, const struct finding_entity *e, const char *node, bool gone)
{
	bool blamed = false;
	const struct finding *f = worst_of(a, e, &blamed);
	struct answer_who *w = who_add(a, "member", e);

	if (!w)
		return;
	set_text(a, &w->node, node);
	w->status = f ? (blamed ? severity_name(f->severity) : "affected") : gone ? "gone" : "ok";
	if (f)
		set_text(a, &w->text, f->title && f->title[0] ? f->title : f->rule);
}

unsigned who_trouble(const struct answer_who *w)
{
	static const char *const order[] = { "critical", "warning", "info", "affected", "gone", "ok" };
	unsigned i = 0;

	while (i < ARRAY_LEN(order) && (!w->status || strcmp(w->status, order[i]) != 0))
		i++;
	return i;
}

static int by_trouble(const void *x, const void *y)
{
	const struct answer_who *a = x, *b = y;
	unsigned first = who_trouble(a), second = who_trouble(b);
	int r;

	if (first != second)
		return first < second ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	r = strverscmp(a->id, b->id);
	return r ? r : strcmp(a->node, b->node);
}

void who_sort(struct answer *a)
{
	size_t first = 0;

	while (first < a->n_who && strcmp(a->who[first].role, "member") != 0)
		first++;
	if (a->n_who - first > 1)
		qsort(a->who + first, a->n_who - first, sizeof(a->who[0]), by_trouble);
}
