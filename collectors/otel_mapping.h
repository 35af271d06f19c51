/* SPDX-License-Identifier: Apache-2.0 */
/* otel_mapping.h - what a process calls itself by OpenTelemetry's process context, read from its memory.
 *
 * Room: collectors.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: OTEL_MAPPING_MAPS_BYTES of its maps are looked through; OTEL_CONTEXT_MAX_PAYLOAD bytes of it are read, and wiped.
 *
 * The program writes it itself: it is believed last of all.
 */
#ifndef WHY_COLLECTORS_OTEL_MAPPING_H
#define WHY_COLLECTORS_OTEL_MAPPING_H

#include <stddef.h>

#define OTEL_MAPPING_MAPS_BYTES (512 * 1024)

/* -ENOENT: it publishes nothing, or no name; -EACCES, -EPERM: may not be read; -EAGAIN: it is writing just now;
 * -ENOMEM; others as identity/otel_context.h. */
int otel_mapping_service(int proc_fd, char *ret_name, size_t size);

#endif
