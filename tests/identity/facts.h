/* SPDX-License-Identifier: Apache-2.0 */
/* facts.h - facts for the recognisers' tests: an environment, labels and arguments, written as people know them.
 *
 * Room: tests.
 */
#ifndef WHY_TESTS_IDENTITY_FACTS_H
#define WHY_TESTS_IDENTITY_FACTS_H

#include "identity/recogniser.h"

struct known {
	struct identity_facts facts;
	struct env_values env;
	struct cgroup_form cgroup;
	const char *const *labels;
	char argv[4096];
	struct membership is[RECOGNISED_MAX];
	size_t n;
};

/* Anew, of node "n1". */
void known_reset(struct known *k);
/* "A=1\0B=2\0" in one literal: what is not on the allow-list is left out, as from a process. */
void known_env(struct known *k, const char *entries, size_t n);
#define KNOWN_ENV(k, literal) known_env(k, literal, sizeof(literal) - 1)
/* Words of a command, separated by one blank. */
void known_argv(struct known *k, const char *command);
/* "key", "value", ..., NULL; refuses (fails the test for) keys that are not in identity/label_keys.def. */
void known_labels(struct known *k, const char *const *labels);
void known_cgroup(struct known *k, enum cgroup_holder holder, const char *container_id);
/* recognise() into k->is; returns how many. */
size_t known_recognise(struct known *k);

/* The first membership's keys: "torchrun:100" and "torchrun:100/3" (member NULL: it is of the job itself). */
void assert_is(struct known *k, const char *job_key, const char *member_key);
void assert_attr(const struct known *k, const char *name, const char *value);     /* of the member; NULL: absent */
void assert_job_attr(const struct known *k, const char *name, const char *value); /* of the job */

#endif
