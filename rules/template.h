/* SPDX-License-Identifier: Apache-2.0 */
/* template.h - sentences with values in them: "memory limit {cgroup.memory.limit} of {cgroup.path} reached".
 *
 * Room: rules.  Owns: nothing.  Thread: the loader's.  Clock: none.  Bounds: TEMPLATE_MAX_PARTS, TEMPLATE_MAX_BYTES.
 *
 * A brace that a letter or '(' follows opens an expression, up to the closing brace; {value} is what the evidence item
 * observed. {{ and }} are braces; a brace before anything else is itself (jsonpath='{.items}' needs no escape).
 */
#ifndef WHY_RULES_TEMPLATE_H
#define WHY_RULES_TEMPLATE_H

#include "rules/expr.h"

#define TEMPLATE_MAX_PARTS 32
#define TEMPLATE_MAX_BYTES 2048

/* `observed` (NULL: {value} has no meaning here) tells how {value} is printed. False: an error (told). */
bool template_compile(struct loader *l, const struct yaml_node *at, enum entity_kind scope,
		      const struct expr_info *observed,
		      struct template *ret_template);
/* Member of a map; absent: an empty template. */
bool template_field(struct loader *l, const struct yaml_node *map, const char *key, enum entity_kind scope,
		    const struct expr_info *observed, struct template *ret_template);

#endif
