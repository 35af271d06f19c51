#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for a container runtime's CRI socket. usage: cri_standin.py SOCKET; orders on stdin, see the end."""
import os
import sys
import threading
import time

import grpc

from grpc_wire import Server, field, fields, take_orders

SERVICE = "/runtime.v1.RuntimeService/"
CREATED, RUNNING, EXITED = 0, 1, 2
lock = threading.Lock()
sandboxes, containers = {}, {}
mode = {"how": "ok", "events": False, "name": "containerd"}
watchers = []
generation = 0


def ident(n):
    return "%064x" % n


def add_sandbox(n, name, space, uid=None, **more):
    sandboxes[ident(n)] = dict(dict(id=ident(n), name=name, space=space, uid=uid or "uid-of-%s" % name, state=0, created=n,
                                    labels={}, annotations={}), **more)


def add_container(n, sandbox, name, **more):
    s = sandboxes.get(ident(sandbox), dict(name="", space="", uid=""))
    labels = {"io.kubernetes.pod.name": s["name"], "io.kubernetes.pod.namespace": s["space"],
              "io.kubernetes.pod.uid": s["uid"], "io.kubernetes.container.name": name}
    labels.update(more.pop("labels", {}))
    containers[ident(n)] = dict(dict(id=ident(n), sandbox=ident(sandbox), name=name, attempt=0, image="registry.test/train:3",
                                     image_ref="sha256:" + "ab" * 32, state=RUNNING, pid=4000 + n, code=0, reason="", labels=labels,
                                     annotations={}, finished=0), **more)


def world(kind, count="0"):
    with lock:
        sandboxes.clear()
        containers.clear()
        if kind == "normal":
            add_sandbox(1, "trainer-0", "ml", labels={"training.kubeflow.org/job-name": "llama", "secret": "s3cr3t-label"})
            add_container(11, 1, "main", annotations={"io.kubernetes.container.restartCount": "3"},
                          labels={"training.kubeflow.org/job-name": "llama", "token": "s3cr3t-label"})
            add_container(12, 1, "sidecar", image="sha256:" + "cd" * 32, image_ref="registry.test/side@sha256:" + "cd" * 32)
            add_container(13, 1, "init", state=EXITED, finished=5, pid=0, code=0, reason="Completed")
            add_sandbox(2, "web", "shop")
            add_container(21, 2, "nginx", state=CREATED, pid=0)
        elif kind == "hostile":
            add_sandbox(1, "ok", "ml", labels={"training.kubeflow.org/job-name": "j\x1b[31mRED\x1b]0;x\x07"})
            add_container(11, 1, "evil\x1b[2J\n\u202ename", image="img\x1b[31m",
                          labels={"training.kubeflow.org/job-name": "x" * 4096, "a" * 9000: "b" * 9000})
            add_container(12, 1, "utf8", labels={"training.kubeflow.org/job-name": "bad\udcff\udcfebytes"})
            add_container(13, 1, "fine")
            containers["../../etc"] = dict(containers[ident(13)], id="../../etc")
            containers["long"] = dict(containers[ident(13)], id="f" * 200)
            containers["empty"] = dict(containers[ident(13)], id="")
            add_sandbox(3, "a/b", "c", "u3")
            add_container(14, 77, "orphan", labels={"io.kubernetes.pod.name": "", "io.kubernetes.pod.namespace": ""})
            add_container(15, 1, "liar", labels={"io.kubernetes.pod.name": "other", "io.kubernetes.pod.namespace": "kube-system"})
        elif kind == "many":
            for n in range(int(count)):
                if n % 2 == 0:
                    add_sandbox(100000 + n, "pod-%d" % n, "load")
                add_container(200000 + n, 100000 + n - n % 2, "c%d" % (n % 2))


def list_item(c):
    return (field(1, c["id"]) + field(2, c["sandbox"]) + field(3, field(1, c["name"]) + field(2, c["attempt"])) +
            field(4, field(1, c["image"])) + field(5, c["image_ref"]) + field(6, c["state"]) + field(7, 1) +
            field(8, c["labels"]) + field(9, c["annotations"]))


def sandbox_item(s):
    return (field(1, s["id"]) + field(2, field(1, s["name"]) + field(2, s["uid"]) + field(3, s["space"])) +
            field(3, s["state"]) + field(4, s["created"]) + field(5, s["labels"]) + field(6, s["annotations"]))


