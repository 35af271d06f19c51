/* SPDX-License-Identifier: Apache-2.0 */
/* items.h - the items of a long list in a message, one at a time, without unpacking the whole.
 *
 * Room: proto.  Owns: nothing; items point into the message.  Thread: any.  Clock: none.
 * Bounds: the message. A list of 2,000 containers is some megabytes on the wire and would be ten times that unpacked; and
 * one item that is malformed inside must not hide the others.
 */
#ifndef WHY_PROTO_ITEMS_H
#define WHY_PROTO_ITEMS_H

#include <stddef.h>
#include <stdint.h>

/* The next item of the message's field `field` (a message, or bytes) from *at on (0 in the beginning), which is moved
 * behind it. 1: there is one; 0: none any more; -EBADMSG: no protobuf from here on, and *at is the end. */
int items_next(const uint8_t *data, size_t n, uint32_t field, size_t *at, const uint8_t **ret_item, size_t *ret_n);

#endif
