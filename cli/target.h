/* SPDX-License-Identifier: Apache-2.0 */
/* target.h - "pod ml/train-0", "pid 4242@node-17", "gpu node-17:3", "node-17" as a question.
 *
 * Room: cli.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: those of struct query.
 *
 * A node stands before a colon ("gpu node-17:3") or behind an at sign ("pid 4242@node-17"). Kinds whose names hold colons
 * (job, rank, link, socket) take the at sign only, paths the colon only. A bare word is left to who answers: it is tried
 * as finding id, node, pod and job. A word that begins with "/" is a cgroup.
 */
#ifndef WHY_CLI_TARGET_H
#define WHY_CLI_TARGET_H

#include <stddef.h>

#include "model/answer.h"

/* Sets target_kind, target and, where the words say one, node of `q`; no words: the node, or the fleet. Nothing else is
 * touched. WHY_EXIT_OK, or WHY_EXIT_USAGE with a sentence in ret_error: no such kind, a word missing or too many or too
 * long. */
int target_parse(const char *const *words, size_t n_words, struct query *q, char *ret_error, size_t size);

/* Words that name a kind of target, for completion. */
const char *const *target_kinds(size_t *ret_n);

#endif
