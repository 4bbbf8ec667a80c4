/* event.c - events and the list of them; see event.h. */
#include "event.h"
#include "memory.h"

#include <stdlib.h>

struct event *event_new(struct frame *frame, struct audience *audience) {
    struct event *event = memory_zeroed(sizeof *event);

    event->references = 1;
    event->frame = frame;
    event->audience = audience ? audience_hold(audience) : NULL;
    return event;
}

bool event_reaches(const struct event *event, int64_t account, bool is_admin) {
    if (event->account == account)
        return true;
    switch (event->class) {
    case TO_ORG:
    case TO_STAFF:
        return audience_has(event->audience, account, event->class == TO_STAFF);
    case TO_ADMINS:
        return is_admin;
    case TO_NOBODY:
        break;
    }
    return false;
}

struct event *event_hold(struct event *event) {
    event->references++;
    return event;
}

/* A loop, not a recursion: the list behind a slow login may be long. */
void event_drop(struct event *event) {
    while (event && --event->references == 0) {
        struct event *next = event->next;

        if (event->frame)
            frame_drop(event->frame);
        if (event->audience)
            audience_drop(event->audience);
        free(event);
        event = next;
    }
}
