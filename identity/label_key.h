/* SPDX-License-Identifier: Apache-2.0 */
/* label_key.h - the allow-list of labels and annotations.
 *
 * Room: identity.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: a key is at most 63 bytes, as an attribute's name is (model/graph.h); values are cut at LABEL_VALUE_MAX - 1.
 */
#ifndef WHY_IDENTITY_LABEL_KEY_H
#define WHY_IDENTITY_LABEL_KEY_H

#include <stdbool.h>
#include <stddef.h>

#define LABEL_VALUE_MAX 256

bool label_key_wanted(const char *key, size_t n);
/* Position in the list, for walking it; NULL past the last. `ret_whose` may be NULL. */
const char *label_key_at(size_t i, const char **ret_whose);

#endif
