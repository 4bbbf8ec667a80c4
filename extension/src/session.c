/*
 * session.c: logging in, and the sessions that come of it.
 *
 * A token is 32 random bytes in hexadecimal. It is told once, in the answer of login; kept is its
 * SHA-256. Passwords are argon2id by libsodium. Neither stands in an error message.
 */
#include "postgres.h"

#include "session.h"

#include "call.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "errors.h"
#include "executor/spi.h"
#include "follow.h"
#include "fmgr.h"
#include "journal.h"
#include "json.h"
#include "miscadmin.h"
#include "plan.h"
#include "row.h"
#include "sha256.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "watch.h"

#include <sodium.h>

#define TOKEN_BYTES  32
#define TOUCH_MS     60000 /* last_seen is kept to the minute */
#define PASSWORD_MIN 8
#define PASSWORD_MAX 1024

static Datum token_hash(text *token) {
    return PointerGetDatum(of_sha256(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token)));
}

static void touch(int64 session) {
    static OfStatement update = {
        "UPDATE onefin.session SET last_seen = now() WHERE id = $1", 1, {INT8OID}};
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
    Datum hash = token_hash(token);
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

/* Journals the end of the sessions in SPI_tuptable (id, account), and ends their watches. */
static int tell_ended(const char *kind) {
    SPITupleTable *rows = SPI_tuptable;
    uint64 n = SPI_processed;

    for (uint64 i = 0; i < n; i++) {
        bool isnull;
        int64 session = DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull));
        int64 account = DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull));

        of_watches_end(account, session, 0);
        of_journal(&(OfEntry){
            .kind = kind, .audience = OF_TO_ACCOUNT, .subject = session, .account = account});
    }
    return (int)n;
}

/* Ends a session. False when it was not open. kind: session.ended or session.revoked. */
bool of_session_end(int64 session, const char *kind) {
    static OfStatement update = {"UPDATE onefin.session SET ended_at = now()"
                                 " WHERE id = $1 AND ended_at IS NULL RETURNING id, account_id",
                                 1,
                                 {INT8OID}};
    OfArgs args = {0};
    int n;

    of_arg_id(&args, session);
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    n = tell_ended(kind);
    of_spi_end();
    return n == 1;
}

/* Ends all open sessions of an account but one (0: all). Returns how many. */
int of_sessions_end_all(int64 account, int64 but, const char *kind) {
    static OfStatement update = {
        "UPDATE onefin.session SET ended_at = now()"
        " WHERE account_id = $1 AND id <> $2 AND ended_at IS NULL RETURNING id, account_id",
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};
    int n;

    of_arg_id(&args, account);
    of_arg(&args, Int64GetDatum(but), false);
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    n = tell_ended(kind);
    of_spi_end();
    return n;
}

/* The account as JSON. */
Datum of_account_json(int64 account) {
    static OfStatement read = {"SELECT body FROM onefin.account_body WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, account);
    return of_value(&read, &args, true, true);
}

/* Compares with a hash of nothing when there is no account, so that both take as long. */
static bool password_fits(const char *hash, text *password) {
    static const char nobody[crypto_pwhash_STRBYTES] =
        "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    return crypto_pwhash_str_verify(hash ? hash : nobody, VARDATA_ANY(password),
                                    VARSIZE_ANY_EXHDR(password)) == 0 &&
           hash != NULL;
}

/* The active account of a login, with this password or 0; *named is the login's account in any
 * case. */
static int64 authenticate(text *login, text *password, int64 *named) {
    static OfStatement find = {"SELECT id, password_hash FROM onefin.account"
                               " WHERE lower(login) = lower($1) AND disabled_at IS NULL",
                               1,
                               {TEXTOID}};
    OfArgs args = {0};
    char *hash = NULL;
    bool fits;

    *named = 0;
    of_arg(&args, PointerGetDatum(login), false);
    of_spi_begin();
    if (of_run_as_owner(&find, &args, false) == 1) {
        *named = of_result_id(0, 1);
        hash = of_result_text(0, 2);
    }
    fits = password_fits(hash, password);
    of_spi_end();
    return fits ? *named : 0;
}

static int64 open_session(int64 account, text *token, Datum device, Datum address) {
    static OfStatement insert = {
        "INSERT INTO onefin.session (account_id, token_hash, device, address, expires_at)"
        " SELECT $1, $2, $3, $4, now() + interval '1 day' * (s.value #>> '{}')::numeric::integer"
        " FROM onefin.setting_now s WHERE s.name = 'session_days' RETURNING id",
        4,
        {INT8OID, BYTEAOID, TEXTOID, INETOID}};
    OfArgs args = {0};
    int64 session;

    of_arg_id(&args, account);
    of_arg(&args, token_hash(token), false);
    of_arg(&args, device, device == (Datum)0);
    of_arg(&args, address, address == (Datum)0);
    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    session = of_result_id(0, 1);
    of_spi_end();
    return session;
}

