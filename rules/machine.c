/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/machine.h"

#include <ctype.h>
#include <math.h>
#include <regex.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rules/relative.h"
#include "rules/walk.h"

struct stack {
	struct value v[PROGRAM_MAX_STACK];
	uint32_t n;
};

struct run {
	struct machine *m;
	const struct program *p;
	entity_id entity;
	const struct event *event;
	struct stack stack;
};

static struct value value_number(double x)
{
	return isfinite(x) ? (struct value){.type = VALUE_NUMBER, .number = x} : (struct value){VALUE_UNKNOWN, {0}};
}

static struct value value_bool(bool x)
{
	return (struct value){.type = VALUE_BOOL, .truth = x};
}

static struct value value_text(const char *x)
{
	return x ? (struct value){.type = VALUE_TEXT, .text = x} : (struct value){VALUE_UNKNOWN, {0}};
}

static struct value value_truth(enum truth t)
{
	return t == TRUTH_UNKNOWN ? (struct value){VALUE_UNKNOWN, {0}} : value_bool(t == TRUTH_TRUE);
}

enum truth truth_of(struct value v)
{
	switch (v.type) {
	case VALUE_BOOL:
		return v.truth ? TRUTH_TRUE : TRUTH_FALSE;
	case VALUE_NUMBER:
		return v.number != 0 ? TRUTH_TRUE : TRUTH_FALSE;
	default:
		return TRUTH_UNKNOWN;
	}
}

enum truth truth_and(enum truth a, enum truth b)
{
	if (a == TRUTH_FALSE || b == TRUTH_FALSE)
		return TRUTH_FALSE;
	return a == TRUTH_TRUE && b == TRUTH_TRUE ? TRUTH_TRUE : TRUTH_UNKNOWN;
}

enum truth truth_not(enum truth a)
{
	return a == TRUTH_UNKNOWN ? a : a == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

static struct value unknown(struct machine *m, uint32_t metric, const char *name, const char *why)
{
	if (!m->missing.why)
		m->missing = (struct machine_missing){.metric = metric, .name = name, .why = why};
	return (struct value){VALUE_UNKNOWN, {0}};
}

static struct value pop(struct stack *s)
{
	return s->v[--s->n];
}

static void push(struct stack *s, struct value v)
{
	s->v[s->n++] = v;
}

static entity_id relative_of(struct run *r, enum entity_kind kind)
{
	return kind == r->p->scope ? r->entity : relative_nearest(r->m->graph, r->entity, kind);
}

static entity_id entity_of(struct run *r, uint32_t metric)
{
	return relative_of(r, metrics_at(r->m->metrics, metric)->about);
}

/* ---- readings ---- */

static struct value read_metric(struct run *r, const struct insn *i)
{
	struct machine *m = r->m;
	entity_id id = entity_of(r, i->a);
	uint64_t age = i->number > 0 ? (uint64_t)i->number : m->fresh_ns;
	double value;
	mono_ns_t at;

	if (id == ENTITY_NONE)
		return unknown(m, i->a, NULL, "there is nothing that it could be read of");
	if (!series_last(m->series, i->a, id, m->now, age, &value, &at))
		return unknown(m, i->a, NULL,
			       m->blind && m->blind[i->a] ? "its collector is blind" : "no fresh sample");
	return value_number(value);
}

static const struct event *event_of(struct run *r, const struct insn *i)
{
	const struct event *newest = NULL;
	entity_id id;

	if (i->c)
		return r->event && r->event->metric == i->a ? r->event : NULL;
	id = entity_of(r, i->a);
	if (id == ENTITY_NONE || series_events(r->m->series, i->a, id, r->m->now, (uint64_t)i->number, &newest, 1) == 0)
		return NULL;
	return newest;
}

static struct value read_event(struct run *r, const struct insn *i)
{
	const struct event *e = event_of(r, i);
	struct value v;

	if (!e)
		return unknown(r->m, i->a, NULL, "no such event");
	if (i->op == OP_EVENT_CODE)
		return value_number(e->code);
	if (i->b >= e->n_values)
		return unknown(r->m, i->a, NULL, "the event does not say");
	v = e->values[i->b].text ? value_text(e->values[i->b].text) : value_number(e->values[i->b].number);
	return v.type == VALUE_UNKNOWN ? unknown(r->m, i->a, NULL, "the event does not say") : v;
}

static struct value read_attr(struct run *r, const struct insn *i)
{
	struct machine *m = r->m;
	entity_id id = relative_of(r, (enum entity_kind)i->a);
	const char *text;
	double number;

