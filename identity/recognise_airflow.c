// SPDX-License-Identifier: Apache-2.0
/* Airflow 2 and 3: the job is a run of a DAG, the member a task of it. Pods carry annotations with the raw names and
 * labels with the same keys and made-safe values; who fills facts prefers annotations. What a task starts has
 * AIRFLOW_CTX_*; the task's own process has only its title (Airflow 2) or arguments. */
#include <string.h>

#include "identity/recogniser.h"
#include "identity/statement.h"

struct title {
	char dag[128], task[128], run[128], map_index[16];
	char instance[40]; /* Airflow 3: only the id of the task instance */
};

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The next of several words between blanks. */
static bool take_word(const char **at, char *ret_word, size_t size)
{
	size_t n;

	*at += strspn(*at, " ");
	n = strcspn(*at, " ");
	if (n == 0 || n >= size)
		return false;
	memcpy(ret_word, *at, n);
	ret_word[n] = '\0';
	*at += n;
	return true;
}

/* "airflow task runner: DAG TASK RUN [JOB]"; "airflow worker -- UUID", "airflow worker -- LocalExecutor: UUID". */
static void read_title(const struct identity_facts *f, struct title *ret)
{
	static const char runner[] = "airflow task runner: ", worker[] = "airflow worker -- ",
			  local[] = "LocalExecutor: ";
	char title[256];
	const char *at = title;

	if (!facts_argument_text(f, 0, title, sizeof(title)))
		return;
	if (starts(title, runner)) {
		at += sizeof(runner) - 1;
		if (!take_word(&at, ret->dag, sizeof(ret->dag)) || !take_word(&at, ret->task, sizeof(ret->task)) ||
		    !take_word(&at, ret->run, sizeof(ret->run)))
			*ret = (struct title){ .dag = "" };
	} else if (starts(title, worker)) {
		at += sizeof(worker) - 1;
		at += starts(at, local) ? sizeof(local) - 1 : 0;
		if (strlen(at) == 36 && strspn(at, "0123456789abcdef-") == 36)
			memcpy(ret->instance, at, 37);
	}
}

/* "airflow tasks run DAG TASK RUN --local --map-index 3", behind an interpreter or not. */
static void read_arguments(const struct identity_facts *f, struct title *ret)
{
	char word[16];

	for (size_t i = 1; i < 8; i++) {
		if (!facts_argument_text(f, i, word, sizeof(word)) || strcmp(word, "run") != 0)
			continue;
		if (!facts_argument_text(f, i + 1, ret->dag, sizeof(ret->dag)) ||
		    !facts_argument_text(f, i + 2, ret->task, sizeof(ret->task)) ||
		    !facts_argument_text(f, i + 3, ret->run, sizeof(ret->run)))
			*ret = (struct title){ .dag = "" };
		else
			(void)facts_flag(f, "map-index", ret->map_index, sizeof(ret->map_index));
		return;
	}
}

static void read_process(const struct identity_facts *f, struct title *ret)
{
	static const char *const programs[] = { "airflow", NULL };

	if (facts_program_is(f, programs) && facts_has_argument(f, "tasks"))
		read_arguments(f, ret);
	else
		read_title(f, ret);
}

/* Labels lose the characters that they may not have, and end in a part of a hash then:
 * "manual__2016-01-01T0100000100-da4d1ce7b" is the same run as "manual__2016-01-01T01:00:00+01:00". */
static bool is_made_safe(const char *label, const char *raw)
{
	size_t n = strlen(label), keep = n > 10 ? n - 10 : 0, at = 0;

	if (keep == 0 || label[keep] != '-' || strspn(label + keep + 1, "0123456789abcdef") != 9)
		return false;
	for (; *raw != '\0' && at < keep; raw++) {
		if (*raw == label[at])
			at++;
		else if ((*raw >= '0' && *raw <= '9') || (*raw >= 'A' && *raw <= 'Z') || (*raw >= 'a' && *raw <= 'z'))
			return false;
	}
	return at == keep;
}

static const char *settle(const struct identity_facts *f, struct membership *m, const char *what, enum env_key key,
			  const char *label, const char *title)
{
	struct statement said[] = { statement_env(f, key), statement_label(f, label), statement_argument(title) };
	const char *raw = said[0].value ? said[0].value : said[2].value;

	if (raw && said[1].value && is_made_safe(said[1].value, raw))
		said[1].value = NULL;
	return statement_settle(m, what, said, 3);
}

static void set_task(const struct identity_facts *f, const char *task, const struct title *title, struct membership *m)
{
	const char *map = facts_label(f, "map_index");
	uint32_t index;

	m->role = "task";
	if (!map)
		map = title->map_index;
	if (facts_number(map, &index)) /* -1: not mapped */
		(void)membership_memberf(m, "%s[%u]", task, index);
	else
		(void)membership_member(m, task);
	membership_attr(m, "attempt", facts_env(f, ENV_AIRFLOW_CTX_TRY_NUMBER));
	membership_attr(m, "attempt", facts_label(f, "try_number"));
}

static bool recognise_airflow(const struct identity_facts *f, struct membership *m)
{
	const bool pod = facts_label(f, "airflow_version") || facts_label(f, "kubernetes_executor") ||
			 facts_env(f, ENV_AIRFLOW_IS_K8S_EXECUTOR_POD);
	const char *dag, *task, *run;
	struct title title = { .dag = "" };
	struct identity_facts asked = *f;

	read_process(f, &title);
	if (!pod) /* "run_id" alone may be anybody's label */
		asked.label = NULL;
	dag = settle(&asked, m, "dag", ENV_AIRFLOW_CTX_DAG_ID, "dag_id", title.dag);
	run = settle(&asked, m, "run", ENV_AIRFLOW_CTX_DAG_RUN_ID, "run_id", title.run);
	task = settle(&asked, m, "task", ENV_AIRFLOW_CTX_TASK_ID, "task_id", title.task);
	if (dag && run && task) {
		if (!membership_job_part(m, '\0', dag) || !membership_job_part(m, '/', run))
			return false;
		set_task(&asked, task, &title, m);
	} else if (title.instance[0] != '\0') {
		m->role = "task";
		m->source = IDENTITY_PROC;
		if (!membership_job_part(m, '\0', title.instance))
			return false;
	} else {
		return false;
	}
	membership_job_attr(m, "namespace", f->pod_namespace);
	return !f->pod_namespace || membership_job_part(m, '@', f->pod_namespace);
}

const struct recogniser recogniser_airflow = {
	.name = "airflow",
	.system = "Airflow 2 and 3",
	.what = "job: dag/run; member: task, with its map index; attempt",
	.from = "AIRFLOW_CTX_* of what a task starts; annotations, else labels dag_id, run_id, task_id, map_index, "
		"try_number; title or arguments of the task's process",
	.tested = "real program: Airflow 3.3 with LocalExecutor, tests/real/airflow; exact text (2, KubernetesExecutor)",
	.layer = RECOGNISER_AROUND,
	.as_attr = "airflow_task",
	.recognise = recognise_airflow,
};
