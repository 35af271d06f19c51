/* SPDX-License-Identifier: Apache-2.0 */
/* loader_test.h - what the readers of inline tests share.
 *
 * Room: rules.  Owns: nothing.  Thread: the loader's.  Clock: none.
 */
#ifndef WHY_RULES_LOADER_TEST_H
#define WHY_RULES_LOADER_TEST_H

#include "rules/loader.h"
#include "rules/rules_test.h"

/* Entities with attributes and edges (loader_test_entities.c). */
void loader_test_entities(struct loader *l, const struct yaml_node *map, struct rules_test *t);
/* Position of the entity, UINT32_MAX: none of that name (told, E320). */
uint32_t loader_test_target(struct loader *l, const struct rules_test *t, const struct yaml_node *at, size_t offset,
			    const char *name);
/* Events, settings and series (loader_test_input.c). */
void loader_test_timeline(struct loader *l, const struct yaml_node *list, struct rules_test *t);
void loader_test_series(struct loader *l, const struct yaml_node *list, struct rules_test *t);

#endif
