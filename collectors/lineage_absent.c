/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in until collectors/lineage.c is there; that one's symbols are strong. */
#include <errno.h>

#include "collectors/lineage.h"

#define WEAK __attribute__((weak))

WEAK int lineage_open(const struct collect_env *env, lineage_exec_fn on_exec, void *arg, struct lineage **ret_lineage)
{
	(void)env, (void)on_exec, (void)arg, (void)ret_lineage;
	return -ENOSYS;
}
WEAK void lineage_close(struct lineage **lineage) { (void)lineage; }
WEAK int lineage_event_fd(const struct lineage *l) { (void)l; return -1; }
WEAK int lineage_drain(struct lineage *l, unsigned max) { (void)l, (void)max; return 0; }
WEAK int lineage_paths_fd(const struct lineage *l) { (void)l; return -1; }
WEAK int lineage_owner(const struct lineage *l, uint32_t pid, uint64_t start_ns, uint32_t *ret_pid, uint64_t *ret_start_ns)
{
	(void)l, (void)pid, (void)start_ns, (void)ret_pid, (void)ret_start_ns;
	return -ENOENT;
}
WEAK uint64_t lineage_missed(const struct lineage *l) { (void)l; return 0; }
WEAK void lineage_hooks(const struct lineage *l, void (*say)(void *, const char *, int, const char *), void *arg)
{
	(void)l, (void)say, (void)arg;
}
