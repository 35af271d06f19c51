/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/task_ranks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "bpf/tasks.h"
#include "collectors/process.h"

#define MAX_JOBS  256
#define IDLE_OVER 0.8
#define HELD_OVER 0.5

struct member {
	entity_id process;
	uint32_t pid, slot;
	uint64_t start_ticks;
	uint64_t cgroup; /* key that was last written into the graph */
};

struct rank_slot {
	entity_id rank; /* ENTITY_NONE: free */
	bool seen, ready; /* ready: there is something to compare with */
	struct tasks_rank before;
	struct tasks_looks looks;
	double read_bytes, written_bytes, stopped_ns;
};

struct job_sum {
	entity_id job;
	unsigned ranks, idle, held;
};

/* What a rank did in one tick, as shares of it. */
struct doing {
	double stopped, io, idle, held, cpu, delay_ratio;
};

struct task_ranks {
	struct task_ranks_maps maps;
	long ticks_per_s;
	uint32_t first;
	struct u64map *slot_of; /* entity -> slot */
	struct rank_slot slots[TASKS_MAX_RANKS];
	size_t n_slots;         /* slots below this may be in use */
	struct member members[TASKS_MAX_MEMBERS], now[TASKS_MAX_MEMBERS];
	size_t n_members, n_now;
	struct job_sum jobs[MAX_JOBS];
	size_t n_jobs;
	uint64_t untold;
};

int task_ranks_new(const struct task_ranks_maps *maps, long ticks_per_s, uint32_t first, struct task_ranks **ret_ranks)
{
	AUTO_FREE struct task_ranks *t = calloc(1, sizeof(*t));

	if (!t || u64map_new(TASKS_MAX_RANKS, &t->slot_of) < 0)
		return -ENOMEM;
	t->maps = *maps;
	t->ticks_per_s = ticks_per_s;
	t->first = first;
	*ret_ranks = TAKE_PTR(t);
	return 0;
}

void task_ranks_free(struct task_ranks **ranks)
{
	if (*ranks)
		u64map_free(&(*ranks)->slot_of);
	free(*ranks);
	*ranks = NULL;
}

uint64_t task_ranks_untold(const struct task_ranks *t)
{
	return t->untold;
}

/* ---- who is asked for ---- */

static int slot_for(struct task_ranks *t, entity_id rank)
{
	uint64_t slot;

	if (u64map_get(t->slot_of, rank, &slot))
		return (int)slot;
	for (slot = 0; slot < TASKS_MAX_RANKS && t->slots[slot].rank != ENTITY_NONE; slot++)
		;
	if (slot == TASKS_MAX_RANKS || u64map_set(t->slot_of, rank, slot) < 0)
		return -1;
	t->slots[slot] = (struct rank_slot){ .rank = rank };
	if (slot >= t->n_slots)
		t->n_slots = slot + 1;
	return (int)slot;
}

static void slots_forget_unseen(struct task_ranks *t)
{
	for (size_t i = 0; i < t->n_slots; i++) {
		struct rank_slot *s = &t->slots[i];
		if (s->rank == ENTITY_NONE || s->seen)
			continue;
		(void)u64map_remove(t->slot_of, s->rank);
		s->rank = ENTITY_NONE;
	}
	while (t->n_slots > 0 && t->slots[t->n_slots - 1].rank == ENTITY_NONE)
		t->n_slots--;
}

static void add_rank(struct task_ranks *t, const struct graph *g, entity_id rank)
{
	entity_id processes[TASKS_MAX_MEMBERS];
	size_t n = graph_neighbours(g, rank, true, ENTITY_PROCESS, processes, ARRAY_LEN(processes));
	int slot = -1;

	for (size_t i = 0; i < MIN_OF(n, ARRAY_LEN(processes)); i++) {
		struct member m = { .process = processes[i] };
		const char *key = graph_key(g, processes[i]);
		if (graph_is_gone(g, processes[i], NULL) || !key ||
		    process_key_parse(key, &m.pid, &m.start_ticks) < 0)
			continue;
		if (slot < 0)
			slot = slot_for(t, rank);
		if (slot < 0 || t->n_now == ARRAY_LEN(t->now)) {
			t->untold++;
			return;
		}
		m.slot = (uint32_t)slot;
		t->slots[slot].seen = true;
		t->now[t->n_now++] = m;
	}
}

static bool same_members(const struct task_ranks *t)
{
	if (t->n_now != t->n_members)
		return false;
	for (size_t i = 0; i < t->n_now; i++)
		if (t->now[i].process != t->members[i].process || t->now[i].slot != t->members[i].slot)
			return false;
	return true;
}

