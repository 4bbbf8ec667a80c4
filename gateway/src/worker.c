/*
 * worker.c - the gateway's side of onefin-worker: starts it, gives it tasks, takes its answers.
 *
 * Tasks wait in one queue; of those sent there are jobs_at_once at most. A message to the worker is
 * JSON with the task's number, and its descriptors beside it; an answer has the number again. A
 * worker that ends is started again, after pauses that grow while it does not stay; what it had
 * under way has failed, and may be tried again.
 *
 * The worker watches over the time of its tasks. Should it not come to that, it is killed for it.
 */
#include "worker.h"
#include "compat.h"
#include "config.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET       3    /* in the worker */
#define ANSWER_MAX   8192 /* bytes */
#define FILES        4
#define GRACE        5.0 /* seconds beyond a task's time until the worker is no more believed in */
#define PAUSE_FIRST  0.1 /* seconds until a worker is started again */
#define PAUSE_LAST   30.0
#define STAYED       60.0 /* seconds after which the next pause is the first again */
#define STOP_TRIES   100
#define STOP_TICK_US 20000

struct worker_task_handle {
    struct worker_task_handle *next;
    json_int_t id;
    struct worker_task task; /* descriptors: -1 once they are sent */
    worker_done_fn *done;
    void *owner;
    bool sent;
    ev_tstamp sent_at;
    ev_timer patience;
};

static struct {
    char *program;
    pid_t pid;  /* 0: none */
    int socket; /* -1: none */
    ev_io readable;
    ev_child ended;
    ev_timer restart;
    ev_tstamp started_at;
    double pause;
    struct worker_task_handle *tasks; /* in the order of their coming */
    json_int_t last_id;
    unsigned under_way;
} worker = {.socket = -1, .pause = PAUSE_FIRST};

static void send_some(void);

/* Tasks. */

static void close_files(struct worker_task *task) {
    int *files[FILES] = {&task->input, &task->output, &task->preview, &task->logo};

    for (int i = 0; i < FILES; i++) {
        if (*files[i] >= 0)
            close(*files[i]);
        *files[i] = -1;
    }
}

/* Out of the list, and away. */
static void forget(struct worker_task_handle *gone) {
    struct worker_task_handle **at = &worker.tasks;

    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    if (gone->sent)
        metrics.worker_tasks = --worker.under_way;
    else
        metrics.worker_waiting--;
    ev_timer_stop(EV_DEFAULT_ & gone->patience);
    close_files(&gone->task);
    json_decref(gone->task.request);
    free(gone);
}

static enum outcome outcome_of(json_t *answer) {
    static const char *const labels[] = {
#define OUTCOME_LABEL(name, label) label,
        OUTCOMES(OUTCOME_LABEL)
#undef OUTCOME_LABEL
    };
    const char *reason = json_string_value(json_object_get(answer, "reason"));
    int i = 0;

    if (json_is_true(json_object_get(answer, "ok")))
        return OUTCOME_OK;
    while (i < OUTCOME_DIED && (!reason || strcmp(reason, labels[i]) != 0))
        i++;
    return i;
}

/* Tells the owner, once the task is out of the list: it may come with the next one. */
static void finish(struct worker_task_handle *task, json_t *answer) {
    worker_done_fn *done = task->done;
    void *owner = task->owner;

    metrics.outcomes[outcome_of(answer)]++;
    metrics_observe(&metrics.worker_task_seconds, ev_now(EV_DEFAULT) - task->sent_at);
    forget(task);
    done(owner, answer);
}

static struct worker_task_handle *first(bool sent) {
    struct worker_task_handle *task = worker.tasks;

    while (task && task->sent != sent)
        task = task->next;
    return task;
}

/* The worker itself. */

static void kill_worker(void) {
    if (worker.pid)
        kill(worker.pid, SIGKILL);
}

static void on_impatience(EV_P UNUSED, ev_timer *timer, int events UNUSED) {
    struct worker_task_handle *task = timer->data;

    log_error("worker: no answer to a task (%s) for too long; it is killed", task->task.kind);
    kill_worker();
}

static void on_answer(const char *text, size_t size) {
    json_t *answer = json_loadb(text, size, 0, NULL);
    json_int_t id = json_integer_value(json_object_get(answer, "id"));
    struct worker_task_handle *task = worker.tasks;

    while (task && (!task->sent || task->id != id))
        task = task->next;
    if (task) /* else it was abandoned */
        finish(task, answer);
    json_decref(answer);
}

