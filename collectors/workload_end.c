/* SPDX-License-Identifier: Apache-2.0 */
/* How members end, and when a rank or a job is over. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "collectors/process.h"
#include "collectors/workload_graph.h"
#include "collectors/workload_metric.h"
#include "collectors/workload_state.h"

#define MISSING_NS    (2 * NS_PER_S)   /* the kernel half's word of how it ended comes first */
#define SHOW_AFTER_NS (2 * NS_PER_S)   /* what lives shorter is told of only when something happens to it */
#define MAX_EARLIER   99
#define MAX_SHOWN     16               /* processes of one rank beside its main one */
/* Of a job that goes on. Who waits for a rank that has died may only give up after its own timeout: 10 min with NCCL. */
#define KEEP_RANK_NS  (720 * NS_PER_S)
#define KEEP_OTHER_NS (60 * NS_PER_S)
#define KEEP_JOB_NS   (60 * NS_PER_S)

/* ---- rank.ended ---- */

static bool number_of(const struct workload *w, entity_id id, const char *attr, uint64_t *ret_value)
{
	const char *text = graph_attr(w->out->graph, id, attr);

	return text && text_parse_u64(text, ret_value) == 0;
}

struct ending {
	uint64_t code, signal, sent, sender, lifetime_ns;
	bool has_code, has_signal, has_sender, has_lifetime, by_own_job, oom, asked, was_sent;
	const char *sender_comm;
};

/* Who ends a container, a pod or a service because somebody asked for that. */
static bool is_runtime(const char *comm)
{
	static const char *const names[] = { "systemd", "systemd-shutdow", "(sd-pam)", "init", "runc", "crun",
					     "containerd-shim", "containerd", "conmon", "conmonrs", "dockerd", "podman",
					     "crio", "slurmstepd", "container-execu" };

	for (size_t i = 0; comm && i < ARRAY_LEN(names); i++)
		if (strcmp(comm, names[i]) == 0)
			return true;
	return false;
}

static bool sent_by_own_job(struct workload *w, const struct workload_member *m, uint32_t sender)
{
	const struct workload_member *s = workload_table_by_pid(&w->table, sender, UINT64_MAX);

	/* Whoever started it is its launcher, by whatever name. */
	return sender == m->ppid || (s && s != m && s->job == m->job);
}

static bool is_yes(const struct workload *w, entity_id id, const char *attr)
{
	const char *text = graph_attr(w->out->graph, id, attr);

	return text && strcmp(text, "yes") == 0;
}

static bool asks_to_end(uint64_t signo)
{
	return signo == SIGTERM || signo == SIGINT || signo == SIGHUP || signo == SIGQUIT;
}

/* A cancelled job, a pod that is deleted or a service that is stopped: its end was wanted, and is no fault of anybody, even
 * if it then crashed on its way out. */
static bool was_asked(const struct workload *w, const struct workload_member *m, const struct ending *e)
{
	if (e->oom)
		return false;
	if (m->wanted && w->now - m->wanted <= KEEP_RANK_NS && (e->has_signal ? e->signal != SIGKILL : e->code != 0))
		return true;
	if (e->has_signal ? asks_to_end(e->signal) && e->signal != SIGQUIT
			  : e->code == 128 + SIGINT || e->code == 128 + SIGTERM)
		return true;
	return e->was_sent && (e->by_own_job || (e->has_sender && is_runtime(e->sender_comm)));
}

static struct ending ending_of(struct workload *w, const struct workload_member *m)
{
	struct ending e = { .oom = is_yes(w, m->process, PROCESS_OOM) };

	e.has_code = number_of(w, m->process, PROCESS_EXIT_CODE, &e.code);
	e.has_signal = number_of(w, m->process, PROCESS_EXIT_SIGNAL, &e.signal);
	e.has_lifetime = number_of(w, m->process, PROCESS_LIFETIME_NS, &e.lifetime_ns);
	/* A signal that it caught is told too, when it then failed: that is how an asked process ends. */
	e.was_sent = number_of(w, m->process, PROCESS_SIGNAL, &e.sent) &&
		     (e.has_signal ? e.sent == e.signal : e.has_code && e.code != 0);
	if (e.was_sent) {
		e.sender_comm = graph_attr(w->out->graph, m->process, PROCESS_SENDER_COMM);
		e.has_sender = number_of(w, m->process, PROCESS_SENDER_PID, &e.sender) && e.sender <= INT32_MAX;
		e.by_own_job = is_yes(w, m->process, PROCESS_SENDER_ABOVE) ||
			       (e.has_sender && sent_by_own_job(w, m, (uint32_t)e.sender));
	}
	e.asked = was_asked(w, m, &e);
	return e;
}

/* Tasks of a DAG and executors end each for itself; what their launcher or driver does they all follow. */
static bool takes_along(const struct workload_member *m, const struct workload_member *other)
{
	bool alone = m->role && (strcmp(m->role, "task") == 0 || strcmp(m->role, "executor") == 0);

	return !alone || !other->role || strcmp(other->role, m->role) != 0;
}

