// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "bpf/lineage.h"
#include "bpf/lineage.skel.h"
#include "collectors/kernel_cgroup.h"
#include "collectors/kernel_half.h"
#include "collectors/lineage.h"
#include "collectors/process.h"
#include "identity/tf_config.h"
#include "tests/collectors/harness.h"
#include "tests/collectors/scene.h"

#define SECRET "hunter2-planted-secret"

extern const struct collector collector_self;

/* ---- a kernel half, and what it tells of one process ---- */

struct stand {
	struct harness *h; /* for its environment */
	struct lineage *l;
	uint32_t pid;      /* that is waited for */
	bool seen;
	struct lineage_exec exec, earlier[8]; /* earlier: of others, in case that they are waited for next */
	size_t n_earlier;
};

static void on_exec(void *arg, const struct lineage_exec *exec)
{
	struct stand *s = arg;

	if (exec->pid != s->pid) {
		s->earlier[s->n_earlier++ % ARRAY_LEN(s->earlier)] = *exec;
		return;
	}
	s->seen = true;
	s->exec = *exec;
}

static int stand_open(void **state)
{
	struct stand *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->h = harness_new(&collector_self, NULL);
	int r = lineage_open(&s->h->env, on_exec, s, &s->l);
	if (r == -ENOSYS || r == -EPERM) {
		print_message("skipped: no BPF here: %s\n", strerror(-r));
		s->l = NULL;
	} else if (r < 0) {
		fail_msg("lineage does not open: %s", strerror(-r));
	}
	*state = s;
	return 0;
}

static int stand_close(void **state)
{
	struct stand *s = *state;

	lineage_close(&s->l);
	assert_null(s->l);
	s->h->collector = &(struct collector){ .close = free }; /* it was never started */
	harness_close(&s->h);
	free(s);
	return 0;
}

static struct stand *stand(void **state)
{
	struct stand *s = *state;

	if (!s->l)
		skip();
	return s;
}

/* Wait at most 5 s for the exec of `pid`. */
static bool await(struct stand *s, pid_t pid)
{
	struct pollfd p = { .fd = lineage_event_fd(s->l), .events = POLLIN };

	s->pid = (uint32_t)pid;
	s->seen = false;
	for (size_t i = 0; i < ARRAY_LEN(s->earlier); i++)
		if (s->earlier[i].pid == s->pid) {
			s->exec = s->earlier[i];
			s->seen = true;
		}
	for (int i = 0; i < 50 && !s->seen; i++) {
		while (lineage_drain(s->l, 64) > 0)
			;
		if (!s->seen)
			(void)poll(&p, 1, 100);
	}
	return s->seen;
}

/* ---- processes ---- */

static pid_t launch(const char *const argv[], const char *const env[])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* none outlives a test that fails */
		(void)execve(argv[0], (char **)(uintptr_t)argv, (char **)(uintptr_t)env);
		_exit(127);
	}
	return pid;
}

static pid_t sleeper(const char *const env[])
{
	static const char *const argv[] = { "/bin/sleep", "60", NULL };

	return launch(argv, env);
}

/* This program again, as one of the bodies below. It reports pids to `fd`. */
static pid_t again(const char *body, int fd, const char *const env[])
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", fd);
	return launch((const char *const[]){ "/proc/self/exe", "--body", body, number, NULL }, env);
}

static uint64_t start_of(pid_t pid, long ticks_per_s)
{
	uint64_t ticks;
	uint32_t same;
	char key[64];

	scene_key(pid, key, sizeof(key));
	assert_ok(process_key_parse(key, &same, &ticks));
	return ticks * (NS_PER_S / (uint64_t)ticks_per_s);
}

static pid_t reported(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	pid_t pid;

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(read(fd, &pid, sizeof(pid)), sizeof(pid));
	return pid;
}

static void report(int fd, pid_t pid)
{
	if (write(fd, &pid, sizeof(pid)) != sizeof(pid))
		_exit(3);
}

