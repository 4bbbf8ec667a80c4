/*
 * login.c: onefin.login, from a login and password to a session and its token.
 *
 * In order: is it too early for another try (throttle.c); does the password fit (password.c); is
 * there room for a session under the role's policy. A token is 32 random bytes in hexadecimal. It
 * is told once, in the answer; kept is its SHA-256.
 *
 * The account's row is locked from the moment that the password was found right: of two logins at
 * the limit the second counts the first's session, and a login with the old password does not
 * outlive a change of it. Both need that each statement sees what was committed before it, hence
 * READ COMMITTED, which 10_roles.sql sets for the gateway's role.
 */
#include "postgres.h"

#include "call.h"
#include "catalog/pg_type_d.h"
#include "errors.h"
#include "fmgr.h"
#include "follow.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "mb/pg_wchar.h"
#include "password.h"
#include "plan.h"
#include "session.h"
#include "throttle.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include <sodium.h>

#define TOKEN_BYTES 32
#define DEVICE_MAX  200 /* characters */

/* What came with the call; a device or address that is not known is 0. */
typedef struct Given {
    text *login;
    text *password;
    Datum device;
    Datum address;
} Given;

/* Whose the login is; id is 0 when nobody's. */
typedef struct Named {
    int64 id;
    char *role;
    char *hash;
    bool disabled;
} Named;

typedef struct Policy {
    int max;
    bool evicts;
    int open; /* sessions that the account has */
} Policy;

/* Control characters: C0, DEL, and C1 as UTF-8 writes them. */
static bool has_controls(const char *text, int length) {
    for (int i = 0; i < length; i++) {
        unsigned char c = text[i];

        if (c < 0x20 || c == 0x7f)
            return true;
        if (c == 0xc2 && i + 1 < length && (unsigned char)text[i + 1] < 0xa0)
            return true;
    }
    return false;
}

/* A device's name is shown in lists: it is refused, not mended, when it does not fit there. */
static Jsonb *refuse_device(Datum device) {
    text *name = DatumGetTextPP(device);
    int length = VARSIZE_ANY_EXHDR(name);

    if (pg_mbstrlen_with_len(VARDATA_ANY(name), length) > DEVICE_MAX)
        return of_call_error(ERRCODE_STRING_DATA_RIGHT_TRUNCATION,
                             "the name of the device is too long", "It has 200 characters at most.",
                             NULL);
    if (has_controls(VARDATA_ANY(name), length))
        return of_call_error(ERRCODE_INVALID_PARAMETER_VALUE,
                             "the name of the device has control characters",
                             "Name it in one line of plain text.", NULL);
    return NULL;
}

static void find_named(text *login, Named *named) {
    static OfStatement find = {"SELECT id, role, password_hash, disabled_at IS NOT NULL"
                               " FROM onefin.account WHERE lower(login) = lower($1)",
                               1,
                               {TEXTOID}};
    OfArgs args = {0};
    bool isnull;

    *named = (Named){0};
    of_arg(&args, PointerGetDatum(login), false);
    if (of_run_as_owner(&find, &args, false) == 0)
        return;
    named->id = of_result_id(0, 1);
    named->role = of_result_text(0, 2);
    named->hash = of_result_text(0, 3);
    named->disabled = DatumGetBool(of_result(0, 4, &isnull));
}

