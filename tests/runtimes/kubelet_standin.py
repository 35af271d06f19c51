#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for a kubelet's sockets and for the container runtime beside it. usage: kubelet_standin.py ROOT; orders on stdin."""
import os
import sys
import time

import grpc

from grpc_wire import Server, field, take_orders, varint

root = sys.argv[1]
mode = {"how": "ok", "service": "v1alpha1.Pods", "mask": ""}
world = {"resources": [], "pods": [], "running": []}


def packed(number, numbers):
    data = b"".join(varint(n) for n in numbers)
    return field(number, data) if data else b""


def numa(*nodes):
    return b"".join(field(1, field(1, n) or b"\x08\0") for n in nodes)


def device(resource, *ids, nodes=()):
    return field(1, resource) + b"".join(field(2, i) for i in ids) + (field(3, numa(*nodes)) if nodes else b"")


def granted(name, devices=(), cpus=(), memory=(), claims=()):
    return (field(1, name) + b"".join(field(2, d) for d in devices) + packed(3, cpus) + b"".join(field(4, m) for m in memory) +
            b"".join(field(5, c) for c in claims))


def resources(name, space, *containers):
    return field(1, name) + field(2, space) + b"".join(field(3, c) for c in containers)


def container_status(name, cid, waiting="", ended=None, restarts=0):
    state = field(1, field(1, waiting)) if waiting else field(3, field(1, ended) + field(3, "Error")) if ended is not None else field(2, b"\x0a\0")
    return field(1, name) + field(2, state) + field(5, restarts) + field(8, "containerd://" + cid if cid else "")


def pod(name, space, phase, statuses, reason="", labels=None, annotations=None, uid="u-1", spec=b"", deleted=0):
    meta = field(1, name) + field(3, space) + field(5, uid) + (field(9, field(1, deleted)) if deleted else b"") + field(11, labels or {}) + field(12, annotations or {})
    status = field(1, phase) + field(4, reason) + b"".join(field(8, s) for s in statuses) + field(9, "Burstable")
    return field(1, meta) + (field(2, spec) if spec else b"") + field(3, status)


A, B = "a" * 64, "b" * 64


def set_world(kind):
    gpu = device("nvidia.com/gpu", "GPU-1111", "GPU-2222", nodes=(0,))
    hca = device("rdma/hca_shared", "mlx5_0")
    claim = field(2, "train-claim") + field(3, "ml") + field(4, field(1, field(1, "k8s.gpu.nvidia.com/claim=x")) +
                                                             field(2, "gpu.nvidia.com") + field(3, "node-1") + field(4, "gpu-3"))
    memory = field(1, "memory") + field(2, 1 << 36) + field(3, numa(0, 1))
    trainer = resources("trainer-0", "ml", granted("main", [gpu, hca], [3, 0, 1, 2, 8], [memory], [claim]), granted("sidecar"))
    secret = field(1, "TOKEN") + field(2, "s3cr3t")
    pods = [pod("trainer-0", "ml", "Running", [container_status("main", A), container_status("sidecar", B)],
                labels={"dag_id": "my_dag_x", "token": "s3cr3t"}, annotations={"dag_id": "my dag!"}, spec=secret)]
    if kind == "hostile":
        pods += [b"\xff\xff", pod("a/b", "c", "Running", []), pod("x", "", "Running", []),
                 pod("e\x1b[2J", "n\udcff", "Run\x07ning", [container_status("c\n", "../../x")]),
                 pod("many", "ml", "Running", [container_status("c%d" % i, "") for i in range(200)])]
        trainer += b""
        world["resources"] = [trainer, b"\x0a\xff", resources("p", "ml", granted("g", [device("nvidia.com/gpu\x1b[31m", "GPU-\x1b" * 400)],
                                                                                  [1 << 62, 7])), resources("", "")]
    else:
        world["resources"] = [trainer] if kind != "empty" else []
    if kind == "failed":
        pods = [pod("trainer-0", "ml", "Failed", [container_status("main", A, ended=137)], reason="Evicted")]
    elif kind == "crashed":
        pods = [pod("trainer-0", "ml", "Failed", [container_status("sidecar", B, ended=0), container_status("main", A, ended=3)])]
    elif kind == "deleted":
        pods = [pod("trainer-0", "ml", "Failed", [container_status("main", A, ended=143)], deleted=1763739000)]
    elif kind == "waiting":
        pods = [pod("trainer-0", "ml", "Running", [container_status("main", A, waiting="CrashLoopBackOff", restarts=7)])]
    elif kind == "restarted":
        pods = [pod("trainer-0", "ml", "Running", [container_status("main", "c" * 64, restarts=1)])]
    elif kind == "many":
        pods = [pod("p%d" % i, "load", "Running", [container_status("c", "%064x" % i)]) for i in range(1000)]
        world["resources"] = [resources("p%d" % i, "load", granted("c", [device("nvidia.com/gpu", "GPU-%d" % i)])) for i in range(1000)]
    world["pods"] = pods if kind != "empty" else []
    world["running"] = [("main", A)] if kind != "restarted" else [("main", "c" * 64)]


def misbehave(context):
    if mode["how"] == "hang":
        while mode["how"] == "hang" and context.is_active():
            time.sleep(0.05)
    if mode["how"] == "garbage":
        return b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
    return None


def list_resources(request, context):
    return misbehave(context) or b"".join(field(1, r) or b"\x0a\0" for r in world["resources"])


def list_pods(request, context):
    mode["mask"] = dict(context.invocation_metadata()).get("x-kubernetes-fieldmask", "")
    return misbehave(context) or b"".join(field(1, p) for p in world["pods"])


def list_running(request, context):
    mode["filter"] = request.hex()
    return b"".join(field(1, field(1, cid) + field(3, field(1, name)) + field(6, 1) +
                          field(8, {"io.kubernetes.pod.name": "trainer-0", "io.kubernetes.pod.namespace": "ml"}))
                    for name, cid in world["running"])


servers = {
    "resources": Server(root + "/var/lib/kubelet/pod-resources/kubelet.sock", {"/v1.PodResourcesLister/List": list_resources}),
    "pods": Server(root + "/var/lib/kubelet/pods-api/pods-api.sock", {}),
    "runtime": Server(root + "/run/containerd/containerd.sock", {"/runtime.v1.RuntimeService/ListContainers": list_running}),
}


def start(name):
    if name == "pods":
        servers[name].methods = {"/%s/ListPods" % mode["service"]: list_pods}
    servers[name].start()


take_orders({"world": set_world, "start": start, "stop": lambda name: servers[name].stop(), "how": lambda how: mode.update(how=how),
             "service": lambda name: mode.update(service=name), "mask": lambda: mode["mask"], "filter": lambda: mode.get("filter", "")})
