/* idle.c - connections that are logged in and then nothing, and a line is answered as it comes. */
#include "load.h"

#include <stdio.h>

static void take(struct client *client, const char *text, size_t size) {
    (void)client, (void)text, (void)size;
}

static void command(const char *line) {
    (void)line;
    puts("{}");
}

const struct job idle = {.name = "idle", .text = take, .command = command};
