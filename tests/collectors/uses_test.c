// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"
#include "base/file.h"

#include "tests/collectors/harness.h"
#include "tests/collectors/scene.h"

extern const struct collector collector_uses, collector_mounts;

/* ---- a member of a job, as the collector workload writes it ---- */

static entity_id make_member(struct harness *h, const char *process_key, const char *rank)
{
	entity_id process = batch_entity(h->batch, ENTITY_PROCESS, process_key);
	entity_id of = batch_entity(h->batch, ENTITY_RANK, rank);
	batch_link(h->batch, EDGE_OF, process, of);
	return process;
}

static bool uses(struct harness *h, entity_id process, enum entity_kind kind, const char *key)
{
	entity_id near[64], what = graph_find(h->graph, kind, key);
	size_t n = graph_neighbours(h->graph, process, false, kind, near, 64);
	for (size_t i = 0; what != ENTITY_NONE && i < n && i < 64; i++)
		if (near[i] == what)
			return true;
	return false;
}

static size_t n_uses(struct harness *h, entity_id process)
{
	static const enum entity_kind kinds[] = { ENTITY_MOUNT, ENTITY_DISK, ENTITY_GPU, ENTITY_NIC, ENTITY_SOCKET };
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		n += graph_neighbours(h->graph, process, false, kinds[i], NULL, 0);
	return n;
}

/* ---- the real kernel ---- */

struct loop_mount {
	char folder[64], at[96], disk[32];
};

static bool run(const char *command)
{
	int status = system(command);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool loop_open(struct loop_mount *l)
{
	char command[512], text[128];
	harness_folder(l->folder, sizeof(l->folder));
	snprintf(l->at, sizeof(l->at), "%s/data", l->folder);
	snprintf(command, sizeof(command),
		 "cd %s && mkdir data && truncate -s 8M image && mkfs.ext4 -q image && "
		 "losetup --show -f image >device && mount $(cat device) data && touch data/file",
		 l->folder);
	if (!run(command)) {
		print_message("skipped: no file system can be mounted from a loop device here\n");
		harness_remove(l->folder);
		return false;
	}
	snprintf(command, sizeof(command), "%s/device", l->folder);
	assert_ok(file_read_at(AT_FDCWD, command, text, sizeof(text), NULL));
	text[strcspn(text, "\n")] = '\0';
	snprintf(l->disk, sizeof(l->disk), "%.30s", text + strlen("/dev/"));
	return true;
}

static void loop_close(struct loop_mount *l)
{
	char command[256];
	snprintf(command, sizeof(command), "umount %s; losetup -d /dev/%s", l->at, l->disk);
	assert_true(run(command));
	harness_remove(l->folder);
}

struct holding {
	const char *path, *hide; /* hide: seen under another name only */
	int ready[2];
};

static int hold(void *arg)
{
	struct holding *g = arg;
	char path[160];
	snprintf(path, sizeof(path), "%s", g->path);
	if (g->hide) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount(g->hide, "/mnt", NULL, MS_BIND, NULL) < 0 || umount2(g->hide, MNT_DETACH) < 0)
			return 1;
		snprintf(path, sizeof(path), "/mnt/file");
	}
	int fd = open(path, O_RDONLY);
	if (fd < 0 || write(g->ready[1], "r", 1) != 1)
		return 2;
	return scene_sleep(NULL);
}

static void real_mount(bool hidden)
{
	struct loop_mount l;
	char key[64], file[128], byte;
	if (!loop_open(&l))
		skip();
	struct harness *h = harness_open(&collector_uses, NULL);
	void *mounts = NULL;
	assert_ok(collector_mounts.open(&h->env, &mounts));
	assert_ok(collector_mounts.collect(mounts, NS_PER_S, h->batch));
	snprintf(file, sizeof(file), "%s/file", l.at);
	struct holding g = { .path = file, .hide = hidden ? l.at : NULL };
	assert_ok(pipe2(g.ready, O_CLOEXEC));
	pid_t pid = scene_spawn("loader", hold, &g);
	assert_int_equal(read(g.ready[0], &byte, 1), 1);
	scene_key(pid, key, sizeof(key));
	entity_id process = make_member(h, key, "torchrun:a/0");
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(uses(h, process, ENTITY_MOUNT, l.at));
	entity_id disk, mount = graph_find(h->graph, ENTITY_MOUNT, l.at);
	assert_int_equal(graph_neighbours(h->graph, mount, false, ENTITY_DISK, &disk, 1), 1);
	assert_string_equal(graph_key(h->graph, disk), l.disk);
	assert_true(harness_node(h, "node.uses.processes") == 1);
	scene_end(pid);
	collector_mounts.close(mounts);
	harness_close(&h);
	close(g.ready[0]);
	close(g.ready[1]);
	loop_close(&l);
}

