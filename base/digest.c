// SPDX-License-Identifier: Apache-2.0
#include "base/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

int digest_sha256_hex(const void *data, size_t n, char ret_hex[DIGEST_HEX_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(data, n, digest, &len, EVP_sha256(), NULL) != 1 || len != 32)
		return -EIO;
	for (unsigned i = 0; i < len; i++)
		(void)snprintf(ret_hex + i * 2, 3, "%02x", digest[i]);
	return 0;
}
