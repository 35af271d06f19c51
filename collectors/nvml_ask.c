// SPDX-License-Identifier: Apache-2.0
#include "collectors/nvml_ask.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

void nvml_ask_about(struct nvml_ask *ask, const char *what)
{
	(void)text_copy(ask->what, sizeof(ask->what), what);
	ask->slowest_ns = 0;
	ask->gone = NVML_OK;
	ask->n_answers = 0;
}

void nvml_ask_begin(struct nvml_ask *ask, const char *call)
{
	if (ask->marks)
		(void)snprintf(ask->marks->doing, sizeof(ask->marks->doing), "%s %s", ask->what, call);
	if (ask->clock)
		ask->began = ask->clock();
}

nvml_return nvml_ask_end(struct nvml_ask *ask, nvml_return result)
{
	if (ask->clock)
		ask->slowest_ns = MAX_OF(ask->slowest_ns, mono_since(ask->began, ask->clock()));
	if (ask->marks)
		ask->marks->doing[0] = '\0';
	if (result == NVML_GPU_LOST || result == NVML_RESET_REQUIRED || result == NVML_UNINITIALIZED ||
	    result == NVML_DRIVER_NOT_LOADED)
		ask->gone = result;
	ask->n_answers += result == NVML_OK;
	return result;
}

bool nvml_ask_hung_at(const struct nvml_ask *ask, const char *what)
{
	size_t n = strlen(what);

	return ask->marks && strncmp(ask->marks->hung, what, n) == 0 && ask->marks->hung[n] == ' ';
}

void nvml_ask_forget_hang(struct nvml_ask *ask, const char *what)
{
	if (!nvml_ask_hung_at(ask, what))
		return;
	ask->marks->hung[0] = '\0';
	ask->marks->hangs = 0;
}
