/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "model/finding.h"

static struct finding_entity entity(enum entity_kind kind, const char *id, const char *name)
{
	return (struct finding_entity){.kind = kind, .id = id, .name = name};
}

/* A finding with every field set, texts not in its arena. */
static struct finding *full_finding(void)
{
	struct finding *f = NULL;

	assert_ok(finding_new(&f));
	strcpy(f->id, "fnd_00000000000000000000000001");
	f->revision = 3;
	f->state = FINDING_UPDATED;
	f->kind = FINDING_CAUSE;
	f->rule = "mem.cgroup_oom";
	f->title = "/a hit its memory limit";
	f->severity = SEVERITY_CRITICAL;
	f->confidence = 0.97;
	f->coverage = 0.75;
	f->node = "node-17";
	f->subject = entity(ENTITY_CGROUP, "/a", "/a");
	f->subject.n_attrs = 3;
	f->subject.attrs[0] = (struct finding_attr){"pod", "ml/train-0"};
	f->subject.attrs[1] = (struct finding_attr){"kind", "not this one"};
	f->subject.attrs[2] = (struct finding_attr){"limit", "1 GiB"};
	f->affected[f->n_affected++] = entity(ENTITY_POD, "ml/train-0", "ml/train-0");
	f->affected[f->n_affected++] = entity(ENTITY_PROCESS, "4242/1", "python3[4242]");
	f->more_affected = 5;
	f->opened_at = 1795000000000000001u;
	f->changed_at = 1795000001000000002u;
	f->n_because = 1;
	strcpy(f->because[0], "fnd_00000000000000000000000002");
	f->n_explains = 2;
	f->explains[0] = (struct finding_explained){.symptom = "process.killed",
						    .subject = entity(ENTITY_PROCESS, "4242/1", "python3[4242]"),
						    .at = 1795000000500000000u};
	strcpy(f->explains[0].finding, "fnd_00000000000000000000000003");
	f->explains[1].symptom = "job.rank_dead";
	f->explains[1].subject = entity(ENTITY_RANK, "s:1/0", "rank 0");
	f->n_evidence = 3;
	f->evidence[0] = (struct finding_evidence){.id = "oom", .text = "one kill", .metric = "cgroup.oom.kill",
						   .observed = 1, .expected = ">= 1", .from = 1795000000000000000u,
						   .to = 1795000000000000001u, .source = "memory", .role = "requires"};
	f->evidence[1] = (struct finding_evidence){.id = "state", .text = "gone", .observed = NAN,
						   .observed_text = "GPU_IS_LOST", .unit = UNIT_BYTES, .role = "supports"};
	f->evidence[2] = (struct finding_evidence){.id = "nothing", .text = "no number", .observed = NAN};
	f->n_ruled_out = 1;
	f->ruled_out[0] = (struct finding_ruled_out){"mem.node_oom", "free memory was 12 GiB"};
	f->n_cannot_tell = 1;
	f->cannot_tell[0] = (struct finding_unknown){"gpu.power", "no NVML"};
	f->remedy.action = REMEDY_FIX_WORKLOAD;
	f->remedy.then = REMEDY_CONTACT_VENDOR;
	f->remedy.text = "Raise the limit.";
	f->remedy.check[0] = "cat memory.max";
	f->remedy.check[1] = "dmesg";
	f->remedy.n_check = 2;
	f->remedy.automatic = FINDING_AUTO_SUGGEST;
	f->remedy.act = true;
	f->doc = "https://docs.example.org/why/mem.cgroup_oom";
	f->emit_condition = "MemoryHealthy";
	f->emit_reason = "Oom";
	f->emit_event = "MemcgOom";
	f->rules_digest = "9f3c";
	f->simulated = true;
	f->flapping = true;
	f->count = 12;
	return f;
}

static char *finding_text(const struct finding *f)
{
	struct buf b;
	struct json j;

	buf_init(&b, 1 << 20);
	json_init(&j, &b);
	finding_write_json(f, &j);
	assert_ok(json_end(&j));
	return (char *)b.data;
}

static json_t *parsed(const struct finding *f)
{
	char *text = finding_text(f);
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		fail_msg("%s in %s", error.text, text);
	free(text);
	return root;
}

static const char *string_at(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v))
		fail_msg("%s is no string", key);
	return json_string_value(v);
}

static json_t *item(const json_t *o, const char *key, size_t i)
{
	const json_t *list = json_object_get(o, key);

	assert_true(json_is_array(list) && i < json_array_size(list));
	return json_array_get(list, i);
}

