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

/* Quotes a value: a quote, a backslash and what does not print are escaped, so that nobody's text
 * can make a line, or a field, of its own. */
static void quote(char *to, size_t room, const char *text) {
    char *end = to + room - sizeof "\\x00\"";

    *to++ = '"';
    for (; *text && to < end; text++) {
        unsigned char c = *text;

        if (c == '"' || c == '\\')
            *to++ = '\\';
        if (c < ' ' || c == 0x7f)
            to += sprintf(to, "\\x%02x", c);
        else
            *to++ = c;
    }
    *to++ = '"';
    *to = '\0';
}

static void write_line(enum log_level level, const char *message, const char *fields) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char stamp[32], quoted[1100];
    struct timespec now;
    struct tm utc;

    quote(quoted, sizeof quoted, message);
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &utc));
    fprintf(stderr, "time=%s.%03ldZ level=%s msg=%s%s%s\n", stamp, now.tv_nsec / 1000000,
            names[level], quoted, *fields ? " " : "", fields);
}

void log_line(enum log_level level, const char *format, ...) {
    char text[1024];
    va_list arguments;

    if (level > threshold)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text[strcspn(text, "\n")] = '\0';
    write_line(level, text, "");
}

void log_fields(enum log_level level, const char *message, const char *format, ...) {
    char fields[512];
    va_list arguments;

    if (level > threshold)
        return;
    va_start(arguments, format);
    vsnprintf(fields, sizeof fields, format, arguments);
    va_end(arguments);
    write_line(level, message, fields);
}

/* What it calls an error is mostly a client's doing (a bad handshake, a cut connection). */
static void from_libwebsockets(int level, const char *line) {
    log_line(level == LLL_ERR ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "libwebsockets: %s", line);
}

void log_adopt_libwebsockets(void) {
    lws_set_log_level(LLL_ERR | LLL_WARN, from_libwebsockets);
}
