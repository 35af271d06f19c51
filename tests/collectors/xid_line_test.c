// SPDX-License-Identifier: Apache-2.0
/* Lines of NVIDIA's driver: one by one, and some thousands made by putting every form together with addresses, processes
 * and prefixes. The forms are those that drivers of many years are known to write; no driver wrote these lines for us. */
#include "collectors/xid_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

#include "base/cleanup.h"
#include "collectors/xid_catalogue.h"

static int parse(const char *line, struct xid_line *ret_line)
{
	return xid_line_parse(line, strlen(line), ret_line);
}

static void assert_detail(const struct xid_line *x, const char *wanted)
{
	char detail[1024];

	snprintf(detail, sizeof(detail), "%.*s", (int)x->detail_len, x->detail);
	assert_string_equal(detail, wanted);
}

/* What is in the brackets behind "Xid", and what it means. */
static const struct {
	const char *text, *pci, *instance;
} addresses[] = {
	{ "PCI:0000:5e:00", "0000:5e:00.0", "" },
	{ "PCI:0000:5E:00", "0000:5e:00.0", "" },
	{ "PCI:00000000:5E:00.0", "0000:5e:00.0", "" },
	{ "0000:03:00", "0000:03:00.0", "" },
	{ "PCI:0009:01:00 GPU-I:05", "0009:01:00.0", "GPU-I:05" },
	{ "PCI:10000:e1:1f.7", "10000:e1:1f.7", "" },
	{ "PCI:5e:00.0", "0000:5e:00.0", "" },
};

/* What is between the number and the message. */
static const struct {
	const char *text;
	uint32_t pid; /* 0 none */
	const char *comm;
} processes[] = {
	{ "pid=2079991, name=python3, ", 2079991, "python3" },
	{ "pid='<unknown>', name=<unknown>, ", 0, "" },
	{ "pid=7, ", 7, "" },
	{ "pid='4242', name=pt_main_thread, ", 4242, "pt_main_thread" },
	{ "pid=1, name=my job (v2), ", 1, "my job (v2)" },
	{ "pid=4194304, name=ray::train, ", 4194304, "ray::train" },
	{ "pid=0, name=<unknown>, ", 0, "" },
	{ "pid=9, name=<b>x</b>, ", 9, "<b>x</b>" },
	{ "", 0, "" },
};

/* Number and message, in words that drivers use. */
static const struct {
	uint32_t code;
	const char *text;
} messages[] = {
	{ 8, "Channel 00000001" },
	{ 13, "Graphics SM Warp Exception on (GPC 2, TPC 3, SM 1): Out Of Range Address" },
	{ 13, "Graphics Exception: ESR 0x524648=0xf0000c 0x524650=0x24 0x524644=0xd3eff2 0x52464c=0x17f" },
	{ 31, "Ch 00000008, intr 00000000. MMU Fault: ENGINE GRAPHICS GPCCLIENT_T1_0 faulted @ 0x7f5a_00000000. "
	      "Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ" },
	{ 32, "Channel ID 0000000a intr0 00040000" },
	{ 38, "Ch 00000010, engmask 00000101, intr 10000000" },
	{ 43, "Ch 00000058" },
	{ 44, "Ch 00000001, intr 00000001" },
	{ 45, "Ch 00000000" },
	{ 48, "DBE (double bit error) ECC Error: An uncorrectable double bit error (DBE) has been detected on GPU in the "
	      "framebuffer at partition 6, subpartition 0." },
	{ 61, "0cd3(3098) 00000000 00000000" },
	{ 62, "badf(2042a) 00000000 00000000" },
	{ 63, "Row Remapper: New row marked for remapping, reset gpu to activate." },
	{ 63, "Dynamic Page Retirement: New page retired, reboot to activate (0x00000000000a1b2c)." },
	{ 64, "Row Remapper: Row remapping failed" },
	{ 68, "NVDEC0 (0x0, 0x0)" },
	{ 69, "Class Error: ChId 0003, Class 0000c6c0, Offset 000001b0, Data 00000000, ErrorCode 00000004" },
	{ 74, "NVLink: fatal error detected on link 6(0x10000, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)" },
	{ 79, "GPU has fallen off the bus." },
	{ 92, "High single-bit ECC error rate" },
	{ 94, "Contained: SM (0x1). RST: No, D-RST: No" },
	{ 95, "Uncontained: LTC TAG (0x5,0x0). RST: Yes, D-RST: No" },
	{ 109, "Ch 00000018, errorString CTX SWITCH TIMEOUT, Info 0x6c007" },
	{ 119, "Timeout after 6s of waiting for RPC response from GPU0 GSP! Expected function 76 (GSP_RM_CONTROL) "
		"(0x20802a02 "
	       "0x4)." },
	{ 120, "GSP task panic: Load access page fault @ 0x0" },
	{ 121, "C2C Link Error" },
	{ 137, "MMU Fault: remote access" },
	{ 140, "unrecovered ECC error" },
	{ 143, "GPU failed to initialise" },
	{ 145, "RLW_REMAP Nonfatal XC1 i0 Link 03 (0x00000082 0x00000001 0x00000000 0x00000000 0x00000000 0x00000000)" },
	{ 149, "NETIR_LINK_EVT Fatal XC0 i0 Link 09 (0x000001c6 0x00000000 0x00000000 0x00000000 0x00000000 "
		"0x00000000)" },
	{ 154, "GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)" },
	{ 999, "something that comes with the next driver" },
	{ 31, "" },
};

