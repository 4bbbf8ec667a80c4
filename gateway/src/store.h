/*
 * store.h - where files live, behind one interface.
 *
 * A store keeps immutable objects under opaque keys that the database gave out. Every operation is
 * asynchronous: it returns at once and its end is told from the event loop, because a disk or a
 * network may take seconds and nothing a client does may delay another. An object has one operation
 * under way at most and one buffer, so that the memory of a transfer is bounded.
 *
 * An object belongs to the caller from create or open until drop; the store frees it when its last
 * operation is over.
 */
#pragma once

#include "compat.h"

#include <stdbool.h>
#include <sys/types.h>

#define STORE_CHUNK 65536 /* bytes */

/* How an operation ended: the bytes it moved, or -errno. */
typedef void store_done_fn(void *owner, ssize_t result);

/* What stores keep of an object is behind this, in a struct of their own. */
struct store_object {
    store_done_fn *done;
    void *owner;
    unsigned char room[LWS_PRE]; /* for the header that libwebsockets writes before the buffer */
    unsigned char buffer[STORE_CHUNK];
};

struct store {
    /* A new object to be written; nothing is stored before its first write. */
    struct store_object *(*create)(store_done_fn *done, void *owner);

    /* Says which key it will have; before the first write, once. */
    void (*name)(struct store_object *object, const char *key);

    /* Appends `size` bytes of the buffer. -EINVAL, here and below: no key of ours. */
    void (*write)(struct store_object *object, size_t size);

    /* Makes what was written durable under the key, all or nothing. -EEXIST: the key is taken,
     * where the store can tell; keys are never used twice. */
    void (*commit)(struct store_object *object);

    /* An object to be read; the end of the operation gives its size. -ENOENT: no such key. */
    struct store_object *(*open)(const char *key, store_done_fn *done, void *owner);

    /* Fills the buffer with the next bytes; 0 at the end. */
    void (*read)(struct store_object *object);

    /* Ends the use of the object; what was not committed is gone. Allowed while an operation is
     * under way, whose end is then not told. */
    void (*drop)(struct store_object *object);

    /* Takes a committed object away, for good, and what a broken upload of the key has left; that
     * there is none is no error. done may be NULL. */
    void (*remove)(const char *key, store_done_fn *done, void *owner);

    /* An address by which anybody gets the object from the store itself, for so many seconds, as a
     * file of this name and type. For the caller to free; NULL: this store has none. */
    char *(*presign)(const char *key, const char *name, const char *type, unsigned seconds);

    /* Ends the store when all objects are dropped; waits for operations under way. */
    void (*stop)(void);
};

/* The store in use. */
extern const struct store *store;

/* Opens the store of the settings. Says why and returns false when that cannot be. */
bool store_start(void);

/* The same for a directory, made when its parent exists. */
bool store_dir_start(const char *path);

/* The same for a bucket of an S3 store, which need not answer now. */
bool store_s3_start(void);

/* For stores: is this a plain relative path? Letters, digits, '.', '_', '-', and '/' between names,
 * none of which starts with a dot. Thereby no key leads out of a directory, and none needs encoding
 * in an address. */
bool store_key_is_plain(const char *key);
