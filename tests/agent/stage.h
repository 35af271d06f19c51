/* SPDX-License-Identifier: Apache-2.0 */
/* stage.h - a small machine of files with an agent on it: a root, a kernel log, rules of our own, a state folder.
 *
 * Room: tests. The agent is a child process with the real collectors kernlog and self; it is asked by its socket, and ended
 * by SIGTERM or, to see what it forgot, by SIGKILL. One stage at a time.
 */
#ifndef WHY_TESTS_AGENT_STAGE_H
#define WHY_TESTS_AGENT_STAGE_H

#include <sys/types.h>

#include "tests/test.h"

#include "agent/settings.h"
#include "model/answer.h"

struct stage {
	char folder[64], root[80], state[80], run[80], rules[80], kmsg[80], socket[112], log[80];
	const char *rule_dirs[1];
	const char *disabled[64];
	struct settings settings;
	pid_t pid; /* 0: no agent runs */
	unsigned lines;
};

/* Everything but the agent; boot id "boot-one", rules from STAGE_RULES. */
void stage_open(struct stage *s);
void stage_close(struct stage *s); /* ends the agent, removes the folder */

void stage_write(const char *folder, const char *name, const char *text);
void stage_boot(struct stage *s, const char *boot_id);
void stage_rule_file(struct stage *s, const char *name,
		     const char *text); /* as a package manager does it: renamed into place */
void stage_log(struct stage *s, const char *text);                          /* one line of the kernel */
void stage_xid(struct stage *s, unsigned gpu);                              /* Xid 79 on GPU 0000:NN:00 */

void stage_start(struct stage *s);
int stage_stop(struct stage *s); /* SIGTERM; the exit status, -1 when it was killed by a signal */
void stage_kill(struct stage *s);

/* Asks the agent, waiting until it listens. */
struct answer *stage_ask(struct stage *s, const struct query *q);
struct answer *stage_ask_about(struct stage *s, enum query_kind kind, const char *target);
/* The newest word on the finding of this rule, when it has come to this state; fails after some 15 s. The caller frees. */
struct finding *stage_await(struct stage *s, const char *rule, enum finding_state state);
/* The same for a finding about this subject. */
struct finding *stage_await_about(struct stage *s, const char *rule, const char *subject, enum finding_state state);
/* A line of the answer that has this `what`, or NULL. */
const struct answer_line *stage_line(const struct answer *a, const char *what);
/* Whether the agent's log holds this text. */
bool stage_said(const struct stage *s, const char *text);

/* One cause: any Xid makes `lab.xid` on the GPU; critical, open for long. Others: whyd.* events, see stage.c. */
extern const char stage_rules[];

#endif
