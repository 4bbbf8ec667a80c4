/*
 * verify_record.c - which cells a record has, and cells as values.
 *
 * All is strict: what an export would not write is refused rather than guessed at.
 */
#include "verify.h"

#include <string.h>

#define NAME(column, text) [column] = text
#define SIZE(column, text) [column] = sizeof text - 1
#define NAMES(each)                                                                                \
    each(LINE, "line"), each(SEAL_NUMBER, "seal"), each(INDEX, "index"), each(CHECK, "check"),     \
        each(ID, "id"), each(XACT, "xact"), each(AT, "at"), each(ACTOR, "actor"),                  \
        each(SESSION, "session"), each(ORG, "org"), each(TOPIC, "topic"),                          \
        each(SUBJECT, "subject"), each(ACCOUNT, "account"), each(VERSION, "version"),              \
        each(ENTRY_KIND, "kind"), each(AUDIENCE, "audience"), each(DB_USER, "db_user"),            \
        each(APPLICATION, "application"), each(ADDRESS, "address"), each(DIGEST, "digest"),        \
        each(RECORD, "record"), each(DETAIL, "detail"), each(ENTRIES, "entries"),                  \
        each(DIGESTS, "digests"), each(CLUSTER, "cluster"), each(BASE_ID, "base_id"),              \
        each(SNAPSHOT, "snapshot"), each(HASH, "hash"), each(FROM, "from"), each(TO, "to"),        \
        each(FILTER, "filter"), each(SEALS, "seals"), each(SHOWN, "shown"), each(BEFORE, "before")

const char *const column_names[COLUMN_COUNT] = {NAMES(NAME)};
const size_t column_sizes[COLUMN_COUNT] = {NAMES(SIZE)};

#define BIT(column) ((uint64_t)1 << (column))
/* Columns from one to another. */
#define BITS(first, last) ((BIT((last) + 1) - 1) & ~(BIT(first) - 1))

static const uint64_t number_columns = BIT(SEAL_NUMBER) | BIT(INDEX) | BIT(ID) | BIT(XACT) |
                                       BITS(ACTOR, VERSION) | BIT(ENTRIES) | BIT(BASE_ID) |
                                       BIT(FROM) | BIT(TO) | BIT(SEALS) | BIT(SHOWN);

/* Columns that may be null where a record has them. */
static const uint64_t null_columns = BITS(ACTOR, VERSION) | BITS(APPLICATION, DETAIL);

static const struct {
    const char *name;
    uint64_t columns;
} kinds[RECORD_KINDS] = {
    [BEGIN] = {"begin", BIT(LINE) | BIT(CHECK) | BIT(FROM) | BIT(TO) | BIT(FILTER) | BIT(BEFORE)},
    [ENTRY] = {"entry", BITS(LINE, DETAIL)},
    [WITHHELD] = {"withheld", BITS(LINE, CHECK) | BIT(ENTRIES) | BIT(DIGESTS)},
    [MISSING] = {"missing", BITS(LINE, ID)},
    [SEAL] = {"seal", BIT(LINE) | BIT(SEAL_NUMBER) | BIT(AT) | BIT(ENTRIES) | BITS(CLUSTER, HASH)},
    [END] = {"end",
             BIT(LINE) | BIT(ENTRIES) | BIT(HASH) | BIT(FROM) | BIT(TO) | BITS(SEALS, BEFORE)},
};

bool column_is_number(enum column column) {
    return number_columns & BIT(column);
}

uint64_t record_columns(enum record_kind kind) {
    return kinds[kind].columns;
}

bool record_name(struct record *record, struct problem *problem) {
    const struct cell *name = &record->cells[LINE];

    for (int kind = 0; kind < RECORD_KINDS; kind++)
        if (name->text && name->size == strlen(kinds[kind].name) &&
            memcmp(name->text, kinds[kind].name, name->size) == 0) {
            record->kind = kind;
            return true;
        }
    return wrong(problem, "no kind of line that exports have");
}

