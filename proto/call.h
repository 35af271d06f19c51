/* SPDX-License-Identifier: Apache-2.0 */
/* call.h - calls to a server: one long stream both ways that meets a loop at an eventfd, and short calls that block.
 *
 * Room: proto. gRPC is behind this (call*.c) and nowhere else on this side, so another transport can take its place.
 * Owns: a call owns its connection, one thread that waits for it, and its queue.
 * Thread: the functions of one call are for one thread (the loop); its own thread only fills the queue.
 * Clock: reads the wall clock to check certificates, and gRPC its own.
 * Bounds: CALL_MAX_MESSAGE a message each way (options); CALL_MAX_QUEUE messages received and not yet taken: then reading
 * stops, and the peer stops by flow control; one message in sending. A peer that is silent is found dead by
 * keepalive after 40 s; a server that does not answer the first connect within 20 s is unavailable.
 *
 * A message that call_send took may be lost with the connection: who needs to know waits for the peer to say so.
 */
#ifndef WHY_PROTO_CALL_H
#define WHY_PROTO_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/tls_check.h"

#define CALL_MAX_MESSAGE (4 * 1024 * 1024)
#define CALL_MAX_REPLY   (16 * 1024 * 1024) /* the most that `max_message` may ask for */
#define CALL_MAX_QUEUE   16

/* Numbers are gRPC's; a peer may send others. */
enum call_code {
	CALL_OK = 0,
	CALL_CANCELLED = 1,
	CALL_BAD_ARGUMENT = 3,
	CALL_TIMEOUT = 4,
	CALL_NOT_FOUND = 5,
	CALL_DENIED = 7,
	CALL_EXHAUSTED = 8,
	CALL_PRECONDITION = 9,
	CALL_UNIMPLEMENTED = 12,
	CALL_INTERNAL = 13,
	CALL_UNAVAILABLE = 14,
	CALL_UNAUTHENTICATED = 16,
};

struct call_status {
	int code; /* enum call_code, or another number */
	char text[512]; /* of the peer or of the transport, safe to print */
};

struct call_options {
	const char *address;     /* "host:7443", "[::1]:7443", "unix:/run/x.sock" */
	bool insecure;           /* no TLS */
	const struct tls_pems *tls; /* checked by tls_check_files; used for the time of opening only */
	const char *server_name; /* the name to expect in the server's certificate; NULL or "": that of the address */
	uint32_t max_message;    /* largest message to take, at most CALL_MAX_REPLY; 0: CALL_MAX_MESSAGE */
	/* A server of somebody else's on this machine: no keepalive (Go's servers hang up on a client that pings oftener
	 * than every five minutes; on a unix socket a peer that dies is noticed, one that hangs is not). */
	bool quiet;
	const char *header, *header_value; /* one header for every call, lower case, printable; NULL: none */
};

struct call;

/* Begin. Connecting goes on behind it; what becomes of it shows in call_closed.
 * -EINVAL: no address, or neither TLS nor `insecure`; -EKEYREJECTED: the TLS texts are refused; -ENOMEM, -EMFILE,
 * -EAGAIN. */
int call_open(const struct call_options *options, const char *method, struct call **ret_call);
/* The same for a question with many answers: `request` is sent and our half is ended, call_send is not to be used. */
int call_ask(const struct call_options *options, const char *method, const uint8_t *request, size_t n,
	     struct call **ret_call);
/* Ends it, wherever it stands, and waits for its thread (milliseconds). */
void call_close(struct call **call);

/* Readable when something was received, a send has ended or the call has closed; call_wake empties it. */
int call_event_fd(const struct call *c);
void call_wake(struct call *c);

/* The bytes are copied. -EAGAIN: one is in flight; -EMSGSIZE; -EPIPE: closed; -ENOMEM. */
int call_send(struct call *c, const uint8_t *data, size_t n);
bool call_can_send(struct call *c);
/* The oldest message received; the caller frees it. An empty message is not NULL. -EAGAIN: none. */
int call_receive(struct call *c, uint8_t **ret_data, size_t *ret_n);
/* True once the call is over and all that was received has been taken. */
bool call_closed(struct call *c, struct call_status *ret_status);

/* ---- calls that block the caller: for the command line, and for collectors in a child of their own ---- */

/* 0: CALL_OK, the reply is added to `reply`. -EREMOTEIO: ret_status says what the server or the transport said.
 * -EMSGSIZE: reply is full. Others as call_open. deadline_ms 0: none. */
int call_unary(const struct call_options *options, const char *method, const uint8_t *request, size_t n,
	       uint32_t deadline_ms, struct buf *reply, struct call_status *ret_status);
/* One question, many messages. `on_message` returns < 0 to stop: that is returned. Else as call_unary. */
int call_stream(const struct call_options *options, const char *method, const uint8_t *request, size_t n,
		uint32_t deadline_ms, int (*on_message)(void *arg, const uint8_t *data, size_t n), void *arg,
		struct call_status *ret_status);

/* Many short calls over one connection, which is made, and made anew, when a call needs it. */
struct call_line;

/* Errors as call_open. What `options` points to must outlive this call only. */
int call_line_open(const struct call_options *options, struct call_line **ret_line);
void call_line_close(struct call_line **line);
/* From now on all calls together may take `ms`; what is asked later ends at once with CALL_TIMEOUT. 0: no end. */
void call_line_patience(struct call_line *line, uint32_t ms);
/* As call_unary, within what is left of the patience. `reply` is emptied first. */
int call_line_unary(struct call_line *line, const char *method, const uint8_t *request, size_t n, uint32_t deadline_ms,
		    struct buf *reply, struct call_status *ret_status);

const char *call_code_name(int code); /* "unavailable"; "unknown status" for a number without a name */

#endif