static void keys_come_in_the_order_of_the_contract(void **state)
{
	static const char *const keys[] = {
		"apiVersion", "id", "state", "kind", "rule", "title", "severity", "confidence", "coverage", "node",
		"subject", "affected", "opened_at", "changed_at", "resolved_at", "because", "explains", "evidence",
		"ruled_out",
		"cannot_tell", "remedy", "rules_digest", "simulated", "revision", "count", "resolved_reason",
		"doc",
		"shadow", "flapping", "more_affected", "more_explains",
	};
	struct finding *f = full_finding();
	json_t *root;
	const char *key;
	json_t *value;
	size_t n = 0;

	(void)state;
	f->more_explains = 1;
	root = parsed(f);
	json_object_foreach(root, key, value) {
		assert_true(n < sizeof(keys) / sizeof(keys[0]));
		assert_string_equal(key, keys[n++]);
	}
	assert_int_equal(n, sizeof(keys) / sizeof(keys[0]));
	json_decref(root);
	finding_free(&f);
}

static void every_value_is_where_the_contract_says(void **state)
{
	struct finding *f = full_finding();
	json_t *root = parsed(f), *o;

	(void)state;
	assert_string_equal(string_at(root, "apiVersion"), "why/v1");
	assert_string_equal(string_at(root, "id"), "fnd_00000000000000000000000001");
	assert_string_equal(string_at(root, "state"), "updated");
	assert_string_equal(string_at(root, "kind"), "cause");
	assert_string_equal(string_at(root, "rule"), "mem.cgroup_oom");
	assert_string_equal(string_at(root, "title"), "/a hit its memory limit");
	assert_string_equal(string_at(root, "severity"), "critical");
	assert_true(json_real_value(json_object_get(root, "confidence")) == 0.97);
	assert_true(json_real_value(json_object_get(root, "coverage")) == 0.75);
	assert_string_equal(string_at(root, "node"), "node-17");
	assert_string_equal(string_at(root, "opened_at"), "2026-11-18T11:06:40.000000001Z");
	assert_string_equal(string_at(root, "changed_at"), "2026-11-18T11:06:41.000000002Z");
	assert_true(json_is_null(json_object_get(root, "resolved_at")));
	assert_string_equal(string_at(root, "rules_digest"), "9f3c");
	assert_true(json_is_true(json_object_get(root, "simulated")));
	assert_int_equal(json_integer_value(json_object_get(root, "revision")), 3);
	assert_int_equal(json_integer_value(json_object_get(root, "count")), 12);
	assert_true(json_is_null(json_object_get(root, "resolved_reason")));
	assert_string_equal(string_at(root, "doc"), "https://docs.example.org/why/mem.cgroup_oom");
	assert_true(json_is_false(json_object_get(root, "shadow")));
	assert_true(json_is_true(json_object_get(root, "flapping")));
	assert_int_equal(json_integer_value(json_object_get(root, "more_affected")), 5);
	assert_null(json_object_get(root, "more_explains"));
	assert_string_equal(json_string_value(item(root, "because", 0)), "fnd_00000000000000000000000002");

	o = json_object_get(root, "subject");
	assert_int_equal(json_object_size(o), 5);
	assert_string_equal(string_at(o, "kind"), "cgroup"); /* an attribute of that name does not get in its way */
	assert_string_equal(string_at(o, "id"), "/a");
	assert_string_equal(string_at(o, "name"), "/a");
	assert_string_equal(string_at(o, "pod"), "ml/train-0");
	assert_string_equal(string_at(o, "limit"), "1 GiB");
	assert_int_equal(json_array_size(json_object_get(root, "affected")), 2);
	assert_string_equal(string_at(item(root, "affected", 0), "kind"), "pod");
	assert_string_equal(string_at(item(root, "affected", 1), "name"), "python3[4242]");
	json_decref(root);
	finding_free(&f);
}

