/*
 * socketio.c - Socket.IO 4 (Engine.IO 4 over a WebSocket) as a client: it connects to the namespace
 * "/" with its number, and takes events, whose text is handed on as it comes, name and all.
 */
#include "load.h"

#include <stdio.h>

static void open_socket(struct client *client) {
    ws_open(client, "/socket.io/?EIO=4&transport=websocket", NULL);
}

static void shaken(struct client *client) {
    (void)client; /* the server speaks first */
}

static void take(struct client *client, const char *text, size_t size) {
    char hello[64];
    char type = size ? text[0] : 0, of_message = size > 1 ? text[1] : 0;

    if (type == '0') /* open */
        ws_send(client, hello, snprintf(hello, sizeof hello, "40{\"client\":%u}", client->number));
    else if (type == '2') /* ping */
        ws_send(client, "3", 1);
    else if (type == '4' && of_message == '0')
        become_live(client);
    else if (type == '4' && of_message == '2')
        job->text(client, text, size);
    else
        fail("Socket.IO: unexpected %.*s", (int)size, text);
}

static size_t received(struct client *client, char *bytes, size_t size) {
    return ws_received(client, bytes, size, shaken, take);
}

const struct protocol socketio = {"socketio", open_socket, received, NULL};
