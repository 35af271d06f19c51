// SPDX-License-Identifier: Apache-2.0
/* PyTorch's torchrun (torchelastic), and programs started by hand with the same RANK, WORLD_SIZE and MASTER_ADDR. */
#include <string.h>

#include "identity/recogniser.h"

static const char *const agents[] = {
	"torchrun", "torch.distributed.run", "torch.distributed.launch", "accelerate", "accelerate.commands.launch",
	"deepspeed", "deepspeed.launcher.launch", "deepspeed.launcher.runner", "composer", NULL,
};

/* --standalone makes a UUID: it needs no place to be the only one of its name. */
static bool is_uuid(const char *id)
{
	return strlen(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' &&
	       strspn(id, "0123456789abcdef-") == 36;
}

static bool run_is_named(const char *run)
{
	return run && strcmp(run, "none") != 0;
}

static void job_of_run(const struct identity_facts *f, const char *run, struct membership *m)
{
	if (membership_job_part(m, '\0', run) && !is_uuid(run) && f->pod_namespace)
		(void)membership_job_part(m, '@', f->pod_namespace);
}

/* What the agent was told; its workers will say the same by TORCHELASTIC_RUN_ID or MASTER_ADDR. */
static bool recognise_agent(const struct identity_facts *f, struct membership *m)
{
	char run[ENV_VALUE_MAX], address[ENV_VALUE_MAX], port[16];
	const char *named = facts_env(f, ENV_PET_RDZV_ID), *master = facts_env(f, ENV_PET_MASTER_ADDR);
	const char *at = facts_env(f, ENV_PET_MASTER_PORT);

	m->role = "launcher";
	m->source = named || master ? f->env_source : IDENTITY_PROC;
	if (facts_flag(f, "rdzv-id", run, sizeof(run)))
		named = run;
	if (facts_flag(f, "master-addr", address, sizeof(address)))
		master = address;
	if (facts_flag(f, "master-port", port, sizeof(port)))
		at = port;
	if (run_is_named(named))
		job_of_run(f, named, m);
	else if (!facts_has_argument(f, "--standalone"))
		(void)facts_job_at(f, master ? master : "127.0.0.1", at ? at : "29500", m);
	membership_attr(m, "node_rank", facts_env(f, ENV_PET_NODE_RANK));
	return true;
}

static bool recognise_torchrun(const struct identity_facts *f, struct membership *m)
{
	const char *run = facts_env(f, ENV_TORCHELASTIC_RUN_ID), *address = facts_env(f, ENV_MASTER_ADDR);
	uint32_t rank, world = 0;

	if (!run && facts_program_is(f, agents))
		return recognise_agent(f, m);
	if (!facts_env_number(f, ENV_RANK, &rank))
		return false;
	if (facts_env_number(f, ENV_WORLD_SIZE, &world) ? rank >= world : !run && !address)
		return false;
	if (!run && facts_is_wrapper(f)) {
		m->role = "launcher";
	} else {
		m->role = "rank";
		(void)membership_memberf(m, "%u", rank);
		membership_attr(m, "local_rank", facts_env(f, ENV_LOCAL_RANK));
		membership_attr(m, "restart", facts_env(f, ENV_TORCHELASTIC_RESTART_COUNT));
		membership_attr(m, "node_rank", facts_env(f, ENV_GROUP_RANK));
		membership_attr(m, "devices", facts_env(f, ENV_CUDA_VISIBLE_DEVICES));
	}
	m->source = f->env_source;
	membership_job_attr(m, "world_size", world > 0 ? facts_env(f, ENV_WORLD_SIZE) : NULL);
	membership_job_attr(m, "max_restarts", facts_env(f, ENV_TORCHELASTIC_MAX_RESTARTS));
	if (run_is_named(run))
		job_of_run(f, run, m);
	else /* a static rendezvous has no other name */
		(void)facts_job_at(f, address, facts_env(f, ENV_MASTER_PORT), m);
	return true;
}

const struct recogniser recogniser_torchrun = {
	.name = "torchrun",
	.system = "PyTorch torchrun (torchelastic), or RANK, WORLD_SIZE, MASTER_ADDR by hand",
	.what = "job: rendezvous id, else master's address and port; member: RANK; launcher: the elastic agent",
	.from = "environment of the worker; arguments and PET_* of the agent",
	.tested = "real program: PyTorch 1.13 with gloo, tests/real/torchrun; exact text",
	.layer = RECOGNISER_RANKS,
	.as_attr = "torchrun_run",
	.recognise = recognise_torchrun,
};
