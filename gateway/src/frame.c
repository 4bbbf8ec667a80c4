/* frame.c - reference-counted bytes; see frame.h for who owns what. */
#include "frame.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { FINAL = 0x80, TEXT = 0x1, PING = 0x9, SIZE_IN_2 = 126, SIZE_IN_8 = 127 };

/* The header, which ends where the text begins. */
static void write_head(struct frame *frame, unsigned char opcode) {
    unsigned size_bytes = frame->size < SIZE_IN_2 ? 0 : frame->size <= UINT16_MAX ? 2 : 8;
    unsigned char *head;

    frame->head_size = 2 + size_bytes;
    head = (unsigned char *)frame->bytes - frame->head_size;
    head[0] = FINAL | opcode;
    head[1] = size_bytes == 0 ? frame->size : size_bytes == 2 ? SIZE_IN_2 : SIZE_IN_8;
    for (unsigned i = 0; i < size_bytes; i++)
        head[2 + i] = frame->size >> 8 * (size_bytes - 1 - i);
}

static struct frame *make(size_t size, unsigned char opcode) {
    struct frame *frame = memory_new(sizeof *frame + size);

    frame->references = 1;
    frame->size = size;
    write_head(frame, opcode);
    return frame;
}

struct frame *frame_new(size_t size) {
    return make(size, TEXT);
}

struct frame *frame_ping(void) {
    struct frame *frame = make(1, PING);

    frame->bytes[0] = '?';
    return frame;
}

struct iovec frame_wire(struct frame *frame) {
    return (struct iovec){.iov_base = frame->bytes - frame->head_size,
                          .iov_len = frame->head_size + frame->size};
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
