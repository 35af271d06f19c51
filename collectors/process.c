/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void process_key(uint32_t pid, uint64_t start_ns, long ticks_per_s, char ret_key[PROCESS_KEY_MAX])
{
	uint64_t tick_ns = NS_PER_S / (uint64_t)(ticks_per_s > 0 ? ticks_per_s : 100);

	(void)snprintf(ret_key, PROCESS_KEY_MAX, "%u/%llu", pid, (unsigned long long)(start_ns / tick_ns));
}

int process_key_parse(const char *key, uint32_t *ret_pid, uint64_t *ret_start_ticks)
{
	const char *slash = strchr(key, '/');
	char pid_text[16];
	uint64_t pid, start;

	if (!slash || slash == key || (size_t)(slash - key) >= sizeof(pid_text))
		return -EINVAL;
	memcpy(pid_text, key, (size_t)(slash - key));
	pid_text[slash - key] = '\0';
	if (text_parse_u64(pid_text, &pid) < 0 || pid > INT32_MAX || text_parse_u64(slash + 1, &start) < 0)
		return -EINVAL;
	*ret_pid = (uint32_t)pid;
	*ret_start_ticks = start;
	return 0;
}

void process_comm(const char comm[16], char ret_text[PROCESS_COMM_MAX])
{
	struct text t;

	text_init(&t, ret_text, PROCESS_COMM_MAX);
	text_add_escaped(&t, comm, strnlen(comm, 16));
}

entity_id process_entity(const struct process_seen *p, long ticks_per_s, struct kernel_cgroup *cgroups, struct batch *b)
{
	char key[PROCESS_KEY_MAX], comm[PROCESS_COMM_MAX];

	process_key(p->pid, p->start_ns, ticks_per_s, key);
	entity_id id = batch_entity(b, ENTITY_PROCESS, key);
	if (id == ENTITY_NONE)
		return ENTITY_NONE;
	process_comm(p->comm, comm);
	const char *known = graph_attr(b->graph, id, "comm");
	if (!known || strcmp(known, comm) != 0)
		batch_attr(b, id, "comm", comm);
	if (known)
		return id;
	batch_attr_u64(b, id, "pid", p->pid);
	batch_attr_u64(b, id, "ppid", p->ppid);
	batch_attr_u64(b, id, "uid", p->uid);
	entity_id cgroup = kernel_cgroup_entity(cgroups, p->cgroup, b);
	batch_link(b, EDGE_IN, id, cgroup != ENTITY_NONE ? cgroup : graph_node(b->graph));
	return id;
}
