// SPDX-License-Identifier: Apache-2.0
#include "proto/tls_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "tests/proto/certs.h"
#include "tests/test.h"

struct scene {
	char folder[64];
	char path[8][96];
	struct certs *ca;
};

static char *in_folder(struct scene *s, int slot, const char *name)
{
	(void)snprintf(s->path[slot], sizeof(s->path[slot]), "%s/%s", s->folder, name);
	return s->path[slot];
}

static int make_scene(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct certs *other;

	(void)snprintf(s->folder, sizeof(s->folder), "/tmp/why-tls-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	s->ca = certs_new(s->folder, "ca");
	certs_pair(s->ca, s->folder, "node", "whyd", "DNS:n1,DNS:N2.example,URI:spiffe://why/node/n3,IP:127.0.0.1", -60,
		   3600);
	certs_pair(s->ca, s->folder, "twin", "n1", NULL, -60, 3600);
	certs_pair(s->ca, s->folder, "old", "n1", NULL, -7200, -3600);
	certs_pair(s->ca, s->folder, "early", "n1", NULL, 3600, 7200);
	other = certs_new(s->folder, "otherca");
	certs_pair(other, s->folder, "foreign", "n1", NULL, -60, 3600);
	certs_free(&other);
	*state = s;
	return 0;
}

static int drop_scene(void **state)
{
	struct scene *s = *state;
	char command[96];

	certs_free(&s->ca);
	(void)snprintf(command, sizeof(command), "rm -r %s", s->folder);
	assert_int_equal(system(command), 0);
	free(s);
	return 0;
}

static int check(struct scene *s, const char *ca, const char *cert, const char *key, char ret_why[512])
{
	AUTO(tls_pems_done) struct tls_pems pems = {0};
	struct tls_files files = {ca ? in_folder(s, 0, ca) : NULL, cert ? in_folder(s, 1, cert) : NULL,
				  key ? in_folder(s, 2, key) : NULL};

	ret_why[0] = '\0';
	return tls_check_files(&files, clock_wall_now(), &pems, ret_why, 512);
}

#define assert_says(why, a, b)                                                                                         \
	do {                                                                                                           \
		assert_non_null(strstr(why, a));                                                                       \
		assert_non_null(strstr(why, b));                                                                       \
	} while (0)

static void good_ones_are_read(void **state)
{
	struct scene *s = *state;
	AUTO(tls_pems_done) struct tls_pems a = {0}, b = {0}, alone = {0};
	struct tls_files files = {in_folder(s, 0, "ca.pem"), in_folder(s, 1, "node.pem"), in_folder(s, 2, "node.key")};
	wall_ns_t now = clock_wall_now();
	char why[512];

	assert_ok(tls_check_files(&files, now, &a, why, sizeof(why)));
	assert_non_null(strstr(a.ca, "BEGIN CERTIFICATE"));
	assert_non_null(strstr(a.key, "PRIVATE KEY"));
	assert_in_range(a.cert_expires_at / NS_PER_S, now / NS_PER_S + 3500, now / NS_PER_S + 3601);
	assert_ok(tls_check_files(&files, now, &b, why, sizeof(why)));
	assert_true(tls_pems_equal(&a, &b));
	files.cert = files.key = "";
	assert_ok(tls_check_files(&files, now, &alone, why, sizeof(why)));
	assert_null(alone.cert);
	assert_false(tls_pems_equal(&a, &alone));
}

static void every_fault_is_said(void **state)
{
	struct scene *s = *state;
	char why[512];

	assert_err(check(s, NULL, "node.pem", "node.key", why), EINVAL);
	assert_says(why, "no CA", "");
	assert_err(check(s, "ca.pem", "node.pem", NULL, why), EINVAL);
	assert_says(why, "go together", "node.pem");
	assert_err(check(s, "ca.pem", "missing.pem", "node.key", why), ENOENT);
	assert_says(why, "missing.pem", "No such file");
	assert_err(check(s, "node.key", "node.pem", "node.key", why), EBADMSG);
	assert_says(why, "CA file", "holds no PEM");
	assert_err(check(s, "ca.pem", "node.key", "node.key", why), EBADMSG);
	assert_says(why, "node.key", "not a PEM certificate");
	assert_err(check(s, "ca.pem", "node.pem", "node.pem", why), EBADMSG);
	assert_says(why, "the key", "not a PEM private key");
	assert_err(check(s, "ca.pem", "node.pem", "twin.key", why), EKEYREJECTED);
	assert_says(why, "twin.key", "does not belong");
	assert_err(check(s, "ca.pem", "old.pem", "old.key", why), EKEYEXPIRED);
	assert_says(why, "old.pem expired at 20", "renew it");
	assert_err(check(s, "ca.pem", "early.pem", "early.key", why), EKEYEXPIRED);
	assert_says(why, "not valid before", "clock");
	assert_err(check(s, "ca.pem", "foreign.pem", "foreign.key", why), EKEYREJECTED);
	assert_says(why, "foreign.pem", "is not signed by the CA");
}

static void odd_files_are_refused(void **state)
{
	struct scene *s = *state;
	AUTO_CLOSE int fd = open(in_folder(s, 3, "large.pem"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char why[512];

	assert_int_equal(ftruncate(fd, TLS_MAX_FILE_BYTES + 1), 0);
	assert_err(check(s, "large.pem", NULL, NULL, why), EFBIG);
	assert_says(why, "large.pem", "not a PEM file");
	assert_err(check(s, "", NULL, NULL, why), EISDIR);
	assert_says(why, s->folder, "directory");
}

static void a_key_with_a_passphrase_does_not_ask(void **state)
{
	struct scene *s = *state;
	char command[256], why[512];

	(void)snprintf(command, sizeof(command),
		       "openssl pkcs8 -topk8 -in %s/node.key -out %s/locked.key -passout pass:x 2>/dev/null", s->folder,
		       s->folder);
	if (system(command) != 0)
		skip();
	assert_err(check(s, "ca.pem", "node.pem", "locked.key", why), EBADMSG);
	assert_says(why, "locked.key", "without passphrase");
}

static void the_node_must_be_in_the_certificate(void **state)
{
	struct scene *s = *state;
	AUTO(tls_pems_done) struct tls_pems pems = {0};
	struct tls_files files = {in_folder(s, 0, "ca.pem"), in_folder(s, 1, "node.pem"), in_folder(s, 2, "node.key")};
	char why[512] = "";

	assert_ok(tls_check_files(&files, clock_wall_now(), &pems, why, sizeof(why)));
	assert_ok(tls_check_node(pems.cert, "n1", why, sizeof(why)));
	assert_ok(tls_check_node(pems.cert, "n2.EXAMPLE", why, sizeof(why)));
	assert_ok(tls_check_node(pems.cert, "spiffe://why/node/n3", why, sizeof(why)));
	assert_ok(tls_check_node(pems.cert, "whyd", why, sizeof(why)));
	assert_err(tls_check_node(pems.cert, "n", why, sizeof(why)), EKEYREJECTED);
	assert_err(tls_check_node(pems.cert, "n11", why, sizeof(why)), EKEYREJECTED);
	assert_err(tls_check_node(pems.cert, "127.0.0.1", why, sizeof(why)), EKEYREJECTED);
	assert_says(why, "is for n1, N2.example, spiffe://why/node/n3, whyd", "not for the node 127.0.0.1");
	assert_err(tls_check_node("nonsense", "n1", why, sizeof(why)), EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_are_read),
		cmocka_unit_test(every_fault_is_said),
		cmocka_unit_test(odd_files_are_refused),
		cmocka_unit_test(a_key_with_a_passphrase_does_not_ask),
		cmocka_unit_test(the_node_must_be_in_the_certificate),
	};

	return cmocka_run_group_tests(tests, make_scene, drop_scene);
}
