// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/query.h"
#include "cli/render.h"
#include "cli/show.h"
#include "rules/ruleset.h"

#define MAX_OUTPUT (16 * 1024 * 1024)

struct verb {
	const char *name, *usage;
	int (*run)(const struct common *c, const char *const *words, size_t n_words);
};

/* ---- check ------------------------------------------------------------------------------------------ */

/* Rules as they were read, with what is wrong about them. */
struct loaded {
	struct metrics *metrics;
	struct diags *diags;
	struct ruleset *ruleset;
};

static void loaded_done(struct loaded *l)
{
	ruleset_free(&l->ruleset);
	diags_free(&l->diags);
	metrics_free(&l->metrics);
}

static int load(const char *const *words, size_t n_words, struct loaded *l)
{
	char error[1024];
	int r = diags_new(&l->diags);

	if (r == 0)
		r = offline_metrics(&l->metrics);
	if (r < 0)
		return show_error(WHY_EXIT_INTERNAL, strerror(-r));
	r = offline_load(words, n_words, l->metrics, l->diags, &l->ruleset, error, sizeof(error));
	if (r == -ENOMEM)
		return show_error(WHY_EXIT_INTERNAL, error);
	return r < 0 ? show_error(r == -ENOENT || r == -EACCES || r == -ENOTDIR ? WHY_EXIT_NOT_FOUND : WHY_EXIT_BAD_RULES, error) : WHY_EXIT_OK;
}

static void write_diag(const struct diag *d, struct json *j)
{
	json_object_begin(j);
	json_key_text(j, "severity", d->severity == DIAG_ERROR ? "error" : "warning");
	json_key_text(j, "code", d->code);
	json_key_text(j, "file", d->file);
	json_key_u64(j, "line", d->line);
	json_key_u64(j, "column", d->column);
	json_key_text(j, "message", d->message);
	json_key_text_nonempty(j, "hint", d->hint);
	json_key_text_nonempty(j, "rule", d->rule);
	json_object_end(j);
}

static void write_check(const void *what, struct json *j)
{
	const struct loaded *l = what;

	json_object_begin(j);
	json_key_text(j, "apiVersion", "why/v1");
	json_key_text(j, "kind", "RuleCheck");
	json_key_u64(j, "causes", l->ruleset->n_causes);
	json_key_u64(j, "symptoms", l->ruleset->n_symptoms);
	json_key_u64(j, "rejected", l->ruleset->n_rejected);
	json_key_text(j, "rules_digest", l->ruleset->digest);
	json_key(j, "diagnostics");
	json_array_begin(j);
	for (size_t i = 0; diags_at(l->diags, i); i++)
		write_diag(diags_at(l->diags, i), j);
	json_array_end(j);
	json_object_end(j);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_check(const struct loaded *l)
{
	AUTO_BUF struct buf out;
	uint32_t n = l->ruleset->n_causes + l->ruleset->n_symptoms;

	buf_init(&out, MAX_OUTPUT);
	(void)diags_print(l->diags, &out);
	(void)fwrite(out.data ? (const char *)out.data : "", 1, out.len, stdout);
	printf("%u rule%s rejected, %u loaded (digest %.8s)", l->ruleset->n_rejected, plural(l->ruleset->n_rejected), n, l->ruleset->digest);
	if (diags_count(l->diags, DIAG_WARNING) > 0)
		printf(", %zu warning%s", diags_count(l->diags, DIAG_WARNING), plural(diags_count(l->diags, DIAG_WARNING)));
	printf("\n");
}

static int print_sarif(const struct loaded *l)
{
	AUTO_BUF struct buf out;

	buf_init(&out, MAX_OUTPUT);
	if (diags_print_sarif(l->diags, WHY_VERSION, &out) < 0)
		return show_error(WHY_EXIT_INTERNAL, "the report is too large");
	(void)fwrite(out.data, 1, out.len, stdout);
	printf("\n");
	return WHY_EXIT_OK;
}

static int check(const struct common *c, const char *const *words, size_t n_words)
{
	AUTO(loaded_done) struct loaded l = {0};
	int status = load(words, n_words, &l);

	if (status != WHY_EXIT_OK)
		return status;
	if (c->output == OUTPUT_SARIF)
		status = print_sarif(&l);
	else if (c->output != OUTPUT_TEXT)
		status = show_json(write_check, &l);
	else
		print_check(&l);
	if (status == WHY_EXIT_OK && (diags_count(l.diags, DIAG_ERROR) > 0 || l.ruleset->n_rejected > 0))
		status = WHY_EXIT_BAD_RULES;
	return status;
}

/* ---- metrics: the registry of this program, without any agent ---------------------------------------- */

static int metrics_answer(struct answer **ret_answer)
{
	AUTO(metrics_free) struct metrics *metrics = NULL;
	AUTO(answer_free) struct answer *a = NULL;
	int r = offline_metrics(&metrics);

	if (r == 0)
		r = answer_new(QUERY_METRICS, &a);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < metrics_count(metrics); i++) {
		const struct metric_desc *d = metrics_at(metrics, i);
		struct answer_line *line = answer_add_line(a);

		if (!line)
			break;
		*line = (struct answer_line){ .what = d->name, .subject = entity_kind_name(d->about), .text = d->help };
		line->detail = arena_printf(a->arena, "%s%s%s, %s", metric_kind_name(d->kind), unit_name(d->unit)[0] ? " " : "",
					    unit_name(d->unit), metrics_source(metrics, i));
	}
	a->as_of = clock_wall_now();
	a->evaluated = true;
	*ret_answer = TAKE_PTR(a);
	return 0;
}

