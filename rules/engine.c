/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rules/engine_state.h"

static double count_findings(const void *arg, const char *id, uint64_t window_ns)
{
	const struct engine *e = arg;
	uint64_t rule = text_hash(id, strlen(id));
	uint32_t n = 0, held = MIN_OF(e->n_history, (uint32_t)ENGINE_HISTORY);

	for (uint32_t i = 0; window_ns > 0 && i < held; i++)
		n += e->history[i].rule == rule && mono_since(e->history[i].at, e->m.now) <= window_ns;
	for (uint32_t i = 0; window_ns == 0 && i < e->roster->n; i++) {
		const struct suspect *s = roster_at(e->roster, e->roster->list[i]);

		n += s->rule != ROSTER_ORPHAN && instance_is_open(&s->life) && strcmp(engine_rule_id(e, s), id) == 0;
	}
	return n;
}

int engine_new(const struct engine_options *options, struct engine **ret_engine)
{
	struct engine *e AUTO(engine_free) = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->options = *options;
	buf_init(&e->scratch, ENGINE_KEPT_MAX);
	e->node = strdup(options->node);
	e->boot_id = strdup(options->boot_id);
	e->causality = calloc(1, sizeof(*e->causality));
	e->changed = calloc(options->max_instances, sizeof(*e->changed));
	e->memo = calloc(MACHINE_MEMO, sizeof(*e->memo));
	if (!e->memo || !e->node || !e->boot_id || !e->causality || !e->changed || compose_init(&e->compose) < 0 ||
	    series_store_new(options->max_series, options->max_series_bytes, options->metrics, &e->series) < 0 ||
	    roster_new(options->max_instances, &e->roster) < 0)
		return -ENOMEM;
	blind_init(&e->blind, options->metrics);
	e->m = (struct machine){.metrics = options->metrics,
				.graph = options->graph,
				.series = e->series,
				.fresh_ns = ENGINE_FRESH_NS,
				.blind = e->blind.by_metric,
				.memo = e->memo,
				.findings = count_findings,
				.findings_arg = e};
	e->compose.blind = &e->blind;
	e->compose.causality = e->causality;
	e->compose.node = e->node;
	e->compose.view = (struct causality_view){.roster = e->roster, .m = &e->m};
	*ret_engine = TAKE_PTR(e);
	return 0;
}

void engine_free(struct engine **engine)
{
	struct engine *e = *engine;

	if (!e)
		return;
	wake_free(&e->wake);
	roster_free(&e->roster);
	compose_done(&e->compose);
	buf_done(&e->scratch);
	series_store_free(&e->series);
	if (e->rs)
		ruleset_free(&e->rs);
	free(e->kin);
	free(e->causality);
	free(e->changed);
	free(e->memo);
	free(e->node);
	free(e->boot_id);
	free(e);
	*engine = NULL;
}

const struct ruleset *engine_ruleset(const struct engine *e)
{
	return e->rs;
}

const char *engine_rule_id(const struct engine *e, const struct suspect *s)
{
	return s->is_symptom ? e->rs->symptoms[s->rule].id : e->rs->causes[s->rule - e->rs->n_symptoms].id;
}

const struct hold *engine_hold(const struct engine *e, const struct suspect *s)
{
	return s->is_symptom ? &e->rs->symptoms[s->rule].hold : &e->rs->causes[s->rule - e->rs->n_symptoms].hold;
}

wall_ns_t engine_wall_of(const struct engine *e, mono_ns_t at)
{
	uint64_t ago = mono_since(at, e->m.now);

	return e->wall > ago ? e->wall - ago : 0;
}

bool engine_evaluated(const struct engine *e)
{
	bool judges = e->rs && e->rs->n_causes + e->rs->n_symptoms > 0;

	return judges && e->ticks > 0 && mono_since(e->first_tick, e->last_tick) >= e->options.warm_up_ns;
}

/* Is there anything about it that somebody may still ask for? */
static bool worth_keeping(const struct suspect *s)
{
	return s->published || instance_is_open(&s->life) || s->kept;
}

static void forget_entity(struct engine *e, struct suspect *s)
{
	if (worth_keeping(s))
		(void)roster_move(e->roster, s, s->rule,
				  ENTITY_NONE); /* nothing is found by ENTITY_NONE, so it cannot be taken */
	else
		roster_remove(e->roster, s);
}

void engine_drop_entity(struct engine *e, entity_id id)
{
	series_drop_entity(e->series, id);
	if (e->wake)
		wake_drop_entity(e->wake, id);
	for (uint32_t i = e->roster->n; i-- > 0;) {
		struct suspect *s = roster_at(e->roster, e->roster->list[i]);

		if (s->entity == id && id != ENTITY_NONE)
			forget_entity(e, s);
	}
}

void engine_stats(const struct engine *e, struct engine_stats *ret_stats)
{
	*ret_stats = (struct engine_stats){
		.ticks = e->ticks,
		.programs_run = e->m.n_programs,
		.opened = e->opened,
		.resolved = e->resolved,
		.refused_instances = e->roster->refused + (e->wake ? wake_dropped(e->wake) : 0),
		.n_instances = e->roster->n,
	};
	for (uint32_t i = 0; i < e->roster->n; i++)
		ret_stats->n_open += roster_at(e->roster, e->roster->list[i])->published;
	series_store_stats(e->series, &ret_stats->series);
}
