/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "collectors/isolate_wire.h"
#include "collectors/self.h"
#include "model/codec.h"

#define MIN_BACK_OFF_NS  NS_PER_S
#define MAX_BACK_OFF_NS  (300 * NS_PER_S)
#define START_DEADLINES  4 /* the first reading may take so many deadlines: it loads libraries */
#define STUCK_AFTER_NS   (2 * NS_PER_S)
#define SAY_AGAIN_NS     (10 * NS_PER_S)
#define LEAVE_WAIT_MS    300
#define CLOSE_WAIT_MS    1000
#define MAX_PACKETS      512 /* a drain */
#define MAX_ENTITIES     16384
#define MAX_SAMPLES      16384
#define MAX_EVENTS       1024

extern char **environ;

struct isolate {
	const struct collector *collector;
	const struct collect_env *env;
	const struct metrics *metrics;
	uint32_t self_first;
	int epoll_fd;
	int sock, pidfd;
	int mark_fd;
	struct collect_marks *marks;
	char doing[COLLECT_MARK_MAX]; /* what the process did not return from, when it hung */
	pid_t pid; /* 0: none */
	bool under_way, dying, fresh, failing, hung; /* hung: killed because it missed its deadline */
	uint64_t seq;
	mono_ns_t sent_at, due, killed_at, retry_at, say_at;
	uint64_t deadline_ns, back_off_ns;
	struct buf reading;
	struct graph *mirror; /* what the child's entity ids mean */
	struct batch *decoded;
	struct codec_reader *reader;
	struct isolate_stats stats;
};

static int make_marks(struct isolate *i)
{
	i->mark_fd = memfd_create("whyd-marks", MFD_CLOEXEC);
	if (i->mark_fd < 0 || ftruncate(i->mark_fd, sizeof(*i->marks)) < 0)
		return -errno;
	void *marks = mmap(NULL, sizeof(*i->marks), PROT_READ | PROT_WRITE, MAP_SHARED, i->mark_fd, 0);
	if (marks == MAP_FAILED)
		return -errno;
	i->marks = marks;
	return 0;
}

int isolate_open(const struct collector *collector, const struct collect_env *env, const struct metrics *metrics,
		 uint32_t self_first, struct isolate **ret_isolate)
{
	AUTO(isolate_close) struct isolate *i = calloc(1, sizeof(*i));

	if (!i)
		return -ENOMEM;
	i->sock = i->pidfd = i->epoll_fd = i->mark_fd = -1;
	i->collector = collector;
	i->env = env;
	i->metrics = metrics;
	i->self_first = self_first;
	i->deadline_ns = (collector->deadline_ms ? collector->deadline_ms : 1000) * NS_PER_MS;
	i->back_off_ns = MIN_BACK_OFF_NS;
	buf_init(&i->reading, ISOLATE_MAX_READING);
	i->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (i->epoll_fd < 0)
		return -errno;
	int r = make_marks(i);
	if (r < 0)
		return r;
	*ret_isolate = TAKE_PTR(i);
	return 0;
}

static void drop_decoder(struct isolate *i)
{
	codec_reader_free(&i->reader);
	batch_free(&i->decoded);
	graph_free(&i->mirror);
	buf_reset(&i->reading);
}

