/* http.c - publishing at nchan: POST after POST on one connection, sent ahead of their answers. */
#include "load.h"

#include <stdio.h>
#include <string.h>

static void open_client(struct client *client) {
    become_live(client);
}

static size_t body_size(const char *head, const char *end) {
    const char *field = memmem(head, end - head, "Content-Length: ", 16);

    if (strncmp(head, "HTTP/1.1 20", 11) != 0 || !field)
        fail("not published: %.*s", (int)(end - head), head);
    return strtoul(field + 16, NULL, 10);
}

static size_t received(struct client *client, char *bytes, size_t size) {
    size_t at = 0, whole;
    char *end;

    (void)client;
    while ((end = memmem(bytes + at, size - at, "\r\n\r\n", 4))) {
        whole = end + 4 - (bytes + at) + body_size(bytes + at, end);
        if (whole > size - at)
            break;
        at += whole;
    }
    return at;
}

static void publish_text(struct client *client, const char *text, size_t size) {
    char head[256];
    int length = snprintf(head, sizeof head,
                          "POST %s HTTP/1.1\r\nHost: %s:%u\r\nContent-Type: application/json\r\n"
                          "Content-Length: %zu\r\n\r\n",
                          options.publish, options.host, options.port, size);

    send_bytes(client, head, length);
    send_bytes(client, text, size);
}

const struct protocol http = {"http", open_client, received, publish_text};
