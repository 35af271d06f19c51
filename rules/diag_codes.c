// SPDX-License-Identifier: Apache-2.0
#include "rules/diag_codes.h"

static const struct {
	const char *name, *meaning;
} codes[RULES_CODE_MAX] = {
#define RULES_CODE(code, text) [RULES_##code] = { #code, text },
#include "rules/diag_codes.def"
#undef RULES_CODE
};

const char *rules_code_name(enum rules_code c)
{
	return c < RULES_CODE_MAX ? codes[c].name : "?";
}

const char *rules_code_meaning(enum rules_code c)
{
	return c < RULES_CODE_MAX ? codes[c].meaning : "?";
}
