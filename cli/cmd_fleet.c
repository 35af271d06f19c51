// SPDX-License-Identifier: Apache-2.0
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/query.h"
#include "cli/show.h"

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	struct common at_hub = *c;
	struct query q;
	char error[512];
	int status = query_make_node(QUERY_FLEET, c, words, n_words, &q, error, sizeof(error));

	if (status != WHY_EXIT_OK)
		return show_error(status, error);
	if (c->local)
		return show_error(WHY_EXIT_USAGE,
				  "an agent knows its own node only: ask a hub for the fleet, --hub HOST:PORT");
	/* That an agent runs here does not make the fleet its business. */
	if (!at_hub.hub)
		at_hub.hub = ASK_DEFAULT_HUB;
	return c->watch ? show_question(&at_hub, &q) : show_pages(&at_hub, &q, show_answer);
}

const struct command command_fleet = {
	.name = "fleet",
	.usage = "why fleet",
	.help = "all nodes that the hub knows, the worst first",
	.more = "A node that has been silent for too long is unknown, never healthy.",
	.own = " --watch ",
	.run = run,
};