static const char *const prefixes[] = { "", "[ 1234.567890] ", "[Sat Nov 21 15:02:11 2026] ", "[12.5] [T2231] ",
	"kernel: " };

static void test_every_form_together(void **unused)
{
	(void)unused;
	unsigned lines = 0;

	for (size_t a = 0; a < ARRAY_LEN(addresses); a++)
		for (size_t p = 0; p < ARRAY_LEN(processes); p++)
			for (size_t m = 0; m < ARRAY_LEN(messages); m++)
				for (size_t x = 0; x < ARRAY_LEN(prefixes); x++, lines++) {
					char line[1024];
					struct xid_line got;
					snprintf(line, sizeof(line), "%sNVRM: Xid (%s): %u, %s%s", prefixes[x],
						 addresses[a].text, messages[m].code, processes[p].text,
							messages[m].text);
					if (parse(line, &got) < 0)
						fail_msg("not read: %s", line);
					assert_int_equal(got.kind, XID_LINE_XID);
					assert_int_equal(got.code, messages[m].code);
					assert_string_equal(got.pci, addresses[a].pci);
					assert_string_equal(got.instance, addresses[a].instance);
					assert_int_equal(got.has_pid, processes[p].pid != 0);
					if (got.has_pid)
						assert_int_equal(got.pid, processes[p].pid);
					assert_string_equal(got.comm, processes[p].comm);
					assert_detail(&got, messages[m].text);
				}
	print_message("%u lines\n", lines);
	assert_true(lines >= 1000);
}

static void test_places_in_the_chip(void **unused)
{
	(void)unused;
	struct xid_line x;

	assert_ok(parse("NVRM: Xid (PCI:0000:5e:00): 13, pid=7, name=a, Graphics SM Warp Exception on (GPC 2, TPC "
		"3, SM 1): Illegal",
			&x));
	assert_int_equal(x.gpc, 2);
	assert_int_equal(x.tpc, 3);
	assert_int_equal(x.sm, 1);
	assert_ok(parse("NVRM: Xid (PCI:0000:5e:00): 13, pid=7, name=a, Graphics Exception: ChID 0058, Class "
		"0000c7c0", &x));
	assert_int_equal(x.gpc, -1);
	assert_ok(parse("NVRM: Xid (PCI:0000:5e:00): 74, pid=7, name=a, NVLink: fatal error detected on link "
		"11(0x10000, 0x0)", &x));
	assert_int_equal(x.link, 11);
}

