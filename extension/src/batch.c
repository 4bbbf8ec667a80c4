/*
 * batch.c: sealing what is new, in one REPEATABLE READ transaction.
 *
 * The snapshot decides. What is visible in it and was not in the previous seal's snapshot is new:
 * written by a transaction at or after that snapshot's xmax, or by one that ran in it. Both are
 * index lookups; no gap in a sequence is waited for, and a long transaction is sealed when it has
 * committed. Both looks, at the previous seal and at the journal, must use the same snapshot, or
 * rows are sealed twice: hence REPEATABLE READ.
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

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "canon.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type_d.h"
#include "commands/async.h"
#include "commands/extension.h"
#include "identity.h"
#include "plan.h"
#include "seal.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

/* Entries of one seal: what a follower reads at a time stays bounded. */
#define ENTRIES_PER_SEAL 10000

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
    memcpy(previous->hash.bytes, VARDATA_ANY(DatumGetByteaPP(of_result(0, 2, &isnull))),
           sizeof(previous->hash.bytes));
    previous->snapshot = of_result_copy(0, 3, CurrentMemoryContext);
    previous->base_id = of_result_id(0, 4);
    previous->usable = DatumGetBool(of_result(0, 5, &isnull));
}

/* New entries, in order, into SPI_tuptable. */
static uint64 read_new(const Previous *previous) {
    /* OFFSET 0: id is no way to find them; a look by it would read the whole journal. */
    static OfStatement fresh = {"SELECT " OF_ENTRY_COLUMNS " FROM ("
                                " SELECT * FROM onefin.journal"
                                " WHERE xact >= pg_snapshot_xmax($1)"
                                " UNION ALL SELECT * FROM onefin.journal"
                                " WHERE xact = ANY (ARRAY(SELECT pg_snapshot_xip($1))) OFFSET 0) j"
                                " WHERE id > $2 ORDER BY id",
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

/* Writes one seal over rows[from, to) of the table read. */
static void write_seal(const SPITupleTable *rows, uint64 from, uint64 to, Previous *previous) {
    static OfStatement insert = {
        "INSERT INTO onefin.seal (number, snapshot, cluster, base_id, hash, entries)"
        " VALUES ($1, pg_current_snapshot(), $2, $3, $4, $5)",
        5,
        {INT8OID, INT8OID, INT8OID, BYTEAOID, INT8ARRAYOID}};
    pg_cryptohash_ctx *chain = of_chain_begin(&previous->hash, previous->number + 1);
    Datum *ids = palloc(sizeof(Datum) * (to - from));
    bytea *hash = palloc(VARHDRSZ + sizeof(OfHash));
    OfArgs args = {0};

    for (uint64 i = from; i < to; i++) {
        bool isnull;

        ids[i - from] = heap_getattr(rows->vals[i], 1, rows->tupdesc, &isnull);
        of_chain_entry(chain, rows->vals[i], rows->tupdesc);
    }
    of_chain_end(chain, &previous->hash);
    previous->number++;

    SET_VARSIZE(hash, VARHDRSZ + sizeof(OfHash));
    memcpy(VARDATA(hash), previous->hash.bytes, sizeof(OfHash));
    of_arg_id(&args, previous->number);
    of_arg(&args, Int64GetDatum((int64)GetSystemIdentifier()), false);
    of_arg(&args, Int64GetDatum(previous->base_id), false);
    of_arg(&args, PointerGetDatum(hash), false);
    of_arg(&args,
           PointerGetDatum(
               construct_array(ids, to - from, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)),
           false);
    of_run_as_owner(&insert, &args, false);
}

typedef enum Outcome { DONE, HOLD_OFF_WRITERS, NO_EXTENSION } Outcome;

/* Reads and seals within the open transaction. */
static Outcome seal_new(bool held_off) {
    Previous previous;
    SPITupleTable *rows;
    uint64 n;

    read_previous(&previous);
    if (held_off)
        previous.base_id = highest_id();
    else if (!previous.usable && (previous.number > 0 || has_foreign_entries()))
        return HOLD_OFF_WRITERS;
    n = read_new(&previous);
    rows = SPI_tuptable;
    if (n == 0 && !held_off)
        return DONE;
    for (uint64 from = 0; from == 0 || from < n; from += ENTRIES_PER_SEAL)
        write_seal(rows, from, Min(from + ENTRIES_PER_SEAL, n), &previous);
    Async_Notify("onefin", psprintf("%lld", (long long)previous.number));
    return DONE;
}

/*
 * Holds off DROP EXTENSION until the end of the transaction: it locks the tables in an order of its
 * own, and the two would wait for each other. False when the extension is not there.
 */
static bool hold_extension(void) {
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

static Outcome in_transaction(bool hold_off) {
    Outcome outcome = NO_EXTENSION;

    StartTransactionCommand();
    XactIsoLevel = XACT_REPEATABLE_READ;
    flush_at_commit();
    if (hold_extension()) {
        of_spi_begin();
        if (hold_off) {
            static OfStatement lock = {"LOCK TABLE onefin.journal IN SHARE MODE", 0, {0}};

            of_run_as_owner(&lock, NULL, false);
        }
        PushActiveSnapshot(GetTransactionSnapshot());
        outcome = seal_new(hold_off);
        PopActiveSnapshot();
        of_spi_end();
    }
    CommitTransactionCommand();
    return outcome;
}

bool of_seal_batch(void) {
    Outcome outcome = in_transaction(false);

    if (outcome == HOLD_OFF_WRITERS)
        outcome = in_transaction(true);
    return outcome != NO_EXTENSION;
}
