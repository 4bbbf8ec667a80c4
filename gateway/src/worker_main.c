/*
 * worker_main.c - onefin-worker: started by the gateway, or by hand for one file.
 *
 * By hand it is no different: the file is read by a child in the same sandbox.
 */
#include "sniff.h"
#include "worker_task.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2

static void usage(FILE *out) {
    fputs("Usage: onefin-worker stamp IN OUT [OPTION]...\n"
          "       onefin-worker preview IN OUT [--office] [--type TYPE]\n"
          "       onefin-worker logo IN OUT [--type TYPE]\n"
          "Does by hand what onefin-gateway has it do with documents: stamps one (PDF, JPEG, PNG, "
          "WebP,\n"
          "TIFF, HEIC, office files), makes a small picture (WebP) of one, or a PNG of a logo "
          "(PNG, SVG).\n"
          "Prints what became of it as JSON. Exit status: 0 done, 1 not done, 2 bad options.\n\n"
          "  --name NAME       the uploader's name in the stamp\n"
          "  --uploader ID     the uploader's id\n"
          "  --at TIME         the time, as it is to be shown; else now\n"
          "  --document ID     the document's id\n"
          "  --logo FILE       a PNG, as `logo` makes it\n"
          "  --preview FILE    makes the small picture, too\n"
          "  --office          lets LibreOffice turn office files into PDF\n"
          "  --type TYPE       the media type of IN; else it is told from its first bytes\n"
          "  --memory MIB      memory at most (1024)\n"
          "  --seconds N       time at most (60)\n"
          "  --version         print the version and exit\n"
          "  --help            print this and exit\n",
          out);
}

static void complain(const char *what, const char *about) {
    fprintf(stderr, "onefin-worker: %s: %s\n", what, about);
    exit(EXIT_USAGE);
}

static json_int_t number(const char *name, const char *text) {
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno || end == text || *end || number < 0)
        complain(name, "a number is wanted");
    return number;
}

static int open_file(const char *path, int how) {
    int file = open(path, how | O_CLOEXEC, 0666);

    if (file < 0)
        complain(path, strerror(errno));
    return file;
}

/* A logo has its type from whoever sends it, as SVG cannot be told from other texts. */
static const char *type_of(int file, const char *kind) {
    unsigned char start[4096];
    ssize_t size = pread(file, start, sizeof start, 0);
    const char *type = sniff_type(start, size > 0 ? size : 0);

    return strcmp(kind, "logo") == 0 && strncmp(type, "image/", 6) != 0 ? "image/svg+xml" : type;
}

static json_t *text(const char *name, const char *text) {
    json_t *string = json_string(text);

    if (!string)
        complain(name, "no UTF-8");
    return string;
}

static json_t *time_now(void) {
    char shown[40];
    time_t now = time(NULL);
    struct tm local;

    strftime(shown, sizeof shown, "%Y-%m-%d %H:%M %z", localtime_r(&now, &local));
    return json_string(shown);
}

static const struct option options[] = {
    {"name", required_argument, NULL, 'n'},    {"uploader", required_argument, NULL, 'u'},
    {"at", required_argument, NULL, 'a'},      {"document", required_argument, NULL, 'd'},
    {"logo", required_argument, NULL, 'l'},    {"preview", required_argument, NULL, 'p'},
    {"office", no_argument, NULL, 'o'},        {"type", required_argument, NULL, 't'},
    {"memory", required_argument, NULL, 'm'},  {"seconds", required_argument, NULL, 's'},
    {"gateway", required_argument, NULL, 'g'}, {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},          {0},
};

struct command {
    json_t *request;
    int files[TASK_FILES];
    struct limits limits;
    int gateway; /* the socket, or -1 */
};

static void heed(struct command *command, int option, const char *name) {
    json_t *request = command->request;

    switch (option) {
    case 'n':
        json_object_set_new(request, "uploader_name", text(name, optarg));
        break;
    case 'a':
    case 't':
        json_object_set_new(request, name, text(name, optarg));
        break;
    case 'u':
    case 'd':
        json_object_set_new(request, name, json_integer(number(name, optarg)));
        break;
    case 'l':
        command->files[TASK_LOGO] = open_file(optarg, O_RDONLY);
        break;
    case 'p':
        command->files[TASK_PREVIEW] = open_file(optarg, O_RDWR | O_CREAT | O_TRUNC);
        break;
    case 'o':
        json_object_set_new(request, "office", json_true());
        break;
    case 'm':
        command->limits.memory = (size_t)number(name, optarg) << 20;
        break;
    case 's':
        command->limits.seconds = number(name, optarg);
        break;
    case 'g':
        command->gateway = number(name, optarg);
        break;
    case 'v':
        puts("onefin-worker " ONEFIN_VERSION);
        exit(EXIT_SUCCESS);
    case 'h':
        usage(stdout);
        exit(EXIT_SUCCESS);
    default:
        exit(EXIT_USAGE);
    }
}

static int by_hand(struct command *command, const char *kind, const char *in, const char *out) {
    int output = strcmp(kind, "preview") == 0 ? TASK_PREVIEW : TASK_OUTPUT;
    bool done;
    json_t *answer;

    command->files[TASK_INPUT] = open_file(in, O_RDONLY);
    command->files[output] = open_file(out, O_RDWR | O_CREAT | O_TRUNC);
    if (!json_object_get(command->request, "type"))
        json_object_set_new(command->request, "type",
                            json_string(type_of(command->files[TASK_INPUT], kind)));
    if (!json_object_get(command->request, "at"))
        json_object_set_new(command->request, "at", time_now());
    answer = zygote_do(kind, command->request, command->files, &command->limits, job_do);
    done = json_is_true(json_object_get(answer, "ok"));
    json_dumpf(answer, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int count, char **arguments) {
    struct command command = {
        .request = json_object(),
        .files = {-1, -1, -1, -1},
        .limits = {(size_t)1 << 30, 60},
        .gateway = -1,
    };
    int option, at = 0;

    while ((option = getopt_long(count, arguments, "", options, &at)) != -1)
        heed(&command, option, options[at].name);
    /* The libraries keep what they have until the end; it is not worth being taken down. */
    if (command.gateway >= 0 && optind == count) {
        job_prepare();
        _exit(zygote_serve(command.gateway, &command.limits, job_do));
    }
    if (count - optind != 3 || !zygote_knows(arguments[optind])) {
        usage(stderr);
        return EXIT_USAGE;
    }
    job_prepare();
    _exit(by_hand(&command, arguments[optind], arguments[optind + 1], arguments[optind + 2]));
}
