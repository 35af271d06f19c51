// SPDX-License-Identifier: Apache-2.0
#include "proto/convert.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/message.h"
#include "tests/proto/sample.h"
#include "tests/test.h"

static void comes_back_with_every_field(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		AUTO(finding_free) struct finding *f = sample_finding(seed), *back = NULL;
		AUTO_BUF struct buf b = {0};

		buf_init(&b, 1 << 20);
		assert_ok(finding_pack(f, &b));
		assert_ok(finding_unpack(b.data, b.len, &back, NULL));
		assert_same_finding(f, back);
	}
}

static void full_lists_come_back(void **state UNUSED)
{
	AUTO(finding_free) struct finding *f = NULL, *back = NULL;
	AUTO_BUF struct buf b = {0};

	buf_init(&b, 1 << 20);
	assert_ok(finding_new(&f));
	finding_make_id("n", "b", "r", ENTITY_NODE, "k", 1, f->id);
	f->revision = 1;
	f->rule = f->title = f->node = f->subject.id = f->subject.name = "x";
	f->remedy.text = f->rules_digest = "x";
	f->n_affected = FINDING_MAX_AFFECTED;
	/* Short attributes are what unpacking pays most for, by the byte; 8 each are what 64 KiB of finding hold. */
	for (size_t i = 0; i < f->n_affected; i++) {
		f->affected[i] = (struct finding_entity){.kind = ENTITY_PROCESS, .id = "1", .name = "p", .n_attrs = 8};
		for (size_t j = 0; j < 8; j++)
			f->affected[i].attrs[j] = (struct finding_attr){"k", "v"};
	}
	assert_ok(finding_pack(f, &b));
	assert_ok(finding_unpack(b.data, b.len, &back, NULL));
	assert_same_finding(f, back);
}

static void what_does_not_fit_adds_nothing(void **state UNUSED)
{
	AUTO(finding_free) struct finding *f = sample_finding(7);
	AUTO_BUF struct buf b = {0};

	buf_init(&b, 16);
	assert_ok(buf_add(&b, "ab", 2));
	assert_err(finding_pack(f, &b), EMSGSIZE);
	assert_int_equal(b.len, 2);
}

static void repairs_texts_that_would_be_refused(void **state UNUSED)
{
	AUTO(finding_free) struct finding *f = sample_finding(7), *back = NULL;
	AUTO_BUF struct buf b = {0};
	char rule[600];

	memset(rule, 'r', sizeof(rule) - 1);
	rule[sizeof(rule) - 1] = '\0';
	memcpy(rule + TEXT_MAX_SHORT - 1, "\xc3\xa4", 2);
	buf_init(&b, 1 << 20);
	f->title = "bad \xff\xfe name \xc3";
	f->rule = rule;
	f->doc = NULL;
	assert_ok(finding_pack(f, &b));
	assert_ok(finding_unpack(b.data, b.len, &back, NULL));
	assert_string_equal(back->title, "bad \xef\xbf\xbd\xef\xbf\xbd name \xef\xbf\xbd");
	assert_int_equal(strlen(back->rule), TEXT_MAX_SHORT - 1); /* cut before the character that does not fit */
	assert_memory_equal(back->rule, rule, TEXT_MAX_SHORT - 1);
	assert_null(back->doc);
}

/* ---- every field that can be wrong, is named ---- */

static char long_text[TEXT_MAX_LONG + 2];

struct wrong {
	const char *field;
	void (*spoil)(Why__V1__Finding *m);
};

#define WRONG(name, path, statement)                                                                                   \
	static void spoil_##name(Why__V1__Finding *m)                                                                  \
	{                                                                                                              \
		statement;                                                                                             \
	}
