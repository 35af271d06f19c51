/* SPDX-License-Identifier: Apache-2.0 */
/* hub.h - the parts of whyhub put together, in the order they need each other.
 *
 * Room: hub.  Owns: every part.  Thread: the loop's.  Clock: reads both.
 * Bounds: streams are kept below the limit of open files, so that accepting never fails for want of a descriptor.
 */
#ifndef WHY_HUB_HUB_H
#define WHY_HUB_HUB_H

#include "base/clock.h"
#include "hub/hub_settings.h"

struct hub;

/* Everything opened and listening. `ret_why` gets a sentence on failure. Errors of the parts. */
int hub_new(const struct hub_settings *settings, struct hub **ret_hub, char *ret_why, size_t size);
int hub_rpc_port(const struct hub *h);
int hub_http_port(const struct hub *h); /* 0: off */
/* Once a second. */
void hub_tick(struct hub *h, mono_ns_t now);
void hub_free(struct hub **hub);

#endif
