/* SPDX-License-Identifier: Apache-2.0 */
/* collector.h - the one shape of everything that reads the machine.
 *
 * Room: collectors.  Owns: nothing.  Thread: the loop, or (COLLECT_ISOLATED) a child process of its own.
 * Clock: none: `now` is passed in.  Bounds: each collector states its own.
 *
 * One file is one source of truth. A collector writes samples and events into a batch; it does not log,
 * sleep, start threads, or know rules and exporters. What the machine cannot give is left out, and probe()
 * says why. To add one: NAME.c with `const struct collector collector_NAME`, and a line in collectors.def.
 */
#ifndef WHY_COLLECTORS_COLLECTOR_H
#define WHY_COLLECTORS_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/batch.h"
#include "model/metric.h"

enum collect_where {
	COLLECT_INLINE,   /* cannot hang: reads memory of the kernel */
	COLLECT_ISOLATED, /* may hang (NVML, statfs on a dead mount): runs in a child with a deadline */
};

/* Memory that the agent shares with an isolated collector's process, so that a missed deadline can say in which call, and
 * the next process can stay away from it. Each text is "WHAT CALL", WHAT without blanks. */
#define COLLECT_MARK_MAX 128
struct collect_marks {
	char doing[COLLECT_MARK_MAX]; /* written by the collector before each call that may hang */
	char hung[COLLECT_MARK_MAX];  /* what the last process did not return from; emptied once it answers */
	uint32_t hangs;               /* how often in a row it was this WHAT */
};

/* What a collector may know of the world. Descriptors are owned by the caller and outlive the collector. */
struct collect_env {
	int root_fd;             /* "/" or --root-prefix: /proc and /sys are opened below it */
	bool fixture;            /* root_fd is not the real root: kernel hooks (BPF, PSI triggers) are not to be used */
	const char *kmsg_path;   /* NULL: /dev/kmsg below root_fd; else read this file or fifo, events are `simulated` */
	const char *nvml_path;   /* NULL: NVIDIA's library of the system; else this file, readings are `simulated` */
	const char *boot_id;     /* of the running kernel */
	const char *node_name;
	/* kernlog: first record not yet seen in this boot; 0: from now on, UINT64_MAX: from the start */
	uint64_t kmsg_resume_seq;
	long ticks_per_s;        /* sysconf(_SC_CLK_TCK) */
	long page_bytes;
	unsigned n_cpus;
	unsigned ring_kib;       /* size of each BPF ring buffer, a power of two */
	uint32_t self_pid;
	struct collect_marks *marks; /* isolated: see above; NULL: nobody reads them */
	mono_ns_t (*clock)(void);    /* isolated: to measure how long a call took, no more; NULL: not measured */
};

struct collector {
	const char *name;                  /* == file stem == name in collectors.def */
	const char *help;
	const struct metric_desc *metrics; /* all it may ever emit; ids are positions here (batch adds the offset) */
	size_t n_metrics;
	enum collect_where where;
	uint32_t interval_ms;              /* 0: event-driven only */
	uint32_t deadline_ms;              /* isolated: a collect() that takes longer is itself an event */
	uint64_t caps;                     /* bit 1<<CAP_X each */
	/* 0, or -ENOSYS (kernel lacks it), -ENODEV (no such hardware), -EPERM, -ENOENT: reported, never fatal.
	 * `ret_reason` gets one sentence for `why doctor` when not 0. */
	int (*probe)(const struct collect_env *env, char *ret_reason, size_t size);
	int (*open)(const struct collect_env *env, void **ret_state);
	/* Read everything that is due at `now`. -errno only when nothing at all could be read. */
	int (*collect)(void *state, mono_ns_t now, struct batch *out);
	/* Deep probe: measure `metric` on `entity` until `until`; NULL: always on. `graph` tells what the entity is. */
	int (*want)(void *state, const struct graph *graph, uint32_t metric, entity_id entity, mono_ns_t until);
	int (*event_fd)(void *state);      /* readable when drain() has something; NULL or -1: none */
	int (*drain)(void *state, unsigned max, struct batch *out); /* how many were taken; at most `max` */
	/* After all drains and collects of a turn, once a turn: for one that completes what others wrote in this batch
	 * (whose process it is that has just died). NULL: it has nothing to add. Inline collectors only. */
	void (*settle)(void *state, mono_ns_t now, struct batch *out);
	/* One line a hook: which parts of it work and why others do not; calls `say` for each. NULL: nothing to say. */
	void (*hooks)(void *state, void (*say)(void *arg, const char *hook, int error, const char *reason), void *arg);
	/* A position to persist, so that nothing is read twice or lost over a restart; 0 none. NULL ok. */
	uint64_t (*position)(void *state);
	/* Isolated, in the agent and without state: collect() missed its deadline and its process is ended; again every ten
	 * seconds while that is stuck in the kernel. `doing`: what was announced last (collect_marks), "" nothing. What that
	 * says about the world goes to `out`, in the collector's own metrics. NULL: it only says that we are blind. */
	void (*hung)(const char *doing, uint64_t waited_ns, mono_ns_t now, struct batch *out);
	void (*close)(void *state);        /* accepts half-open state and NULL */
};

/* All collectors, in the order of collectors.def; *ret_n of them. */
const struct collector *const *collectors_all(size_t *ret_n);
const struct collector *collectors_find(const char *name); /* NULL */

/* Register every collector's metrics; *ret_first[i] is the first id of collector i. Errors as metrics_add. */
int collectors_register(struct metrics *metrics, uint32_t *ret_first, size_t n);

#endif