static void tell_kernel(struct task_ranks *t, struct tasks_control *control)
{
	control->n_looked_at = 0;
	for (size_t i = 0; i < t->n_members; i++)
		(void)bpf_map_delete_elem(t->maps.members, &t->members[i].pid);
	t->n_members = 0;
	for (size_t i = 0; i < t->n_now; i++) {
		struct tasks_member value = { .slot = t->now[i].slot };
		struct tasks_looked_at at = { .pid = t->now[i].pid, .slot = t->now[i].slot };
		uint32_t index = (uint32_t)t->n_members;
		if (bpf_map_update_elem(t->maps.members, &at.pid, &value, BPF_ANY) < 0 ||
		    bpf_map_update_elem(t->maps.looked_at, &index, &at, BPF_ANY) < 0)
			continue;
		t->members[t->n_members++] = t->now[i];
	}
	control->n_members = (uint32_t)t->n_members;
	if (t->maps.start_looking < 0)
		return;
	control->n_looked_at = (uint32_t)t->n_members;
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	if (t->n_members && !control->looking)
		(void)bpf_prog_test_run_opts(t->maps.start_looking, &opts);
}

void task_ranks_ask(struct task_ranks *t, const struct graph *g, struct tasks_control *control)
{
	size_t cursor = 0;
	entity_id rank;

	t->n_now = 0;
	t->untold = 0;
	for (size_t i = 0; i < t->n_slots; i++)
		t->slots[i].seen = false;
	while ((rank = graph_next(g, ENTITY_RANK, &cursor)) != ENTITY_NONE)
		add_rank(t, g, rank);
	slots_forget_unseen(t);
	if (!same_members(t))
		tell_kernel(t, control);
}

/* ---- what they did ---- */

static double share(double part, double whole)
{
	return whole <= 0 || part <= 0 ? 0 : part < whole ? part / whole : 1;
}

/* Since the last tick; where the timer does not run, the one look of the iterator stands for the whole tick. */
static void looks_since(const struct rank_slot *s, const struct tasks_looks *now, uint32_t states,
			double ret[TASKS_DOING_MAX])
{
	double n = 0;

	for (size_t i = 0; i < TASKS_DOING_MAX; i++)
		n += ret[i] = (double)(now->n[i] - s->looks.n[i]);
	for (size_t i = 0; i < TASKS_DOING_MAX && n > 0; i++)
		ret[i] /= n;
	if (n > 0)
		return;
	ret[states & TASKS_IS_BUSY ? TASKS_DOING_BUSY
	    : states & TASKS_IS_STOPPED ? TASKS_DOING_STOPPED
	    : states & TASKS_IS_IO ? TASKS_DOING_IO : TASKS_DOING_IDLE] = 1;
}

static struct doing doing_since(const struct rank_slot *s, const struct tasks_rank *r, const struct tasks_looks *looks,
				double wall_ns)
{
	double look[TASKS_DOING_MAX], run = (double)(r->run_ns - s->before.run_ns);
	double delay = (double)(r->delay_ns - s->before.delay_ns);

	looks_since(s, looks, r->states, look);
	struct doing d = {
		.stopped = look[TASKS_DOING_STOPPED],
		.io = look[TASKS_DOING_IO],
		.cpu = run / wall_ns,
		.delay_ratio = share(delay, run + delay),
	};
	d.held = MIN_OF(1.0, d.stopped + d.io + share((double)r->top_delay_ns, wall_ns));
	/* The rest of the time it neither ran nor was held. */
	d.idle = 1 - MIN_OF(1.0, d.held + share((double)r->top_run_ns, wall_ns));
	return d;
}

static double grown(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) : 0;
}

static struct job_sum *job_sum(struct task_ranks *t, entity_id job)
{
	for (size_t i = 0; i < t->n_jobs; i++)
		if (t->jobs[i].job == job)
			return &t->jobs[i];
	if (t->n_jobs == MAX_JOBS)
		return NULL;
	t->jobs[t->n_jobs] = (struct job_sum){ .job = job };
	return &t->jobs[t->n_jobs++];
}

static void count_for_job(struct task_ranks *t, entity_id rank, const struct doing *d, const struct graph *g)
{
	entity_id job = ENTITY_NONE;

	if (graph_neighbours(g, rank, false, ENTITY_JOB, &job, 1) == 0)
		return;
	struct job_sum *sum = job_sum(t, job);
	if (!sum)
		return;
	sum->ranks++;
	sum->idle += d->idle > IDLE_OVER;
	sum->held += d->held > HELD_OVER;
}

