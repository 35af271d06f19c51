/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/workload_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"

#define START_BITS 42 /* of clock ticks: 1,400 years; the pid has the 22 above */

static uint64_t key_of(uint32_t pid, uint64_t start_ticks)
{
	return (uint64_t)pid << START_BITS | (start_ticks & ((UINT64_C(1) << START_BITS) - 1));
}

int workload_table_open(struct workload_table *t)
{
	*t = (struct workload_table){ .slots = calloc(WORKLOAD_SLOTS, sizeof(*t->slots)) };
	int r = t->slots ? u64map_new(WORKLOAD_SLOTS, &t->by_key) : -ENOMEM;
	if (r == 0)
		r = u64map_new(WORKLOAD_SLOTS, &t->by_pid);
	if (r == 0)
		r = u64map_new(WORKLOAD_SLOTS, &t->by_whose);
	if (r < 0)
		workload_table_close(t);
	return r;
}

void workload_table_close(struct workload_table *t)
{
	for (size_t i = 0; i < t->n_slots; i++)
		free(t->slots[i].env);
	free(t->slots);
	u64map_free(&t->by_key);
	u64map_free(&t->by_pid);
	u64map_free(&t->by_whose);
	*t = (struct workload_table){ 0 };
}

struct workload_member *workload_table_find(struct workload_table *t, uint32_t pid, uint64_t start_ticks)
{
	uint64_t i;

	return u64map_get(t->by_key, key_of(pid, start_ticks), &i) ? &t->slots[i] : NULL;
}

struct workload_member *workload_table_by_pid(struct workload_table *t, uint32_t pid, uint64_t not_after_ticks)
{
	uint64_t i;

	if (!u64map_get(t->by_pid, pid, &i) || t->slots[i].start_ticks > not_after_ticks)
		return NULL;
	return &t->slots[i];
}

struct workload_member *workload_table_main(struct workload_table *t, uint64_t whose)
{
	uint64_t i;

	return u64map_get(t->by_whose, whose, &i) ? &t->slots[i] : NULL;
}

static void unclaim(struct workload_table *t, struct workload_member *m)
{
	uint64_t i;

	if (!m->main || m->ended)
		return;
	t->n_main--;
	if (u64map_get(t->by_whose, m->whose, &i) && i == (uint64_t)(m - t->slots))
		(void)u64map_remove(t->by_whose, m->whose);
}

bool workload_table_claim(struct workload_table *t, struct workload_member *m, uint64_t whose, bool main)
{
	unclaim(t, m);
	m->whose = whose;
	m->main = main && t->n_main < WORKLOAD_MAX_MEMBERS;
	if (m->main) {
		t->n_main++;
		(void)u64map_set(t->by_whose, whose, (uint64_t)(m - t->slots));
	}
	t->refused += main && !m->main;
	return m->main == main;
}

static void forget_env(struct workload_table *t, struct workload_member *m)
{
	t->env_bytes -= m->env_len;
	free(m->env);
	m->env = NULL;
	m->env_len = 0;
}

void workload_table_remove(struct workload_table *t, struct workload_member *m)
{
	uint64_t i, slot = (uint64_t)(m - t->slots);

	(void)u64map_remove(t->by_key, key_of(m->pid, m->start_ticks));
	if (u64map_get(t->by_pid, m->pid, &i) && i == slot)
		(void)u64map_remove(t->by_pid, m->pid);
	forget_env(t, m);
	unclaim(t, m);
	t->n_used--;
	*m = (struct workload_member){ 0 };
}

/* A free slot, or the one of somebody who has ended, or who is no main process, that was longest passed over. */
static struct workload_member *slot_for(struct workload_table *t)
{
	if (t->n_used < t->n_slots || t->n_slots == WORKLOAD_SLOTS) {
		for (size_t n = 0; n < t->n_slots; n++) {
			struct workload_member *m = &t->slots[t->hand];
			t->hand = (t->hand + 1) % t->n_slots;
			if (m->pid && t->n_used < t->n_slots)
				continue;
			if (m->pid && m->main && !m->ended)
				continue;
			if (m->pid)
				workload_table_remove(t, m);
			return m;
		}
		return NULL;
	}
	return &t->slots[t->n_slots++];
}

