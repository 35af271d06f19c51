/* SPDX-License-Identifier: Apache-2.0 */
/* docker_daemon.h - one Docker or Podman: asked what runs, followed by its events, never waited for.
 *
 * Room: runtimes.  Owns: its calls and the list of its containers.  Thread: the caller's.  Clock: none (`now` is passed in).
 * Bounds: DOCKER_MAX_CONTAINERS containers (further ones are left out and counted), DOCKER_INSPECTIONS inspections
 * at a time, 8 MiB of events a second, answers of 32 MiB. A daemon that fails is asked again after 1 s, doubling to 60
 * s.
 *
 * Greeted by /version every 15 s, so that one that hangs is noticed; then /events is followed, all are listed, and 3 s
 * later again: nothing can happen unseen in between. Whoever is new or has changed is inspected. Listed anew every five
 * minutes and whenever the event stream ends. Only GET is ever sent.
 */
#ifndef WHY_RUNTIMES_DOCKER_DAEMON_H
#define WHY_RUNTIMES_DOCKER_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "runtimes/docker_json.h"
#include "runtimes/http_socket.h"

#define DOCKER_MAX_CONTAINERS 4096
#define DOCKER_INSPECTIONS    8

struct docker_daemon;

struct docker_exit {
	char id[DOCKER_ID_MAX];
	int32_t exit_code;
	bool has_exit_code, oom_killed;
};

/* What is told while http_socket_pump runs. All required. */
struct docker_watcher {
	/* Seen for the first time, or changed. False: not to be believed; it is forgotten, and asked about again when
	 * it changes. */
	bool (*container)(void *arg, const struct docker_daemon *d, const struct docker_container *c);
	void (*exited)(void *arg, const struct docker_daemon *d, const struct docker_exit *e);
	void (*gone)(void *arg, const struct docker_daemon *d, const char *id); /* of one that was believed */
	/* `id` could not be asked about, and why. */
	void (*untold)(void *arg, const struct docker_daemon *d, const char *id, const char *why);
	void (*silent)(void *arg, const struct docker_daemon *d, const char *why); /* once, until it answers */
	void (*answers)(void *arg, const struct docker_daemon *d);                 /* all have been listed again */
	/* False: what is told now would be lost; whoever can wait is told of later. */
	bool (*has_room)(void *arg);
	void *arg;
};

/* `address` is for people, `connect_path` for connect(2); both copied. -ENOMEM. */
int docker_daemon_new(const char *address, const char *connect_path, struct http_socket *http,
		      const struct docker_watcher *watcher, struct docker_daemon **ret_daemon);
void docker_daemon_free(struct docker_daemon **daemon);

void docker_daemon_step(struct docker_daemon *d, mono_ns_t now); /* start what is due */
/* Something short is under way: worth waiting for. */
bool docker_daemon_is_busy(const struct docker_daemon *d);

const char *docker_daemon_address(const struct docker_daemon *d);
const char *docker_daemon_runtime(const struct docker_daemon *d); /* "docker", "podman" */
const char *docker_daemon_title(const struct docker_daemon *d);   /* "Docker at /run/docker.sock" */
bool docker_daemon_is_silent(const struct docker_daemon *d);
uint64_t docker_daemon_silent_ns(const struct docker_daemon *d); /* for how long at the last step; 0 it is not */
const char *docker_daemon_why(const struct docker_daemon *d);    /* it is silent; "" while it is not */
bool docker_daemon_is_podman(const struct docker_daemon *d);     /* false as well while nobody knows */
bool docker_daemon_is_listed(const struct docker_daemon *d);     /* its containers were listed, and are followed */
bool docker_daemon_has(const struct docker_daemon *d, const char *id); /* and was believed */
/* By position: the id of a believed one, "" of another, NULL past the last. Restarts are UINT64_MAX until it was
 * inspected. */
const char *docker_daemon_at(const struct docker_daemon *d, size_t i, bool *ret_running, uint64_t *ret_restarts);
uint64_t docker_daemon_refused(const struct docker_daemon *d); /* for which there was no room */

#endif
