/*
 * upload.c - POST /files?topic=ID&name=NAME, streaming.
 *
 * The order: the database says whether it may be and under which key (file_begin); the body goes to
 * the store piece by piece; the store makes it durable; the database records it (file_end). So
 * nothing is ever on record that is not in the store. What the record then refuses is taken out of
 * the store again; when nobody knows whether it was recorded (the database went away), it stays.
 *
 * One piece is in memory: the object's buffer. While it is being written, or the database asked,
 * the client is not read. libwebsockets may hand over one piece after that is said, which is why
 * the buffer may be filled before the database has answered.
 *
 * An upload owns itself: it is in the list until it ends, and outlives its exchange when the client
 * goes after the last byte.
 */
#include "upload.h"
#include "config.h"
#include "db.h"
#include "intake.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "rpc_codes.h"
#include "store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct upload {
    LIST_ENTRY(upload) all;
    struct exchange *exchange; /* NULL: the client is gone */
    enum { BEGINNING, RECEIVING, COMMITTING, RECORDING } phase;
    struct db_call *call; /* while the database is asked */
    struct store_object *object;
    size_t filled; /* bytes in the object's buffer, not yet given to the store */
    bool writing;  /* the store has the buffer */
    bool complete; /* the body is */
    size_t length; /* bytes, as announced */
    struct intake intake;
    char *token, *topic, *name, *key, *address;
    json_int_t document;
};

static LIST_HEAD(, upload) uploads = LIST_HEAD_INITIALIZER(uploads);

static void upload_free(struct upload *upload) {
    LIST_REMOVE(upload, all);
    if (upload->exchange)
        upload->exchange->upload = NULL;
    if (upload->call)
        db_abandon(upload->call);
    store->drop(upload->object);
    intake_end(&upload->intake);
    memory_forget(upload->token);
    free(upload->topic);
    free(upload->name);
    free(upload->key);
    free(upload->address);
    free(upload);
}

/* Ends the upload; `json` is the database's error. */
static void give_up(struct upload *upload, const char *json) {
    if (upload->exchange)
        http_answer_error(upload->exchange, json);
    upload_free(upload);
}

static void give_up_by_store(struct upload *upload, ssize_t error) {
    log_error("store: upload of document %" JSON_INTEGER_FORMAT ": %s", upload->document,
              strerror(-error));
    if (upload->exchange)
        http_refuse(upload->exchange, HTTP_STATUS_INTERNAL_SERVER_ERROR, RPC_INTERNAL,
                    "the file could not be stored",
                    error == -ENOSPC ? "The store is full; tell the operator."
                                     : "Try again; should it last, tell the operator.");
    upload_free(upload);
}

static void refuse_size(struct upload *upload) {
    char hint[64];

    snprintf(hint, sizeof hint, "Files may have %zu bytes at most.", config.max_upload);
    http_refuse(upload->exchange, HTTP_STATUS_REQ_ENTITY_TOO_LARGE, RPC_INVALID_PARAMS,
                "the file is too large", hint);
}

static bool is_error(const char *json, json_int_t *code) {
    json_t *body = json_loads(json, 0, NULL);
    bool error = json_unpack(body, "{s:{s:I}}", "error", "code", code) == 0;

    json_decref(body);
    return error;
}

/* The record was made or refused. */
static void on_recorded(void *owner, const char *json) {
    struct upload *upload = owner;
    json_int_t code;

    upload->call = NULL;
    if (is_error(json, &code)) {
        if (code == RPC_UNAVAILABLE)
            log_warning("store: %s may be without record: the database went away", upload->key);
        else
            store->remove(upload->key, NULL, NULL);
        give_up(upload, json);
        return;
    }
    metrics.uploads++;
    if (upload->exchange)
        http_answer(upload->exchange, 201, "application/json", memory_text(json));
    upload_free(upload);
}

static void record(struct upload *upload) {
    upload->phase = RECORDING;
    upload->call = intake_record(&upload->intake,
                                 &(struct intake_of){.token = upload->token,
                                                     .document = upload->document,
                                                     .key = upload->key,
                                                     .topic = upload->topic,
                                                     .name = upload->name,
                                                     .address = upload->address},
                                 (struct db_answer){.done = on_recorded, .owner = upload});
}

