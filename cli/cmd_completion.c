// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"
#include "cli/target.h"

static const char *const shells[] = { "bash", "zsh", "fish" };
static const char *const rules_words[] = { "check", "test", "list", "metrics", "reload", "schema" };

static void words_of_commands(struct text *t)
{
	size_t n;
	const struct command *const *all = commands_all(&n);

	for (size_t i = 0; i < n; i++)
		text_addf(t, "%s%s", i ? " " : "", all[i]->name);
}

static void words_of_kinds(struct text *t)
{
	size_t n;
	const char *const *kinds = target_kinds(&n);

	for (size_t i = 0; i < n; i++)
		text_addf(t, "%s%s", i ? " " : "", kinds[i]);
}

static void words_of_options(struct text *t)
{
	size_t n;
	const struct arg_option *table = options_table(&n);

	for (size_t i = 0; i < n; i++)
		text_addf(t, "%s--%s", i ? " " : "", table[i].name);
}

static const char *words_of(void (*add)(struct text *t), char *buffer, size_t size)
{
	struct text t;

	text_init(&t, buffer, size);
	add(&t);
	return buffer;
}

static void bash(void)
{
	char commands[512], kinds[512], options[1024];

	printf("# bash completion of why; put it where bash-completion looks, as `why`\n"
	       "_why()\n{\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tcase $before in\n"
	       "\t-o|--output) COMPREPLY=($(compgen -W 'text json jsonl sarif' -- \"$word\")); return ;;\n"
	       "\trules) COMPREPLY=($(compgen -W 'check test list metrics reload schema' -- \"$word\")); return ;;\n"
	       "\tcompletion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\")); return ;;\n"
	       "\t--tls-ca|--tls-cert|--tls-key|--run|--rules|check|test|replay) COMPREPLY=($(compgen -f -- \"$word\")); "
	       "return ;;\n"
	       "\tesac\n");
	printf("\tcase $word in\n"
	       "\t-*) COMPREPLY=($(compgen -W '%s' -- \"$word\")) ;;\n"
	       "\t*)\n"
	       "\t\tCOMPREPLY=($(compgen -W '%s' -- \"$word\"))\n"
	       "\t\t[ \"$COMP_CWORD\" -eq 1 ] && COMPREPLY+=($(compgen -W '%s' -- \"$word\"))\n"
	       "\t\t;;\n"
	       "\tesac\n}\n"
	       "complete -F _why why\n",
	       words_of(words_of_options, options, sizeof(options)), words_of(words_of_kinds, kinds, sizeof(kinds)),
	       words_of(words_of_commands, commands, sizeof(commands)));
}

/* A text between single quotes; colons and brackets mean something to zsh's _arguments. */
static void print_quoted(const char *text, const char *escaped)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\'')
			(void)fputs("'\\''", stdout);
		else if (strchr(escaped, *c))
			printf("\\%c", *c);
		else
			(void)putchar(*c);
	}
}

static void zsh(void)
{
	size_t n;
	const struct arg_option *options = options_table(&n);
	char kinds[512];

	printf("#compdef why\n_why()\n{\n\tlocal -a commands\n\tcommands=(\n");
	size_t n_commands;
	const struct command *const *all = commands_all(&n_commands);
	for (size_t i = 0; i < n_commands; i++) {
		printf("\t\t'%s:", all[i]->name);
		print_quoted(all[i]->help, ":");
		printf("'\n");
	}
	printf("\t)\n\t_arguments -s \\\n");
	for (size_t i = 0; i < n; i++) {
		printf("\t\t'--%s[", options[i].name);
		print_quoted(options[i].help, "[]:");
		if (options[i].argument)
			printf("]:%s:%s' \\\n", options[i].argument,
			       strcmp(options[i].argument, "FILE") == 0 || strcmp(options[i].argument, "DIR") == 0
				       ? "_files"
				       : "");
		else
			printf("]' \\\n");
	}
	printf("\t\t'1: :{_describe command commands; compadd %s}' \\\n\t\t'*:target:_files'\n}\n_why \"$@\"\n",
	       words_of(words_of_kinds, kinds, sizeof(kinds)));
}

static void fish(void)
{
	size_t n;
	const struct command *const *all = commands_all(&n);
	char kinds[512];

	for (size_t i = 0; i < n; i++) {
		printf("complete -c why -n __fish_use_subcommand -a %s -d '", all[i]->name);
		print_quoted(all[i]->help, "");
		printf("'\n");
	}
	printf("complete -c why -n __fish_use_subcommand -a '%s'\n", words_of(words_of_kinds, kinds, sizeof(kinds)));
	for (size_t i = 0; i < ARRAY_LEN(rules_words); i++)
		printf("complete -c why -n '__fish_seen_subcommand_from rules' -a %s\n", rules_words[i]);
	const struct arg_option *options = options_table(&n);
	for (size_t i = 0; i < n; i++) {
		printf("complete -c why -l %s", options[i].name);
		if (options[i].letter)
			printf(" -s %c", options[i].letter);
		printf("%s -d '", options[i].argument ? " -r" : "");
		print_quoted(options[i].help, "");
		printf("'\n");
	}
}

static int run(const struct common *c UNUSED, const char *const *words, size_t n_words)
{
	static void (*const writers[])(void) = { bash, zsh, fish };

	for (size_t i = 0; n_words == 1 && i < ARRAY_LEN(shells); i++) {
		if (strcmp(words[0], shells[i]) == 0) {
			writers[i]();
			return WHY_EXIT_OK;
		}
	}
	return show_error(WHY_EXIT_USAGE, "completion: for which shell? bash, zsh or fish");
}

const struct command command_completion = {
	.name = "completion",
	.usage = "why completion bash|zsh|fish",
	.help = "a script that completes the words of why in your shell",
	.more = "For this session: source <(why completion bash)",
	.run = run,
};
