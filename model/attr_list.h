/* SPDX-License-Identifier: Apache-2.0 */
/* attr_list.h - the named texts that describe one entity, in the order in which they were first said.
 *
 * Room: model.  Owns: names and values.  Thread: the loop.  Clock: none.
 * Bounds: GRAPH_MAX_ATTRS; names 63 printable bytes without space, quote and backslash, and never "key";
 * values cut below GRAPH_MAX_VALUE at a UTF-8 boundary. A value that is not UTF-8 is kept escaped (\xNN).
 */
#ifndef WHY_MODEL_ATTR_LIST_H
#define WHY_MODEL_ATTR_LIST_H

#include <stddef.h>
#include <stdint.h>

struct attr {
	char *name; /* one block: name, NUL, value, NUL */
	char *value;
	size_t value_size;
};

struct attr_list {
	struct attr *attrs;
	uint8_t n, max;
};

void attr_list_done(struct attr_list *l);

/* Set, replace, or (value NULL) remove. 1: changed; 0: it was so already.
 * -EINVAL: not a name; -ENOSPC: too many; -ENOMEM. */
int attr_list_set(struct attr_list *l, const char *name, const char *value);
const char *attr_list_get(const struct attr_list *l, const char *name); /* NULL: absent */

#endif
