/*
 * store_dir.c - a directory as the store.
 *
 * An object is written to a file of its own below ".part", synced, linked to its key's path (which
 * never replaces anything), and the directories synced: after a crash it is there whole or not at
 * all. A writer holds a lock on its part file; at start every part file that can be locked is
 * without a writer, left over from a crash, and removed. Several gateways may share the directory.
 *
 * The blocking calls are the background thread's. Ownership goes with the job: an object that is
 * there belongs to the thread (but for `dropped`, the loop's), and to the loop again when it is
 * done.
 */
#include "store.h"
#include "background.h"
#include "log.h"
#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTS ".part"
#define FRESH 60 /* seconds */

struct object;
typedef ssize_t job_fn(struct object *object);

struct object {
    struct store_object shared;
    struct background_task task;
    job_fn *job;
    ssize_t result;
    size_t size;   /* of the write */
    char *key;     /* owned */
    char part[48]; /* name of the part file; empty: none */
    int fd;        /* of the file, -1: none */
    bool busy;     /* a job is under way */
    bool dropped;  /* by its owner */
};

static int root; /* the directory */

/* What the thread does. */

static ssize_t make_part(struct object *object) {
    unsigned char random[16];
    char *end;

    if (getrandom(random, sizeof random, 0) != sizeof random)
        return -EIO;
    end = stpcpy(object->part, PARTS "/");
    for (size_t i = 0; i < sizeof random; i++)
        end += sprintf(end, "%02x", random[i]);
    object->fd = openat(root, object->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (object->fd < 0) {
        object->part[0] = '\0';
        return -errno;
    }
    return flock(object->fd, LOCK_EX) == 0 ? 0 : -errno;
}

static ssize_t do_write(struct object *object) {
    const unsigned char *at = object->shared.buffer;
    size_t left = object->size;

    if (object->fd < 0) {
        ssize_t made = make_part(object);

        if (made < 0)
            return made;
    }
    while (left > 0) {
        ssize_t n = write(object->fd, at, left);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            at += n;
            left -= n;
        }
    }
    return object->size;
}

/* Makes the directories that the key names and syncs each into the one above it. The innermost one
 * opened, or -errno. */
