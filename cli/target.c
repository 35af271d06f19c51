// SPDX-License-Identifier: Apache-2.0
#include "cli/target.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/command.h"

/* How a kind's target may name its node. */
#define AT    1 /* "pid 4242@node-17" */
#define COLON 2 /* "gpu node-17:3" */
#define PATH  4 /* "cgroup node-17:/a/b": what stands behind the colon is a path; a path may hold "@" */

struct kind_word {
	const char *word;
	enum entity_kind kind;
	unsigned place;
	const char *example;
};

static const struct kind_word kinds[] = {
	{ "node", ENTITY_NODE, 0, "node node-17" },
	{ "pod", ENTITY_POD, AT | COLON, "pod ml/train-0" },
	{ "job", ENTITY_JOB, AT, "job slurm:81734" },
	{ "rank", ENTITY_RANK, AT, "rank slurm:81734:19" },
	{ "pid", ENTITY_PROCESS, AT | COLON, "pid 4242@node-17" },
	{ "process", ENTITY_PROCESS, AT | COLON, "process 4242@node-17" },
	{ "container", ENTITY_CONTAINER, AT | COLON, "container 3f4e5d6c7b8a" },
	{ "cgroup", ENTITY_CGROUP, PATH, "cgroup node-17:/kubepods/burstable" },
	{ "gpu", ENTITY_GPU, AT | COLON, "gpu node-17:3" },
	{ "nic", ENTITY_NIC, AT | COLON, "nic node-17:eth0" },
	{ "disk", ENTITY_DISK, AT | COLON, "disk node-17:nvme0n1" },
	{ "mount", ENTITY_MOUNT, PATH, "mount node-17:/data" },
	{ "link", ENTITY_LINK, AT, "link 10.0.0.2@node-17" },
	{ "socket", ENTITY_SOCKET, AT, "socket tcp:0.0.0.0:29500@node-17" },
	{ "collector", ENTITY_COLLECTOR, AT | COLON, "collector nvml@node-17" },
	{ "finding", ENTITY_KIND_MAX, 0, "finding fnd_7Q2M9X" },
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
		snprintf(behind, sizeof(behind),
			 "'; there are node, pod, job, pid, cgroup, container, gpu, nic, disk, mount ... (why help "
			 "explain)");
	return refuse(ret_error, size, "no kind of target is called '", word, behind);
}

/* A PCI address begins with a colon-separated domain too: "0000:5e:00.0" names no node. */
static bool is_pci_address(const char *word)
{
	size_t domain = strspn(word, "0123456789abcdefABCDEF");

	return (domain == 4 || domain == 8) && word[domain] == ':' &&
	       strspn(word + domain + 1, "0123456789abcdefABCDEF") == 2 && word[domain + 3] == ':';
}

/* Where the node's name and the target's lie in `word`. */
struct parts {
	const char *node, *target;
	size_t n_node, n_target;
};

static struct parts cut(const struct kind_word *kind, const char *word)
{
	const char *at = kind->place & AT ? strrchr(word, '@') : NULL;
	const char *colon = kind->place & COLON && !is_pci_address(word) ? strchr(word, ':') : NULL;

	if (kind->place & PATH && word[0] != '/')
		colon = strstr(word, ":/");
	if (at)
		return (struct parts){ at + 1, word, strlen(at + 1), (size_t)(at - word) };
	if (colon)
		return (struct parts){ word, colon + 1, (size_t)(colon - word), strlen(colon + 1) };
	return (struct parts){ NULL, word, 0, strlen(word) };
}

static int split(const struct kind_word *kind, const char *word, struct query *q, char *ret_error, size_t size)
{
	struct parts parts = cut(kind, word);
	char behind[128];

	if (parts.n_target == 0 || (parts.node && parts.n_node == 0)) {
		snprintf(behind, sizeof(behind), "' is not whole; write it like: why %s", kind->example);
		return refuse(ret_error, size, "'", word, behind);
	}
	if (parts.n_target >= sizeof(q->target) || parts.n_node >= sizeof(q->node))
		return refuse(ret_error, size, "'", word, "...' is too long for a target");
	text_copy(q->target, parts.n_target + 1, parts.target);
	if (parts.node)
		text_copy(q->node, parts.n_node + 1, parts.node);
	return WHY_EXIT_OK;
}

static int parse_one(const char *word, struct query *q, char *ret_error, size_t size)
{
	static const struct kind_word bare = { "", ENTITY_KIND_MAX, 0, "node-17" };
	const struct kind_word *kind = find_kind(word);

	if (kind && kind->kind != ENTITY_NODE) {
		snprintf(ret_error, size, "%s: which? Write it like: why %s", kind->word, kind->example);
		return WHY_EXIT_USAGE;
	}
	if (word[0] == '\0')
		return refuse(ret_error, size, "the target is empty", "",
			      "; leave it out to ask about this node, or the fleet");
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
	return status;
}
