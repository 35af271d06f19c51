// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

#include "collectors/node_labels.h"
#include "tests/collectors/harness.h"

extern const struct collector collector_node_context;

#define SECRET "hunter2-token"

static const char *label(const struct node_labels *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->labels[i].key, key) == 0)
			return l->labels[i].value;
	return NULL;
}

/* ---- texts ---- */

/* AKS: its provisioning writes this file, which kubelet.service reads. */
static void test_aks_file(void **unused)
{
	(void)unused;
	struct node_labels l = { 0 };
	node_labels_take_file(
		&l, "KUBELET_FLAGS=--address=0.0.0.0 --anonymous-auth=false --node-status-update-frequency=10s "
		    "--azure-container-registry-config=/etc/kubernetes/azure.json\n"
		    "KUBELET_REGISTER_SCHEDULABLE=true\nNETWORK_POLICY=\n"
		    "KUBELET_NODE_LABELS=agentpool=gpupool,kubernetes.azure.com/agentpool=gpupool,"
		    "kubernetes.azure.com/cluster=MC_rg_ml_westeurope,kubernetes.azure.com/mode=user,"
		    "kubernetes.azure.com/node-image-version=AKSUbuntu-2204gen2containerd-202410.09.0,"
		    "kubernetes.azure.com/role=agent,storageprofile=managed,accelerator=nvidia\n");
	assert_int_equal(l.n, 6);
	assert_string_equal(label(&l, "kubernetes.azure.com/agentpool"), "gpupool");
	assert_string_equal(label(&l, "kubernetes.azure.com/cluster"), "MC_rg_ml_westeurope");
	assert_string_equal(label(&l, "accelerator"), "nvidia");
	assert_null(label(&l, "storageprofile"));
	assert_string_equal(node_labels_service(&l), "aks");
	assert_true(l.any);
}

/* EKS: bootstrap.sh makes a drop-in of --kubelet-extra-args; nodeadm writes an environment file. */
static void test_eks_files(void **unused)
{
	(void)unused;
	struct node_labels l = { 0 }, second = { 0 }, quoted = { 0 };
	node_labels_take_file(
		&l,
		"[Service]\nEnvironment='KUBELET_EXTRA_ARGS=--node-labels=eks.amazonaws.com/nodegroup-image=ami-0abc,"
		"eks.amazonaws.com/capacityType=ON_DEMAND,eks.amazonaws.com/nodegroup=p5 --max-pods=110'\n");
	assert_int_equal(l.n, 3);
	assert_string_equal(label(&l, "eks.amazonaws.com/nodegroup"), "p5");
	assert_string_equal(node_labels_service(&l), "eks");
	node_labels_take_file(&second,
			      "NODEADM_KUBELET_ARGS=\"--hostname-override=ip-10-0-1-2.ec2.internal --node-ip=10.0.1.2 "
			      "--node-labels=eks.amazonaws.com/nodegroup=p5 --cloud-provider=external\"\n");
	assert_string_equal(second.node_name, "ip-10-0-1-2.ec2.internal");
	assert_string_equal(second.node_ip, "10.0.1.2");
	assert_string_equal(label(&second, "eks.amazonaws.com/nodegroup"), "p5");
	node_labels_take_file(&quoted,
			      "A='--node-labels=\"karpenter.sh/nodepool=gpu--spot\"'\n# --node-labels=agentpool=no\n");
	assert_int_equal(quoted.n, 1);
	assert_string_equal(label(&quoted, "karpenter.sh/nodepool"), "gpu--spot");
}

static void test_gke_file_and_k3s_unit(void **unused)
{
	(void)unused;
	struct node_labels l = { 0 }, k3s = { 0 };
	node_labels_take_file(
		&l, "KUBELET_OPTS=\"--v=2 --cloud-provider=external --node-labels=cloud.google.com/gke-nodepool=a3,"
		    "cloud.google.com/gke-accelerator=nvidia-h100-80gb,cloud.google.com/gke-boot-disk=pd-ssd\"\n");
	assert_int_equal(l.n, 2);
	assert_string_equal(label(&l, "cloud.google.com/gke-accelerator"), "nvidia-h100-80gb");
	assert_string_equal(node_labels_service(&l), "gke");
	node_labels_take_file(&k3s, "ExecStart=/usr/local/bin/k3s \\\n    agent \\\n\t'--node-label' "
				    "\\\n\t'topology.kubernetes.io/zone=rack-7' \\\n");
	assert_string_equal(node_labels_service(&k3s), "");
	assert_int_equal(k3s.n, 0); /* the value is on another line: not read from there, but from the arguments */
	static const char argv[] =
		"/usr/local/bin/k3s\0agent\0--node-label\0topology.kubernetes.io/zone=rack-7\0--token\0" SECRET
		"\0--node-ip";
	node_labels_take_argv(&k3s, argv, sizeof(argv));
	assert_int_equal(k3s.n, 1);
	assert_string_equal(label(&k3s, "topology.kubernetes.io/zone"), "rack-7");
	assert_string_equal(k3s.node_ip, "");
}

static void test_bounds(void **unused)
{
	(void)unused;
	struct node_labels l = { 0 };
	AUTO_FREE char *text = calloc(1, 70000);
	strcpy(text, "agentpool=");
	memset(text + 10, 'x', 60000);
	node_labels_take(&l, text, strlen(text));
	assert_int_equal(strlen(label(&l, "agentpool")), 63);
	node_labels_take(&l, "agentpool=second,,=,=x,accelerator,accelerator=", 47);
	assert_int_equal(l.n, 2);
	assert_string_equal(label(&l, "accelerator"), "");
	assert_int_equal(strlen(label(&l, "agentpool")), 63);
	static const char odd[] = "--node-labels\0--node-ip=::1\0=\0\0--node-labels=";
	node_labels_take_argv(&l, odd, sizeof(odd) - 1);
	assert_string_equal(l.node_ip, "::1");
}

