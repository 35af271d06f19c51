// SPDX-License-Identifier: Apache-2.0
#include "identity/cgroup_form.h"

#include <string.h>

#include "base/cleanup.h"

#include "model/graph.h"

#define ID_DIGITS    64
#define MAX_CAPTURES 8

/* Patterns begin and end at a slash of the path. What stands for itself is meant so; (x) may be absent;
 *   %i  container id, 64 hex digits        %u  uid of a pod, %U with '_' for '-'    %q  burstable, besteffort
 *   %j  number of a Slurm job, %l SLUID    %s  step                                 %t  task      %n  node
 *   %y  YARN container                     %d  number, not kept                     %p  text that ends with '-', not kept
 *   %v  name of a service or scope         %w  name of a service of Talos
 * The first row that fits at a place wins. */
#define POD_SLICE "(%p)kubepods(-%q)-pod%U.slice"
#define POD_FS    "kubepods/(%q/)pod%u"
#define STEP_V2   "(/step_%s(/user(/task_%t)))"

#define EX_ID   "<64 hex digits>"
#define EX_POD  "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice"
#define EX_FS   "/kubepods/besteffort/pod<uid>"

enum row_use {
	ROW_HOLDER,
	ROW_PASS,   /* nobody's, what is below may be somebody's */
	ROW_HELPER, /* a runtime's own process, not the container */
};

