// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "identity/cgroup_form.h"
#include "model/graph.h"

#define ID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2  "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID  "3c5ac6d1-8b0e-4a5f-9e63-0f1d2c3b4a59"
#define UID_ "3c5ac6d1_8b0e_4a5f_9e63_0f1d2c3b4a59"
#define UID2 "77777777-1111-2222-3333-444444444444"
#define HASH "5d0f3c1ab2e94f6f8f1e3b0a6d7c8e9f"

#define BURST "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice"
#define STATIC "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" HASH ".slice"
#define KIND  "/docker/" ID2 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/" \
	      "kubelet-kubepods-besteffort-pod" UID_ ".slice"

static struct cgroup_form parsed(const char *path)
{
	struct cgroup_form f;

	memset(&f, 0xff, sizeof(f));
	assert_true(cgroup_form_parse(path, &f) == (f.holder != CGROUP_HOLDER_NONE));
	assert_non_null(f.form);
	assert_non_null(f.runtime);
	assert_true(f.n_holder <= strlen(path));
	return f;
}

/* A container that lives in the cgroup `holder`, which is all of the path or its beginning. */
static void is_container(const char *path, const char *form, const char *runtime, const char *id, const char *uid,
			 const char *qos, const char *holder)
{
	struct cgroup_form f = parsed(path);

	assert_int_equal(f.holder, CGROUP_HOLDER_CONTAINER);
	assert_string_equal(f.form, form);
	assert_string_equal(f.runtime, runtime);
	assert_string_equal(f.container_id, id);
	assert_string_equal(f.pod_uid, uid);
	assert_string_equal(f.qos, qos);
	assert_int_equal(f.n_holder, strlen(holder));
}

static void in_pod(const char *path, const char *form, const char *runtime, const char *qos)
{
	is_container(path, form, runtime, ID, UID, qos, path);
}

static void is_pod(const char *path, const char *form, const char *uid, const char *qos)
{
	struct cgroup_form f = parsed(path);

	assert_int_equal(f.holder, CGROUP_HOLDER_POD);
	assert_string_equal(f.form, form);
	assert_string_equal(f.pod_uid, uid);
	assert_string_equal(f.qos, qos);
	assert_string_equal(f.container_id, "");
}

static void is_step(const char *path, const char *job, const char *step, const char *task, const char *node)
{
	struct cgroup_form f = parsed(path);

	assert_int_equal(f.holder, CGROUP_HOLDER_SLURM);
	assert_string_equal(f.slurm_job, job);
	assert_string_equal(f.slurm_step, step);
	assert_string_equal(f.slurm_task, task);
	assert_string_equal(f.slurm_node, node);
}

static void is_unit(const char *path, const char *unit, const char *holder)
{
	struct cgroup_form f = parsed(path);

	assert_int_equal(f.holder, CGROUP_HOLDER_UNIT);
	assert_string_equal(f.unit, unit);
	assert_int_equal(f.n_holder, strlen(holder));
}

static void is_nobody(const char *path)
{
	struct cgroup_form f = parsed(path);

	if (f.holder != CGROUP_HOLDER_NONE)
		fail_msg("%s is taken for %s", path, f.form);
	assert_string_equal(f.container_id, "");
	assert_string_equal(f.pod_uid, "");
	assert_int_equal(f.n_holder, 0);
}

static void kubepods_with_the_systemd_driver(void **state)
{
	(void)state;
	in_pod(BURST "/cri-containerd-" ID ".scope", "kubepods, systemd driver, containerd", "containerd", "burstable");
	in_pod("/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope",
	       "kubepods, systemd driver, containerd", "containerd", "guaranteed");
	in_pod("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice/crio-" ID ".scope",
	       "kubepods, systemd driver, CRI-O", "cri-o", "besteffort");
	in_pod(BURST "/docker-" ID ".scope", "kubepods, systemd driver, Docker", "docker", "burstable");
	/* crun's own level below */
	is_container(BURST "/crio-" ID ".scope/container", "kubepods, systemd driver, CRI-O", "cri-o", ID, UID, "burstable",
		     BURST "/crio-" ID ".scope");
}