static void rank_write(struct task_ranks *t, struct rank_slot *s, const struct tasks_rank *r, const struct doing *d,
		       double wall_ns, struct batch *b)
{
	s->stopped_ns = d->stopped > 0.99 ? s->stopped_ns + wall_ns : 0;
	s->read_bytes += grown(s->before.read_bytes, r->read_bytes);
	s->written_bytes += grown(s->before.write_bytes, r->write_bytes);
	batch_sample(b, t->first + TASK_RANKS_CPU, s->rank, d->cpu);
	batch_sample(b, t->first + TASK_RANKS_RUN_DELAY_RATIO, s->rank, d->delay_ratio);
	batch_sample(b, t->first + TASK_RANKS_HELD_RATIO, s->rank, d->held);
	batch_sample(b, t->first + TASK_RANKS_STOPPED_TIME, s->rank, s->stopped_ns);
	batch_sample(b, t->first + TASK_RANKS_IO_WAIT_RATIO, s->rank, d->io);
	batch_sample(b, t->first + TASK_RANKS_IDLE_RATIO, s->rank, d->idle);
	batch_sample(b, t->first + TASK_RANKS_IO_READ, s->rank, s->read_bytes);
	batch_sample(b, t->first + TASK_RANKS_IO_WRITTEN, s->rank, s->written_bytes);
	batch_sample(b, t->first + TASK_RANKS_PROCESSES, s->rank, r->processes);
}

static void take_rank(struct task_ranks *t, uint32_t slot, uint64_t tick, double wall_ns, struct batch *b)
{
	struct rank_slot *s = &t->slots[slot];
	struct tasks_looks looks;
	struct tasks_rank r;

	if (s->rank == ENTITY_NONE || bpf_map_lookup_elem(t->maps.ranks, &slot, &r) < 0 ||
	    bpf_map_lookup_elem(t->maps.looks, &slot, &looks) < 0 || r.tick != tick || !r.processes)
		return;
	if (s->ready && wall_ns > 0) {
		struct doing d = doing_since(s, &r, &looks, wall_ns);
		rank_write(t, s, &r, &d, wall_ns, b);
		count_for_job(t, s->rank, &d, b->graph);
	}
	s->ready = true;
	s->before = r;
	s->looks = looks;
}

static bool is_in(const struct graph *g, entity_id process, entity_id cgroup)
{
	entity_id found;

	return graph_neighbours(g, process, false, ENTITY_CGROUP, &found, 1) == 1 && found == cgroup;
}

/* A launcher moves a process after it was made: the edge that was written then is no longer true. */
static void place_member(struct task_ranks *t, struct member *m, struct kernel_cgroup *cgroups, struct batch *b)
{
	uint64_t tick_ns = NS_PER_S / (uint64_t)(t->ticks_per_s > 0 ? t->ticks_per_s : 100);
	struct tasks_member seen;
	entity_id old[8];

	if (bpf_map_lookup_elem(t->maps.members, &m->pid, &seen) < 0 || seen.start_ns / tick_ns != m->start_ticks ||
	    seen.cgroup == 0 || seen.cgroup == m->cgroup)
		return;
	m->cgroup = seen.cgroup;
	entity_id cgroup = kernel_cgroup_entity(cgroups, seen.cgroup, b);
	if (cgroup == ENTITY_NONE || is_in(b->graph, m->process, cgroup))
		return;
	size_t n = graph_neighbours(b->graph, m->process, false, ENTITY_CGROUP, old, ARRAY_LEN(old));
	for (size_t i = 0; i < MIN_OF(n, ARRAY_LEN(old)); i++)
		batch_unlink(b, EDGE_IN, m->process, old[i]);
	batch_link(b, EDGE_IN, m->process, cgroup);
}

void task_ranks_take(struct task_ranks *t, const struct tasks_control *control, double wall_ns,
		     struct kernel_cgroup *cgroups, struct batch *b)
{
	t->n_jobs = 0;
	for (uint32_t slot = 0; slot < t->n_slots; slot++)
		take_rank(t, slot, control->tick, wall_ns, b);
	for (size_t i = 0; i < t->n_members; i++)
		place_member(t, &t->members[i], cgroups, b);
	for (size_t i = 0; i < t->n_jobs; i++) {
		batch_sample(b, t->first + TASK_RANKS_JOB_RANKS, t->jobs[i].job, t->jobs[i].ranks);
		batch_sample(b, t->first + TASK_RANKS_JOB_IDLE, t->jobs[i].job, t->jobs[i].idle);
		batch_sample(b, t->first + TASK_RANKS_JOB_HELD, t->jobs[i].job, t->jobs[i].held);
	}
}
