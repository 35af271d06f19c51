// SPDX-License-Identifier: Apache-2.0
#include "rules/keys.h"

#include "base/cleanup.h"

const char *const words_severity[] = { "info", "warning", "critical", NULL };
const char *const words_mode[] = { "enabled", "shadow", "disabled", NULL };
const char *const words_latch[] = { "none", "until_reboot", "until_ack", NULL };
const char *const words_weight[] = { "weak", "moderate", "strong", "decisive", NULL };
const char *const words_auto[] = { "never", "suggest", "allow", NULL };
const char *const words_state[] = { "open", "resolved", "none", NULL };
const char *const words_param_type[] = { "number", "ratio", "duration", "bytes", "celsius", "watts", "hertz", "cpus",
					 NULL };
static const char *const language[] = { "why/v1", NULL };

#define SAY(text)   .doc = (text)
#define WORD(table) .kind = KEY_WORD, .words = (table)
#define TABLE(what) \
	const struct keys keys_##what = { #what, what##_keys }

static const struct key file_keys[] = {
	{ "rules", WORD(language), SAY("version of the language; the first key"), .needed = true },
	{ "pack", .kind = KEY_MAP, SAY("whose rules these are"), .of = &keys_pack },
	{ "params", .kind = KEY_MAPS, SAY("numbers that an override may change"), .of = &keys_param },
	{ "symptoms", .kind = KEY_MAPS, SAY("bad effects that somebody feels"), .of = &keys_symptom },
	{ "causes", .kind = KEY_MAPS, SAY("what symptoms come from"), .of = &keys_cause },
	{ "tests", .kind = KEY_LIST, SAY("what these rules say to an input; why rules test plays them"), .of = &keys_test },
	{ "override", .kind = KEY_MAPS, SAY("what is to be different about rules, by id"), .of = &keys_override },
	{ 0 },
};
TABLE(file);

static const struct key pack_keys[] = {
	{ "name", .kind = KEY_TEXT, .needed = true },
	{ "version", .kind = KEY_TEXT },
	{ "requires_agent", .kind = KEY_TEXT, SAY("least version of whyd, for example \">=0.1\"") },
	{ "mode", WORD(words_mode), SAY("of all rules of the pack") },
	{ "doc", .kind = KEY_TEXT },
	{ 0 },
};
TABLE(pack);

static const struct key param_keys[] = {
	{ "type", WORD(words_param_type), .needed = true },
	{ "default", .kind = KEY_TEXT, .needed = true },
	{ "min", .kind = KEY_TEXT },
	{ "max", .kind = KEY_TEXT },
	{ "doc", .kind = KEY_TEXT },
	{ 0 },
};
TABLE(param);

static const struct key symptom_keys[] = {
	{ "doc", .kind = KEY_TEXT },
	{ "title", .kind = KEY_TEXT, SAY("a sentence; {metric} is its value") },
	{ "scope", .kind = KEY_SCOPE, SAY("kind of entity: one finding for each"), .needed = true },
	{ "match", .kind = KEY_TEXT, SAY("condition: which entities of the scope") },
	{ "when", .kind = KEY_TEXT, SAY("condition"), .needed = true },
	{ "clear", .kind = KEY_MAP, .of = &keys_clear },
	{ "for", .kind = KEY_DURATION, SAY("so long must it hold") },
	{ "hold", .kind = KEY_MAP, .of = &keys_hold },
	{ "severity", WORD(words_severity) },
	{ "mode", WORD(words_mode) },
	{ 0 },
};
TABLE(symptom);

static const struct key clear_keys[] = {
	{ "when", .kind = KEY_TEXT, SAY("condition: another threshold, so that it does not flap") },
	{ "after", .kind = KEY_DURATION },
	{ 0 },
};
TABLE(clear);

static const struct key hold_keys[] = {
	{ "for", .kind = KEY_DURATION, SAY("so long must it hold before it opens") },
	{ "clear_when", .kind = KEY_TEXT, SAY("condition") },
	{ "clear_after", .kind = KEY_DURATION, SAY("so long must it be over") },
	{ "cooldown", .kind = KEY_DURATION, SAY("so long does nobody hear of it again") },
	{ "latch", WORD(words_latch) },
	{ 0 },
};
TABLE(hold);

