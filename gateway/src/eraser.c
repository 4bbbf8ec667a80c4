/*
 * eraser.c - removes the bytes of erased documents from the store.
 *
 * The database says which (files_to_erase), some at a time in the order of their ids; each is
 * removed from the store, and then told to the database (file_erased), one after the other. A round
 * goes through all there are. One begins at start, when an event says that a company was erased,
 * and now and then, for what an earlier round could not do: the database away, the store in
 * trouble, the gateway killed. Several gateways may do the same at once: what one finds removed it
 * tells as well, and the database takes only the first word of it.
 */
#include "eraser.h"
#include "compat.h"
#include "db.h"
#include "log.h"
#include "store.h"

#include <ev.h>
#include <jansson.h>
#include <stdio.h>

#define BATCH "50" /* documents */
#define START 1.0  /* seconds, for the connections to be made */
#define PAUSE 60.0 /* seconds between rounds */
#define RETRY 5.0  /* seconds, when the database was away */

static struct {
    ev_timer timer;
    enum { RESTING, ASKING, REMOVING, TELLING } phase;
    struct db_call *call; /* while ASKING or TELLING */
    json_t *files;        /* what was asked for, owned; from `at` on not done yet */
    size_t at;
    json_int_t document; /* the one at hand, or the last */
    unsigned removed;    /* in this round */
    bool again;          /* somebody called meanwhile */
} eraser;

static void next_file(void);

static void rest(double pause) {
    json_decref(eraser.files);
    eraser.files = NULL;
    eraser.phase = RESTING;
    if (eraser.removed > 0)
        log_info("store: %u erased files removed", eraser.removed);
    eraser.removed = 0;
    ev_timer_stop(EV_DEFAULT_ & eraser.timer);
    ev_timer_set(&eraser.timer, eraser.again ? 0 : pause, 0);
    ev_timer_start(EV_DEFAULT_ & eraser.timer);
    eraser.again = false;
}

static void on_told(void *owner UNUSED, const char *json) {
    json_t *body = json_loads(json, 0, NULL);

    eraser.call = NULL;
    if (json_object_get(body, "result")) {
        eraser.removed++;
        next_file();
    } else {
        rest(RETRY);
    }
    json_decref(body);
}

static void on_removed(void *owner UNUSED, ssize_t result) {
    char document[24];
    const char *params[] = {document};

    if (result < 0) {
        next_file(); /* the store has logged why; the next round tries again */
        return;
    }
    snprintf(document, sizeof document, "%" JSON_INTEGER_FORMAT, eraser.document);
    eraser.phase = TELLING;
    eraser.call = db_call(DB_CALLS, DB_FILE_ERASED, 1, params, (struct db_answer){.done = on_told});
}

static void on_asked(void *owner UNUSED, const char *json) {
    json_t *body = json_loads(json, 0, NULL);
    json_t *files = json_object_get(body, "result");

    eraser.call = NULL;
    if (json_array_size(files) > 0) {
        eraser.files = json_incref(files);
        eraser.at = 0;
        next_file();
    } else {
        rest(files ? PAUSE : RETRY);
    }
    json_decref(body);
}

static void ask(void) {
    char after[24];
    const char *params[] = {BATCH, after};

    snprintf(after, sizeof after, "%" JSON_INTEGER_FORMAT, eraser.document);
    eraser.phase = ASKING;
    eraser.call =
        db_call(DB_CALLS, DB_FILES_TO_ERASE, 2, params, (struct db_answer){.done = on_asked});
}

static void next_file(void) {
    json_t *file = json_array_get(eraser.files, eraser.at++);
    const char *key;

    if (json_unpack(file, "{s:I, s:s}", "document", &eraser.document, "key", &key) == 0) {
        eraser.phase = REMOVING;
        store->remove(key, on_removed, NULL);
        return;
    }
    json_decref(eraser.files);
    eraser.files = NULL;
    ask();
}

static void begin_round(EV_P UNUSED, ev_timer *timer UNUSED, int events UNUSED) {
    eraser.document = 0;
    ask();
}

void eraser_start(void) {
    ev_timer_init(&eraser.timer, begin_round, START, 0);
    ev_timer_start(EV_DEFAULT_ & eraser.timer);
}

void eraser_look(void) {
    if (eraser.phase != RESTING)
        eraser.again = true;
    else
        rest(0);
}

void eraser_stop(void) {
    ev_timer_stop(EV_DEFAULT_ & eraser.timer);
    if (eraser.call)
        db_abandon(eraser.call);
    json_decref(eraser.files);
}
