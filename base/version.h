/* SPDX-License-Identifier: Apache-2.0 */
/* version.h - the version all programs of this tree tell, and which of two is the newer.
 *
 * Room: base.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: three numbers of at most VERSION_MAX_NUMBER.
 */
#ifndef WHY_BASE_VERSION_H
#define WHY_BASE_VERSION_H

#include <stdint.h>

#define WHY_VERSION "0.1.0"

#define VERSION_MAX_NUMBER 999999

struct version {
	uint32_t numbers[3]; /* major, minor, patch */
};

/* "1", "1.2" or "1.2.3": what is not there is 0. -EINVAL: anything else. */
int version_parse(const char *text, struct version *ret_version);
/* Below, at or above 0 as a is older than b, the same, or newer. */
int version_compare(const struct version *a, const struct version *b);

#endif
