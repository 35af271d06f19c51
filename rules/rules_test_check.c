// SPDX-License-Identifier: Apache-2.0
#include "rules/rules_test_check.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/answer.h"

struct test_check {
	const struct rules_test *test;
	const struct ruleset *rs;
	struct rules_test_seen *seen;
	struct buf *out;
	struct finding *findings[TEST_CHECK_MAX_FINDINGS]; /* the newest state of each */
	size_t n_findings;
	uint64_t checked_to;
	bool checked_any, failed, overflow;
};

int test_check_new(const struct rules_test *t, const struct ruleset *rs, struct rules_test_seen *seen,
		   struct buf *out, struct test_check **ret_check)
{
	struct test_check *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->test = t;
	c->rs = rs;
	c->seen = seen;
	c->out = out;
	*ret_check = c;
	return 0;
}

void test_check_free(struct test_check **check)
{
	if (!*check)
		return;
	for (size_t i = 0; i < (*check)->n_findings; i++)
		finding_free(&(*check)->findings[i]);
	free(*check);
	*check = NULL;
}

bool test_check_passed(const struct test_check *c)
{
	return !c->failed;
}

void test_check_take(struct test_check *c, const struct finding *f)
{
	AUTO(finding_free) struct finding *copy = NULL;
	size_t i = 0;

	if (finding_copy(f, &copy) < 0) {
		c->failed = true;
		(void)buf_addf(c->out, "%s: a finding could not be copied\n", c->test->file);
		return;
	}
	while (i < c->n_findings && strcmp(c->findings[i]->id, f->id) != 0)
		i++;
	if (i == TEST_CHECK_MAX_FINDINGS) {
		if (!c->overflow)
			(void)buf_addf(c->out, "%s:%u: test '%s': more than %d findings\n", c->test->file,
				       c->test->line, c->test->name, TEST_CHECK_MAX_FINDINGS);
		c->overflow = c->failed = true;
		return;
	}
	if (i < c->n_findings)
		finding_free(&c->findings[i]);
	else
		c->n_findings++;
	c->findings[i] = TAKE_PTR(copy);
}

/* ---- does a finding fit? ---- */

static bool is_about(const struct test_check *c, const struct finding *f, uint32_t target)
{
	const struct rules_test_entity *e;

	if (target == UINT32_MAX)
		return true;
	e = &c->test->entities[target];
	/* A recording is of one node, whatever it is called. */
	if (c->test->replay && e->kind == ENTITY_NODE)
		return f->subject.kind == ENTITY_NODE;
	return f->subject.kind == e->kind && f->subject.id && strcmp(f->subject.id, e->key) == 0;
}

static const struct finding *find(const struct test_check *c, const char *rule, uint32_t target, bool only_open)
{
	const struct finding *best = NULL;

	for (size_t i = 0; i < c->n_findings; i++) {
		const struct finding *f = c->findings[i];
		bool any = strcmp(rule, "all") == 0 && f->kind == FINDING_CAUSE;

		if ((any || strcmp(f->rule, rule) == 0) && is_about(c, f, target) &&
		    (!only_open || f->state != FINDING_RESOLVED) &&
		    (!best || best->state == FINDING_RESOLVED))
			best = f;
	}
	return best;
}

/* logistic(logit(0.9)) is a hair below 0.9. */
static bool within(const struct rules_test_bound *b, double value)
{
	switch (b->op) {
	case OP_GREATER_EQUAL:
		return value >= b->value - 1e-9;
	case OP_LESS_EQUAL:
		return value <= b->value + 1e-9;
	case OP_GREATER:
		return value > b->value;
	case OP_LESS:
		return value < b->value;
	default:
		return fabs(value - b->value) < 1e-9;
	}
}

/* "symptom" or "symptom/entity". */
static bool explains(const struct test_check *c, const struct finding *f, const char *what)
{
	const char *slash = strchr(what, '/');
	size_t n = slash ? (size_t)(slash - what) : strlen(what);

	for (size_t i = 0; i < f->n_explains; i++) {
		const struct finding_explained *e = &f->explains[i];

		if (strlen(e->symptom) != n || memcmp(e->symptom, what, n) != 0)
			continue;
		if (!slash)
			return true;
		for (uint32_t k = 0; k < c->test->n_entities; k++)
			if (strcmp(c->test->entities[k].name, slash + 1) == 0 &&
			    c->test->entities[k].kind == e->subject.kind && e->subject.id &&
			    strcmp(c->test->entities[k].key, e->subject.id) == 0)
				return true;
	}
	return false;
}

