/* SPDX-License-Identifier: Apache-2.0 */
/* agent.h - the whole agent: who is there, in what order they are made, and what one turn does.
 *
 * Room: agent.  Owns: every lifetime of the program.  Thread: the loop.  Clock: the loop's `now`, the wall clock once a
 * turn. Bounds: those of its parts.
 *
 * A turn: read what is due (or drain what came), record it, evaluate, store what was published and the collectors'
 * positions in one transaction, hand it to the exporters. Events wake a turn at once, but at most one every
 * TURN_MIN_NS, so that a flood of them costs a bounded share of a CPU.
 */
#ifndef WHY_AGENT_AGENT_H
#define WHY_AGENT_AGENT_H

#include "agent/collecting.h"
#include "agent/control.h"
#include "agent/exporting.h"
#include "agent/recorder.h"
#include "agent/rulebook.h"
#include "agent/settings.h"
#include "agent/storing.h"
#include "exporters/spool.h"
#include "rules/engine.h"

#define TURN_MIN_NS   (20 * NS_PER_MS)
#define TURN_REST     4    /* times as long as a turn took, it rests: a flood gets a fifth of a CPU */
#define DRAIN_MAX     2048 /* records of one collector a turn */
#define MAX_SAMPLES   40000
#define MAX_EVENTS    4096
#define MAX_OPS       40000
#define MAX_WANTS     64
#define WARM_UP_NS    (3 * NS_PER_S)
#define MAX_INSTANCES 20000
#define MAX_SERIES    20000
#define SERIES_BYTES  (12UL << 20)

struct agent {
	const struct settings *settings;
	char boot_id[40];
	struct loop *loop;
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	struct spool *spool;
	struct storing *storing;
	struct collecting *collecting;
	struct engine *engine;
	struct rulebook *rulebook;
	struct recorder *recorder; /* NULL: cannot record here */
	struct exporting *exporting;
	struct control *control;
	struct export_env export_env;
	struct loop_source *tick, *wake;
	mono_ns_t next_turn;       /* not before then, unless a tick is due */
	int told_error;            /* of storing; said once */
	int no_disk;               /* why the spool is in memory only; 0: it is on the disk */
	/* of the turn under way */
	mono_ns_t now;
	wall_ns_t wall;
	bool published, kept;
	bool rules_changed;        /* since the last turn: what was refused is still to be said */
	int root_fd;
};

/* Make everything, in the order the parts need each other. Reports what fails, and what to do about it. A part that the
 * agent can do without (recorder, rules, exporters, a collector) is left out with a warning; -errno for one it cannot
 * do without (state folder, socket). */
int agent_open(const struct settings *settings, struct agent *ret_agent);
int agent_run(struct agent *a); /* until SIGTERM or SIGINT; the program's exit status */
void agent_close(struct agent *a);

/* The answer to one question (agent/answers.c); a control_answer_fn and export_env.answer. */
int agent_answer(void *agent, const struct query *q, int privileged, struct answer **ret_answer);

#endif
