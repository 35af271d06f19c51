// SPDX-License-Identifier: Apache-2.0
#include "rules/kept.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

static void json_of(const struct finding *f, struct buf *out)
{
	struct json j;

	buf_init(out, 1 << 20);
	json_init(&j, out);
	finding_write_json(f, &j);
	assert_ok(json_end(&j));
}

static struct finding *full_one(void)
{
	struct finding *f;

	assert_ok(finding_new(&f));
	strcpy(f->id, "fnd_abc");
	f->revision = 7;
	f->state = FINDING_UPDATED;
	f->rule = "mem.oom";
	f->title = "a \"title\"";
	f->severity = SEVERITY_CRITICAL;
	f->confidence = 0.91;
	f->coverage = 0.5;
	f->node = "n1";
	f->subject = (struct finding_entity){.kind = ENTITY_CGROUP,
					     .id = "/a",
					     .name = "/a",
					     .attrs = {{"path", "/a"}, {"pod", "ml/x"}},
					     .n_attrs = 2};
	for (unsigned i = 0; i < FINDING_MAX_AFFECTED; i++)
		f->affected[f->n_affected++] =
			(struct finding_entity){.kind = ENTITY_PROCESS, .id = "1/1", .name = "py[1]"};
	f->more_affected = 3;
	f->opened_at = 1700000000000000001ULL;
	f->changed_at = 1700000001000000000ULL;
	strcpy(f->because[f->n_because++], "fnd_deeper");
	f->explains[0] = (struct finding_explained){
		.symptom = "proc.died", .subject = f->affected[0], .finding = "fnd_s", .at = 5};
	f->n_explains = 1;
	f->evidence[0] = (struct finding_evidence){.id = "oom",
						   .text = "killed",
						   .metric = "cgroup.oom.kill",
						   .observed = 2,
						   .expected = ">= 1",
						   .from = 1,
						   .to = 2,
						   .source = "oom",
						   .role = "requires"};
	f->evidence[1] =
		(struct finding_evidence){.id = "x", .observed = NAN, .observed_text = "down", .role = "supports"};
	f->n_evidence = 2;
	f->ruled_out[f->n_ruled_out++] = (struct finding_ruled_out){"cpu.throttled", "0.1, expected > 0.2"};
	f->cannot_tell[f->n_cannot_tell++] = (struct finding_unknown){"power", "no BMC"};
	f->remedy.action = REMEDY_FIX_WORKLOAD;
	f->remedy.then = REMEDY_REBOOT_NODE;
	f->remedy.text = "raise it";
	f->remedy.check[f->remedy.n_check++] = "cat memory.max";
	f->remedy.act = true;
	f->emit_condition = "MemoryHealthy";
	f->rules_digest = "9f3c";
	f->flapping = f->shadow = f->simulated = true;
	f->count = 12345;
	return f;
}

static void test_what_is_kept_reads_the_same(void **state)
{
	struct finding *f = full_one(), *back = calloc(1, sizeof(*back));
	struct buf scratch, before, after;
	struct kept *kept = NULL;

	(void)state;
	memset(back, 0x55, sizeof(*back)); /* stale: all that counts must be written */
	buf_init(&scratch, 1 << 20);
	assert_ok(kept_new(f, &scratch, &kept));
	assert_true(kept_size(kept) < 8192);
	kept_read(kept, back);
	json_of(f, &before);
	json_of(back, &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	assert_null(back->resolved_reason);
	assert_null(back->evidence[1].metric);
	assert_true(back->remedy.act);
	assert_string_equal(back->emit_condition, "MemoryHealthy");
	kept_free(&kept);
	assert_null(kept);
	kept_free(&kept);
	buf_done(&before);
	buf_done(&after);
	buf_done(&scratch);
	finding_free(&f);
	free(back);
}

static void test_too_large_is_refused(void **state)
{
	struct finding *f = full_one();
	struct kept *kept = NULL;
	struct buf scratch;

	(void)state;
	buf_init(&scratch, 100);
	assert_err(kept_new(f, &scratch, &kept), EMSGSIZE);
	assert_null(kept);
	buf_done(&scratch);
	finding_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_kept_reads_the_same),
		cmocka_unit_test(test_too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
