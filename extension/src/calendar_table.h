/*
 * calendar_table.h: a calendar as a cumulative table: how much business time passed up to an
 * instant.
 */
#ifndef ONEFIN_CALENDAR_TABLE_H
#define ONEFIN_CALENDAR_TABLE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"

/* Microseconds of a clock, from..until. */
typedef struct OfHours {
    TimeADT from;
    TimeADT until;
} OfHours;

/* The hours of a day, one after the other; n may be 0. */
typedef struct OfDay {
    int n;
    OfHours *hours;
} OfDay;

typedef struct OfException {
    DateADT date;
    OfDay day;
} OfException;

/* What a calendar says. */
typedef struct OfCalendar {
    pg_tz *zone;
    OfDay week[7]; /* Monday first */
    int nexceptions;
    OfException *exceptions; /* by date */
} OfCalendar;

/* A stretch of business time, and how much there was before it. */
typedef struct OfSpan {
    TimestampTz from;
    TimestampTz until;
    int64 before;
} OfSpan;

/* The spans of all years, and for each day (of UTC) the number of those that began before it. */
typedef struct OfTable {
    int nspans;
    OfSpan *spans;
    int32 *first;
    int64 total;
} OfTable;

extern void of_table_make(OfTable *table, const OfCalendar *calendar);
extern int64 of_table_passed(const OfTable *table, TimestampTz at);
extern bool of_table_first(const OfTable *table, int64 passed, TimestampTz *at);
extern bool of_table_last(const OfTable *table, int64 passed, TimestampTz *at);

#endif
