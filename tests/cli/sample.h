/* SPDX-License-Identifier: Apache-2.0 */
/* sample.h - answers as an agent would give them, for tests of what `why` prints. */
#ifndef WHY_TESTS_CLI_SAMPLE_H
#define WHY_TESTS_CLI_SAMPLE_H

#include "model/answer.h"

/* 2026-11-20 10:42:11.204 UTC, when it began; all other times are relative to it. */
#define SAMPLE_T0 (1795171331ULL * NS_PER_S + 204 * NS_PER_MS)

/* An evaluated node "node-17" as of T0 + 292 s. */
void sample_head(struct answer *a);
/* A GPU that fell off the bus, with everything a finding can say; added to the answer and returned. */
struct finding *sample_gpu(struct answer *a);
/* A symptom that nothing explains. */
struct finding *sample_symptom(struct answer *a);
/* Cleared after 3 min 4 s. */
struct finding *sample_resolved(struct answer *a);
/* A bare cause; id is "fnd_" and `suffix`. */
struct finding *sample_cause(struct answer *a, const char *suffix, const char *title, enum severity severity);

#endif
