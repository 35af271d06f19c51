// SPDX-License-Identifier: Apache-2.0
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "model/graph.h"
#include "rules/checker.h"
#include "rules/path.h"

#define MAX_INNER       3 /* one less than MACHINE_MAX_DEPTH */
#define MAX_REGEX_BYTES 128
#define MAX_REGEX_REPEAT 256 /* product of all bounds {n,m}: glibc copies the automaton so often */

static struct ast *argument(const struct ast *call, unsigned i)
{
	struct ast *a = call->first;

	while (a && i--)
		a = a->next;
	return a;
}

static bool check_window(struct checker *c, struct ast *call, struct ast *window)
{
	if (!window || window->kind != AST_NUMBER || window->unit != UNIT_NS)
		return checker_fail(c, RULES_E210, window ? window : call, function_at(call->function)->usage,
				    "%s() needs a window, a plain time such as 5m",
				    call->text);
	if (window->number < 1e6 || window->number > (double)RULESET_MAX_WINDOW_NS)
		return checker_fail(c, RULES_E210, window, "between 1ms and 24h", "the window is out of range");
	call->window_ns = (uint64_t)window->number;
	window->type = TYPE_NUMBER;
	return true;
}

static bool check_metric_kind(struct checker *c, const struct ast *call, const struct ast *a, bool want_counter)
{
	const struct metric_desc *desc = metrics_at(c->l->metrics, a->metric);

	if (desc->kind == METRIC_EVENT)
		return checker_fail(c, RULES_E209, a, "use count(EVENT, 5m)", "%s() does not work on events",
				    call->text);
	if (want_counter && desc->kind != METRIC_COUNTER)
		return checker_fail(c, RULES_E209, a, "use avg(), min(), max() or slope()",
				    "%s() needs a counter, '%s' is a %s", call->text, desc->name,
				    metric_kind_name(desc->kind));
	if (!want_counter && desc->kind == METRIC_COUNTER)
		return checker_fail(c, RULES_E209, a, "use rate() or increase()",
				    "%s() needs a gauge, '%s' is a counter", call->text, desc->name);
	if (!want_counter && desc->kind == METRIC_STATE)
		return checker_fail(c, RULES_E209, a, "use changed() or compare the state",
				    "%s() needs a gauge, '%s' is a state", call->text, desc->name);
	return true;
}

/* What a window function is taken of: a metric, or sums, differences and constant multiples of metrics. */
static bool check_linear(struct checker *c, const struct ast *call, struct ast *a, bool want_counter, bool allow_sums)
{
	if (a->kind == AST_NAME && a->ref == REF_METRIC)
		return check_metric_kind(c, call, a, want_counter);
	if (a->kind == AST_NAME && (a->ref == REF_EVENT || a->ref == REF_EVENT_FIELD))
		return check_metric_kind(c, call, a, want_counter);
	if (allow_sums && a->kind == AST_UNARY && a->op == OP_NEGATE)
		return check_linear(c, call, a->first, want_counter, true);
	if (allow_sums && a->kind == AST_BINARY) {
		struct ast *x = a->first, *y = x->next;
		bool sum = a->op == OP_ADD || a->op == OP_SUBTRACT;

		if (sum && checker_is_constant(x))
			return check_linear(c, call, y, want_counter, true);
		if ((sum || a->op == OP_MULTIPLY || a->op == OP_DIVIDE) && checker_is_constant(y))
			return check_linear(c, call, x, want_counter, true);
		if (a->op == OP_MULTIPLY && checker_is_constant(x))
			return check_linear(c, call, y, want_counter, true);
		if (sum)
			return check_linear(c, call, x, want_counter, true) &&
				check_linear(c, call, y, want_counter, true);
	}
	return checker_fail(c, RULES_E218, a,
			    allow_sums ? "only a metric, or sums, differences and constant multiples of metrics"
				    : "only a metric itself",
			    "%s() cannot be taken of this", call->text);
}

static bool call_window(struct checker *c, struct ast *a, bool want_counter, bool allow_sums)
{
	struct ast *subject = argument(a, 0);

	if (!checker_check(c, subject) || !check_linear(c, a, subject, want_counter, allow_sums) ||
	    !check_window(c, a, argument(a, 1)))
		return false;
	a->type = TYPE_NUMBER;
	a->unit = subject->unit;
	if (a->unit == UNIT_NS && (a->function == FUNCTION_RATE || a->function == FUNCTION_SLOPE))
		a->unit = UNIT_RATIO; /* seconds per second */
	return true;
}

