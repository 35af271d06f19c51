// SPDX-License-Identifier: Apache-2.0
#include "collectors/xid_catalogue.h"

#include <stdio.h>
#include <string.h>

#include "tests/test.h"

#include "base/cleanup.h"

static const struct xid_meaning *of(uint32_t code)
{
	const struct xid_meaning *m = xid_catalogue_find(code);

	assert_non_null(m);
	assert_int_equal(m->code, code);
	return m;
}

static void test_what_matters_most(void **unused)
{
	(void)unused;
	assert_int_equal(of(79)->suspect, XID_HARDWARE);
	assert_int_equal(of(79)->advice, XID_REBOOT_NODE);
	assert_int_equal(of(79)->severity, SEVERITY_CRITICAL);
	assert_string_equal(of(79)->name, "GPU_HAS_FALLEN_OFF_THE_BUS");
	assert_int_equal(of(48)->advice, XID_RESET_GPU);
	assert_int_equal(of(64)->advice, XID_RESET_GPU);
	assert_int_equal(of(95)->advice, XID_RESET_GPU);
	assert_int_equal(of(94)->advice, XID_RESTART_APP);
	assert_int_equal(of(54)->advice, XID_CHECK_SEATING);
	assert_int_equal(of(145)->advice, XID_DECODE);
	assert_int_equal(of(154)->advice, XID_DRIVER_SAYS);
	assert_int_equal(of(9)->suspect, XID_UNKNOWN); /* a number that is no longer used */
	assert_null(xid_catalogue_find(0));
	assert_null(xid_catalogue_find(174));
	assert_null(xid_catalogue_find(UINT32_MAX));
}

/* A program's own mistake never asks for more than the program's restart,
	and what asks for a reset is not blamed on it. */
static void test_programs_cost_no_node(void **unused)
{
	(void)unused;
	unsigned n = 0;

	for (uint32_t code = 0; code < 1000; code++) {
		const struct xid_meaning *m = xid_catalogue_find(code);
		if (!m)
			continue;
		n++;
		assert_true(strlen(m->meaning) > 10 && strlen(m->name) > 3);
		if (m->suspect != XID_APPLICATION)
			continue;
		assert_in_range(m->advice, XID_NOTHING, XID_RESTART_APP);
		assert_int_not_equal(m->severity, SEVERITY_CRITICAL);
	}
	assert_int_equal(n, 173); /* each number once */
	assert_int_equal(of(13)->suspect, XID_APPLICATION);
	assert_int_equal(of(31)->suspect, XID_APPLICATION);
	assert_int_equal(of(43)->suspect, XID_APPLICATION);
	assert_int_equal(of(45)->suspect, XID_APPLICATION);
}

static void test_switches(void **unused)
{
	(void)unused;
	const struct sxid_meaning *m = sxid_catalogue_find(20034);

	assert_non_null(m);
	assert_int_equal(m->fatal, SXID_FATAL);
	assert_int_equal(m->advice, XID_RESET_GPU);
	assert_int_equal(sxid_catalogue_find(10003)->fatal, SXID_ALWAYS);
	assert_int_equal(sxid_catalogue_find(11012)->fatal, SXID_HARMLESS);
	assert_int_equal(sxid_catalogue_find(10004)->advice, XID_CHECK_COOLING);
	assert_null(sxid_catalogue_find(1));
}

static void test_nvlink_by_generation_of_driver(void **unused)
{
	(void)unused;
	/* RLW_REMAP, status 0x40: fatal. Before R575 the unit (4) stands in bits 9:5, since then in bits 6:0. */
	const struct nvlink_error *before = nvlink_error_find(145, "RLW_REMAP", 0x82, 0x40, 570);
	const struct nvlink_error *since = nvlink_error_find(145, "RLW_REMAP", 0x04, 0x40, 580);

	assert_non_null(before);
	assert_ptr_equal(before, since);
	assert_int_equal(before->advice, XID_RESET_GPU);
	assert_int_equal(before->reach, NVLINK_FATAL);
	assert_null(nvlink_error_find(145, "RLW_REMAP", 0x82, 0x40, 580)); /* read by the wrong layout it means nothing */
	assert_null(nvlink_error_find(145, "RLW_REMAP", 0x04, 0x40, 570));
	assert_ptr_equal(nvlink_error_find(145, "RLW_REMAP", 0x82, 0x40, 0), before); /* not known: both are tried */
	assert_ptr_equal(nvlink_error_find(145, "RLW_REMAP", 0x04, 0x40, 0), before);
	assert_int_equal(nvlink_error_find(145, "RLW_REMAP", 0x82, 0x100, 570)->advice, XID_NOTHING);
	assert_null(nvlink_error_find(145, "RLW_REMAP", 0x82, 0x12345, 570)); /* a status that is not listed */
	assert_null(nvlink_error_find(79, "RLW_REMAP", 0x82, 0x40, 570));
}

static void test_nvlink_down_by_cause(void **unused)
{
	(void)unused;
	/* bits 25:20 say why the link went down */
	const struct nvlink_error *e = nvlink_error_find(149, "NETIR_LINK_EVT", 38u << 20 | 0x11, 0xabc, 580);

	assert_non_null(e);
	assert_string_equal(e->unit, "NETIR_LINK_DOWN");
	assert_int_equal(e->advice, XID_NOTHING);
	e = nvlink_error_find(149, "NETIR_LINK_EVT", 10u << 20 | 0x11, 0, 580);
	assert_int_equal(e->advice, XID_RESET_GPU);
	assert_int_equal(e->reach, NVLINK_LINK_FATAL);
	assert_null(nvlink_error_find(149, "NETIR_LINK_EVT", 63u << 20 | 0x11, 0, 580));
	assert_int_equal(nvlink_error_find(150, "MSE_WATCHDOG", 0, 77, 580)->advice, XID_RESET_GPU);
}

static void test_names(void **unused)
{
	(void)unused;
	assert_string_equal(xid_advice_name(XID_NOTHING), "nothing");
	assert_string_equal(xid_advice_name(XID_DRIVER_SAYS), "driver_says");
	assert_string_equal(xid_advice_name((enum xid_advice)99), "?");
	assert_string_equal(xid_suspect_name(XID_APPLICATION), "application");
	assert_string_equal(xid_suspect_name(XID_UNKNOWN), "unknown");
	assert_string_equal(xid_suspect_name((enum xid_suspect)99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_matters_most),
		cmocka_unit_test(test_programs_cost_no_node),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_nvlink_by_generation_of_driver),
		cmocka_unit_test(test_nvlink_down_by_cause),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
