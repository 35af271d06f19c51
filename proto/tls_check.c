// SPDX-License-Identifier: Apache-2.0
#include "proto/tls_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#define MAX_NAMES 64

static void free_bio(BIO **b)
{
	BIO_free(*b);
}

static void free_x509(X509 **x)
{
	X509_free(*x);
}

static void free_key(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void free_store(X509_STORE **s)
{
	X509_STORE_free(*s);
}

static void free_store_ctx(X509_STORE_CTX **c)
{
	X509_STORE_CTX_free(*c);
}

static void free_chain(STACK_OF(X509) **c)
{
	sk_X509_pop_free(*c, X509_free);
}

static void free_names(GENERAL_NAMES **n)
{
	GENERAL_NAMES_free(*n);
}

__attribute__((format(printf, 4, 5))) static int say(char *ret_why, size_t size, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ret_why, size, fmt, ap);
	va_end(ap);
	ERR_clear_error();
	return error;
}

/* The passphrase prompt of OpenSSL would stop a daemon: a key with a passphrase is refused instead. */
static int no_passphrase(char *buffer UNUSED, int size UNUSED, int writing UNUSED, void *arg UNUSED)
{
	return -1;
}

static int read_text(const char *what, const char *path, char **ret_text, char *ret_why, size_t size)
{
	AUTO_FREE char *text = malloc(TLS_MAX_FILE_BYTES);
	AUTO_CLOSE int fd = -1;
	size_t n = 0;
	char *fitted;
	int r;

	if (!text)
		return say(ret_why, size, -ENOMEM, "no memory to read the %s", what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return say(ret_why, size, -errno, "cannot read the %s %s: %s", what, path, strerror(errno));
	r = file_reread(fd, text, TLS_MAX_FILE_BYTES, &n);
	if (r == -EFBIG)
		return say(ret_why, size, r, "the %s %s is above 1 MiB: it is not a PEM file", what, path);
	if (r < 0)
		return say(ret_why, size, r, "cannot read the %s %s: %s", what, path, strerror(-r));
	fitted = realloc(text, n + 1);
	text = fitted ? fitted : text;
	*ret_text = TAKE_PTR(text);
	return 0;
}

static X509 *first_certificate(const char *pem)
{
	AUTO(free_bio) BIO *b = BIO_new_mem_buf(pem, -1);

	return b ? PEM_read_bio_X509(b, NULL, no_passphrase, NULL) : NULL;
}

/* The certificates behind the first: intermediate ones. */
static STACK_OF(X509) *rest_of_chain(const char *pem)
{
	AUTO(free_bio) BIO *b = BIO_new_mem_buf(pem, -1);
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *x = b ? PEM_read_bio_X509(b, NULL, no_passphrase, NULL) : NULL;

	X509_free(x);
	while (chain && b && (x = PEM_read_bio_X509(b, NULL, no_passphrase, NULL)))
		if (!sk_X509_push(chain, x))
			X509_free(x);
	ERR_clear_error();
	return chain;
}

static int load_ca(const char *pem, X509_STORE *store)
{
	AUTO(free_bio) BIO *b = BIO_new_mem_buf(pem, -1);
	int n = 0;

	for (;;) {
		AUTO(free_x509) X509 *x = b ? PEM_read_bio_X509(b, NULL, no_passphrase, NULL) : NULL;

		if (!x)
			break;
		if (X509_STORE_add_cert(store, x))
			n++;
	}
	ERR_clear_error();
	return n;
}

static wall_ns_t time_of(const ASN1_TIME *t)
{
	struct tm tm;
	time_t s;

	if (!ASN1_TIME_to_tm(t, &tm))
		return 0;
	s = timegm(&tm);
	return s > 0 ? (wall_ns_t)s * NS_PER_S : 0;
}

static int check_dates(const char *path, const X509 *cert, wall_ns_t now, wall_ns_t *ret_expires, char *ret_why, size_t size)
{
	wall_ns_t from = time_of(X509_get0_notBefore(cert));
	wall_ns_t to = time_of(X509_get0_notAfter(cert));
	char text[CLOCK_RFC3339_MAX];

	if (now > to) {
		clock_format_rfc3339(to, text);
		return say(ret_why, size, -EKEYEXPIRED, "the certificate %s expired at %.19sZ: renew it", path, text);
	}
	if (now < from) {
		clock_format_rfc3339(from, text);
		return say(ret_why, size, -EKEYEXPIRED,
			   "the certificate %s is not valid before %.19sZ: check this machine's clock", path, text);
	}
	*ret_expires = to;
	return 0;
}

static int check_key(const struct tls_files *files, const char *key_pem, X509 *cert, char *ret_why, size_t size)
{
	AUTO(free_bio) BIO *b = BIO_new_mem_buf(key_pem, -1);
	AUTO(free_key) EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;

	if (!key)
		return say(ret_why, size, -EBADMSG, "the key %s is not a PEM private key without passphrase", files->key);
	if (X509_check_private_key(cert, key) != 1)
		return say(ret_why, size, -EKEYREJECTED,
			   "the key %s does not belong to the certificate %s: they were not replaced together",
			   files->key, files->cert);
	return 0;
}

static int check_issuer(const struct tls_files *files, const char *cert_pem, X509 *cert, X509_STORE *store, wall_ns_t now,
			char *ret_why, size_t size)
{
	AUTO(free_chain) STACK_OF(X509) *chain = rest_of_chain(cert_pem);
	AUTO(free_store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	if (!chain || !ctx || !X509_STORE_CTX_init(ctx, store, cert, chain))
		return say(ret_why, size, -ENOMEM, "no memory to check the certificate %s", files->cert);
	X509_STORE_CTX_set_time(ctx, 0, (time_t)(now / NS_PER_S));
	if (X509_verify_cert(ctx) != 1)
		return say(ret_why, size, -EKEYREJECTED, "the certificate %s is not signed by the CA %s (%s)",
			   files->cert, files->ca, X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	return 0;
}

static int check_pair(const struct tls_files *files, struct tls_pems *pems, X509_STORE *store, wall_ns_t now,
		      char *ret_why, size_t size)
{
	AUTO(free_x509) X509 *cert = first_certificate(pems->cert);
	int r;

	if (!cert)
		return say(ret_why, size, -EBADMSG, "the certificate %s is not a PEM certificate", files->cert);
	r = check_key(files, pems->key, cert, ret_why, size);
	if (r < 0)
		return r;
	r = check_dates(files->cert, cert, now, &pems->cert_expires_at, ret_why, size);
	if (r < 0)
		return r;
	return check_issuer(files, pems->cert, cert, store, now, ret_why, size);
}

static bool is_given(const char *path)
{
	return path && *path;
}

int tls_check_files(const struct tls_files *files, wall_ns_t now, struct tls_pems *ret_pems, char *ret_why, size_t size)
{
	AUTO(tls_pems_done) struct tls_pems pems = {0};
	AUTO(free_store) X509_STORE *store = X509_STORE_new();
	int r;

	if (!is_given(files->ca))
		return say(ret_why, size, -EINVAL, "no CA file is given: without it nobody at the other end can be trusted");
	if (is_given(files->cert) != is_given(files->key))
		return say(ret_why, size, -EINVAL, "certificate and key go together: only %s is given",
			   is_given(files->cert) ? files->cert : files->key);
	r = read_text("CA file", files->ca, &pems.ca, ret_why, size);
	if (r < 0)
		return r;
	if (!store || load_ca(pems.ca, store) == 0)
		return say(ret_why, size, -EBADMSG, "the CA file %s holds no PEM certificate", files->ca);
	if (is_given(files->cert)) {
		r = read_text("certificate", files->cert, &pems.cert, ret_why, size);
		if (r == 0)
			r = read_text("key", files->key, &pems.key, ret_why, size);
		if (r == 0)
			r = check_pair(files, &pems, store, now, ret_why, size);
		if (r < 0)
			return r;
	}
	*ret_pems = pems;
	pems = (struct tls_pems){0};
	return 0;
}

void tls_pems_done(struct tls_pems *pems)
{
	free(pems->ca);
	free(pems->cert);
	if (pems->key)
		OPENSSL_cleanse(pems->key, strlen(pems->key));
	free(pems->key);
	*pems = (struct tls_pems){0};
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool tls_pems_equal(const struct tls_pems *a, const struct tls_pems *b)
{
	return same(a->ca, b->ca) && same(a->cert, b->cert) && same(a->key, b->key);
}

/* A name with a NUL inside is a forgery; it matches nothing. */
static bool name_is(const ASN1_STRING *name, const char *node, struct text *seen)
{
	size_t n = (size_t)ASN1_STRING_length(name);
	const char *data = (const char *)ASN1_STRING_get0_data(name);

	if (seen->len > 0)
		text_add(seen, ", ");
	text_add_escaped(seen, data, n);
	return n == strlen(node) && memchr(data, 0, n) == NULL && strncasecmp(data, node, n) == 0;
}

static bool any_alternative_name_is(const X509 *cert, const char *node, struct text *seen)
{
	AUTO(free_names) GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; names && i < MIN_OF(sk_GENERAL_NAME_num(names), MAX_NAMES); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type == GEN_DNS || n->type == GEN_URI)
			found |= name_is(n->d.ia5, node, seen);
	}
	return found;
}

static bool any_common_name_is(const X509 *cert, const char *node, struct text *seen)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	bool found = false;

	for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
		found |= name_is(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), node, seen);
	return found;
}

