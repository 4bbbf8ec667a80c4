/*
 * assemble.c - the parts of an upload put together.
 *
 * One part after the other is read from the store and written to a new object, a chunk at a time,
 * with SHA-256 and the type found on the way; two chunks are in memory. The database gives a fresh
 * key for each try, so that nothing of an earlier one is in the way, and records the first that is
 * told. Whoever comes second, or finds that the parts are gone, asks again, and is told what the
 * upload has become; a second try that fails is answered as it is.
 */
#include "assemble.h"
#include "compat.h"
#include "db.h"
#include "eraser.h"
#include "intake.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "rpc_codes.h"
#include "store.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct assembly {
    LIST_ENTRY(assembly) all;
    assembled_fn *done; /* NULL: nobody waits */
    void *owner;
    char *token, *upload, *address;
    bool again; /* this is the second try */
    enum { ASKING, OPENING, READING, WRITING, COMMITTING, RECORDING } phase;
    struct db_call *call;
    json_t *plan; /* what the database said */
    json_int_t document, topic, length;
    const char *key, *name; /* in the plan */
    size_t part;            /* the one at hand */
    struct store_object *from, *to;
    json_int_t part_left;
    struct intake intake;
};

static LIST_HEAD(, assembly) assemblies = LIST_HEAD_INITIALIZER(assemblies);

static void ask(struct assembly *assembly);
static void next_part(struct assembly *assembly);

/* What belongs to one try. */
static void clear(struct assembly *assembly) {
    if (assembly->call)
        db_abandon(assembly->call);
    if (assembly->from)
        store->drop(assembly->from);
    if (assembly->to)
        store->drop(assembly->to);
    json_decref(assembly->plan);
    intake_end(&assembly->intake);
    assembly->call = NULL;
    assembly->from = assembly->to = NULL;
    assembly->plan = NULL;
}

static void assembly_free(struct assembly *assembly) {
    LIST_REMOVE(assembly, all);
    clear(assembly);
    memory_forget(assembly->token);
    free(assembly->upload);
    free(assembly->address);
    free(assembly);
}

static void finish(struct assembly *assembly, const char *json) {
    if (assembly->done)
        assembly->done(assembly->owner, json);
    assembly_free(assembly);
}

/* Somebody else may have been quicker. */
static bool try_again(struct assembly *assembly) {
    if (assembly->again)
        return false;
    clear(assembly);
    assembly->again = true;
    ask(assembly);
    return true;
}

static void fail_by_store(struct assembly *assembly, const char *doing, int error) {
    char *json;

    if (try_again(assembly))
        return;
    log_error("store: putting together upload %s: %s: %s", assembly->upload, doing,
              strerror(error));
    json = db_error(RPC_INTERNAL, "the file could not be stored", NULL,
                    "All its bytes are kept. Ask again; should it last, tell the operator.");
    finish(assembly, json);
    free(json);
}

static json_int_t code_of(json_t *body) {
    json_int_t code = 0;

    json_unpack(body, "{s:{s:I}}", "error", "code", &code);
    return code;
}

static void on_recorded(void *owner, const char *json) {
    struct assembly *assembly = owner;
    json_t *body = json_loads(json, 0, NULL);
    json_int_t code = code_of(body);

    json_decref(body);
    assembly->call = NULL;
    if (code == 0) {
        metrics.uploads++;
        eraser_look(); /* the parts */
    } else if (code == RPC_UNAVAILABLE) {
        log_warning("store: %s may be without record: the database went away", assembly->key);
    } else {
        store->remove(assembly->key, NULL, NULL);
        if (code == RPC_CONFLICT && try_again(assembly))
            return;
    }
    finish(assembly, json);
}

static void record(struct assembly *assembly) {
    char topic[24];

    snprintf(topic, sizeof topic, "%" JSON_INTEGER_FORMAT, assembly->topic);
    assembly->phase = RECORDING;
    assembly->call = intake_record(&assembly->intake,
                                   &(struct intake_of){.token = assembly->token,
                                                       .document = assembly->document,
                                                       .key = assembly->key,
                                                       .topic = topic,
                                                       .name = assembly->name,
                                                       .address = assembly->address,
                                                       .upload = assembly->upload},
                                   (struct db_answer){.done = on_recorded, .owner = assembly});
}

