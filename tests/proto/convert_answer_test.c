// SPDX-License-Identifier: Apache-2.0
#include "proto/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/message.h"
#include "tests/proto/sample.h"
#include "tests/test.h"

static void every_field_comes_back(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		AUTO(answer_free) struct answer *a = sample_answer(seed), *back = NULL;
		AUTO_BUF struct buf b = {0};

		buf_init(&b, 8 << 20);
		assert_ok(answer_pack(a, &b));
		assert_ok(answer_unpack(b.data, b.len, &back, NULL));
		assert_same_answer(a, back);
	}
}

static struct answer *answer_of(size_t n_findings)
{
	struct answer *a = NULL;

	assert_ok(answer_new(QUERY_LIST, &a));
	a->target = a->node = "n";
	for (size_t i = 0; i < n_findings; i++) {
		struct finding *f = sample_finding(i + 1);

		assert_ok(answer_add_finding(a, &f));
	}
	return a;
}

static void cut_to_what_fits_and_says_so(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = answer_of(40), *back = NULL;
	AUTO_BUF struct buf b = {0};

	buf_init(&b, 64 * 1024);
	assert_err(answer_pack(a, &b), EMSGSIZE);
	assert_int_equal(b.len, 0);
	assert_ok(answer_pack_cut(a, &b));
	assert_ok(answer_unpack(b.data, b.len, &back, NULL));
	assert_true(back->truncated);
	assert_true(back->n_findings > 0 && back->n_findings < 40);
	for (size_t i = 0; i < back->n_findings; i++)
		assert_same_finding(a->findings[i], back->findings[i]);
}

static void what_fits_is_not_cut(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = answer_of(3), *back = NULL;
	AUTO_BUF struct buf b = {0};

	buf_init(&b, 1 << 20);
	assert_ok(answer_pack_cut(a, &b));
	assert_ok(answer_unpack(b.data, b.len, &back, NULL));
	assert_false(back->truncated);
	assert_int_equal(back->n_findings, 3);
}

static void too_small_for_even_the_head(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = answer_of(2);
	AUTO_BUF struct buf b = {0};

	buf_init(&b, 3);
	assert_err(answer_pack_cut(a, &b), EMSGSIZE);
}

static void refused(Why__V1__Answer *m, const char *field)
{
	AUTO_BUF struct buf b = {0};
	AUTO(answer_free) struct answer *a = NULL;
	struct pack p = {0};
	const char *named = "none";

	buf_init(&b, 8 << 20);
	assert_ok(pack_message(&p, &m->base, &b));
	assert_err(answer_unpack(b.data, b.len, &a, &named), EBADMSG);
	assert_null(a);
	assert_string_equal(named, field);
}

static void names_what_is_wrong(void **state UNUSED)
{
	AUTO_PACK struct pack p;
	AUTO(answer_free) struct answer *a = sample_answer(3);
	Why__V1__Answer *good, m;
	Why__V1__AnswerLine line = WHY__V1__ANSWER_LINE__INIT, *lines[ANSWER_MAX_LINES + 1];
	Why__V1__AnswerEvidence evidence = WHY__V1__ANSWER_EVIDENCE__INIT, *evidences[MESSAGE_MAX_EVIDENCE + 1];
	Why__V1__Unknown unknown = WHY__V1__UNKNOWN__INIT, *unknowns[MESSAGE_MAX_UNKNOWN + 1];
	Why__V1__Finding finding = WHY__V1__FINDING__INIT, *findings[ANSWER_MAX_FINDINGS + 1];
	char *texts[MESSAGE_MAX_CANDIDATES + 1];
	char text[200];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_ok(pack_begin(&p));
	good = message_of_answer(&p, a, SIZE_MAX);
	/* Long enough that it is the count that is refused, not the amplification. */
	line.text = evidence.text = unknown.what = finding.title = text;
	line.severity = 1;
	evidence.truth = 1;
	finding.id = (char *)"fnd_x";
	for (size_t i = 0; i <= ANSWER_MAX_LINES; i++)
		lines[i] = &line;
	for (size_t i = 0; i <= MESSAGE_MAX_EVIDENCE; i++)
		evidences[i] = &evidence;
	for (size_t i = 0; i <= MESSAGE_MAX_UNKNOWN; i++)
		unknowns[i] = &unknown;
	for (size_t i = 0; i <= ANSWER_MAX_FINDINGS; i++)
		findings[i] = &finding;
	for (size_t i = 0; i <= MESSAGE_MAX_CANDIDATES; i++)
		texts[i] = (char *)"x";
	refused((m = *good, m.question = 0, &m), "question");
	refused((m = *good, m.status = ANSWER_BAD + 2, &m), "status");
	refused((m = *good, m.message = (char *)"\xff", &m), "message");
	refused((m = *good, m.target = (char *)"\xff", &m), "target");
	refused((m = *good, m.node = (char *)"\xff", &m), "node");
	refused((m = *good, m.agent_version = (char *)"\xff", &m), "agent_version");
	refused((m = *good, m.verdict = (char *)"\xff", &m), "verdict");
	refused((m = *good, m.next_cursor = (char *)"0123456789012345678901234567890123456789012345678901234567890123", &m),
		"next_cursor");
	refused((m = *good, m.n_lines = ANSWER_MAX_LINES + 1, m.lines = lines, &m), "lines");
	refused((m = *good, m.n_evidence = MESSAGE_MAX_EVIDENCE + 1, m.evidence = evidences, &m), "evidence");
	refused((m = *good, m.n_unknown = MESSAGE_MAX_UNKNOWN + 1, m.unknown = unknowns, &m), "unknown");
	refused((m = *good, m.n_candidates = MESSAGE_MAX_CANDIDATES + 1, m.candidates = texts, &m), "candidates");
	refused((m = *good, m.n_findings = ANSWER_MAX_FINDINGS + 1, m.findings = findings, &m), "findings");
	refused((m = *good, m.n_findings = 1, m.findings = findings, &m), "findings.revision");
	line.severity = 9;
	refused((m = *good, m.n_lines = 1, m.lines = lines, &m), "lines.severity");
	evidence.truth = 0;
	refused((m = *good, m.n_evidence = 1, m.evidence = evidences, &m), "evidence.truth");
	unknown.why = (char *)"\xff";
	refused((m = *good, m.n_unknown = 1, m.unknown = unknowns, &m), "unknown.why");
}

static void a_hostile_message_stays_small(void **state UNUSED)
{
	AUTO_FREE uint8_t *hostile = malloc(4 << 20);
	AUTO(answer_free) struct answer *a = NULL;

	for (size_t i = 0; i < 4 << 20; i += 2) {
		hostile[i] = 12 << 3 | 2; /* findings, length 0 */
		hostile[i + 1] = 0;
	}
	assert_err(answer_unpack(hostile, 4 << 20, &a, NULL), EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_comes_back),
		cmocka_unit_test(cut_to_what_fits_and_says_so),
		cmocka_unit_test(what_fits_is_not_cut),
		cmocka_unit_test(too_small_for_even_the_head),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(a_hostile_message_stays_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