static void owner_is(struct stand *s, pid_t pid, uint64_t start_ns, pid_t owner)
{
	uint32_t found = 0;
	uint64_t found_start;

	assert_ok(lineage_owner(s->l, (uint32_t)pid, start_ns, &found, &found_start));
	assert_int_equal(found, owner);
}

static void has_no_owner(struct stand *s, pid_t pid, uint64_t start_ns)
{
	uint32_t found;
	uint64_t found_start;

	assert_err(lineage_owner(s->l, (uint32_t)pid, start_ns, &found, &found_start), ENOENT);
}

static void is(const struct env_values *v, enum env_key key, const char *value)
{
	if (!v->has[key])
		fail_msg("%s was not taken", env_key_name(key));
	assert_string_equal(v->value[key], value);
	assert_false(v->cut[key]);
}

static size_t n_taken(const struct env_values *v)
{
	size_t n = 0;

	for (unsigned i = 0; i < ENV_KEY_MAX; i++)
		n += v->has[i];
	return n;
}

/* ---- bodies ---- */

static void *fork_in_thread(void *arg)
{
	pid_t child = fork();

	if (child == 0) {
		(void)pause();
		_exit(0);
	}
	report(*(int *)arg, child);
	return NULL;
}

static void *exec_in_thread(void *arg UNUSED)
{
	static const char *const env[] = { "RANK=7", NULL };

	(void)execle("/bin/sleep", "sleep", "60", (char *)NULL, env);
	_exit(127);
}

static int body(const char *what, int fd)
{
	extern char **environ;
	pthread_t thread;

	(void)alarm(60);
	if (strcmp(what, "rewrite") == 0) {
		for (char **v = environ; *v; v++)
			memset(*v, 'X', strlen(*v));
		report(fd, getpid());
	} else if (strcmp(what, "orphan") == 0) {
		pid_t child = fork();
		if (child == 0) {
			pid_t grandchild = fork();
			if (grandchild > 0)
				report(fd, grandchild);
			if (grandchild != 0)
				_exit(0);
		} else {
			(void)waitpid(child, NULL, 0);
			report(fd, child);
		}
	} else if (strcmp(what, "strip") == 0) {
		pid_t child = fork();
		if (child > 0)
			report(fd, child);
		else
			(void)execle("/bin/sleep", "sleep", "60", (char *)NULL, (char *const[]){ NULL });
	} else if (strcmp(what, "thread") == 0) {
		if (pthread_create(&thread, NULL, fork_in_thread, &fd) != 0)
			return 4;
	} else if (strcmp(what, "thread-exec") == 0) {
		if (pthread_create(&thread, NULL, exec_in_thread, NULL) != 0)
			return 4;
	}
	for (;;)
		(void)pause();
}

/* ---- tests ---- */

static void listed_values_are_told(void **state)
{
	static const char *const env[] = { "PATH=/bin", "RANK=3", "WORLD_SIZE=8", "MASTER_ADDR=10.0.0.1",
					   "API_TOKEN=" SECRET, "LOCAL_RANK=", NULL };
	struct stand *s = stand(state);
	struct kernel_cgroup cgroups;
	char path[KERNEL_CGROUP_PATH_MAX];
	pid_t pid = sleeper(env);

	assert_true(await(s, pid));
	is(&s->exec.env, ENV_RANK, "3");
	is(&s->exec.env, ENV_WORLD_SIZE, "8");
	is(&s->exec.env, ENV_MASTER_ADDR, "10.0.0.1");
	is(&s->exec.env, ENV_LOCAL_RANK, ""); /* empty is not absent */
	assert_int_equal(n_taken(&s->exec.env), 4);
	assert_int_equal(s->exec.untaken, 0);
	assert_false(s->exec.unread);
	assert_string_equal(s->exec.comm, "sleep");
	assert_int_equal(s->exec.ppid, getpid());
	assert_int_equal(s->exec.uid, getuid());
	uint64_t start_ns = start_of(pid, s->h->env.ticks_per_s);
	assert_true(s->exec.start_ns >= start_ns && s->exec.start_ns < start_ns + NS_PER_S / 100);
	kernel_cgroup_open(&cgroups, &s->h->env, lineage_paths_fd(s->l));
	kernel_cgroup_path(&cgroups, s->exec.cgroup, path, sizeof(path));
	assert_int_equal(path[0], '/');
	kernel_cgroup_close(&cgroups);
	owner_is(s, pid, start_ns, pid);
	(void)scene_end(pid);
	owner_is(s, pid, start_ns, pid); /* also of a process that has ended */
}

