/* SPDX-License-Identifier: Apache-2.0 */
/* tls_check.h - are these certificate files fit for use? Asked before gRPC is, because gRPC says only "Socket closed".
 *
 * Room: proto.  Owns: the texts of a tls_pems.  Thread: any.  Clock: none; `now` is passed in.
 * Bounds: a file is at most 1 MiB, a certificate has at most 64 names.
 */
#ifndef WHY_PROTO_TLS_CHECK_H
#define WHY_PROTO_TLS_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

#define TLS_MAX_FILE_BYTES (1024 * 1024)

struct tls_files {
	const char *ca, *cert, *key; /* paths; cert and key both NULL or "": this side shows none */
};

/* The files as they were checked: what was looked at is what is used, even if the files change meanwhile. */
struct tls_pems {
	char *ca, *cert, *key;   /* cert and key NULL: this side shows none */
	wall_ns_t cert_expires_at; /* 0: no cert */
};

/* Read and check: all readable, all PEM, the key belongs to the certificate, which is valid now and signed by the CA.
 * -EACCES, -ENOENT, ...: a file cannot be read; -EFBIG; -EBADMSG: not PEM; -EKEYEXPIRED: not valid yet or no more;
 * -EKEYREJECTED: the key or the CA does not fit; -EINVAL: cert without key, or no CA; -ENOMEM.
 * `ret_why` gets a sentence that names the file and says what to do. */
int tls_check_files(const struct tls_files *files, wall_ns_t now, struct tls_pems *ret_pems, char *ret_why, size_t size);
void tls_pems_done(struct tls_pems *pems);
bool tls_pems_equal(const struct tls_pems *a, const struct tls_pems *b);

/* Is `node` a DNS name, URI or common name of the (first) certificate of this text? Case does not matter, wildcards do
 * not count. -EKEYREJECTED: no; `ret_why` names what the certificate is for. -EBADMSG: not a certificate. */
int tls_check_node(const char *cert_pem, const char *node, char *ret_why, size_t size);

/* A name to expect of this certificate: its first DNS name, else IP address, else common name. -ENOENT: it has none;
 * -EBADMSG. */
int tls_cert_name(const char *cert_pem, char *ret_name, size_t size);
/* May it be shown by a client? No, when its extended key usage speaks of servers only. */
bool tls_cert_may_be_client(const char *cert_pem);

#endif
