// SPDX-License-Identifier: Apache-2.0
/* What kind of node this is: labels of its Kubernetes service (AKS, EKS, GKE, any kubelet's), its name there, cloud and
 * instance type, as attributes of the node entity. From what kubelet was started with and the files that say it; no API
 * server is asked. kubelet's arguments are looked through in a buffer that is wiped after use.
 *
 * Looked at at the start and every minute. kubelet is searched for SCAN_STEP processes a tick, so that a node with many
 * is not held up; its unit's cgroup, where there is one, is quicker. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include "collectors/collector.h"
#include "collectors/node_labels.h"

#define AGAIN_NS   (60 * NS_PER_S)
#define SCAN_STEP  256
#define FILE_BYTES (64 * 1024)

enum { LABELS, N_METRICS };

static const struct metric_desc metrics[N_METRICS] = {
	[LABELS] = { "node.kubernetes.labels", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
		     "Labels of the node that its kubelet was started with, of those that are looked for", NULL, NULL },
};

/* Who writes which: AKS; Debian's and GKE's packages; EKS with Amazon Linux 2, and with nodeadm; kubeadm; k3s. */
static const char *const files[] = {
	"etc/default/kubelet",
	"etc/sysconfig/kubelet",
	"etc/systemd/system/kubelet.service.d/30-kubelet-extra-args.conf",
	"etc/systemd/system/kubelet.service.d/10-kubelet-args.conf",
	"etc/eks/kubelet/environment",
	"etc/kubernetes/kubelet/environment",
	"var/lib/kubelet/kubeadm-flags.env",
	"etc/systemd/system/k3s-agent.service",
	"etc/systemd/system/k3s.service",
};
static const char *const cgroups[] = {
	"sys/fs/cgroup/system.slice/kubelet.service/cgroup.procs",
	"sys/fs/cgroup/systemd/system.slice/kubelet.service/cgroup.procs",
};

struct node_context {
	int root_fd;
	mono_ns_t due;
	uint32_t kubelet; /* its pid, 0 not found */
	DIR *scan;        /* of /proc, while it is searched for */
	size_t n_labels;
	char text[FILE_BYTES];
};

static int node_context_open(const struct collect_env *env, void **ret_state)
{
	struct node_context *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->root_fd = env->root_fd;
	*ret_state = c;
	return 0;
}

static void end_scan(struct node_context *c)
{
	if (c->scan)
		(void)closedir(c->scan);
	c->scan = NULL;
}

static void node_context_close(void *state)
{
	struct node_context *c = state;

	if (!c)
		return;
	end_scan(c);
	free(c);
}

/* ---- kubelet ---- */

/* Anybody may call a process so: it has to be root's, or of who looks. The folder tells; what is in it is root's also when
 * a process of a user's forbids a core file of itself. */
static bool is_kubelet(const struct node_context *c, uint32_t pid)
{
	static const char *const names[] = { "kubelet", "k3s-agent", "k3s-server", "kubelite" };
	char path[32], comm[32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "proc/%u/comm", pid);
	if (pid == 0 || file_read_at(c->root_fd, path, comm, sizeof(comm), NULL) < 0)
		return false;
	comm[strcspn(comm, "\n")] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(comm, names[i]) == 0) {
			(void)snprintf(path, sizeof(path), "proc/%u", pid);
			return fstatat(c->root_fd, path, &st, 0) == 0 && (st.st_uid == 0 || st.st_uid == geteuid());
		}
	return false;
}

static void find_by_cgroup(struct node_context *c)
{
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(cgroups) && !c->kubelet; i++) {
		char *cursor = text;
		int r = file_read_at(c->root_fd, cgroups[i], text, sizeof(text), NULL);
		if (r < 0 && r != -EFBIG)
			continue;
		for (char *line = file_next_line(&cursor); line && !c->kubelet; line = file_next_line(&cursor)) {
			uint64_t pid;
			if (text_parse_u64(line, &pid) == 0 && pid <= INT32_MAX && is_kubelet(c, (uint32_t)pid))
				c->kubelet = (uint32_t)pid;
		}
	}
}

static void begin_scan(struct node_context *c)
{
	int fd;

	if (c->scan || file_open_dir_at(c->root_fd, "proc", &fd) < 0)
		return;
	c->scan = fdopendir(fd);
	if (!c->scan)
		(void)close(fd);
}

