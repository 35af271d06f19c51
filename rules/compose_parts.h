/* SPDX-License-Identifier: Apache-2.0 */
/* compose_parts.h - the pieces of a finding, each filled into compose.draft; for compose.c only.
 *
 * Room: rules.  Owns: nothing.  Thread: the loop.  Clock: none.  Bounds: FINDING_MAX_*.
 */
#ifndef WHY_RULES_COMPOSE_PARTS_H
#define WHY_RULES_COMPOSE_PARTS_H

#include "rules/compose.h"

/* What is known of it was injected by a test: its attribute `simulated` is "yes". */
bool compose_is_simulated(const struct compose *c, entity_id id);
/* An entity by value: its attributes (`whole`: all of them), and the keys of what contains it: pod, rank, job; also cgroup
 * and container when `whole`. */
void compose_entity(struct compose *c, entity_id id, bool whole, struct finding_entity *ret_entity);
const char *compose_template(struct compose *c, const struct template *template, entity_id entity,
			     const struct value *observed, enum unit unit);

/* compose_evidence.c */
void compose_evidence(struct compose *c, const struct suspect *s, const struct cause_rule *rule);
void compose_symptom_evidence(struct compose *c, const struct suspect *s, const struct symptom_rule *rule);

/* compose_links.c */
void compose_explains(struct compose *c, const struct suspect *s);
void compose_affected(struct compose *c, const struct suspect *s, const struct cause_rule *rule);
void compose_because(struct compose *c, const struct suspect *s);

/* compose_doubt.c: what was ruled out, and what nobody can tell */
void compose_ruled_out(struct compose *c, const struct suspect *s, const struct cause_rule *rule);
void compose_unknown(struct compose *c, const struct suspect *s, const struct cause_rule *rule);
/* What could not be found out, or is contradicted, about who the subject, what holds it, and the affected are: their
 * attributes `unresolved` and `conflict`. After compose_affected. */
void compose_identity(struct compose *c, const struct suspect *s);

/* Why a rival is not blamed on `entity`; NULL: nothing can be said against it. *ret_unknown: it could not be told. */
const char *compose_why_not(struct compose *c, const struct cause_rule *rule, entity_id entity, bool *ret_unknown);

#endif
