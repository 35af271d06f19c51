/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - protobuf written field by field, by number: so that an error in a .proto's numbers shows.
 *
 * Room: tests.  Owns: nothing.  Fails the test when `data` is full.
 */
#ifndef WHY_TESTS_PROTO_WIRE_H
#define WHY_TESTS_PROTO_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct wire {
	uint8_t data[70000];
	size_t n;
};

void wire_number(struct wire *w, unsigned field, uint64_t value);
void wire_bytes(struct wire *w, unsigned field, const void *data, size_t n);
void wire_text(struct wire *w, unsigned field, const char *text);
void wire_wire(struct wire *w, unsigned field, const struct wire *inner);
void wire_pair(struct wire *w, unsigned field, const char *key, const char *value); /* an entry of a map */

#endif
