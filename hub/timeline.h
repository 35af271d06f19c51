/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.h - which rows a finding's and a node's chart have.
 *
 * Room: hub.  Owns: nothing; rows borrow the answer's texts.  Thread: any.  Clock: none.
 * Bounds: TIMELINE_MAX_* of a kind; the chart counts what is left out.
 */
#ifndef WHY_HUB_TIMELINE_H
#define WHY_HUB_TIMELINE_H

#include "hub/chart.h"
#include "model/answer.h"

#define TIMELINE_MAX_DEEPER   4
#define TIMELINE_MAX_EVIDENCE 10
#define TIMELINE_MAX_FELT     8

/* The deeper causes, the evidence in the order of time, the finding itself, what it explains. */
void timeline_finding(const struct answer *a, const struct finding *f, struct chart *ret_chart);
/* Findings of a node as bars, oldest first. */
void timeline_node(const struct answer *a, struct chart *ret_chart);

#endif
