/* outbox.c - a ring of frames that grows up to the configured number. */
#include "outbox.h"
#include "config.h"
#include "memory.h"

#include <stdlib.h>

#define FIRST_ROOM 8

static struct frame **place(const struct outbox *outbox, uint32_t number) {
    return &outbox->ring[(outbox->first + number) & (outbox->room - 1)];
}

static void grow(struct outbox *outbox) {
    uint32_t room = outbox->room ? outbox->room * 2 : FIRST_ROOM;
    struct frame **ring = memory_new(room * sizeof *ring);

    for (uint32_t i = 0; i < outbox->count; i++)
        ring[i] = *place(outbox, i);
    free(outbox->ring);
    outbox->ring = ring;
    outbox->room = room;
    outbox->first = 0;
}

bool outbox_put(struct outbox *outbox, struct frame *frame) {
    if (outbox->count > 0 && (outbox->count >= config.outbox_frames ||
                              outbox->bytes + frame->size > config.outbox_bytes)) {
        frame_drop(frame);
        return false;
    }
    if (outbox->count == outbox->room)
        grow(outbox);
    *place(outbox, outbox->count++) = frame;
    outbox->bytes += frame->size;
    return true;
}

struct frame *outbox_look(const struct outbox *outbox, uint32_t number) {
    return number < outbox->count ? *place(outbox, number) : NULL;
}

struct frame *outbox_take(struct outbox *outbox) {
    struct frame *frame;

    if (outbox->count == 0)
        return NULL;
    frame = *place(outbox, 0);
    outbox->first++;
    outbox->count--;
    outbox->bytes -= frame->size;
    return frame;
}

bool outbox_is_busy(const struct outbox *outbox) {
    return outbox->count > config.outbox_frames / 2 || outbox->bytes > config.outbox_bytes / 2;
}

void outbox_clear(struct outbox *outbox) {
    struct frame *frame;

    while ((frame = outbox_take(outbox)))
        frame_drop(frame);
    free(outbox->ring);
    *outbox = (struct outbox){0};
}
