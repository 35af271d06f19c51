// SPDX-License-Identifier: Apache-2.0
#include "tests/proto/sample.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/test.h"

static uint64_t draw(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static size_t below(uint64_t *seed, size_t n)
{
	return (size_t)(draw(seed) % n);
}

/* 0, the maximum, or something between. */
static size_t length(uint64_t *seed, size_t max)
{
	size_t kind = below(seed, 4);

	return kind == 0 ? 0 : kind == 1 ? max : below(seed, max + 1);
}

static const char *words(struct arena *a, uint64_t *seed)
{
	static const char *const pieces[] = {"gpu",   "Ärger", "0000:5e:00.0", "a/b", "日本", "\n",
					     "\"q\"", "😀",     "Xid 79",       "%s"};
	char text[64] = "";

	(void)snprintf(text, sizeof(text), "%s %s %zu", pieces[below(seed, ARRAY_LEN(pieces))],
		       pieces[below(seed, ARRAY_LEN(pieces))], below(seed, 1000));
	return arena_strdup(a, text);
}

static const char *maybe(struct arena *a, uint64_t *seed)
{
	return below(seed, 2) ? words(a, seed) : NULL;
}

static void some_id(uint64_t *seed, char ret_id[FINDING_ID_SIZE])
{
	finding_make_id("n", "b", "r", ENTITY_NODE, "k", draw(seed), ret_id);
}

static double some_number(uint64_t *seed)
{
	static const double numbers[] = {0, -0.0, 1.5, -3e300, 5e-324, INFINITY, NAN};

	return numbers[below(seed, ARRAY_LEN(numbers))];
}

static void fill_entity(struct arena *a, uint64_t *seed, struct finding_entity *e, size_t max_attrs)
{
	e->kind = (enum entity_kind)below(seed, ENTITY_KIND_MAX);
	e->id = words(a, seed);
	e->name = words(a, seed);
	e->n_attrs = length(seed, max_attrs);
	for (size_t i = 0; i < e->n_attrs; i++)
		e->attrs[i] = (struct finding_attr){words(a, seed), words(a, seed)};
}

static void fill_lists(struct finding *f, uint64_t *seed)
{
	struct arena *a = f->arena;

	f->n_affected = length(seed, FINDING_MAX_AFFECTED);
	for (size_t i = 0; i < f->n_affected; i++)
		fill_entity(a, seed, &f->affected[i], 3);
	f->n_because = length(seed, FINDING_MAX_BECAUSE);
	for (size_t i = 0; i < f->n_because; i++)
		some_id(seed, f->because[i]);
	f->n_explains = length(seed, FINDING_MAX_EXPLAINS);
	for (size_t i = 0; i < f->n_explains; i++) {
		f->explains[i].symptom = words(a, seed);
		fill_entity(a, seed, &f->explains[i].subject, 2);
		if (below(seed, 2))
			some_id(seed, f->explains[i].finding);
		f->explains[i].at = draw(seed);
	}
	f->n_evidence = length(seed, FINDING_MAX_EVIDENCE);
	for (size_t i = 0; i < f->n_evidence; i++)
		f->evidence[i] = (struct finding_evidence){
			words(a, seed), words(a, seed), maybe(a, seed), some_number(seed), maybe(a, seed), words(a, seed),
			(enum unit)below(seed, UNIT_MAX), draw(seed), draw(seed), words(a, seed), words(a, seed),
		};
	f->n_ruled_out = length(seed, FINDING_MAX_RULED);
	for (size_t i = 0; i < f->n_ruled_out; i++)
		f->ruled_out[i] = (struct finding_ruled_out){words(a, seed), words(a, seed)};
	f->n_cannot_tell = length(seed, FINDING_MAX_UNKNOWN);
	for (size_t i = 0; i < f->n_cannot_tell; i++)
		f->cannot_tell[i] = (struct finding_unknown){words(a, seed), words(a, seed)};
}

struct finding *sample_finding(uint64_t seed)
{
	struct finding *f = NULL;

	assert_ok(finding_new(&f));
	some_id(&seed, f->id);
	f->revision = 1 + draw(&seed) % 1000;
	f->state = (enum finding_state)below(&seed, FINDING_STATE_MAX);
	f->kind = (enum finding_kind)below(&seed, FINDING_KIND_MAX);
	f->rule = words(f->arena, &seed);
	f->title = words(f->arena, &seed);
	f->severity = (enum severity)below(&seed, SEVERITY_MAX);
	f->confidence = (double)below(&seed, 1001) / 1000;
	f->coverage = (double)below(&seed, 1001) / 1000;
	f->node = words(f->arena, &seed);
	fill_entity(f->arena, &seed, &f->subject, FINDING_MAX_ATTRS);
	fill_lists(f, &seed);
	f->more_affected = below(&seed, 3) ? 0 : below(&seed, 100000);
	f->more_explains = below(&seed, 3) ? 0 : below(&seed, 100000);
	f->opened_at = draw(&seed);
	f->changed_at = draw(&seed) >> 1;
	f->resolved_at = below(&seed, 2) ? draw(&seed) : 0;
	f->resolved_reason = maybe(f->arena, &seed);
	f->remedy.action = (enum remedy_action)below(&seed, REMEDY_ACTION_MAX);
	f->remedy.then = (enum remedy_action)below(&seed, REMEDY_ACTION_MAX);
	f->remedy.text = words(f->arena, &seed);
	f->remedy.n_check = length(&seed, FINDING_MAX_CHECKS);
	for (size_t i = 0; i < f->remedy.n_check; i++)
		f->remedy.check[i] = words(f->arena, &seed);
	f->remedy.automatic = (enum finding_auto)below(&seed, FINDING_AUTO_MAX);
	f->remedy.act = below(&seed, 2);
	f->doc = maybe(f->arena, &seed);
	f->emit_condition = maybe(f->arena, &seed);
	f->emit_reason = maybe(f->arena, &seed);
	f->emit_event = maybe(f->arena, &seed);
	f->rules_digest = words(f->arena, &seed);
	f->simulated = below(&seed, 2);
	f->shadow = below(&seed, 2);
	f->flapping = below(&seed, 2);
	f->count = draw(&seed);
	return f;
}

static void fill_evidence(struct answer *a, uint64_t *seed)
{
	a->n_evidence = 1 + below(seed, 5);
	a->evidence = arena_alloc_array(a->arena, a->n_evidence, sizeof(*a->evidence));
	for (size_t i = 0; i < a->n_evidence; i++)
		a->evidence[i] = (struct answer_evidence){
			words(a->arena, seed), words(a->arena, seed), words(a->arena, seed), words(a->arena, seed),
			(int)below(seed, 3) - 1, some_number(seed), maybe(a->arena, seed),
		};
}

static void fill_lines(struct answer *a, uint64_t *seed)
{
	for (size_t n = below(seed, 20); n > 0; n--) {
		struct answer_line *l = answer_add_line(a);

		*l = (struct answer_line){
			draw(seed),
			words(a->arena, seed),
			words(a->arena, seed),
			words(a->arena, seed),
			words(a->arena, seed),
			maybe(a->arena, seed),
			(enum severity)below(seed, SEVERITY_MAX),
		};
	}
}

static void fill_who(struct answer *a, uint64_t *seed)
{
	for (size_t n = below(seed, 12); n > 0; n--) {
		struct answer_who *w = answer_add_who(a);

		*w = (struct answer_who){
			.role = words(a->arena, seed),
			.kind = (enum entity_kind)below(seed, ENTITY_KIND_MAX),
			.id = words(a->arena, seed),
			.name = words(a->arena, seed),
			.text = words(a->arena, seed),
			.node = words(a->arena, seed),
			.status = words(a->arena, seed),
			.n_attrs = below(seed, ANSWER_WHO_ATTRS + 1),
		};
		for (size_t i = 0; i < w->n_attrs; i++)
			w->attrs[i] = (struct finding_attr){arena_printf(a->arena, "name%zu", i), words(a->arena, seed)};
	}
}

struct answer *sample_answer(uint64_t seed)
{
	struct answer *a = NULL;

	assert_ok(answer_new((enum query_kind)below(&seed, QUERY_KIND_MAX), &a));
	a->status = (enum answer_status)below(&seed, ANSWER_BAD + 1);
	a->message = maybe(a->arena, &seed);
	a->target = words(a->arena, &seed);
	a->node = words(a->arena, &seed);
	a->as_of = draw(&seed);
	a->agent_last_seen = draw(&seed);
	a->agent_version = words(a->arena, &seed);
	a->rules_digest = words(a->arena, &seed);
	a->evaluated = below(&seed, 2);
	a->stale = below(&seed, 2);
	for (size_t n = below(&seed, 8); n > 0; n--) {
		struct finding *f = sample_finding(draw(&seed));

		assert_ok(answer_add_finding(a, &f));
	}
	fill_lines(a, &seed);
	fill_who(a, &seed);
	a->n_unknown = 1 + below(&seed, 4);
	a->unknown = arena_alloc_array(a->arena, a->n_unknown, sizeof(*a->unknown));
	for (size_t i = 0; i < a->n_unknown; i++)
		a->unknown[i] = (struct finding_unknown){words(a->arena, &seed), words(a->arena, &seed)};
	a->n_candidates = 1 + below(&seed, 4);
	a->candidates = arena_alloc_array(a->arena, a->n_candidates, sizeof(*a->candidates));
	for (size_t i = 0; i < a->n_candidates; i++)
		a->candidates[i] = words(a->arena, &seed);
	a->verdict = maybe(a->arena, &seed);
	fill_evidence(a, &seed);
	(void)snprintf(a->next_cursor, sizeof(a->next_cursor), "c%zu", below(&seed, 100));
	a->truncated = below(&seed, 2);
	return a;
}

static void same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a)
		assert_string_equal(a, b);
}

