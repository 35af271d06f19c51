// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define MAX_LINE_BYTES       1024
#define MAX_LINES_PER_SECOND 200

static atomic_int max_level = LOG_LEVEL_INFO;

static pthread_mutex_t limiter_lock = PTHREAD_MUTEX_INITIALIZER;
static mono_ns_t second_start;
static unsigned lines_this_second;
static unsigned long lines_held_back;

void log_set_level(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

/* JOURNAL_STREAM is inherited, so it only counts when stderr is still the file that it names. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == (dev_t)device && st.st_ino == (ino_t)inode;
}

static const char *level_prefix(enum log_level level)
{
	if (stderr_is_journal())
		return level <= LOG_LEVEL_ERROR ? "<3>" : level <= LOG_LEVEL_WARNING ? "<4>" :
		       level <= LOG_LEVEL_INFO	? "<6>" : "<7>";
	return level <= LOG_LEVEL_ERROR ? "error: " : level <= LOG_LEVEL_WARNING ? "warning: " :
	       level <= LOG_LEVEL_INFO	? "info: " : "debug: ";
}

static void write_line(enum log_level level, const char *message)
{
	char line[MAX_LINE_BYTES];
	struct text t;
	ssize_t n;

	text_init(&t, line, sizeof(line) - 1); /* room for the newline */
	text_add(&t, level_prefix(level));
	text_add_escaped(&t, message, strlen(message));
	line[t.len++] = '\n';
	do
		n = write(STDERR_FILENO, line, t.len);
	while (n < 0 && errno == EINTR); /* nobody is left to be told of any other error */
}

/* May one more line leave? When a second is over, says how many of it stayed here. */
static bool may_leave(mono_ns_t now, unsigned long *ret_held_back)
{
	bool may;

	(void)pthread_mutex_lock(&limiter_lock);
	if (second_start == 0 || mono_since(second_start, now) >= NS_PER_S) {
		*ret_held_back = lines_held_back;
		second_start = now;
		lines_this_second = 0;
		lines_held_back = 0;
	}
	may = lines_this_second < MAX_LINES_PER_SECOND;
	if (may)
		lines_this_second++;
	else
		lines_held_back++;
	(void)pthread_mutex_unlock(&limiter_lock);
	return may;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char message[MAX_LINE_BYTES], note[64];
	unsigned long held_back = 0;
	int saved = errno;
	va_list ap;

	if ((int)level > atomic_load(&max_level))
		return;
	if (may_leave(clock_mono_now(), &held_back)) {
		if (held_back > 0) {
			(void)snprintf(note, sizeof(note), "%lu lines of the second before were not logged", held_back);
			write_line(LOG_LEVEL_WARNING, note);
		}
		va_start(ap, fmt);
		(void)vsnprintf(message, sizeof(message), fmt, ap);
		va_end(ap);
		write_line(level, message);
	}
	errno = saved;
}
