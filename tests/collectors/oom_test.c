/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/oom.h"
#include "bpf/oom.skel.h"
#include "bpf/task_cgroup.h"
#include "collectors/kernel_cgroup.h"
#include "collectors/kernel_half.h"
#include "tests/collectors/scene.h"

extern const struct collector collector_oom;

#define LIMIT_BYTES (24 << 20)

/* Waits until it is told that it is in its cgroup, then allocates until it is killed. */
static int eat(void *arg)
{
	int *gate = arg;
	char byte;

	(void)close(gate[1]);
	if (read(gate[0], &byte, 1) < 0)
		return 1;
	for (int i = 0; i < 64; i++) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return 2;
		memset(p, i + 1, 1 << 20);
	}
	return 0;
}

static void limit(const char *folder, long long bytes)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", bytes);
	if (scene_cgroup_has(folder, "memory.max")) {
		scene_cgroup_set(folder, "memory.max", text);
		if (scene_cgroup_has(folder, "memory.swap.max"))
			scene_cgroup_set(folder, "memory.swap.max", "0");
	} else {
		scene_cgroup_set(folder, "memory.limit_in_bytes", text);
		scene_cgroup_set(folder, "memory.swappiness", "0");
	}
}

static long long limit_of(const char *folder)
{
	return scene_cgroup_get(folder, scene_cgroup_has(folder, "memory.max") ? "memory.max" : "memory.limit_in_bytes");
}

struct meal {
	pid_t pid;
	char key[64];
};

/* A child that eats in `folder`; killed when this returns, and not reaped. */
static struct meal serve(const char *folder)
{
	struct meal m;
	int gate[2];

	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	m.pid = scene_spawn("om-eater", eat, gate);
	scene_key(m.pid, m.key, sizeof(m.key));
	scene_cgroup_enter(folder, m.pid);
	(void)close(gate[0]);
	(void)close(gate[1]);
	siginfo_t info;
	assert_ok(waitid(P_PID, (id_t)m.pid, &info, WEXITED | WNOWAIT));
	assert_int_equal(info.si_status, SIGKILL);
	return m;
}

static void the_cgroup_whose_limit_was_hit_is_blamed(void **state)
{
	char folder[SCENE_PATH_MAX], path[SCENE_PATH_MAX];

	(void)state;
	if (!scene_cgroup("memory", "whyoom", folder, path))
		skip();
	struct harness *h = scene_harness(&collector_oom);
	limit(folder, LIMIT_BYTES);
	assert_ok(harness_collect(h, clock_mono_now()));
	struct meal m = serve(folder);
	const struct event *e = scene_await(h, "cgroup.oom.kill", path);
	assert_non_null(e);
	assert_int_equal(e->severity, SEVERITY_CRITICAL);
	assert_true(harness_number(h, e, "victim_pid") == m.pid);
	assert_string_equal(harness_text(h, e, "victim_comm"), "om-eater");
	assert_string_equal(harness_text(h, e, "victim_cgroup"), path);
	assert_true(harness_number(h, e, "limit") == (double)limit_of(folder));
	assert_true(harness_number(h, e, "usage") <= LIMIT_BYTES && harness_number(h, e, "usage") > LIMIT_BYTES * 0.9);
	assert_true(harness_number(h, e, "victim_rss") > LIMIT_BYTES * 0.7);
	assert_string_equal(harness_text(h, e, "grower_cgroup"), path);
	assert_true(harness_number(h, e, "grower_bytes") > LIMIT_BYTES * 0.7);
	assert_int_equal(harness_events(h, "node.oom.kill"), 0);
	const struct event *v = harness_event(h, "proc.oom.killed", 0);
	assert_non_null(v);
	assert_string_equal(harness_event_key(h, v), m.key);
	assert_string_equal(harness_text(h, v, "constraint"), "memcg");
	assert_string_equal(harness_text(h, v, "limit_cgroup"), path);
	(void)scene_wait(m.pid);
	harness_close(&h);
	scene_cgroup_remove(folder);
}

/* The parent is full, the child that the victim is in has a limit too and is far from it. */
static void a_parents_limit_is_told_from_the_childs(void **state)
{
	char folder[SCENE_PATH_MAX], path[SCENE_PATH_MAX], child[SCENE_PATH_MAX + 8], child_path[SCENE_PATH_MAX + 8];

	(void)state;
	if (!scene_cgroup("memory", "whyoomtop", folder, path))
		skip();
	(void)snprintf(child, sizeof(child), "%s/in", folder);
	(void)snprintf(child_path, sizeof(child_path), "%s/in", path);
	if (scene_cgroup_has(folder, "cgroup.subtree_control"))
		scene_cgroup_set(folder, "cgroup.subtree_control", "+memory");
	else
		scene_cgroup_set(folder, "memory.use_hierarchy", "1");
	assert_ok(mkdir(child, 0755));
	struct harness *h = scene_harness(&collector_oom);
	limit(folder, LIMIT_BYTES);
	limit(child, 4LL * LIMIT_BYTES);
	assert_ok(harness_collect(h, clock_mono_now()));
	struct meal m = serve(child);
	const struct event *e = scene_await(h, "cgroup.oom.kill", path);
	assert_non_null(e);
	assert_true(harness_number(h, e, "limit") == LIMIT_BYTES);
	assert_string_equal(harness_text(h, e, "victim_cgroup"), child_path);
	assert_true(harness_number(h, e, "victim_pid") == m.pid);
	assert_string_equal(harness_text(h, e, "grower_cgroup"), child_path);
	(void)scene_wait(m.pid);
	harness_close(&h);
	scene_cgroup_remove(child);
	scene_cgroup_remove(folder);
}

