/* SPDX-License-Identifier: Apache-2.0 */
/* env_key.h - the allow-list of environment variables: nothing else of an environment is ever copied.
 *
 * Room: identity.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: ENV_KEY_MAX names of at most ENV_KEY_NAME_MAX - 1
 * bytes, values of at most ENV_VALUE_MAX - 1 bytes (longer ones are cut, and marked as cut).
 */
#ifndef WHY_IDENTITY_ENV_KEY_H
#define WHY_IDENTITY_ENV_KEY_H

#include <stdbool.h>
#include <stddef.h>

#define ENV_KEY_NAME_MAX 40
#define ENV_VALUE_MAX    128

enum env_key {
#define ENV_KEY(name, whose) ENV_##name,
#include "identity/env_keys.def"
#undef ENV_KEY
	ENV_KEY_MAX,
};

const char *env_key_name(enum env_key key);
/* Whose it is, for docs: "torchrun, PyTorchJob". */
const char *env_key_whose(enum env_key key);
/* The key of "NAME" (n bytes, no '='), or ENV_KEY_MAX. */
enum env_key env_key_find(const char *name, size_t n);

/* What was taken of one environment. */
struct env_values {
	char value[ENV_KEY_MAX][ENV_VALUE_MAX]; /* "" absent; UTF-8, hostile bytes escaped */
	bool has[ENV_KEY_MAX];                  /* tells an empty value from none */
	bool cut[ENV_KEY_MAX];
};

/* Take one "NAME=VALUE" if its name is on the list; the first of several wins, as getenv(3) has it. True: taken. */
bool env_values_take(struct env_values *v, const char *entry, size_t n);
/* The same with the key known; a key that is there already stays. A caller that has only the beginning of a value sets
 * v->cut[key] afterwards. Of TF_CONFIG a shorter text that says the same is kept (identity/tf_config.h). */
void env_values_set(struct env_values *v, enum env_key key, const char *value, size_t n);

/* TF_CONFIG is often longer than the kernel half carries: where `v` has only its beginning, take what `longer` knows of
 * it. Other values that were cut stay so. True: taken. */
bool env_values_complete(struct env_values *v, const struct env_values *longer);

#endif