/* Locks the account. False when it is not any more what its password was compared with. */
static bool hold_account(const Named *named) {
    static OfStatement lock = {
        "SELECT FROM onefin.account WHERE id = $1 AND role = $2 AND password_hash = $3"
        " AND disabled_at IS NULL FOR NO KEY UPDATE",
        3,
        {INT8OID, TEXTOID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, named->id);
    of_arg_text(&args, named->role);
    of_arg_text(&args, named->hash);
    return of_run_as_owner(&lock, &args, false) == 1;
}

/* Takes as long for nobody, and for a disabled account, as for any other. */
static bool authenticate(text *password, const Named *named) {
    return of_password_fits(named->hash, password) && hold_account(named);
}

static void journal_refusal(const Named *named, const char *why) {
    of_journal(&(OfEntry){.kind = "session.refused",
                          .audience = OF_TO_NONE,
                          .account = named->id,
                          .detail = of_detail("why", why)});
}

static void read_policy(const Named *named, Policy *policy) {
    static OfStatement read = {
        "SELECT p.max_sessions, p.when_full = 'evict', (SELECT count(*)::integer"
        " FROM onefin.session WHERE account_id = $1 AND ended_at IS NULL AND expires_at > now())"
        " FROM onefin.session_policy_now p WHERE p.role = $2",
        2,
        {INT8OID, TEXTOID}};
    OfArgs args = {0};
    bool isnull;

    of_arg_id(&args, named->id);
    of_arg_text(&args, named->role);
    of_run_as_owner(&read, &args, false);
    policy->max = DatumGetInt32(of_result(0, 1, &isnull));
    policy->evicts = DatumGetBool(of_result(0, 2, &isnull));
    policy->open = DatumGetInt32(of_result(0, 3, &isnull));
}

/* The password was right: who is refused may know the devices that are logged in. */
static Jsonb *refuse_full(const Named *named, const Policy *policy) {
    static OfStatement oldest = {
        "SELECT format('End one on another device, or let an admin do it. The one unused for"
        " longest: session %s, \"%s\" at %s, last used %s.', id, coalesce(device, ''),"
        " coalesce(host(address), 'an unknown address'),"
        " to_char(last_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI \"UTC\"'))"
        " FROM onefin.session WHERE account_id = $1 AND ended_at IS NULL AND expires_at > now()"
        " ORDER BY last_seen, id LIMIT 1",
        1,
        {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, named->id);
    journal_refusal(named, "full");
    of_run_as_owner(&oldest, &args, false);
    return of_call_error(
        ERRCODE_ONEFIN_TOO_MANY_SESSIONS,
        psprintf("%d sessions are open, which is the most that there may be", policy->open),
        of_result_text(0, 1), NULL);
}

/* Whether the account never had a session of this device's name at this address. */
static bool is_new_device(const Named *named, const Given *given) {
    static OfStatement find = {"SELECT FROM onefin.session WHERE account_id = $1"
                               " AND address IS NOT DISTINCT FROM $2"
                               " AND device IS NOT DISTINCT FROM $3 LIMIT 1",
                               3,
                               {INT8OID, INETOID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, named->id);
    of_arg(&args, given->address, given->address == (Datum)0);
    of_arg(&args, given->device, given->device == (Datum)0);
    return of_run_as_owner(&find, &args, false) == 0;
}

static int64 insert_session(const Named *named, const Given *given, text *token) {
    static OfStatement insert = {
        "INSERT INTO onefin.session (account_id, token_hash, device, address, ends_at, expires_at)"
        " SELECT $1, $2, $3, $4, now() + p.lifetime_minutes * interval '1 minute',"
        " now() + least(p.lifetime_minutes, p.idle_minutes) * interval '1 minute'"
        " FROM onefin.session_policy_now p WHERE p.role = $5 RETURNING id",
        5,
        {INT8OID, BYTEAOID, TEXTOID, INETOID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, named->id);
    of_arg(&args, of_token_hash(token), false);
    of_arg(&args, given->device, given->device == (Datum)0);
    of_arg(&args, given->address, given->address == (Datum)0);
    of_arg_text(&args, named->role);
    of_run_as_owner(&insert, &args, false);
    return of_result_id(0, 1);
}

/* Told to the account: this is how its other sessions hear of a new device. */
static Jsonb *device_detail(const Given *given, bool is_new) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    of_json_string(&json, "device", given->device ? TextDatumGetCString(given->device) : NULL);
    of_json_string(&json, "address",
                   given->address
                       ? TextDatumGetCString(DirectFunctionCall1(network_host, given->address))
                       : NULL);
    of_json_bool(&json, "new_device", is_new);
    return of_json_end(&json);
}

static text *new_token(void) {
    unsigned char bytes[TOKEN_BYTES];
    char hex[2 * TOKEN_BYTES + 1];

    randombytes_buf(bytes, sizeof(bytes));
    sodium_bin2hex(hex, sizeof(hex), bytes, sizeof(bytes));
    return cstring_to_text(hex);
}

static Datum login_json(text *token, const OfActor *actor) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    of_json_string(&json, "token", text_to_cstring(token));
    of_json_id(&json, "session", actor->session);
    of_json_number(&json, "seal", of_position());
    of_json_value(&json, "account", of_account_json(actor->account));
    return JsonbPGetDatum(of_json_end(&json));
}

/* Makes a session of an account that is held. From here on the actor is who logs in. */
static Jsonb *open_session(OfActor *actor, const Named *named, const Given *given) {
    text *token = new_token();
    bool is_new = is_new_device(named, given);
    Policy policy;

    actor->account = named->id;
    read_policy(named, &policy);
    if (policy.open >= policy.max && !policy.evicts)
        return refuse_full(named, &policy);
    if (policy.open >= policy.max)
        of_sessions_evict(named->id, policy.open - policy.max + 1);
    actor->session = insert_session(named, given, token);
    of_journal(&(OfEntry){.kind = "session.started",
                          .audience = OF_TO_ACCOUNT,
                          .subject = actor->session,
                          .account = actor->account,
                          .detail = device_detail(given, is_new)});
    return of_call_result(login_json(token, actor));
}

/* One answer for all that is wrong with login and password; the journal knows more. */
static Jsonb *log_in(OfActor *actor, const Given *given) {
    OfAttempt attempt;
    Named named;
    int wait = of_attempt_begin(&attempt, given->login, given->address);

    if (wait > 0)
        return of_call_error_wait(ERRCODE_PROGRAM_LIMIT_EXCEEDED, OF_THROTTLED_MESSAGE,
                                  of_throttled_hint(wait), wait);
    find_named(given->login, &named);
    if (!authenticate(given->password, &named)) {
        of_attempt_failed(&attempt, named.id);
        journal_refusal(&named, named.id == 0    ? "unknown"
                                : named.disabled ? "disabled"
                                                 : "password");
        return of_call_error(ERRCODE_INVALID_PASSWORD, "login or password is wrong",
                             "Check both; your admin can set a new password.", NULL);
    }
    of_attempt_succeeded(&attempt);
    return open_session(actor, &named, given);
}

/* Logs in, with the device's address in what is journaled. */
static Jsonb *log_in_from(const Given *given) {
    MemoryContext context = CurrentMemoryContext;
    OfActor *actor = palloc0(sizeof(OfActor));
    OfActor *before;
    Jsonb *volatile answer = NULL;

    actor->address = given->address;
    before = of_set_call_actor(actor);
    PG_TRY();
    {
        of_spi_begin();
        answer = log_in(actor, given);
        answer = memcpy(MemoryContextAlloc(context, VARSIZE(answer)), answer, VARSIZE(answer));
        of_spi_end();
    }
    PG_FINALLY();
    { of_set_call_actor(before); }
    PG_END_TRY();
    return answer;
}

/*
 * onefin.login(login, password, device, address). Result: token, session, seal, account; the
 * position is taken before the session's own entry is sealed. Errors: 28P01 for all that is wrong
 * with login and password alike, 54000 when it is too early for another try, 54OF1 when the account
 * has all the sessions that it may have.
 */
PG_FUNCTION_INFO_V1(onefin_login);
Datum onefin_login(PG_FUNCTION_ARGS) {
    Given given = {0};
    Jsonb *refusal;

    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        PG_RETURN_JSONB_P(of_call_error(ERRCODE_INVALID_PARAMETER_VALUE,
                                        "login and password are needed", "Both are strings.",
                                        NULL));
    given.login = PG_GETARG_TEXT_PP(0);
    given.password = PG_GETARG_TEXT_PP(1);
    if (!PG_ARGISNULL(2) && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(2)) > 0)
        given.device = PG_GETARG_DATUM(2);
    given.address = PG_ARGISNULL(3) ? (Datum)0 : PG_GETARG_DATUM(3);
    refusal = given.device ? refuse_device(given.device) : NULL;
    PG_RETURN_JSONB_P(refusal ? refusal : log_in_from(&given));
}
