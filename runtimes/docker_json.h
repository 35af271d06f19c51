/* SPDX-License-Identifier: Apache-2.0 */
/* docker_json.h - what Docker's and Podman's API says about containers, and nothing else of it.
 *
 * Room: runtimes.  Owns: nothing (state by value).  Thread: any.  Clock: none.
 * Bounds: the sizes below; texts are cut at UTF-8, labels are those of identity/label_keys.def, DOCKER_MAX_LABELS of
 * them.
 *
 * Config.Env, arguments, mounts and labels that are not on the list are in the answers too: they are skipped byte by
 * byte (runtimes/json_scan.h) and never kept. An id that is not 64 hex digits is no id, and its container is left out.
 */
#ifndef WHY_RUNTIMES_DOCKER_JSON_H
#define WHY_RUNTIMES_DOCKER_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/label_key.h"
#include "runtimes/json_scan.h"

#define DOCKER_ID_MAX     65
#define DOCKER_MAX_LABELS 12

struct docker_label {
	char key[64], value[LABEL_VALUE_MAX];
};

struct docker_container {
	char id[DOCKER_ID_MAX];
	char name[256], image[256]; /* name without the leading '/' */
	char pod[128];              /* Podman's own pods, which are not Kubernetes' */
	char state[16];             /* created running paused restarting exited removing; "" not said */
	char started_at[40];        /* RFC 3339; "" never */
	char kube_name[64];         /* io.kubernetes.container.name: cri-dockerd made it */
	uint32_t pid;               /* 0 none */
	int32_t exit_code;
	bool has_exit_code, oom_killed;
	bool inspected; /* pid, exit_code, restarts and oom_killed are known */
	uint64_t restarts;
	struct docker_label labels[DOCKER_MAX_LABELS];
	size_t n_labels;
};

enum docker_action {
	DOCKER_OTHER,   /* says nothing of interest */
	DOCKER_CHANGED, /* created, started, renamed, paused ...: look again */
	DOCKER_DIED,
	DOCKER_OOM,
	DOCKER_REMOVED,
};

struct docker_event {
	enum docker_action action;
	char id[DOCKER_ID_MAX];
	int32_t exit_code;
	bool has_exit_code, is_container;
};

struct docker_version {
	bool podman;
	char version[32], api[16];
};

enum docker_answer {
	DOCKER_LIST,        /* GET /containers/json?all=1 */
	DOCKER_LIBPOD_LIST, /* GET /v4.0.0/libpod/containers/json?all=true */
	DOCKER_INSPECT,     /* GET /containers/ID/json */
	DOCKER_EVENTS,      /* GET /events, for ever */
	DOCKER_VERSION,     /* GET /version */
};

struct docker_reader {
	enum docker_answer answer;
	struct json_scan scan;
	struct docker_container container;
	struct docker_event event;
	struct docker_version version;
	void (*on_container)(void *arg, const struct docker_container *c); /* of a list or an inspection */
	void (*on_event)(void *arg, const struct docker_event *e);
	void *arg;
};

void docker_reader_init(struct docker_reader *r, enum docker_answer answer);
/* -EBADMSG: no JSON. */
int docker_reader_put(struct docker_reader *r, const char *data, size_t n);
/* False: the answer ended in the middle, or was not of the shape that it should be. */
bool docker_reader_is_whole(struct docker_reader *r);

bool docker_id_ok(const char *id); /* 64 digits of lower-case hex */

#endif
