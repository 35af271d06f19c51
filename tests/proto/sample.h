/* SPDX-License-Identifier: Apache-2.0 */
/* sample.h - findings and answers with every field filled, each seed its own; and whether two are the same. */
#ifndef WHY_TESTS_PROTO_SAMPLE_H
#define WHY_TESTS_PROTO_SAMPLE_H

#include "model/answer.h"
#include "model/finding.h"

/* Lists of random length, their maxima included, as long as it stays below FINDING_MAX_BYTES. */
struct finding *sample_finding(uint64_t seed);
struct answer *sample_answer(uint64_t seed);

void assert_same_finding(const struct finding *a, const struct finding *b);
void assert_same_answer(const struct answer *a, const struct answer *b);

#endif
