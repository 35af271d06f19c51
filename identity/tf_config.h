/* SPDX-License-Identifier: Apache-2.0 */
/* tf_config.h - TensorFlow's TF_CONFIG: who the task is, how many there are, and one address to name the cluster by.
 *
 * Room: identity.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: TF_CONFIG_MAX_TYPES types of task; nesting 8 deep; the address of one task alone is kept.
 *
 * The text is JSON, often longer than the kernel half carries, so the reader takes what is complete before a cut. It
 * also reads what tf_config_compact writes: the task first, so that no cut loses it, and numbers for the addresses that
 * are not needed.
 */
#ifndef WHY_IDENTITY_TF_CONFIG_H
#define WHY_IDENTITY_TF_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TF_CONFIG_MAX_TYPES 6

struct tf_config {
	char type[16]; /* "worker" "ps" "chief" "evaluator"; "" not known */
	uint32_t index;
	char address[96]; /* the first chief's, else master's, else worker's "host:port"; "" not known */
	bool whole;       /* the cluster was read to its end: the counts are right */
	size_t n_types;
	struct {
		char type[16];
		uint32_t n;
	} types[TF_CONFIG_MAX_TYPES];
};

/* False: no object, or nothing of use in it. */
bool tf_config_parse(const char *json, size_t n, struct tf_config *ret_config);
/* Shorter JSON that says the same. The length; always terminated, cut when it does not fit. */
size_t tf_config_compact(const struct tf_config *config, char *ret_json, size_t size);

#endif
