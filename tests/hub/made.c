// SPDX-License-Identifier: Apache-2.0
#include "tests/hub/made.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proto/convert.h"
#include "tests/test.h"

struct finding *made_finding(const char *node, unsigned n, uint64_t revision, enum finding_state state,
			     enum severity severity)
{
	struct finding *f;

	assert_ok(finding_new(&f));
	f->revision = revision;
	f->state = state;
	f->kind = FINDING_CAUSE;
	f->severity = severity;
	f->rule = arena_printf(f->arena, "test.rule_%u", n % 7);
	f->title = arena_printf(f->arena, "thing %u went wrong", n);
	f->confidence = 0.9;
	f->coverage = 1;
	f->node = arena_strdup(f->arena, node);
	f->subject.kind = ENTITY_POD;
	f->subject.id = arena_printf(f->arena, "ml/train-%u", n);
	f->subject.name = f->subject.id;
	f->affected[0].kind = ENTITY_JOB;
	f->affected[0].id = arena_printf(f->arena, "slurm:9%u", n);
	f->affected[0].name = f->affected[0].id;
	f->n_affected = 1;
	f->opened_at = 1700000000ULL * NS_PER_S + n;
	f->changed_at = f->opened_at + revision * NS_PER_S;
	f->resolved_at = state == FINDING_RESOLVED ? f->changed_at : 0;
	f->resolved_reason = state == FINDING_RESOLVED ? "cleared" : NULL;
	f->evidence[0] = (struct finding_evidence){ .id = "e", .text = "seen by value", .metric = "a.b.c", .observed = 12.5,
						    .expected = "> 10", .source = "test", .role = "requires" };
	f->n_evidence = 1;
	f->remedy.text = "do something";
	f->rules_digest = "d1";
	f->count = 1;
	finding_make_id(node, "boot-1", f->rule, f->subject.kind, f->subject.id, n, f->id);
	return f;
}

void made_pack(const struct finding *f, struct buf *out)
{
	buf_init(out, 1024 * 1024);
	assert_ok(finding_pack(f, out));
}

void made_add(struct record_batch *b, uint64_t seq, const struct finding *f)
{
	AUTO_BUF struct buf packed;
	const char *field = "";

	made_pack(f, &packed);
	assert_int_equal(record_batch_add(b, seq, packed.data, packed.len, &field), 0);
}

struct record_batch *made_batch(const char *spool, uint64_t seq, const struct finding *f)
{
	struct record_batch *b;

	assert_ok(record_batch_new(f->node, spool, 1, &b));
	made_add(b, seq, f);
	b->last_seq = seq;
	return b;
}

char *made_folder(void)
{
	char *folder = strdup("/tmp/whyhub-test-XXXXXX");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	return folder;
}

void made_folder_gone(char **folder)
{
	DIR *d = *folder ? opendir(*folder) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		(void)closedir(d);
	if (*folder)
		(void)rmdir(*folder);
	free(*folder);
	*folder = NULL;
}
