// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/query.h"
#include "cli/show.h"

#define DEFAULT_SINCE_NS (3600 * NS_PER_S)

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	struct query q;
	char error[512];
	int status = query_make_about(QUERY_TIMELINE, c, words, n_words, &q, error, sizeof(error));

	if (status != WHY_EXIT_OK)
		return show_error(status, error);
	if (q.since_ns == 0)
		q.since_ns = c->all ? QUERY_EVER_NS : DEFAULT_SINCE_NS;
	return show_question(c, &q);
}

const struct command command_timeline = {
	.name = "timeline",
	.usage = "why timeline [TARGET] [--since TIME]",
	.help = "what happened, in order of time (the last hour)",
	.own = " --watch --since --node ",
	.run = run,
};