static void drop_fd(int *fd)
{
	/* Closing takes it out of the epoll set: no other descriptor refers to the same file. */
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Status of the child when it has gone; -EAGAIN: it is still there. */
static int reap(struct isolate *i, int *ret_status)
{
	pid_t r = waitpid(i->pid, ret_status, WNOHANG);

	if (r == 0)
		return -EAGAIN;
	if (r < 0)
		*ret_status = 0; /* somebody else reaped it */
	i->pid = 0;
	i->dying = i->under_way = i->hung = false;
	drop_fd(&i->pidfd);
	drop_fd(&i->sock);
	drop_decoder(i);
	return 0;
}

void isolate_close(struct isolate **isolate)
{
	struct isolate *i = *isolate;
	int status;

	if (!i)
		return;
	drop_fd(&i->sock);
	if (i->pid) {
		struct pollfd p = { .fd = i->pidfd, .events = POLLIN };
		/* A child that waits for requests ends by itself; one that is in a reading has to be killed. */
		if (i->dying || i->under_way || poll(&p, 1, LEAVE_WAIT_MS) != 1) {
			(void)kill(i->pid, SIGKILL);
			(void)poll(&p, 1, CLOSE_WAIT_MS);
		}
		(void)reap(i, &status);
	}
	drop_fd(&i->pidfd);
	drop_fd(&i->epoll_fd);
	drop_fd(&i->mark_fd);
	if (i->marks)
		(void)munmap(i->marks, sizeof(*i->marks));
	drop_decoder(i);
	buf_done(&i->reading);
	free(i);
	*isolate = NULL;
}

/* ---- starting ---- */

static int watch(struct isolate *i, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	return epoll_ctl(i->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int spawn_with(struct isolate *i, int sock, int root, int marks, pid_t *ret_pid)
{
	char name[64];
	char *argv[] = { (char[]){ "whyd" }, (char[]){ "--isolated" }, name, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;

	(void)text_copy(name, sizeof(name), i->collector->name);
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	int r = posix_spawn_file_actions_init(&files);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r) {
		(void)posix_spawn_file_actions_destroy(&files);
		return -r;
	}
	/* The agent blocks the signals it reads by descriptor; the child starts clean and outside the terminal's group. */
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setsigdefault(&attr, &all);
	(void)posix_spawn_file_actions_adddup2(&files, sock, ISOLATE_FD);
	(void)posix_spawn_file_actions_adddup2(&files, root, ISOLATE_ROOT_FD);
	(void)posix_spawn_file_actions_adddup2(&files, marks, ISOLATE_MARK_FD);
	(void)posix_spawn_file_actions_addclosefrom_np(&files, ISOLATE_MARK_FD + 1);
	r = posix_spawn(ret_pid, "/proc/self/exe", &files, &attr, argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	return -r;
}

static int send_packet(struct isolate *i, const struct isolate_packet *p, const void *data)
{
	struct iovec parts[] = {
		{ .iov_base = (void *)(uintptr_t)p, .iov_len = sizeof(*p) },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = p->n_data },
	};
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = data ? 2 : 1 };

	return sendmsg(i->sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int make_decoder(struct isolate *i)
{
	drop_decoder(i);
	int r = graph_new(MAX_ENTITIES, i->env->node_name, &i->mirror);
	if (r == 0)
		r = batch_new(i->mirror, MAX_SAMPLES, MAX_EVENTS, MAX_SAMPLES, &i->decoded);
	if (r == 0)
		r = codec_reader_new(i->metrics, &i->reader);
	return r;
}

static int send_setup(struct isolate *i)
{
	struct isolate_setup setup = {
		.fixture = i->env->fixture,
		.ring_kib = i->env->ring_kib,
		.n_cpus = i->env->n_cpus,
		.self_pid = i->env->self_pid,
		.ticks_per_s = i->env->ticks_per_s,
		.page_bytes = i->env->page_bytes,
	};
	const struct isolate_packet p = { .magic = ISOLATE_MAGIC, .kind = ISOLATE_INIT, .n_data = sizeof(setup) };

	(void)text_copy(setup.node_name, sizeof(setup.node_name), i->env->node_name);
	(void)text_copy(setup.boot_id, sizeof(setup.boot_id), i->env->boot_id ? i->env->boot_id : "");
	(void)text_copy(setup.nvml_path, sizeof(setup.nvml_path), i->env->nvml_path ? i->env->nvml_path : "");
	return send_packet(i, &p, &setup);
}

static int start(struct isolate *i)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	AUTO_CLOSE int ours = pair[0], theirs = pair[1];
	/* Above the numbers that they get in the child, so that one dup2 cannot overwrite the other. */
	AUTO_CLOSE int theirs_high = fcntl(theirs, F_DUPFD_CLOEXEC, 16);
	AUTO_CLOSE int root_high = fcntl(i->env->root_fd, F_DUPFD_CLOEXEC, 16);
	AUTO_CLOSE int marks_high = fcntl(i->mark_fd, F_DUPFD_CLOEXEC, 16);
	if (theirs_high < 0 || root_high < 0 || marks_high < 0)
		return -EMFILE;
	int r = make_decoder(i);
	if (r < 0)
		return r;
	r = spawn_with(i, theirs_high, root_high, marks_high, &i->pid);
	if (r < 0) {
		i->pid = 0;
		return r;
	}
	i->stats.starts++;
	i->marks->doing[0] = '\0'; /* of one that died in it: that was no hang */
	i->fresh = true;
	i->sock = TAKE_FD(ours);
	i->pidfd = pidfd_open(i->pid, 0); /* O_CLOEXEC by nature; -1 on kernels before 5.3: the socket's end is noticed */
	r = watch(i, i->sock);
	if (r == 0 && i->pidfd >= 0)
		r = watch(i, i->pidfd);
	return r < 0 ? r : send_setup(i);
}

/* ---- ending ---- */

static void back_off(struct isolate *i, mono_ns_t now)
{
	i->retry_at = now + i->back_off_ns;
	i->back_off_ns = MIN_OF(i->back_off_ns * 2, MAX_BACK_OFF_NS);
}

static void kill_child(struct isolate *i, mono_ns_t now)
{
	(void)kill(i->pid, SIGKILL);
	i->dying = true;
	i->under_way = false;
	i->killed_at = now;
	drop_fd(&i->sock);
	back_off(i, now);
}

static void note_failed(struct isolate *i, mono_ns_t now, struct batch *out, int error, const char *reason)
{
	if (!i->failing)
		self_emit_failed(out, i->self_first, i->collector->name, now, error, reason);
	i->failing = true;
}

static void note_death(struct isolate *i, mono_ns_t now, struct batch *out, int status)
{
	char reason[96];
	const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;

	i->stats.deaths++;
	back_off(i, now);
	if (WIFSIGNALED(status))
		(void)snprintf(reason, sizeof(reason), "its process was killed by SIG%s", name ? name : "?");
	else
		(void)snprintf(reason, sizeof(reason), "its process exited with status %d", WEXITSTATUS(status));
	note_failed(i, now, out, ECHILD, reason);
}

static void say_hung(struct isolate *i, mono_ns_t now, struct batch *out)
{
	uint32_t first = metrics_find(i->metrics, i->collector->metrics[0].name);

	i->hung = true;
	i->say_at = now + SAY_AGAIN_NS;
	if (!i->collector->hung || first == METRIC_NONE)
		return;
	batch_set_metric_base(out, first);
	i->collector->hung(i->doing, mono_since(i->sent_at, now), now, out);
	batch_set_metric_base(out, 0);
}

/* True when the child is gone, or was not there. */
static bool settle(struct isolate *i, mono_ns_t now, struct batch *out)
{
	int status;
	bool killed = i->dying;

	if (!i->pid)
		return true;
	if (reap(i, &status) < 0) {
		i->stats.stuck = i->dying && mono_since(i->killed_at, now) > STUCK_AFTER_NS;
		if (i->hung && out && now >= i->say_at)
			say_hung(i, now, out);
		return false;
	}
	i->stats.stuck = false;
	if (!killed && out)
		note_death(i, now, out, status);
	return true;
}

/* ---- readings ---- */

static entity_id entity_in(struct isolate *i, entity_id id, struct batch *out)
{
	const char *key = graph_key(i->mirror, id);

	if (!key)
		return ENTITY_NONE;
	if (graph_kind(i->mirror, id) == ENTITY_NODE)
		return graph_node(out->graph);
	return batch_entity(out, graph_kind(i->mirror, id), key);
}

static void copy_op(struct isolate *i, const struct batch_op *op, struct batch *out)
{
	entity_id a = entity_in(i, op->a, out);

	if (op->kind == BATCH_OP_ATTR)
		batch_attr(out, a, op->name, op->value);
	else if (op->kind == BATCH_OP_LINK)
		batch_link(out, op->edge, a, entity_in(i, op->b, out));
	else if (op->kind == BATCH_OP_UNLINK)
		batch_unlink(out, op->edge, a, entity_in(i, op->b, out));
}

/* Last of all: naming an entity, as a sample does, would bring it back. */
static void copy_gone(struct isolate *i, const struct batch_op *op, struct batch *out)
{
	if (op->kind == BATCH_OP_GONE && graph_is_gone(i->mirror, op->a, NULL))
		batch_gone(out, entity_in(i, op->a, out));
}

static void copy_event(struct isolate *i, const struct event *e, struct batch *out)
{
	struct event *copy = batch_event(out, e->metric, entity_in(i, e->entity, out), e->at, e->severity, e->code);

	if (!copy)
		return;
	for (unsigned f = 0; f < e->n_values && f < METRIC_MAX_FIELDS; f++) {
		if (e->values[f].text)
			batch_value_text(out, copy, f, e->values[f].text);
		else
			batch_value_number(out, copy, f, e->values[f].number);
	}
	if (e->message)
		batch_message(out, copy, "%s", e->message);
	copy->simulated = e->simulated;
}

static int copy_batch(struct isolate *i, struct batch *out)
{
	const struct batch *in = i->decoded;

	batch_set_metric_base(out, 0);
	for (size_t n = 0; n < in->n_ops; n++)
		copy_op(i, &in->ops[n], out);
	for (size_t n = 0; n < in->n_samples; n++)
		batch_sample_at(out, in->samples[n].metric, entity_in(i, in->samples[n].entity, out), in->samples[n].at,
				in->samples[n].value);
	for (size_t n = 0; n < in->n_events; n++)
		copy_event(i, &in->events[n], out);
	for (size_t n = 0; n < in->n_ops; n++)
		copy_gone(i, &in->ops[n], out);
	return (int)(in->n_samples + in->n_events);
}

/* For the next process: stay away from what this one did not return from. The child wrote into memory that it still has:
 * it is copied before it is looked at. */
static void note_hang(struct isolate *i)
{
	char before[COLLECT_MARK_MAX];

	memcpy(i->doing, i->marks->doing, sizeof(i->doing));
	memcpy(before, i->marks->hung, sizeof(before));
	i->doing[sizeof(i->doing) - 1] = before[sizeof(before) - 1] = '\0';
	i->marks->doing[0] = '\0';
	if (!i->doing[0])
		return;
	size_t what = strcspn(i->doing, " ") + 1;
	i->marks->hangs = strncmp(i->doing, before, what) == 0 ? i->marks->hangs + 1 : 1;
	memcpy(i->marks->hung, i->doing, sizeof(i->doing));
}

/* Decode all frames of a reading. How many samples and events; -EBADMSG: not what a child of ours writes. */
static int take_reading(struct isolate *i, mono_ns_t now, struct batch *out)
{
	struct codec_header header;
	enum codec_what what;
	size_t at = 0, used;
	wall_ns_t wall;
	int n = 0;

	(void)graph_expire(i->mirror, now, NULL, NULL);
	while (at < i->reading.len) {
		int r = codec_read(i->reader, i->reading.data + at, i->reading.len - at, i->decoded, &used, &what,
				   &header, &wall);
		if (r < 0)
			return r == -EAGAIN ? -EBADMSG : r;
		at += used;
		if (what == CODEC_BATCH)
			n += copy_batch(i, out);
	}
	return n;
}

static int take_done(struct isolate *i, int result, mono_ns_t now, struct batch *out)
{
	int n = i->reading.overflow ? -EMSGSIZE : take_reading(i, now, out);

	buf_reset(&i->reading);
	i->under_way = i->fresh = false;
	i->stats.replies++;
	if (n < 0) {
		note_failed(i, now, out, -n, "its process sent what cannot be read");
		kill_child(i, now);
		return 0;
	}
	if (result < 0) {
		note_failed(i, now, out, -result, strerror(-result));
		return n;
	}
	if (i->failing)
		self_emit_recovered(out, i->self_first, i->collector->name, now);
	i->failing = false;
	i->back_off_ns = MIN_BACK_OFF_NS;
	return n;
}

/* One packet. 1: taken; 0: nothing there; -EPIPE: the child has hung up; -EBADMSG. */
static int take_packet(struct isolate *i, mono_ns_t now, struct batch *out, int *n_taken)
{
	uint8_t packet[sizeof(struct isolate_packet) + ISOLATE_MAX_DATA];
	struct isolate_packet p;
	ssize_t n = recv(i->sock, packet, sizeof(packet), MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
	if ((size_t)n < sizeof(p))
		return -EBADMSG;
	memcpy(&p, packet, sizeof(p));
	if (p.magic != ISOLATE_MAGIC || p.n_data != (size_t)n - sizeof(p))
		return -EBADMSG;
	if (!i->under_way || p.seq != i->seq)
		return 1;
	if (p.kind == ISOLATE_DATA)
		(void)buf_add(&i->reading, packet + sizeof(p), p.n_data);
	else if (p.kind == ISOLATE_DONE)
		*n_taken += take_done(i, p.result, now, out);
	else
		return -EBADMSG;
	return 1;
}

int isolate_drain(struct isolate *i, mono_ns_t now, struct batch *out)
{
	int taken = 0, r = 1;

	for (unsigned k = 0; k < MAX_PACKETS && r > 0 && i->sock >= 0; k++)
		r = take_packet(i, now, out, &taken);
	if (r == -EPIPE) {
		/* It is about to die: its end is told by the pidfd. The deadline sees to it that it does. */
		drop_fd(&i->sock);
		if (!i->under_way) {
			i->under_way = true;
			i->sent_at = now;
			i->due = now + i->deadline_ns;
		}
	} else if (r < 0 && i->pid && !i->dying) {
		note_failed(i, now, out, EBADMSG, "its process sent what cannot be read");
		kill_child(i, now);
	}
	if (i->pid && i->under_way && now >= i->due) {
		i->stats.missed_deadlines++;
		self_emit_stalled(out, i->self_first, i->collector->name, now, mono_since(i->sent_at, now),
				  i->deadline_ns * (i->fresh ? START_DEADLINES : 1));
		note_hang(i);
		i->failing = true;
		say_hung(i, now, out);
		kill_child(i, now);
	}
	(void)settle(i, now, out);
	return taken;
}

int isolate_request(struct isolate *i, mono_ns_t now)
{
	struct isolate_packet p = { .magic = ISOLATE_MAGIC, .kind = ISOLATE_REQUEST, .now_ns = now };
	int r;

	if (i->under_way)
		return -EBUSY;
	/* A death of its own is left to isolate_drain, which has a batch to say it in. */
	if (i->dying && !settle(i, now, NULL))
		return -EAGAIN;
	if (!i->pid) {
		if (now < i->retry_at)
			return -EAGAIN;
		r = start(i);
		if (r < 0) {
			if (i->pid)
				kill_child(i, now);
			else
				back_off(i, now);
			return r;
		}
	}
	p.seq = ++i->seq;
	p.wall_ns = 0; /* nobody reads it: samples carry the monotonic time of the request */
	r = send_packet(i, &p, NULL);
	if (r < 0)
		return r == -EAGAIN ? -EBUSY : -EAGAIN;
	i->stats.requests++;
	i->under_way = true;
	i->sent_at = now;
	i->due = now + i->deadline_ns * (i->fresh ? START_DEADLINES : 1);
	return 0;
}

int isolate_event_fd(const struct isolate *i)
{
	return i->epoll_fd;
}

mono_ns_t isolate_due(const struct isolate *i)
{
	if (i->under_way)
		return i->due;
	return i->hung ? i->say_at : UINT64_MAX;
}

void isolate_stats(const struct isolate *i, struct isolate_stats *ret_stats)
{
	*ret_stats = i->stats;
	ret_stats->failing = i->failing;
	ret_stats->running = i->pid != 0 && !i->dying;
}
