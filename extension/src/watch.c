/*
 * watch.c: supervisors and admins watch unseen: a topic, a company, or a department.
 *
 * A watch changes nothing in what is delivered: who may see a company is told its events anyway.
 * It is the record that somebody looked, from when to when, told to admins and to nobody else.
 *
 * A watch of a gateway's client belongs to one connection, which the gateway names and says again
 * and again to be there; the sealer ends those of which nothing was heard for a while (their
 * gateway died), and those of people who used SQL and are gone.
 */
#include "postgres.h"

#include "watch.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "miscadmin.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* Gateways tell of a connection every 10 s. */
#define LOST_AFTER "interval '30 s'"

/* What every statement that ends watches returns. */
#define ENDED    "UPDATE onefin.watch w SET ended_at = clock_timestamp() WHERE w.ended_at IS NULL AND "
#define RETURNED " RETURNING w.id, w.org_id, w.topic_id, w.department_id, w.account_id"

/* What is watched: one of the three, with the topic its company. */
typedef struct Target {
    int64 topic;
    int64 org;
    int64 department;
} Target;

/* Whose watch it was is said where it was ended by nobody. */
static Jsonb *detail(int64 department, const char *why, int64 account) {
    JsonbParseState *json = NULL;

    if (department == 0 && why == NULL)
        return NULL;
    of_json_begin(&json);
    if (department)
        of_json_id(&json, "department", department);
    if (why) {
        of_json_string(&json, "why", why);
        of_json_id(&json, "account", account);
    }
    return of_json_end(&json);
}

/* Journals the end of the watches in SPI_tuptable. */
static void tell_ended(const char *why) {
    SPITupleTable *rows = SPI_tuptable;
    uint64 n = SPI_processed;

    for (uint64 i = 0; i < n; i++) {
        enum { ID, ORG, TOPIC, DEPARTMENT, ACCOUNT, COLUMNS };
        int64 ids[COLUMNS];

        for (int column = 0; column < COLUMNS; column++) {
            bool isnull;
            Datum value = SPI_getbinval(rows->vals[i], rows->tupdesc, column + 1, &isnull);

            ids[column] = isnull ? 0 : DatumGetInt64(value);
        }
        of_journal(&(OfEntry){.kind = "ghost.ended",
                              .audience = OF_TO_ADMIN,
                              .org = ids[ORG],
                              .topic = ids[TOPIC],
                              .subject = ids[ID],
                              .detail = detail(ids[DEPARTMENT], why, ids[ACCOUNT])});
    }
}

static void end_by(OfStatement *update, const OfArgs *args, const char *why) {
    of_spi_begin();
    of_run_as_owner(update, args, false);
    tell_ended(why);
    of_spi_end();
}

/* Ends all watches of an account's session, which has ended. */
void of_watches_end(int64 account, int64 session) {
    static OfStatement update = {
        ENDED "w.account_id = $1 AND w.session_id = $2" RETURNED, 2, {INT8OID, INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, account);
    of_arg_id(&args, session);
    end_by(&update, &args, NULL);
}

/* Ends what nobody looks through any more; for the sealer. */
void of_watches_end_lost(void) {
    static OfStatement lost = {
        ENDED "(w.connection IS NOT NULL AND w.kept_at < clock_timestamp() - " LOST_AFTER
              " OR w.session_id IS NULL"
              " AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = w.backend))" RETURNED,
        0,
        {0}};

    end_by(&lost, NULL, "connection lost");
}

/* What is named in a call. False unless it is one of the three. */
static bool read_target(FunctionCallInfo fcinfo, Target *target) {
    *target =
        (Target){PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1),
                 PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2)};
    return !PG_ARGISNULL(0) + !PG_ARGISNULL(1) + !PG_ARGISNULL(2) == 1;
}

/* An error when there is no such department, or it is none of the caller's. */
static void require_department(int64 department) {
    static OfStatement find = {"SELECT FROM onefin.department WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg(&args, Int64GetDatum(department), false);
    of_spi_begin();
    if (of_run(&find, &args, false) == 0) /* under the caller's row-level security */
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
                        errmsg("no department %lld", (long long)department),
                        errhint("departments lists those that you may see.")));
    of_spi_end();
}

/* Raises what may not be watched, and finds the company of a topic. */
static void require_target(Target *target) {
    if (target->department)
        require_department(target->department);
    else if (target->org)
        of_require_org(target->org);
    else
        target->org = of_require_topic(target->topic);
}

