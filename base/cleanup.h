/* SPDX-License-Identifier: Apache-2.0 */
/* cleanup.h - ownership by attribute: what a local owns is released where its scope ends.
 *
 * Room: base.  Owns: nothing.  Thread: any.  Clock: none.
 *
 * A local that owns something carries AUTO_FREE, AUTO_CLOSE or AUTO(destructor), is born NULL or -1,
 * and leaves its function only through TAKE_PTR or TAKE_FD. A reader can then see in one function
 * that nothing leaks on any return, without reading the callees; `goto out` is not needed anywhere.
 */
#ifndef WHY_BASE_CLEANUP_H
#define WHY_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

#define AUTO_FREE     __attribute__((cleanup(cleanup_free)))
#define AUTO_CLOSE    __attribute__((cleanup(cleanup_close)))
#define AUTO_FCLOSE   __attribute__((cleanup(cleanup_fclose)))
#define AUTO_CLOSEDIR __attribute__((cleanup(cleanup_closedir)))

/* AUTO(fn): fn takes `T **`, accepts a pointer to NULL, and frees what it points to. */
#define AUTO(fn) __attribute__((cleanup(fn)))

/* Hand the value on and forget it here. */
#define TAKE_PTR(p)                                                                                                    \
	({                                                                                                             \
		__typeof__(p) take_ = (p);                                                                             \
		(p) = NULL;                                                                                            \
		take_;                                                                                                 \
	})
#define TAKE_FD(fd)                                                                                                    \
	({                                                                                                             \
		int take_ = (fd);                                                                                      \
		(fd) = -1;                                                                                             \
		take_;                                                                                                 \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))
#define UNUSED       __attribute__((unused))

#endif
