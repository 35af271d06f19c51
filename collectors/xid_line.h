/* SPDX-License-Identifier: Apache-2.0 */
/* xid_line.h - a line of NVIDIA's driver in the kernel log, taken apart.
 *
 * Room: collectors.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: the line's; nothing is allocated.
 *
 * Forms that are read, all with or without a time or "kernel:" in front:
 *	NVRM: Xid (PCI:0000:5e:00): 31, pid=7, name=python3, Ch 00000008, ...     the address also with function, without
 *	NVRM: Xid (PCI:0000:5e:00 GPU-I:05): 94, pid='<unknown>', name=<unknown>, Contained ...   domain, or without "PCI:"
 *	NVRM: Xid (0000:03:00): 14, Channel 00000001
 *	NVRM: GPU 0000:5e:00.0: GPU has fallen off the bus.                       as an Xid 79
 *	NVRM: The NVIDIA GPU 0000:9b:00.0 / (PCI ID: ...) ... / fallen off ...    three lines in one record or in three
 *	NVRM: GPU at PCI:0000:03:00: GPU-6f...        NVRM: GPU Board Serial Number: 16...
 *	nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up
 *	NVRM: loading NVIDIA UNIX x86_64 Kernel Module  570.86.15 ...   nvidia-nvlink: Unregistered Nvlink Core ...
 *	NVRM: API mismatch: the client has the version ..., but ...
 */
#ifndef WHY_COLLECTORS_XID_LINE_H
#define WHY_COLLECTORS_XID_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum xid_line_kind {
	XID_LINE_XID,
	XID_LINE_SXID,
	XID_LINE_UUID,     /* which board is at that address: `detail` */
	XID_LINE_SERIAL,   /* of the board of the line before: `detail` */
	XID_LINE_NAMED,    /* first of three: the address; the fall is still to come */
	XID_LINE_FELL,     /* last of three: no address */
	XID_LINE_LOADED,   /* the driver; `detail` is its version */
	XID_LINE_UNLOADED, /* the driver */
	XID_LINE_MISMATCH, /* library and driver are of two versions: `detail` */
};

struct xid_line {
	enum xid_line_kind kind;
	uint32_t code;         /* XID, SXID */
	char pci[24];          /* "0000:5e:00.0"; "" when the kind has none */
	char instance[16];     /* "GPU-I:05", a part of a partitioned GPU; "" none */
	bool has_pid;
	uint32_t pid;
	char comm[128];        /* "" none */
	const char *detail;    /* in the line, never NULL */
	size_t detail_len;
	/* SXID */
	bool says_fatal, says_nonfatal;
	int link;              /* -1: none named; also of Xid 74 and 144 to 150 */
	/* XID 13: where in the chip, -1 not said */
	int gpc, tpc, sm;
};

/* -EBADMSG: no line of that driver, or none that means anything. */
int xid_line_parse(const char *line, size_t len, struct xid_line *ret_line);

/* The registers of an Xid 144 to 150: "RLW_REMAP Nonfatal XC1 i0 Link 03 (0x00000082 0x00000001 ...". False: not such a
 * message. */
struct nvlink_message {
	char unit[32];
	bool fatal;
	int link; /* -1 */
	uint32_t info, status;
};
bool xid_line_nvlink(const struct xid_line *x, struct nvlink_message *ret_message);

/* What an Xid 154 says is needed now: "GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)".
 * -EBADMSG: it says nothing that is known; else an enum xid_advice (XID_NOTHING: recovered). */
int xid_line_recovery(const struct xid_line *x);

#endif
