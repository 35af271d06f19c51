/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h - Query.WatchFindings: each stored change as it comes, from where the watcher left off.
 *
 * Room: hub.  Owns: its thread and reader.  Thread: hooks on the server's; watch_changed on the writer's; reading on
 * its own.
 * Clock: none.
 * Bounds: WATCH_MAX watchers. A watcher is a position in the store, not a queue: a slow one costs
 * nothing but the messages gRPC holds for it, and skips no finding: it gets the latest change of each, older changes of
 * the same finding are passed over.
 *
 * A cursor is "IDENTITY.CHANGE". One of another store (it was lost, the hub is another) begins anew. Without a cursor
 * the open findings are sent first. Then a message without a finding says: all that was stored has been sent.
 */
#ifndef WHY_HUB_WATCH_H
#define WHY_HUB_WATCH_H

#include "hub/rpc_server.h"
#include "hub/store.h"

#define WATCH_MAX    64
#define WATCH_METHOD "/why.v1.Query/WatchFindings"

struct watch;

int watch_new(const struct store *store, struct watch **ret_watch);
void watch_set_server(struct watch *w, struct rpc_server *server);
void watch_free(struct watch **watch); /* after the server */
struct rpc_hooks watch_hooks(struct watch *w);
void watch_changed(struct watch *w);
size_t watch_count(struct watch *w);

#endif
