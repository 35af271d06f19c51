/* SPDX-License-Identifier: Apache-2.0 */
/* target.h - which findings a question is about: "pid 4242", "pod ml/train-0", a cgroup's path.
 *
 * Room: model.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: none needed.
 */
#ifndef WHY_MODEL_TARGET_H
#define WHY_MODEL_TARGET_H

#include <stdbool.h>

#include "model/finding.h"

/* True when `e` is what a person means by `word`: its key, its name, or, by kind, its pid, its id's beginning (container:
 * at least 6 digits), the last part of its path (cgroup), or the name without the scheduler (job). */
bool entity_is_called(const struct finding_entity *e, const char *word);

/* True when the finding is about that entity: as subject, as affected, or as a symptom it explains. `kind`
 * ENTITY_KIND_MAX: any kind. A node: every finding of that node. */
bool finding_concerns(const struct finding *f, enum entity_kind kind, const char *word);

/* True when `word` is the finding's id, or a beginning of it of at least 8 characters. */
bool finding_is_called(const struct finding *f, const char *word);

#endif