/* ---- the collector ---- */

static void make_kubelet(const char *folder, unsigned pid, const char *comm, const char *argv, size_t n)
{
	char path[128];
	snprintf(path, sizeof(path), "proc/%u/comm", pid);
	harness_write(folder, path, comm);
	snprintf(path, sizeof(path), "proc/%u/cmdline", pid);
	harness_write(folder, path, "");
	snprintf(path, sizeof(path), "%s/proc/%u/cmdline", folder, pid);
	AUTO_FCLOSE FILE *f = fopen(path, "we");
	assert_int_equal(fwrite(argv, 1, n, f), n);
}

static const char argv_of_kubelet[] =
	"/usr/local/bin/kubelet\0--node-labels=kubernetes.azure.com/agentpool=gpu,secret=" SECRET
	"\0--hostname-override=aks-gpu-1\0--bootstrap-token=" SECRET "\0--node-ip\0"
	"10.1.2.3";

static const char *attr(struct harness *h, const char *name)
{
	return graph_attr(h->graph, graph_node(h->graph), name);
}

static void test_kubelet_is_found_and_read(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	for (unsigned i = 0; i < 600; i++) { /* more than one tick looks at */
		char path[64];
		snprintf(path, sizeof(path), "proc/%u/comm", 1000 + i);
		harness_write(folder, path, "bash\n");
	}
	make_kubelet(folder, 77, "kubelet\n", argv_of_kubelet, sizeof(argv_of_kubelet));
	harness_write(folder, "etc/default/kubelet",
		      "KUBELET_NODE_LABELS=kubernetes.azure.com/agentpool=old,kubernetes.azure.com/mode=user\n");
	harness_write(folder, "sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n");
	harness_write(folder, "sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n");
	struct harness *h = harness_open(&collector_node_context, folder);
	for (unsigned tick = 1; tick < 6; tick++)
		assert_ok(harness_collect(h, tick * NS_PER_S));
	assert_string_equal(attr(h, "kubernetes.azure.com/agentpool"), "gpu"); /* what runs, not what a file says */
	assert_string_equal(attr(h, "kubernetes.azure.com/mode"), "user");
	assert_string_equal(attr(h, "kubernetes_node"), "aks-gpu-1");
	assert_string_equal(attr(h, "kubernetes_node_ip"), "10.1.2.3");
	assert_string_equal(attr(h, "kubernetes"), "aks");
	assert_string_equal(attr(h, "cloud"), "azure");
	assert_true(harness_node(h, "node.kubernetes.labels") == 2);
	const char *name, *value;
	for (size_t i = 0; graph_attr_at(h->graph, graph_node(h->graph), i, &name, &value); i++)
		assert_null(strstr(value, SECRET));
	harness_close(&h);
	harness_remove(folder);
}

static void test_kubelets_cgroup_is_the_short_way(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	make_kubelet(folder, 77, "kubelet\n", argv_of_kubelet, sizeof(argv_of_kubelet));
	harness_write(folder, "sys/fs/cgroup/system.slice/kubelet.service/cgroup.procs", "12\n77\n");
	struct harness *h = harness_open(&collector_node_context, folder);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_string_equal(attr(h, "kubernetes_node"), "aks-gpu-1");
	harness_close(&h);
	harness_remove(folder);
}

static void test_a_users_process_is_no_kubelet(void **unused)
{
	(void)unused;
	char folder[64], path[128];
	if (getuid() != 0)
		skip();
	harness_folder(folder, sizeof(folder));
	make_kubelet(folder, 77, "kubelet\n", argv_of_kubelet, sizeof(argv_of_kubelet));
	snprintf(path, sizeof(path), "%s/proc/77", folder);
	assert_ok(chown(path, 1000, 1000));
	struct harness *h = harness_open(&collector_node_context, folder);
	for (unsigned tick = 1; tick < 4; tick++)
		assert_ok(harness_collect(h, tick * NS_PER_S));
	assert_null(attr(h, "kubernetes"));
	assert_null(attr(h, "kubernetes_node"));
	harness_close(&h);
	harness_remove(folder);
}

static void test_ec2_and_no_kubernetes(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
	harness_write(folder, "sys/class/dmi/id/product_name", "p5.48xlarge\n");
	harness_write(folder, "proc/12/comm", "kubelet-like\n");
	struct harness *h = harness_open(&collector_node_context, folder);
	for (unsigned tick = 1; tick < 4; tick++)
		assert_ok(harness_collect(h, tick * NS_PER_S));
	assert_string_equal(attr(h, "cloud"), "aws");
	assert_string_equal(attr(h, "instance_type"), "p5.48xlarge");
	assert_null(attr(h, "kubernetes"));
	assert_false(harness_has(h, "node.kubernetes.labels", ENTITY_NODE, HARNESS_NODE));
	harness_close(&h);
	harness_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aks_file),
		cmocka_unit_test(test_eks_files),
		cmocka_unit_test(test_gke_file_and_k3s_unit),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_kubelet_is_found_and_read),
		cmocka_unit_test(test_kubelets_cgroup_is_the_short_way),
		cmocka_unit_test(test_a_users_process_is_no_kubelet),
		cmocka_unit_test(test_ec2_and_no_kubernetes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
