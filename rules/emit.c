// SPDX-License-Identifier: Apache-2.0
#include "rules/emit.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "rules/checker.h"

struct emitter {
	struct loader *l;
	const struct expr_place *place;
	enum entity_kind scope;
	bool in_predicate;
	uint64_t event_window_ns, window_ns;
	struct insn code[PROGRAM_MAX_CODE];
	uint32_t n_code, stack, max_stack;
	uint32_t metrics[EMIT_MAX_METRICS];
	uint32_t n_metrics;
	bool too_large;
};

static void emit(struct emitter *e, const struct ast *a);

/* `effect`: what the instruction does to the height of the stack. */
static void put(struct emitter *e, struct insn insn, int effect)
{
	if (e->n_code == PROGRAM_MAX_CODE) {
		e->too_large = true;
		return;
	}
	e->code[e->n_code++] = insn;
	e->stack = (uint32_t)((int)e->stack + effect);
	if (e->stack > e->max_stack)
		e->max_stack = e->stack;
	if (e->stack > PROGRAM_MAX_STACK)
		e->too_large = true;
}

static void reads(struct emitter *e, uint32_t metric, uint64_t window_ns)
{
	e->window_ns = MAX_OF(e->window_ns, window_ns);
	for (uint32_t i = 0; i < e->n_metrics; i++)
		if (e->metrics[i] == metric)
			return;
	if (e->n_metrics == EMIT_MAX_METRICS)
		e->too_large = true;
	else
		e->metrics[e->n_metrics++] = metric;
}

static uint32_t finish(struct emitter *e, const char *source, size_t n_source)
{
	struct loader *l = e->l;
	struct program p = { .n_code = e->n_code, .max_stack = e->max_stack, .scope = e->scope,
			     .n_metrics = e->n_metrics };
	struct insn *code = loader_alloc(l, e->n_code, sizeof(*code));
	uint32_t *metrics = loader_alloc(l, e->n_metrics, sizeof(*metrics)), index;

	p.source = arena_strndup(l->arena, source, n_source);
	if (!code || !metrics || !p.source) {
		l->out_of_memory = true;
		return PROGRAM_NONE;
	}
	memcpy(code, e->code, e->n_code * sizeof(*code));
	if (e->n_metrics)
		memcpy(metrics, e->metrics, e->n_metrics * sizeof(*metrics));
	p.code = code;
	p.metrics = metrics;
	if (list_add(&l->programs, l->arena, &p, &index) < 0) {
		l->out_of_memory = true;
		return PROGRAM_NONE;
	}
	return index;
}

/* A program of its own for an inner condition; the outer one reads its metrics too. */
static uint32_t emit_inner(struct emitter *outer, const struct ast *a, enum entity_kind scope, bool in_predicate)
{
	struct emitter *e = arena_alloc(outer->l->scratch, sizeof(*e));
	uint32_t index;

	if (!e) {
		outer->l->out_of_memory = true;
		return PROGRAM_NONE;
	}
	e->l = outer->l;
	e->place = outer->place;
	e->scope = scope;
	e->in_predicate = in_predicate;
	e->event_window_ns = outer->event_window_ns;
	emit(e, a);
	outer->too_large |= e->too_large;
	for (uint32_t i = 0; i < e->n_metrics; i++)
		reads(outer, e->metrics[i], e->window_ns);
	index = e->too_large ? PROGRAM_NONE : finish(e, outer->place->at->text + outer->place->base + a->offset,
						     a->length);
	return index;
}

static void emit_name(struct emitter *e, const struct ast *a)
{
	struct insn insn = { .a = a->metric };

	switch (a->ref) {
	case REF_METRIC:
		insn.op = OP_METRIC;
		reads(e, a->metric, 0);
		break;
	case REF_EVENT:
	case REF_EVENT_FIELD:
		insn.op = a->ref == REF_EVENT ? OP_EVENT_CODE : OP_EVENT_FIELD;
		insn.b = a->field;
		insn.c = e->in_predicate;
		insn.number = e->in_predicate ? 0 : (double)e->event_window_ns;
		reads(e, a->metric, e->in_predicate ? 0 : e->event_window_ns);
		break;
	case REF_PARAM:
		insn.op = OP_PARAM;
		break;
	default:
		insn = (struct insn){ .op = OP_ATTR, .a = a->about, .b = a->type == TYPE_NUMBER, .text = a->attr };
		break;
	}
	put(e, insn, 1);
}

