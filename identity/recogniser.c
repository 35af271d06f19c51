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
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && n < RECOGNISED_MAX; i++) {
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
		} else if (m.job[0] != '\0' && !is_same_thing(ret, n, all[i], &m)) {
			numbered = numbered || all[i]->layer == RECOGNISER_RANKS;
			ret[n] = m;
			by[n++] = all[i];
		}
	}
	if (n > 1)
		say_the_others(&ret[0], ret + 1, by + 1, n - 1);
	return n;
}

static bool same_job(const struct membership *a, const struct membership *b)
{
	return strcmp(a->scheduler, b->scheduler) == 0 && strcmp(a->job, b->job) == 0;
}

static bool is_application(const char *scheduler)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->layer == RECOGNISER_APPLICATION && strcmp(all[i]->name, scheduler) == 0)
			return true;
	return false;
}

bool recognise_is_inherited(const struct membership *parent, size_t n_parent, const struct membership *own,
			    size_t n_own)
{
	if (n_parent == 0)
		return false;
	if (n_own == 0)
		return true;
	for (size_t i = 1; i < n_parent; i++)
		if (same_job(&parent[i], &own[0]))
			return true;
	if (strcmp(parent[0].scheduler, own[0].scheduler) != 0)
		return false;
	return is_application(own[0].scheduler) || (same_job(parent, own) && own[0].member[0] == '\0');
}
