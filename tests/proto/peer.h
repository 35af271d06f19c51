/* SPDX-License-Identifier: Apache-2.0 */
/* peer.h - a server that does to a client whatever a test wants, on a port of loopback that is free.
 *
 * Methods: PEER_ECHO gives every message back; /t/Silent takes all and says nothing; /t/Deaf reads nothing after the
 * first message; /t/Many answers one message by PEER_MANY numbered ones and ends well; /t/Deny refuses; /t/Odd ends
 * with a status that does not exist.
 */
#ifndef WHY_TESTS_PROTO_PEER_H
#define WHY_TESTS_PROTO_PEER_H

#include <stddef.h>

#include "hub/rpc_tls.h"

#define PEER_MANY 300
#define PEER_ECHO "/why.test.with.a.long.name/Echo" /* gRPC keeps short names elsewhere than long ones */

struct peer;

struct peer *peer_new(struct rpc_tls *tls);
void peer_free(struct peer **peer);
const char *peer_address(const struct peer *p); /* "127.0.0.1:PORT" */

#endif