/* fn over a metric; a rate or slope of nanoseconds becomes seconds a second. */
static void emit_metric_window(struct emitter *e, const struct ast *call, const struct ast *metric)
{
	static const enum series_fn fns[] = {
		[FUNCTION_AVG] = SERIES_AVG, [FUNCTION_MIN] = SERIES_MIN, [FUNCTION_MAX_OF] = SERIES_MAX,
			[FUNCTION_SLOPE] = SERIES_SLOPE,
		[FUNCTION_P50] = SERIES_P50, [FUNCTION_P95] = SERIES_P95, [FUNCTION_P99] = SERIES_P99,
	};
	struct insn insn = { .a = metric->metric, .number = (double)call->window_ns };
	bool per_second = call->function == FUNCTION_RATE || call->function == FUNCTION_SLOPE;

	if (call->function == FUNCTION_RATE || call->function == FUNCTION_INCREASE) {
		insn.op = call->function == FUNCTION_RATE ? OP_RATE : OP_INCREASE;
	} else {
		insn.op = OP_WINDOW;
		insn.b = fns[call->function];
	}
	reads(e, metric->metric, call->window_ns);
	put(e, insn, 1);
	if (per_second && metric->unit == UNIT_NS) {
		put(e, (struct insn){ .op = OP_NUMBER, .number = 1e9 }, 1);
		put(e, (struct insn){ .op = OP_DIVIDE }, -1);
	}
}

/* f(x + c): a rate, increase or slope of the constant is nothing, a mean of it is itself. */
static void emit_linear(struct emitter *e, const struct ast *call, const struct ast *a)
{
	const struct ast *x = a->first, *y = x ? x->next : NULL;

	if (a->kind == AST_NAME && a->ref == REF_METRIC) {
		emit_metric_window(e, call, a);
	} else if (checker_is_constant(a)) {
		if (call->function == FUNCTION_AVG)
			emit(e, a);
		else
			put(e, (struct insn){ .op = OP_NUMBER }, 1);
	} else if (a->kind == AST_UNARY) {
		emit_linear(e, call, x);
		put(e, (struct insn){ .op = OP_NEGATE }, 0);
	} else {
		bool is_factor = a->op == OP_MULTIPLY || a->op == OP_DIVIDE;

		if (is_factor && checker_is_constant(x))
			emit(e, x);
		else
			emit_linear(e, call, x);
		if (is_factor && checker_is_constant(y))
			emit(e, y);
		else
			emit_linear(e, call, y);
		put(e, (struct insn){ .op = a->op }, -1);
	}
}

static void emit_count(struct emitter *e, const struct ast *a)
{
	const struct ast *subject = a->first;
	struct insn insn = { .op = OP_COUNT, .a = a->metric, .b = PROGRAM_NONE, .number = (double)a->window_ns };

	if (subject->kind == AST_CALL) {
		put(e, (struct insn){ .op = OP_FINDING_COUNT, .text = loader_strdup(e->l, subject->first->text),
				      .number = (double)a->window_ns }, 1);
		return;
	}
	if (!(subject->kind == AST_NAME && subject->ref == REF_EVENT)) {
		insn.b = emit_inner(e, subject, e->scope, true);
		if (insn.b == PROGRAM_NONE)
			e->too_large = true; /* never counts all events where some were meant */
	}
	reads(e, a->metric, a->window_ns);
	put(e, insn, 1);
}

static void emit_entities(struct emitter *e, const struct ast *a)
{
	const struct ast *condition = a->first->next;
	bool peers = a->function == FUNCTION_PEERS;
	struct insn insn = { .op = peers ? OP_PEERS : OP_COUNT_ENTITIES, .a = a->about, .b = peers ? 0 : a->field };

	if (peers)
		condition = condition->next;
	insn.c = emit_inner(e, condition, peers ? e->scope : a->about, false);
	if (insn.c == PROGRAM_NONE)
		e->too_large = true;
	put(e, insn, 1);
}