static void on_written(void *owner, ssize_t result) {
    struct assembly *assembly = owner;

    if (result < 0) {
        fail_by_store(assembly, "writing", -result);
    } else if (assembly->phase == COMMITTING) {
        record(assembly);
    } else if (assembly->part_left > 0) {
        assembly->phase = READING;
        store->read(assembly->from);
    } else {
        store->drop(assembly->from);
        assembly->from = NULL;
        assembly->part++;
        next_part(assembly);
    }
}

static void take_chunk(struct assembly *assembly, size_t size) {
    const unsigned char *bytes = assembly->from->buffer;

    intake_take(&assembly->intake, bytes, size);
    memcpy(assembly->to->buffer, bytes, size);
    assembly->part_left -= size;
    assembly->phase = WRITING;
    store->write(assembly->to, size);
}

static void on_read(void *owner, ssize_t result) {
    struct assembly *assembly = owner;

    if (result < 0)
        fail_by_store(assembly, "reading", -result);
    else if (assembly->phase == OPENING && result != assembly->part_left)
        fail_by_store(assembly, "a part's size is not what was recorded", EIO);
    else if (assembly->phase == OPENING) {
        assembly->phase = READING;
        store->read(assembly->from);
    } else if (result == 0 || result > assembly->part_left)
        fail_by_store(assembly, "a part changed while being read", EIO);
    else
        take_chunk(assembly, result);
}

static void next_part(struct assembly *assembly) {
    const char *key;

    if (json_unpack(json_array_get(json_object_get(assembly->plan, "parts"), assembly->part),
                    "{s:s, s:I}", "key", &key, "size", &assembly->part_left) == 0) {
        assembly->phase = OPENING;
        assembly->from = store->open(key, on_read, assembly);
    } else if (assembly->intake.size != assembly->length) {
        fail_by_store(assembly, "the parts are not the whole", EIO);
    } else {
        assembly->phase = COMMITTING;
        store->commit(assembly->to);
    }
}

static void begin(struct assembly *assembly) {
    assembly->to = store->create(on_written, assembly);
    store->name(assembly->to, assembly->key);
    intake_begin(&assembly->intake);
    assembly->part = 0;
    next_part(assembly);
}

static void finish_done(struct assembly *assembly, json_t *document) {
    json_t *body = json_pack("{s:O}", "result", document);
    char *json = json_dumps(body, JSON_COMPACT);

    finish(assembly, json);
    free(json);
    json_decref(body);
}

static void on_asked(void *owner, const char *json) {
    struct assembly *assembly = owner;
    json_t *body = json_loads(json, 0, NULL), *plan = json_object_get(body, "result");
    json_t *document = json_object_get(plan, "done");

    assembly->call = NULL;
    if (document) {
        finish_done(assembly, document);
    } else if (json_unpack(plan, "{s:I, s:s, s:I, s:s, s:I}", "document", &assembly->document,
                           "key", &assembly->key, "topic", &assembly->topic, "name",
                           &assembly->name, "length", &assembly->length) == 0) {
        assembly->plan = json_incref(plan);
        begin(assembly);
    } else {
        finish(assembly, json);
    }
    json_decref(body);
}

static void ask(struct assembly *assembly) {
    const char *params[] = {assembly->token, assembly->upload, assembly->address};

    assembly->phase = ASKING;
    assembly->call = db_call(DB_CALLS, DB_UPLOAD_FINISH, 3, params,
                             (struct db_answer){.done = on_asked, .owner = assembly});
}

struct assembly *assemble(const char *token, const char *upload, const char *address,
                          assembled_fn *done, void *owner) {
    struct assembly *assembly = memory_zeroed(sizeof *assembly);

    LIST_INSERT_HEAD(&assemblies, assembly, all);
    assembly->done = done;
    assembly->owner = owner;
    assembly->token = memory_text(token);
    assembly->upload = memory_text(upload);
    assembly->address = address ? memory_text(address) : NULL;
    ask(assembly);
    return assembly;
}

void assemble_unheard(struct assembly *assembly) {
    assembly->done = NULL;
}

bool assemble_any(void) {
    return !LIST_EMPTY(&assemblies);
}

void assemble_stop(void) {
    while (!LIST_EMPTY(&assemblies))
        assembly_free(LIST_FIRST(&assemblies));
}
