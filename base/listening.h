/* SPDX-License-Identifier: Apache-2.0 */
/* listening.h - whether anybody listens on a TCP port of this machine, asked of the kernel itself.
 *
 * Room: base.  Owns: nothing that outlives the call.  Thread: any.  Clock: none.
 * Bounds: one question each for IPv4 and IPv6; of the answer only whether there is one is read.
 *
 * Only the table of listeners is walked. /proc/net/tcp also walks that of connections, which takes milliseconds on a
 * machine with much memory, however few there are.
 */
#ifndef WHY_BASE_LISTENING_H
#define WHY_BASE_LISTENING_H

#include <stdbool.h>
#include <stdint.h>

/* In the network namespace of the caller, on any address. -errno: the kernel does not tell. */
int listening_on(uint16_t port, bool *ret_listens);

#endif
