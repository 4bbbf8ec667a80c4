/* frame.c - reference-counted bytes; see frame.h for who owns what. */
#include "frame.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct frame *frame_new(size_t size) {
    struct frame *frame = memory_new(sizeof *frame + size);

    frame->references = 1;
    frame->size = size;
    return frame;
}

struct frame *frame_join(size_t count, const char *const pieces[]) {
    struct frame *frame;
    size_t size = 0;
    char *end;

    for (size_t i = 0; i < count; i++)
        size += strlen(pieces[i]);
    frame = frame_new(size);
    end = frame->bytes;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(pieces[i]);

        memcpy(end, pieces[i], length);
        end += length;
    }
    return frame;
}

struct frame *frame_hold(struct frame *frame) {
    frame->references++;
    return frame;
}

void frame_drop(struct frame *frame) {
    if (--frame->references == 0)
        free(frame);
}
