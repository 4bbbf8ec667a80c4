/*
 * follow.c: what gateways and returning clients read of the sealed order.
 *
 * events() tells everything to one who may call it: the gateway. resume() tells an account what it
 * may see now, by the same view and the same rule of audience.
 */
#include "postgres.h"

#include "follow.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "plan.h"
#include "seal.h"
#include "session.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* Entries read at a time: whole seals until there are so many. */
#define ENTRIES_PER_READ 500

/* The entries of some seals in order, as parallel arrays. */
typedef struct Stretch {
    ArrayBuildState *seals;
    ArrayBuildState *indexes;
    ArrayBuildState *ids;
    int64 last; /* the newest seal read, or where it began */
    bool more;
} Stretch;

/* The newest seal number that the current snapshot sees; 0 when there is none. */
int64 of_position(void) {
    static OfStatement find = {"SELECT coalesce(max(number), 0) FROM onefin.seal", 0, {0}};
    int64 position;

    of_spi_begin();
    of_run_as_owner(&find, NULL, true);
    position = of_result_id(0, 1);
    of_spi_end();
    return position;
}

PG_FUNCTION_INFO_V1(onefin_position);
Datum onefin_position(PG_FUNCTION_ARGS) {
    PG_RETURN_INT64(of_position());
}

/* onefin.seal_lag(): the age of the oldest entry that is not sealed, in seconds; 0 when all are. */
PG_FUNCTION_INFO_V1(onefin_seal_lag);
Datum onefin_seal_lag(PG_FUNCTION_ARGS) {
    static OfStatement newest = {
        "SELECT snapshot, base_id FROM onefin.seal ORDER BY number DESC LIMIT 1", 0, {0}};
    static OfStatement oldest = {
        "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(j.at)),"
        " 0)::float8 FROM " OF_UNSEALED,
        2,
        {PG_SNAPSHOTOID, INT8OID}};
    OfArgs args = {0};
    double lag = 0;
    bool isnull;

    of_spi_begin();
    if (of_run_as_owner(&newest, NULL, true) == 1) {
        of_arg(&args, of_result(0, 1, &isnull), false);
        of_arg(&args, Int64GetDatum(of_result_id(0, 2)), false);
        of_run_as_owner(&oldest, &args, true);
        lag = DatumGetFloat8(of_result(0, 1, &isnull));
    }
    of_spi_end();
    PG_RETURN_FLOAT8(lag);
}

static ArrayBuildState *append(ArrayBuildState *array, Datum value, Oid type) {
    return accumArrayResult(array, value, false, type, CurrentMemoryContext);
}

static void append_seal(Stretch *stretch, int64 number, ArrayType *entries) {
    int n = ArrayGetNItems(ARR_NDIM(entries), ARR_DIMS(entries));
    int64 *ids = (int64 *)ARR_DATA_PTR(entries);

    for (int i = 0; i < n; i++) {
        stretch->seals = append(stretch->seals, Int64GetDatum(number), INT8OID);
        stretch->indexes = append(stretch->indexes, Int32GetDatum(i), INT4OID);
        stretch->ids = append(stretch->ids, Int64GetDatum(ids[i]), INT8OID);
    }
    stretch->last = number;
}

/* Reads the next whole seals after a number, at most so many. In SPI; the arrays are its memory. */
static void read_stretch(Stretch *stretch, int64 after, int64 most) {
    static OfStatement read = {"SELECT number, entries FROM onefin.seal WHERE number > $1 AND "
                               "number <= $2 ORDER BY number",
                               2,
                               {INT8OID, INT8OID}};
    OfArgs args = {0};
    SPITupleTable *rows;
    uint64 n;
    uint64 i;

    stretch->seals = initArrayResult(INT8OID, CurrentMemoryContext, false);
    stretch->indexes = initArrayResult(INT4OID, CurrentMemoryContext, false);
    stretch->ids = initArrayResult(INT8OID, CurrentMemoryContext, false);
    stretch->last = after;
    of_arg(&args, Int64GetDatum(after), false);
    of_arg(&args, Int64GetDatum(after + most), false);
    n = of_run_as_owner(&read, &args, true);
    rows = SPI_tuptable;
    for (i = 0; i < n && stretch->ids->nelems < ENTRIES_PER_READ; i++) {
        bool isnull;

        append_seal(stretch, DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull)),
                    DatumGetArrayTypeP(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull)));
    }
    stretch->more = i < n || n == (uint64)most;
}