static void on_readable(EV_P UNUSED, ev_io *io, int events UNUSED) {
    char text[ANSWER_MAX];
    ssize_t size;

    while ((size = recv(io->fd, text, sizeof text, 0)) > 0)
        on_answer(text, size);
    if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
        ev_io_stop(EV_DEFAULT_ io);
        kill_worker(); /* and on_end comes */
    }
    send_some();
}

static json_t *died(void) {
    return json_pack("{s:b, s:s, s:s, s:b}", "ok", 0, "reason", "died", "message",
                     "The program that reads files has ended.", "final", 0);
}

static void disconnect(void) {
    ev_io_stop(EV_DEFAULT_ & worker.readable);
    if (worker.socket >= 0)
        close(worker.socket);
    worker.socket = -1;
}

static void on_end(EV_P_ ev_child *child, int events UNUSED) {
    struct worker_task_handle *task;

    log_fields(LOG_LEVEL_WARNING, "the worker has ended, and is started again",
               "pid=%d status=%d signal=%d tasks=%u", child->rpid,
               WIFEXITED(child->rstatus) ? WEXITSTATUS(child->rstatus) : 0,
               WIFSIGNALED(child->rstatus) ? WTERMSIG(child->rstatus) : 0, worker.under_way);
    ev_child_stop(EV_A_ child);
    worker.pid = 0;
    disconnect();
    if (ev_now(EV_A) - worker.started_at > STAYED)
        worker.pause = PAUSE_FIRST;
    ev_timer_set(&worker.restart, worker.pause, 0);
    ev_timer_start(EV_A_ & worker.restart);
    worker.pause = worker.pause * 2 < PAUSE_LAST ? worker.pause * 2 : PAUSE_LAST;
    while ((task = first(true))) {
        json_t *answer = died();

        finish(task, answer);
        json_decref(answer);
    }
}

