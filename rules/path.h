/* SPDX-License-Identifier: Apache-2.0 */
/* path.h - a way over declared edges of the entity graph: "container <- process -> gpu".
 *
 * Room: rules.  Owns: nothing.  Thread: the loader's.  Clock: none.  Bounds: RULESET_MAX_STEPS.
 */
#ifndef WHY_RULES_PATH_H
#define WHY_RULES_PATH_H

#include "rules/loader.h"

/* The text at byte `base` of the scalar `at`. The first kind must be `scope`; ENTITY_KIND_MAX: any.
 * False: an error (told). */
bool path_parse(struct loader *l, const struct yaml_node *at, size_t base, const char *text, enum entity_kind scope,
		struct path *ret_path);
/* Member of a map; absent: the entity itself (n_steps 0). */
bool path_field(struct loader *l, const struct yaml_node *map, const char *key, enum entity_kind scope,
		struct path *ret_path);
enum entity_kind path_end(const struct path *p);

#endif
