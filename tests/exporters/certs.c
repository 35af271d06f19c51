// SPDX-License-Identifier: Apache-2.0
/* The tests of this room need certificates, too. */
#include "tests/proto/certs.c"
