/* crowd.c - connecting the clients, some at a time; tells when all of them are logged in. */
#include "load.h"

#include <stdio.h>

#define AT_ONCE 100 /* that are connecting or logging in: fewer than any server's backlog */

struct client *clients;
static unsigned begun, live;
static double start;
static bool told;

void crowd_start(const struct protocol *protocol) {
    clients = calloc(options.clients, sizeof *clients);
    if (!clients)
        fail("no memory");
    for (unsigned i = 0; i < options.clients; i++)
        clients[i] = (struct client){.number = i, .source.fd = -1, .protocol = protocol};
    start = now();
}

void crowd_go_on(void) {
    while (begun < options.clients && begun - live < AT_ONCE)
        connect_client(&clients[begun++], options.port);
    if (!told && live == options.clients && (!job->publishes || publish_is_ready())) {
        told = true;
        printf("{\"ready\": %u, \"seconds\": %.3f}\n", live, now() - start);
    }
}

bool crowd_is_told(void) {
    return told;
}

void become_live(struct client *client) {
    client->state = LIVE;
    if (client->publishes || told)
        return;
    live++;
    crowd_go_on();
}
