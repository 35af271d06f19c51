/* SPDX-License-Identifier: Apache-2.0 */
/* kubeflow.h - the labels that all operators of Kubeflow's first generation put on the pods of a job.
 *
 * Room: identity.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: none.
 *
 * A pod of such a job may run one rank or many, so that labels alone name the job and not the member: the replica is an
 * attribute.
 */
#ifndef WHY_IDENTITY_KUBEFLOW_H
#define WHY_IDENTITY_KUBEFLOW_H

#include "identity/facts.h"

/* The pod's job is of the operator whose name contains `operator_word` ("pytorch" of "pytorchjob-controller"). */
bool kubeflow_job(const struct identity_facts *f, const char *operator_word, struct membership *m);

#endif
