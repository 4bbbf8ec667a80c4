/*
 * worker_office.c - office files to PDF, by LibreOffice.
 *
 * The child that is to do it loads LibreOffice as a library, and runs its main program: no other
 * program need be started. The sandbox is that of all children, but for code to be loaded, and for
 * a folder of its own, where the profile is and all that it writes: made new for each file, and
 * removed by the zygote.
 */
#include "worker_task.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "/usr/lib/libreoffice/program"
#define PREFIX  "onefin-worker-"
#define OOXML   "application/vnd.openxmlformats-officedocument."
#define ODF     "application/vnd.oasis.opendocument."
#define RESULT  "document.pdf"
#define RETRIES 100

static const struct {
    const char *type, *ending;
} kinds[] = {
    {OOXML "wordprocessingml.document", "docx"},
    {OOXML "spreadsheetml.sheet", "xlsx"},
    {ODF "text", "odt"},
    {ODF "spreadsheet", "ods"},
};

static char *home; /* the folder, once this is LibreOffice */

const char *office_ending(const char *type) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(type, kinds[i].type) == 0)
            return kinds[i].ending;
    }
    return NULL;
}

bool office_ready(void) {
    return access(PROGRAM "/libmergedlo.so", R_OK) == 0;
}

/* Folders. */

static const char *place(void) {
    const char *place = getenv("TMPDIR");

    return place && *place == '/' ? place : "/tmp";
}

char *office_folder(void) {
    char *path;

    if (asprintf(&path, "%s/" PREFIX "%d-XXXXXX", place(), getpid()) < 0)
        return NULL;
    if (mkdtemp(path))
        return path;
    free(path);
    return NULL;
}

static bool in_the_way;

static int remove_one(const char *path, const struct stat *stat UNUSED, int kind,
                      struct FTW *where UNUSED) {
    if (kind == FTW_DNR) { /* whoever made it took its rights away */
        in_the_way = chmod(path, 0700) == 0;
        return in_the_way;
    }
    remove(path);
    return 0;
}

void office_remove(char *folder) {
    int tries = 0;

    do {
        in_the_way = false;
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    } while (in_the_way && ++tries < RETRIES);
    free(folder);
}

/* Whether a name is that of a folder whose worker is no more. */
static bool is_left(int directory, const char *name) {
    struct stat stat;
    int pid;

    return sscanf(name, PREFIX "%d-", &pid) == 1 && kill(pid, 0) < 0 && errno == ESRCH &&
           fstatat(directory, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(stat.st_mode) &&
           stat.st_uid == geteuid();
}

void office_sweep(void) {
    DIR *directory = opendir(place());
    struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        char *path;

        if (is_left(dirfd(directory), entry->d_name) &&
            asprintf(&path, "%s/%s", place(), entry->d_name) > 0)
            office_remove(path);
    }
    if (directory)
        closedir(directory);
}

/* Converting. */

static bool copy(int from, const char *path) {
    off_t at = 0;
    ssize_t size;
    int to;

    unlink(path); /* of the first run */
    to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return false;
    while ((size = sendfile(to, from, &at, 1 << 30)) > 0)
        ;
    return size == 0 && close(to) == 0;
}

/* printf into a string that stays. */
static char *text(const char *format, const char *one, const char *two) {
    char *made;

    if (asprintf(&made, format, one, two) < 0)
        _exit(EXIT_FAILURE);
    return made;
}

/* LibreOffice's own main program does no more than this. */
static int run(int count, char **arguments) {
    void *office = dlopen(PROGRAM "/libmergedlo.so", RTLD_LAZY | RTLD_GLOBAL);
    void *base = dlopen(PROGRAM "/libuno_sal.so.3", RTLD_LAZY);
    void (*prepare)(int, char **) = base ? dlsym(base, "sal_detail_initialize") : NULL;
    int (*run_all)(void) = office ? dlsym(office, "soffice_main") : NULL;

    if (!prepare || !run_all)
        return EXIT_FAILURE;
    prepare(count, arguments);
    return run_all();
}

void office_convert(const struct work *work, const char *folder, const struct limits *limits) {
    struct sandbox sandbox = {.limits = *limits, .folder = folder};
    char *document = text("%s/document.%s", folder, office_ending(work->type));
    char *profile = text("-env:UserInstallation=file://%s/%s", folder, "profile");
    char *arguments[] = {
        PROGRAM "/soffice.bin", profile,         "--headless",   "--norestore", "--nologo",
        "--nodefault",          "--nolockcheck", "--convert-to", "pdf",         "--outdir",
        (char *)folder,         document,        NULL,
    };

    if (!copy(work->files[TASK_INPUT], document) || chdir(folder) < 0)
        _exit(EXIT_FAILURE);
    sandbox_enter(&sandbox);
    setenv("HOME", folder, 1);
    setenv("TMPDIR", folder, 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("SAL_USE_VCLPLUGIN", "svp", 1); /* no display */
    home = (char *)folder;
    _exit(run(sizeof arguments / sizeof *arguments - 1, arguments));
}

int office_result(const char *folder) {
    int directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), file;
    struct stat stat;

    file = openat(directory, RESULT, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    close(directory);
    if (file >= 0 && (fstat(file, &stat) < 0 || !S_ISREG(stat.st_mode) || stat.st_size == 0)) {
        close(file);
        file = -1;
    }
    return file;
}

/*
 * What LibreOffice finds instead of libc's functions. It does not start without a socket in /tmp,
 * by which a second one would find the first: it gets none. To end, it connects to itself, and its
 * accept returns. And it wants to know where its user is at home, by a name: a service may run
 * without one.
 */
static sem_t closing;

SHOWN int socket(int domain UNUSED, int type UNUSED, int protocol UNUSED) {
    errno = EACCES;
    return home ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
}

SHOWN int bind(int file UNUSED, const struct sockaddr *address UNUSED, socklen_t size UNUSED) {
    return 0;
}

SHOWN int listen(int file UNUSED, int most UNUSED) {
    return 0;
}

SHOWN int accept(int file UNUSED, struct sockaddr *address UNUSED, socklen_t *size UNUSED) {
    while (sem_wait(&closing) < 0)
        ;
    errno = EINVAL;
    return -1;
}

SHOWN int connect(int file UNUSED, const struct sockaddr *address UNUSED, socklen_t size UNUSED) {
    return sem_post(&closing);
}

SHOWN int getpwuid_r(uid_t uid, struct passwd *into, char *room UNUSED, size_t size UNUSED,
                     struct passwd **result) {
    static char name[] = "onefin", none[] = "", shell[] = "/bin/false";

    *into = (struct passwd){
        .pw_name = name,
        .pw_passwd = none,
        .pw_uid = uid,
        .pw_gid = getgid(),
        .pw_gecos = none,
        .pw_dir = home ? home : none,
        .pw_shell = shell,
    };
    *result = into;
    return 0;
}
