/* main.c - options, the clients, and what comes on standard input; see load.h. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

struct options options = {.host = "127.0.0.1", .path = "/", .token = "t", .mark = "\"text\": \"#"};
const struct job *job;

_Noreturn void fail(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "load (%s, %s): ", options.protocol, options.job);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void *allocate(size_t size) {
    void *memory = malloc(size);

    if (!memory)
        fail("no memory");
    return memory;
}

void buffer_clear(struct buffer *buffer) {
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

void buffer_keep(struct buffer *buffer, const char *bytes, size_t size) {
    buffer_clear(buffer);
    if (size)
        buffer_add(buffer, bytes, size);
}

void buffer_add(struct buffer *buffer, const char *bytes, size_t size) {
    buffer->bytes = realloc(buffer->bytes, buffer->size + size);
    if (!buffer->bytes)
        fail("no memory");
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
}

/* The mark mostly stands where it stood in the text before. */
unsigned number_of(const char *text, size_t size) {
    static size_t at;
    size_t length = strlen(options.mark);
    const char *mark = text + at;

    if (at + length > size || memcmp(mark, options.mark, length) != 0)
        mark = memmem(text, size, options.mark, length);
    if (!mark)
        return 0;
    at = mark - text;
    return strtoul(mark + length, NULL, 10);
}

static void read_commands(struct source *source, uint32_t events) {
    static char line[4096];
    static size_t size;
    ssize_t got = read(source->fd, line + size, sizeof line - 1 - size);
    char *end;

    (void)events;
    if (got <= 0)
        exit(EXIT_SUCCESS);
    size += got;
    line[size] = 0;
    while ((end = strchr(line, '\n'))) {
        *end = 0;
        job->command(line);
        size -= end + 1 - line;
        memmove(line, end + 1, size + 1);
    }
}

static void raise_file_limit(void) {
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < options.clients + 64)
        fail("%u connections need more open files than the %ju allowed", options.clients,
             (uintmax_t)files.rlim_max);
}

static void take_option(const char *name, char *value) {
    const struct {
        const char *name, **text;
        unsigned *number;
    } known[] = {
        {"protocol", &options.protocol, NULL}, {"job", &options.job, NULL},
        {"host", &options.host, NULL},         {"path", &options.path, NULL},
        {"token", &options.token, NULL},       {"database", &options.database, NULL},
        {"topic", &options.topic, NULL},       {"frames", &options.frames, NULL},
        {"keep", &options.keep, NULL},         {"mark", &options.mark, NULL},
        {"port", NULL, &options.port},         {"publish", &options.publish, NULL},
        {"clients", NULL, &options.clients},   {"first", NULL, &options.first},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        if (known[i].text)
            *known[i].text = value;
        else
            *known[i].number = strtoul(value, NULL, 10);
        return;
    }
    fail("unknown option %s", name);
}

/* Options are name=value. */
static const struct protocol *read_options(char **arguments) {
    const struct protocol *const protocols[] = {&onefin, &websocket, &mqtt, &socketio};
    const struct job *const jobs[] = {&rate, &record, &idle, &call, &back};
    const struct protocol *protocol = NULL;

    for (char **argument = arguments; *argument; argument++) {
        char *equals = strchr(*argument, '=');

        if (!equals)
            fail("not name=value: %s", *argument);
        *equals = 0;
        take_option(*argument, equals + 1);
    }
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (options.protocol && strcmp(protocols[i]->name, options.protocol) == 0)
            protocol = protocols[i];
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        if (options.job && strcmp(jobs[i]->name, options.job) == 0)
            job = jobs[i];
    if (!protocol || !job)
        fail("unknown protocol or job");
    return protocol;
}

int main(int count, char **arguments) {
    const struct protocol *protocol;
    struct source commands = {.fd = STDIN_FILENO, .ready = read_commands};

    (void)count;
    protocol = read_options(arguments + 1);
    raise_file_limit();
    setvbuf(stdout, NULL, _IOLBF, 0);
    loop_watch(&commands, EPOLLIN);
    if (options.frames)
        lines_read();
    crowd_start(protocol);
    if (job->publishes)
        publish_start(protocol);
    loop_run();
}
