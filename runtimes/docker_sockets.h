/* SPDX-License-Identifier: Apache-2.0 */
/* docker_sockets.h - where Docker and Podman listen on this machine.
 *
 * Room: runtimes.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: DOCKER_SOCKETS_MAX, of users
 * DOCKER_SOCKETS_USERS.
 *
 * The system's: /run/docker.sock, /run/podman/podman.sock (and below /var/run where that is a folder of its own). A
 * user's: /run/user/UID/podman/podman.sock and docker.sock, if the socket is that user's. A link to a socket that is
 * known already (podman-docker makes one) is not a second one.
 */
#ifndef WHY_RUNTIMES_DOCKER_SOCKETS_H
#define WHY_RUNTIMES_DOCKER_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOCKER_SOCKETS_MAX   8
#define DOCKER_SOCKETS_USERS 64 /* folders looked into */

struct docker_socket {
	char path[64]; /* absolute, below the root */
	bool rootless; /* a user's: not to be believed about other containers than its own */
	uint32_t uid;
	uint64_t dev, ino;
};

/* How many are filled. */
size_t docker_sockets_find(int root_fd, struct docker_socket ret_sockets[DOCKER_SOCKETS_MAX]);

#endif
