/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "collectors/otel_mapping.h"
#include "collectors/proc_facts.h"
#include "tests/collectors/harness.h"
#include "tests/collectors/scene.h"
#include "tests/collectors/world.h"

extern const struct collector collector_workload;

struct published {
	char signature[8];
	uint32_t version, payload_size;
	uint64_t published_ns, payload;
};

/* ProcessContext { resource { attributes { key: "service.name" value { string_value: "checkout" } } } } */
static const char payload[] = "\x0a\x1c\x0a\x1a\x0a\x0cservice.name\x12\x0a\x0a\x08"
			      "checkout";

struct wish {
	uint32_t version, size;
	bool bad_pointer;
};

/* As an OpenTelemetry SDK does it: a mapping of a memfd by that name. */
static int publish(void *arg)
{
	const struct wish *wish = arg;
	int fd = memfd_create("OTEL_CTX", 0);
	struct published *p;

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return 1;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return 1;
	char *text = (char *)p + 256;
	memcpy(text, payload, sizeof(payload) - 1);
	p->version = wish->version;
	p->payload_size = wish->size;
	p->published_ns = 12345;
	p->payload = wish->bad_pointer ? 8 : (uint64_t)(uintptr_t)text;
	memcpy(p->signature, "OTEL_CTX", 8);
	(void)prctl(PR_SET_NAME, "published");
	return scene_sleep(NULL);
}

static int proc_of(pid_t pid)
{
	AUTO_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = -1;

	assert_ok(proc_facts_open(root, (uint32_t)pid, &fd));
	for (int i = 0; i < 500; i++) {
		struct proc_stat s;
		assert_ok(proc_facts_stat(fd, &s));
		if (strcmp(s.comm, "published") == 0)
			break;
		(void)usleep(10000);
	}
	return fd;
}

static int asked(const struct wish *wish, char *ret_name, size_t size)
{
	pid_t pid = scene_spawn("publisher", publish, (void *)wish);
	AUTO_CLOSE int fd = proc_of(pid);
	int r = otel_mapping_service(fd, ret_name, size);

	(void)scene_end(pid);
	return r;
}

#define PAYLOAD_BYTES (sizeof(payload) - 1)

static void a_program_s_own_name_is_read_from_its_memory(void **state)
{
	char name[64] = "";

	(void)state;
	assert_ok(asked(&(struct wish){ .version = 2, .size = PAYLOAD_BYTES }, name, sizeof(name)));
	assert_string_equal(name, "checkout");
}

static void hostile_headers_are_refused(void **state)
{
	char name[64] = "before";

	(void)state;
	assert_err(asked(&(struct wish){ .version = 9, .size = PAYLOAD_BYTES }, name, sizeof(name)), ENOTSUP);
	assert_err(asked(&(struct wish){ .version = 2, .size = 1U << 30 }, name, sizeof(name)), EMSGSIZE);
	assert_err(asked(&(struct wish){ .version = 2, .size = 0 }, name, sizeof(name)), EMSGSIZE);
	assert_true(asked(&(struct wish){ .version = 2, .size = PAYLOAD_BYTES, .bad_pointer = true }, name,
			sizeof(name)) < 0);
	/* A payload that reaches past the mapping. */
	assert_true(asked(&(struct wish){ .version = 2, .size = 65536 }, name, sizeof(name)) < 0);
	assert_string_equal(name, "before");
}

static void who_publishes_nothing_has_no_name(void **state)
{
	pid_t pid = scene_spawn("published", scene_sleep, NULL);
	AUTO_CLOSE int fd = proc_of(pid);
	char name[64];

	(void)state;
	assert_err(otel_mapping_service(fd, name, sizeof(name)), ENOENT);
	(void)scene_end(pid);
	assert_true(otel_mapping_service(fd, name, sizeof(name)) < 0);
}

static void it_is_asked_when_nothing_else_is_known(void **state)
{
	struct harness *h = harness_new(&collector_workload, NULL);
	const struct wish wish = { .version = 2, .size = PAYLOAD_BYTES };
	char key[64];

	(void)state;
	h->env.self_pid = 0;
	assert_ok(harness_start(h));
	pid_t pid = scene_spawn("publisher", publish, (void *)&wish);
	AUTO_CLOSE int fd = proc_of(pid);
	scene_key(pid, key, sizeof(key));
	assert_ok(harness_collect(h, NS_PER_S));
	assert_int_equal(graph_find(h->graph, ENTITY_PROCESS, key), ENTITY_NONE); /* nobody asked yet */
	batch_reset(h->batch, 2 * NS_PER_S);
	batch_set_metric_base(h->batch, h->first);
	entity_id id = batch_entity(h->batch, ENTITY_PROCESS, key);
	harness_settle(h);
	assert_string_equal(world_next(h, id, ENTITY_JOB), "otel:checkout");
	assert_string_equal(graph_attr(h->graph, id, "identity"), "OpenTelemetry context");
	(void)scene_end(pid);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_s_own_name_is_read_from_its_memory),
		cmocka_unit_test(hostile_headers_are_refused),
		cmocka_unit_test(who_publishes_nothing_has_no_name),
		cmocka_unit_test(it_is_asked_when_nothing_else_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