static const struct row {
	const char *form, *written_by, *pattern, *example;
	enum cgroup_holder holder;
	const char *runtime;
	enum row_use use;
	bool at_root;
} rows[] = {
	{ "CRI-O's conmon, left out", "CRI-O", "crio-conmon-%i(.scope)", EX_POD "/crio-conmon-" EX_ID ".scope",
	  CGROUP_HOLDER_NONE, "", ROW_HELPER, false },
	{ "Podman's conmon, left out", "Podman", "libpod-conmon-%i(.scope)", "/machine.slice/libpod-conmon-" EX_ID ".scope",
	  CGROUP_HOLDER_NONE, "", ROW_HELPER, false },
	{ "Podman's conmon with cgroupfs, left out", "Podman", "libpod_parent(/%i)/conmon", "/libpod_parent/conmon",
	  CGROUP_HOLDER_NONE, "", ROW_HELPER, false },
	{ "kubepods, systemd driver, containerd", "containerd under a kubelet", POD_SLICE "/cri-containerd-%i.scope",
	  EX_POD "/cri-containerd-" EX_ID ".scope", CGROUP_HOLDER_CONTAINER, "containerd", ROW_HOLDER, false },
	{ "kubepods, systemd driver, CRI-O", "CRI-O under a kubelet", POD_SLICE "/crio-%i.scope",
	  EX_POD "/crio-" EX_ID ".scope", CGROUP_HOLDER_CONTAINER, "cri-o", ROW_HOLDER, false },
	{ "kubepods, systemd driver, Docker", "cri-dockerd under a kubelet", POD_SLICE "/docker-%i.scope",
	  EX_POD "/docker-" EX_ID ".scope", CGROUP_HOLDER_CONTAINER, "docker", ROW_HOLDER, false },
	{ "kubepods, one component, containerd", "containerd with cgroupfs under a kubelet with systemd",
	  POD_SLICE ":cri-containerd:%i",
	  "/system.slice/containerd.service/kubepods-burstable-pod<uid>.slice:cri-containerd:" EX_ID,
	  CGROUP_HOLDER_CONTAINER, "containerd", ROW_HOLDER, false },
	{ "kubepods, one component, CRI-O", "CRI-O with cgroupfs under a kubelet with systemd", POD_SLICE ":crio:%i",
	  "/kubepods-pod<uid>.slice:crio:" EX_ID, CGROUP_HOLDER_CONTAINER, "cri-o", ROW_HOLDER, false },
	{ "kubepods, one component, Docker", "Docker with cgroupfs under a kubelet with systemd", POD_SLICE ":docker:%i",
	  "/kubepods-pod<uid>.slice:docker:" EX_ID, CGROUP_HOLDER_CONTAINER, "docker", ROW_HOLDER, false },
	{ "kubepods, cgroupfs driver, CRI-O", "CRI-O under a kubelet", POD_FS "/crio-%i", EX_FS "/crio-" EX_ID,
	  CGROUP_HOLDER_CONTAINER, "cri-o", ROW_HOLDER, false },
	{ "kubepods, cgroupfs driver", "containerd or cri-dockerd under a kubelet; Talos, k3s", POD_FS "/%i",
	  EX_FS "/" EX_ID, CGROUP_HOLDER_CONTAINER, "", ROW_HOLDER, false },
	{ "pod, systemd driver", "kubelet", POD_SLICE, EX_POD, CGROUP_HOLDER_POD, "", ROW_HOLDER, false },
	{ "pod, cgroupfs driver", "kubelet", POD_FS, EX_FS, CGROUP_HOLDER_POD, "", ROW_HOLDER, false },
	{ "containerd, systemd driver", "containerd's CRI plugin under another parent", "cri-containerd-%i.scope",
	  "/system.slice/cri-containerd-" EX_ID ".scope", CGROUP_HOLDER_CONTAINER, "containerd", ROW_HOLDER, false },
	{ "containerd, one component", "containerd's CRI plugin with cgroupfs and a slice for parent",
	  "%w:cri-containerd:%i",
	  "/system.slice:cri-containerd:" EX_ID, CGROUP_HOLDER_CONTAINER, "containerd", ROW_HOLDER, false },
	{ "CRI-O, systemd driver", "CRI-O under another parent", "crio-%i.scope", "/system.slice/crio-" EX_ID ".scope",
	  CGROUP_HOLDER_CONTAINER, "cri-o", ROW_HOLDER, false },
	{ "CRI-O, cgroupfs driver", "CRI-O under another parent", "crio-%i", "/crio/crio-" EX_ID,
	  CGROUP_HOLDER_CONTAINER, "cri-o", ROW_HOLDER, false },
	{ "Docker, systemd driver", "Docker, rootless as well", "docker-%i.scope", "/system.slice/docker-" EX_ID ".scope",
	  CGROUP_HOLDER_CONTAINER, "docker", ROW_HOLDER, false },
	{ "Docker, cgroupfs driver", "Docker; kind and k3d nodes", "docker/%i", "/docker/" EX_ID, CGROUP_HOLDER_CONTAINER,
	  "docker", ROW_HOLDER, false },
	{ "nerdctl, systemd driver", "nerdctl", "nerdctl-%i.scope", "/system.slice/nerdctl-" EX_ID ".scope",
	  CGROUP_HOLDER_CONTAINER, "containerd", ROW_HOLDER, false },
	{ "Podman, systemd driver", "Podman, rootful and rootless", "libpod-%i.scope",
	  "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" EX_ID ".scope/container",
	  CGROUP_HOLDER_CONTAINER, "podman", ROW_HOLDER, false },
	{ "Podman, split", "Podman in a service (Quadlet)", "libpod-payload-%i",
	  "/system.slice/web.service/libpod-payload-" EX_ID, CGROUP_HOLDER_CONTAINER, "podman", ROW_HOLDER, false },
	{ "Podman, cgroupfs driver", "Podman", "libpod-%i", "/libpod_parent/libpod-" EX_ID, CGROUP_HOLDER_CONTAINER,
	  "podman", ROW_HOLDER, false },
	{ "Podman's pod with cgroupfs, passed", "Podman", "libpod_parent/%i", "/libpod_parent/" EX_ID, CGROUP_HOLDER_NONE,
	  "", ROW_PASS, false },
	{ "Slurm, cgroup v1", "slurmstepd", "slurm(_%n)/uid_%d/job_%j(/step_%s(/task_%t))",
	  "/slurm/uid_1000/job_17/step_0/task_3", CGROUP_HOLDER_SLURM, "", ROW_HOLDER, false },
	{ "Slurm, cgroup v2", "slurmstepd", "(%n_)slurmstepd.scope/job_%j" STEP_V2,
	  "/system.slice/slurmstepd.scope/job_17/step_batch/user/task_0", CGROUP_HOLDER_SLURM, "", ROW_HOLDER, false },
	{ "Slurm, cgroup v2, by SLUID", "slurmstepd", "(%n_)slurmstepd.scope/%l" STEP_V2,
	  "/system.slice/slurmstepd.scope/s7QK2M4XW9TBCD/step_0/user/task_1", CGROUP_HOLDER_SLURM, "", ROW_HOLDER, false },
	{ "YARN container", "YARN's node manager", "%y", "/hadoop-yarn/container_e17_1700000000000_0001_01_000002",
	  CGROUP_HOLDER_YARN, "yarn", ROW_HOLDER, false },
	{ "id alone", "Docker and others with a parent of the user's", "%i", "/batch/" EX_ID, CGROUP_HOLDER_CONTAINER, "",
	  ROW_HOLDER, false },
	{ "systemd unit", "systemd", "%v", "/system.slice/nginx.service", CGROUP_HOLDER_UNIT, "", ROW_HOLDER, false },
	{ "Talos service", "Talos", "podruntime/%w", "/podruntime/kubelet", CGROUP_HOLDER_UNIT, "", ROW_HOLDER, true },
	{ "Talos system service", "Talos", "system/%w", "/system/apid", CGROUP_HOLDER_UNIT, "", ROW_HOLDER, true },
};

