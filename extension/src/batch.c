/*
 * batch.c: sealing what is new, in one REPEATABLE READ transaction.
 *
 * The snapshot decides. What is visible in it and was not in the previous seal's snapshot is new:
 * written by a transaction at or after that snapshot's xmax, or by one that ran in it. Both are
 * index lookups; no gap in a sequence is waited for, and a long transaction is sealed when it has
 * committed. Entries carry the id of the whole transaction, so it does not matter how many
 * subtransactions it had; those of a savepoint that was rolled back are never visible. Both looks,
 * at the previous seal and at the journal, must use the same snapshot, or rows are sealed twice:
 * hence REPEATABLE READ.
 *
 * Transaction ids mean nothing in another cluster. The first seal after a restore (the system
 * identifier is another, or the previous snapshot lies in this cluster's future) takes what no seal
 * names, while it holds writers off, and remembers the highest id as base: those entries' xact
 * columns are never looked at again. The very first seal of a database takes everything, too, but
 * waits for nobody, unless it sees a transaction that this cluster has not had yet. A promoted
 * replica and a cluster that crashed go on with the same ids, and need nothing. With
 * synchronous_commit = off a crash can lose an entry and the seal over it, but never the entry
 * alone: the seal's commit record is the later one in the WAL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "canon.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type_d.h"
#include "commands/extension.h"
#include "identity.h"
#include "notify.h"
#include "plan.h"
#include "row.h"
#include "seal.h"
#include "shared.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Entries of one seal: with follow.c's reads of whole seals, what a gateway hands out at a time
 * stays below what may wait for one client. */
#define ENTRIES_PER_SEAL 500

/* The previous seal; number 0 before the first. */
typedef struct Previous {
    int64 number;
    OfHash hash;
    Datum snapshot; /* pg_snapshot, 0 before the first */
    int64 base_id;
    bool usable; /* its snapshot counts in this cluster */
} Previous;

static void read_previous(Previous *previous) {
    static OfStatement find = {
        "SELECT number, hash, snapshot, base_id, cluster = $1"
        " AND pg_snapshot_xmax(snapshot) <= pg_snapshot_xmax(pg_current_snapshot())"
        " FROM onefin.seal ORDER BY number DESC LIMIT 1",
        1,
        {INT8OID}};
    OfArgs args = {0};
    bool isnull;

    *previous = (Previous){0};
    of_arg(&args, Int64GetDatum((int64)GetSystemIdentifier()), false);
    if (of_run_as_owner(&find, &args, true) == 0)
        return;
    previous->number = of_result_id(0, 1);
    of_hash_from_bytea(of_result(0, 2, &isnull), &previous->hash);
    previous->snapshot = of_result_copy(0, 3, CurrentMemoryContext);
    previous->base_id = of_result_id(0, 4);
    previous->usable = DatumGetBool(of_result(0, 5, &isnull));
}

/* New entries, in order, into SPI_tuptable. */
static uint64 read_new(const Previous *previous) {
    static OfStatement fresh = {"SELECT " OF_ENTRY_COLUMNS " FROM " OF_UNSEALED " ORDER BY id",
                                2,
                                {PG_SNAPSHOTOID, INT8OID}};
    static OfStatement unnamed = {"SELECT " OF_ENTRY_COLUMNS " FROM onefin.journal j"
                                  " WHERE NOT EXISTS (SELECT FROM (SELECT unnest(entries) AS id "
                                  "FROM onefin.seal) s WHERE s.id = j.id)"
                                  " ORDER BY id",
                                  0,
                                  {0}};
    OfArgs args = {0};

    if (!previous->usable)
        return of_run_as_owner(&unnamed, NULL, true);
    of_arg(&args, previous->snapshot, false);
    of_arg(&args, Int64GetDatum(previous->base_id), false);
    return of_run_as_owner(&fresh, &args, true);
}

static int64 highest_id(void) {
    static OfStatement find = {"SELECT coalesce(max(id), 0) FROM onefin.journal", 0, {0}};

    of_run_as_owner(&find, NULL, true);
    return of_result_id(0, 1);
}

