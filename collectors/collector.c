/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/collector.h"

#include <string.h>

#include "base/cleanup.h"

#define COLLECTOR(stem) extern const struct collector collector_##stem;
#include "collectors/collectors.def"
#undef COLLECTOR

static const struct collector *const all[] = {
#define COLLECTOR(stem) &collector_##stem,
#include "collectors/collectors.def"
#undef COLLECTOR
	NULL,
};

const struct collector *const *collectors_all(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(all) - 1;
	return all;
}

const struct collector *collectors_find(const char *name)
{
	for (size_t i = 0; all[i]; i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

int collectors_register(struct metrics *metrics, uint32_t *ret_first, size_t n)
{
	for (size_t i = 0; all[i] && i < n; i++) {
		uint32_t first;
		int r = metrics_add(metrics, all[i]->name, all[i]->metrics, all[i]->n_metrics, &first);
		if (r < 0)
			return r;
		ret_first[i] = first;
	}
	return 0;
}
