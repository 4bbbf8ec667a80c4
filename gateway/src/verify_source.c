/*
 * verify_source.c - a file's bytes as records, with the numbers of their lines.
 *
 * A record is a line; in CSV it goes on while a quote is open. What is read at a time is large, a
 * record stays in the buffer while it is in use, and the buffer grows only for a record that does
 * not fit.
 */
#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ROOM_AT_FIRST ((size_t)1 << 20)   /* bytes */
#define RECORD_MAX    ((size_t)256 << 20) /* bytes, far above what a database can hold in an entry */

bool source_open(struct source *source, const char *name) {
    *source = (struct source){.name = name, .room = ROOM_AT_FIRST};
    source->file = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    if (source->file < 0)
        return false;
    source->buffer = must(malloc(source->room));
    return true;
}

void source_close(struct source *source) {
    free(source->buffer);
    if (source->file != STDIN_FILENO)
        close(source->file);
}

/* Reads on: how many bytes, 0 at the end, -1 for an error. What is unused may move. */
static ssize_t read_on(struct source *source) {
    ssize_t size;

    if (source->start > 0) {
        memmove(source->buffer, source->buffer + source->start, source->end - source->start);
        source->end -= source->start;
        source->start = 0;
    }
    if (source->end == source->room) {
        source->room *= 2;
        source->buffer = must(realloc(source->buffer, source->room));
    }
    do
        size = read(source->file, source->buffer + source->end, source->room - source->end);
    while (size < 0 && errno == EINTR);
    if (size > 0)
        source->end += size;
    return size;
}

/* Has it an odd number of quotes? */
static bool is_odd(const char *text, size_t size) {
    const char *end = text + size;
    bool odd = false;

    while ((text = memchr(text, '"', end - text))) {
        odd = !odd;
        text++;
    }
    return odd;
}

/* Finds where the record at `start` ends: its size without the line's end. */
static enum outcome find_end(struct source *source, size_t *size, struct problem *problem) {
    size_t seen = 0;
    bool quoted = false;

    for (;;) {
        const char *text = source->buffer + source->start + seen;
        size_t left = source->end - source->start - seen;
        const char *newline = memchr(text, '\n', left);
        size_t length = newline ? (size_t)(newline - text) : left;
        ssize_t more;

        if (source->format == CSV && is_odd(text, length))
            quoted = !quoted;
        seen += length;
        if (newline) {
            source->lines++;
            *size = seen;
            if (!quoted)
                return READ_RECORD;
            seen++;
            continue;
        }
        if (seen > RECORD_MAX)
            return wrong(problem, "the record is too large to be one"), READ_WRONG;
        more = read_on(source);
        if (more < 0)
            return wrong(problem, "cannot be read: %s", strerror(errno)), READ_FAILED;
        if (more == 0 && seen > 0)
            return wrong(problem, "broken off within this line"), READ_WRONG;
        if (more == 0)
            return READ_NO_MORE;
    }
}

/* The text of the next record, without its line's end. */
static enum outcome next_text(struct source *source, char **text, size_t *size,
                              struct problem *problem) {
    enum outcome outcome;
    size_t length;

    source->line = problem->line = source->lines + 1;
    outcome = find_end(source, &length, problem);
    if (outcome != READ_RECORD)
        return outcome;
    *text = source->buffer + source->start;
    *size = length;
    if (source->format != JSON_LINES && length > 0 && (*text)[length - 1] == '\r')
        --*size;
    source->start += length + 1;
    return READ_RECORD;
}

/* Tells the format by the first line. A header is used up by it, a record is not. */
static enum outcome find_format(struct source *source, struct problem *problem) {
    char *text;
    size_t size;
    enum outcome outcome = next_text(source, &text, &size, problem);

    if (outcome == READ_NO_MORE)
        return wrong(problem, "is empty"), READ_FAILED;
    if (outcome == READ_FAILED)
        return outcome;
    if (outcome == READ_RECORD && csv_is_header(text, size)) {
        source->format = CSV;
        return READ_RECORD;
    }
    if (outcome != READ_RECORD || size == 0 || text[0] != '{')
        return wrong(problem, "is no export of a journal"), READ_FAILED;
    source->format = JSON_LINES;
    source->start = 0;
    source->lines = 0;
    return READ_RECORD;
}

enum outcome source_read(struct source *source, struct record *record, struct problem *problem) {
    enum outcome outcome = READ_RECORD;
    char *text;
    size_t size;
    bool good;

    problem->file = source->name;
    if (source->format == UNKNOWN_FORMAT)
        outcome = find_format(source, problem);
    if (outcome == READ_RECORD)
        outcome = next_text(source, &text, &size, problem);
    if (outcome != READ_RECORD)
        return outcome;
    memset(record->cells, 0, sizeof record->cells);
    good = source->format == CSV ? csv_parse(text, size, record, problem)
                                 : json_parse(text, size, record, problem);
    return good && record_complete(record, problem) ? READ_RECORD : READ_WRONG;
}
