/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_links.h - remote peers: loss, round trip and resets of all flows to each, and connections that failed.
 *
 * Room: collectors.  Owns: its table of peers.  Thread: the loop.  Clock: none (`now` is passed in).
 * Bounds: TCP_LINKS_MAX peers and TCP_LINKS_MAX_PORTS ports of peers have an entity; the idle ones give way after five
 * minutes. TCP_LINKS_FAILURES_PER_S failures a second are told.
 */
#ifndef WHY_COLLECTORS_TCP_LINKS_H
#define WHY_COLLECTORS_TCP_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/tcp.h"
#include "collectors/kernel_cgroup.h"
#include "model/batch.h"

#define TCP_LINKS_MAX            1024
#define TCP_LINKS_MAX_PORTS      256
#define TCP_LINKS_FAILURES_PER_S 20
#define TCP_LINKS_TEXT_MAX       64

struct tcp_links;

int tcp_links_new(struct tcp_links **ret_links); /* -ENOMEM */
void tcp_links_free(struct tcp_links **links);

/* A round over all peers: begin, put each, end. `tick` is the kernel half's: round trips of older ones are stale. */
void tcp_links_begin(struct tcp_links *l, mono_ns_t now, uint64_t tick);
void tcp_links_put(struct tcp_links *l, const struct tcp_address *peer, const struct tcp_peer *p, struct batch *b);
void tcp_links_end(struct tcp_links *l, struct batch *b);

/* False: above the rate, not told. */
bool tcp_links_failure(struct tcp_links *l, const struct tcp_failure *f, long ticks_per_s, struct kernel_cgroup *cgroups,
		       struct batch *b);

/* "10.0.0.2", "fd00::1". */
void tcp_address_format(const struct tcp_address *a, char ret_text[TCP_LINKS_TEXT_MAX]);
/* "10.0.0.2:443", "[fd00::1]:443". */
void tcp_address_format_port(const struct tcp_address *a, uint16_t port, char ret_text[TCP_LINKS_TEXT_MAX]);

#endif
