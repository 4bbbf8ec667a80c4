/*
 * watch.c: supervisors and admins watch topics unseen.
 *
 * A watch changes nothing in what is delivered: who may see a company is told its events anyway.
 * It is the record that somebody looked, told to admins and to nobody else.
 */
#include "postgres.h"

#include "watch.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* Ends the watches of an account's session: of one topic, or of all (0). */
void of_watches_end(int64 account, int64 session, int64 topic) {
    static OfStatement update = {
        "UPDATE onefin.watch SET ended_at = now() WHERE account_id = $1"
        " AND session_id IS NOT DISTINCT FROM $2 AND ($3 IS NULL OR topic_id = $3)"
        " AND ended_at IS NULL RETURNING id, org_id, topic_id",
        3,
        {INT8OID, INT8OID, INT8OID}};
    OfArgs args = {0};
    SPITupleTable *rows;
    uint64 n;

    of_arg_id(&args, account);
    of_arg_id(&args, session);
    of_arg_id(&args, topic);
    of_spi_begin();
    n = of_run_as_owner(&update, &args, false);
    rows = SPI_tuptable;
    for (uint64 i = 0; i < n; i++) {
        int64 ids[3];
        bool isnull;

        for (int column = 0; column < 3; column++)
            ids[column] =
                DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, column + 1, &isnull));
        of_journal(&(OfEntry){.kind = "ghost.ended",
                              .audience = OF_TO_ADMIN,
                              .org = ids[1],
                              .topic = ids[2],
                              .subject = ids[0]});
    }
    of_spi_end();
}

PG_FUNCTION_INFO_V1(onefin_api_watch);
Datum onefin_api_watch(PG_FUNCTION_ARGS) {
    static OfStatement insert = {
        "INSERT INTO onefin.watch (account_id, session_id, org_id, topic_id)"
        " SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM onefin.watch WHERE account_id = $1"
        " AND session_id IS NOT DISTINCT FROM $2 AND topic_id = $4 AND ended_at IS NULL) RETURNING "
        "id",
        4,
        {INT8OID, INT8OID, INT8OID, INT8OID}};
    const OfActor *actor = of_require_actor();
    int64 topic = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    JsonbParseState *json = NULL;
    OfArgs args = {0};
    int64 org;

    of_require_granted(fcinfo->flinfo->fn_oid);
    org = of_require_topic(topic);
    of_arg_id(&args, actor->account);
    of_arg_id(&args, actor->session);
    of_arg_id(&args, org);
    of_arg_id(&args, topic);
    of_spi_begin();
    if (of_run_as_owner(&insert, &args, false) == 1)
        of_journal(&(OfEntry){.kind = "ghost.started",
                              .audience = OF_TO_ADMIN,
                              .org = org,
                              .topic = topic,
                              .subject = of_result_id(0, 1)});
    of_spi_end();
    of_json_begin(&json);
    of_json_id(&json, "topic", topic);
    PG_RETURN_JSONB_P(of_json_end(&json));
}

PG_FUNCTION_INFO_V1(onefin_api_unwatch);
Datum onefin_api_unwatch(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_require_actor();

    of_require_granted(fcinfo->flinfo->fn_oid);
    of_watches_end(actor->account, actor->session, PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0));
    PG_RETURN_JSONB_P(of_json_empty());
}
