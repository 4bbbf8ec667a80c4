/*
 * back.c - clients that come back: each one that is disconnected connects again after a pause of
 * a quarter to half a second, which doubles with each failure up to 20 seconds (as the page does),
 * and resumes from its cursor. `back MESSAGE` is answered when all of them have that message, in
 * the answer to their resume or after it; each must get it once.
 */
#include "load.h"

#include <stdio.h>
#include <string.h>

#define FIRST_PAUSE   0.5 /* seconds */
#define LONGEST_PAUSE 20.0

static struct {
    unsigned message; /* that is waited for; 0: none */
    unsigned have;    /* clients that have it */
    double cpu;
} awaited;

static unsigned losses, attempts; /* since the last answer */

static void tell_when_all(void) {
    if (!awaited.message || awaited.have < options.clients)
        return;
    printf("{\"at\": %.6f, \"losses\": %u, \"attempts\": %u, \"cpu\": %.3f}\n", now(), losses,
           attempts, own_cpu() - awaited.cpu);
    awaited.message = losses = attempts = 0;
}

static void take_seal(struct client *client, const char *text, size_t size) {
    const char *seal = memmem(text, size, "\"seal\": ", 8);

    if (seal)
        client->seal = atoll(seal + 8);
}

static void take(struct client *client, const char *text, size_t size) {
    unsigned number = number_of(text, size);

    client->failures = 0;
    take_seal(client, text, size);
    if (!number)
        return;
    if (number == client->got)
        fail("client %u got message %u twice", client->number, number);
    client->got = number;
    if (number == awaited.message) {
        awaited.have++;
        tell_when_all();
    }
}

static void gone(struct client *client) {
    double longest = FIRST_PAUSE * (1 << client->failures);

    if (longest > LONGEST_PAUSE)
        longest = LONGEST_PAUSE;
    else
        client->failures++;
    client->again = now() + longest * (0.5 + drand48() / 2);
    losses++;
}

static void tick(void) {
    double time = now();

    if (!crowd_is_told())
        return;
    for (unsigned i = 0; i < options.clients; i++) {
        if (clients[i].state == GONE && clients[i].again <= time) {
            attempts++;
            connect_client(&clients[i], options.port);
        }
    }
}

static void command(const char *line) {
    memset(&awaited, 0, sizeof awaited);
    if (sscanf(line, "back %u", &awaited.message) != 1)
        fail("not understood: %s", line);
    awaited.cpu = own_cpu();
    for (unsigned i = 0; i < options.clients; i++)
        awaited.have += clients[i].got == awaited.message;
    tell_when_all();
}

const struct job back = {
    .name = "back", .text = take, .gone = gone, .tick = tick, .command = command};
