/* SPDX-License-Identifier: Apache-2.0 */
/* offline.h - rules and the registry of metrics without any agent: for `why rules check`, `why rules test` and `why
 * replay`.
 *
 * Room: cli; it and the commands named may use the rooms rules and collectors (see tests/check/includes.py).
 * Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: OFFLINE_MAX_FILES files of OFFLINE_MAX_BYTES each; past them it refuses.
 */
#ifndef WHY_CLI_OFFLINE_H
#define WHY_CLI_OFFLINE_H

#include <stddef.h>

#include "base/diag.h"
#include "model/metric.h"

#define OFFLINE_MAX_FILES 256
#define OFFLINE_MAX_BYTES (4 * 1024 * 1024)
#define OFFLINE_CATALOG   "/usr/share/why/rules"
#define OFFLINE_OWN       "/etc/why/rules.d"

struct ruleset;

/* All metrics of all collectors of this program. -ENOMEM and what metrics_add says. */
int offline_metrics(struct metrics **ret_metrics);

/* Read the files, and *.why.yaml (sorted by name) of the folders, and compile them together. 0 even when rules were
 * rejected: `diags` tells. -errno with a sentence in ret_error: a path cannot be read, is too large, or there are too
 * many; no file at all. */
int offline_load(const char *const *paths, size_t n_paths, const struct metrics *metrics, struct diags *diags,
		 struct ruleset **ret_ruleset, char *ret_error, size_t size);

#endif