static int open_parents(const char *key, const char **name) {
    int at = dup(root);
    const char *slash;

    while (at >= 0 && (slash = strchr(key, '/'))) {
        char *part = memory_part(key, slash - key);
        int inner;

        if (mkdirat(at, part, 0750) == 0)
            fsync(at);
        inner = openat(at, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        free(part);
        if (inner < 0)
            inner = -errno;
        close(at);
        at = inner;
        key = slash + 1;
    }
    *name = key;
    return at;
}

static ssize_t do_commit(struct object *object) {
    const char *name;
    ssize_t result = 0;
    int parent;

    if (object->fd < 0 && (result = make_part(object)) < 0)
        return result;
    if (fsync(object->fd) < 0)
        return -errno;
    parent = open_parents(object->key, &name);
    if (parent < 0)
        return parent;
    if (linkat(root, object->part, parent, name, 0) < 0 || fsync(parent) < 0)
        result = -errno;
    close(parent);
    return result;
}

static ssize_t do_open(struct object *object) {
    struct stat about;

    object->fd = openat(root, object->key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (object->fd < 0 || fstat(object->fd, &about) < 0)
        return -errno;
    return S_ISREG(about.st_mode) ? about.st_size : -ENOENT;
}

static ssize_t do_read(struct object *object) {
    ssize_t n;

    do
        n = read(object->fd, object->shared.buffer, STORE_CHUNK);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static ssize_t do_remove(struct object *object) {
    const char *slash = strrchr(object->key, '/');
    char *parent = slash ? memory_part(object->key, slash - object->key) : memory_text(".");
    ssize_t result = 0;
    int at;

    if (unlinkat(root, object->key, 0) == 0) {
        at = openat(root, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (at < 0 || fsync(at) < 0)
            result = -errno;
        if (at >= 0)
            close(at);
    } else if (errno != ENOENT) {
        result = -errno;
    }
    free(parent);
    return result;
}

/* The last job of every object. */
static ssize_t do_release(struct object *object) {
    if (object->part[0])
        unlinkat(root, object->part, 0);
    if (object->fd >= 0)
        close(object->fd);
    object->part[0] = '\0';
    object->fd = -1;
    return 0;
}

/* The object of a task; the other way round there is nothing to it. */
static struct object *object_of(struct background_task *task) {
    return (struct object *)((char *)task - offsetof(struct object, task));
}

static void work(struct background_task *task) {
    struct object *object = object_of(task);

    object->result = object->key && !store_key_is_plain(object->key) && object->job != do_release
                         ? -EINVAL
                         : object->job(object);
}

/* What the loop does. */

static void submit(struct object *object, job_fn *job) {
    object->job = job;
    object->busy = true;
    background_run(&object->task);
}

static void tell_removed(struct object *object) {
    if (object->result < 0)
        log_warning("store: removing %s: %s", object->key, strerror(-object->result));
    if (object->shared.done)
        object->shared.done(object->shared.owner, object->result);
}

static void finish(struct background_task *task) {
    struct object *object = object_of(task);

    object->busy = false;
    if (object->job == do_remove)
        tell_removed(object);
    if (object->job == do_release) {
        free(object->key);
        free(object);
    } else if (object->dropped) {
        submit(object, do_release);
    } else {
        object->shared.done(object->shared.owner, object->result);
    }
}

static struct object *object_new(const char *key, store_done_fn *done, void *owner) {
    struct object *object = memory_zeroed(sizeof *object);

    object->shared.done = done;
    object->shared.owner = owner;
    object->key = key ? memory_text(key) : NULL;
    object->fd = -1;
    object->task.work = work;
    object->task.done = finish;
    return object;
}

static struct store_object *dir_create(store_done_fn *done, void *owner) {
    return &object_new(NULL, done, owner)->shared;
}

static void dir_name(struct store_object *shared, const char *key) {
    ((struct object *)shared)->key = memory_text(key);
}

static void dir_write(struct store_object *shared, size_t size) {
    struct object *object = (struct object *)shared;

    object->size = size;
    submit(object, do_write);
}

static void dir_commit(struct store_object *shared) {
    submit((struct object *)shared, do_commit);
}

static struct store_object *dir_open(const char *key, store_done_fn *done, void *owner) {
    struct object *object = object_new(key, done, owner);

    submit(object, do_open);
    return &object->shared;
}

static void dir_read(struct store_object *shared) {
    submit((struct object *)shared, do_read);
}

static void dir_drop(struct store_object *shared) {
    struct object *object = (struct object *)shared;

    object->dropped = true;
    if (!object->busy)
        submit(object, do_release);
}

static void dir_remove(const char *key, store_done_fn *done, void *owner) {
    struct object *object = object_new(key, done, owner);

    object->dropped = true;
    submit(object, do_remove);
}

static char *dir_presign(const char *key UNUSED, const char *name UNUSED, const char *type UNUSED,
                         unsigned seconds UNUSED) {
    return NULL;
}

static void dir_stop(void) {
    close(root);
}

static const struct store dir_store = {.create = dir_create,
                                       .name = dir_name,
                                       .write = dir_write,
                                       .commit = dir_commit,
                                       .open = dir_open,
                                       .read = dir_read,
                                       .drop = dir_drop,
                                       .remove = dir_remove,
                                       .presign = dir_presign,
                                       .stop = dir_stop};

/* Takes away what writers left that are no more. A fresh one may be about to be locked. */
static void sweep_parts(void) {
    int fd = openat(root, PARTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *parts = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    while (parts && (entry = readdir(parts))) {
        int part = openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct stat about;

        if (part >= 0 && fstat(part, &about) == 0 && S_ISREG(about.st_mode) &&
            about.st_mtime < time(NULL) - FRESH && flock(part, LOCK_EX | LOCK_NB) == 0)
            unlinkat(fd, entry->d_name, 0);
        if (part >= 0)
            close(part);
    }
    if (parts)
        closedir(parts);
}

static bool can_write(const char *path) {
    struct object trial = {.fd = -1};
    ssize_t made;

    if (mkdirat(root, PARTS, 0750) < 0 && errno != EEXIST)
        made = -errno;
    else
        made = make_part(&trial);
    do_release(&trial);
    if (made < 0)
        log_error("store: cannot write to %s: %s; give it to the gateway's user or set \"store\"",
                  path, strerror(-made));
    return made == 0;
}

bool store_dir_start(const char *path) {
    if (mkdir(path, 0750) < 0 && errno != EEXIST) {
        log_error("store: cannot make %s: %s; make it or set \"store\"", path, strerror(errno));
        return false;
    }
    root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        log_error("store: cannot open %s: %s", path, strerror(errno));
        return false;
    }
    if (!can_write(path)) {
        close(root);
        return false;
    }
    sweep_parts();
    store = &dir_store;
    return true;
}
