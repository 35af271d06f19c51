// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/query.h"
#include "cli/show.h"

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	struct query q;
	char error[512];
	int status = query_make_about(QUERY_LIST, c, words, n_words, &q, error, sizeof(error));

	return status == WHY_EXIT_OK ? show_question(c, &q) : show_error(status, error);
}

const struct command command_list = {
	.name = "list",
	.usage = "why list [TARGET | --job JOB | --pod POD | --rank JOB:N]",
	.help = "the open findings as a short table, the worst first",
	.more = "With --since also those resolved within that time; --all also rules on trial and all that was ever "
		"resolved.\n"
		"At most 500; `why findings` pages through more.",
	.own = " --watch --since --cause --node --job --pod --rank ",
	.run = run,
};
