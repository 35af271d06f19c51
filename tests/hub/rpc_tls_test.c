// SPDX-License-Identifier: Apache-2.0
/* Who gets in: mutual TLS over the real listener, with certificates made by openssl. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "hub/rpc_tls.h"
#include "proto/health.h"
#include "tests/hub/stand.h"

extern char **environ;

static char *certs; /* folder, made once */

static char *path_of(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", certs, name) > 0);
	return path;
}

static char *text_of(const char *name)
{
	AUTO_FREE char *path = path_of(name);
	char *text = calloc(1, 65536);
	size_t n;

	assert_ok(file_read_at(AT_FDCWD, path, text, 65536, &n));
	return text;
}

static void copy_file(const char *from, const char *to)
{
	AUTO_FREE char *text = text_of(from);
	AUTO_FREE char *path = path_of(to);

	assert_ok(file_write_atomic_at(AT_FDCWD, path, text, strlen(text), 0600));
}

static int make_certs(void **state)
{
	char script[] = "tests/hub/make-certs", *argv[] = { script, NULL, NULL };
	int status;
	pid_t pid;

	(void)state;
	certs = made_folder();
	argv[1] = certs;
	assert_int_equal(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return 0;
}

static int drop_certs(void **state)
{
	(void)state;
	made_folder_gone(&certs);
	return 0;
}

struct tls_stand {
	struct stand s;
	char *ca, *cert, *key;
	struct tls_pems pems; /* of the client in use */
};

static int setup(void **state)
{
	struct tls_stand *t = calloc(1, sizeof(*t));

	stand_init(&t->s);
	copy_file("hub.pem", "live.pem");
	copy_file("hub.key", "live.key");
	t->s.settings.tls_ca = t->ca = path_of("ca.pem");
	t->s.settings.tls_cert = t->cert = path_of("live.pem");
	t->s.settings.tls_key = t->key = path_of("live.key");
	stand_start(&t->s);
	t->s.options.insecure = false;
	t->s.options.server_name = "hub.test";
	t->s.options.tls = &t->pems;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tls_stand *t = *state;

	stand_done(&t->s);
	tls_pems_done(&t->pems);
	free(t->ca);
	free(t->cert);
	free(t->key);
	free(t);
	return 0;
}

/* Show this certificate; no checks of our own, for the hub has to refuse by itself. NULL: none. */
static void become(struct tls_stand *t, const char *name)
{
	char file[64];

	tls_pems_done(&t->pems);
	t->pems = (struct tls_pems){ .ca = text_of("ca.pem") };
	if (!name)
		return;
	(void)snprintf(file, sizeof(file), "%s.pem", name);
	t->pems.cert = text_of(file);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	t->pems.key = text_of(file);
}

/* The code a health check ends with. */
static int knock(struct tls_stand *t)
{
	AUTO_BUF struct buf request;
	AUTO_BUF struct buf reply;
	struct call_status status = { 0 };
	int r;

	buf_init(&request, 64);
	buf_init(&reply, 64);
	assert_ok(health_pack_request("", &request));
	r = call_unary(&t->s.options, FRAME_METHOD_HEALTH, request.data, request.len, 5000, &reply, &status);
	return r == 0 ? 0 : r == -EREMOTEIO ? status.code : r;
}

static void a_good_certificate_gets_in_as_its_node(void **state)
{
	struct tls_stand *t = *state;
	struct double_agent agent;

	become(t, "node-1");
	double_open(&agent, &t->s, NULL);
	assert_int_equal(double_hello(&agent, "node-1", "s1"), 0);
	double_send_batch(&agent, "node-1", 1, 2, SEVERITY_INFO);
	double_wait_ack(&agent, 2);
	double_close(&agent);
}

static void another_name_is_refused_with_words(void **state)
{
	struct tls_stand *t = *state;
	struct double_agent agent;
	struct frame_hub frame;

	become(t, "node-1");
	double_open(&agent, &t->s, NULL);
	double_send_hello(&agent, "node-2", "s1");
	assert_true(double_receive(&agent, &frame));
	assert_int_equal(frame.kind, FRAME_REFUSAL);
	assert_int_equal(frame.why, FRAME_REFUSED_IDENTITY);
	assert_non_null(strstr(frame.text, "node-2"));
	assert_non_null(strstr(frame.text, "node-1"));
	assert_false(double_receive(&agent, &frame));
	assert_int_equal(agent.status.code, CALL_DENIED);
	double_close(&agent);
	stand_wait_metric(&t->s, "agents_refused_identity_total", 1);
	stand_wait_metric(&t->s, "nodes", 0);
}

static void everybody_else_stays_outside(void **state)
{
	struct tls_stand *t = *state;

	become(t, "node-1");
	assert_int_equal(knock(t), 0);
	become(t, NULL);
	assert_int_equal(knock(t), CALL_UNAVAILABLE);
	become(t, "stranger");
	assert_int_equal(knock(t), CALL_UNAVAILABLE);
	become(t, "expired");
	assert_int_equal(knock(t), CALL_UNAVAILABLE);
	become(t, "serveronly");
	assert_int_equal(knock(t), CALL_UNAVAILABLE);
	t->s.options.insecure = true; /* plaintext to the TLS port */
	assert_int_equal(knock(t), CALL_UNAVAILABLE);
	t->s.options.insecure = false;
	become(t, "node-1");
	t->s.options.server_name = "other.test"; /* the client refuses the hub */
	assert_int_equal(knock(t), CALL_UNAVAILABLE);
	t->s.options.server_name = "hub.test";
	assert_int_equal(knock(t), 0); /* the hub has taken no harm */
}

static void new_certificates_are_taken_and_bad_ones_are_not(void **state)
{
	struct tls_stand *t = *state;

	become(t, "node-1");
	t->s.options.server_name = "second.test";
	assert_int_equal(knock(t), CALL_UNAVAILABLE); /* not yet a name of the hub */
	copy_file("hub2.pem", "live.pem"); /* torn: new certificate, old key */
	t->s.options.server_name = "hub.test";
	assert_int_equal(knock(t), 0); /* the last good pair stays */
	copy_file("hub2.key", "live.key");
	t->s.options.server_name = "second.test";
	assert_int_equal(knock(t), 0);
	copy_file("hub.key", "live.pem"); /* no certificate at all */
	assert_int_equal(knock(t), 0);
	stand_wait_metric(&t->s, "tls_reloads_total", 1);
	stand_wait_metric(&t->s, "tls_reloads_refused_total", 2);
}

static void bytes_without_a_certificate_get_nowhere(void **state)
{
	struct tls_stand *t = *state;
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	to.sin_port = htons((uint16_t)hub_rpc_port(t->s.hub));
	for (int i = 0; i < 20; i++) {
		AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char answer[64];
		ssize_t n;

		assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
		assert_true(send(fd, preface, sizeof(preface) - 1, MSG_NOSIGNAL) > 0);
		assert_int_equal(poll(&p, 1, 10000), 1);
		n = read(fd, answer, sizeof(answer));
		/* closed, or a TLS alert and then closed: never a word of HTTP/2 */
		assert_true(n <= 0 || answer[0] == 0x15);
	}
	become(t, "node-1");
	assert_int_equal(knock(t), 0);
}

static void unfit_files_are_refused_at_the_start(void **state)
{
	AUTO_FREE char *ca = path_of("ca.pem");
	AUTO_FREE char *cert = path_of("hub.pem");
	AUTO_FREE char *key = path_of("hub2.key");
	AUTO_FREE char *late = path_of("expired.pem");
	AUTO_FREE char *late_key = path_of("expired.key");
	struct tls_files files = { ca, cert, key };
	struct rpc_tls *tls = NULL;
	char why[512];

	(void)state;
	assert_err(rpc_tls_new(&files, &tls, why, sizeof(why)), EKEYREJECTED);
	files = (struct tls_files){ ca, late, late_key };
	assert_err(rpc_tls_new(&files, &tls, why, sizeof(why)), EKEYEXPIRED);
	files = (struct tls_files){ ca, "/nonexistent.pem", key };
	assert_err(rpc_tls_new(&files, &tls, why, sizeof(why)), ENOENT);
	assert_non_null(strstr(why, "/nonexistent.pem"));
	assert_null(tls);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_good_certificate_gets_in_as_its_node), T(another_name_is_refused_with_words),
		T(everybody_else_stays_outside),	   T(new_certificates_are_taken_and_bad_ones_are_not),
		T(bytes_without_a_certificate_get_nowhere), cmocka_unit_test(unfit_files_are_refused_at_the_start),
	};

	return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
