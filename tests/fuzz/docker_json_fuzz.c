// SPDX-License-Identifier: Apache-2.0
/* Bytes as every answer of Docker, whole and in pieces; what jansson reads as JSON must be read here too, and the same
 * pieces must give the same containers however they are cut. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "runtimes/docker_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	uint64_t hash;
	size_t n;
};

static void on_container(void *arg, const struct docker_container *c)
{
	struct sum *s = arg;

	if (!docker_id_ok(c->id) || c->n_labels > DOCKER_MAX_LABELS || strlen(c->name) >= sizeof(c->name))
		abort();
	s->n++;
	s->hash = s->hash * 31 + text_hash(c->name, strlen(c->name)) + text_hash(c->image, strlen(c->image)) + c->pid;
}

static void on_event(void *arg, const struct docker_event *e)
{
	struct sum *s = arg;

	if (!docker_id_ok(e->id) || e->action == DOCKER_OTHER)
		abort();
	s->n++;
	s->hash = s->hash * 31 + (uint64_t)e->action;
}

static bool read_in(enum docker_answer answer, const char *data, size_t size, size_t piece, struct sum *ret_sum)
{
	static struct docker_reader r;

	docker_reader_init(&r, answer);
	r.on_container = on_container;
	r.on_event = on_event;
	r.arg = ret_sum;
	for (size_t at = 0; at < size; at += piece)
		if (docker_reader_put(&r, data + at, size - at < piece ? size - at : piece) < 0)
			return false;
	return docker_reader_is_whole(&r);
}

static unsigned depth_of(const char *data, size_t size)
{
	unsigned depth = 0, max = 0;

	for (size_t i = 0; i < size; i++) {
		depth += data[i] == '[' || data[i] == '{';
		max = depth > max ? depth : max;
		depth -= depth && (data[i] == ']' || data[i] == '}');
	}
	return max;
}

static bool jansson_reads(const char *data, size_t size)
{
	json_error_t error;
	json_t *j = json_loadb(data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	json_decref(j);
	return j;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	for (enum docker_answer a = DOCKER_LIST; a <= DOCKER_VERSION; a++) {
		struct sum whole = { 0 }, pieces = { 0 };
		bool good = read_in(a, text, size, size + 1, &whole);
		if (read_in(a, text, size, 1, &pieces) != good || whole.n != pieces.n || whole.hash != pieces.hash)
			abort();
		/* A number of a thousand digits is one to jansson. */
		if (a == DOCKER_LIST && !good && size < JSON_SCAN_VALUE && depth_of(text, size) <= JSON_SCAN_DEPTH &&
		    jansson_reads(text, size))
			abort();
	}
	return 0;
}
