/*
 * probe.c - onefin-worker with another task: instead of reading a file, its children try what they
 * must not be able to do. Parent and sandbox are the worker's own objects.
 *
 *   probe-sandbox [--office] [--memory MIB] [--seconds N] PROBE [ARGUMENT]
 *
 * Prints the answer as onefin-worker does; its type is what the child found, as NAME=RESULT ...,
 * where RESULT is `done`, or the error's name. With --office the child is one that LibreOffice
 * would run in.
 */
#include "worker_task.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOUND_MAX 3500

static const char *argument; /* of the probe, or NULL */
static char found[FOUND_MAX];

static void note(const char *name, bool done) {
    size_t used = strlen(found);

    snprintf(found + used, sizeof found - used, "%s%s=%s", used ? " " : "", name,
             done ? "done" : strerrorname_np(errno));
}

/* What the kernel is asked for. By number, as the worker has functions of its own for some. */
static void calls(void) {
    struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_port = htons(5432)};
    char *program[] = {"/bin/true", NULL};
    int ends[2];

    note("socket_inet", syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) >= 0);
    note("socket_inet6", syscall(SYS_socket, AF_INET6, SOCK_DGRAM, 0) >= 0);
    note("socket_unix", syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) >= 0);
    note("socket_netlink", syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0) >= 0);
    note("socketpair", syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    note("connect", syscall(SYS_connect, 0, &nowhere, sizeof nowhere) == 0);
    note("execve", syscall(SYS_execve, program[0], program, NULL) == 0);
    note("fork", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0);
    note("clone3", syscall(SYS_clone3, NULL, 0) >= 0);
    note("ptrace", syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0) == 0);
    note("kill_parent", syscall(SYS_kill, getppid(), 0) == 0);
    note("tgkill_parent", syscall(SYS_tgkill, getppid(), getppid(), 0) == 0);
    note("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL) == 0);
    note("unshare", syscall(SYS_unshare, CLONE_NEWUSER) == 0);
    note("chroot", syscall(SYS_chroot, "/") == 0);
    note("setuid", syscall(SYS_setuid, 0) == 0);
    note("bpf", syscall(SYS_bpf, 0, NULL, 0) >= 0);
    note("io_uring", syscall(SYS_io_uring_setup, 1, NULL) >= 0);
    note("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) >= 0);
    note("keyctl", syscall(SYS_keyctl, 0, -1, 0) >= 0);
    note("shmget", syscall(SYS_shmget, IPC_PRIVATE, 4096, 0600) >= 0);
    note("process_vm_readv", syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) >= 0);
    note("chmod", syscall(SYS_chmod, "/tmp", 0777) == 0);
    note("rename", syscall(SYS_rename, "/tmp/a", "/tmp/b") == 0);
}

