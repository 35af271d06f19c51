/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - one line a message to stderr, in the form journald and a terminal both read.
 *
 * Room: base.  Owns: the level and a rate limiter.  Thread: any (one write(2) a line).  Clock: reads it, for its limiter.
 * Bounds: a line is cut at 1,024 bytes; control characters are escaped; at most 200 lines a second
 * leave, the rest are counted and the count is said once the second is over.
 *
 * A function either logs or returns an error, never both. The rooms collectors, rules and model
 * do not log at all (`make check`): they return, or write an event.
 */
#ifndef WHY_BASE_LOG_H
#define WHY_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Lines above `level` are dropped. Default LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* With a prefix "<3>" when stderr is journald's (JOURNAL_STREAM is set), else "error: ". */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
