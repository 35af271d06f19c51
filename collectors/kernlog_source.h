/* SPDX-License-Identifier: Apache-2.0 */
/* kernlog_source.h - records of the kernel log, from /dev/kmsg or from a file or fifo in the same form.
 *
 * Room: collectors.  Owns: its descriptors and one buffer.  Thread: the loop.  Clock: none.
 * Bounds: one record a call; a record or line above 16 KiB is dropped and counted as malformed.
 *
 * A record is "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,...];TEXT\n", lines that begin with a blank add properties and are
 * passed over. /dev/kmsg overwrites what is not read in time: the gap in the sequence tells how many were lost.
 * A regular file is followed as it grows; one that shrank is read from its start again.
 */
#ifndef WHY_COLLECTORS_KERNLOG_SOURCE_H
#define WHY_COLLECTORS_KERNLOG_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/collector.h"

struct kernlog_record {
	unsigned level;    /* 0 emergency .. 7 debug */
	unsigned facility; /* 0: the kernel wrote it; else a process did */
	uint64_t seq;
	uint64_t usec;     /* since boot, by the log's own clock */
	bool continued;    /* goes on where the record before it ended */
	const char *text;  /* not terminated; valid until the next call */
	size_t len;
};

/* -EBADMSG: not a record. */
int kernlog_record_parse(const char *line, size_t len, struct kernlog_record *ret_record);

struct kernlog_source;

/* Per env: kmsg_path, kmsg_resume_seq. -ENOENT, -EPERM (kernel.dmesg_restrict without CAP_SYSLOG), -ENOMEM, ... */
int kernlog_source_open(const struct collect_env *env, struct kernlog_source **ret_source);
void kernlog_source_close(struct kernlog_source **s);

/* 1: *ret_record; 0: none now; -errno: the source is broken. */
int kernlog_source_next(struct kernlog_source *s, struct kernlog_record *ret_record);

/* Readable when a record may be there; never while the source rests. */
int kernlog_source_fd(const struct kernlog_source *s);
/* Rest: the descriptor stays quiet until told otherwise, so that a flood costs no more than its share. */
void kernlog_source_rest(struct kernlog_source *s, bool rest);
/* The caller stops though there may be more: keeps the descriptor readable for a source that cannot tell by itself. */
void kernlog_source_more(struct kernlog_source *s, bool more);

bool kernlog_source_simulated(const struct kernlog_source *s);
uint64_t kernlog_source_lost(const struct kernlog_source *s);      /* records overwritten unread, since open */
uint64_t kernlog_source_malformed(const struct kernlog_source *s); /* since open */
uint64_t kernlog_source_position(const struct kernlog_source *s);  /* sequence of the next record; 0: not known */

#endif
