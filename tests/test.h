/* SPDX-License-Identifier: Apache-2.0 */
/* test.h - what every cmocka test of the project includes first.
 *
 * Room: tests. A test file mirrors one source file: base/text.c is tested by tests/base/text_test.c.
 */
#ifndef WHY_TESTS_TEST_H
#define WHY_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_ok(expr)       assert_int_equal((expr), 0)
#define assert_err(expr, err) assert_int_equal((expr), -(err))

#endif
