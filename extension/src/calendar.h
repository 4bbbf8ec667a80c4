/*
 * calendar.h: business time. A calendar of 0 is none: the wall clock.
 */
#ifndef ONEFIN_CALENDAR_H
#define ONEFIN_CALENDAR_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* The calendar that a company's topic of a kind goes by now, 0 when none. */
extern int64 of_calendar_for(int64 org, int16 kind);

/* Microseconds of business time, negative when `until` is earlier. */
extern int64 of_business_duration(TimestampTz from, TimestampTz until, int64 calendar);

/* When so many microseconds of business time have passed. The first is false where that never
 * comes to be, which is an error of the second. */
extern bool of_business_reach(TimestampTz from, int64 duration, int64 calendar, TimestampTz *at);
extern TimestampTz of_business_add(TimestampTz from, int64 duration, int64 calendar);

#endif
