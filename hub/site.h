/* SPDX-License-Identifier: Apache-2.0 */
/* site.h - what the hub's HTTP side says to a path: JSON of the API, pages, metrics, health. No transport in here.
 *
 * Room: hub.  Owns: its reader.  Thread: the transport's one.  Clock: reads both.
 * Bounds: SITE_MAX_BODY a reply; parameters are cut to their fields, and a wrong one is a 400.
 *
 *   GET /api/v1/explain?target=&kind=&node=&since=      GET /api/v1/findings?node=&rule=&state=open&since=&limit=&cursor=
 *   GET /api/v1/findings/ID                             GET /api/v1/timeline?target=&kind=&since=&cursor=
 *   GET /api/v1/fleet?cursor=   /metrics /healthz /readyz   / /n/NODE /i/ID /style.css
 */
#ifndef WHY_HUB_SITE_H
#define WHY_HUB_SITE_H

#include "base/buf.h"
#include "hub/agents.h"
#include "hub/health_service.h"
#include "hub/hub_stats.h"

#define SITE_MAX_BODY (16 * 1024 * 1024)

struct site_request {
	const char *path;
	const char *host; /* the Host header, NULL: none */
	const char *(*get)(void *arg, const char *name); /* a parameter, decoded; NULL: absent */
	void *arg;
};

struct site_reply {
	unsigned status;
	const char *type;
	bool page; /* wants PAGE_POLICY */
	struct buf body;
};

struct site_options {
	const struct store *store;
	struct agents *agents;
	struct health_service *health;
	struct hub_stats stats;
	bool probes_only; /* only /metrics, /healthz, /readyz: reachable from outside and without anybody to check who
			     asks */
	bool local_only; /* refuse a Host that is no name of this machine (a page of somebody else that asks through a
			    browser) */
};

struct site;

int site_new(const struct site_options *options, struct site **ret_site); /* as the store's reader; -ENOMEM */
void site_free(struct site **site);
/* The caller makes reply->body by buf_init and frees it. Always fills the reply. */
void site_answer(struct site *s, const struct site_request *request, struct site_reply *reply);

#endif