/* Nothing of ours goes along but what is named here: our environment may have secrets. */
static void make_environment(char **into, size_t room) {
    /* The last two are for the tests, where programs are watched. */
    static const char *const passed[] = {"TMPDIR", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS"};
    size_t count = 0;

    for (size_t i = 0; i < sizeof passed / sizeof *passed && count + 3 < room; i++) {
        const char *value = getenv(passed[i]);

        if (value)
            into[count++] = memory_format("%s=%s", passed[i], value);
    }
    into[count++] = memory_text("LANG=C.UTF-8");
    into[count++] = memory_text("LD_BIND_NOW=1"); /* else each child would look its functions up */
    into[count] = NULL;
}

static int spawn(int socket) {
    char *memory = memory_format("--memory=%zu", config.worker_memory >> 20);
    char *seconds = memory_format("--seconds=%u", config.worker_seconds);
    char *arguments[] = {worker.program, "--gateway=3", memory, seconds, NULL};
    char *environment[8];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    int error;

    make_environment(environment, sizeof environment / sizeof *environment);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, socket, SOCKET);
    posix_spawn_file_actions_addclosefrom_np(&actions, SOCKET + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    error = posix_spawn(&worker.pid, worker.program, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    for (char **one = environment; *one; one++)
        free(*one);
    free(memory);
    free(seconds);
    return error;
}

static bool start(void) {
    int ends[2], error;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        log_error("worker: cannot make a socket: %s", strerror(errno));
        return false;
    }
    error = spawn(ends[1]);
    close(ends[1]);
    if (error) {
        log_error("worker: cannot start %s: %s", worker.program, strerror(error));
        close(ends[0]);
        worker.pid = 0;
        return false;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    worker.socket = ends[0];
    worker.started_at = ev_now(EV_DEFAULT);
    ev_io_init(&worker.readable, on_readable, worker.socket, EV_READ);
    ev_io_start(EV_DEFAULT_ & worker.readable);
    ev_child_init(&worker.ended, on_end, worker.pid, 0);
    ev_child_start(EV_DEFAULT_ & worker.ended);
    send_some();
    return true;
}

static void on_restart(EV_P_ ev_timer *timer, int events UNUSED) {
    metrics.worker_restarts++;
    if (!start()) {
        ev_timer_set(timer, PAUSE_LAST, 0);
        ev_timer_start(EV_A_ timer);
    }
}

/* Sending. */

static bool send_message(json_t *message, const int *files, size_t count) {
    union {
        char room[CMSG_SPACE(FILES * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    char *text = json_dumps(message, JSON_COMPACT);
    struct iovec io = {.iov_base = text, .iov_len = strlen(text)};
    struct msghdr head = {.msg_iov = &io, .msg_iovlen = 1};
    bool sent;

    if (count > 0) {
        struct cmsghdr *passed = &control.align;

        head.msg_control = control.room;
        head.msg_controllen = CMSG_SPACE(count * sizeof(int));
        passed->cmsg_level = SOL_SOCKET;
        passed->cmsg_type = SCM_RIGHTS;
        passed->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(passed), files, count * sizeof(int));
    }
    sent = sendmsg(worker.socket, &head, MSG_NOSIGNAL) >= 0;
    if (!sent) {
        log_error("worker: a task cannot be sent: %s", strerror(errno));
        kill_worker();
    }
    free(text);
    json_decref(message);
    return sent;
}

static void send_task(struct worker_task_handle *handle) {
    struct worker_task *task = &handle->task;
    const struct {
        const char *name;
        int file;
    } all[FILES] = {{"input", task->input},
                    {"output", task->output},
                    {"preview", task->preview},
                    {"logo", task->logo}};
    json_t *names = json_array();
    int files[FILES];
    size_t count = 0;

    for (int i = 0; i < FILES; i++) {
        if (all[i].file < 0)
            continue;
        json_array_append_new(names, json_string(all[i].name));
        files[count++] = all[i].file;
    }
    handle->sent = true;
    handle->sent_at = ev_now(EV_DEFAULT);
    metrics.worker_waiting--;
    metrics.worker_tasks = ++worker.under_way;
    ev_timer_set(&handle->patience, config.worker_seconds + GRACE, 0);
    ev_timer_start(EV_DEFAULT_ & handle->patience);
    send_message(json_pack("{s:I, s:s, s:O, s:o}", "id", handle->id, "kind", task->kind, "request",
                           task->request, "files", names),
                 files, count);
    close_files(task);
}

static void send_some(void) {
    struct worker_task_handle *task;

    while (worker.socket >= 0 && worker.under_way < config.jobs_at_once && (task = first(false)))
        send_task(task);
}

struct worker_task_handle *worker_run(const struct worker_task *task, worker_done_fn *done,
                                      void *owner) {
    struct worker_task_handle *handle = memory_zeroed(sizeof *handle), **at = &worker.tasks;

    handle->id = ++worker.last_id;
    handle->task = *task;
    handle->done = done;
    handle->owner = owner;
    ev_init(&handle->patience, on_impatience);
    handle->patience.data = handle;
    while (*at)
        at = &(*at)->next;
    *at = handle;
    metrics.worker_waiting++;
    send_some();
    return handle;
}

void worker_abandon(struct worker_task_handle *handle) {
    if (handle->sent && worker.socket >= 0)
        send_message(json_pack("{s:I, s:b}", "id", handle->id, "abandon", 1), NULL, 0);
    forget(handle);
    send_some();
}

/* The program that the settings name, or the one beside this. */
static char *find_program(void) {
    char self[PATH_MAX];
    ssize_t size;

    if (*config.worker)
        return memory_text(config.worker);
    size = readlink("/proc/self/exe", self, sizeof self - 1);
    while (size > 0 && self[size - 1] != '/')
        size--;
    return memory_format("%.*sonefin-worker", (int)(size > 0 ? size : 0), self);
}

bool worker_start(void) {
    worker.program = find_program();
    ev_init(&worker.restart, on_restart);
    if (access(worker.program, X_OK) < 0) {
        log_error("worker: %s: %s", worker.program, strerror(errno));
        return false;
    }
    return start();
}

void worker_stop(void) {
    ev_timer_stop(EV_DEFAULT_ & worker.restart);
    ev_child_stop(EV_DEFAULT_ & worker.ended);
    disconnect(); /* which it takes for the end */
    for (int i = 0; worker.pid && waitpid(worker.pid, NULL, WNOHANG) == 0; i++) {
        if (i == STOP_TRIES)
            kill_worker();
        usleep(STOP_TICK_US);
    }
    worker.pid = 0;
    while (worker.tasks)
        forget(worker.tasks);
    free(worker.program);
}
