/*
 * frame.h - the bytes of one WebSocket text message, shared by all who are to get it.
 *
 * A frame is made once, filled by its maker, and not changed after it is shared. Each holder has
 * one reference; the last to let go frees it. The room before `bytes` is libwebsockets' for the
 * header it writes there: from a server the header depends on the length only, so that sending the
 * same frame to many connections writes the same header again.
 */
#pragma once

#include "compat.h"

#include <stddef.h>

struct frame {
    size_t references;
    size_t size; /* of the text, bytes */
    unsigned char room[LWS_PRE];
    char bytes[];
};

/* A frame of `size` bytes to be filled, with one reference: the caller's. Memory running out ends
 * the program, as everywhere in the gateway. */
struct frame *frame_new(size_t size);

/* A frame of the text of `count` pieces in a row. */
struct frame *frame_join(size_t count, const char *const pieces[]);

struct frame *frame_hold(struct frame *frame);
void frame_drop(struct frame *frame);