static void test_real_file_on_a_mount_on_a_disk(void **unused)
{
	(void)unused;
	real_mount(false);
}

static void test_real_mount_under_another_name(void **unused)
{
	(void)unused;
	real_mount(true);
}

struct talk {
	int listener, client;
	char key[64], nic[IF_NAMESIZE];
};

/* An address of this machine other than loopback's, if there is one: its own connection to itself has it as local
 * address. */
static void pick_address(struct sockaddr_in *ret_address, char ret_nic[IF_NAMESIZE])
{
	struct ifaddrs *all;
	*ret_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	snprintf(ret_nic, IF_NAMESIZE, "lo");
	assert_ok(getifaddrs(&all));
	for (struct ifaddrs *a = all; a; a = a->ifa_next)
		if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET && !(a->ifa_flags & IFF_LOOPBACK)) {
			ret_address->sin_addr = ((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr;
			snprintf(ret_nic, IF_NAMESIZE, "%s", a->ifa_name);
			break;
		}
	freeifaddrs(all);
}

static void test_real_sockets(void **unused)
{
	(void)unused;
	struct sockaddr_in address;
	char nic[IF_NAMESIZE], key[64], socket_key[64];
	socklen_t len = sizeof(address);
	pick_address(&address, nic);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_ok(bind(listener, (struct sockaddr *)&address, sizeof(address)));
	assert_ok(listen(listener, 1));
	assert_ok(getsockname(listener, (struct sockaddr *)&address, &len));
	assert_ok(connect(client, (struct sockaddr *)&address, sizeof(address)));
	struct harness *h = harness_open(&collector_uses, NULL);
	scene_key(getpid(), key, sizeof(key));
	entity_id process = make_member(h, key, "torchrun:a/0");
	snprintf(socket_key, sizeof(socket_key), "tcp:%s:%u", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
	batch_entity(h->batch, ENTITY_SOCKET, socket_key);
	batch_entity(h->batch, ENTITY_NIC, nic);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(uses(h, process, ENTITY_SOCKET, socket_key));
	assert_true(uses(h, process, ENTITY_NIC, nic));
	close(client);
	close(listener);
	harness_close(&h);
}

/* ---- made roots ---- */

static void make_process(const char *folder, unsigned pid, unsigned start, const char *const *links, size_t n,
			 bool in_container)
{
	char path[160], text[256];
	snprintf(path, sizeof(path), "proc/%u/stat", pid);
	snprintf(text, sizeof(text), "%u (python) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %u 0 0 0\n", pid, start);
	harness_write(folder, path, text);
	snprintf(path, sizeof(path), "proc/%u/status", pid);
	harness_write(folder, path, "Uid:\t0\t0\t0\t0\n");
	snprintf(path, sizeof(path), "proc/%u/fd/keep", pid);
	harness_write(folder, path, "");
	snprintf(path, sizeof(path), "proc/%u/ns/keep", pid);
	harness_write(folder, path, "");
	snprintf(path, sizeof(path), "%s/proc/%u/ns/mnt", folder, pid);
	assert_ok(symlink(in_container ? "mnt:[2]" : "mnt:[1]", path));
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/proc/%u/fd/%zu", folder, pid, i);
		assert_ok(symlink(links[i], path));
	}
}

static void make_link(const char *folder, const char *path, const char *to)
{
	char at[256];
	snprintf(at, sizeof(at), "%s/%s", folder, path);
	assert_ok(symlink(to, at));
}

static void make_root(char *folder, size_t size)
{
	harness_folder(folder, size);
	harness_write(folder, "proc/1/mountinfo",
		      "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
		      "22 21 0:5 / /dev rw - devtmpfs udev rw\n"
		      "23 21 259:3 / /data rw - xfs /dev/nvme0n1p1 rw\n"
		      "24 21 0:44 / /nfs\\040share rw - nfs4 nas:/x rw\n"
		      "25 21 0:50 / /run/containerd/rootfs rw - overlay overlay "
		      "rw,lowerdir=/l,upperdir=/data/up,workdir=/w\n");
	harness_write(folder, "proc/1/ns/keep", "");
	make_link(folder, "proc/1/ns/mnt", "mnt:[1]");
	harness_write(folder, "proc/1/net/tcp", "  sl  local_address rem_address\n");
	harness_write(folder, "proc/driver/nvidia/gpus/0000:5E:00.0/information",
		      "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 160\nGPU UUID: \t GPU-1\nBus Location: \t "
		      "0000:5e:00.0\n"
		      "Device Minor: \t 3\nGPU Excluded:\t No\n");
	harness_write(folder, "sys/devices/pci0/0000:c1:00.0/x", "");
	harness_write(folder, "sys/class/drm/renderD129/x", "");
	harness_write(folder, "sys/class/drm/card1-HDMI-A-1/x", "");
	make_link(folder, "sys/class/drm/renderD129/device", "../../../0000:c1:00.0");
	harness_write(folder, "sys/devices/pci1/block/nvme1n1/nvme1n1p2/partition", "2\n");
	harness_write(folder, "sys/class/block/keep", "");
	harness_write(folder, "sys/dev/block/keep", "");
	make_link(folder, "sys/class/block/nvme1n1", "../../devices/pci1/block/nvme1n1");
	make_link(folder, "sys/class/block/nvme1n1p2", "../../devices/pci1/block/nvme1n1/nvme1n1p2");
	make_link(folder, "sys/dev/block/259:9", "../../devices/pci1/block/nvme1n1/nvme1n1p2");
}

static struct harness *open_made(const char *folder)
{
	static const char *const mounts[] = { "/", "/data", "/nfs share" };
	struct harness *h = harness_open(&collector_uses, folder);
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++)
		batch_entity(h->batch, ENTITY_MOUNT, mounts[i]);
	batch_entity(h->batch, ENTITY_DISK, "nvme1n1");
	return h;
}

