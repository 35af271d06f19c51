/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "base/cleanup.h"
#include "bpf/exits.skel.h"
#include "collectors/kernel_half.h"
#include "tests/collectors/scene.h"

extern const struct collector collector_tasks, collector_exits, collector_oom, collector_tcp;

KERNEL_HALF_WRAP(exits)

static void set_nothing(void *skel, const struct collect_env *env, void *arg)
{
	(void)skel;
	(void)env;
	(void)arg;
}

/* Its first instruction reads a register that nothing has written. */
static void spoil(struct bpf_program *p)
{
	struct bpf_insn *first = (struct bpf_insn *)(uintptr_t)bpf_program__insns(p);

	*first = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_0 };
}

/* So many programs become such that the verifier must refuse them. */
static void set_refused(void *skel, const struct collect_env *env, void *arg)
{
	struct exits_bpf *s = skel;

	(void)env;
	if (*(int *)arg >= 1)
		spoil(s->progs.task_exec);
	if (*(int *)arg >= 2)
		spoil(s->progs.signal_sent);
	if (*(int *)arg >= 3)
		spoil(s->progs.task_exit);
}

static const struct kernel_half_ops plain = { exits_kernel_half_open, exits_kernel_half_destroy, set_nothing };
static const struct kernel_half_ops refused = { exits_kernel_half_open, exits_kernel_half_destroy, set_refused };

static struct harness *able(void)
{
	struct harness *h = harness_new(&collector_exits, NULL);

	if (harness_probe(h) < 0) {
		print_message("skipped: %s\n", h->reason);
		harness_close(&h);
		skip();
	}
	return h;
}

struct heard {
	int n, bad;
	char reason[KERNEL_HALF_MAX_HOOKS][192];
	char hook[KERNEL_HALF_MAX_HOOKS][64];
	int error[KERNEL_HALF_MAX_HOOKS];
};

static void hear(void *arg, const char *hook, int error, const char *reason)
{
	struct heard *h = arg;

	assert_in_range(h->n, 0, KERNEL_HALF_MAX_HOOKS - 1);
	(void)snprintf(h->reason[h->n], sizeof(h->reason[0]), "%s", reason);
	(void)snprintf(h->hook[h->n], sizeof(h->hook[0]), "%s", hook);
	h->error[h->n] = error;
	h->n++;
	h->bad += error != 0;
}

static void all_load_here(void **state)
{
	struct harness *h = able();
	struct kernel_half k = { 0 };
	struct heard heard = { 0 };

	(void)state;
	assert_ok(kernel_half_open(&k, &plain, &h->env, NULL));
	kernel_half_say(&k, hear, &heard);
	assert_int_equal(heard.n, 3);
	assert_int_equal(heard.bad, 0);
	assert_true(kernel_half_works(&k, "task_exec"));
	assert_false(kernel_half_works(&k, "no_such_program"));
	kernel_half_close(&k);
	assert_false(kernel_half_works(&k, "task_exec"));
	harness_close(&h);
}

/* Each refusal costs its own program only, says why, and libbpf's talk stays off stderr. */
static void a_refused_hook_costs_only_itself(void **state)
{
	struct harness *h = able();
	char path[] = "/tmp/whyd-stderr-XXXXXX";
	struct stat said;

	(void)state;
	AUTO_CLOSE int file = mkstemp(path);
	AUTO_CLOSE int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_true(file >= 0 && saved >= 0);
	for (int n = 1; n <= 2; n++) {
		struct kernel_half k = { 0 };
		struct heard heard = { 0 };
		(void)dup2(file, STDERR_FILENO);
		int r = kernel_half_open(&k, &refused, &h->env, &n);
		(void)dup2(saved, STDERR_FILENO);
		assert_ok(r);
		assert_true(kernel_half_works(&k, "task_exit"));
		assert_false(kernel_half_works(&k, "task_exec"));
		assert_true(kernel_half_works(&k, "signal_sent") == (n < 2));
		kernel_half_say(&k, hear, &heard);
		assert_int_equal(heard.n, 3);
		assert_int_equal(heard.bad, n);
		for (int i = 0; i < heard.n; i++) {
			if (strstr(heard.hook[i], "exec") || (strstr(heard.hook[i], "signal") && n == 2))
				assert_non_null(strstr(heard.reason[i], "R0 !read_ok"));
			assert_true((heard.error[i] != 0) == (heard.reason[i][0] != '\0'));
		}
		kernel_half_close(&k);
	}
	assert_ok(fstat(file, &said));
	assert_int_equal(said.st_size, 0);
	(void)unlink(path);
	harness_close(&h);
}

static void nothing_that_loads_is_an_error(void **state)
{
	struct harness *h = able();
	struct kernel_half k = { 0 };
	int all = 3;

	(void)state;
	assert_true(kernel_half_open(&k, &refused, &h->env, &all) < 0);
	kernel_half_close(&k);
	kernel_half_close(&k);
	harness_close(&h);
}

static void probe_says_what_is_missing(void **state)
{
	struct collect_env env = { .fixture = true };
	char reason[128];

	(void)state;
	assert_err(kernel_half_probe(&env, reason, sizeof(reason)), ENOSYS);
	assert_non_null(strstr(reason, "root prefix"));
}

/* Not one hook on a path that runs for every switch, request, packet or system call. */
static void no_collector_hooks_a_hot_path(void **state)
{
	static const char *const hot[] = { "sched_switch", "sched_wakeup", "block_", "sys_enter", "sys_exit", "raw_sys",
					   "kfree_skb",    "net_dev",      "napi",   "softirq",   "irq_handler" };
	size_t n, n_hooking = 0;
	const struct collector *const *all = collectors_all(&n);

	(void)state;
	for (size_t c = 0; c < n; c++) {
		if (!all[c]->hooks)
			continue;
		n_hooking++;
		struct harness *h = scene_harness(all[c]);
		struct heard heard = { 0 };
		all[c]->hooks(h->state, hear, &heard);
		assert_true(heard.n > 0);
		for (int i = 0; i < heard.n; i++)
			for (size_t k = 0; k < ARRAY_LEN(hot); k++)
				assert_null(strstr(heard.hook[i], hot[k]));
		harness_close(&h);
	}
	assert_true(n_hooking >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_load_here),
		cmocka_unit_test(a_refused_hook_costs_only_itself),
		cmocka_unit_test(nothing_that_loads_is_an_error),
		cmocka_unit_test(probe_says_what_is_missing),
		cmocka_unit_test(no_collector_hooks_a_hot_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
