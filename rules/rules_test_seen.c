// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/answer.h"
#include "rules/rules_test_check.h"

#define ITEMS_A_CAUSE (3 * RULESET_MAX_EVIDENCE)

struct rules_test_seen {
	const struct ruleset *rs;
	struct {
		bool yes, no;
	} *items; /* requires, supports, refutes of each cause in order */
};

int rules_test_seen_new(const struct ruleset *rs, struct rules_test_seen **ret_seen)
{
	struct rules_test_seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	seen->rs = rs;
	seen->items = calloc((size_t)rs->n_causes * ITEMS_A_CAUSE + 1, sizeof(*seen->items));
	if (!seen->items) {
		free(seen);
		return -ENOMEM;
	}
	*ret_seen = seen;
	return 0;
}

void rules_test_seen_free(struct rules_test_seen **seen)
{
	if (!*seen)
		return;
	free((*seen)->items);
	free(*seen);
	*seen = NULL;
}

static const struct evidence_rule *items_of(const struct cause_rule *c, unsigned role, uint32_t *ret_n)
{
	*ret_n = role == 0 ? c->n_requires : role == 1 ? c->n_supports : c->n_refutes;
	return role == 0 ? c->requires : role == 1 ? c->supports : c->refutes;
}

static void note(struct rules_test_seen *seen, uint32_t cause, const char *id, int truth)
{
	for (unsigned role = 0; role < 3; role++) {
		uint32_t n;
		const struct evidence_rule *items = items_of(&seen->rs->causes[cause], role, &n);

		for (uint32_t i = 0; i < n; i++) {
			size_t at = (size_t)cause * ITEMS_A_CAUSE + role * RULESET_MAX_EVIDENCE + i;

			if (strcmp(items[i].id, id) != 0)
				continue;
			seen->items[at].yes |= truth > 0;
			seen->items[at].no |= truth == 0;
		}
	}
}

static void look_at(struct rules_test_seen *seen, uint32_t cause, const struct engine *e, entity_id entity,
		    uint64_t mono, wall_ns_t wall)
{
	AUTO(answer_free) struct answer *a = NULL;

	if (answer_new(QUERY_NOT, &a) < 0 || engine_why_not(e, seen->rs->causes[cause].id, entity, mono, wall, a) < 0)
		return;
	for (size_t i = 0; i < a->n_evidence; i++)
		if (a->evidence[i].id)
			note(seen, cause, a->evidence[i].id, a->evidence[i].truth);
}

void test_seen_look(struct rules_test_seen *seen, const struct engine *e, const struct test_play *play, uint64_t now_ns)
{
	for (uint32_t c = 0; c < seen->rs->n_causes; c++)
		for (uint32_t i = 0; i < play->test->n_entities; i++)
			if (play->test->entities[i].kind == seen->rs->causes[c].scope &&
			    graph_exists(play->graph, play->ids[i]))
				look_at(seen, c, e, play->ids[i], play->epoch_mono + now_ns,
					play->epoch_wall + now_ns);
}

size_t rules_test_seen_print(const struct rules_test_seen *seen, struct buf *out)
{
	static const char *const roles[] = { "requires", "supports", "refutes" };
	size_t lacking = 0;

	for (uint32_t c = 0; c < seen->rs->n_causes; c++)
		for (unsigned role = 0; role < 3; role++) {
			uint32_t n;
			const struct evidence_rule *items = items_of(&seen->rs->causes[c], role, &n);

			for (uint32_t i = 0; i < n; i++) {
				size_t at = (size_t)c * ITEMS_A_CAUSE + role * RULESET_MAX_EVIDENCE + i;

				if (seen->items[at].yes && seen->items[at].no)
					continue;
				lacking++;
				(void)buf_addf(out, "%s: %s '%s' was never seen %s\n", seen->rs->causes[c].id,
					       roles[role], items[i].id,
					       !seen->items[at].yes && !seen->items[at].no ? "known"
						       : seen->items[at].yes ? "false" : "true");
			}
		}
	return lacking;
}
