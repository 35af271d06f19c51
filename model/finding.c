/* SPDX-License-Identifier: Apache-2.0 */
#include "model/finding.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/text.h"

#define ID_PREFIX "fnd_"
#define ID_DIGITS 26

static const char *const state_names[] = {
	[FINDING_OPEN] = "open",
	[FINDING_UPDATED] = "updated",
	[FINDING_RESOLVED] = "resolved",
};
static const char *const kind_names[] = {
	[FINDING_CAUSE] = "cause",
	[FINDING_SYMPTOM] = "symptom",
};
static const char *const auto_names[] = {
	[FINDING_AUTO_NEVER] = "never",
	[FINDING_AUTO_SUGGEST] = "suggest",
	[FINDING_AUTO_ALLOW] = "allow",
};
static const char *const action_names[] = {
	[REMEDY_NONE] = "none",
	[REMEDY_RESTART_WORKLOAD] = "restart_workload",
	[REMEDY_FIX_WORKLOAD] = "fix_workload",
	[REMEDY_RESTART_SERVICE] = "restart_service",
	[REMEDY_RESET_GPU] = "reset_gpu",
	[REMEDY_RUN_DIAG] = "run_diag",
	[REMEDY_DRAIN_NODE] = "drain_node",
	[REMEDY_REBOOT_NODE] = "reboot_node",
	[REMEDY_REPLACE_NODE] = "replace_node",
	[REMEDY_INSPECT_HARDWARE] = "inspect_hardware",
	[REMEDY_CONTACT_VENDOR] = "contact_vendor",
};
_Static_assert(ARRAY_LEN(state_names) == FINDING_STATE_MAX, "a name for every state");
_Static_assert(ARRAY_LEN(kind_names) == FINDING_KIND_MAX, "a name for every kind");
_Static_assert(ARRAY_LEN(auto_names) == FINDING_AUTO_MAX, "a name for every automatic");
_Static_assert(ARRAY_LEN(action_names) == REMEDY_ACTION_MAX, "a name for every action");

/* ---- life ------------------------------------------------------------------------------------------- */

int finding_new(struct finding **ret_finding)
{
	AUTO(finding_free) struct finding *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	r = arena_new(FINDING_MAX_BYTES, &f->arena);
	if (r < 0)
		return r;
	*ret_finding = TAKE_PTR(f);
	return 0;
}

void finding_free(struct finding **finding)
{
	if (!*finding)
		return;
	arena_free(&(*finding)->arena);
	free(*finding);
	*finding = NULL;
}

static void own(struct arena *a, const char **text)
{
	*text = arena_strdup(a, *text);
}

static void own_entity(struct arena *a, struct finding_entity *e)
{
	own(a, &e->id);
	own(a, &e->name);
	for (size_t i = 0; i < e->n_attrs; i++) {
		own(a, &e->attrs[i].name);
		own(a, &e->attrs[i].value);
	}
}

static void own_evidence(struct arena *a, struct finding_evidence *e)
{
	own(a, &e->id);
	own(a, &e->text);
	own(a, &e->metric);
	own(a, &e->observed_text);
	own(a, &e->expected);
	own(a, &e->source);
	own(a, &e->role);
}

static void own_lists(struct finding *f)
{
	for (size_t i = 0; i < f->n_affected; i++)
		own_entity(f->arena, &f->affected[i]);
	for (size_t i = 0; i < f->n_explains; i++) {
		own(f->arena, &f->explains[i].symptom);
		own_entity(f->arena, &f->explains[i].subject);
	}
	for (size_t i = 0; i < f->n_evidence; i++)
		own_evidence(f->arena, &f->evidence[i]);
	for (size_t i = 0; i < f->n_ruled_out; i++) {
		own(f->arena, &f->ruled_out[i].rule);
		own(f->arena, &f->ruled_out[i].reason);
	}
	for (size_t i = 0; i < f->n_cannot_tell; i++) {
		own(f->arena, &f->cannot_tell[i].what);
		own(f->arena, &f->cannot_tell[i].why);
	}
	for (size_t i = 0; i < f->remedy.n_check; i++)
		own(f->arena, &f->remedy.check[i]);
}

