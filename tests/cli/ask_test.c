// SPDX-License-Identifier: Apache-2.0
/* Nobody answers, or not as it should: each time what is wrong, what to do, and the exit status of the contract. */
#include "cli/ask.h"

#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "cli/ask_hub.h"
#include "tests/cli/child.h"
#include "tests/cli/sample.h"
#include "tests/test.h"

static const char *run_dir;

static int setup(void **state UNUSED)
{
	run_dir = child_folder();
	return 0;
}

static int teardown(void **state UNUSED)
{
	child_folder_remove();
	return 0;
}

static void well(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
}

static void socket_address(struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/whyd.sock", run_dir);
}

static int make_socket(bool listening)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	socket_address(&address);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (listening)
		assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static void check_fails(const struct child_result *r, int status, const char *says, const char *advises)
{
	assert_int_equal(r->status, status);
	assert_string_equal(r->out, "");
	assert_int_equal(strncmp(r->err, "why: ", 5), 0);
	if (!strstr(r->err, says) || !strstr(r->err, advises))
		fail_msg("it says: %s", r->err);
}

static void test_no_agent(void **state UNUSED)
{
	check_fails(child_why("--local", "--run", run_dir), 69, "there is no /tmp/why-cli-test-",
		    "Is whyd running? (systemctl status whyd)");
	check_fails(child_why("doctor", "--local", "--run", "/nonexistent/x"), 69, "/nonexistent/x/whyd.sock",
		    "--hub HOST:PORT");
}

static void test_a_socket_without_an_agent(void **state UNUSED)
{
	AUTO_CLOSE int fd = make_socket(false);

	check_fails(child_why("--local", "--run", run_dir), 69, "nobody listens on ", "Is whyd running?");
	/* It is there, so it is asked even without --local: a dead agent is to be told, not passed by. */
	check_fails(child_why("--run", run_dir), 69, "nobody listens on ", "Is whyd running?");
}

static void test_an_agent_that_does_not_answer(void **state UNUSED)
{
	AUTO_CLOSE int fd = make_socket(true);

	check_fails(child_why("--run", run_dir, "--timeout", "50ms"), 69, "did not answer within 50 ms", "--timeout 30s");
}

static void test_a_folder_that_is_closed(void **state UNUSED)
{
	if (geteuid() != 0)
		skip();
	AUTO_CLOSE int fd = make_socket(true);
	struct sockaddr_un address;

	socket_address(&address);
	assert_int_equal(chmod(run_dir, 0755), 0);
	assert_int_equal(chmod(address.sun_path, 0600), 0);
	check_fails(child_run_as(65534, (const char *const[]){ "--run", run_dir, NULL }), 77, "not permitted",
		    "sudo why");
}

static void test_a_path_too_long(void **state UNUSED)
{
	char path[300];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	check_fails(child_why("--local", "--run", path), 69, "too long", "--run DIR");
}

static void test_no_hub(void **state UNUSED)
{
	check_fails(child_why("--hub", "127.0.0.1:1", "--timeout", "5s"), 69, "cannot reach the hub at 127.0.0.1:1",
		    "why --local");
	check_fails(child_why("findings", "--watch", "--hub", "127.0.0.1:1", "--timeout", "5s"), 69,
		    "cannot reach the hub", "--local");
	check_fails(child_why("timeline", "--hub", "127.0.0.1:1", "--timeout", "5s"), 69, "cannot reach the hub",
		    "--local");
}

/* Nobody was named: both places are told, not that the other should be tried. The usual hub's port must be free for this.
 */
static void test_neither_agent_nor_hub(void **state UNUSED)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in usual = { .sin_family = AF_INET,
				     .sin_port = htons(7443),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (connect(fd, (struct sockaddr *)&usual, sizeof(usual)) == 0)
		skip();
	check_fails(child_why("--run", run_dir), 69, "no agent runs here (there is no /tmp/why-cli-test-",
		    "no hub answers at 127.0.0.1:7443");
}

static void test_addresses_that_cannot_be(void **state UNUSED)
{
	check_fails(child_why("--hub", "hub.example.org"), 64, "HOST:PORT", "7443");
	check_fails(child_why("--hub", "hub.example.org:7443"), 64, "hub.example.org:7443 is not on this machine",
		    "--tls-ca FILE");
	check_fails(child_why("--hub", "hub:7443", "--tls-ca", "/nonexistent/ca.pem"), 64, "/nonexistent/ca.pem", "");
	check_fails(child_why("--hub", "hub:7443", "--tls-cert", "/nonexistent/c"), 64, "", "");
}

static void test_what_is_near(void **state UNUSED)
{
	static const char *const near[] = { "127.0.0.1:7443", "127.1.2.3:1", "localhost:7443", "[::1]:7443",
					    "unix:/run/hub.sock" };
	static const char *const far[] = {
		"10.0.0.1:7443", "127.0.0.1.example.org:7443", "localhost.example.org:1", "[::2]:7443", "hub:1", ""
	};

	for (size_t i = 0; i < ARRAY_LEN(near); i++)
		assert_true(address_is_loopback(near[i]));
	for (size_t i = 0; i < ARRAY_LEN(far); i++)
		assert_false(address_is_loopback(far[i]));
}

static void test_where_a_question_goes(void **state UNUSED)
{
	struct common c = { .run = run_dir };

	assert_false(ask_is_local(&c)); /* no socket: the usual hub */
	AUTO_CLOSE int fd = make_socket(true);
	assert_true(ask_is_local(&c));
	c.hub = "127.0.0.1:1";
	assert_false(ask_is_local(&c));
	c = (struct common){ .run = "/nonexistent", .local = true };
	assert_true(ask_is_local(&c));
}

/* A socket that answers with bytes of somebody else. */
static void test_nonsense_is_told(void **state UNUSED)
{
	AUTO_CLOSE int fd = make_socket(true);
	pid_t pid = fork();

	if (pid == 0) {
		static const char nonsense[] = "\x04\x00\x00\x00\xff\xff\xff\xff";
		char in[512];
		int c = accept(fd, NULL, NULL);

		_exit(read(c, in, sizeof(in)) > 0 && write(c, nonsense, 8) == 8 ? 0 : 1);
	}
	check_fails(child_why("--run", run_dir), 69, "is not a whyd that this `why` understands", "whyd --version");
	assert_int_equal(child_wait(pid), 0);
}

static void test_reload_is_not_asked_of_a_hub(void **state UNUSED)
{
	check_fails(child_why("rules", "reload", "--hub", "127.0.0.1:1"), 64, "on their node", "--local");
	fake_agent_start(well);
	assert_int_equal(child_why("rules", "reload", "--run", run_dir)->status, 0);
	assert_int_equal(fake_agent_asked()->kind, QUERY_RELOAD);
	fake_agent_stop();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_no_agent),
		T(test_a_socket_without_an_agent),
		T(test_an_agent_that_does_not_answer),
		T(test_a_folder_that_is_closed),
		T(test_a_path_too_long),
		T(test_no_hub),
		T(test_neither_agent_nor_hub),
		T(test_addresses_that_cannot_be),
		T(test_what_is_near),
		T(test_where_a_question_goes),
		T(test_nonsense_is_told),
		T(test_reload_is_not_asked_of_a_hub),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