/* Others of its job that came to their end first, or were asked to, in its lifetime: they take it with them. Those of this
 * turn have been taken in the order in which the kernel told them. */
static unsigned ended_before(struct workload *w, const struct workload_member *m)
{
	const struct workload_member *other;
	size_t cursor = 0;
	unsigned n = 0;

	while ((other = workload_table_next(&w->table, &cursor))) {
		if (n == MAX_EARLIER)
			break;
		if (other == m || other->job != m->job || !other->main || !takes_along(m, other))
			continue;
		if (other->ended)
			n += other->failed && other->since >= m->since;
		else
			n += other->asked && w->now - other->asked <= KEEP_RANK_NS;
	}
	return n;
}

static void say_how(struct workload *w, struct event *v, const struct workload_member *m, const struct ending *e)
{
	const char *rank = graph_attr(w->out->graph, m->rank, "rank"), *comm = graph_attr(w->out->graph, m->process, "comm");
	const char *signal = e->has_signal ? sigabbrev_np((int)e->signal) : NULL;
	char how[96], lived[48] = "", by[160] = "";
	struct text t;

	text_init(&t, how, sizeof(how));
	if (e->oom)
		text_add(&t, "was killed by the OOM killer");
	else if (e->has_signal)
		text_addf(&t, "was killed by SIG%s", signal ? signal : "?");
	else if (e->has_code)
		text_addf(&t, "exited with code %u", (unsigned)e->code);
	else
		text_add(&t, "ended; nobody saw how");
	if (e->has_sender && !e->oom)
		(void)snprintf(by, sizeof(by), "%s %s[%u]", e->has_signal ? " from" : " after a signal from",
			       e->sender_comm ? e->sender_comm : "?", (unsigned)e->sender);
	if (e->has_lifetime) {
		char duration[32];
		clock_format_duration(e->lifetime_ns, duration, sizeof(duration));
		(void)snprintf(lived, sizeof(lived), " after %s", duration);
	}
	batch_message(w->out, v, "%s %s (%s[%u]) %s%s%s", m->role && m->role[0] ? m->role : "rank", rank ? rank : "?",
		      comm ? comm : "?", m->pid, how, by, lived);
}

static void tell_end(struct workload *w, const struct workload_member *m, const struct ending *ending)
{
	const struct ending e = *ending;
	bool well = e.has_code && e.code == 0;
	struct batch *b = w->out;

	struct event *v = batch_event(b, WORKLOAD_RANK_ENDED, m->rank, w->now, well ? SEVERITY_INFO : SEVERITY_WARNING,
				      (int32_t)(e.has_signal ? e.signal : e.code));
	batch_value_text(b, v, ENDED_HOW, e.oom ? "oom" : e.has_signal ? "signal" : e.has_code ? "exit" : "unknown");
	if (e.has_code)
		batch_value_number(b, v, ENDED_EXIT_CODE, (double)e.code);
	if (e.has_code || e.has_signal)
		batch_value_number(b, v, ENDED_SIGNAL, e.has_signal ? (double)e.signal : 0);
	if (e.has_sender)
		batch_value_number(b, v, ENDED_SENDER_PID, (double)e.sender);
	if (e.sender_comm)
		batch_value_text(b, v, ENDED_SENDER_COMM, e.sender_comm);
	batch_value_number(b, v, ENDED_BY_OWN_JOB, e.by_own_job);
	batch_value_number(b, v, ENDED_ASKED, e.asked);
	batch_value_number(b, v, ENDED_OOM, e.oom);
	if (e.has_lifetime)
		batch_value_number(b, v, ENDED_LIFETIME, (double)e.lifetime_ns);
	const char *comm = graph_attr(b->graph, m->process, "comm");
	if (comm)
		batch_value_text(b, v, ENDED_COMM, comm);
	batch_value_number(b, v, ENDED_PID, m->pid);
	batch_value_number(b, v, ENDED_EARLIER, ended_before(w, m));
	say_how(w, v, m, &e);
}

void workload_end_asked(struct workload *w, struct workload_member *m, const char *number)
{
	uint64_t signo;

	m->asked = w->now;
	if (number && text_parse_u64(number, &signo) == 0 && asks_to_end(signo))
		m->wanted = w->now;
}

void workload_end_member(struct workload *w, struct workload_member *m)
{
	if (m->ended)
		return;
	const struct ending e = ending_of(w, m);
	if (m->main && m->rank != ENTITY_NONE)
		tell_end(w, m, &e);
	m->failed = e.has_signal || e.oom || (e.has_code && e.code != 0);
	workload_table_end(&w->table, m, w->now);
}

/* ---- who is still there ---- */

static bool is_there(const struct workload *w, const struct workload_member *m)
{
	struct proc_stat stat;
	int r = proc_facts_glance(w->root_fd, m->pid, &stat);

	if (r == 0)
		return stat.start_ticks == m->start_ticks && !stat.ended;
	return r != -ENOENT && r != -ESRCH; /* what cannot be told is no end */
}

