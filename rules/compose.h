/* SPDX-License-Identifier: Apache-2.0 */
/* compose.h - writes the finding of a suspect: who, evidence by value, whom it hits, what was ruled out, what to do.
 *
 * Room: rules.  Owns: one draft and the memory behind it, used again for every finding.  Thread: the loop.
 * Clock: none (`now` and `wall` come with each tick).  Bounds: FINDING_MAX_*; longer lists are cut and counted.
 *
 * What an open finding has said stays said: evidence that has gone by since keeps its value and time, explained symptoms and
 * affected entities that are gone stay named.
 */
#ifndef WHY_RULES_COMPOSE_H
#define WHY_RULES_COMPOSE_H

#include "rules/blind.h"
#include "rules/causality.h"

struct compose {
	struct causality_view view;
	const struct causality *causality;
	const struct blind *blind;
	const char *node;
	wall_ns_t wall;
	struct finding *draft;  /* filled by compose_finding */
	struct finding *before; /* what was published last, read from suspect.kept */
	bool has_before;
};

int compose_init(struct compose *c); /* -ENOMEM */
void compose_done(struct compose *c);

/* c->draft is about `s`; valid until the next call. state, revision and resolved_* are the caller's to set. */
void compose_finding(struct compose *c, const struct suspect *s);

/* Digest of the ids in explains and because (cheap: each tick), and of the entities the rule says are affected. */
uint64_t compose_links_hash(const struct compose *c, const struct suspect *s);
uint64_t compose_affected_hash(const struct compose *c, const struct suspect *s);

/* A growth since `before` that a reader wants to hear of: a symptom, a deeper cause, an affected entity more. */
bool compose_grew(const struct compose *c);

#endif
