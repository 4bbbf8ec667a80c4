/*
 * config.c - the settings as one table, read from an INI file by inih.
 *
 * inih keeps no line numbers for its handler and cuts long lines in silence; the reader given to it
 * counts lines, and refuses what does not fit. A value goes on in the next line where that is
 * indented, as in any INI file.
 */
#include "config.h"
#include "memory.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct config config;

/* A parser sets *into from the text, and returns NULL or what would have been right. */
typedef const char *parse_fn(const char *text, void *into);

static const char *parse_text(const char *text, void *into) {
    char **value = into;

    free(*value);
    *value = memory_text(text);
    return NULL;
}

static bool is_address(const char *text) {
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static const char *parse_address(const char *text, void *into) {
    /* libwebsockets listens on every interface when it cannot read what it is given. */
    return is_address(text) ? parse_text(text, into) : "an IPv4 or IPv6 address";
}

static const char *parse_addresses(const char *text, void *into) {
    char *copy = memory_text(text), *rest = copy, *one;
    bool good = true;

    while ((one = strsep(&rest, " ")))
        good = good && (!*one || is_address(one));
    free(copy);
    return good ? parse_text(text, into) : "IPv4 or IPv6 addresses, separated by spaces";
}

static const char *parse_conninfo(const char *text, void *into) {
    PQconninfoOption *options = PQconninfoParse(text, NULL);

    if (!options)
        return "a connection string of libpq";
    PQconninfoFree(options);
    return parse_text(text, into);
}

static bool parse_digits(const char *text, unsigned long long largest, unsigned long long *number,
                         const char **rest) {
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    *number = strtoull(text, &end, 10);
    *rest = end;
    return errno == 0 && *number <= largest;
}

/* A whole number from least to most. */
static bool parse_whole(const char *text, unsigned least, unsigned most, unsigned *into) {
    unsigned long long number;
    const char *rest;

    if (!parse_digits(text, most, &number, &rest) || *rest || number < least)
        return false;
    *into = number;
    return true;
}

static const char *parse_port(const char *text, void *into) {
    return parse_whole(text, 0, 65535, into) ? NULL : "a port from 0 (any free one) to 65535";
}

static const char *parse_count(const char *text, void *into) {
    return parse_whole(text, 1, 1000000, into) ? NULL : "a number from 1 to 1000000";
}

static const char *parse_seconds(const char *text, void *into) {
    return parse_whole(text, 1, 3600, into) ? NULL : "a number of seconds from 1 to 3600";
}

static const char *parse_bytes(const char *text, void *into) {
    static const char units[] = "kmg";
    unsigned long long number;
    const char *rest, *unit;

    if (!parse_digits(text, (unsigned long long)1 << 40, &number, &rest) || number == 0)
        return "a number of bytes, as 4096, 256k, 100m or 2g";
    if (*rest && (unit = strchr(units, tolower((unsigned char)*rest)))) {
        number <<= 10 * (unit - units + 1);
        rest++;
    }
    if (*rest || number > (unsigned long long)1 << 40)
        return "a number of bytes, as 4096, 256k, 100m or 2g";
    *(size_t *)into = number;
    return NULL;
}

static const char *parse_level(const char *text, void *into) {
    static const char *const names[] = {"error", "warning", "info", "debug"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *(enum log_level *)into = i;
            return NULL;
        }
    }
    return "error, warning, info or debug";
}

static const struct setting {
    const char *name;
    parse_fn *parse;
    void *into;
    const char *fallback;
    const char *help;
} settings[] = {
    {"listen", parse_address, &config.listen, "127.0.0.1", "address to listen on"},
    {"port", parse_port, &config.port, "8080", "port to listen on; 0: any free one"},
    {"database", parse_conninfo, &config.database, "dbname=onefin user=onefin_gateway",
     "connection string of libpq"},
    {"call_connections", parse_count, &config.call_connections, "4",
     "database connections for calls"},
    {"login_connections", parse_count, &config.login_connections, "1",
     "database connections for logins, which are slow on purpose"},
    {"call_timeout", parse_seconds, &config.call_timeout, "30",
     "seconds after which a call is given up"},
    {"page", parse_text, &config.page, "/usr/local/share/onefin/web", "directory of the web page"},
    {"store", parse_text, &config.store, "/var/lib/onefin/files", "directory of the files"},
    {"max_upload", parse_bytes, &config.max_upload, "100m", "bytes of a file at most"},
    {"max_frame", parse_bytes, &config.max_frame, "256k", "bytes of a client's message at most"},
    {"outbox_bytes", parse_bytes, &config.outbox_bytes, "1m",
     "bytes that may wait for a slow client"},
    {"outbox_frames", parse_count, &config.outbox_frames, "1024",
     "messages that may wait for a slow client"},
    {"max_connections", parse_count, &config.max_connections, "10000",
     "WebSocket connections at most"},
    {"login_timeout", parse_seconds, &config.login_timeout, "15",
     "seconds that a connection may stay without login"},
    {"ping_interval", parse_seconds, &config.ping_interval, "30",
     "seconds of silence before a ping; cut after twice as many"},
    {"origins", parse_text, &config.origins, "",
     "origins of pages allowed to connect, separated by spaces; empty: this host's only"},
    {"proxies", parse_addresses, &config.proxies, "127.0.0.1 ::1",
     "addresses of reverse proxies whose X-Forwarded-For is believed, separated by spaces"},
    {"log_level", parse_level, &config.log_level, "info", "error, warning, info or debug"},
};

