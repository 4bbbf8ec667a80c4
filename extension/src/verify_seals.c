/*
 * verify_seals.c: recomputing seals of a range, by one process or several.
 *
 * A seal is proved by its entries and the hash of the one before it, as that is written; so ranges
 * can be proved side by side. Participants take chunks of seals until there are none, or something
 * is broken: the first broken place in the order of the seals is what counts.
 *
 * For each seal: its number follows the one before, its entries are there, and their digests with
 * the seal's other columns and the previous hash make the hash that is written. For each entry
 * about a message's version: the rows are as they were (verify_message.c).
 */
#include "postgres.h"

#include "verify.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/paths.h"
#include "plan.h"
#include "port/atomics.h"
#include "row.h"
#include "storage/bufmgr.h"
#include "storage/shm_toc.h"
#include "storage/spin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Seals of a chunk, which a participant reads at once; of a short range, a part of it. */
#define CHUNK_MOST   200
#define CHUNK_OF_ALL 64

#define KEY_SHARED 1

typedef struct Seal {
    OfSealHead head;
    OfHash hash;
    ArrayType *entries;
    bytea *checks;
} Seal;

/* What the participants share. */
typedef struct Shared {
    int64 from;
    int64 to;
    int64 chunk;
    pg_atomic_uint64 next; /* the next chunk to take */
    slock_t lock;
    OfVerdict verdict; /* under the lock */
} Shared;

/* What one participant has. */
typedef struct Verification {
    OfLookup journal;
    OfMessages *messages;
    OfRow row; /* where the journal's columns are */
    StringInfoData scratch;
    MemoryContext memory; /* for one seal */
    OfHash hash;
    int64 last; /* the seal of this hash */
    int64 seals;
    int64 entries;
    OfBroken broken;
} Verification;

static bool is_broken(const Verification *v) {
    return *v->broken.what != '\0';
}

static void broken(Verification *v, int64 seal, int64 entry, const char *what) {
    v->broken = (OfBroken){.seal = seal, .entry = entry};
    strlcpy(v->broken.what, what, sizeof(v->broken.what));
}

static bool read_entry(Verification *v, int64 id, OfSealedEntry *entry) {
    TupleTableSlot *slot = of_lookup(&v->journal, id);

    if (slot == NULL)
        return false;
    slot_getallattrs(slot);
    for (int column = 0; column < OF_ENTRY_NCOLUMNS; column++) {
        entry->values[column] = slot->tts_values[v->row.numbers[column] - 1];
        entry->nulls[column] = slot->tts_isnull[v->row.numbers[column] - 1];
    }
    return true;
}

static bool check_is(const Seal *seal, int i, const OfHash *digest) {
    return VARSIZE_ANY_EXHDR(seal->checks) >= (Size)(i + 1) * OF_CHECK_BYTES &&
           memcmp(VARDATA_ANY(seal->checks) + i * OF_CHECK_BYTES, digest->bytes, OF_CHECK_BYTES) ==
               0;
}

/* The entries into the chain; the first that is not as it was is remembered as broken. */
static void chain_entries(Verification *v, const Seal *seal, OfChain *chain) {
    int64 *ids = (int64 *)ARR_DATA_PTR(seal->entries);
    int n = ArrayGetNItems(ARR_NDIM(seal->entries), ARR_DIMS(seal->entries));
    int64 number = seal->head.number;
    OfSealedEntry entry;
    OfHash digest;

    for (int i = 0; i < n && !is_broken(v); i++) {
        if (!read_entry(v, ids[i], &entry)) {
            broken(v, number, ids[i], "the entry is missing");
            return;
        }
        of_entry_digest(entry.values, entry.nulls, &v->scratch, &digest);
        of_chain_entry(chain, &digest);
        if (!check_is(seal, i, &digest))
            broken(v, number, ids[i], "the entry is not as it was sealed");
        else if (!of_messages_check(v->messages, &entry, &v->broken))
            v->broken.seal = number;
    }
    v->entries += n;
}

static void verify_seal(Verification *v, const Seal *seal) {
    OfChain chain;

    if (seal->head.number != v->last + 1) {
        broken(v, v->last + 1, 0, "the seal is missing");
        return;
    }
    of_chain_begin(&chain, &v->hash, &seal->head);
    chain_entries(v, seal, &chain);
    of_chain_end(&chain, &v->hash);
    if (!is_broken(v) && !of_same_hash(&v->hash, &seal->hash))
        broken(v, seal->head.number, 0, "the seal's hash does not match what it seals");
    v->last = seal->head.number;
    v->seals++;
}

static void take_seal(uint64 row, Seal *seal) {
    bool isnull;

    seal->head.number = of_result_id(row, 1);
    seal->head.at = DatumGetTimestampTz(of_result(row, 2, &isnull));
    seal->head.cluster = of_result_id(row, 3);
    seal->head.base_id = of_result_id(row, 4);
    seal->head.snapshot = of_result_text(row, 5);
    of_hash_from_bytea(of_result(row, 6, &isnull), &seal->hash);
    seal->entries = DatumGetArrayTypeP(of_result(row, 7, &isnull));
    seal->checks = DatumGetByteaPP(of_result(row, 8, &isnull));
}

