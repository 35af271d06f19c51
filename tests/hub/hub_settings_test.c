// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "hub/hub_settings.h"
#include "tests/hub/made.h"

#define READ(s, status, ...)                                                                                           \
	({                                                                                                             \
		char *argv[] = { (char *)(uintptr_t) "whyhub", __VA_ARGS__, NULL };                                    \
		hub_settings_read((int)ARRAY_LEN(argv) - 1, argv, s, status);                                          \
	})
#define W(word) (char *)(uintptr_t) word

static void flags_override_the_file(void **state)
{
	static const char yaml[] = "store: \"sqlite:/from/file.db\"\nmax_agents: 7\nretain:\n  bytes: 2GiB\n";
	char *folder = made_folder(), *path;
	struct hub_settings s;
	int status = -1;

	(void)state;
	assert_true(asprintf(&path, "%s/hub.yaml", folder) > 0);
	assert_ok(file_write_atomic_at(AT_FDCWD, path, yaml, strlen(yaml), 0600));
	assert_int_equal(READ(&s, &status, W("--config"), path, W("--max-agents"), W("9"), W("--retain-days"), W("2")), 0);
	assert_string_equal(s.store, "sqlite:/from/file.db");
	assert_int_equal(s.max_agents, 9);
	assert_true(s.retain_bytes == 2ULL << 30);
	assert_true(s.retain_age_ns == 2 * 86400ULL * NS_PER_S);
	assert_string_equal(s.listen, "127.0.0.1:7443");
	assert_false(s.insecure);
	hub_settings_done(&s);
	free(path);
	made_folder_gone(&folder);
}

static void what_cannot_be_is_refused(void **state)
{
	static const char yaml[] = "listen: 127.0.0.1:1\nlisen: 0.0.0.0:1\n";
	char *folder = made_folder(), *path;
	struct hub_settings s;
	int status = -1;

	(void)state;
	assert_int_equal(READ(&s, &status, W("--no-such-flag")), 1);
	assert_int_equal(status, 64);
	hub_settings_done(&s);
	assert_int_equal(READ(&s, &status, W("--max-agents"), W("many")), 1);
	assert_int_equal(status, 78);
	hub_settings_done(&s);
	assert_int_equal(READ(&s, &status, W("--config"), W("/nonexistent/hub.yaml")), 1);
	assert_int_equal(status, 78);
	hub_settings_done(&s);
	assert_true(asprintf(&path, "%s/hub.yaml", folder) > 0);
	assert_ok(file_write_atomic_at(AT_FDCWD, path, yaml, strlen(yaml), 0600));
	assert_int_equal(READ(&s, &status, W("--config"), path), 1); /* half a configuration is none */
	assert_int_equal(status, 78);
	hub_settings_done(&s);
	free(path);
	made_folder_gone(&folder);
}

static void off_loopback_needs_tls_or_a_word(void **state)
{
	struct hub_settings s;
	int status = -1;

	(void)state;
	assert_int_equal(READ(&s, &status, W("--listen"), W("0.0.0.0:7443")), 1);
	assert_int_equal(status, 78);
	hub_settings_done(&s);
	assert_int_equal(READ(&s, &status, W("--listen"), W("0.0.0.0:7443"), W("--insecure")), 0);
	hub_settings_done(&s);
	assert_int_equal(READ(&s, &status, W("--listen"), W("[::]:7443"), W("--tls-cert"), W("c"), W("--tls-key"), W("k"),
			      W("--tls-ca"), W("a")), 0);
	hub_settings_done(&s);
	assert_int_equal(READ(&s, &status, W("--tls-cert"), W("c")), 1); /* one of three */
	hub_settings_done(&s);
	assert_int_equal(READ(&s, &status, W("--listen"), W("127.0.0.1.evil.example:7443")), 1);
	hub_settings_done(&s);
	assert_int_equal(READ(&s, &status, W("--listen"), W("[::1]:7443")), 0);
	hub_settings_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_override_the_file),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(off_loopback_needs_tls_or_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
