/* SPDX-License-Identifier: Apache-2.0 */
/* kept.h - a finding packed as small as it is: what the engine remembers of each open one.
 *
 * Room: rules.  Owns: a kept finding is one block of memory.  Thread: the loop.  Clock: none.
 * Bounds: FINDING_MAX_BYTES of texts. A struct finding has room for the largest; most need a fiftieth of it.
 */
#ifndef WHY_RULES_KEPT_H
#define WHY_RULES_KEPT_H

#include "base/buf.h"
#include "model/finding.h"

struct kept;

/* `scratch` is reset and used for packing. -ENOMEM; -EMSGSIZE: scratch is too small for it. */
int kept_new(const struct finding *f, struct buf *scratch, struct kept **ret_kept);
void kept_free(struct kept **kept);

/* Fill *ret_finding: texts point into `kept` and live as long as it does; the arena is not touched. */
void kept_read(const struct kept *kept, struct finding *ret_finding);
size_t kept_size(const struct kept *kept);

#endif
