/* SPDX-License-Identifier: Apache-2.0 */
/* exporter.h - the one shape of everything that carries findings and readings out of the agent.
 *
 * Room: exporters.  Owns: nothing.  Thread: the loop; an exporter that needs a thread owns it and meets the loop at
 * event_fd.  Clock: pump() is told `now`.
 * Bounds: each states its queue; put_* never blocks: -ENOBUFS when full, and counted.
 *
 * To add one: NAME.c with `const struct exporter exporter_NAME`, and a line in exporters.def.
 */
#ifndef WHY_EXPORTERS_EXPORTER_H
#define WHY_EXPORTERS_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/answer.h"
#include "model/batch.h"
#include "model/finding.h"

#define EXPORT_SAMPLES  1u
#define EXPORT_FINDINGS 2u

struct spool;

/* How well the agent sees, for those who only hear from it. */
struct export_status {
	bool evaluated; /* at least one full evaluation since start */
	bool any_open;
	enum severity worst; /* of the open findings, if any_open */
	uint64_t open_findings;
	uint64_t dropped_findings, dropped_samples, dropped_events; /* since start */
};

/* What an exporter may know; everything outlives it. */
struct export_env {
	const struct metrics *metrics;
	const struct graph *graph;
	const char *node, *boot_id, *version;
	struct spool *spool; /* findings not yet acked by the hub; NULL in tests without one */
	/* Answer a question that came from outside (the hub asks down the stream). The exporter frees the answer. -ENOMEM */
	int (*answer)(void *arg, const struct query *query, struct answer **ret_answer);
	void *answer_arg;
	void (*status)(void *arg, struct export_status *ret_status); /* NULL: nothing is known, all zero */
	void *status_arg;
	/* What every exporter says by its stats(), with its name as `subject`: for /metrics. NULL: nothing. */
	void (*stats)(void *arg,
		      void (*say)(void *say_arg, const char *subject, const char *name, double value, const char *help),
		      void *say_arg);
	void *stats_arg;
	/* exporter-specific settings, filled from the configuration file and flags */
	const char *hub_address; /* "" : no hub */
	const char *tls_ca, *tls_cert, *tls_key;
	int insecure;
	const char *metrics_listen; /* "127.0.0.1:7494" */
	const char *webhook_url;    /* "" : none */
	const char *rules_digest;   /* may change; read at use */
	const char *journal_socket; /* NULL: journald's own */
};

struct exporter {
	const char *name, *help;
	unsigned wants; /* EXPORT_SAMPLES | EXPORT_FINDINGS */
	int (*open)(const struct export_env *env, void **ret_state); /* -ENOENT: not configured, skip it silently */
	int (*put_batch)(void *state, const struct batch *b);
	int (*put_finding)(void *state, const struct finding *f);    /* one published change */
	int (*event_fd)(void *state);                                /* -1: none; readable: call pump. Stays the same */
	int (*pump)(void *state, mono_ns_t now, mono_ns_t *ret_next); /* also called when *ret_next is due; 0: no timer */
	/* Say what it did and dropped, for /metrics and `why doctor`. */
	void (*stats)(void *state, void (*say)(void *arg, const char *name, double value, const char *help), void *arg);
	int (*close)(void *state, uint32_t flush_ms);                /* accepts NULL */
	/* Why it does not deliver now, as a sentence for `why doctor`; "": it does. NULL: pump's error says all there is. */
	const char *(*trouble)(void *state);
};

const struct exporter *const *exporters_all(size_t *ret_n);

#endif