static const struct key cause_keys[] = {
	{ "title", .kind = KEY_TEXT, SAY("a sentence; {metric} is its value"), .needed = true },
	{ "doc", .kind = KEY_TEXT },
	{ "scope", .kind = KEY_SCOPE, SAY("kind of entity: one finding for each"), .needed = true },
	{ "match", .kind = KEY_TEXT, SAY("condition: which entities of the scope") },
	{ "trigger", .kind = KEY_TEXT, SAY("condition that wakes the rule"), .needed = true },
	{ "explains", .kind = KEY_LIST, SAY("symptoms that come from it"), .of = &keys_explains },
	{ "requires", .kind = KEY_LIST, SAY("evidence that must all be true"), .needed = true, .of = &keys_evidence },
	{ "supports", .kind = KEY_LIST, SAY("evidence that adds its weight"), .of = &keys_evidence },
	{ "refutes", .kind = KEY_LIST, SAY("evidence that takes its weight away; decisive vetoes"), .of = &keys_evidence },
	{ "unless", .kind = KEY_LIST, SAY("what suppresses the finding"), .of = &keys_unless },
	{ "explained_away_by", .kind = KEY_TEXTS, SAY("causes to which this one yields") },
	{ "because", .kind = KEY_MIXED, SAY("deeper causes"), .of = &keys_because },
	{ "affects", .kind = KEY_TEXTS, SAY("paths to who is hit") },
	{ "severity_alone", WORD(words_severity), SAY("while nobody is hit and no symptom explained") },
	{ "confidence", .kind = KEY_MAP, .of = &keys_confidence },
	{ "severity", WORD(words_severity) },
	{ "mode", WORD(words_mode) },
	{ "hold", .kind = KEY_MAP, SAY("clear_when or clear_after is mandatory"), .needed = true, .of = &keys_hold },
	{ "remedy", .kind = KEY_MAP, .of = &keys_remedy },
	{ "emits", .kind = KEY_MAP, .of = &keys_emits },
	{ 0 },
};
TABLE(cause);

static const struct key evidence_keys[] = {
	{ "id", .kind = KEY_TEXT, .needed = true },
	{ "when", .kind = KEY_TEXT, SAY("condition"), .needed = true },
	{ "via", .kind = KEY_TEXT, SAY("path to where it is judged: cgroup <- process") },
	{ "weight", WORD(words_weight) },
	{ "group", .kind = KEY_TEXT, SAY("evidence of one source: only the heaviest counts") },
	{ "show", .kind = KEY_TEXT, SAY("a sentence; {value} is what was compared") },
	{ 0 },
};
TABLE(evidence);

static const struct key unless_keys[] = {
	{ "when", .kind = KEY_TEXT, SAY("condition"), .needed = true },
	{ "via", .kind = KEY_TEXT },
	{ "reason", .kind = KEY_TEXT, .needed = true },
	{ 0 },
};
TABLE(unless);

static const struct key explains_keys[] = {
	{ "symptom", .kind = KEY_TEXT, .needed = true },
	{ "via", .kind = KEY_TEXT, SAY("path from the cause to the symptom") },
	{ "within", .kind = KEY_TEXTS, SAY("[-lead, lag]: when the symptom may be seen") },
	{ "correlate", .kind = KEY_MAP, .of = &keys_correlate },
	{ 0 },
};
TABLE(explains);

static const struct key correlate_keys[] = {
	{ "a", .kind = KEY_TEXT, .needed = true },
	{ "b", .kind = KEY_TEXT, .needed = true },
	{ "over", .kind = KEY_DURATION },
	{ "min", .kind = KEY_NUMBER },
	{ 0 },
};
TABLE(correlate);

static const struct key because_keys[] = {
	{ "cause", .kind = KEY_TEXT, .needed = true },
	{ "via", .kind = KEY_TEXT },
	{ 0 },
};
TABLE(because);

static const struct key confidence_keys[] = {
	{ "prior", .kind = KEY_NUMBER },
	{ "report_at", .kind = KEY_NUMBER },
	{ "act_at", .kind = KEY_NUMBER },
	{ 0 },
};
TABLE(confidence);

