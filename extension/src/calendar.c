/*
 * calendar.c: business time by calendars, remembered by the backend.
 *
 * A duration is two lookups in the calendar's cumulative table (calendar_table.h) and a
 * subtraction. The table is made when the calendar is first asked for. What was made is thrown away
 * as a whole when anything in the calendars' tables changes, as access.c does: a statement trigger
 * that fires ALWAYS sends a relcache invalidation for onefin.calendar, which reaches every backend
 * when the change commits, from prepared transactions too, and is looked for at each question.
 * So nothing of a table may be kept from one question to the next.
 */
#include "postgres.h"

#include "calendar.h"

#include "access.h"
#include "calendar_table.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "common/int.h"
#include "fmgr.h"
#include "plan.h"
#include "row.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct Known {
    int64 id; /* key */
    OfTable table;
} Known;

typedef struct Use {
    int64 org; /* key, with kind; 0: all */
    int64 kind;
    int64 calendar;
} Use;

static MemoryContext memory = NULL;
static HTAB *calendars;
static HTAB *uses; /* NULL until asked for */
static Known *last;
static Oid relation = InvalidOid;
static bool stale = true;

static void on_relation_change(Datum arg, Oid changed) {
    if (changed == relation || !OidIsValid(changed))
        stale = true;
}

static HTAB *make_table(const char *name, Size key, Size entry) {
    HASHCTL control = {.keysize = key, .entrysize = entry, .hcxt = memory};

    return hash_create(name, 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void start_afresh(void) {
    if (memory == NULL) {
        memory =
            AllocSetContextCreate(TopMemoryContext, "onefin calendars", ALLOCSET_DEFAULT_SIZES);
        CacheRegisterRelcacheCallback(on_relation_change, (Datum)0);
    }
    last = NULL;
    uses = NULL;
    MemoryContextReset(memory);
    calendars = make_table("onefin calendars", sizeof(int64), sizeof(Known));
    relation = of_relation("calendar");
    stale = false;
}

/* Learns of changes that were committed meanwhile. */
static bool has_changed(void) {
    AcceptInvalidationMessages();
    return stale;
}

static OfDay read_hours(uint64 row, int column) {
    OfDay day = {0};
    bool isnull;
    Datum hours = of_result(row, column, &isnull);
    Datum *times;
    int n;

    if (isnull)
        return day;
    deconstruct_array(DatumGetArrayTypeP(hours), TIMEOID, sizeof(TimeADT), FLOAT8PASSBYVAL,
                      TYPALIGN_DOUBLE, &times, NULL, &n);
    day.n = n / 2;
    day.hours = palloc(sizeof(OfHours) * Max(day.n, 1));
    for (int i = 0; i < day.n; i++)
        day.hours[i] = (OfHours){DatumGetTimeADT(times[2 * i]), DatumGetTimeADT(times[2 * i + 1])};
    return day;
}

static pg_tz *read_zone(void) {
    char *name = of_result_text(0, 1);
    pg_tz *zone = pg_tzset(name);

    if (zone == NULL)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("the server does not know the time zone \"%s\"", name),
                        errhint("Give the calendar one of pg_timezone_names.")));
    return zone;
}

/* Takes what was read: a row for each weekday, then one for each exception, by date. */
static void take_rows(OfCalendar *calendar, uint64 n) {
    *calendar = (OfCalendar){.zone = read_zone(), .exceptions = palloc(sizeof(OfException) * n)};
    for (uint64 row = 0; row < n; row++) {
        int64 weekday = of_result_id(row, 2);
        bool no_date;
        Datum date = of_result(row, 3, &no_date);

        if (weekday)
            calendar->week[weekday - 1] = read_hours(row, 4);
        else if (!no_date)
            calendar->exceptions[calendar->nexceptions++] =
                (OfException){DatumGetDateADT(date), read_hours(row, 4)};
    }
}

static void refuse_calendar(int64 id) {
    ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no calendar %lld", (long long)id),
                    errhint("calendars lists them.")));
}

static void make_calendar(int64 id, OfTable *table) {
    static OfStatement find = {
        "SELECT c.time_zone, d.weekday, d.day, d.hours FROM onefin.calendar c LEFT JOIN ("
        "SELECT calendar_id, weekday::bigint, NULL::date AS day, hours FROM onefin.calendar_hours"
        " UNION ALL SELECT calendar_id, NULL, day, hours FROM onefin.calendar_exception"
        " WHERE active) d ON d.calendar_id = c.id WHERE c.id = $1 ORDER BY d.day",
        1,
        {INT8OID}};
    OfArgs args = {0};
    OfCalendar calendar;
    MemoryContext old;
    uint64 n;

    of_arg_id(&args, id);
    of_spi_begin();
    n = of_run_as_of_now(&find, &args);
    if (n == 0)
        refuse_calendar(id);
    take_rows(&calendar, n);
    old = MemoryContextSwitchTo(memory);
    of_table_make(table, &calendar);
    MemoryContextSwitchTo(old);
    of_spi_end();
}

/* Valid until the next question. */
static const OfTable *table_of(int64 id) {
    OfTable fresh;

    if (has_changed())
        start_afresh();
    if (last && last->id == id)
        return &last->table;
    last = hash_search(calendars, &id, HASH_FIND, NULL);
    if (last)
        return &last->table;
    do {
        if (stale)
            start_afresh();
        make_calendar(id, &fresh);
    } while (has_changed());
    last = hash_search(calendars, &id, HASH_ENTER, NULL);
    last->table = fresh;
    return &last->table;
}

