/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - questions about "HOST:PORT".
 *
 * Room: base.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: hosts above 255 bytes are no loopback.
 */
#ifndef WHY_BASE_ADDRESS_H
#define WHY_BASE_ADDRESS_H

#include <stdbool.h>

/* True when nothing leaves the machine: "127.x.y.z:P", "localhost:P", "[::1]:P", "unix:PATH". A name other than
 * localhost is not looked up and is never loopback: who answers for it may change. */
bool address_is_loopback(const char *address);

#endif