static void without_a_listed_name_nothing_is_told(void **state)
{
	static const char *const env[] = { "PATH=/bin", "RANKS=3", "RAN=1", "xRANK=2", "rank=5", "RANK", "=RANK=6", "",
					   NULL };
	static const char *const none[] = { NULL };
	static const char *const marker[] = { "RANK=last", NULL };
	struct stand *s = stand(state);
	pid_t pid = sleeper(env), bare = sleeper(none);

	/* the third comes behind the others in the ring */
	s->pid = (uint32_t)pid;
	pid_t last = sleeper(marker);
	assert_true(await(s, last));
	assert_int_equal(s->exec.pid, last);
	has_no_owner(s, pid, start_of(pid, s->h->env.ticks_per_s));
	has_no_owner(s, bare, start_of(bare, s->h->env.ticks_per_s));
	(void)scene_end(pid);
	(void)scene_end(bare);
	(void)scene_end(last);
}

/* A map of the kernel half that this process loaded last. */
static int map_of(const char *name)
{
	struct bpf_map_info info;
	uint32_t id = 0, size;
	int best = -1;

	while (bpf_map_get_next_id(id, &id) == 0) {
		int fd = bpf_map_get_fd_by_id(id);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && strcmp(info.name, name) == 0) {
			if (best >= 0)
				(void)close(best);
			best = fd;
		} else {
			(void)close(fd);
		}
	}
	return best;
}

struct raw {
	size_t n, bytes;
	bool secret, listed;
};

static int look_raw(void *arg, const void *data, size_t size)
{
	struct raw *raw = arg;

	raw->n++;
	raw->bytes += size;
	raw->secret |= memmem(data, size, "planted", 7) != NULL;
	raw->listed |= memmem(data, size, "listed-value", 12) != NULL;
	return 0;
}

static bool map_has(int fd, uint32_t size, const char *text)
{
	int cpus = libbpf_num_possible_cpus();
	AUTO_FREE char *values = calloc((size_t)cpus, size);
	uint32_t zero = 0;

	assert_ok(bpf_map_lookup_elem(fd, &zero, values));
	return memmem(values, (size_t)cpus * size, text, strlen(text)) != NULL;
}

