/* lines.c - the file `frames`: what is to be sent, one a line. */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char **lines;
static unsigned count;

void lines_read(void) {
    FILE *file = fopen(options.frames, "r");
    char *line = NULL;
    size_t room = 0;

    if (!file)
        fail("%s: %s", options.frames, strerror(errno));
    while (getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = 0;
        lines = realloc(lines, (count + 1) * sizeof *lines);
        if (!lines)
            fail("no memory");
        lines[count++] = line;
        line = NULL;
        room = 0;
    }
    free(line);
    fclose(file);
}

unsigned lines_count(void) {
    return count;
}

const char *lines_get(unsigned number) {
    return lines[number];
}
