/* SPDX-License-Identifier: Apache-2.0 */
/* hub_stats.h - what the hub did, as Prometheus text.
 *
 * Room: hub.  Owns: nothing; points at the parts.  Thread: any.  Clock: none.  Bounds: the buf's.
 */
#ifndef WHY_HUB_HUB_STATS_H
#define WHY_HUB_HUB_STATS_H

#include "base/buf.h"
#include "hub/agents.h"
#include "hub/questions.h"
#include "hub/self_probe.h"
#include "hub/watch.h"
#include "hub/writer.h"

struct hub_stats { /* any may be NULL */
	struct writer *writer;
	struct agents *agents;
	struct rpc_server *server;
	struct questions *questions;
	struct watch *watch;
	struct self_probe *probe;
	struct rpc_tls *tls;
};

void hub_stats_print(const struct hub_stats *s, const struct store_reader *reader, struct buf *out);

#endif
