/* SPDX-License-Identifier: Apache-2.0 */
/* who.h - who a process, rank, job, container or pod is, in words: the lines `who` of an answer.
 *
 * Room: model.  Owns: nothing (lines go into the answer's arena).  Thread: any.  Clock: none.  Bounds: ANSWER_MAX_WHO.
 *
 * The agent tells it from its graph, the hub from what findings say by value; the words are the same.
 */
#ifndef WHY_MODEL_WHO_H
#define WHY_MODEL_WHO_H

#include "base/text.h"
#include "model/answer.h"

/* What is known; NULL: not known. `self` is not among its own holders. */
struct who_facts {
	const struct finding_entity *self;
	const struct finding_entity *rank, *job, *container, *pod, *cgroup;
	const char *node;
};

/* "python3[4242] is rank 3 of job torchrun:llama (restart 1), in container train of pod ml/llama-0 (image x:1), cgroup ...,
 * node n1". */
void who_sentence(const struct who_facts *f, struct text *t);

/* A line with the entity's name and attributes, copied. NULL: full. Text, node and status are "". */
struct answer_who *who_add(struct answer *a, const char *role, const struct finding_entity *e);
/* The lines self, of, in. */
void who_self(struct answer *a, const struct who_facts *f);
/* Its attributes `unresolved` and `conflict` as doubts. */
void who_doubts(struct answer *a, const struct finding_entity *e);
/* A member with what the answer's open findings say of it. `gone`: it has ended. */
void who_member(struct answer *a, const struct finding_entity *e, const char *node, bool gone);
/* 0 is worst: by its status. */
unsigned who_trouble(const struct answer_who *w);
/* Members in order: in trouble first, then by name, numbers as numbers. */
void who_sort(struct answer *a);

/* ---- for showing them ---- */

const char *who_attr(const struct answer_who *w, const char *name); /* NULL: none */
const char *who_member_name(const struct answer_who *w);            /* "3" of a rank, else its name */
const char *who_role(const struct answer_who *w);                   /* "rank" "executor" ..., else its kind */
bool who_is_quiet(const struct answer_who *w);                      /* nothing is wrong with it, or it has ended */
/* Image, state, restarts and last exit of a container: "image x:1, running, restarted 2 times, last exit 137 (OOMKilled)";
 * of any member its exit. Nothing where nothing is known. */
void who_add_state(struct text *t, const struct answer_who *w);
/* The quiet members from the i-th on that are of its kind, role and state: `ret_list` has room for ANSWER_MAX_WHO. */
size_t who_alike(const struct answer *a, size_t i, size_t *ret_list);
/* "0-2, 5": numbers that follow one another are one range; at most `max_parts` of them. How many members were written. */
size_t who_add_names(struct text *t, const struct answer *a, const size_t *list, size_t n, size_t max_parts);

/* All of it from what the answer's findings say by value: who it is, the doubts, a job's or pod's members. */
void who_from_findings(struct answer *a, enum entity_kind kind, const char *key);

/* "pod name: containerd has not answered for 12 s" about "container 3f4e": what "pod name of container 3f4e", why
 * "containerd has ...". A sentence without such a head: what "identity of ...", why all of it. */
void who_split_doubt(const char *sentence, const char *name, struct text *ret_what, const char **ret_why);

#endif
