// SPDX-License-Identifier: Apache-2.0
/* The harness of tests/collectors, for the collectors of runtimes/: a test links what lies in its own folder. */
#include "tests/collectors/harness.c"