/* Goes on where it was; true: found now. */
static bool scan_some(struct node_context *c)
{
	for (unsigned n = 0; c->scan && n < SCAN_STEP; n++) {
		uint64_t pid;
		struct dirent *e = readdir(c->scan);
		if (!e) {
			end_scan(c);
			return false;
		}
		if (text_parse_u64(e->d_name, &pid) < 0 || pid > INT32_MAX || !is_kubelet(c, (uint32_t)pid))
			continue;
		c->kubelet = (uint32_t)pid;
		end_scan(c);
		return true;
	}
	return false;
}

static void take_argv(struct node_context *c, struct node_labels *l)
{
	char path[32];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "proc/%u/cmdline", c->kubelet);
	int r = file_read_at(c->root_fd, path, c->text, sizeof(c->text), &len);
	if (r == 0 || r == -EFBIG)
		node_labels_take_argv(l, c->text, r == 0 ? len : sizeof(c->text) - 1);
	explicit_bzero(c->text, sizeof(c->text)); /* tokens may stand in arguments */
}

static void take_files(struct node_context *c, struct node_labels *l)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		int r = file_read_at(c->root_fd, files[i], c->text, sizeof(c->text), NULL);
		if (r == 0 || r == -EFBIG)
			node_labels_take_file(l, c->text);
	}
	explicit_bzero(c->text, sizeof(c->text));
}

/* ---- cloud ---- */

static bool read_dmi(const struct node_context *c, const char *name, char *ret_text, size_t size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "sys/class/dmi/id/%s", name);
	if (file_read_at(c->root_fd, path, ret_text, size, NULL) < 0)
		return false;
	ret_text[strcspn(ret_text, "\n")] = '\0';
	return true;
}

/* Firmware of the virtual machine; Azure's is Hyper-V's, told from any other by the asset tag. */
static void put_cloud(const struct node_context *c, struct batch *out)
{
	char vendor[128], product[128], tag[128];
	entity_id node = graph_node(out->graph);

	if (!read_dmi(c, "sys_vendor", vendor, sizeof(vendor)))
		return;
	if (strcmp(vendor, "Amazon EC2") == 0) {
		batch_attr(out, node, "cloud", "aws");
		if (read_dmi(c, "product_name", product, sizeof(product)) && strchr(product, '.'))
			batch_attr(out, node, "instance_type", product);
	} else if (strcmp(vendor, "Google") == 0) {
		batch_attr(out, node, "cloud", "gcp");
	} else if (strcmp(vendor, "Microsoft Corporation") == 0 && read_dmi(c, "chassis_asset_tag", tag, sizeof(tag)) &&
		   strcmp(tag, "7783-7084-3265-9085-8269-3286-77") == 0) {
		batch_attr(out, node, "cloud", "azure");
	}
}

/* ---- all ---- */

static void put(struct node_context *c, const struct node_labels *l, struct batch *out)
{
	entity_id node = graph_node(out->graph);
	const char *service = node_labels_service(l);

	for (size_t i = 0; i < l->n; i++)
		batch_attr(out, node, l->labels[i].key, l->labels[i].value);
	if (l->node_name[0])
		batch_attr(out, node, "kubernetes_node", l->node_name);
	if (l->node_ip[0])
		batch_attr(out, node, "kubernetes_node_ip", l->node_ip);
	if (l->any)
		batch_attr(out, node, "kubernetes", service[0] ? service : "yes");
	c->n_labels = l->n;
}

/* kubelet itself knows best; a file may say what the next kubelet gets. */
static void look(struct node_context *c, struct batch *out)
{
	struct node_labels l = { 0 };

	if (!is_kubelet(c, c->kubelet)) {
		c->kubelet = 0;
		find_by_cgroup(c);
		if (!c->kubelet)
			begin_scan(c);
	}
	if (c->kubelet)
		take_argv(c, &l);
	take_files(c, &l);
	put(c, &l, out);
	put_cloud(c, out);
}

static int node_context_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct node_context *c = state;

	if (now >= c->due || scan_some(c)) {
		look(c, out);
		c->due = now + AGAIN_NS;
	}
	if (c->n_labels)
		batch_sample(out, LABELS, graph_node(out->graph), (double)c->n_labels);
	return 0;
}

const struct collector collector_node_context = {
	.name = "node_context",
	.help = "What kind of node this is: AKS, EKS, GKE and kubelet labels, cloud, instance type",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.open = node_context_open,
	.collect = node_context_collect,
	.close = node_context_close,
};
