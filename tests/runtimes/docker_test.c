// SPDX-License-Identifier: Apache-2.0
/* Against a stand-in server on a unix socket, well-behaved and not. tests/real/podman does the same with a real Podman.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

#include "tests/collectors/harness.h"

extern const struct collector collector_docker;

#define SECRET "hunter2-0451"
#define DOCKER_VERSION_TEXT                                                                                            \
	"{\"Platform\":{\"Name\":\"Docker Engine - Community\"},\"Components\":[{\"Name\":\"Engine\",\"Version\":"     \
	"\"24.0.7\",\"Details\":{\"ApiVersion\":\"1.43\"}}],\"Version\":\"24.0.7\",\"ApiVersion\":\"1.43\"}"
#define PODMAN_VERSION_TEXT                                                                                            \
	"{\"Components\":[{\"Name\":\"Podman Engine\",\"Version\":\"4.3.1\"},{\"Name\":\"Conmon\"}],\"Version\":"      \
	"\"4.3.1\",\"ApiVersion\":\"1.41\"}"

struct standin {
	char folder[64], files[96], socket[128];
	pid_t pid;
	struct harness *h;
	mono_ns_t now;
};

static void write_at(const struct standin *s, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s.new", name);
	harness_write(s->files, path, text);
	char from[256], to[256];
	snprintf(from, sizeof(from), "%s/%s.new", s->files, name);
	snprintf(to, sizeof(to), "%s/%s", s->files, name);
	assert_ok(rename(from, to));
}

static void append_event(const struct standin *s, const char *action, const char *id, const char *exit_code)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/events", s->files);
	AUTO_FCLOSE FILE *f = fopen(path, "ae");
	assert_non_null(f);
	/* Docker 24's own words. */
	fprintf(f,
		"{\"status\":\"%s\",\"id\":\"%s\",\"from\":\"busybox\",\"Type\":\"container\",\"Action\":\"%s\","
		"\"Actor\":{\"ID\":\"%s\","
		"\"Attributes\":{\"exitCode\":\"%s\",\"image\":\"busybox\",\"name\":\"w\"}},\"scope\":\"local\","
		"\"time\":1700000000}\n",
		action, id, action, id, exit_code);
}

