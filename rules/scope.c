// SPDX-License-Identifier: Apache-2.0
#include "rules/scope.h"

#include <stddef.h>
#include <string.h>

#include "rules/relative.h"

static const char *const common_attrs[] = { "key", "name", NULL };

#define ATTRS(...) ((const char *const[]){ "key", "name", __VA_ARGS__, NULL })
static const char *const *const attrs[ENTITY_KIND_MAX] = {
	[ENTITY_NODE] = ATTRS("boot_id", "kernel", "hostname", "provider", "region", "zone", "instance_type"),
	[ENTITY_GPU] = ATTRS("index", "pci", "uuid", "serial", "model", "driver", "minor"),
	[ENTITY_NIC] = ATTRS("driver", "speed", "mac", "port", "pci", "type", "master"),
	[ENTITY_DISK] = ATTRS("model", "serial", "rotational", "major", "minor", "device"),
	[ENTITY_MOUNT] = ATTRS("fstype", "device", "source", "options"),
	[ENTITY_CGROUP] = ATTRS("path", "hierarchy", "unit", "id", "io_limit"),
	[ENTITY_CONTAINER] = ATTRS("id", "image", "pod", "namespace", "runtime", "pid", "container_name", "restarts"),
	[ENTITY_POD] = ATTRS("uid", "namespace", "pod", "phase", "qos", "owner", "owner_kind", "app"),
	[ENTITY_PROCESS] = ATTRS("pid", "comm", "uid", "ppid", "exe", "cmdline", "role", "start", "cgroup",
				 "parent_comm", "terminal"),
	[ENTITY_JOB] = ATTRS("scheduler", "id", "job_name", "user", "queue", "framework", "world_size", "kind"),
	[ENTITY_RANK] = ATTRS("rank", "local_rank", "world_size", "framework", "role", "attempt"),
	[ENTITY_LINK] = ATTRS("ip", "port", "address", "peer", "family", "node"),
	[ENTITY_SOCKET] = ATTRS("port", "address", "pid", "comm", "protocol", "owner_pid", "owner_comm"),
};

bool scope_reaches(enum entity_kind from, enum entity_kind about)
{
	return from == about || relative_possible(from, about);
}

const char *const *scope_attrs(enum entity_kind kind)
{
	return kind < ENTITY_KIND_MAX && attrs[kind] ? attrs[kind] : common_attrs;
}

bool scope_has_attr(enum entity_kind kind, const char *attr)
{
	for (const char *const *a = scope_attrs(kind); *a; a++)
		if (strcmp(*a, attr) == 0)
			return true;
	return false;
}
