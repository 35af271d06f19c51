/* SPDX-License-Identifier: Apache-2.0 */
/* health_service.h - grpc.health.v1: Check and Watch.
 *
 * Room: hub.  Owns: its watchers.  Thread: hooks on the server's, set on any.  Clock: none.  Bounds: HEALTH_MAX_WATCHERS.
 *
 * Serving means: findings are taken and stored. A store that fails makes the hub not serving, for a balancer to send agents
 * elsewhere; their findings wait in their spools meanwhile.
 */
#ifndef WHY_HUB_HEALTH_SERVICE_H
#define WHY_HUB_HEALTH_SERVICE_H

#include "hub/rpc_server.h"

#define HEALTH_PREFIX       "/grpc.health.v1.Health/"
#define HEALTH_MAX_WATCHERS 64

struct health_service;

int health_service_new(struct health_service **ret_health); /* -ENOMEM */
void health_service_set_server(struct health_service *h, struct rpc_server *server);
void health_service_free(struct health_service **health);
struct rpc_hooks health_service_hooks(struct health_service *h);
void health_service_set(struct health_service *h, bool serving);
bool health_service_get(struct health_service *h);

#endif
