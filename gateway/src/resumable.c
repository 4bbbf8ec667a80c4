/*
 * resumable.c - requests of the tus protocol.
 *
 * The bytes of a PATCH become objects of the store, called parts: each is reserved by the database
 * (upload_part), filled piece by piece, committed, and recorded (upload_add), which moves the
 * upload's offset. A part ends with its PATCH, when the line is cut, and after PART_MAX bytes, so
 * that a gateway that dies costs no more than that. Of two that begin at the same offset, the
 * database records the first; the other is taken out of the store again.
 *
 * The request that finds all bytes there has the parts put together (assemble.h), and is answered
 * after that: it may be the last PATCH, or whoever looks, when that one was not lucky.
 *
 * A client on a bad line comes back before we notice that the old line is dead. Whoever comes for
 * an upload therefore has the PATCH under way at this gateway end with what it has, and waits for
 * that. At another gateway the old one is refused by its offset, some time.
 *
 * A request owns itself: it is in the list until it ends, and outlives its exchange when there is
 * something to be kept. One piece is in memory, as in upload.c.
 */
#include "resumable.h"
#include "assemble.h"
#include "config.h"
#include "db.h"
#include "eraser.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "rpc_codes.h"
#include "store.h"
#include "tus.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define PART_MAX (16 << 20) /* bytes */

struct resumable {
    LIST_ENTRY(resumable) all;
    struct exchange *exchange; /* NULL: the client is gone */
    enum { CREATE, LOOK, RECEIVE, DROP } kind;
    enum {
        ASKING,  /* a call whose answer is the request's */
        LOOKING, /* how far it is */
        WAITING, /* for another request to end */
        RESERVING,
        RECEIVING,
        COMMITTING,
        ADDING,
        ASSEMBLING
    } phase;
    struct db_call *call;
    struct assembly *assembly;
    char *token, *upload, *address;
    int64_t offset, length; /* of the upload, as recorded */
    int64_t wanted;         /* where the client means to go on */
    char *looked;           /* what the database said of it */
    bool assembled;         /* we had it put together */
    bool little;            /* the client wants no body in the answer */

    struct store_object *object; /* the part */
    char *key;
    size_t filled;     /* bytes in the object's buffer, not yet given to the store */
    int64_t size;      /* bytes of the part */
    bool writing;      /* the store has the buffer */
    bool complete;     /* the body is */
    bool superseded;   /* another request waits: what is here is enough */
    int64_t announced; /* bytes of the body */
};

static LIST_HEAD(, resumable) requests = LIST_HEAD_INITIALIZER(requests);

static void look(struct resumable *request);
static void go_on(struct resumable *request);

static void wake_waiting(const char *upload) {
    struct resumable *request, *next;

    for (request = LIST_FIRST(&requests); request; request = next) {
        next = LIST_NEXT(request, all);
        if (request->phase == WAITING && strcmp(request->upload, upload) == 0)
            look(request);
    }
}

static void request_free(struct resumable *request) {
    LIST_REMOVE(request, all);
    if (request->exchange)
        request->exchange->resumable = NULL;
    if (request->call)
        db_abandon(request->call);
    if (request->assembly)
        assemble_unheard(request->assembly);
    if (request->object)
        store->drop(request->object);
    if (request->upload)
        wake_waiting(request->upload);
    memory_forget(request->token);
    free(request->upload);
    free(request->address);
    free(request->looked);
    free(request->key);
    free(request);
}

/* Ends the request with an answer; `body` is taken over. */
static void answer(struct resumable *request, unsigned status, char *body) {
    if (request->exchange)
        http_answer(request->exchange, status, "application/json", body);
    else
        free(body);
    request_free(request);
}

/* `json` is an error. */
static void give_up(struct resumable *request, const char *json) {
    if (request->exchange)
        http_answer_error(request->exchange, json);
    request_free(request);
}

static void refuse(struct resumable *request, unsigned status, int code, const char *message,
                   const char *hint) {
    if (request->exchange)
        http_refuse(request->exchange, status, code, message, hint);
    request_free(request);
}

