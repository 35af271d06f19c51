/* SPDX-License-Identifier: Apache-2.0 */
/* own_voice.h - a node speaks for itself only: in its hello, by its certificate, and in its answers. (Of findings,
 * record.h sees to it.)
 *
 * Room: hub.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: none of its own.
 */
#ifndef WHY_HUB_OWN_VOICE_H
#define WHY_HUB_OWN_VOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/answer.h"

/* `cert_pem` NULL: no TLS, so any name goes. False: ret_text says why, for the agent; the log has it too. */
bool own_voice_hello(const char *cert_pem, const char *address, const char *node, char *ret_text, size_t size);
bool own_voice_answer(const struct answer *answer, const char *node);

#endif