/* Whether an entry is of a transaction that, here, has not ended yet: it came with a restore. */
static bool has_foreign_entries(void) {
    static OfStatement find = {
        "SELECT FROM onefin.journal WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())"
        " OR xact = ANY (ARRAY(SELECT pg_snapshot_xip(pg_current_snapshot()))) LIMIT 1",
        0,
        {0}};

    return of_run_as_owner(&find, NULL, true) == 1;
}

/* The digests of rows[from, to) into the chain, their ids and checks into the arrays. */
static void chain_entries(OfChain *chain, const SPITupleTable *rows, uint64 from, uint64 to,
                          Datum *ids, bytea *checks) {
    Datum values[OF_ENTRY_NCOLUMNS];
    bool nulls[OF_ENTRY_NCOLUMNS];
    StringInfoData scratch;
    OfHash digest;

    initStringInfo(&scratch);
    for (uint64 i = from; i < to; i++) {
        heap_deform_tuple(rows->vals[i], rows->tupdesc, values, nulls);
        of_entry_digest(values, nulls, &scratch, &digest);
        of_chain_entry(chain, &digest);
        ids[i - from] = values[OF_ENTRY_ID];
        memcpy(VARDATA(checks) + (i - from) * OF_CHECK_BYTES, digest.bytes, OF_CHECK_BYTES);
    }
}

static Datum current_snapshot(void) {
    static OfStatement read = {"SELECT pg_current_snapshot()", 0, {0}};

    of_run_as_owner(&read, NULL, true);
    return of_result_copy(0, 1, CurrentMemoryContext);
}

static void insert_seal(const OfSealHead *head, Datum snapshot, const OfHash *hash, ArrayType *ids,
                        bytea *checks) {
    enum { NUMBER, AT, CLUSTER, BASE_ID, SNAPSHOT, HASH, ENTRIES, CHECKS };
    static const char *const columns[] = {"number",   "at",   "cluster", "base_id",
                                          "snapshot", "hash", "entries", "checks"};
    Relation seals = table_open(of_relation("seal"), RowExclusiveLock);
    OfRow row;

    of_row_empty(&row, RelationGetDescr(seals), columns, lengthof(columns));
    of_row_set_id(&row, NUMBER, head->number);
    of_row_set_time(&row, AT, head->at);
    of_row_set(&row, CLUSTER, Int64GetDatum(head->cluster), false);
    of_row_set(&row, BASE_ID, Int64GetDatum(head->base_id), false);
    of_row_set(&row, SNAPSHOT, snapshot, false);
    of_row_set(&row, HASH, PointerGetDatum(of_hash_bytea(hash)), false);
    of_row_set(&row, ENTRIES, PointerGetDatum(ids), false);
    of_row_set(&row, CHECKS, PointerGetDatum(checks), false);
    of_row_insert_record(seals, &row, false);
    table_close(seals, NoLock);
}

/* Writes one seal over rows[from, to) of the table read. */
static void write_seal(const SPITupleTable *rows, uint64 from, uint64 to, Datum snapshot,
                       Previous *previous) {
    OfSealHead head = {previous->number + 1, GetCurrentTimestamp(), (int64)GetSystemIdentifier(),
                       previous->base_id,
                       DatumGetCString(DirectFunctionCall1(pg_snapshot_out, snapshot))};
    Datum *ids = palloc(sizeof(Datum) * (to - from + 1));
    bytea *checks = palloc(VARHDRSZ + (to - from) * OF_CHECK_BYTES);
    OfChain chain;

    SET_VARSIZE(checks, VARHDRSZ + (to - from) * OF_CHECK_BYTES);
    of_chain_begin(&chain, &previous->hash, &head);
    chain_entries(&chain, rows, from, to, ids, checks);
    of_chain_end(&chain, &previous->hash);
    previous->number = head.number;
    insert_seal(
        &head, snapshot, &previous->hash,
        construct_array(ids, (int)(to - from), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE),
        checks);
}

/*
 * Where the newest seal that this server wrote is gone from the table, somebody took it away. The
 * chain goes on from the one that was: its number stays missing, and verification names it. What it
 * sealed is sealed again.
 */
