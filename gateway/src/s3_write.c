/*
 * s3_write.c - objects going up.
 *
 * What is written is kept in pages until it is a part. What fits into the first part goes up as one
 * PUT at commit; more begins a multipart upload, of whose parts a few are on their way while the
 * next is filled. The object is there under its key when that PUT, or the completion of the upload,
 * has succeeded, and not before. Each part carries its SHA-256, signed, by which the store checks
 * what arrives. (MD5 besides would say nothing more, and was a third of the gateway's time.)
 *
 * Parts grow, so that the 10,000 there may be are enough; what is too large even so is refused. Who
 * drops an object that is not committed has what is there of it taken away, as far as the store
 * answers; the rest is remove()'s, which the database asks for.
 */
#include "s3.h"
#include "config.h"
#include "intake.h"
#include "log.h"
#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_STEP  (8 << 20) /* bytes; the least there may be, but for the last part, are 5 MiB */
#define PARTS_STEP 1000      /* after so many parts they are larger by PART_STEP */
#define PARTS_MAX  10000
#define ON_THE_WAY (32 << 20) /* bytes of parts, besides the one being filled */

struct part {
    TAILQ_ENTRY(part) next;
    struct writer *writer;
    unsigned number; /* from 1 */
    size_t room;     /* bytes it may have */
    struct s3_pages pages;
    EVP_MD_CTX *sha256;
    struct s3_request *request; /* NULL: waits for the upload's id */
};

struct writer {
    struct s3_object object;
    struct s3_filler filler;
    char *key, *upload; /* upload: its id, NULL: none */
    size_t size, taken; /* of the write under way: bytes, and those in pages */
    size_t total;
    struct part *filling;     /* NULL before the first byte */
    TAILQ_HEAD(, part) parts; /* on their way */
    size_t on_the_way;        /* bytes of them */
    unsigned count;
    char **etags;               /* of all parts, in order; owned */
    struct s3_request *request; /* that begins or ends the upload, or asks for its end */
    ssize_t failed;             /* -errno */
    enum { WRITING, COMMITTING, COMMITTED } phase;
    bool busy;    /* an operation is under way */
    bool waits;   /* it waits until fewer parts are on their way */
    bool begun;   /* there may be something of it in the store */
    bool twice;   /* there may be a second upload: the first answer was lost */
    bool dropped; /* waits for the upload's id, to end it */
};

static void take_in(struct writer *writer);
static void complete(struct writer *writer);

static void tell(struct writer *writer, ssize_t result) {
    writer->busy = false;
    s3_tell(&writer->object, result);
}

static char *upload_query(const char *upload, unsigned number) {
    char *id = s3_encode(upload);
    char *query = number ? memory_format("partNumber=%u&uploadId=%s", number, id)
                         : memory_format("uploadId=%s", id);

    free(id);
    return query;
}

static void committed(struct writer *writer) {
    writer->phase = COMMITTED;
    if (writer->twice)
        s3_end_uploads(writer->key);
    tell(writer, 0);
}

/* Parts. */

/* Few files need a third part; where one does, each part's own cost begins to count. */
static size_t part_room(unsigned number) {
    size_t room = PART_STEP * (size_t)(number < 3 ? 1 : 2 + (number - 1) / PARTS_STEP);
    size_t most = config.s3_memory / 2 / S3_PAGE * S3_PAGE;

    return room < most ? room : most;
}

static struct part *part_new(struct writer *writer) {
    struct part *part = memory_zeroed(sizeof *part);

    part->writer = writer;
    part->number = ++writer->count;
    writer->etags = memory_resize(writer->etags, writer->count * sizeof *writer->etags);
    writer->etags[writer->count - 1] = NULL;
    part->room = part_room(part->number);
    part->sha256 = EVP_MD_CTX_new();
    EVP_DigestInit_ex(part->sha256, EVP_sha256(), NULL);
    return part;
}

/* Its request, if any, has ended. */
static void part_free(struct part *part) {
    s3_pages_free(&part->pages);
    EVP_MD_CTX_free(part->sha256);
    free(part);
}

