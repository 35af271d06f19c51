// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/compare.h"
#include "cli/offline.h"
#include "cli/query.h"
#include "cli/recording.h"
#include "cli/render.h"
#include "cli/show.h"
#include "rules/keys.h"
#include "rules/rules_test.h"

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
	return r < 0 ? show_error(r == -ENOENT || r == -EACCES || r == -ENOTDIR ? WHY_EXIT_NOT_FOUND : WHY_EXIT_BAD_RULES,
				  error)
		     : WHY_EXIT_OK;
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
	printf("%u rule%s rejected, %u loaded (digest %.8s)", l->ruleset->n_rejected, plural(l->ruleset->n_rejected), n,
	       l->ruleset->digest);
	if (diags_count(l->diags, DIAG_WARNING) > 0)
		printf(", %zu warning%s", diags_count(l->diags, DIAG_WARNING),
		       plural(diags_count(l->diags, DIAG_WARNING)));
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

static bool is_bad(const struct loaded *l)
{
	return diags_count(l->diags, DIAG_ERROR) > 0 || l->ruleset->n_rejected > 0;
}

static int check(const struct common *c, const char *const *words, size_t n_words)
{
	AUTO(loaded_done) struct loaded l = { 0 };
	int status = load(words, n_words, &l);

	if (status != WHY_EXIT_OK)
		return status;
	if (c->against && !is_bad(&l)) /* bad rules are told first */
		return compare_rules(c, l.metrics, &l.ruleset);
	if (c->output == OUTPUT_SARIF)
		status = print_sarif(&l);
	else if (c->output != OUTPUT_TEXT)
		status = show_json(write_check, &l);
	else
		print_check(&l);
	if (status == WHY_EXIT_OK && is_bad(&l))
		status = WHY_EXIT_BAD_RULES;
	return status;
}

/* ---- test ------------------------------------------------------------------------------------------- */

struct tally {
	size_t passed, failed;
};

static int gather(void *arg, const uint8_t *data, size_t n, size_t *ret_used)
{
	int r = buf_add(arg, data, n);

	*ret_used = n;
	return r == -ENOMEM ? r : r < 0 ? -EFBIG : 0;
}

/* A recording is named relative to the file of rules. */
static int play_recording(const struct loaded *l, uint32_t index, struct rules_test_seen *seen, struct buf *out,
			  bool *ret_passed)
{
	const struct rules_test *t = &l->ruleset->tests[index];
	const char *slash = t->replay[0] == '/' ? NULL : strrchr(t->file, '/');
	char path[PATH_MAX];
	AUTO_BUF struct buf bytes;
	int n = snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash + 1 - t->file) : 0, t->file, t->replay);
	struct stat st;

	buf_init(&bytes, RULES_TEST_MAX_REPLAY_BYTES);
	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) /* a pipe would wait for ever */
		return -EINVAL;
	if (recording_play(path, gather, &bytes) != WHY_EXIT_OK)
		return -EIO;
	return rules_test_replay(l->ruleset, index, l->metrics, bytes.data, bytes.len, seen, out, ret_passed);
}

static const char *test_error(int r)
{
	switch (-r) {
	case ENOENT:
		return "there is no such recording (its path is relative to the file of rules)";
	case EINVAL:
	case EIO:
		return "its recording cannot be read";
	case EBADMSG:
		return "its recording is none, or damaged";
	case ENODATA:
		return "there is no tick in its recording";
	case ESTALE:
		return "its recording is of two nodes or boots: one at a time";
	case EPROTONOSUPPORT:
		return "its recording was written by a newer whyd";
	default:
		return strerror(-r);
	}
}

