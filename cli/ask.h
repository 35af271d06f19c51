/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - a question put to this machine's agent or to the hub, and why nobody answered.
 *
 * Room: cli.  Owns: nothing.  Thread: one at a time.  Clock: reads the wall clock to check certificates.
 * Bounds: an answer of proto/local.h's or proto/call.h's maximum; common.timeout_ns.
 *
 * Where: --local, or --hub (or $WHY_HUB); else the agent if its socket is there; else a hub at ASK_DEFAULT_HUB.
 */
#ifndef WHY_CLI_ASK_H
#define WHY_CLI_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"
#include "model/answer.h"

#define ASK_DEFAULT_HUB "127.0.0.1:7443"
#define ASK_MAX_ERROR   1024

/* Would a question go to the agent of this machine? */
bool ask_is_local(const struct common *common);

/* WHY_EXIT_OK, or WHY_EXIT_UNREACHABLE, WHY_EXIT_DENIED, WHY_EXIT_USAGE with a sentence (what failed, and what to do) in
 * ret_error. An answer that says "not found" or "denied" is an answer. Pages of a timeline are one answer. */
int ask(const struct common *common, const struct query *q, struct answer **ret_answer, char *ret_error, size_t size);

/* Every change of a finding as it comes, from a hub only: first what is there, then (finding NULL) the word that all of
 * that was told, then what is new. `cursor` (64 bytes) says where to begin and is kept up to date: after a break go on
 * from there. Ends when the connection does, as ask(); or with what `told` returned when that is not WHY_EXIT_OK. */
int ask_watch(const struct common *common, const struct query *q, char *cursor,
	      int (*told)(void *arg, const struct finding *f), void *arg, char *ret_error, size_t size);

#endif
