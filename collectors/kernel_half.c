/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/kernel_half.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/text.h"

/* What every generated skeleton begins with. */
struct skeleton_head {
	struct bpf_object_skeleton *skeleton;
	struct bpf_object *object;
};

/* libbpf has one print function a process; the loop is the only thread that loads. */
static struct {
	char data[65536];
	size_t len;
} said;

static int keep_said(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level > LIBBPF_WARN || said.len + 1 >= sizeof(said.data))
		return 0;
	int n = vsnprintf(said.data + said.len, sizeof(said.data) - said.len, fmt, args);
	if (n > 0)
		said.len = MIN_OF(said.len + (size_t)n, sizeof(said.data) - 1);
	return n;
}

static void forget_said(void)
{
	said.len = 0;
	said.data[0] = '\0';
	libbpf_set_print(keep_said);
}

static int capability_missing(cap_value_t wanted)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t has = CAP_CLEAR;

	if (!caps)
		return -errno;
	int r = cap_get_flag(caps, wanted, CAP_EFFECTIVE, &has);
	(void)cap_free(caps);
	if (r < 0)
		return -errno;
	return has == CAP_SET ? 0 : 1;
}

int kernel_half_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	if (env->fixture) {
		(void)snprintf(ret_reason, size,
			       "a root prefix is given: kernel hooks would describe this machine, not that root");
		return -ENOSYS;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		(void)snprintf(ret_reason, size, "the kernel has no type information (/sys/kernel/btf/vmlinux): "
			       "use a kernel built with CONFIG_DEBUG_INFO_BTF");
		return -ENOSYS;
	}
	if (capability_missing(CAP_SYS_ADMIN) != 0) {
		if (capability_missing(CAP_BPF) != 0) {
			(void)snprintf(ret_reason, size,
				       "CAP_BPF is missing: run as root, or grant CAP_BPF and CAP_PERFMON");
			return -EPERM;
		}
		if (capability_missing(CAP_PERFMON) != 0) {
			(void)snprintf(ret_reason, size, "CAP_PERFMON is missing: run as root, or grant it besides CAP_BPF");
			return -EPERM;
		}
	}
	return 0;
}

/* The line of libbpf's log that says most about `program`, without its prefix. */
static void explain(const char *program, int error, char *ret_reason, size_t size)
{
	char mark[64];

	(void)snprintf(mark, sizeof(mark), "prog '%s': ", program ? program : "");
	const char *at = program ? strstr(said.data, mark) : NULL;
	while (at && strncmp(at + strlen(mark), "-- BEGIN", 8) == 0)
		at = strstr(at + 1, mark);
	if (at)
		at += strlen(mark);
	else
		at = strncmp(said.data, "libbpf: ", 8) == 0 ? said.data + 8 : said.data;
	size_t n = strcspn(at, "\n");
	/* The verifier's own verdict stands above the line that begins with "processed". */
	const char *end = program ? strstr(said.data, "\nprocessed ") : NULL;
	if (end) {
		for (at = end; at > said.data && at[-1] != '\n'; at--)
			;
		n = (size_t)(end - at);
	}
	if (n == 0) {
		(void)snprintf(ret_reason, size, "%s", strerror(error));
		return;
	}
	(void)snprintf(ret_reason, size, "%.*s", (int)MIN_OF(n, size - 1), at);
}

static struct kernel_hook *hook_find(struct kernel_half *k, const char *program)
{
	for (size_t i = 0; i < k->n_hooks; i++)
		if (strcmp(k->hooks[i].program, program) == 0)
			return &k->hooks[i];
	return NULL;
}

static void hooks_list(struct kernel_half *k)
{
	struct bpf_program *p;

	if (k->n_hooks)
		return;
	bpf_object__for_each_program(p, k->object) {
		if (k->n_hooks >= KERNEL_HALF_MAX_HOOKS)
			break;
		struct kernel_hook *h = &k->hooks[k->n_hooks++];
		(void)text_copy(h->name, sizeof(h->name), bpf_program__section_name(p));
		(void)text_copy(h->program, sizeof(h->program), bpf_program__name(p));
	}
}

