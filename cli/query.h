/* SPDX-License-Identifier: Apache-2.0 */
/* query.h - the question that options and words make.
 *
 * Room: cli.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: those of struct query.
 */
#ifndef WHY_CLI_QUERY_H
#define WHY_CLI_QUERY_H

#include "cli/command.h"
#include "model/answer.h"

/* What --all means by "also resolved ones": longer than anything is kept. */
#define QUERY_EVER_NS (10ULL * 365 * 24 * 3600 * NS_PER_S)

/* The question with what the options say, about no target yet. WHY_EXIT_OK, or WHY_EXIT_USAGE with a sentence: a value is
 * too long. */
int query_make(enum query_kind kind, const struct common *common, struct query *ret_query, char *ret_error, size_t size);
/* The same, with a target from the words. */
int query_make_about(enum query_kind kind, const struct common *common, const char *const *words, size_t n_words,
		     struct query *ret_query, char *ret_error, size_t size);
/* About a node as a whole: no word, or its name. */
int query_make_node(enum query_kind kind, const struct common *common, const char *const *words, size_t n_words,
		    struct query *ret_query, char *ret_error, size_t size);

#endif
