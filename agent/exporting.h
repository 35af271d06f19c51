/* SPDX-License-Identifier: Apache-2.0 */
/* exporting.h - hands findings and readings to every configured exporter and lets each get on with its work.
 *
 * Room: agent.  Owns: the state of every open exporter.  Thread: the loop, at LOOP_EXPORT priority.  Clock: the loop's.
 * Bounds: EXPORTING_MAX exporters; a full exporter loses, counts and says so, and never delays the tick.
 */
#ifndef WHY_AGENT_EXPORTING_H
#define WHY_AGENT_EXPORTING_H

#include "base/loop.h"
#include "exporters/exporter.h"

#define EXPORTING_MAX 16

struct exporting;

/* Opens what is configured; one that cannot open is logged with its reason, the rest goes on. `env` outlives it. -ENOMEM. */
int exporting_open(struct loop *loop, const struct export_env *env, struct exporting **ret_exporting);
/* Gives each up to `flush_ms` to send what it holds. */
void exporting_close(struct exporting **exporting, uint32_t flush_ms);

void exporting_put_batch(struct exporting *e, const struct batch *b);
void exporting_put_finding(struct exporting *e, const struct finding *f);
/* After a tick that published something: let those that read the spool look now. */
void exporting_pump(struct exporting *e, mono_ns_t now);

typedef void (*exporting_status_fn)(void *arg, const struct exporter *exporter, int error, uint64_t lost);
void exporting_visit(const struct exporting *e, exporting_status_fn visit, void *arg);
/* Why this one does not deliver, as a sentence that lives until it is pumped again; "": nothing to say. */
const char *exporting_trouble(const struct exporting *e, const struct exporter *exporter);
/* What each says of itself (exporter.stats), with its name as `subject`. Accepts NULL. */
void exporting_stats(const struct exporting *e,
		     void (*say)(void *arg, const char *subject, const char *name, double value, const char *help),
		     void *arg);

#endif
