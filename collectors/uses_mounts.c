// SPDX-License-Identifier: Apache-2.0
#include "collectors/uses_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#define NODE_BYTES    (1024 * 1024)
#define PROCESS_BYTES (NODE_BYTES / 8)
#define MAX_LINKS     4 /* overlay on overlay */
#define NS_MAX        48

struct mount_at {
	const char *target, *upper; /* in the table's text; upper: an overlay's, "" none */
	uint32_t n_target, major, minor;
};

struct table {
	char *text;
	size_t size;
	struct mount_at *mounts;
	size_t n, max;
};

struct uses_mounts {
	int root_fd;
	struct table node, process;
	const struct table *current;
	char node_ns[NS_MAX], process_ns[NS_MAX];
	uint64_t cut;
};

/* ---- a table ---- */

static int table_init(struct table *t, size_t size, size_t max)
{
	t->text = malloc(size);
	t->mounts = calloc(max, sizeof(*t->mounts));
	t->size = size;
	t->max = max;
	return t->text && t->mounts ? 0 : -ENOMEM;
}

/* \040 and its kin. */
static void unescape(char *s)
{
	char *to = s;

	for (const char *p = s; *p; p++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' &&
		    p[3] <= '7') {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

static char *next_word(char **cursor)
{
	char *word = *cursor, *end = strchr(word, ' ');

	if (end)
		*end++ = '\0';
	*cursor = end ? end : word + strlen(word);
	return word;
}

static const char *upper_of(char *options)
{
	static const char none[] = "";
	char *at = strstr(options, "upperdir=");

	if (!at || (at != options && at[-1] != ','))
		return none;
	at += strlen("upperdir=");
	at[strcspn(at, ",")] = '\0';
	unescape(at);
	return at;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 - ext3 /dev/root rw,errors=continue" */
static bool parse_line(char *line, struct mount_at *ret_mount, const char **ret_fstype)
{
	char *word[5], *dash = strstr(line, " - ");
	uint64_t major, minor;

	if (!dash)
		return false;
	*dash = '\0';
	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		word[i] = next_word(&line);
	char *colon = strchr(word[2], ':');
	if (!colon || word[4][0] != '/')
		return false;
	*colon = '\0';
	if (text_parse_u64(word[2], &major) < 0 || text_parse_u64(colon + 1, &minor) < 0 || major > UINT32_MAX ||
	    minor > UINT32_MAX)
		return false;
	char *rest = dash + 3;
	*ret_fstype = next_word(&rest);
	(void)next_word(&rest);
	unescape(word[4]);
	*ret_mount = (struct mount_at){ .target = word[4],
					.n_target = (uint32_t)strlen(word[4]),
					.upper = strcmp(*ret_fstype, "overlay") == 0 ? upper_of(rest) : "",
					.major = (uint32_t)major,
					.minor = (uint32_t)minor };
	return true;
}

/* Roots of other containers and handles of namespaces: nobody's files, and there are thousands. */
static bool is_noise(const struct mount_at *m, const char *fstype)
{
	return strcmp(fstype, "nsfs") == 0 || (strcmp(fstype, "overlay") == 0 && m->n_target > 1);
}

static int table_read(struct table *t, int dirfd, const char *path, uint64_t *cut)
{
	struct mount_at m;
	const char *fstype;
	int r = file_read_at(dirfd, path, t->text, t->size, NULL);

	if (r < 0 && r != -EFBIG)
		return r;
	if (r == -EFBIG) {
		char *last = strrchr(t->text, '\n');
		if (last)
			*last = '\0';
		++*cut;
	}
	t->n = 0;
	char *cursor = t->text;
	for (char *line = file_next_line(&cursor); line; line = file_next_line(&cursor)) {
		if (!parse_line(line, &m, &fstype) || is_noise(&m, fstype))
			continue;
		if (t->n == t->max) {
			++*cut;
			break;
		}
		t->mounts[t->n++] = m;
	}
	return 0;
}

/* The deepest; of several on the same folder the last, which hides the others. */
static const struct mount_at *table_find(const struct table *t, const char *path)
{
	const struct mount_at *best = NULL;
	size_t n = strlen(path);

	for (size_t i = 0; i < t->n; i++) {
		const struct mount_at *m = &t->mounts[i];
		if (m->n_target > n || (best && m->n_target < best->n_target))
			continue;
		if (m->n_target > 1 && path[m->n_target] != '/' && path[m->n_target] != '\0')
			continue;
		if (memcmp(path, m->target, m->n_target) == 0)
			best = m;
	}
	return best;
}

/* ---- both ---- */

int uses_mounts_new(int root_fd, struct uses_mounts **ret_mounts)
{
	AUTO(uses_mounts_free) struct uses_mounts *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->root_fd = root_fd;
	m->current = &m->node;
	if (table_init(&m->node, NODE_BYTES, USES_MAX_MOUNTS) < 0 ||
	    table_init(&m->process, PROCESS_BYTES, USES_MAX_MOUNTS / 8) < 0)
		return -ENOMEM;
	*ret_mounts = TAKE_PTR(m);
	return 0;
}

void uses_mounts_free(struct uses_mounts **mounts)
{
	struct uses_mounts *m = *mounts;

	if (!m)
		return;
	free(m->node.text);
	free(m->node.mounts);
	free(m->process.text);
	free(m->process.mounts);
	free(m);
	*mounts = NULL;
}

static void read_ns(int dirfd, const char *path, char ret_ns[NS_MAX])
{
	ssize_t n = readlinkat(dirfd, path, ret_ns, NS_MAX - 1);

	ret_ns[n > 0 ? n : 0] = '\0';
}

int uses_mounts_refresh(struct uses_mounts *m)
{
	/* The agent's own namespace may be a container's: that of process 1 is the node's, where it may be asked for.
	 */
	int r = 0;

	m->process_ns[0] = '\0';
	read_ns(m->root_fd, "proc/1/ns/mnt", m->node_ns);
	if (m->node_ns[0])
		r = table_read(&m->node, m->root_fd, "proc/1/mountinfo", &m->cut);
	if (!m->node_ns[0] || r < 0) {
		read_ns(m->root_fd, "proc/self/ns/mnt", m->node_ns);
		r = table_read(&m->node, m->root_fd, "proc/self/mountinfo", &m->cut);
	}
	return r;
}

int uses_mounts_enter(struct uses_mounts *m, int proc_fd)
{
	char ns[NS_MAX];
	int r;

	read_ns(proc_fd, "ns/mnt", ns);
	if (ns[0] && strcmp(ns, m->node_ns) == 0) {
		m->current = &m->node;
		return 0;
	}
	m->current = &m->process;
	if (ns[0] && strcmp(ns, m->process_ns) == 0)
		return 0;
	m->process_ns[0] = '\0';
	r = table_read(&m->process, proc_fd, "mountinfo", &m->cut);
	if (r == 0)
		(void)text_copy(m->process_ns, sizeof(m->process_ns), ns);
	else
		m->process.n = 0;
	return r;
}

/* A file system may be mounted in many places: the one that has an entity stands for it. */
static entity_id entity_of(const struct uses_mounts *m, uint32_t major, uint32_t minor, const struct graph *graph)
{
	for (size_t i = 0; i < m->node.n; i++) {
		const struct mount_at *at = &m->node.mounts[i];
		if (at->major != major || at->minor != minor)
			continue;
		entity_id id = graph_find(graph, ENTITY_MOUNT, at->target);
		if (id != ENTITY_NONE && !graph_is_gone(graph, id, NULL))
			return id;
	}
	return ENTITY_NONE;
}

entity_id uses_mounts_find(const struct uses_mounts *m, const char *path, const struct graph *graph,
			   uint32_t *ret_major, uint32_t *ret_minor)
{
	const struct table *t = m->current;

	*ret_major = *ret_minor = 0;
	for (unsigned i = 0; i < MAX_LINKS; i++) {
		const struct mount_at *at = table_find(t, path);
		if (!at)
			return ENTITY_NONE;
		entity_id id = entity_of(m, at->major, at->minor, graph);
		if (id != ENTITY_NONE || at->upper[0] != '/') {
			*ret_major = at->major;
			*ret_minor = at->minor;
			return id;
		}
		path = at->upper; /* as the node calls it */
		t = &m->node;
	}
	return ENTITY_NONE;
}

uint64_t uses_mounts_cut(const struct uses_mounts *m)
{
	return m->cut;
}