	if (id == ENTITY_NONE)
		return unknown(m, METRIC_NONE, i->text, "there is nothing that it could be read of");
	if (strcmp(i->text, "name") == 0) {
		char *name = m->names[m->next_name++ % MACHINE_NAMES];

		graph_describe(m->graph, id, name, sizeof(m->names[0]));
		return value_text(name);
	}
	text = strcmp(i->text, "key") == 0 ? graph_key(m->graph, id) : graph_attr(m->graph, id, i->text);
	if (!text)
		return unknown(m, METRIC_NONE, i->text, "the attribute is not known");
	if (i->b && text_parse_double(text, &number) == 0)
		return value_number(number);
	return value_text(text);
}

static struct value read_count(struct run *r, const struct insn *i)
{
	struct machine *m = r->m;
	const struct event *events[SERIES_MAX_EVENTS];
	entity_id id = entity_of(r, i->a);
	size_t n, counted = 0;

	if (id == ENTITY_NONE)
		return unknown(m, i->a, NULL, "there is nothing that it could be read of");
	if (i->b == PROGRAM_NONE) {
		counted = series_event_total(m->series, i->a, id, m->now, (uint64_t)i->number);
	} else {
		n = series_events(m->series, i->a, id, m->now, (uint64_t)i->number, events, SERIES_MAX_EVENTS);
		for (size_t k = 0; k < MIN_OF(n, (size_t)SERIES_MAX_EVENTS); k++)
			counted += truth_of(machine_run(m, i->b, r->entity, events[k])) == TRUTH_TRUE;
	}
	if (counted == 0 && m->blind && m->blind[i->a])
		return unknown(m, i->a, NULL, "its collector is blind");
	return value_number((double)counted);
}

static bool window_anew(struct machine *m, const struct insn *i, uint32_t metric, entity_id id, double *ret_value)
{
	uint64_t window_ns = (uint64_t)i->number, span;

	if (i->op == OP_WINDOW)
		return series_window(m->series, (enum series_fn)i->b, metric, id, m->now, window_ns, ret_value);
	if (!series_increase(m->series, metric, id, m->now, window_ns, ret_value, &span))
		return false;
	if (i->op == OP_RATE)
		*ret_value = *ret_value * (double)NS_PER_S / (double)span;
	return i->op != OP_RATE || span > 0;
}

/* OP_WINDOW, OP_RATE, or (for OP_INCREASE and each side of OP_RATIO) the growth. */
static bool window_of(struct run *r, const struct insn *i, uint32_t metric, double *ret_value)
{
	struct machine *m = r->m;
	entity_id id = entity_of(r, metric);
	uint16_t op = i->op == OP_WINDOW || i->op == OP_RATE ? (uint16_t)i->op : OP_INCREASE;
	uint16_t fn = i->op == OP_WINDOW ? (uint16_t)i->b : 0;
	uint64_t window_ns = (uint64_t)i->number;
	struct machine_memo *memo;

	if (id == ENTITY_NONE)
		return false;
	if (!m->memo)
		return window_anew(m, i, metric, id, ret_value);
	memo = &m->memo[((id * 0x9e3779b1u) ^ (metric * 0x85ebca6bu) ^ (uint32_t)(window_ns >> 20) ^ fn ^ op) &
			(MACHINE_MEMO - 1)];
	if (memo->epoch != m->epoch || memo->entity != id || memo->metric != metric || memo->window_ns != window_ns ||
	    memo->op != op || memo->fn != fn) {
		*memo = (struct machine_memo){
			.epoch = m->epoch, .window_ns = window_ns, .entity = id, .metric = metric, .op = op, .fn = fn};
		memo->known = window_anew(m, i, metric, id, &memo->value);
	}
	*ret_value = memo->value;
	return memo->known;
}

static struct value read_window(struct run *r, const struct insn *i)
{
	double x, below;

	if (!window_of(r, i, i->a, &x))
		return unknown(r->m, i->a, NULL, "too few samples in the window");
	if (i->op != OP_RATIO)
		return value_number(x);
	if (!window_of(r, i, i->b, &below))
		return unknown(r->m, i->b, NULL, "too few samples in the window");
	return below > 0 ? value_number(x / below) : unknown(r->m, i->b, NULL, "it did not grow in the window");
}

static struct value read_changed(struct run *r, const struct insn *i)
{
	entity_id id = entity_of(r, i->a);
	bool changed;

	if (id == ENTITY_NONE || !series_changed(r->m->series, i->a, id, r->m->now, (uint64_t)i->number, &changed))
		return unknown(r->m, i->a, NULL, "too few samples in the window");
	return value_bool(changed);
}

static struct value read_presence(struct run *r, const struct insn *i)
{
	entity_id id = entity_of(r, i->a);
	uint64_t age = i->op == OP_STALE ? (uint64_t)i->number : UINT64_MAX;
	double x;
	mono_ns_t at;

