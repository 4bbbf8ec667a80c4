/*
 * s3_read.c - objects coming down.
 *
 * Bytes come ahead of the reader into a ring, and the transfer is paused while it is full: so the
 * memory is bounded, and a slow client holds the store back. A line that is cut is taken up again
 * where it was (s3_request.c). An object that is shorter or longer than the store had announced
 * ends with an error.
 */
#include "s3.h"
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RING 262144 /* bytes */

struct reader {
    struct s3_object object;
    struct s3_request *request; /* NULL: it has ended */
    size_t start, filled;       /* of the ring's bytes */
    long long left;             /* bytes that the owner has not got; -1: not open yet */
    ssize_t failed;             /* -errno */
    bool paused;
    bool reading; /* the owner waits for bytes */
    unsigned char ring[RING];
};

/* As much as there is, but no more than the buffer holds. */
static void give(struct reader *reader) {
    size_t size = reader->filled < STORE_CHUNK ? reader->filled : STORE_CHUNK;
    size_t whole = RING - reader->start;
    unsigned char *to = reader->object.shared.buffer;

    if (whole > size)
        whole = size;
    memcpy(to, reader->ring + reader->start, whole);
    memcpy(to + whole, reader->ring, size - whole);
    reader->start = (reader->start + size) % RING;
    reader->filled -= size;
    reader->left -= size;
    reader->reading = false;
    s3_tell(&reader->object, size);
}

/* Answers the reader if that is possible now. A chunk is worth waiting for. */
static void answer(struct reader *reader) {
    if (!reader->reading)
        return;
    if (reader->filled >= STORE_CHUNK || (reader->filled > 0 && !reader->request) ||
        (long long)reader->filled == reader->left) {
        give(reader);
    } else if (!reader->request) {
        reader->reading = false;
        s3_tell(&reader->object, reader->failed ? reader->failed : -EIO);
    }
}

static void on_opened(void *owner, struct s3_request *request) {
    struct reader *reader = owner;

    reader->left = request->length;
    s3_tell(&reader->object, request->length);
}

static bool on_bytes(void *owner, const unsigned char *bytes, size_t size) {
    struct reader *reader = owner;
    size_t at = (reader->start + reader->filled) % RING, whole = RING - at;

    reader->paused = size > RING - reader->filled;
    if (reader->paused)
        return false;
    if (whole > size)
        whole = size;
    memcpy(reader->ring + at, bytes, whole);
    memcpy(reader->ring, bytes + whole, size - whole);
    reader->filled += size;
    answer(reader);
    return true;
}

static void on_ended(void *owner, struct s3_request *request) {
    struct reader *reader = owner;

    reader->request = NULL;
    reader->failed = request->result;
    if (reader->left < 0)
        s3_tell(&reader->object, request->result < 0 ? request->result : -EIO);
    else
        answer(reader);
}

struct store_object *s3_open(const char *key, store_done_fn *done, void *owner) {
    struct reader *reader = memory_zeroed(sizeof *reader);

    s3_object_init(&reader->object, true, done, owner);
    reader->left = -1;
    if (!store_key_is_plain(key)) {
        s3_tell(&reader->object, -EINVAL);
        return &reader->object.shared;
    }
    reader->request = s3_request("GET", key, NULL);
    reader->request->opened = on_opened;
    reader->request->sink = on_bytes;
    s3_send(reader->request, on_ended, reader);
    return &reader->object.shared;
}

void s3_read(struct store_object *shared) {
    struct reader *reader = (struct reader *)shared;

    reader->reading = true;
    answer(reader);
    if (reader->paused && reader->request && RING - reader->filled >= RING / 2) {
        reader->paused = false;
        s3_resume(reader->request);
    }
}

void s3_read_drop(struct s3_object *object) {
    struct reader *reader = (struct reader *)object;

    s3_silence(object);
    if (reader->request)
        s3_abort(reader->request);
    free(reader);
}