static void mind_the_cut(Previous *previous) {
    OfLastSeal last = of_last_seal();

    if (last.number <= previous->number)
        return;
    ereport(WARNING, (errmsg("seal %lld of onefin's journal is gone", (long long)last.number),
                      errdetail("The newest seal in the table is %lld; new ones go on after %lld.",
                                (long long)previous->number, (long long)last.number)));
    previous->number = last.number;
    previous->hash = last.hash;
}

/* Tells listeners of the newest seal. Where the queue has no room for it the seal is made untold:
 * that is said once, and once that it has room again. */
static void tell(int64 number) {
    static bool untold = false;
    bool told = of_notify("onefin", psprintf("%lld", (long long)number));

    if (!told && !untold)
        ereport(WARNING, (errmsg("the notification queue is full: seals are made, and not told"),
                          errdetail("Followers find them when they look by themselves."),
                          errhint("Find the session that listens and stays in a transaction, "
                                  "in pg_stat_activity by its age, and end it.")));
    if (told && untold)
        ereport(LOG, (errmsg("the notification queue has room again: seals are told")));
    untold = !told;
}

typedef enum Outcome { DONE, HOLD_OFF_WRITERS, NO_EXTENSION } Outcome;

/* Reads and seals within the open transaction. */
static Outcome seal_new(bool held_off, OfLastSeal *sealed, uint64 *entries) {
    Previous previous;
    SPITupleTable *rows;
    Datum snapshot;
    uint64 n;

    read_previous(&previous);
    if (held_off)
        previous.base_id = highest_id();
    else if (!previous.usable && (previous.number > 0 || has_foreign_entries()))
        return HOLD_OFF_WRITERS;
    n = *entries = read_new(&previous);
    rows = SPI_tuptable;
    if (n == 0 && !held_off)
        return DONE;
    mind_the_cut(&previous);
    snapshot = current_snapshot();
    for (uint64 from = 0; from == 0 || from < n; from += ENTRIES_PER_SEAL)
        write_seal(rows, from, Min(from + ENTRIES_PER_SEAL, n), snapshot, &previous);
    tell(previous.number);
    *sealed = (OfLastSeal){get_extension_oid("onefin", false), previous.number, previous.hash};
    return DONE;
}

/*
 * Holds off DROP EXTENSION until the end of the transaction: it locks the tables in an order of its
 * own, and the two would wait for each other. False when the extension is not there.
 */
bool of_hold_extension(void) {
    Oid extension = get_extension_oid("onefin", true);

    if (!OidIsValid(extension))
        return false;
    LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
    return get_extension_oid("onefin", true) == extension;
}

/*
 * A seal that was told must survive a crash: another of the same number would differ. Its flush
 * takes along the WAL of writers that did not wait for theirs.
 */
static void flush_at_commit(void) {
    if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
        (void)set_config_option("synchronous_commit", "local", PGC_USERSET, PGC_S_SESSION,
                                GUC_ACTION_LOCAL, true, 0, false);
}

static Outcome in_transaction(bool hold_off, uint64 *entries) {
    Outcome outcome = NO_EXTENSION;
    OfLastSeal sealed = {0};

    StartTransactionCommand();
    XactIsoLevel = XACT_REPEATABLE_READ;
    flush_at_commit();
    if (of_hold_extension()) {
        of_spi_begin();
        if (hold_off) {
            static OfStatement lock = {"LOCK TABLE onefin.journal IN SHARE MODE", 0, {0}};

            of_run_as_owner(&lock, NULL, false);
        }
        PushActiveSnapshot(GetTransactionSnapshot());
        outcome = seal_new(hold_off, &sealed, entries);
        PopActiveSnapshot();
        of_spi_end();
    }
    CommitTransactionCommand();
    if (sealed.number > 0)
        of_note_seal(&sealed);
    return outcome;
}

bool of_seal_batch(uint64 *sealed) {
    Outcome outcome;

    *sealed = 0;
    outcome = in_transaction(false, sealed);
    if (outcome == HOLD_OFF_WRITERS)
        outcome = in_transaction(true, sealed);
    return outcome != NO_EXTENSION;
}
