/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - the program `why`: options, the command, its exit status.
 *
 * Room: cli.  Owns: nothing.  Thread: the only one.  Clock: none.  Bounds: none needed.
 */
#ifndef WHY_CLI_PROGRAM_H
#define WHY_CLI_PROGRAM_H

/* main() without being main(), so that tests can run it in a child. */
int program_run(int argc, char *const *argv);

#endif