/* The bytes of the ring themselves, and what is left in the kernel half's own memory. */
static void secrets_never_leave(void **state)
{
	char huge[8192], at_seam[4096 + 64];
	struct kernel_ring ring = { 0 };
	struct raw raw = { 0 };
	const char *env[] = { "RANK=listed-value",
			      "AZUREML_RUN_TOKEN=" SECRET,
			      "RANK_TOKEN=" SECRET,
			      "LOCAL_RANK2=" SECRET,
			      "RANK =" SECRET,
			      "KEY=RANK=" SECRET,
			      huge,
			      at_seam,
			      "WORLD_SIZE=2",
			      "Z=" SECRET,
			      NULL };

	(void)stand(state);
	(void)snprintf(huge, sizeof(huge), "HUGE=");
	for (size_t n = 5; n + sizeof(SECRET) < sizeof(huge); n += strlen(SECRET))
		(void)snprintf(huge + n, sizeof(huge) - n, "%s", SECRET);
	/* What is read in one piece ends where a listed name begins. */
	memset(at_seam, 's', sizeof(at_seam));
	(void)snprintf(at_seam + 4095, sizeof(at_seam) - 4095, "LOCAL_RANK=%s", SECRET);
	int fd = map_of("execs"), scratch = map_of("scratches");
	assert_true(fd >= 0 && scratch >= 0);
	assert_ok(kernel_ring_open(&ring, fd, look_raw, &raw));
	pid_t pid = sleeper(env);
	for (int i = 0; i < 100 && !raw.listed; i++)
		if (kernel_ring_drain(&ring, 64) == 0)
			(void)usleep(20000);
	assert_true(raw.listed);
	assert_false(raw.secret);
	assert_true(raw.bytes < raw.n * sizeof(struct lineage_record));
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	assert_ok(bpf_obj_get_info_by_fd(scratch, &info, &size));
	assert_false(map_has(scratch, info.value_size, "planted"));
	assert_true(map_has(scratch, info.value_size, "listed-value")); /* so that this test can fail */
	(void)scene_end(pid);
	kernel_ring_close(&ring);
	(void)close(fd);
	(void)close(scratch);
}

static void what_looks_like_a_name_inside_a_value_is_none(void **state)
{
	char seam[4096 + 64];
	struct stand *s = stand(state);
	const char *env[] = { seam, "RANK=1", NULL };

	memset(seam, 's', sizeof(seam));
	(void)snprintf(seam + 4095, sizeof(seam) - 4095, "LOCAL_RANK=66");
	pid_t pid = sleeper(env);
	assert_true(await(s, pid));
	assert_false(s->exec.env.has[ENV_LOCAL_RANK]);
	is(&s->exec.env, ENV_RANK, "1"); /* what comes behind it is read again */
	(void)scene_end(pid);
	/* as long as one piece exactly, and one less, and one more */
	for (size_t n = 4094; n <= 4096; n++) {
		memset(seam, 's', sizeof(seam));
		seam[n] = '\0';
		pid = sleeper(env);
		assert_true(await(s, pid));
		is(&s->exec.env, ENV_RANK, "1");
		(void)scene_end(pid);
	}
}

static void long_values_are_cut_and_say_so(void **state)
{
	static const size_t sizes[] = { ENV_VALUE_MAX - 2, ENV_VALUE_MAX - 1, ENV_VALUE_MAX, 5000, 100000 };
	struct stand *s = stand(state);
	AUTO_FREE char *entry = malloc(100100);

	assert_non_null(entry);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		const char *env[] = { entry, "WORLD_SIZE=4", NULL };
		(void)snprintf(entry, 100100, "MASTER_ADDR=");
		memset(entry + 12, 'v', sizes[i]);
		entry[12 + sizes[i]] = '\0';
		pid_t pid = sleeper(env);
		assert_true(await(s, pid));
		assert_int_equal(strlen(s->exec.env.value[ENV_MASTER_ADDR]), MIN_OF(sizes[i], (size_t)ENV_VALUE_MAX - 1));
		assert_true(s->exec.env.cut[ENV_MASTER_ADDR] == (sizes[i] >= ENV_VALUE_MAX));
		is(&s->exec.env, ENV_WORLD_SIZE, "4");
		(void)scene_end(pid);
	}
}