int tls_check_node(const char *cert_pem, const char *node, char *ret_why, size_t size)
{
	AUTO(free_x509) X509 *cert = first_certificate(cert_pem);
	char names[256];
	struct text seen;

	if (!cert)
		return say(ret_why, size, -EBADMSG, "not a PEM certificate");
	text_init(&seen, names, sizeof(names));
	if (any_alternative_name_is(cert, node, &seen) | any_common_name_is(cert, node, &seen))
		return 0;
	return say(ret_why, size, -EKEYREJECTED,
		   "the certificate is for %s, not for the node %s: issue one with that name, or set --node",
		   seen.len > 0 ? names : "nobody", node);
}

static bool copy_name(const unsigned char *data, int n, char *ret_name, size_t size)
{
	if (n <= 0 || (size_t)n >= size || memchr(data, 0, (size_t)n))
		return false;
	memcpy(ret_name, data, (size_t)n);
	ret_name[n] = 0;
	return true;
}

static bool copy_address(const ASN1_OCTET_STRING *ip, char *ret_name, size_t size)
{
	int family = ASN1_STRING_length(ip) == 4 ? AF_INET : AF_INET6;

	return (ASN1_STRING_length(ip) == 4 || ASN1_STRING_length(ip) == 16) &&
	       inet_ntop(family, ASN1_STRING_get0_data(ip), ret_name, (socklen_t)size);
}

