/*
 * calendar_table.c: a calendar as a cumulative table: how much business time passed up to an
 * instant.
 *
 * The years 1970 to 2199 are cut where the zone's offset changes. Between two such places a local
 * clock runs as UTC's does, some seconds apart, so each date's hours become spans of UTC by a
 * subtraction, cut off at the places. An hour that the clock skips falls between two pieces, one
 * that it shows twice is in both. Touching spans are made one.
 *
 * How much has passed up to an instant is then found by its day, without a search: the table knows
 * the first span of each. The other way round the spans are searched by halves.
 */
#include "postgres.h"

#include "calendar_table.h"

#include "utils/memutils.h"

#define SECONDS(days) ((pg_time_t)(days)*SECS_PER_DAY)

/* 1970-01-01 and 2200-01-01, in days from 2000-01-01, which is PostgreSQL's. */
#define FIRST_DAY (-10957)
#define LAST_DAY  73049
#define DAYS      (LAST_DAY - FIRST_DAY)
#define FIRST     (FIRST_DAY * USECS_PER_DAY)
#define LAST      (LAST_DAY * USECS_PER_DAY)

static DateADT day_of(int64 microseconds) {
    int64 day = microseconds / USECS_PER_DAY;

    return (DateADT)(microseconds % USECS_PER_DAY < 0 ? day - 1 : day);
}

static int weekday_of(DateADT date) { /* 0 is Monday; 2000-01-01 was a Saturday */
    return ((date - FIRST_DAY) + 3) % 7;
}

static int compare_dates(const void *a, const void *b) {
    DateADT left = ((const OfException *)a)->date;
    DateADT right = ((const OfException *)b)->date;

    return (left > right) - (left < right);
}

static const OfDay *hours_of(const OfCalendar *calendar, DateADT date) {
    OfException key = {.date = date};
    OfException *found = calendar->nexceptions
                             ? bsearch(&key, calendar->exceptions, calendar->nexceptions,
                                       sizeof(OfException), compare_dates)
                             : NULL;

    return found ? &found->day : &calendar->week[weekday_of(date)];
}

static void add_span(OfTable *table, int *room, TimestampTz from, TimestampTz until) {
    OfSpan *last = table->nspans ? &table->spans[table->nspans - 1] : NULL;

    if (last && from <= last->until) {
        last->until = Max(last->until, until);
        return;
    }
    if (table->nspans == *room) {
        *room *= 2;
        table->spans = repalloc_huge(table->spans, sizeof(OfSpan) * *room);
    }
    table->spans[table->nspans++] = (OfSpan){from, until, 0};
}

/* The spans from..until, in which the zone's clock is `offset` ahead of UTC. */
static void add_piece(OfTable *table, int *room, const OfCalendar *calendar, TimestampTz from,
                      TimestampTz until, int64 offset) {
    for (DateADT date = day_of(from + offset); date * USECS_PER_DAY - offset < until; date++) {
        TimestampTz midnight = date * USECS_PER_DAY - offset;
        const OfDay *day = hours_of(calendar, date);

        for (int i = 0; i < day->n; i++) {
            TimestampTz begin = Max(from, midnight + day->hours[i].from);
            TimestampTz end = Min(until, midnight + day->hours[i].until);

            if (begin < end)
                add_span(table, room, begin, end);
        }
    }
}

static TimestampTz from_time_t(pg_time_t time) {
    return (time + SECONDS(FIRST_DAY)) * USECS_PER_SEC;
}

static void add_all(OfTable *table, int *room, const OfCalendar *calendar) {
    pg_time_t at = 0; /* 1970 */
    pg_time_t end = SECONDS(DAYS);

    while (at < end) {
        long offset = 0;
        long next_offset;
        int is_dst;
        pg_time_t boundary;

        if (pg_next_dst_boundary(&at, &offset, &is_dst, &boundary, &next_offset, &is_dst,
                                 calendar->zone) != 1 ||
            boundary > end)
            boundary = end;
        add_piece(table, room, calendar, from_time_t(at), from_time_t(boundary),
                  offset * USECS_PER_SEC);
        at = boundary;
    }
}

static void sum_up(OfTable *table) {
    int span = 0;

    for (int i = 0; i < table->nspans; i++) {
        table->spans[i].before = table->total;
        table->total += table->spans[i].until - table->spans[i].from;
    }
    for (int day = 0; day <= DAYS; day++) {
        while (span < table->nspans && table->spans[span].from < (FIRST_DAY + day) * USECS_PER_DAY)
            span++;
        table->first[day] = span;
    }
}

/* Makes the table in the current memory context. */
void of_table_make(OfTable *table, const OfCalendar *calendar) {
    int room = 1024;

    *table = (OfTable){.spans = palloc(sizeof(OfSpan) * room),
                       .first = palloc(sizeof(int32) * (DAYS + 1))};
    add_all(table, &room, calendar);
    table->spans = repalloc_huge(table->spans, sizeof(OfSpan) * Max(table->nspans, 1));
    sum_up(table);
}

/* Business time from 1970 on up to an instant. Errors: an instant that the table does not reach. */
int64 of_table_passed(const OfTable *table, TimestampTz at) {
    const OfSpan *span;
    int next;

    if (at < FIRST || at > LAST)
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                        errmsg("no calendar reaches that time"),
                        errhint("Business time is measured from 1970 to 2199.")));
    next = table->first[(at - FIRST) / USECS_PER_DAY];
    while (next < table->nspans && table->spans[next].from <= at)
        next++;
    if (next == 0)
        return 0;
    span = &table->spans[next - 1];
    return span->before + Min(at, span->until) - span->from;
}

/* The last span that has less than `passed` before it, or for the last instant as much; -1: none.
 */
static int find_span(const OfTable *table, int64 passed, bool as_much) {
    int low = -1;
    int high = table->nspans - 1;

    while (low < high) {
        int middle = low + (high - low + 1) / 2;

        if (table->spans[middle].before < passed ||
            (as_much && table->spans[middle].before == passed))
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* The first instant up to which so much has passed, more than nothing. False: never so much. */
bool of_table_first(const OfTable *table, int64 passed, TimestampTz *at) {
    int span = find_span(table, passed, false);

    if (span < 0 || passed > table->total)
        return false;
    *at = table->spans[span].from + (passed - table->spans[span].before);
    return true;
}

/* The last instant up to which no more than that has passed, less than all. False: never so little.
 */
bool of_table_last(const OfTable *table, int64 passed, TimestampTz *at) {
    int span = find_span(table, passed, true);

    if (span < 0)
        return false;
    *at = table->spans[span].from + (passed - table->spans[span].before);
    return true;
}
