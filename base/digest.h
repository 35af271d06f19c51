/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h - SHA-256 of bytes as hex text (libcrypto), for rule digests and stable ids.
 *
 * Room: base.  Owns: nothing.  Thread: any.  Clock: none.
 */
#ifndef WHY_BASE_DIGEST_H
#define WHY_BASE_DIGEST_H

#include <stddef.h>

#define DIGEST_HEX_MAX 65 /* 64 hex digits and a NUL */

/* -EIO: libcrypto refused (never seen; reported rather than assumed). */
int digest_sha256_hex(const void *data, size_t n, char ret_hex[DIGEST_HEX_MAX]);

#endif
