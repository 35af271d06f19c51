/* SPDX-License-Identifier: Apache-2.0 */
/* Whose process it is. The first process that is recognised as a rank (or executor, or launcher) is its main process; what
 * descends from it, or says the same of itself, belongs to the same rank without being it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/text.h"
#include "collectors/otel_mapping.h"
#include "collectors/process.h"
#include "collectors/workload_graph.h"
#include "collectors/workload_state.h"
#include "identity/recogniser.h"

#define MAX_ANCESTORS 16

static uint64_t start_ns_of(const struct workload *w, uint64_t start_ticks)
{
	return start_ticks * (NS_PER_S / (uint64_t)w->ticks_per_s);
}

/* Start and parent as /proc has them now; false: no such process, or not one of the kernel half's pids. */
static bool look_up(const struct workload *w, uint32_t pid, struct proc_stat *ret_stat)
{
	return (w->proc_is_ours || !w->lineage) && proc_facts_glance(w->root_fd, pid, ret_stat) == 0 && ret_stat->pid == pid;
}

/* The member that the kernel half saw it descend from; itself when it was started with variables of its own. */
static struct workload_member *member_known(struct workload *w, uint32_t pid, uint64_t start_ticks)
{
	struct workload_member *m = workload_table_find(&w->table, pid, start_ticks);
	uint64_t start_ns;
	uint32_t owner;

	if (m || !w->lineage || lineage_owner(w->lineage, pid, start_ns_of(w, start_ticks), &owner, &start_ns) < 0)
		return m;
	return workload_table_find(&w->table, owner, start_ns / (NS_PER_S / (uint64_t)w->ticks_per_s));
}

/* The nearest member above: the kernel half knows, also of parents that have died; /proc knows those that live. Without a
 * kernel half a dead parent is believed by its pid alone, if it was older than its child. */
static struct workload_member *member_above(struct workload *w, uint32_t pid, uint64_t start_ticks, uint32_t ppid)
{
	struct workload_member *m = member_known(w, pid, start_ticks);
	struct proc_stat parent;

	if (m && (m->pid != pid || m->start_ticks != start_ticks))
		return m;
	for (unsigned i = 0; i < MAX_ANCESTORS && ppid > 1; i++) {
		if (!look_up(w, ppid, &parent))
			return w->lineage ? NULL : workload_table_by_pid(&w->table, ppid, start_ticks);
		if (parent.start_ticks > start_ticks)
			return NULL;
		m = member_known(w, ppid, parent.start_ticks);
		if (m && (m->pid != pid || m->start_ticks != start_ticks))
			return m;
		start_ticks = parent.start_ticks;
		ppid = parent.ppid;
	}
	return NULL;
}

/* ---- the entity ---- */

static void say_identity(struct workload *w, const struct workload_member *m)
{
	char identity[96];
	struct text t;

	text_init(&t, identity, sizeof(identity));
	text_add(&t, identity_source_name(m->source));
	if (m->second)
		text_add(&t, ", as another process of the same member");
	batch_attr(w->out, m->process, "identity", identity);
	batch_attr(w->out, m->process, "role", !m->second || m->rank == ENTITY_NONE ? m->role : NULL);
	batch_attr(w->out, m->process, "unresolved", NULL);
}

entity_id workload_judge_show(struct workload *w, struct workload_member *m)
{
	char key[PROCESS_KEY_MAX], comm[PROCESS_COMM_MAX];
	struct batch *b = w->out;
	struct workload_member *parent;

	(void)snprintf(key, sizeof(key), "%u/%" PRIu64, m->pid, m->start_ticks);
	m->process = batch_entity(b, ENTITY_PROCESS, key);
	if (m->process == ENTITY_NONE)
		return ENTITY_NONE;
	if (!graph_attr(b->graph, m->process, "comm")) {
		process_comm(m->comm, comm);
		batch_attr(b, m->process, "comm", comm);
		batch_attr_u64(b, m->process, "pid", m->pid);
		batch_attr_u64(b, m->process, "ppid", m->ppid);
		batch_attr_u64(b, m->process, "uid", m->uid);
		batch_link(b, EDGE_IN, m->process, m->cgroup != ENTITY_NONE ? m->cgroup : graph_node(b->graph));
	}
	if (m->container != ENTITY_NONE)
		batch_link(b, EDGE_IN, m->process, m->container);
	parent = workload_table_by_pid(&w->table, m->ppid, m->start_ticks);
	if (parent && parent->process != ENTITY_NONE && parent != m)
		batch_link(b, EDGE_CHILD, m->process, parent->process);
	batch_link(b, EDGE_OF, m->process, m->rank != ENTITY_NONE ? m->rank : m->job);
	say_identity(w, m);
	return m->process;
}

