/*
 * eraser.c - removes objects that are nobody's any more from the store: the bytes of erased
 * documents, what a rendition replaced, the parts of uploads that are over, what was stored and
 * never recorded.
 *
 * The database says which (files_to_erase), some at a time in the order of their keys; each is
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
#include "memory.h"
#include "store.h"

#include <ev.h>
#include <jansson.h>
#include <stdlib.h>

#define BATCH "50" /* objects */
#define START 1.0  /* seconds, for the connections to be made */
#define PAUSE 60.0 /* seconds between rounds */
#define RETRY 5.0  /* seconds, when the database was away */

static struct {
    ev_timer timer;
    enum { RESTING, ASKING, REMOVING, TELLING, STOPPED } phase;
    struct db_call *call; /* while ASKING or TELLING */
    json_t *keys;         /* what was asked for, owned; from `at` on not done yet */
    size_t at;
    char *key;        /* the one at hand, or the last; NULL: none in this round */
    unsigned removed; /* in this round */
    bool again;       /* somebody called meanwhile */
} eraser;

static void next_key(void);

static void rest(double pause) {
    json_decref(eraser.keys);
    eraser.keys = NULL;
    eraser.phase = RESTING;
    if (eraser.removed > 0)
        log_info("store: %u objects removed that were nobody's any more", eraser.removed);
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
        next_key();
    } else {
        rest(RETRY);
    }
    json_decref(body);
}

static void on_removed(void *owner UNUSED, ssize_t result) {
    const char *params[] = {eraser.key};

    if (eraser.phase == STOPPED) /* the store ends what is under way */
        return;
    if (result < 0) {
        next_key(); /* the store has logged why; the next round tries again */
        return;
    }
    eraser.phase = TELLING;
    eraser.call = db_call(DB_CALLS, DB_FILE_ERASED, 1, params, (struct db_answer){.done = on_told});
}

static void on_asked(void *owner UNUSED, const char *json) {
    json_t *body = json_loads(json, 0, NULL);
    json_t *keys = json_object_get(body, "result");

    eraser.call = NULL;
    if (json_array_size(keys) > 0) {
        eraser.keys = json_incref(keys);
        eraser.at = 0;
        next_key();
    } else {
        rest(keys ? PAUSE : RETRY);
    }
    json_decref(body);
}

static void ask(void) {
    const char *params[] = {BATCH, eraser.key ? eraser.key : ""};

    eraser.phase = ASKING;
    eraser.call =
        db_call(DB_CALLS, DB_FILES_TO_ERASE, 2, params, (struct db_answer){.done = on_asked});
}

static void next_key(void) {
    const char *key = json_string_value(json_array_get(eraser.keys, eraser.at++));

    if (key) {
        free(eraser.key);
        eraser.key = memory_text(key);
        eraser.phase = REMOVING;
        store->remove(key, on_removed, NULL);
        return;
    }
    json_decref(eraser.keys);
    eraser.keys = NULL;
    ask();
}

static void begin_round(EV_P UNUSED, ev_timer *timer UNUSED, int events UNUSED) {
    free(eraser.key);
    eraser.key = NULL;
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
    json_decref(eraser.keys);
    free(eraser.key);
    eraser.phase = STOPPED;
}