static void give_up_by_store(struct resumable *request, ssize_t error) {
    log_error("store: part of upload %s: %s", request->upload, strerror(-error));
    refuse(request, HTTP_STATUS_INTERNAL_SERVER_ERROR, RPC_INTERNAL,
           "the bytes could not be stored",
           error == -ENOSPC ? "The store is full; tell the operator."
                            : "Go on from where the upload is; should it last, tell the operator.");
}

/* Asks the database; `done` is given the request. */
static void ask(struct resumable *request, const char *statement, int count,
                const char *const *params, void (*done)(void *, const char *)) {
    request->call = db_call(DB_CALLS, statement, count, params,
                            (struct db_answer){.done = done, .owner = request});
}

/* Answers. */

static void add_offset(struct resumable *request, int64_t offset) {
    if (request->exchange)
        http_header(request->exchange, "upload-offset", "%" PRId64, offset);
}

static void answer_progress(struct resumable *request) {
    add_offset(request, request->offset);
    answer(request, HTTP_STATUS_NO_CONTENT, memory_text(""));
}

/* What a complete upload has become: {"result": DOCUMENT}. */
static void answer_document(struct resumable *request, const char *json) {
    add_offset(request, request->length);
    if (request->little)
        answer(request, HTTP_STATUS_NO_CONTENT, memory_text(""));
    else
        answer(request, HTTP_STATUS_OK, memory_text(json));
}

static void answer_created(struct resumable *request, json_t *document) {
    json_t *body =
        json_pack("{s:{s:s, s:O*}}", "result", "upload", request->upload, "document", document);

    if (request->exchange)
        http_header(request->exchange, "location", "/uploads/%s", request->upload);
    answer(request, 201, json_dumps(body, JSON_COMPACT));
    json_decref(body);
}

static void answer_looked(struct resumable *request) {
    json_t *body = json_loads(request->looked, 0, NULL);
    const char *name = "";
    json_int_t topic = 0;
    char *description;

    json_unpack(body, "{s:{s:s, s:I}}", "result", "name", &name, "topic", &topic);
    description = tus_describe(name, topic);
    add_offset(request, request->offset);
    if (request->exchange) {
        http_header(request->exchange, "upload-length", "%" PRId64, request->length);
        http_header(request->exchange, "upload-metadata", "%s", description);
    }
    free(description);
    json_decref(body);
    answer(request, HTTP_STATUS_OK, memory_text(request->looked));
}

/* All bytes are there. */

static void on_assembled(void *owner, const char *json) {
    struct resumable *request = owner;
    json_t *body = json_loads(json, 0, NULL), *document = json_object_get(body, "result");

    request->assembly = NULL;
    if (!document)
        give_up(request, json);
    else if (request->kind == LOOK)
        look(request);
    else if (request->kind == CREATE)
        answer_created(request, document);
    else
        answer_document(request, json);
    json_decref(body);
}

static void have_assembled(struct resumable *request) {
    request->phase = ASSEMBLING;
    request->assembled = true;
    request->assembly =
        assemble(request->token, request->upload, request->address, on_assembled, request);
}

/* Parts. */

static void on_added(void *owner, const char *json) {
    struct resumable *request = owner;
    json_t *body = json_loads(json, 0, NULL);
    json_int_t offset, code = 0;

    request->call = NULL;
    if (json_unpack(body, "{s:{s:I}}", "result", "offset", &offset) != 0) {
        json_unpack(body, "{s:{s:I}}", "error", "code", &code);
        if (code != RPC_UNAVAILABLE) /* else nobody knows; the database has it swept */
            store->remove(request->key, NULL, NULL);
        give_up(request, json);
    } else {
        request->offset = offset;
        request->size = 0;
        store->drop(request->object);
        request->object = NULL;
        go_on(request);
    }
    json_decref(body);
}

static void add_part(struct resumable *request) {
    char offset[24], size[24];
    const char *params[] = {request->token, request->upload, offset, request->key,
                            size,           request->address};

    snprintf(offset, sizeof offset, "%" PRId64, request->offset);
    snprintf(size, sizeof size, "%" PRId64, request->size);
    request->phase = ADDING;
    ask(request, DB_UPLOAD_ADD, 6, params, on_added);
}