static void arg_watcher(FunctionCallInfo fcinfo, OfArgs *args, const OfActor *actor) {
    of_arg_id(args, actor->account);
    of_arg_id(args, actor->session);
    of_arg(args, PG_GETARG_DATUM(3), PG_ARGISNULL(3));
    of_arg(args, Int32GetDatum(MyProcPid), actor->session != 0);
}

#define WATCHER_TYPES INT8OID, INT8OID, UUIDOID, INT4OID
#define OF_WATCHER                                                                                 \
    "w.account_id = $1 AND w.session_id IS NOT DISTINCT FROM $2"                                   \
    " AND w.connection IS NOT DISTINCT FROM $3 AND w.backend IS NOT DISTINCT FROM $4"

/* onefin_api.watch(topic, org, department, connection): one of the first three. */
PG_FUNCTION_INFO_V1(onefin_api_watch);
Datum onefin_api_watch(PG_FUNCTION_ARGS) {
    static OfStatement insert = {
        "INSERT INTO onefin.watch (account_id, session_id, connection, backend, org_id, topic_id,"
        " department_id) SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS"
        " (SELECT FROM onefin.watch w WHERE " OF_WATCHER " AND w.org_id IS NOT DISTINCT FROM $5"
        " AND w.topic_id IS NOT DISTINCT FROM $6 AND w.department_id IS NOT DISTINCT FROM $7"
        " AND w.ended_at IS NULL) RETURNING id",
        7,
        {WATCHER_TYPES, INT8OID, INT8OID, INT8OID}};
    JsonbParseState *json = NULL;
    OfArgs args = {0};
    Target target;

    of_require_granted(fcinfo->flinfo->fn_oid);
    if (!read_target(fcinfo, &target))
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("watch needs a topic, an org or a department, and one of them only")));
    require_target(&target);
    arg_watcher(fcinfo, &args, of_require_actor());
    of_arg_id(&args, target.org);
    of_arg_id(&args, target.topic);
    of_arg_id(&args, target.department);
    of_spi_begin();
    if (of_run_as_owner(&insert, &args, false) == 1)
        of_journal(&(OfEntry){.kind = "ghost.started",
                              .audience = OF_TO_ADMIN,
                              .org = target.org,
                              .topic = target.topic,
                              .subject = of_result_id(0, 1),
                              .detail = detail(target.department, NULL, 0)});
    of_spi_end();
    of_json_begin(&json);
    of_json_id(&json, "topic", target.topic);
    of_json_id(&json, "org", target.org);
    of_json_id(&json, "department", target.department);
    PG_RETURN_JSONB_P(of_json_end(&json));
}

/* onefin_api.unwatch(topic, org, department, connection): what is named, or all. */
PG_FUNCTION_INFO_V1(onefin_api_unwatch);
Datum onefin_api_unwatch(PG_FUNCTION_ARGS) {
    static OfStatement update = {
        ENDED OF_WATCHER
        " AND ($5 IS NULL OR w.topic_id = $5) AND ($6 IS NULL OR w.org_id = $6"
        " AND w.topic_id IS NULL) AND ($7 IS NULL OR w.department_id = $7)" RETURNED,
        7,
        {WATCHER_TYPES, INT8OID, INT8OID, INT8OID}};
    OfArgs args = {0};
    Target target;

    of_require_granted(fcinfo->flinfo->fn_oid);
    (void)read_target(fcinfo, &target);
    arg_watcher(fcinfo, &args, of_require_actor());
    of_arg_id(&args, target.topic);
    of_arg_id(&args, target.org);
    of_arg_id(&args, target.department);
    end_by(&update, &args, NULL);
    PG_RETURN_JSONB_P(of_json_empty());
}

/* onefin.watches_keep(connections): these are there. For the gateway. */
PG_FUNCTION_INFO_V1(onefin_watches_keep);
Datum onefin_watches_keep(PG_FUNCTION_ARGS) {
    static OfStatement update = {"UPDATE onefin.watch SET kept_at = clock_timestamp()"
                                 " WHERE connection = ANY ($1) AND ended_at IS NULL",
                                 1,
                                 {UUIDARRAYOID}};
    OfArgs args = {0};

    of_arg(&args, PG_GETARG_DATUM(0), false);
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    of_spi_end();
    PG_RETURN_VOID();
}

/* onefin.watches_end(connection): it is gone. For the gateway. */
PG_FUNCTION_INFO_V1(onefin_watches_end);
Datum onefin_watches_end(PG_FUNCTION_ARGS) {
    static OfStatement update = {ENDED "w.connection = $1" RETURNED, 1, {UUIDOID}};
    OfArgs args = {0};

    of_arg(&args, PG_GETARG_DATUM(0), false);
    end_by(&update, &args, "connection closed");
    PG_RETURN_VOID();
}
