// SPDX-License-Identifier: Apache-2.0
/* Any bytes as YAML: no crash; a tree that was accepted has only what the contract allows, at places inside the text. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/yaml_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool truth)
{
	if (!truth)
		abort();
}

static void check(const struct yaml_node *node, size_t size, unsigned depth, size_t *n_nodes)
{
	size_t n = 0;

	demand(depth <= YAML_TREE_MAX_DEPTH && ++*n_nodes <= YAML_TREE_MAX_NODES);
	demand(node->line >= 1 && node->line <= size + 1 && node->column >= 1 && node->column <= size + 1);
	if (node->kind == YAML_SCALAR) {
		demand(node->text && node->text[node->len] == '\0' && !node->first);
		demand(yaml_tree_column(node, node->len) >= node->column);
		return;
	}
	for (const struct yaml_node *child = node->first; child; child = child->next, n++) {
		demand((node->kind == YAML_MAPPING) == (child->key != NULL));
		demand(!child->key || n > 100 || yaml_tree_get(node, child->key) == child);
		check(child, size, depth + 1, n_nodes);
	}
	demand(n == node->n_children);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_free) struct arena *arena = NULL;
	AUTO(diags_free) struct diags *diags = NULL;
	AUTO_BUF struct buf out;
	struct yaml_node *root = NULL;
	size_t n_nodes = 0;
	int r;

	buf_init(&out, 16 << 20);
	if (arena_new(32 << 20, &arena) < 0 || diags_new(&diags) < 0)
		return 0;
	r = yaml_tree_parse("fuzz", (const char *)data, size, arena, diags, &root);
	demand((r == 0) == (root != NULL));
	demand((r == 0) == (diags_total(diags) == 0));
	if (root)
		check(root, size, 0, &n_nodes);
	demand(diags_print(diags, &out) == 0 && diags_print_sarif(diags, "0", &out) == 0);
	return 0;
}
