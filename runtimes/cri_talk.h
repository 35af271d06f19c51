/* SPDX-License-Identifier: Apache-2.0 */
/* cri_talk.h - one runtime's socket: is it there, does it answer, what does it tell by itself.
 *
 * Room: runtimes.  Owns: the connection, the stream of events.  Thread: the collector's, which may block for as long as
 * it was given patience.  Clock: none: `now` is passed in.
 * Bounds: a reply of CALL_MAX_REPLY; CRI_TALK_MAX_EVENTS events a look. A runtime that fails is asked again after 2 s,
 * doubling to 30 s; one that cannot stream events is not asked for them again until it is another process.
 */
#ifndef WHY_RUNTIMES_CRI_TALK_H
#define WHY_RUNTIMES_CRI_TALK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"
#include "proto/call.h"
#include "proto/cri.h"

#define CRI_TALK_MAX_EVENTS 512

/* Where runtimes listen. */
struct cri_socket {
	const char *path;    /* below the root */
	const char *runtime; /* as attribute `runtime` of a container has it, until it has told its name */
};
#define CRI_N_SOCKETS 6
extern const struct cri_socket cri_sockets[CRI_N_SOCKETS];

bool cri_socket_present(int root_fd, const char *path, ino_t *ret_inode); /* ret_inode NULL ok */

struct cri_talk {
	const struct cri_socket *socket;
	int root_fd;
	bool present;
	bool no_cri;              /* it speaks something else: the containerd below Docker has its CRI switched off */
	ino_t inode;
	struct call_line *line;
	struct call *events;
	bool no_events;           /* it has none */
	bool failing, asked;      /* asked: at least once */
	mono_ns_t answered_at;    /* last time; of one that never has, the first time it was asked */
	mono_ns_t retry_at, events_at;
	uint64_t back_off_ns;
	char name[CRI_MAX_ID], version[CRI_MAX_ID]; /* "" not yet told */
	char why[320];            /* of a failure */
};

void cri_talk_init(struct cri_talk *t, const struct cri_socket *socket, int root_fd);
void cri_talk_done(struct cri_talk *t);

/* Look whether the socket is there; one that was replaced is another runtime: what is known of it is forgotten. */
void cri_talk_look(struct cri_talk *t);
bool cri_talk_may_ask(const struct cri_talk *t, mono_ns_t now);

/* All calls from now on together may take so long. */
int cri_talk_patience(struct cri_talk *t, uint32_t ms); /* errors as call_line_open */

/* 0; -ETIMEDOUT; -ENOENT: no such container; -EMSGSIZE: the reply is larger than can be taken; -ENOSYS: it has no such
 * method; -EPROTO: it refuses otherwise; -EIO: no connection. t->why says what it said. */
int cri_talk_ask(struct cri_talk *t, const char *method, const struct buf *request, uint32_t deadline_ms,
		 struct buf *reply);

/* It answered, or failed: for back-off and `unresolved`. */
void cri_talk_answered(struct cri_talk *t, mono_ns_t now);
void cri_talk_failed(struct cri_talk *t, mono_ns_t now);

enum cri_stream { CRI_STREAM_NONE, CRI_STREAM_WELL, CRI_STREAM_BROKEN };

/* Begin the stream of events if there is none, take what has come. NONE: it cannot; BROKEN: some may have been missed. */
enum cri_stream cri_talk_events(struct cri_talk *t, mono_ns_t now,
				void (*visit)(void *arg, const char *id, enum cri_happened happened), void *arg);

/* "containerd at /run/containerd/containerd.sock has not answered for 12 s (deadline exceeded)" */
void cri_talk_say(const struct cri_talk *t, mono_ns_t now, char *ret_text, size_t size);
const char *cri_talk_runtime(const struct cri_talk *t); /* "containerd" "cri-o" "docker", or as it calls itself */

#endif
