/* SPDX-License-Identifier: Apache-2.0 */
/* xid_catalogue.h - what the numbers of NVIDIA's driver mean: Xid, SXid, and the NVLink 5 errors inside of Xid 144 to 150.
 *
 * Room: collectors.  Owns: nothing (static tables from xid_catalogue.def, sxid_catalogue.def, nvlink_errors.def).
 * Thread: any.  Clock: none.  Bounds: the tables'.
 *
 * The tables say where they come from and of what date. They are opinions about single lines: what the driver itself asks
 * for (Xid 154) outranks them, and what several lines mean together is for rules.
 */
#ifndef WHY_COLLECTORS_XID_CATALOGUE_H
#define WHY_COLLECTORS_XID_CATALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/batch.h"

#define XID_CATALOGUE_VERSION "2026-11-21"

enum xid_suspect {
	XID_APPLICATION,
	XID_HARDWARE,
	XID_SOFTWARE,
	XID_EITHER,
	XID_NONE,
	XID_UNKNOWN, /* not in the catalogue, or a number that drivers of today do not use */
};

enum xid_advice {
	XID_NOTHING,
	XID_RESTART_APP,
	XID_RESET_GPU,
	XID_REBOOT_NODE,
	XID_RESTART_VM,
	XID_CHECK_SEATING,
	XID_CHECK_COOLING,
	XID_UPDATE_SOFTWARE,
	XID_CONTACT_VENDOR,
	XID_DRAIN_P2P,       /* of Xid 154 alone: stop traffic between GPUs */
	XID_DRAIN_AND_RESET, /* of Xid 154 alone: end its work, then reset */
	XID_DECODE,          /* the message says it: nvlink_error_find() */
	XID_DRIVER_SAYS,     /* Xid 154: the message says it */
};

struct xid_meaning {
	uint32_t code;
	enum xid_suspect suspect;
	enum xid_advice advice;
	enum severity severity;
	const char *name, *meaning;
};

/* NULL: not in the catalogue. */
const struct xid_meaning *xid_catalogue_find(uint32_t code);

enum sxid_fatal { SXID_HARMLESS, SXID_MAYBE, SXID_FATAL, SXID_ALWAYS };

struct sxid_meaning {
	uint32_t code;
	enum sxid_fatal fatal;
	enum xid_advice advice;
	const char *meaning;
};

const struct sxid_meaning *sxid_catalogue_find(uint32_t code); /* NULL */

enum nvlink_reach { NVLINK_NONFATAL, NVLINK_LINK_FATAL, NVLINK_FATAL };

struct nvlink_error {
	uint32_t code;
	const char *unit;
	uint8_t unit_before, unit_since, cause;
	bool any_status;
	uint32_t status;
	enum xid_advice advice;
	enum nvlink_reach reach;
};

/* `driver`: its first number (570), 0 unknown: then the layout since R575 is tried first. `unit` is the name that the
 * message gives. NULL: not in the table. */
const struct nvlink_error *nvlink_error_find(uint32_t code, const char *unit, uint32_t info, uint32_t status,
					     unsigned driver);

const char *xid_suspect_name(enum xid_suspect s); /* "application" */
const char *xid_advice_name(enum xid_advice a);   /* "reset_gpu" */

#endif