struct captures {
	struct {
		char what;
		const char *at;
		size_t n;
	} of[MAX_CAPTURES];
	size_t n;
};

/* ---- tokens: how many bytes at `at` are one; 0 none ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_word(char c)
{
	return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '.';
}

static bool is_unit(char c)
{
	return is_word(c) || c == '-' || c == ':' || c == '@' || c == '\\';
}

static size_t span(const char *at, bool (*is)(char), size_t max)
{
	size_t n = 0;
	while (is(at[n]))
		n++;
	return n <= max ? n : 0;
}

static size_t hex_of(const char *at, size_t wanted)
{
	return span(at, is_hex, wanted) == wanted ? wanted : 0;
}

/* 8-4-4-4-12 hex digits, or the 32 of a static pod. */
static size_t uid_of(const char *at, char dash)
{
	static const size_t groups[] = { 8, 4, 4, 4, 12 };
	size_t n = 0;
	if (hex_of(at, 32))
		return 32;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		if (i > 0 && at[n++] != dash)
			return 0;
		if (!hex_of(at + n, groups[i]))
			return 0;
		n += groups[i];
	}
	return n;
}

/* container_[e17_]1700000000000_0001_01_000002 */
static size_t yarn_of(const char *at)
{
	size_t n = strlen("container_");
	if (strncmp(at, "container_", n) != 0)
		return 0;
	if (at[n] == 'e' && span(at + n + 1, is_digit, 9) && at[n + 1 + span(at + n + 1, is_digit, 9)] == '_')
		n += 2 + span(at + n + 1, is_digit, 9);
	for (unsigned part = 0; part < 4; part++) {
		size_t digits = span(at + n, is_digit, 15);
		if (digits == 0 || (part > 0 && part < 3 && digits > 9))
			return 0;
		n += digits;
		if (part < 3 && at[n++] != '_')
			return 0;
	}
	return n;
}

static bool is_sluid(char c)
{
	return is_digit(c) || is_upper(c);
}

static bool is_step(char c)
{
	return (is_word(c) && c != '_') || c == '+';
}

static size_t qos_of(const char *at)
{
	size_t n = strlen("burstable");
	if (strncmp(at, "burstable", n) == 0)
		return n;
	n = strlen("besteffort");
	return strncmp(at, "besteffort", n) == 0 ? n : 0;
}

static size_t service_of(const char *at)
{
	size_t n = span(at, is_unit, sizeof(((struct cgroup_form *)0)->unit) - 1);
	if (n > 8 && memcmp(at + n - 8, ".service", 8) == 0)
		return n;
	return n > 6 && memcmp(at + n - 6, ".scope", 6) == 0 ? n : 0;
}

static bool is_node(char c)
{
	return is_word(c) || c == '-';
}

