// SPDX-License-Identifier: Apache-2.0
#include "cli/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"

extern const struct command command_explain, command_help;

static int run_command(const struct common *c, const struct args_words *words)
{
	const struct command *command = words->n > 0 ? commands_find(words->items[0]) : NULL;
	const char *const *rest = command ? words->items + 1 : words->items;
	size_t n_rest = command ? words->n - 1 : words->n;
	struct common common = *c;
	const char *misplaced;
	char error[160];

	if (c->help) {
		common.command = command;
		return command_help.run(&common, rest, 0);
	}
	if (!command)
		command = &command_explain;
	common.command = command;
	misplaced = options_misplaced(&common, command);
	if (misplaced) {
		snprintf(error, sizeof(error), "%s does nothing for `why %s`; `why help %s` lists its options", misplaced,
			 command->name, command->name);
		return show_error(WHY_EXIT_USAGE, error);
	}
	return command->run(&common, rest, n_rest);
}

int program_run(int argc, char *const *argv)
{
	struct common common;
	struct args_words words = { 0 };
	char error[512];
	int status = options_parse(argc, argv, &common, &words, error, sizeof(error));

	if (status != WHY_EXIT_OK)
		return show_error(status, error);
	if (common.version) {
		printf("why %s\n", WHY_VERSION);
		status = WHY_EXIT_OK;
	} else {
		status = run_command(&common, &words);
	}
	/* What could not be written was not said: a full disk must not look like health. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE)
		return show_error(WHY_EXIT_INTERNAL, "cannot write the output");
	return status;
}