static entity_id cgroup_of(struct workload *w, uint64_t key)
{
	const struct workload_subject *s = &w->subject;
	entity_id id = ENTITY_NONE;

	if (s->path[0] && w->cgroups.tree)
		id = cgroup_tree_entity_of_path(w->cgroups.tree, s->path, w->out);
	if (id == ENTITY_NONE && key)
		id = kernel_cgroup_entity(&w->cgroups, key, w->out);
	return id != ENTITY_NONE || !s->path[0] ? id : graph_find(w->out->graph, ENTITY_CGROUP, s->path);
}

/* ---- joining ---- */

/* What a process says of itself is believed once: another word counts only when it comes from somebody more trusted, or
 * with a program newly started. */
static bool may_change(const struct workload_member *m, const struct membership *found, bool started)
{
	return started || found->source < IDENTITY_PROC || found->source < m->source;
}

static bool descends_from(const struct workload *w, const struct workload_member *m, uint32_t pid)
{
	struct proc_stat at = { .ppid = m->ppid };

	for (unsigned i = 0; i < MAX_ANCESTORS && at.ppid > 1; i++)
		if (at.ppid == pid)
			return true;
		else if (!look_up(w, at.ppid, &at))
			break;
	return false;
}

/* Another process says the same and lives. If it is a descendant of this one, which /proc happened to show first, it
 * gives way. */
static bool is_taken(struct workload *w, uint64_t whose, const struct workload_member *m)
{
	struct workload_member *main = workload_table_main(&w->table, whose);
	struct proc_stat stat;

	if (!main || main == m)
		return false;
	if (!w->proc_is_ours && w->lineage)
		return true;
	if (!look_up(w, main->pid, &stat) || stat.start_ticks != main->start_ticks || stat.ended)
		return false;
	if (!descends_from(w, main, m->pid))
		return true;
	(void)workload_table_claim(&w->table, main, whose, false);
	main->second = true;
	if (main->process != ENTITY_NONE)
		say_identity(w, main);
	return false;
}

static bool is_of(const struct workload *w, const struct workload_member *above, const struct membership *found,
		  uint64_t whose)
{
	const char *key;

	if (!above)
		return false;
	if (above->whose == whose)
		return true;
	key = graph_key(w->out->graph, above->job);
	return key && recognise_is_inherited(key, above->rank != ENTITY_NONE, found);
}

static void inherit(struct workload *w, struct workload_member *m, const struct workload_member *above)
{
	entity_id rank = m->rank, job = m->job;

	(void)workload_table_claim(&w->table, m, above->whose, false);
	m->second = true;
	m->rank = above->rank;
	m->job = above->job;
	m->role = above->role;
	m->source = above->source;
	if (m->process != ENTITY_NONE)
		workload_graph_move(w->out, m->process, rank, job, m->rank, m->job);
}

static bool join(struct workload *w, struct workload_member *m, uint64_t whose, bool main)
{
	entity_id old_rank = m->rank, old_job = m->job, rank, job;
	const struct membership *found = &w->found[0];

	if (!workload_graph_job(w->out, found, &rank, &job))
		return false;
	(void)workload_table_claim(&w->table, m, whose, main);
	m->second = !m->main && strcmp(found->role, "service") != 0;
	m->rank = rank;
	m->job = job;
	m->role = found->role;
	m->source = found->source;
	if (m->process != ENTITY_NONE)
		workload_graph_move(w->out, m->process, old_rank, old_job, rank, job);
	if (old_rank != ENTITY_NONE && old_rank != rank)
		(void)workload_graph_drop_unused(w->out, old_rank);
	if (old_job != ENTITY_NONE && old_job != job)
		(void)workload_graph_drop_unused(w->out, old_job);
	return true;
}

/* A shell that somebody opened inside a container is in it, but no part of what runs there: only the container's own
 * process and what descends from it is what the labels speak of. */
static bool came_from_outside(struct workload *w, entity_id container)
{
	const char *text = graph_attr(w->out->graph, container, "pid");
	struct proc_stat at = w->subject.stat;
	uint64_t init;

	if (!text || text_parse_u64(text, &init) < 0 || init == 0)
		return false;
	for (unsigned i = 0; i < MAX_ANCESTORS && at.pid > 1; i++) {
		if (at.pid == init)
			return false;
		if (!look_up(w, at.ppid, &at))
			break;
	}
	return true;
}

/* What is known of it; more is asked only of one that has an entity and says nothing else. */
static size_t recognise_subject(struct workload *w, entity_id container, bool asked)
{
	struct workload_subject *s = &w->subject;
	const struct graph *g = w->out->graph;

	size_t n = workload_subject_recognise(s, g, container, w->found);
	bool little = n == 0 || strcmp(w->found[0].scheduler, "systemd") == 0;
	if (asked && little && s->proc_fd >= 0 &&
	    otel_mapping_service(s->proc_fd, s->otel_service, sizeof(s->otel_service)) == 0)
		n = workload_subject_recognise(s, g, container, w->found);
	if (n > 0 && container != ENTITY_NONE && came_from_outside(w, container) && workload_subject_only_labels(s, g))
		n = 0;
	return n;
}

