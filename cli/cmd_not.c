// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/query.h"
#include "cli/show.h"

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	struct common with_cause = *c;
	struct query q;
	char error[512];
	int status;

	if (n_words == 0)
		return show_error(WHY_EXIT_USAGE, "which cause? Write it like: why not mem.cgroup_oom node-17"
						  "   (`why rules list` shows all causes)");
	with_cause.cause = words[0];
	status = query_make_about(QUERY_NOT, &with_cause, words + 1, n_words - 1, &q, error, sizeof(error));
	return status == WHY_EXIT_OK ? show_question(&with_cause, &q) : show_error(status, error);
}

const struct command command_not = {
	.name = "not",
	.usage = "why not CAUSE [TARGET]",
	.help = "why was this cause not blamed? Each evidence: true, false or unknown",
	.more = "Exit status: 0 the question is decided, 3 it cannot be told, 66 no such cause or target.",
	.own = " --watch --node ",
	.run = run,
};
