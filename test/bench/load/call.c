/*
 * call.c - calls a second: `call SECONDS` lets each client make one call after the other, chosen by
 * chance from the file `frames`, one a line, each line as likely as the others. In a line, @KEY@
 * becomes a fresh client_key. Tells how many were answered in how many seconds.
 */
#include "load.h"

#include <stdio.h>
#include <string.h>

static struct {
    double until, begun, cpu;
    uint64_t calls;
    unsigned busy; /* clients that wait for an answer */
    unsigned key;
} run;

static void start(struct client *client) {
    char call[1024];
    const char *line = lines_get(random() % lines_count());
    const char *key = strstr(line, "@KEY@");
    int size;

    if (key)
        size = snprintf(call, sizeof call, "%.*s%08x-0000-4000-8000-0000%08x%s", (int)(key - line),
                        line, (unsigned)run.begun, ++run.key, key + 5);
    else
        size = snprintf(call, sizeof call, "%s", line);
    client->waits = true;
    run.busy++;
    ws_send(client, call, size);
}

static void finish(void) {
    double seconds = now() - run.begun;

    printf("{\"calls\": %ju, \"seconds\": %.6f, \"cpu\": %.3f}\n", (uintmax_t)run.calls, seconds,
           own_cpu() - run.cpu);
}

static void take(struct client *client, const char *text, size_t size) {
    static const char result[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\"";
    static const char notification[] = "{\"jsonrpc\":\"2.0\",\"method\"";

    if (!client->waits || memcmp(text, notification, sizeof notification - 1) == 0)
        return;
    if (size < sizeof result || memcmp(text, result, sizeof result - 1) != 0)
        fail("a call failed: %.*s", (int)size, text);
    client->waits = false;
    run.busy--;
    run.calls++;
    if (now() < run.until)
        start(client);
    else if (!run.busy)
        finish();
}

static void command(const char *line) {
    double seconds;

    if (sscanf(line, "call %lf", &seconds) != 1)
        fail("not understood: %s", line);
    run.begun = now();
    run.until = run.begun + seconds;
    run.calls = 0;
    run.cpu = own_cpu();
    for (unsigned i = 0; i < options.clients; i++)
        start(&clients[i]);
}

const struct job call = {.name = "call", .text = take, .command = command};
