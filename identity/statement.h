/* SPDX-License-Identifier: Apache-2.0 */
/* statement.h - what several sources say about one question, and which of them holds.
 *
 * Room: identity.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: none.
 *
 * The most trusted source wins (enum identity_source); a title or an argument never outweighs the environment at exec.
 * Who says otherwise is written down, not hidden.
 */
#ifndef WHY_IDENTITY_STATEMENT_H
#define WHY_IDENTITY_STATEMENT_H

#include <stddef.h>

#include "identity/facts.h"
#include "identity/membership.h"

struct statement {
	const char *value; /* NULL: says nothing */
	enum identity_source source;
	const char *by; /* "SPARK_EXECUTOR_ID", "label spark-exec-id", "arguments" */
};

struct statement statement_env(const struct identity_facts *f, enum env_key key);
struct statement statement_label(const struct identity_facts *f, const char *key); /* `key` must outlive it */
struct statement statement_argument(const char *value);                            /* "" says nothing */

/* The value that holds, NULL: nobody says anything. `what` is the question, "executor". The membership rests on the
 * source from then on, unless it rests on a better one already. */
const char *statement_settle(struct membership *m, const char *what, const struct statement *said, size_t n);

#endif
