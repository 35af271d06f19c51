/* SPDX-License-Identifier: Apache-2.0 */
/* hub_settings.h - what whyhub was told by flags and file.
 *
 * Room: hub.  Owns: texts in one arena.  Thread: the one that reads them.  Clock: none.  Bounds: those of conf.h.
 */
#ifndef WHY_HUB_HUB_SETTINGS_H
#define WHY_HUB_HUB_SETTINGS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/conf.h"

struct hub_settings {
	struct arena *arena;
	const char *listen, *http, *store;
	const char *tls_cert, *tls_key, *tls_ca;
	bool insecure, http_open;
	uint64_t retain_age_ns, retain_bytes;
	uint64_t max_agents, max_memory_bytes;
	uint64_t queue_records, queue_bytes;
	const char *log_level;
};

const struct conf_option *hub_settings_options(size_t *ret_n);

/* 0: go on. 1: answered already (--help, --version), exit with *ret_status; also after a wrong flag (64) or refused
 * settings (78). -ENOMEM. The caller frees by hub_settings_done in each case. */
int hub_settings_read(int argc, char *const *argv, struct hub_settings *ret, int *ret_status);
void hub_settings_done(struct hub_settings *s);

/* What is wrong with them together, for people; NULL: nothing. */
const char *hub_settings_refusal(const struct hub_settings *s);

#endif
