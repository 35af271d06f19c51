// SPDX-License-Identifier: Apache-2.0
#include "collectors/kernlog_patterns.h"

#include "base/cleanup.h"
#include "collectors/gpu_log.h"

#define TEXT(name, help)        { name, 1, UNIT_NONE, help }
#define NUMBER(name, unit, help) { name, 0, unit, help }
#define END                     { 0 }

static const struct metric_field oom_fields[] = {
	TEXT("constraint", "memcg, none (the whole node), cpuset or mempolicy"),
	NUMBER("victim_pid", UNIT_NONE, "Process that was killed"),
	TEXT("victim_comm", "Its name"),
	TEXT("cgroup", "Cgroup whose limit was hit"),
	TEXT("task_cgroup", "Cgroup of the victim"),
	NUMBER("total_vm", UNIT_BYTES, "Virtual memory of the victim"),
	NUMBER("anon_rss", UNIT_BYTES, "Anonymous memory of the victim"),
	NUMBER("file_rss", UNIT_BYTES, "File memory of the victim"),
	NUMBER("shmem_rss", UNIT_BYTES, "Shared memory of the victim"),
	END,
};
static const struct metric_field segfault_fields[] = {
	TEXT("comm", "Name of the process"),
	NUMBER("pid", UNIT_NONE, "The process"),
	TEXT("address", "Address that it could not reach"),
	TEXT("ip", "Instruction that tried"),
	TEXT("library", "File the instruction is in"),
	END,
};
static const struct metric_field task_fields[] = {
	TEXT("comm", "Name of the task"),
	NUMBER("pid", UNIT_NONE, "The task"),
	NUMBER("seconds", UNIT_NONE, "How long it was stuck"),
	END,
};
static const struct metric_field gp_fields[] = {
	TEXT("comm", "Name of the process"),
	NUMBER("pid", UNIT_NONE, "The process"),
	END,
};
static const struct metric_field io_fields[] = {
	NUMBER("sector", UNIT_NONE, "First sector of the request, or the block"),
	TEXT("op", "What was tried: READ, WRITE, ..."),
	END,
};
static const struct metric_field action_fields[] = {
	TEXT("action", "What the driver does about it"),
	END,
};
static const struct metric_field fs_fields[] = {
	TEXT("device", "Device of the file system"),
	TEXT("fstype", "ext4, xfs, btrfs, ..."),
	END,
};
static const struct metric_field text_fields[] = {
	TEXT("text", "The line"),
	END,
};
static const struct metric_field memory_failure_fields[] = {
	TEXT("comm", "Process that used the page, where the line names one"),
	NUMBER("pid", UNIT_NONE, "Its pid"),
	TEXT("text", "The line"),
	END,
};
static const struct metric_field edac_fields[] = {
	TEXT("kind", "ce: corrected; ue: not corrected"),
	NUMBER("count", UNIT_NONE, "Errors the line stands for"),
	TEXT("text", "The line"),
	END,
};
static const struct metric_field aer_fields[] = {
	TEXT("device", "PCI address"),
	TEXT("severity", "corrected, nonfatal or fatal"),
	END,
};
static const struct metric_field xid_fields[] = {
	[XID_FIELD_PID] = NUMBER("pid", UNIT_NONE, "Process the driver names"),
	[XID_FIELD_COMM] = TEXT("comm", "Its name"),
	[XID_FIELD_DETAIL] = TEXT("detail", "What the driver says"),
	[XID_FIELD_NAME] = TEXT("name", "Mnemonic of the number; unknown: not in the catalogue"),
	[XID_FIELD_MEANING] = TEXT("meaning", "The number in words"),
	[XID_FIELD_SUSPECT] = TEXT("suspect", "application, hardware, software (driver or firmware), either, "
		"none, unknown"),
	[XID_FIELD_ADVICE] = TEXT("advice", "What the catalogue says to do, or (Xid 154) the driver: nothing, "
		"restart_app, "
					    "reset_gpu, reboot_node, ..."),
	[XID_FIELD_UNIT] = TEXT("unit", "Part of the chip that the line names: GPC and TPC, engine, NVLink unit, "
		"MIG instance"),
	[XID_FIELD_LINK] = NUMBER("link", UNIT_NONE, "NVLink that the line names"),
	[XID_FIELD_PROGRAMS] = NUMBER("programs", UNIT_NONE, "Xid 13 and 31: processes that made the same fault "
		"in the same place "
							     "of this GPU within a day"),
	[XID_FIELD_LINES] = NUMBER("lines", UNIT_NONE, "Lines that the event stands for: above 8 a second they "
		"are told as one"),
	END,
};
static const struct metric_field sxid_fields[] = {
	[SXID_FIELD_SWITCH] = TEXT("switch", "PCI address of the NVSwitch"),
	[SXID_FIELD_LINK] = NUMBER("link", UNIT_NONE, "Link that the line names"),
	[SXID_FIELD_REACH] = TEXT("reach", "fatal, nonfatal or unknown"),
	[SXID_FIELD_ADVICE] = TEXT("advice", "What the catalogue says to do"),
	[SXID_FIELD_MEANING] = TEXT("meaning", "The number in words"),
	[SXID_FIELD_DETAIL] = TEXT("detail", "What the driver says"),
	[SXID_FIELD_LINES] = NUMBER("lines", UNIT_NONE, "Lines that the event stands for"),
	END,
};
static const struct metric_field gpu_driver_fields[] = {
	[GPU_DRIVER_FIELD_STATE] = TEXT("state", "loaded, unloaded, mismatch (library and driver are of two versions)"),
	[GPU_DRIVER_FIELD_DETAIL] = TEXT("detail", "The version, or what the driver says"),
	END,
};
static const struct metric_field server_fields[] = {
	TEXT("server", "The NFS server"),
	END,
};
static const struct metric_field port_fields[] = {
	NUMBER("port", UNIT_NONE, "The TCP port"),
	END,
};
static const struct metric_field lost_fields[] = {
	NUMBER("lost", UNIT_NONE, "Records overwritten before they could be read"),
	END,
};
static const struct metric_field count_fields[] = {
	NUMBER("count", UNIT_NONE, "Events not reported one by one"),
	END,
};

