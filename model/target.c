/* SPDX-License-Identifier: Apache-2.0 */
#include "model/target.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"

#define MIN_ID_PREFIX 8

const char *finding_entity_attr(const struct finding_entity *e, const char *name)
{
	for (size_t i = 0; i < e->n_attrs; i++)
		if (e->attrs[i].name && strcmp(e->attrs[i].name, name) == 0)
			return e->attrs[i].value;
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* ---- one thing, one word ---- */

/* A word, not ended by NUL. */
struct word {
	const char *text;
	size_t n;
};

static bool is_word(const char *text, struct word w)
{
	return text && strlen(text) == w.n && memcmp(text, w.text, w.n) == 0;
}

static bool begins(const char *text, struct word w, size_t least)
{
	return text && w.n >= least && w.n > 0 && strncmp(text, w.text, w.n) == 0;
}

static enum target_fit fit_pod(const struct finding_entity *e, struct word w, size_t least)
{
	const char *slash = strrchr(e->id, '/');

	if (slash && is_word(slash + 1, w))
		return TARGET_CALLED;
	return begins(e->id, w, least) || (slash && begins(slash + 1, w, least)) ? TARGET_PREFIX : TARGET_NOT;
}

static enum target_fit fit_container(const struct finding_entity *e, struct word w)
{
	const char *scheme = memmem(w.text, w.n, "://", 3);

	if (scheme) {
		w.n -= (size_t)(scheme + 3 - w.text);
		w.text = scheme + 3;
	}
	if (is_word(e->id, w))
		return TARGET_EXACT;
	return begins(e->id, w, TARGET_MIN_CONTAINER) ? TARGET_PREFIX : TARGET_NOT;
}

/* `id` is a job's key, of which `n_id` bytes count: a rank's key goes on. */
static enum target_fit fit_job(const char *id, size_t n_id, const char *name, struct word w)
{
	const char *colon = memchr(id, ':', n_id);
	size_t n_scheduler = colon ? (size_t)(colon + 1 - id) : 0;
	const char *rest = id + n_scheduler;
	size_t n_rest = n_id - n_scheduler;

	if (w.n == n_id && memcmp(id, w.text, w.n) == 0)
		return TARGET_EXACT;
	if ((w.n == n_rest && memcmp(rest, w.text, w.n) == 0) || (name && is_word(name, w)))
		return TARGET_CALLED;
	if (w.n >= TARGET_MIN_JOB && w.n < n_rest && memcmp(rest, w.text, w.n) == 0)
		return TARGET_PREFIX;
	if (w.n >= n_scheduler + TARGET_MIN_JOB && w.n < n_id && memcmp(id, w.text, w.n) == 0)
		return TARGET_PREFIX;
	return TARGET_NOT;
}

/* Where the key of the job ends in a rank's key, and the member begins behind it. */
static size_t job_in_rank(const struct finding_entity *e)
{
	const char *job = finding_entity_attr(e, "job"), *member = finding_entity_attr(e, "rank");
	size_t n = strlen(e->id), n_job = job ? strlen(job) : 0, n_member = member ? strlen(member) : 0;
	const char *slash = strrchr(e->id, '/');

	if (job && n_job < n && strncmp(e->id, job, n_job) == 0 && e->id[n_job] == '/')
		return n_job;
	if (member && n_member + 1 < n && strcmp(e->id + n - n_member, member) == 0 && e->id[n - n_member - 1] == '/')
		return n - n_member - 1;
	return slash ? (size_t)(slash - e->id) : n;
}

static enum target_fit fit_rank(const struct finding_entity *e, struct word w)
{
	size_t n_job = job_in_rank(e), n = strlen(e->id);
	size_t n_tail = n - n_job; /* the member, and what parts it from the job */
	const char *sep;

	if (n_tail < 2 || w.n <= n_tail)
		return TARGET_NOT;
	sep = w.text + w.n - n_tail;
	if ((*sep != '/' && *sep != ':') || memcmp(sep + 1, e->id + n_job + 1, n_tail - 1) != 0)
		return TARGET_NOT;
	return fit_job(e->id, n_job, finding_entity_attr(e, "job_name"), (struct word){ w.text, w.n - n_tail });
}

static enum target_fit fit_kind(const struct finding_entity *e, struct word w, bool bare)
{
	const char *tail;

	switch (e->kind) {
	case ENTITY_PROCESS:
		tail = strchr(e->id, '/');
		return is_word(finding_entity_attr(e, "pid"), w) ||
				       (tail && w.n == (size_t)(tail - e->id) && begins(e->id, w, 1))
			       ? TARGET_CALLED
			       : TARGET_NOT;
	case ENTITY_CONTAINER:
		return fit_container(e, w);
	case ENTITY_POD:
		return is_word(finding_entity_attr(e, "uid"), w) ? TARGET_CALLED
								 : fit_pod(e, w, bare ? TARGET_MIN_BARE : 1);
	case ENTITY_CGROUP:
		tail = strrchr(e->id, '/');
		return tail && tail[1] && is_word(tail + 1, w) ? TARGET_CALLED : TARGET_NOT;
	case ENTITY_JOB:
		return fit_job(e->id, strlen(e->id), finding_entity_attr(e, "name"), w);
	case ENTITY_RANK:
		return fit_rank(e, w);
	case ENTITY_GPU:
		return is_word(finding_entity_attr(e, "index"), w) || is_word(finding_entity_attr(e, "uuid"), w)
			       ? TARGET_CALLED
			       : TARGET_NOT;
	default:
		return TARGET_NOT;
	}
}

enum target_fit target_fit(const struct finding_entity *e, enum entity_kind kind, const char *word)
{
	struct word w = { word, strlen(word) };
	enum target_fit fit;

	if ((kind != ENTITY_KIND_MAX && e->kind != kind) || !e->id || w.n == 0)
		return TARGET_NOT;
	if (is_word(e->id, w))
		return TARGET_EXACT;
	fit = fit_kind(e, w, kind == ENTITY_KIND_MAX);
	if (fit < TARGET_CALLED && (same(e->name, word) || same(finding_entity_attr(e, "name"), word)))
		return TARGET_CALLED;
	return fit;
}

/* ---- many things, one word ---- */

void target_search_init(struct target_search *s, enum entity_kind kind, const char *word)
{
	*s = (struct target_search){ .kind = kind, .word = word };
}

static int weigh(const struct target_search *s, enum entity_kind kind, enum target_fit fit, bool gone)
{
	int by_kind = s->kind != ENTITY_KIND_MAX ? 0 : kind == ENTITY_POD ? 2 : kind == ENTITY_JOB ? 1 : 0;

	return (int)fit * 8 + by_kind * 2 + !gone;
}

/* A pid that was given again: who had it last is meant. */
static bool is_same_pid(const struct target_hit *h, const struct finding_entity *e, const char *node)
{
	size_t n = strcspn(e->id, "/");

	return e->kind == ENTITY_PROCESS && h->kind == e->kind && strcmp(h->node, node) == 0 &&
	       strcspn(h->key, "/") == n && strncmp(h->key, e->id, n) == 0;
}

static bool started_later(const char *key, const char *than)
{
	const char *a = strchr(key, '/'), *b = strchr(than, '/');
	uint64_t x = 0, y = 0;

	return a && b && text_parse_u64(a + 1, &x) == 0 && text_parse_u64(b + 1, &y) == 0 && x > y;
}

static void describe(const struct finding_entity *e, char *ret_text, size_t size)
{
	static const char *const holders[] = { "rank", "job", "pod" };
	struct text t;
	size_t n = 0;

	text_init(&t, ret_text, size);
	text_add(&t, e->name && e->name[0] ? e->name : "");
	for (size_t i = 0; i < ARRAY_LEN(holders) && n == 0; i++) {
		const char *holder = finding_entity_attr(e, holders[i]);

		/* A rank's own number is called rank too. */
		if (!holder || e->kind == ENTITY_RANK || e->kind == ENTITY_JOB)
			continue;
		text_addf(&t, "%s%s %s", t.len ? ", " : "", holders[i], holder);
		n++;
	}
}

static void fill(struct target_hit *h, const struct finding_entity *e, const char *node, uint32_t tag, bool gone)
{
	*h = (struct target_hit){ .kind = e->kind, .tag = tag, .gone = gone };
	(void)text_copy(h->key, sizeof(h->key), e->id);
	(void)text_copy(h->node, sizeof(h->node), node);
	describe(e, h->what, sizeof(h->what));
}

static void offer_near(struct target_search *s, const struct finding_entity *e)
{
	const char *name = finding_entity_attr(e, "name");

	if (e->kind == ENTITY_PROCESS) /* a number near to a pid says nothing */
		return;
	if (s->kind != ENTITY_KIND_MAX ? e->kind != s->kind : e->kind != ENTITY_POD && e->kind != ENTITY_JOB)
		return;
	target_search_near(s, e->id);
	if (e->kind == ENTITY_JOB && name)
		target_search_near(s, name);
}

void target_search_offer(struct target_search *s, const struct finding_entity *e, const char *node, uint32_t tag,
			 bool gone)
{
	enum target_fit fit = target_fit(e, s->kind, s->word);
	int weight = weigh(s, e->kind, fit, gone);

	node = node ? node : "";
	if (fit == TARGET_NOT && s->n_hits == 0 && e->id)
		offer_near(s, e);
	if (fit == TARGET_NOT || weight < s->best)
		return;
	if (weight > s->best)
		s->n_hits = s->more = 0;
	s->best = weight;
	for (size_t i = 0; i < s->n_hits; i++) {
		struct target_hit *h = &s->hits[i];

		if (h->kind == e->kind && strcmp(h->key, e->id) == 0 && strcmp(h->node, node) == 0)
			return;
		if (!is_same_pid(h, e, node))
			continue;
		if (started_later(e->id, h->key))
			fill(h, e, node, tag, gone);
		return;
	}
	if (s->n_hits == TARGET_MAX_HITS)
		s->more++;
	else
		fill(&s->hits[s->n_hits++], e, node, tag, gone);
}

/* 0 resembles most; UINT_MAX not at all. */
static unsigned resemblance(const char *word, const char *name)
{
	size_t n = strlen(word), common = 0;
	const char *colon = strchr(name, ':'), *slash = strrchr(name, '/');

	if (n >= 3 && strcasestr(name, word))
		return 0;
	if (text_nearest(word, &name, 1))
		return 1;
	if ((colon && text_nearest(word, (const char *const[]){ colon + 1 }, 1)) ||
	    (slash && text_nearest(word, (const char *const[]){ slash + 1 }, 1)))
		return 2;
	while (common < n && name[common] == word[common])
		common++;
	return common >= TARGET_MIN_BARE && common * 3 >= n * 2 ? 3 : UINT32_MAX;
}

void target_search_near(struct target_search *s, const char *name)
{
	unsigned rank = s->n_looked++ < TARGET_MAX_LOOKED ? resemblance(s->word, name) : UINT32_MAX;
	size_t at = s->n_near;

	if (rank == UINT32_MAX || strlen(name) >= sizeof(s->near[0]))
		return;
	for (size_t i = 0; i < s->n_near; i++)
		if (strcmp(s->near[i], name) == 0)
			return;
	while (at > 0 && s->near_rank[at - 1] > rank)
		at--;
	if (at == TARGET_MAX_NEAR)
		return;
	s->n_near = MIN_OF(s->n_near + 1, (size_t)TARGET_MAX_NEAR);
	for (size_t i = s->n_near - 1; i > at; i--) {
		memcpy(s->near[i], s->near[i - 1], sizeof(s->near[i]));
		s->near_rank[i] = s->near_rank[i - 1];
	}
	(void)text_copy(s->near[at], sizeof(s->near[at]), name);
	s->near_rank[at] = rank;
}

void target_search_hint(const struct target_search *s, char *ret_text, size_t size)
{
	struct text t;

	text_init(&t, ret_text, size);
	for (size_t i = 0; i < s->n_near; i++)
		text_addf(&t, "%s'%s'", i == 0 ? "; did you mean " : i + 1 == s->n_near ? " or " : ", ", s->near[i]);
	if (s->n_near)
		text_add(&t, "?");
}

/* ---- what findings are about ---- */

bool finding_entity_is_of(const struct finding_entity *e, enum entity_kind kind, const char *key)
{
	static const enum entity_kind holders[] = { ENTITY_CONTAINER, ENTITY_POD, ENTITY_JOB, ENTITY_RANK, ENTITY_CGROUP };

	if (e->kind == kind && same(e->id, key))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(holders); i++)
		if (holders[i] == kind && e->kind != kind &&
		    same(finding_entity_attr(e, entity_kind_name(kind)), key))
			return true;
	/* A rank's key begins with its job's. */
	return kind == ENTITY_JOB && e->kind == ENTITY_RANK && e->id && strncmp(e->id, key, strlen(key)) == 0 &&
	       e->id[strlen(key)] == '/';
}

bool finding_blames(const struct finding *f, enum entity_kind kind, const char *key)
{
	return finding_entity_is_of(&f->subject, kind, key);
}

bool finding_is_about(const struct finding *f, enum entity_kind kind, const char *key)
{
	if (kind == ENTITY_NODE && same(f->node, key))
		return true;
	if (finding_blames(f, kind, key))
		return true;
	for (size_t i = 0; i < f->n_affected; i++)
		if (finding_entity_is_of(&f->affected[i], kind, key))
			return true;
	for (size_t i = 0; i < f->n_explains; i++)
		if (finding_entity_is_of(&f->explains[i].subject, kind, key))
			return true;
	return false;
}

bool finding_is_called(const struct finding *f, const char *word)
{
	size_t len = strlen(word);
	return strcmp(f->id, word) == 0 || (len >= MIN_ID_PREFIX && strncmp(f->id, word, len) == 0);
}
