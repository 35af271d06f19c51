/* SPDX-License-Identifier: Apache-2.0 */
/* cri.h - what a container runtime says through its CRI socket, as plain structs.
 *
 * Room: proto.  Owns: a reader owns the item it has read.  Thread: any, one at a time.  Clock: none.
 * Bounds: an item is unpacked in an arena of eight times its size, at least 64 KiB, at most 16 MiB (proto/unpack.h);
 * texts are cut to the sizes below. Names, images and reasons are made safe to print (control characters and bytes that
 * are not UTF-8 appear as \xNN); an id with anything but letters, digits, '_', '.', '-' refuses its item. Labels are as
 * they came: who copies one, escapes it.
 */
#ifndef WHY_PROTO_CRI_H
#define WHY_PROTO_CRI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define CRI_METHOD_VERSION    "/runtime.v1.RuntimeService/Version"
#define CRI_METHOD_SANDBOXES  "/runtime.v1.RuntimeService/ListPodSandbox"
#define CRI_METHOD_CONTAINERS "/runtime.v1.RuntimeService/ListContainers"
#define CRI_METHOD_STATUS     "/runtime.v1.RuntimeService/ContainerStatus"
#define CRI_METHOD_EVENTS     "/runtime.v1.RuntimeService/GetContainerEvents"

#define CRI_MAX_ID   129
#define CRI_MAX_NAME 256
/* The fields of list replies that hold the items. */
#define CRI_ITEMS 1

enum cri_state { CRI_CREATED, CRI_RUNNING, CRI_EXITED, CRI_UNKNOWN };
const char *cri_state_name(enum cri_state state); /* "created" "running" "exited" "unknown" */

struct cri_pair {
	const char *key, *value; /* hostile */
};

struct cri_pairs {
	const struct cri_pair *items; /* in the reader */
	size_t n;
};

struct cri_sandbox {
	char id[CRI_MAX_ID], name[CRI_MAX_NAME], space[CRI_MAX_NAME], uid[CRI_MAX_ID]; /* space: the namespace */
	bool ready;
	int64_t created_at;
	struct cri_pairs labels, annotations;
};

struct cri_container {
	char id[CRI_MAX_ID], sandbox_id[CRI_MAX_ID], name[CRI_MAX_NAME], image[CRI_MAX_NAME];
	uint32_t attempt;
	enum cri_state state;
	struct cri_pairs labels, annotations;
};

struct cri_status {
	char id[CRI_MAX_ID], image[CRI_MAX_NAME], reason[CRI_MAX_NAME];
	enum cri_state state;
	int32_t exit_code;
	int64_t started_at, finished_at; /* ns of the wall clock; 0 not */
	uint32_t pid;                    /* of the first process; 0: not said */
};

enum cri_happened { CRI_HAPPENED_CREATED, CRI_HAPPENED_STARTED, CRI_HAPPENED_STOPPED, CRI_HAPPENED_DELETED,
		    CRI_HAPPENED_OTHER };

/* Holds what labels and annotations of the last item point to. */
struct cri_reader;
int cri_reader_new(struct cri_reader **ret_reader); /* -ENOMEM */
void cri_reader_free(struct cri_reader **reader);

/* One item of a list (proto/items.h). -EBADMSG: refused; -ENOMEM. */
int cri_read_sandbox(struct cri_reader *r, const uint8_t *data, size_t n, struct cri_sandbox *ret_sandbox);
int cri_read_container(struct cri_reader *r, const uint8_t *data, size_t n, struct cri_container *ret_container);

/* Whole replies. Errors as above. */
int cri_read_status(const uint8_t *data, size_t n, struct cri_status *ret_status);
int cri_read_version(const uint8_t *data, size_t n, char ret_name[CRI_MAX_ID], char ret_version[CRI_MAX_ID]);
int cri_read_event(const uint8_t *data, size_t n, char ret_id[CRI_MAX_ID], enum cri_happened *ret_happened);

/* Requests; those for lists and events are empty. -EMSGSIZE; -ENOMEM. */
int cri_pack_status_request(const char *id, struct buf *out);
int cri_pack_list_running(struct buf *out); /* for CRI_METHOD_CONTAINERS: those that run */

/* Value of the whole number "pid" in the outermost object of a JSON text; 0: none. Reads nothing else of it: what
 * containerd says there holds the container's environment. */
uint32_t cri_find_pid(const char *json);

#endif
