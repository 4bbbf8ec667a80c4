/*
 * ws.c - RFC 6455 as a client: the handshake, frames in both directions. Two protocols are nothing
 * but that: `ws` (the npm library) and nchan, whose messages come in by another way (http.c).
 */
#include "load.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

enum { CONTINUATION, TEXT, BINARY, CLOSE = 8, PING, PONG };

void ws_open(struct client *client, const char *path, const char *subprotocol) {
    char text[512];
    int size =
        snprintf(text, sizeof text,
                 "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
                 path, options.host, options.port, subprotocol ? "Sec-WebSocket-Protocol: " : "",
                 subprotocol ? subprotocol : "", subprotocol ? "\r\n" : "");

    send_bytes(client, text, size);
}

/* The mask is zero, which is as good as any where no proxy is to be protected. */
static void send_frame(struct client *client, int opcode, const char *text, size_t size) {
    char *frame = allocate(size + 14);
    size_t head = 2;

    frame[0] = 0x80 | opcode;
    if (size < 126) {
        frame[1] = 0x80 | size;
    } else if (size < 65536) {
        frame[1] = 0x80 | 126;
        memcpy(frame + 2, &(uint16_t){htobe16(size)}, 2);
        head = 4;
    } else {
        frame[1] = 0x80 | 127;
        memcpy(frame + 2, &(uint64_t){htobe64(size)}, 8);
        head = 10;
    }
    memset(frame + head, 0, 4);
    memcpy(frame + head + 4, text, size);
    send_bytes(client, frame, head + 4 + size);
    free(frame);
}

void ws_send(struct client *client, const char *text, size_t size) {
    send_frame(client, TEXT, text, size);
}

static size_t shake(struct client *client, char *bytes, size_t size,
                    void (*opened)(struct client *client)) {
    char *end = memmem(bytes, size, "\r\n\r\n", 4);

    if (!end)
        return 0;
    if (strncmp(bytes, "HTTP/1.1 101", 12) != 0) {
        lose_client(client, "no WebSocket");
        return size;
    }
    client->state = ENTERING;
    opened(client);
    return end + 4 - bytes;
}

/* The payload's size; *head is the size of what is before it. False when that has not come yet. */
static bool read_head(const unsigned char *bytes, size_t size, size_t *head, uint64_t *payload) {
    if (size < 2)
        return false;
    *payload = bytes[1] & 0x7f;
    *head = *payload < 126 ? 2 : *payload == 126 ? 4 : 10;
    if (size < *head)
        return false;
    if (*head == 4)
        *payload = bytes[2] << 8 | bytes[3];
    else if (*head == 10) {
        memcpy(payload, bytes + 2, 8);
        *payload = be64toh(*payload);
    }
    return true;
}

static void take_frame(struct client *client, int first, const char *text, size_t size,
                       void (*take)(struct client *client, const char *text, size_t size)) {
    if (!(first & 0x80))
        fail("a message came in pieces");
    switch (first & 15) {
    case TEXT:
    case BINARY:
        take(client, text, size);
        break;
    case PING:
        send_frame(client, PONG, text, size);
        break;
    default: /* of a close frame nothing is made: the connection's end follows */
        break;
    }
}

size_t ws_received(struct client *client, char *bytes, size_t size,
                   void (*opened)(struct client *client),
                   void (*text)(struct client *client, const char *text, size_t size)) {
    size_t at = 0, head;
    uint64_t payload;

    if (client->state == SHAKING && !(at = shake(client, bytes, size, opened)))
        return 0;
    while (client->state != GONE &&
           read_head((unsigned char *)bytes + at, size - at, &head, &payload) &&
           payload <= size - at - head) {
        take_frame(client, bytes[at], bytes + at + head, payload, text);
        at += head + payload;
    }
    return at;
}

/* A path that ends in = gets the client's number. */
static void open_plain(struct client *client) {
    char path[64];

    if (client->publishes)
        snprintf(path, sizeof path, "/publish");
    else if (options.path[strlen(options.path) - 1] == '=')
        snprintf(path, sizeof path, "%s%u", options.path, client->number);
    else
        snprintf(path, sizeof path, "%s", options.path);
    ws_open(client, path, NULL);
}

static size_t received_plain(struct client *client, char *bytes, size_t size) {
    return ws_received(client, bytes, size, become_live, job->text);
}

const struct protocol websocket = {"ws", open_plain, received_plain, ws_send};
