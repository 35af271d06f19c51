/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - where findings survive the hub: one shape for every database, `--store sqlite:PATH` the first.
 *
 * Room: hub.  Owns: the database's handle, through its class.
 * Thread: begin, put, note, commit, rollback and retain belong to the writer's thread (hub/writer.h); a reader
 * belongs to the thread that opened it, and any number of them live at once.
 * Clock: none (`now` is passed in).  Bounds: stated per function; what is kept is bounded by store_retention.
 *
 * What is stored twice is stored once: a record is known by (node, spool, seq) and by (finding id, revision), and a
 * revision never goes back. A finding belongs to the node that first told it: another node cannot overwrite it.
 * Every stored change gets the next number of one counter, `change`, which never goes back, also not when the
 * newest findings have been deleted: who has seen up to a change may ask for what came behind it.
 * What commit() returned 0 for survives the death of the process and of the machine.
 */
#ifndef WHY_HUB_STORE_H
#define WHY_HUB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "hub/record.h"

#define STORE_IDENTITY_SIZE 17
#define STORE_NO_KIND       ENTITY_KIND_MAX

struct store_class;

struct store {
	const struct store_class *class;
	void *state;
};

struct store_reader {
	const struct store_class *class;
	void *state;
};

struct store_counts {
	uint64_t stored; /* new changes */
	uint64_t known;  /* seen before, or older than what is stored */
	uint64_t foreign;/* the id belongs to another node: refused */
};

/* What became known about a node. Texts NULL: unchanged. */
struct store_note {
	const char *node, *boot_id, *version, *rules_digest;
	wall_ns_t seen_at;
	int evaluated;        /* -1: unchanged */
	const char *status;   /* not NULL: a line of the node's timeline: "connected" "lost" "rebooted" ... */
	const char *text;
	enum severity severity;
};

struct store_retention {
	uint64_t max_age_ns; /* 0: any */
	uint64_t max_bytes;  /* 0: any */
};

enum store_order {
	STORE_WORST_FIRST,  /* open before resolved, most severe, last changed */
	STORE_NEWEST_FIRST, /* by `n`, the order of first arrival: pages neither miss nor repeat */
	STORE_BY_CHANGE,    /* oldest change first: for watching */
};

struct store_filter {
	/* NULL: any. The first letters of an id will do; a rule that ends in ".*" is a prefix */
	const char *id, *node, *rule;
	enum entity_kind kind;              /* with key; STORE_NO_KIND: any. Of a job also what is about its ranks */
	const char *key;
	bool only_open, hide_shadow;
	wall_ns_t since;                    /* not 0: also those resolved later than this; 0 with only_open unset: all */
	uint64_t after_change;              /* STORE_BY_CHANGE */
	uint64_t before_n;                  /* STORE_NEWEST_FIRST; 0: from the newest */
	enum store_order order;
	size_t limit;
};

struct store_row {
	uint64_t n, change;
	const char *id, *node;
	const uint8_t *data; /* packed finding; valid during the visit */
	size_t n_data;
};

struct store_node {
	const char *name, *boot_id, *version, *rules_digest;
	wall_ns_t first_seen, last_seen;
	bool evaluated;
	int worst;       /* enum severity of the open ones that are no shadow; -1: none open */
	uint64_t n_open;
};

struct store_line {
	uint64_t n;
	wall_ns_t at;
	const char *node, *what, *finding, *status, *text; /* what: "finding" | "node" */
	enum severity severity;
};

/* Return 0 to go on, anything else ends the visit and is returned. */
typedef int (*store_row_fn)(void *arg, const struct store_row *row);
typedef int (*store_node_fn)(void *arg, const struct store_node *node);
typedef int (*store_line_fn)(void *arg, const struct store_line *line);
/* A thing that stored findings speak of; node "" for what is of no one node (pods, jobs, ranks). */
struct store_entity {
	enum entity_kind kind;
	const char *key, *other, *called, *node; /* other, called: as record.h has them */
};

typedef int (*store_entity_fn)(void *arg, const struct store_entity *e);
typedef int (*store_name_fn)(void *arg, const char *name);

struct store_totals {
	uint64_t findings, open, nodes, lines, bytes, change;
};

/* Errors of all: -EIO, -ENOSPC, -EROFS, -EACCES, -EBUSY, -ENOMEM, -EUCLEAN (the database is damaged). */
struct store_class {
	const char *name;
	int (*begin)(void *state);
	int (*put)(void *state, const struct record_batch *b, wall_ns_t now, struct store_counts *counts);
	int (*note)(void *state, const struct store_note *note);
	int (*commit)(void *state); /* on failure everything since begin is undone */
	void (*rollback)(void *state);
	/* Delete a bounded part of what is too old or too much, in a transaction of its own: resolved findings first,
	 * then lines of the timeline, then open findings of nodes long gone. ret_more: call again soon. */
	int (*retain)(void *state, const struct store_retention *r, wall_ns_t now, uint64_t *ret_deleted, bool *ret_more);
	const char *(*identity)(void *state); /* made with the database: 16 hex digits */
	void (*close)(void *state);

	int (*reader_open)(void *state, void **ret_reader);
	void (*reader_close)(void *reader);
	/* The highest seq stored of a spool, 0 for an unknown one. */
	int (*position)(void *reader, const char *node, const char *spool_id, uint64_t *ret_seq);
	int (*visit)(void *reader, const struct store_filter *filter, store_row_fn visit, void *arg);
	/* name NULL: all, by name. */
	int (*visit_nodes)(void *reader, const char *name, store_node_fn visit, void *arg);
	/* Distinct entities of a kind whose key, `other` or `called` is or begins with `word` ("" : all), those that are it
	 * first. `node` NULL or "": any. */
	int (*visit_entities)(void *reader, enum entity_kind kind, const char *word, const char *node, size_t limit,
			      store_entity_fn visit, void *arg);
	/* Rules that stored findings are of. */
	int (*visit_rules)(void *reader, size_t limit, store_name_fn visit, void *arg);
	/* Lines of a node (NULL: any) or of findings about an entity, since a time, oldest first, behind line `after_n`. */
	int (*visit_lines)(void *reader, const struct store_filter *filter, uint64_t after_n, store_line_fn visit,
			   void *arg);
	int (*totals)(void *reader, struct store_totals *ret_totals);
};

/* "sqlite:PATH"; PATH may be relative. On failure ret_error gets a sentence that says what to do.
 * -EPROTONOSUPPORT: a database this program was not built with; -EINVAL: no such form; -EBUSY: another hub has it;
 * -EUCLEAN: damaged, or no database of a hub; -EOVERFLOW: made by a newer hub; -EACCES, -ENOENT, -ENOSPC, -EROFS. */
int store_open(const char *url, char *ret_error, size_t error_size, struct store *ret_store);
void store_close(struct store *s); /* accepts one never opened */
int store_reader_open(const struct store *s, struct store_reader *ret_reader);
void store_reader_close(struct store_reader *r);

#endif
