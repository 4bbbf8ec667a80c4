/*
 * session.c: sessions, from the token that names one to its end.
 *
 * A session counts while ended_at IS NULL and expires_at lies ahead: one comparison for a call.
 * expires_at is kept at the earlier of ends_at and the last call plus the idle time of the role's
 * policy, by touch() once a minute, and by a trigger when the policy changes. A session that has
 * expired is refused from then on; that it is over is written, and told to gateways, by the worker.
 */
#include "postgres.h"

#include "session.h"

#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "journal.h"
#include "json.h"
#include "plan.h"
#include "row.h"
#include "sha256.h"
#include "throttle.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "watch.h"

#define TOUCH_MS 60000 /* last_seen is kept to the minute */

/* Sessions that the worker ends at a time. */
#define SWEEP_ROWS "1000"

/* The ends of session s under policy p, when it was last used at the time given. */
#define ENDS_UNDER_POLICY(used)                                                                    \
    "ends_at = s.created_at + p.lifetime_minutes * interval '1 minute',"                           \
    " expires_at = least(s.created_at + p.lifetime_minutes * interval '1 minute', " used           \
    " + p.idle_minutes * interval '1 minute')"

/* Ends the sessions that a condition names, told in the order of their ids. */
#define ENDED(condition)                                                                           \
    "WITH ended AS (UPDATE onefin.session SET ended_at = now() " condition                         \
    " RETURNING id, account_id) SELECT id, account_id FROM ended ORDER BY id"

static const struct {
    const char *kind;
    const char *why;
} ends[] = {
    [OF_END_LOGOUT] = {"session.ended", "logout"},
    [OF_END_EXPIRED] = {"session.ended", "expired"},
    [OF_END_REVOKED] = {"session.revoked", "revoked"},
    [OF_END_EVICTED] = {"session.revoked", "evicted"},
    [OF_END_PASSWORD] = {"session.revoked", "password"},
    [OF_END_RIGHTS] = {"session.revoked", "rights"},
    [OF_END_DISABLED] = {"session.revoked", "disabled"},
};

Datum of_token_hash(text *token) {
    return PointerGetDatum(of_sha256(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token)));
}

/* Notes that a session is used. Where another call is noting it, or ending it, that one does it:
 * none waits for another, which may take long. */
static void touch(int64 session) {
    static OfStatement update = {
        "UPDATE onefin.session s SET last_seen = now(), " ENDS_UNDER_POLICY(
            "now()") " FROM onefin.account a JOIN onefin.session_policy_now p ON p.role = a.role"
                     " WHERE a.id = s.account_id AND s.id = (SELECT id FROM onefin.session"
                     " WHERE id = $1 AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED)",
        1,
        {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, session);
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    of_spi_end();
}

/* Finds the open session of a token, and who it is. False when there is none. */
bool of_session_find(text *token, OfActor *actor) {
    enum { ID, ACCOUNT, LAST_SEEN, EXPIRES_AT, ENDED_AT };
    static const char *const names[] = {"id", "account_id", "last_seen", "expires_at", "ended_at"};
    Datum hash = of_token_hash(token);
    TimestampTz now = GetCurrentTimestamp();
    TimestampTz last_seen = 0;
    OfFound session;
    OfRow row;

    if (of_find_begin(&session, "session", "session_token_hash_key", 1, &hash, &row, names,
                      lengthof(names)) &&
        of_row_null(&row, ENDED_AT) && DatumGetTimestampTz(of_row_get(&row, EXPIRES_AT)) > now) {
        actor->session = of_row_id(&row, ID);
        actor->account = of_row_id(&row, ACCOUNT);
        last_seen = DatumGetTimestampTz(of_row_get(&row, LAST_SEEN));
    }
    of_find_end(&session);
    if (actor->session == 0)
        return false;
    of_actor_is(actor, actor->account);
    if (actor->role == OF_NOBODY)
        return false;
    if (TimestampDifferenceExceeds(last_seen, now, TOUCH_MS))
        touch(actor->session);
    return true;
}

/* The account as JSON. */
Datum of_account_json(int64 account) {
    static OfStatement read = {"SELECT body FROM onefin.account_body WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, account);
    return of_value(&read, &args, true, true);
}

/* Journals the end of the sessions in SPI_tuptable, and ends their watches. */
static int tell_ended(OfEnd end) {
    SPITupleTable *rows = SPI_tuptable;
    uint64 n = SPI_processed;

    for (uint64 i = 0; i < n; i++) {
        bool isnull;
        int64 session = DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull));
        int64 account = DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull));

        of_watches_end(account, session);
        of_journal(&(OfEntry){.kind = ends[end].kind,
                              .audience = OF_TO_ACCOUNT,
                              .subject = session,
                              .account = account,
                              .detail = of_detail("why", ends[end].why)});
    }
    return (int)n;
}

