// SPDX-License-Identifier: Apache-2.0
/* Any environment, arguments, labels, cgroup and OpenTelemetry context: whatever is recognised has a terminated,
 * printable key, a job that is not empty, and says the same when asked again. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "identity/label_key.h"
#include "identity/otel_context.h"
#include "identity/recogniser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool truth)
{
	if (!truth)
		abort();
}

/* Lines "E name=value", "L key=value", "A argument", "C holder path-like fields", "N namespace", "O payload". */
struct world {
	struct env_values env;
	struct cgroup_form cgroup;
	struct {
		char key[64], value[LABEL_VALUE_MAX];
	} labels[16];
	size_t n_labels;
	char argv[4096];
	size_t argv_len;
	char space[64], service[128];
};

static const char *label_of(const void *arg, const char *key)
{
	const struct world *w = arg;

	demand(label_key_wanted(key, strlen(key)));
	for (size_t i = 0; i < w->n_labels; i++)
		if (strcmp(w->labels[i].key, key) == 0)
			return w->labels[i].value;
	return NULL;
}

static void copy(char *to, size_t size, const char *from, size_t n)
{
	n = n < size - 1 ? n : size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

static void take_label(struct world *w, const char *s, size_t n)
{
	const char *equals = memchr(s, '=', n);

	if (!equals || w->n_labels == 16)
		return;
	copy(w->labels[w->n_labels].key, 64, s, (size_t)(equals - s));
	copy(w->labels[w->n_labels++].value, LABEL_VALUE_MAX, equals + 1, n - (size_t)(equals + 1 - s));
}

static void take_cgroup(struct world *w, const char *s, size_t n)
{
	w->cgroup.holder = (enum cgroup_holder)((unsigned char)s[0] % (CGROUP_HOLDER_UNIT + 1));
	s++, n--;
	copy(w->cgroup.container_id, sizeof(w->cgroup.container_id), s, n);
	copy(w->cgroup.slurm_job, sizeof(w->cgroup.slurm_job), s, n);
	copy(w->cgroup.slurm_step, sizeof(w->cgroup.slurm_step), s, n / 2);
	copy(w->cgroup.slurm_task, sizeof(w->cgroup.slurm_task), s, n / 3);
	copy(w->cgroup.unit, sizeof(w->cgroup.unit), s, n);
}

static void take(struct world *w, char kind, const char *s, size_t n)
{
	size_t room = sizeof(w->argv) - w->argv_len;

	if (kind == 'E') {
		(void)env_values_take(&w->env, s, n);
	} else if (kind == 'L') {
		take_label(w, s, n);
	} else if (kind == 'A') {
		n = n + 1 < room ? n : room > 0 ? room - 1 : 0;
		if (room > 0) {
			memcpy(w->argv + w->argv_len, s, n);
			w->argv[w->argv_len + n] = '\0';
			w->argv_len += n + 1;
		}
	} else if (kind == 'C' && n > 0) {
		take_cgroup(w, s, n);
	} else if (kind == 'N') {
		copy(w->space, sizeof(w->space), s, n);
	} else if (kind == 'O') {
		(void)otel_context_service(s, n, w->service, sizeof(w->service));
	}
}

static void demand_printable(const char *s, size_t size)
{
	uint32_t code;
	size_t n = strnlen(s, size);

	demand(n < size);
	for (size_t i = 0, len; i < n; i += len) {
		len = text_decode(s + i, n - i, &code);
		demand(len > 0 && !text_is_unsafe(code));
	}
}

static void check(const struct membership *m)
{
	char job[512], member[512], again[512];

	demand(membership_job_key(m, job, sizeof(job)));
	demand_printable(job, sizeof(job));
	demand_printable(m->job_name, sizeof(m->job_name));
	demand_printable(m->conflict, sizeof(m->conflict));
	demand(m->role && m->scheduler && m->source < IDENTITY_SOURCE_MAX);
	for (size_t i = 0; i < m->n_attrs; i++)
		demand_printable(m->attrs[i].value, sizeof(m->attrs[i].value));
	for (size_t i = 0; i < m->n_job_attrs; i++)
		demand_printable(m->job_attrs[i].value, sizeof(m->job_attrs[i].value));
	if (m->member[0] == '\0' || !membership_member_key(m, member, sizeof(member)))
		return;
	demand_printable(member, sizeof(member));
	/* What stands before the last '/' is the job: no other job has this member's key. */
	char *slash = strrchr(member, '/');
	demand(slash != NULL);
	copy(again, sizeof(again), member, (size_t)(slash - member));
	demand(strcmp(again, job) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct membership first[RECOGNISED_MAX], second[RECOGNISED_MAX];
	struct world *w = calloc(1, sizeof(*w));
	const char *s = (const char *)data, *end = s + size;
	struct otel_context context;
	size_t n;

	demand(w != NULL);
	(void)otel_context_header(data, size, &context);
	for (const char *line = s; line < end; line += n + 1) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		n = stop ? (size_t)(stop - line) : (size_t)(end - line);
		if (n > 1)
			take(w, line[0], line + 2 <= line + n ? line + 2 : line + n, n - 2);
	}
	/* Exactly as long as it is: a sanitizer sees a read past it. */
	char *argv = malloc(w->argv_len > 0 ? w->argv_len : 1);
	demand(argv != NULL);
	memcpy(argv, w->argv, w->argv_len);
	struct identity_facts facts = {
		.env = size % 7 ? &w->env : NULL,
		.env_source = size % 2 ? IDENTITY_EXEC : IDENTITY_PROC,
		.argv = w->argv_len > 0 ? argv : NULL,
		.argv_len = w->argv_len - (w->argv_len > 0 && size % 3 == 0), /* sometimes without its last NUL */
		.comm = "comm",
		.cgroup = &w->cgroup,
		.label = label_of,
		.label_arg = w,
		.pod_namespace = w->space[0] ? w->space : NULL,
		.otel_service = w->service[0] ? w->service : NULL,
		.node = "n1",
	};
	n = recognise(&facts, first);
	demand(n <= RECOGNISED_MAX);
	for (size_t i = 0; i < n; i++)
		check(&first[i]);
	demand(recognise(&facts, second) == n && memcmp(first, second, n * sizeof(first[0])) == 0);
	(void)recognise_is_inherited("spark:a", true, n > 0 ? &first[0] : NULL);
	free(argv);
	free(w);
	return 0;
}
