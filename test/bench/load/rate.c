/*
 * rate.c - deliveries a second: `rate MESSAGES WINDOW` publishes so many messages, as fast as at
 * most WINDOW of them are under way, that is, not yet with every client; each client must get each
 * of them once, and in order. Timed from the first to the last that arrived. The first client's are
 * written to the file `keep`, for the peers to be given the same.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct {
    unsigned messages, window;
    unsigned published;
    unsigned everywhere; /* messages that every client has */
    unsigned *at;        /* by message: how many clients have it */
    uint64_t deliveries, bytes;
    double first, cpu;
    FILE *keep;
} run;

static void publish_more(void) {
    while (run.published < run.messages && run.published - run.everywhere < run.window)
        publish(++run.published);
}

static void finish(void) {
    double seconds = now() - run.first;

    printf("{\"deliveries\": %ju, \"seconds\": %.6f, \"bytes\": %ju, \"cpu\": %.3f}\n",
           (uintmax_t)run.deliveries, seconds, (uintmax_t)run.bytes, own_cpu() - run.cpu);
    free(run.at);
    if (run.keep)
        fclose(run.keep);
    run.at = NULL;
    run.keep = NULL;
}

static void count(struct client *client, unsigned number) {
    if (!run.at || number != client->got + 1 || number > run.published)
        fail("client %u got message %u after %u", client->number, number, client->got);
    client->got = number;
    if (!run.deliveries++)
        run.first = now();
    if (++run.at[number] < options.clients)
        return;
    run.everywhere++; /* in order, as each client's are */
    if (run.everywhere == run.messages)
        finish();
    else
        publish_more();
}

static void take(struct client *client, const char *text, size_t size) {
    unsigned number = number_of(text, size);

    if (!number || client->state != LIVE || client->publishes)
        return;
    if (run.keep && client == clients)
        fprintf(run.keep, "%.*s\n", (int)size, text);
    run.bytes += size;
    count(client, number);
}

static void command(const char *line) {
    memset(&run, 0, sizeof run);
    if (sscanf(line, "rate %u %u", &run.messages, &run.window) != 2)
        fail("not understood: %s", line);
    if (options.keep && !(run.keep = fopen(options.keep, "w")))
        fail("%s: %s", options.keep, strerror(errno));
    run.at = calloc(run.messages + 1, sizeof *run.at);
    if (!run.at)
        fail("no memory");
    for (unsigned i = 0; i < options.clients; i++)
        clients[i].got = 0;
    run.cpu = own_cpu();
    publish_more();
}

const struct job rate = {.name = "rate", .publishes = true, .text = take, .command = command};
