// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/yaml_tree.h"
#include "rules/diag_codes.h"
#include "rules/list.h"
#include "rules/ruleset.h"

#define MAX_FILES 256

static int is_pack(const struct dirent *entry)
{
	static const char suffix[] = ".why.yaml";
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > sizeof(suffix) - 1 &&
		strcmp(entry->d_name + n - (sizeof(suffix) - 1), suffix) == 0;
}

static int read_pack(int dirfd, const char *dir, const char *name, struct arena *arena, struct diags *diags,
		     struct list *sources)
{
	struct rules_source source = { .name = arena_printf(arena, "%s/%s", dir, name) };
	AUTO_FREE char *text = malloc(YAML_TREE_MAX_BYTES + 1);
	int r;

	if (!source.name || !text)
		return -ENOMEM;
	r = file_read_at(dirfd, name, text, YAML_TREE_MAX_BYTES + 1, &source.len);
	if (r < 0) {
		diags_add(diags, DIAG_ERROR, rules_code_name(RULES_E001), source.name, 1, 1, 1, NULL, NULL, NULL,
			  "cannot be read: %s", strerror(-r));
		return 0;
	}
	source.text = arena_strndup(arena, text, source.len);
	if (!source.text)
		return -ENOMEM;
	return list_add(sources, arena, &source, NULL);
}

static int read_dir(const char *dir, struct arena *arena, struct diags *diags, struct list *sources)
{
	struct dirent **entries = NULL;
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = fd < 0 ? -1 : scandirat(fd, ".", &entries, is_pack, alphasort), r = 0;

	if (n < 0) {
		diags_add(diags, DIAG_WARNING, rules_code_name(RULES_W001), dir, 1, 1, 1, NULL, NULL, NULL,
			  "no rules from here: %s", strerror(errno));
		return 0;
	}
	for (int i = 0; i < n; i++) {
		if (r == 0 && sources->n < MAX_FILES)
			r = read_pack(fd, dir, entries[i]->d_name, arena, diags, sources);
		else if (r == 0)
			diags_add(diags, DIAG_ERROR, rules_code_name(RULES_E126), dir, 1, 1, 1, NULL, NULL, NULL,
				  "'%s' is left out: more than %d files of rules",
				  entries[i]->d_name, MAX_FILES);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int ruleset_load_dirs(const char *const *dirs, size_t n_dirs, const struct metrics *metrics,
		      const struct ruleset *last, struct diags *diags,
		      struct ruleset **ret_ruleset)
{
	AUTO(arena_free) struct arena *arena = NULL;
	struct list sources = { .size = sizeof(struct rules_source) };
	int r = arena_new((size_t)MAX_FILES * (YAML_TREE_MAX_BYTES + 4096), &arena);

	for (size_t i = 0; r == 0 && i < n_dirs; i++)
		r = read_dir(dirs[i], arena, diags, &sources);
	if (r < 0)
		return r;
	return ruleset_load(sources.data, sources.n, metrics, last, diags, ret_ruleset);
}
