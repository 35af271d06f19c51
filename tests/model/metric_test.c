/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/metric.h"

static const struct metric_field oom_fields[] = {
	{"victim", 1, UNIT_NONE, "command name"},
	{"rss", 0, UNIT_BYTES, "resident memory"},
	{0},
};
static const char *const link_states[] = {"down", "up", NULL};
static const struct metric_desc table[] = {
	{.name = "cgroup.memory.current", .kind = METRIC_GAUGE, .unit = UNIT_BYTES, .about = ENTITY_CGROUP,
	 .help = "charged memory"},
	{.name = "cgroup.oom.kill", .kind = METRIC_EVENT, .about = ENTITY_CGROUP, .help = "a kill", .fields = oom_fields},
	{.name = "nic.link.state", .kind = METRIC_STATE, .about = ENTITY_NIC, .help = "carrier", .states = link_states},
};

static struct metrics *registry(void)
{
	struct metrics *m = NULL;

	assert_ok(metrics_new(&m));
	return m;
}

static void ids_are_positions_over_all_tables(void **state)
{
	static const struct metric_desc other[] = {
		{.name = "net.tcp.retransmits", .kind = METRIC_COUNTER, .about = ENTITY_NODE, .help = "segments sent again"},
	};
	struct metrics *m = registry();
	uint32_t first = 77;

	(void)state;
	assert_ok(metrics_add(m, "memory", table, 3, &first));
	assert_int_equal(first, 0);
	assert_ok(metrics_add(m, "net", other, 1, &first));
	assert_int_equal(first, 3);
	assert_int_equal(metrics_count(m), 4);
	assert_int_equal(metrics_find(m, "net.tcp.retransmits"), 3);
	assert_int_equal(metrics_find(m, "nic.link.state"), 2);
	assert_int_equal(metrics_find(m, "nic.link"), METRIC_NONE);
	assert_ptr_equal(metrics_at(m, 1), &table[1]);
	assert_string_equal(metrics_source(m, 1), "memory");
	assert_string_equal(metrics_source(m, 3), "net");
	assert_null(metrics_at(m, 4));
	assert_null(metrics_at(m, METRIC_NONE));
	assert_null(metrics_source(m, 4));
	metrics_free(&m);
	assert_null(m);
	metrics_free(&m);
}

static void a_taken_name_adds_nothing_of_its_table(void **state)
{
	static const struct metric_desc clash[] = {
		{.name = "gpu.temperature", .kind = METRIC_GAUGE, .unit = UNIT_CELSIUS, .about = ENTITY_GPU, .help = "die"},
		{.name = "nic.link.state", .kind = METRIC_GAUGE, .about = ENTITY_NIC, .help = "again"},
	};
	static const struct metric_desc twice[] = {
		{.name = "gpu.power", .kind = METRIC_GAUGE, .unit = UNIT_WATTS, .about = ENTITY_GPU, .help = "draw"},
		{.name = "gpu.power", .kind = METRIC_GAUGE, .unit = UNIT_WATTS, .about = ENTITY_GPU, .help = "draw"},
	};
	struct metrics *m = registry();
	uint32_t first = 77;

	(void)state;
	assert_ok(metrics_add(m, "memory", table, 3, NULL));
	assert_err(metrics_add(m, "gpu", clash, 2, &first), EEXIST);
	assert_err(metrics_add(m, "gpu", twice, 2, &first), EEXIST);
	assert_int_equal(first, 77);
	assert_int_equal(metrics_count(m), 3);
	assert_int_equal(metrics_find(m, "gpu.temperature"), METRIC_NONE);
	assert_int_equal(metrics_find(m, "gpu.power"), METRIC_NONE);
	assert_ok(metrics_add(m, "gpu", clash, 1, &first));
	assert_int_equal(first, 3);
	metrics_free(&m);
}

