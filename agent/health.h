/* SPDX-License-Identifier: Apache-2.0 */
/* health.h - what the agent can and cannot see, and which rules suffer from it.
 *
 * Room: agent.  Owns: nothing.  Thread: the loop.  Clock: none.  Bounds: those of model/answer.h.
 */
#ifndef WHY_AGENT_HEALTH_H
#define WHY_AGENT_HEALTH_H

#include "agent/agent.h"

/* answer->unknown: every collector and hook that does not work, and why. -ENOMEM. */
int health_unknown(struct agent *a, struct answer *answer);

/* One line for each collector, hook, exporter and store: status, reason, and in `detail` the rules that need it. -ENOMEM. */
int health_doctor(struct agent *a, struct answer *answer);

/* One line for each rule in force (mode, severity, title), then each that was rejected and why. -ENOMEM. */
int health_rules(struct agent *a, struct answer *answer);

/* One line for each metric: its kind, entity, unit, help, and whether its collector runs. -ENOMEM. */
int health_metrics(struct agent *a, struct answer *answer);

#endif
