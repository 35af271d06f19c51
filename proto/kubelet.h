/* SPDX-License-Identifier: Apache-2.0 */
/* kubelet.h - what a kubelet says on its node's own sockets, as plain structs: pod-resources and the Pods API.
 *
 * Room: proto.  Owns: a reader owns the item it has read.  Thread: any, one at a time.  Clock: none.
 * Bounds: as cri.h: an item in an arena of eight times its size; texts are cut to the sizes below and made safe to print,
 * but for labels, which are as they came. At most KUBELET_MAX_CONTAINERS containers a pod.
 *
 * The list replies hold one pod an item, in field KUBELET_ITEMS (proto/items.h).
 */
#ifndef WHY_PROTO_KUBELET_H
#define WHY_PROTO_KUBELET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/cri.h"

#define KUBELET_METHOD_RESOURCES "/v1.PodResourcesLister/List"
#define KUBELET_ITEMS            1
/* The header that names the fields to send, and those: all that is read here, and nothing of a pod's spec. */
#define KUBELET_MASK_HEADER      "x-kubernetes-fieldmask"
#define KUBELET_MASK                                                                                                   \
	"metadata.name,metadata.namespace,metadata.uid,metadata.deletionTimestamp,metadata.labels,metadata.annotations,"   \
	"status.phase,status.reason,status.qosClass,status.containerStatuses,status.initContainerStatuses"

#define KUBELET_MAX_CONTAINERS 64
#define KUBELET_MAX_LIST       1024

/* What one container was given; "" nothing. */
struct kubelet_grant {
	char container[CRI_MAX_NAME];
	char devices[KUBELET_MAX_LIST]; /* "nvidia.com/gpu=GPU-1,GPU-2 rdma/hca=mlx5_0" */
	char gpus[KUBELET_MAX_LIST];    /* the ids of those that are GPUs, or parts of one: "GPU-1,GPU-2" */
	char cpus[512];                 /* CPUs for it alone: "0-3,8" */
	char memory[256];               /* "memory 68719476736 on numa 0" */
	char claims[KUBELET_MAX_LIST];  /* "ml/claim-a=gpu.nvidia.com/pool/gpu-0" */
};

struct kubelet_resources {
	char name[CRI_MAX_NAME], space[CRI_MAX_NAME];
	const struct kubelet_grant *grants; /* in the reader; only of containers that were given something */
	size_t n_grants;
};

struct kubelet_container {
	char name[CRI_MAX_NAME], id[CRI_MAX_ID]; /* id: without "containerd://"; "" not yet */
	char waiting[64];                        /* why it does not run: "CrashLoopBackOff"; "" it is not waiting */
	bool ended;
	int32_t exit_code;                       /* of one that has ended */
	char why[64];                            /* as the runtime has it: "Error", "OOMKilled" */
	int32_t restarts;
};

struct kubelet_pod {
	char name[CRI_MAX_NAME], space[CRI_MAX_NAME], uid[CRI_MAX_ID];
	char phase[16], reason[CRI_MAX_NAME], qos[16]; /* "Running", "Evicted", "burstable" */
	struct cri_pairs labels, annotations;
	const struct kubelet_container *containers; /* in the reader */
	size_t n_containers;
	bool deleted; /* somebody wants it gone: it is ending, or has ended, for that */
};

struct kubelet_reader;
int kubelet_reader_new(struct kubelet_reader **ret_reader); /* -ENOMEM */
void kubelet_reader_free(struct kubelet_reader **reader);

/* One item of a list. -EBADMSG: refused; -ENOMEM. */
int kubelet_read_resources(struct kubelet_reader *r, const uint8_t *data, size_t n, struct kubelet_resources *ret_resources);
int kubelet_read_pod(struct kubelet_reader *r, const uint8_t *data, size_t n, struct kubelet_pod *ret_pod);

#endif