/* Runs a statement made by ENDED. Returns how many sessions it ended. */
static int end_by(OfStatement *update, const OfArgs *args, OfEnd end) {
    int n;

    of_spi_begin();
    of_run_as_owner(update, args, false);
    n = tell_ended(end);
    of_spi_end();
    return n;
}

/* Ends a session. False when it was not open. */
bool of_session_end(int64 session, OfEnd end) {
    static OfStatement update = {ENDED("WHERE id = $1 AND ended_at IS NULL"), 1, {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, session);
    return end_by(&update, &args, end) == 1;
}

/* Ends all open sessions of an account but one (0: all). Returns how many. */
int of_sessions_end_all(int64 account, int64 but, OfEnd end) {
    static OfStatement update = {
        ENDED("WHERE account_id = $1 AND id <> $2 AND ended_at IS NULL"), 2, {INT8OID, INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, account);
    of_arg(&args, Int64GetDatum(but), false);
    return end_by(&update, &args, end);
}

/* Ends the n sessions of an account that were unused for longest. */
void of_sessions_evict(int64 account, int n) {
    static OfStatement update = {
        ENDED("WHERE ended_at IS NULL AND id IN (SELECT id FROM onefin.session"
              " WHERE account_id = $1 AND ended_at IS NULL AND expires_at > now()"
              " ORDER BY last_seen, id LIMIT $2)"),
        2,
        {INT8OID, INT4OID}};
    OfArgs args = {0};

    of_arg_id(&args, account);
    of_arg(&args, Int32GetDatum(n), false);
    end_by(&update, &args, OF_END_EVICTED);
}

/* What is locked is being used or ended by another; it is looked at the next time. */
int of_sessions_end_expired(void) {
    static OfStatement update = {ENDED("WHERE id IN (SELECT id FROM onefin.session"
                                       " WHERE ended_at IS NULL AND expires_at <= now()"
                                       " LIMIT " SWEEP_ROWS " FOR NO KEY UPDATE SKIP LOCKED)"),
                                 0,
                                 {0}};

    of_failures_forget();
    return end_by(&update, NULL, OF_END_EXPIRED);
}

PG_FUNCTION_INFO_V1(onefin_end_expired_sessions);
Datum onefin_end_expired_sessions(PG_FUNCTION_ARGS) {
    PG_RETURN_INT32(of_sessions_end_expired());
}

PG_FUNCTION_INFO_V1(onefin_api_logout);
Datum onefin_api_logout(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_require_actor();

    if (actor->session)
        of_session_end(actor->session, OF_END_LOGOUT);
    PG_RETURN_JSONB_P(of_json_empty());
}

/* One's own session, or for an admin anybody's. One answer for none and for not one's own. */
PG_FUNCTION_INFO_V1(onefin_api_revoke_session);
Datum onefin_api_revoke_session(PG_FUNCTION_ARGS) {
    static OfStatement find = {
        "SELECT FROM onefin.session WHERE id = $1 AND ended_at IS NULL", 1, {INT8OID}};
    int64 session = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    JsonbParseState *json = NULL;
    OfArgs args = {0};
    bool mine;

    of_require_actor();
    of_arg(&args, Int64GetDatum(session), false);
    of_spi_begin();
    mine = of_run(&find, &args, false) == 1; /* under the caller's row-level security */
    of_spi_end();
    if (!mine || !of_session_end(session, OF_END_REVOKED))
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no session %lld", (long long)session),
                 errhint("sessions lists yours.")));
    of_json_begin(&json);
    of_json_id(&json, "session", session);
    PG_RETURN_JSONB_P(of_json_end(&json));
}

/* Whose sessions are meant: 0 is the actor's own, another's are an admin's. One answer for an
 * account that does not exist and for one whose sessions are not the actor's business. */