int tls_cert_name(const char *cert_pem, char *ret_name, size_t size)
{
	AUTO(free_x509) X509 *cert = first_certificate(cert_pem);
	AUTO(free_names) GENERAL_NAMES *names = NULL;
	const ASN1_STRING *cn;
	int at;

	if (!cert)
		return -EBADMSG;
	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (int type = GEN_DNS; type <= GEN_IPADD; type += GEN_IPADD - GEN_DNS) {
		for (int i = 0; names && i < MIN_OF(sk_GENERAL_NAME_num(names), MAX_NAMES); i++) {
			const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

			if (n->type != type)
				continue;
			if (type == GEN_IPADD ? copy_address(n->d.iPAddress, ret_name, size)
					      : copy_name(ASN1_STRING_get0_data(n->d.ia5), ASN1_STRING_length(n->d.ia5),
							  ret_name, size))
				return 0;
		}
	}
	at = X509_NAME_get_index_by_NID(X509_get_subject_name(cert), NID_commonName, -1);
	if (at < 0)
		return -ENOENT;
	cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(X509_get_subject_name(cert), at));
	return copy_name(ASN1_STRING_get0_data(cn), ASN1_STRING_length(cn), ret_name, size) ? 0 : -ENOENT;
}

bool tls_cert_may_be_client(const char *cert_pem)
{
	AUTO(free_x509) X509 *cert = first_certificate(cert_pem);

	return cert && X509_check_purpose(cert, X509_PURPOSE_SSL_CLIENT, 0) == 1;
}
