/*
 * spool.c - copying between the store and temporary files, a chunk at a time: the store moves it
 * to or from the object's buffer, then the background thread moves it from or to the file. One
 * chunk is in memory.
 *
 * A spool that is abandoned while the thread is at work on it is freed when that is over.
 */
#include "spool.h"
#include "background.h"
#include "config.h"
#include "intake.h"
#include "log.h"
#include "memory.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct spool {
    struct background_task task; /* first: the thread is given this */
    bool busy;                   /* with the thread */
    bool abandoned;
    enum { OPENING, COPYING, COMMITTING } phase;
    bool fetching; /* from the store; else to it */
    struct store_object *object;
    int file;
    size_t filled; /* bytes of the buffer at hand */
    int error;     /* of the thread's */
    int64_t size;  /* bytes so far */
    EVP_MD_CTX *digest;
    spool_done_fn *done;
    void *owner;
};

static void spool_free(struct spool *spool) {
    if (spool->object)
        store->drop(spool->object);
    if (spool->file >= 0)
        close(spool->file);
    EVP_MD_CTX_free(spool->digest);
    free(spool);
}

static void finish(struct spool *spool, int error) {
    struct spooled what = {.file = -1, .size = spool->size};

    sha256_hex(spool->digest, what.sha256);
    if (!error && spool->fetching) {
        what.file = spool->file;
        spool->file = -1;
    }
    spool->done(spool->owner, error, &what);
    spool_free(spool);
}

/* What the thread does. */

static void write_file(struct background_task *task) {
    struct spool *spool = (struct spool *)task;
    const unsigned char *at = spool->object->buffer;
    size_t left = spool->filled;

    EVP_DigestUpdate(spool->digest, at, left);
    while (left > 0) {
        ssize_t n = write(spool->file, at, left);

        if (n < 0 && errno != EINTR) {
            spool->error = errno;
            return;
        }
        if (n > 0) {
            at += n;
            left -= n;
        }
    }
}

static void read_file(struct background_task *task) {
    struct spool *spool = (struct spool *)task;
    ssize_t n;

    do
        n = pread(spool->file, spool->object->buffer, STORE_CHUNK, spool->size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        spool->error = errno;
    else
        EVP_DigestUpdate(spool->digest, spool->object->buffer, n);
    spool->filled = n < 0 ? 0 : n;
}

/* What the loop does. */

static void run_task(struct spool *spool) {
    spool->busy = true;
    background_run(&spool->task);
}

static void on_file(struct background_task *task) {
    struct spool *spool = (struct spool *)task;

    spool->busy = false;
    if (spool->abandoned) {
        spool_free(spool);
    } else if (spool->error) {
        finish(spool, spool->error);
    } else if (spool->fetching) {
        spool->size += spool->filled;
        store->read(spool->object);
    } else if (spool->filled > 0) {
        spool->size += spool->filled;
        store->write(spool->object, spool->filled);
    } else {
        spool->phase = COMMITTING;
        store->commit(spool->object);
    }
}

static void on_fetched(void *owner, ssize_t result) {
    struct spool *spool = owner;

    if (result < 0) {
        finish(spool, -result);
    } else if (spool->error) { /* there was no file from the beginning */
        finish(spool, spool->error);
    } else if (spool->phase == OPENING) {
        spool->phase = COPYING;
        store->read(spool->object);
    } else if (result > 0) {
        spool->filled = result;
        run_task(spool);
    } else {
        finish(spool, 0);
    }
}

static void on_stored(void *owner, ssize_t result) {
    struct spool *spool = owner;

    if (result < 0)
        finish(spool, -result);
    else if (spool->phase == COMMITTING)
        finish(spool, 0);
    else
        run_task(spool);
}

static struct spool *spool_new(spool_done_fn *done, void *owner) {
    struct spool *spool = memory_zeroed(sizeof *spool);

    spool->file = -1;
    spool->task.done = on_file;
    spool->digest = EVP_MD_CTX_new();
    EVP_DigestInit_ex(spool->digest, EVP_sha256(), NULL);
    spool->done = done;
    spool->owner = owner;
    return spool;
}

struct spool *spool_fetch(const char *key, spool_done_fn *done, void *owner) {
    struct spool *spool = spool_new(done, owner);

    spool->fetching = true;
    spool->task.work = write_file;
    spool->file = spool_file();
    spool->error = spool->file < 0 ? EIO : 0; /* ENOENT would be the store's word */
    spool->phase = OPENING;
    spool->object = store->open(key, on_fetched, spool);
    return spool;
}

struct spool *spool_store(int file, const char *key, spool_done_fn *done, void *owner) {
    struct spool *spool = spool_new(done, owner);

    spool->task.work = read_file;
    spool->file = file;
    spool->phase = COPYING;
    spool->object = store->create(on_stored, spool);
    store->name(spool->object, key);
    run_task(spool);
    return spool;
}

void spool_abandon(struct spool *spool) {
    if (spool->busy)
        spool->abandoned = true;
    else
        spool_free(spool);
}

/* Not every file system makes files without a name. */
static int unlinked_file(void) {
    char *path = memory_format("%s/onefin-XXXXXX", config.spool);
    int file = mkostemp(path, O_CLOEXEC);

    if (file >= 0)
        unlink(path);
    free(path);
    return file;
}

int spool_file(void) {
    int file = open(config.spool, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (file < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
        file = unlinked_file();
    if (file < 0)
        log_error("cannot make temporary files in %s: %s; set \"spool\" to a directory of the "
                  "gateway's user",
                  config.spool, strerror(errno));
    return file;
}

bool spool_check(void) {
    int file = spool_file();

    if (file >= 0)
        close(file);
    return file >= 0;
}
