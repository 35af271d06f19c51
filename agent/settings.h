/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - what the agent was told: defaults, then the configuration file, then the command line.
 *
 * Room: agent.  Owns: every text it points to (one arena).  Thread: the loop; constant after settings_load.
 * Clock: none.  Bounds: those of base/conf.h.
 *
 * A wrong value in the file is reported with its line and column and leaves the default; a wrong word on the
 * command line ends the program with status 64: a person is looking.
 */
#ifndef WHY_AGENT_SETTINGS_H
#define WHY_AGENT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/conf.h"

struct settings {
	const char *hub_address; /* "": no hub */
	const char *tls_ca, *tls_cert, *tls_key;
	bool insecure;
	const char *node;        /* never "" after loading: the host's name */
	const char *state_dir, *run_dir;
	struct conf_list rules;
	const char *root_prefix; /* "/" */
	const char *kmsg;        /* "": /dev/kmsg */
	const char *nvml;        /* "": where the system has it */
	const char *metrics_listen;
	const char *webhook_url;
	struct conf_list disabled; /* collectors not to open */
	uint64_t interval_ns;
	uint64_t recorder_bytes, spool_bytes, spool_records, max_entities, ring_kib;
	const char *log_level;
	/* command line only */
	const char *config;
	const char *isolated;    /* this process is the child of an isolated collector */
	bool help, version, print_config;
	struct arena *arena;
};

/* Reads argv and the configuration file; prints what is wrong to stderr, --help and --version to stdout.
 * 0: go on; 1: all is said and done, exit with *ret_status (0, or 64 for a wrong command line). -ENOMEM. */
int settings_load(int argc, char *const *argv, struct settings *ret_settings, int *ret_status);
void settings_done(struct settings *s);

/* The configuration table, for docs/configuration.md. */
const struct conf_option *settings_options(size_t *ret_n);

#endif
