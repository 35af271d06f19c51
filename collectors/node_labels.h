/* SPDX-License-Identifier: Apache-2.0 */
/* node_labels.h - labels of a Kubernetes node as its kubelet was told them: in arguments, or in the files that make
 * them.
 *
 * Room: collectors.  Owns: nothing (texts by value).  Thread: any.  Clock: none.
 * Bounds: NODE_LABELS_MAX labels, values of 63 bytes as Kubernetes has them; only keys of the list in node_labels.c.
 */
#ifndef WHY_COLLECTORS_NODE_LABELS_H
#define WHY_COLLECTORS_NODE_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#define NODE_LABELS_MAX 12

struct node_label {
	char key[64], value[64];
};

struct node_labels {
	struct node_label labels[NODE_LABELS_MAX];
	size_t n;
	char node_name[254], node_ip[64]; /* --hostname-override, --node-ip; "" not told */
	bool any;                         /* something of a kubelet was found, whether or not it told labels */
};

/* "a=b,c=d": those of the list; the first word on a key stays. */
void node_labels_take(struct node_labels *l, const char *text, size_t n);
/* /proc/PID/cmdline: NUL between arguments; both "--flag=value" and "--flag", "value". */
void node_labels_take_argv(struct node_labels *l, const char *argv, size_t n);
/* A file of shell variables or a systemd unit: KUBELET_NODE_LABELS=..., and flags wherever they stand. */
void node_labels_take_file(struct node_labels *l, const char *text);

/* "aks", "eks", "gke", or "" when the labels do not tell. */
const char *node_labels_service(const struct node_labels *l);
bool node_labels_wanted(const char *key, size_t n);

#endif
