// SPDX-License-Identifier: Apache-2.0
#include "tests/rules/pack.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/test.h"

static const struct metric_field exit_fields[] = {
	{ .name = "comm", .is_text = 1, .help = "command" },
	{ .name = "signal", .help = "signal" },
	{ .name = "lifetime", .unit = UNIT_NS, .help = "age" },
	{ .name = NULL },
};
static const struct metric_field oom_fields[] = {
	{ .name = "victim_pid", .help = "pid" },
	{ .name = "victim_comm", .is_text = 1, .help = "command" },
	{ .name = "victim_rss", .unit = UNIT_BYTES, .help = "rss" },
	{ .name = NULL },
};
static const struct metric_field exec_fields[] = {
	{ .name = "comm", .is_text = 1, .help = "command" },
	{ .name = "cmdline", .is_text = 1, .help = "arguments" },
	{ .name = NULL },
};
static const char *const nvml_states[] = { "ok", "lost", NULL };
static const char *const link_states[] = { "down", "up", NULL };

static const struct metric_desc table[] = {
	{ .name = "node.cpu.idle_ratio", .kind = METRIC_GAUGE, .unit = UNIT_RATIO, .about = ENTITY_NODE, .help = "h" },
	{ .name = "node.memory.available", .kind = METRIC_GAUGE, .unit = UNIT_BYTES, .about = ENTITY_NODE,
	  .help = "h" },
	{ .name = "node.oom.kill", .kind = METRIC_EVENT, .about = ENTITY_NODE, .help = "h", .fields = oom_fields },
	{ .name = "cgroup.cpu.periods", .kind = METRIC_COUNTER, .about = ENTITY_CGROUP, .help = "h" },
	{ .name = "cgroup.cpu.throttled_periods", .kind = METRIC_COUNTER, .about = ENTITY_CGROUP, .help = "h" },
	{ .name = "cgroup.cpu.throttled_time", .kind = METRIC_COUNTER, .unit = UNIT_NS, .about = ENTITY_CGROUP,
	  .help = "h" },
	{ .name = "cgroup.cpu.limit", .kind = METRIC_GAUGE, .unit = UNIT_CPUS, .about = ENTITY_CGROUP, .help = "h" },
	{ .name = "cgroup.memory.current", .kind = METRIC_GAUGE, .unit = UNIT_BYTES, .about = ENTITY_CGROUP,
	  .help = "h" },
	{ .name = "cgroup.memory.limit", .kind = METRIC_GAUGE, .unit = UNIT_BYTES, .about = ENTITY_CGROUP,
	  .help = "h" },
	{ .name = "cgroup.oom.kill", .kind = METRIC_EVENT, .about = ENTITY_CGROUP, .help = "h", .fields = oom_fields },
	{ .name = "cgroup.psi.memory.full_ratio", .kind = METRIC_GAUGE, .unit = UNIT_RATIO, .about = ENTITY_CGROUP,
	  .help = "h" },
	{ .name = "proc.exit", .kind = METRIC_EVENT, .about = ENTITY_PROCESS, .help = "h", .fields = exit_fields },
	{ .name = "proc.state.blocked_time", .kind = METRIC_GAUGE, .unit = UNIT_NS, .about = ENTITY_PROCESS,
	  .help = "h" },
	{ .name = "nic.link", .kind = METRIC_STATE, .about = ENTITY_NIC, .help = "h", .states = link_states },
	{ .name = "nic.carrier_changes", .kind = METRIC_COUNTER, .about = ENTITY_NIC, .help = "h" },
	{ .name = "gpu.xid", .kind = METRIC_EVENT, .about = ENTITY_GPU, .help = "h" },
	{ .name = "gpu.sm_active", .kind = METRIC_GAUGE, .unit = UNIT_RATIO, .about = ENTITY_GPU, .help = "h" },
	{ .name = "gpu.memory.used_ratio", .kind = METRIC_GAUGE, .unit = UNIT_RATIO, .about = ENTITY_GPU, .help = "h" },
	{ .name = "gpu.power", .kind = METRIC_GAUGE, .unit = UNIT_WATTS, .about = ENTITY_GPU, .help = "h" },
	{ .name = "gpu.nvml.status", .kind = METRIC_STATE, .about = ENTITY_GPU, .help = "h", .states = nvml_states },
	{ .name = "nic.link_down", .kind = METRIC_COUNTER, .about = ENTITY_NIC, .help = "h" },
	{ .name = "nic.symbol_errors", .kind = METRIC_COUNTER, .about = ENTITY_NIC, .help = "h" },
	{ .name = "rank.lateness", .kind = METRIC_GAUGE, .unit = UNIT_NS, .about = ENTITY_PROCESS, .help = "h" },
	{ .name = "proc.exec", .kind = METRIC_EVENT, .about = ENTITY_PROCESS, .help = "h", .fields = exec_fields },
	{ .name = "cgroup.sched.run_delay_ratio", .kind = METRIC_GAUGE, .unit = UNIT_RATIO, .about = ENTITY_CGROUP,
	  .help = "h" },
	{ .name = "gpu.temperature", .kind = METRIC_GAUGE, .unit = UNIT_CELSIUS, .about = ENTITY_GPU, .help = "h" },
};

void pack_open(struct pack *p)
{
	*p = (struct pack){ 0 };
	assert_ok(metrics_new(&p->metrics));
	assert_ok(metrics_add(p->metrics, "test", table, ARRAY_LEN(table), NULL));
}

void pack_close(struct pack *p)
{
	ruleset_free(&p->ruleset);
	diags_free(&p->diags);
	metrics_free(&p->metrics);
}

void pack_load_n(struct pack *p, const struct rules_source *sources, size_t n)
{
	struct ruleset *next = NULL;

	diags_free(&p->diags);
	assert_ok(diags_new(&p->diags));
	assert_ok(ruleset_load(sources, n, p->metrics, p->ruleset, p->diags, &next));
	ruleset_free(&p->ruleset);
	p->ruleset = next;
}

void pack_load(struct pack *p, const char *text)
{
	pack_load_n(p, &(struct rules_source){ .name = "t.why.yaml", .text = text, .len = strlen(text) }, 1);
}

const char *pack_diag(const struct pack *p, size_t i)
{
	static char text[64];
	const struct diag *d = diags_at(p->diags, i);

	text[0] = '\0';
	if (d)
		(void)snprintf(text, sizeof(text), "%s@%u:%u", d->code, d->line, d->column);
	return text;
}

void pack_expect(const struct pack *p, const char *expected)
{
	char got[2048];
	size_t n = 0;

	got[0] = '\0';
	for (size_t i = 0; i < diags_total(p->diags) && n < sizeof(got) - 80; i++)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s", i ? " " : "", pack_diag(p, i));
	if (strcmp(got, expected) != 0) {
		AUTO_BUF struct buf b;

		buf_init(&b, 65536);
		(void)diags_print(p->diags, &b);
		print_message("%s\n", b.data ? (const char *)b.data : "");
	}
	assert_string_equal(got, expected);
}
