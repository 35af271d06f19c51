// SPDX-License-Identifier: Apache-2.0
/* Lines as kernels and drivers write them, each through the whole collector, and the event that has to come of it. */
#include "collectors/kernlog_patterns.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"
#include "base/text.h"

#include "tests/collectors/harness.h"

extern const struct collector collector_kernlog;

struct line {
	const char *text;   /* of the record */
	const char *metric; /* NULL: no event */
	const char *key;    /* of the entity; NULL: the node */
	int code;
	const char *values; /* "field=value field=value", numbers as %.15g */
};

static const struct line lines[] = {
	{ "python3[2079991]: segfault at 7f00deadbeef ip 00007f3c5b1e9aa0 sp 00007ffd2f4c error 4 in "
	  "libnccl.so.2[7f3c5a000000+200000] likely on CPU 3 (core 3, socket 0)",
	  "kernlog.segfault", NULL, 0, "comm=python3 pid=2079991 address=7f00deadbeef ip=00007f3c5b1e9aa0 "
	  "library=libnccl.so.2" },
	{ "my job[7]: segfault at 0 ip 0000000000000000 sp 00007ffc11 error 14", "kernlog.segfault", NULL, 0,
	  "pid=7 address=0" },
	{ "traps: ranks[41] general protection fault ip:55d sp:7ff error:0 in ranks[55d000+1000]",
	  "kernlog.general_protection", NULL, 0, "comm=ranks pid=41" },
	{ "INFO: task python3:4242 blocked for more than 120 seconds.", "kernlog.hung_task", NULL, 0,
	  "comm=python3 pid=4242 seconds=120" },
	{ "INFO: task kworker/u8:3:77 blocked for more than 122 seconds.", "kernlog.hung_task", NULL, 0,
	  "comm=kworker/u8:3 pid=77" },
	{ "watchdog: BUG: soft lockup - CPU#5 stuck for 23s! [modprobe:888]", "kernlog.soft_lockup", "5", 0,
	  "comm=modprobe pid=888 seconds=23" },
	{ "watchdog: Watchdog detected hard LOCKUP on cpu 3", "kernlog.hard_lockup", "3", 0, NULL },
	{ "NMI watchdog: Watchdog detected hard LOCKUP on cpu 12", "kernlog.hard_lockup", "12", 0, NULL },
	{ "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "kernlog.rcu_stall", NULL, 0, NULL },
	{ "rcu: INFO: rcu_sched self-detected stall on CPU", "kernlog.rcu_stall", NULL, 0, NULL },
	{ "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-...D } 21 jiffies s: 101 root: "
	  "0x2/.", "kernlog.rcu_stall", NULL, 0, NULL },
	{ "blk_update_request: I/O error, dev sda, sector 2048 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 0",
	  "kernlog.io_error", "sda", 0, "sector=2048 op=READ" },
	{ "I/O error, dev nvme0n1, sector 9999 op 0x1:(WRITE) flags 0x0 phys_seg 4 prio class 2",
	  "kernlog.io_error", "nvme0n1", 0, "sector=9999 op=WRITE" },
	{ "critical medium error, dev sdb, sector 5 op 0x0:(READ) flags 0x0", "kernlog.io_error", "sdb", 0,
	  "sector=5" },
	{ "end_request: I/O error, dev vda, sector 17", "kernlog.io_error", "vda", 0, "sector=17" },
	{ "Buffer I/O error on dev dm-0, logical block 13, lost async page write", "kernlog.io_error", "dm-0",
	  0, "sector=13" },
	{ "nvme nvme0: I/O 12 QID 3 timeout, aborting", "kernlog.nvme_timeout", "nvme0n1", 0, "action=aborting" },
	{ "nvme nvme2: I/O tag 12 (100c) opcode 0x2 (I/O Cmd) QID 3 timeout, reset controller",
	  "kernlog.nvme_timeout", "nvme2n1", 0, NULL },
	{ "nvme nvme1: controller is down; will reset: CSTS=0xffffffff, PCI_STATUS=0x10",
	  "kernlog.nvme_timeout", "nvme1n1", 0, "action=reset" },
	{ "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm ls: reading directory lblock 0",
	  "kernlog.fs_error", NULL, 0, "device=sda1 fstype=ext4" },
	{ "Aborting journal on device vda-8.", "kernlog.fs_error", NULL, 0, "fstype=ext4" },
	{ "XFS (dm-3): Metadata corruption detected at xfs_agi_verify+0x1", "kernlog.fs_error", NULL, 0,
	  "device=dm-3 fstype=xfs" },
	{ "XFS (dm-3): log I/O error -5", NULL, NULL, 0, NULL },
	{ "XFS (dm-3): metadata I/O error in \"xfs_buf_ioend\" at daddr 0x1 len 8 error 5", "kernlog.fs_error",
	  NULL, 0, "device=dm-3" },
	{ "XFS (dm-3): Filesystem has been shut down due to log error (0x2).", "kernlog.fs_readonly", NULL, 0,
	  "device=dm-3 fstype=xfs" },
	{ "EXT4-fs (sda1): Remounting filesystem read-only", "kernlog.fs_readonly", NULL, 0, "device=sda1 "
	  "fstype=ext4" },
	{ "EXT4-fs (sda1): re-mounted 0000 ro. Quota mode: none.", NULL, NULL, 0, NULL }, /* somebody wanted that */
	{ "BTRFS error (device sdb): bdev /dev/sdb errs: wr 1", "kernlog.fs_error", NULL, 0, "device=sdb "
	  "fstype=btrfs" },
	{ "BTRFS info (device sdb): forced readonly", "kernlog.fs_readonly", NULL, 0, "device=sdb fstype=btrfs" },
	{ "BTRFS info (device sdb: state EA): forced readonly", "kernlog.fs_readonly", NULL, 0, "device=sdb "
	  "fstype=btrfs" },
	{ "mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4: be00000000800400", "kernlog.mce",
	  NULL, 0, NULL },
	{ "{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 0", "kernlog.mce",
	  NULL, 0, NULL },
	{ "Memory failure: 0x1c3a5: Sending SIGBUS to train:881 due to hardware memory corruption",
	  "kernlog.memory_failure", NULL, 0, "comm=train pid=881" },
	{ "MCE: Killing train:881 due to hardware memory corruption fault at 7f00dead1000",
	  "kernlog.memory_failure", NULL, 0, "comm=train pid=881" },
	{ "Memory failure: 0x1c3a5: recovery action for dirty LRU page: Recovered",
	  "kernlog.memory_failure", NULL, 0, NULL },
	{ "EDAC MC0: 3 CE memory read error on CPU_SrcID#0_MC#0_Chan#0_DIMM#0 (channel:0 slot:0 page:0x1 "
	  "offset:0x0 grain:32)",
	  "kernlog.edac", NULL, 0, "kind=ce count=3" },
	{ "EDAC MC1: 1 UE memory scrubbing error on any memory", "kernlog.edac", NULL, 0, "kind=ue count=1" },
	{ "nvme 0000:01:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)",
	  "kernlog.aer", NULL, 0, "device=0000:01:00.0 severity=corrected" },
	{ "pcieport 0000:00:01.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=Transaction Layer, "
	  "(Requester ID)",
	  "kernlog.aer", NULL, 0, "device=0000:00:01.0 severity=nonfatal" },
	{ "pcieport 0000:00:01.0: AER: PCIe Bus Error: severity=Uncorrectable (Fatal), type=Inaccessible, "
	  "(Unregistered Agent ID)",
	  "kernlog.aer", NULL, 0, "device=0000:00:01.0 severity=fatal" },
	{ "NVRM: Xid (PCI:0000:5E:00): 79, pid=1234, name=python3, GPU has fallen off the bus.", "gpu.xid",
	  "0000:5e:00.0", 79,
	  "pid=1234 comm=python3" },
	{ "NVRM: Xid (PCI:0000:03:00): 31, pid=2079991, name=python3, Ch 00000008, intr 00000000. MMU Fault: "
	  "ENGINE GRAPHICS",
	  "gpu.xid", "0000:03:00.0", 31, "pid=2079991" },
	{ "NVRM: Xid (PCI:0000:ca:00 GPU-I:03): 94, pid='<unknown>', name=<unknown>, Contained: SM (0x1).",
	  "gpu.xid", "0000:ca:00.0", 94, NULL },
	{ "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.", "gpu.xid", "0000:01:00.0", 79, NULL },
	{ "NVRM: Xid (0000:03:00): 14, Channel 00000001", "gpu.xid", "0000:03:00.0", 14, NULL },
	{ "NVRM: GPU 0000:5e:00.0: GPU has fallen off the bus.", "gpu.xid", "0000:5e:00.0", 79, NULL },
	{ "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.54.15", "kernlog.gpu_driver", NULL, 0,
		"state=loaded detail=550.54.15" },
	{ "NVRM: objects of no interest", NULL, NULL, 0, NULL },
	{ "nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up", "kernlog.sxid", NULL, 20034,
	  "switch=0000:c1:00.0 link=30 reach=fatal advice=reset_gpu" },
	{ "cgroup: fork rejected by pids controller in /kubepods/pod1/abc", "kernlog.fork_rejected",
	  "/kubepods/pod1/abc", 0, NULL },
	{ "nfs: server nas1.example not responding, still trying", "kernlog.nfs_unresponsive", NULL, 0,
	  "server=nas1.example" },
	{ "nfs: server 10.0.0.9 not responding, timed out", "kernlog.nfs_unresponsive", NULL, 0, "server=10.0.0.9" },
	{ "nfs: server nas1.example OK", "kernlog.nfs_ok", NULL, 0, "server=nas1.example" },
	{ "nf_conntrack: nf_conntrack: table full, dropping packet", "kernlog.conntrack_full", NULL, 0, NULL },
	{ "neighbour: arp_cache: neighbor table overflow!", "kernlog.neighbour_overflow", NULL, 0, NULL },
	{ "TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:29500. Sending cookies.",
	  "kernlog.syn_flood", NULL, 0, "port=29500" },
	{ "TCP: request_sock_TCPv6: Possible SYN flooding on port [::]:80. Dropping request.",
	  "kernlog.syn_flood", NULL, 0, "port=80" },
	{ "TCP: request_sock_TCP: Possible SYN flooding on port 8080. Sending cookies.  Check SNMP counters.",
	  "kernlog.syn_flood", NULL, 0, "port=8080" },
	{ "mlx5_core 0000:3b:00.0 eth2: Link down", "kernlog.link_down", "eth2", 0, NULL },
	{ "mlx5_core 0000:3b:00.0 eth2: Link up", "kernlog.link_up", "eth2", 0, NULL },
	{ "e1000e 0000:00:1f.6 eno1: NIC Link is Down", "kernlog.link_down", "eno1", 0, NULL },
	{ "igb 0000:01:00.0 eth0: igb: eth0 NIC Link is Up 1000 Mbps Full Duplex", "kernlog.link_up", "eth0",
	  0, NULL },
	{ "r8169 0000:02:00.0 enp2s0: Link is Down", "kernlog.link_down", "enp2s0", 0, NULL },
	{ "NETDEV WATCHDOG: eth0 (e1000e): transmit queue 0 timed out", "kernlog.tx_timeout", "eth0", 0, NULL },
	{ "e1000e 0000:00:03.0 eth0: NETDEV WATCHDOG: CPU: 0: transmit queue 0 timed out 5008 ms",
	  "kernlog.tx_timeout", "eth0", 0, NULL },
	{ "usb 1-1: new high-speed USB device number 2 using xhci_hcd", NULL, NULL, 0, NULL },
	{ "Linux version 6.1.0", NULL, NULL, 0, NULL },
};

static void check_values(struct harness *h, const struct event *e, const struct line *line)
{
	char copy[512], *save = NULL;
	text_copy(copy, sizeof(copy), line->values ? line->values : "");
	for (char *pair = strtok_r(copy, " ", &save); pair; pair = strtok_r(NULL, " ", &save)) {
		char *equals = strchr(pair, '='), number[64];
		*equals = '\0';
		const char *found = harness_text(h, e, pair);
		if (!found) {
			snprintf(number, sizeof(number), "%.15g", harness_number(h, e, pair));
			found = number;
		}
		if (strcmp(found, equals + 1) != 0)
			fail_msg("'%s': %s is '%s', expected '%s'", line->text, pair, found, equals + 1);
	}
}

static struct harness *open_on(const char *path)
{
	struct harness *h = harness_new(&collector_kernlog, NULL);
	h->env.kmsg_path = path;
	h->env.kmsg_resume_seq = UINT64_MAX;
	assert_ok(harness_start(h));
	return h;
}

static void write_record(const char *path, unsigned priority, unsigned seq, const char *text)
{
	AUTO_FCLOSE FILE *f = fopen(path, "ae");
	assert_non_null(f);
	fprintf(f, "%u,%u,%u,-;%s\n", priority, seq, seq * 1000, text);
}

static void test_every_line(void **unused)
{
	(void)unused;
	char folder[64], path[96];
	harness_folder(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/kmsg", folder);
	harness_write(folder, "kmsg", "");
	struct harness *h = open_on(path);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		const struct line *l = &lines[i];
		mono_ns_t now = (i + 1) * NS_PER_S;
		assert_ok(harness_collect(h, now));
		write_record(path, 4, (unsigned)i, l->text);
		assert_int_equal(harness_drain(h, 16, now), 1);
		if (h->batch->n_events != (l->metric ? 1 : 0))
			fail_msg("'%s': %zu events", l->text, h->batch->n_events);
		if (!l->metric)
			continue;
		const struct event *e = harness_event(h, l->metric, 0);
		if (!e)
			fail_msg("'%s' is %s", l->text, metrics_at(h->metrics, h->batch->events[0].metric)->name);
		assert_string_equal(harness_event_key(h, e), l->key ? l->key : HARNESS_NODE);
		assert_int_equal(e->code, l->code);
		assert_int_equal(e->simulated, 1);
		assert_int_equal(e->at, now);
		assert_string_equal(e->message, l->text);
		check_values(h, e, l);
	}
	harness_close(&h);
	harness_remove(folder);
}

/* Each row of the table is reached by a line above, or by the OOM tests of kernlog_test.c. */
static void test_every_kind_has_a_line(void **unused)
{
	(void)unused;
	for (size_t p = 0; p < kernlog_n_patterns; p++) {
		const char *metric = kernlog_metrics[kernlog_patterns[p].kind].name;
		bool seen = kernlog_patterns[p].kind == KERNLOG_OOM;
		for (size_t i = 0; i < ARRAY_LEN(lines); i++)
			seen = seen || (lines[i].metric && strcmp(lines[i].metric, metric) == 0);
		if (!seen)
			fail_msg("no line for %s", metric);
	}
}

static void test_forged_by_a_process(void **unused)
{
	(void)unused;
	char folder[64], path[96];
	harness_folder(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/kmsg", folder);
	harness_write(folder, "kmsg", "");
	struct harness *h = open_on(path);
	write_record(path, 12, 1, "NVRM: Xid (PCI:0000:5e:00): 79, GPU has fallen off the bus.");
	write_record(path, 30, 2, "nfs: server a not responding, still trying");
	assert_int_equal(harness_drain(h, 16, NS_PER_S), 2);
	assert_int_equal(h->batch->n_events, 1); /* the soft line is no event at all */
	assert_int_equal(harness_events(h, "gpu.xid"), 0);
	const struct event *e = harness_event(h, "kernlog.forged", 0);
	assert_string_equal(harness_text(h, e, "text"), "NVRM: Xid (PCI:0000:5e:00): 79, GPU has fallen off the "
	  "bus.");
	harness_close(&h);
	harness_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_line),
		cmocka_unit_test(test_every_kind_has_a_line),
		cmocka_unit_test(test_forged_by_a_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
