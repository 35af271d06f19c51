// SPDX-License-Identifier: Apache-2.0
#include "cli/offline.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "collectors/collector.h"
#include "rules/ruleset.h"

#define SUFFIX         ".why.yaml"
#define MAX_COLLECTORS 64

/* The texts, as long as the load runs: the ruleset has copies. */
struct reading {
	struct rules_source sources[OFFLINE_MAX_FILES];
	size_t n;
	char *error;
	size_t size;
};

int offline_metrics(struct metrics **ret_metrics)
{
	AUTO(metrics_free) struct metrics *metrics = NULL;
	uint32_t first[MAX_COLLECTORS];
	int r = metrics_new(&metrics);

	if (r == 0)
		r = collectors_register(metrics, first, ARRAY_LEN(first));
	if (r == 0)
		*ret_metrics = TAKE_PTR(metrics);
	return r;
}

static void reading_free(struct reading **reading)
{
	for (size_t i = 0; *reading && i < (*reading)->n; i++) {
		free((void *)(*reading)->sources[i].name);
		free((void *)(*reading)->sources[i].text);
	}
	free(*reading);
	*reading = NULL;
}

static int refuse(struct reading *r, int error, const char *path, const char *why)
{
	struct text t;

	text_init(&t, r->error, r->size);
	text_add_escaped(&t, path, strlen(path));
	text_addf(&t, ": %s", why);
	return error;
}

static int read_file(struct reading *r, const char *path, off_t bytes)
{
	AUTO_FREE char *name = strdup(path), *text = NULL;
	size_t len;
	int error;

	if (bytes > OFFLINE_MAX_BYTES)
		return refuse(r, -EFBIG, path, "larger than 4 MiB: no file of rules is");
	if (r->n == OFFLINE_MAX_FILES)
		return refuse(r, -E2BIG, path, "more than 256 files at once");
	text = malloc((size_t)bytes + 2);
	if (!text || !name)
		return -ENOMEM;
	/* file_read_at reads below a folder; AT_FDCWD is one. */
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return refuse(r, -errno, path, strerror(errno));
	error = file_reread(fd, text, (size_t)bytes + 2, &len);
	if (error < 0)
		return refuse(r, error, path, strerror(-error));
	r->sources[r->n++] = (struct rules_source){ .name = TAKE_PTR(name), .text = TAKE_PTR(text), .len = len };
	return 0;
}

static int is_pack(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > strlen(SUFFIX) && strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

static void free_entries(struct dirent **entries, int n)
{
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(struct reading *r, const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_pack, by_name), error = 0;
	char file[PATH_MAX];
	struct stat st;

	if (n < 0)
		return refuse(r, -errno, path, strerror(errno));
	for (int i = 0; i < n && error == 0; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		error = stat(file, &st) < 0 ? refuse(r, -errno, file, strerror(errno)) : read_file(r, file, st.st_size);
	}
	free_entries(entries, n);
	return error;
}

static int read_path(struct reading *r, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return refuse(r, -errno, path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return read_folder(r, path);
	if (!S_ISREG(st.st_mode))
		return refuse(r, -EINVAL, path, "neither a file nor a folder");
	return read_file(r, path, st.st_size);
}

int offline_load(const char *const *paths, size_t n_paths, const struct metrics *metrics, struct diags *diags,
		 struct ruleset **ret_ruleset, char *ret_error, size_t size)
{
	AUTO(reading_free) struct reading *reading = calloc(1, sizeof(*reading));
	int r = reading ? 0 : -ENOMEM;

	text_copy(ret_error, size, "out of memory");
	for (size_t i = 0; i < n_paths && r == 0; i++) {
		reading->error = ret_error;
		reading->size = size;
		r = read_path(reading, paths[i]);
	}
	if (r == 0 && reading->n == 0)
		return refuse(reading, -ENOENT, n_paths ? paths[0] : "no path", "there is no *" SUFFIX);
	if (r == 0) {
		r = ruleset_load(reading->sources, reading->n, metrics, NULL, diags, ret_ruleset);
		if (r < 0)
			snprintf(ret_error, size, "cannot load the rules: %s", strerror(-r));
	}
	return r;
}
