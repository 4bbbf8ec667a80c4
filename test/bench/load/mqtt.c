/* mqtt.c - MQTT 3.1.1 over TCP, of quality 0: connect, subscribe to one topic, publish to it. */
#include "load.h"

#include <stdio.h>
#include <string.h>

#define TOPIC "bench"

enum { CONNACK = 2, PUBLISH = 3, SUBACK = 9 };

static void open_client(struct client *client) {
    char packet[64] = "\x10";
    int name = snprintf(packet + 14, 32, "bench%u%s", client->number, client->publishes ? "p" : "");

    packet[1] = 12 + name;
    memcpy(packet + 2, "\0\4MQTT\4\2\0\0\0", 11); /* a clean session without keep-alive */
    packet[13] = name;
    send_bytes(client, packet, 14 + name);
}

static void subscribe(struct client *client) {
    static const char packet[] = "\x82\x0a\0\1\0\5" TOPIC; /* its last byte: quality 0 */

    send_bytes(client, packet, sizeof packet);
}

static void take(struct client *client, int first, const char *body, size_t size) {
    switch ((unsigned char)first >> 4) {
    case CONNACK:
        if (size != 2 || body[1])
            fail("MQTT: not connected");
        if (client->publishes)
            become_live(client);
        else
            subscribe(client);
        break;
    case SUBACK:
        become_live(client);
        break;
    case PUBLISH:
        job->text(client, body + 2 + sizeof TOPIC - 1, size - 2 - (sizeof TOPIC - 1));
        break;
    default:
        fail("MQTT: unexpected packet %d", first);
    }
}

/* The size that stands at bytes[1...]; *head is where what follows begins. */
static bool read_head(const char *bytes, size_t size, size_t *head, size_t *payload) {
    *payload = 0;
    for (size_t i = 1; i < size && i < 5; i++) {
        *payload |= (size_t)(bytes[i] & 0x7f) << 7 * (i - 1);
        *head = i + 1;
        if (!(bytes[i] & 0x80))
            return true;
    }
    return false;
}

static size_t received(struct client *client, char *bytes, size_t size) {
    size_t at = 0, head, payload;

    while (read_head(bytes + at, size - at, &head, &payload) && payload <= size - at - head) {
        take(client, bytes[at], bytes + at + head, payload);
        at += head + payload;
    }
    return at;
}

static void publish_text(struct client *client, const char *text, size_t size) {
    size_t payload = 2 + sizeof TOPIC - 1 + size, left = payload, at = 1;
    char *packet = allocate(payload + 5);

    packet[0] = PUBLISH << 4;
    do {
        packet[at] = left & 0x7f;
        left >>= 7;
        packet[at++] |= left ? 0x80 : 0;
    } while (left);
    memcpy(packet + at, "\0\5" TOPIC, 2 + sizeof TOPIC - 1);
    memcpy(packet + at + 2 + sizeof TOPIC - 1, text, size);
    send_bytes(client, packet, at + payload);
    free(packet);
}

const struct protocol mqtt = {"mqtt", open_client, received, publish_text};