/* One more condition inside a condition. */
static bool go_in(struct checker *c, const struct ast *a)
{
	if (c->inner == MAX_INNER)
		return checker_fail(c, RULES_E215, a, NULL, "conditions nest at most %d deep", MAX_INNER);
	c->inner++;
	return true;
}

static bool call_count(struct checker *c, struct ast *a)
{
	struct ast *subject = argument(a, 0);
	bool outer = c->in_predicate, fine;

	if (subject->kind == AST_CALL && !subject->receiver && strcmp(subject->text, "finding") == 0) {
		if (!checker_check(c, subject) || !check_window(c, a, argument(a, 1)))
			return false;
		a->type = TYPE_NUMBER;
		return true;
	}
	if (outer)
		return checker_fail(c, RULES_E208, a, NULL, "count() within count()");
	if (!go_in(c, a))
		return false;
	c->in_predicate = true;
	c->predicate_metric = METRIC_NONE;
	fine = checker_check(c, subject);
	if (fine && c->predicate_metric == METRIC_NONE)
		fine =
			checker_fail(c, RULES_E209, subject,
				     "count() counts events; use rate() or avg() for other metrics",
				     "no event is named here");
	a->metric = c->predicate_metric;
	if (fine && !(subject->kind == AST_NAME && subject->ref == REF_EVENT))
		fine = checker_want_bool(c, subject);
	c->in_predicate = false;
	c->inner--;
	a->type = TYPE_NUMBER;
	return fine && check_window(c, a, argument(a, 1));
}

static bool check_plain_metric(struct checker *c, const struct ast *call, struct ast *a, bool want_counter)
{
	if (!checker_check(c, a))
		return false;
	if (a->ref != REF_METRIC)
		return checker_fail(c, a->ref == REF_EVENT ? RULES_E209 : RULES_E218, a,
				    function_at(call->function)->usage, "%s() needs a metric%s", call->text,
				    a->ref == REF_EVENT ? ", not events" : "");
	return !want_counter || check_metric_kind(c, call, a, true);
}

static bool call_ratio(struct checker *c, struct ast *a)
{
	struct ast *x = argument(a, 0), *y = argument(a, 1);

	if (!check_plain_metric(c, a, x, true) || !check_plain_metric(c, a, y, true) ||
	    !check_window(c, a, argument(a, 2)))
		return false;
	a->type = TYPE_NUMBER;
	a->unit = UNIT_RATIO;
	return true;
}

static bool call_metric(struct checker *c, struct ast *a)
{
	struct ast *subject = argument(a, 0);

	if (!check_plain_metric(c, a, subject, false))
		return false;
	if (a->n_children > 1 && !check_window(c, a, argument(a, 1)))
		return false;
	a->type = a->function == FUNCTION_LAST ? subject->type : TYPE_BOOL;
	a->unit = subject->unit;
	a->metric = subject->metric;
	if (a->function == FUNCTION_LAST)
		a->ref = REF_METRIC; /* compares like the metric itself: states by name */
	return true;
}

/* An argument that is a kind of entity. */
static bool check_kind(struct checker *c, struct ast *a, enum entity_kind *ret_kind)
{
	if (a->kind == AST_NAME && entity_kind_parse(a->text, ret_kind) == 0)
		return true;
	return checker_fail(c, RULES_E208, a, a->kind == AST_NAME ? field_nearest_kind(c->l, a->text) : NULL,
			    "a kind of entity was expected here");
}

static bool check_in_scope(struct checker *c, struct ast *condition, enum entity_kind scope)
{
	enum entity_kind outer = c->scope;
	bool fine;

	if (!go_in(c, condition))
		return false;
	c->scope = scope;
	fine = checker_check(c, condition) && checker_want_bool(c, condition);
	c->scope = outer;
	c->inner--;
	return fine;
}

static bool direct_path(struct checker *c, struct ast *a, enum entity_kind kind, struct path *ret_path)
{
	bool outgoing = graph_edge_allowed(c->scope, kind);

	if (!outgoing && !graph_edge_allowed(kind, c->scope))
		return checker_fail(c, RULES_E222, a, function_at(a->function)->usage,
				    "no edge between %s and %s: give a path as third argument",
				    entity_kind_name(c->scope), entity_kind_name(kind));
	/* Things are mostly counted among those contained: incoming edges first. */
	*ret_path = (struct path){ .from = c->scope, .n_steps = 1 };
	ret_path->steps[0] = (struct path_step){ .kind = kind, .incoming = graph_edge_allowed(kind, c->scope) };
	return true;
}

