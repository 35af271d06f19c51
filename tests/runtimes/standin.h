/* SPDX-License-Identifier: Apache-2.0 */
/* standin.h - a stand-in server in Python that listens on a unix socket and takes orders, one line each.
 *
 * Room: tests.  Owns: the process, which ends with standin_stop or with the test.
 */
#ifndef WHY_TESTS_RUNTIMES_STANDIN_H
#define WHY_TESTS_RUNTIMES_STANDIN_H

#include <stddef.h>

struct standin;

/* Runs tests/runtimes/SCRIPT with the socket's path as its argument; returns when it listens. Skips the test where Python
 * has no grpcio; fails it otherwise. */
struct standin *standin_start(const char *script, const char *socket_path);
void standin_stop(struct standin **s);

/* Give an order; its answer is valid until the next. Fails the test when the stand-in has died. */
const char *standin_order(struct standin *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
