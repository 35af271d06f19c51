// SPDX-License-Identifier: Apache-2.0
#include "tests/exporters/made.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/test.h"

struct finding *made_finding(unsigned n, uint64_t revision, enum finding_state state)
{
	struct finding *f = NULL;

	assert_ok(finding_new(&f));
	(void)snprintf(f->id, sizeof(f->id), "fnd_%026u", n);
	f->revision = revision;
	f->state = state;
	f->rule = "cpu.test";
	f->title = arena_printf(f->arena, "finding %u", n);
	f->severity = SEVERITY_WARNING;
	f->confidence = 0.9;
	f->coverage = 1;
	f->node = "n1";
	f->subject = (struct finding_entity){.kind = ENTITY_CPU, .id = "0", .name = "cpu 0"};
	f->opened_at = (1000000000ULL + n) * NS_PER_S;
	f->changed_at = f->opened_at + revision;
	f->resolved_at = state == FINDING_RESOLVED ? f->changed_at : 0;
	f->remedy.text = "";
	f->rules_digest = "d";
	f->count = 1;
	return f;
}

unsigned made_number(const struct finding *f)
{
	return (unsigned)strtoul(f->id + 4, NULL, 10);
}

void made_folder(char ret_path[64])
{
	const char *base = getenv("TMPDIR");

	assert_true(snprintf(ret_path, 64, "%s/why-XXXXXX", base ? base : "/tmp") < 64);
	assert_non_null(mkdtemp(ret_path));
}

void made_folder_remove(const char *path)
{
	AUTO_CLOSEDIR DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	(void)rmdir(path);
}