static bool is_because(const struct test_check *c, const struct finding *f, const char *rule)
{
	for (size_t i = 0; i < f->n_because; i++)
		for (size_t k = 0; k < c->n_findings; k++)
			if (strcmp(c->findings[k]->id, f->because[i]) == 0 && strcmp(c->findings[k]->rule, rule) == 0)
				return true;
	return false;
}

static bool has_evidence(const struct finding *f, const char *id)
{
	for (size_t i = 0; i < f->n_evidence; i++)
		if (strcmp(f->evidence[i].id, id) == 0)
			return true;
	return false;
}

static bool affects(const struct finding *f, const struct rules_test_entity *e)
{
	for (size_t i = 0; i < f->n_affected; i++)
		if (f->affected[i].kind == e->kind && f->affected[i].id && strcmp(f->affected[i].id, e->key) == 0)
			return true;
	return false;
}

static bool rules_out(const struct finding *f, const char *rule)
{
	for (size_t i = 0; i < f->n_ruled_out; i++)
		if (strcmp(f->ruled_out[i].rule, rule) == 0)
			return true;
	return false;
}

/* ---- saying what is wrong ---- */

static const char *target_name(const struct test_check *c, uint32_t target)
{
	return target == UINT32_MAX ? "anything" : c->test->entities[target].name;
}

static void fail(struct test_check *c, const struct rules_test_expect *e, const char *fmt,
		 ...) __attribute__((format(printf, 3, 4)));

static void fail(struct test_check *c, const struct rules_test_expect *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->failed = true;
	(void)buf_addf(c->out, "%s:%u:%u: test '%s': %s\n", c->test->file, e->line, e->column, c->test->name, text);
}

static void say_findings(struct test_check *c)
{
	for (size_t i = 0; i < c->n_findings; i++) {
		const struct finding *f = c->findings[i];

		(void)buf_addf(c->out, "    there is %s %s on %s (confidence %.2f, coverage %.2f): %s\n",
			       finding_state_name(f->state), f->rule,
			       f->subject.name ? f->subject.name : f->subject.id, f->confidence, f->coverage, f->title);
	}
}

/* What the evidence said, so that the author of a rule sees which condition does not hold. */
static void say_why_not(struct test_check *c, const struct engine *e, const struct test_play *play,
			const struct rules_test_expect *x, uint64_t now_ns)
{
	AUTO(answer_free) struct answer *a = NULL;
	entity_id target = x->target == UINT32_MAX ? ENTITY_NONE : play->ids[x->target];

	if (answer_new(QUERY_NOT, &a) < 0 ||
	    engine_why_not(e, x->rule, target, play->epoch_mono + now_ns, play->epoch_wall + now_ns, a) < 0)
		return;
	(void)buf_addf(c->out, "    verdict: %s\n", a->verdict ? a->verdict : "?");
	for (size_t i = 0; i < a->n_evidence; i++) {
		const struct answer_evidence *v = &a->evidence[i];

		(void)buf_addf(c->out, "    %s '%s' is %s: observed %g, expected %s%s%s\n", v->role ? v->role : "",
			       v->id ? v->id : "",
			       v->truth > 0 ? "true" : v->truth == 0 ? "false" : "unknown", v->observed, v->expected
				       ? v->expected : "-", v->why ? "; " : "",
			       v->why ? v->why : "");
	}
}

static void check_affected(struct test_check *c, const struct rules_test_expect *e, const struct finding *f)
{
	for (uint32_t i = 0; i < c->test->n_entities; i++) {
		const struct rules_test_entity *entity = &c->test->entities[i];
		bool wanted = false;

		for (uint32_t k = 0; k < e->n_affected; k++)
			wanted |= strcmp(e->affected[k], entity->name) == 0;
		if (wanted != affects(f, entity))
			fail(c, e, "%s %s %s", e->rule, wanted ? "does not affect" : "affects", entity->name);
	}
}

