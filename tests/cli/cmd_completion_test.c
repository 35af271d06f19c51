// SPDX-License-Identifier: Apache-2.0
/* The scripts, read by the shells themselves where they are installed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/options.h"
#include "tests/cli/child.h"
#include "tests/test.h"

static int setup(void **state UNUSED)
{
	(void)child_folder();
	return 0;
}

static int teardown(void **state UNUSED)
{
	child_folder_remove();
	return 0;
}

/* Run a shell command; 127: there is no such shell here. */
static int shell(const char *const *argv, char *ret_out, size_t size)
{
	int pipes[2];
	size_t len = 0;

	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)dup2(pipes[1], STDOUT_FILENO);
		(void)close(pipes[0]);
		(void)close(pipes[1]);
		(void)execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	(void)close(pipes[1]);
	for (ssize_t n; len < size - 1 && (n = read(pipes[0], ret_out + len, size - 1 - len)) > 0;)
		len += (size_t)n;
	ret_out[len] = '\0';
	(void)close(pipes[0]);
	return child_wait(pid);
}

static const char *script(const char *name)
{
	const struct child_result *r = child_why("completion", name);

	assert_int_equal(r->status, 0);
	assert_string_equal(r->err, "");
	assert_true(strlen(r->out) > 500);
	return child_write(name, r->out, strlen(r->out));
}

static void test_every_script_knows_every_command_and_option(void **state UNUSED)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };
	size_t n_commands, n_options;
	const struct command *const *commands = commands_all(&n_commands);
	const struct arg_option *options = options_table(&n_options);

	for (size_t s = 0; s < ARRAY_LEN(shells); s++) {
		const char *text = child_why("completion", shells[s])->out;

		for (size_t i = 0; i < n_commands; i++)
			assert_non_null(strstr(text, commands[i]->name));
		for (size_t i = 0; i < n_options; i++)
			assert_non_null(strstr(text, options[i].name));
		for (size_t i = 0; i < strlen(text); i++)
			assert_true(text[i] == '\n' || text[i] == '\t' || text[i] >= ' ');
	}
}

static void test_shells_can_read_them(void **state UNUSED)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };
	char out[256];

	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		const char *const argv[] = { shells[i], "-n", script(shells[i]), NULL };
		int status = shell(argv, out, sizeof(out));

		if (status == 127 && i > 0)
			print_message("no %s here\n", shells[i]);
		else
			assert_int_equal(status, 0);
	}
}

static void check_completes(const char *before, const char *word, int position, const char *expected)
{
	char command[512], out[4096];
	const char *path = script("bash");

	snprintf(command, sizeof(command),
		 "source %s; COMP_WORDS=(why %s '%s'); COMP_CWORD=%d; _why; echo \" ${COMPREPLY[*]} \"", path, before,
		 word, position);
	assert_int_equal(shell((const char *const[]){ "bash", "-c", command, NULL }, out, sizeof(out)), 0);
	if (!strstr(out, expected))
		fail_msg("why %s %s<tab> gives%s", before, word, out);
}

static void test_bash_completes(void **state UNUSED)
{
	check_completes("", "ti", 1, " timeline ");
	check_completes("", "po", 1, " pod ");
	check_completes("", "--ev", 1, " --evidence ");
	check_completes("rules", "", 2, " check test list metrics reload schema ");
	check_completes("-o", "js", 2, " json jsonl ");
	check_completes("completion", "z", 2, " zsh ");
}

static void test_another_shell_is_refused(void **state UNUSED)
{
	const struct child_result *r = child_why("completion", "tcsh");

	assert_int_equal(r->status, 64);
	assert_string_equal(r->out, "");
	assert_non_null(strstr(r->err, "bash, zsh or fish"));
	assert_int_equal(child_why("completion")->status, 64);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_every_script_knows_every_command_and_option),
		T(test_shells_can_read_them),
		T(test_bash_completes),
		T(test_another_shell_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