int finding_copy(const struct finding *from, struct finding **ret_finding)
{
	AUTO(finding_free) struct finding *f = NULL;
	struct arena *arena;
	int r;

	r = finding_new(&f);
	if (r < 0)
		return r;
	arena = f->arena;
	*f = *from;
	f->arena = arena;
	own(arena, &f->rule);
	own(arena, &f->title);
	own(arena, &f->node);
	own(arena, &f->resolved_reason);
	own(arena, &f->remedy.text);
	own(arena, &f->doc);
	own(arena, &f->emit_condition);
	own(arena, &f->emit_reason);
	own(arena, &f->emit_event);
	own(arena, &f->rules_digest);
	own_entity(arena, &f->subject);
	own_lists(f);
	/* A text that found no room is counted by the arena: one look instead of fifty. */
	if (arena_refused(arena) > 0)
		return -EMSGSIZE;
	*ret_finding = TAKE_PTR(f);
	return 0;
}

/* ---- id --------------------------------------------------------------------------------------------- */

static unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* Each digit is five bits of the digest, without the letters that people confuse with digits. */
static void id_from_hex(const char *hex, char ret_id[FINDING_ID_SIZE])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	char *at = stpcpy(ret_id, ID_PREFIX);
	unsigned bits = 0, n_bits = 0;

	for (unsigned i = 0; i < ID_DIGITS; i++) {
		while (n_bits < 5) {
			bits = bits << 4 | hex_digit(*hex++);
			n_bits += 4;
		}
		n_bits -= 5;
		*at++ = digits[bits >> n_bits & 31];
	}
	*at = '\0';
}

void finding_make_id(const char *node, const char *boot_id, const char *rule, enum entity_kind kind, const char *key,
		     mono_ns_t opened_mono, char ret_id[FINDING_ID_SIZE])
{
	char data[256 + 64 + 256 + GRAPH_MAX_KEY + 64], hex[DIGEST_HEX_MAX];
	struct text t;

	/* Lengths keep one field from running into the next. */
	text_init(&t, data, sizeof(data));
	text_addf(&t, "%zu:%s %zu:%s %zu:%s %s %" PRIu64 " %zu:%s", strlen(node), node, strlen(boot_id), boot_id,
		  strlen(rule), rule, entity_kind_name(kind), opened_mono, strlen(key), key);
	if (digest_sha256_hex(t.data, t.len, hex) < 0) {
		text_init(&t, hex, sizeof(hex));
		for (uint64_t i = 0; i < 4; i++)
			text_addf(&t, "%016" PRIx64, text_hash(data, strlen(data)) * (2 * i + 1) ^ i);
	}
	id_from_hex(hex, ret_id);
}

/* ---- names ------------------------------------------------------------------------------------------ */

static int name_parse(const char *const *names, unsigned n, const char *name, unsigned *ret)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *finding_state_name(enum finding_state s)
{
	return (unsigned)s < FINDING_STATE_MAX ? state_names[s] : "?";
}

const char *finding_kind_name(enum finding_kind k)
{
	return (unsigned)k < FINDING_KIND_MAX ? kind_names[k] : "?";
}

const char *finding_auto_name(enum finding_auto a)
{
	return (unsigned)a < FINDING_AUTO_MAX ? auto_names[a] : "?";
}

const char *remedy_action_name(enum remedy_action a)
{
	return (unsigned)a < REMEDY_ACTION_MAX ? action_names[a] : "?";
}

int finding_state_parse(const char *name, enum finding_state *ret)
{
	return name_parse(state_names, FINDING_STATE_MAX, name, (unsigned *)ret);
}

int finding_kind_parse(const char *name, enum finding_kind *ret)
{
	return name_parse(kind_names, FINDING_KIND_MAX, name, (unsigned *)ret);
}

int finding_auto_parse(const char *name, enum finding_auto *ret)
{
	return name_parse(auto_names, FINDING_AUTO_MAX, name, (unsigned *)ret);
}

int remedy_action_parse(const char *name, enum remedy_action *ret)
{
	return name_parse(action_names, REMEDY_ACTION_MAX, name, (unsigned *)ret);
}

const char *finding_confidence_word(double confidence)
{
	if (confidence >= 0.85)
		return "confirmed";
	return confidence >= 0.5 ? "likely" : "possible";
}
