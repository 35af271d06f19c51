/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "proto/convert.h"

#define POSITION_NS NS_PER_S

struct waiting {
	char id[FINDING_ID_SIZE];
	uint8_t *data; /* as on the wire: a finding in memory is forty times that */
	size_t len;
	mono_ns_t opened_mono;
};

struct storing {
	struct spool *spool;
	char boot_id[64];
	bool same_boot, known_node, boot_stored;
	uint64_t position;      /* as stored */
	mono_ns_t position_at, retry_at;
	struct waiting waiting[STORING_MAX];
	size_t n, bytes;
	bool in_tick;           /* of the spool: something of this turn is written already */
	uint64_t uncopied;      /* of this turn: lost unless the turn can be stored */
	int error;
	struct buf packed;
	struct storing_stats stats;
};

int storing_new(struct spool *spool, const char *boot_id, struct storing **ret_storing)
{
	struct storing *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->spool = spool;
	buf_init(&s->packed, STORING_BYTES);
	snprintf(s->boot_id, sizeof(s->boot_id), "%s", boot_id);
	char boot[64] = "", position[64];
	s->known_node = spool_get(spool, "boot_id", boot, sizeof(boot)) == 0;
	s->same_boot = s->known_node && strcmp(boot, s->boot_id) == 0;
	s->boot_stored = s->same_boot;
	if (s->same_boot && spool_get(spool, "kernlog", position, sizeof(position)) == 0)
		(void)text_parse_u64(position, &s->position);
	*ret_storing = s;
	return 0;
}

void storing_free(struct storing **storing)
{
	struct storing *s = *storing;
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->waiting[i].data);
	buf_done(&s->packed);
	free(s);
	*storing = NULL;
}

bool storing_same_boot(const struct storing *s)
{
	return s->same_boot;
}

bool storing_known_node(const struct storing *s)
{
	return s->known_node;
}

uint64_t storing_position(const struct storing *s)
{
	return s->position;
}

static void drop(struct storing *s, size_t at)
{
	s->bytes -= s->waiting[at].len;
	free(s->waiting[at].data);
	memmove(&s->waiting[at], &s->waiting[at + 1], (s->n - at - 1) * sizeof(s->waiting[0]));
	s->n--;
}

/* A newer word on the same finding says all that the older one did; only without such a pair is something lost. */
static void make_room(struct storing *s, const char *id, size_t len)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->waiting[i].id, id) == 0) {
			drop(s, i);
			break;
		}
	while (s->n > 0 && (s->n == STORING_MAX || s->bytes + len > STORING_BYTES)) {
		drop(s, 0);
		s->stats.lost++;
	}
}

/* False: it has no copy. */
static bool keep(struct storing *s, const struct finding *f, mono_ns_t opened_mono)
{
	buf_reset(&s->packed);
	if (finding_pack(f, &s->packed) < 0)
		return false;
	if (s->error)
		make_room(s, f->id, s->packed.len);
	if (s->n == STORING_MAX || s->bytes + s->packed.len > STORING_BYTES)
		return false;
	struct waiting *w = &s->waiting[s->n];
	*w = (struct waiting){ .data = malloc(s->packed.len), .len = s->packed.len, .opened_mono = opened_mono };
	if (!w->data)
		return false;
	memcpy(w->data, s->packed.data, w->len);
	memcpy(w->id, f->id, sizeof(w->id));
	s->bytes += w->len;
	s->n++;
	return true;
}

void storing_put(struct storing *s, const struct finding *f, mono_ns_t opened_mono)
{
	bool kept = keep(s, f, opened_mono);
	if (s->error) {
		s->stats.lost += !kept;
		return;
	}
	s->uncopied += !kept;
	if (!s->in_tick) {
		s->error = spool_begin(s->spool);
		if (s->error < 0) {
			s->retry_at = 0; /* the commit tries again; from here on all waits, so that nothing is left behind */
			return;
		}
	}
	s->in_tick = true;
	if (spool_put(s->spool, f, opened_mono) == -EMSGSIZE && kept) {
		drop(s, s->n - 1);
		s->stats.lost++;
	}
}

static int set_position(struct storing *s, uint64_t position)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, position);
	return spool_set(s->spool, "kernlog", text);
}

/* What is too big for the spool would be refused for ever, and hold up all behind it. */
static int put_waiting(struct storing *s)
{
	for (size_t i = 0; i < s->n;) {
		AUTO(finding_free) struct finding *f = NULL;
		int r = finding_unpack(s->waiting[i].data, s->waiting[i].len, &f, NULL);
		if (r == 0)
			r = spool_put(s->spool, f, s->waiting[i].opened_mono);
		if (r < 0 && r != -EMSGSIZE && r != -EBADMSG)
			return r;
		if (r < 0) {
			drop(s, i);
			s->stats.lost++;
			continue;
		}
		i++;
	}
	return 0;
}

static int attempt(struct storing *s, uint64_t position)
{
	int r = 0;
	if (!s->in_tick) {
		r = spool_begin(s->spool);
		if (r < 0)
			return r;
		r = put_waiting(s);
	}
	s->in_tick = false;
	if (r == 0 && (position != s->position || !s->boot_stored))
		r = set_position(s, position);
	if (r == 0 && !s->boot_stored)
		r = spool_set(s->spool, "boot_id", s->boot_id);
	/* Also after an error: it ends the transaction, and rolls back what the disk refused. */
	int committed = spool_commit(s->spool);
	return r < 0 ? r : committed;
}

int storing_commit(struct storing *s, uint64_t position, mono_ns_t now)
{
	bool moved = position != s->position && (s->in_tick || mono_since(s->position_at, now) >= POSITION_NS);
	if (s->n == 0 && !s->in_tick && !moved && s->boot_stored && !s->error)
		return 0;
	if (s->error && now < s->retry_at)
		return 0;
	bool findings = s->n > 0 || s->in_tick;
	s->error = attempt(s, position);
	if (s->error < 0) {
		s->stats.failures++;
		s->stats.lost += s->uncopied;
		s->uncopied = 0;
		s->retry_at = now + STORING_RETRY_NS;
		return s->error;
	}
	s->uncopied = 0;
	while (s->n > 0)
		drop(s, s->n - 1);
	s->position = position;
	s->position_at = now;
	s->boot_stored = true;
	return findings;
}

int storing_error(const struct storing *s)
{
	return s->error;
}

void storing_stats(const struct storing *s, struct storing_stats *ret_stats)
{
	*ret_stats = s->stats;
	ret_stats->waiting = s->n;
}