static void test_devices_and_paths(void **unused)
{
	(void)unused;
	static const char *const links[] = { "/dev/null",
					     "pipe:[7]",
					     "anon_inode:[eventpoll]",
					     "/memfd:x (deleted)",
					     "/dev/nvidia3",
					     "/dev/nvidiactl",
					     "/dev/dri/renderD129",
					     "/dev/nvme1n1p2",
					     "/data/shard-7",
					     "/nfs share/model.bin",
					     "/database/x",
					     "socket:[999]" };
	char folder[64];
	make_root(folder, sizeof(folder));
	make_process(folder, 77, 500, links, ARRAY_LEN(links), false);
	struct harness *h = open_made(folder);
	entity_id process = make_member(h, "77/500", "spark:a/exec-1");
	assert_ok(harness_probe(h));
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(uses(h, process, ENTITY_GPU, "0000:5e:00.0"));
	assert_true(uses(h, process, ENTITY_GPU, "0000:c1:00.0"));
	assert_true(uses(h, process, ENTITY_DISK, "nvme1n1"));
	assert_true(uses(h, process, ENTITY_MOUNT, "/data"));
	assert_true(uses(h, process, ENTITY_MOUNT, "/nfs share"));
	assert_true(uses(h, process, ENTITY_MOUNT, "/")); /* /database is not below /data */
	assert_int_equal(n_uses(h, process), 6);
	harness_close(&h);
	harness_remove(folder);
}

/* A container: its own mount table, an overlay for a root, a volume by another name, and one that only it has. */
static void test_container(void **unused)
{
	(void)unused;
	static const char *const links[] = { "/app/train.py", "/in/shard", "/own/x", "/nowhere" };
	char folder[64];
	make_root(folder, sizeof(folder));
	make_process(folder, 77, 500, links, 1, true);
	make_process(folder, 78, 501, links + 1, 1, true);
	make_process(folder, 79, 502, links + 2, 1, true);
	static const char *const table =
		"90 80 0:50 / / rw - overlay overlay rw,lowerdir=/l1:/l2,upperdir=/data/containers/1/fs,workdir=/w\n"
		"91 90 0:44 /x /in rw - nfs4 nas:/x rw\n92 90 259:9 / /own rw - ext4 /dev/nvme1n1p2 rw\n";
	harness_write(folder, "proc/77/mountinfo", table);
	harness_write(folder, "proc/78/mountinfo", table);
	harness_write(folder, "proc/79/mountinfo", table);
	struct harness *h = open_made(folder);
	entity_id root = make_member(h, "77/500", "a:b/0"), volume = make_member(h, "78/501", "a:b/1"),
		  own = make_member(h, "79/502", "a:b/2");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(uses(h, root, ENTITY_MOUNT, "/data"));
	assert_int_equal(n_uses(h, root), 1);
	assert_true(uses(h, volume, ENTITY_MOUNT, "/nfs share"));
	assert_int_equal(n_uses(h, volume), 1);
	assert_true(uses(h, own, ENTITY_DISK, "nvme1n1"));
	assert_int_equal(n_uses(h, own), 1);
	harness_close(&h);
	harness_remove(folder);
}

