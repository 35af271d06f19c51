// SPDX-License-Identifier: Apache-2.0
#include "identity/membership.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *identity_source_name(enum identity_source source)
{
	static const char *const names[IDENTITY_SOURCE_MAX] = {
		[IDENTITY_EXEC] = "environment at exec",
		[IDENTITY_CGROUP] = "cgroup path",
		[IDENTITY_CRI] = "container runtime",
		[IDENTITY_KUBELET] = "kubelet",
		[IDENTITY_PROC] = "/proc",
		[IDENTITY_OTEL] = "OpenTelemetry context",
	};

	return source < IDENTITY_SOURCE_MAX ? names[source] : "unknown";
}

static const char *attr_find(const struct membership_attr *attrs, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(attrs[i].name, name) == 0)
			return attrs[i].value;
	return NULL;
}

static void attr_add(struct membership_attr *attrs, size_t *n, const char *name, const char *value)
{
	struct text t;

	if (!value || value[0] == '\0' || *n >= MEMBERSHIP_MAX_ATTRS || attr_find(attrs, *n, name))
		return;
	attrs[*n].name = name;
	text_init(&t, attrs[*n].value, sizeof(attrs[*n].value));
	text_add_escaped(&t, value, strlen(value));
	++*n;
}

void membership_attr(struct membership *m, const char *name, const char *value)
{
	attr_add(m->attrs, &m->n_attrs, name, value);
}

void membership_job_attr(struct membership *m, const char *name, const char *value)
{
	attr_add(m->job_attrs, &m->n_job_attrs, name, value);
}

const char *membership_attr_of(const struct membership *m, const char *name)
{
	return attr_find(m->attrs, m->n_attrs, name);
}

const char *membership_job_attr_of(const struct membership *m, const char *name)
{
	return attr_find(m->job_attrs, m->n_job_attrs, name);
}

/* With the characters of `reserved` as %XX; the rest escaped for terminals. */
static void add_reserved(struct text *t, const char *s, const char *reserved)
{
	for (size_t plain; *s != '\0'; s += plain) {
		plain = strcspn(s, reserved);
		text_add_escaped(t, s, plain);
		if (s[plain] != '\0')
			text_addf(t, "%%%02X", (unsigned)(unsigned char)s[plain++]);
	}
}

static bool job_add(struct membership *m, char separator, const char *s, const char *reserved)
{
	char id[sizeof(m->job)];
	struct text t;

	if (!s || s[0] == '\0')
		return false;
	text_init(&t, id, sizeof(id));
	text_add(&t, m->job);
	if (separator && t.len > 0)
		text_add_n(&t, &separator, 1);
	add_reserved(&t, s, reserved);
	if (t.truncated) {
		m->job[0] = '\0';
		return false;
	}
	memcpy(m->job, id, t.len + 1);
	return true;
}

bool membership_job_part(struct membership *m, char separator, const char *part)
{
	return job_add(m, separator, part, "%/@");
}

bool membership_job_whole(struct membership *m, const char *text)
{
	return job_add(m, '\0', text, "");
}

bool membership_member(struct membership *m, const char *member)
{
	struct text t;

	text_init(&t, m->member, sizeof(m->member));
	text_add_escaped(&t, member, strlen(member));
	if (t.truncated)
		m->member[0] = '\0';
	return !t.truncated;
}

bool membership_memberf(struct membership *m, const char *fmt, ...)
{
	char member[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(member, sizeof(member), fmt, ap);
	va_end(ap);
	return n >= 0 && (size_t)n < sizeof(member) && membership_member(m, member);
}

void membership_name(struct membership *m, const char *name)
{
	struct text t;

	if (!name)
		return;
	text_init(&t, m->job_name, sizeof(m->job_name));
	text_add_escaped(&t, name, strlen(name));
}

void membership_conflict(struct membership *m, const char *fmt, ...)
{
	char said[sizeof(m->conflict)];
	struct text t;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	t = (struct text){ .data = m->conflict, .len = strlen(m->conflict), .size = sizeof(m->conflict) };
	if (t.len > 0)
		text_add(&t, "; ");
	text_add_escaped(&t, said, strlen(said));
}

static void add_job_key(struct text *t, const struct membership *m)
{
	text_add(t, m->scheduler);
	text_add(t, ":");
	text_add(t, m->job);
}

bool membership_job_key(const struct membership *m, char *ret_key, size_t size)
{
	struct text t;

	text_init(&t, ret_key, size);
	if (!m->scheduler || m->job[0] == '\0')
		return false;
	add_job_key(&t, m);
	return !t.truncated;
}

bool membership_member_key(const struct membership *m, char *ret_key, size_t size)
{
	struct text t;

	text_init(&t, ret_key, size);
	if (!m->scheduler || m->job[0] == '\0' || m->member[0] == '\0')
		return false;
	add_job_key(&t, m);
	text_add(&t, "/");
	add_reserved(&t, m->member, "%/");
	return !t.truncated;
}
