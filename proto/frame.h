/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - the messages of the stream between agent and hub (AgentHub.Connect), and of a watch, as plain structs.
 *
 * Room: proto.  Owns: a received frame owns what it points to, until frame_agent_done.  Thread: any, one at a time.
 * Clock: none.
 * Bounds: FRAME_MAX_MESSAGE a message; a batch decodes to FRAME_MAX_RAW bytes and FRAME_MAX_RECORDS records at most,
 * whatever it claims; unpacking is capped as in convert.h.
 *
 * The talk. Agent: hello. Hub: hello reply, with the last sequence it has stored of this spool. Agent: batches, from
 * the record behind it; a heartbeat every ten seconds. Hub: an ack once a batch is safe on its disk; a batch seen
 * before is acked again and changes nothing. Either may ask or end at any time. A hub that refuses says why and closes.
 */
#ifndef WHY_PROTO_FRAME_H
#define WHY_PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "model/answer.h"
#include "model/finding.h"

#define FRAME_METHOD_CONNECT "/why.v1.AgentHub/Connect"
#define FRAME_METHOD_QUERY   "/why.v1.Query/" /* and Explain, ListFindings, ... */
#define FRAME_METHOD_HEALTH  "/grpc.health.v1.Health/Check"

#define FRAME_MAX_MESSAGE (1024 * 1024)
#define FRAME_MAX_RAW     (512 * 1024) /* of a batch, decoded; one finding is at most FINDING_MAX_BYTES and its overhead */
#define FRAME_MAX_RECORDS 1000

/* What a sender aims at: enough that the cost of a message does not matter, little enough to be lost and sent again. */
#define FRAME_GOOD_RAW     (64 * 1024)
#define FRAME_GOOD_RECORDS 500

#define FRAME_CAN_ANSWER 1u /* the agent takes questions */

struct frame_hello {
	char node[256], boot_id[64], version[64], spool_id[64], rules_digest[128];
	uint64_t acked_seq, last_seq;
	unsigned capabilities; /* FRAME_CAN_* */
};

struct frame_heartbeat {
	mono_ns_t mono;
	wall_ns_t wall;
	uint64_t open_findings;
	bool evaluated;
	char rules_digest[128];
	uint64_t unacked, dropped_findings, dropped_samples, dropped_events;
	bool any_open;       /* else `worst` says nothing */
	enum severity worst; /* of the open findings */
};

/* ---- a batch on its way out ---- */

struct frame_batch {
	uint64_t first_seq, last_seq;
	uint32_t n_records;
	struct buf records; /* packed FindingRecords */
};

void frame_batch_init(struct frame_batch *b);
void frame_batch_reset(struct frame_batch *b); /* empty; keeps the memory */
void frame_batch_done(struct frame_batch *b);
/* `finding`: as finding_pack made it. -ENOSPC: as full as is good, pack it and begin anew (an empty batch takes any
 * finding); -EINVAL: seq is not above the last one; -EMSGSIZE: this record alone is too large for any batch; -ENOMEM.
 */
int frame_batch_add(struct frame_batch *b, uint64_t seq, const uint8_t *finding, size_t n);

/* ---- agent to hub ---- */

/* All: -EMSGSIZE: out is full, nothing is added; -ENOMEM. */
int frame_pack_hello(const struct frame_hello *h, struct buf *out);
int frame_pack_batch(const struct frame_batch *b, struct buf *out); /* compressed where that makes it smaller */
int frame_pack_heartbeat(const struct frame_heartbeat *h, struct buf *out);
/* Cut, with `truncated` set, to what FRAME_MAX_MESSAGE holds. */
int frame_pack_answer(uint64_t query_id, const struct answer *a, struct buf *out);

enum frame_agent_kind { FRAME_HELLO, FRAME_BATCH, FRAME_HEARTBEAT, FRAME_ANSWER };

/* A batch as it came: still encoded. */
struct frame_received {
	uint64_t first_seq, last_seq;
	uint32_t n_records;
	bool zlib;
	const uint8_t *payload;
	size_t n_payload, n_raw;
};

struct frame_agent {
	enum frame_agent_kind kind;
	union {
		struct frame_hello hello;
		struct frame_received batch;
		struct frame_heartbeat heartbeat;
		struct {
			uint64_t query_id;
			struct answer *answer; /* take it by TAKE_PTR, or leave it to frame_agent_done */
		} answer;
	};
	struct arena *arena; /* of the payload */
};

/* -EBADMSG: malformed, `ret_field` (NULL ok) says where, as in convert.h; -ENOMEM. Nothing to release after an error. */
int frame_agent_unpack(const uint8_t *data, size_t n, struct frame_agent *ret_frame, const char **ret_field);
void frame_agent_done(struct frame_agent *frame); /* accepts a zeroed one */

/* Decode and hand out the records, oldest first; sequences are strictly rising and as the batch says, else nothing is
 * handed out. `visit` returns < 0 to stop; that is returned. -EBADMSG: the batch is not what it says; -ENOMEM. */
int frame_visit_records(const struct frame_received *b,
			int (*visit)(void *arg, uint64_t seq, const uint8_t *finding, size_t n), void *arg,
			const char **ret_field);

/* ---- hub to agent ---- */

enum frame_hub_kind { FRAME_HELLO_REPLY, FRAME_ACK, FRAME_ASK, FRAME_REFUSAL };
enum frame_refusal {
	FRAME_REFUSED_IDENTITY,
	FRAME_REFUSED_PROTOCOL,
	FRAME_REFUSED_BUSY,
	FRAME_REFUSED_REPLACED,
	FRAME_REFUSED_MAX
};

struct frame_hub {
	enum frame_hub_kind kind;
	uint64_t up_to_seq;     /* HELLO_REPLY, ACK */
	char hub_version[64];   /* HELLO_REPLY */
	uint64_t query_id;      /* ASK */
	struct query query;     /* ASK */
	enum frame_refusal why; /* REFUSAL */
	char text[512];         /* REFUSAL */
};

int frame_pack_hub(const struct frame_hub *frame, struct buf *out); /* errors as frame_pack_hello */
int frame_hub_unpack(const uint8_t *data, size_t n, struct frame_hub *ret_frame,
		     const char **ret_field); /* as frame_agent_unpack */

/* ---- a watch (Query.WatchFindings): hub to `why` ---- */

/* finding NULL: all that was stored has been sent, what follows is new. */
int frame_pack_watch(const char *cursor, const struct finding *finding, struct buf *out);
/* *ret_finding NULL as above. */
int frame_watch_unpack(const uint8_t *data, size_t n, char ret_cursor[64], struct finding **ret_finding,
		       const char **ret_field);

#endif