static void read_uses(HTAB *table) {
    static OfStatement find = {
        "SELECT coalesce(org_id, 0), coalesce(kind_id, 0)::bigint, calendar_id"
        " FROM onefin.calendar_use"};
    OfArgs args = {0};
    uint64 n;

    of_spi_begin();
    n = of_run_as_of_now(&find, &args);
    for (uint64 row = 0; row < n; row++) {
        int64 key[] = {of_result_id(row, 1), of_result_id(row, 2)};
        Use *use = hash_search(table, key, HASH_ENTER, NULL);

        use->calendar = of_result_id(row, 3);
    }
    of_spi_end();
}

static void know_uses(void) {
    HTAB *fresh;

    if (has_changed())
        start_afresh();
    if (uses)
        return;
    do {
        if (stale)
            start_afresh();
        fresh = make_table("onefin calendar uses", offsetof(Use, calendar), sizeof(Use));
        read_uses(fresh);
    } while (has_changed());
    uses = fresh;
}

int64 of_calendar_for(int64 org, int16 kind) {
    int64 keys[4][2] = {{org, kind}, {org, 0}, {0, kind}, {0, 0}};

    know_uses();
    if (hash_get_num_entries(uses) == 0)
        return 0;
    for (int i = 0; i < 4; i++) {
        Use *use = hash_search(uses, keys[i], HASH_FIND, NULL);

        if (use)
            return use->calendar;
    }
    return 0;
}

static void require_finite(TimestampTz at) {
    if (TIMESTAMP_NOT_FINITE(at))
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                        errmsg("a duration begins and ends at finite times")));
}

int64 of_business_duration(TimestampTz from, TimestampTz until, int64 calendar) {
    const OfTable *table;
    int64 duration;

    if (calendar) {
        table = table_of(calendar);
        return of_table_passed(table, until) - of_table_passed(table, from);
    }
    require_finite(from);
    require_finite(until);
    if (pg_sub_s64_overflow(until, from, &duration))
        ereport(ERROR,
                (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("interval out of range")));
    return duration;
}

bool of_business_reach(TimestampTz from, int64 duration, int64 calendar, TimestampTz *at) {
    const OfTable *table;
    int64 passed;

    if (calendar == 0) {
        require_finite(from);
        return !pg_add_s64_overflow(from, duration, at) && IS_VALID_TIMESTAMP(*at);
    }
    table = table_of(calendar);
    *at = from;
    if (pg_add_s64_overflow(of_table_passed(table, from), duration, &passed))
        return false;
    if (duration == 0)
        return true;
    return duration > 0 ? of_table_first(table, passed, at) : of_table_last(table, passed, at);
}

TimestampTz of_business_add(TimestampTz from, int64 duration, int64 calendar) {
    TimestampTz at;

    if (of_business_reach(from, duration, calendar, &at))
        return at;
    if (calendar == 0)
        ereport(ERROR,
                (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
    ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                    errmsg("calendar %lld has not so much business time", (long long)calendar),
                    errhint("Business time is measured from 1970 to 2199.")));
}

/* Microseconds of a duration, whose days are of 24 hours; months are of no length. */
static int64 microseconds_of(const Interval *duration) {
    int64 days;
    int64 all;

    if (duration->month != 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a business duration has no months"),
                        errhint("Give it in hours, minutes and seconds.")));
    if (pg_mul_s64_overflow(duration->day, USECS_PER_DAY, &days) ||
        pg_add_s64_overflow(days, duration->time, &all))
        ereport(ERROR,
                (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("interval out of range")));
    return all;
}

static int64 calendar_arg(FunctionCallInfo fcinfo) {
    if (PG_ARGISNULL(2))
        return 0;
    if (PG_GETARG_INT64(2) == 0)
        refuse_calendar(0);
    return PG_GETARG_INT64(2);
}

PG_FUNCTION_INFO_V1(onefin_business_duration);
Datum onefin_business_duration(PG_FUNCTION_ARGS) {
    Interval *duration;

    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        PG_RETURN_NULL();
    duration = palloc(sizeof(Interval));
    *duration =
        (Interval){.time = of_business_duration(PG_GETARG_TIMESTAMPTZ(0), PG_GETARG_TIMESTAMPTZ(1),
                                                calendar_arg(fcinfo))};
    PG_RETURN_INTERVAL_P(duration);
}

PG_FUNCTION_INFO_V1(onefin_business_add);
Datum onefin_business_add(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(of_business_add(
        PG_GETARG_TIMESTAMPTZ(0), microseconds_of(PG_GETARG_INTERVAL_P(1)), calendar_arg(fcinfo)));
}

PG_FUNCTION_INFO_V1(onefin_calendar_for);
Datum onefin_calendar_for(PG_FUNCTION_ARGS) {
    int64 org = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    int64 calendar = of_calendar_for(org, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT16(1));

    if (calendar == 0)
        PG_RETURN_NULL();
    PG_RETURN_INT64(calendar);
}

/* AFTER each statement that may change what this file remembers. */
PG_FUNCTION_INFO_V1(onefin_calendar_changed);
Datum onefin_calendar_changed(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.calendar_changed is an AFTER trigger for each statement")));
    CacheInvalidateRelcacheByRelid(of_relation("calendar"));
    return PointerGetDatum(NULL);
}
