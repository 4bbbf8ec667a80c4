/*
 * follow.c: what gateways and returning clients read of the sealed order.
 *
 * events() and audience() tell everything to one who may call them: the gateway. resume() tells an
 * account what it may see now, by the same view and the same rule of audience.
 */
#include "postgres.h"

#include "follow.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "identity.h"
#include "plan.h"
#include "session.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* A client that is further back than this many seals, or events, reads the state anew. */
#define RESUME_SEALS 100000
#define RESUME_EVENTS 2000

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

/* Copies the rows in SPI_tuptable to the caller's result set. */
static void return_rows(FunctionCallInfo fcinfo) {
    ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;

    for (uint64 i = 0; i < SPI_processed; i++)
        tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
}

PG_FUNCTION_INFO_V1(onefin_events);
Datum onefin_events(PG_FUNCTION_ARGS) {
    static OfStatement read = {
        "SELECT seal, index, kind, org_id, topic_id, audience, account_id, session_id, event::text"
        " FROM onefin.event WHERE seal > $1 AND seal <= $2"
        " UNION ALL SELECT $2, NULL::integer, 'position', NULL, NULL, 'none', NULL, NULL, NULL"
        " ORDER BY seal, index NULLS LAST",
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};
    int64 after;
    int64 most;

    if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_GETARG_INT32(1) < 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a position and a number of seals of at least 1 are needed")));
    after = PG_GETARG_INT64(0);
    most = PG_GETARG_INT32(1);
    InitMaterializedSRF(fcinfo, 0);
    of_arg(&args, Int64GetDatum(after), false);
    of_arg(&args, Int64GetDatum(Max(after, Min(after + most, of_position()))), false);
    of_spi_begin();
    of_run_as_owner(&read, &args, true);
    return_rows(fcinfo);
    of_spi_end();
    return (Datum)0;
}

PG_FUNCTION_INFO_V1(onefin_audience);
Datum onefin_audience(PG_FUNCTION_ARGS) {
    static OfStatement read = {
        "SELECT account_id, role FROM onefin.org_access WHERE org_id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    InitMaterializedSRF(fcinfo, 0);
    of_arg(&args, PG_ARGISNULL(0) ? (Datum)0 : PG_GETARG_DATUM(0), PG_ARGISNULL(0));
    of_spi_begin();
    of_run_as_owner(&read, &args, true);
    return_rows(fcinfo);
    of_spi_end();
    return (Datum)0;
}

/* Who takes part: not those who watch, and nobody of a company that the caller may not see. */
PG_FUNCTION_INFO_V1(onefin_org_members);
Datum onefin_org_members(PG_FUNCTION_ARGS) {
    static OfStatement read = {
        "SELECT a.id, a.name, a.role FROM onefin.org_access o JOIN onefin.account a ON a.id = o.account_id"
        " WHERE o.org_id = $1 AND o.role IN ('accountant', 'client')",
        1,
        {INT8OID}};
    int64 org = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    OfArgs args = {0};

    if (!of_sees_org(of_require_actor(), org))
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no company %lld", (long long)org),
                        errhint("topics lists those that you may see.")));
    InitMaterializedSRF(fcinfo, 0);
    of_arg_id(&args, org);
    of_spi_begin();
    of_run_as_owner(&read, &args, true);
    return_rows(fcinfo);
    of_spi_end();
    return (Datum)0;
}

/* {session, seal, account, reset, events} with the events of (after, index) up to the position. */
static Datum read_since(const OfActor *actor, int64 after, int32 index, int64 position) {
    static OfStatement read = {
        "SELECT jsonb_build_object('session', $1, 'seal', $2, 'account', $3,"
        " 'reset', count(e) > " CppAsString2(RESUME_EVENTS) ","
        " 'events', CASE WHEN count(e) > " CppAsString2(RESUME_EVENTS) " THEN '[]' ELSE"
        " coalesce(jsonb_agg(e.event ORDER BY e.seal, e.index), '[]') END)"
        " FROM (SELECT seal, index, event FROM onefin.event"
        " WHERE seal >= $4 AND seal <= $2 AND (seal > $4 OR index > $5)"
        " AND (account_id = $6 OR $7 = 'admin' AND audience IN ('org', 'staff', 'admin')"
        " OR org_id = ANY ($8) AND (audience = 'org' OR audience = 'staff' AND $7 <> 'client'))"
        " ORDER BY seal, index LIMIT " CppAsString2(RESUME_EVENTS) " + 1) e",
        8,
        {INT8OID, INT8OID, JSONBOID, INT8OID, INT4OID, INT8OID, TEXTOID, INT8ARRAYOID}};
    MemoryContext context = CurrentMemoryContext;
    OfArgs args = {0};
    Datum json;

    of_arg_id(&args, actor->session);
    of_arg(&args, Int64GetDatum(position), false);
    of_arg(&args, of_account_json(actor->account, context), false);
    of_arg(&args, Int64GetDatum(after), false);
    of_arg(&args, Int32GetDatum(index), false);
    of_arg_id(&args, actor->account);
    of_arg_text(&args, of_role_name(actor->role));
    of_arg(&args, PointerGetDatum(of_my_orgs(actor)), false);
    of_spi_begin();
    of_run_as_owner(&read, &args, true);
    json = of_result_copy(0, 1, context);
    of_spi_end();
    return json;
}

static Datum reset_json(const OfActor *actor, int64 position) {
    static OfStatement build = {
        "SELECT jsonb_build_object('session', $1, 'seal', $2, 'account', $3, 'reset', true, 'events', '[]'::jsonb)",
        3,
        {INT8OID, INT8OID, JSONBOID}};
    MemoryContext context = CurrentMemoryContext;
    OfArgs args = {0};
    Datum json;

    of_arg_id(&args, actor->session);
    of_arg(&args, Int64GetDatum(position), false);
    of_arg(&args, of_account_json(actor->account, context), false);
    of_spi_begin();
    of_run_as_owner(&build, &args, true);
    json = of_result_copy(0, 1, context);
    of_spi_end();
    return json;
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

    if (after < 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a position is not negative"),
                        errhint("after is the seal of the last event or answer that you have.")));
    if (after > position || position - after > RESUME_SEALS)
        return reset_json(actor, position);
    return read_since(actor, after, index, position);
}