static void on_stored(void *owner, ssize_t result) {
    struct resumable *request = owner;

    request->writing = false;
    if (result < 0)
        give_up_by_store(request, result);
    else if (request->phase == COMMITTING)
        add_part(request);
    else
        go_on(request);
}

static void on_reserved(void *owner, const char *json) {
    struct resumable *request = owner;
    json_t *body = json_loads(json, 0, NULL);
    const char *key;

    request->call = NULL;
    if (json_unpack(body, "{s:{s:s}}", "result", "key", &key) == 0) {
        free(request->key);
        request->key = memory_text(key);
        store->name(request->object, key);
        request->phase = RECEIVING;
        go_on(request);
    } else {
        give_up(request, json);
    }
    json_decref(body);
}

static void reserve(struct resumable *request) {
    char offset[24];
    const char *params[] = {request->token, request->upload, offset, request->address};

    snprintf(offset, sizeof offset, "%" PRId64, request->offset);
    if (!request->object)
        request->object = store->create(on_stored, request);
    request->phase = RESERVING;
    ask(request, DB_UPLOAD_PART, 4, params, on_reserved);
}

/* What came is on record, and there is no more to come. */
static void end_receiving(struct resumable *request) {
    if (request->offset == request->length) {
        have_assembled(request);
    } else if (request->complete) {
        answer_progress(request);
    } else {
        if (request->exchange) /* superseded in the middle of its body */
            http_cut(request->exchange);
        request_free(request);
    }
}

/* Does what is next, when neither the store nor the database is at work. */
static void go_on(struct resumable *request) {
    bool over = request->complete || request->superseded || !request->exchange;

    if (request->filled > 0) {
        request->writing = true;
        request->size += request->filled;
        store->write(request->object, request->filled);
        request->filled = 0;
    } else if (request->size > 0 && (over || request->size >= PART_MAX)) {
        request->phase = COMMITTING;
        store->commit(request->object);
    } else if (over) {
        end_receiving(request);
    } else if (request->phase == ADDING) {
        reserve(request);
    } else {
        http_read(request->exchange, true);
    }
}

/* How far it is. */

/* True when another request of this gateway is at work on the upload; its end has us look again.
 * One that receives is told to end soon. */
static bool must_wait(struct resumable *request) {
    struct resumable *other;

    LIST_FOREACH(other, &requests, all) {
        if (other != request && other->phase >= RESERVING &&
            strcmp(other->upload, request->upload) == 0)
            break;
    }
    if (!other)
        return false;
    request->phase = WAITING;
    other->superseded = true;
    if (other->phase == RECEIVING && !other->writing) {
        if (other->exchange)
            http_read(other->exchange, false);
        go_on(other);
    }
    return true;
}

/* A PATCH, as far as the upload's state allows it. */
static void begin_receiving(struct resumable *request, json_t *document) {
    char hint[64];

    snprintf(hint, sizeof hint, "It has %" PRId64 " bytes: go on from there.", request->offset);
    if (request->wanted != request->offset) {
        refuse(request, HTTP_STATUS_CONFLICT, RPC_CONFLICT, "the upload is not at that byte", hint);
    } else if (request->announced > request->length - request->offset) {
        refuse(request, HTTP_STATUS_BAD_REQUEST, RPC_INVALID_PARAMS,
               "more bytes than were announced", hint);
    } else if (json_is_object(document)) {
        json_t *body = json_pack("{s:O}", "result", document);
        char *json = json_dumps(body, JSON_COMPACT);

        answer_document(request, json);
        free(json);
        json_decref(body);
    } else if (request->offset == request->length) {
        have_assembled(request);
    } else if (request->announced == 0) {
        answer_progress(request);
    } else {
        reserve(request);
    }
}

static void on_looked(void *owner, const char *json) {
    struct resumable *request = owner;
    json_t *body = json_loads(json, 0, NULL), *document = NULL;
    json_int_t offset, length;

    request->call = NULL;
    if (json_unpack(body, "{s:{s:I, s:I, s:o}}", "result", "offset", &offset, "length", &length,
                    "document", &document) != 0) {
        give_up(request, json);
    } else if (!must_wait(request)) {
        request->offset = offset;
        request->length = length;
        free(request->looked);
        request->looked = memory_text(json);
        if (request->kind == RECEIVE)
            begin_receiving(request, document);
        else if (offset == length && json_is_null(document) && !request->assembled)
            have_assembled(request);
        else
            answer_looked(request);
    }
    json_decref(body);
}