def status_reply(c):
    info = '{"sandboxID":"x","runtimeSpec":{"pid":1,"env":["TOKEN=s3cr3t"]},"pid":%d}' % c["pid"]
    status = (field(1, c["id"]) + field(2, field(1, c["name"])) + field(3, c["state"]) + field(4, 1) + field(5, 1) +
              field(6, c["finished"]) + field(7, c["code"]) + field(8, field(1, c["image"])) + field(9, c["image_ref"]) +
              field(10, c["reason"]) + field(12, c["labels"]))
    return field(1, status) + field(2, {"info": info})


def misbehave(context, what):
    how = mode["how"]
    if how == "hang" or how == what + "-hang":
        while mode["how"] == how and context.is_active():
            time.sleep(0.05)
    elif how == "slow":
        time.sleep(0.15)
    elif how == "refuse":
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "unknown service runtime.v1.RuntimeService")
    elif how == what + "-unknown":
        context.abort(grpc.StatusCode.UNKNOWN, "no luck\x1b[31m today")
    elif how == "garbage" or how == what + "-garbage":
        return b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01 no protobuf"
    return None


def version(request, context):
    return misbehave(context, "version") or field(1, "0.1.0") + field(2, mode["name"]) + field(3, "9.9.9") + field(4, "v1")


def list_sandboxes(request, context):
    bad = misbehave(context, "list")
    with lock:
        return bad or b"".join(field(1, sandbox_item(s)) or b"\x0a\0" for s in sandboxes.values())


def list_containers(request, context):
    bad = misbehave(context, "list")
    with lock:
        return bad or b"".join(field(1, list_item(c)) for c in containers.values())


def status(request, context):
    wanted = fields(request).get(1, [b""])[0].decode()
    bad = misbehave(context, "status")
    with lock:
        if wanted not in containers:
            context.abort(grpc.StatusCode.NOT_FOUND, "no container %s" % wanted)
        return bad or status_reply(containers[wanted])


def events(request, context):
    if not mode["events"]:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "unknown method GetContainerEvents")
    queue, mine = [], generation
    watchers.append(queue)
    while context.is_active() and mine == generation:
        while queue:
            yield queue.pop(0)
        time.sleep(0.01)


def say(container, kind):
    # What CRI-O sends along (the sandbox, all statuses) is not looked at, but must do no harm.
    message = field(1, container) + field(2, kind) + field(3, 1) + field(5, b"\x0a\x01x") + field(6, b"\x0a\x01y")
    for queue in watchers:
        queue.append(message)


def end(n, code, reason):
    with lock:
        containers[ident(int(n))].update(state=EXITED, code=int(code), reason=reason, pid=0, finished=2_000_000_001)
    say(ident(int(n)), 2)


def begin(n, sandbox, name, attempt="0"):
    with lock:
        add_container(int(n), int(sandbox), name, attempt=int(attempt))
    say(ident(int(n)), 1)


def run(n):
    with lock:
        containers[ident(int(n))].update(state=RUNNING, pid=4000 + int(n))
    say(ident(int(n)), 1)


def remove(n):
    with lock:
        containers.pop(ident(int(n)), None)
        sandboxes.pop(ident(int(n)), None)
    say(ident(int(n)), 3)


def stop_sandbox(n):
    with lock:
        sandboxes[ident(int(n))]["state"] = 1


def cut_streams():
    global generation
    generation += 1


def flood(n):
    for i in range(int(n)):
        say(ident(i), 1)


server = Server(sys.argv[1], {SERVICE + "Version": version, SERVICE + "ListPodSandbox": list_sandboxes,
                              SERVICE + "ListContainers": list_containers, SERVICE + "ContainerStatus": status,
                              SERVICE + "GetContainerEvents": events}, [SERVICE + "GetContainerEvents"])
server.start()
take_orders({
    "world": world,
    "how": lambda how: mode.update(how=how),
    "name": lambda name: mode.update(name=name),
    "events": lambda on: mode.update(events=on == "on"),
    "watchers": lambda: len(watchers),
    "calls": lambda method: server.calls.get(SERVICE + method, 0),
    "end": end, "begin": begin, "run": run, "remove": remove, "stop-sandbox": stop_sandbox, "cut": cut_streams, "flood": flood,
    "stop": server.stop,
    "start": server.start,
    "raw": lambda: (server.stop(), server.listen_raw(os.urandom(4096)))[0],
    "mute": lambda: (server.stop(), server.listen_raw(b""))[0],
})
