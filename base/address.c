/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <string.h>

bool address_is_loopback(const char *address)
{
	if (strncmp(address, "unix:", 5) == 0)
		return true;
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : strlen(address);
	char host[256];
	if (n >= sizeof(host))
		return false;
	memcpy(host, address, n);
	host[n] = 0;
	if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	struct in_addr v4;
	return inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}
