/* SPDX-License-Identifier: Apache-2.0 */
/* ask_hub.h - the half of ask.h that speaks to a hub.
 *
 * Room: cli.  Owns: nothing.  Thread: one at a time.  Clock: reads the wall clock to check certificates.  Bounds: as
 * proto/call.h.
 */
#ifndef WHY_CLI_ASK_HUB_H
#define WHY_CLI_ASK_HUB_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"
#include "model/answer.h"

/* As ask() and ask_watch(). */
int ask_hub(const struct common *common, const char *hub, const struct query *q, struct answer **ret_answer,
	    char *ret_error, size_t size);
int ask_hub_watch(const struct common *common, const char *hub, const struct query *q, char *cursor,
		  int (*told)(void *arg, const struct finding *f), void *arg, char *ret_error, size_t size);

#endif