static void test_a_gpu_falls_off_in_three_lines_or_one(void **unused)
{
	(void)unused;
	struct xid_line x;

	assert_ok(parse("NVRM: The NVIDIA GPU 0000:9b:00.0", &x));
	assert_int_equal(x.kind, XID_LINE_NAMED);
	assert_string_equal(x.pci, "0000:9b:00.0");
	assert_int_equal(parse("NVRM: (PCI ID: 10de:2330) installed in this system has", &x), -EBADMSG);
	assert_ok(parse("NVRM: fallen off the bus and is not responding to commands.", &x));
	assert_int_equal(x.kind, XID_LINE_FELL);
	/* the kernel hands newlines inside of a record out as \x0a */
	assert_ok(parse("NVRM: The NVIDIA GPU 0000:9b:00.0\\x0aNVRM: (PCI ID: 10de:2330) installed in this system "
		"has\\x0aNVRM: "
			"fallen off the bus and is not responding to commands.", &x));
	assert_int_equal(x.kind, XID_LINE_XID);
	assert_int_equal(x.code, 79);
	assert_string_equal(x.pci, "0000:9b:00.0");
	assert_ok(parse("NVRM: GPU 0000:5e:00.0: GPU has fallen off the bus.", &x));
	assert_int_equal(x.code, 79);
	assert_string_equal(x.pci, "0000:5e:00.0");
	assert_detail(&x, "GPU has fallen off the bus.");
}

static void test_who_is_at_the_address(void **unused)
{
	(void)unused;
	struct xid_line x;

	assert_ok(parse("NVRM: GPU at PCI:0000:03:00: GPU-63feeb45-94c6-b9cb-78ea-98e9b7a5be6b", &x));
	assert_int_equal(x.kind, XID_LINE_UUID);
	assert_string_equal(x.pci, "0000:03:00.0");
	assert_detail(&x, "GPU-63feeb45-94c6-b9cb-78ea-98e9b7a5be6b");
	assert_ok(parse("NVRM: GPU Board Serial Number: 1654522011111", &x));
	assert_int_equal(x.kind, XID_LINE_SERIAL);
	assert_detail(&x, "1654522011111");
}

static void test_the_driver_comes_and_goes(void **unused)
{
	(void)unused;
	struct xid_line x;

	assert_ok(parse("NVRM: loading NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023", &x));
	assert_int_equal(x.kind, XID_LINE_LOADED);
	assert_detail(&x, "535.129.03");
	assert_ok(parse("NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build", &x));
	assert_detail(&x, "570.86.15");
	assert_ok(parse("nvidia-nvlink: Unregistered Nvlink Core, major device number 236", &x));
	assert_int_equal(x.kind, XID_LINE_UNLOADED);
	assert_ok(parse("NVRM: API mismatch: the client has the version 570.86.15, but\\x0aNVRM: this kernel "
		"module has the version "
			"550.54.15.", &x));
	assert_int_equal(x.kind, XID_LINE_MISMATCH);
}

static void test_switches(void **unused)
{
	(void)unused;
	struct xid_line x;

	assert_ok(parse("nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up", &x));
	assert_int_equal(x.kind, XID_LINE_SXID);
	assert_int_equal(x.code, 20034);
	assert_string_equal(x.pci, "0000:c1:00.0");
	assert_true(x.says_fatal && !x.says_nonfatal);
	assert_int_equal(x.link, 30);
	assert_ok(parse("[  11.2] nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 11012, Non-fatal, Link 46 ingress ECC", &x));
	assert_true(x.says_nonfatal && !x.says_fatal);
	assert_ok(parse("nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 22013, Severity 0 Engine instance 46 "
		"Sub-engine instance 00", &x));
	assert_true(!x.says_nonfatal && !x.says_fatal);
	assert_int_equal(x.link, -1);
}

static void test_registers_of_nvlink(void **unused)
{
	(void)unused;
	struct nvlink_message m;
	struct xid_line x;

	assert_ok(parse("NVRM: Xid (PCI:0018:01:00): 145, RLW_REMAP Nonfatal XC1 i0 Link 03 (0x00000082 "
		"0x00000040 0x00000000)", &x));
	assert_true(xid_line_nvlink(&x, &m));
	assert_string_equal(m.unit, "RLW_REMAP");
	assert_false(m.fatal);
	assert_int_equal(m.link, 3);
	assert_int_equal(m.info, 0x82);
	assert_int_equal(m.status, 0x40);
	assert_ok(parse("NVRM: Xid (PCI:0018:01:00): 145, RLW_REMAP Fatal", &x));
	assert_false(xid_line_nvlink(&x, &m));
	assert_ok(parse("NVRM: Xid (PCI:0018:01:00): 74, RLW_REMAP Fatal (0x1 0x2)", &x));
	assert_false(xid_line_nvlink(&x, &m));
}

