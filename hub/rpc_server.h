/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_server.h - streams that clients open: bytes in, bytes out, a status at the end. gRPC is behind it, and nowhere
 * else in the hub.
 *
 * Room: hub.  Owns: the listener, its completion queue and one thread; each stream's buffers.
 * Thread: hooks are called on the server's thread, one at a time, never with a lock held; send, close, resume and stats
 * from any.
 * Clock: reads both, once an event, and hands them on.
 * Bounds: max_streams at once, one more is refused with
 * RPC_EXHAUSTED; RPC_MAX_MESSAGE received; RPC_MAX_UNSENT bytes waiting to be sent per stream (one message may be
 * larger when nothing waits); a peer that takes nothing for RPC_STUCK_S is cut off, as is one that
 * says nothing for RPC_FIRST_S.
 *
 * A stream is a number that is never used again, so that a late answer to a stream that is gone meets -ENOTCONN and
 * nothing else. Every method is offered to `opened`, which refuses those it does not know: an unmatched call would
 * otherwise hang for ever. HTTP/2 of this gRPC has known faults (rapid reset, HPACK, a listener that dies with its
 * descriptors): off loopback it is spoken only behind mutual TLS, and self_probe.h finds out when it stopped answering.
 */
#ifndef WHY_HUB_RPC_SERVER_H
#define WHY_HUB_RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "hub/rpc_tls.h"

#define RPC_MAX_MESSAGE (1024 * 1024)
#define RPC_MAX_UNSENT  (256 * 1024)
#define RPC_MAX_METHOD  128
#define RPC_STUCK_S     30
#define RPC_FIRST_S     30 /* for a stream's first message: one that only stands there keeps others out */
#define RPC_NO_STREAM   0ULL

enum rpc_status { /* numbers are gRPC's */
	RPC_OK = 0,
	RPC_BAD_ARGUMENT = 3,
	RPC_TIMEOUT = 4,
	RPC_NOT_FOUND = 5,
	RPC_DENIED = 7,
	RPC_EXHAUSTED = 8,
	RPC_ABORTED = 10,
	RPC_UNIMPLEMENTED = 12,
	RPC_INTERNAL = 13,
	RPC_UNAVAILABLE = 14,
	RPC_UNAUTHENTICATED = 16,
};

struct rpc_now {
	mono_ns_t mono;
	wall_ns_t wall;
};

struct rpc_peer {
	const char *address;  /* "ipv4:10.0.0.7:4711" */
	const char *cert_pem; /* of the client, checked against the CA; NULL: no TLS. All valid during the call */
};

struct rpc_hooks {
	/* RPC_OK: go on. Else it is refused with `*ret_text` (static), and `closed` does not come. */
	enum rpc_status (*opened)(void *arg, uint64_t stream, const char *method, const struct rpc_peer *peer,
				  const struct rpc_now *now, const char **ret_text);
	/* One message; data NULL: the peer sends no more. false: read no more until rpc_server_resume. */
	bool (*received)(void *arg, uint64_t stream, const uint8_t *data, size_t n, const struct rpc_now *now);
	void (*drained)(void *arg, uint64_t stream); /* all that was to be sent is on its way */
	void (*closed)(void *arg, uint64_t stream, const struct rpc_now *now); /* the last word about a stream */
	void *arg;
};

struct rpc_options {
	const char *listen; /* "127.0.0.1:7443" */
	struct rpc_tls *tls; /* NULL: no TLS; outlives the server */
	size_t max_streams;
	uint32_t first_ms; /* 0: RPC_FIRST_S */
};

struct rpc_stats {
	uint64_t open, opened, refused, messages, bytes, sent, stuck;
};

struct rpc_server;

/* Bound, but deaf until rpc_server_start.
 * -EADDRINUSE: cannot listen there (in use, or no such address); -EINVAL: no address; -EKEYREJECTED: certificates;
 * -ENOMEM, -EAGAIN. */
int rpc_server_new(const struct rpc_options *options, const struct rpc_hooks *hooks, struct rpc_server **ret_server);
int rpc_server_start(struct rpc_server *s); /* -EAGAIN: no thread */
int rpc_server_port(const struct rpc_server *s); /* as bound: for ":0" */
/* The bytes are copied. -ENOTCONN: no such stream; -ENOBUFS: too much waits; -ENOMEM. */
int rpc_server_send(struct rpc_server *s, uint64_t stream, const void *data, size_t n);
/* Status once all that waits is sent. Later sends meet -ENOTCONN. `text` is copied; it goes out cut and in printable
 * ASCII. */
void rpc_server_close(struct rpc_server *s, uint64_t stream, enum rpc_status status, const char *text);
void rpc_server_resume(struct rpc_server *s, uint64_t stream);
void rpc_server_stats(struct rpc_server *s, struct rpc_stats *ret_stats);
/* Close every stream (RPC_UNAVAILABLE), wait for them a second, end the thread: no hook is called any more, sends meet
 * -ENOTCONN. */
void rpc_server_stop(struct rpc_server *s);
/* Stops it first if need be. Accepts a pointer to NULL. */
void rpc_server_free(struct rpc_server **server);

#endif
