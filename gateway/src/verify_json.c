/*
 * verify_json.c - a record of JSON lines as cells.
 *
 * A record is one flat object; its members are known names once each, in any order, with whole
 * numbers, strings and null. Everything else is refused.
 */
#include "verify.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *object; /* of the last record: its strings are the cells' */
static char numbers[COLUMN_COUNT][24];

/* The column that a member's name stands for; COLUMN_COUNT when for none. Exports have them in the
 * order of the columns, so the next one is tried first. */
static enum column find_column(const char *name, enum column next) {
    for (int i = 0; i < COLUMN_COUNT; i++) {
        enum column column = (next + i) % COLUMN_COUNT;

        if (strcmp(name, column_names[column]) == 0)
            return column;
    }
    return COLUMN_COUNT;
}

static bool take_value(const json_t *value, enum column column, struct cell *cell,
                       struct problem *problem) {
    if (json_is_null(value))
        return true;
    if (column_is_number(column)) {
        if (!json_is_integer(value))
            return wrong(problem, "%s: not a whole number", column_names[column]);
        cell->size = (size_t)snprintf(numbers[column], sizeof numbers[column],
                                      "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        cell->text = numbers[column];
        return true;
    }
    if (!json_is_string(value))
        return wrong(problem, "%s: not a string", column_names[column]);
    cell->text = (char *)json_string_value(value);
    cell->size = json_string_length(value);
    return true;
}

bool json_parse(const char *text, size_t size, struct record *record, struct problem *problem) {
    enum column next = LINE;
    uint64_t seen = 0, missing;
    json_error_t error;
    const char *name;
    json_t *value;

    json_decref(object);
    object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object))
        return wrong(problem, "no JSON object as exports have it%s%s", object ? "" : ": ",
                     object ? "" : error.text);
    json_object_foreach(object, name, value) {
        enum column column = find_column(name, next);

        if (column == COLUMN_COUNT)
            return wrong(problem, "a member that exports do not have");
        seen |= (uint64_t)1 << column;
        next = column + 1;
        if (!take_value(value, column, &record->cells[column], problem))
            return false;
    }
    if (!record_name(record, problem))
        return false;
    missing = record_columns(record->kind) & ~seen;
    return !missing || wrong(problem, "%s: missing", column_names[__builtin_ctzll(missing)]);
}
