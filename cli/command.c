// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define COMMAND(stem) extern const struct command command_##stem;
#include "cli/cmds.def"
#undef COMMAND

static const struct command *const all[] = {
#define COMMAND(stem) &command_##stem,
#include "cli/cmds.def"
#undef COMMAND
};

const struct command *const *commands_all(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(all);
	return all;
}

const struct command *commands_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

const struct command *commands_nearest(const char *word)
{
	const char *names[ARRAY_LEN(all)];
	const char *near;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		names[i] = all[i]->name;
	near = text_nearest(word, names, ARRAY_LEN(all));
	return near ? commands_find(near) : NULL;
}
