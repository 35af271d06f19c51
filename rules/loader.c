// SPDX-License-Identifier: Apache-2.0
#include "rules/loader.h"

#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "rules/rules_test.h"

#define SCRATCH_MAX_BYTES (256 * 1024 * 1024)

/* ---- telling errors ---- */

static void tell(struct loader *l, enum diag_severity severity, enum rules_code code, uint32_t line, uint32_t column,
		 size_t length, const char *hint,
		 const char *message)
{
	const struct rules_source *origin = l->file->origin;

	diags_add(l->diags, severity, rules_code_name(code), origin->name, line, column, length ? (uint32_t)length
		  : 1, origin->text, l->rule, hint, "%s",
		  message);
}

void loader_error(struct loader *l, enum rules_code code, const struct yaml_node *at, size_t offset, size_t length,
		  const char *hint, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	l->n_errors++;
	tell(l, DIAG_ERROR, code, at ? at->line : 1, at ? at->kind == YAML_SCALAR ? yaml_tree_column(at, offset)
	     : at->column : 1, length, hint, message);
}

void loader_error_key(struct loader *l, enum rules_code code, const struct yaml_node *member, const char *hint,
		      const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	l->n_errors++;
	if (member->key)
		tell(l, DIAG_ERROR, code, member->key_line, member->key_column, strlen(member->key), hint, message);
	else
		tell(l, DIAG_ERROR, code, member->line, member->column, 1, hint, message);
}

void loader_warning(struct loader *l, enum rules_code code, const struct yaml_node *at, size_t offset, size_t length,
		    const char *hint, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	tell(l, DIAG_WARNING, code, at ? at->line : 1, at ? at->kind == YAML_SCALAR ? yaml_tree_column(at, offset)
	     : at->column : 1, length, hint, message);
}

void *loader_alloc(struct loader *l, size_t n, size_t size)
{
	void *p = arena_alloc_array(l->arena, n ? n : 1, size);

	if (!p)
		l->out_of_memory = true;
	return p;
}

const char *loader_strdup(struct loader *l, const char *text)
{
	const char *copy = arena_strdup(l->arena, text);

	if (!copy)
		l->out_of_memory = true;
	return copy;
}

const char *loader_mean(struct loader *l, const char *word, const char *const *candidates, size_t n)
{
	const char *near = text_nearest(word, candidates, n);

	return near ? arena_printf(l->scratch, "did you mean '%s'?", near) : NULL;
}

void loader_free_regexes(struct loader *l, uint32_t from)
{
	for (uint32_t i = from; i < l->regexes.n; i++)
		regfree(*(regex_t **)list_at(&l->regexes, i));
	l->regexes.n = from;
}

/* ---- putting it together ---- */

static void want_metric(uint64_t *windows, uint32_t metric, double window_ns)
{
	/* One more than the window, so that 0 is "nobody wants it". */
	uint64_t w = (uint64_t)window_ns + 1;

	if (windows[metric] < w)
		windows[metric] = w;
}

static void want_program(uint64_t *windows, const struct program *p)
{
	for (uint32_t i = 0; i < p->n_code; i++) {
		const struct insn *insn = &p->code[i];

		switch (insn->op) {
		case OP_METRIC:
		case OP_STALE:
		case OP_ABSENT:
			want_metric(windows, insn->a, 0);
			break;
		case OP_RATIO:
			want_metric(windows, insn->b, insn->number);
			want_metric(windows, insn->a, insn->number);
			break;
		case OP_EVENT_CODE:
		case OP_EVENT_FIELD:
		case OP_COUNT:
		case OP_RATE:
		case OP_INCREASE:
		case OP_WINDOW:
		case OP_CHANGED:
			want_metric(windows, insn->a, insn->number);
			break;
		default:
			break;
		}
	}
}

static void want_correlated(uint64_t *windows, const struct cause_rule *c)
{
	for (uint32_t i = 0; i < c->n_explains; i++) {
		const struct explain_rule *e = &c->explains[i];

		if (!e->has_correlate)
			continue;
		want_metric(windows, e->correlate_a, (double)e->correlate_over_ns);
		want_metric(windows, e->correlate_b, (double)e->correlate_over_ns);
	}
}

static void gather_demands(struct loader *l, struct ruleset *rs)
{
	size_t n = metrics_count(l->metrics);
	uint64_t *windows = arena_alloc_array(l->scratch, n + 1, sizeof(*windows));
	struct demand *demands = loader_alloc(l, n, sizeof(*demands));

	if (!windows || !demands) {
		l->out_of_memory = true;
		return;
	}
	for (uint32_t i = 0; i < rs->n_programs; i++)
		want_program(windows, &rs->programs[i]);
	for (uint32_t i = 0; i < rs->n_causes; i++)
		want_correlated(windows, &rs->causes[i]);
	for (uint32_t i = 0; i < n; i++)
		if (windows[i])
			demands[rs->n_demands++] = (struct demand){ .metric = i, .window_ns = windows[i] - 1 };
	rs->demands = demands;
}