/* As TFJob writes it for 16 workers: who the task is stands behind a kilobyte of addresses. */
static void a_tf_config_is_read_to_its_task(void **state)
{
	struct stand *s = stand(state);
	struct tf_config config;
	char json[2048] = "TF_CONFIG={\"cluster\":{\"worker\":[";
	const char *env[] = { json, "RANK=1", NULL };

	for (int i = 0; i < 16; i++) {
		size_t n = strlen(json);
		(void)snprintf(json + n, sizeof(json) - n, "%s\"training-worker-%d.machine-learning.svc:2222\"",
			       i ? "," : "", i);
	}
	(void)snprintf(json + strlen(json), sizeof(json) - strlen(json),
		       "]},\"task\":{\"type\":\"worker\",\"index\":11},\"environment\":\"cloud\"}");
	pid_t pid = sleeper(env);
	assert_true(await(s, pid));
	assert_false(s->exec.env.cut[ENV_TF_CONFIG]);
	assert_true(tf_config_parse(s->exec.env.value[ENV_TF_CONFIG], strlen(s->exec.env.value[ENV_TF_CONFIG]), &config));
	assert_string_equal(config.type, "worker");
	assert_int_equal(config.index, 11);
	is(&s->exec.env, ENV_RANK, "1");
	(void)scene_end(pid);
}

static void hostile_values_come_escaped(void **state)
{
	static const char *const env[] = { "MASTER_ADDR=\033[31mred\xff\n", "RANK=1", "RANK=2", NULL };
	struct stand *s = stand(state);
	pid_t pid = sleeper(env);

	assert_true(await(s, pid));
	is(&s->exec.env, ENV_MASTER_ADDR, "\\x1B[31mred\\xFF\\x0A");
	is(&s->exec.env, ENV_RANK, "1"); /* of two the first, as getenv(3) has it */
	(void)scene_end(pid);
}

static void an_environment_beyond_the_bound_is_said_to_be(void **state)
{
	enum { MANY = 3000 };
	struct stand *s = stand(state);
	static char entries[MANY][24];
	static const char *env[MANY + 1];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(entries[i], sizeof(entries[i]), "VARIABLE_%d=x", i);
		env[i] = entries[i];
	}
	env[500] = "RANK=5";
	env[LINEAGE_MAX_STRINGS - 1] = "LOCAL_RANK=1"; /* the last that is looked at */
	env[LINEAGE_MAX_STRINGS] = "WORLD_SIZE=9";
	pid_t pid = sleeper(env);
	assert_true(await(s, pid));
	is(&s->exec.env, ENV_RANK, "5");
	is(&s->exec.env, ENV_LOCAL_RANK, "1");
	assert_false(s->exec.env.has[ENV_WORLD_SIZE]);
	assert_true(s->exec.unread);
	(void)scene_end(pid);
}

static void more_than_a_record_holds_is_counted(void **state)
{
	struct stand *s = stand(state);
	static char entries[ENV_KEY_MAX][ENV_KEY_NAME_MAX + ENV_VALUE_MAX + 2];
	static const char *env[ENV_KEY_MAX + 1];
	size_t room = LINEAGE_DATA_BYTES / LINEAGE_VALUE_BYTES;

	for (unsigned i = 0; i < ENV_KEY_MAX; i++) {
		int n = snprintf(entries[i], sizeof(entries[i]), "%s=", env_key_name((enum env_key)i));
		memset(entries[i] + n, 'v', ENV_VALUE_MAX - 1);
		env[i] = entries[i];
	}
	pid_t pid = sleeper(env);
	assert_true(await(s, pid));
	assert_int_equal(n_taken(&s->exec.env), MIN_OF((size_t)ENV_KEY_MAX, room));
	assert_int_equal(s->exec.untaken, ENV_KEY_MAX - MIN_OF((size_t)ENV_KEY_MAX, room));
	(void)scene_end(pid);
}

