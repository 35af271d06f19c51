// SPDX-License-Identifier: Apache-2.0
#include "runtimes/docker_cgroups.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

#include "tests/collectors/harness.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static size_t find(const char *folder, struct docker_cgroup *found, size_t max)
{
	AUTO_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return docker_cgroups_find(fd, found, max);
}

static bool has(const struct docker_cgroup *found, size_t n, const char *id, bool podman)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(found[i].id, id) == 0 && found[i].podman == podman)
			return true;
	return false;
}

static void test_v1_with_cgroupfs(void **unused)
{
	(void)unused;
	struct docker_cgroup found[8];
	char folder[64];
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "sys/fs/cgroup/memory/docker/" A "/cgroup.procs", "1\n");
	harness_write(folder, "sys/fs/cgroup/memory/libpod_parent/libpod-" B "/cgroup.procs", "1\n");
	harness_write(folder, "sys/fs/cgroup/memory/libpod_parent/conmon/cgroup.procs", "1\n");
	harness_write(folder, "sys/fs/cgroup/systemd/docker/" C "/cgroup.procs", "1\n"); /* v1 knew some: not asked */
	size_t n = find(folder, found, 8);
	assert_int_equal(n, 2);
	assert_true(has(found, n, A, false));
	assert_true(has(found, n, B, true));
	assert_int_equal(find(folder, found, 1), 1);
	harness_remove(folder);
}

static void test_v2_with_systemd(void **unused)
{
	(void)unused;
	struct docker_cgroup found[8];
	char folder[64];
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "sys/fs/cgroup/system.slice/docker-" A ".scope/cgroup.procs", "1\n");
	harness_write(folder, "sys/fs/cgroup/system.slice/cri-containerd-" C ".scope/cgroup.procs",
		      "1\n"); /* another's */
	harness_write(folder, "sys/fs/cgroup/system.slice/ssh.service/cgroup.procs", "1\n");
	harness_write(folder, "sys/fs/cgroup/machine.slice/libpod-" B ".scope/container/cgroup.procs", "1\n");
	harness_write(folder, "sys/fs/cgroup/machine.slice/libpod-conmon-" B ".scope/cgroup.procs", "1\n");
	size_t n = find(folder, found, 8);
	assert_int_equal(n, 2);
	assert_true(has(found, n, A, false));
	assert_true(has(found, n, B, true));
	harness_remove(folder);
}

static void test_none(void **unused)
{
	(void)unused;
	struct docker_cgroup found[8];
	char folder[64];
	harness_folder(folder, sizeof(folder));
	assert_int_equal(find(folder, found, 8), 0);
	harness_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1_with_cgroupfs),
		cmocka_unit_test(test_v2_with_systemd),
		cmocka_unit_test(test_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
