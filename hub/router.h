/* SPDX-License-Identifier: Apache-2.0 */
/* router.h - which part of the hub serves which method.
 *
 * Room: hub.  Owns: the map from streams to services.  Thread: the server's (rpc_server.h), which alone calls its hooks.
 * Clock: none (handed on).  Bounds: ROUTER_MAX_SERVICES; as many streams as the server has.
 */
#ifndef WHY_HUB_ROUTER_H
#define WHY_HUB_ROUTER_H

#include "hub/rpc_server.h"

#define ROUTER_MAX_SERVICES 8

struct router;

int router_new(size_t max_streams, struct router **ret_router); /* -ENOMEM */
void router_free(struct router **router);
/* Methods that equal `prefix`, or begin with it when it ends in '/'. The first that fits is asked. All before the
 * server runs. */
void router_add(struct router *r, const char *prefix, const struct rpc_hooks *service);
/* For rpc_server_new. */
struct rpc_hooks router_hooks(struct router *r);

#endif
