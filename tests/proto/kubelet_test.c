// SPDX-License-Identifier: Apache-2.0
/* Bytes are written by hand here, so that an error in the .proto's numbers shows. */
#include "proto/kubelet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/proto/wire.h"
#include "tests/test.h"

#define READ(what, bytes, ret) kubelet_read_##what(r, (const uint8_t *)(bytes), sizeof(bytes) - 1, ret)

static int new_stage(void **state)
{
	*state = calloc(6, sizeof(struct wire));
	return *state ? 0 : -1;
}

static int free_stage(void **state)
{
	free(*state);
	return 0;
}

static void test_what_a_container_was_given(void **state)
{
	struct wire *w = *state, *c = w + 1, *part = w + 2, *numa = w + 3, *node = w + 4, *d = w + 5;
	AUTO(kubelet_reader_free) struct kubelet_reader *r = NULL;
	struct kubelet_resources res;

	wire_number(node, 1, 1);
	wire_wire(numa, 1, node);
	wire_text(c, 1, "c");
	wire_text(part, 1, "nvidia.com/gpu");
	wire_text(part, 2, "g1");
	wire_text(part, 2, "g2");
	wire_wire(part, 3, numa);
	wire_wire(c, 2, part);
	wire_bytes(c, 3, "\x02\x00\x01", 3);
	part->n = 0;
	wire_text(part, 1, "memory");
	wire_number(part, 2, 4096);
	wire_wire(part, 3, numa);
	wire_wire(c, 4, part);
	part->n = numa->n = 0;
	wire_text(part, 2, "claim");
	wire_text(part, 3, "ml");
	wire_text(numa, 2, "gpu.nvidia.com");
	wire_text(numa, 3, "pool");
	wire_text(numa, 4, "gpu-0");
	wire_wire(part, 4, numa);
	wire_wire(c, 5, part);
	wire_text(d, 1, "was given nothing");
	wire_text(w, 1, "p");
	wire_text(w, 2, "n");
	wire_wire(w, 3, c);
	wire_wire(w, 3, d);
	assert_ok(kubelet_reader_new(&r));
	assert_ok(kubelet_read_resources(r, w->data, w->n, &res));
	assert_string_equal(res.name, "p");
	assert_string_equal(res.space, "n");
	assert_int_equal(res.n_grants, 1);
	assert_string_equal(res.grants[0].container, "c");
	assert_string_equal(res.grants[0].devices, "nvidia.com/gpu=g1,g2");
	assert_string_equal(res.grants[0].gpus, "g1,g2");
	assert_string_equal(res.grants[0].cpus, "0-2");
	assert_string_equal(res.grants[0].memory, "memory 4096 on numa 1");
	assert_string_equal(res.grants[0].claims, "ml/claim=gpu.nvidia.com/pool/gpu-0");
}

static void test_a_pod_and_its_containers(void **state)
{
	struct wire *w = *state, *metadata = w + 1, *status = w + 2, *c = w + 3, *of = w + 4, *why = w + 5;
	AUTO(kubelet_reader_free) struct kubelet_reader *r = NULL;
	struct kubelet_pod p;

	wire_text(metadata, 1, "p");
	wire_text(metadata, 2, "p-generated");
	wire_text(metadata, 3, "n");
	wire_text(metadata, 5, "u");
	wire_pair(metadata, 11, "a", "b");
	wire_pair(metadata, 12, "c", "d");
	wire_number(why, 1, 137);
	wire_text(why, 3, "OOMKilled");
	wire_wire(of, 3, why);
	wire_text(c, 1, "m");
	wire_wire(c, 2, of);
	wire_number(c, 5, 4);
	wire_text(c, 8, "docker://ab");
	wire_text(status, 1, "Failed");
	wire_text(status, 4, "Evicted");
	wire_wire(status, 8, c);
	c->n = of->n = why->n = 0;
	wire_text(why, 1, "CrashLoopBackOff");
	wire_wire(of, 1, why);
	wire_text(c, 1, "w");
	wire_wire(c, 2, of);
	wire_text(c, 8, "xy");
	wire_wire(status, 8, c);
	wire_text(status, 9, "Burstable");
	wire_wire(w, 1, metadata);
	wire_text(w, 2, "a spec, with an environment");
	wire_wire(w, 3, status);
	assert_ok(kubelet_reader_new(&r));
	assert_ok(kubelet_read_pod(r, w->data, w->n, &p));
	assert_string_equal(p.name, "p");
	assert_string_equal(p.space, "n");
	assert_string_equal(p.uid, "u");
	assert_string_equal(p.phase, "Failed");
	assert_string_equal(p.reason, "Evicted");
	assert_string_equal(p.qos, "burstable");
	assert_int_equal(p.labels.n, 1);
	assert_string_equal(p.labels.items[0].value, "b");
	assert_string_equal(p.annotations.items[0].key, "c");
	assert_int_equal(p.n_containers, 2);
	assert_string_equal(p.containers[0].name, "m");
	assert_string_equal(p.containers[0].id, "ab");
	assert_true(p.containers[0].ended);
	assert_int_equal(p.containers[0].exit_code, 137);
	assert_string_equal(p.containers[0].why, "OOMKilled");
	assert_false(p.deleted);
	assert_int_equal(p.containers[0].restarts, 4);
	assert_string_equal(p.containers[1].waiting, "CrashLoopBackOff");
	assert_string_equal(p.containers[1].id, ""); /* "xy" names no runtime */
	assert_false(p.containers[1].ended);
}

static void test_cpus_are_ranges_of_real_cpus(void **state)
{
	/* 5 3 4 4 9 and one that is no CPU (2^62) */
	static const char item[] = "\x0a\x01p\x12\x01n\x1a\x13\x0a\x01" "c"
				   "\x1a\x0e\x05\x03\x04\x04\x09\x80\x80\x80\x80\x80\x80\x80\x80\x40";
	AUTO(kubelet_reader_free) struct kubelet_reader *r = NULL;
	struct kubelet_resources res;

	(void)state;
	assert_ok(kubelet_reader_new(&r));
	assert_ok(READ(resources, item, &res));
	assert_string_equal(res.grants[0].cpus, "3-5,9");
}

static void test_what_is_no_pod_is_refused(void **state)
{
	AUTO(kubelet_reader_free) struct kubelet_reader *r = NULL;
	struct kubelet_resources res = { .name = "untouched" };
	struct kubelet_pod p = { .name = "untouched" };
	char many[KUBELET_MAX_CONTAINERS * 2 + 4];

	(void)state;
	assert_ok(kubelet_reader_new(&r));
	assert_err(READ(pod, "", &p), EBADMSG);
	assert_err(READ(pod, "\xff\xff", &p), EBADMSG);
	assert_err(READ(resources, "\x0a\xff", &res), EBADMSG);
	for (size_t i = 0; i + 1 < sizeof(many); i += 2)
		memcpy(many + i, "\x1a\x00", 2);
	assert_err(kubelet_read_resources(r, (const uint8_t *)many, sizeof(many), &res), EBADMSG);
	assert_string_equal(p.name, "untouched");
	assert_string_equal(res.name, "untouched");
	assert_ok(kubelet_read_resources(r, (const uint8_t *)many, KUBELET_MAX_CONTAINERS * 2, &res));
	assert_int_equal(res.n_grants, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_a_container_was_given, new_stage, free_stage),
		cmocka_unit_test_setup_teardown(test_a_pod_and_its_containers, new_stage, free_stage),
		cmocka_unit_test(test_cpus_are_ranges_of_real_cpus),
		cmocka_unit_test(test_what_is_no_pod_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
