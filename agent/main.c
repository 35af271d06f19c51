/* SPDX-License-Identifier: Apache-2.0 */
/* whyd: the agent. */
#include <malloc.h>
#include <string.h>

#include "agent/agent.h"
#include "base/log.h"
#include "collectors/isolate.h"

static void set_log_level(const char *name)
{
	const struct {
		const char *name;
		enum log_level level;
	} levels[] = { { "error", LOG_LEVEL_ERROR },
		       { "warning", LOG_LEVEL_WARNING },
		       { "info", LOG_LEVEL_INFO },
		       { "debug", LOG_LEVEL_DEBUG } };
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(levels[i].name, name) == 0)
			log_set_level(levels[i].level);
}

/* Loading BPF programs parses and frees several copies of the kernel's types, 5 MiB each. Left to itself glibc takes
 * that for the usual size: our big tables, which are hardly touched, would then be cut from that used memory and be
 * resident as a whole. */
static void set_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	(void)mallopt(M_TRIM_THRESHOLD, 128 * 1024);
	(void)mallopt(M_ARENA_MAX, 2);
}

int main(int argc, char **argv)
{
	set_memory();
	struct settings settings;
	int status = 1;
	int r = settings_load(argc, argv, &settings, &status);
	if (r != 0)
		return r > 0 ? status : 1;
	set_log_level(settings.log_level);
	if (settings.isolated) {
		status = isolate_child_main(settings.isolated);
		settings_done(&settings);
		return status;
	}
	struct agent agent;
	status = 1;
	if (agent_open(&settings, &agent) == 0) {
		(void)malloc_trim(0);
		status = agent_run(&agent);
		agent_close(&agent);
	}
	settings_done(&settings);
	return status;
}