static void look(struct resumable *request) {
    const char *params[] = {request->token, request->upload, request->address};

    request->phase = LOOKING;
    ask(request, DB_UPLOAD_LOOK, 3, params, on_looked);
}

/* Requests. */

/* A request that may go on; NULL when it was refused. `upload` is for those that name one. */
static struct resumable *begin(struct exchange *exchange, int kind) {
    struct resumable *request = exchange->resumable = memory_zeroed(sizeof *request);

    LIST_INSERT_HEAD(&requests, request, all);
    request->exchange = exchange;
    request->kind = kind;
    request->token = http_token(exchange->wsi);
    request->upload = kind == CREATE ? memory_text("") : tus_id(exchange->wsi);
    request->address = http_address(exchange->wsi);
    request->announced = exchange->length;
    request->complete = exchange->complete;
    http_header(exchange, "tus-resumable", "%s", TUS_VERSION);
    if (!tus_version_fits(exchange->wsi)) {
        http_header(exchange, "tus-version", "%s", TUS_VERSION);
        refuse(request, HTTP_STATUS_PRECONDITION_FAILED, RPC_INVALID_PARAMS, "no tus " TUS_VERSION,
               "Send the header Tus-Resumable: " TUS_VERSION ".");
    } else if (!request->token) {
        refuse(request, HTTP_STATUS_UNAUTHORIZED, RPC_NOT_LOGGED_IN, "not logged in",
               "Send the header Authorization: Bearer TOKEN.");
    } else if (!request->upload) {
        refuse(request, HTTP_STATUS_NOT_FOUND, RPC_NOT_FOUND, "no such upload",
               "POST to /uploads makes one.");
    } else {
        http_read(exchange, false);
        return request;
    }
    return NULL;
}

void resumable_options(struct exchange *exchange) {
    http_header(exchange, "tus-resumable", "%s", TUS_VERSION);
    http_header(exchange, "tus-version", "%s", TUS_VERSION);
    http_header(exchange, "tus-extension", "%s", TUS_EXTENSIONS);
    http_header(exchange, "tus-max-size", "%zu", config.max_upload);
    http_answer(exchange, HTTP_STATUS_NO_CONTENT, NULL, memory_text(""));
}

static void on_created(void *owner, const char *json) {
    struct resumable *request = owner;
    json_t *body = json_loads(json, 0, NULL);
    const char *upload;

    request->call = NULL;
    if (json_unpack(body, "{s:{s:s}}", "result", "upload", &upload) != 0) {
        give_up(request, json);
    } else {
        free(request->upload);
        request->upload = memory_text(upload);
        if (request->length == 0) /* there will be no PATCH */
            have_assembled(request);
        else
            answer_created(request, NULL);
    }
    json_decref(body);
}

static void create(struct resumable *request, const char *topic, const char *name) {
    char length[24];
    const char *params[] = {request->token, topic, name, length, request->address};

    snprintf(length, sizeof length, "%" PRId64, request->length);
    request->phase = ASKING;
    ask(request, DB_UPLOAD_BEGIN, 5, params, on_created);
}

static bool is_id(const char *text) {
    size_t length = text ? strspn(text, "0123456789") : 0;

    return length > 0 && length <= 18 && !text[length];
}

void resumable_create(struct exchange *exchange) {
    struct resumable *request = begin(exchange, CREATE);
    char *topic, *name;

    if (!request)
        return;
    topic = tus_metadata(exchange->wsi, "topic");
    name = tus_metadata(exchange->wsi, "filename");
    if (!tus_number(exchange->wsi, "upload-length:", &request->length) || request->announced > 0) {
        refuse(request, HTTP_STATUS_BAD_REQUEST, RPC_INVALID_PARAMS, "bad parameters",
               "Send the header Upload-Length, and no body.");
    } else if (!is_id(topic) || !name || !*name) {
        refuse(request, HTTP_STATUS_BAD_REQUEST, RPC_INVALID_PARAMS, "bad parameters",
               "Send the header Upload-Metadata with filename and topic, each in base64.");
    } else if ((uint64_t)request->length > config.max_upload) {
        char hint[64];

        snprintf(hint, sizeof hint, "Files may have %zu bytes at most.", config.max_upload);
        refuse(request, HTTP_STATUS_REQ_ENTITY_TOO_LARGE, RPC_INVALID_PARAMS,
               "the file is too large", hint);
    } else {
        create(request, topic, name);
    }
    free(topic);
    free(name);
}

