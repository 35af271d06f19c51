/* SPDX-License-Identifier: Apache-2.0 */
/* version.h - the version all programs of this tree tell.
 *
 * Room: base.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: none.
 */
#ifndef WHY_BASE_VERSION_H
#define WHY_BASE_VERSION_H

#define WHY_VERSION "0.1.0"

#endif
