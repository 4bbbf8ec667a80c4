/*
 * worker_zygote.c - the parent of all that parse: takes tasks, forks, watches over, answers.
 *
 * It has one thread, so that a fork is a whole process, and its libraries loaded and warm, so that
 * the fork is ready at once. A message of the gateway is one task: JSON, and the descriptors that
 * it names. A child tells its answer through a pipe, whole or not at all, and is waited for by its
 * pidfd. What it tells is not believed: only known members of the right type go on to the gateway.
 *
 * An office file takes two children, one after the other: LibreOffice, which has to be let do more,
 * makes a PDF of it; and one like all others goes on with that.
 */
#include "worker_task.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN    64
#define MESSAGE_MAX 65536 /* bytes of a task */
#define ANSWER_MAX  4096  /* bytes of an answer; less than a pipe holds */

static const char *const file_names[TASK_FILES] = {"input", "output", "preview", "logo"};

struct child {
    pid_t pid; /* 0: a free place */
    int pidfd;
    int answer; /* the pipe */
    json_int_t id;
    bool abandoned;
    struct work work;
    char *folder; /* while LibreOffice is at it, or NULL */
    bool again;   /* LibreOffice wanted to be run a second time, and is */
    double deadline;
    bool late;
};

static struct {
    struct child children[CHILDREN];
    struct limits limits;
    work_fn *work;
    int socket;   /* the gateway, or -1 */
    json_t *told; /* the answer, where there is no gateway */
} zygote;