#define WRONGS(WRONG)                                                                                           \
	WRONG(no_id, "id", m->id = (char *)"")                                                                  \
	WRONG(odd_id, "id", m->id = (char *)"../../etc")                                                        \
	WRONG(long_id, "id", m->id = (char *)"fnd_0123456789012345678901234567")                                \
	WRONG(revision, "revision", m->revision = 0)                                                            \
	WRONG(no_state, "state", m->state = 0)                                                                  \
	WRONG(odd_state, "state", m->state = 77)                                                                \
	WRONG(odd_kind, "kind", m->kind = -1)                                                                   \
	WRONG(no_rule, "rule", m->rule = (char *)"")                                                            \
	WRONG(odd_rule, "rule", m->rule = (char *)"\xff")                                                       \
	WRONG(title, "title", m->title = long_text)                                                             \
	WRONG(severity, "severity", m->severity = 4)                                                            \
	WRONG(low_confidence, "confidence", m->confidence = -0.1)                                               \
	WRONG(nan_confidence, "confidence", m->confidence = NAN)                                                \
	WRONG(coverage, "coverage", m->coverage = 1.1)                                                          \
	WRONG(node, "node", m->node = (char *)"")                                                               \
	WRONG(subject, "subject", m->subject = NULL)                                                            \
	WRONG(subject_kind, "subject.kind", m->subject->kind = 99)                                              \
	WRONG(subject_id, "subject.id", m->subject->id = (char *)"\xc0\xaf")                                    \
	WRONG(subject_name, "subject.name", m->subject->name = long_text)                                       \
	WRONG(attrs, "subject.attrs", m->subject->n_attrs = FINDING_MAX_ATTRS + 1)                              \
	WRONG(attr_name, "subject.attrs.name", m->subject->attrs[0]->name = (char *)"")                         \
	WRONG(attr_value, "subject.attrs.value", m->subject->attrs[0]->value = (char *)"\xed\xa0\x80")          \
	WRONG(affected, "affected", m->n_affected = FINDING_MAX_AFFECTED + 1)                                   \
	WRONG(affected_kind, "affected.kind", m->affected[0]->kind = 0)                                         \
	WRONG(resolved_reason, "resolved_reason", m->resolved_reason = (char *)"\x80")                          \
	WRONG(because, "because", m->n_because = FINDING_MAX_BECAUSE + 1)                                       \
	WRONG(because_id, "because", m->because[0] = (char *)"")                                                \
	WRONG(explains, "explains", m->n_explains = FINDING_MAX_EXPLAINS + 1)                                   \
	WRONG(symptom, "explains.symptom", m->explains[0]->symptom = (char *)"")                                \
	WRONG(explained, "explains.subject", m->explains[0]->subject = NULL)                                    \
	WRONG(explained_kind, "explains.subject.kind", m->explains[0]->subject->kind = 0)                       \
	WRONG(explained_finding, "explains.finding", m->explains[0]->finding = (char *)"a b")                   \
	WRONG(evidence, "evidence", m->n_evidence = FINDING_MAX_EVIDENCE + 1)                                   \
	WRONG(evidence_id, "evidence.id", m->evidence[0]->id = long_text)                                       \
	WRONG(evidence_text, "evidence.text", m->evidence[0]->text = (char *)"\xff")                            \
	WRONG(evidence_metric, "evidence.metric", m->evidence[0]->metric = (char *)"\xff")                      \
	WRONG(evidence_observed, "evidence.observed_text", m->evidence[0]->observed_text = (char *)"\xff")      \
	WRONG(evidence_expected, "evidence.expected", m->evidence[0]->expected = (char *)"\xff")                \
	WRONG(evidence_unit, "evidence.unit", m->evidence[0]->unit = 8)                                  \
	WRONG(evidence_source, "evidence.source", m->evidence[0]->source = (char *)"\xff")                      \
	WRONG(evidence_role, "evidence.role", m->evidence[0]->role = (char *)"\xff")                            \
	WRONG(ruled_out, "ruled_out", m->n_ruled_out = FINDING_MAX_RULED + 1)                                   \
	WRONG(ruled_rule, "ruled_out.rule", m->ruled_out[0]->rule = (char *)"")                                 \
	WRONG(ruled_reason, "ruled_out.reason", m->ruled_out[0]->reason = (char *)"\xff")                       \
	WRONG(cannot_tell, "cannot_tell", m->n_cannot_tell = FINDING_MAX_UNKNOWN + 1)                           \
	WRONG(cannot_what, "cannot_tell.what", m->cannot_tell[0]->what = (char *)"\xff")                        \
	WRONG(cannot_why, "cannot_tell.why", m->cannot_tell[0]->why = (char *)"\xff")                           \
	WRONG(remedy, "remedy", m->remedy = NULL)                                                               \
	WRONG(action, "remedy.action", m->remedy->action = 0)                                                   \
	WRONG(then, "remedy.then", m->remedy->then = 12)                                                        \
	WRONG(remedy_text, "remedy.text", m->remedy->text = (char *)"\xff")                                     \
	WRONG(automatic, "remedy.automatic", m->remedy->automatic = 4)                                          \
	WRONG(check, "remedy.check", m->remedy->check[0] = (char *)"\xff")                                      \
	WRONG(checks, "remedy.check", m->remedy->n_check = FINDING_MAX_CHECKS + 1)                              \
	WRONG(doc, "doc", m->doc = (char *)"\xff")                                                              \
	WRONG(condition, "emit_condition", m->emit_condition = (char *)"\xff")                                  \
	WRONG(reason, "emit_reason", m->emit_reason = (char *)"\xff")                                           \
	WRONG(event, "emit_event", m->emit_event = (char *)"\xff")                                              \
	WRONG(digest, "rules_digest", m->rules_digest = (char *)"\xff")
