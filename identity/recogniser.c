// SPDX-License-Identifier: Apache-2.0
#include "identity/recogniser.h"

#include <stdio.h>
#include <string.h>

#define RECOGNISER(stem) extern const struct recogniser recogniser_##stem;
#include "identity/recognisers.def"
#undef RECOGNISER

static const struct recogniser *const all[] = {
#define RECOGNISER(stem) &recogniser_##stem,
#include "identity/recognisers.def"
#undef RECOGNISER
};

const struct recogniser *const *recognisers_all(size_t *ret_n)
{
	*ret_n = sizeof(all) / sizeof(all[0]);
	return all;
}

/* Two that count the same members must count them alike, but an elastic agent gives its ranks out as it likes. */
static void check_ranks(struct membership *m, const struct membership *ranks, const struct identity_facts *f)
{
	const char *size = membership_job_attr_of(m, "world_size");
	const char *other = membership_job_attr_of(ranks, "world_size");
	const char *step = strchr(m->member, '.');
	uint32_t ours, theirs;

	if (size && other && strcmp(size, other) == 0 && !facts_env(f, ENV_TORCHELASTIC_RUN_ID) &&
	    facts_number(step ? step + 1 : m->member, &ours) && facts_number(ranks->member, &theirs) && ours != theirs)
		membership_conflict(m, "rank: %s says %u, %s says %u", ranks->scheduler, theirs, m->scheduler, ours);
}

/* The job keeps its name; the program's own number is the member. */
static void number(struct membership *m, const struct membership *ranks, const struct recogniser *r,
		   const struct identity_facts *f)
{
	const struct membership of_job = *m;
	uint32_t step = 0;

	check_ranks(m, ranks, f);
	if (ranks->role[0] == '\0') /* which of them is not known: what the job says holds */
		return;
	m->member[0] = '\0';
	/* The steps of a job number their ranks anew. */
	if (ranks->member[0] != '\0' && facts_number(membership_attr_of(m, "step"), &step) && step > 0)
		(void)membership_memberf(m, "%u.%s", step, ranks->member);
	else if (ranks->member[0] != '\0')
		(void)membership_member(m, ranks->member);
	m->role = ranks->role;
	m->source = ranks->source < m->source ? ranks->source : m->source;
	m->n_attrs = 0;
	for (size_t i = 0; i < ranks->n_attrs; i++)
		membership_attr(m, ranks->attrs[i].name, ranks->attrs[i].value);
	if (strcmp(of_job.member, m->member) != 0)
		membership_attr(m, strcmp(of_job.role, "rank") == 0 ? "task" : of_job.role, of_job.member);
	for (size_t i = 0; i < of_job.n_attrs; i++)
		membership_attr(m, of_job.attrs[i].name, of_job.attrs[i].value);
	m->n_job_attrs = 0; /* what the program counts is nearer to it than what was asked for */
	for (size_t i = 0; i < ranks->n_job_attrs; i++)
		membership_job_attr(m, ranks->job_attrs[i].name, ranks->job_attrs[i].value);
	for (size_t i = 0; i < of_job.n_job_attrs; i++)
		membership_job_attr(m, of_job.job_attrs[i].name, of_job.job_attrs[i].value);
	if (r->as_attr)
		membership_job_attr(m, r->as_attr, ranks->job);
	if (ranks->conflict[0] != '\0')
		membership_conflict(m, "%s", ranks->conflict);
}

static void say_the_others(struct membership *m, const struct membership *others, const struct recogniser *const *by,
			   size_t n)
{
	char id[sizeof(others->job) + sizeof(others->member) + 1];

	for (size_t i = 0; i < n; i++) {
		if (!by[i]->as_attr)
			continue;
		(void)snprintf(id, sizeof(id), "%s%s%s", others[i].job, others[i].member[0] ? "/" : "",
			       others[i].member);
		membership_job_attr(m, by[i]->as_attr, id);
	}
}

/* An application is never started by torchrun's agent: what that numbers is inside it. */
static bool may_number(const struct recogniser *job, const struct identity_facts *f)
{
	return !job || job->layer == RECOGNISER_JOB || facts_env(f, ENV_TORCHELASTIC_RUN_ID);
}

/* What made the job of another system gave it its own name: a TrainJob's JobSet, a PyTorchJob's pod group. */
static bool is_same_thing(const struct membership *found, size_t n, const struct recogniser *r,
			  const struct membership *m)
{
	return n > 0 && r->layer == RECOGNISER_JOB && strcmp(found[0].job, m->job) == 0;
}

size_t recognise(const struct identity_facts *facts, struct membership ret[RECOGNISED_MAX])
{
	const struct recogniser *by[RECOGNISED_MAX];
	bool numbered = false;
	size_t n = 0;

	/* recognisers.def lists JOBs, then RANKS, then AROUNDs. */
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct membership m;

		memset(&m, 0, sizeof(m));
		m.scheduler = all[i]->name;
		m.role = "";
		m.source = IDENTITY_SOURCE_MAX;
		if ((all[i]->layer == RECOGNISER_RANKS && (numbered || !may_number(n > 0 ? by[0] : NULL, facts))) ||
		    !all[i]->recognise(facts, &m))
			continue;
		if (all[i]->layer == RECOGNISER_RANKS && n > 0) {
			number(&ret[0], &m, all[i], facts);
			numbered = true;
		} else if (n < RECOGNISED_MAX && m.job[0] != '\0' && !is_same_thing(ret, n, all[i], &m)) {
			numbered = numbered || all[i]->layer == RECOGNISER_RANKS;
			ret[n] = m;
			by[n++] = all[i];
		}
	}
	if (n > 1)
		say_the_others(&ret[0], ret + 1, by + 1, n - 1);
	return n;
}

/* Of the job with that key, which begins with the scheduler's name; NULL: not in the table. */
static const struct recogniser *recogniser_of(const char *job_key)
{
	const size_t n = strcspn(job_key, ":");

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strlen(all[i]->name) == n && strncmp(all[i]->name, job_key, n) == 0)
			return all[i];
	return NULL;
}

bool recognise_is_inherited(const char *parent_job, bool parent_is_member, const struct membership *own)
{
	const struct recogniser *parents = recogniser_of(parent_job), *owns;
	char key[sizeof(own->job) + 64];

	if (!own)
		return true;
	if (!parents || !membership_job_key(own, key, sizeof(key)))
		return false;
	if (strcmp(key, parent_job) == 0)
		return parent_is_member && own->member[0] == '\0';
	owns = recogniser_of(key);
	if (!owns || (owns->layer == RECOGNISER_AROUND) != (parents->layer == RECOGNISER_AROUND))
		return owns && owns->layer == RECOGNISER_AROUND;
	if (parents->layer != RECOGNISER_APPLICATION)
		return false;
	if (owns == parents) /* a worker names its job, and the raylet that started it the cluster alone */
		return strchr(parent_job, '/') || !strchr(key, '/');
	return owns->layer == RECOGNISER_JOB && !membership_job_attr_of(own, "torchrun_run");
}