static void same_number(double a, double b)
{
	assert_true((isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof(a)) == 0);
}

static void same_entity(const struct finding_entity *a, const struct finding_entity *b)
{
	assert_int_equal(a->kind, b->kind);
	same_text(a->id, b->id);
	same_text(a->name, b->name);
	assert_int_equal(a->n_attrs, b->n_attrs);
	for (size_t i = 0; i < a->n_attrs; i++) {
		same_text(a->attrs[i].name, b->attrs[i].name);
		same_text(a->attrs[i].value, b->attrs[i].value);
	}
}

static void same_unknown(const struct finding_unknown *a, const struct finding_unknown *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		same_text(a[i].what, b[i].what);
		same_text(a[i].why, b[i].why);
	}
}

static void same_evidence(const struct finding *a, const struct finding *b)
{
	assert_int_equal(a->n_evidence, b->n_evidence);
	for (size_t i = 0; i < a->n_evidence; i++) {
		same_text(a->evidence[i].id, b->evidence[i].id);
		same_text(a->evidence[i].text, b->evidence[i].text);
		same_text(a->evidence[i].metric, b->evidence[i].metric);
		same_number(a->evidence[i].observed, b->evidence[i].observed);
		same_text(a->evidence[i].observed_text, b->evidence[i].observed_text);
		same_text(a->evidence[i].expected, b->evidence[i].expected);
		assert_int_equal(a->evidence[i].unit, b->evidence[i].unit);
		assert_int_equal(a->evidence[i].from, b->evidence[i].from);
		assert_int_equal(a->evidence[i].to, b->evidence[i].to);
		same_text(a->evidence[i].source, b->evidence[i].source);
		same_text(a->evidence[i].role, b->evidence[i].role);
	}
}