WRONGS(WRONG)
#define ROW(name, path, statement) {path, spoil_##name},
static const struct wrong wrongs[] = {WRONGS(ROW)};

/* A message whose lists all have one more item than may be, and say that they have one. */
static Why__V1__Finding *roomy_message(struct pack *p)
{
	struct finding f = {.revision = 1,
			    .n_affected = 65,
			    .n_because = 1,
			    .n_explains = 1,
			    .n_evidence = 1,
			    .n_ruled_out = 1,
			    .n_cannot_tell = 1};
	Why__V1__Finding *m;

#define WIDEN(list, n, max)                                                                                            \
	do {                                                                                                           \
		void *first = (list)[0];                                                                               \
		(list) = pack_list(p, (max) + 1, sizeof(*(list)));                                                     \
		for (size_t i = 0; i <= (max); i++)                                                                    \
			(list)[i] = first;                                                                             \
	} while (0)
	f.n_affected = 1;
	f.remedy.n_check = 1;
	f.subject.n_attrs = 1;
	strcpy(f.id, "fnd_x");
	strcpy(f.because[0], "fnd_y");
	f.rule = f.node = "x";
	f.subject.attrs[0] = (struct finding_attr){"a", "b"};
	f.explains[0].symptom = f.ruled_out[0].rule = "s";
	m = message_of_finding(p, &f);
	WIDEN(m->affected, n_affected, FINDING_MAX_AFFECTED);
	WIDEN(m->because, n_because, FINDING_MAX_BECAUSE);
	WIDEN(m->explains, n_explains, FINDING_MAX_EXPLAINS);
	WIDEN(m->evidence, n_evidence, FINDING_MAX_EVIDENCE);
	WIDEN(m->ruled_out, n_ruled_out, FINDING_MAX_RULED);
	WIDEN(m->cannot_tell, n_cannot_tell, FINDING_MAX_UNKNOWN);
	WIDEN(m->remedy->check, n_check, FINDING_MAX_CHECKS);
	WIDEN(m->subject->attrs, n_attrs, FINDING_MAX_ATTRS);
	return m;
}

static int unpack_message_of(const Why__V1__Finding *m, const char **ret_field)
{
	AUTO_BUF struct buf b = {0};
	AUTO(finding_free) struct finding *f = NULL;
	struct pack p = {0};
	int r;

	buf_init(&b, 1 << 20);
	assert_ok(pack_message(&p, &m->base, &b));
	r = finding_unpack(b.data, b.len, &f, ret_field);
	assert_int_equal(r == 0, f != NULL);
	return r;
}

