/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc/PID as a hostile process, or a hostile /proc, may fill them. The first byte says which file. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "collectors/otel_mapping.h"
#include "collectors/proc_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int folder_fd = -1;

static const char *const names[] = { "stat", "environ", "cgroup", "cmdline", "maps" };
static char folder[] = "/tmp/proc-facts-fuzz-XXXXXX";

static void remove_folder(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(folder_fd, names[i], 0);
	(void)rmdir(folder);
}

static void make_folder(void)
{
	if (mkdtemp(folder))
		folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(folder_fd >= 0);
	(void)atexit(remove_folder);
}

static void put(const char *name, const uint8_t *data, size_t size)
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct env_values env;
	char path[PROC_FACTS_PATH_BYTES], argv[256], name[64];
	struct cgroup_form form;
	struct proc_stat stat;
	size_t len;

	if (size < 1)
		return 0;
	if (folder_fd < 0)
		make_folder();
	unsigned which = data[0] % 5;
	put(names[which], data + 1, size - 1);
	if (which == 0 && proc_facts_stat(folder_fd, &stat) == 0)
		assert(stat.pid > 0 && memchr(stat.comm, 0, sizeof(stat.comm)));
	if (which == 1 && proc_facts_env(folder_fd, &env, NULL) > 0)
		for (unsigned k = 0; k < ENV_KEY_MAX; k++)
			assert(memchr(env.value[k], 0, ENV_VALUE_MAX) && text_is_utf8(env.value[k], strlen(env.value[k])));
	if (which == 2 && proc_facts_cgroup(folder_fd, path, &form) == 0)
		assert(path[0] == '/');
	if (which == 3 && proc_facts_argv(folder_fd, argv, sizeof(argv), &len) == 0)
		assert(len < sizeof(argv) && argv[len] == '\0');
	if (which == 4)
		assert(otel_mapping_service(folder_fd, name, sizeof(name)) < 0); /* it has no memory to read */
	return 0;
}
