/* SPDX-License-Identifier: Apache-2.0 */
/* functions.h - the functions of the language: names, arguments, help.
 *
 * Room: rules.  Owns: nothing.  Thread: any.  Clock: none.
 */
#ifndef WHY_RULES_FUNCTIONS_H
#define WHY_RULES_FUNCTIONS_H

#include <stddef.h>

enum function_id {
	FUNCTION_COUNT,
	FUNCTION_RATE,
	FUNCTION_INCREASE,
	FUNCTION_AVG,
	FUNCTION_MIN,
	FUNCTION_MAX_OF, /* max() */
	FUNCTION_SLOPE,
	FUNCTION_P50,
	FUNCTION_P95,
	FUNCTION_P99,
	FUNCTION_LAST,
	FUNCTION_RATIO,
	FUNCTION_CHANGED,
	FUNCTION_STALE,
	FUNCTION_ABSENT,
	FUNCTION_COUNT_ENTITIES,
	FUNCTION_PEERS,
	FUNCTION_FINDING,
	FUNCTION_HAS,
	FUNCTION_STARTS_WITH,
	FUNCTION_ENDS_WITH,
	FUNCTION_CONTAINS,
	FUNCTION_MATCHES,
	FUNCTION_ID_MAX,
};

struct function {
	const char *name;
	int is_method; /* subject.name(argument) */
	unsigned min_args, max_args;
	const char *usage;
	const char *help;
};

const struct function *function_at(int id); /* NULL past the end */
int function_find(const char *name, int is_method); /* -1 */

#endif
