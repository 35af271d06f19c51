// SPDX-License-Identifier: Apache-2.0
#include "proto/cri.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "proto/cri.pb-c.h"
#include "proto/pack.h"
#include "proto/unpack.h"

struct cri_reader {
	struct unpack unpack; /* of the last item */
	bool begun;
};

const char *cri_state_name(enum cri_state state)
{
	static const char *const names[] = { "created", "running", "exited", "unknown" };

	return names[MIN_OF((unsigned)state, (unsigned)CRI_UNKNOWN)];
}

int cri_reader_new(struct cri_reader **ret_reader)
{
	struct cri_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	*ret_reader = r;
	return 0;
}

static void forget(struct cri_reader *r)
{
	if (r->begun)
		unpack_done(&r->unpack);
	r->begun = false;
}

void cri_reader_free(struct cri_reader **reader)
{
	if (!*reader)
		return;
	forget(*reader);
	free(*reader);
	*reader = NULL;
}

/* ---- texts ---- */

static void take_text(const char *from, char *ret_text, size_t size)
{
	struct text t;

	text_init(&t, ret_text, size);
	text_add_escaped(&t, from, strnlen(from, size));
}

static bool id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

/* An id is copied whole or not at all: half an id is another's. */
static void take_id(struct unpack *u, const char *field, const char *from, char ret_id[CRI_MAX_ID])
{
	size_t n = strnlen(from, CRI_MAX_ID);

	for (size_t i = 0; i < n; i++)
		if (!id_char(from[i]))
			n = CRI_MAX_ID;
	if (n >= CRI_MAX_ID) {
		unpack_refuse(u, field);
		return;
	}
	memcpy(ret_id, from, n);
	ret_id[n] = '\0';
}

static void need_id(struct unpack *u, const char *field, const char *from, char ret_id[CRI_MAX_ID])
{
	take_id(u, field, from, ret_id);
	if (!*from)
		unpack_refuse(u, field);
}

/* What people know an image by: the name that was asked for, else one of its tags, else its digest. */
static void take_image(const Runtime__V1__ImageSpec *spec, const char *ref, char *ret_image, size_t size)
{
	const char *name = spec ? spec->image : "";

	if (spec && *spec->user_specified_image)
		name = spec->user_specified_image;
	else if ((!*name || strncmp(name, "sha256:", 7) == 0) && *ref)
		name = *name && strncmp(ref, "sha256:", 7) == 0 ? name : ref;
	take_text(name, ret_image, size);
}

static enum cri_state state_of(int32_t state)
{
	return state >= 0 && state < CRI_UNKNOWN ? (enum cri_state)state : CRI_UNKNOWN;
}

/* Entries of a map are generated types of their own, all with this shape. */
#define TAKE_PAIRS(u, from, n_from, ret)                                                                                \
	do {                                                                                                           \
		struct cri_pair *list_ = (n_from) ? arena_alloc_array((u)->arena, (n_from), sizeof(*list_)) : NULL;        \
		if ((n_from) && !list_)                                                                                \
			unpack_refuse((u), "labels");                                                                  \
		for (size_t i_ = 0; list_ && i_ < (n_from); i_++)                                                      \
			list_[i_] = (struct cri_pair){ (from)[i_]->key, (from)[i_]->value };                           \
		(ret)->items = list_;                                                                                  \
		(ret)->n = list_ ? (n_from) : 0;                                                                       \
	} while (0)

/* ---- items of lists ---- */

static void *begin_item(struct cri_reader *r, const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t n)
{
	forget(r);
	r->begun = unpack_begin(&r->unpack, n) == 0;
	return r->begun ? unpack_message(&r->unpack, type, data, n) : NULL;
}

int cri_read_sandbox(struct cri_reader *r, const uint8_t *data, size_t n, struct cri_sandbox *ret_sandbox)
{
	const Runtime__V1__PodSandbox *m = begin_item(r, &runtime__v1__pod_sandbox__descriptor, data, n);
	struct unpack *u = &r->unpack;
	struct cri_sandbox s = {0};

	if (!m)
		return u->error;
	need_id(u, "id", m->id, s.id);
	if (m->metadata) {
		take_text(m->metadata->name, s.name, sizeof(s.name));
		take_text(m->metadata->namespace_, s.space, sizeof(s.space));
		take_id(u, "metadata.uid", m->metadata->uid, s.uid);
	}
	s.ready = m->state == 0;
	s.created_at = m->created_at;
	TAKE_PAIRS(u, m->labels, m->n_labels, &s.labels);
	TAKE_PAIRS(u, m->annotations, m->n_annotations, &s.annotations);
	if (!u->error)
		*ret_sandbox = s;
	return u->error;
}

int cri_read_container(struct cri_reader *r, const uint8_t *data, size_t n, struct cri_container *ret_container)
{
	const Runtime__V1__Container *m = begin_item(r, &runtime__v1__container__descriptor, data, n);
	struct unpack *u = &r->unpack;
	struct cri_container c = {0};

	if (!m)
		return u->error;
	need_id(u, "id", m->id, c.id);
	take_id(u, "pod_sandbox_id", m->pod_sandbox_id, c.sandbox_id);
	if (m->metadata) {
		take_text(m->metadata->name, c.name, sizeof(c.name));
		c.attempt = m->metadata->attempt;
	}
	take_image(m->image, m->image_ref, c.image, sizeof(c.image));
	c.state = state_of(m->state);
	TAKE_PAIRS(u, m->labels, m->n_labels, &c.labels);
	TAKE_PAIRS(u, m->annotations, m->n_annotations, &c.annotations);
	if (!u->error)
		*ret_container = c;
	return u->error;
}

