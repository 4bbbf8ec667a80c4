/*
 * verify_csv.c - a record of CSV (RFC 4180) taken apart, in place.
 *
 * An export writes null as nothing at all and an empty text as "", and puts a ' before what a
 * spreadsheet would take for a formula, or for a ' of its own; here it is taken away again. What
 * an export would not have written so is refused.
 *
 * Not by libcsv, which is of Debian too: it goes byte by byte through callbacks, and alone takes
 * longer than all that is done here with a record; it also loses count of lines.
 */
#include "verify.h"

#include <string.h>

bool csv_is_header(const char *text, size_t size) {
    const char *end = text + size;

    for (int column = 0; column < COLUMN_COUNT; column++) {
        size_t length = column_sizes[column];

        if (column > 0 && (text == end || *text++ != ','))
            return false;
        if ((size_t)(end - text) < length || memcmp(text, column_names[column], length) != 0)
            return false;
        text += length;
    }
    return text == end;
}

/* The cell that begins with a quote at text. Returns where it ends, NULL when it does not. */
static char *quoted_cell(char *text, char *end, struct cell *cell) {
    char *to = text + 1;

    cell->text = to;
    for (char *from = to;;) {
        char *quote = memchr(from, '"', end - from);
        size_t length;

        if (!quote)
            return NULL;
        length = quote - from;
        if (to != from)
            memmove(to, from, length);
        to += length;
        from = quote + 1;
        if (from == end || *from != '"') {
            cell->size = to - cell->text;
            return from;
        }
        *to++ = '"';
        from++;
    }
}

static char *bare_cell(char *text, char *end, struct cell *cell) {
    char *stop = text;

    while (stop < end && *stop != ',' && *stop != '"')
        stop++;
    if (stop > text)
        *cell = (struct cell){text, stop - text};
    return stop;
}

/* Full-width forms count for the same in some spreadsheets. */
static bool is_risky(const char *text, size_t size) {
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                       "\xef\xbc\xa0"};

    if (size == 0)
        return false;
    if (*text == '\xef') {
        for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
            if (size >= 3 && memcmp(text, wide[i], 3) == 0)
                return true;
        return false;
    }
    return *text == '=' || *text == '+' || *text == '-' || *text == '@' || *text == '\t' ||
           *text == '\r' || *text == '\n' || *text == '\'';
}

/* Takes the ' away. */
static bool disarm(struct cell *cell) {
    if (cell->size == 0 || !is_risky(cell->text, cell->size))
        return true;
    if (*cell->text != '\'')
        return false;
    cell->text++;
    cell->size--;
    return is_risky(cell->text, cell->size);
}

bool csv_parse(char *text, size_t size, struct record *record, struct problem *problem) {
    char *end = text + size;

    for (int column = 0; column < COLUMN_COUNT; column++) {
        struct cell *cell = &record->cells[column];

        if (column > 0 && (text == end || *text++ != ','))
            return wrong(problem, "%d cells, where %d belong", column, COLUMN_COUNT);
        text =
            text < end && *text == '"' ? quoted_cell(text, end, cell) : bare_cell(text, end, cell);
        if (!text || (text < end && *text != ','))
            return wrong(problem, "%s: quotes that do not fit", column_names[column]);
        if (!disarm(cell))
            return wrong(problem, "%s: not written as an export does", column_names[column]);
    }
    return text == end ? record_name(record, problem)
                       : wrong(problem, "more cells than the %d that belong", COLUMN_COUNT);
}
