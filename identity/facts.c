// SPDX-License-Identifier: Apache-2.0
#include "identity/facts.h"

#include <string.h>

#include "base/text.h"
#include "identity/label_key.h"

const char *facts_env(const struct identity_facts *f, enum env_key key)
{
	if (!f->env || !f->env->has[key] || f->env->cut[key] || f->env->value[key][0] == '\0')
		return NULL;
	return f->env->value[key];
}

const char *facts_label(const struct identity_facts *f, const char *key)
{
	const char *value = f->label ? f->label(f->label_arg, key) : NULL;

	return value && value[0] != '\0' && strnlen(value, LABEL_VALUE_MAX) < LABEL_VALUE_MAX - 1 ? value : NULL;
}

bool facts_number(const char *value, uint32_t *ret_number)
{
	uint32_t number = 0;
	size_t n = 0;

	if (!value)
		return false;
	for (; value[n] >= '0' && value[n] <= '9' && n < 9; n++)
		number = number * 10 + (uint32_t)(value[n] - '0');
	if (n == 0 || value[n] != '\0')
		return false;
	*ret_number = number;
	return true;
}

bool facts_env_number(const struct identity_facts *f, enum env_key key, uint32_t *ret_number)
{
	return facts_number(facts_env(f, key), ret_number);
}

const char *facts_argument(const struct identity_facts *f, size_t i, size_t *ret_n)
{
	size_t at = 0;

	for (; f->argv && at < f->argv_len; i--) {
		const char *word = f->argv + at;
		size_t n = strnlen(word, f->argv_len - at);

		if (i == 0) {
			*ret_n = n;
			return word;
		}
		at += n + 1;
	}
	return NULL;
}

/* "--executor-id" of `name` "executor-id": what follows it in the word, "" or "=VALUE"; NULL: another flag. */
static const char *flag_rest(const char *word, size_t n, const char *name)
{
	size_t len = strlen(name);

	if (n < len + 2 || word[0] != '-' || word[1] != '-' || (n > len + 2 && word[len + 2] != '='))
		return NULL;
	for (size_t i = 0; i < len; i++) {
		char c = word[i + 2] == '_' ? '-' : word[i + 2];

		if (c != name[i])
			return NULL;
	}
	return word + len + 2;
}

static bool copy_escaped(const char *s, size_t n, char *ret_text, size_t size)
{
	char copy[256];
	struct text t;

	if (n == 0 || size > sizeof(copy))
		return false;
	text_init(&t, copy, size);
	text_add_escaped(&t, s, n);
	if (t.truncated)
		return false;
	memcpy(ret_text, copy, t.len + 1);
	return true;
}

bool facts_argument_text(const struct identity_facts *f, size_t i, char *ret_text, size_t size)
{
	size_t n;
	const char *argument = facts_argument(f, i, &n);

	return argument && copy_escaped(argument, n, ret_text, size);
}

bool facts_flag(const struct identity_facts *f, const char *name, char *ret_value, size_t size)
{
	const char *end = f->argv ? f->argv + f->argv_len : NULL;
	size_t n, skip;

	for (const char *word = f->argv; word && word < end; word += n + 1) {
		n = strnlen(word, (size_t)(end - word));
		const char *rest = flag_rest(word, n, name);

		if (!rest)
			continue;
		skip = (size_t)(rest - word);
		if (skip == n) {
			if (rest + 1 >= end)
				return false;
			n += 1 + strnlen(rest + 1, (size_t)(end - rest - 1)); /* the value is the next word */
		}
		/* Without a NUL behind it the value was cut. */
		return word + n < end && copy_escaped(rest + 1, n - skip - 1, ret_value, size);
	}
	return false;
}

static void base_name(const char **word, size_t *n)
{
	const char *slash = memrchr(*word, '/', *n);

	if (slash) {
		*n -= (size_t)(slash + 1 - *word);
		*word = slash + 1;
	}
}

static bool is_word(const char *word, size_t n, const char *expected)
{
	return n == strlen(expected) && memcmp(word, expected, n) == 0;
}