static int64 session_owner(int64 account) {
    static OfStatement find = {"SELECT FROM onefin.account WHERE id = $1", 1, {INT8OID}};
    const OfActor *actor = of_require_actor();
    OfArgs args = {0};
    bool found;

    if (account == 0 || account == actor->account)
        return actor->account;
    of_arg_id(&args, account);
    of_spi_begin();
    found = actor->role == OF_ADMIN && of_run_as_owner(&find, &args, true) == 1;
    of_spi_end();
    if (!found)
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no account %lld", (long long)account),
                 errhint("Without an account it is about your own sessions.")));
    return account;
}

PG_FUNCTION_INFO_V1(onefin_session_owner);
Datum onefin_session_owner(PG_FUNCTION_ARGS) {
    PG_RETURN_INT64(session_owner(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0)));
}

PG_FUNCTION_INFO_V1(onefin_api_revoke_sessions);
Datum onefin_api_revoke_sessions(PG_FUNCTION_ARGS) {
    int64 account = session_owner(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0));
    JsonbParseState *json = NULL;
    int n = of_sessions_end_all(account, of_actor()->session, OF_END_REVOKED);

    of_json_begin(&json);
    of_json_id(&json, "account", account);
    of_json_number(&json, "ended", n);
    PG_RETURN_JSONB_P(of_json_end(&json));
}

/* A column of a row as text; NULL for NULL. */
static char *column(HeapTuple row, TupleDesc desc, const char *name) {
    return SPI_getvalue(row, desc, SPI_fnumber(desc, name));
}

static void apply_policy(HeapTuple policy, TupleDesc desc) {
    static OfStatement update = {
        "UPDATE onefin.session s SET " ENDS_UNDER_POLICY(
            "s.last_seen") " FROM onefin.account a JOIN onefin.session_policy_now p ON p.role = "
                           "a.role"
                           " WHERE a.role = $1 AND s.account_id = a.id AND s.ended_at IS NULL"
                           " AND s.expires_at > now()",
        1,
        {TEXTOID}};
    OfArgs args = {0};

    of_arg_text(&args, column(policy, desc, "role"));
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    of_spi_end();
}

/*
 * AFTER each change of a policy: the ends of the role's open sessions move to where they would be
 * had it always been so. A session that is then past its end is over at once; one that had expired
 * stays so. A login under way meanwhile may still follow the old policy, until its first touch().
 */
PG_FUNCTION_INFO_V1(onefin_session_policy_apply);
Datum onefin_session_policy_apply(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    TupleDesc desc;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.session_policy_apply is an AFTER trigger for each row")));
    desc = RelationGetDescr(trigger->tg_relation);
    apply_policy(trigger->tg_trigtuple, desc);
    if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
        apply_policy(trigger->tg_newtuple, desc);
    return PointerGetDatum(NULL);
}

/* Whether an UPDATE changed a column. */
static bool changed(const TriggerData *trigger, const char *name) {
    TupleDesc desc = RelationGetDescr(trigger->tg_relation);
    const char *before = column(trigger->tg_trigtuple, desc, name);
    const char *after = column(trigger->tg_newtuple, desc, name);

    return before && after ? strcmp(before, after) != 0 : before != after;
}

static OfEnd end_of_account(const TriggerData *trigger) {
    if (column(trigger->tg_newtuple, RelationGetDescr(trigger->tg_relation), "disabled_at"))
        return OF_END_DISABLED;
    if (changed(trigger, "role") || changed(trigger, "org_id") || changed(trigger, "department_id"))
        return OF_END_RIGHTS;
    return OF_END_PASSWORD;
}

/*
 * AFTER UPDATE, when the rights or the password of the account changed (25_session.sql says which).
 * The session that made the change stays, unless the account is out or has another role: what a
 * connection is told was settled when it logged in.
 */
PG_FUNCTION_INFO_V1(onefin_account_end_sessions);
Datum onefin_account_end_sessions(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    int64 account;
    OfEnd end;
    bool all;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.account_end_sessions is an UPDATE trigger for each row")));
    account = strtoll(column(trigger->tg_newtuple, RelationGetDescr(trigger->tg_relation), "id"),
                      NULL, 10);
    end = end_of_account(trigger);
    all = end == OF_END_DISABLED || changed(trigger, "role");
    if (changed(trigger, "password_hash"))
        of_journal(&(OfEntry){.kind = "account.password_changed",
                              .audience = OF_TO_ADMIN,
                              .subject = account,
                              .account = account});
    of_sessions_end_all(account, all ? 0 : of_actor()->session, end);
    return PointerGetDatum(NULL);
}