static void same_lists(const struct finding *a, const struct finding *b)
{
	assert_int_equal(a->n_affected, b->n_affected);
	for (size_t i = 0; i < a->n_affected; i++)
		same_entity(&a->affected[i], &b->affected[i]);
	assert_int_equal(a->n_because, b->n_because);
	for (size_t i = 0; i < a->n_because; i++)
		assert_string_equal(a->because[i], b->because[i]);
	assert_int_equal(a->n_explains, b->n_explains);
	for (size_t i = 0; i < a->n_explains; i++) {
		same_text(a->explains[i].symptom, b->explains[i].symptom);
		same_entity(&a->explains[i].subject, &b->explains[i].subject);
		assert_string_equal(a->explains[i].finding, b->explains[i].finding);
		assert_int_equal(a->explains[i].at, b->explains[i].at);
	}
	same_evidence(a, b);
	assert_int_equal(a->n_ruled_out, b->n_ruled_out);
	for (size_t i = 0; i < a->n_ruled_out; i++) {
		same_text(a->ruled_out[i].rule, b->ruled_out[i].rule);
		same_text(a->ruled_out[i].reason, b->ruled_out[i].reason);
	}
	assert_int_equal(a->n_cannot_tell, b->n_cannot_tell);
	same_unknown(a->cannot_tell, b->cannot_tell, a->n_cannot_tell);
}