#define EVENT(name, about, fields, help) { name, METRIC_EVENT, UNIT_NONE, about, help, fields, NULL }

const struct metric_desc kernlog_metrics[KERNLOG_METRICS] = {
	[KERNLOG_OOM] = EVENT("kernlog.oom", ENTITY_NODE, oom_fields, "The kernel killed a process for want of memory"),
	[KERNLOG_SEGFAULT] = EVENT("kernlog.segfault", ENTITY_NODE, segfault_fields,
				   "A process touched memory it has not"),
	[KERNLOG_GENERAL_PROTECTION] = EVENT("kernlog.general_protection", ENTITY_NODE, gp_fields,
					     "A process did what the processor forbids"),
	[KERNLOG_HUNG_TASK] = EVENT("kernlog.hung_task", ENTITY_NODE, task_fields,
				    "A task waits in the kernel and cannot be interrupted"),
	[KERNLOG_SOFT_LOCKUP] = EVENT("kernlog.soft_lockup", ENTITY_CPU, task_fields,
				      "A CPU stayed in the kernel without scheduling"),
	[KERNLOG_HARD_LOCKUP] = EVENT("kernlog.hard_lockup", ENTITY_CPU, NULL, "A CPU no longer takes interrupts"),
	[KERNLOG_RCU_STALL] = EVENT("kernlog.rcu_stall", ENTITY_NODE, text_fields, "A CPU holds up the kernel's RCU"),
	[KERNLOG_IO_ERROR] = EVENT("kernlog.io_error", ENTITY_DISK, io_fields, "A disk failed a request"),
	[KERNLOG_NVME_TIMEOUT] = EVENT("kernlog.nvme_timeout", ENTITY_DISK, action_fields,
				       "An NVMe disk did not answer; the key is the controller's first disk"),
	[KERNLOG_FS_ERROR] = EVENT("kernlog.fs_error", ENTITY_NODE, fs_fields, "A file system found itself damaged"),
	[KERNLOG_FS_READONLY] = EVENT("kernlog.fs_readonly", ENTITY_NODE, fs_fields,
				      "A file system went read-only, or shut down, because of an error"),
	[KERNLOG_MCE] = EVENT("kernlog.mce", ENTITY_NODE, text_fields,
			      "A processor or the firmware reported a hardware error"),
	[KERNLOG_MEMORY_FAILURE] = EVENT("kernlog.memory_failure", ENTITY_NODE, memory_failure_fields,
					 "The kernel took a page of bad memory out of use"),
	[KERNLOG_EDAC] = EVENT("kernlog.edac", ENTITY_NODE, edac_fields, "A memory controller reported errors"),
	[KERNLOG_AER] = EVENT("kernlog.aer", ENTITY_NODE, aer_fields, "A PCIe link reported an error"),
	[KERNLOG_XID] = EVENT("gpu.xid", ENTITY_GPU, xid_fields,
			      "The NVIDIA driver reported a GPU error; code is the Xid"),
	[KERNLOG_SXID] = EVENT("kernlog.sxid", ENTITY_NODE, sxid_fields,
			       "The driver of an NVSwitch reported an error; code is the SXid"),
	[KERNLOG_GPU_DRIVER] = EVENT("kernlog.gpu_driver", ENTITY_NODE, gpu_driver_fields,
				     "The NVIDIA driver was loaded or unloaded, or does not fit its library"),
	[KERNLOG_FORK_REJECTED] = EVENT("kernlog.fork_rejected", ENTITY_CGROUP, NULL,
					"A cgroup's pids limit refused a new process or thread"),
	[KERNLOG_NFS_UNRESPONSIVE] = EVENT("kernlog.nfs_unresponsive", ENTITY_NODE, server_fields,
					   "An NFS server does not answer"),
	[KERNLOG_NFS_OK] = EVENT("kernlog.nfs_ok", ENTITY_NODE, server_fields, "An NFS server answers again"),
	[KERNLOG_CONNTRACK_FULL] = EVENT("kernlog.conntrack_full", ENTITY_NODE, NULL,
					 "The connection tracking table is full and packets are dropped"),
	[KERNLOG_NEIGHBOUR_OVERFLOW] = EVENT("kernlog.neighbour_overflow", ENTITY_NODE, NULL,
					     "The neighbour (ARP) table is full: new hosts cannot be reached"),
	[KERNLOG_SYN_FLOOD] = EVENT("kernlog.syn_flood", ENTITY_NODE, port_fields,
				    "A listening port got more connections than its queue holds"),
	[KERNLOG_LINK_DOWN] = EVENT("kernlog.link_down", ENTITY_NIC, NULL, "A network link went down"),
	[KERNLOG_LINK_UP] = EVENT("kernlog.link_up", ENTITY_NIC, NULL, "A network link came up"),
	[KERNLOG_TX_TIMEOUT] = EVENT("kernlog.tx_timeout", ENTITY_NIC, NULL, "A network card stopped sending"),
	[KERNLOG_LOST] = EVENT("kernlog.lost", ENTITY_NODE, lost_fields, "Kernel log records were overwritten unread"),
	[KERNLOG_FORGED] = EVENT("kernlog.forged", ENTITY_NODE, text_fields,
				 "A hardware line that a process wrote, not the kernel: refused"),
	[KERNLOG_SUPPRESSED] = EVENT("kernlog.suppressed", ENTITY_NODE, count_fields,
				     "Events left out because there were too many of a kind"),
	[KERNLOG_RECORDS] = { "kernlog.records", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
			      "Kernel log records read", NULL, NULL },
	[KERNLOG_XID_LINES] = { "gpu.xid_lines", METRIC_COUNTER, UNIT_NONE, ENTITY_GPU,
				"Lines about errors of this GPU in the kernel log, those of a storm too", NULL, NULL },
};

