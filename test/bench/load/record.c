/*
 * record.c - who got which message when: from when all clients are there until the line `stop`,
 * which writes the file `keep`, a line for each message (or end of a connection, as message 0) of
 *
 *   CLIENT MESSAGE MICROSECONDS          of CLOCK_REALTIME, as PostgreSQL's commit timestamps are
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct arrival {
    uint32_t client, number;
    double at;
};

static struct {
    struct arrival *arrivals;
    size_t count, room;
} noted;

static void note(const struct client *client, unsigned number) {
    if (noted.count == noted.room) {
        noted.room = noted.room ? noted.room * 2 : 65536;
        noted.arrivals = realloc(noted.arrivals, noted.room * sizeof *noted.arrivals);
        if (!noted.arrivals)
            fail("no memory");
    }
    noted.arrivals[noted.count++] = (struct arrival){client->number, number, now()};
}

static void take(struct client *client, const char *text, size_t size) {
    unsigned number = number_of(text, size);

    if (!number)
        return;
    if (number == client->got)
        fail("client %u got message %u twice", client->number, number);
    client->got = number;
    note(client, number);
}

static void gone(struct client *client) {
    note(client, 0);
}

static void command(const char *line) {
    FILE *file;

    if (strcmp(line, "stop") != 0 || !options.keep)
        fail("not understood: %s", line);
    file = fopen(options.keep, "w");
    if (!file)
        fail("%s: %s", options.keep, strerror(errno));
    for (size_t i = 0; i < noted.count; i++)
        fprintf(file, "%u %u %.0f\n", noted.arrivals[i].client, noted.arrivals[i].number,
                noted.arrivals[i].at * 1e6);
    fclose(file);
    printf("{\"arrivals\": %zu}\n", noted.count);
    noted.count = 0;
}

const struct job record = {.name = "record", .text = take, .gone = gone, .command = command};