static void check_content(struct test_check *c, const struct rules_test_expect *e, const struct finding *f)
{
	for (uint32_t i = 0; i < e->n_explains; i++)
		if (!explains(c, f, e->explains[i]))
			fail(c, e, "%s does not explain %s", e->rule, e->explains[i]);
	for (uint32_t i = 0; i < e->n_because; i++)
		if (!is_because(c, f, e->because[i]))
			fail(c, e, "%s is not because of %s", e->rule, e->because[i]);
	for (uint32_t i = 0; i < e->n_evidence; i++)
		if (!has_evidence(f, e->evidence[i]))
			fail(c, e, "%s lacks evidence '%s'", e->rule, e->evidence[i]);
	if (e->says_affected)
		check_affected(c, e, f);
	for (uint32_t i = 0; i < e->n_ruled_out; i++)
		if (!rules_out(f, e->ruled_out[i]))
			fail(c, e, "%s does not rule out %s", e->rule, e->ruled_out[i]);
	if (e->confidence.is_set && !within(&e->confidence, f->confidence))
		fail(c, e, "%s has confidence %.3f", e->rule, f->confidence);
	if (e->coverage.is_set && !within(&e->coverage, f->coverage))
		fail(c, e, "%s has coverage %.3f", e->rule, f->coverage);
	if (e->action && strcmp(e->action, remedy_action_name(f->remedy.action)) != 0)
		fail(c, e, "%s advises %s", e->rule, remedy_action_name(f->remedy.action));
	if (e->severity && strcmp(e->severity, severity_name(f->severity)) != 0)
		fail(c, e, "%s is %s", e->rule, severity_name(f->severity));
	if (e->title && !strstr(f->title, e->title))
		fail(c, e, "the title is \"%s\"", f->title);
}

static void check_expect(struct test_check *c, const struct engine *e, const struct test_play *play,
			 const struct rules_test_expect *x, uint64_t now_ns)
{
	double at_s = (double)x->at_ns / 1e9;
	const struct finding *open = find(c, x->rule, x->target, true), *any = find(c, x->rule, x->target, false);

	if (x->none) {
		if (open)
			fail(c, x, "at %gs %s is open on %s", at_s, x->rule, open->subject.name ? open->subject.name
			     : open->subject.id);
	} else if (x->resolved) {
		if (open || !any)
			fail(c, x, "at %gs %s on %s is %s", at_s, x->rule, target_name(c, x->target), open
			     ? "still open" : "not resolved: it never opened");
	} else if (!open) {
		fail(c, x, "at %gs %s is not open on %s%s", at_s, x->rule, target_name(c, x->target), any
		     ? " any more" : "");
		say_findings(c);
		say_why_not(c, e, play, x, now_ns);
	} else {
		check_content(c, x, open);
	}
}

void test_check_tick(struct test_check *c, const struct engine *e, const struct test_play *play, uint64_t now_ns)
{
	for (uint32_t i = 0; i < c->test->n_expects; i++) {
		const struct rules_test_expect *x = &c->test->expects[i];

		if (x->at_ns <= now_ns && (!c->checked_any || x->at_ns > c->checked_to))
			check_expect(c, e, play, x, now_ns);
	}
	c->checked_any = true;
	c->checked_to = now_ns;
	if (c->seen)
		test_seen_look(c->seen, e, play, now_ns);
}

void test_check_end(struct test_check *c)
{
	for (uint32_t i = 0; i < c->test->n_expects; i++)
		if (!c->checked_any || c->test->expects[i].at_ns > c->checked_to)
			fail(c, &c->test->expects[i], "the recording ends at %gs, before this",
			     (double)c->checked_to / 1e9);
	for (uint32_t i = 0; i < c->test->n_nones; i++) {
		const struct rules_test_expect *x = &c->test->nones[i];
		const struct finding *f = find(c, x->rule, x->target, false);

		if (!f)
			continue;
		fail(c, x, "%s opened on %s (confidence %.2f), but must stay silent: %s", f->rule, f->subject.name
		     ? f->subject.name : f->subject.id, f->confidence,
		     f->title);
	}
}
