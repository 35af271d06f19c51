// SPDX-License-Identifier: Apache-2.0
/* Bytes as the path of a cgroup: what is taken of it is bounded, clean, and stands in the path. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "identity/cgroup_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
	if (strnlen(text, size) == size)
		abort();
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cgroup_form f;
	char *path = malloc(size + 1);
	if (!path)
		return 0;
	memcpy(path, data, size);
	path[size] = '\0';
	memset(&f, 0xff, sizeof(f));
	bool found = cgroup_form_parse(path, &f);
	if (found != (f.holder != CGROUP_HOLDER_NONE) || !f.form || !f.runtime || f.n_holder > strlen(path))
		abort();
	check_text(f.container_id, sizeof(f.container_id));
	check_text(f.pod_uid, sizeof(f.pod_uid));
	check_text(f.qos, sizeof(f.qos));
	check_text(f.slurm_job, sizeof(f.slurm_job));
	check_text(f.slurm_step, sizeof(f.slurm_step));
	check_text(f.slurm_task, sizeof(f.slurm_task));
	check_text(f.slurm_node, sizeof(f.slurm_node));
	check_text(f.unit, sizeof(f.unit));
	if (found && (f.n_holder == 0 || (path[f.n_holder] && path[f.n_holder] != '/')))
		abort();
	if (f.holder == CGROUP_HOLDER_CONTAINER && strlen(f.container_id) != 64)
		abort();
	if (f.container_id[0] && !strstr(path, f.container_id))
		abort();
	if (f.holder == CGROUP_HOLDER_POD && !f.pod_uid[0])
		abort();
	if (!f.pod_uid[0] != !f.qos[0])
		abort();
	/* The holder's own path says the same of itself. */
	path[f.n_holder] = '\0';
	struct cgroup_form again;
	if (found && (!cgroup_form_parse(path, &again) || again.holder != f.holder ||
		      strcmp(again.container_id, f.container_id) != 0 || strcmp(again.pod_uid, f.pod_uid) != 0))
		abort();
	free(path);
	return 0;
}