	return value_bool(id == ENTITY_NONE || !series_last(r->m->series, i->a, id, r->m->now, age, &x, &at));
}

/* ---- other entities ---- */

static struct value count_true(struct machine *m, const struct insn *i, const entity_id *ids, size_t n)
{
	size_t counted = 0, undecided = 0;

	for (size_t k = 0; k < n; k++) {
		enum truth t = truth_of(machine_run(m, i->c, ids[k], NULL));

		counted += t == TRUTH_TRUE;
		undecided += t == TRUTH_UNKNOWN;
	}
	if (counted == 0 && undecided > 0)
		return (struct value){VALUE_UNKNOWN, {0}};
	return value_number((double)counted);
}

static struct value count_entities(struct run *r, const struct insn *i)
{
	entity_id ids[WALK_MAX];
	size_t n = walk_path(r->m->graph, &r->m->ruleset->paths[i->b], r->entity, ids, WALK_MAX);

	return count_true(r->m, i, ids, n);
}

static struct value count_peers(struct run *r, const struct insn *i)
{
	const struct graph *g = r->m->graph;
	entity_id shared = relative_of(r, (enum entity_kind)i->a);
	entity_id ids[WALK_MAX];
	size_t n = 0, cursor = 0;

	if (shared == ENTITY_NONE)
		return unknown(r->m, METRIC_NONE, entity_kind_name((enum entity_kind)i->a), "it is in none");
	for (entity_id id = graph_next(g, r->p->scope, &cursor); id != ENTITY_NONE && n < WALK_MAX;
	     id = graph_next(g, r->p->scope, &cursor))
		if (id != r->entity && relative_nearest(g, id, (enum entity_kind)i->a) == shared)
			ids[n++] = id;
	return count_true(r->m, i, ids, n);
}

static struct value count_findings(struct run *r, const struct insn *i)
{
	return value_number(r->m->findings ? r->m->findings(r->m->findings_arg, i->text, (uint64_t)i->number) : 0);
}

/* ---- what works on the stack ---- */

static struct value calculate(enum opcode op, struct value a, struct value b)
{
	if (a.type != VALUE_NUMBER || b.type != VALUE_NUMBER)
		return (struct value){VALUE_UNKNOWN, {0}};
	switch (op) {
	case OP_ADD:
		return value_number(a.number + b.number);
	case OP_SUBTRACT:
		return value_number(a.number - b.number);
	case OP_MULTIPLY:
		return value_number(a.number * b.number);
	case OP_DIVIDE: /* x/0 is infinite or NaN, and so unknown */
		return value_number(a.number / b.number);
	default:
		return value_number(fmod(a.number, b.number));
	}
}

static enum truth equals(struct value a, struct value b)
{
	if (a.type != b.type)
		return TRUTH_UNKNOWN;
	switch (a.type) {
	case VALUE_BOOL:
		return a.truth == b.truth;
	case VALUE_NUMBER:
		return a.number == b.number;
	case VALUE_TEXT:
		return strcmp(a.text, b.text) == 0;
	default:
		return TRUTH_UNKNOWN;
	}
}

static enum truth compare(enum opcode op, struct value a, struct value b)
{
	if (op == OP_EQUAL)
		return equals(a, b);
	if (op == OP_NOT_EQUAL)
		return truth_not(equals(a, b));
	if (a.type != VALUE_NUMBER || b.type != VALUE_NUMBER)
		return TRUTH_UNKNOWN;
	switch (op) {
	case OP_LESS:
		return a.number < b.number;
	case OP_LESS_EQUAL:
		return a.number <= b.number;
	case OP_GREATER:
		return a.number > b.number;
	default:
		return a.number >= b.number;
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = strstr(text, word); at && n > 0; at = strstr(at + 1, word))
		if ((at == text || !is_word(at[-1])) && !is_word(at[n]))
			return true;
	return false;
}

static enum truth match_text(enum opcode op, struct value subject, struct value argument)
{
	size_t n, k;

	if (subject.type != VALUE_TEXT || argument.type != VALUE_TEXT)
		return TRUTH_UNKNOWN;
	n = strlen(subject.text);
	k = strlen(argument.text);
	if (op == OP_STARTS_WITH)
		return strncmp(subject.text, argument.text, k) == 0;
	if (op == OP_HAS)
		return has_word(subject.text, argument.text);
	if (op == OP_ENDS_WITH)
		return n >= k && strcmp(subject.text + n - k, argument.text) == 0;
	return strstr(subject.text, argument.text) != NULL;
}

static struct value find_in(struct stack *s, uint32_t n_candidates)
{
	struct value needle = s->v[s->n - n_candidates - 1];
	enum truth found = TRUTH_FALSE;

