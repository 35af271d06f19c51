/* SPDX-License-Identifier: Apache-2.0 */
/* diag_codes.h - the codes of the rule language's errors and warnings, from diag_codes.def.
 *
 * Room: rules.  Owns: nothing.  Thread: any.  Clock: none.
 */
#ifndef WHY_RULES_DIAG_CODES_H
#define WHY_RULES_DIAG_CODES_H

enum rules_code {
#define RULES_CODE(code, meaning) RULES_##code,
#include "rules/diag_codes.def"
#undef RULES_CODE
	RULES_CODE_MAX,
};

const char *rules_code_name(enum rules_code c);    /* "E203" */
const char *rules_code_meaning(enum rules_code c); /* one line */

#endif
