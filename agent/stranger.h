/* SPDX-License-Identifier: Apache-2.0 */
/* stranger.h - whose a process is that lives and is not in the graph: a helper of a rank, anything in a container.
 *
 * Room: agent.  Owns: nothing.  Thread: the loop.  Clock: none.
 * Bounds: STRANGER_MAX_ANCESTORS; reads /proc of these alone, once a question, through the collectors' own readers.
 *
 * The graph holds main processes and those that findings are about; a person asks about any.
 */
#ifndef WHY_AGENT_STRANGER_H
#define WHY_AGENT_STRANGER_H

#include <stdint.h>

#include "model/answer.h"
#include "model/graph.h"

#define STRANGER_MAX_ANCESTORS 16

/* Fill the answer's `who`: whose it is by its own word, else by the nearest ancestor's; the container it is in.
 * -ESRCH, -ENOENT: no such process in /proc below `root_fd`; -ENOMEM. */
int stranger_tell(const struct graph *g, int root_fd, uint32_t pid, struct answer *answer);

#endif
