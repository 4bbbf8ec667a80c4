/*
 * record.c - who got what when: the line `stop` writes the file `keep`, and begins anew. It has
 * lines
 *
 *   CLIENT WHAT MICROSECONDS          of CLOCK_REALTIME, as PostgreSQL's commit timestamps are
 *
 * where WHAT is the message's number, or `event` for one without, or `closed`.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EVENT  0
#define CLOSED UINT32_MAX

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

    if (number && number == client->got)
        fail("client %u got message %u twice", client->number, number);
    if (number)
        client->got = number;
    if (number || memmem(text, size, "\"event\"", 7))
        note(client, number);
}

static void gone(struct client *client) {
    note(client, CLOSED);
}

static void write_arrival(FILE *file, const struct arrival *arrival) {
    char number[16];

    snprintf(number, sizeof number, "%u", arrival->number);
    fprintf(file, "%u %s %.0f\n", arrival->client,
            arrival->number == EVENT    ? "event"
            : arrival->number == CLOSED ? "closed"
                                        : number,
            arrival->at * 1e6);
}

static void command(const char *line) {
    FILE *file;

    if (strcmp(line, "stop") != 0 || !options.keep)
        fail("not understood: %s", line);
    file = fopen(options.keep, "w");
    if (!file)
        fail("%s: %s", options.keep, strerror(errno));
    for (size_t i = 0; i < noted.count; i++)
        write_arrival(file, &noted.arrivals[i]);
    fclose(file);
    printf("{\"arrivals\": %zu}\n", noted.count);
    noted.count = 0;
}

const struct job record = {.name = "record", .text = take, .gone = gone, .command = command};