static void drop_parts(struct writer *writer) {
    struct part *part;

    while ((part = TAILQ_FIRST(&writer->parts))) {
        TAILQ_REMOVE(&writer->parts, part, next);
        if (part->request)
            s3_abort(part->request);
        part_free(part);
    }
    writer->on_the_way = 0;
    s3_pages_yield(&writer->filler);
    if (writer->filling)
        part_free(writer->filling);
    writer->filling = NULL;
}

/* Nothing comes of it any more. */
static void fail(struct writer *writer, ssize_t error) {
    writer->failed = error;
    writer->waits = false;
    drop_parts(writer);
    if (writer->busy)
        tell(writer, error);
}

static void on_part_sent(void *owner, struct s3_request *request) {
    struct part *part = owner;
    struct writer *writer = part->writer;
    ssize_t result = request->result;

    TAILQ_REMOVE(&writer->parts, part, next);
    writer->on_the_way -= part->pages.size;
    if (result == 0 && writer->upload)
        writer->etags[part->number - 1] = memory_text(request->etag);
    part_free(part);
    if (result < 0) {
        fail(writer, result);
    } else if (!writer->upload) {
        committed(writer);
    } else if (writer->waits) {
        writer->waits = false;
        take_in(writer);
    } else if (writer->phase == COMMITTING && writer->on_the_way == 0) {
        complete(writer);
    }
}

/* As a part of the upload, or as the whole object where there is none. */
static void send_part(struct part *part) {
    struct writer *writer = part->writer;
    char *query = writer->upload ? upload_query(writer->upload, part->number) : NULL;

    part->request = s3_request("PUT", writer->key, query);
    part->request->pages = &part->pages;
    sha256_hex(part->sha256, part->request->sha256);
    s3_send(part->request, on_part_sent, part);
    free(query);
}

static void on_upload_begun(void *owner, struct s3_request *request) {
    struct writer *writer = owner;
    struct part *part;

    writer->request = NULL;
    writer->twice = request->tries > 1;
    writer->upload = s3_xml(request->answer, "UploadId", NULL);
    if (writer->dropped) {
        s3_write_drop(&writer->object);
    } else if (request->result < 0 || !writer->upload) {
        fail(writer, request->result < 0 ? request->result : -EIO);
    } else {
        TAILQ_FOREACH(part, &writer->parts, next)
        send_part(part);
    }
}

/* The part that was filled goes its way. */
static void send_filled(struct writer *writer) {
    struct part *part = writer->filling;

    writer->filling = NULL;
    s3_pages_yield(&writer->filler);
    TAILQ_INSERT_TAIL(&writer->parts, part, next);
    writer->on_the_way += part->pages.size;
    if (writer->upload) {
        send_part(part);
    } else if (!writer->request) {
        writer->begun = true;
        writer->request = s3_request("POST", writer->key, "uploads=");
        writer->request->counted = true;
        s3_send(writer->request, on_upload_begun, writer);
    }
}

/* Bytes into pages. */

/* As many as fit into the page at the end. */
static void append(struct part *part, const unsigned char *bytes, size_t *left) {
    size_t at = part->pages.size % S3_PAGE;
    size_t n = *left < S3_PAGE - at ? *left : S3_PAGE - at;

    memcpy(part->pages.page[part->pages.count - 1] + at, bytes, n);
    EVP_DigestUpdate(part->sha256, bytes, n);
    part->pages.size += n;
    *left -= n;
}

/* Goes on with the write under way, until it is done or has to wait. */
static void take_in(struct writer *writer) {
    while (writer->taken < writer->size) {
        struct part *part = writer->filling;
        size_t left = writer->size - writer->taken;

        if (part && part->pages.size == part->room) {
            writer->waits = writer->on_the_way > 0 && writer->on_the_way + part->room > ON_THE_WAY;
            if (writer->waits)
                return;
            send_filled(writer);
            part = NULL;
        }
        if (!part)
            part = writer->filling = part_new(writer);
        if (part->pages.size == part->pages.count * S3_PAGE &&
            !s3_pages_add(&part->pages, &writer->filler))
            return;
        append(part, writer->object.shared.buffer + writer->taken, &left);
        writer->taken = writer->size - left;
    }
    writer->total += writer->size;
    tell(writer, writer->size);
}

