// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "rules/lexer.h"
#include "rules/loader_test.h"

static uint32_t find_metric(struct loader *l, const struct yaml_node *at, bool is_key, const char *name)
{
	uint32_t id = metrics_find(l->metrics, name);
	size_t n = metrics_count(l->metrics);
	const char **names;

	if (id != METRIC_NONE)
		return id;
	names = arena_alloc_array(l->scratch, n + 1, sizeof(*names));
	for (size_t i = 0; names && i < n; i++)
		names[i] = metrics_at(l->metrics, (uint32_t)i)->name;
	if (is_key)
		loader_error_key(l, RULES_E203, at, names ? loader_mean(l, name, names, n) : NULL,
				 "unknown metric '%s'", name);
	else
		loader_error(l, RULES_E203, at, 0, at->len, names ? loader_mean(l, name, names, n) : NULL,
			     "unknown metric '%s'", name);
	return METRIC_NONE;
}

/* `target:` of a step or series; it may be left out when the test has one entity of the metric's kind. */
static uint32_t read_target(struct loader *l, const struct rules_test *t, const struct yaml_node *node, uint32_t metric)
{
	const struct yaml_node *at = yaml_tree_get(node, "target");
	const struct metric_desc *desc = metrics_at(l->metrics, metric);
	uint32_t target = UINT32_MAX, n = 0;

	if (at && at->kind == YAML_SCALAR) {
		target = loader_test_target(l, t, at, 0, at->text);
		if (target != UINT32_MAX && desc && t->entities[target].kind != desc->about) {
			loader_error(l, RULES_E204, at, 0, at->len, NULL, "'%s' is about a %s, '%s' is a %s",
				     desc->name, entity_kind_name(desc->about), at->text,
				     entity_kind_name(t->entities[target].kind));
			return UINT32_MAX;
		}
		return target;
	}
	for (uint32_t i = 0; desc && i < t->n_entities; i++)
		if (t->entities[i].kind == desc->about) {
			target = i;
			n++;
		}
	if (n == 1)
		return target;
	loader_error(l, RULES_E123, node, 0, 1, "target: p1", "which entity is this about?");
	return UINT32_MAX;
}

static bool read_number(struct loader *l, const struct yaml_node *at, const struct metric_desc *desc, double *ret_value)
{
	enum unit unit;

	if (at->kind == YAML_SCALAR && lexer_number(at->text, ret_value, &unit) == 0)
		return true;
	for (int i = 0; at->kind == YAML_SCALAR && desc && desc->states && desc->states[i]; i++)
		if (strcmp(desc->states[i], at->text) == 0) {
			*ret_value = i;
			return true;
		}
	loader_error(l, desc && desc->states ? RULES_E211 : RULES_E125, at, 0, at->kind == YAML_SCALAR ? at->len : 1,
		     NULL, "not a value of '%s'",
		     desc ? desc->name : "?");
	return false;
}

/* ---- timeline ---- */

/* One member of event: { metric: code, metric.field: value }. */
static bool read_value(struct loader *l, const struct yaml_node *member, uint32_t *metric, struct rules_test_value *v)
{
	char name[256];
	const char *dot = strrchr(member->key, '.');
	uint32_t id = metrics_find(l->metrics, member->key);
	const struct metric_desc *desc;
	int field = -1;

	v->field = UINT32_MAX;
	if (id == METRIC_NONE) {
		text_copy(name, dot && (size_t)(dot - member->key) < sizeof(name) ? (size_t)(dot - member->key) + 1
			  : sizeof(name), member->key);
		id = dot ? metrics_find(l->metrics, name) : METRIC_NONE;
		if (id == METRIC_NONE)
			return find_metric(l, member, true, member->key) != METRIC_NONE;
	}
	desc = metrics_at(l->metrics, id);
	if (desc->kind != METRIC_EVENT) {
		loader_error_key(l, RULES_E209, member, "use set: { ... } or a series", "'%s' is no event", desc->name);
		return false;
	}
	if (*metric != METRIC_NONE && *metric != id) {
		loader_error_key(l, RULES_E217, member, "write two steps", "one step has one event");
		return false;
	}
	*metric = id;
	if (strcmp(desc->name, member->key) != 0 && strcmp(dot, ".code") != 0) {
		field = metric_field_index(desc, dot + 1);
		if (field < 0) {
			loader_error_key(l, RULES_E212, member, NULL, "event '%s' has no field '%s'", desc->name,
					 dot + 1);
			return false;
		}
		v->field = (uint32_t)field;
	}
	if (field >= 0 && desc->fields[field].is_text) {
		v->text = member->kind == YAML_SCALAR ? loader_strdup(l, member->text) : NULL;
		if (!v->text)
			loader_error(l, RULES_E122, member, 0, 1, NULL, "a text was expected");
		return v->text != NULL;
	}
	return read_number(l, member, desc, &v->number);
}

