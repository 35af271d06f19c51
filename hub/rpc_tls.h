/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_tls.h - the hub's certificates: mutual TLS, read again when the files change.
 *
 * Room: hub.  Owns: the texts in force.  Thread: gRPC's own threads ask once a handshake; it locks.
 * Clock: reads the wall clock, for the dates of certificates.
 * Bounds: files of TLS_MAX_FILE_BYTES.
 *
 * Files are looked at when a client connects and their times or sizes have changed. A pair that is not fit for use is
 * logged and the last good one stays. Connections that exist keep theirs, until they are renewed (max connection age).
 */
#ifndef WHY_HUB_RPC_TLS_H
#define WHY_HUB_RPC_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/tls_check.h"

struct rpc_tls;
struct grpc_server_credentials;

/* Paths are copied. Errors and `ret_why` as tls_check_files. */
int rpc_tls_new(const struct tls_files *files, struct rpc_tls **ret_tls, char *ret_why, size_t size);
void rpc_tls_free(struct rpc_tls **tls);
/* The caller owns them; NULL: gRPC refused the texts. */
struct grpc_server_credentials *rpc_tls_credentials(struct rpc_tls *t);
uint64_t rpc_tls_reloads(struct rpc_tls *t, uint64_t *ret_refused);
wall_ns_t rpc_tls_expires_at(struct rpc_tls *t);
/* A copy of what is in force, for the hub's own probe. -ENOMEM. */
int rpc_tls_copy(struct rpc_tls *t, struct tls_pems *ret_pems);

#endif
