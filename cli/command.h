/* SPDX-License-Identifier: Apache-2.0 */
/* command.h - the one shape of everything `why` can be told to do.
 *
 * Room: cli.  Owns: nothing.  Thread: the only one.  Clock: the commands' own.  Bounds: none needed.
 *
 * To add one: cmd_NAME.c with `const struct command command_NAME`, and a line in cmds.def. What is not the name of a
 * command is a target: `why node-17` is `why explain node-17`.
 */
#ifndef WHY_CLI_COMMAND_H
#define WHY_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/args.h"

/* Exit statuses: 0 well, 1 warning, 2 critical, 3 unknown, and: */
enum why_exit {
	WHY_EXIT_OK = 0,
	WHY_EXIT_WARNING = 1,
	WHY_EXIT_CRITICAL = 2,
	WHY_EXIT_UNKNOWN = 3,
	WHY_EXIT_USAGE = 64,
	WHY_EXIT_BAD_RULES = 65,
	WHY_EXIT_NOT_FOUND = 66,
	WHY_EXIT_UNREACHABLE = 69,
	WHY_EXIT_INTERNAL = 70, /* out of memory, output cannot be written */
	WHY_EXIT_DENIED = 77,
};

enum output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_SARIF };

/* Options: those that every command understands, then those of some commands (struct command names them). */
struct common {
	const char *hub; /* HOST:PORT; NULL: $WHY_HUB, else this machine's agent if there is one, else 127.0.0.1:7443 */
	bool local;
	const char *run; /* folder of the agent's socket: $WHY_RUN, else /run/why */
	const char *tls_ca, *tls_cert, *tls_key; /* $WHY_TLS_CA, $WHY_TLS_CERT, $WHY_TLS_KEY */
	bool insecure;
	enum output output;
	uint64_t since_ns;
	double min_confidence;
	bool watch, all, evidence, no_color, help, version;
	uint64_t timeout_ns;
	const struct command *command; /* for help */
	/* of some commands */
	const char *cause, *node;
	const char *job, *pod, *rank; /* a target as an option, for lists */
	struct args_list rules;
	bool coverage;
	const char *against; /* a recording to try rules on */
};

struct command {
	const char *name;  /* == the file's stem behind cmd_ */
	const char *usage; /* "why not CAUSE [TARGET]" */
	const char *help;  /* one line, for the list */
	const char *more;  /* a paragraph for `why help NAME`; NULL ok */
	const char *own;   /* options beyond those of all commands, each between blanks: " --cause --node "; NULL: none */
	/* words[0..n_words-1] are what stands behind the command's name. Returns the exit status. */
	int (*run)(const struct common *common, const char *const *words, size_t n_words);
};

const struct command *const *commands_all(size_t *ret_n);
const struct command *commands_find(const char *name);    /* NULL */
const struct command *commands_nearest(const char *word); /* for "did you mean"; NULL */

#endif
