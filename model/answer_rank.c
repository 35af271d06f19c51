/* SPDX-License-Identifier: Apache-2.0 */
#include "model/answer.h"

#include <stdlib.h>
#include <string.h>

/* What the ranking needs beside the findings; indices are positions after the first sort. */
struct ranking {
	struct finding **findings;
	size_t n;
	size_t by_id[ANSWER_MAX_FINDINGS];
	size_t parent[ANSWER_MAX_FINDINGS]; /* n: none */
	bool placed[ANSWER_MAX_FINDINGS];
	struct finding *order[ANSWER_MAX_FINDINGS];
	size_t n_order;
};

static bool is_open(const struct finding *f)
{
	return f->state != FINDING_RESOLVED;
}

static int compare_numbers(double a, double b)
{
	return (a > b) - (a < b);
}

static int compare_findings(const void *pa, const void *pb)
{
	const struct finding *a = *(struct finding *const *)pa, *b = *(struct finding *const *)pb;
	double explained_a = (double)(a->n_explains + a->more_explains);
	double explained_b = (double)(b->n_explains + b->more_explains);
	int c = is_open(b) - is_open(a);

	if (c == 0)
		c = (int)a->kind - (int)b->kind;
	if (c == 0)
		c = (int)b->severity - (int)a->severity;
	if (c == 0)
		c = compare_numbers(b->confidence * explained_b, a->confidence * explained_a);
	if (c == 0)
		c = compare_numbers(b->confidence, a->confidence);
	if (c == 0)
		c = (a->opened_at > b->opened_at) - (a->opened_at < b->opened_at);
	return c ? c : strcmp(a->id, b->id);
}

static int compare_ids(const void *pa, const void *pb, void *arg)
{
	const struct ranking *r = arg;

	return strcmp(r->findings[*(const size_t *)pa]->id, r->findings[*(const size_t *)pb]->id);
}

static size_t rank_find(const struct ranking *r, const char *id)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = strcmp(r->findings[r->by_id[middle]]->id, id);

		if (c == 0)
			return r->by_id[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return r->n;
}

/* Of several causes the best ranked one takes the child. An open finding does not hang below a resolved one. */
static void rank_adopt(struct ranking *r, size_t parent, size_t child)
{
	if (parent == r->n || child == r->n || parent == child)
		return;
	if (is_open(r->findings[parent]) != is_open(r->findings[child]))
		return;
	if (parent < r->parent[child])
		r->parent[child] = parent;
}

static void rank_families(struct ranking *r)
{
	for (size_t i = 0; i < r->n; i++) {
		r->by_id[i] = i;
		r->parent[i] = r->n;
	}
	qsort_r(r->by_id, r->n, sizeof(r->by_id[0]), compare_ids, r);
	for (size_t i = 0; i < r->n; i++) {
		const struct finding *f = r->findings[i];

		for (size_t k = 0; k < f->n_because; k++)
			rank_adopt(r, rank_find(r, f->because[k]), i);
		for (size_t k = 0; k < f->n_explains; k++)
			if (f->explains[k].finding[0])
				rank_adopt(r, i, rank_find(r, f->explains[k].finding));
	}
}

/* The finding, then its children each with theirs. Children of the same parent keep the order of the sort. */
static void rank_place(struct ranking *r, size_t root)
{
	size_t stack[ANSWER_MAX_FINDINGS], n = 0;

	stack[n++] = root;
	while (n > 0) {
		size_t i = stack[--n];

		if (r->placed[i])
			continue;
		r->placed[i] = true;
		r->order[r->n_order++] = r->findings[i];
		for (size_t child = r->n; child-- > 0;)
			if (r->parent[child] == i && !r->placed[child])
				stack[n++] = child;
	}
}

void answer_rank(struct answer *a)
{
	struct ranking r = {.findings = a->findings, .n = a->n_findings};

	if (r.n == 0)
		return;
	qsort(a->findings, a->n_findings, sizeof(a->findings[0]), compare_findings);
	rank_families(&r);
	for (size_t i = 0; i < r.n; i++)
		if (r.parent[i] == r.n)
			rank_place(&r, i);
	/* Findings that name each other as their cause have no root: they are not lost for that. */
	for (size_t i = 0; i < r.n; i++)
		if (!r.placed[i])
			rank_place(&r, i);
	memcpy(a->findings, r.order, r.n * sizeof(a->findings[0]));
}
