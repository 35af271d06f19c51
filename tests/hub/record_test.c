// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "hub/record.h"
#include "tests/hub/made.h"

static void columns_come_from_the_finding(void **state)
{
	AUTO(finding_free) struct finding *f = made_finding("n1", 4, 3, FINDING_RESOLVED, SEVERITY_CRITICAL);
	AUTO(record_batch_free) struct record_batch *b = NULL;
	const struct record *r;

	(void)state;
	f->shadow = true;
	b = made_batch("s", 9, f);
	r = &b->records[0];
	assert_int_equal(b->n_records, 1);
	assert_int_equal(r->seq, 9);
	assert_int_equal(r->revision, 3);
	assert_int_equal(r->state, FINDING_RESOLVED);
	assert_int_equal(r->severity, SEVERITY_CRITICAL);
	assert_true(r->shadow);
	assert_string_equal(r->id, f->id);
	assert_string_equal(r->title, "thing 4 went wrong");
	assert_int_equal(r->n_entities, 2);
	assert_string_equal(r->entities[0].key, "ml/train-4");
	assert_string_equal(r->entities[0].other, "train-4");
	assert_string_equal(r->entities[1].key, "slurm:94");
	assert_string_equal(r->entities[1].other, "94");
	assert_true(r->resolved_at > 0);
}

static void a_gpu_is_found_by_its_uuid(void **state)
{
	AUTO(finding_free) struct finding *f = made_finding("n1", 4, 1, FINDING_OPEN, SEVERITY_INFO);
	AUTO(record_batch_free) struct record_batch *b = NULL;

	(void)state;
	f->subject.kind = ENTITY_GPU;
	f->subject.id = "0000:5e:00.0";
	f->subject.attrs[0] = (struct finding_attr){ "uuid", "GPU-123" };
	f->subject.n_attrs = 1;
	b = made_batch("s", 1, f);
	assert_string_equal(b->records[0].entities[0].other, "GPU-123");
	record_batch_free(&b);
	f->subject.kind = ENTITY_PROCESS;
	f->subject.id = "4242/99";
	f->subject.attrs[0] = (struct finding_attr){ "pid", "4242" };
	b = made_batch("s", 1, f);
	assert_string_equal(b->records[0].entities[0].other, "4242");
}

static void another_nodes_finding_is_refused(void **state)
{
	AUTO(finding_free) struct finding *f = made_finding("n1", 4, 1, FINDING_OPEN, SEVERITY_INFO);
	AUTO(record_batch_free) struct record_batch *b = NULL;
	AUTO_BUF struct buf packed;
	const char *field = NULL;

	(void)state;
	made_pack(f, &packed);
	assert_ok(record_batch_new("n2", "s", 2, &b));
	assert_err(record_batch_add(b, 1, packed.data, packed.len, &field), EBADMSG);
	assert_string_equal(field, "node");
	assert_err(record_batch_add(b, 0, packed.data, packed.len, &field), EBADMSG);
	assert_string_equal(field, "seq");
	assert_err(record_batch_add(b, 1, packed.data, packed.len / 2, &field), EBADMSG);
	assert_int_equal(b->n_records, 0);
}

static void a_batch_has_a_maximum(void **state)
{
	AUTO(finding_free) struct finding *f = made_finding("n1", 4, 1, FINDING_OPEN, SEVERITY_INFO);
	AUTO(record_batch_free) struct record_batch *b = NULL;
	AUTO_BUF struct buf packed;
	char longname[400];

	(void)state;
	memset(longname, 'x', sizeof(longname));
	longname[sizeof(longname) - 1] = 0;
	assert_err(record_batch_new(longname, "s", 1, &b), EMSGSIZE);
	assert_err(record_batch_new("n1", "s", RECORD_BATCH_MAX + 1, &b), EMSGSIZE);
	assert_null(b);
	made_pack(f, &packed);
	assert_ok(record_batch_new("n1", "s", 1, &b));
	assert_ok(record_batch_add(b, 1, packed.data, packed.len, NULL));
	assert_err(record_batch_add(b, 2, packed.data, packed.len, NULL), ENOSPC);
}

static void node_names_are_checked(void **state)
{
	(void)state;
	assert_true(record_is_node_name("node-17.rack2"));
	assert_true(record_is_node_name("n\xc3\xb6" "de"));
	assert_false(record_is_node_name(""));
	assert_false(record_is_node_name("a b"));
	assert_false(record_is_node_name("a/b"));
	assert_false(record_is_node_name("a\nb"));
	assert_false(record_is_node_name("a\xff"));
	assert_false(record_is_node_name("a\xe2\x80\xae" "b")); /* right-to-left override */
}

static void other_names_are_the_short_ones(void **state)
{
	(void)state;
	assert_string_equal(record_entity_other(ENTITY_POD, "ml/train-0"), "train-0");
	assert_string_equal(record_entity_other(ENTITY_JOB, "slurm:81734"), "81734");
	assert_string_equal(record_entity_other(ENTITY_RANK, "slurm:81734/3"), "81734/3");
	assert_string_equal(record_entity_other(ENTITY_POD, "alone"), "");
	assert_string_equal(record_entity_other(ENTITY_DISK, "a/b:c"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_come_from_the_finding),   cmocka_unit_test(a_gpu_is_found_by_its_uuid),
		cmocka_unit_test(another_nodes_finding_is_refused), cmocka_unit_test(a_batch_has_a_maximum),
		cmocka_unit_test(node_names_are_checked),	   cmocka_unit_test(other_names_are_the_short_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
