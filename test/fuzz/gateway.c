/*
 * gateway.c - everything that a socket can bring: HTTP requests, handshakes, frames, calls; before
 * login and after.
 *
 * An input is a letter, then what a client sends. Bytes 0x1f are where a client pauses, 0x1e where
 * it goes and another comes.
 *
 *   H  bytes as they are, on a new connection
 *   W  the same, after the handshake
 *   F  frames, one for each stretch between pauses: its first byte is the first byte of the frame,
 *      the rest what it carries. They are masked here, which no fuzzer would find out
 *   L  the same, after login
 *
 * Small letters: the database is away.
 */
#include "firm.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#define PAUSE     0x1f
#define NEXT      0x1e
#define FRAME_MAX 70000 /* bytes, of what a frame carries */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The frame of a stretch, into `frame`; its size. */
static size_t make_frame(const uint8_t *bytes, size_t size, uint8_t *frame) {
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    size_t carried = size - 1, head = 2;

    frame[0] = bytes[0];
    if (carried < 126) {
        frame[1] = 0x80 | carried;
    } else if (carried < 65536) {
        frame[1] = 0x80 | 126;
        frame[head++] = carried >> 8;
        frame[head++] = carried;
    } else {
        frame[1] = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            frame[head++] = carried >> shift;
    }
    memcpy(frame + head, mask, sizeof mask);
    head += sizeof mask;
    for (size_t i = 0; i < carried; i++)
        frame[head + i] = bytes[1 + i] ^ mask[i % 4];
    return head + carried;
}

static bool send_frame(int client, const uint8_t *bytes, size_t size) {
    static uint8_t frame[FRAME_MAX + 16];

    return size == 0 || size > FRAME_MAX ||
           firm_send(client, frame, make_frame(bytes, size, frame));
}

static void log_in(int client) {
    static const char call[] = "\x81{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"login\","
                               "\"params\":{\"login\":\"ann\",\"password\":\"x\"}}";

    send_frame(client, (const uint8_t *)call, strlen(call));
}

/* One client, from its first byte to the last. */
static void play(char way, const uint8_t *bytes, size_t size) {
    int client = way == 'H' ? firm_connect() : firm_websocket();
    bool there = true;

    if (way == 'L')
        log_in(client);
    while (size > 0 && there) {
        const uint8_t *pause = memchr(bytes, PAUSE, size);
        size_t piece = pause ? (size_t)(pause - bytes) : size;

        there = way == 'F' || way == 'L' ? send_frame(client, bytes, piece)
                                         : firm_send(client, bytes, piece);
        piece += pause != NULL;
        bytes += piece;
        size -= piece;
    }
    firm_disconnect(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char way = size > 0 ? toupper(bytes[0]) : 0;

    if (!way || !strchr("HWFL", way))
        return -1;
    firm_open();
    firm_answers(isupper(bytes[0]));
    bytes++;
    size--;
    for (int clients = 0; clients < 4 && size > 0; clients++) {
        const uint8_t *next = memchr(bytes, NEXT, size);
        size_t part = next ? (size_t)(next - bytes) : size;

        play(way, bytes, part);
        part += next != NULL;
        bytes += part;
        size -= part;
    }
    return 0;
}
