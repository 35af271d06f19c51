// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/query.h"
#include "cli/show.h"

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	struct query q;
	char error[512];
	int status = query_make_node(QUERY_DOCTOR, c, words, n_words, &q, error, sizeof(error));

	return status == WHY_EXIT_OK ? show_question(c, &q) : show_error(status, error);
}

const struct command command_doctor = {
	.name = "doctor",
	.usage = "why doctor [NODE]",
	.help = "what the agent can and cannot see, and which rules suffer",
	.more = "failed: the node is blind there. missing: there is nothing to see (no such hardware), or it is switched "
		"off.\n"
		"--all says of each what it reads.",
	.own = " --watch --node ",
	.run = run,
};