bool record_complete(const struct record *record, struct problem *problem) {
    uint64_t there = 0, wanted = kinds[record->kind].columns, alien, empty;

    for (int column = 0; column < COLUMN_COUNT; column++)
        if (record->cells[column].text)
            there |= BIT(column);
    alien = there & ~wanted;
    if (alien)
        return wrong(problem, "%s: not for a line \"%s\"", column_names[__builtin_ctzll(alien)],
                     kinds[record->kind].name);
    empty = wanted & ~there & ~null_columns;
    return !empty || wrong(problem, "%s: empty", column_names[__builtin_ctzll(empty)]);
}

static bool bad(enum column column, const char *what, struct problem *problem) {
    return wrong(problem, "%s: not %s", column_names[column], what);
}

/* Digits, without leading zeros; false when they are none, or too many. */
static bool read_digits(const char *text, size_t size, uint64_t *number) {
    uint64_t value = 0;

    if (size == 0 || (size > 1 && *text == '0'))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    *number = value;
    return true;
}

bool cell_unsigned(const struct record *record, enum column column, uint64_t *number,
                   struct problem *problem) {
    const struct cell *cell = &record->cells[column];

    return read_digits(cell->text, cell->size, number) || bad(column, "a number", problem);
}

bool cell_number(const struct record *record, enum column column, int64_t *number,
                 struct problem *problem) {
    const struct cell *cell = &record->cells[column];
    bool negative = cell->size > 0 && *cell->text == '-';
    uint64_t value;

    if (!read_digits(cell->text + negative, cell->size - negative, &value) ||
        value > (uint64_t)INT64_MAX + negative || (negative && value == 0))
        return bad(column, "a number", problem);
    *number = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* Days from 2000-01-01 to a date of the Gregorian calendar, as if years began in March. */
static int64_t days_to(int year, int month, int day) {
    int shifted = month > 2 ? month - 3 : month + 9, from = month > 2 ? year : year - 1;

    return (int64_t)from * 365 + from / 4 - from / 100 + from / 400 + (153 * shifted + 2) / 5 +
           day - 730426;
}

static bool is_date(int year, int month, int day) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return year > 0 && month > 0 && month <= 12 && day > 0 &&
           day <= lengths[month - 1] + (leap && month == 2);
}

/* So many digits at a place. */
static int digits_at(const char *text, int at, int count) {
    int value = 0;

    for (int i = at; i < at + count; i++)
        value = value * 10 + text[i] - '0';
    return value;
}

bool cell_time(const struct record *record, enum column column, int64_t *time,
               struct problem *problem) {
    static const char form[] = "0000-00-00T00:00:00.000000Z";
    const struct cell *cell = &record->cells[column];
    const char *text = cell->text;
    int year, month, day, hour, minute, second;

    if (cell->size != sizeof form - 1)
        return bad(column, "a time", problem);
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return bad(column, "a time", problem);
    year = digits_at(text, 0, 4);
    month = digits_at(text, 5, 2);
    day = digits_at(text, 8, 2);
    hour = digits_at(text, 11, 2);
    minute = digits_at(text, 14, 2);
    second = digits_at(text, 17, 2);
    if (!is_date(year, month, day) || hour > 23 || minute > 59 || second > 59)
        return bad(column, "a time", problem);
    *time = ((days_to(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    *time = *time * 1000000 + digits_at(text, 20, 6);
    return true;
}

bool cell_bytes(const struct record *record, enum column column, unsigned char *bytes,
                struct problem *problem) {
    /* What a digit is worth, and 1 more; 0 for what is none. */
    static const unsigned char worth[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16};
    const struct cell *cell = &record->cells[column];
    const unsigned char *text = (const unsigned char *)cell->text;

    for (size_t i = 0; i < cell->size / 2; i++) {
        unsigned high = worth[text[2 * i]], low = worth[text[2 * i + 1]];

        if (!high || !low)
            return bad(column, "bytes in hexadecimal digits", problem);
        bytes[i] = (unsigned char)((high - 1) << 4 | (low - 1));
    }
    return cell->size % 2 == 0 || bad(column, "bytes in hexadecimal digits", problem);
}

bool cell_hash(const struct record *record, enum column column, unsigned char *bytes, size_t size,
               struct problem *problem) {
    if (record->cells[column].size != 2 * size)
        return bad(column, "as long as it should be", problem);
    return cell_bytes(record, column, bytes, problem);
}
