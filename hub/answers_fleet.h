/* SPDX-License-Identifier: Apache-2.0 */
/* answers_fleet.h - one line a node, the worst first.
 *
 * Room: hub.  Owns: nothing.  Thread: the reader's.  Clock: none.  Bounds: FLEET_MAX_NODES are looked at; pages of
 * ANSWER_MAX_LINES.
 */
#ifndef WHY_HUB_ANSWERS_FLEET_H
#define WHY_HUB_ANSWERS_FLEET_H

#include "hub/answers.h"

#define FLEET_MAX_NODES 20000

/* `cursor` "n2000": from the 2,001st on. -ENOMEM, or as the store. */
int answers_fleet(const struct answers_env *env, const struct query *q, struct answer *a);

#endif
