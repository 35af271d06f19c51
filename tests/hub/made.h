/* SPDX-License-Identifier: Apache-2.0 */
/* made.h - findings, batches and folders as the hub's tests need them. */
#ifndef WHY_TESTS_HUB_MADE_H
#define WHY_TESTS_HUB_MADE_H

#include "base/buf.h"
#include "hub/record.h"
#include "model/finding.h"

/* A cause about pod "ml/train-N", affecting job "slurm:9N", made to differ by n; same n and node: same id. */
struct finding *made_finding(const char *node, unsigned n, uint64_t revision, enum finding_state state,
			     enum severity severity);
void made_pack(const struct finding *f, struct buf *out);
/* One more record in the batch. */
void made_add(struct record_batch *b, uint64_t seq, const struct finding *f);
/* A batch of one. */
struct record_batch *made_batch(const char *spool, uint64_t seq, const struct finding *f);

char *made_folder(void);         /* fresh, below /tmp */
void made_folder_gone(char **folder); /* with what is in it */

#endif
