/* SPDX-License-Identifier: Apache-2.0 */
/* likeness.h - findings that differ by numbers only: one is told, the others are counted.
 *
 * Room: cli.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: ANSWER_MAX_FINDINGS.
 *
 * "reaper[55] killed sleep[70] with SIGKILL" and "reaper[55] killed sleep[71] with SIGKILL" are alike: same rule, severity
 * and title but for words with a digit in them. Two alike are told both; from LIKENESS_MIN on they are a crowd.
 */
#ifndef WHY_CLI_LIKENESS_H
#define WHY_CLI_LIKENESS_H

#include <stdint.h>

#include "model/answer.h"

#define LIKENESS_MIN 3

/* Digest of what makes findings alike; `salt` keeps apart what else must not be mixed. */
uint64_t likeness_of(const struct finding *f, uint64_t salt);

/* ret_first[i]: the first finding that has the digest of the i-th, or i itself where there are too few of them. */
void likeness_crowd(const uint64_t *digests, size_t n, uint16_t *ret_first);

#endif