static int run_tests(const struct loaded *l, struct rules_test_seen *seen, struct buf *out, struct tally *tally)
{
	for (uint32_t i = 0; i < l->ruleset->n_tests; i++) {
		const struct rules_test *t = &l->ruleset->tests[i];
		bool passed = false;
		int r = t->replay ? play_recording(l, i, seen, out, &passed)
				  : rules_test_run(l->ruleset, i, l->metrics, seen, out, &passed);

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			(void)buf_addf(out, "%s:%u: test '%s': cannot be played: %s\n", t->file, t->line, t->name,
				       test_error(r));
		tally->passed += r == 0 && passed;
		tally->failed += r < 0 || !passed;
	}
	return 0;
}

struct report {
	const struct tally *tally;
	const struct buf *out;
	const struct buf *coverage; /* NULL: not asked for */
	size_t lacking;
};

static void write_lines(struct json *j, const char *key, const struct buf *lines)
{
	const char *at = lines->data ? (const char *)lines->data : "";

	json_key(j, key);
	json_array_begin(j);
	for (size_t n; *at; at += n + (at[n] == '\n')) {
		n = strcspn(at, "\n");
		json_text_n(j, at, n);
	}
	json_array_end(j);
}

static void write_report(const void *what, struct json *j)
{
	const struct report *r = what;

	json_object_begin(j);
	json_key_text(j, "apiVersion", "why/v1");
	json_key_text(j, "kind", "RuleTest");
	json_key_u64(j, "passed", r->tally->passed);
	json_key_u64(j, "failed", r->tally->failed);
	write_lines(j, "output", r->out);
	if (r->coverage)
		write_lines(j, "coverage", r->coverage);
	json_object_end(j);
}

/* What tests say comes from files: nothing in it may reach the terminal as it is. */
static void print_lines(const struct buf *lines)
{
	const char *at = lines->data ? (const char *)lines->data : "";
	char escaped[4096];
	struct text t;

	for (size_t n; *at; at += n + (at[n] == '\n')) {
		n = strcspn(at, "\n");
		text_init(&t, escaped, sizeof(escaped));
		text_add_escaped(&t, at, n);
		printf("%s\n", escaped);
	}
}

static void print_report(const struct report *r)
{
	print_lines(r->out);
	if (r->coverage)
		print_lines(r->coverage);
	if (r->coverage && r->lacking > 0)
		printf("%zu evidence item%s not seen both true and false\n", r->lacking, plural(r->lacking));
	printf("%zu passed, %zu failed\n", r->tally->passed, r->tally->failed);
}