/* ---- whole replies ---- */

int cri_read_status(const uint8_t *data, size_t n, struct cri_status *ret_status)
{
	AUTO_UNPACK struct unpack u;
	const Runtime__V1__ContainerStatusResponse *m;
	struct cri_status s = {0};
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	m = unpack_message(&u, &runtime__v1__container_status_response__descriptor, data, n);
	if (m && !m->status)
		unpack_refuse(&u, "status");
	if (u.error)
		return u.error;
	need_id(&u, "status.id", m->status->id, s.id);
	take_image(m->status->image, m->status->image_ref, s.image, sizeof(s.image));
	take_text(m->status->reason, s.reason, sizeof(s.reason));
	s.state = state_of(m->status->state);
	s.exit_code = m->status->exit_code;
	s.started_at = m->status->started_at;
	s.finished_at = m->status->finished_at;
	for (size_t i = 0; i < m->n_info && s.pid == 0; i++)
		if (strcmp(m->info[i]->key, "info") == 0)
			s.pid = cri_find_pid(m->info[i]->value);
	if (!u.error)
		*ret_status = s;
	return u.error;
}

int cri_read_version(const uint8_t *data, size_t n, char ret_name[CRI_MAX_ID], char ret_version[CRI_MAX_ID])
{
	AUTO_UNPACK struct unpack u;
	const Runtime__V1__VersionResponse *m;
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	m = unpack_message(&u, &runtime__v1__version_response__descriptor, data, n);
	if (!m)
		return u.error;
	take_text(m->runtime_name, ret_name, CRI_MAX_ID);
	take_text(m->runtime_version, ret_version, CRI_MAX_ID);
	return 0;
}

int cri_read_event(const uint8_t *data, size_t n, char ret_id[CRI_MAX_ID], enum cri_happened *ret_happened)
{
	AUTO_UNPACK struct unpack u;
	const Runtime__V1__ContainerEventResponse *m;
	char id[CRI_MAX_ID] = "";
	int r = unpack_begin(&u, n);

	if (r < 0)
		return r;
	m = unpack_message(&u, &runtime__v1__container_event_response__descriptor, data, n);
	if (m)
		need_id(&u, "container_id", m->container_id, id);
	if (u.error)
		return u.error;
	memcpy(ret_id, id, sizeof(id));
	*ret_happened = m->container_event_type >= 0 && m->container_event_type < CRI_HAPPENED_OTHER ?
				(enum cri_happened)m->container_event_type :
				CRI_HAPPENED_OTHER;
	return 0;
}

int cri_pack_status_request(const char *id, struct buf *out)
{
	AUTO_PACK struct pack p;
	Runtime__V1__ContainerStatusRequest m = RUNTIME__V1__CONTAINER_STATUS_REQUEST__INIT;
	int r = pack_begin(&p);

	if (r < 0)
		return r;
	m.container_id = pack_text(&p, id, TEXT_MAX_SHORT);
	m.verbose = true;
	return pack_message(&p, &m.base, out);
}

int cri_pack_list_running(struct buf *out)
{
	struct pack p = {0};
	Runtime__V1__ContainerStateValue state = RUNTIME__V1__CONTAINER_STATE_VALUE__INIT;
	Runtime__V1__ContainerFilter filter = RUNTIME__V1__CONTAINER_FILTER__INIT;
	Runtime__V1__ListContainersRequest m = RUNTIME__V1__LIST_CONTAINERS_REQUEST__INIT;

	state.state = CRI_RUNNING;
	filter.state = &state;
	m.filter = &filter;
	return pack_message(&p, &m.base, out);
}

/* ---- the pid ---- */

/* Behind the string that begins at `s`, which stands on its quote. */
static const char *skip_string(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : s;
}

static uint32_t number_behind_colon(const char *s)
{
	uint64_t n = 0;

	s += strspn(s, " \t\r\n");
	if (*s++ != ':')
		return 0;
	s += strspn(s, " \t\r\n");
	for (; *s >= '0' && *s <= '9' && n <= UINT32_MAX; s++)
		n = n * 10 + (unsigned)(*s - '0');
	/* Linux gives no pid above 2^22; "1.5" and "1e9" are none. */
	return *s == '.' || *s == 'e' || *s == 'E' || n > 1u << 22 ? 0 : (uint32_t)n;
}

uint32_t cri_find_pid(const char *json)
{
	unsigned depth = 0;

	for (const char *s = json; *s;) {
		if (*s == '"') {
			const char *end = skip_string(s);
			uint32_t pid = depth == 1 && strncmp(s, "\"pid\"", 5) == 0 ? number_behind_colon(end) : 0;

			if (pid)
				return pid;
			s = end;
			continue;
		}
		if (*s == '{' || *s == '[')
			depth++;
		else if ((*s == '}' || *s == ']') && depth > 0)
			depth--;
		s++;
	}
	return 0;
}
