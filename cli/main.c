// SPDX-License-Identifier: Apache-2.0
/* why: the question. */
#include "cli/program.h"

int main(int argc, char **argv)
{
	return program_run(argc, argv);
}
