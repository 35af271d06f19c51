// SPDX-License-Identifier: Apache-2.0
#include "proto/unpack.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static void *alloc_from_arena(void *arena, size_t n)
{
	return arena_alloc(arena, n);
}

static void free_nothing(void *arena UNUSED, void *p UNUSED)
{
}

int unpack_begin(struct unpack *u, size_t n)
{
	size_t max = n > UNPACK_MAX_BYTES / 8 ? UNPACK_MAX_BYTES : MAX_OF(n * 8, UNPACK_MIN_BYTES);

	memset(u, 0, sizeof(*u));
	u->allocator.alloc = alloc_from_arena;
	u->allocator.free = free_nothing;
	u->error = arena_new(max, &u->arena);
	u->allocator.allocator_data = u->arena;
	return u->error;
}

void unpack_done(struct unpack *u)
{
	arena_free(&u->arena);
}

void *unpack_message(struct unpack *u, const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t n)
{
	void *m = u->error ? NULL : protobuf_c_message_unpack(type, &u->allocator, n, data);

	if (!m)
		unpack_refuse(u, type->short_name);
	return m;
}

void unpack_enter(struct unpack *u, const char *name)
{
	assert(u->depth < UNPACK_MAX_PATH);
	u->path[u->depth++] = name;
}

void unpack_leave(struct unpack *u)
{
	assert(u->depth > 0);
	u->depth--;
}

static void fail(struct unpack *u, int error, const char *field)
{
	struct text t;

	if (u->error)
		return;
	u->error = error;
	text_init(&t, u->field, sizeof(u->field));
	for (unsigned i = 0; i < u->depth; i++)
		text_addf(&t, "%s.", u->path[i]);
	text_add(&t, field);
}

void unpack_refuse(struct unpack *u, const char *field)
{
	fail(u, -EBADMSG, field);
}

static bool text_is_good(struct unpack *u, const char *field, const char *text, size_t max, size_t *ret_len)
{
	size_t len = strnlen(text, max + 1);

	if (u->error)
		return false;
	if (len > max || !text_is_utf8(text, len)) {
		unpack_refuse(u, field);
		return false;
	}
	*ret_len = len;
	return true;
}

/* A full target is the sender's fault, a machine without memory is not. */
static void fail_allocation(struct unpack *u, const struct unpack_target *to, const char *field, size_t n)
{
	fail(u, arena_used(to->arena) + n + 16 > to->max_bytes ? -EBADMSG : -ENOMEM, field);
}

const char *unpack_text(struct unpack *u, const struct unpack_target *to, const char *field, const char *text, size_t max)
{
	const char *copy;
	size_t len;

	if (!text_is_good(u, field, text, max, &len))
		return NULL;
	if (len == 0)
		return "";
	copy = arena_strndup(to->arena, text, len);
	if (!copy)
		fail_allocation(u, to, field, len + 1);
	return copy;
}

const char *unpack_text_or_null(struct unpack *u, const struct unpack_target *to, const char *field, const char *text,
				size_t max)
{
	return *text ? unpack_text(u, to, field, text, max) : NULL;
}

void unpack_text_into(struct unpack *u, const char *field, const char *text, char *ret_text, size_t size)
{
	size_t len;

	if (text_is_good(u, field, text, size - 1, &len))
		memcpy(ret_text, text, len + 1);
}

void *unpack_list(struct unpack *u, const struct unpack_target *to, const char *field, size_t n, size_t max, size_t size)
{
	void *list;

	if (unpack_count(u, field, n, max) == 0)
		return NULL;
	list = arena_alloc_array(to->arena, n, size);
	if (!list)
		fail_allocation(u, to, field, n * size);
	return list;
}

unsigned unpack_enum(struct unpack *u, const char *field, int value, unsigned n)
{
	if (value < 1 || (unsigned)value > n) {
		unpack_refuse(u, field);
		return 0;
	}
	return (unsigned)value - 1;
}

size_t unpack_count(struct unpack *u, const char *field, size_t n_items, size_t max)
{
	if (n_items > max)
		unpack_refuse(u, field);
	return u->error ? 0 : n_items;
}

double unpack_ratio(struct unpack *u, const char *field, double value)
{
	if (!(value >= 0 && value <= 1)) {
		unpack_refuse(u, field);
		return 0;
	}
	return value;
}

int unpack_result(const struct unpack *u, const char **ret_field)
{
	static _Thread_local char named[sizeof(u->field)];

	if (u->error && ret_field) {
		memcpy(named, u->field, sizeof(named));
		*ret_field = named;
	}
	return u->error;
}
