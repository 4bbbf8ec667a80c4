/*
 * log.c - lines on standard error. A line is written by one call, so that lines of several
 * gateways sharing a terminal or a file do not mix.
 */
#include "log.h"
#include "compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level) {
    threshold = level;
}

void log_line(enum log_level level, const char *format, ...) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char text[1024];
    char stamp[32];
    struct timespec now;
    struct tm utc;
    va_list arguments;

    if (level > threshold)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text[strcspn(text, "\n")] = '\0';
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &utc));
    fprintf(stderr, "%s.%03ldZ %s: %s\n", stamp, now.tv_nsec / 1000000, names[level], text);
}

/* What it calls an error is mostly a client's doing (a bad handshake, a cut connection). */
static void from_libwebsockets(int level, const char *line) {
    log_line(level == LLL_ERR ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "libwebsockets: %s", line);
}

void log_adopt_libwebsockets(void) {
    lws_set_log_level(LLL_ERR | LLL_WARN, from_libwebsockets);
}