/* Seals from..to on the hash before them, which is the first row's unless there is none before. */
static void verify_chunk(Verification *v, int64 from, int64 to) {
    static OfStatement read = {
        "SELECT number, at, cluster, base_id, snapshot, hash, entries, checks FROM onefin.seal"
        " WHERE number BETWEEN $1 - 1 AND $2 ORDER BY number",
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};
    SPITupleTable *rows;
    Seal seal;
    uint64 n;

    v->last = from - 1;
    memset(&v->hash, 0, sizeof(v->hash));
    of_arg(&args, Int64GetDatum(from), false);
    of_arg(&args, Int64GetDatum(to), false);
    of_spi_begin();
    n = of_run_as_owner(&read, &args, true);
    rows = SPI_tuptable;
    for (uint64 i = 0; i < n && !is_broken(v); i++) {
        MemoryContext before = MemoryContextSwitchTo(v->memory);

        CHECK_FOR_INTERRUPTS();
        SPI_tuptable = rows;
        take_seal(i, &seal);
        if (seal.head.number == from - 1)
            v->hash = seal.hash;
        else
            verify_seal(v, &seal);
        MemoryContextSwitchTo(before);
        MemoryContextReset(v->memory);
    }
    of_spi_end();
    if (!is_broken(v) && v->last < to)
        broken(v, v->last + 1, 0, "the seal is missing");
}

/* Adds what was found to the verdict; the first broken seal counts. */
static void report(Shared *shared, const Verification *v) {
    OfVerdict *verdict = &shared->verdict;

    SpinLockAcquire(&shared->lock);
    verdict->seals += v->seals;
    verdict->entries += v->entries;
    verdict->versions += of_messages_checked(v->messages);
    if (is_broken(v) && (!of_is_broken(verdict) || v->broken.seal < verdict->broken.seal))
        verdict->broken = v->broken;
    SpinLockRelease(&shared->lock);
}

/* Is there a broken seal before this one? Then it need not be looked at. */
static bool broken_before(Shared *shared, int64 seal) {
    bool before;

    SpinLockAcquire(&shared->lock);
    before = of_is_broken(&shared->verdict) && shared->verdict.broken.seal < seal;
    SpinLockRelease(&shared->lock);
    return before;
}

/* Takes chunks until there are none. */
static void participate(Shared *shared) {
    static const char *const names[OF_ENTRY_NCOLUMNS] = OF_ENTRY_NAMES;
    Verification v = {0};

    v.memory = AllocSetContextCreate(CurrentMemoryContext, "onefin seal", ALLOCSET_DEFAULT_SIZES);
    initStringInfo(&v.scratch);
    of_lookup_open(&v.journal, "journal", "journal_pkey", GetActiveSnapshot());
    of_row_empty(&v.row, RelationGetDescr(v.journal.table), names, OF_ENTRY_NCOLUMNS);
    v.messages = of_messages_open(GetActiveSnapshot());
    while (!is_broken(&v)) {
        int64 from =
            shared->from + (int64)pg_atomic_fetch_add_u64(&shared->next, 1) * shared->chunk;

        if (from > shared->to || broken_before(shared, from))
            break;
        verify_chunk(&v, from, Min(from + shared->chunk - 1, shared->to));
    }
    report(shared, &v);
    of_messages_close(v.messages);
    of_lookup_close(&v.journal);
}

/* Entry point of a parallel worker, found by name in the library. */
extern PGDLLEXPORT void onefin_verify_worker(dsm_segment *segment, shm_toc *toc);

void onefin_verify_worker(dsm_segment *segment, shm_toc *toc) {
    participate(shm_toc_lookup(toc, KEY_SHARED, false));
}

static void begin(Shared *shared, int64 from, int64 to) {
    memset(shared, 0, sizeof(*shared));
    shared->from = from;
    shared->to = to;
    shared->chunk = Max(Min((to - from) / CHUNK_OF_ALL, CHUNK_MOST), 1);
    pg_atomic_init_u64(&shared->next, 0);
    SpinLockInit(&shared->lock);
}

static void verify_with_workers(int workers, int64 from, int64 to, OfVerdict *verdict) {
    ParallelContext *context;
    Shared *shared;

    EnterParallelMode();
    context = CreateParallelContext("onefin", "onefin_verify_worker", workers);
    shm_toc_estimate_chunk(&context->estimator, sizeof(Shared));
    shm_toc_estimate_keys(&context->estimator, 1);
    InitializeParallelDSM(context);
    shared = shm_toc_allocate(context->toc, sizeof(Shared));
    begin(shared, from, to);
    shm_toc_insert(context->toc, KEY_SHARED, shared);
    LaunchParallelWorkers(context);
    participate(shared);
    WaitForParallelWorkersToFinish(context);
    *verdict = shared->verdict;
    DestroyParallelContext(context);
    ExitParallelMode();
}

/* As PostgreSQL decides it for scans: by the size of the table. */
static bool worth_sharing(void) {
    Relation journal = table_open(of_relation("journal"), AccessShareLock);
    BlockNumber blocks = RelationGetNumberOfBlocks(journal);

    table_close(journal, AccessShareLock);
    return (int64)blocks >= min_parallel_table_scan_size;
}

/* Verifies the seals from..to, which there must be. */
void of_verify_seals(int64 from, int64 to, OfVerdict *verdict) {
    int workers = max_parallel_workers_per_gather;

    if (workers > 0 && !IsInParallelMode() && to > from && worth_sharing())
        verify_with_workers(workers, from, to, verdict);
    else {
        Shared alone;

        begin(&alone, from, to);
        participate(&alone);
        *verdict = alone.verdict;
    }
}
