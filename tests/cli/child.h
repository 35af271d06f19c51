/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - `why` run in a child, what it printed, and an agent's socket that answers as a test says. */
#ifndef WHY_TESTS_CLI_CHILD_H
#define WHY_TESTS_CLI_CHILD_H

#include <stddef.h>
#include <sys/types.h>

#include "model/answer.h"

#define CHILD_MAX_OUTPUT (1024 * 1024)

struct child_result {
	int status; /* exit status; 128 and the signal when it was killed */
	char out[CHILD_MAX_OUTPUT], err[CHILD_MAX_OUTPUT];
};

/* Run program_run with these words (NULL-ended, without "why") in a child: TZ is UTC, nothing of $WHY_* and NO_COLOR is
 * set, LANG is C.UTF-8. The result is static: valid until the next call. */
const struct child_result *child_run(const char *const *words);
#define child_why(...) child_run((const char *const[]){ __VA_ARGS__, NULL })
/* The same as another user. */
const struct child_result *child_run_as(uid_t uid, const char *const *words);
/* Exit status of a process that the test made; 128 and the signal when it was killed. */
int child_wait(pid_t pid);
/* Write FOLDER/NAME; returns its path, static. */
const char *child_write(const char *name, const void *data, size_t n);
/* The same on a terminal of 80 columns: out is all it printed. */
const struct child_result *child_run_on_terminal(const char *const *words, int no_color_env);

/* A fresh folder, and its removal with all in it (one level). */
const char *child_folder(void);
void child_folder_remove(void);

/* Answers every question on FOLDER/whyd.sock in a process of its own until fake_agent_stop. `answer` fills what
 * answer_new made. What was asked last is kept where the caller can look: fake_agent_asked. */
typedef void (*fake_answer_fn)(const struct query *q, struct answer *a);
void fake_agent_start(fake_answer_fn answer);
void fake_agent_stop(void);
const struct query *fake_agent_asked(void);
unsigned fake_agent_count(void); /* questions since the start */

#endif
