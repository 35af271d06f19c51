/* SPDX-License-Identifier: Apache-2.0 */
/* health.h - the messages of grpc.health.v1 as plain values.
 *
 * Room: proto.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: a service's name is 255 bytes.
 */
#ifndef WHY_PROTO_HEALTH_H
#define WHY_PROTO_HEALTH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum health { HEALTH_UNKNOWN, HEALTH_SERVING, HEALTH_NOT_SERVING, HEALTH_SERVICE_UNKNOWN };

int health_pack_request(const char *service, struct buf *out); /* "": the server as a whole. -EMSGSIZE; -ENOMEM */
int health_request_unpack(const uint8_t *data, size_t n, char ret_service[256]); /* -EBADMSG; -ENOMEM */
int health_pack_reply(enum health health, struct buf *out);
int health_reply_unpack(const uint8_t *data, size_t n, enum health *ret_health); /* -EBADMSG; -ENOMEM */

#endif