static double now(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* Answers. */

static json_t *failure(const char *reason, bool final, const char *message) {
    return json_pack("{s:b, s:s, s:s, s:b}", "ok", 0, "reason", reason, "message", message, "final",
                     final);
}

/* The last whole one, and its size. */
static const char *last_line(const char *text, size_t *size) {
    const char *end = memrchr(text, '\n', *size), *before;

    if (!end)
        return text;
    before = memrchr(text, '\n', end - text);
    *size = end - (before ? before + 1 : text);
    return before ? before + 1 : text;
}

/* What is told of an answer by a child, which may have been taken over by what it read. */
static json_t *believed(const char *text, size_t size) {
    static const char *const reasons =
        " encrypted broken too_large no_pages unsupported office_off time died ";
    const char *line = last_line(text, &size);
    json_t *told = json_loadb(line, size, 0, NULL), *clean = NULL;
    const char *type = NULL, *reason = NULL, *message;
    int is_signed, preview, final;
    char word[32];
    json_int_t pages;

    if (json_is_true(json_object_get(told, "ok"))) {
        if (json_unpack(told, "{s:s, s:b, s:I, s:b}", "type", &type, "signed", &is_signed, "pages",
                        &pages, "preview", &preview) == 0)
            clean = json_pack("{s:b, s:s, s:s?, s:b, s:I, s:b}", "ok", 1, "type", type, "extension",
                              json_string_value(json_object_get(told, "extension")), "signed",
                              is_signed, "pages", pages, "preview", preview);
    } else if (json_unpack(told, "{s:s, s:s, s:b}", "reason", &reason, "message", &message, "final",
                           &final) == 0) {
        snprintf(word, sizeof word, " %.20s ", reason);
        if (strstr(reasons, word))
            clean = failure(reason, final, message);
    }
    json_decref(told);
    return clean;
}

/* Of a child that told nothing: what became of it. */
static json_t *obituary(const struct child *child, int status, const struct rusage *used) {
    double busy = used->ru_utime.tv_sec + used->ru_stime.tv_sec;
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (child->late || signal == SIGXCPU)
        return failure("time", busy > zygote.limits.seconds / 2.0,
                       "The file takes too long to be worked on.");
    if (signal == SIGXFSZ)
        return failure("too_large", true, "What becomes of the file is too large.");
    if (signal == SIGKILL) /* not by us: the machine may be out of memory */
        return failure("died", false, "The work on the file was killed.");
    if (child->folder)
        return failure("broken", true,
                       "LibreOffice cannot read the file. Is it damaged, or has it a password?");
    return failure("died", true, "The file makes the program that reads it fail.");
}

static void tell(struct child *child, json_t *answer) {
    char *text;

    json_object_set_new(answer, "id", json_integer(child->id));
    if (zygote.socket < 0) {
        zygote.told = answer;
        return;
    }
    text = json_dumps(answer, JSON_COMPACT);
    if (!child->abandoned && text)
        send(zygote.socket, text, strlen(text), MSG_NOSIGNAL); /* else the gateway is gone */
    free(text);
    json_decref(answer);
}

/* Ends the task with this answer. */
static void finish(struct child *child, json_t *answer) {
    tell(child, answer);
    for (int i = 0; i < TASK_FILES; i++) {
        if (child->work.files[i] >= 0)
            close(child->work.files[i]);
    }
    if (child->folder)
        office_remove(child->folder);
    json_decref(child->work.request);
    *child = (struct child){0};
}

/* Children. */

static int by_number(const void *one, const void *two) {
    return *(const int *)one - *(const int *)two;
}

static void be_child(struct child *child, int pipe, pid_t parent) __attribute__((noreturn));

static void be_child(struct child *child, int pipe, pid_t parent) {
    int keep[TASK_FILES + 1] = {pipe};
    struct sandbox sandbox = {.limits = zygote.limits, .keep = keep, .kept = 1};
    char *text;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    answer_pipe = pipe;
    if (child->folder)
        office_convert(&child->work, child->folder, &zygote.limits);
    for (int i = 0; i < TASK_FILES; i++) {
        if (child->work.files[i] >= 0)
            keep[sandbox.kept++] = child->work.files[i];
    }
    qsort(keep, sandbox.kept, sizeof *keep, by_number);
    sandbox_enter(&sandbox);
    text = json_dumps(zygote.work(&child->work), JSON_COMPACT);
    _exit(text && dprintf(pipe, "%s\n", text) > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void fork_child(struct child *child) {
    pid_t parent = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0) {
        finish(child, failure("died", false, strerror(errno)));
        return;
    }
    child->pid = fork();
    if (child->pid == 0)
        be_child(child, ends[1], parent);
    close(ends[1]);
    child->answer = ends[0];
    child->pidfd = child->pid > 0 ? pidfd_open(child->pid, 0) : -1;
    if (child->pidfd < 0) {
        if (child->pid > 0) {
            kill(child->pid, SIGKILL);
            waitpid(child->pid, NULL, 0);
        }
        close(ends[0]);
        finish(child, failure("died", false, strerror(errno)));
        return;
    }
    setpgid(child->pid, child->pid); /* whoever of the two comes first */
}

/* LibreOffice has come to its end, and the task goes on: with what it made, or with another run,
 * which it may want once it has made its profile. */
static bool go_on(struct child *child, int status) {
    int made;

    if (!child->folder || child->late || child->abandoned || !WIFEXITED(status))
        return false;
    if (WEXITSTATUS(status) == OFFICE_AGAIN && !child->again) {
        child->again = true;
        fork_child(child);
        return true;
    }
    made = office_result(child->folder);
    if (made < 0)
        return false;
    close(child->work.files[TASK_INPUT]);
    child->work.files[TASK_INPUT] = made;
    child->work.type = "application/pdf";
    child->work.was_office = true;
    office_remove(child->folder);
    child->folder = NULL;
    fork_child(child);
    return true;
}

/* A child is dead. */
static void bury(struct child *child) {
    char text[ANSWER_MAX];
    struct rusage used;
    int status = 0;
    ssize_t size;
    json_t *answer;

    kill(-child->pid, SIGKILL); /* it should be alone in its group */
    wait4(child->pid, &status, 0, &used);
    size = read(child->answer, text, sizeof text);
    close(child->answer);
    close(child->pidfd);
    if (go_on(child, status))
        return;
    answer = size > 0 ? believed(text, size) : NULL;
    finish(child, answer ? answer : obituary(child, status, &used));
}

/* Tasks. */

static void begin(struct child *child) {
    struct work *work = &child->work;

    child->deadline = now() + zygote.limits.seconds;
    if (!office_ending(work->type)) {
        fork_child(child);
    } else if (!json_is_true(json_object_get(work->request, "office"))) {
        finish(child, failure("office_off", true,
                              "Office files are not accepted here. Save the file as PDF, and send "
                              "that."));
    } else if (!office_ready()) {
        finish(child, failure("unsupported", true,
                              "Office files cannot be turned into PDF here, as LibreOffice is not "
                              "installed. Save the file as PDF, and send that."));
    } else if (!(child->folder = office_folder())) {
        finish(child, failure("died", false, strerror(errno)));
    } else {
        fork_child(child);
    }
}

static struct child *free_place(void) {
    for (int i = 0; i < CHILDREN; i++) {
        if (!zygote.children[i].pid)
            return &zygote.children[i];
    }
    return NULL;
}

/* Takes over the request and the files. There is a place, or the task would not have been read. */
static void take(json_int_t id, const char *kind, json_t *request, const int *files) {
    struct child *child = free_place();
    const char *type = json_string_value(json_object_get(request, "type"));

    *child = (struct child){
        .id = id,
        .work = {.kind = kind, .type = type ? type : "", .request = request},
    };
    memcpy(child->work.files, files, sizeof child->work.files);
    begin(child);
}

static void abandon(json_int_t id) {
    for (int i = 0; i < CHILDREN; i++) {
        struct child *child = &zygote.children[i];

        if (child->pid && child->id == id) {
            child->abandoned = true;
            kill(-child->pid, SIGKILL);
        }
    }
}

/* The kind, as a string that stays; NULL: no such. */
static const char *known_kind(const char *kind) {
    static const char *const kinds[] = {"stamp", "preview", "logo"};

    for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kind, kinds[i]) == 0)
            return kinds[i];
    }
    return NULL;
}

