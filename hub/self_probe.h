/* SPDX-License-Identifier: Apache-2.0 */
/* self_probe.h - the hub asks itself whether it still answers, through its real listener, and ends when it does not.
 *
 * Room: hub.  Owns: its thread.  Thread: its own.  Clock: none.
 * Bounds: one question every SELF_PROBE_EVERY_MS, SELF_PROBE_DEADLINE_MS each.
 *
 * This gRPC has faults that nothing inside the process sees: a listener that is dead after one EMFILE, a polling thread
 * that spins for ever, memory that grows under a flood of resets. So the process ends, with a status of its own, and the
 * supervisor starts it anew; what was acked is in the store, what was not is in the agents' spools.
 */
#ifndef WHY_HUB_SELF_PROBE_H
#define WHY_HUB_SELF_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "hub/rpc_tls.h"

#define SELF_PROBE_EVERY_MS    2000
#define SELF_PROBE_DEADLINE_MS 2000
#define SELF_PROBE_FAILURES    3  /* in a row, while nobody else gets in either */
#define SELF_PROBE_MOST        15 /* in a row, even while others get in: a crowd that connects at once may delay an answer */
#define SELF_PROBE_EXIT_DEAF   83 /* exit status: questions went unanswered */
#define SELF_PROBE_EXIT_MEMORY 84 /* exit status: above max_rss_bytes */

struct self_probe;

struct self_probe_options {
	const char *address;     /* where the hub listens, as a client reaches it; NULL: only memory is watched */
	const char *server_name; /* a name in the hub's certificate; "" without TLS */
	struct rpc_tls *tls;     /* NULL: none */
	uint64_t max_rss_bytes;  /* 0: no bound */
	uint64_t (*progress)(void *arg); /* streams opened so far, of anybody; NULL: not known */
	void *progress_arg;
	unsigned every_ms;       /* 0: SELF_PROBE_EVERY_MS */
	void (*end)(int status); /* NULL: _exit */
};

/* Texts are copied. -ENOMEM, -EAGAIN. */
int self_probe_new(const struct self_probe_options *options, struct self_probe **ret_probe);
void self_probe_free(struct self_probe **probe);
uint64_t self_probe_failures(struct self_probe *p); /* since birth */

/* "0.0.0.0:7443" -> "127.0.0.1:7443", "[::]:7443" -> "[::1]:7443", with the port that was bound; others as they are.
 * -EINVAL */
int self_probe_address(const char *listen, int port, char *ret_address, size_t size);

#endif