static size_t token(char what, const char *at)
{
	switch (what) {
	case 'i': return hex_of(at, ID_DIGITS);
	case 'u': return uid_of(at, '-');
	case 'U': return uid_of(at, '_');
	case 'q': return qos_of(at);
	case 'j': return span(at, is_digit, sizeof(((struct cgroup_form *)0)->slurm_job) - 1);
	case 'l': return at[0] == 's' && span(at + 1, is_sluid, 13) == 13 ? 14 : 0;
	case 's': return span(at, is_step, sizeof(((struct cgroup_form *)0)->slurm_step) - 1);
	case 't': return span(at, is_digit, sizeof(((struct cgroup_form *)0)->slurm_task) - 1);
	case 'y': return yarn_of(at);
	case 'd': return span(at, is_digit, 20);
	case 'v': return service_of(at);
	default: return 0;
	}
}

/* Those whose end only the rest of the pattern tells: the longest they may be. */
static size_t token_at_most(char what, const char *at)
{
	switch (what) {
	case 'n': return span(at, is_node, 255);
	case 'p': return span(at, is_unit, 255);
	case 'w': return span(at, is_unit, 255);
	default: return 0;
	}
}

static bool token_may_end(char what, const char *at, size_t n)
{
	switch (what) {
	case 'n': return n < sizeof(((struct cgroup_form *)0)->slurm_node);
	case 'p': return at[n - 1] == '-';
	default: return n < sizeof(((struct cgroup_form *)0)->unit);
	}
}

/* ---- patterns ---- */

static const char *match(const char *pattern, const char *at, struct captures *caps);

static const char *match_token(const char *pattern, const char *at, struct captures *caps)
{
	char what = pattern[1];
	size_t mine = caps->n, max = token_at_most(what, at), n;
	if (mine == MAX_CAPTURES)
		return NULL;
	caps->of[mine].what = what;
	caps->of[mine].at = at;
	if (max == 0) {
		n = token(what, at);
		caps->of[mine].n = n;
		caps->n = mine + 1;
		return n ? match(pattern + 2, at + n, caps) : NULL;
	}
	for (n = max; n > 0; n--) {
		if (!token_may_end(what, at, n))
			continue;
		caps->of[mine].n = n;
		caps->n = mine + 1;
		const char *end = match(pattern + 2, at + n, caps);
		if (end)
			return end;
	}
	return NULL;
}

static const char *after_group(const char *pattern)
{
	int depth = 0;
	do {
		depth += *pattern == '(' ? 1 : *pattern == ')' ? -1 : 0;
		pattern++;
	} while (depth > 0);
	return pattern;
}

/* End of what matches at `at`, which is the end of a component; NULL. Recursion is as deep as the pattern is long. */
static const char *match(const char *pattern, const char *at, struct captures *caps)
{
	for (;; pattern++, at++) {
		while (*pattern == ')')
			pattern++;
		if (*pattern == '(') {
			size_t n = caps->n;
			const char *end = match(pattern + 1, at, caps);
			if (end)
				return end;
			caps->n = n;
			return match(after_group(pattern), at, caps);
		}
		if (*pattern == '%')
			return match_token(pattern, at, caps);
		if (!*pattern)
			return *at == '/' || !*at ? at : NULL;
		if (*pattern != *at)
			return NULL;
	}
}

/* ---- what was found ---- */

static void take(char *field, size_t size, const char *at, size_t n)
{
	if (n >= size)
		n = 0; /* not reached: tokens are bounded by the fields */
	memcpy(field, at, n);
	field[n] = '\0';
}

static void take_uid(struct cgroup_form *f, const char *at, size_t n)
{
	take(f->pod_uid, sizeof(f->pod_uid), at, n);
	for (char *c = f->pod_uid; *c; c++)
		if (*c == '_')
			*c = '-';
}

static void take_unit(struct cgroup_form *f, const char *at, size_t n)
{
	if (n > 1 && at[0] == '_') { /* systemd's escape of a name that the kernel would take for a file's */
		at++;
		n--;
	}
	take(f->unit, sizeof(f->unit), at, n);
}

