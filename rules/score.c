/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/score.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

struct sums {
	double counted;		 /* of true items, one a group */
	double total, evaluated; /* one a group */
};

static bool same_group(const struct evidence_rule *a, const struct evidence_rule *b)
{
	return a == b || (a->group && b->group && strcmp(a->group, b->group) == 0);
}

/* The sums of the group that item `first` opens; an item without a group is one of its own. */
static void sums_add_group(struct sums *s, const struct evidence_rule *items, uint32_t n, uint32_t first,
			   uint16_t is_true, uint16_t known)
{
	double counted = 0, total = 0, evaluated = 0;

	for (uint32_t i = first; i < n; i++) {
		double w = weight_log_odds(items[i].weight);

		if (!same_group(&items[first], &items[i]))
			continue;
		total = MAX_OF(total, w);
		if (known & (1u << i))
			evaluated = MAX_OF(evaluated, w);
		if (is_true & (1u << i))
			counted = MAX_OF(counted, w);
	}
	s->counted += counted;
	s->total += total;
	s->evaluated += evaluated;
}

static void sums_add(struct sums *s, const struct evidence_rule *items, uint32_t n, uint16_t is_true, uint16_t known)
{
	for (uint32_t i = 0; i < n; i++) {
		bool opens = true;

		for (uint32_t k = 0; k < i && opens; k++)
			opens = !same_group(&items[k], &items[i]);
		if (opens)
			sums_add_group(s, items, n, i, is_true, known);
	}
}

void score_cause(const struct cause_rule *rule, const struct score_marks *marks, struct score *ret_score)
{
	struct sums with = {0}, against = {0};
	double required = rule->n_requires * weight_log_odds(WEIGHT_STRONG);
	double met = (double)__builtin_popcount(marks->requires_known) * weight_log_odds(WEIGHT_STRONG);
	double prior = fmin(fmax(rule->prior, 1e-6), 1 - 1e-6);
	double total;

	sums_add(&with, rule->supports, rule->n_supports, marks->supports_true, marks->supports_known);
	sums_add(&against, rule->refutes, rule->n_refutes, marks->refutes_true, marks->refutes_known);
	*ret_score = (struct score){0};
	ret_score->confidence = 1 / (1 + exp(-(log(prior / (1 - prior)) + with.counted - against.counted)));
	total = required + with.total + against.total;
	ret_score->coverage = total > 0 ? (met + with.evaluated + against.evaluated) / total : 1;
	for (uint32_t i = 0; i < rule->n_refutes && !ret_score->vetoed; i++) {
		ret_score->vetoed = rule->refutes[i].weight == WEIGHT_DECISIVE && (marks->refutes_true & (1u << i));
		ret_score->veto_by = i;
	}
}