/* Somebody who lives long enough to matter to its rank: what it waits for, the rank waits for. */
static void show_other(struct workload *w, struct workload_member *m)
{
	entity_id of = m->rank != ENTITY_NONE ? m->rank : m->job, none;

	if (m->process == ENTITY_NONE && w->now - m->since >= SHOW_AFTER_NS &&
	    graph_neighbours(w->out->graph, of, true, ENTITY_PROCESS, &none, 0) < MAX_SHOWN)
		(void)workload_judge_show(w, m);
}

static void look_at(struct workload *w, struct workload_member *m)
{
	if (m->ended) {
		if (w->now - m->since < (m->main ? KEEP_RANK_NS : KEEP_OTHER_NS))
			return;
		entity_id rank = m->rank;
		workload_table_remove(&w->table, m);
		(void)workload_graph_drop_unused(w->out, rank);
		return;
	}
	if (is_there(w, m)) {
		m->missing = 0;
		show_other(w, m);
		return;
	}
	if (!m->missing)
		m->missing = w->now;
	if (w->now - m->missing < MISSING_NS)
		return;
	entity_id process = m->process;
	workload_end_member(w, m);
	if (process != ENTITY_NONE && graph_exists(w->out->graph, process) && !graph_is_gone(w->out->graph, process, NULL))
		batch_gone(w->out, process);
	if (!m->main)
		workload_table_remove(&w->table, m);
}

void workload_end_check(struct workload *w, unsigned max)
{
	size_t seen = 0;

	if (!w->proc_is_ours && w->lineage)
		return;
	for (; max > 0 && seen < WORKLOAD_SLOTS && w->table.n_slots > 0; seen++) {
		if (w->hand >= w->table.n_slots)
			w->hand = 0;
		struct workload_member *m = &w->table.slots[w->hand++];
		if (seen >= w->table.n_slots)
			return;
		if (!m->pid)
			continue;
		look_at(w, m);
		max--;
	}
}

/* ---- jobs ---- */

static void say_running(struct workload *w, const struct workload_member *m)
{
	if (!m->main || m->rank == ENTITY_NONE || !graph_exists(w->out->graph, m->rank))
		return;
	if (!m->ended)
		batch_sample(w->out, WORKLOAD_RANK_RUNNING, m->rank, 1);
	else if (!workload_table_main(&w->table, m->whose) && !graph_is_gone(w->out->graph, m->rank, NULL))
		batch_sample(w->out, WORKLOAD_RANK_RUNNING, m->rank, 0);
}

static struct workload_job *job_of(struct workload *w, entity_id job)
{
	for (size_t i = 0; i < w->n_jobs; i++)
		if (w->jobs[i].job == job)
			return &w->jobs[i];
	if (w->n_jobs == WORKLOAD_MAX_JOBS)
		return NULL;
	w->jobs[w->n_jobs] = (struct workload_job){ .job = job };
	return &w->jobs[w->n_jobs++];
}

static void count_member(struct workload *w, const struct workload_member *m)
{
	struct workload_job *j = m->job != ENTITY_NONE && !m->ended ? job_of(w, m->job) : NULL;
	uint64_t restarts;

	if (!j)
		return;
	j->processes++;
	if (!m->main || m->rank == ENTITY_NONE)
		return;
	j->members++;
	if (number_of(w, m->rank, "restart", &restarts))
		j->restarts = fmax(j->restarts, (double)restarts);
}

static bool is_over(struct workload *w, struct workload_job *j)
{
	entity_id ranks[256];

	if (j->processes > 0) {
		j->empty_since = 0;
		return false;
	}
	if (!j->empty_since)
		j->empty_since = w->now;
	if (w->now - j->empty_since < KEEP_JOB_NS)
		return false;
	size_t n = graph_neighbours(w->out->graph, j->job, true, ENTITY_RANK, ranks, ARRAY_LEN(ranks));
	for (size_t i = 0; i < MIN_OF(n, ARRAY_LEN(ranks)); i++)
		(void)workload_graph_drop_unused(w->out, ranks[i]);
	return workload_graph_drop_unused(w->out, j->job);
}

void workload_end_count(struct workload *w)
{
	const struct workload_member *m;
	size_t cursor = 0, kept = 0;

	for (size_t i = 0; i < w->n_jobs; i++) {
		w->jobs[i].processes = w->jobs[i].members = 0;
		w->jobs[i].restarts = NAN;
	}
	while ((m = workload_table_next(&w->table, &cursor))) {
		say_running(w, m);
		count_member(w, m);
	}
	for (size_t i = 0; i < w->n_jobs; i++) {
		struct workload_job *j = &w->jobs[i];
		if (!graph_exists(w->out->graph, j->job) || is_over(w, j))
			continue;
		uint64_t restarts;
		if (number_of(w, j->job, "restart", &restarts))
			j->restarts = fmax(j->restarts, (double)restarts);
		batch_sample(w->out, WORKLOAD_JOB_MEMBERS, j->job, j->members);
		batch_sample(w->out, WORKLOAD_JOB_RESTARTS, j->job, j->restarts);
		w->jobs[kept++] = *j;
	}
	w->n_jobs = kept;
}