static bool call_count_entities(struct checker *c, struct ast *a)
{
	struct ast *kind_ast = argument(a, 0), *path_ast = argument(a, 2);
	const struct path *via = c->place->via;
	enum entity_kind kind;
	struct path path;

	if (c->in_predicate)
		return checker_fail(c, RULES_E208, a, NULL, "count_entities() within count()");
	if (!check_kind(c, kind_ast, &kind))
		return false;
	if (path_ast) {
		if (path_ast->kind != AST_TEXT)
			return checker_fail(c, RULES_E208, path_ast, "'cgroup <- process'",
					    "the third argument is a path");
		if (!path_parse(c->l, c->place->at, c->place->base + path_ast->offset + 1, path_ast->text, c->scope,
				&path))
			return false;
	} else if (via && via->n_steps && path_end(via) == kind && c->scope == via->from) {
		path = *via;
		c->via_taken = true;
	} else if (!direct_path(c, a, kind, &path)) {
		return false;
	}
	if (path_end(&path) != kind)
		return checker_fail(c, RULES_E223, path_ast ? path_ast : a, NULL, "the path ends at a %s",
				    entity_kind_name(path_end(&path)));
	if (list_add(&c->l->paths, c->l->arena, &path, &a->field) < 0) {
		c->l->out_of_memory = true;
		return false;
	}
	a->about = kind;
	a->type = TYPE_NUMBER;
	return check_in_scope(c, argument(a, 1), kind);
}

static bool call_peers(struct checker *c, struct ast *a)
{
	enum entity_kind kind, within;

	if (c->in_predicate)
		return checker_fail(c, RULES_E208, a, NULL, "peers() within count()");
	if (!check_kind(c, argument(a, 0), &kind) || !check_kind(c, argument(a, 1), &within))
		return false;
	if (kind != c->scope)
		return checker_fail(c, RULES_E208, argument(a, 0), NULL, "peers of a %s are of kind %s",
				    entity_kind_name(c->scope), entity_kind_name(c->scope));
	a->about = within;
	a->type = TYPE_NUMBER;
	return check_in_scope(c, argument(a, 2), kind);
}

static bool call_finding(struct checker *c, struct ast *a)
{
	struct ast *id = argument(a, 0);

	if (id->kind != AST_TEXT)
		return checker_fail(c, RULES_E208, id, "finding('mem.node_oom')",
				    "finding() needs the id of a cause as a text");
	a->type = TYPE_BOOL;
	if (list_add(&c->l->finding_refs, c->l->scratch,
		     &(struct finding_ref){ .id = id->text, .at = c->place->at, .offset = c->place->base + id->offset,
					    .length = id->length, .file = c->l->file },
		     NULL) < 0)
		c->l->out_of_memory = true;
	return true;
}

/* The number at `*cursor` behind an opening brace, the larger of {n,m}; moves to the closing brace. */
static unsigned long repeat_bound(const char **cursor)
{
	unsigned long bound = 0, largest = 2;

	for (; **cursor && **cursor != '}'; (*cursor)++) {
		if (**cursor == ',')
			bound = 0;
		else if (**cursor >= '0' && **cursor <= '9' && bound < 10000)
			bound = bound * 10 + (unsigned long)(**cursor - '0');
		largest = MAX_OF(largest, bound);
	}
	return largest;
}

/* From the bracket that opens a set to the one that closes it, or to the end. */
static const char *skip_set(const char *p)
{
	p++;
	if (*p == '^')
		p++;
	if (*p == ']')
		p++;
	while (*p && *p != ']')
		p++;
	return p;
}

/* glibc copies what + and {n,m} repeat: the product over groups bounds the automaton. Quantifiers in a row double it
 * each time, and a back-reference makes matching exponential: both are refused. */
