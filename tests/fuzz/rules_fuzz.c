// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a file of rules, after a good one: no crash; what is loaded passes the machine's own verification; the
 * same text gives the same digest; a broken text keeps what was good. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "rules/machine.h"
#include "rules/rules_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct metric_field fields[] = {
	{ .name = "comm", .is_text = 1, .help = "h" },
	{ .name = "pid", .help = "h" },
	{ .name = "age", .unit = UNIT_NS, .help = "h" },
	{ .name = NULL },
};
static const char *const states[] = { "down", "up", NULL };

static const struct metric_desc table[] = {
	{ .name = "n.g", .kind = METRIC_GAUGE, .unit = UNIT_RATIO, .about = ENTITY_NODE, .help = "h" },
	{ .name = "n.c", .kind = METRIC_COUNTER, .unit = UNIT_NS, .about = ENTITY_NODE, .help = "h" },
	{ .name = "n.e", .kind = METRIC_EVENT, .about = ENTITY_NODE, .help = "h", .fields = fields },
	{ .name = "c.g", .kind = METRIC_GAUGE, .unit = UNIT_BYTES, .about = ENTITY_CGROUP, .help = "h" },
	{ .name = "p.e", .kind = METRIC_EVENT, .about = ENTITY_PROCESS, .help = "h", .fields = fields },
	{ .name = "i.s", .kind = METRIC_STATE, .about = ENTITY_NIC, .help = "h", .states = states },
};

static const char good[] = "rules: why/v1\npack: { name: g }\nparams: { x: { type: ratio, default: 10% } }\n"
			   "symptoms:\n  s.s:\n    scope: process\n    when: count(p.e, 1m) >= 1\n"
			   "causes:\n  a.a:\n    title: t\n    scope: node\n    trigger: n.g > param.x\n"
			   "    requires: [{ id: r, when: n.g > param.x, show: \"{value}\" }]\n"
			   "    hold: { clear_after: 1m }\n";

static struct metrics *registry(void)
{
	static struct metrics *m;

	if (!m && (metrics_new(&m) < 0 || metrics_add(m, "fuzz", table, ARRAY_LEN(table), NULL) < 0))
		abort();
	return m;
}

static void demand(bool truth)
{
	if (!truth)
		abort();
}

static struct ruleset *load(const char *text, size_t n, const struct ruleset *last, size_t *ret_errors)
{
	AUTO(diags_free) struct diags *diags = NULL;
	AUTO_BUF struct buf b;
	struct rules_source source = { .name = "t.why.yaml", .text = text, .len = n };
	struct ruleset *rs = NULL;
	uint32_t at;

	buf_init(&b, 4 << 20);
	demand(diags_new(&diags) == 0);
	demand(ruleset_load(&source, 1, registry(), last, diags, &rs) == 0);
	demand(machine_verify(rs, registry(), &at) == 0);
	demand(diags_print(diags, &b) == 0 && diags_print_sarif(diags, "1", &b) == 0);
	*ret_errors = diags_count(diags, DIAG_ERROR) + diags_dropped(diags);
	demand(rs->n_rejected == 0 || *ret_errors > 0);
	return rs;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(ruleset_free) struct ruleset *first = NULL, *second = NULL, *third = NULL;
	AUTO_FREE char *text = strndup((const char *)data, size);
	size_t n = strlen(text), errors, again;

	first = load(good, sizeof(good) - 1, NULL, &errors);
	demand(errors == 0 && first->n_causes == 1 && first->n_symptoms == 1);
	second = load(text, n, first, &errors);
	third = load(text, n, first, &again);
	demand(errors == again && strcmp(second->digest, third->digest) == 0);
	for (uint32_t i = 0; i < second->n_causes; i++)
		demand(second->causes[i].n_requires > 0 && second->causes[i].title.n_parts <= 64);
	return 0;
}