static void kubepods_in_one_component(void **state)
{
	(void)state;
	in_pod("/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" ID,
	       "kubepods, one component, containerd", "containerd", "burstable");
	in_pod("/kubepods-pod" UID_ ".slice:cri-containerd:" ID, "kubepods, one component, containerd", "containerd",
	       "guaranteed");
	in_pod("/kubepods-pod" UID_ ".slice:crio:" ID, "kubepods, one component, CRI-O", "cri-o", "guaranteed");
	in_pod("/kubepods-besteffort-pod" UID_ ".slice:docker:" ID, "kubepods, one component, Docker", "docker",
	       "besteffort");
	is_container("/system.slice:cri-containerd:" ID, "containerd, one component", "containerd", ID, "", "",
		     "/system.slice:cri-containerd:" ID);
}

static void kubepods_with_the_cgroupfs_driver(void **state)
{
	(void)state;
	in_pod("/kubepods/burstable/pod" UID "/" ID, "kubepods, cgroupfs driver", "", "burstable");
	in_pod("/kubepods/besteffort/pod" UID "/" ID, "kubepods, cgroupfs driver", "", "besteffort");
	in_pod("/kubepods/pod" UID "/" ID, "kubepods, cgroupfs driver", "", "guaranteed");
	in_pod("/kubepods/burstable/pod" UID "/crio-" ID, "kubepods, cgroupfs driver, CRI-O", "cri-o", "burstable");
}

static void a_pods_own_cgroup(void **state)
{
	(void)state;
	is_pod(BURST, "pod, systemd driver", UID, "burstable");
	is_pod("/kubepods.slice/kubepods-pod" UID_ ".slice", "pod, systemd driver", UID, "guaranteed");
	is_pod("/kubepods/besteffort/pod" UID, "pod, cgroupfs driver", UID, "besteffort");
	is_pod("/kubepods/pod" UID "/something", "pod, cgroupfs driver", UID, "guaranteed");
	is_nobody("/kubepods");
	is_nobody("/kubepods/burstable");
	is_nobody("/kubepods.slice/kubepods-burstable.slice");
}

static void a_static_pods_uid_is_a_hash(void **state)
{
	(void)state;
	is_container(STATIC "/cri-containerd-" ID ".scope", "kubepods, systemd driver, containerd", "containerd", ID, HASH,
		     "burstable", STATIC "/cri-containerd-" ID ".scope");
	is_pod("/kubepods/burstable/pod" HASH, "pod, cgroupfs driver", HASH, "burstable");
}

static void nested_nodes_mean_the_deepest_container(void **state)
{
	(void)state;
	/* kind */
	in_pod(KIND "/cri-containerd-" ID ".scope", "kubepods, systemd driver, containerd", "containerd", "besteffort");
	in_pod("/docker/" ID2 "/kubelet/kubepods/burstable/pod" UID "/" ID, "kubepods, cgroupfs driver", "", "burstable");
	in_pod("/system.slice/docker-" ID2 ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_
	       ".slice/cri-containerd-" ID ".scope",
	       "kubepods, systemd driver, containerd", "containerd", "guaranteed");
	/* k3s in a service, k3d in Docker, Podman machine */
	in_pod("/system.slice/k3s.service/kubepods/burstable/pod" UID "/" ID, "kubepods, cgroupfs driver", "", "burstable");
	in_pod("/docker/" ID2 "/kubepods/pod" UID "/" ID, "kubepods, cgroupfs driver", "", "guaranteed");
	/* Talos: pods as everywhere, its services below /podruntime and /system */
	in_pod("/kubepods/pod" UID "/" ID, "kubepods, cgroupfs driver", "", "guaranteed");
	is_unit("/podruntime/kubelet", "kubelet", "/podruntime/kubelet");
	is_unit("/podruntime/runtime/x", "runtime", "/podruntime/runtime");
	is_unit("/system/apid", "apid", "/system/apid");
	is_nobody("/foo/system/apid");
	/* the node itself, and what runs in it that is no pod */
	is_container("/docker/" ID2 "/system.slice/containerd.service", "Docker, cgroupfs driver", "docker", ID2, "", "",
		     "/docker/" ID2);
	/* the inner pod's own cgroup is not the node's container */
	is_pod(KIND, "pod, systemd driver", UID, "besteffort");
	/* Docker inside a pod: still in that pod */
	is_container("/kubepods/pod" UID "/" ID2 "/docker/" ID, "Docker, cgroupfs driver", "docker", ID, UID, "guaranteed",
		     "/kubepods/pod" UID "/" ID2 "/docker/" ID);
	/* a pod in a pod is the inner one, with its own class */
	is_container("/kubepods/burstable/pod" UID2 "/" ID2 "/kubepods/pod" UID "/" ID, "kubepods, cgroupfs driver", "", ID,
		     UID, "guaranteed", "/kubepods/burstable/pod" UID2 "/" ID2 "/kubepods/pod" UID "/" ID);
}