static bool read_event(struct loader *l, const struct yaml_node *event, struct rules_test_step *s)
{
	struct rules_test_value *values;
	bool fine = true;

	if (event->kind != YAML_MAPPING || event->n_children == 0 || event->n_children > METRIC_MAX_FIELDS + 1) {
		loader_error(l, RULES_E122, event, 0, 1, "event: { gpu.xid: 79 }",
			     "an event is a map from the metric and its fields to values");
		return false;
	}
	values = loader_alloc(l, event->n_children, sizeof(*values));
	s->kind = RULES_TEST_EVENT;
	s->metric = METRIC_NONE;
	s->values = values;
	for (const struct yaml_node *member = event->first; values && member; member = member->next)
		fine = read_value(l, member, &s->metric, &values[s->n_values++]) && fine;
	return fine && values;
}

/* set: { metric: value }, one metric a step; `stale` ends it. */
static bool read_set(struct loader *l, const struct yaml_node *set, struct rules_test_step *s)
{
	if (set->kind != YAML_MAPPING || set->n_children != 1) {
		loader_error(l, RULES_E122, set, 0, 1, "set: { nic.link: down }", "'set' is a map with one metric");
		return false;
	}
	s->metric = find_metric(l, set->first, true, set->first->key);
	if (s->metric == METRIC_NONE)
		return false;
	s->kind = RULES_TEST_SET;
	if (set->first->kind == YAML_SCALAR && strcmp(set->first->text, "stale") == 0) {
		s->kind = RULES_TEST_UNSET;
		return true;
	}
	if (metrics_at(l->metrics, s->metric)->kind == METRIC_EVENT) {
		loader_error_key(l, RULES_E209, set->first, "use event: { ... }", "'%s' is an event", set->first->key);
		return false;
	}
	return read_number(l, set->first, metrics_at(l->metrics, s->metric), &s->number);
}

static bool read_step(struct loader *l, const struct rules_test *t, const struct yaml_node *node,
		      struct rules_test_step *s)
{
	const struct yaml_node *event, *set, *gone;

	if (!fields_check(l, node, "a step", &keys_step))
		return false;
	event = yaml_tree_get(node, "event");
	set = yaml_tree_get(node, "set");
	gone = yaml_tree_get(node, "gone");
	s->line = node->line;
	if (!yaml_tree_get(node, "at") || (event != NULL) + (set != NULL) + (gone != NULL) != 1) {
		loader_error(l, RULES_E123, node, 0, 1, "{ at: 5s, event: { ... }, target: p }",
			     "a step has 'at' and one of 'event', 'set', 'gone'");
		return false;
	}
	if (!field_duration(l, node, "at", &s->at_ns))
		return false;
	if (gone) {
		s->kind = RULES_TEST_GONE;
		s->target = gone->kind == YAML_SCALAR ? loader_test_target(l, t, gone, 0, gone->text) : UINT32_MAX;
		return s->target != UINT32_MAX;
	}
	if (event ? !read_event(l, event, s) : !read_set(l, set, s))
		return false;
	s->target = read_target(l, t, node, s->metric);
	return s->target != UINT32_MAX;
}

static int by_time(const void *a, const void *b)
{
	const struct rules_test_step *x = a, *y = b;

	return x->at_ns != y->at_ns ? (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns)
		: (x->line > y->line) - (x->line < y->line);
}

void loader_test_timeline(struct loader *l, const struct yaml_node *list, struct rules_test *t)
{
	struct rules_test_step *steps;

	if (!list || !fields_is_list(l, list, RULES_TEST_MAX_STEPS))
		return;
	steps = loader_alloc(l, list->n_children, sizeof(*steps));
	t->steps = steps;
	for (const struct yaml_node *node = list->first; steps && node; node = node->next)
		if (read_step(l, t, node, &steps[t->n_steps]))
			t->n_steps++;
	if (t->n_steps)
		qsort(steps, t->n_steps, sizeof(*steps), by_time);
}

/* ---- series: "0+600x10", "0.9x3 0.2x8", "_", "_x4", "stale" ---- */

struct points {
	struct loader *l;
	const struct yaml_node *at;
	const struct metric_desc *desc;
	double *values;
	uint32_t n, max;
};

static bool bad_series(struct points *p, size_t offset, size_t length, const char *why)
{
	loader_error(p->l, RULES_E321, p->at, offset, length, "for example: 0+600x10 0.5x3 _x2 1 2 3 stale", "%s", why);
	return false;
}

static bool add_points(struct points *p, double first, double step, uint64_t times, size_t offset, size_t length)
{
	for (uint64_t i = 0; i <= times; i++) {
		if (p->n == RULES_TEST_MAX_POINTS)
			return bad_series(p, offset, length, "the series is too long");
		if (p->n == p->max) {
			double *values = arena_alloc_array(p->l->arena, p->max * 2, sizeof(double));

			if (!values) {
				p->l->out_of_memory = true;
				return false;
			}
			memcpy(values, p->values, p->n * sizeof(double));
			p->values = values;
			p->max *= 2;
		}
		p->values[p->n++] = first + step * (double)i;
	}
	return true;
}

