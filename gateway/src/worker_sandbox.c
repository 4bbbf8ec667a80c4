/*
 * worker_sandbox.c - what a child gives up before it looks at a stranger's file.
 *
 * It keeps the files of its task, and nothing else that is open. It may read fonts and libraries,
 * and LibreOffice may write in a folder of its own; no other file can be opened (Landlock, where
 * the kernel has it). It cannot run programs, make processes, sockets, or code (seccomp: what is
 * not on the list is refused). What it takes of memory, time and room on disk is bounded. As root
 * it has no more rights than anybody.
 *
 * Nothing of this can be undone by the child. Where a part cannot be had, the child ends. It cannot
 * even send itself a signal; abort() ends it all the same.
 */
#include "worker_task.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_SIZE_MAX ((rlim_t)1 << 30) /* bytes of each file that is written */
#define OPEN_FILES    64
#define OFFICE_FILES  256

/* Newer than Debian 12's headers; the kernel says which of them it knows. */
#define FS_TRUNCATE   (1ULL << 14)
#define FS_IOCTL_DEV  (1ULL << 15)
#define NET_TCP       3ULL /* bind and connect */
#define SCOPE_ALL     3ULL /* abstract unix sockets, signals */
#define FS_FIRST      ((1ULL << 13) - 1)
#define FS_READ       (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_FILES_ONLY (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

static void need(bool done, const char *what) {
    if (done)
        return;
    perror(what); /* before standard error is closed: to the log */
    _exit(EXIT_FAILURE);
}

/* Limits. */

static void limit(int resource, rlim_t most) {
    need(setrlimit(resource, &(struct rlimit){most, most}) == 0, "setrlimit");
}

static void set_limits(const struct sandbox *sandbox) {
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, sandbox->limits.seconds + 1); /* should the parent's clock not end it first */
    limit(RLIMIT_FSIZE, FILE_SIZE_MAX);
    limit(RLIMIT_NOFILE, sandbox->folder ? OFFICE_FILES : OPEN_FILES);
    limit(RLIMIT_MEMLOCK, 0);
    limit(RLIMIT_MSGQUEUE, 0);
#ifndef WATCHED
    limit(RLIMIT_AS, sandbox->limits.memory);
#endif
}

/* Files that are open. */

static void close_others(const int *keep, size_t kept) {
    unsigned next = STDERR_FILENO + 1;

    for (size_t i = 0; i < kept; i++) {
        if ((unsigned)keep[i] > next)
            need(close_range(next, keep[i] - 1, 0) == 0, "close_range");
        next = keep[i] + 1;
    }
    need(close_range(next, ~0U, 0) == 0, "close_range");
}

/* Libraries talk to standard error at length, and of strangers' texts. */
static void silence(void) {
    int null = open("/dev/null", O_RDWR);

    need(null >= 0, "/dev/null");
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        need(dup2(null, i) == i, "dup2");
    if (null > STDERR_FILENO)
        close(null);
}

/* Rights of root. */

static void drop_capabilities(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};

    need(syscall(SYS_capset, &head, none) == 0, "capset");
}

/* Landlock: which files may be opened from now on. */

static int landlock_version(void) {
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* What is not there needs no rule. */
static void allow_path(int rules, const char *path, uint64_t access) {
    struct landlock_path_beneath_attr beneath = {
        .allowed_access = access,
        .parent_fd = open(path, O_PATH | O_CLOEXEC),
    };

    if (beneath.parent_fd < 0)
        return;
    need(syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0, path);
    close(beneath.parent_fd);
}

static int new_rules(int version) {
    struct {
        uint64_t files, net, scope;
    } handled = {.files = FS_FIRST};
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    int rules;

    handled.files |= version >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
    handled.files |= version >= 3 ? FS_TRUNCATE : 0;
    handled.files |= version >= 5 ? FS_IOCTL_DEV : 0;
    handled.net = version >= 4 ? NET_TCP : 0;
    handled.scope = version >= 6 ? SCOPE_ALL : 0;
    rules = syscall(SYS_landlock_create_ruleset, &handled, size, 0);
    need(rules >= 0, "landlock_create_ruleset");
    return rules;
}

/* Rules for all children, and with a folder for LibreOffice. -1: the kernel has no Landlock. */
static int make_rules(const char *folder) {
    static const char *const folders[] = {
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/lib64",
        "/usr/share",
        "/usr/local/share/fonts",
        "/etc/fonts",
        "/etc/libreoffice",
        "/var/cache/fontconfig",
        "/var/lib/libreoffice",
        "/var/spool/libreoffice",
    };
    int version = landlock_version(), rules;
    uint64_t all = FS_FIRST | LANDLOCK_ACCESS_FS_REFER | (version >= 3 ? FS_TRUNCATE : 0);

    if (version <= 0)
        return -1;
    if (version == 1)
        all &= ~LANDLOCK_ACCESS_FS_REFER;
    rules = new_rules(version);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        allow_path(rules, folders[i], FS_READ);
    allow_path(rules, "/etc/ld.so.cache", LANDLOCK_ACCESS_FS_READ_FILE);
    allow_path(rules, "/dev/urandom", LANDLOCK_ACCESS_FS_READ_FILE);
    allow_path(rules, "/dev/null", FS_FILES_ONLY & all);
    if (folder)
        allow_path(rules, folder, all & ~LANDLOCK_ACCESS_FS_EXECUTE);
    return rules;
}

/* seccomp: what the kernel may be asked for. */

static const char *const calls[] = {
    /* memory */
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "membarrier",
    /* threads and time; clone has a rule of its own */
    "futex",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "getcpu",
    "nanosleep",
    "clock_nanosleep",
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "times",
    "restart_syscall",
    "exit",
    "exit_group",
    "arch_prctl",
    /* signals to oneself */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "rt_sigpending",
    /* files, which Landlock picks */
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "lseek",
    "open",
    "openat",
    "close",
    "stat",
    "lstat",
    "fstat",
    "newfstatat",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents64",
    "getcwd",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "ftruncate",
    "fallocate",
    "fadvise64",
    "flock",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "eventfd2",
    "memfd_create",
    /* who am I */
    "getpid",
    "gettid",
    "getppid",
    "getpgrp",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
    "getrlimit",
    "getrusage",
    "uname",
    "sysinfo",
    "getrandom",
    "getpriority",
};

/* What LibreOffice needs beyond that, in its own folder. */
static const char *const office_calls[] = {
    "mkdir",     "mkdirat", "rmdir", "unlink",    "unlinkat", "rename", "renameat",
    "renameat2", "fchmod",  "fsync", "fdatasync", "umask",    "chdir",  "utimensat",
};

static void allow(scmp_filter_ctx filter, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);

        if (number >= 0) /* not every architecture has them all */
            need(seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) == 0, names[i]);
    }
}