static void names_every_field_that_is_wrong(void **state UNUSED)
{
	memset(long_text, 'x', sizeof(long_text) - 1);
	for (size_t i = 0; i < ARRAY_LEN(wrongs); i++) {
		AUTO_PACK struct pack p;
		const char *field = "none";
		Why__V1__Finding *m;

		assert_ok(pack_begin(&p));
		m = roomy_message(&p);
		assert_ok(unpack_message_of(m, &field));
		wrongs[i].spoil(m);
		assert_err(unpack_message_of(m, &field), EBADMSG);
		assert_string_equal(field, wrongs[i].field);
	}
}

static void texts_beyond_the_finding_are_refused_by_name(void **state UNUSED)
{
	AUTO_PACK struct pack p;
	const char *field = NULL;
	Why__V1__Finding *m;

	memset(long_text, 'x', sizeof(long_text) - 2);
	long_text[sizeof(long_text) - 2] = '\0';
	assert_ok(pack_begin(&p));
	m = roomy_message(&p);
	m->n_evidence = FINDING_MAX_EVIDENCE; /* 32 sentences of 8 KiB in a finding of 64 KiB */
	m->evidence[0]->text = long_text;
	assert_err(unpack_message_of(m, &field), EBADMSG);
	assert_string_equal(field, "evidence.text");
}

/* ---- hostile bytes ---- */

static void every_cut_is_refused_or_read(void **state UNUSED)
{
	AUTO(finding_free) struct finding *f = sample_finding(3);
	AUTO_BUF struct buf b = {0};

	buf_init(&b, 1 << 20);
	assert_ok(finding_pack(f, &b));
	for (size_t n = 0; n < b.len; n++) {
		AUTO(finding_free) struct finding *back = NULL;
		AUTO_FREE uint8_t *exact = malloc(n + 1); /* so that reading on is seen */

		memcpy(exact, b.data, n);
		if (finding_unpack(exact, n, &back, NULL) == 0)
			assert_non_null(back);
		else
			assert_null(back);
	}
}

static void a_megabyte_of_empty_messages_stays_small(void **state UNUSED)
{
	AUTO_FREE uint8_t *hostile = malloc(1 << 20);
	AUTO(finding_free) struct finding *f = NULL;
	AUTO_UNPACK struct unpack u;

	for (size_t i = 0; i < 1 << 20; i += 2) {
		hostile[i] = 12 << 3 | 2; /* affected, length 0 */
		hostile[i + 1] = 0;
	}
	assert_err(finding_unpack(hostile, 1 << 20, &f, NULL), EBADMSG);
	assert_null(f);
	assert_ok(unpack_begin(&u, 1 << 20));
	assert_null(unpack_message(&u, &why__v1__finding__descriptor, hostile, 1 << 20));
	assert_true(arena_used(u.arena) <= 8 << 20);
	assert_true(arena_refused(u.arena) > 0); /* it was the cap that ended it */
}

static void depth_is_bounded_by_the_schema(void **state UNUSED)
{
	AUTO_FREE uint8_t *hostile = malloc(200000);
	AUTO(finding_free) struct finding *f = NULL;
	size_t n = 0;

	/* Groups within groups: the wire's only way to nest without a schema. */
	while (n < 200000)
		hostile[n++] = 12 << 3 | 3;
	assert_err(finding_unpack(hostile, n, &f, NULL), EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_with_every_field),
		cmocka_unit_test(full_lists_come_back),
		cmocka_unit_test(what_does_not_fit_adds_nothing),
		cmocka_unit_test(repairs_texts_that_would_be_refused),
		cmocka_unit_test(names_every_field_that_is_wrong),
		cmocka_unit_test(texts_beyond_the_finding_are_refused_by_name),
		cmocka_unit_test(every_cut_is_refused_or_read),
		cmocka_unit_test(a_megabyte_of_empty_messages_stays_small),
		cmocka_unit_test(depth_is_bounded_by_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