	for (uint32_t i = 0; i < n_candidates && found != TRUTH_TRUE; i++) {
		enum truth t = equals(needle, s->v[s->n - n_candidates + i]);

		found = t == TRUTH_FALSE ? found : t;
	}
	s->n -= n_candidates + 1;
	return value_truth(found);
}

static struct value match_regex(struct run *r, const struct insn *i, struct value subject)
{
	if (subject.type != VALUE_TEXT)
		return (struct value){VALUE_UNKNOWN, {0}};
	return value_bool(regexec((const regex_t *)r->m->ruleset->regexes[i->b], subject.text, 0, NULL, 0) == 0);
}

static struct value operate(struct run *r, const struct insn *i)
{
	struct stack *s = &r->stack;
	struct value a, b;

	switch (i->op) {
	case OP_NOT:
		return value_truth(truth_not(truth_of(pop(s))));
	case OP_NEGATE:
		a = pop(s);
		return a.type == VALUE_NUMBER ? value_number(-a.number) : (struct value){VALUE_UNKNOWN, {0}};
	case OP_IN:
		return find_in(s, i->a);
	case OP_MATCHES:
		return match_regex(r, i, pop(s));
	default:
		break;
	}
	b = pop(s);
	a = pop(s);
	switch (i->op) {
	case OP_ADD ... OP_MODULO:
		return calculate(i->op, a, b);
	case OP_LESS ... OP_NOT_EQUAL:
		return value_truth(compare(i->op, a, b));
	case OP_AND:
		return value_truth(truth_and(truth_of(a), truth_of(b)));
	case OP_OR:
		return value_truth(truth_not(truth_and(truth_not(truth_of(a)), truth_not(truth_of(b)))));
	default:
		return value_truth(match_text(i->op, a, b));
	}
}

static struct value step(struct run *r, const struct insn *i)
{
	switch (i->op) {
	case OP_NUMBER:
		return value_number(i->number);
	case OP_TEXT:
		return value_text(i->text);
	case OP_BOOL:
		return value_bool(i->a != 0);
	case OP_UNKNOWN:
		return unknown(r->m, METRIC_NONE, NULL, i->text ? i->text : "not known");
	case OP_METRIC:
		return read_metric(r, i);
	case OP_EVENT_CODE:
	case OP_EVENT_FIELD:
		return read_event(r, i);
	case OP_ATTR:
		return read_attr(r, i);
	case OP_PARAM:
		return r->m->ruleset->params[i->a];
	case OP_COUNT:
		return read_count(r, i);
	case OP_RATE:
	case OP_INCREASE:
	case OP_RATIO:
	case OP_WINDOW:
		return read_window(r, i);
	case OP_CHANGED:
		return read_changed(r, i);
	case OP_STALE:
	case OP_ABSENT:
		return read_presence(r, i);
	case OP_COUNT_ENTITIES:
		return count_entities(r, i);
	case OP_PEERS:
		return count_peers(r, i);
	case OP_FINDING_COUNT:
		return count_findings(r, i);
	default:
		return operate(r, i);
	}
}

struct value machine_run(struct machine *m, uint32_t program, entity_id entity, const struct event *event)
{
	const struct program *p = &m->ruleset->programs[program];
	struct run r;

	r.m = m;
	r.p = p;
	r.entity = entity;
	r.event = event;
	r.stack.n = 0; /* its values are written before they are read: machine_verify */
	if (m->depth == 0) {
		m->missing = (struct machine_missing){.metric = METRIC_NONE};
		m->last_step = m->n_steps + MACHINE_MAX_STEPS;
	}
	if (m->depth >= MACHINE_MAX_DEPTH)
		return unknown(m, METRIC_NONE, NULL, "conditions nest too deep");
	m->n_programs++;
	m->depth++;
	for (uint32_t i = 0; i < p->n_code && m->n_steps < m->last_step; i++, m->n_steps++)
		push(&r.stack, step(&r, &p->code[i]));
	m->depth--;
	if (m->n_steps >= m->last_step)
		return unknown(m, METRIC_NONE, NULL, "too much to look at");
	return pop(&r.stack);
}

enum truth machine_truth(struct machine *m, uint32_t program, entity_id entity)
{
	return program == PROGRAM_NONE ? TRUTH_TRUE : truth_of(machine_run(m, program, entity, NULL));
}
