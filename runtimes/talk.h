/* SPDX-License-Identifier: Apache-2.0 */
/* talk.h - one gRPC socket of a runtime or kubelet: is it there, does it answer, what does it tell by itself.
 *
 * Room: runtimes.  Owns: the connection, the stream of events.  Thread: the collector's, which may block for as long as
 * it was given patience.  Clock: none: `now` is passed in.
 * Bounds: a reply of CALL_MAX_REPLY; TALK_MAX_EVENTS events a look. A runtime that fails is asked again after 2 s,
 * doubling to 30 s; one that cannot stream events is not asked for them again until it is another process.
 */
#ifndef WHY_RUNTIMES_TALK_H
#define WHY_RUNTIMES_TALK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"
#include "proto/call.h"

#define TALK_MAX_EVENTS 512

/* Where somebody listens. */
struct talk_socket {
	const char *path; /* below the root */
	const char *name; /* what listens there: "containerd" */
	const char *header, *header_value; /* of every call, see proto/call.h */
};

bool talk_socket_present(int root_fd, const char *path, ino_t *ret_inode); /* ret_inode NULL ok */

struct talk {
	const struct talk_socket *socket;
	int root_fd;
	bool present;
	bool refused;             /* it speaks something else: not asked until another process listens */
	ino_t inode;
	struct call_line *line;
	struct call *events;
	bool no_events;           /* it has none */
	bool failing, asked;      /* asked: at least once */
	mono_ns_t answered_at;    /* last time; of one that never has, the first time it was asked */
	mono_ns_t retry_at, events_at;
	uint64_t back_off_ns;
	char name[128];           /* as it calls itself; "" not yet told */
	bool is_new;              /* another process than before, or the first: the talker's to clear */
	char why[320];            /* of a failure */
};

void talk_init(struct talk *t, const struct talk_socket *socket, int root_fd);
void talk_done(struct talk *t);

/* Look whether the socket is there; one that was replaced is another runtime: what is known of it is forgotten. */
void talk_look(struct talk *t);
bool talk_may_ask(const struct talk *t, mono_ns_t now);

/* All calls from now on together may take so long. */
int talk_patience(struct talk *t, uint32_t ms); /* errors as call_line_open */

/* 0; -ETIMEDOUT; -ENOENT: no such container; -EMSGSIZE: the reply is larger than can be taken; -ENOSYS: it has no such
 * method; -EPROTO: it refuses otherwise; -EIO: no connection. t->why says what it said. */
int talk_ask(struct talk *t, const char *method, const struct buf *request, uint32_t deadline_ms,
		 struct buf *reply);

/* It answered, or failed: for back-off and `unresolved`. */
void talk_answered(struct talk *t, mono_ns_t now);
void talk_failed(struct talk *t, mono_ns_t now);

enum talk_stream { TALK_STREAM_NONE, TALK_STREAM_WELL, TALK_STREAM_BROKEN };

/* Begin the stream that `method` (with an empty question) gives if there is none, take what has come. NONE: it cannot, or
 * rests; BROKEN: it has just begun or ended: something may have been missed. */
enum talk_stream talk_events(struct talk *t, const char *method, mono_ns_t now,
			     void (*visit)(void *arg, const uint8_t *data, size_t n), void *arg);

/* "containerd at /run/containerd/containerd.sock has not answered for 12 s (deadline exceeded)" */
void talk_say(const struct talk *t, mono_ns_t now, char *ret_text, size_t size);
const char *talk_name(const struct talk *t); /* as it calls itself, else as the socket has it */

#endif
