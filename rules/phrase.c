/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/phrase.h"

#include <math.h>
#include <string.h>

static void phrase_hertz(struct text *t, double hertz)
{
	static const char *const units[] = {"Hz", "kHz", "MHz", "GHz"};
	unsigned i = 0;

	while (fabs(hertz) >= 1000 && i < 3) {
		hertz /= 1000;
		i++;
	}
	text_addf(t, "%.3g %s", hertz, units[i]);
}

static void phrase_number(struct text *t, double x, enum unit unit)
{
	char out[64] = "";

	switch (unit) {
	case UNIT_BYTES:
		text_format_bytes(x, out, sizeof(out));
		break;
	case UNIT_RATIO:
		text_format_ratio(x, out, sizeof(out));
		break;
	case UNIT_NS:
		clock_format_duration(x > 0 ? (uint64_t)fmin(x, 9e18) : 0, out, sizeof(out));
		break;
	case UNIT_CELSIUS:
		text_addf(t, "%.0f °C", x);
		break;
	case UNIT_WATTS:
		text_addf(t, "%.3g W", x);
		break;
	case UNIT_HERTZ:
		phrase_hertz(t, x);
		break;
	case UNIT_CPUS:
		text_addf(t, "%.3g CPUs", x);
		break;
	default:
		text_format_count(x, out, sizeof(out));
	}
	text_add(t, out);
}

void phrase_value(struct text *t, struct value v, enum unit unit)
{
	switch (v.type) {
	case VALUE_NUMBER:
		phrase_number(t, v.number, unit);
		break;
	case VALUE_TEXT:
		text_add_escaped(t, v.text, strlen(v.text));
		break;
	case VALUE_BOOL:
		text_add(t, v.truth ? "yes" : "no");
		break;
	default:
		text_add(t, "?");
	}
}

static const char *state_named(const char *const *states, double number)
{
	for (size_t i = 0; states[i]; i++)
		if ((double)i == number)
			return states[i];
	return NULL;
}

static void phrase_part(struct text *t, struct value v, const struct template_part *part, enum unit unit)
{
	const char *state = part->states && v.type == VALUE_NUMBER ? state_named(part->states, v.number) : NULL;

	if (state)
		text_add(t, state);
	else if (part->is_code && v.type == VALUE_NUMBER)
		text_addf(t, "%.15g", v.number);
	else
		phrase_value(t, v, unit);
}

void phrase_template(struct text *t, struct machine *m, const struct template *template, entity_id entity,
		     const struct value *observed, enum unit observed_unit)
{
	for (uint32_t i = 0; i < template->n_parts; i++) {
		const struct template_part *part = &template->parts[i];

		if (part->literal)
			text_add(t, part->literal);
		else if (part->is_observed)
			phrase_part(t, observed ? *observed : (struct value){VALUE_UNKNOWN, {0}}, part, observed_unit);
		else if (part->program != PROGRAM_NONE)
			phrase_part(t, machine_run(m, part->program, entity, NULL), part, part->unit);
	}
}

void phrase_missing(struct text *t, const struct metrics *metrics, const struct machine_missing *missing)
{
	const struct metric_desc *desc = missing->metric == METRIC_NONE ? NULL : metrics_at(metrics, missing->metric);

	text_add(t, missing->why ? missing->why : "not known");
	if (desc)
		text_addf(t, " (%s)", desc->name);
	else if (missing->name)
		text_addf(t, " (%s)", missing->name);
}
