/*
 * journal_read.c: the calls that read the journal. Whoever looks is journaled, too: who looked for
 * what, and which entries it gave.
 *
 * The entry is written after the look, so that nobody finds it in the very answer that it is of.
 * It is told to nobody: a page that reads the journal anew on every event would feed itself.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"

enum { AFTER, LIMIT, KIND, ORG, SINCE, UNTIL, ACTOR, NFILTERS };

static void add_filters(JsonbParseState **json, FunctionCallInfo fcinfo) {
    static const char *const names[NFILTERS] = {
        [AFTER] = "after", [ORG] = "org",     [SINCE] = "since",
        [UNTIL] = "until", [ACTOR] = "actor", [KIND] = "kind"};

    for (int i = 0; i < NFILTERS; i++) {
        if (names[i] == NULL || PG_ARGISNULL(i))
            continue;
        if (i == KIND)
            of_json_string(json, names[i], text_to_cstring(PG_GETARG_TEXT_PP(i)));
        else if (i == SINCE || i == UNTIL)
            of_json_string(json, names[i],
                           JsonEncodeDateTime(palloc(MAXDATELEN + 1), PG_GETARG_DATUM(i),
                                              TIMESTAMPTZOID, NULL));
        else
            of_json_number(json, names[i], PG_GETARG_INT64(i));
    }
}

/* The row in SPI_tuptable is the answer, how many entries it has, and the ids of first and last. */
static void journal_the_look(FunctionCallInfo fcinfo) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    add_filters(&json, fcinfo);
    of_json_number(&json, "entries", of_result_id(0, 2));
    of_json_id(&json, "first", of_result_id(0, 3));
    of_json_id(&json, "last", of_result_id(0, 4));
    of_journal(&(OfEntry){.kind = "journal.read",
                          .audience = OF_TO_NONE,
                          .org = PG_ARGISNULL(ORG) ? 0 : PG_GETARG_INT64(ORG),
                          .detail = of_json_end(&json)});
}

/* onefin_api.journal(after, limit, kind, org, since, until, actor), under the caller's policies. */
PG_FUNCTION_INFO_V1(onefin_api_journal);
Datum onefin_api_journal(PG_FUNCTION_ARGS) {
    static OfStatement read = {
        "SELECT jsonb_build_object('seal', onefin.position(), 'entries',"
        " coalesce(jsonb_agg(jsonb_build_object('id', e.id, 'at', e.at, 'kind', e.kind,"
        " 'audience', e.audience, 'actor', e.actor_id, 'actor_name', a.name, 'org', e.org_id, "
        "'topic', e.topic_id,"
        " 'subject', e.subject_id, 'account', e.account_id, 'version', e.version,"
        " 'session', e.session_id, 'db_user', e.db_user, 'application', e.application,"
        " 'address', host(e.address), 'digest', encode(e.digest, 'hex'),"
        " 'record', encode(e.record, 'hex'), 'detail', e.detail) ORDER BY e.id), '[]')),"
        " count(e.id), min(e.id), max(e.id)"
        " FROM (SELECT j.* FROM onefin.journal j WHERE j.id > $1"
        " AND ($3 IS NULL OR j.kind = $3 OR $3 LIKE '%*' AND starts_with(j.kind, left($3, -1)))"
        " AND ($4 IS NULL OR j.org_id = $4) AND ($5 IS NULL OR j.at >= $5)"
        " AND ($6 IS NULL OR j.at < $6) AND ($7 IS NULL OR j.actor_id = $7)"
        " ORDER BY j.id LIMIT least(greatest($2, 1), 1000)) e"
        " LEFT JOIN onefin.account a ON a.id = e.actor_id",
        NFILTERS,
        {INT8OID, INT4OID, TEXTOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID}};
    MemoryContext context = CurrentMemoryContext;
    OfArgs args = {0};
    Datum answer;

    of_require_granted(fcinfo->flinfo->fn_oid);
    for (int i = 0; i < NFILTERS; i++)
        of_arg(&args, PG_GETARG_DATUM(i), PG_ARGISNULL(i));
    of_spi_begin();
    of_run(&read, &args, false);
    answer = of_result_copy(0, 1, context);
    journal_the_look(fcinfo);
    of_spi_end();
    return answer;
}

/* onefin_api.journal_verify(from, to): the verdict, which stands in the entry as well. */
PG_FUNCTION_INFO_V1(onefin_api_journal_verify);
Datum onefin_api_journal_verify(PG_FUNCTION_ARGS) {
    static OfStatement verify = {
        "SELECT onefin.journal_verify(coalesce($1, 1), $2)", 2, {INT8OID, INT8OID}};
    JsonbParseState *json = NULL;
    OfArgs args = {0};
    Datum verdict;
    Datum range;

    of_require_granted(fcinfo->flinfo->fn_oid);
    of_arg(&args, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
    of_arg(&args, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
    verdict = of_value(&verify, &args, false, true);
    of_json_begin(&json);
    of_json_number(&json, "from", PG_ARGISNULL(0) ? 1 : PG_GETARG_INT64(0));
    of_json_id(&json, "to", PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1));
    range = JsonbPGetDatum(of_json_end(&json));
    of_journal(
        &(OfEntry){.kind = "journal.verified",
                   .audience = OF_TO_NONE,
                   .detail = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, range, verdict))});
    return verdict;
}
