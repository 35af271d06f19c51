/* SPDX-License-Identifier: Apache-2.0 */
/* target.h - which thing a question is about: "pid 4242", "pod ml/train-0", "rank 81734:3", the beginning of an id.
 *
 * Room: model.  Owns: nothing; a search holds copies of what it found.  Thread: any.  Clock: none.
 * Bounds: TARGET_MAX_HITS things that fit equally well, TARGET_MAX_NEAR names that resemble the word.
 *
 * Agent and hub offer what they know, one thing at a time; what fits best wins: its key, then what people call it, then a
 * beginning of either. Of a bare word's kinds pods come before jobs before the others, and of things that fit
 * equally well one that lives before one that is gone.
 */
#ifndef WHY_MODEL_TARGET_H
#define WHY_MODEL_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "model/finding.h"

#define TARGET_MAX_HITS      20
#define TARGET_MAX_NEAR      5
#define TARGET_MAX_LOOKED    4000 /* names that are compared for it: what comes later is found, but not guessed */
#define TARGET_MIN_CONTAINER 6 /* digits of a container's id */
#define TARGET_MIN_JOB       4 /* letters of a job's id */
#define TARGET_MIN_BARE      4 /* letters of a bare word that shall be the beginning of something */

enum target_fit {
	TARGET_NOT,
	TARGET_PREFIX, /* the word begins its id or name */
	TARGET_CALLED, /* what a person calls it: its name, pid, or key without namespace or scheduler */
	TARGET_EXACT,  /* its key */
};

/* How well `word` names `e`. A rank is written "slurm:81734/3", "slurm:81734:3", "81734:3" or with its job's name or the
 * job's beginning; a container also as "containerd://ID". `kind` ENTITY_KIND_MAX: a bare word, any kind. Of the attributes
 * name, pid, index, uuid, uid, and of a rank rank, job, job_name are looked at. */
enum target_fit target_fit(const struct finding_entity *e, enum entity_kind kind, const char *word);

struct target_hit {
	enum entity_kind kind;
	char key[GRAPH_MAX_KEY];
	char node[256];  /* "" : of no one node */
	char what[256];  /* what it is, for people */
	uint32_t tag;    /* of the offer */
	bool gone;
};

struct target_search {
	enum entity_kind kind;
	const char *word;
	int best; /* of `hits`; larger is better */
	struct target_hit hits[TARGET_MAX_HITS];
	size_t n_hits, more;
	char near[TARGET_MAX_NEAR][128];
	unsigned near_rank[TARGET_MAX_NEAR];
	size_t n_near, n_looked;
};

/* `word` is kept, not copied. */
void target_search_init(struct target_search *s, enum entity_kind kind, const char *word);
/* `node` NULL or "": of no one node. The same thing twice is one. */
void target_search_offer(struct target_search *s, const struct finding_entity *e, const char *node, uint32_t tag,
			 bool gone);
/* A name that may resemble the word, where no thing fits. */
void target_search_near(struct target_search *s, const char *name);
/* ", did you mean a or b?", or "". */
void target_search_hint(const struct target_search *s, char *ret_text, size_t size);

/* ---- what findings are about ---- */

const char *finding_entity_attr(const struct finding_entity *e, const char *name); /* NULL: none */

/* This thing, or one in it or of it, as the entity's holders say (attributes container, pod, rank, job, cgroup). */
bool finding_entity_is_of(const struct finding_entity *e, enum entity_kind kind, const char *key);

/* The thing itself, or what is in it or of it, is the subject: it is to blame, or the place. */
bool finding_blames(const struct finding *f, enum entity_kind kind, const char *key);
/* As subject, as affected, or as a symptom it explains. A node: every finding of that node. */
bool finding_is_about(const struct finding *f, enum entity_kind kind, const char *key);

/* True when `word` is the finding's id, or a beginning of it of at least 8 characters. */
bool finding_is_called(const struct finding *f, const char *word);

#endif