static void skeleton_drop(struct kernel_half *k)
{
	if (k->skel)
		k->ops->destroy(k->skel);
	k->skel = NULL;
	k->object = NULL;
}

static int skeleton_make(struct kernel_half *k, const struct collect_env *env, void *arg)
{
	struct skeleton_head head;
	struct bpf_program *p;

	errno = 0;
	k->skel = k->ops->open();
	if (!k->skel)
		return errno ? -errno : -EINVAL;
	memcpy(&head, k->skel, sizeof(head));
	k->object = head.object;
	hooks_list(k);
	bpf_object__for_each_program(p, k->object) {
		struct kernel_hook *h = hook_find(k, bpf_program__name(p));
		if (h && h->error)
			(void)bpf_program__set_autoload(p, false);
	}
	if (k->ops->set)
		k->ops->set(k->skel, env, arg);
	return bpf_object__load_skeleton(head.skeleton);
}

/* Which program the failed load was about; NULL: none of them (a map, the whole object). */
static struct kernel_hook *hook_blamed(struct kernel_half *k)
{
	struct kernel_hook *first = NULL;
	const char *first_at = NULL;

	for (size_t i = 0; i < k->n_hooks; i++) {
		char mark[64];
		(void)snprintf(mark, sizeof(mark), "prog '%s': ", k->hooks[i].program);
		const char *at = strstr(said.data, mark);
		if (at && !k->hooks[i].error && (!first_at || at < first_at)) {
			first = &k->hooks[i];
			first_at = at;
		}
	}
	return first;
}

static void hooks_fail_all(struct kernel_half *k, int error)
{
	for (size_t i = 0; i < k->n_hooks; i++) {
		if (k->hooks[i].error)
			continue;
		k->hooks[i].error = error;
		explain(NULL, error, k->hooks[i].reason, sizeof(k->hooks[i].reason));
	}
}

static void attach_all(struct kernel_half *k)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, k->object) {
		struct kernel_hook *h = hook_find(k, bpf_program__name(p));
		if (!h || h->error || !bpf_program__autoload(p) || strncmp(h->name, "iter", 4) == 0 ||
		    strcmp(h->name, "syscall") == 0)
			continue;
		forget_said();
		struct bpf_link *link = bpf_program__attach(p);
		if (!link) {
			h->error = errno ? errno : EINVAL;
			explain(h->program, h->error, h->reason, sizeof(h->reason));
			continue;
		}
		k->links[h - k->hooks] = link;
	}
}

int kernel_half_open(struct kernel_half *k, const struct kernel_half_ops *ops, const struct collect_env *env, void *arg)
{
	size_t works = 0;
	int r;

	k->ops = ops;
	for (;;) {
		forget_said();
		r = skeleton_make(k, env, arg);
		if (r >= 0)
			break;
		struct kernel_hook *blamed = r == -EPERM ? NULL : hook_blamed(k);
		skeleton_drop(k);
		if (!blamed) {
			hooks_fail_all(k, -r);
			return r;
		}
		blamed->error = -r;
		explain(blamed->program, -r, blamed->reason, sizeof(blamed->reason));
	}
	attach_all(k);
	for (size_t i = 0; i < k->n_hooks; i++)
		works += k->hooks[i].error == 0;
	return works ? 0 : k->n_hooks ? -k->hooks[0].error : -EINVAL;
}

void kernel_half_close(struct kernel_half *k)
{
	for (size_t i = 0; i < KERNEL_HALF_MAX_HOOKS; i++) {
		if (k->links[i])
			(void)bpf_link__destroy(k->links[i]);
		k->links[i] = NULL;
	}
	skeleton_drop(k);
}

bool kernel_half_works(const struct kernel_half *k, const char *program)
{
	for (size_t i = 0; i < k->n_hooks; i++)
		if (strcmp(k->hooks[i].program, program) == 0)
			return k->skel && k->hooks[i].error == 0;
	return false;
}

