/* SPDX-License-Identifier: Apache-2.0 */
/* certs.h - certificates for tests: an authority, and pairs that it signs. */
#ifndef WHY_TESTS_PROTO_CERTS_H
#define WHY_TESTS_PROTO_CERTS_H

struct certs;

/* A new authority; its certificate is written to FOLDER/NAME.pem. */
struct certs *certs_new(const char *folder, const char *name);
void certs_free(struct certs **certs);
/* FOLDER/NAME.pem and FOLDER/NAME.key for `common_name` and, when not NULL, the subject alternative names `san`
 * ("DNS:n1,IP:127.0.0.1"); valid from `from_s` to `to_s` seconds from now. */
void certs_pair(struct certs *c, const char *folder, const char *name, const char *common_name, const char *san,
		long from_s, long to_s);

#endif
