// SPDX-License-Identifier: Apache-2.0
#include "tests/proto/certs.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "tests/test.h"

struct certs {
	EVP_PKEY *key;
	X509 *cert;
};

static void write_pem(const char *folder, const char *name, X509 *cert, EVP_PKEY *key)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.%s", folder, name, cert ? "pem" : "key");
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(cert ? PEM_write_X509(f, cert) : PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(cert, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* Signed by `by`, or by itself. */
static X509 *make(EVP_PKEY *key, const char *common_name, const struct certs *by, const char *san, long from_s, long to_s)
{
	static long serial = 1;
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), serial++), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), from_s));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), to_s));
	assert_int_equal(
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0),
		1);
	assert_int_equal(X509_set_issuer_name(x, by ? X509_get_subject_name(by->cert) : name), 1);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	if (!by)
		add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE");
	if (san)
		add_extension(x, by ? by->cert : x, NID_subject_alt_name, san);
	assert_true(X509_sign(x, by ? by->key : key, EVP_sha256()) > 0);
	return x;
}

struct certs *certs_new(const char *folder, const char *name)
{
	struct certs *c = calloc(1, sizeof(*c));

	c->key = EVP_EC_gen("P-256");
	assert_non_null(c->key);
	c->cert = make(c->key, name, NULL, NULL, -86400, 86400);
	write_pem(folder, name, c->cert, NULL);
	return c;
}

void certs_free(struct certs **certs)
{
	if (!*certs)
		return;
	EVP_PKEY_free((*certs)->key);
	X509_free((*certs)->cert);
	free(*certs);
	*certs = NULL;
}

void certs_pair(struct certs *c, const char *folder, const char *name, const char *common_name, const char *san,
		long from_s, long to_s)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make(key, common_name, c, san, from_s, to_s);

	write_pem(folder, name, cert, NULL);
	write_pem(folder, name, NULL, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}
