/* SPDX-License-Identifier: Apache-2.0 */
/* cri_write.h - what a runtime told, into the graph: containers, pods, and how containers ended.
 *
 * Room: runtimes.  Owns: nothing.  Thread: the collector's.  Clock: none.
 * Bounds: those of the table and the batch; labels are cut at LABEL_VALUE_MAX. Only labels and annotations of
 * identity/label_keys.def are copied.
 *
 * A container that has ended is gone, as it is for who looks at cgroups: what is known of its end stays with it for as
 * long as a finding may need it. A pod is gone with the last of its sandboxes.
 */
#ifndef WHY_RUNTIMES_CRI_WRITE_H
#define WHY_RUNTIMES_CRI_WRITE_H

#include "base/records.h"
#include "model/batch.h"
#include "proto/cri.h"
#include "runtimes/cri_known.h"

struct cri_scribe {
	struct records *table; /* of struct cri_known, by id */
	struct cri_reader *reader;
	struct batch *out;
	const char *runtime; /* its name, see talk_name */
	uint8_t index;       /* which runtime */
	uint32_t round;      /* of the listing */
	bool first;          /* the first listing of this runtime: what ended before it is no news */
	mono_ns_t now;
	uint64_t refused;    /* items that could not be read, or for which there was no room; added to */
};

/* Take back what a process before this one may have said and could not take back: it lives on in the agent's graph, of which
 * this process knows nothing. */
void cri_write_afresh(struct batch *out, entity_id id, const char *attr);

/* One item of a listing. */
void cri_write_sandbox(struct cri_scribe *s, const uint8_t *item, size_t n);
void cri_write_container(struct cri_scribe *s, const uint8_t *item, size_t n);

/* The listing is whole: what was not in it is gone. Then the counts of restarts. */
void cri_write_removed(struct cri_scribe *s);
void cri_write_restarts(struct cri_scribe *s);

/* A reply to the question for one container's status; `st` NULL: the runtime knows it no longer. */
void cri_write_status(struct cri_scribe *s, struct cri_known *k, const struct cri_status *st);

#endif
