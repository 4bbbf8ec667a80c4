/*
 * event.h - one event of the database as its receivers get it, and the recent past of them.
 *
 * Events form a list in the order of the system, each holding the one after it. The follower holds
 * the newest; a connection that is logging in holds the one that was newest when its login was sent
 * to the database. Thereby exactly those events stay in memory that somebody may still need,
 * without a ring to be sized, and they are gone when the last holder lets go.
 */
#pragma once

#include "audience.h"
#include "frame.h"

#include <stdint.h>

enum event_class {
    TO_NOBODY,
    TO_ORG,    /* who may see the org */
    TO_STAFF,  /* of these, all but clients */
    TO_ADMINS, /* every admin */
};

struct event {
    size_t references;
    struct event *next; /* held; NULL for the newest */

    int64_t seal; /* the address: seal, and index in it */
    int index;
    enum event_class class;
    int64_t account; /* gets it in any case; 0: none */
    int64_t ended;   /* the session that is over with it; 0: none */

    struct frame *frame;       /* held; NULL in the first of the list, which is no event */
    struct audience *audience; /* held, for TO_ORG and TO_STAFF; else NULL */
};

/* An event with one reference, the caller's. It takes over the frame, and holds the audience. */
struct event *event_new(struct frame *frame, struct audience *audience);

/* May an account get it? */
bool event_reaches(const struct event *event, int64_t account, bool is_admin);

struct event *event_hold(struct event *event);
void event_drop(struct event *event); /* NULL is fine */
