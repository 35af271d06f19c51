/* SPDX-License-Identifier: Apache-2.0 */
/* control.h - the agent's unix socket: `why --local` asks here, even in a flood.
 *
 * Room: agent.  Owns: the listening socket and its clients.  Thread: the loop, at LOOP_CONTROL priority.
 * Clock: the loop's.  Bounds: CONTROL_MAX_CLIENTS connections, one question each at a time, 10 s of silence; an answer
 * that its reader does not take is dropped with the connection, and so is one that would make more than
 * CONTROL_MAX_PENDING bytes wait for readers.
 *
 * Who may ask: the socket is 0660, so its owner and group decide. What changes something (reloading the rules) is for
 * root and for the agent's own user only, told by SO_PEERCRED.
 */
#ifndef WHY_AGENT_CONTROL_H
#define WHY_AGENT_CONTROL_H

#include "base/loop.h"
#include "model/answer.h"

#define CONTROL_MAX_CLIENTS 32
#define CONTROL_MAX_PENDING (16UL << 20)

struct control;

/* Answers one question; `privileged` says whether the asker may change things. -ENOMEM: the connection is closed. */
typedef int (*control_answer_fn)(void *arg, const struct query *q, int privileged, struct answer **ret_answer);

/* Listen on run_dir/whyd.sock. A stale socket (nobody listens) is replaced.
 * -EADDRINUSE: another agent is alive there; -EACCES, -ENOENT ...: from mkdir(2), bind(2). */
int control_open(struct loop *loop, const char *run_dir, control_answer_fn answer, void *arg, struct control **ret_control);
void control_close(struct control **control); /* removes the socket's file */

#endif