static text *new_token(void) {
    unsigned char bytes[TOKEN_BYTES];
    char hex[2 * TOKEN_BYTES + 1];

    randombytes_buf(bytes, sizeof(bytes));
    sodium_bin2hex(hex, sizeof(hex), bytes, sizeof(bytes));
    return cstring_to_text(hex);
}

static Datum login_json(text *token, int64 session, int64 account) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    of_json_string(&json, "token", text_to_cstring(token));
    of_json_id(&json, "session", session);
    of_json_number(&json, "seal", of_position());
    of_json_value(&json, "account", of_account_json(account));
    return JsonbPGetDatum(of_json_end(&json));
}

/*
 * onefin.login(login, password, device, address). Result: token, session, seal, account; the
 * position is taken before the session's own entry is sealed. Error 28P01 for all that is wrong
 * with login and password alike.
 */
PG_FUNCTION_INFO_V1(onefin_login);
Datum onefin_login(PG_FUNCTION_ARGS) {
    Datum device = PG_ARGISNULL(2) ? (Datum)0 : PG_GETARG_DATUM(2);
    Datum address = PG_ARGISNULL(3) ? (Datum)0 : PG_GETARG_DATUM(3);
    OfActor *actor = palloc0(sizeof(OfActor));
    OfActor *before;
    int64 named;
    text *token;

    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        PG_RETURN_JSONB_P(of_call_error(ERRCODE_INVALID_PARAMETER_VALUE,
                                        "login and password are needed", "Both are strings.",
                                        NULL));
    actor->account = authenticate(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1), &named);
    if (actor->account == 0) {
        of_journal(&(OfEntry){.kind = "session.refused", .audience = OF_TO_NONE, .account = named});
        PG_RETURN_JSONB_P(of_call_error(ERRCODE_INVALID_PASSWORD, "login or password is wrong",
                                        "Check both; your admin can set a new password.", NULL));
    }
    token = new_token();
    actor->session = open_session(actor->account, token, device, address);
    actor->address = address;
    before = of_set_call_actor(actor);
    PG_TRY();
    {
        of_journal(&(OfEntry){.kind = "session.started",
                              .audience = OF_TO_ACCOUNT,
                              .subject = actor->session,
                              .account = actor->account});
    }
    PG_FINALLY();
    { of_set_call_actor(before); }
    PG_END_TRY();
    PG_RETURN_JSONB_P(of_call_result(login_json(token, actor->session, actor->account)));
}

PG_FUNCTION_INFO_V1(onefin_api_logout);
Datum onefin_api_logout(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_require_actor();

    if (actor->session)
        of_session_end(actor->session, "session.ended");
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
    if (!mine || !of_session_end(session, "session.revoked"))
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no session %lld", (long long)session),
                 errhint("sessions lists yours.")));
    of_json_begin(&json);
    of_json_id(&json, "session", session);
    PG_RETURN_JSONB_P(of_json_end(&json));
}

static char *hash_password(text *password) {
    char *hash = palloc(crypto_pwhash_STRBYTES);
    size_t length = VARSIZE_ANY_EXHDR(password);

    if (length < PASSWORD_MIN || length > PASSWORD_MAX)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a password has %d to %d bytes", PASSWORD_MIN, PASSWORD_MAX),
                        errhint("Choose a longer one: three or four words will do.")));
    if (crypto_pwhash_str(hash, VARDATA_ANY(password), length, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                        errdetail("Hashing a password takes 64 MiB.")));
    return hash;
}

PG_FUNCTION_INFO_V1(onefin_password_hash);
Datum onefin_password_hash(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(hash_password(PG_GETARG_TEXT_PP(0))));
}

PG_FUNCTION_INFO_V1(onefin_create_admin);
Datum onefin_create_admin(PG_FUNCTION_ARGS) {
    static OfStatement insert = {"INSERT INTO onefin.account (login, password_hash, name, role)"
                                 " VALUES ($1, $2, $3, 'admin') RETURNING id",
                                 3,
                                 {TEXTOID, TEXTOID, TEXTOID}};
    OfArgs args = {0};
    int64 account;

    if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("login, password and name are needed")));
    of_arg(&args, PG_GETARG_DATUM(0), false);
    of_arg_text(&args, hash_password(PG_GETARG_TEXT_PP(1)));
    of_arg(&args, PG_GETARG_DATUM(2), false);
    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    account = of_result_id(0, 1);
    of_spi_end();
    PG_RETURN_INT64(account);
}

/* AFTER UPDATE, when the rights or the password of the account changed (50_journal.sql says which).
 */
PG_FUNCTION_INFO_V1(onefin_account_end_sessions);
Datum onefin_account_end_sessions(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    TupleDesc desc;
    bool isnull;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.account_end_sessions is an UPDATE trigger for each row")));
    desc = RelationGetDescr(trigger->tg_relation);
    of_sessions_end_all(
        DatumGetInt64(SPI_getbinval(trigger->tg_newtuple, desc, SPI_fnumber(desc, "id"), &isnull)),
        of_actor()->session, "session.revoked");
    return PointerGetDatum(NULL);
}