bool zygote_knows(const char *kind) {
    return known_kind(kind) != NULL;
}

/* Which descriptor is what. */
static void sort_files(json_t *names, const int *sent, size_t count, int *files) {
    for (int i = 0; i < TASK_FILES; i++)
        files[i] = -1;
    for (size_t k = 0; k < count; k++) {
        const char *name = json_string_value(json_array_get(names, k));

        for (int i = 0; name && i < TASK_FILES; i++) {
            if (strcmp(name, file_names[i]) == 0)
                files[i] = sent[k];
        }
    }
}

static void on_message(const char *text, size_t size, const int *sent, size_t count) {
    json_t *message = json_loadb(text, size, 0, NULL), *request = NULL, *names = NULL;
    const char *kind = NULL;
    int files[TASK_FILES], drop = 0;
    json_int_t id;

    if (json_unpack(message, "{s:I, s?b, s?s, s?o, s?o}", "id", &id, "abandon", &drop, "kind",
                    &kind, "request", &request, "files", &names) == 0) {
        sort_files(names, sent, count, files);
        if (drop)
            abandon(id);
        else if (known_kind(kind))
            take(id, known_kind(kind), json_incref(request), files);
    }
    json_decref(message);
}

/* Reads one task. False when the gateway is gone. */
static bool hear(void) {
    static char text[MESSAGE_MAX];
    union {
        char room[CMSG_SPACE(TASK_FILES * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec io = {.iov_base = text, .iov_len = sizeof text};
    struct msghdr head = {.msg_iov = &io,
                          .msg_iovlen = 1,
                          .msg_control = control.room,
                          .msg_controllen = sizeof control.room};
    ssize_t size = recvmsg(zygote.socket, &head, MSG_CMSG_CLOEXEC);
    struct cmsghdr *passed = CMSG_FIRSTHDR(&head);
    int sent[TASK_FILES];
    size_t count = 0;

    if (size <= 0)
        return size < 0 && errno == EINTR;
    if (passed && passed->cmsg_type == SCM_RIGHTS) {
        count = (passed->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(sent, CMSG_DATA(passed), count * sizeof(int));
    }
    on_message(text, size, sent, count);
    return true;
}

/* Those that are late are killed; the time until the next may be, in milliseconds, or -1. */
static int watch_clock(void) {
    double at = now(), next = 0;

    for (int i = 0; i < CHILDREN; i++) {
        struct child *child = &zygote.children[i];

        if (!child->pid || child->late)
            continue;
        if (child->deadline <= at) {
            child->late = true;
            kill(-child->pid, SIGKILL);
        } else if (!next || child->deadline < next) {
            next = child->deadline;
        }
    }
    return next ? (next - at) * 1000 + 1 : -1;
}

/* Waits for whatever comes next, and heeds it. False when the gateway is gone. */
static bool step(void) {
    struct pollfd polled[CHILDREN + 1] = {
        {.fd = free_place() ? zygote.socket : -1, .events = POLLIN}};
    int timeout = watch_clock();

    for (int i = 0; i < CHILDREN; i++)
        polled[i + 1] = (struct pollfd){
            .fd = zygote.children[i].pid ? zygote.children[i].pidfd : -1, .events = POLLIN};
    if (poll(polled, CHILDREN + 1, timeout) < 0)
        return errno == EINTR;
    for (int i = 0; i < CHILDREN; i++) {
        if (polled[i + 1].revents)
            bury(&zygote.children[i]);
    }
    return !polled[0].revents || hear();
}

static void end_all(void) {
    for (int i = 0; i < CHILDREN; i++) {
        struct child *child = &zygote.children[i];

        if (!child->pid)
            continue;
        child->abandoned = true;
        kill(-child->pid, SIGKILL);
        bury(child);
    }
}

int zygote_serve(int socket, const struct limits *limits, work_fn *work) {
    /* systemd tells the whole service to stop, and a terminal all in it; but the gateway still has
     * tasks to end. It goes when the gateway does. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    zygote.limits = *limits;
    zygote.work = work;
    zygote.socket = socket;
    sandbox_prepare();
    office_sweep();
    while (step())
        ;
    end_all();
    return EXIT_SUCCESS;
}

json_t *zygote_do(const char *kind, json_t *request, const int *files, const struct limits *limits,
                  work_fn *work) {
    zygote.limits = *limits;
    zygote.work = work;
    zygote.socket = -1;
    sandbox_prepare();
    office_sweep();
    take(0, kind, request, files);
    while (!zygote.told)
        step();
    json_object_del(zygote.told, "id");
    return zygote.told;
}