/* Does what is next, when neither the store nor the database is at work. */
static void go_on(struct upload *upload) {
    if (upload->filled > 0) {
        upload->writing = true;
        store->write(upload->object, upload->filled);
        upload->filled = 0;
    } else if (upload->complete) {
        upload->phase = COMMITTING;
        store->commit(upload->object);
    } else {
        http_read(upload->exchange, true);
    }
}

static void on_stored(void *owner, ssize_t result) {
    struct upload *upload = owner;

    upload->writing = false;
    if (result < 0)
        give_up_by_store(upload, result);
    else if (upload->phase == COMMITTING)
        record(upload);
    else
        go_on(upload);
}

static void on_begun(void *owner, const char *json) {
    struct upload *upload = owner;
    json_t *body = json_loads(json, 0, NULL);
    const char *key;

    upload->call = NULL;
    if (json_unpack(body, "{s:{s:I, s:s}}", "result", "document", &upload->document, "key", &key) !=
        0) {
        give_up(upload, json);
    } else {
        upload->key = memory_text(key);
        store->name(upload->object, key);
        upload->phase = RECEIVING;
        go_on(upload);
    }
    json_decref(body);
}

static bool is_id(const char *text) {
    size_t length = text ? strspn(text, "0123456789") : 0;

    return length > 0 && length <= 18 && !text[length];
}

/* Reads the request; true when it is worth asking the database, else it is answered. */
static bool read_request(struct upload *upload) {
    struct exchange *exchange = upload->exchange;

    upload->token = http_token(exchange->wsi);
    upload->topic = http_parameter(exchange->wsi, "topic");
    upload->name = http_parameter(exchange->wsi, "name");
    upload->address = http_address(exchange->wsi);
    if (!upload->token)
        http_refuse(exchange, HTTP_STATUS_UNAUTHORIZED, RPC_NOT_LOGGED_IN, "not logged in",
                    "Send the header Authorization: Bearer TOKEN.");
    else if (!is_id(upload->topic) || !upload->name || !*upload->name)
        http_refuse(exchange, HTTP_STATUS_BAD_REQUEST, RPC_INVALID_PARAMS, "bad parameters",
                    "POST to /files?topic=ID&name=NAME, the name URL-encoded.");
    else if (exchange->length > config.max_upload)
        refuse_size(upload);
    else
        return true;
    return false;
}

void upload_start(struct exchange *exchange) {
    struct upload *upload = memory_zeroed(sizeof *upload);
    const char *params[5];
    char size[24];

    LIST_INSERT_HEAD(&uploads, upload, all);
    exchange->upload = upload;
    upload->exchange = exchange;
    upload->length = exchange->length;
    upload->object = store->create(on_stored, upload);
    intake_begin(&upload->intake);
    if (!read_request(upload)) {
        upload_free(upload);
        return;
    }
    http_read(exchange, false);
    params[0] = upload->token;
    params[1] = upload->topic;
    params[2] = upload->name;
    params[3] = upload->address;
    params[4] = size;
    snprintf(size, sizeof size, "%zu", upload->length);
    upload->call = db_call(DB_CALLS, DB_FILE_BEGIN, 5, params,
                           (struct db_answer){.done = on_begun, .owner = upload});
}

void upload_body(struct exchange *exchange, const void *bytes, size_t size) {
    struct upload *upload = exchange->upload;

    if (size == 0)
        return;
    assert(!upload->writing && upload->filled + size <= STORE_CHUNK);
    intake_take(&upload->intake, bytes, size);
    memcpy(upload->object->buffer + upload->filled, bytes, size);
    upload->filled += size;
    metrics.upload_bytes += size;
    http_read(exchange, false);
    if (upload->phase == RECEIVING)
        go_on(upload);
}

void upload_body_complete(struct exchange *exchange) {
    struct upload *upload = exchange->upload;

    upload->complete = true;
    http_read(exchange, false);
    if (upload->phase == RECEIVING && !upload->writing)
        go_on(upload);
}

void upload_cut(struct exchange *exchange) {
    struct upload *upload = exchange->upload;

    exchange->upload = NULL;
    upload->exchange = NULL;
    if (!upload->complete)
        upload_free(upload);
}

bool upload_any(void) {
    return !LIST_EMPTY(&uploads);
}

void upload_stop(void) {
    while (!LIST_EMPTY(&uploads))
        upload_free(LIST_FIRST(&uploads));
}
