// SPDX-License-Identifier: Apache-2.0
#include "cli/target.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/command.h"

/* How a kind's target names its node: "pid 4242@node-17", "gpu node-17:3"; or not at all. */
enum place { PLACE_NONE, PLACE_BEHIND_AT, PLACE_BEFORE_COLON };

struct kind_word {
	const char *word;
	enum entity_kind kind;
	enum place place;
	const char *example;
};

static const struct kind_word kinds[] = {
	{ "node", ENTITY_NODE, PLACE_NONE, "node node-17" },
	{ "pod", ENTITY_POD, PLACE_NONE, "pod ml/train-0" },
	{ "job", ENTITY_JOB, PLACE_NONE, "job slurm:81734" },
	{ "rank", ENTITY_RANK, PLACE_NONE, "rank slurm:81734/19" },
	{ "pid", ENTITY_PROCESS, PLACE_BEHIND_AT, "pid 4242@node-17" },
	{ "process", ENTITY_PROCESS, PLACE_BEHIND_AT, "process 4242@node-17" },
	{ "container", ENTITY_CONTAINER, PLACE_BEHIND_AT, "container 3f4e5d6c7b8a" },
	{ "cgroup", ENTITY_CGROUP, PLACE_BEHIND_AT, "cgroup /kubepods/burstable@node-17" },
	{ "gpu", ENTITY_GPU, PLACE_BEFORE_COLON, "gpu node-17:3" },
	{ "nic", ENTITY_NIC, PLACE_BEFORE_COLON, "nic node-17:eth0" },
	{ "disk", ENTITY_DISK, PLACE_BEFORE_COLON, "disk node-17:nvme0n1" },
	{ "mount", ENTITY_MOUNT, PLACE_BEHIND_AT, "mount /data@node-17" },
	{ "link", ENTITY_LINK, PLACE_BEHIND_AT, "link 10.0.0.2@node-17" },
	{ "socket", ENTITY_SOCKET, PLACE_BEHIND_AT, "socket tcp:0.0.0.0:29500@node-17" },
	{ "collector", ENTITY_COLLECTOR, PLACE_BEHIND_AT, "collector nvml@node-17" },
	{ "finding", ENTITY_KIND_MAX, PLACE_NONE, "finding fnd_7Q2M9X" },
};

#define MAX_KINDS 20
_Static_assert(ARRAY_LEN(kinds) <= MAX_KINDS, "room for the words of all kinds");

const char *const *target_kinds(size_t *ret_n)
{
	static const char *words[MAX_KINDS];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		words[i] = kinds[i].word;
	*ret_n = ARRAY_LEN(kinds);
	return words;
}

static const struct kind_word *find_kind(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	return NULL;
}

static int refuse(char *ret_error, size_t size, const char *before, const char *word, const char *behind)
{
	struct text t;

	text_init(&t, ret_error, size);
	text_add(&t, before);
	text_add_escaped(&t, word, strnlen(word, 80));
	text_add(&t, behind);
	return WHY_EXIT_USAGE;
}

static int refuse_kind(char *ret_error, size_t size, const char *word)
{
	size_t n;
	const char *const *words = target_kinds(&n), *near = text_nearest(word, words, n);
	char behind[128];

	if (near)
		snprintf(behind, sizeof(behind), "'; did you mean '%s'?", near);
	else
		snprintf(behind, sizeof(behind), "'; there are node, pod, job, pid, cgroup, container, gpu, nic, disk, mount ... (why help explain)");
	return refuse(ret_error, size, "no kind of target is called '", word, behind);
}

/* A PCI address begins with a colon-separated domain too: "0000:5e:00.0" names no node. */
static bool is_pci_address(const char *word)
{
	size_t domain = strspn(word, "0123456789abcdefABCDEF");

	return (domain == 4 || domain == 8) && word[domain] == ':' && strspn(word + domain + 1, "0123456789abcdefABCDEF") == 2 &&
	       word[domain + 3] == ':';
}

/* Split `word` into node and target, as far as its kind has a node. */
static int split(const struct kind_word *kind, const char *word, struct query *q, char *ret_error, size_t size)
{
	const char *target = word, *cut = NULL;
	size_t n_target = strlen(word), n_node = 0;
	const char *node = NULL;

	if (kind->place == PLACE_BEHIND_AT) {
		cut = strrchr(word, '@');
		if (cut && cut != word) {
			n_target = (size_t)(cut - word);
			node = cut + 1;
			n_node = strlen(node);
		}
	} else if (kind->place == PLACE_BEFORE_COLON && !is_pci_address(word)) {
		cut = strchr(word, ':');
		if (cut && cut != word) {
			node = word;
			n_node = (size_t)(cut - word);
			target = cut + 1;
			n_target = strlen(target);
		}
	}
	if (n_target == 0 || (node && n_node == 0))
		return refuse(ret_error, size, "'", word, "' is not whole; write it like ");
	if (n_target >= sizeof(q->target) || n_node >= sizeof(q->node))
		return refuse(ret_error, size, "'", word, "...' is too long for a target");
	snprintf(q->target, sizeof(q->target), "%.*s", (int)n_target, target);
	if (node)
		snprintf(q->node, sizeof(q->node), "%.*s", (int)n_node, node);
	return WHY_EXIT_OK;
}

static int parse_one(const char *word, struct query *q, char *ret_error, size_t size)
{
	static const struct kind_word bare = { "", ENTITY_KIND_MAX, PLACE_NONE, "node-17" };
	const struct kind_word *kind = find_kind(word);

	if (kind && kind->kind != ENTITY_NODE) {
		snprintf(ret_error, size, "%s: which? Write it like: why %s", kind->word, kind->example);
		return WHY_EXIT_USAGE;
	}
	if (word[0] == '\0')
		return refuse(ret_error, size, "the target is empty", "", "; leave it out to ask about this node, or the fleet");
	q->target_kind = word[0] == '/' ? ENTITY_CGROUP : ENTITY_KIND_MAX;
	return split(word[0] == '/' ? find_kind("cgroup") : &bare, word, q, ret_error, size);
}

int target_parse(const char *const *words, size_t n_words, struct query *q, char *ret_error, size_t size)
{
	const struct kind_word *kind;
	int status;

	if (n_words == 0) {
		q->target_kind = ENTITY_KIND_MAX;
		q->target[0] = '\0';
		return WHY_EXIT_OK;
	}
	if (n_words == 1)
		return parse_one(words[0], q, ret_error, size);
	kind = find_kind(words[0]);
	if (!kind)
		return refuse_kind(ret_error, size, words[0]);
	if (n_words > 2)
		return refuse(ret_error, size, "one target at a time: '", words[2], "' is a word too many");
	status = split(kind, words[1], q, ret_error, size);
	if (status == WHY_EXIT_OK)
		q->target_kind = kind->kind;
	else if (strstr(ret_error, "write it like "))
		snprintf(ret_error + strlen(ret_error), size - strlen(ret_error), "'%s'", kind->example);
	return status;
}