static void test_who_is_looked_at(void **unused)
{
	(void)unused;
	static const char *const links[] = { "/data/x" };
	char folder[64], key[128];
	make_root(folder, sizeof(folder));
	make_process(folder, 77, 500, links, 1, false);
	struct harness *h = open_made(folder);
	entity_id other = batch_entity(h->batch, ENTITY_PROCESS, "77/500"); /* of no job */
	assert_ok(harness_collect(h, NS_PER_S));
	assert_int_equal(n_uses(h, other), 0);
	entity_id before = make_member(h, "77/499", "a:b/0"); /* its pid is in use again */
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_int_equal(n_uses(h, before), 0);
	/* A launcher is of the job itself. */
	batch_link(h->batch, EDGE_OF, other, batch_entity(h->batch, ENTITY_JOB, "a:b"));
	assert_ok(harness_collect(h, 3 * NS_PER_S));
	assert_int_equal(n_uses(h, other), 1);
	/* The file is closed: for a while its mount stays in use, then no more. */
	snprintf(key, sizeof(key), "%s/proc/77/fd/0", folder);
	assert_ok(unlink(key));
	assert_ok(harness_collect(h, 60 * NS_PER_S));
	assert_int_equal(n_uses(h, other), 1);
	assert_ok(harness_collect(h, 300 * NS_PER_S));
	assert_int_equal(n_uses(h, other), 0);
	batch_gone(h->batch, other);
	batch_gone(h->batch, before);
	assert_ok(harness_collect(h, 301 * NS_PER_S));
	assert_true(harness_node(h, "node.uses.processes") == 0);
	harness_close(&h);
	harness_remove(folder);
}

/* Many at once are spread over ticks, and none is forgotten. */
static void test_many_are_spread(void **unused)
{
	(void)unused;
	static const char *const links[] = { "/data/x" };
	char folder[64], key[32];
	make_root(folder, sizeof(folder));
	struct harness *h = open_made(folder);
	entity_id all[100];
	for (unsigned i = 0; i < 100; i++) {
		make_process(folder, 1000 + i, 5, links, 1, false);
		snprintf(key, sizeof(key), "%u/5", 1000 + i);
		all[i] = make_member(h, key, "a:b/0");
	}
	for (unsigned tick = 1; tick <= 4; tick++) {
		size_t seen = 0;
		assert_ok(harness_collect(h, tick * NS_PER_S));
		for (unsigned i = 0; i < 100; i++)
			seen += n_uses(h, all[i]);
		assert_int_equal(seen, MIN_OF(tick * 32, 100u));
	}
	assert_true(harness_node(h, "node.uses.processes") == 100);
	assert_true(harness_node(h, "node.uses.left_out") == 0);
	harness_close(&h);
	harness_remove(folder);
}

static int open_many(void *arg)
{
	struct holding *g = arg;
	for (unsigned i = 0; i < 3000; i++)
		if (open("/dev/null", O_RDONLY) < 0)
			return 1;
	if (open(g->path, O_RDONLY) < 0 || write(g->ready[1], "r", 1) != 1)
		return 2;
	return scene_sleep(NULL);
}

/* The file is the last of thousands: found in a later tick. */
static void test_real_many_descriptors(void **unused)
{
	(void)unused;
	char key[64], byte, folder[64], file[96];
	harness_folder(folder, sizeof(folder));
	if (mount("tmpfs", folder, "tmpfs", 0, "size=1m") < 0) {
		print_message("skipped: no tmpfs can be mounted here\n");
		harness_remove(folder);
		skip();
	}
	snprintf(file, sizeof(file), "%s/f", folder);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	struct holding g = { .path = file };
	assert_ok(pipe2(g.ready, O_CLOEXEC));
	pid_t pid = scene_spawn("loader", open_many, &g);
	assert_int_equal(read(g.ready[0], &byte, 1), 1);
	scene_key(pid, key, sizeof(key));
	struct harness *h = harness_open(&collector_uses, NULL);
	batch_entity(h->batch, ENTITY_MOUNT, folder);
	entity_id process = make_member(h, key, "a:b/0");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_false(uses(h, process, ENTITY_MOUNT, folder));
	for (unsigned i = 1; i <= 7; i++) /* 1,024 at first, then 384 each time */
		assert_ok(harness_collect(h, (1 + i * 5) * NS_PER_S));
	assert_true(uses(h, process, ENTITY_MOUNT, folder));
	scene_end(pid);
	harness_close(&h);
	close(g.ready[0]);
	close(g.ready[1]);
	assert_ok(umount(folder));
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_file_on_a_mount_on_a_disk),
		cmocka_unit_test(test_real_mount_under_another_name),
		cmocka_unit_test(test_real_sockets),
		cmocka_unit_test(test_devices_and_paths),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_who_is_looked_at),
		cmocka_unit_test(test_many_are_spread),
		cmocka_unit_test(test_real_many_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
