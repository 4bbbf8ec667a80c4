/*
 * journal.c: writing one entry of the journal.
 *
 * An entry is an ordinary row of the writer's transaction: it commits and rolls back with what it
 * tells. Nobody is notified here. When the transaction commits, the sealer is woken (shared.c),
 * and the order of events is the order of its seals.
 */
#include "postgres.h"

#include "journal.h"

#include "access/table.h"
#include "access/xact.h"
#include "canon.h"
#include "identity.h"
#include "json.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "row.h"
#include "shared.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

/* A session, or one who is about to have one: the connection is the gateway's, not the actor's. */
static bool by_gateway(const OfActor *actor) {
    return actor->session || actor->address;
}

/* Where the actor is: as the gateway told, else this connection's peer. */
static Datum client_address(const OfActor *actor, bool *isnull) {
    LOCAL_FCINFO(fcinfo, 0);
    Datum address;

    *isnull = false;
    if (by_gateway(actor))
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

/* What a person who uses SQL connects with. */
static const char *client_application(const OfActor *actor) {
    return by_gateway(actor) || application_name == NULL || *application_name == '\0'
               ? NULL
               : application_name;
}

static void fill(OfRow *row, const OfEntry *entry) {
    const OfActor *actor = of_actor();
    bool isnull;
    Datum address = client_address(actor, &isnull);

    of_row_set_id(row, OF_ENTRY_ID, of_next_id("journal_id_seq"));
    of_row_set(row, OF_ENTRY_XACT, FullTransactionIdGetDatum(GetTopFullTransactionId()), false);
    of_row_set_time(row, OF_ENTRY_AT, GetCurrentTimestamp());
    of_row_set_id(row, OF_ENTRY_ACTOR, actor->account);
    of_row_set_id(row, OF_ENTRY_SESSION, actor->session);
    of_row_set_id(row, OF_ENTRY_ORG, entry->org);
    of_row_set_id(row, OF_ENTRY_TOPIC, entry->topic);
    of_row_set_id(row, OF_ENTRY_SUBJECT, entry->subject);
    of_row_set_id(row, OF_ENTRY_ACCOUNT, entry->account);
    of_row_set(row, OF_ENTRY_VERSION, Int32GetDatum(entry->version), entry->version == 0);
    of_row_set_text(row, OF_ENTRY_KIND, entry->kind);
    of_row_set_text(row, OF_ENTRY_AUDIENCE, entry->audience);
    of_row_set_text(row, OF_ENTRY_DB_USER, GetUserNameFromId(GetSessionUserId(), false));
    of_row_set_text(row, OF_ENTRY_APPLICATION, client_application(actor));
    of_row_set(row, OF_ENTRY_ADDRESS, address, isnull);
    of_row_set(row, OF_ENTRY_DIGEST, PointerGetDatum(entry->digest), entry->digest == NULL);
    of_row_set(row, OF_ENTRY_RECORD, PointerGetDatum(entry->record), entry->record == NULL);
    of_row_set(row, OF_ENTRY_DETAIL, PointerGetDatum(entry->detail), entry->detail == NULL);
}

/* Writes an entry into the journal, in this transaction; its id. */
int64 of_journal(const OfEntry *entry) {
    static const char *const names[OF_ENTRY_NCOLUMNS] = OF_ENTRY_NAMES;
    Relation journal = table_open(of_relation("journal"), RowExclusiveLock);
    OfRow row;

    of_row_empty(&row, RelationGetDescr(journal), names, OF_ENTRY_NCOLUMNS);
    fill(&row, entry);
    of_row_insert_record(journal, &row, strncmp(entry->kind, "document.", 9) == 0);
    table_close(journal, NoLock);
    of_wake_sealer_at_commit();
    return of_row_id(&row, OF_ENTRY_ID);
}

/* A detail of one key: {"key": "value"}. */
Jsonb *of_detail(const char *key, const char *value) {
    JsonbParseState *state = NULL;

    of_json_begin(&state);
    of_json_string(&state, key, value);
    return of_json_end(&state);
}
