/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/aim.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/who.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "model/who.h"

#define MAX_HISTORY 2000

/* ---- rules ---- */

bool aim_matches_cause(const char *cause, const char *rule)
{
	size_t n = strlen(cause);

	if (n > 2 && strcmp(cause + n - 2, ".*") == 0)
		return strncmp(cause, rule, n - 1) == 0;
	return n == 0 || strcmp(cause, rule) == 0;
}

bool aim_knows_cause(const struct agent *a, const char *cause, struct answer *answer)
{
	const struct ruleset *rs = engine_ruleset(a->engine);
	struct target_search near;
	char hint[1024];

	target_search_init(&near, ENTITY_KIND_MAX, cause);
	for (uint32_t i = 0; rs && i < rs->n_causes + rs->n_symptoms; i++) {
		const char *id = i < rs->n_causes ? rs->causes[i].id : rs->symptoms[i - rs->n_causes].id;

		if (aim_matches_cause(cause, id))
			return true;
		target_search_near(&near, id);
	}
	target_search_hint(&near, hint, sizeof(hint));
	answer->status = ANSWER_NOT_FOUND;
	answer->message = arena_printf(answer->arena, "no rule is called '%s'%s%s", cause, hint,
				       near.n_near ? "" : "; `why rules list` shows them all");
	return false;
}

/* ---- things ---- */

struct offering {
	struct agent *agent;
	struct target_search *search;
};

static void offer(struct offering *o, const struct finding_entity *e)
{
	/* What the graph holds was offered from there, alive or gone. */
	if (e->id && graph_find(o->agent->graph, e->kind, e->id) == ENTITY_NONE)
		target_search_offer(o->search, e, NULL, ENTITY_NONE, true);
}

static void offer_finding(void *arg, const struct finding *f)
{
	struct offering *o = arg;

	offer(o, &f->subject);
	for (size_t i = 0; i < f->n_affected; i++)
		offer(o, &f->affected[i]);
	for (size_t i = 0; i < f->n_explains; i++)
		offer(o, &f->explains[i].subject);
}

static const char *kind_word(enum entity_kind kind)
{
	return kind == ENTITY_PROCESS ? "pid" : entity_kind_name(kind);
}

static void say_ambiguous(struct agent *a, const struct target_search *s, struct answer *answer)
{
	answer->status = ANSWER_AMBIGUOUS;
	answer->message =
		s->more ? arena_printf(answer->arena, "'%s' is %zu things; the first of them", s->word, s->n_hits + s->more)
			: arena_printf(answer->arena, "'%s' is more than one thing: say which, by more of its name",
				       s->word);
	answer->candidates = arena_alloc_array(answer->arena, s->n_hits, sizeof(*answer->candidates));
	for (size_t i = 0; answer->candidates && i < s->n_hits; i++) {
		const struct target_hit *h = &s->hits[i];
		struct finding_entity e = { .kind = h->kind, .id = h->key, .name = h->what };
		const char *text = arena_printf(answer->arena, "%s %s", kind_word(h->kind), h->key);
		struct answer_who *w;
		char what[512];

		if (h->tag != ENTITY_NONE) {
			who_brief(a->graph, h->tag, what, sizeof(what));
			e.name = what;
		}
		w = who_add(answer, "candidate", &e);
		if (w)
			w->node = answer->node ? answer->node : "";
		if (text)
			answer->candidates[answer->n_candidates++] = text;
	}
}

static void say_not_found(const struct agent *a, const struct query *q, const struct target_search *s,
			  struct answer *answer)
{
	char hint[1024];

	target_search_hint(s, hint, sizeof(hint));
	answer->status = ANSWER_NOT_FOUND;
	if (q->target_kind == ENTITY_KIND_MAX)
		answer->message = arena_printf(answer->arena, "nothing on node %s is called '%s'%s", a->settings->node,
					       q->target, hint);
	else
		answer->message = arena_printf(answer->arena, "no %s on node %s is called '%s'%s",
					       entity_kind_name(q->target_kind), a->settings->node, q->target, hint);
}

/* Not every process has an entity: one of no workload is only counted. /proc decides, but that is the collectors' to
 * read. */
static bool is_plain_pid(const struct query *q)
{
	uint64_t pid;

	if (q->target_kind != ENTITY_PROCESS || text_parse_u64(q->target, &pid) < 0 || pid == 0 || pid > INT32_MAX)
		return false;
	return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

static void search(struct agent *a, const struct query *q, wall_ns_t now, struct target_search *s)
{
	struct offering o = { .agent = a, .search = s };

	who_search(a->graph, s);
	engine_visit_open(a->engine, offer_finding, &o);
	if (q->since_ns && s->n_hits == 0) /* a disk in trouble finds less, and is said elsewhere */
		(void)spool_visit_history(a->spool, now > q->since_ns ? now - q->since_ns : 0, MAX_HISTORY, offer_finding,
					  &o);
}

int aim_resolve(struct agent *a, const struct query *q, wall_ns_t now, struct answer *answer,
		   struct aim *ret_target)
{
	AUTO_FREE struct target_search *s = NULL;
	struct aim t = { .what = AIM_NOT, .kind = ENTITY_KIND_MAX };
	bool bare = q->target_kind == ENTITY_KIND_MAX || q->target_kind == ENTITY_NODE;

	if (!q->target[0] || (bare && strcmp(q->target, a->settings->node) == 0)) {
		t.what = AIM_HERE;
	} else if (q->target_kind == ENTITY_KIND_MAX && strncmp(q->target, "fnd_", 4) == 0) {
		t.what = AIM_ID;
	} else {
		s = malloc(sizeof(*s));
		if (!s)
			return -ENOMEM;
		target_search_init(s, q->target_kind, q->target);
		search(a, q, now, s);
		if (s->n_hits == 1) {
			t = (struct aim){ .what = AIM_THING, .kind = s->hits[0].kind, .id = s->hits[0].tag };
			(void)text_copy(t.key, sizeof(t.key), s->hits[0].key);
		} else if (s->n_hits > 1) {
			say_ambiguous(a, s, answer);
		} else if (is_plain_pid(q)) {
			t.what = AIM_PROCESS;
		} else {
			say_not_found(a, q, s, answer);
		}
	}
	*ret_target = t;
	return 0;
}
