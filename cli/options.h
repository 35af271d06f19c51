/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line and the environment as a struct common.
 *
 * Room: cli.  Owns: nothing (texts point into argv and the environment).  Thread: any.  Clock: none.  Bounds: as
 * base/args.h.
 */
#ifndef WHY_CLI_OPTIONS_H
#define WHY_CLI_OPTIONS_H

#include "base/args.h"
#include "cli/command.h"

#define OPTIONS_DEFAULT_RUN "/run/why"

/* All options of all commands, for parsing, help and completion. */
const struct arg_option *options_table(size_t *ret_n);

/* Options anywhere between the words. WHY_EXIT_OK, or WHY_EXIT_USAGE with a sentence in ret_error. */
int options_parse(int argc, char *const *argv, struct common *ret_common, struct args_words *ret_words, char *ret_error,
		  size_t size);

/* An option that this command does not take: its name with dashes, or NULL. */
const char *options_misplaced(const struct common *common, const struct command *command);

#endif
