/*
 * journal.c: writing one entry of the journal.
 *
 * An entry is an ordinary row of the writer's transaction: it commits and rolls back with what it
 * tells. Nobody is notified here. When the transaction commits, the sealer is woken (shared.c),
 * and the order of events is the order of its seals.
 */
#include "postgres.h"

#include "journal.h"

#include "catalog/pg_type_d.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "identity.h"
#include "json.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "plan.h"
#include "shared.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* Where the actor is: told by the gateway inside onefin.call, else this connection's peer. */
static Datum client_address(const OfActor *actor, bool *isnull) {
    LOCAL_FCINFO(fcinfo, 0);
    Datum address;

    *isnull = false;
    if (actor->session)
        address = actor->address;
    else if (MyProcPort == NULL)
        address = (Datum)0;
    else {
        InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
        address = inet_client_addr(fcinfo);
    }
    *isnull = address == (Datum)0;
    return address;
}

/* Writes an entry into the journal, in this transaction. */
void of_journal(const OfEntry *entry) {
    static OfStatement insert = {"INSERT INTO onefin.journal (kind, audience, org_id, topic_id, "
                                 "subject_id, account_id, version,"
                                 " digest, detail, actor_id, session_id, db_user, address)"
                                 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
                                 13,
                                 {TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, INT4OID,
                                  BYTEAOID, JSONBOID, INT8OID, INT8OID, TEXTOID, INETOID}};
    const OfActor *actor = of_actor();
    OfArgs args = {0};
    bool isnull;
    Datum address = client_address(actor, &isnull);

    of_arg_text(&args, entry->kind);
    of_arg_text(&args, entry->audience);
    of_arg_id(&args, entry->org);
    of_arg_id(&args, entry->topic);
    of_arg_id(&args, entry->subject);
    of_arg_id(&args, entry->account);
    of_arg(&args, Int32GetDatum(entry->version), entry->version == 0);
    of_arg(&args, PointerGetDatum(entry->digest), entry->digest == NULL);
    of_arg(&args, PointerGetDatum(entry->detail), entry->detail == NULL);
    of_arg_id(&args, actor->account);
    of_arg_id(&args, actor->session);
    of_arg_text(&args, GetUserNameFromId(GetSessionUserId(), false));
    of_arg(&args, address, isnull);

    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    of_spi_end();
    of_wake_sealer_at_commit();
}

/* A detail of one key: {"key": "value"}. */
Jsonb *of_detail(const char *key, const char *value) {
    JsonbParseState *state = NULL;

    of_json_begin(&state);
    of_json_string(&state, key, value);
    return of_json_end(&state);
}

/* SHA-256 of some bytes, as a bytea of 32. */
bytea *of_sha256(const void *data, size_t length) {
    bytea *digest = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
    pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

    SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
    if (pg_cryptohash_init(context) < 0 || pg_cryptohash_update(context, data, length) < 0 ||
        pg_cryptohash_final(context, (uint8 *)VARDATA(digest), PG_SHA256_DIGEST_LENGTH) < 0)
        elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
    pg_cryptohash_free(context);
    return digest;
}