static void emit_method(struct emitter *e, const struct ast *a)
{
	static const enum opcode ops[] = {
		[FUNCTION_HAS] = OP_HAS, [FUNCTION_STARTS_WITH] = OP_STARTS_WITH, [FUNCTION_ENDS_WITH] = OP_ENDS_WITH,
		[FUNCTION_CONTAINS] = OP_CONTAINS, [FUNCTION_MATCHES] = OP_MATCHES,
	};

	emit(e, a->receiver);
	if (a->function == FUNCTION_MATCHES) {
		put(e, (struct insn){ .op = OP_MATCHES, .b = a->field }, 0);
		return;
	}
	emit(e, a->first);
	put(e, (struct insn){ .op = ops[a->function] }, -1);
}

static void emit_call(struct emitter *e, const struct ast *a)
{
	struct insn insn = { .a = a->metric, .number = (double)a->window_ns };

	switch (a->function) {
	case FUNCTION_COUNT:
		emit_count(e, a);
		return;
	case FUNCTION_COUNT_ENTITIES:
	case FUNCTION_PEERS:
		emit_entities(e, a);
		return;
	case FUNCTION_FINDING:
		put(e, (struct insn){ .op = OP_FINDING_COUNT, .text = loader_strdup(e->l, a->first->text) }, 1);
		put(e, (struct insn){ .op = OP_NUMBER }, 1);
		put(e, (struct insn){ .op = OP_GREATER }, -1);
		return;
	case FUNCTION_RATIO:
		insn.op = OP_RATIO;
		insn.a = a->first->metric;
		insn.b = a->first->next->metric;
		reads(e, insn.a, a->window_ns);
		reads(e, insn.b, a->window_ns);
		put(e, insn, 1);
		return;
	case FUNCTION_LAST:
	case FUNCTION_CHANGED:
	case FUNCTION_STALE:
	case FUNCTION_ABSENT:
		insn.op = a->function == FUNCTION_LAST ? OP_METRIC : a->function == FUNCTION_CHANGED ? OP_CHANGED
			: a->function == FUNCTION_STALE ? OP_STALE : OP_ABSENT;
		reads(e, a->metric, a->window_ns);
		put(e, insn, 1);
		return;
	default:
		if (a->receiver)
			emit_method(e, a);
		else
			emit_linear(e, a, a->first);
		return;
	}
}

static void emit_binary(struct emitter *e, const struct ast *a)
{
	emit(e, a->first);
	if (a->op == OP_IN) {
		for (const struct ast *member = a->first->next->first; member; member = member->next)
			emit(e, member);
		put(e, (struct insn){ .op = OP_IN, .a = a->first->next->n_children }, -(int)a->first->next->n_children);
		return;
	}
	emit(e, a->first->next);
	put(e, (struct insn){ .op = a->op }, -1);
}

static void emit(struct emitter *e, const struct ast *a)
{
	if (e->too_large)
		return;
	switch (a->kind) {
	case AST_NUMBER:
		put(e, (struct insn){ .op = OP_NUMBER, .number = a->number }, 1);
		break;
	case AST_TEXT:
		put(e, (struct insn){ .op = OP_TEXT, .text = loader_strdup(e->l, a->text) }, 1);
		break;
	case AST_BOOL:
		put(e, (struct insn){ .op = OP_BOOL, .a = a->number != 0 }, 1);
		break;
	case AST_NAME:
		emit_name(e, a);
		break;
	case AST_CALL:
		emit_call(e, a);
		break;
	case AST_UNARY:
		emit(e, a->first);
		put(e, (struct insn){ .op = a->op }, 0);
		break;
	case AST_BINARY:
		emit_binary(e, a);
		break;
	case AST_LIST:
		break;
	}
}

uint32_t emit_program(struct loader *l, const struct expr_place *place, const struct ast *a, const char *source,
		      size_t n_source,
		      uint64_t event_window_ns, struct emitted *ret_emitted)
{
	struct emitter *e = arena_alloc(l->scratch, sizeof(*e));

	if (!e) {
		l->out_of_memory = true;
		return PROGRAM_NONE;
	}
	e->l = l;
	e->place = place;
	e->scope = place->scope;
	e->event_window_ns = event_window_ns;
	emit(e, a);
	if (e->too_large) {
		loader_error(l, RULES_E215, place->at, place->base, n_source, "split it into several items",
			     "the expression is too large");
		return PROGRAM_NONE;
	}
	if (ret_emitted)
		*ret_emitted = (struct emitted){ .window_ns = e->window_ns,
						 .first_metric = e->n_metrics ? e->metrics[0] : METRIC_NONE };
	return finish(e, source, n_source);
}
