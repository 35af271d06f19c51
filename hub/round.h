/* SPDX-License-Identifier: Apache-2.0 */
/* round.h - one question put to several nodes: whom to ask, and one answer out of theirs.
 *
 * Room: hub.  Owns: nothing.  Thread: the reader's, then whoever holds the lock of the question.  Clock: none.
 * Bounds: ROUND_MAX_NODES are asked; those of an answer.
 *
 * The hub stores findings only: of a healthy pod, or of a job's ranks with nothing wrong, the agents know. What is
 * of no one node (a job, a rank, a pod) is put together from all that know it; two nodes' containers or pids that one word
 * fits are two things, and are listed.
 */
#ifndef WHY_HUB_ROUND_H
#define WHY_HUB_ROUND_H

#include "hub/answers.h"

#define ROUND_MAX_NODES 64

struct round_plan {
	char nodes[ROUND_MAX_NODES][RECORD_MAX_NODE];
	size_t n;
	size_t more; /* connected, but too many to ask */
	struct query query; /* by the full name, where the hub knows it */
};

/* Whom to ask further about what `a` answers: nobody, the nodes it is of, or all that are connected. Errors of the store. */
int round_plan(const struct answers_env *env, const struct query *q, const struct answer *a, struct round_plan *ret_plan);
/* Take what a node says; the answer is left without its findings where they were taken. */
void round_merge(struct answer *base, struct answer *from);
/* All have answered that will. */
void round_end(struct answer *base, size_t n_silent, size_t n_asked, size_t n_more);

#endif
