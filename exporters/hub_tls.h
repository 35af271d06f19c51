/* SPDX-License-Identifier: Apache-2.0 */
/* hub_tls.h - the certificates that an agent shows its hub: read, checked, and looked at again when the files change.
 *
 * Room: exporters.  Owns: the texts in use.  Thread: the loop.  Clock: reads the wall clock, for dates of certificates;
 * when to look again is told by `now`.  Bounds: files of TLS_MAX_FILE_BYTES, looked at every 30 s.
 */
#ifndef WHY_EXPORTERS_HUB_TLS_H
#define WHY_EXPORTERS_HUB_TLS_H

#include <stdbool.h>

#include "exporters/exporter.h"
#include "proto/tls_check.h"

struct hub_tls {
	struct tls_pems pems; /* as last loaded */
	uint64_t stamp;       /* of the files then */
	mono_ns_t look_at;
};

/* False: this hub is spoken to in plaintext: it was asked for, or the hub is on loopback and no certificates are given. */
bool hub_tls_is_used(const struct export_env *env);

/* Read and check the files; the certificate must name this node. Errors and `ret_why` as tls_check_files and
 * tls_check_node. */
int hub_tls_load(struct hub_tls *t, const struct export_env *env, mono_ns_t now, char *ret_why, size_t size);

/* Do the files hold other texts by now, fit for use? Looks every 30 s at most. An error is given once for each change of
 * the files: what is in use stays in use. */
int hub_tls_renewed(struct hub_tls *t, const struct export_env *env, mono_ns_t now, bool *ret_renewed, char *ret_why,
		    size_t size);

void hub_tls_done(struct hub_tls *t);

#endif
