/*
 * password.c: passwords, kept as argon2id by libsodium; made, compared and changed here.
 *
 * Neither a password nor its hash stands in an error. What a CHECK says of a row that it refuses
 * would show the hash, where no row-level security keeps PostgreSQL from telling: hence what
 * create_admin() writes as the owner is looked at before.
 */
#include "postgres.h"

#include "password.h"

#include "call.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "plan.h"
#include "throttle.h"
#include "utils/builtins.h"

#include <sodium.h>

#define PASSWORD_MIN 8
#define PASSWORD_MAX 1024

bool of_password_fits(const char *hash, text *password) {
    static const char nobody[crypto_pwhash_STRBYTES] =
        "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    return crypto_pwhash_str_verify(hash ? hash : nobody, VARDATA_ANY(password),
                                    VARSIZE_ANY_EXHDR(password)) == 0 &&
           hash != NULL;
}

static void check_length(text *password) {
    size_t length = VARSIZE_ANY_EXHDR(password);

    if (length < PASSWORD_MIN || length > PASSWORD_MAX)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a password has %d to %d bytes", PASSWORD_MIN, PASSWORD_MAX),
                        errhint("Choose a longer one: three or four words will do.")));
}

static char *hash_password(text *password) {
    char *hash = palloc(crypto_pwhash_STRBYTES);

    check_length(password);
    if (crypto_pwhash_str(hash, VARDATA_ANY(password), VARSIZE_ANY_EXHDR(password),
                          crypto_pwhash_OPSLIMIT_INTERACTIVE,
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

/* Nothing but spaces. */
static bool is_blank(text *value) {
    return strspn(text_to_cstring(value), " ") == VARSIZE_ANY_EXHDR(value);
}

PG_FUNCTION_INFO_V1(onefin_create_admin);
Datum onefin_create_admin(PG_FUNCTION_ARGS) {
    static OfStatement insert = {"INSERT INTO onefin.account (login, password_hash, name, role)"
                                 " VALUES ($1, $2, $3, 'admin') RETURNING id",
                                 3,
                                 {TEXTOID, TEXTOID, TEXTOID}};
    OfArgs args = {0};
    int64 account;

    if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || is_blank(PG_GETARG_TEXT_PP(0)) ||
        is_blank(PG_GETARG_TEXT_PP(2)))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
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

/* Compares with the account's password, as a login does. NULL when it does not fit, which is
 * counted; else the hash that it fits. */
static char *compare(const OfActor *actor, text *password) {
    static OfStatement find = {
        "SELECT login, password_hash FROM onefin.account WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};
    OfAttempt attempt;
    char *hash;
    int wait;

    of_arg_id(&args, actor->account);
    of_run_as_owner(&find, &args, false);
    hash = of_result_text(0, 2);
    wait = of_attempt_begin(&attempt, cstring_to_text(of_result_text(0, 1)), actor->address);
    if (wait > 0) {
        of_call_retry_after(wait);
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg(OF_THROTTLED_MESSAGE),
                        errhint("%s", of_throttled_hint(wait))));
    }
    if (of_password_fits(hash, password)) {
        of_attempt_succeeded(&attempt);
        return hash;
    }
    of_attempt_failed(&attempt, actor->account);
    of_journal(&(OfEntry){.kind = "account.password_refused",
                          .audience = OF_TO_NONE,
                          .subject = actor->account,
                          .account = actor->account});
    return NULL;
}

/* The sessions' end, and the entry that tells of it, are account_end_sessions()'s. False when the
 * password was changed by another meanwhile. */
static bool replace(int64 account, const char *before, const char *after) {
    static OfStatement update = {"UPDATE onefin.account SET password_hash = $3"
                                 " WHERE id = $1 AND password_hash = $2",
                                 3,
                                 {INT8OID, TEXTOID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, account);
    of_arg_text(&args, before);
    of_arg_text(&args, after);
    return of_run_as_owner(&update, &args, false) == 1;
}

/* onefin_api.change_password(old, new). */
PG_FUNCTION_INFO_V1(onefin_api_change_password);
Datum onefin_api_change_password(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_require_actor();
    int64 account = actor->account;
    char *old;

    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("the old and the new password are needed"),
                        errhint("Who has no password yet is given one by an admin.")));
    check_length(PG_GETARG_TEXT_PP(1));
    of_spi_begin();
    old = compare(actor, PG_GETARG_TEXT_PP(0));
    if (old == NULL)
        of_call_refuse(ERRCODE_INVALID_PARAMETER_VALUE, "the old password is wrong",
                       "Check it; your admin can set a new one.");
    else if (!replace(account, old, hash_password(PG_GETARG_TEXT_PP(1))))
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("the password was changed meanwhile")));
    of_spi_end();
    PG_RETURN_JSONB_P(of_json_empty());
}