static void malformed_descriptors_are_refused(void **state)
{
	static const struct metric_field no_name_twice[] = {{"a", 0, UNIT_NONE, ""}, {"a", 1, UNIT_NONE, ""}, {0}};
	static const struct metric_field thirteen[] = {
		{"a", 0, 0, ""}, {"b", 0, 0, ""}, {"c", 0, 0, ""}, {"d", 0, 0, ""}, {"e", 0, 0, ""}, {"f", 0, 0, ""},
		{"g", 0, 0, ""}, {"h", 0, 0, ""}, {"i", 0, 0, ""}, {"j", 0, 0, ""}, {"k", 0, 0, ""}, {"l", 0, 0, ""},
		{"m", 0, 0, ""}, {0},
	};
	const struct metric_desc bad[] = {
		{.name = "Cgroup.memory", .help = "upper case"},
		{.name = "", .help = "empty"},
		{.name = NULL, .help = "none"},
		{.name = "a-b", .help = "dash"},
		{.name = "a.b", .help = ""},
		{.name = "a.b", .help = NULL},
		{.name = "a.b", .help = "unit", .unit = UNIT_MAX},
		{.name = "a.b", .help = "kind", .kind = METRIC_KIND_MAX},
		{.name = "a.b", .help = "about", .about = ENTITY_KIND_MAX},
		{.name = "a.b", .help = "state without names", .kind = METRIC_STATE},
		{.name = "a.b", .help = "names without state", .states = link_states},
		{.name = "a.b", .help = "fields of a gauge", .fields = oom_fields},
		{.name = "a.b", .help = "same field twice", .kind = METRIC_EVENT, .fields = no_name_twice},
		{.name = "a.b", .help = "too many fields", .kind = METRIC_EVENT, .fields = thirteen},
	};
	struct metrics *m = registry();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(metrics_add(m, "x", &bad[i], 1, NULL), EINVAL);
	assert_int_equal(metrics_count(m), 0);
	metrics_free(&m);
}

static void the_registry_has_a_maximum(void **state)
{
	static struct metric_desc many[METRIC_MAX + 1];
	static char names[METRIC_MAX + 1][24];
	struct metrics *m = registry();

	(void)state;
	for (unsigned i = 0; i <= METRIC_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "many.m%u", i);
		many[i] = (struct metric_desc){.name = names[i], .help = "one of many"};
	}
	assert_err(metrics_add(m, "x", many, METRIC_MAX + 1, NULL), ENOSPC);
	assert_int_equal(metrics_count(m), 0);
	assert_ok(metrics_add(m, "x", many, METRIC_MAX, NULL));
	assert_err(metrics_add(m, "x", &many[METRIC_MAX], 1, NULL), ENOSPC);
	assert_int_equal(metrics_find(m, "many.m1023"), 1023);
	metrics_free(&m);
}

static void fields_are_found_by_name(void **state)
{
	(void)state;
	assert_int_equal(metric_field_index(&table[1], "victim"), 0);
	assert_int_equal(metric_field_index(&table[1], "rss"), 1);
	assert_err(metric_field_index(&table[1], "vict"), ENOENT);
	assert_err(metric_field_index(&table[0], "rss"), ENOENT);
}

static void names_and_numbers_agree(void **state)
{
	enum entity_kind kind;

	(void)state;
	for (unsigned i = 0; i < ENTITY_KIND_MAX; i++) {
		assert_ok(entity_kind_parse(entity_kind_name((enum entity_kind)i), &kind));
		assert_int_equal(kind, i);
	}
	assert_string_equal(entity_kind_name(ENTITY_CGROUP), "cgroup");
	assert_string_equal(entity_kind_name(ENTITY_KIND_MAX), "?");
	assert_err(entity_kind_parse("cgroups", &kind), EINVAL);
	assert_err(entity_kind_parse("", &kind), EINVAL);
	assert_string_equal(metric_kind_name(METRIC_COUNTER), "counter");
	assert_string_equal(metric_kind_name(METRIC_KIND_MAX), "?");
	assert_string_equal(unit_name(UNIT_BYTES), "By");
	assert_string_equal(unit_name(UNIT_CPUS), "{cpu}");
	assert_string_equal(unit_name(UNIT_NONE), "");
	assert_string_equal(unit_name(UNIT_MAX), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_positions_over_all_tables),
		cmocka_unit_test(a_taken_name_adds_nothing_of_its_table),
		cmocka_unit_test(malformed_descriptors_are_refused),
		cmocka_unit_test(the_registry_has_a_maximum),
		cmocka_unit_test(fields_are_found_by_name),
		cmocka_unit_test(names_and_numbers_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
