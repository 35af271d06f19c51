/* SPDX-License-Identifier: Apache-2.0 */
/* made.h - small findings, and a folder of one's own, for the tests of this room. */
#ifndef WHY_TESTS_EXPORTERS_MADE_H
#define WHY_TESTS_EXPORTERS_MADE_H

#include "model/finding.h"

/* The finding number n in its given revision; changed_at is n seconds, plus revision nanoseconds, after 2001. */
struct finding *made_finding(unsigned n, uint64_t revision, enum finding_state state);
unsigned made_number(const struct finding *f); /* n again */

/* A new empty folder below TMPDIR; remove it and what is in it. */
void made_folder(char ret_path[64]);
void made_folder_remove(const char *path);

#endif
