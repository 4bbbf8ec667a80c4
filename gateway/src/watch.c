/*
 * watch.c - connections through which somebody watches unseen.
 *
 * Each has a name of its own in the database's record of watches, and the gateway says every KEEP
 * seconds that it is there. When it goes, the watches are ended; should that not get through, or
 * the gateway die, the database ends them when nothing was heard for a while.
 */
#include "watch.h"
#include "db.h"
#include "memory.h"
#include "metrics.h"
#include "session.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#define KEEP 10 /* seconds; the database waits for 30 */

enum { NAME = 37 /* bytes, with a NUL */ };

struct watching {
    LIST_ENTRY(watching) all;
    char name[NAME];
};

static LIST_HEAD(, watching) watching_ones = LIST_HEAD_INITIALIZER(watching_ones);

/* A random UUID (RFC 4122, version 4). */
static void make_name(char *name) {
    uint8_t b[16];

    if (getrandom(b, sizeof b, 0) != sizeof b)
        abort();
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    snprintf(name, NAME, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

const char *watch_name(struct session *session) {
    if (!session->watching) {
        session->watching = memory_zeroed(sizeof *session->watching);
        make_name(session->watching->name);
        LIST_INSERT_HEAD(&watching_ones, session->watching, all);
        metrics.watches++;
    }
    return session->watching->name;
}

void watch_end(struct session *session) {
    const char *params[] = {session->watching ? session->watching->name : NULL};

    if (!session->watching)
        return;
    db_call(DB_CALLS, DB_WATCHES_END, 1, params, (struct db_answer){0});
    LIST_REMOVE(session->watching, all);
    free(session->watching);
    session->watching = NULL;
    metrics.watches--;
}

void watch_keep(void) {
    static unsigned seconds;
    const struct watching *one;
    char *names, *end;

    if (++seconds % KEEP != 0 || LIST_EMPTY(&watching_ones))
        return;
    names = end = memory_new(metrics.watches * NAME + 3);
    *end++ = '{';
    LIST_FOREACH(one, &watching_ones, all) {
        end += sprintf(end, "%s%s", end[-1] == '{' ? "" : ",", one->name);
    }
    strcpy(end, "}");
    db_call(DB_CALLS, DB_WATCHES_KEEP, 1, (const char *const[]){names}, (struct db_answer){0});
    free(names);
}
