// SPDX-License-Identifier: Apache-2.0
/* The tables of identity/ as text, for docs/workloads.md: a row a line, its kind and its cells with tabs between. */
#include <stdio.h>

#include "identity/label_key.h"
#include "identity/recogniser.h"

static void recognisers(void)
{
	static const char *const layers[] = {
		[RECOGNISER_APPLICATION] = "application",
		[RECOGNISER_JOB] = "job",
		[RECOGNISER_RANKS] = "ranks",
		[RECOGNISER_AROUND] = "around",
	};
	size_t n;
	const struct recogniser *const *all = recognisers_all(&n);

	for (size_t i = 0; i < n; i++)
		printf("recogniser\t%s\t%s\t%s\t%s\t%s\t%s\n", all[i]->name, all[i]->system, all[i]->what, all[i]->from,
		       layers[all[i]->layer], all[i]->tested);
}

int main(void)
{
	const char *form, *by, *example, *key, *whose;

	recognisers();
	for (size_t i = 0; cgroup_form_row(i, &form, &by, &example); i++)
		printf("form\t%s\t%s\t%s\n", form, by, example);
	for (int i = 0; i < ENV_KEY_MAX; i++)
		printf("environment\t%s\t%s\n", env_key_name((enum env_key)i), env_key_whose((enum env_key)i));
	for (size_t i = 0; (key = label_key_at(i, &whose)); i++)
		printf("label\t%s\t%s\n", key, whose);
	return 0;
}
