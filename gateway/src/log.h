/*
 * log.h - lines on standard error, each a list of key=value (logfmt): time, level, msg, and what
 * else there is to tell.
 *
 * Never log a token, a password, a message's text or a parameter of a call: a log is read by people
 * who may not read the chat.
 */
#pragma once

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above this level are dropped. */
void log_set_level(enum log_level level);

/* Sends libwebsockets' own messages here too; call before its context is made. */
void log_adopt_libwebsockets(void);

/* A line whose message is made by the format. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line with a fixed message, and fields: the format makes `key=value key=value`, of values that
 * have neither spaces nor quotes. */
void log_fields(enum log_level level, const char *message, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