static void forget_inner(struct cgroup_form *f, enum cgroup_holder holder, const struct captures *caps)
{
	bool pod = false;
	for (size_t i = 0; i < caps->n; i++)
		pod |= caps->of[i].what == 'u' || caps->of[i].what == 'U';
	if (pod)
		(void)memcpy(f->qos, "guaranteed", sizeof("guaranteed"));
	if (holder == CGROUP_HOLDER_POD)
		f->container_id[0] = '\0';
	if (holder == CGROUP_HOLDER_SLURM)
		f->slurm_job[0] = f->slurm_step[0] = f->slurm_task[0] = f->slurm_node[0] = '\0';
}

static void apply(struct cgroup_form *f, const struct row *row, const struct captures *caps, size_t n_holder)
{
	forget_inner(f, row->holder, caps);
	for (size_t i = 0; i < caps->n; i++) {
		const char *at = caps->of[i].at;
		size_t n = caps->of[i].n;
		switch (caps->of[i].what) {
		case 'i':
		case 'y': take(f->container_id, sizeof(f->container_id), at, n); break;
		case 'u':
		case 'U': take_uid(f, at, n); break;
		case 'q': take(f->qos, sizeof(f->qos), at, n); break;
		case 'j':
		case 'l': take(f->slurm_job, sizeof(f->slurm_job), at, n); break;
		case 's': take(f->slurm_step, sizeof(f->slurm_step), at, n); break;
		case 't': take(f->slurm_task, sizeof(f->slurm_task), at, n); break;
		case 'n': take(f->slurm_node, sizeof(f->slurm_node), at, n); break;
		case 'v': take_unit(f, at, n); break;
		case 'w':
			if (row->holder == CGROUP_HOLDER_UNIT)
				take_unit(f, at, n);
			break;
		default: break;
		}
	}
	f->holder = row->holder;
	f->form = row->form;
	if (row->holder != CGROUP_HOLDER_SLURM) /* a step runs in the container around it */
		f->runtime = row->runtime;
	f->n_holder = n_holder;
}

static const struct row *row_at(const char *at, bool at_root, const char **ret_end, struct captures *caps)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].at_root && !at_root)
			continue;
		caps->n = 0;
		*ret_end = match(rows[i].pattern, at, caps);
		if (*ret_end)
			return &rows[i];
	}
	return NULL;
}

/* Behind the ".." of a path seen from inside a cgroup namespace; NULL: no path that a kernel writes. */
static const char *first_component(const char *path)
{
	if (path[0] != '/' || strnlen(path, GRAPH_MAX_KEY) == GRAPH_MAX_KEY)
		return NULL;
	path++;
	while (strncmp(path, "../", 3) == 0)
		path += 3;
	for (const char *c = path; *c;) {
		size_t n = strcspn(c, "/");
		if (n == 0 || (n <= 2 && strncmp(c, "..", n) == 0) || (c[n] == '/' && !c[n + 1]))
			return NULL;
		c += c[n] ? n + 1 : n;
	}
	return path;
}

static const struct cgroup_form nobody = { .form = "", .runtime = "" };

bool cgroup_form_parse(const char *path, struct cgroup_form *ret_form)
{
	const char *first = first_component(path), *end = NULL;
	struct cgroup_form around = nobody;
	struct captures caps;

	*ret_form = nobody;
	for (const char *at = first; at && *at; at = *end ? end + 1 : end) {
		const struct row *row = row_at(at, at == first, &end, &caps);
		if (!row)
			end = at + strcspn(at, "/");
		if (row && row->use == ROW_HELPER) {
			*ret_form = around;
			break;
		}
		if (!row || row->use == ROW_PASS)
			continue;
		if (row->holder == CGROUP_HOLDER_UNIT && ret_form->holder != CGROUP_HOLDER_NONE &&
		    ret_form->holder != CGROUP_HOLDER_UNIT)
			continue;
		apply(ret_form, row, &caps, (size_t)(end - path));
		if (row->holder != CGROUP_HOLDER_POD && row->holder != CGROUP_HOLDER_UNIT)
			around = *ret_form;
	}
	return ret_form->holder != CGROUP_HOLDER_NONE;
}

bool cgroup_form_row(size_t i, const char **ret_form, const char **ret_written_by, const char **ret_example)
{
	if (i >= ARRAY_LEN(rows))
		return false;
	*ret_form = rows[i].form;
	*ret_written_by = rows[i].written_by;
	*ret_example = rows[i].example;
	return true;
}