/* The cgroup is removed before anybody looks: its path comes from the kernel half. */
static void a_removed_cgroup_is_still_named(void **state)
{
	char folder[SCENE_PATH_MAX], path[SCENE_PATH_MAX];

	(void)state;
	struct harness *h = scene_harness(&collector_oom);
	assert_ok(harness_collect(h, clock_mono_now()));
	if (!scene_cgroup("memory", "whyoomgone", folder, path)) {
		harness_close(&h);
		skip();
	}
	limit(folder, LIMIT_BYTES);
	struct meal m = serve(folder);
	(void)scene_wait(m.pid);
	scene_cgroup_remove(folder);
	assert_int_not_equal(access(folder, F_OK), 0);
	const struct event *e = scene_await(h, "cgroup.oom.kill", path);
	assert_non_null(e);
	assert_true(harness_number(h, e, "limit") == LIMIT_BYTES);
	assert_true(graph_is_gone(h->graph, e->entity, NULL));
	harness_close(&h);
}

KERNEL_HALF_WRAP(oom)

static void set_without_lock(void *skel, const struct collect_env *env, void *arg)
{
	struct oom_bpf *s = skel;

	(void)arg;
	s->rodata->without_lock = 1;
	s->rodata->cgroup_v1 = kernel_cgroup_v1(env);
	(void)bpf_program__set_autoload(s->progs.victim_pid, false);
}

static const struct kernel_half_ops no_lock = { oom_kernel_half_open, oom_kernel_half_destroy, set_without_lock };

static int keep_event(void *arg, const void *data, size_t size)
{
	assert_int_equal(size, sizeof(struct oom_event));
	memcpy(arg, data, size);
	return 0;
}

/* As on kernels that do not hold a lock for it: the nearest ancestor that is full and has counted an OOM. */
static void without_the_lock_the_full_one_is_found(void **state)
{
	char folder[SCENE_PATH_MAX], path[SCENE_PATH_MAX], child[SCENE_PATH_MAX + 8];
	struct kernel_half k = { 0 };
	struct kernel_ring ring = { 0 };
	struct oom_event e = { 0 };
	struct stat ino;

	(void)state;
	if (!scene_cgroup("memory", "whyoomfull", folder, path))
		skip();
	(void)snprintf(child, sizeof(child), "%s/in", folder);
	if (scene_cgroup_has(folder, "cgroup.subtree_control"))
		scene_cgroup_set(folder, "cgroup.subtree_control", "+memory");
	else
		scene_cgroup_set(folder, "memory.use_hierarchy", "1");
	assert_ok(mkdir(child, 0755));
	limit(folder, LIMIT_BYTES);
	limit(child, 4LL * LIMIT_BYTES);
	struct harness *h = scene_harness(&collector_oom);
	if (kernel_half_open(&k, &no_lock, &h->env, NULL) < 0 || !kernel_half_works(&k, "victim_task"))
		skip(); /* an older kernel */
	struct oom_bpf *skel = k.skel;
	assert_ok(kernel_ring_open(&ring, bpf_map__fd(skel->maps.kills), keep_event, &e));
	struct meal m = serve(child);
	assert_int_equal(kernel_ring_drain(&ring, 8), 1);
	assert_int_equal(e.found, OOM_FULL);
	assert_int_equal(e.pid, m.pid);
	assert_true((long long)e.limit_pages * h->env.page_bytes == LIMIT_BYTES);
	assert_ok(stat(folder, &ino));
	assert_int_equal(TASK_CGROUP_ID(e.limit_cgroup), ino.st_ino);
	(void)scene_wait(m.pid);
	kernel_ring_close(&ring);
	kernel_half_close(&k);
	harness_close(&h);
	scene_cgroup_remove(child);
	scene_cgroup_remove(folder);
}

static int pass(void *arg)
{
	(void)arg;
	return 0;
}

static void an_ordinary_kill_is_no_oom(void **state)
{
	struct harness *h = scene_harness(&collector_oom);

	(void)state;
	assert_ok(harness_collect(h, clock_mono_now()));
	(void)scene_end(scene_spawn("om-kill", scene_sleep, NULL));
	(void)scene_wait(scene_spawn("om-pass", pass, NULL));
	assert_int_equal(harness_drain(h, 64, clock_mono_now()), 0);
	harness_close(&h);
}

static void say_count(void *arg, const char *hook, int error, const char *reason)
{
	if (error)
		print_message("hook %s: %d %s\n", hook, error, reason);
	(*(int *)arg)++;
}

static void one_form_of_mark_victim_is_reported(void **state)
{
	struct harness *h = scene_harness(&collector_oom);
	int n = 0;

	(void)state;
	collector_oom.hooks(h->state, say_count, &n);
	assert_int_equal(n, 2);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cgroup_whose_limit_was_hit_is_blamed),
		cmocka_unit_test(a_parents_limit_is_told_from_the_childs),
		cmocka_unit_test(a_removed_cgroup_is_still_named),
		cmocka_unit_test(without_the_lock_the_full_one_is_found),
		cmocka_unit_test(an_ordinary_kill_is_no_oom),
		cmocka_unit_test(one_form_of_mark_victim_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
