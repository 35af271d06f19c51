/* SPDX-License-Identifier: Apache-2.0 */
/* uses_sockets.h - from the number of a TCP socket to the listening socket or network interface of the node that it is.
 *
 * Room: collectors.  Owns: a table of sockets, a table of addresses.  Thread: the loop.  Clock: none.
 * Bounds: USES_MAX_SOCKETS sockets and 1 MiB of each of /proc/net/tcp and tcp6; USES_MAX_ADDRESSES local addresses.
 * What is above is counted.
 *
 * Of the node's own network namespace only: behind a container's virtual interface nothing tells which card it takes.
 */
#ifndef WHY_COLLECTORS_USES_SOCKETS_H
#define WHY_COLLECTORS_USES_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USES_MAX_SOCKETS   16384
#define USES_MAX_ADDRESSES 256
#define USES_SOCKET_KEY    96

struct uses_sockets;

int uses_sockets_new(int root_fd, bool fixture, struct uses_sockets **ret_sockets); /* -ENOMEM */
void uses_sockets_free(struct uses_sockets **sockets);
/* Read the tables again. -errno: there are none. */
int uses_sockets_refresh(struct uses_sockets *s);
/* The process behind this folder of /proc is in that namespace. */
bool uses_sockets_is_ours(const struct uses_sockets *s, int proc_fd);

enum uses_socket { USES_SOCKET_UNKNOWN, USES_SOCKET_LISTENS, USES_SOCKET_TALKS };
/* LISTENS: ret_key is the key of the entity ("tcp:0.0.0.0:29500"); TALKS: the name of the interface that has its local
 * address, "" when none has it. */
enum uses_socket uses_sockets_find(const struct uses_sockets *s, uint64_t inode, char ret_key[USES_SOCKET_KEY]);
uint64_t uses_sockets_cut(const struct uses_sockets *s); /* tables that did not fit, since birth */

#endif
