// SPDX-License-Identifier: Apache-2.0
/* Whatever an answer holds, who it is about can be told, its members folded, two of it merged, and its text be shown without
 * a single control character of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/render.h"
#include "hub/page.h"
#include "hub/round.h"
#include "model/target.h"
#include "model/who.h"
#include "proto/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct answer *a)
{
	const struct terminal terminal = { .unicode = true, .width = 80 };
	AUTO(page_done) struct page p = { 0 };
	struct common c = { 0 };

	page_init(&p, &terminal, a->as_of);
	render_answer(&p, a, &c);
	for (size_t i = 0; i < p.out.len; i++)
		if (p.out.data[i] < ' ' && p.out.data[i] != '\n')
			abort();
}

static void check_page(const struct answer *a)
{
	AUTO_BUF struct buf out;

	buf_init(&out, PAGE_MAX_BYTES);
	if (a->status == ANSWER_OK && a->n_who && strcmp(a->who[0].role, "self") == 0)
		page_thing(a, &out);
	else
		page_choices(a, &out);
	if (out.len && memmem(out.data, out.len, "<script", 7))
		abort();
}

static void search(const struct answer *a, const struct finding_entity *e)
{
	static struct target_search s;
	char hint[256];

	target_search_init(&s, ENTITY_KIND_MAX, a->target && a->target[0] ? a->target : "x");
	target_search_offer(&s, e, a->node, 1, false);
	target_search_init(&s, e->kind, e->id);
	target_search_offer(&s, e, a->node, 1, false);
	if (e->id[0] && s.n_hits != 1)
		abort(); /* a thing is found by its key */
	target_search_hint(&s, hint, sizeof(hint));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(answer_free) struct answer *a = NULL, *other = NULL;

	if (answer_unpack(data, size, &a, NULL) < 0 || answer_unpack(data, size, &other, NULL) < 0)
		return 0;
	check_text(a);
	check_page(a);
	for (size_t i = 0; i < a->n_findings; i++)
		search(a, &a->findings[i]->subject);
	a->n_who = 0;
	if (a->n_findings)
		who_from_findings(a, a->findings[0]->subject.kind, a->findings[0]->subject.id);
	round_merge(a, other);
	round_end(a, 1, 2, 1);
	check_text(a);
	check_page(a);
	return 0;
}
