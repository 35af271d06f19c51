// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "identity/otel_context.h"
#include "tests/test.h"

/* ProcessContext{resource{attributes{key:"service.name" value{string_value:"checkout"}}}} between others, as protoc
 * writes it. */
static const unsigned char payload[] = {
	0x0a, 0x3d, 0x0a, 0x1d, 0x0a, 0x0b, 'p', 'r', 'o', 'c', 'e', 's', 's', '.',  'p',  'i',
	'd',  0x12, 0x0e, 0x0a, 0x0c, '1',  '2', '3', '4', '5', '6', '7', '8', '9',  'a',  'b',
	'c',  0x0a, 0x1a, 0x0a, 0x0c, 's',  'e', 'r', 'v', 'i', 'c', 'e', '.', 'n',  'a',  'm',
	'e',  0x12, 0x0a, 0x0a, 0x08, 'c',  'h', 'e', 'c', 'k', 'o', 'u', 't', 0x10, 0x03, /* dropped_attributes_count
											    */
	0x12, 0x02, 0x0a, 0x00,                                                            /* extra attributes */
};

static void make_header(unsigned char h[OTEL_CONTEXT_HEADER], uint32_t version, uint32_t size, uint64_t published,
			uint64_t address)
{
	memcpy(h, "OTEL_CTX", 8);
	memcpy(h + 8, &version, 4);
	memcpy(h + 12, &size, 4);
	memcpy(h + 16, &published, 8);
	memcpy(h + 24, &address, 8);
}

static void the_mapping_by_its_three_names(void **state)
{
	(void)state;
	assert_true(otel_context_is_mapping("/memfd:OTEL_CTX"));
	assert_true(otel_context_is_mapping("/memfd:OTEL_CTX (deleted)"));
	assert_true(otel_context_is_mapping("[anon_shmem:OTEL_CTX]"));
	assert_true(otel_context_is_mapping("[anon:OTEL_CTX]"));
	assert_false(otel_context_is_mapping("/memfd:OTEL_CTX2"));
	assert_false(otel_context_is_mapping("/tmp/memfd:OTEL_CTX"));
	assert_false(otel_context_is_mapping(""));
}

static void a_header(void **state)
{
	(void)state;
	unsigned char h[OTEL_CONTEXT_HEADER];
	struct otel_context c = { .payload_size = 1 };

	make_header(h, 2, 67, 123456789, 0x7f0000001000);
	assert_ok(otel_context_header(h, sizeof(h), &c));
	assert_int_equal(c.payload_size, 67);
	assert_int_equal(c.published_ns, 123456789);
	assert_int_equal(c.payload, 0x7f0000001000);
	assert_err(otel_context_header(h, 31, &c), EINVAL);
	make_header(h, 1, 67, 1, 1);
	assert_err(otel_context_header(h, sizeof(h), &c), ENOTSUP);
	make_header(h, 2, 67, 0, 1);
	assert_err(otel_context_header(h, sizeof(h), &c), EAGAIN);
	make_header(h, 2, 0, 1, 1);
	assert_err(otel_context_header(h, sizeof(h), &c), EMSGSIZE);
	make_header(h, 2, 65537, 1, 1);
	assert_err(otel_context_header(h, sizeof(h), &c), EMSGSIZE);
	h[0] = 'o';
	assert_err(otel_context_header(h, sizeof(h), &c), EINVAL);
	assert_int_equal(c.payload_size, 67);
}

static void the_service_of_a_payload(void **state)
{
	(void)state;
	char name[64] = "left";

	assert_ok(otel_context_service(payload, sizeof(payload), name, sizeof(name)));
	assert_string_equal(name, "checkout");
	assert_err(otel_context_service(payload, sizeof(payload), name, 8), EMSGSIZE);
	assert_err(otel_context_service(payload, 0, name, sizeof(name)), ENOENT);
	assert_string_equal(name, "checkout");
}

static void at_every_cut_it_is_whole_or_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(payload); n++) {
		unsigned char *copy = malloc(n + 1);
		char name[64] = "";
		int r;

		memcpy(copy, payload, n);
		r = otel_context_service(copy, n, name, sizeof(name));
		assert_true(r == -EBADMSG || r == -ENOENT || (r == 0 && strcmp(name, "checkout") == 0));
		free(copy);
	}
}

static void odd_messages(void **state)
{
	(void)state;
	static const unsigned char endless[] = { 0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 },
				   group[] = { 0x0b, 0x0c };
	static const unsigned char field_0[] = { 0x02, 0x00 }, number[] = { 0x08, 0x05 };
	char name[16];

	assert_err(otel_context_service(endless, sizeof(endless), name, sizeof(name)), EBADMSG);
	assert_err(otel_context_service(group, sizeof(group), name, sizeof(name)), EBADMSG);
	assert_err(otel_context_service(field_0, sizeof(field_0), name, sizeof(name)), EBADMSG);
	assert_err(otel_context_service(number, sizeof(number), name, sizeof(name)), ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mapping_by_its_three_names),
		cmocka_unit_test(a_header),
		cmocka_unit_test(the_service_of_a_payload),
		cmocka_unit_test(at_every_cut_it_is_whole_or_refused),
		cmocka_unit_test(odd_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