static int metrics(const struct common *c, const char *const *words UNUSED, size_t n_words)
{
	AUTO(answer_free) struct answer *a = NULL;
	int r;

	if (n_words > 0)
		return show_error(WHY_EXIT_USAGE, "why rules metrics takes no further word");
	r = metrics_answer(&a);
	return r < 0 ? show_error(WHY_EXIT_INTERNAL, strerror(-r)) : show_answer(c, a);
}

/* ---- asked of the agent ------------------------------------------------------------------------------ */

static int list(const struct common *c, const char *const *words, size_t n_words)
{
	struct query q;
	char error[512];
	int status = query_make_node(QUERY_RULES, c, words, n_words, &q, error, sizeof(error));

	return status == WHY_EXIT_OK ? show_question(c, &q) : show_error(status, error);
}

static int reload(const struct common *c, const char *const *words UNUSED, size_t n_words)
{
	struct common here = *c;
	struct query q;
	char error[512];
	int status;

	if (n_words > 0)
		return show_error(WHY_EXIT_USAGE, "why rules reload takes no further word: it reloads this machine's agent");
	if (c->hub && !c->local)
		return show_error(WHY_EXIT_USAGE, "rules are reloaded on their node: why rules reload --local");
	here.local = true;
	status = query_make(QUERY_RELOAD, c, &q, error, sizeof(error));
	return status == WHY_EXIT_OK ? show_question(&here, &q) : show_error(status, error);
}

static const struct verb verbs[] = {
	{ "check", "why rules check FILE|DIR...", check },
	{ "list", "why rules list [NODE]", list },
	{ "metrics", "why rules metrics", metrics },
	{ "reload", "why rules reload", reload },
};

static const struct verb *find_verb(const char *word, char *ret_error, size_t size)
{
	const char *names[ARRAY_LEN(verbs)];
	const char *near;
	struct text t;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		names[i] = verbs[i].name;
		if (strcmp(verbs[i].name, word) == 0)
			return &verbs[i];
	}
	near = text_nearest(word, names, ARRAY_LEN(verbs));
	text_init(&t, ret_error, size);
	text_add(&t, "rules: there is no '");
	text_add_escaped(&t, word, strnlen(word, 64));
	text_addf(&t, near ? "'; did you mean '%s'?" : "'; there are check, test, list, metrics, reload%s", near ? near : "");
	return NULL;
}

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	const struct verb *verb;
	char error[512];

	if (n_words == 0)
		return show_error(WHY_EXIT_USAGE, "rules: which? check, test, list, metrics, reload   (why help rules)");
	verb = find_verb(words[0], error, sizeof(error));
	if (!verb)
		return show_error(WHY_EXIT_USAGE, error);
	if (verb->run == check && n_words == 1) {
		snprintf(error, sizeof(error), "which rules? Write it like: %s", verb->usage);
		return show_error(WHY_EXIT_USAGE, error);
	}
	if (c->output == OUTPUT_SARIF && verb->run != check)
		return show_error(WHY_EXIT_USAGE, "--output sarif is for `why rules check`");
	return verb->run(c, words + 1, n_words - 1);
}

const struct command command_rules = {
	.name = "rules",
	.usage = "why rules check|test FILE|DIR... | list [NODE] | metrics | reload",
	.help = "check and test rules; list those in force",
	.more = "  check FILE|DIR...   errors and warnings with their place; -o sarif for code review tools; exit status 65: rejected\n"
		"  test FILE|DIR...    play the tests that the files hold; --coverage: which evidence no test saw true and false\n"
		"  list [NODE]         rules in force with their modes, and what was rejected with its place\n"
		"  metrics             what rules may speak of: all readings, without any agent\n"
		"  reload              this machine's agent reads its rules again (it also does so by itself when a file changes)",
	.own = " --watch --coverage --node --output sarif ",
	.run = run,
};