static void digest_all(struct loader *l, struct ruleset *rs)
{
	AUTO_BUF struct buf b;

	buf_init(&b, RULESET_MAX_RULES * (DIGEST_HEX_MAX + 256));
	for (uint32_t i = 0; i < rs->n_symptoms; i++)
		(void)buf_addf(&b, "%s=%s\n", rs->symptoms[i].id, rs->symptoms[i].digest);
	for (uint32_t i = 0; i < rs->n_causes; i++)
		(void)buf_addf(&b, "%s=%s\n", rs->causes[i].id, rs->causes[i].digest);
	if (b.overflow || digest_sha256_hex(b.len ? b.data : (const uint8_t *)"", b.len, rs->digest) < 0)
		l->out_of_memory = true;
}

static void gather_origins(struct loader *l, struct ruleset *rs)
{
	struct rules_source *origins = loader_alloc(l, l->files.n, sizeof(*origins));

	for (uint32_t i = 0; origins && i < l->files.n; i++)
		origins[rs->n_origins++] = *(*(struct rules_file **)list_at(&l->files, i))->origin;
	rs->origins = origins;
}

static void build(struct loader *l, struct ruleset *rs)
{
	rs->programs = l->programs.data;
	rs->n_programs = l->programs.n;
	rs->paths = l->paths.data;
	rs->n_paths = l->paths.n;
	rs->regexes = l->regexes.data;
	rs->n_regexes = l->regexes.n;
	rs->params = l->params.data;
	rs->n_params = l->params.n;
	rs->symptoms = l->symptoms.data;
	rs->n_symptoms = l->symptoms.n;
	rs->causes = l->causes.data;
	rs->n_causes = l->causes.n;
	rs->tests = l->tests.data;
	rs->n_tests = l->tests.n;
	rs->n_rejected = l->n_rejected;
	gather_origins(l, rs);
	gather_demands(l, rs);
	digest_all(l, rs);
}

static void read_all(struct loader *l, const struct rules_source *sources, size_t n_sources)
{
	for (size_t i = 0; i < n_sources && !l->out_of_memory; i++)
		loader_read_file(l, &sources[i]);
	for (uint32_t i = 0; i < l->files.n && !l->out_of_memory; i++)
		loader_take_rules(l, *(struct rules_file **)list_at(&l->files, i));
	if (l->out_of_memory)
		return;
	loader_check_links(l);
	loader_keep(l);
	loader_check_links(l);
	loader_warn_links(l);
	for (uint32_t i = 0; i < l->files.n && !l->out_of_memory; i++) {
		l->file = *(struct rules_file **)list_at(&l->files, i);
		if (yaml_tree_get(l->file->root, "tests"))
			loader_read_tests(l, yaml_tree_get(l->file->root, "tests"));
	}
}

int ruleset_load(const struct rules_source *sources, size_t n_sources, const struct metrics *metrics,
		 const struct ruleset *last, struct diags *diags,
		 struct ruleset **ret_ruleset)
{
	AUTO(ruleset_free) struct ruleset *rs = NULL;
	AUTO(arena_free) struct arena *scratch = NULL;
	struct loader l = { .metrics = metrics, .diags = diags, .last = last, .files.size = sizeof(struct rules_file *),
			    .overrides.size = sizeof(struct override), .programs.size = sizeof(struct program),
				    .paths.size = sizeof(struct path),
			    .regexes.size = sizeof(void *), .params.size = sizeof(struct value),
				    .symptoms.size = sizeof(struct symptom_rule),
			    .causes.size = sizeof(struct cause_rule), .tests.size = sizeof(struct rules_test),
				    .rejected.size = sizeof(char *),
			    .cause_places.size = sizeof(struct cause_place),
				    .finding_refs.size = sizeof(struct finding_ref) };

	rs = calloc(1, sizeof(*rs));
	if (!rs || arena_new(RULESET_MAX_BYTES, &rs->arena) < 0 || arena_new(SCRATCH_MAX_BYTES, &scratch) < 0)
		return -ENOMEM;
	l.arena = rs->arena;
	l.scratch = scratch;
	read_all(&l, sources, n_sources);
	build(&l, rs);
	if (l.out_of_memory)
		return arena_used(rs->arena) > RULESET_MAX_BYTES / 2 ? -EMSGSIZE : -ENOMEM;
	*ret_ruleset = TAKE_PTR(rs);
	return 0;
}