static int test(const struct common *c, const char *const *words, size_t n_words)
{
	AUTO(loaded_done) struct loaded l = { 0 };
	AUTO(rules_test_seen_free) struct rules_test_seen *seen = NULL;
	AUTO_BUF struct buf out = { 0 }, coverage = { 0 };
	struct tally tally = { 0 };
	struct report report = { .tally = &tally, .out = &out };
	int status = load(words, n_words, &l), r = 0;

	if (status != WHY_EXIT_OK)
		return status;
	buf_init(&out, MAX_OUTPUT);
	buf_init(&coverage, MAX_OUTPUT);
	if (is_bad(&l)) {
		print_check(&l);
		return WHY_EXIT_BAD_RULES;
	}
	if (c->coverage)
		r = rules_test_seen_new(l.ruleset, &seen);
	if (r == 0)
		r = run_tests(&l, seen, &out, &tally);
	if (r < 0)
		return show_error(WHY_EXIT_INTERNAL, strerror(-r));
	if (seen) {
		report.lacking = rules_test_seen_print(seen, &coverage);
		report.coverage = &coverage;
	}
	if (c->output == OUTPUT_TEXT)
		print_report(&report);
	else
		status = show_json(write_report, &report);
	if (tally.passed + tally.failed == 0)
		return show_error(WHY_EXIT_BAD_RULES,
				  "these rules have no tests: a rule that was never seen to fire is a guess");
	return tally.failed > 0 || (c->coverage && report.lacking > 0) ? WHY_EXIT_BAD_RULES : status;
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
		line->detail =
			arena_printf(a->arena, "%s%s%s, %s", metric_kind_name(d->kind), unit_name(d->unit)[0] ? " " : "",
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

/* ---- schema: for editors ---------------------------------------------------------------------------- */

static void write_schema(const void *what UNUSED, struct json *j)
{
	keys_write_schema(j);
}

static int schema(const struct common *c UNUSED, const char *const *words UNUSED, size_t n_words)
{
	if (n_words > 0)
		return show_error(WHY_EXIT_USAGE, "why rules schema takes no further word");
	return show_json(write_schema, NULL);
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
		return show_error(WHY_EXIT_USAGE,
				  "why rules reload takes no further word: it reloads this machine's agent");
	if (c->hub && !c->local)
		return show_error(WHY_EXIT_USAGE, "rules are reloaded on their node: why rules reload --local");
	here.local = true;
	status = query_make(QUERY_RELOAD, c, &q, error, sizeof(error));
	return status == WHY_EXIT_OK ? show_question(&here, &q) : show_error(status, error);
}

static const struct verb verbs[] = {
	{ "check", "why rules check FILE|DIR...", check }, { "test", "why rules test FILE|DIR...", test },
	{ "list", "why rules list [NODE]", list },         { "metrics", "why rules metrics", metrics },
	{ "reload", "why rules reload", reload },          { "schema", "why rules schema", schema },
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
	text_addf(&t, near ? "'; did you mean '%s'?" : "'; there are check, test, list, metrics, reload, schema%s",
		  near ? near : "");
	return NULL;
}

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	const struct verb *verb;
	char error[512];

	if (n_words == 0)
		return show_error(WHY_EXIT_USAGE,
				  "rules: which? check, test, list, metrics, reload, schema   (why help rules)");
	verb = find_verb(words[0], error, sizeof(error));
	if (!verb)
		return show_error(WHY_EXIT_USAGE, error);
	if ((verb->run == check || verb->run == test) && n_words == 1) {
		snprintf(error, sizeof(error), "which rules? Write it like: %s", verb->usage);
		return show_error(WHY_EXIT_USAGE, error);
	}
	if (c->output == OUTPUT_SARIF && verb->run != check)
		return show_error(WHY_EXIT_USAGE, "--output sarif is for `why rules check`");
	if (c->against && (verb->run != check || c->output == OUTPUT_SARIF))
		return show_error(WHY_EXIT_USAGE, "--against is for `why rules check`, as text or json");
	if (c->rules.n > 0 && !c->against)
		return show_error(WHY_EXIT_USAGE, "--rules names the rules in force for `why rules check --against`");
	if (c->coverage && verb->run != test)
		return show_error(WHY_EXIT_USAGE, "--coverage is for `why rules test`");
	return verb->run(c, words + 1, n_words - 1);
}

const struct command command_rules = {
	.name = "rules",
	.usage = "why rules check|test FILE|DIR... | list [NODE] | metrics | reload | schema",
	.help = "check and test rules; list those in force",
	.more = "  check FILE|DIR...   errors and warnings with their place; -o sarif for code review tools; exit status "
		"65: rejected\n"
		"    --against RECORDING   what would open, vanish or differ on a recording (an agent's is "
		"/var/lib/why/recorder)\n"
		"                          if the files named, all together, took the place of the rules in force;\n"
		"                          --rules DIR: those in force, if not this machine's; exit status 1: it differs\n"
		"  test FILE|DIR...    play the tests that the files hold; --coverage: which evidence no test saw true "
		"and false\n"
		"  list [NODE]         rules in force with their modes, and what was rejected with its place\n"
		"  metrics             what rules may speak of: all readings, without any agent\n"
		"  schema              JSON Schema of a file of rules, for editors\n"
		"  reload              this machine's agent reads its rules again (it also does so by itself when a file "
		"changes)",
	.own = " --watch --coverage --node --rules --against --output sarif ",
	.run = run,
};
