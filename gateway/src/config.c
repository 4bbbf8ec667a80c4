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
#include <stddef.h>
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

/* Empty, or with a host behind one of the schemes, and without what would end a line or a URL. */
static bool is_url(const char *text, const char *scheme, const char *secure) {
    size_t length = strncmp(text, secure, strlen(secure)) == 0   ? strlen(secure)
                    : strncmp(text, scheme, strlen(scheme)) == 0 ? strlen(scheme)
                                                                 : 0;

    return !*text || (length > 0 && text[length] && !strpbrk(text, " \t\"<>"));
}

static const char *parse_http_url(const char *text, void *into) {
    return is_url(text, "http://", "https://") ? parse_text(text, into)
                                               : "a URL of http:// or https://, or empty";
}

static const char *parse_smtp_url(const char *text, void *into) {
    return is_url(text, "smtp://", "smtps://") ? parse_text(text, into)
                                               : "a URL of smtp:// or smtps://, or empty";
}

static const char *parse_mailbox(const char *text, void *into) {
    const char *at = strchr(text, '@');

    return !*text || (at && at > text && at[1] && !strpbrk(text, " \t\"<>,;"))
               ? parse_text(text, into)
               : "a mail address, or empty";
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

static const char *parse_presign(const char *text, void *into) {
    return parse_whole(text, 0, 3600, into) ? NULL : "a number of seconds from 0 (never) to 3600";
}

static bool is_of(const char *text, const char *others) {
    while (isalnum((unsigned char)*text) || (*text && strchr(others, *text)))
        text++;
    return !*text;
}

/* Kept without a '/' at its end and without the usual port, as it is signed. */
static const char *parse_endpoint(const char *text, void *into) {
    static const char *const schemes[] = {"http://", "https://"}, *const ports[] = {":80", ":443"};
    char *kept = memory_text(text);
    bool good = !*text;

    for (size_t i = 0; i < 2; i++) {
        size_t scheme = strlen(schemes[i]), length = strlen(kept);

        if (strncmp(kept, schemes[i], scheme) != 0)
            continue;
        if (length > scheme && kept[length - 1] == '/')
            kept[--length] = '\0';
        if (length > strlen(ports[i]) && strcmp(kept + length - strlen(ports[i]), ports[i]) == 0)
            kept[length - strlen(ports[i])] = '\0';
        good = kept[scheme] && is_of(kept + scheme, ".-:[]");
    }
    for (char *at = kept; *at; at++)
        *at = tolower((unsigned char)*at);
    if (good)
        parse_text(kept, into);
    free(kept);
    return good ? NULL : "http:// or https://, a host, and a port where it is not the usual one";
}

static const char *parse_bucket(const char *text, void *into) {
    return is_of(text, ".-_") ? parse_text(text, into)
                              : "a bucket's name: letters, digits, '.', '-' and '_'";
}

static const char *parse_region(const char *text, void *into) {
    return *text && is_of(text, "-_") ? parse_text(text, into) : "a region's name, as us-east-1";
}

static const char *parse_style(const char *text, void *into) {
    if (strcmp(text, "path") != 0 && strcmp(text, "host") != 0)
        return "path or host";
    *(enum s3_style *)into = *text == 'h' ? S3_STYLE_HOST : S3_STYLE_PATH;
    return NULL;
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

static const char *parse_s3_memory(const char *text, void *into) {
    size_t bytes;

    if (parse_bytes(text, &bytes) || bytes < 16 << 20)
        return "a number of bytes, 16m or more";
    *(size_t *)into = bytes;
    return NULL;
}

static const char *parse_jobs(const char *text, void *into) {
    return parse_whole(text, 1, 32, into) ? NULL : "a number from 1 to 32";
}

/* What the worker's libraries need before they have read anything is less than that. */
static const char *parse_memory(const char *text, void *into) {
    size_t bytes;

    if (parse_bytes(text, &bytes) || bytes < (size_t)256 << 20)
        return "a number of bytes from 256m, as 512m or 2g";
    *(size_t *)into = bytes;
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

/* What may change while the gateway runs, and what it was started with for good. */
enum { FIXED, RELOADED };

static const struct setting {
    const char *name;
    parse_fn *parse;
    size_t place; /* in struct config, */
    size_t size;  /* bytes, */
    bool is_text; /* a pointer to text that is owned */
    bool reloaded;
    const char *fallback;
    const char *help;
} settings[] = {
#define AT(name)                                                                                   \
    offsetof(struct config, name), sizeof((struct config){0}.name),                                \
        _Generic((struct config){0}.name, char *: true, default: false)
    {"listen", parse_address, AT(listen), FIXED, "127.0.0.1", "address to listen on"},
    {"port", parse_port, AT(port), FIXED, "8080", "port to listen on; 0: any free one"},
    {"database", parse_conninfo, AT(database), FIXED, "dbname=onefin user=onefin_gateway",
     "connection string of libpq"},
    {"call_connections", parse_count, AT(call_connections), FIXED, "4",
     "database connections for calls"},
    {"login_connections", parse_count, AT(login_connections), FIXED, "1",
     "database connections for logins, which are slow on purpose"},
    {"call_timeout", parse_seconds, AT(call_timeout), FIXED, "30",
     "seconds after which a call is given up"},
    {"page", parse_text, AT(page), FIXED, "/usr/local/share/onefin/web",
     "directory of the web page"},
    {"store", parse_text, AT(store), FIXED, "/var/lib/onefin/files",
     "directory of the files, or s3"},
    {"s3_endpoint", parse_endpoint, AT(s3_endpoint), FIXED, "",
     "where the S3 store is, as https://s3.example.uz:9000; empty: AWS"},
    {"s3_public_endpoint", parse_endpoint, AT(s3_public_endpoint), FIXED, "",
     "where clients reach it, for presigned addresses; empty: the same"},
    {"s3_bucket", parse_bucket, AT(s3_bucket), FIXED, "", "bucket of the files"},
    {"s3_region", parse_region, AT(s3_region), FIXED, "us-east-1", "region of the bucket"},
    {"s3_style", parse_style, AT(s3_style), FIXED, "path",
     "where the bucket is named: path, or host"},
    {"s3_credentials", parse_text, AT(s3_credentials), FIXED, "",
     "file with the credentials; empty: the environment has them"},
    {"s3_ca", parse_text, AT(s3_ca), FIXED, "",
     "file with the certificates to be trusted; empty: those of the system"},
    {"s3_timeout", parse_seconds, AT(s3_timeout), FIXED, "30",
     "seconds that the S3 store may be silent, and be asked again after a failure"},
    {"s3_memory", parse_s3_memory, AT(s3_memory), FIXED, "64m",
     "bytes of memory in which uploads wait for the S3 store, at least 16m"},
    {"presign_seconds", parse_presign, AT(presign_seconds), RELOADED, "60",
     "seconds that a presigned address of a file is good for; 0: there are none"},
    {"spool", parse_text, AT(spool), FIXED, "/var/tmp",
     "directory for temporary files of documents under work"},
    {"worker", parse_text, AT(worker), FIXED, "",
     "program that reads documents; empty: onefin-worker beside onefin-gateway"},
    {"jobs_at_once", parse_jobs, AT(jobs_at_once), FIXED, "2",
     "documents worked on at once; no more than processors"},
    {"worker_memory", parse_memory, AT(worker_memory), FIXED, "1g",
     "bytes of memory that one document may take"},
    {"worker_seconds", parse_seconds, AT(worker_seconds), FIXED, "60",
     "seconds that one document may take"},
    {"max_upload", parse_bytes, AT(max_upload), RELOADED, "100m", "bytes of a file at most"},
    {"max_frame", parse_bytes, AT(max_frame), RELOADED, "256k",
     "bytes of a client's message at most"},
    {"outbox_bytes", parse_bytes, AT(outbox_bytes), RELOADED, "1m",
     "bytes that may wait for a slow client"},
    {"outbox_frames", parse_count, AT(outbox_frames), RELOADED, "1024",
     "messages that may wait for a slow client"},
    {"max_connections", parse_count, AT(max_connections), FIXED, "10000",
     "WebSocket connections at most"},
    {"connections_per_address", parse_count, AT(connections_per_address), RELOADED, "256",
     "connections of one address at most, but for proxies"},
    {"connections_per_account", parse_count, AT(connections_per_account), RELOADED, "32",
     "WebSocket connections of one account at most"},
    {"calls_per_second", parse_count, AT(calls_per_second), RELOADED, "50",
     "calls of one account at most, four seconds' worth at once; admins have no limit"},
    {"logins_waiting", parse_count, AT(logins_waiting), RELOADED, "256",
     "logins that may wait for their turn"},
    {"handshake_timeout", parse_seconds, AT(handshake_timeout), FIXED, "10",
     "seconds that the head of a request may take"},
    {"login_timeout", parse_seconds, AT(login_timeout), RELOADED, "15",
     "seconds that a connection may stay without login"},
    {"ping_interval", parse_seconds, AT(ping_interval), RELOADED, "30",
     "seconds of silence before a ping; cut after twice as many"},
    {"drain_time", parse_seconds, AT(drain_time), RELOADED, "5",
     "seconds over which clients are sent elsewhere when the gateway stops"},
    {"public_url", parse_http_url, AT(public_url), RELOADED, "",
     "where people find the page, for links in mails; empty: no links"},
    {"smtp_url", parse_smtp_url, AT(smtp_url), RELOADED, "",
     "mail server, smtp://HOST:PORT or smtps://HOST:PORT; empty: no mails"},
    {"smtp_from", parse_mailbox, AT(smtp_from), RELOADED, "", "address that mails come from"},
    {"smtp_credentials", parse_text, AT(smtp_credentials), RELOADED, "",
     "file with USER:PASSWORD for the mail server; empty: none"},
    {"webhook_url", parse_http_url, AT(webhook_url), RELOADED, "",
     "where notifications are posted to; empty: nowhere"},
    {"webhook_secret", parse_text, AT(webhook_secret), RELOADED, "",
     "file with the secret that signs them"},
    {"origins", parse_text, AT(origins), RELOADED, "",
     "origins of pages allowed to connect, separated by spaces; empty: this host's only"},
    {"proxies", parse_addresses, AT(proxies), RELOADED, "127.0.0.1 ::1",
     "addresses of reverse proxies whose X-Forwarded-For is believed, separated by spaces"},
    {"log_level", parse_level, AT(log_level), RELOADED, "info", "error, warning, info or debug"},
#undef AT
};

#define SETTINGS (sizeof settings / sizeof *settings)

static void *place(struct config *in, size_t i) {
    return (char *)in + settings[i].place;
}

/* One reading of a file. */
struct reading {
    const char *path;
    struct config *into;
    FILE *file;
    int line;
    int mistakes;
    bool indented;          /* the line just read goes on with the setting before it */
    int set_at[SETTINGS];   /* line, 0: not set */
    char *values[SETTINGS]; /* as far as read, owned */
};

static void mistake(struct reading *reading, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* At start to whoever started it, later to the log. */
static void tell(const struct reading *reading, const char *text) {
    if (reading->into == &config)
        fprintf(stderr, "%s\n", text);
    else
        log_error("%s", text);
}

static void mistake(struct reading *reading, int line, const char *format, ...) {
    char what[512], text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(text, sizeof text, "%s:%d: %s", reading->path, line, what);
    tell(reading, text);
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
        wanted = settings[i].parse(reading->values[i], place(reading->into, i));
        if (wanted) /* without the value: it may hold a password */
            mistake(reading, reading->set_at[i], "bad value for %s; it must be %s",
                    settings[i].name, wanted);
        free(reading->values[i]);
    }
}

static bool read_file(const char *path, struct config *into) {
    struct reading reading = {.path = path, .into = into, .file = fopen(path, "r")};
    int bad_line;

    if (!reading.file) {
        char text[1024];

        snprintf(text, sizeof text, "%s: %s", path, strerror(errno));
        tell(&reading, text);
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

static bool load(const char *path, struct config *into) {
    for (size_t i = 0; i < SETTINGS; i++)
        settings[i].parse(settings[i].fallback, place(into, i));
    return !path || read_file(path, into);
}

static bool is_same(size_t i, struct config *other) {
    void *one = place(&config, i), *two = place(other, i);

    return settings[i].is_text ? strcmp(*(char **)one, *(char **)two) == 0
                               : memcmp(one, two, settings[i].size) == 0;
}

static void swap(size_t i, struct config *other) {
    char one[sizeof(char *)];

    memcpy(one, place(&config, i), settings[i].size);
    memcpy(place(&config, i), place(other, i), settings[i].size);
    memcpy(place(other, i), one, settings[i].size);
}

static void drop(struct config *gone) {
    for (size_t i = 0; i < SETTINGS; i++) {
        if (settings[i].is_text)
            memory_forget(*(char **)place(gone, i));
    }
}

bool config_load(const char *path) {
    return load(path, &config);
}

bool config_reload(const char *path) {
    struct config fresh = {0};
    bool good = load(path, &fresh);

    for (size_t i = 0; good && i < SETTINGS; i++) {
        if (is_same(i, &fresh))
            continue;
        if (settings[i].reloaded) {
            swap(i, &fresh);
            log_info("settings: %s has changed", settings[i].name);
        } else {
            log_warning("settings: %s changes with a restart only", settings[i].name);
        }
    }
    drop(&fresh);
    return good;
}

void config_help(FILE *out) {
    for (size_t i = 0; i < SETTINGS; i++)
        fprintf(out, "  %-24s%s (%s)%s\n", settings[i].name, settings[i].help,
                *settings[i].fallback ? settings[i].fallback : "empty",
                settings[i].reloaded ? "" : " *");
    fputs("\nThose with a * change with a restart only, the others at SIGHUP, too.\n", out);
}

void config_free(void) {
    drop(&config);
}
