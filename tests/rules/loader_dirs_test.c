// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

#define RULE(id) \
	"rules: why/v1\npack: { name: t }\nsymptoms:\n  " id ":\n    scope: node\n    when: node.cpu.idle_ratio > 0.1\n"

static void put(int dir, const char *name, const char *text)
{
	assert_ok(file_write_atomic_at(dir, name, text, strlen(text), 0644));
}

static void test_folders_in_order_by_name(void **state)
{
	char root[] = "/tmp/why-rules-XXXXXX", missing[64];
	const char *dirs[] = { root, missing };
	AUTO_CLOSE int dir = -1;
	struct pack p;

	(void)state;
	assert_non_null(mkdtemp(root));
	(void)strcpy(missing, root);
	(void)strcat(missing, "/none");
	dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(dir, "b.why.yaml", RULE("b.b"));
	put(dir, "a.why.yaml", RULE("a.a"));
	put(dir, "notes.txt", "not rules");
	put(dir, ".hidden.why.yaml", "not rules");
	assert_int_equal(mkdirat(dir, "c.why.yaml", 0755), 0); /* a folder: cannot be read */
	pack_open(&p);
	assert_ok(diags_new(&p.diags));
	assert_ok(ruleset_load_dirs(dirs, 2, p.metrics, NULL, p.diags, &p.ruleset));
	assert_int_equal(p.ruleset->n_symptoms, 2);
	assert_string_equal(p.ruleset->symptoms[0].id, "a.a");
	assert_string_equal(p.ruleset->symptoms[1].id, "b.b");
	assert_int_equal(diags_total(p.diags), 2);
	assert_string_equal(diags_at(p.diags, 0)->code, "E001");
	assert_string_equal(diags_at(p.diags, 1)->code, "W001");
	assert_string_equal(diags_at(p.diags, 1)->file, missing);
	pack_close(&p);
	assert_int_equal(unlinkat(dir, "c.why.yaml", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(dir, "a.why.yaml", 0), 0);
	assert_int_equal(unlinkat(dir, "b.why.yaml", 0), 0);
	assert_int_equal(unlinkat(dir, "notes.txt", 0), 0);
	assert_int_equal(unlinkat(dir, ".hidden.why.yaml", 0), 0);
	assert_int_equal(rmdir(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders_in_order_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
