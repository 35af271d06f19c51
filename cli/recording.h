/* SPDX-License-Identifier: Apache-2.0 */
/* recording.h - recordings from files and folders of segments, handed on piece by piece.
 *
 * Room: cli.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: two frames are in memory at a time; a recording itself may be of any length, `take` says when it is enough.
 */
#ifndef WHY_CLI_RECORDING_H
#define WHY_CLI_RECORDING_H

#include <stddef.h>
#include <stdint.h>

/* What replay_feed does: takes as many whole frames as there are and says how many bytes they were. Negative: stop; the
 * errors of replay_feed, -EFBIG and -ECANCELED (said already) are told to the user, others by their name. */
typedef int (*recording_take_fn)(void *arg, const uint8_t *data, size_t n, size_t *ret_used);

/* A file, a folder (its *.why by name) or "-" for standard input. What is wrong is said on standard error.
 * Returns the exit status; a last frame that is cut off, as a crash leaves it, is said and no error. */
int recording_play(const char *path, recording_take_fn take, void *arg);

#endif