static const struct key remedy_keys[] = {
	{ "action", .kind = KEY_ACTION },
	{ "then", .kind = KEY_ACTION },
	{ "escalate_if", .kind = KEY_TEXT, SAY("condition") },
	{ "auto", WORD(words_auto) },
	{ "text", .kind = KEY_TEXT },
	{ "check", .kind = KEY_TEXTS, SAY("commands to paste") },
	{ 0 },
};
TABLE(remedy);

static const struct key emits_keys[] = {
	{ "condition", .kind = KEY_TEXT },
	{ "reason", .kind = KEY_TEXT },
	{ "event", .kind = KEY_TEXT },
	{ "codes", .kind = KEY_TEXTS },
	{ 0 },
};
TABLE(emits);

static const struct key override_keys[] = {
	{ "mode", WORD(words_mode) },
	{ "severity", WORD(words_severity) },
	{ "params", .kind = KEY_NAMED },
	{ "except", .kind = KEY_LIST, .of = &keys_exception },
	{ 0 },
};
TABLE(override);

static const struct key exception_keys[] = {
	{ "match", .kind = KEY_TEXT, SAY("condition"), .needed = true },
	{ "reason", .kind = KEY_TEXT, .needed = true },
	{ "owner", .kind = KEY_TEXT },
	{ "until", .kind = KEY_TEXT, SAY("last day, 2027-03-31") },
	{ 0 },
};
TABLE(exception);

static const struct key test_keys[] = {
	{ "name", .kind = KEY_TEXT, .needed = true },
	{ "doc", .kind = KEY_TEXT },
	{ "every", .kind = KEY_DURATION, SAY("length of a tick") },
	{ "entities", .kind = KEY_ENTITIES },
	{ "timeline", .kind = KEY_LIST, .of = &keys_step },
	{ "series", .kind = KEY_LIST, .of = &keys_series },
	{ "expect", .kind = KEY_LIST, .of = &keys_expect },
	{ "expect_none", .kind = KEY_OPEN, SAY("rules that must stay silent, or all") },
	{ "replay", .kind = KEY_TEXT, SAY("a recording, relative to this file") },
	{ 0 },
};
TABLE(test);

static const struct key step_keys[] = {
	{ "at", .kind = KEY_DURATION, .needed = true },
	{ "event", .kind = KEY_NAMED },
	{ "set", .kind = KEY_NAMED },
	{ "gone", .kind = KEY_TEXT },
	{ "target", .kind = KEY_TEXT },
	{ 0 },
};
TABLE(step);

static const struct key series_keys[] = {
	{ "target", .kind = KEY_TEXT },
	{ "metric", .kind = KEY_TEXT, .needed = true },
	{ "values", .kind = KEY_TEXT, SAY("a  a+bxn  axn  _  _xn  stale"), .needed = true },
	{ "every", .kind = KEY_DURATION },
	{ 0 },
};
TABLE(series);

static const struct key expect_keys[] = {
	{ "at", .kind = KEY_DURATION, .needed = true },
	{ "finding", .kind = KEY_TEXT, .needed = true },
	{ "target", .kind = KEY_TEXT },
	{ "state", WORD(words_state) },
	{ "explains", .kind = KEY_TEXTS },
	{ "because", .kind = KEY_TEXTS },
	{ "evidence", .kind = KEY_TEXTS },
	{ "affected", .kind = KEY_TEXTS },
	{ "ruled_out", .kind = KEY_TEXTS },
	{ "confidence", .kind = KEY_TEXT, SAY("for example \">= 0.9\"") },
	{ "coverage", .kind = KEY_TEXT },
	{ "action", .kind = KEY_ACTION },
	{ "severity", WORD(words_severity) },
	{ "title", .kind = KEY_TEXT, SAY("a part of it") },
	{ 0 },
};
TABLE(expect);

const struct keys *keys_at(size_t i)
{
	static const struct keys *const all[] = { &keys_file, &keys_pack, &keys_param, &keys_symptom, &keys_clear,
						  &keys_hold, &keys_cause, &keys_evidence, &keys_unless,
						  &keys_explains, &keys_correlate, &keys_because, &keys_confidence,
						  &keys_remedy, &keys_emits, &keys_override, &keys_exception,
						  &keys_test, &keys_step, &keys_series, &keys_expect };

	return i < ARRAY_LEN(all) ? all[i] : NULL;
}
