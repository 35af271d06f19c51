// SPDX-License-Identifier: Apache-2.0
#include "runtimes/npd_text.h"

#include <string.h>

#include "base/text.h"

void npd_text_init(struct npd_text *t)
{
	memset(t, 0, sizeof(*t));
}

/* `"text"` with its escapes; where it ends, NULL when it does not. */
static const char *take_quoted(const char *p, char ret_value[NPD_NAME_MAX])
{
	char value[NPD_LINE_MAX];
	size_t n = 0;

	if (*p++ != '"')
		return NULL;
	for (; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		value[n++] = *p;
	}
	if (*p != '"')
		return NULL;
	value[n] = '\0';
	(void)text_copy(ret_value, NPD_NAME_MAX, value);
	return p + 1;
}

/* `reason="X",type="Y"} 1`; others labels are skipped. */
static bool take_labels(const char *p, struct npd_condition *ret_condition, const char **ret_rest)
{
	while (*p && *p != '}') {
		char skipped[NPD_NAME_MAX];
		size_t n = strcspn(p, "=");
		bool is_reason = n == 6 && memcmp(p, "reason", 6) == 0, is_type = n == 4 && memcmp(p, "type", 4) == 0;
		if (p[n] != '=')
			return false;
		p = take_quoted(p + n + 1, is_reason ? ret_condition->reason : is_type ? ret_condition->type : skipped);
		if (!p)
			return false;
		p += strspn(p, ", ");
	}
	*ret_rest = p + 1;
	return *p == '}';
}

static void take_line(struct npd_text *t)
{
	static const char name[] = "problem_gauge{";
	struct npd_condition c = { 0 };
	const char *rest;
	char number[32];
	double value;

	t->line[t->n_line] = '\0';
	if (strncmp(t->line, name, strlen(name)) != 0 || strlen(t->line) != t->n_line ||
	    !take_labels(t->line + strlen(name), &c, &rest))
		return;
	rest += strspn(rest, " ");
	(void)text_copy(number, sizeof(number), rest);
	number[strcspn(number, " \r")] = '\0'; /* a time may follow */
	if (text_parse_double(number, &value) < 0 || !c.type[0])
		return;
	if (t->n == NPD_MAX_CONDITIONS) {
		t->n_left_out++;
		return;
	}
	c.holds = value > 0;
	t->conditions[t->n++] = c;
}

void npd_text_end(struct npd_text *t)
{
	if (!t->too_long)
		take_line(t);
	t->n_line = 0;
	t->too_long = false;
}

void npd_text_put(struct npd_text *t, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n')
			npd_text_end(t);
		else if (t->n_line == NPD_LINE_MAX - 1)
			t->too_long = true;
		else
			t->line[t->n_line++] = data[i];
	}
}