#define HARD(kind, severity, anchor, text) { anchor, text, kind, severity, true, KERNLOG_EVENT }
#define SOFT(kind, severity, anchor, text) { anchor, text, kind, severity, false, KERNLOG_EVENT }
#define OOM(step, anchor, text)            { anchor, text, KERNLOG_OOM, SEVERITY_CRITICAL, false, step }
#define GPU(anchor)                        { anchor, "*" anchor, KERNLOG_XID, SEVERITY_WARNING, true, KERNLOG_GPU_LINE }
#define INFO SEVERITY_INFO
#define WARN SEVERITY_WARNING
#define CRIT SEVERITY_CRITICAL
#define RSS " total-vm:{total_vm:u}kB, anon-rss:{anon_rss:u}kB, file-rss:{file_rss:u}kB"

const struct kernlog_pattern kernlog_patterns[] = {
	OOM(KERNLOG_OOM_CONTEXT, "oom_memcg=",
	    "oom-kill:constraint=CONSTRAINT_{constraint:n},*,oom_memcg={cgroup:t},task_memcg={task_cgroup:t},"
	    "task={victim_comm:t},pid={victim_pid:u},uid="),
	OOM(KERNLOG_OOM_CONTEXT, ",global_oom,",
	    "oom-kill:constraint=CONSTRAINT_{constraint:n},*,global_oom,task_memcg={task_cgroup:t},"
	    "task={victim_comm:t},pid={victim_pid:u},uid="),
	OOM(KERNLOG_OOM_KILL, "Killed process ", "*illed process {victim_pid:u} ({victim_comm:t})" RSS
	    ", shmem-rss:{shmem_rss:u}kB"),
	OOM(KERNLOG_OOM_KILL, "illed process ", "*illed process {victim_pid:u} ({victim_comm:t})" RSS),

	SOFT(KERNLOG_SEGFAULT, WARN, "]: segfault at ",
	     "{comm:t}[{pid:u}]: segfault at {address:h} ip {ip:h} sp {_:h} error {_:h} in {library:w}["),
	SOFT(KERNLOG_SEGFAULT, WARN, "segfault at ", "{comm:t}[{pid:u}]: segfault at {address:h} ip {ip:h} sp"),
	SOFT(KERNLOG_GENERAL_PROTECTION, WARN, "] general protection", "traps: {comm:t}[{pid:u}] general protection"),
	SOFT(KERNLOG_HUNG_TASK, WARN, " blocked for more than ",
	     "INFO: task {comm:t}:{pid:u} blocked for more than {seconds:u} seconds"),

	HARD(KERNLOG_SOFT_LOCKUP, CRIT, "soft lockup - CPU#",
	     "*soft lockup - CPU#{key:u} stuck for {seconds:u}s! [{comm:t}:{pid:u}]"),
	HARD(KERNLOG_HARD_LOCKUP, CRIT, "hard LOCKUP on cpu ", "*hard LOCKUP on cpu {key:u}"),
	HARD(KERNLOG_RCU_STALL, CRIT, "detected stall", "*INFO: rcu*detected stall"),
	HARD(KERNLOG_RCU_STALL, CRIT, "detected expedited stall", "*INFO: rcu*detected expedited stall"),

	HARD(KERNLOG_IO_ERROR, WARN, " error, dev ", "*error, dev {key:n}, sector {sector:u} op {_:h}:({op:w})"),
	HARD(KERNLOG_IO_ERROR, WARN, "error, dev ", "*error, dev {key:n}, sector {sector:u}"),
	HARD(KERNLOG_IO_ERROR, WARN, "Buffer I/O error on dev ",
	     "Buffer I/O error on dev {key:n}, logical block {sector:u}, {op:t}"),
	HARD(KERNLOG_NVME_TIMEOUT, WARN, " timeout, ", "nvme {nvme:n}: I/O *timeout, {action:t}"),
	HARD(KERNLOG_NVME_TIMEOUT, CRIT, "controller is down; will reset",
	     "nvme {nvme:n}: controller is down; will {action:n}"),

	HARD(KERNLOG_FS_ERROR, WARN, "EXT4-fs error (device ", "EXT4-fs error (device {device:n}){fstype=ext4}"),
	HARD(KERNLOG_FS_ERROR, WARN, "Aborting journal on device ",
	     "Aborting journal on device {device:n}{fstype=ext4}"),
	HARD(KERNLOG_FS_ERROR, WARN, "): Corruption ", "XFS ({device:n}): Corruption {fstype=xfs}"),
	HARD(KERNLOG_FS_ERROR, WARN, "): Metadata corruption ", "XFS ({device:n}): Metadata corruption {fstype=xfs}"),
	HARD(KERNLOG_FS_ERROR, WARN, "metadata I/O error", "XFS ({device:n}): metadata I/O error{fstype=xfs}"),
	HARD(KERNLOG_FS_ERROR, WARN, "BTRFS error (device ", "BTRFS error (device {device:n}{fstype=btrfs}"),
	HARD(KERNLOG_FS_ERROR, CRIT, "BTRFS critical (device ", "BTRFS critical (device {device:n}{fstype=btrfs}"),
	HARD(KERNLOG_FS_READONLY, CRIT, "Remounting filesystem read-only",
	     "EXT4-fs ({device:n}): Remounting filesystem read-only{fstype=ext4}"),
	HARD(KERNLOG_FS_READONLY, CRIT, "Filesystem has been shut down due to",
	     "XFS ({device:n}): Filesystem has been shut down due to{fstype=xfs}"),
	HARD(KERNLOG_FS_READONLY, CRIT, "forced readonly", "BTRFS*(device {device:n}*forced readonly{fstype=btrfs}"),

	HARD(KERNLOG_MCE, WARN, "mce: [Hardware Error]", "mce: [Hardware Error]"),
	HARD(KERNLOG_MCE, WARN, "Hardware error from APEI", "*Hardware error from APEI"),
	HARD(KERNLOG_MCE, CRIT, "Uncorrected hardware memory error", "mce: Uncorrected hardware memory error"),
	HARD(KERNLOG_MEMORY_FAILURE, CRIT, "due to hardware memory corruption",
	     "Memory failure: *Sending SIGBUS to {comm:t}:{pid:u} due to hardware memory corruption"),
	HARD(KERNLOG_MEMORY_FAILURE, CRIT, "due to hardware memory corruption fault",
	     "MCE: Killing {comm:t}:{pid:u} due to hardware memory corruption fault"),
	HARD(KERNLOG_MEMORY_FAILURE, CRIT, ": recovery action for ", "Memory failure: 0x{_:h}: recovery action for "),
	HARD(KERNLOG_EDAC, WARN, " CE ", "EDAC *: {count:u} CE {kind=ce}"),
	HARD(KERNLOG_EDAC, CRIT, " UE ", "EDAC *: {count:u} UE {kind=ue}"),
	HARD(KERNLOG_AER, INFO, "severity=Correct",
	     "* {device:w}: *PCIe Bus Error: severity=Correct{severity=corrected}"),
	HARD(KERNLOG_AER, WARN, "(Non-Fatal), type",
	     "* {device:w}: *PCIe Bus Error: severity=Uncorrect*(Non-Fatal){severity=nonfatal}"),
	HARD(KERNLOG_AER, CRIT, "(Fatal), type",
	     "* {device:w}: *PCIe Bus Error: severity=Uncorrect*(Fatal){severity=fatal}"),

	GPU("NVRM: "),
	GPU("SXid ("),
	GPU("nvidia-nvlink: "),

	SOFT(KERNLOG_FORK_REJECTED, WARN, "fork rejected by pids controller",
	     "cgroup: fork rejected by pids controller in {key:t}"),
	SOFT(KERNLOG_NFS_UNRESPONSIVE, WARN, " not responding, ", "nfs: server {server:w} not responding"),
	SOFT(KERNLOG_NFS_OK, INFO, "nfs: server ", "nfs: server {server:w} OK"),
	SOFT(KERNLOG_CONNTRACK_FULL, WARN, "table full, dropping packet", "nf_conntrack*table full, dropping packet"),
	SOFT(KERNLOG_NEIGHBOUR_OVERFLOW, WARN, "table overflow", "*eighbo*table overflow"),
	SOFT(KERNLOG_SYN_FLOOD, WARN, "Possible SYN flooding on port ", "*Possible SYN flooding on port *:{port:u}. "),
	SOFT(KERNLOG_SYN_FLOOD, WARN, "ossible SYN flooding on port ", "*ossible SYN flooding on port {port:u}. "),

	HARD(KERNLOG_LINK_DOWN, WARN, " NIC Link is Down", "* {key:n}: NIC Link is Down"),
	HARD(KERNLOG_LINK_DOWN, WARN, "NIC Link is Down", "* {key:n} NIC Link is Down"),
	HARD(KERNLOG_LINK_DOWN, WARN, ": Link is Down", "* {key:n}: Link is Down"),
	HARD(KERNLOG_LINK_DOWN, WARN, ": Link down", "* {key:n}: Link down"),
	HARD(KERNLOG_LINK_UP, INFO, " NIC Link is Up", "* {key:n}: NIC Link is Up"),
	HARD(KERNLOG_LINK_UP, INFO, "NIC Link is Up", "* {key:n} NIC Link is Up"),
	HARD(KERNLOG_LINK_UP, INFO, ": Link is Up", "* {key:n}: Link is Up"),
	HARD(KERNLOG_LINK_UP, INFO, ": Link up", "* {key:n}: Link up"),
	HARD(KERNLOG_TX_TIMEOUT, CRIT, "NETDEV WATCHDOG: CPU", "* {key:n}: NETDEV WATCHDOG: CPU*timed out"),
	HARD(KERNLOG_TX_TIMEOUT, CRIT, "NETDEV WATCHDOG: ", "NETDEV WATCHDOG: {key:n} (*timed out"),
};

const size_t kernlog_n_patterns = ARRAY_LEN(kernlog_patterns);

_Static_assert(ARRAY_LEN(kernlog_patterns) <= KERNLOG_MAX_PATTERNS, "one bit a pattern");
