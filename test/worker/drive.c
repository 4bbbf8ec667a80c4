/*
 * drive.c - the gateway's side of the worker (worker.c) without a gateway around it: gives the
 * worker tasks as they come in by standard input, and prints the answers.
 *
 *   drive-worker [NAME=VALUE]...    settings, as in gateway.conf
 *
 * A line is a task {name, kind, request, input, output, preview, logo}, the last four paths, or -
 * for a file in memory; or {abandon: name}; or {count: N, ...}: the task N times, one after the
 * other. An answer is a line {name, seconds, answer}; seconds is the time of all N. Ends with its
 * input, and with all tasks done.
 */
#include "config.h"
#include "memory.h"
#include "metrics.h"
#include "worker.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct errand {
    struct errand *next;
    json_t *line;
    struct worker_task_handle *handle;
    double began;
    json_int_t left;
};

static struct errand *errands;
static bool at_end;

static int open_member(json_t *line, const char *name, int how) {
    const char *path = json_string_value(json_object_get(line, name));
    int file = !path                    ? -1
               : strcmp(path, "-") == 0 ? memfd_create(name, MFD_CLOEXEC)
                                        : open(path, how | O_CLOEXEC, 0600);

    if (path && file < 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    return file;
}

static const char *text(json_t *line, const char *name) {
    const char *value = json_string_value(json_object_get(line, name));

    return value ? value : "";
}

static void on_done(void *owner, json_t *answer);

static void run(struct errand *errand) {
    struct worker_task task = {
        .kind = text(errand->line, "kind"),
        .request = json_deep_copy(json_object_get(errand->line, "request")),
        .input = open_member(errand->line, "input", O_RDONLY),
        .output = open_member(errand->line, "output", O_RDWR | O_CREAT | O_TRUNC),
        .preview = open_member(errand->line, "preview", O_RDWR | O_CREAT | O_TRUNC),
        .logo = open_member(errand->line, "logo", O_RDONLY),
    };

    errand->handle = worker_run(&task, on_done, errand);
}

static void drop(struct errand *gone) {
    struct errand **at = &errands;

    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    json_decref(gone->line);
    free(gone);
    if (at_end && !errands)
        ev_break(EV_DEFAULT_ EVBREAK_ALL);
}

static void on_done(void *owner, json_t *answer) {
    struct errand *errand = owner;
    json_t *said;

    if (--errand->left > 0) {
        run(errand);
        return;
    }
    said = json_pack("{s:s, s:f, s:O}", "name", text(errand->line, "name"), "seconds",
                     ev_time() - errand->began, "answer", answer);
    json_dumpf(said, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(said);
    drop(errand);
}

static void abandon(const char *name) {
    for (struct errand *errand = errands; errand; errand = errand->next) {
        if (strcmp(text(errand->line, "name"), name) == 0) {
            worker_abandon(errand->handle);
            drop(errand);
            return;
        }
    }
}

static void on_line(const char *line) {
    json_t *body = json_loads(line, 0, NULL);
    json_t *count = json_object_get(body, "count");
    struct errand *errand;

    if (json_object_get(body, "abandon")) {
        abandon(text(body, "abandon"));
        json_decref(body);
        return;
    }
    errand = memory_zeroed(sizeof *errand);
    *errand = (struct errand){.next = errands,
                              .line = body,
                              .began = ev_time(),
                              .left = count ? json_integer_value(count) : 1};
    errands = errand;
    run(errand);
}

static void on_input(EV_P_ ev_io *io, int events) {
    static char text[1 << 20];
    static size_t size;
    ssize_t got = read(io->fd, text + size, sizeof text - 1 - size);
    char *line = text, *end;

    (void)events;
    if (got <= 0) {
        ev_io_stop(EV_A_ io);
        at_end = true;
        if (!errands)
            ev_break(EV_A_ EVBREAK_ALL);
        return;
    }
    size += got;
    while ((end = memchr(line, '\n', text + size - line))) {
        *end = '\0';
        on_line(line);
        line = end + 1;
    }
    size -= line - text;
    memmove(text, line, size);
}

/* The settings by way of a file, as the gateway has them. */
static void configure(int count, char **settings) {
    char path[] = "/tmp/drive-worker-XXXXXX";
    int file = mkstemp(path);
    FILE *out = fdopen(file, "w");

    for (int i = 1; i < count; i++)
        fprintf(out, "%s\n", settings[i]);
    fclose(out);
    if (!config_load(path))
        exit(EXIT_FAILURE);
    unlink(path);
}

int main(int count, char **settings) {
    ev_io input;

    configure(count, settings);
    ev_default_loop(0);
    if (!worker_start())
        return EXIT_FAILURE;
    ev_io_init(&input, on_input, STDIN_FILENO, EV_READ);
    ev_io_start(EV_DEFAULT_ & input);
    ev_run(EV_DEFAULT_ 0);
    worker_stop();
    config_free();
    fprintf(stderr, "restarts: %ju\n", (uintmax_t)metrics.worker_restarts);
    return EXIT_SUCCESS;
}
