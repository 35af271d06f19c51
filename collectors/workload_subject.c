/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/workload_subject.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "collectors/process.h"

void workload_subject_forget(struct workload_subject *s)
{
	explicit_bzero(s->argv, s->argv_len);
	s->argv_len = 0;
	s->env = NULL;
	s->env_error = 0;
	s->path[0] = '\0';
	s->otel_service[0] = '\0';
	s->form = (struct cgroup_form){ 0 };
	s->proc_fd = -1;
}

void workload_subject_read_argv(struct workload_subject *s, int proc_fd)
{
	if (proc_facts_argv(proc_fd, s->argv, sizeof(s->argv), &s->argv_len) < 0)
		s->argv_len = 0;
}

static void read_cgroup(struct workload_subject *s, int proc_fd)
{
	if (proc_facts_cgroup(proc_fd, s->path, &s->form) < 0)
		s->path[0] = '\0';
}

void workload_subject_read(struct workload_subject *s, int proc_fd)
{
	int taken = proc_facts_env(proc_fd, &s->own_env, NULL);

	s->env = taken >= 0 ? &s->own_env : NULL;
	s->env_source = IDENTITY_PROC;
	s->env_error = MIN_OF(taken, 0);
	s->proc_fd = proc_fd;
	workload_subject_read_argv(s, proc_fd);
	read_cgroup(s, proc_fd);
}

int workload_subject_proc(struct workload_subject *s, int root_fd, uint32_t pid, int *ret_proc_fd)
{
	AUTO_CLOSE int fd = -1;

	workload_subject_forget(s);
	int r = proc_facts_open(root_fd, pid, &fd);
	if (r == 0)
		r = proc_facts_stat(fd, &s->stat);
	/* A folder of that name that speaks of another process. */
	if (r == 0 && s->stat.pid != pid)
		r = -EBADMSG;
	if (r == 0)
		*ret_proc_fd = TAKE_FD(fd);
	return r;
}

static void complete_env(struct workload_subject *s, const struct env_values *told, int proc_fd)
{
	if (!told->cut[ENV_TF_CONFIG] || proc_facts_env(proc_fd, &s->own_env, NULL) < 0)
		return;
	s->exec_env = *told;
	if (env_values_complete(&s->exec_env, &s->own_env))
		s->env = &s->exec_env;
}

void workload_subject_exec(struct workload_subject *s, int root_fd, const struct lineage_exec *exec, long ticks_per_s,
			   struct kernel_cgroup *cgroups)
{
	uint64_t start_ticks = exec->start_ns / (NS_PER_S / (uint64_t)ticks_per_s);
	AUTO_CLOSE int fd = -1;

	int r = workload_subject_proc(s, root_fd, exec->pid, &fd);
	s->env = &exec->env;
	if (r == 0 && s->stat.start_ticks == start_ticks) {
		workload_subject_read_argv(s, fd);
		read_cgroup(s, fd);
		complete_env(s, &exec->env, fd);
	}
	s->stat = (struct proc_stat){ .pid = exec->pid, .ppid = exec->ppid, .uid = exec->uid, .start_ticks = start_ticks };
	memcpy(s->stat.comm, exec->comm, sizeof(s->stat.comm) - 1);
	s->env_source = IDENTITY_EXEC;
	if (s->path[0] == '\0') {
		kernel_cgroup_path(cgroups, exec->cgroup, s->path, sizeof(s->path));
		(void)cgroup_form_parse(s->path, &s->form);
	}
}

entity_id workload_subject_container(const struct workload_subject *s, const struct graph *g, struct batch *made)
{
	if (s->form.holder != CGROUP_HOLDER_CONTAINER && s->form.holder != CGROUP_HOLDER_YARN)
		return ENTITY_NONE;
	return made ? batch_entity(made, ENTITY_CONTAINER, s->form.container_id) :
		      graph_find(g, ENTITY_CONTAINER, s->form.container_id);
}

entity_id workload_pod_of(const struct graph *g, entity_id container)
{
	entity_id pod;

	return graph_neighbours(g, container, false, ENTITY_POD, &pod, 1) > 0 ? pod : ENTITY_NONE;
}

struct labels {
	const struct graph *g;
	entity_id container, pod;
};

/* The pod's own word first: a container's labels are what its image or runtime says of it. */
static const char *label_of(const void *arg, const char *key)
{
	const struct labels *l = arg;
	const char *value = l->pod != ENTITY_NONE ? graph_attr(l->g, l->pod, key) : NULL;

	return value || l->container == ENTITY_NONE ? value : graph_attr(l->g, l->container, key);
}

static void add_place(struct identity_facts *f, const struct labels *l)
{
	f->label = label_of;
	f->label_arg = l;
	f->node = graph_key(l->g, graph_node(l->g));
	f->container_name = l->container != ENTITY_NONE ? graph_attr(l->g, l->container, "name") : NULL;
	if (l->pod == ENTITY_NONE)
		return;
	f->pod_namespace = graph_attr(l->g, l->pod, "namespace");
	f->pod_name = graph_attr(l->g, l->pod, "name");
}

static struct identity_facts own_facts(const struct workload_subject *s, const char *comm)
{
	return (struct identity_facts){
		.env = s->env,
		.env_source = s->env_source,
		.argv = s->argv_len > 0 ? s->argv : NULL,
		.argv_len = s->argv_len,
		.comm = comm,
		.cgroup = s->path[0] ? &s->form : NULL,
		.otel_service = s->otel_service[0] ? s->otel_service : NULL,
	};
}

bool workload_subject_only_labels(const struct workload_subject *s, const struct graph *g)
{
	struct membership found[RECOGNISED_MAX];
	char comm[PROCESS_COMM_MAX];

	process_comm(s->stat.comm, comm);
	struct identity_facts f = own_facts(s, comm);
	f.node = graph_key(g, graph_node(g));
	return recognise(&f, found) == 0;
}

size_t workload_subject_recognise(const struct workload_subject *s, const struct graph *g, entity_id container,
				  struct membership ret[RECOGNISED_MAX])
{
	struct labels labels = { .g = g, .container = container, .pod = workload_pod_of(g, container) };
	char comm[PROCESS_COMM_MAX];

	process_comm(s->stat.comm, comm);
	struct identity_facts f = own_facts(s, comm);
	add_place(&f, &labels);
	return recognise(&f, ret);
}

size_t workload_place_recognise(const struct graph *g, entity_id place, struct membership ret[RECOGNISED_MAX])
{
	bool is_pod = graph_kind(g, place) == ENTITY_POD;
	struct labels labels = { .g = g,
				 .container = is_pod ? ENTITY_NONE : place,
				 .pod = is_pod ? place : workload_pod_of(g, place) };
	struct identity_facts f = { .env_source = IDENTITY_PROC };

	add_place(&f, &labels);
	return recognise(&f, ret);
}
