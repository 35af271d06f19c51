/* SPDX-License-Identifier: Apache-2.0 */
/* pack.h - rules from a text, against a small registry of every kind of metric.
 *
 * Room: tests.  Owns: the registry, the diagnostics and the ruleset of the last pack_load.
 */
#ifndef WHY_TESTS_RULES_PACK_H
#define WHY_TESTS_RULES_PACK_H

#include "base/diag.h"
#include "rules/ruleset.h"

struct pack {
	struct metrics *metrics;
	struct diags *diags;
	struct ruleset *ruleset;
};

void pack_open(struct pack *p);
void pack_close(struct pack *p);
/* Load one file "t.why.yaml"; what was loaded before is `last`, and is freed. */
void pack_load(struct pack *p, const char *text);
void pack_load_n(struct pack *p, const struct rules_source *sources, size_t n);
/* "E203@41:24" of diagnostic i; "" past the end. Lives until the next call. */
const char *pack_diag(const struct pack *p, size_t i);
/* Prints what is there when it is not exactly this. */
void pack_expect(const struct pack *p, const char *diags);

#endif
