/* SPDX-License-Identifier: Apache-2.0 */
/* cri_sockets.h - where container runtimes listen for CRI.
 *
 * Room: runtimes.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: CRI_N_SOCKETS.
 */
#ifndef WHY_RUNTIMES_CRI_SOCKETS_H
#define WHY_RUNTIMES_CRI_SOCKETS_H

#include "runtimes/talk.h"

#define CRI_N_SOCKETS 6
extern const struct talk_socket cri_sockets[CRI_N_SOCKETS];

#endif
