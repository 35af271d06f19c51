// SPDX-License-Identifier: Apache-2.0
#include "tests/cli/sample.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/test.h"

void sample_head(struct answer *a)
{
	a->node = arena_strdup(a->arena, "node-17");
	a->target = a->node;
	a->as_of = SAMPLE_T0 + 292 * NS_PER_S;
	a->agent_last_seen = a->as_of - 2 * NS_PER_S;
	a->agent_version = "0.1.0";
	a->rules_digest = "9f3c1a77aa";
	a->evaluated = true;
}

static struct finding *take(struct answer *a, struct finding *f)
{
	struct finding *mine = f;

	assert_ok(answer_add_finding(a, &mine));
	return f;
}

struct finding *sample_cause(struct answer *a, const char *suffix, const char *title, enum severity severity)
{
	struct finding *f = NULL;

	assert_ok(finding_new(&f));
	snprintf(f->id, sizeof(f->id), "fnd_%s", suffix);
	f->revision = 1;
	f->kind = FINDING_CAUSE;
	f->rule = "test.cause";
	f->title = arena_strdup(f->arena, title);
	f->severity = severity;
	f->confidence = 0.9;
	f->coverage = 1;
	f->node = "node-17";
	f->subject = (struct finding_entity){ .kind = ENTITY_NODE, .id = "node-17", .name = "node-17" };
	f->opened_at = f->changed_at = SAMPLE_T0;
	f->rules_digest = "9f3c1a77aa";
	f->count = 1;
	return take(a, f);
}

static void add_evidence(struct finding *f, const char *id, const char *text, const char *role, wall_ns_t at,
			 double observed)
{
	f->evidence[f->n_evidence++] = (struct finding_evidence){ .id = id,
								  .text = text,
								  .role = role,
								  .from = at,
								  .to = at,
								  .observed = observed,
								  .metric = "gpu.xid",
								  .expected = ">= 1",
								  .source = "kernlog" };
}

struct finding *sample_gpu(struct answer *a)
{
	struct finding *f =
		sample_cause(a, "gpu00000000000000000000000", "GPU 3 fell off the PCIe bus", SEVERITY_CRITICAL);

	f->rule = "gpu.fell_off_bus";
	f->confidence = 0.99;
	f->coverage = 0.92;
	f->subject = (struct finding_entity){ .kind = ENTITY_GPU, .id = "0000:5e:00.0", .name = "GPU 3" };
	add_evidence(f, "xid79", "kernel: NVRM: Xid (PCI:0000:5e:00): 79", "requires", SAMPLE_T0, 79);
	add_evidence(f, "aer", "PCIe AER fatal on 0000:5d:01.0", "supports", SAMPLE_T0 - 6 * NS_PER_MS, NAN);
	add_evidence(f, "hot", "the GPU was hot before: 91 degrees", "refutes", SAMPLE_T0, 91);
	f->explains[f->n_explains++] = (struct finding_explained){
		.symptom = "job.rank_dead",
		.at = SAMPLE_T0 + 4 * NS_PER_S,
		.subject = { .kind = ENTITY_RANK, .id = "slurm:81734/19", .name = "rank 19 of slurm:81734" },
	};
	f->affected[f->n_affected++] =
		(struct finding_entity){ .kind = ENTITY_POD, .id = "ml/train-0", .name = "ml/train-0" };
	f->affected[f->n_affected++] =
		(struct finding_entity){ .kind = ENTITY_PROCESS, .id = "4242/77", .name = "python3[4242]" };
	f->ruled_out[f->n_ruled_out++] = (struct finding_ruled_out){ "gpu.thermal", "peak 61 degrees" };
	f->cannot_tell[f->n_cannot_tell++] = (struct finding_unknown){ "power supply", "no BMC access" };
	f->remedy.action = REMEDY_REBOOT_NODE;
	f->remedy.then = REMEDY_REPLACE_NODE;
	f->remedy.text = "Drain it first.";
	f->remedy.check[f->remedy.n_check++] = "nvidia-smi -L";
	f->remedy.check[f->remedy.n_check++] = "lspci -vvs 0000:5e:00";
	return f;
}

struct finding *sample_symptom(struct answer *a)
{
	struct finding *f =
		sample_cause(a, "symptom0000000000000000000", "python3[99] makes no progress", SEVERITY_WARNING);

	f->kind = FINDING_SYMPTOM;
	f->rule = "proc.stalled";
	return f;
}

struct finding *sample_resolved(struct answer *a)
{
	struct finding *f = sample_cause(a, "resolved000000000000000000", "The cgroup hit its limit", SEVERITY_CRITICAL);

	f->state = FINDING_RESOLVED;
	f->rule = "mem.cgroup_oom";
	f->resolved_at = SAMPLE_T0 + 184 * NS_PER_S;
	f->resolved_reason = "cleared";
	return f;
}
