/* SPDX-License-Identifier: Apache-2.0 */
/* widget.h - the small parts that pages share: a status, a link, a thing's name, an age.
 *
 * Room: hub.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: the buf's.
 * Names of anybody stand in <bdi>, so that one written from right to left turns nothing around it.
 */
#ifndef WHY_HUB_WIDGET_H
#define WHY_HUB_WIDGET_H

#include "base/buf.h"
#include "model/answer.h"

/* "critical" "warning" "healthy" "unknown" "info" "resolved" as a class of our own; "unknown" for any other word. */
const char *widget_class(const char *status);
const char *widget_sign(const char *status); /* the sign that goes with the colour */
/* Sign and word. */
void widget_status(struct buf *out, const char *status);
/* "resolved", or how severe. */
const char *widget_finding_status(const struct finding *f);
/* Simulated, on trial, flapping, how often. */
void widget_marks(struct buf *out, const struct finding *f);

/* "pod ml/train-0"; of jobs, ranks and pods a link to their page. */
void widget_entity(struct buf *out, const struct finding_entity *e);
void widget_node(struct buf *out, const char *node);                 /* a link to its page */
/* A link to a finding's page; its id when `text` is empty. */
void widget_finding(struct buf *out, const char *id, const char *text);
void widget_span(struct buf *out, wall_ns_t from, wall_ns_t to);     /* "5 min 3 s" */
void widget_observed(struct buf *out, const struct finding_evidence *e); /* what was read, in its unit */

/* NULL: not among the answer's findings. */
const struct finding *widget_find(const struct answer *a, const char *id);
/* The open cause of the answer that explains this finding, or that it is because of; NULL: none. */
const struct finding *widget_cause_of(const struct answer *a, const struct finding *f);

#endif
