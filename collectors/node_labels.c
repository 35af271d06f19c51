// SPDX-License-Identifier: Apache-2.0
#include "collectors/node_labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static const struct {
	const char *key, *service;
} wanted[] = {
	{ "kubernetes.azure.com/agentpool", "aks" },
	{ "agentpool", "aks" },
	{ "kubernetes.azure.com/cluster", "aks" },
	{ "kubernetes.azure.com/mode", "aks" },
	{ "kubernetes.azure.com/node-image-version", "aks" },
	{ "kubernetes.azure.com/os-sku", "aks" },
	{ "kubernetes.azure.com/scalesetpriority", "aks" },
	{ "kubernetes.azure.com/accelerator", "aks" },
	{ "eks.amazonaws.com/nodegroup", "eks" },
	{ "eks.amazonaws.com/nodegroup-image", "eks" },
	{ "eks.amazonaws.com/capacityType", "eks" },
	{ "alpha.eksctl.io/cluster-name", "eks" },
	{ "alpha.eksctl.io/nodegroup-name", "eks" },
	{ "cloud.google.com/gke-nodepool", "gke" },
	{ "cloud.google.com/gke-accelerator", "gke" },
	{ "cloud.google.com/gke-spot", "gke" },
	{ "cloud.google.com/gke-preemptible", "gke" },
	{ "cloud.google.com/gke-os-distribution", "gke" },
	{ "cloud.google.com/machine-family", "gke" },
	{ "karpenter.sh/nodepool", "" },
	{ "karpenter.sh/capacity-type", "" },
	{ "node.kubernetes.io/instance-type", "" },
	{ "topology.kubernetes.io/zone", "" },
	{ "topology.kubernetes.io/region", "" },
	{ "nvidia.com/gpu.product", "" },
	{ "accelerator", "" },
};

bool node_labels_wanted(const char *key, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (strlen(wanted[i].key) == n && memcmp(wanted[i].key, key, n) == 0)
			return true;
	return false;
}

static void copy_n(char *to, size_t size, const char *from, size_t n)
{
	struct text t;

	text_init(&t, to, size);
	text_add_n(&t, from, n);
}

static void take_one(struct node_labels *l, const char *text, size_t n)
{
	const char *equals = memchr(text, '=', n);
	size_t n_key = equals ? (size_t)(equals - text) : n;

	if (!equals || l->n == NODE_LABELS_MAX || !node_labels_wanted(text, n_key))
		return;
	for (size_t i = 0; i < l->n; i++)
		if (strlen(l->labels[i].key) == n_key && memcmp(l->labels[i].key, text, n_key) == 0)
			return;
	struct node_label *label = &l->labels[l->n++];
	copy_n(label->key, sizeof(label->key), text, n_key);
	copy_n(label->value, sizeof(label->value), equals + 1, n - n_key - 1);
}

void node_labels_take(struct node_labels *l, const char *text, size_t n)
{
	size_t at = 0;

	while (at < n) {
		const char *comma = memchr(text + at, ',', n - at);
		size_t len = comma ? (size_t)(comma - text) - at : n - at;
		take_one(l, text + at, len);
		at += len + 1;
	}
}

/* ---- flags ---- */

enum flag { FLAG_NONE, FLAG_LABELS, FLAG_NAME, FLAG_IP };

static enum flag flag_of(const char *word, size_t n)
{
	static const struct {
		const char *name;
		enum flag flag;
	} flags[] = {
		{ "--node-labels", FLAG_LABELS },     { "--node-label", FLAG_LABELS }, /* k3s */
		{ "--hostname-override", FLAG_NAME }, { "--node-name", FLAG_NAME },    { "--node-ip", FLAG_IP },
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strlen(flags[i].name) == n && memcmp(flags[i].name, word, n) == 0)
			return flags[i].flag;
	return FLAG_NONE;
}

static void take_flag(struct node_labels *l, enum flag flag, const char *value, size_t n)
{
	if (flag == FLAG_LABELS)
		node_labels_take(l, value, n);
	else if (flag == FLAG_NAME && !l->node_name[0])
		copy_n(l->node_name, sizeof(l->node_name), value, n);
	else if (flag == FLAG_IP && !l->node_ip[0])
		copy_n(l->node_ip, sizeof(l->node_ip), value, n);
}

void node_labels_take_argv(struct node_labels *l, const char *argv, size_t n)
{
	enum flag before = FLAG_NONE;

	l->any = true;
	for (size_t at = 0; at < n;) {
		const char *word = argv + at;
		size_t len = strnlen(word, n - at);
		const char *equals = memchr(word, '=', len);
		enum flag flag = flag_of(word, equals ? (size_t)(equals - word) : len);
		if (before != FLAG_NONE && word[0] != '-')
			take_flag(l, before, word, len);
		else if (flag != FLAG_NONE && equals)
			take_flag(l, flag, equals + 1, len - (size_t)(equals - word) - 1);
		before = equals ? FLAG_NONE : flag;
		at += len + 1;
	}
}

static size_t value_len(const char *text)
{
	return strcspn(text, " \t\r\n\"'\\");
}

/* Words of one line, quotes and backslashes being borders too. */
static void take_line(struct node_labels *l, const char *line, size_t n)
{
	static const char variable[] = "KUBELET_NODE_LABELS=";
	enum flag before = FLAG_NONE;

	for (size_t at = 0; at < n;) {
		const char *word = line + at;
		size_t len = MIN_OF(value_len(word), n - at);
		if (len == 0) {
			at++;
			continue;
		}
		if (len >= strlen(variable) - 1 && strncmp(word, variable, strlen(variable)) == 0) {
			const char *value = word + strlen(variable);
			value += *value == '"' || *value == '\'';
			node_labels_take(l, value, value_len(value));
			l->any = true;
		}
		/* KUBELET_EXTRA_ARGS=--node-labels=a=b: what stands before the flag is no matter. */
		const char *dashes = before != FLAG_NONE && word[0] != '-' ? NULL : memmem(word, len, "--", 2);
		if (dashes) {
			size_t n_flag = len - (size_t)(dashes - word);
			const char *equals = memchr(dashes, '=', n_flag);
			size_t n_value = equals ? n_flag - (size_t)(equals - dashes) - 1 : 0;
			enum flag flag = flag_of(dashes, equals ? (size_t)(equals - dashes) : n_flag);
			l->any |= flag != FLAG_NONE;
			if (n_value)
				take_flag(l, flag, equals + 1, n_value);
			before = n_value ? FLAG_NONE : flag; /* --node-labels="a=b": behind the quote */
		} else {
			take_flag(l, before, word, len);
			before = FLAG_NONE;
		}
		at += len;
	}
}

void node_labels_take_file(struct node_labels *l, const char *text)
{
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		size_t blank = strspn(line, " \t");
		if (line[blank] != '#' && line[blank] != ';')
			take_line(l, line, n);
		line += n + (line[n] == '\n');
	}
}

const char *node_labels_service(const struct node_labels *l)
{
	static const char none[] = "";

	for (size_t i = 0; i < l->n; i++)
		for (size_t w = 0; w < ARRAY_LEN(wanted); w++)
			if (wanted[w].service[0] && strcmp(wanted[w].key, l->labels[i].key) == 0)
				return wanted[w].service;
	return none;
}
