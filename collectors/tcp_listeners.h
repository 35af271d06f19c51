/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_listeners.h - listening sockets: how full their accept queues are, and what they dropped.
 *
 * Room: collectors.  Owns: its table.  Thread: the loop.  Clock: none.
 * Bounds: TCP_LISTENERS_MAX; further ones are left out and counted. Sockets that share an address (SO_REUSEPORT) count
 * as one, with the sums of their queues.
 *
 * Key "tcp:0.0.0.0:80"; "tcp:0.0.0.0:80@4026532008" in a network namespace other than the agent's.
 */
#ifndef WHY_COLLECTORS_TCP_LISTENERS_H
#define WHY_COLLECTORS_TCP_LISTENERS_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/tcp.h"
#include "collectors/kernel_cgroup.h"
#include "model/batch.h"

#define TCP_LISTENERS_MAX 512

struct tcp_listeners;

/* `own_netns`: inode of the namespace whose sockets carry no suffix. -ENOMEM. */
int tcp_listeners_new(uint32_t own_netns, struct tcp_listeners **ret_listeners);
void tcp_listeners_free(struct tcp_listeners **listeners);
/* Write the `n` listeners of one round; those of the round before that are not among them are gone. */
void tcp_listeners_put(struct tcp_listeners *t, const struct tcp_listener *all, size_t n, long ticks_per_s,
		       struct kernel_cgroup *cgroups, struct batch *b);
uint64_t tcp_listeners_refused(const struct tcp_listeners *t); /* since birth */

#endif
