// SPDX-License-Identifier: Apache-2.0
#include "identity/env_key.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "identity/tf_config.h"

static const struct {
	const char *name, *whose;
	size_t len;
} names[ENV_KEY_MAX] = {
#define ENV_KEY(name, whose) [ENV_##name] = { #name, whose, sizeof(#name) - 1 },
#include "identity/env_keys.def"
#undef ENV_KEY
};

#define ENV_KEY(name, whose) _Static_assert(sizeof(#name) <= ENV_KEY_NAME_MAX, "a name is too long");
#include "identity/env_keys.def"
#undef ENV_KEY
_Static_assert(ENV_KEY_MAX <= 96, "the kernel half compares every variable with every name");

const char *env_key_name(enum env_key key)
{
	assert(key < ENV_KEY_MAX);
	return names[key].name;
}

const char *env_key_whose(enum env_key key)
{
	assert(key < ENV_KEY_MAX);
	return names[key].whose;
}

enum env_key env_key_find(const char *name, size_t n)
{
	for (unsigned i = 0; i < ENV_KEY_MAX; i++)
		if (names[i].len == n && memcmp(names[i].name, name, n) == 0)
			return (enum env_key)i;
	return ENV_KEY_MAX;
}

/* It may be long, and only a little of it is wanted. */
static void set_tf_config(struct env_values *v, const char *json, size_t n)
{
	struct tf_config config;

	v->has[ENV_TF_CONFIG] = true;
	if (tf_config_parse(json, n, &config))
		v->cut[ENV_TF_CONFIG] =
			tf_config_compact(&config, v->value[ENV_TF_CONFIG], ENV_VALUE_MAX) >= ENV_VALUE_MAX - 1;
}

void env_values_set(struct env_values *v, enum env_key key, const char *value, size_t n)
{
	struct text t;

	assert(key < ENV_KEY_MAX);
	if (v->has[key])
		return;
	if (key == ENV_TF_CONFIG) {
		set_tf_config(v, value, n);
		return;
	}
	text_init(&t, v->value[key], ENV_VALUE_MAX);
	text_add_escaped(&t, value, n);
	v->has[key] = true;
	v->cut[key] = t.truncated;
}

bool env_values_take(struct env_values *v, const char *entry, size_t n)
{
	/* Look no further for the '=' than a name can be long: values may be megabytes. */
	const char *equals = memchr(entry, '=', n < ENV_KEY_NAME_MAX ? n : ENV_KEY_NAME_MAX);
	enum env_key key = equals ? env_key_find(entry, (size_t)(equals - entry)) : ENV_KEY_MAX;

	if (key == ENV_KEY_MAX || v->has[key])
		return false;
	env_values_set(v, key, equals + 1, n - (size_t)(equals + 1 - entry));
	return true;
}

bool env_values_complete(struct env_values *v, const struct env_values *longer)
{
	if (!v->has[ENV_TF_CONFIG] || !v->cut[ENV_TF_CONFIG] || !longer->has[ENV_TF_CONFIG] || longer->cut[ENV_TF_CONFIG])
		return false;
	memcpy(v->value[ENV_TF_CONFIG], longer->value[ENV_TF_CONFIG], ENV_VALUE_MAX);
	v->cut[ENV_TF_CONFIG] = false;
	return true;
}
