// SPDX-License-Identifier: Apache-2.0
#include "hub/orphans.h"

#include <errno.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "proto/convert.h"

static int resolve(void *arg, const struct store_row *row)
{
	AUTO(finding_free) struct finding *f = NULL;
	AUTO_BUF struct buf packed;
	struct record_batch *b = arg;
	int r = finding_unpack(row->data, row->n_data, &f, NULL);

	if (r == -EBADMSG)
		return 0; /* stored by another version: it goes by its age */
	if (r < 0)
		return r;
	/* Just behind the last change, by the node's clock: what the agent says of the same finding later must count. */
	f->changed_at++;
	f->revision++;
	f->state = FINDING_RESOLVED;
	f->resolved_at = f->changed_at;
	f->resolved_reason = "the agent began anew without its memory: what is still so is found again";
	buf_init(&packed, FRAME_MAX_RAW);
	r = finding_pack(f, &packed);
	if (r == 0)
		r = record_batch_add(b, b->last_seq + 1, packed.data, packed.len, NULL);
	b->last_seq += r == 0;
	return r == -EBADMSG || r == -EMSGSIZE ? 0 : r;
}

static int resolve_all(const struct store_reader *reader, const char *node, wall_ns_t now, struct record_batch **ret_batch)
{
	AUTO(record_batch_free) struct record_batch *b = NULL;
	const struct store_filter open = {
		.node = node, .kind = STORE_NO_KIND, .only_open = true, .order = STORE_BY_CHANGE, .limit = ORPHANS_MAX
	};
	int r = record_batch_new(node, ORPHANS_SPOOL, ORPHANS_MAX, &b);

	if (r < 0)
		return r;
	b->last_seq = now;
	r = reader->class->visit(reader->state, &open, resolve, b);
	if (r < 0 && b->n_records == 0)
		return r;
	*ret_batch = b->n_records > 0 ? TAKE_PTR(b) : NULL;
	return 0;
}

int orphans_position(const struct store_reader *reader, const struct frame_hello *h, wall_ns_t now, uint64_t *ret_seq,
		     struct record_batch **ret_batch)
{
	AUTO(record_batch_free) struct record_batch *b = NULL;
	uint64_t seq;
	int r = 0;

	/* Before the position is read: so none of this spool's own is among them. */
	if (h->acked_seq == 0)
		r = resolve_all(reader, h->node, now, &b);
	if (r == 0)
		r = reader->class->position(reader->state, h->node, h->spool_id, &seq);
	if (r < 0)
		return r;
	if (seq == 0 && b) {
		log_info("%s: a new spool; %zu findings of an older one are closed", h->node, b->n_records);
		*ret_batch = TAKE_PTR(b);
	}
	*ret_seq = seq;
	return 0;
}
