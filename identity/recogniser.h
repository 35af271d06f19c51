/* SPDX-License-Identifier: Apache-2.0 */
/* recogniser.h - from what is known of a process, container or pod to whose it is: one table entry a workload system.
 *
 * Room: identity.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: RECOGNISED_MAX memberships of one process.
 *
 * A recogniser is a pure function of facts (identity/facts.h), in recognise_NAME.c, with a line in recognisers.def and
 * a test from exact texts. Systems nest, and each is in one of four layers:
 *
 *   JOB          starts every member and so leaves its id on all of them, on every node: a PyTorchJob, Slurm, Azure ML
 *   APPLICATION  a JOB that numbers its members itself, wherever it runs: Spark, Ray. Ranks that it was started with
 *                (srun's, mpirun's) are not its members'
 *   RANKS        numbers the processes of one run, and names the run by an address at best: torchrun, MPI, TensorFlow
 *   AROUND       what it all happens in, on one member perhaps: an Airflow task, a Jenkins build, a project, a unit
 *
 * The rule: the first membership is the process's own. Its job is that of the first JOB in recognisers.def, because
 * that is the name people gave it; its member is that of the first RANKS, because that is the number the program's own
 * collectives use. So a torchrun worker of a PyTorchJob is pytorchjob:NAMESPACE/NAME member RANK, one in Slurm slurm:ID
 * member RANK, whatever SLURM_PROCID (the place of its launcher) says. Without a JOB the run is the job; without
 * either, what is AROUND is. The other JOBs and AROUNDs follow as memberships of their own, and their ids are also said
 * as attributes of the first one's job ("slurm_job", "airflow_task"). A Spark driver that an Airflow task submitted is
 * Spark's first: its executors elsewhere know nothing of Airflow and are of the same job.
 *
 * What launches and minds members (an elastic agent, mpirun, a batch script, a shell before the program) is of the job
 * and no member, although it has the variables of one.
 *
 * A child that was started with the environment of its parent says less than the parent does, whose arguments or title
 * told more: recognise_is_inherited. The children of a rank are of that rank.
 *
 * Job ids are the same on every node and differ between jobs. What is unique only in a place has that place behind an
 * '@': 127.0.0.1:29500@CONTAINER-OR-NODE, RUN@NAMESPACE, nginx.service@NODE. Labels may be known later than the
 * environment, and may then change the job: recognise again when a pod or container is resolved, but never because of a
 * new title.
 *
 * Not told apart: two runs started by hand at the same time inside one Slurm job without srun, or in one pod of an
 * operator, which have the same ranks; the same id in two clusters that report to one hub (Slurm's, Jenkins' names).
 * Told apart without need: a Ray job on several nodes that neither KubeRay nor Slurm names.
 */
#ifndef WHY_IDENTITY_RECOGNISER_H
#define WHY_IDENTITY_RECOGNISER_H

#include <stdbool.h>
#include <stddef.h>

#include "identity/facts.h"
#include "identity/membership.h"

#define RECOGNISED_MAX 4

enum recogniser_layer { RECOGNISER_APPLICATION, RECOGNISER_JOB, RECOGNISER_RANKS, RECOGNISER_AROUND };

struct recogniser {
	const char *name;          /* == file stem without "recognise_" == scheduler */
	const char *system;        /* "PyTorch torchrun / torchelastic" */
	const char *what, *from;   /* for docs/workloads.md: what is recognised, from where */
	const char *tested;        /* "real program", "real wire", "exact text", with what */
	enum recogniser_layer layer;
	const char *as_attr;       /* name under which another membership's job says this one's id; NULL: it does not */
	/* True: *ret is filled. Before, *ret is zeroed but for scheduler, role "" and source IDENTITY_SOURCE_MAX. A
	 * RANKS recogniser may leave ret->job empty when the run has no id: it then counts only inside a JOB. */
	bool (*recognise)(const struct identity_facts *facts, struct membership *ret);
};

const struct recogniser *const *recognisers_all(size_t *ret_n);

/* All that fit, in the order told above, at most RECOGNISED_MAX. The first carries `conflict` when sources disagree on
 * what they should agree on. How many. Allocates nothing. */
size_t recognise(const struct identity_facts *facts, struct membership ret[RECOGNISED_MAX]);

/* A process descends from one of the job `parent_job` (key of the graph, "spark:app-1"), and of itself its first
 * membership is `own` (NULL: none). True when it belongs to what that one belongs to, because its own says nothing new:
 * none, the same job without a member, only what is around (a service, a compose project), or, below an application's
 * process, what the application runs in. New are a run that torchrun numbered inside, and a job inside a cluster when the
 * parent is of the cluster alone. */
bool recognise_is_inherited(const char *parent_job, bool parent_is_member, const struct membership *own);

#endif
