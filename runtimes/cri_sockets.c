// SPDX-License-Identifier: Apache-2.0
#include "runtimes/cri_sockets.h"

const struct talk_socket cri_sockets[CRI_N_SOCKETS] = {
	{ "run/containerd/containerd.sock", "containerd", NULL, NULL },
	{ "run/k3s/containerd/containerd.sock", "containerd", NULL, NULL },
	{ "run/k0s/containerd.sock", "containerd", NULL, NULL },
	{ "var/snap/microk8s/common/run/containerd.sock", "containerd", NULL, NULL },
	{ "run/crio/crio.sock", "cri-o", NULL, NULL },
	{ "run/cri-dockerd.sock", "docker", NULL, NULL },
};