static struct workload_member *new_member(struct workload *w)
{
	const struct workload_subject *s = &w->subject;
	struct workload_member *m = workload_table_add(&w->table, s->stat.pid, s->stat.start_ticks, w->now);

	if (!m)
		return NULL;
	m->ppid = s->stat.ppid;
	m->uid = s->stat.uid;
	memcpy(m->comm, s->stat.comm, sizeof(m->comm));
	return m;
}

static void say_conflict(struct workload *w, const struct workload_member *m)
{
	const char *conflict = w->found[0].conflict[0] ? w->found[0].conflict : NULL;

	batch_attr(w->out, m->process, "conflict", conflict);
	if (m->main)
		batch_attr(w->out, m->rank != ENTITY_NONE ? m->rank : m->job, "conflict", conflict);
	/* Without a member its attributes are the process's. */
	for (size_t i = 0; m->main && m->rank == ENTITY_NONE && i < w->found[0].n_attrs; i++)
		batch_attr(w->out, m->process, w->found[0].attrs[i].name, w->found[0].attrs[i].value);
}

struct workload_member *workload_judge(struct workload *w, uint64_t cgroup_key, bool asked)
{
	struct workload_subject *s = &w->subject;
	struct workload_member *m = workload_table_find(&w->table, s->stat.pid, s->stat.start_ticks);
	const struct graph *g = w->out->graph;
	char key[PROCESS_KEY_MAX];

	(void)snprintf(key, sizeof(key), "%u/%" PRIu64, s->stat.pid, s->stat.start_ticks);
	asked = asked || graph_find(g, ENTITY_PROCESS, key) != ENTITY_NONE;
	size_t n = recognise_subject(w, workload_subject_container(s, g, NULL), asked);
	uint64_t whose = n > 0 ? workload_graph_whose(&w->found[0]) : 0;
	/* Services are known by their cgroup and container: their processes are told of only when there is something to
	 * tell. */
	bool started = s->env && s->env != &s->own_env;
	bool whole = whose && strcmp(w->found[0].role, "service") == 0;
	if (!whose || (whole && !asked) || (m && m->whose && !may_change(m, &w->found[0], started)))
		return m && m->whose ? m : NULL;
	const struct workload_member *parent = member_above(w, s->stat.pid, s->stat.start_ticks, s->stat.ppid);
	bool descends = parent && parent != m && is_of(w, parent, &w->found[0], whose);
	/* A copy: to make room for the new one, its slot may be taken. */
	const struct workload_member above = descends ? *parent : (struct workload_member){ 0 };
	if (!m)
		m = new_member(w);
	if (!m)
		return NULL;
	if (descends)
		inherit(w, m, &above);
	else if (!join(w, m, whose, !whole && !is_taken(w, whose, m))) {
		workload_table_remove(&w->table, m);
		return NULL;
	}
	m->container = workload_subject_container(s, g, m->main || asked ? w->out : NULL);
	m->cgroup = cgroup_of(w, cgroup_key);
	if (s->env && (started || !m->env))
		(void)workload_table_keep_env(&w->table, m, s->env, s->env_source);
	if (w->lineage && !started)
		(void)lineage_adopt(w->lineage, m->pid, start_ns_of(w, m->start_ticks), m->pid,
				start_ns_of(w, m->start_ticks));
	if ((m->main || asked) && workload_judge_show(w, m) != ENTITY_NONE)
		say_conflict(w, m);
	return m;
}

/* Nearly all programs that a rank starts have its very environment: they are its own, and nothing need be read. Of a
 * launcher they may be anything. */
bool workload_judge_like_parent(struct workload *w, const struct lineage_exec *exec)
{
	uint64_t start_ticks = exec->start_ns / (NS_PER_S / (uint64_t)w->ticks_per_s);
	const struct workload_member *parent = workload_table_by_pid(&w->table, exec->ppid, start_ticks);
	struct workload_member *m;

	if (!parent || parent->ended || parent->rank == ENTITY_NONE || !workload_table_has_env(parent, &exec->env) ||
	    workload_table_find(&w->table, exec->pid, start_ticks))
		return false;
	const struct workload_member above = *parent;
	m = workload_table_add(&w->table, exec->pid, start_ticks, w->now);
	if (!m)
		return true;
	m->ppid = exec->ppid;
	m->uid = exec->uid;
	memcpy(m->comm, exec->comm, sizeof(m->comm));
	inherit(w, m, &above);
	m->container = above.container;
	m->cgroup = kernel_cgroup_entity(&w->cgroups, exec->cgroup, w->out);
	(void)workload_table_keep_env(&w->table, m, &exec->env, IDENTITY_EXEC);
	return true;
}

