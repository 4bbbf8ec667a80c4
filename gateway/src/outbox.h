/*
 * outbox.h - what one connection is still to be sent, in order and bounded.
 *
 * An outbox holds one reference of each frame in it. It knows nothing of sockets: session.c puts
 * in, ws.c takes out when the socket can take more.
 */
#pragma once

#include "frame.h"

#include <stdbool.h>
#include <stdint.h>

struct outbox {
    struct frame **ring; /* of `room` places, owned; NULL while never used */
    uint32_t room;       /* a power of two */
    uint32_t first;
    uint32_t count;
    size_t bytes; /* of the frames in it */
};

/* Puts a frame at the end and takes over the caller's reference. False when the limits of the
 * configuration are passed (the frame is dropped then): the client is too slow. A frame alone is
 * always taken, however large: it is an answer, and answers are waited for one by one. */
bool outbox_put(struct outbox *outbox, struct frame *frame);

/* The frame with so many before it, which stays there; NULL when there are not so many. */
struct frame *outbox_look(const struct outbox *outbox, uint32_t number);

/* The oldest frame with its reference, which is the caller's now; NULL when empty. */
struct frame *outbox_take(struct outbox *outbox);

/* True when so much waits that the client should be answered nothing more for now. */
bool outbox_is_busy(const struct outbox *outbox);

/* Drops all frames and the ring; it may be used again. */
void outbox_clear(struct outbox *outbox);
