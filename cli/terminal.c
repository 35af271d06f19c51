// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static bool is_unicode(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = env(names[i]);

		if (value[0])
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

static unsigned width_of(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return TERMINAL_NO_WIDTH;
	return MIN_OF(MAX_OF((unsigned)size.ws_col, TERMINAL_MIN_WIDTH), TERMINAL_MAX_WIDTH);
}

void terminal_probe(int fd, bool no_color, struct terminal *ret_terminal)
{
	bool is_terminal = isatty(fd) == 1;

	*ret_terminal = (struct terminal){
		.is_terminal = is_terminal,
		.color = is_terminal && !no_color && !env("NO_COLOR")[0] && strcmp(env("TERM"), "dumb") != 0,
		.unicode = is_unicode(),
		.width = is_terminal ? width_of(fd) : TERMINAL_NO_WIDTH,
	};
}

/* A rough table is enough: a wrong guess moves a column, nothing else. */
static size_t columns_of(uint32_t code)
{
	if ((code >= 0x300 && code <= 0x36F) || (code >= 0x200B && code <= 0x200D) || (code >= 0xFE00 && code <= 0xFE0F))
		return 0;
	if ((code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
	    (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
	    (code >= 0xFF00 && code <= 0xFF60) || (code >= 0x1F300 && code <= 0x1FAFF) ||
	    (code >= 0x20000 && code <= 0x3FFFD))
		return 2;
	return 1;
}

size_t terminal_columns(const char *text, size_t n)
{
	size_t columns = 0, len;
	uint32_t code;

	for (size_t i = 0; i < n; i += len) {
		len = text_decode(text + i, n - i, &code);
		columns += len ? columns_of(code) : 1;
		len = MAX_OF(len, 1U);
	}
	return columns;
}