void assert_same_finding(const struct finding *a, const struct finding *b)
{
	assert_string_equal(a->id, b->id);
	assert_int_equal(a->revision, b->revision);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->kind, b->kind);
	same_text(a->rule, b->rule);
	same_text(a->title, b->title);
	assert_int_equal(a->severity, b->severity);
	same_number(a->confidence, b->confidence);
	same_number(a->coverage, b->coverage);
	same_text(a->node, b->node);
	same_entity(&a->subject, &b->subject);
	same_lists(a, b);
	assert_int_equal(a->more_affected, b->more_affected);
	assert_int_equal(a->more_explains, b->more_explains);
	assert_int_equal(a->opened_at, b->opened_at);
	assert_int_equal(a->changed_at, b->changed_at);
	assert_int_equal(a->resolved_at, b->resolved_at);
	same_text(a->resolved_reason, b->resolved_reason);
	assert_int_equal(a->remedy.action, b->remedy.action);
	assert_int_equal(a->remedy.then, b->remedy.then);
	same_text(a->remedy.text, b->remedy.text);
	assert_int_equal(a->remedy.n_check, b->remedy.n_check);
	for (size_t i = 0; i < a->remedy.n_check; i++)
		same_text(a->remedy.check[i], b->remedy.check[i]);
	assert_int_equal(a->remedy.automatic, b->remedy.automatic);
	assert_int_equal(a->remedy.act, b->remedy.act);
	same_text(a->doc, b->doc);
	same_text(a->emit_condition, b->emit_condition);
	same_text(a->emit_reason, b->emit_reason);
	same_text(a->emit_event, b->emit_event);
	same_text(a->rules_digest, b->rules_digest);
	assert_int_equal(a->simulated, b->simulated);
	assert_int_equal(a->shadow, b->shadow);
	assert_int_equal(a->flapping, b->flapping);
	assert_int_equal(a->count, b->count);
}

static void same_who(const struct answer *a, const struct answer *b)
{
	assert_int_equal(a->n_who, b->n_who);
	for (size_t i = 0; i < a->n_who; i++) {
		const struct answer_who *x = &a->who[i], *y = &b->who[i];

		same_text(x->role, y->role);
		assert_int_equal(x->kind, y->kind);
		same_text(x->id, y->id);
		same_text(x->name, y->name);
		same_text(x->text, y->text);
		same_text(x->node, y->node);
		same_text(x->status, y->status);
		assert_int_equal(x->n_attrs, y->n_attrs);
		for (size_t k = 0; k < x->n_attrs; k++) {
			same_text(x->attrs[k].name, y->attrs[k].name);
			same_text(x->attrs[k].value, y->attrs[k].value);
		}
	}
}

static void same_answer_lists(const struct answer *a, const struct answer *b)
{
	same_who(a, b);
	assert_int_equal(a->n_findings, b->n_findings);
	for (size_t i = 0; i < a->n_findings; i++)
		assert_same_finding(a->findings[i], b->findings[i]);
	assert_int_equal(a->n_lines, b->n_lines);
	for (size_t i = 0; i < a->n_lines; i++) {
		assert_int_equal(a->lines[i].at, b->lines[i].at);
		same_text(a->lines[i].what, b->lines[i].what);
		same_text(a->lines[i].subject, b->lines[i].subject);
		same_text(a->lines[i].status, b->lines[i].status);
		same_text(a->lines[i].text, b->lines[i].text);
		same_text(a->lines[i].detail, b->lines[i].detail);
		assert_int_equal(a->lines[i].severity, b->lines[i].severity);
	}
	assert_int_equal(a->n_unknown, b->n_unknown);
	same_unknown(a->unknown, b->unknown, a->n_unknown);
	assert_int_equal(a->n_candidates, b->n_candidates);
	for (size_t i = 0; i < a->n_candidates; i++)
		same_text(a->candidates[i], b->candidates[i]);
	assert_int_equal(a->n_evidence, b->n_evidence);
	for (size_t i = 0; i < a->n_evidence; i++) {
		same_text(a->evidence[i].role, b->evidence[i].role);
		same_text(a->evidence[i].id, b->evidence[i].id);
		same_text(a->evidence[i].text, b->evidence[i].text);
		same_text(a->evidence[i].expected, b->evidence[i].expected);
		assert_int_equal(a->evidence[i].truth, b->evidence[i].truth);
		same_number(a->evidence[i].observed, b->evidence[i].observed);
		same_text(a->evidence[i].why, b->evidence[i].why);
	}
}

void assert_same_answer(const struct answer *a, const struct answer *b)
{
	assert_int_equal(a->query, b->query);
	assert_int_equal(a->status, b->status);
	same_text(a->message, b->message);
	same_text(a->target, b->target);
	same_text(a->node, b->node);
	assert_int_equal(a->as_of, b->as_of);
	assert_int_equal(a->agent_last_seen, b->agent_last_seen);
	same_text(a->agent_version, b->agent_version);
	same_text(a->rules_digest, b->rules_digest);
	assert_int_equal(a->evaluated, b->evaluated);
	assert_int_equal(a->stale, b->stale);
	same_answer_lists(a, b);
	same_text(a->verdict, b->verdict);
	assert_string_equal(a->next_cursor, b->next_cursor);
	assert_int_equal(a->truncated, b->truncated);
}