/* A number at the front of `word`, units allowed; moves the cursor. */
static bool take_number(const char **cursor, double *ret_value)
{
	char number[64];
	enum unit unit;
	size_t n = (*cursor)[0] == '-' || (*cursor)[0] == '+';

	while ((*cursor)[n] && (isalnum((unsigned char)(*cursor)[n]) || strchr(".%", (*cursor)[n])) &&
	       (*cursor)[n] != 'x')
		n++;
	if (n >= sizeof(number))
		return false;
	text_copy(number, n + 1, *cursor);
	*cursor += n;
	return lexer_number(number[0] == '+' ? number + 1 : number, ret_value, &unit) == 0;
}

static bool state_value(const struct points *p, const char *word, double *ret_value)
{
	for (int i = 0; p->desc->states && p->desc->states[i]; i++)
		if (strcmp(p->desc->states[i], word) == 0) {
			*ret_value = i;
			return true;
		}
	return false;
}

static bool take_word(struct points *p, const char *word, size_t offset)
{
	const char *cursor = word;
	double first = NAN, step = 0;
	uint64_t times = 0;

	if (strcmp(word, "stale") == 0)
		return add_points(p, NAN, 0, 0, offset, strlen(word));
	if (state_value(p, word, &first))
		return add_points(p, first, 0, 0, offset, strlen(word));
	if (*cursor == '_')
		cursor++;
	else if (!take_number(&cursor, &first))
		return bad_series(p, offset, strlen(word), "not a number");
	if ((*cursor == '+' || *cursor == '-') && !take_number(&cursor, &step))
		return bad_series(p, offset, strlen(word), "not a number behind the sign");
	if (*cursor == 'x' && text_parse_u64(cursor + 1, &times) == 0 && times > 0 && times <= RULES_TEST_MAX_POINTS) {
		/* _x4 is four gaps; 1x4 is five times 1, as promtool has it. */
		if (isnan(first))
			times--;
		return add_points(p, first, step, times, offset, strlen(word));
	}
	if (*cursor || step != 0)
		return bad_series(p, offset, strlen(word), "cannot be read");
	return add_points(p, first, step, 0, offset, strlen(word));
}

static bool read_points(struct loader *l, const struct yaml_node *at, const struct metric_desc *desc,
			struct rules_test_series *s)
{
	struct points p = { .l = l, .at = at, .desc = desc, .max = 16, .values = loader_alloc(l, 16, sizeof(double)) };
	char word[128];

	for (size_t i = 0; p.values && i < at->len;) {
		size_t n = strcspn(at->text + i, " ");

		text_copy(word, n + 1 < sizeof(word) ? n + 1 : sizeof(word), at->text + i);
		if (n && !take_word(&p, word, i))
			return false;
		i += n + 1;
	}
	if (p.n == 0)
		return bad_series(&p, 0, at->len, "no values");
	s->points = p.values;
	s->n_points = p.n;
	return true;
}

static bool read_one_series(struct loader *l, const struct rules_test *t, const struct yaml_node *node,
			    struct rules_test_series *s)
{
	const struct yaml_node *metric, *values;

	if (!fields_check(l, node, "a series", &keys_series))
		return false;
	metric = yaml_tree_get(node, "metric");
	values = yaml_tree_get(node, "values");
	if (!metric || !values || metric->kind != YAML_SCALAR || values->kind != YAML_SCALAR) {
		loader_error(l, RULES_E123, node, 0, 1,
			     "{ target: c, metric: cgroup.cpu.periods, values: \"0+600x10\", every: 1m }",
			     "a series has 'metric' and 'values'");
		return false;
	}
	s->metric = find_metric(l, metric, false, metric->text);
	if (s->metric == METRIC_NONE)
		return false;
	if (metrics_at(l->metrics, s->metric)->kind == METRIC_EVENT) {
		loader_error(l, RULES_E209, metric, 0, metric->len, "use the timeline", "'%s' is an event",
			     metric->text);
		return false;
	}
	s->every_ns = t->tick_ns;
	s->target = read_target(l, t, node, s->metric);
	return s->target != UINT32_MAX && field_duration(l, node, "every", &s->every_ns) &&
	       read_points(l, values, metrics_at(l->metrics, s->metric), s);
}

void loader_test_series(struct loader *l, const struct yaml_node *list, struct rules_test *t)
{
	struct rules_test_series *series;

	if (!list || !fields_is_list(l, list, RULES_TEST_MAX_SERIES))
		return;
	series = loader_alloc(l, list->n_children, sizeof(*series));
	t->series = series;
	for (const struct yaml_node *node = list->first; series && node; node = node->next) {
		if (!read_one_series(l, t, node, &series[t->n_series]))
			continue;
		if (series[t->n_series].every_ns < NS_PER_MS)
			loader_error(l, RULES_E125, node, 0, 1, NULL, "'every' is at least 1ms");
		t->n_series++;
	}
}