void resumable_look(struct exchange *exchange) {
    struct resumable *request = begin(exchange, LOOK);

    if (request)
        look(request);
}

void resumable_receive(struct exchange *exchange) {
    struct resumable *request = begin(exchange, RECEIVE);

    if (!request)
        return;
    request->little = tus_wants_little(exchange->wsi);
    if (!tus_type_fits(exchange->wsi)) {
        refuse(request, HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE, RPC_INVALID_PARAMS, "bad content type",
               "Send the header Content-Type: " TUS_TYPE ".");
    } else if (!tus_number(exchange->wsi, "upload-offset:", &request->wanted)) {
        refuse(request, HTTP_STATUS_BAD_REQUEST, RPC_INVALID_PARAMS, "bad parameters",
               "Send the header Upload-Offset.");
    } else {
        request->object = store->create(on_stored, request);
        look(request);
    }
}

static void on_dropped(void *owner, const char *json) {
    struct resumable *request = owner;
    bool dropped = strncmp(json, "{\"result\"", 9) == 0;

    request->call = NULL;
    if (dropped) {
        eraser_look();
        answer(request, HTTP_STATUS_NO_CONTENT, memory_text(""));
    } else {
        give_up(request, json);
    }
}

void resumable_drop(struct exchange *exchange) {
    struct resumable *request = begin(exchange, DROP);

    if (!request)
        return;
    request->phase = ASKING;
    ask(request, DB_UPLOAD_DROP, 3,
        (const char *[]){request->token, request->upload, request->address}, on_dropped);
}

void resumable_override(struct exchange *exchange) {
    char *method = http_custom(exchange->wsi, "x-http-method-override:");

    if (method && strcmp(method, "PATCH") == 0)
        resumable_receive(exchange);
    else if (method && strcmp(method, "DELETE") == 0)
        resumable_drop(exchange);
    else if (method && strcmp(method, "HEAD") == 0)
        resumable_look(exchange);
    else
        http_refuse(exchange, HTTP_STATUS_METHOD_NOT_ALLOWED, RPC_UNKNOWN_METHOD,
                    "method not allowed",
                    "POST here only with X-HTTP-Method-Override: PATCH, DELETE or HEAD.");
    free(method);
}

/* Bodies. */

void resumable_body(struct exchange *exchange, const void *bytes, size_t size) {
    struct resumable *request = exchange->resumable;

    http_read(exchange, false);
    if (size == 0 || request->kind != RECEIVE || request->phase > RECEIVING)
        return; /* what a superseded one still brings will be sent again */
    assert(request->object && !request->writing && request->filled + size <= STORE_CHUNK);
    memcpy(request->object->buffer + request->filled, bytes, size);
    request->filled += size;
    metrics.upload_bytes += size;
    if (request->phase == RECEIVING)
        go_on(request);
}

void resumable_body_complete(struct exchange *exchange) {
    struct resumable *request = exchange->resumable;

    request->complete = true;
    http_read(exchange, false);
    if (request->phase == RECEIVING && !request->writing)
        go_on(request);
}

void resumable_cut(struct exchange *exchange) {
    struct resumable *request = exchange->resumable;

    exchange->resumable = NULL;
    request->exchange = NULL;
    if (request->phase < RESERVING && !(request->kind == RECEIVE && request->complete))
        request_free(request);
    else if (request->phase == RECEIVING && !request->writing)
        go_on(request);
}

bool resumable_any(void) {
    return !LIST_EMPTY(&requests);
}

void resumable_stop(void) {
    struct resumable *request;

    LIST_FOREACH(request, &requests, all)
    request->phase = ASKING; /* nobody is woken any more */
    while (!LIST_EMPTY(&requests))
        request_free(LIST_FIRST(&requests));
}
