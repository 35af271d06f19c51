/* SPDX-License-Identifier: Apache-2.0 */
/* rulebook.h - the rules in force, and when they are read again: a changed file, SIGHUP, or `why rules reload`.
 *
 * Room: agent.  Owns: the watches of the rule folders and the list of what was rejected.  Thread: the loop.  Clock: the
 * loop's. Bounds: 16 folders; changes within RULEBOOK_SETTLE_NS are one reload, so that a half-written package is not
 * read.
 */
#ifndef WHY_AGENT_RULEBOOK_H
#define WHY_AGENT_RULEBOOK_H

#include "base/conf.h"
#include "base/diag.h"
#include "base/loop.h"
#include "rules/ruleset.h"

#define RULEBOOK_SETTLE_NS (300 * NS_PER_MS)
#define RULEBOOK_WAIT_NS   (3 * NS_PER_S) /* at most, while changes go on */

struct rulebook;

/* A new ruleset to put in force: take it by setting *ruleset NULL, or leave it (it is freed then). `diags` lists what
 * was refused. */
typedef void (*rulebook_fn)(void *arg, struct ruleset **ruleset, const struct diags *diags, mono_ns_t now);

/* Watches the folders; reads nothing yet. `current` gives the ruleset in force for keeping good versions. -ENOMEM,
 * -EMFILE. */
int rulebook_open(struct loop *loop, const struct conf_list *dirs, const struct metrics *metrics,
		  const struct ruleset *(*current)(void *arg), rulebook_fn fn, void *arg, struct rulebook **ret_rulebook);
void rulebook_close(struct rulebook **rulebook);

/* Read all folders now and hand the result to the function. -ENOMEM, -EMSGSIZE: the old rules stay in force. */
int rulebook_load(struct rulebook *rb, mono_ns_t now);

/* What the last reading complained about; NULL before the first. Valid until the next. */
const struct diags *rulebook_diags(const struct rulebook *rb);

#endif
