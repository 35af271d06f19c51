/* SPDX-License-Identifier: Apache-2.0 */
/* conf_value.h - one configured value: from text into its field and back, for conf.c.
 *
 * Room: base.  Owns: nothing (texts live in the caller's arena).  Thread: any.  Clock: none.
 * Bounds: CONF_MAX_LIST entries.
 */
#ifndef WHY_BASE_CONF_VALUE_H
#define WHY_BASE_CONF_VALUE_H

#include "base/conf.h"

#define CONF_ERROR_MAX 320

/* Parse `text` and store it. ret_error reads behind the key's name: "is above its maximum 1m; ...".
 * -EINVAL: not of the type, or not among the choices; -ERANGE: out of bounds; -ENOMEM. The field is untouched then. */
int conf_value_set_text(const struct conf_option *option, const char *text, struct arena *arena,
			char ret_error[CONF_ERROR_MAX], void *conf);

/* Copies the entries. Errors as above. */
int conf_value_set_list(const struct conf_option *option, const char *const *items, size_t n, struct arena *arena,
			char ret_error[CONF_ERROR_MAX], void *conf);

/* "a duration like 30s or 1h30m" */
const char *conf_value_form(enum conf_type type);

/* The field as YAML that is read back to the same. 0 or buf_add's error. */
int conf_value_print(const struct conf_option *option, const void *conf, struct buf *out);

#endif