static void lists_hold_whole_things(void **state)
{
	struct finding *f = full_finding();
	json_t *root = parsed(f), *o;

	(void)state;
	o = item(root, "explains", 0);
	assert_string_equal(string_at(o, "symptom"), "process.killed");
	assert_string_equal(string_at(json_object_get(o, "subject"), "kind"), "process");
	assert_string_equal(string_at(o, "finding"), "fnd_00000000000000000000000003");
	assert_string_equal(string_at(o, "at"), "2026-11-18T11:06:40.500000000Z");
	o = item(root, "explains", 1);
	assert_true(json_is_null(json_object_get(o, "finding")));
	assert_true(json_is_null(json_object_get(o, "at")));

	o = item(root, "evidence", 0);
	assert_string_equal(string_at(o, "id"), "oom");
	assert_string_equal(string_at(o, "text"), "one kill");
	assert_string_equal(string_at(o, "metric"), "cgroup.oom.kill");
	assert_true(json_number_value(json_object_get(o, "observed")) == 1);
	assert_string_equal(string_at(o, "expected"), ">= 1");
	assert_string_equal(string_at(o, "from"), "2026-11-18T11:06:40.000000000Z");
	assert_string_equal(string_at(o, "to"), "2026-11-18T11:06:40.000000001Z");
	assert_string_equal(string_at(o, "source"), "memory");
	assert_string_equal(string_at(o, "role"), "requires");
	o = item(root, "evidence", 1);
	assert_string_equal(string_at(o, "observed"), "GPU_IS_LOST");
	assert_string_equal(string_at(o, "unit"), "By");
	assert_true(json_is_null(json_object_get(o, "metric")));
	assert_true(json_is_null(json_object_get(o, "from")));
	assert_true(json_is_null(json_object_get(item(root, "evidence", 2), "observed")));

	o = item(root, "ruled_out", 0);
	assert_string_equal(string_at(o, "rule"), "mem.node_oom");
	assert_string_equal(string_at(o, "reason"), "free memory was 12 GiB");
	o = item(root, "cannot_tell", 0);
	assert_string_equal(string_at(o, "what"), "gpu.power");
	assert_string_equal(string_at(o, "why"), "no NVML");

	o = json_object_get(root, "remedy");
	assert_string_equal(string_at(o, "action"), "fix_workload");
	assert_string_equal(string_at(o, "text"), "Raise the limit.");
	assert_string_equal(json_string_value(item(o, "check", 1)), "dmesg");
	assert_string_equal(string_at(o, "auto"), "suggest");
	assert_string_equal(string_at(o, "then"), "contact_vendor");
	assert_true(json_is_true(json_object_get(o, "act")));
	json_decref(root);
	finding_free(&f);
}

static void an_empty_finding_is_valid_json_too(void **state)
{
	struct finding *f = NULL;
	json_t *root;

	(void)state;
	assert_ok(finding_new(&f));
	root = parsed(f);
	assert_string_equal(string_at(root, "state"), "open");
	assert_string_equal(string_at(root, "rule"), "");
	assert_int_equal(json_array_size(json_object_get(root, "evidence")), 0);
	assert_null(json_object_get(json_object_get(root, "remedy"), "then"));
	json_decref(root);
	finding_free(&f);
	assert_null(f);
	finding_free(&f);
}

static void a_resolved_finding_says_when_and_why(void **state)
{
	struct finding *f = full_finding();
	json_t *root;

	(void)state;
	f->state = FINDING_RESOLVED;
	f->resolved_at = 1795000002000000000u;
	f->resolved_reason = "cleared \"\xff\x01";
	root = parsed(f);
	assert_string_equal(string_at(root, "state"), "resolved");
	assert_string_equal(string_at(root, "resolved_at"), "2026-11-18T11:06:42.000000000Z");
	assert_string_equal(string_at(root, "resolved_reason"), "cleared \"\xef\xbf\xbd\x01");
	json_decref(root);
	finding_free(&f);
}

static void a_copy_is_the_same_and_stands_alone(void **state)
{
	struct finding *f = full_finding(), *copy = NULL;
	char *before, *after, *node = arena_strdup(f->arena, "node-18"), *check = arena_strdup(f->arena, "uptime");

	(void)state;
	f->node = node;
	f->remedy.check[1] = check;
	before = finding_text(f);
	assert_ok(finding_copy(f, &copy));
	memset(node, 'x', 7);
	memset(check, 'x', 6);
	finding_free(&f);
	after = finding_text(copy);
	assert_string_equal(before, after);
	assert_string_equal(copy->emit_condition, "MemoryHealthy");
	assert_string_equal(copy->emit_event, "MemcgOom");
	free(before);
	free(after);
	finding_free(&copy);
}

static void a_copy_beyond_the_maximum_is_refused(void **state)
{
	static char large[FINDING_MAX_BYTES / 2 + 1];
	struct finding *f = full_finding(), *copy = NULL;

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	f->title = large;
	assert_ok(finding_copy(f, &copy));
	finding_free(&copy);
	f->remedy.text = large;
	assert_err(finding_copy(f, &copy), EMSGSIZE);
	assert_null(copy);
	finding_free(&f);
}

