// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "identity/recogniser.h"
#include "identity/tf_config.h"

static const char *role_of(const char *type)
{
	static const char *const roles[] = { "worker", "ps", "chief", "master", "evaluator" };

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(type, roles[i]) == 0)
			return roles[i];
	return "task";
}

static void name_cluster(const struct identity_facts *f, char *address, struct membership *m)
{
	char *colon = strrchr(address, ':');

	if (colon)
		*colon = '\0';
	if (address[0] != '\0')
		(void)facts_job_at(f, address, colon && colon[1] != '\0' ? colon + 1 : NULL, m);
}

static bool recognise_tensorflow(const struct identity_facts *f, struct membership *m)
{
	struct tf_config config;
	uint32_t size = 0;
	char number[16];
	const char *json;

	if (!f->env || !f->env->has[ENV_TF_CONFIG])
		return false;
	json = f->env->value[ENV_TF_CONFIG]; /* what is complete of it holds, even when it was cut */
	if (!tf_config_parse(json, strlen(json), &config))
		return false;
	m->source = f->env_source;
	if (facts_is_wrapper(f)) {
		m->role = "launcher";
	} else if (config.type[0] != '\0') { /* else the kernel half carried too little of the text */
		m->role = role_of(config.type);
		(void)membership_memberf(m, "%s-%u", config.type, config.index);
		membership_attr(m, "devices", facts_env(f, ENV_CUDA_VISIBLE_DEVICES));
	}
	for (size_t i = 0; i < config.n_types; i++)
		size += config.types[i].n;
	if (config.whole && size > 0) {
		(void)snprintf(number, sizeof(number), "%u", size);
		membership_job_attr(m, "world_size", number);
	}
	name_cluster(f, config.address, m);
	return true;
}

const struct recogniser recogniser_tensorflow = {
	.name = "tensorflow",
	.system = "TensorFlow (TF_CONFIG)",
	.what = "job: address of the first chief, else worker; member: task type and index",
	.from = "TF_CONFIG: task, sizes of the cluster, one address",
	.tested = "exact text",
	.layer = RECOGNISER_RANKS,
	.as_attr = "tensorflow_cluster",
	.recognise = recognise_tensorflow,
};
