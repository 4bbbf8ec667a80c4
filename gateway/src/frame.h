/*
 * frame.h - the bytes of one WebSocket text message, shared by all who are to get it.
 *
 * A frame is made once, filled by its maker, and not changed after it is shared. Each holder has
 * one reference; the last to let go frees it. The frame's header stands before `bytes`, ready to be
 * sent: from a server it depends on kind and length only (RFC 6455, 5.2), so that it is the same
 * for all receivers. Where libwebsockets sends the frame, it writes the same header there again.
 */
#pragma once

#include "compat.h"

#include <stddef.h>
#include <sys/uio.h>

struct frame {
    size_t references;
    size_t size;        /* of the text, bytes */
    unsigned head_size; /* bytes of the header */
    unsigned char room[LWS_PRE];
    char bytes[];
};

/* A frame of `size` bytes to be filled, with one reference: the caller's. Memory running out ends
 * the program, as everywhere in the gateway. */
struct frame *frame_new(size_t size);

/* A frame of the text of `count` pieces in a row. */
struct frame *frame_join(size_t count, const char *const pieces[]);

/* A ping, with a byte of content: libwebsockets (4.1.6) does not tell of a pong without any. */
struct frame *frame_ping(void);

/* Header and text in one piece. */
struct iovec frame_wire(struct frame *frame);

struct frame *frame_hold(struct frame *frame);
void frame_drop(struct frame *frame);