static void allow_if(scmp_filter_ctx filter, int number, struct scmp_arg_cmp condition) {
    need(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &condition) == 0, "seccomp");
}

/* Memory that is both written and run, or made to run, is how broken parsers are taken over. */
static void allow_memory(scmp_filter_ctx filter, bool office) {
    struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    struct scmp_arg_cmp no_new_code =
        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC);

    allow_if(filter, SCMP_SYS(mmap), no_code);
    allow_if(filter, SCMP_SYS(mprotect), no_code);
    if (office)
        allow_if(filter, SCMP_SYS(mmap), no_new_code); /* libraries */
}

static void allow_with_conditions(scmp_filter_ctx filter, bool office) {
    struct scmp_arg_cmp threads = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
    struct scmp_arg_cmp naming = SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0);
    struct scmp_arg_cmp only_asking = SCMP_A2(SCMP_CMP_EQ, 0, 0);

    allow_memory(filter, office);
    allow_if(filter, SCMP_SYS(clone), threads);
    allow_if(filter, SCMP_SYS(prctl), naming);
    allow_if(filter, SCMP_SYS(prlimit64), only_asking);
}

/* The filter as the kernel takes it. */
static struct sock_fprog make_filter(bool office) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int file = memfd_create("filter", MFD_CLOEXEC);
    struct sock_fprog program;
    off_t size;

    need(filter != NULL && file >= 0, "seccomp");
    allow(filter, calls, sizeof calls / sizeof *calls);
    if (office)
        allow(filter, office_calls, sizeof office_calls / sizeof *office_calls);
    allow_with_conditions(filter, office);
    /* libc tries it first, and takes clone, whose flags can be looked at, where it is not there. */
    need(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0, "seccomp");
    need(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0, "seccomp");
    need(seccomp_export_bpf(filter, file) == 0, "seccomp");
    seccomp_release(filter);
    size = lseek(file, 0, SEEK_END);
    program.len = size / sizeof *program.filter;
    program.filter = malloc(size);
    need(pread(file, program.filter, size, 0) == size, "seccomp");
    close(file);
    return program;
}

/* What all children share is made once, by their parent. */
static struct {
    struct sock_fprog filters[2]; /* of files, of LibreOffice */
    int rules;
} prepared;

void sandbox_prepare(void) {
    prepared.filters[false] = make_filter(false);
    prepared.filters[true] = make_filter(true);
    prepared.rules = make_rules(NULL);
    if (prepared.rules < 0)
        fprintf(stderr, "onefin-worker: the kernel has no Landlock; files are kept from the worker "
                        "by their owners and modes only\n");
}

static void enter_landlock(const char *folder) {
    int rules = folder ? make_rules(folder) : prepared.rules;

    if (rules < 0)
        return;
    need(syscall(SYS_landlock_restrict_self, rules, 0) == 0, "landlock_restrict_self");
    close(rules);
}

void sandbox_enter(const struct sandbox *sandbox) {
    bool office = sandbox->folder != NULL;

    need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    need(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "dumpable");
    enter_landlock(sandbox->folder);
    close_others(sandbox->keep, sandbox->kept);
    clearenv();
    silence();
    drop_capabilities();
    set_limits(sandbox);
    need(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prepared.filters[office]) == 0, "seccomp");
}
