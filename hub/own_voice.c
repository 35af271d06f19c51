// SPDX-License-Identifier: Apache-2.0
#include "hub/own_voice.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "proto/tls_check.h"

bool own_voice_hello(const char *cert_pem, const char *address, const char *node, char *ret_text, size_t size)
{
	char why[400];

	if (!cert_pem || tls_check_node(cert_pem, node, why, sizeof(why)) == 0)
		return true;
	(void)snprintf(ret_text, size,
		       "%s is not the node of this certificate: %s; give the agent the certificate of its node, or "
		       "--node NAME",
		       node, why);
	log_warning("refused an agent at %s that calls itself %s: %s", address, node, why);
	return false;
}

bool own_voice_answer(const struct answer *answer, const char *node)
{
	bool own = !answer->node || !*answer->node || strcmp(answer->node, node) == 0;

	for (size_t i = 0; i < answer->n_findings && own; i++)
		own = answer->findings[i]->node && strcmp(answer->findings[i]->node, node) == 0;
	return own;
}
