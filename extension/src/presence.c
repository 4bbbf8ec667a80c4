/*
 * presence.c: what is told at once and kept nowhere: who types, who is there.
 *
 * These are the notifications beside the sealer's. They carry ids only, since every role may listen
 * on every channel, and never that of one who watches unseen. Who is told of an account is answered
 * here; who is there now is known by the gateways, which tell each other through presence_tell.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "identity.h"
#include "json.h"
#include "lib/stringinfo.h"
#include "notify.h"
#include "plan.h"
#include "shared.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* Ids in one notification: its payload is at most 8000 bytes, an id 20. */
#define IDS_PER_PAYLOAD 350

/* Of an account not more often than of_may_type says: more would tell nobody more. */
PG_FUNCTION_INFO_V1(onefin_api_typing);
Datum onefin_api_typing(PG_FUNCTION_ARGS) {
    int64 topic = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    int64 org = of_require_topic(topic);
    const OfActor *actor = of_require_actor();

    if (!of_is_ghost(actor) && of_may_type(actor->account))
        (void)of_notify("onefin_typing", psprintf("%lld %lld %lld", (long long)org,
                                                  (long long)topic, (long long)actor->account));
    PG_RETURN_JSONB_P(of_json_empty());
}

/* Tells that the accounts in SPI_tuptable came (+) or went (-), in as few payloads as may be. */
static void tell(const char *gateway, char sign) {
    SPITupleTable *rows = SPI_tuptable;
    uint64 n = SPI_processed;
    StringInfoData payload;

    initStringInfo(&payload);
    for (uint64 i = 0; i < n; i++) {
        bool isnull;

        if (payload.len == 0)
            appendStringInfo(&payload, "%s %c", gateway, sign);
        appendStringInfo(
            &payload, " %lld",
            (long long)DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull)));
        if ((i + 1) % IDS_PER_PAYLOAD == 0 || i + 1 == n) {
            (void)of_notify("onefin_presence", payload.data);
            resetStringInfo(&payload);
        }
    }
}

static void tell_those_seen(const char *gateway, char sign, Datum accounts) {
    static OfStatement seen = {"SELECT id FROM onefin.account WHERE id = ANY ($1)"
                               " AND role IN ('accountant', 'client') ORDER BY id",
                               1,
                               {INT8ARRAYOID}};
    OfArgs args = {0};

    of_arg(&args, accounts, false);
    of_run_as_owner(&seen, &args, false);
    tell(gateway, sign);
}

/*
 * onefin.presence_tell(gateway, came, went, ask): tells all gateways who came to one of them and
 * who went, and always that it is there; with ask, that the others are to tell all of theirs.
 */
PG_FUNCTION_INFO_V1(onefin_presence_tell);
Datum onefin_presence_tell(PG_FUNCTION_ARGS) {
    const char *gateway = text_to_cstring(PG_GETARG_TEXT_PP(0));

    if (strlen(gateway) == 0 || strlen(gateway) > 64 || strchr(gateway, ' '))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a gateway is named by a word of 64 bytes at most")));
    of_spi_begin();
    (void)of_notify("onefin_presence", psprintf("%s %c", gateway, PG_GETARG_BOOL(3) ? '?' : '.'));
    tell_those_seen(gateway, '+', PG_GETARG_DATUM(1));
    tell_those_seen(gateway, '-', PG_GETARG_DATUM(2));
    of_spi_end();
    PG_RETURN_VOID();
}

/* Who may know of whom, as pairs (account, viewer): staff of their companies' clients and of each
 * other; clients of the staff that serves them, where the firm wants that. Never of who watches. */
#define PAIRS                                                                                      \
    "SELECT DISTINCT x.account_id, v.account_id FROM onefin.org_access x"                          \
    " JOIN onefin.org_access v ON v.org_id = x.org_id AND v.account_id <> x.account_id"            \
    " WHERE x.role IN ('accountant', 'client') AND (v.role <> 'client'"                            \
    " OR x.role = 'accountant' AND onefin.setting_on('client_sees_presence'))"

/* onefin.presence_audience(accounts): who is told of each. For the gateway. */
PG_FUNCTION_INFO_V1(onefin_presence_audience);
Datum onefin_presence_audience(PG_FUNCTION_ARGS) {
    static OfStatement read = {PAIRS " AND x.account_id = ANY ($1)", 1, {INT8ARRAYOID}};
    OfArgs args = {0};

    InitMaterializedSRF(fcinfo, 0);
    of_arg(&args, PG_GETARG_DATUM(0), false);
    of_spi_begin();
    of_run_as_owner(&read, &args, true);
    of_return_rows(fcinfo);
    of_spi_end();
    return (Datum)0;
}

/* onefin_api.presence(org): whose presence the caller is told of. */
PG_FUNCTION_INFO_V1(onefin_api_presence);
Datum onefin_api_presence(PG_FUNCTION_ARGS) {
    static OfStatement read = {
        "SELECT coalesce(jsonb_agg(account ORDER BY account), '[]') FROM (" PAIRS
        " AND x.org_id = $1 AND v.account_id = $2) pair (account, viewer)",
        2,
        {INT8OID, INT8OID}};
    const OfActor *actor = of_require_actor();
    int64 org = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    JsonbParseState *json = NULL;
    OfArgs args = {0};

    of_require_org(org);
    of_arg_id(&args, org);
    of_arg_id(&args, actor->account);
    of_json_begin(&json);
    of_json_id(&json, "org", org);
    of_json_value(&json, "accounts", of_value(&read, &args, true, true));
    PG_RETURN_JSONB_P(of_json_end(&json));
}