void kernel_half_unused(struct kernel_half *k, const char *program)
{
	struct kernel_hook *h = hook_find(k, program);

	if (h)
		h->unused = true;
}

int kernel_half_attach_iterator(struct kernel_half *k, struct bpf_program *program, const union bpf_iter_link_info *info,
				struct bpf_link **ret_link)
{
	union bpf_iter_link_info over;
	DECLARE_LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	struct kernel_hook *h = hook_find(k, bpf_program__name(program));

	if (!h || h->error)
		return -ENOENT;
	if (info) {
		over = *info;
		opts.link_info = &over;
		opts.link_info_len = sizeof(over);
	}
	forget_said();
	struct bpf_link *link = bpf_program__attach_iter(program, info ? &opts : NULL);
	if (!link) {
		h->error = errno ? errno : EINVAL;
		explain(h->program, h->error, h->reason, sizeof(h->reason));
		return -h->error;
	}
	*ret_link = link;
	return 0;
}

int kernel_half_iterate_into(struct bpf_link *link, void *out, size_t size, size_t *ret_len)
{
	AUTO_CLOSE int fd = bpf_iter_create(bpf_link__fd(link));
	char dropped[256];
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		bool room = len < size;
		n = room ? read(fd, (char *)out + len, size - len) : read(fd, dropped, sizeof(dropped));
		if (n > 0 && room)
			len += (size_t)n;
	} while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	if (n < 0)
		return -errno;
	*ret_len = len;
	return 0;
}

int kernel_half_iterate(struct bpf_link *link)
{
	size_t len;

	return kernel_half_iterate_into(link, NULL, 0, &len);
}

void kernel_half_say(const struct kernel_half *k, void (*say)(void *arg, const char *hook, int error, const char *reason),
		     void *arg)
{
	for (size_t i = 0; i < k->n_hooks; i++)
		if (!k->hooks[i].unused)
			say(arg, k->hooks[i].name, k->hooks[i].error, k->hooks[i].error ? k->hooks[i].reason : "");
}

int kernel_half_sum(int map_fd, uint32_t index, uint64_t *ret_values, size_t n_values)
{
	int n_cpus = libbpf_num_possible_cpus();

	if (n_cpus < 0)
		return n_cpus;
	AUTO_FREE uint64_t *per_cpu = calloc((size_t)n_cpus * n_values, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	if (bpf_map_lookup_elem(map_fd, &index, per_cpu) < 0)
		return -errno;
	memset(ret_values, 0, n_values * sizeof(*ret_values));
	for (size_t i = 0; i < (size_t)n_cpus * n_values; i++)
		ret_values[i % n_values] += per_cpu[i];
	return 0;
}

static int ring_take(void *arg, void *data, size_t size)
{
	struct kernel_ring *r = arg;

	(void)r->take(r->arg, data, size);
	r->left--;
	/* Negative ends libbpf's walk; this record counts as consumed. */
	return r->left ? 0 : -ECANCELED;
}

int kernel_ring_open(struct kernel_ring *r, int map_fd, int (*take)(void *arg, const void *data, size_t size), void *arg)
{
	forget_said();
	r->take = take;
	r->arg = arg;
	r->ring = ring_buffer__new(map_fd, ring_take, r, NULL);
	return r->ring ? 0 : errno ? -errno : -EINVAL;
}

int kernel_ring_add(struct kernel_ring *r, int map_fd)
{
	return ring_buffer__add(r->ring, map_fd, ring_take, r);
}

void kernel_ring_close(struct kernel_ring *r)
{
	if (r->ring)
		ring_buffer__free(r->ring);
	r->ring = NULL;
}

int kernel_ring_fd(const struct kernel_ring *r)
{
	return r->ring ? ring_buffer__epoll_fd(r->ring) : -1;
}

int kernel_ring_drain(struct kernel_ring *r, unsigned max)
{
	if (!r->ring || !max)
		return 0;
	r->left = max;
	(void)ring_buffer__consume(r->ring);
	return (int)(max - r->left);
}
