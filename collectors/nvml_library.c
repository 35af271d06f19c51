// SPDX-License-Identifier: Apache-2.0
#include "collectors/nvml_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

static const char *const places[] = {
	"libnvidia-ml.so.1", /* by ld.so */
	"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
	"/usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1",
	"/usr/lib64/libnvidia-ml.so.1",
	"/run/nvidia/driver/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", /* GPU operator's driver container */
	"/run/nvidia/driver/usr/lib64/libnvidia-ml.so.1",
	"/usr/local/nvidia/lib64/libnvidia-ml.so.1", /* GKE */
};

static const struct {
	const char *symbol, *older;
	size_t offset;
} calls[] = {
#define NVML_ROW(name, symbol, older, arguments) { symbol, older, offsetof(struct nvml_calls, name) },
	NVML_CALLS(NVML_ROW)
#undef NVML_ROW
};

static void resolve(struct nvml_library *l)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		void *symbol = dlsym(l->handle, calls[i].symbol);
		if (!symbol && calls[i].older)
			symbol = dlsym(l->handle, calls[i].older);
		memcpy((char *)&l->calls + calls[i].offset, &symbol, sizeof(symbol));
	}
}

/* The first place that has it, or one that has something which cannot be opened: that is no missing library. */
static int open_some(const char *path, void **ret_handle, char *ret_reason, size_t size)
{
	char here[512];
	const char *const *list = path ? &path : places;

	/* A bare name would be looked for among the system's libraries, and the real one be taken for the given one. */
	if (path && !strchr(path, '/')) {
		(void)snprintf(here, sizeof(here), "./%s", path);
		path = here;
	}
	for (size_t i = 0; i < (path ? 1 : ARRAY_LEN(places)); i++) {
		*ret_handle = dlopen(list[i], RTLD_NOW | RTLD_LOCAL);
		if (*ret_handle)
			return 0;
		const char *why = dlerror();
		if (strchr(list[i], '/') && access(list[i], F_OK) == 0) {
			(void)text_copy(ret_reason, size, why ? why : "it cannot be loaded");
			return -ELIBBAD;
		}
	}
	(void)snprintf(ret_reason, size, "%s is not there", path ? path : places[0]);
	return -ENOENT;
}

int nvml_library_open(const char *path, struct nvml_library **ret_library, char *ret_reason, size_t size)
{
	AUTO(nvml_library_close) struct nvml_library *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	int r = open_some(path, &l->handle, ret_reason, size);
	if (r < 0)
		return r;
	resolve(l);
	if (!l->calls.Init || !l->calls.DeviceGetCount || !l->calls.DeviceGetHandleByIndex || !l->calls.DeviceGetPciInfo) {
		(void)text_copy(ret_reason, size, "it lacks nvmlInit_v2 or what lists the GPUs: is it NVIDIA's?");
		return -ELIBBAD;
	}
	*ret_library = TAKE_PTR(l);
	return 0;
}

void nvml_library_close(struct nvml_library **library)
{
	if (!*library)
		return;
	if ((*library)->handle)
		(void)dlclose((*library)->handle);
	free(*library);
	*library = NULL;
}

const char *nvml_library_error(nvml_return error)
{
	static const struct {
		nvml_return error;
		const char *text;
	} names[] = {
		{ NVML_OK, "nothing is wrong" },
		{ NVML_UNINITIALIZED, "the library was not initialized, or the driver was unloaded" },
		{ NVML_BAD_ARGUMENT, "invalid argument" },
		{ NVML_NOT_SUPPORTED, "not supported" },
		{ NVML_NO_PERMISSION, "no permission" },
		{ 8, "a power cable of the board is not attached" },
		{ NVML_DRIVER_NOT_LOADED, "the driver is not loaded" },
		{ NVML_TIMEOUT, "timed out" },
		{ 11, "the kernel has a problem with the GPU's interrupts" },
		{ NVML_NO_SUCH_CALL, "the library has no such call" },
		{ 14, "the board's infoROM is corrupted" },
		{ NVML_GPU_LOST, "the GPU is lost" },
		{ NVML_RESET_REQUIRED, "the GPU must be reset before it can be used" },
		{ 17, "the operating system refuses access to the device" },
		{ NVML_VERSIONS_DIFFER, "driver and library are of different versions" },
		{ 19, "the GPU is in use" },
		{ 20, "out of memory" },
		{ NVML_GPU_NOT_FOUND, "no GPU was found" },
		{ NVML_UNKNOWN, "an error inside the driver" },
	};
	static char other[32];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].error == error)
			return names[i].text;
	(void)snprintf(other, sizeof(other), "error %d", error);
	return other;
}