static bool listens(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

static void start_server(struct standin *s)
{
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("python3", "python3", "tests/runtimes/docker_standin.py", s->socket, s->files, NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 500; i++) {
		if (listens(s->socket))
			return;
		usleep(10000);
	}
	fail_msg("the stand-in does not listen");
}

static void stop_server(struct standin *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	unlink(s->socket);
}

static void standin_open(struct standin *s, const char *socket, const char *version)
{
	char path[128];
	memset(s, 0, sizeof(*s));
	harness_folder(s->folder, sizeof(s->folder));
	snprintf(s->files, sizeof(s->files), "%s/standin", s->folder);
	snprintf(s->socket, sizeof(s->socket), "%s/run/%s", s->folder, socket);
	snprintf(path, sizeof(path), "run/%.60s.keep", socket);
	harness_write(s->folder, path, "");
	write_at(s, "version.json", version);
	write_at(s, "list.json", "[]");
	write_at(s, "mode", "");
	write_at(s, "events", "");
	start_server(s);
	s->h = harness_open(&collector_docker, s->folder);
	s->now = NS_PER_S;
}

static void standin_close(struct standin *s)
{
	harness_close(&s->h);
	stop_server(s);
	harness_remove(s->folder);
}

static const char *make_id(unsigned n)
{
	static char ids[8][65];
	char *id = ids[n % 8];
	snprintf(id, 65, "%064x", 0xabc000 + n);
	return id;
}

static void add_text(struct buf *b, const char *text)
{
	assert_ok(buf_add_text(b, text));
}

/* One container as Docker inspects it, its environment full of secrets. */
static void put_inspect(const struct standin *s, unsigned n, const char *name, const char *state, unsigned pid,
			int code, bool oom, unsigned restarts)
{
	char file[128], text[4096];
	snprintf(file, sizeof(file), "inspect/%s.json", make_id(n));
	snprintf(text, sizeof(text),
		 "{\"Id\":\"%s\",\"Created\":\"2026-01-01T00:00:00Z\",\"Path\":\"python\",\"Args\":[\"--token=" SECRET
		 "\"],\"State\":{\"Status\":\"%s\","
		 "\"Running\":true,\"OOMKilled\":%s,\"Pid\":%u,\"ExitCode\":%d,\"Error\":\"\",\"StartedAt\":\"202"
		 "6-01-01T00:00:01Z\","
		 "\"FinishedAt\":\"0001-01-01T00:00:00Z\"},\"Image\":\"sha256:00\",\"Name\":\"/%s\",\"RestartCoun"
		 "t\":%u,\"HostConfig\":"
		 "{\"Binds\":[\"/secret:/x\"]},\"Config\":{\"Hostname\":\"h\",\"Env\":[\"PATH=/bin\",\"TOKEN=" SECRET
		 "\"],\"Cmd\":[\"" SECRET
		 "\"],\"Image\":\"registry/train:1\",\"Labels\":{\"com.docker.compose.project\":\"llama\",\"passw"
		 "ord\":\"" SECRET "\"}}}",
		 make_id(n), state, oom ? "true" : "false", pid, code, name, restarts);
	write_at(s, file, text);
}

static void list_entry(struct buf *b, unsigned n, const char *name, const char *state)
{
	char text[1024];
	snprintf(text, sizeof(text),
		 "%s{\"Id\":\"%s\",\"Names\":[\"/%s\"],\"Image\":\"registry/train:1\",\"ImageID\":\"sha256:00\","
		 "\"Command\":\"python --token=" SECRET
		 "\",\"Created\":1,\"Ports\":[],\"Labels\":{\"com.docker.compose.project\":\"llama\",\"password\""
		 ":\"" SECRET "\"},\"State\":\"%s\",\"Status\":\"Up\",\"Mounts\":[]}",
		 b->len ? "," : "[", make_id(n), name, state);
	add_text(b, text);
}

static void list_write(const struct standin *s, struct buf *b)
{
	add_text(b, b->len ? "]" : "[]");
	assert_ok(buf_add(b, "", 1));
	write_at(s, "list.json", (const char *)b->data);
	buf_reset(b);
}

/* Collect until `done`, for at most `seconds` of real time. */
static bool spin(struct standin *s, bool (*done)(struct standin *s), unsigned seconds)
{
	for (unsigned i = 0; i < seconds * 50; i++) {
		assert_ok(harness_collect(s->h, s->now));
		if (done(s))
			return true;
		usleep(20000);
		s->now += 20 * NS_PER_MS;
	}
	return false;
}

static const char *attr(struct standin *s, const char *id, const char *name)
{
	entity_id e = graph_find(s->h->graph, ENTITY_CONTAINER, id);
	return e == ENTITY_NONE ? NULL : graph_attr(s->h->graph, e, name);
}

static void assert_attr(struct standin *s, const char *id, const char *name, const char *expected)
{
	const char *value = attr(s, id, name);
	if (!value && expected)
		fail_msg("%s has no %s", id, name);
	if (!expected) {
		assert_null(value);
		return;
	}
	assert_string_equal(value, expected);
}

/* Events of before it asks for them are none of its business. */
static bool is_followed(const struct standin *s)
{
	char path[128], text[65536];
	snprintf(path, sizeof(path), "%s/asked", s->files);
	int r = file_read_at(AT_FDCWD, path, text, sizeof(text), NULL);
	return (r == 0 || r == -EFBIG) && strstr(text, "/events");
}

static bool is_inspected(struct standin *s)
{
	return is_followed(s) && attr(s, make_id(1), "restart_count") != NULL;
}

static bool has_exited(struct standin *s)
{
	return harness_events(s->h, "docker.container.exited") > 0;
}

static bool is_silent(struct standin *s)
{
	return harness_events(s->h, "docker.daemon.silent") > 0;
}

static bool is_well(struct standin *s)
{
	return harness_events(s->h, "docker.daemon.answers") > 0;
}

static void assert_no_secret(struct standin *s)
{
	for (unsigned kind = 0; kind < ENTITY_KIND_MAX; kind++) {
		size_t cursor = 0;
		for (entity_id e; (e = graph_next_even_gone(s->h->graph, kind, &cursor)) != ENTITY_NONE;) {
			const char *name, *value;
			for (size_t i = 0; graph_attr_at(s->h->graph, e, i, &name, &value); i++)
				if (strstr(value, SECRET) || strstr(name, "password"))
					fail_msg("%s %s: %s is %s", entity_kind_name(kind), graph_key(s->h->graph, e),
						 name, value);
		}
	}
}

/* ---- well-behaved ---- */

static void test_docker(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	buf_init(&list, 1 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	list_entry(&list, 1, "trainer", "running");
	list_write(&s, &list);
	put_inspect(&s, 1, "trainer", "running", 4242, 0, false, 3);
	assert_ok(harness_probe(s.h));
	assert_true(spin(&s, is_inspected, 10));
	const char *id = make_id(1);
	assert_attr(&s, id, "name", "trainer");
	assert_attr(&s, id, "image", "registry/train:1");
	assert_attr(&s, id, "runtime", "docker");
	assert_attr(&s, id, "source", "docker");
	assert_attr(&s, id, "state", "running");
	assert_attr(&s, id, "pid", "4242");
	assert_attr(&s, id, "restart_count", "3");
	assert_attr(&s, id, "started_at", "2026-01-01T00:00:01Z");
	assert_attr(&s, id, "com.docker.compose.project", "llama");
	assert_attr(&s, id, "exit_code", NULL);
	assert_attr(&s, id, "unresolved", NULL);
	assert_true(harness_node(s.h, "docker.containers") == 1);
	assert_ok(harness_collect(s.h, s.now += 15 * NS_PER_S));
	assert_true(harness_value(s.h, "docker.container.restarts", ENTITY_CONTAINER, id) == 3);
	assert_no_secret(&s);

	/* Ends by the OOM killer: the event, then what an inspection says of it. */
	put_inspect(&s, 1, "trainer", "exited", 0, 137, true, 3);
	append_event(&s, "oom", id, "");
	append_event(&s, "die", id, "137");
	assert_true(spin(&s, has_exited, 10));
	const struct event *e = harness_event(s.h, "docker.container.exited", 0);
	assert_int_equal(e->code, 137);
	assert_int_equal(e->severity, SEVERITY_WARNING);
	assert_string_equal(harness_event_key(s.h, e), id);
	assert_true(harness_number(s.h, e, "exit_code") == 137);
	assert_true(harness_number(s.h, e, "oom_killed") == 1);
	assert_string_equal(harness_text(s.h, e, "reason"), "OOMKilled");
	assert_attr(&s, id, "state", "exited");
	assert_attr(&s, id, "exit_code", "137");
	assert_attr(&s, id, "exit_reason", "OOMKilled");
	assert_attr(&s, id, "pid", NULL);

	/* Removed. */
	append_event(&s, "destroy", id, "");
	entity_id gone = graph_find(s.h->graph, ENTITY_CONTAINER, id);
	for (unsigned i = 0; i < 200 && !graph_is_gone(s.h->graph, gone, NULL); i++) {
		assert_ok(harness_collect(s.h, s.now += 20 * NS_PER_MS));
		usleep(20000);
	}
	assert_true(graph_is_gone(s.h->graph, gone, NULL));
	standin_close(&s);
}

/* `docker run --rm`: gone before anybody could look. */
static void test_dies_and_is_removed_at_once(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	char inspect[160];
	buf_init(&list, 1 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	list_entry(&list, 1, "batch", "running");
	list_write(&s, &list);
	put_inspect(&s, 1, "batch", "running", 7, 0, false, 0);
	assert_true(spin(&s, is_inspected, 10));
	snprintf(inspect, sizeof(inspect), "%s/inspect/%s.json", s.files, make_id(1));
	assert_ok(unlink(inspect));
	append_event(&s, "die", make_id(1), "3");
	assert_true(spin(&s, has_exited, 10));
	const struct event *e = harness_event(s.h, "docker.container.exited", 0);
	assert_true(harness_number(s.h, e, "exit_code") == 3);
	assert_string_equal(harness_text(s.h, e, "reason"), "Error");
	assert_string_equal(harness_text(s.h, e, "name"), "batch");
	assert_true(graph_is_gone(s.h->graph, graph_find(s.h->graph, ENTITY_CONTAINER, make_id(1)), NULL));
	standin_close(&s);
}

/* Texts that Podman 4.3 wrote. */
static void test_podman_and_its_pods(void **unused)
{
	(void)unused;
	struct standin s;
	char text[1024];
	standin_open(&s, "podman/podman.sock", PODMAN_VERSION_TEXT);
	snprintf(text, sizeof(text),
		 "[{\"AutoRemove\":false,\"Command\":[\"sleep\"],\"Created\":\"2026-11-21T11:20:43Z\",\"Exited\":"
		 "false,\"ExitedAt\":-62135596800,"
		 "\"ExitCode\":0,\"Id\":\"%s\",\"Image\":\"localhost/why-test:1\",\"ImageID\":\"2c\",\"IsInfra\":"
		 "false,\"Labels\":"
		 "{\"com.docker.compose.project\":\"proj\"},\"Mounts\":[],\"Names\":[\"w1\"],\"Namespaces\":{},\""
		 "Networks\":[],\"Pid\":25454,"
		 "\"Pod\":\"aa\",\"PodName\":\"mypod\",\"Ports\":null,\"Size\":null,\"StartedAt\":1795260043,\"St"
		 "ate\":\"running\",\"Status\":\"\"}]",
		 make_id(1));
	write_at(&s, "list.json", text);
	put_inspect(&s, 1, "w1", "running", 25454, 0, false, 0);
	assert_true(spin(&s, is_inspected, 10));
	assert_attr(&s, make_id(1), "name", "w1");
	assert_attr(&s, make_id(1), "runtime", "podman");
	assert_attr(&s, make_id(1), "podman_pod", "mypod");
	assert_attr(&s, make_id(1), "com.docker.compose.project", "llama"); /* the inspection's word is the last */
	size_t cursor = 0;
	assert_int_equal(graph_next(s.h->graph, ENTITY_POD, &cursor), ENTITY_NONE);
	/* Podman says "remove" where Docker says "destroy". */
	append_event(&s, "remove", make_id(1), "");
	entity_id gone = graph_find(s.h->graph, ENTITY_CONTAINER, make_id(1));
	for (unsigned i = 0; i < 200 && !graph_is_gone(s.h->graph, gone, NULL); i++) {
		assert_ok(harness_collect(s.h, s.now += 20 * NS_PER_MS));
		usleep(20000);
	}
	assert_true(graph_is_gone(s.h->graph, gone, NULL));
	standin_close(&s);
}

static void test_restarted_daemon(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	buf_init(&list, 1 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	list_entry(&list, 1, "keeps", "running");
	list_entry(&list, 2, "goes", "running");
	list_write(&s, &list);
	put_inspect(&s, 1, "keeps", "running", 7, 0, false, 0);
	put_inspect(&s, 2, "goes", "running", 8, 0, false, 0);
	assert_true(spin(&s, is_inspected, 10));
	stop_server(&s);
	assert_true(spin(&s, is_silent, 10));
	const struct event *e = harness_event(s.h, "docker.daemon.silent", 0);
	assert_string_equal(harness_text(s.h, e, "daemon"), "Docker at /run/docker.sock");
	assert_string_equal(harness_text(s.h, e, "why"), "nobody answers there");
	assert_attr(&s, make_id(1), "unresolved",
		    "whether its state is still so: Docker at /run/docker.sock: "
		    "nobody answers there");
	assert_attr(&s, make_id(1), "name", "keeps");
	assert_string_equal(graph_attr(s.h->graph, graph_node(s.h->graph), "unresolved.docker"),
			    "names and images of containers: Docker at /run/docker.sock: nobody answers there");
	assert_false(harness_has(s.h, "docker.containers", ENTITY_NODE, HARNESS_NODE)); /* unknown is not a number */
	assert_ok(harness_collect(s.h, s.now += 20 * NS_PER_S));
	assert_true(harness_node(s.h, "docker.silent") == 20e9);
	list_entry(&list, 1, "keeps", "running");
	list_write(&s, &list);
	start_server(&s);
	s.now += 70 * NS_PER_S;
	assert_true(spin(&s, is_well, 10));
	assert_true(harness_node(s.h, "docker.silent") == 0);
	assert_attr(&s, make_id(1), "unresolved", NULL);
	assert_true(graph_is_gone(s.h->graph, graph_find(s.h->graph, ENTITY_CONTAINER, make_id(2)), NULL));
	standin_close(&s);
}

/* ---- not well-behaved ---- */

static void test_each_misbehaviour_is_said_and_ends(void **unused)
{
	(void)unused;
	static const struct {
		const char *mode, *why;
	} cases[] = {
		{ "version=garbage", "its answer cannot be read" },
		{ "version=cut", NULL },
		{ "version=close", NULL },
		{ "version=500", "it answers 500" },
		{ "version=endless", "its answer is longer than any that is expected" },
		{ "version=headers", "its answer is longer than any that is expected" },
		{ "version=chunks", NULL },
		{ "version=hang", "it does not answer in time" },
		{ "version=trickle", "it does not answer in time" },
		{ "list=garbage", "its answer cannot be read" },
		{ "list=endless", "its answer is longer than any that is expected" },
		{ "list=404", "it answers 404" },
		{ "events=garbage", "its events cannot be read" },
		{ "events=500", "it answers 500" },
	};
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	buf_init(&list, 1 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	list_entry(&list, 1, "one", "running");
	list_write(&s, &list);
	put_inspect(&s, 1, "one", "running", 7, 0, false, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		write_at(&s, "mode", cases[i].mode);
		s.now += 400 * NS_PER_S; /* listed every five minutes */
		if (!spin(&s, is_silent, 20))
			fail_msg("%s: nobody said so", cases[i].mode);
		const char *why = harness_text(s.h, harness_event(s.h, "docker.daemon.silent", 0), "why");
		if (cases[i].why && strcmp(why, cases[i].why) != 0)
			fail_msg("%s: %s", cases[i].mode, why);
		write_at(&s, "mode", "");
		s.now += 120 * NS_PER_S;
		if (!spin(&s, is_well, 20))
			fail_msg("%s: does not recover", cases[i].mode);
	}
	assert_attr(&s, make_id(1), "name", "one");
	standin_close(&s);
}

static bool is_untold(struct standin *s)
{
	return attr(s, make_id(1), "unresolved") != NULL;
}

static void test_flood_of_events(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	buf_init(&list, 1 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	write_at(&s, "mode", "events=flood");
	list_entry(&list, 1, "one", "running");
	list_write(&s, &list);
	put_inspect(&s, 1, "one", "running", 7, 0, false, 0);
	assert_true(spin(&s, is_inspected, 20));
	standin_close(&s);
}

/* One container that its daemon cannot speak of does not spoil the others. */
static void test_inspection_fails(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	buf_init(&list, 1 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	write_at(&s, "mode", "inspect=500");
	list_entry(&list, 1, "one", "running");
	list_write(&s, &list);
	put_inspect(&s, 1, "one", "running", 7, 0, false, 0);
	assert_true(spin(&s, is_untold, 10));
	assert_attr(&s, make_id(1), "name", "one");
	assert_attr(&s, make_id(1), "unresolved",
		    "its process, restarts and exit: asked about it, Docker at /run/docker.sock: it answers 500");
	write_at(&s, "mode", "");
	append_event(&s, "start", make_id(1), "");
	assert_true(spin(&s, is_inspected, 10));
	assert_attr(&s, make_id(1), "unresolved", NULL);
	standin_close(&s);
}

static void test_hostile_texts(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	AUTO_FREE char *label = calloc(1, 4097);
	memset(label, 'x', 4096);
	buf_init(&list, 1 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	list_entry(&list, 1, "\\u001b[31mred\\u001b[0m\\ud800", "running");
	/* Ids that are none, a text where a number should be, names without end. */
	add_text(&list, ",{\"Id\":\"../../etc\",\"Names\":[\"/evil\"]},{\"Id\":\"ABC\"},{\"Id\":7},{\"Names\":nul"
			"l,\"Labels\":null},null,7");
	add_text(&list, ",{\"Id\":\"");
	add_text(&list, make_id(2));
	add_text(&list, "\",\"Names\":[\"/");
	add_text(&list, label);
	add_text(&list, "\"],\"Labels\":{\"com.docker.compose.project\":\"");
	add_text(&list, label);
	add_text(&list, "\",\"");
	add_text(&list, label);
	add_text(&list, "\":\"x\"}}");
	list_write(&s, &list);
	put_inspect(&s, 1, "\\u001b[31mred\\u001b[0m\\ud800", "running", 7, 0, false, 0);
	assert_true(spin(&s, is_inspected, 10));
	assert_attr(&s, make_id(1), "name",
		    "\033[31mred\033[0m\xef\xbf\xbd"); /* kept as it is; escaped where it is shown */
	assert_true(strlen(attr(&s, make_id(2), "name")) < 256);
	assert_true(strlen(attr(&s, make_id(2), "com.docker.compose.project")) < 256);
	size_t cursor = 0, n = 0;
	while (graph_next_even_gone(s.h->graph, ENTITY_CONTAINER, &cursor) != ENTITY_NONE)
		n++; /* the second is gone again: an inspection does not know it */
	assert_int_equal(n, 2);
	assert_no_secret(&s);
	standin_close(&s);
}

/* ---- who may be believed ---- */

static void test_a_users_daemon_has_to_show_a_process(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	char cgroup[160];
	buf_init(&list, 1 << 20);
	if (getuid() != 0)
		skip();
	standin_open(&s, "user/1000/podman/podman.sock", PODMAN_VERSION_TEXT);
	list_entry(&list, 1, "true", "running");
	list_entry(&list, 2, "lie", "running");
	list_entry(&list, 3, "old", "exited");
	list_entry(&list, 4, "another's", "running");
	list_write(&s, &list);
	put_inspect(&s, 1, "true", "running", 77, 0, false, 0);
	put_inspect(&s, 2, "lie", "running", 78, 0, false, 0);
	put_inspect(&s, 3, "old", "exited", 0, 0, false, 0);
	put_inspect(&s, 4, "another's", "running", 79, 0, false, 0);
	snprintf(cgroup, sizeof(cgroup),
		 "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-%s.s"
		 "cope\n",
		 make_id(1));
	harness_write(s.folder, "proc/77/cgroup", cgroup);
	harness_write(s.folder, "proc/78/cgroup", "0::/system.slice/sshd.service\n");
	snprintf(cgroup, sizeof(cgroup), "0::/system.slice/cri-containerd-%s.scope\n", make_id(4));
	harness_write(s.folder, "proc/79/cgroup", cgroup);
	/* Root's socket in the folder of user 1000 is not user 1000's. */
	for (unsigned i = 0; i < 20; i++)
		assert_ok(harness_collect(s.h, s.now += 20 * NS_PER_MS));
	assert_null(attr(&s, make_id(1), "name"));
	assert_ok(chown(s.socket, 1000, 1000));
	s.now += 10 * NS_PER_S;
	assert_true(spin(&s, is_inspected, 10));
	assert_attr(&s, make_id(1), "name", "true");
	for (unsigned i = 0; i < 20; i++)
		assert_ok(harness_collect(s.h, s.now += 20 * NS_PER_MS));
	assert_null(attr(&s, make_id(2), "name"));
	assert_null(attr(&s, make_id(3), "name"));
	assert_null(attr(&s, make_id(4), "name"));
	standin_close(&s);
}

static void test_two_thousand(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	const unsigned n = 2000;
	buf_init(&list, 4 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	for (unsigned i = 0; i < n; i++) {
		list_entry(&list, i, "many", "running");
		put_inspect(&s, i, "many", "running", 100 + i, 0, false, 0);
	}
	list_write(&s, &list);
	unsigned inspected = 0;
	for (unsigned turn = 0; turn < 400 && inspected < n; turn++) {
		assert_ok(harness_collect(s.h, s.now += NS_PER_S / 10));
		size_t cursor = 0;
		inspected = 0;
		for (entity_id e; (e = graph_next(s.h->graph, ENTITY_CONTAINER, &cursor)) != ENTITY_NONE;)
			inspected += graph_attr(s.h->graph, e, "pid") != NULL;
	}
	assert_int_equal(inspected, n);
	assert_true(harness_node(s.h, "docker.containers") == n);
	standin_close(&s);
}

/* A batch as an isolated collector has it, too small for all at once: the others wait their turn. */
static void test_none_is_lost_for_want_of_room(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	const unsigned n = 2000;
	buf_init(&list, 4 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	batch_free(&s.h->batch);
	assert_ok(batch_new(s.h->graph, 16384, 1024, 16384, &s.h->batch));
	batch_set_metric_base(s.h->batch, s.h->first);
	for (unsigned i = 0; i < n; i++) {
		list_entry(&list, i, "many", "running");
		put_inspect(&s, i, "many", "running", 100 + i, 0, false, 0);
	}
	list_write(&s, &list);
	unsigned inspected = 0;
	for (unsigned turn = 0; turn < 400 && inspected < n; turn++) {
		assert_ok(harness_collect(s.h, s.now += NS_PER_S / 10));
		size_t cursor = 0;
		inspected = 0;
		for (entity_id e; (e = graph_next(s.h->graph, ENTITY_CONTAINER, &cursor)) != ENTITY_NONE;)
			inspected += graph_attr(s.h->graph, e, "pid") && graph_attr(s.h->graph, e, "name");
	}
	assert_int_equal(inspected, n);
	assert_int_equal(s.h->batch->dropped_ops, 0);
	standin_close(&s);
}

static bool is_said_unnamed(struct standin *s)
{
	return attr(s, make_id(5), "unresolved") != NULL;
}

/* A daemon that hangs from the start: what its cgroups show has no name, and the reason is said. */
static void test_containers_that_nobody_can_name(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	char path[160];
	buf_init(&list, 1 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	write_at(&s, "mode", "version=500");
	snprintf(path, sizeof(path), "sys/fs/cgroup/docker/%s/cgroup.procs", make_id(5));
	harness_write(s.folder, path, "");
	snprintf(path, sizeof(path), "sys/fs/cgroup/libpod_parent/libpod-%s/cgroup.procs", make_id(6));
	harness_write(s.folder, path, "");
	for (unsigned i = 0; i < 20 && !is_said_unnamed(&s); i++) {
		assert_ok(harness_collect(s.h, s.now += 11 * NS_PER_S));
		usleep(50000);
	}
	assert_attr(&s, make_id(5), "unresolved",
		    "its name and image: Docker or Podman at /run/docker.sock: it answers 500");
	assert_attr(&s, make_id(6), "unresolved",
		    "its name and image: Podman has no socket at /run/podman/podman.sock (systemctl enable --now "
		    "podman.socket)");
	list_entry(&list, 5, "late", "running");
	list_write(&s, &list);
	put_inspect(&s, 5, "late", "running", 7, 0, false, 0);
	write_at(&s, "mode", "");
	s.now += 120 * NS_PER_S;
	assert_true(spin(&s, is_well, 10));
	assert_attr(&s, make_id(5), "name", "late");
	assert_attr(&s, make_id(5), "unresolved", NULL);
	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/libpod_parent", s.folder);
	harness_remove(path);
	assert_ok(harness_collect(s.h, s.now += 11 * NS_PER_S));
	assert_true(graph_is_gone(s.h->graph, graph_find(s.h->graph, ENTITY_CONTAINER, make_id(6)), NULL));
	assert_false(graph_is_gone(s.h->graph, graph_find(s.h->graph, ENTITY_CONTAINER, make_id(5)), NULL));
	standin_close(&s);
}

static bool has_second(struct standin *s)
{
	return attr(s, make_id(2), "pid") != NULL;
}

/* What happened while it began to follow, and came by no event, is in the second list. */
static void test_missed_event(void **unused)
{
	(void)unused;
	struct standin s;
	AUTO_BUF struct buf list = { 0 };
	buf_init(&list, 1 << 20);
	standin_open(&s, "docker.sock", DOCKER_VERSION_TEXT);
	list_entry(&list, 1, "first", "running");
	list_write(&s, &list);
	put_inspect(&s, 1, "first", "running", 7, 0, false, 0);
	put_inspect(&s, 2, "second", "running", 8, 0, false, 0);
	assert_true(spin(&s, is_inspected, 10));
	list_entry(&list, 1, "first", "running");
	list_entry(&list, 2, "second", "running");
	list_write(&s, &list);
	s.now += 4 * NS_PER_S;
	assert_true(spin(&s, has_second, 10));
	standin_close(&s);
}

static void test_none_here(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	struct harness *h = harness_open(&collector_docker, folder);
	assert_err(harness_probe(h), ENODEV);
	assert_non_null(strstr(h->reason, "looked for every 30 s"));
	assert_ok(harness_collect(h, NS_PER_S));
	assert_false(harness_has(h, "docker.containers", ENTITY_NODE, HARNESS_NODE));
	harness_write(folder, "usr/bin/podman", "");
	assert_ok(harness_probe(h));
	harness_close(&h);
	harness_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_dies_and_is_removed_at_once),
		cmocka_unit_test(test_podman_and_its_pods),
		cmocka_unit_test(test_restarted_daemon),
		cmocka_unit_test(test_each_misbehaviour_is_said_and_ends),
		cmocka_unit_test(test_flood_of_events),
		cmocka_unit_test(test_inspection_fails),
		cmocka_unit_test(test_hostile_texts),
		cmocka_unit_test(test_a_users_daemon_has_to_show_a_process),
		cmocka_unit_test(test_two_thousand),
		cmocka_unit_test(test_none_is_lost_for_want_of_room),
		cmocka_unit_test(test_containers_that_nobody_can_name),
		cmocka_unit_test(test_missed_event),
		cmocka_unit_test(test_none_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
