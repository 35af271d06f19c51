/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stranger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/who.h"
#include "base/cleanup.h"
#include "collectors/process.h"
#include "collectors/workload_subject.h"
#include "identity/recogniser.h"

struct stranger {
	struct workload_subject subject; /* large: 32 KiB of arguments */
	struct membership found[RECOGNISED_MAX];
	char key[PROCESS_KEY_MAX], comm[PROCESS_COMM_MAX], name[64], pid[16], ppid[16], uid[16], identity[96];
	struct who_place place;
	uint32_t above; /* the next to ask */
	uint64_t start_ticks;
};

static void stranger_free(struct stranger **s)
{
	if (*s)
		workload_subject_forget(&(*s)->subject); /* arguments are wiped */
	free(*s);
	*s = NULL;
}

static void by_found(const struct graph *g, struct stranger *s, size_t n)
{
	char key[GRAPH_MAX_KEY];

	if (n > 0 && membership_member_key(&s->found[0], key, sizeof(key)))
		s->place.rank = graph_find(g, ENTITY_RANK, key);
	if (n > 0 && s->place.rank == ENTITY_NONE && membership_job_key(&s->found[0], key, sizeof(key)))
		s->place.job = graph_find(g, ENTITY_JOB, key);
}

/* What the graph holds of it was judged with more than /proc. */
static void by_graph(const struct graph *g, struct stranger *s, entity_id process)
{
	entity_id one;

	if (graph_neighbours(g, process, false, ENTITY_RANK, &one, 1) > 0)
		s->place.rank = one;
	else if (graph_neighbours(g, process, false, ENTITY_JOB, &one, 1) > 0)
		s->place.job = one;
}

/* One generation: false, when there is nobody further up to ask. */
static bool ask(const struct graph *g, int root_fd, uint32_t pid, bool first, struct stranger *s)
{
	AUTO_CLOSE int fd = -1;
	char key[PROCESS_KEY_MAX], comm[PROCESS_COMM_MAX];

	if (workload_subject_proc(&s->subject, root_fd, pid, &fd) < 0)
		return false;
	const struct proc_stat *stat = &s->subject.stat;
	if (!first && stat->start_ticks > s->start_ticks)
		return false; /* the pid was given to somebody else meanwhile */
	s->start_ticks = stat->start_ticks;
	s->above = stat->ppid;
	(void)snprintf(key, sizeof(key), "%u/%" PRIu64, stat->pid, stat->start_ticks);
	workload_subject_read(&s->subject, fd);
	entity_id container = workload_subject_container(&s->subject, g, NULL);
	if (first) {
		memcpy(s->key, key, sizeof(key));
		process_comm(stat->comm, s->comm);
		(void)snprintf(s->name, sizeof(s->name), "%s[%u]", s->comm, stat->pid);
		(void)snprintf(s->pid, sizeof(s->pid), "%u", stat->pid);
		(void)snprintf(s->ppid, sizeof(s->ppid), "%u", stat->ppid);
		(void)snprintf(s->uid, sizeof(s->uid), "%u", stat->uid);
		s->place.container = container;
	}
	entity_id process = graph_find(g, ENTITY_PROCESS, key);
	if (process != ENTITY_NONE)
		by_graph(g, s, process);
	if (s->place.rank == ENTITY_NONE && s->place.job == ENTITY_NONE)
		by_found(g, s, workload_subject_recognise(&s->subject, g, container, s->found));
	if (s->place.rank == ENTITY_NONE && s->place.job == ENTITY_NONE)
		return true;
	process_comm(stat->comm, comm);
	if (first)
		(void)snprintf(s->identity, sizeof(s->identity), "/proc");
	else
		(void)snprintf(s->identity, sizeof(s->identity), "%s[%u], which it descends from", comm, pid);
	return false;
}

int stranger_tell(const struct graph *g, int root_fd, uint32_t pid, struct answer *answer)
{
	AUTO(stranger_free) struct stranger *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->place = (struct who_place){ ENTITY_NONE, ENTITY_NONE, ENTITY_NONE };
	for (unsigned i = 0; i < STRANGER_MAX_ANCESTORS && pid > 1; i++, pid = s->above)
		if (!ask(g, root_fd, pid, i == 0, s))
			break;
	if (!s->key[0])
		return -ESRCH;
	struct finding_entity self = { .kind = ENTITY_PROCESS, .id = s->key, .name = s->name };
	const struct finding_attr attrs[] = { { "comm", s->comm }, { "pid", s->pid }, { "ppid", s->ppid }, { "uid", s->uid },
					      { "identity", s->identity } };

	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		if (attrs[i].value[0])
			self.attrs[self.n_attrs++] = attrs[i];
	who_tell_of(g, &self, &s->place, answer);
	return 0;
}