static int recovery(const char *text)
{
	char line[256];
	struct xid_line x;

	snprintf(line, sizeof(line), "NVRM: Xid (PCI:0018:01:00): 154, GPU recovery action changed from %s", text);
	assert_ok(parse(line, &x));
	return xid_line_recovery(&x);
}

static void test_what_the_driver_asks_for(void **unused)
{
	(void)unused;
	assert_int_equal(recovery("0x0 (None) to 0x1 (GPU Reset Required)"), XID_RESET_GPU);
	assert_int_equal(recovery("0x0 (None) to 0x2 (Node Reboot Required)"), XID_REBOOT_NODE);
	assert_int_equal(recovery("0x0 (None) to 0x3 (Drain P2P)"), XID_DRAIN_P2P);
	assert_int_equal(recovery("0x0 (None) to 0x4 (Drain and Reset)"), XID_DRAIN_AND_RESET);
	assert_int_equal(recovery("0x1 (GPU Reset Required) to 0x0 (None)"), XID_NOTHING);
	assert_int_equal(recovery("0x1 (GPU Reset Required) to 0x9 (Something New)"), -EBADMSG);
	assert_int_equal(recovery("0x1 (GPU Reset Required)"), -EBADMSG);
}

static void test_what_is_no_such_line(void **unused)
{
	(void)unused;
	static const char *const others[] = {
		"", "NVRM: ", "NVRM: Xid", "NVRM: Xid (", "NVRM: Xid (PCI:", "NVRM: Xid (PCI:0000:5e:00", "NVRM: "
			"Xid (PCI:0000:5e:00):",
		"NVRM: Xid (PCI:0000:5e:00): ", "NVRM: Xid (PCI:0000:5e:00): x", "NVRM: Xid (PCI:0000:5e:00): "
			"99999999999, a",
		"NVRM: Xid (PCI:0000:5e:00): 79x", "NVRM: Xid (PCI:0000:5e:20): 79, a", "NVRM: Xid "
			"(PCI:0000:15e:00): 79, a",
		"NVRM: Xid (PCI:0000:5e:00.8): 79, a", "NVRM: Xid (PCI:zz): 79, a", "NVRM: Xid (PCI:1:2:3:4): 79, a",
		"python3: NVRM: Xid (PCI:0000:5e:00): 79, a", "user said NVRM: Xid (PCI:0000:5e:00): 79", "Xid "
			"(PCI:0000:5e:00): 79, a",
		"nvidia-nvswitch: SXid (PCI:0000:05:00.0): 1, a", "nvidia-nvswitch0: SXid 5", "NVRM: GPU "
			"0000:5e:00.0: all is well",
		"NVRM: loading NVIDIA UNIX x86_64 Kernel Module", "NVRM: GPU at nowhere: GPU-1",
	};
	struct xid_line x;

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (parse(others[i], &x) != -EBADMSG)
			fail_msg("was read: %s", others[i]);
}

static void test_a_line_that_is_cut_anywhere(void **unused)
{
	(void)unused;
	static const char whole[] = "[1.5] NVRM: Xid (PCI:0000:5e:00 GPU-I:05): 149, pid='4242', name=a, NETIR "
		"Fatal XC0 i0 Link 09 (0x1 0x2 0x3)";
	struct nvlink_message m;
	struct xid_line x;

	for (size_t len = 0; len <= sizeof(whole) - 1; len++) {
		char *copy = malloc(len ? len : 1); /* of the exact size: a step too far is seen by ASan */
		assert_non_null(copy);
		memcpy(copy, whole, len);
		if (xid_line_parse(copy, len, &x) == 0) {
			assert_true(x.detail >= copy && x.detail + x.detail_len <= copy + len);
			(void)xid_line_nvlink(&x, &m);
			(void)xid_line_recovery(&x);
		}
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form_together),
		cmocka_unit_test(test_places_in_the_chip),
		cmocka_unit_test(test_a_gpu_falls_off_in_three_lines_or_one),
		cmocka_unit_test(test_who_is_at_the_address),
		cmocka_unit_test(test_the_driver_comes_and_goes),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_registers_of_nvlink),
		cmocka_unit_test(test_what_the_driver_asks_for),
		cmocka_unit_test(test_what_is_no_such_line),
		cmocka_unit_test(test_a_line_that_is_cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
