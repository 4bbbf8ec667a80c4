/*
 * verify_json.c - a record of JSON lines taken apart, in place.
 *
 * A record is one flat object; its members are known names once each, in any order, with whole
 * numbers, strings and null. Everything else is refused.
 *
 * Not by jansson, which the rest of the gateway uses: building an object of 20 members takes it
 * ten times as long as all that is done here with a record.
 */
#include "verify.h"

#include <string.h>

struct cursor {
    char *at, *end;
    struct problem *problem;
};

static inline void skip_blanks(struct cursor *cursor) {
    while (cursor->at < cursor->end &&
           (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\r'))
        cursor->at++;
}

/* Whether this comes next, after blanks; it is used up then. */
static inline bool comes(struct cursor *cursor, char c) {
    skip_blanks(cursor);
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

static bool no_json(struct cursor *cursor) {
    return wrong(cursor->problem, "no JSON object as exports have it");
}

/* Four hexadecimal digits, -1 when they are none. */
static int code_unit(struct cursor *cursor) {
    int unit = 0;

    if (cursor->end - cursor->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = *cursor->at++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* A character of \u, behind the u, as UTF-8; NULL when it is none, or NUL. It takes less room than
 * it had. */
static char *unescape_code(struct cursor *cursor, char *to) {
    int code = code_unit(cursor);

    if (code >= 0xd800 && code < 0xdc00) {
        int low;

        if (cursor->end - cursor->at < 2 || cursor->at[0] != '\\' || cursor->at[1] != 'u')
            return NULL;
        cursor->at += 2;
        low = code_unit(cursor);
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code <= 0 || (code >= 0xdc00 && code < 0xe000)) {
        return NULL;
    }
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xe0 | code >> 12);
        } else {
            *to++ = (char)(0xf0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *to++ = (char)(0x80 | (code & 0x3f));
    return to;
}

/* What stands behind a backslash, into to; NULL when it is nothing known. */
static char *unescape(struct cursor *cursor, char *to) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *letter;

    if (cursor->at == cursor->end)
        return NULL;
    if (*cursor->at == 'u') {
        cursor->at++;
        return unescape_code(cursor, to);
    }
    letter = memchr(letters, *cursor->at, sizeof letters - 1);
    if (!letter)
        return NULL;
    cursor->at++;
    *to = meant[letter - letters];
    return to + 1;
}

/* A string, behind its first quote. */
static bool take_string(struct cursor *cursor, struct cell *cell) {
    char *at = cursor->at, *end = cursor->end, *to;

    cell->text = at;
    while (at < end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    to = at;
    cursor->at = at;
    while (cursor->at < end && *cursor->at != '"') {
        char c = *cursor->at++;

        if ((unsigned char)c < 0x20)
            return no_json(cursor);
        if (c == '\\') {
            to = unescape(cursor, to);
            if (!to)
                return no_json(cursor);
        } else {
            *to++ = c;
        }
    }
    if (cursor->at == end)
        return no_json(cursor);
    cursor->at++;
    cell->size = to - cell->text;
    return true;
}

/* A number's characters; whether they make one is seen when it is needed. */
static bool take_number(struct cursor *cursor, struct cell *cell) {
    char *at = cursor->at;

    cell->text = at;
    if (at < cursor->end && *at == '-')
        at++;
    while (at < cursor->end && *at >= '0' && *at <= '9')
        at++;
    cell->size = at - cell->text;
    cursor->at = at;
    return cell->size > 0 || no_json(cursor);
}

static bool take_value(struct cursor *cursor, enum column column, struct cell *cell) {
    if (comes(cursor, '"'))
        return column_is_number(column)
                   ? wrong(cursor->problem, "%s: a string, not a number", column_names[column])
                   : take_string(cursor, cell);
    if (cursor->end - cursor->at >= 4 && memcmp(cursor->at, "null", 4) == 0) {
        cursor->at += 4;
        return true;
    }
    return column_is_number(column)
               ? take_number(cursor, cell)
               : wrong(cursor->problem, "%s: not a string", column_names[column]);
}

/* The column that a member's name, behind its first quote, stands for; COLUMN_COUNT when for none.
 * Exports have them in the order of the columns, so the next one is tried first. */
static enum column take_name(struct cursor *cursor, enum column next) {
    size_t left = cursor->end - cursor->at;

    for (int i = 0; i < COLUMN_COUNT; i++) {
        enum column column = (next + i) % COLUMN_COUNT;
        size_t size = column_sizes[column];

        if (left > size && cursor->at[size] == '"' &&
            memcmp(cursor->at, column_names[column], size) == 0) {
            cursor->at += size + 1;
            return column;
        }
    }
    return COLUMN_COUNT;
}

static bool take_member(struct cursor *cursor, struct record *record, enum column *next,
                        uint64_t *seen) {
    enum column column;

    if (!comes(cursor, '"'))
        return no_json(cursor);
    column = take_name(cursor, *next);
    if (column == COLUMN_COUNT)
        return wrong(cursor->problem, "a member that exports do not have");
    if (!comes(cursor, ':'))
        return no_json(cursor);
    if (*seen & (uint64_t)1 << column)
        return wrong(cursor->problem, "%s: there twice", column_names[column]);
    *seen |= (uint64_t)1 << column;
    *next = column + 1;
    return take_value(cursor, column, &record->cells[column]);
}

bool json_parse(char *text, size_t size, struct record *record, struct problem *problem) {
    struct cursor cursor = {text, text + size, problem};
    enum column next = LINE;
    uint64_t seen = 0, missing;

    if (!comes(&cursor, '{'))
        return no_json(&cursor);
    do {
        if (!take_member(&cursor, record, &next, &seen))
            return false;
    } while (comes(&cursor, ','));
    if (!comes(&cursor, '}'))
        return no_json(&cursor);
    skip_blanks(&cursor);
    if (cursor.at != cursor.end)
        return no_json(&cursor);
    if (!record_name(record, problem))
        return false;
    missing = record_columns(record->kind) & ~seen;
    return !missing || wrong(problem, "%s: missing", column_names[__builtin_ctzll(missing)]);
}
