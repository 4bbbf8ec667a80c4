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
#include "optimizer/cost.h"
#include "optimizer/paths.h"
#include "port/atomics.h"
#include "row.h"
#include "storage/bufmgr.h"
#include "storage/shm_toc.h"
#include "storage/spin.h"
#include "utils/snapmgr.h"

/* Seals of a chunk, which a participant reads at once; of a short range, a part of it. */
#define CHUNK_MOST   200
#define CHUNK_OF_ALL 64

#define KEY_SHARED 1

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
    OfEntries journal;
    OfMessages *messages;
    StringInfoData scratch;
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

/* The entries into the chain; the first that is not as it was is remembered as broken. */
static void chain_entries(Verification *v, const OfSeal *seal, OfChain *chain) {
    int64 number = seal->head.number;
    OfSealedEntry entry;
    OfHash digest;

    for (int i = 0; i < seal->n && !is_broken(v); i++) {
        const uint8 *check = of_seal_check(seal, i);

        if (!of_entries_read(&v->journal, seal->ids[i], &entry)) {
            broken(v, number, seal->ids[i], "the entry is missing");
            return;
        }
        of_entry_digest(entry.values, entry.nulls, &v->scratch, &digest);
        of_chain_entry(chain, &digest);
        if (check == NULL || memcmp(check, digest.bytes, OF_CHECK_BYTES) != 0)
            broken(v, number, seal->ids[i], "the entry is not as it was sealed");
        else if (!of_messages_check(v->messages, &entry, &v->broken))
            v->broken.seal = number;
    }
    v->entries += seal->n;
}

static void verify_seal(Verification *v, const OfSeal *seal) {
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

/* The first seal may be the one before the chunk: it gives the hash to begin with. */
static bool visit(void *owner, const OfSeal *seal) {
    Verification *v = owner;

    if (seal->head.number == v->last)
        v->hash = seal->hash;
    else
        verify_seal(v, seal);
    return !is_broken(v);
}

static void verify_chunk(Verification *v, int64 from, int64 to) {
    v->last = from - 1;
    memset(&v->hash, 0, sizeof(v->hash));
    of_seals_visit(from - 2, to, visit, v);
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
    Verification v = {0};

    initStringInfo(&v.scratch);
    of_entries_open(&v.journal, GetActiveSnapshot());
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
    of_entries_close(&v.journal);
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