static void runtimes_without_kubernetes(void **state)
{
	static const struct {
		const char *path, *form, *runtime;
	} all[] = {
		{ "/docker/" ID, "Docker, cgroupfs driver", "docker" },
		{ "/system.slice/docker-" ID ".scope", "Docker, systemd driver", "docker" },
		{ "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope", "Docker, systemd driver",
		  "docker" },
		{ "/machine.slice/libpod-" ID ".scope", "Podman, systemd driver", "podman" },
		{ "/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", "Podman, systemd driver",
		  "podman" },
		{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", "Podman, systemd driver",
		  "podman" },
		{ "/libpod_parent/libpod-" ID, "Podman, cgroupfs driver", "podman" },
		{ "/libpod_parent/" ID2 "/libpod-" ID, "Podman, cgroupfs driver", "podman" },
		{ "/system.slice/web.service/libpod-payload-" ID, "Podman, split", "podman" },
		{ "/system.slice/nerdctl-" ID ".scope", "nerdctl, systemd driver", "containerd" },
		{ "/cri-containerd-" ID ".scope", "containerd, systemd driver", "containerd" },
		{ "/system.slice/crio-" ID ".scope", "CRI-O, systemd driver", "cri-o" },
		{ "/crio/crio-" ID, "CRI-O, cgroupfs driver", "cri-o" },
		{ "/ecs/0a1b2c/" ID, "id alone", "" },
		{ "/" ID, "id alone", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		is_container(all[i].path, all[i].form, all[i].runtime, ID, "", "", all[i].path);
	is_container("/machine.slice/libpod-" ID ".scope/container", "Podman, systemd driver", "podman", ID, "", "",
		     "/machine.slice/libpod-" ID ".scope");
	struct cgroup_form f = parsed("/system.slice/web.service/libpod-payload-" ID "/init.scope");
	assert_string_equal(f.unit, "web.service"); /* the unit around it, not one inside */
}

static void helpers_are_not_the_container(void **state)
{
	(void)state;
	is_nobody("/machine.slice/libpod-conmon-" ID ".scope");
	is_nobody("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-conmon-" ID ".scope");
	is_nobody("/libpod_parent/conmon");
	is_nobody("/libpod_parent/" ID "/conmon");
	is_nobody("/libpod_parent/" ID); /* a pod of Podman */
	is_nobody(BURST "/crio-conmon-" ID ".scope");
	is_nobody("/kubepods/pod" UID "/crio-conmon-" ID);
	/* but inside a container they are part of it */
	is_container("/docker/" ID2 "/kubepods/pod" UID "/crio-conmon-" ID, "Docker, cgroupfs driver", "docker", ID2, "",
		     "", "/docker/" ID2);
	is_step("/slurm/uid_1000/job_5/step_0/task_1/libpod-conmon-" ID, "5", "0", "1", "");
}

static void slurm_on_cgroup_v1(void **state)
{
	(void)state;
	is_step("/slurm/uid_1000/job_17", "17", "", "", "");
	is_step("/slurm/uid_1000/job_17/step_batch", "17", "batch", "", "");
	is_step("/slurm/uid_0/job_17/step_extern/task_0", "17", "extern", "0", "");
	is_step("/slurm_gpu-03/uid_1000/job_123456/step_4294967291/task_12/deeper", "123456", "4294967291", "12", "gpu-03");
	is_nobody("/slurm");
	is_nobody("/slurm/uid_1000");
	is_nobody("/slurm/uid_x/job_17");
	is_nobody("/slurm/uid_1000/job_");
	is_nobody("/slurm/uid_1000/job_17a");
	is_step("/slurm/uid_1000/job_17/step_0/task_special", "17", "0", "", "");
}

static void slurm_on_cgroup_v2(void **state)
{
	(void)state;
	is_step("/system.slice/slurmstepd.scope/job_17", "17", "", "", "");
	is_step("/system.slice/slurmstepd.scope/job_17/step_0/user/task_3", "17", "0", "3", "");
	is_step("/system.slice/slurmstepd.scope/job_17/step_batch/user/task_0", "17", "batch", "0", "");
	is_step("/system.slice/slurmstepd.scope/job_17/step_interactive/slurm", "17", "interactive", "", "");
	is_step("/system.slice/node1_slurmstepd.scope/job_17/step_extern/user/task_special", "17", "extern", "", "node1");
	is_step("/other.slice/a_b_slurmstepd.scope/job_1/step_2+1/user/task_4", "1", "2+1", "4", "a_b");
	is_step("/system.slice/slurmstepd.scope/s7QK2M4XW9TBCD/step_1/user/task_9", "s7QK2M4XW9TBCD", "1", "9", "");
	is_unit("/system.slice/slurmstepd.scope/system", "slurmstepd.scope", "/system.slice/slurmstepd.scope");
	is_unit("/system.slice/slurmstepd.scope/s7QK2M4XW9TBC", "slurmstepd.scope", "/system.slice/slurmstepd.scope");
	struct cgroup_form f = parsed("/system.slice/slurmstepd.scope/job_17/step_0/user/task_3/x");
	assert_int_equal(f.n_holder, strlen("/system.slice/slurmstepd.scope/job_17/step_0/user/task_3"));
}

static void slurm_and_containers_within_each_other(void **state)
{
	(void)state;
	/* slurmd in a pod */
	is_step(BURST "/cri-containerd-" ID ".scope/system.slice/slurmstepd.scope/job_4/step_0/user/task_0", "4", "0", "0",
		"");
	struct cgroup_form f = parsed(BURST "/cri-containerd-" ID ".scope/slurm/uid_0/job_4");
	assert_string_equal(f.container_id, ID);
	assert_string_equal(f.pod_uid, UID);
	assert_string_equal(f.runtime, "containerd");
	/* Podman in a step */
	f = parsed("/system.slice/slurmstepd.scope/job_4/step_0/user/task_2/libpod-" ID);
	assert_int_equal(f.holder, CGROUP_HOLDER_CONTAINER);
	assert_string_equal(f.slurm_job, "4");
	assert_string_equal(f.slurm_task, "2");
	assert_string_equal(f.container_id, ID);
}

static void yarn_containers(void **state)
{
	static const char *const ids[] = { "container_e17_1700000000000_0001_01_000002",
					   "container_1700000000000_12345_01_000001" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		(void)snprintf(path, sizeof(path), "/hadoop-yarn/%s", ids[i]);
		struct cgroup_form f = parsed(path);
		assert_int_equal(f.holder, CGROUP_HOLDER_YARN);
		assert_string_equal(f.container_id, ids[i]);
		assert_string_equal(f.runtime, "yarn");
	}
	is_nobody("/hadoop-yarn");
	is_nobody("/hadoop-yarn/container_e17_1700000000000_0001_01");
	is_nobody("/hadoop-yarn/container_e17_1700000000000_0001_01_000002_3");
	is_nobody("/hadoop-yarn/container_e_1700000000000_0001_01_000002");
	is_nobody("/hadoop-yarn/container_99999999999999999999_0001_01_000002");
}

static void plain_units(void **state)
{
	(void)state;
	is_unit("/system.slice/nginx.service", "nginx.service", "/system.slice/nginx.service");
	is_unit("/system.slice/system-getty.slice/getty@tty1.service/x", "getty@tty1.service",
		"/system.slice/system-getty.slice/getty@tty1.service");
	is_unit("/user.slice/user-1000.slice/user@1000.service/app.slice/app-org\\x2dgnome.service",
		"app-org\\x2dgnome.service",
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-org\\x2dgnome.service");
	is_unit("/user.slice/user-1000.slice/session-3.scope", "session-3.scope",
		"/user.slice/user-1000.slice/session-3.scope");
	is_unit("/init.scope", "init.scope", "/init.scope");
	is_unit("/system.slice/_cpu.service", "cpu.service", "/system.slice/_cpu.service"); /* systemd's escape */
	is_nobody("/system.slice");
	is_nobody("/");
	is_nobody("/service");
	is_nobody("/.service");
	is_nobody("/user.slice/user-1000.slice");
}

static void the_end_of_an_id_is_looked_at(void **state)
{
	char path[256];

	(void)state;
	for (int digits = 0; digits < 130; digits++) {
		if (digits == 64)
			continue;
		(void)snprintf(path, sizeof(path), "/docker/%.*s", digits, ID ID ID);
		if (digits > 0)
			is_nobody(path);
		(void)snprintf(path, sizeof(path), "/kubepods/pod" UID "/%.*s", digits, ID ID ID);
		if (digits > 0)
			assert_int_equal(parsed(path).holder, CGROUP_HOLDER_POD);
		(void)snprintf(path, sizeof(path), "/docker-%.*s.scope", digits, ID ID ID);
		assert_int_equal(parsed(path).holder, digits < 115 ? CGROUP_HOLDER_UNIT : CGROUP_HOLDER_NONE);
	}
	is_nobody("/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef");
	is_nobody("/docker/" ID "x");
	is_nobody("/docker/g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde");
	is_unit("/cri-containerd-" ID ".scope.scope", "cri-containerd-" ID ".scope.scope",
		"/cri-containerd-" ID ".scope.scope");
	is_nobody("/cri-containerd-" ID ".scopes");
	is_nobody("/xlibpod-" ID);
}

static void a_wrong_uid_is_no_pod(void **state)
{
	(void)state;
	is_nobody("/kubepods/pod3C5AC6D1-8b0e-4a5f-9e63-0f1d2c3b4a59");
	is_nobody("/kubepods/pod3c5ac6d1-8b0e-4a5f-9e63-0f1d2c3b4a5");
	is_nobody("/kubepods/pod" UID "0");
	is_nobody("/kubepods/pod" UID_);
	is_nobody("/kubepods.slice/kubepods-pod" UID ".slice");
	is_nobody("/kubepods.slice/kubepods-pod.slice");
	is_nobody("/pod" UID);
	is_nobody("/kubepods.slice/xkubepods-pod" UID_ ".slice");
	is_nobody("/kubepods.slice/kubepods-worst-pod" UID_ ".slice");
	/* the container is one, the pod is not known */
	is_container("/kubepods.slice/kubepods-podnothing.slice/cri-containerd-" ID ".scope", "containerd, systemd driver",
		     "containerd", ID, "", "",
		     "/kubepods.slice/kubepods-podnothing.slice/cri-containerd-" ID ".scope");
}

static void what_does_not_fit_is_nothing(void **state)
{
	char path[GRAPH_MAX_KEY + 64], unit[300];

	(void)state;
	memset(path, 'a', sizeof(path));
	(void)snprintf(path, sizeof(path), "/docker/" ID "/");
	memset(path + strlen(path), 'a', GRAPH_MAX_KEY - strlen(path));
	path[GRAPH_MAX_KEY - 1] = '\0';
	assert_int_equal(parsed(path).holder, CGROUP_HOLDER_CONTAINER); /* the longest that may be */
	path[GRAPH_MAX_KEY - 1] = 'a';
	path[GRAPH_MAX_KEY] = '\0';
	is_nobody(path);
	is_nobody("/slurm/uid_1/job_123456789012345678901234"); /* 24 digits and no room for the end */
	is_step("/slurm/uid_1/job_12345678901234567890123", "12345678901234567890123", "", "", "");
	is_step("/slurm/uid_1/job_1/step_1234567890123456", "1", "", "", "");
	is_step("/slurm/uid_1/job_1/step_1/task_123456789012", "1", "1", "", "");
	memset(unit, 'u', sizeof(unit));
	unit[0] = '/';
	(void)snprintf(unit + 120, sizeof(unit) - 120, ".service");
	is_unit(unit, unit + 1, unit); /* 127 */
	(void)snprintf(unit + 120, sizeof(unit) - 120, "u.service");
	is_nobody(unit);
	memset(unit, 'n', sizeof(unit));
	(void)memcpy(unit, "/slurm_", 7);
	(void)snprintf(unit + 7 + 63, sizeof(unit) - 70, "/uid_1/job_1");
	assert_int_equal(strlen(parsed(unit).slurm_node), 63);
	(void)snprintf(unit + 7 + 63, sizeof(unit) - 70, "n/uid_1/job_1");
	is_nobody(unit);
}

static void paths_that_no_kernel_writes(void **state)
{
	(void)state;
	is_nobody("");
	is_nobody("docker/" ID);
	is_nobody("//docker/" ID);
	is_nobody("/docker//" ID);
	is_nobody("/docker/" ID "/");
	is_nobody("/docker/" ID "/..");
	is_nobody("/docker/" ID "/../" ID2);
	is_nobody("/docker/./" ID);
	is_nobody("/..");
	is_nobody("/../");
	/* from inside a cgroup namespace */
	is_container("/../../docker/" ID, "Docker, cgroupfs driver", "docker", ID, "", "", "/../../docker/" ID);
	is_nobody("/.../" "x");
}

static void hostile_bytes_are_never_kept(void **state)
{
	(void)state;
	is_nobody("/system.slice/\033[31mred.service");
	is_nobody("/system.slice/caf\303\251.service");
	is_nobody("/system.slice/\377\376.service");
	is_nobody("/system.slice/a b.service");
	is_nobody("/docker-" ID ".scope\n");
	is_nobody("/slurm_\033[2J/uid_1/job_1");
	is_nobody("/system.slice/%s%n.service");
	is_nobody("/kubepods.slice/kubepods-pod" UID_ ".slice\t/x");
	/* below the holder anything may stand */
	is_container("/docker/" ID "/\033]0;x\007", "Docker, cgroupfs driver", "docker", ID, "", "", "/docker/" ID);
	/* as many ways to be wrong as there are: it ends */
	is_nobody("/-----------------------------------------------------------------------------------------------------"
		  "-kubepods-kubepods-kubepods-kubepods-kubepods-kubepods-kubepods-kubepods-kubepods-pod.slice");
}

/* Examples of the table with ids put in: what docs/workloads.md shows is what is recognised, by that row. */
static void every_row_knows_its_example(void **state)
{
	const char *form, *by, *example;
	size_t n = 0;

	(void)state;
	for (; cgroup_form_row(n, &form, &by, &example); n++) {
		char path[512] = "";
		bool left_out = strstr(form, "left out") || strstr(form, "passed");
		for (const char *at = example; *at;) {
			size_t len = strlen(path);
			if (strncmp(at, "<64 hex digits>", 15) == 0) {
				(void)snprintf(path + len, sizeof(path) - len, "%s", ID);
				at += 15;
			} else if (strncmp(at, "<uid>", 5) == 0) {
				(void)snprintf(path + len, sizeof(path) - len, "%s", HASH);
				at += 5;
			} else {
				path[len] = *at++;
				path[len + 1] = '\0';
			}
		}
		assert_true(strlen(by) > 0);
		struct cgroup_form f = parsed(path);
		if (left_out)
			assert_int_equal(f.holder, CGROUP_HOLDER_NONE);
		else
			assert_string_equal(f.form, form);
	}
	assert_true(n > 25);
	assert_false(cgroup_form_row(SIZE_MAX, &form, &by, &example));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kubepods_with_the_systemd_driver),
		cmocka_unit_test(kubepods_in_one_component),
		cmocka_unit_test(kubepods_with_the_cgroupfs_driver),
		cmocka_unit_test(a_pods_own_cgroup),
		cmocka_unit_test(a_static_pods_uid_is_a_hash),
		cmocka_unit_test(nested_nodes_mean_the_deepest_container),
		cmocka_unit_test(runtimes_without_kubernetes),
		cmocka_unit_test(helpers_are_not_the_container),
		cmocka_unit_test(slurm_on_cgroup_v1),
		cmocka_unit_test(slurm_on_cgroup_v2),
		cmocka_unit_test(slurm_and_containers_within_each_other),
		cmocka_unit_test(yarn_containers),
		cmocka_unit_test(plain_units),
		cmocka_unit_test(the_end_of_an_id_is_looked_at),
		cmocka_unit_test(a_wrong_uid_is_no_pod),
		cmocka_unit_test(what_does_not_fit_is_nothing),
		cmocka_unit_test(paths_that_no_kernel_writes),
		cmocka_unit_test(hostile_bytes_are_never_kept),
		cmocka_unit_test(every_row_knows_its_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
