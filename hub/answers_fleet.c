// SPDX-License-Identifier: Apache-2.0
#include "hub/answers_fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct row {
	char *name;
	struct node_health health;
};

struct rows {
	const struct answers_env *env;
	struct row *list;
	size_t n, size;
};

static void rows_done(struct rows *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->list[i].name);
	free(r->list);
}

static int add_row(void *arg, const struct store_node *node)
{
	struct rows *r = arg;

	if (r->n == FLEET_MAX_NODES)
		return 1;
	if (r->n == r->size) {
		size_t size = r->size ? r->size * 2 : 256;
		struct row *list = realloc(r->list, size * sizeof(*list));

		if (!list)
			return -ENOMEM;
		r->list = list;
		r->size = size;
	}
	r->list[r->n] = (struct row){ .name = strdup(node->name) };
	if (!r->list[r->n].name)
		return -ENOMEM;
	answers_health(r->env, node, &r->list[r->n].health);
	r->n++;
	return 0;
}

/* Critical, warning, unknown, healthy. */
static int rank(const struct row *r)
{
	const char *status = answers_status(&r->health);

	return strcmp(status, "critical") == 0 ? 0 :
	       strcmp(status, "warning") == 0  ? 1 :
	       strcmp(status, "unknown") == 0  ? 2 :
						 3;
}

static int worst_first(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int d = rank(a) - rank(b);

	return d ? d : strcmp(a->name, b->name);
}

static const char *describe(struct answer *a, const struct node_health *h, wall_ns_t now)
{
	static const char *const names[] = { "info", "warning", "critical" };
	const char *last = h->worst >= 0 && h->worst < (int)ARRAY_LEN(names) ? names[h->worst] : "none";
	char age[32];

	if (h->stale) {
		clock_format_duration(now > h->last_seen ? now - h->last_seen : 0, age, sizeof(age));
		return arena_printf(a->arena, "agent silent for %s; last known: %llu open, worst %s", age,
				    (unsigned long long)h->n_open, last);
	}
	if (!h->evaluated)
		return "agent has not evaluated its rules yet";
	if (h->n_open == 0)
		return "no open finding";
	return arena_printf(a->arena, "%llu open finding%s, worst %s", (unsigned long long)h->n_open,
			    h->n_open == 1 ? "" : "s", last);
}

static int add_lines(const struct rows *rows, size_t from, struct answer *a)
{
	size_t i;

	for (i = from; i < rows->n; i++) {
		const struct row *r = &rows->list[i];
		struct answer_line *l = i - from < ANSWER_MAX_LINES ? answer_add_line(a) : NULL;

		if (!l)
			break;
		l->at = r->health.last_seen;
		l->what = arena_strdup(a->arena, r->name);
		l->subject = l->what;
		l->status = answers_status(&r->health);
		l->text = describe(a, &r->health, rows->env->now.wall);
		l->detail = arena_strdup(a->arena, r->health.version);
		l->severity = r->health.worst > 0 && r->health.worst < SEVERITY_MAX ? (enum severity)r->health.worst :
										      SEVERITY_INFO;
		if (!l->what || !l->text)
			return -ENOMEM;
	}
	if (i < rows->n)
		(void)snprintf(a->next_cursor, sizeof(a->next_cursor), "n%zu", i);
	return 0;
}

int answers_fleet(const struct answers_env *env, const struct query *q, struct answer *a)
{
	AUTO(rows_done) struct rows rows = { .env = env };
	const char *only = q->node[0] ? q->node : NULL;
	uint64_t from = 0;
	int r;

	if (q->cursor[0] && (q->cursor[0] != 'n' || text_parse_u64(q->cursor + 1, &from) < 0 || from > FLEET_MAX_NODES)) {
		a->status = ANSWER_BAD;
		a->message = "the cursor is not one of this hub: ask again without it";
		return 0;
	}
	r = env->reader->class->visit_nodes(env->reader->state, only, add_row, &rows);
	if (r < 0)
		return r;
	if (rows.n > 1)
		qsort(rows.list, rows.n, sizeof(rows.list[0]), worst_first);
	a->evaluated = rows.n > 0;
	if (rows.n == 0)
		a->message = "no agent has ever connected to this hub";
	return add_lines(&rows, (size_t)from, a);
}