static void arg_stretch(OfArgs *args, Stretch *stretch) {
    of_arg(args, makeArrayResult(stretch->seals, CurrentMemoryContext), false);
    of_arg(args, makeArrayResult(stretch->indexes, CurrentMemoryContext), false);
    of_arg(args, makeArrayResult(stretch->ids, CurrentMemoryContext), false);
}

/* An event as it is sent: its place in the order, and its body. $1..$3 are a stretch's arrays,
 * which the planner takes for short: it looks the entries up one by one, however large the journal.
 */
#define EVENT "jsonb_build_object('seal', e.seal, 'index', e.index) || b.body"
#define EVENT_FROM                                                                                 \
    " FROM unnest($1, $2, $3) AS e (seal, index, id) JOIN onefin.event_body b ON b.id = e.id"

/* The last row of events(): a seal, the kind position, for nobody. */
static void return_position(FunctionCallInfo fcinfo, int64 position) {
    ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;
    bool nulls[11] = {false, true, false, true, true, false, true, true, true, true, true};
    Datum values[11] = {0};

    values[0] = Int64GetDatum(position);
    values[2] = CStringGetTextDatum("position");
    values[5] = CStringGetTextDatum(OF_TO_NONE);
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * onefin.events(after, max_seals): the events of the next whole seals, and the position they lead
 * to, which is before the newest seal when there was more than one read takes.
 */
PG_FUNCTION_INFO_V1(onefin_events);
Datum onefin_events(PG_FUNCTION_ARGS) {
    static OfStatement read = {
        "SELECT e.seal, e.index, b.kind, b.org_id, b.topic_id, b.audience,"
        " b.account_id, b.session_id, b.access, extract(epoch FROM b.at)::float8,"
        " (" EVENT ")::text" EVENT_FROM " ORDER BY e.seal, e.index",
        3,
        {INT8ARRAYOID, INT4ARRAYOID, INT8ARRAYOID}};
    OfArgs args = {0};
    Stretch stretch;

    if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_GETARG_INT32(1) < 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a position and a number of seals of at least 1 are needed")));
    InitMaterializedSRF(fcinfo, 0);
    of_spi_begin();
    read_stretch(&stretch, PG_GETARG_INT64(0), PG_GETARG_INT32(1));
    arg_stretch(&args, &stretch);
    of_run_as_owner(&read, &args, true);
    of_return_rows(fcinfo);
    return_position(fcinfo, stretch.last);
    of_spi_end();
    return (Datum)0;
}

/* Who takes part: not those who watch, and nobody of a company that the caller may not see. */
PG_FUNCTION_INFO_V1(onefin_org_members);
Datum onefin_org_members(PG_FUNCTION_ARGS) {
    static OfStatement read = {"SELECT a.id, a.name, a.role FROM onefin.org_access o JOIN "
                               "onefin.account a ON a.id = o.account_id"
                               " WHERE o.org_id = $1 AND o.role IN ('accountant', 'client')",
                               1,
                               {INT8OID}};
    int64 org = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    OfArgs args = {0};

    of_require_org(org);
    InitMaterializedSRF(fcinfo, 0);
    of_arg_id(&args, org);
    of_spi_begin();
    of_run_as_owner(&read, &args, true);
    of_return_rows(fcinfo);
    of_spi_end();
    return (Datum)0;
}

/* Adds the events of a stretch that the actor may see now, after an index in the seal `after`; of
 * one that changed who sees a company also to who saw it before: it is how they learn that they
 * lost it. */
static int add_events(JsonbParseState **json, const OfActor *actor, Stretch *stretch, int64 after,
                      int32 index) {
    static OfStatement read = {
        "SELECT " EVENT EVENT_FROM " WHERE (e.seal > $4 OR e.index > $5)"
        " AND (b.account_id = $6 OR $7 = 'admin' AND b.audience IN ('org', 'staff', 'admin')"
        " OR b.org_id = ANY ($8) AND (b.audience = 'org' OR b.audience = 'staff' AND $7 <> "
        "'client')"
        " OR b.access = 'org' AND b.audience = 'org'"
        " AND $6 IN (SELECT account FROM onefin.audience(b.org_id, e.seal, e.index)))"
        " ORDER BY e.seal, e.index",
        8,
        {INT8ARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT8OID, INT4OID, INT8OID, TEXTOID,
         INT8ARRAYOID}};
    OfArgs args = {0};
    bool isnull;

    arg_stretch(&args, stretch);
    of_arg(&args, Int64GetDatum(after), false);
    of_arg(&args, Int32GetDatum(index), false);
    of_arg_id(&args, actor->account);
    of_arg_text(&args, of_role_name(actor->role));
    of_arg(&args, PointerGetDatum(of_my_orgs(actor)), false);
    of_run_as_owner(&read, &args, true);
    for (uint64 i = 0; i < SPI_processed; i++)
        of_json_element(json, of_result(i, 1, &isnull));
    return (int)SPI_processed;
}

/*
 * Adds the key events: those after (after, index) that the actor may see. False when there are too
 * many, and then not all are there. In SPI.
 */
static bool add_events_since(JsonbParseState **json, const OfActor *actor, int64 after,
                             int32 index) {
    int64 most = of_setting_number("resume_events");
    Stretch stretch = {.last = after - 1,
                       .more = true}; /* of the seal `after`, a part may be unseen */
    int n = 0;

    of_json_key(json, "events");
    pushJsonbValue(json, WJB_BEGIN_ARRAY, NULL);
    while (stretch.more && n <= most) {
        read_stretch(&stretch, stretch.last, ENTRIES_PER_READ);
        n += add_events(json, actor, &stretch, after, index);
    }
    pushJsonbValue(json, WJB_END_ARRAY, NULL);
    return n <= most;
}

/* {session, seal, account, reset, events}; NULL when there are too many events. */
static Jsonb *resume_json(const OfActor *actor, int64 position, bool reset, int64 after,
                          int32 index) {
    JsonbParseState *json = NULL;
    Jsonb *answer = NULL;
    MemoryContext context = CurrentMemoryContext;

    of_spi_begin();
    of_json_begin(&json);
    of_json_id(&json, "session", actor->session);
    of_json_number(&json, "seal", position);
    of_json_value(&json, "account", of_account_json(actor->account));
    of_json_bool(&json, "reset", reset);
    if (add_events_since(&json, actor, after, index)) {
        answer = of_json_end(&json);
        answer = memcpy(MemoryContextAlloc(context, VARSIZE(answer)), answer, VARSIZE(answer));
    }
    of_spi_end();
    return answer;
}

/*
 * onefin_api.resume(after, index): after is a seal number, index the last event seen of it (without
 * it the seal was seen whole). Without after there is nothing to replay. A position that this
 * database has not reached, as after a restore, is too far back as well.
 */
PG_FUNCTION_INFO_V1(onefin_api_resume);
Datum onefin_api_resume(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_require_actor();
    int64 position = of_position();
    int64 after = PG_ARGISNULL(0) ? position : PG_GETARG_INT64(0);
    int32 index = PG_ARGISNULL(1) ? PG_INT32_MAX : PG_GETARG_INT32(1);
    Jsonb *answer = NULL;

    if (after < 0)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a position is not negative"),
                 errhint("after is the seal of the last event or answer that you have.")));
    if (after <= position && position - after <= of_setting_number("resume_seals"))
        answer = resume_json(actor, position, false, after, index);
    if (answer == NULL)
        answer = resume_json(actor, position, true, position, PG_INT32_MAX);
    PG_RETURN_JSONB_P(answer);
}