static void limits(void) {
    struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    note("raise_memory", setrlimit(RLIMIT_AS, &more) == 0);
    note("raise_time", setrlimit(RLIMIT_CPU, &more) == 0);
    note("map_code", mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    note("make_code", mprotect(memory, 4096, PROT_READ | PROT_EXEC) == 0);
}

static void try_open(const char *name, const char *path, int how) {
    int file = open(path, how | O_CLOEXEC, 0600);

    note(name, file >= 0);
    if (file >= 0)
        close(file);
}

/* `argument` is a folder that is everybody's, with a file "secret" in it. */
static void files(void) {
    char path[512];

    snprintf(path, sizeof path, "%s/secret", argument);
    try_open("read_secret", path, O_RDONLY);
    try_open("write_secret", path, O_WRONLY);
    snprintf(path, sizeof path, "%s/new", argument);
    try_open("create", path, O_WRONLY | O_CREAT);
    try_open("list", argument, O_RDONLY | O_DIRECTORY);
    try_open("temporary", "/tmp/onefin-probe", O_WRONLY | O_CREAT);
    try_open("unnamed", "/tmp", O_TMPFILE | O_RDWR);
    try_open("shared_memory", "/dev/shm/onefin-probe", O_RDWR | O_CREAT);
    try_open("passwd", "/etc/passwd", O_RDONLY);
    try_open("own_memory", "/proc/self/mem", O_RDWR);
    try_open("environment", "/proc/self/environ", O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d/environ", getppid());
    try_open("parents_environment", path, O_RDONLY);
    note("link", link("/etc/passwd", "/tmp/onefin-probe") == 0);
    note("mkdir", mkdir("/tmp/onefin-probe", 0700) == 0);
    try_open("font", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", O_RDONLY);
    try_open("null", "/dev/null", O_RDWR);
}

/* What it has: each open file but the first three, and the environment. */
static void things(void) {
    extern char **environ;
    struct stat stat;
    char name[24];

    for (int i = STDERR_FILENO + 1; i < 4096; i++) {
        if (fstat(i, &stat) < 0)
            continue;
        snprintf(name, sizeof name, "open_%d", i);
        note(name, true);
    }
    for (char **one = environ; one && *one; one++)
        note("environment", true);
}

/* Its own home, in the office's sandbox. */
static void home(void) {
    try_open("own_folder", "within", O_WRONLY | O_CREAT);
    note("own_mkdir", mkdir("below", 0700) == 0);
    note("out_of_it", rename("within", "../onefin-probe") == 0);
}

static void *idle(void *nothing) {
    pause();
    return nothing;
}

static void threads(void) {
    pthread_t thread;
    int count = 0;

    while (count < 100000 && pthread_create(&thread, NULL, idle, NULL) == 0)
        count++;
    note(count < 2000 ? "bounded" : "unbounded", true);
}

/* What does not come back. */

static void eat(void) {
    for (size_t size = 1 << 20;; size += size / 4)
        memset(malloc(size), 1, size);
}

static void eat_by_mmap(void) {
    while (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED)
        ;
    note("mmap", false);
}

static void spin(void) {
    for (volatile unsigned i = 0;; i++)
        ;
}

static void wait_long(void) {
    for (;;)
        nanosleep(&(struct timespec){3600, 0}, NULL);
}

static void crash(void) {
    *(volatile char *)NULL = 0;
}

static void write_much(void) {
    int file = syscall(SYS_memfd_create, "much", 0);

    note("write", pwrite(file, "", 1, (off_t)1 << 31) == 1);
}

static void lie(void) {
    dprintf(answer_pipe, "{\"ok\": true, \"type\": 7}\n");
    _exit(EXIT_SUCCESS);
}

static void lie_much(void) {
    for (int i = 0; i < 10000; i++)
        dprintf(answer_pipe, "\"\\u0000%d", i);
    _exit(EXIT_SUCCESS);
}

static const struct {
    const char *name;
    void (*run)(void);
} probes[] = {
    {"calls", calls},      {"limits", limits},
    {"files", files},      {"things", things},
    {"home", home},        {"threads", threads},
    {"eat", eat},          {"spin", spin},
    {"wait", wait_long},   {"crash", crash},
    {"lie", lie},          {"lie_much", lie_much},
    {"write", write_much}, {"eat_by_mmap", eat_by_mmap},
};

static void run(const char *name) {
    size_t i = 0;

    while (strcmp(name, probes[i].name) != 0)
        i++;
    probes[i].run();
}

static json_t *probe(struct work *work) {
    if (work->was_office) /* which found it before */
        memcpy(found, read_all(work->files[TASK_INPUT]).at, sizeof found);
    else
        run(json_string_value(json_object_get(work->request, "probe")));
    return json_pack("{s:b, s:s, s:n, s:b, s:i, s:b}", "ok", 1, "type", *found ? found : "nothing",
                     "extension", "signed", 0, "pages", 0, "preview", 0);
}

/* Instead of worker_office.c: the same sandbox, and a probe for LibreOffice. */

#define RESULT "document.pdf"

const char *office_ending(const char *type) {
    return strcmp(type, "office") == 0 ? "office" : NULL;
}

bool office_ready(void) {
    return true;
}

char *office_folder(void) {
    return mkdtemp(strdup("/tmp/onefin-probe-XXXXXX"));
}

void office_sweep(void) {}

void office_remove(char *folder) {
    char command[256];

    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command) != 0)
        abort();
    free(folder);
}

void office_convert(const struct work *work, const char *folder, const struct limits *limits) {
    struct sandbox sandbox = {.limits = *limits, .folder = folder};
    int file;

    if (chdir(folder) < 0)
        _exit(EXIT_FAILURE);
    sandbox_enter(&sandbox);
    run(json_string_value(json_object_get(work->request, "probe")));
    file = open(RESULT, O_WRONLY | O_CREAT, 0600);
    write_all(file, (struct bytes){(unsigned char *)found, sizeof found});
    _exit(EXIT_SUCCESS);
}

int office_result(const char *folder) {
    char path[256];

    snprintf(path, sizeof path, "%s/" RESULT, folder);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int main(int count, char **arguments) {
    static const struct option options[] = {{"office", no_argument, NULL, 'o'},
                                            {"memory", required_argument, NULL, 'm'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {0}};
    struct limits limits = {(size_t)1 << 30, 20};
    int files[TASK_FILES] = {open("/dev/null", O_RDONLY), -1, -1, -1}, option;
    json_t *request = json_pack("{s:b}", "office", 1), *answer;

    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
        if (option == 'o')
            json_object_set_new(request, "type", json_string("office"));
        else if (option == 'm')
            limits.memory = (size_t)atoi(optarg) << 20;
        else
            limits.seconds = atoi(optarg);
    }
    if (optind >= count)
        return EXIT_FAILURE;
    json_object_set_new(request, "probe", json_string(arguments[optind]));
    argument = arguments[optind + 1];
    job_prepare();
    answer = zygote_do("stamp", request, files, &limits, probe);
    json_dumpf(answer, stdout, JSON_COMPACT);
    fflush(stdout);
    _exit(EXIT_SUCCESS); /* as the worker */
}