static void an_id_depends_on_all_it_is_made_of_and_nothing_else(void **state)
{
	static const char first[] = "fnd_";
	char id[12][FINDING_ID_SIZE];

	(void)state;
	finding_make_id("node", "boot", "rule", ENTITY_GPU, "key", 5, id[0]);
	finding_make_id("node", "boot", "rule", ENTITY_GPU, "key", 5, id[1]);
	assert_string_equal(id[0], id[1]);
	assert_int_equal(strlen(id[0]), 30);
	assert_memory_equal(id[0], first, 4);
	assert_int_equal(strspn(id[0] + 4, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
	/* Written down once: an id must not change with the version of the program. */
	assert_string_equal(id[0], "fnd_e3qb13zc2safc6pzabmj1kn5qs");
	finding_make_id("node2", "boot", "rule", ENTITY_GPU, "key", 5, id[1]);
	finding_make_id("node", "boot2", "rule", ENTITY_GPU, "key", 5, id[2]);
	finding_make_id("node", "boot", "rule2", ENTITY_GPU, "key", 5, id[3]);
	finding_make_id("node", "boot", "rule", ENTITY_NIC, "key", 5, id[4]);
	finding_make_id("node", "boot", "rule", ENTITY_GPU, "key2", 5, id[5]);
	finding_make_id("node", "boot", "rule", ENTITY_GPU, "key", 6, id[6]);
	finding_make_id("nodeb", "oot", "rule", ENTITY_GPU, "key", 5, id[7]);
	finding_make_id("node", "bootr", "ule", ENTITY_GPU, "key", 5, id[8]);
	for (unsigned i = 0; i < 9; i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(id[i], id[k]);
}

static void names_are_those_of_the_contract(void **state)
{
	static const char *const actions[] = {
		"none", "restart_workload", "fix_workload", "restart_service", "reset_gpu", "run_diag", "drain_node",
		"reboot_node", "replace_node", "inspect_hardware", "contact_vendor",
	};
	enum remedy_action action;
	enum finding_state s;
	enum finding_kind k;
	enum finding_auto a;

	(void)state;
	for (unsigned i = 0; i < REMEDY_ACTION_MAX; i++) {
		assert_string_equal(remedy_action_name((enum remedy_action)i), actions[i]);
		assert_ok(remedy_action_parse(actions[i], &action));
		assert_int_equal(action, i);
	}
	for (unsigned i = 0; i < FINDING_STATE_MAX; i++) {
		assert_ok(finding_state_parse(finding_state_name((enum finding_state)i), &s));
		assert_int_equal(s, i);
	}
	for (unsigned i = 0; i < FINDING_KIND_MAX; i++) {
		assert_ok(finding_kind_parse(finding_kind_name((enum finding_kind)i), &k));
		assert_int_equal(k, i);
	}
	for (unsigned i = 0; i < FINDING_AUTO_MAX; i++) {
		assert_ok(finding_auto_parse(finding_auto_name((enum finding_auto)i), &a));
		assert_int_equal(a, i);
	}
	assert_err(remedy_action_parse("reboot", &action), EINVAL);
	assert_err(finding_state_parse("closed", &s), EINVAL);
	assert_err(finding_kind_parse("", &k), EINVAL);
	assert_err(finding_auto_parse("always", &a), EINVAL);
	assert_string_equal(remedy_action_name(REMEDY_ACTION_MAX), "?");
	assert_string_equal(finding_confidence_word(0.49), "possible");
	assert_string_equal(finding_confidence_word(0.5), "likely");
	assert_string_equal(finding_confidence_word(0.84), "likely");
	assert_string_equal(finding_confidence_word(0.85), "confirmed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_come_in_the_order_of_the_contract),
		cmocka_unit_test(every_value_is_where_the_contract_says),
		cmocka_unit_test(lists_hold_whole_things),
		cmocka_unit_test(an_empty_finding_is_valid_json_too),
		cmocka_unit_test(a_resolved_finding_says_when_and_why),
		cmocka_unit_test(a_copy_is_the_same_and_stands_alone),
		cmocka_unit_test(a_copy_beyond_the_maximum_is_refused),
		cmocka_unit_test(an_id_depends_on_all_it_is_made_of_and_nothing_else),
		cmocka_unit_test(names_are_those_of_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
