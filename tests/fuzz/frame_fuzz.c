// SPDX-License-Identifier: Apache-2.0
/* Messages of the stream, of any bytes: refused by name, or read whole. Batches are also made of the input, compressed
 * and not. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/frame.h"
#include "proto/health.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t last;
	uint32_t n;
};

static int see(void *arg, uint64_t seq, const uint8_t *finding, size_t n)
{
	struct seen *s = arg;
	volatile uint8_t sum = 0;

	if (seq <= s->last)
		abort();
	s->last = seq;
	s->n++;
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + finding[i]);
	return 0;
}

static void fuzz_agent(const uint8_t *data, size_t size)
{
	AUTO(frame_agent_done) struct frame_agent f = {0};
	const char *field = NULL;
	struct seen seen = {0};

	if (frame_agent_unpack(data, size, &f, &field) < 0) {
		if (!field || !*field)
			abort();
	} else if (f.kind == FRAME_BATCH) {
		if (frame_visit_records(&f.batch, see, &seen, &field) == 0 && seen.n != f.batch.n_records)
			abort();
	} else if (f.kind == FRAME_ANSWER && !f.answer.answer) {
		abort();
	}
}

/* As if a peer had sent these bytes as the payload, with a head that fits or nearly fits. */
static void fuzz_payload(const uint8_t *data, size_t size)
{
	struct frame_received b = {
		.first_seq = 1, .last_seq = 1, .n_records = 1, .payload = data, .n_payload = size, .n_raw = size};
	const char *field = NULL;
	struct seen seen = {0};

	if (size < 3)
		return;
	(void)frame_visit_records(&b, see, &seen, &field);
	b.zlib = true;
	b.n_raw = (size_t)(data[0] | data[1] << 8) + 1;
	b.payload += 2;
	b.n_payload -= 2;
	seen = (struct seen){0};
	(void)frame_visit_records(&b, see, &seen, &field);
}

static void fuzz_hub(const uint8_t *data, size_t size)
{
	AUTO(finding_free) struct finding *finding = NULL;
	struct frame_hub f;
	enum health health;
	char cursor[64], service[256];

	(void)frame_hub_unpack(data, size, &f, NULL);
	(void)frame_watch_unpack(data, size, cursor, &finding, NULL);
	(void)health_request_unpack(data, size, service);
	(void)health_reply_unpack(data, size, &health);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		fuzz_agent(data + 1, size - 1);
		break;
	case 1:
		fuzz_payload(data + 1, size - 1);
		break;
	default:
		fuzz_hub(data + 1, size - 1);
	}
	return 0;
}