#define SETTINGS (sizeof settings / sizeof *settings)

/* One reading of a file. */
struct reading {
    const char *path;
    FILE *file;
    int line;
    int mistakes;
    bool indented;          /* the line just read goes on with the setting before it */
    int set_at[SETTINGS];   /* line, 0: not set */
    char *values[SETTINGS]; /* as far as read, owned */
};

static void mistake(struct reading *reading, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void mistake(struct reading *reading, int line, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "%s:%d: ", reading->path, line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    reading->mistakes++;
}

/* What inih gets lines by. */
static char *read_line(char *buffer, int size, void *stream) {
    struct reading *reading = stream;
    char *got = fgets(buffer, size, reading->file);

    if (!got)
        return NULL;
    reading->line++;
    reading->indented = isspace((unsigned char)buffer[0]);
    if (!strchr(buffer, '\n') && !feof(reading->file)) {
        mistake(reading, reading->line,
                "the line is too long; continue the value in the next line, indented");
        for (int c = fgetc(reading->file); c != '\n' && c != EOF;)
            c = fgetc(reading->file);
        strcpy(buffer, "\n");
    }
    return got;
}

static int read_setting(void *user, const char *section, const char *name, const char *value) {
    struct reading *reading = user;
    size_t i = 0;

    while (i < SETTINGS && strcmp(settings[i].name, name) != 0)
        i++;
    if (*section)
        mistake(reading, reading->line, "section \"%s\"; the file has no sections", section);
    else if (i == SETTINGS)
        mistake(reading, reading->line,
                "unknown setting \"%s\"; onefin-gateway --help lists all of them", name);
    else if (!reading->set_at[i]) {
        reading->set_at[i] = reading->line;
        reading->values[i] = memory_text(value);
    } else if (reading->indented) {
        char *joined = memory_format("%s %s", reading->values[i], value);

        free(reading->values[i]);
        reading->values[i] = joined;
    } else
        mistake(reading, reading->line, "second value for %s; the first is in line %d", name,
                reading->set_at[i]);
    return 1;
}

static void apply(struct reading *reading) {
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *wanted;

        if (!reading->set_at[i])
            continue;
        wanted = settings[i].parse(reading->values[i], settings[i].into);
        if (wanted) /* without the value: it may hold a password */
            mistake(reading, reading->set_at[i], "bad value for %s; it must be %s",
                    settings[i].name, wanted);
        free(reading->values[i]);
    }
}

static bool read_file(const char *path) {
    struct reading reading = {.path = path, .file = fopen(path, "r")};
    int bad_line;

    if (!reading.file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    bad_line = ini_parse_stream(read_line, &reading, read_setting, &reading);
    if (bad_line > 0) {
        mistake(&reading, bad_line, "expected name = value");
    }
    fclose(reading.file);
    apply(&reading);
    return reading.mistakes == 0;
}

bool config_load(const char *path) {
    for (size_t i = 0; i < SETTINGS; i++)
        settings[i].parse(settings[i].fallback, settings[i].into);
    return !path || read_file(path);
}

void config_help(FILE *out) {
    for (size_t i = 0; i < SETTINGS; i++)
        fprintf(out, "  %-18s %s (%s)\n", settings[i].name, settings[i].help,
                *settings[i].fallback ? settings[i].fallback : "empty");
}

void config_free(void) {
    free(config.listen);
    memory_forget(config.database);
    free(config.page);
    free(config.store);
    free(config.origins);
    free(config.proxies);
}