struct workload_member *workload_table_add(struct workload_table *t, uint32_t pid, uint64_t start_ticks, mono_ns_t now)
{
	struct workload_member *m = slot_for(t);

	if (!m) {
		t->refused++;
		return NULL;
	}
	*m = (struct workload_member){ .pid = pid, .start_ticks = start_ticks, .since = now };
	uint64_t slot = (uint64_t)(m - t->slots);
	/* Both maps have room for every slot. */
	(void)u64map_set(t->by_key, key_of(pid, start_ticks), slot);
	(void)u64map_set(t->by_pid, pid, slot);
	t->n_used++;
	return m;
}

void workload_table_end(struct workload_table *t, struct workload_member *m, mono_ns_t now)
{
	if (m->ended)
		return;
	unclaim(t, m);
	m->ended = true;
	m->since = now;
	forget_env(t, m);
}

struct workload_member *workload_table_next(struct workload_table *t, size_t *cursor)
{
	while (*cursor < t->n_slots) {
		struct workload_member *m = &t->slots[(*cursor)++];
		if (m->pid)
			return m;
	}
	return NULL;
}

/* Packed: u8 key, u8 cut, u8 length, value. */
_Static_assert(ENV_KEY_MAX <= 256 && ENV_VALUE_MAX <= 256, "a byte each");

struct packed_env {
	uint8_t bytes[ENV_KEY_MAX * 8 + 8192];
	size_t len;
};

static void pack(const struct env_values *env, struct packed_env *p)
{
	p->len = 0;
	for (unsigned k = 0; k < ENV_KEY_MAX; k++) {
		size_t n = env->has[k] ? strnlen(env->value[k], ENV_VALUE_MAX - 1) : 0;
		if (!env->has[k] || p->len + 3 + n > sizeof(p->bytes))
			continue;
		p->bytes[p->len++] = (uint8_t)k;
		p->bytes[p->len++] = env->cut[k];
		p->bytes[p->len++] = (uint8_t)n;
		memcpy(p->bytes + p->len, env->value[k], n);
		p->len += n;
	}
}

bool workload_table_has_env(const struct workload_member *m, const struct env_values *env)
{
	struct packed_env p;

	if (!m->env)
		return false;
	pack(env, &p);
	return p.len == m->env_len && memcmp(p.bytes, m->env, p.len) == 0;
}

bool workload_table_keep_env(struct workload_table *t, struct workload_member *m, const struct env_values *env,
			     enum identity_source source)
{
	struct packed_env p;

	forget_env(t, m);
	m->env_source = source;
	pack(env, &p);
	if (p.len == 0 || t->env_bytes + p.len > WORKLOAD_MAX_ENV_BYTES)
		return false;
	m->env = malloc(p.len);
	if (!m->env)
		return false;
	memcpy(m->env, p.bytes, p.len);
	m->env_len = p.len;
	t->env_bytes += p.len;
	return true;
}

bool workload_table_env(const struct workload_member *m, struct env_values *ret_env)
{
	const uint8_t *at = (const uint8_t *)m->env;
	size_t left = m->env_len;

	memset(ret_env, 0, sizeof(*ret_env));
	while (left >= 3 && left >= 3 + (size_t)at[2] && at[0] < ENV_KEY_MAX) {
		memcpy(ret_env->value[at[0]], at + 3, at[2]);
		ret_env->has[at[0]] = true;
		ret_env->cut[at[0]] = at[1];
		left -= 3 + (size_t)at[2];
		at += 3 + at[2];
	}
	return m->env != NULL;
}