static void on_room(struct s3_filler *filler) {
    take_in((struct writer *)((char *)filler - offsetof(struct writer, filler)));
}

void s3_write(struct store_object *shared, size_t size) {
    struct writer *writer = (struct writer *)shared;

    writer->busy = true;
    writer->size = size;
    writer->taken = 0;
    if (!writer->key || !store_key_is_plain(writer->key))
        fail(writer, -EINVAL);
    else if (writer->failed)
        tell(writer, writer->failed);
    else if (writer->count == PARTS_MAX &&
             writer->filling->pages.size + size > writer->filling->room)
        fail(writer, -EFBIG);
    else
        take_in(writer);
}

/* The end. */

/* The completion's answer was lost, and the second try found no upload: is the object there? */
static void on_looked(void *owner, struct s3_request *request) {
    struct writer *writer = owner;
    bool there = request->result == 0 && request->length == (long long)writer->total;

    writer->request = NULL;
    if (there) {
        committed(writer);
    } else {
        log_error("store: s3: %s: the upload is gone", writer->key);
        fail(writer, -EIO);
    }
}

static void on_completed(void *owner, struct s3_request *request) {
    struct writer *writer = owner;

    writer->request = NULL;
    if (request->result == 0) {
        committed(writer);
    } else if (request->result == -ENOENT) {
        writer->request = s3_request("HEAD", writer->key, NULL);
        writer->request->may_miss = true;
        s3_send(writer->request, on_looked, writer);
    } else {
        fail(writer, request->result);
    }
}

static void complete(struct writer *writer) {
    char *query = upload_query(writer->upload, 0), *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    fputs("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", out);
    for (unsigned i = 0; i < writer->count; i++)
        fprintf(out, "<Part><PartNumber>%u</PartNumber><ETag>\"%s\"</ETag></Part>", i + 1,
                writer->etags[i]);
    fputs("</CompleteMultipartUpload>", out);
    fclose(out);
    writer->request = s3_request("POST", writer->key, query);
    writer->request->patient = true;
    writer->request->may_miss = true;
    s3_request_text(writer->request, text);
    s3_send(writer->request, on_completed, writer);
    free(query);
}

void s3_commit(struct store_object *shared) {
    struct writer *writer = (struct writer *)shared;

    writer->busy = true;
    writer->phase = COMMITTING;
    if (!writer->key || !store_key_is_plain(writer->key)) {
        fail(writer, -EINVAL);
    } else if (writer->failed) {
        tell(writer, writer->failed);
    } else if (writer->count > 1) {
        send_filled(writer);
    } else { /* all of it at once */
        struct part *part = writer->filling ? writer->filling : part_new(writer);

        writer->filling = NULL;
        s3_pages_yield(&writer->filler);
        TAILQ_INSERT_TAIL(&writer->parts, part, next);
        writer->on_the_way += part->pages.size;
        writer->begun = true;
        send_part(part);
    }
}

struct store_object *s3_create(store_done_fn *done, void *owner) {
    struct writer *writer = memory_zeroed(sizeof *writer);

    s3_object_init(&writer->object, false, done, owner);
    writer->filler.ready = on_room;
    TAILQ_INIT(&writer->parts);
    return &writer->object.shared;
}

void s3_name(struct store_object *shared, const char *key) {
    ((struct writer *)shared)->key = memory_text(key);
}

static void writer_free(struct writer *writer) {
    for (unsigned i = 0; i < writer->count; i++)
        free(writer->etags[i]);
    free(writer->etags);
    free(writer->key);
    free(writer->upload);
    free(writer);
}

void s3_write_drop(struct s3_object *object) {
    struct writer *writer = (struct writer *)object;

    s3_silence(object);
    drop_parts(writer);
    writer->busy = false;
    writer->dropped = writer->request && !writer->upload; /* about to begin the upload */
    if (writer->dropped)
        return;
    if (writer->request)
        s3_abort(writer->request);
    if (writer->phase != COMMITTED && writer->begun)
        s3_remove(writer->key, NULL, NULL);
    writer_free(writer);
}