bool facts_has_argument(const struct identity_facts *f, const char *expected)
{
	const char *end = f->argv ? f->argv + f->argv_len : NULL;
	size_t n;

	for (const char *word = f->argv; word && word < end; word += n + 1) {
		const char *base = word;
		size_t n_base;

		n = n_base = strnlen(word, (size_t)(end - word));
		if (is_word(word, n, expected))
			return true;
		base_name(&base, &n_base);
		if (is_word(base, n_base, expected))
			return true;
	}
	return false;
}

/* Where python's own options end: the script, or the module behind -m; NULL when there is neither. */
static const char *python_program(const struct identity_facts *f, size_t *ret_n)
{
	const char *word;

	for (size_t i = 1; i < 16 && (word = facts_argument(f, i, ret_n)); i++) {
		if (is_word(word, *ret_n, "-m"))
			return facts_argument(f, i + 1, ret_n);
		if (is_word(word, *ret_n, "-c"))
			return NULL;
		if (is_word(word, *ret_n, "-W") || is_word(word, *ret_n, "-X"))
			i++;
		else if (*ret_n == 0 || word[0] != '-') {
			base_name(&word, ret_n);
			return word;
		}
	}
	return NULL;
}

bool facts_program(const struct identity_facts *f, char *ret_name, size_t size)
{
	size_t n, n_inner = 0;
	const char *inner, *word = facts_argument(f, 0, &n);

	if (!word)
		return false;
	base_name(&word, &n);
	if (n >= 6 && memcmp(word, "python", 6) == 0) {
		inner = python_program(f, &n_inner);
		if (inner && n_inner > 0)
			word = inner, n = n_inner;
	}
	if (n > 0 && word[0] == '-') /* a login shell */
		word++, n--;
	return copy_escaped(word, n, ret_name, size);
}

bool facts_program_is(const struct identity_facts *f, const char *const *names)
{
	char program[64];

	if (!facts_program(f, program, sizeof(program)))
		return false;
	for (; *names; names++)
		if (strcmp(program, *names) == 0)
			return true;
	return false;
}

bool facts_is_wrapper(const struct identity_facts *f)
{
	static const char *const wrappers[] = {
		"sh", "bash", "dash", "ash", "zsh", "busybox", "tini", "dumb-init", "catatonit", "docker-init",
		"pause", "s6-svscan", "sudo", "su", "env", "nohup", "timeout", "time", "numactl", "taskset",
		"nice", "ionice", "setsid", "stdbuf", "tee", "xargs", "conda", "enroot", "pyxis", "singularity",
		"apptainer", "slurmstepd", "slurm_script", NULL,
	};

	return facts_program_is(f, wrappers);
}

void facts_place(const struct identity_facts *f, char *ret_place, size_t size)
{
	struct text t;

	text_init(&t, ret_place, size);
	if (f->cgroup && f->cgroup->container_id[0] != '\0') /* YARN's ids differ at their end */
		text_add_escaped(&t, f->cgroup->container_id,
				 strnlen(f->cgroup->container_id, f->cgroup->holder == CGROUP_HOLDER_YARN ? 80 : 12));
	else if (f->node)
		text_add_escaped(&t, f->node, strlen(f->node));
}

static bool is_this_machine(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strcmp(host, "[::1]") == 0 || strcmp(host, "0.0.0.0") == 0;
}

bool facts_job_at(const struct identity_facts *f, const char *host, const char *port, struct membership *m)
{
	char place[96];

	if (!membership_job_part(m, '\0', host) || (port && !membership_job_part(m, ':', port)))
		return false;
	facts_place(f, place, sizeof(place));
	if (is_this_machine(host))
		return place[0] == '\0' || membership_job_part(m, '@', place);
	return !f->pod_namespace || membership_job_part(m, '@', f->pod_namespace);
}

bool facts_job_of_kubernetes(const struct identity_facts *f, const char *name, struct membership *m)
{
	static const char *const queues[] = { "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/local-queue-name",
					      "volcano.sh/queue-name", "scheduling.volcano.sh/queue-name" };

	if (!name || (f->pod_namespace && !membership_job_part(m, '\0', f->pod_namespace)) ||
	    !membership_job_part(m, '/', name))
		return false;
	membership_job_attr(m, "namespace", f->pod_namespace);
	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++)
		membership_job_attr(m, "queue", facts_label(f, queues[i]));
	return true;
}
