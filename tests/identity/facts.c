// SPDX-License-Identifier: Apache-2.0
#include "tests/identity/facts.h"

#include <string.h>

#include "identity/label_key.h"
#include "tests/test.h"

static const char *label_of(const void *arg, const char *key)
{
	const struct known *k = arg;

	for (const char *const *label = k->labels; label && label[0]; label += 2)
		if (strcmp(label[0], key) == 0)
			return label[1];
	return NULL;
}

void known_reset(struct known *k)
{
	memset(k, 0, sizeof(*k));
	k->facts.node = "n1";
	k->facts.label = label_of;
	k->facts.label_arg = k;
}

void known_env(struct known *k, const char *entries, size_t n)
{
	for (size_t at = 0, len; at < n; at += len + 1) {
		len = strnlen(entries + at, n - at);
		(void)env_values_take(&k->env, entries + at, len);
	}
	k->facts.env = &k->env;
	k->facts.env_source = IDENTITY_EXEC;
}

void known_argv(struct known *k, const char *command)
{
	size_t n = strlen(command);

	assert_true(n + 1 <= sizeof(k->argv));
	for (size_t i = 0; i <= n; i++)
		k->argv[i] = command[i] == ' ' ? '\0' : command[i];
	k->facts.argv = k->argv;
	k->facts.argv_len = n + 1;
}

void known_labels(struct known *k, const char *const *labels)
{
	for (size_t i = 0; labels[i]; i += 2)
		if (!label_key_wanted(labels[i], strlen(labels[i])))
			fail_msg("%s is not in identity/label_keys.def", labels[i]);
	k->labels = labels;
}

void known_cgroup(struct known *k, enum cgroup_holder holder, const char *container_id)
{
	k->cgroup = (struct cgroup_form){ .holder = holder };
	strncpy(k->cgroup.container_id, container_id, sizeof(k->cgroup.container_id) - 1);
	k->facts.cgroup = &k->cgroup;
}

size_t known_recognise(struct known *k)
{
	return k->n = recognise(&k->facts, k->is);
}

void assert_is(struct known *k, const char *job_key, const char *member_key)
{
	char key[512];

	assert_true(known_recognise(k) >= 1);
	assert_true(membership_job_key(&k->is[0], key, sizeof(key)));
	assert_string_equal(key, job_key);
	assert_int_equal(membership_member_key(&k->is[0], key, sizeof(key)), member_key != NULL);
	if (member_key)
		assert_string_equal(key, member_key);
}

static void assert_value(const char *got, const char *name, const char *value)
{
	if (!got && !value)
		return;
	if (!got || !value)
		fail_msg("%s is %s, not %s", name, got ? got : "absent", value ? value : "absent");
	assert_string_equal(got, value);
}

void assert_attr(const struct known *k, const char *name, const char *value)
{
	assert_value(membership_attr_of(&k->is[0], name), name, value);
}

void assert_job_attr(const struct known *k, const char *name, const char *value)
{
	assert_value(membership_job_attr_of(&k->is[0], name), name, value);
}
