/* onefin.c - the gateway's protocol: a WebSocket that resumes a session before anything else. */
#include "load.h"

#include <stdio.h>
#include <string.h>

#define AWAY "\"code\":-32007"

static void open_socket(struct client *client) {
    ws_open(client, "/ws", "onefin.v1");
}

static void resume(struct client *client) {
    char text[256], after[64] = "";
    int size;

    if (client->seal)
        snprintf(after, sizeof after, ",\"after\":%lld", (long long)client->seal);
    size = snprintf(text, sizeof text,
                    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"resume\",\"params\":"
                    "{\"token\":\"%s%u\"%s}}",
                    options.token, options.first + client->number, after);
    ws_send(client, text, size);
}

static void take(struct client *client, const char *text, size_t size) {
    static const char entered[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\"";

    if (client->state == LIVE) {
        job->text(client, text, size);
        return;
    }
    if (size >= sizeof entered && memcmp(text, entered, sizeof entered - 1) == 0) {
        become_live(client);
        job->text(client, text, size);
    } else if (memmem(text, size, AWAY, sizeof AWAY - 1)) {
        lose_client(client, "the database is away"); /* again, after a moment */
    } else {
        fail("not resumed: %.*s", (int)size, text);
    }
}

static size_t received(struct client *client, char *bytes, size_t size) {
    return ws_received(client, bytes, size, resume, take);
}

const struct protocol onefin = {"onefin", open_socket, received, NULL};