/* What a process makes of its own memory afterwards, and so of /proc/PID/environ, changes nothing. */
static void a_rewritten_environment_changes_nothing(void **state)
{
	static const char *const env[] = { "RANK=3", "WORLD_SIZE=8", NULL };
	struct stand *s = stand(state);
	char path[64], shown[256] = "";
	int ends[2];

	assert_ok(pipe(ends));
	pid_t pid = again("rewrite", ends[1], env);
	assert_int_equal(reported(ends[0]), pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_true(fread(shown, 1, sizeof(shown) - 1, f) > 0);
	assert_null(strstr(shown, "RANK"));
	assert_true(await(s, pid));
	is(&s->exec.env, ENV_RANK, "3");
	is(&s->exec.env, ENV_WORLD_SIZE, "8");
	(void)scene_end(pid);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void descendants_belong_to_it_also_when_orphaned(void **state)
{
	static const char *const env[] = { "RANK=1", NULL };
	struct stand *s = stand(state);
	int ends[2];

	assert_ok(pipe(ends));
	pid_t pid = again("orphan", ends[1], env);
	pid_t grandchild = reported(ends[0]), child = reported(ends[0]);
	assert_int_equal(kill(child, 0), -1); /* has ended and was reaped */
	uint64_t start_ns = start_of(grandchild, s->h->env.ticks_per_s);
	uint64_t owner_start = start_of(pid, s->h->env.ticks_per_s), found_start;
	uint32_t found;
	owner_is(s, grandchild, start_ns, pid);
	(void)scene_end(pid);
	owner_is(s, grandchild, start_ns, pid);
	assert_ok(lineage_owner(s->l, (uint32_t)grandchild, start_ns, &found, &found_start));
	assert_true(found_start >= owner_start && found_start < owner_start + NS_PER_S / 100);
	(void)kill(grandchild, SIGKILL);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void a_child_that_strips_its_environment_still_belongs(void **state)
{
	static const char *const env[] = { "RANK=1", NULL };
	struct stand *s = stand(state);
	int ends[2];

	assert_ok(pipe(ends));
	pid_t pid = again("strip", ends[1], env);
	pid_t child = reported(ends[0]);
	assert_true(await(s, pid));
	char path[64], comm[32] = "";
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", child);
	for (int i = 0; i < 100 && strcmp(comm, "sleep\n") != 0; i++) {
		AUTO_FCLOSE FILE *f = fopen(path, "re");
		if (!f || !fgets(comm, sizeof(comm), f) || strcmp(comm, "sleep\n") != 0)
			(void)usleep(20000);
	}
	assert_string_equal(comm, "sleep\n");
	owner_is(s, child, start_of(child, s->h->env.ticks_per_s), pid);
	(void)kill(child, SIGKILL);
	(void)scene_end(pid);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void a_child_with_a_listed_name_is_its_own_owner(void **state)
{
	static const char *const outer[] = { "MASTER_ADDR=a", NULL };
	struct stand *s = stand(state);
	const char *const argv[] = { "/bin/sh", "-c", "RANK=4 sleep 60 & echo; wait", NULL };
	pid_t pid = launch(argv, outer), child = 0;
	char path[64];

	assert_true(await(s, pid));
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	for (int i = 0; i < 100 && child == 0; i++) {
		AUTO_FCLOSE FILE *f = fopen(path, "re");
		if (!f || fscanf(f, "%d", &child) != 1)
			(void)usleep(20000);
	}
	assert_true(await(s, child));
	is(&s->exec.env, ENV_RANK, "4");
	is(&s->exec.env, ENV_MASTER_ADDR, "a");
	owner_is(s, child, start_of(child, s->h->env.ticks_per_s), child);
	owner_is(s, pid, start_of(pid, s->h->env.ticks_per_s), pid);
	(void)kill(child, SIGKILL);
	(void)scene_end(pid);
}

static void threads_fork_and_exec_for_their_process(void **state)
{
	static const char *const env[] = { "RANK=1", NULL }, *const plain[] = { "PATH=/bin", NULL };
	struct stand *s = stand(state);
	int ends[2];

	assert_ok(pipe(ends));
	pid_t pid = again("thread", ends[1], env);
	pid_t child = reported(ends[0]);
	owner_is(s, child, start_of(child, s->h->env.ticks_per_s), pid);
	(void)kill(child, SIGKILL);
	(void)scene_end(pid);
	/* A thread that is not the first takes over the pid and the start of its process. */
	pid = again("thread-exec", ends[1], plain);
	assert_true(await(s, pid));
	is(&s->exec.env, ENV_RANK, "7");
	uint64_t start_ns = start_of(pid, s->h->env.ticks_per_s);
	assert_true(s->exec.start_ns >= start_ns && s->exec.start_ns < start_ns + NS_PER_S / 100);
	(void)scene_end(pid);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* The kernel gives the same pid to another process. */
static void a_pid_used_again_is_another_process(void **state)
{
	static const char *const env[] = { "RANK=1", NULL };
	struct stand *s = stand(state);
	pid_t pid = sleeper(env), same;

	assert_true(await(s, pid));
	uint64_t start_ns = start_of(pid, s->h->env.ticks_per_s);
	(void)scene_end(pid);
	(void)usleep(30000); /* another clock tick */
	same = pid;
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&same, .set_tid_size = 1 };
	pid_t other = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (other == 0) {
		for (;;)
			(void)pause();
	}
	if (other < 0) {
		print_message("no pid can be chosen here (%s): only another start is asked for\n", strerror(errno));
		has_no_owner(s, pid, start_ns + NS_PER_S);
		return;
	}
	assert_int_equal(other, pid);
	uint64_t new_start = start_of(other, s->h->env.ticks_per_s);
	assert_true(new_start > start_ns);
	has_no_owner(s, pid, new_start);
	owner_is(s, pid, start_ns, pid); /* the one before is still known as what it was */
	(void)scene_end(other);
}

static int fork_when_told(void *arg)
{
	int *ends = arg;
	char byte;

	if (read(ends[0], &byte, 1) != 1)
		return 1;
	pid_t child = fork();
	if (child > 0)
		report(ends[3], child);
	return scene_sleep(NULL);
}

static void one_older_than_the_kernel_half_can_be_adopted(void **state)
{
	struct stand *s = stand(state);
	int ends[4];

	assert_ok(pipe(ends));
	assert_ok(pipe(ends + 2));
	pid_t pid = scene_spawn("li-older", fork_when_told, ends);
	uint64_t start_ns = start_of(pid, s->h->env.ticks_per_s);
	has_no_owner(s, pid, start_ns);
	assert_ok(lineage_adopt(s->l, (uint32_t)pid, start_ns, (uint32_t)pid, start_ns));
	owner_is(s, pid, start_ns, pid);
	assert_int_equal(write(ends[1], "x", 1), 1);
	pid_t child = reported(ends[2]);
	owner_is(s, child, start_of(child, s->h->env.ticks_per_s), pid);
	(void)kill(child, SIGKILL);
	(void)scene_end(pid);
	for (int i = 0; i < 4; i++)
		(void)close(ends[i]);
}

KERNEL_HALF_WRAP(lineage)

static void set_few(void *skel, const struct collect_env *env UNUSED, void *arg UNUSED)
{
	((struct lineage_bpf *)skel)->rodata->execs_per_s = 5;
}

static void too_many_execs_are_counted(void **state)
{
	static const struct kernel_half_ops ops = { lineage_kernel_half_open, lineage_kernel_half_destroy, set_few };
	static const char *const argv[] = { "/bin/true", NULL }, *const env[] = { NULL };
	struct stand *s = stand(state);
	struct kernel_half k = { 0 };
	struct lineage_counts c;
	cpu_set_t all, one;

	assert_ok(kernel_half_open(&k, &ops, &s->h->env, NULL));
	assert_ok(sched_getaffinity(0, sizeof(all), &all));
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	assert_ok(sched_setaffinity(0, sizeof(one), &one));
	for (int i = 0; i < 200; i++)
		(void)scene_wait(launch(argv, env));
	assert_ok(sched_setaffinity(0, sizeof(all), &all));
	struct lineage_bpf *skel = k.skel;
	assert_ok(kernel_half_sum(bpf_map__fd(skel->maps.counts), 0, (uint64_t *)c.n, LINEAGE_N_MAX));
	assert_true(c.n[LINEAGE_N_EXECS] >= 200);
	assert_true(c.n[LINEAGE_N_MISSED_RATE] > 0);
	kernel_half_close(&k);
}

static void a_full_ring_is_counted_as_missed(void **state)
{
	static const char *const argv[] = { "/bin/true", NULL };
	char value[ENV_VALUE_MAX + 16];
	struct stand *s = stand(state);
	const char *env[] = { value, "RANK=1", NULL };

	(void)snprintf(value, sizeof(value), "MASTER_ADDR=");
	memset(value + 12, 'v', ENV_VALUE_MAX - 1);
	value[12 + ENV_VALUE_MAX - 1] = '\0';
	lineage_close(&s->l);
	s->h->env.ring_kib = 4;
	assert_ok(lineage_open(&s->h->env, on_exec, s, &s->l));
	assert_int_equal(lineage_missed(s->l), 0);
	for (int i = 0; i < 60; i++)
		(void)scene_wait(launch(argv, env));
	assert_true(lineage_missed(s->l) > 0);
	/* and it goes on afterwards */
	while (lineage_drain(s->l, 64) > 0)
		;
	pid_t pid = sleeper(env);
	assert_true(await(s, pid));
	(void)scene_end(pid);
}

static void a_fixture_root_is_refused(void **state)
{
	struct harness *h = harness_new(&collector_self, "/tmp");
	struct lineage *l = NULL;

	(void)state;
	assert_err(lineage_open(&h->env, on_exec, NULL, &l), ENOSYS);
	assert_null(l);
	lineage_close(&l);
	h->collector = &(struct collector){ .close = free };
	harness_close(&h);
}

static void say_count(void *arg, const char *hook, int error, const char *reason)
{
	assert_string_equal(reason, "");
	assert_true(strcmp(hook, "tp_btf/sched_process_exec") == 0 || strcmp(hook, "tp_btf/sched_process_fork") == 0);
	if (!error)
		(*(int *)arg)++;
}

static void every_hook_is_reported(void **state)
{
	struct stand *s = stand(state);
	int n = 0;

	lineage_hooks(s->l, say_count, &n);
	assert_int_equal(n, 2);
}

#define WITH_STAND(test) cmocka_unit_test_setup_teardown(test, stand_open, stand_close)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_STAND(listed_values_are_told),
		WITH_STAND(without_a_listed_name_nothing_is_told),
		WITH_STAND(secrets_never_leave),
		WITH_STAND(what_looks_like_a_name_inside_a_value_is_none),
		WITH_STAND(long_values_are_cut_and_say_so),
		WITH_STAND(a_tf_config_is_read_to_its_task),
		WITH_STAND(hostile_values_come_escaped),
		WITH_STAND(an_environment_beyond_the_bound_is_said_to_be),
		WITH_STAND(more_than_a_record_holds_is_counted),
		WITH_STAND(a_rewritten_environment_changes_nothing),
		WITH_STAND(descendants_belong_to_it_also_when_orphaned),
		WITH_STAND(a_child_that_strips_its_environment_still_belongs),
		WITH_STAND(a_child_with_a_listed_name_is_its_own_owner),
		WITH_STAND(threads_fork_and_exec_for_their_process),
		WITH_STAND(a_pid_used_again_is_another_process),
		WITH_STAND(one_older_than_the_kernel_half_can_be_adopted),
		WITH_STAND(too_many_execs_are_counted),
		WITH_STAND(a_full_ring_is_counted_as_missed),
		cmocka_unit_test(a_fixture_root_is_refused),
		WITH_STAND(every_hook_is_reported),
	};

	if (argc == 4 && strcmp(argv[1], "--body") == 0)
		return body(argv[2], atoi(argv[3]));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
