/* SPDX-License-Identifier: Apache-2.0 */
/* scope.h - which kinds of entity contain which: where a metric of another kind may be read from.
 *
 * Room: rules.  Owns: nothing.  Thread: any.  Clock: none.
 */
#ifndef WHY_RULES_SCOPE_H
#define WHY_RULES_SCOPE_H

#include <stdbool.h>

#include "model/metric.h"

/* True when an entity of kind `from` is, or may have, a nearest relative of kind `about` (rules/relative.h). */
bool scope_reaches(enum entity_kind from, enum entity_kind about);

/* True when collectors are known to set this attribute on entities of the kind; "key" and "name" always. */
bool scope_has_attr(enum entity_kind kind, const char *attr);
/* The known attributes of the kind, NULL-ended. */
const char *const *scope_attrs(enum entity_kind kind);

#endif