static bool regex_is_cheap(const char *pattern)
{
	unsigned long product = 1;
	char before = '\0';

	for (const char *p = pattern; *p; p++) {
		bool repeats = strchr("*+?{", *p) != NULL;

		if (*p == '\\' && p[1]) {
			if (p[1] >= '0' && p[1] <= '9')
				return false;
			before = *++p;
			before = before == '+' || before == '*' || before == '?' || before == '{' ? 'x' : before;
			continue;
		}
		if (repeats && before && strchr("*+?}", before))
			return false;
		if (*p == '[') {
			p = skip_set(p);
			if (!*p)
				break;
		}
		if (*p == '+' && before == ')')
			product *= 2;
		if (*p == '{') {
			p++;
			product *= repeat_bound(&p);
		}
		if (product > MAX_REGEX_REPEAT)
			return false;
		if (!*p)
			break;
		before = *p;
	}
	return true;
}

static bool check_regex(struct checker *c, struct ast *a, struct ast *pattern)
{
	regex_t *regex;
	char why[128];
	int r;

	if (strlen(pattern->text) > MAX_REGEX_BYTES || !regex_is_cheap(pattern->text))
		return checker_fail(c, RULES_E214, pattern,
				    "at most 128 bytes, no back-references, no quantifiers in a row, small {n,m}",
				    "this regular expression is too long or too costly");
	regex = loader_alloc(c->l, 1, sizeof(*regex));
	if (!regex)
		return false;
	r = regcomp(regex, pattern->text, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		(void)regerror(r, regex, why, sizeof(why));
		return checker_fail(c, RULES_E214, pattern, NULL, "not a regular expression: %s", why);
	}
	if (list_add(&c->l->regexes, c->l->arena, &regex, &a->field) < 0) {
		regfree(regex);
		c->l->out_of_memory = true;
		return false;
	}
	return true;
}

static bool call_method(struct checker *c, struct ast *a)
{
	struct ast *text = argument(a, 0);

	if (!checker_check(c, a->receiver) || !checker_want_text(c, a->receiver))
		return false;
	if (text->kind != AST_TEXT)
		return checker_fail(c, RULES_E208, text, function_at(a->function)->usage, "%s() needs a plain text",
				    a->text);
	text->type = TYPE_STRING;
	a->type = TYPE_BOOL;
	return a->function != FUNCTION_MATCHES || check_regex(c, a, text);
}

static const char *nearest_function(struct checker *c, const char *word)
{
	const char *names[FUNCTION_ID_MAX];

	for (int i = 0; i < FUNCTION_ID_MAX; i++)
		names[i] = function_at(i)->name;
	return loader_mean(c->l, word, names, FUNCTION_ID_MAX);
}

bool checker_call(struct checker *c, struct ast *a)
{
	const struct function *f;

	a->function = function_find(a->text, a->receiver != NULL);
	f = function_at(a->function);
	if (!f && function_find(a->text, a->receiver == NULL) >= 0)
		return checker_fail(c, RULES_E208, a, function_at(function_find(a->text, a->receiver == NULL))->usage,
				    "%s() is not written so", a->text);
	if (!f)
		return checker_fail(c, RULES_E207, a, nearest_function(c, a->text), "unknown function '%s'", a->text);
	if (a->n_children < f->min_args || a->n_children > f->max_args) {
		if (a->n_children + 1 == f->min_args && f->max_args <= 3 && !a->receiver &&
		    a->function < FUNCTION_ABSENT)
			return checker_fail(c, RULES_E210, a, f->usage, "%s() needs a window", a->text);
		return checker_fail(c, RULES_E208, a, f->usage, "%s() takes another number of arguments", a->text);
	}
	switch (a->function) {
	case FUNCTION_COUNT:
		return call_count(c, a);
	case FUNCTION_RATE:
	case FUNCTION_INCREASE:
		return call_window(c, a, true, true);
	case FUNCTION_AVG:
	case FUNCTION_SLOPE:
		return call_window(c, a, false, true);
	case FUNCTION_MIN:
	case FUNCTION_MAX_OF:
	case FUNCTION_P50:
	case FUNCTION_P95:
	case FUNCTION_P99:
		return call_window(c, a, false, false);
	case FUNCTION_RATIO:
		return call_ratio(c, a);
	case FUNCTION_LAST:
	case FUNCTION_CHANGED:
	case FUNCTION_STALE:
	case FUNCTION_ABSENT:
		return call_metric(c, a);
	case FUNCTION_COUNT_ENTITIES:
		return call_count_entities(c, a);
	case FUNCTION_PEERS:
		return call_peers(c, a);
	case FUNCTION_FINDING:
		return call_finding(c, a);
	default:
		return call_method(c, a);
	}
}
