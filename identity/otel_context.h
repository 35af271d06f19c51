/* SPDX-License-Identifier: Apache-2.0 */
/* otel_context.h - the OpenTelemetry process context that a program publishes in its own memory: what it calls itself.
 *
 * Room: identity.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: OTEL_CONTEXT_MAX_PAYLOAD bytes of payload.
 *
 * A reader finds the mapping in /proc/PID/maps, reads OTEL_CONTEXT_HEADER bytes at its start, then the payload at the
 * address that the header gives, then the header again: published_ns must be the same, or the program was writing.
 */
#ifndef WHY_IDENTITY_OTEL_CONTEXT_H
#define WHY_IDENTITY_OTEL_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTEL_CONTEXT_HEADER      32
#define OTEL_CONTEXT_MAX_PAYLOAD 65536

struct otel_context {
	uint32_t payload_size; /* bytes */
	uint64_t published_ns; /* since boot; changes with every publication */
	uint64_t payload;      /* address in the program */
};

/* The sixth field of a line of maps, "/memfd:OTEL_CTX (deleted)". */
bool otel_context_is_mapping(const char *path);

/* -EINVAL: too short or not such a header; -ENOTSUP: another version of it; -EAGAIN: being written; -EMSGSIZE: an empty
 * payload or one above the maximum. */
int otel_context_header(const void *bytes, size_t n, struct otel_context *ret_context);

/* service.name of the payload, escaped. -EBADMSG: not such a message; -ENOENT: it has no name, or an empty one;
 * -EMSGSIZE: the name does not fit. */
int otel_context_service(const void *payload, size_t n, char *ret_name, size_t size);

#endif
