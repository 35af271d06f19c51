// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"

#define MAX_OUTPUT (64 * 1024)

extern const struct command command_help;

static int print_overview(void)
{
	AUTO_BUF struct buf options;
	const struct arg_option *table;
	const struct command *const *all;
	size_t n, n_options;

	all = commands_all(&n);
	table = options_table(&n_options);
	buf_init(&options, MAX_OUTPUT);
	if (args_print_help(table, n_options, &options) < 0)
		return WHY_EXIT_INTERNAL;
	printf("why - says why a node, pod or job is slow or dead\n\n"
	       "  why                    this machine's node, else the fleet\n"
	       "  why node-17            a node, a pod ns/name, a job, a pid, a cgroup, a container, a gpu, a finding\n"
	       "  why not CAUSE node-17  why that was not blamed\n\n"
	       "Commands:\n");
	for (size_t i = 0; i < n; i++)
		printf("  %-12s %s\n", all[i]->name, all[i]->help);
	printf("\nOptions, anywhere between the words:\n%.*s\n"
	       "Exit status: 0 well, 1 warning, 2 critical, 3 unknown, 64 usage, 65 bad rules, 66 not found,\n"
	       "69 hub or agent unreachable, 77 not permitted. `why help COMMAND` says more.\n",
	       (int)options.len, (const char *)options.data);
	return WHY_EXIT_OK;
}

static int print_command(const struct command *command)
{
	printf("%s\n%s\n", command->usage, command->help);
	if (command->more)
		printf("\n%s\n", command->more);
	if (command->own)
		printf("\nOptions of its own:%s\n", command->own);
	return WHY_EXIT_OK;
}

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	const struct command *command = n_words > 0                              ? commands_find(words[0])
					: c->help && c->command != &command_help ? c->command
										 : NULL;
	const struct command *near = n_words > 0 ? commands_nearest(words[0]) : NULL;
	char error[256];
	struct text t;

	if (command)
		return print_command(command);
	if (n_words == 0)
		return print_overview();
	text_init(&t, error, sizeof(error));
	text_add(&t, "no command is called '");
	text_add_escaped(&t, words[0], strnlen(words[0], 64));
	text_addf(&t, near ? "'; did you mean '%s'?" : "'; `why help` lists them%s", near ? near->name : "");
	return show_error(WHY_EXIT_USAGE, error);
}

const struct command command_help = {
	.name = "help",
	.usage = "why help [COMMAND]",
	.help = "this list, or more about one command",
	.run = run,
};
