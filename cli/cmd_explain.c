// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/query.h"
#include "cli/show.h"

#define RECENT_NS (15 * 60 * NS_PER_S)

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	struct query q;
	char error[512];
	int status = query_make_about(QUERY_EXPLAIN, c, words, n_words, &q, error, sizeof(error));
	const struct command *near = n_words == 1 ? commands_nearest(words[0]) : NULL;

	if (status != WHY_EXIT_OK)
		return show_error(status, error);
	if (q.since_ns == 0 && c->output == OUTPUT_TEXT)
		q.since_ns = RECENT_NS; /* a program asks for what it wants */
	status = show_question(c, &q);
	if (status == WHY_EXIT_NOT_FOUND && c->output == OUTPUT_TEXT && !c->local && ask_is_local(c))
		fprintf(stderr, "  Only this machine's agent was asked; the fleet is asked with --hub HOST:PORT\n");
	/* The word was taken for a target because no command is called so. */
	if (near && status >= WHY_EXIT_USAGE && c->output == OUTPUT_TEXT)
		fprintf(stderr, "  Or did you mean the command `why %s`?\n", near->name);
	return status;
}

const struct command command_explain = {
	.name = "explain",
	.usage = "why [explain] [TARGET]",
	.help = "why is this node (the fleet, a pod, a process ...) slow or dead?",
	.more = "Without a target: this machine, where an agent runs, else the fleet. Targets:\n"
		"  NODE | node NODE        pod [NAMESPACE/]NAME    job [SCHEDULER:]ID      rank JOB:N\n"
		"  pid N[@NODE]            cgroup [NODE:]PATH      container ID[@NODE]     gpu [NODE:]INDEX\n"
		"  nic [NODE:]NAME         disk [NODE:]NAME        mount [NODE:]PATH       FINDING-ID\n"
		"Beginnings will do (a container's id from 6 digits, a job's from 4), as will a job's or container's name;\n"
		"what fits several things is listed. The answer begins with who it is.\n"
		"A node that is called like a command: why node list.\n"
		"What was resolved within the last 15 minutes is named at the end and does not count; --since TIME says "
		"more of it.\n"
		"Exit status: 0 well, 1 warning, 2 critical, 3 unknown, 66 no such target.",
	.own = " --watch --since --evidence --node ",
	.run = run,
};
