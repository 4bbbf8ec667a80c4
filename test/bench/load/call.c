/*
 * call.c - calls a second: `call SECONDS` lets each client make one call after the other, chosen by
 * chance from the file `frames`, one a line, each line as likely as the others. In a line, @TOPIC@
 * becomes one of the client's own topics (client n is alone in company n + 1, which has five), and
 * then @KEY@ a fresh client_key. Tells how many were answered in how many seconds.
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

/* Writes the line up to the word, and what stands for the word; returns what is behind it. */
static const char *fill(FILE *into, const char *line, const char *word, const char *value) {
    const char *at = strstr(line, word);

    if (!at)
        return line;
    fprintf(into, "%.*s%s", (int)(at - line), line, value);
    return at + strlen(word);
}

static void start(struct client *client) {
    char call[1024], topic[16], key[48];
    const char *line = lines_get(random() % lines_count());
    FILE *into = fmemopen(call, sizeof call, "w");
    long size;

    snprintf(topic, sizeof topic, "%ld", 5 * client->number + 1 + random() % 5);
    snprintf(key, sizeof key, "%08x-0000-4000-8000-0000%08x", (unsigned)run.begun, ++run.key);
    line = fill(into, line, "@TOPIC@", topic);
    line = fill(into, line, "@KEY@", key);
    fputs(line, into);
    size = ftell(into);
    fclose(into);
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