void workload_judge_again(struct workload *w, struct workload_member *m)
{
	struct workload_subject *s = &w->subject;
	AUTO_CLOSE int fd = -1;

	m->again = false;
	if (m->ended || (!m->main && m->process == ENTITY_NONE))
		return;
	int r = workload_subject_proc(s, w->root_fd, m->pid, &fd);
	bool lives = r == 0 && s->stat.start_ticks == m->start_ticks;
	if (lives)
		workload_subject_read(s, fd);
	else
		s->stat = (struct proc_stat){ .pid = m->pid, .ppid = m->ppid, .uid = m->uid, .start_ticks = m->start_ticks };
	if (!lives && m->cgroup != ENTITY_NONE && graph_exists(w->out->graph, m->cgroup)) {
		(void)text_copy(s->path, sizeof(s->path), graph_key(w->out->graph, m->cgroup));
		(void)cgroup_form_parse(s->path, &s->form);
	}
	memcpy(s->stat.comm, m->comm, sizeof(s->stat.comm));
	/* What it was started with, not what it may have made of it. */
	if (workload_table_env(m, &s->own_env)) {
		s->env = &s->own_env;
		s->env_source = m->env_source == IDENTITY_EXEC ? IDENTITY_EXEC : IDENTITY_PROC;
	}
	(void)workload_judge(w, 0, m->process != ENTITY_NONE);
}

/* ---- entities that others made ---- */

static void link_container(struct workload *w, entity_id id)
{
	struct workload_subject *s = &w->subject;
	entity_id cgroup;

	if (!s->path[0] && graph_neighbours(w->out->graph, id, false, ENTITY_CGROUP, &cgroup, 1) > 0) {
		(void)text_copy(s->path, sizeof(s->path), graph_key(w->out->graph, cgroup));
		(void)cgroup_form_parse(s->path, &s->form);
	}
	entity_id container = workload_subject_container(s, w->out->graph, w->out);
	if (container != ENTITY_NONE)
		batch_link(w->out, EDGE_IN, id, container);
}

static void say_unresolved(struct workload *w, entity_id id, bool lives)
{
	char why[160];
	struct text t;

	const struct proc_stat *stat = &w->subject.stat;

	/* Started while the kernel half watched, and without such a variable; or looked at while it lived: nothing is
	 * missing. */
	bool watched = w->lineage && stat->start_ticks >= w->opened_ticks && lineage_missed(w->lineage) == 0;
	bool seen = w->scans && workload_scan_saw(&w->scan, stat->pid, stat->start_ticks);
	if (w->subject.env || (!lives && (watched || seen)))
		return;
	text_init(&t, why, sizeof(why));
	text_add(&t, "job and rank: ");
	if (lives)
		text_addf(&t, "the environment of the process cannot be read: %s", strerror(-w->subject.env_error));
	else
		text_add(&t, "the process had ended before its environment could be read");
	batch_attr(w->out, id, "unresolved", why);
}

static uint32_t parent_of(const struct workload *w, entity_id id)
{
	const char *text = graph_attr(w->out->graph, id, "ppid");
	uint64_t ppid;

	return text && text_parse_u64(text, &ppid) == 0 && ppid <= INT32_MAX ? (uint32_t)ppid : 0;
}

void workload_judge_entity(struct workload *w, entity_id id)
{
	const char *key = graph_key(w->out->graph, id);
	struct workload_subject *s = &w->subject;
	struct workload_member *m;
	uint64_t start_ticks;
	AUTO_CLOSE int fd = -1;
	uint32_t pid;

	if (!key || process_key_parse(key, &pid, &start_ticks) < 0)
		return;
	m = workload_table_find(&w->table, pid, start_ticks);
	if (m && m->whose) {
		(void)workload_judge_show(w, m);
		return;
	}
	int r = w->proc_is_ours || !w->lineage ? workload_subject_proc(s, w->root_fd, pid, &fd) : -ESRCH;
	bool lives = r == 0 && s->stat.start_ticks == start_ticks;
	if (lives) {
		workload_subject_read(s, fd);
		m = workload_judge(w, 0, true);
	} else {
		workload_subject_forget(s);
		s->stat = (struct proc_stat){ .pid = pid, .ppid = parent_of(w, id), .start_ticks = start_ticks };
	}
	link_container(w, id);
	if (m)
		return;
	const struct workload_member *parent = member_above(w, pid, start_ticks, s->stat.ppid);
	if (!parent) {
		say_unresolved(w, id, lives);
		return;
	}
	const struct workload_member above = *parent;
	m = new_member(w);
	if (!m)
		return;
	inherit(w, m, &above);
	m->container = workload_subject_container(s, w->out->graph, w->out);
	(void)workload_judge_show(w, m);
}
