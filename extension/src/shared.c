/*
 * shared.c: shared memory, by which writers wake the sealer of their database, and by which is
 * known who typed a moment ago.
 *
 * One slot a database. A writer that has committed journal entries sets its slot's flag and, when
 * it was clear, the sealer's latch; where no sealer runs it sets the launcher's latch instead.
 * A slot's database, pid and state change under the lock; the flag is atomic. Latches are those of
 * PGPROC entries, which are never freed: setting one that has a new owner costs that one a look.
 */
#include "postgres.h"

#include "shared.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/*
 * Who types is told once in TYPING_MS. An account's time is kept in the place that its hash and its
 * database's choose, which another may share: then the one keeps the other silent for a moment, and
 * nobody is ever told of more often.
 */
#define TYPING_PLACES 8192
#define TYPING_MS     2000

/* How long a sealer stays away from a database that somebody wants to drop or copy, and after it
 * died: an error that comes again must not become a fork for each turn. */
#define STOP_MS 10000
#define DIED_MS 1000

typedef struct Slot {
    Oid database; /* InvalidOid: the slot is free */
    pid_t pid;    /* of the sealer; 0: none runs */
    OfSealerState state;
    Latch *latch; /* of the sealer */
    TimestampTz not_before;
    OfLastSeal last;
    pg_atomic_uint32 woken;
} Slot;

typedef struct Shared {
    LWLock *lock;
    Latch *launcher;
    Slot slots[OF_MAX_DATABASES];
    pg_atomic_uint64 typed[TYPING_PLACES]; /* TimestampTz */
} Shared;

static Shared *shared = NULL;
static Slot *my_slot = NULL; /* this database's */
static bool wake_at_commit = false;
static shmem_request_hook_type next_shmem_request = NULL;
static shmem_startup_hook_type next_shmem_startup = NULL;

static void request_memory(void) {
    if (next_shmem_request)
        next_shmem_request();
    RequestAddinShmemSpace(MAXALIGN(sizeof(Shared)));
    RequestNamedLWLockTranche("onefin", 1);
}

static void make_memory(void) {
    bool found;

    if (next_shmem_startup)
        next_shmem_startup();
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    shared = ShmemInitStruct("onefin", sizeof(Shared), &found);
    if (!found) {
        memset(shared, 0, sizeof(Shared));
        shared->lock = &GetNamedLWLockTranche("onefin")->lock;
        for (int i = 0; i < OF_MAX_DATABASES; i++)
            pg_atomic_init_u32(&shared->slots[i].woken, 0);
        for (int i = 0; i < TYPING_PLACES; i++)
            pg_atomic_init_u64(&shared->typed[i], 0);
    }
    LWLockRelease(AddinShmemInitLock);
}

static Slot *find_slot(Oid database) {
    for (int i = 0; i < OF_MAX_DATABASES; i++)
        if (shared->slots[i].database == database)
            return &shared->slots[i];
    return NULL;
}

/* The database's slot, taking a free one when it has none; NULL when all are taken. Lock held. */
static Slot *take_slot(Oid database) {
    Slot *slot = find_slot(database);

    if (slot == NULL && (slot = find_slot(InvalidOid)) != NULL) {
        slot->database = database;
        slot->pid = 0;
        slot->state = OF_SEALER_NONE;
        slot->latch = NULL;
        slot->not_before = 0;
        slot->last = (OfLastSeal){0};
        pg_atomic_write_u32(&slot->woken, 0);
    }
    return slot;
}

static void wake_sealer(void) {
    Latch *latch;

    if (my_slot == NULL || my_slot->database != MyDatabaseId) {
        LWLockAcquire(shared->lock, LW_EXCLUSIVE);
        my_slot = take_slot(MyDatabaseId);
        LWLockRelease(shared->lock);
        if (my_slot == NULL)
            return; /* the launcher has warned; the rows stay and are sealed when there is room */
    }
    if (pg_atomic_exchange_u32(&my_slot->woken, 1) != 0)
        return;
    latch = my_slot->latch ? my_slot->latch : shared->launcher;
    if (latch)
        SetLatch(latch);
}

/* Registered once. After commit nothing may fail, and nothing here can. */
static void on_transaction_end(XactEvent event, void *arg) {
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
        return;
    if (wake_at_commit && event == XACT_EVENT_COMMIT)
        wake_sealer();
    /* A prepared transaction's entries are not seen yet: COMMIT PREPARED wakes (utility.c). */
    wake_at_commit = false;
}

/* Called once, by _PG_init while the server starts. */
void of_shared_init(void) {
    next_shmem_request = shmem_request_hook;
    shmem_request_hook = request_memory;
    next_shmem_startup = shmem_startup_hook;
    shmem_startup_hook = make_memory;
    RegisterXactCallback(on_transaction_end, NULL);
}

/* Whether the library was preloaded, so that sealers can run. */
bool of_shared_ready(void) {
    return shared != NULL;
}

bool of_may_type(int64 account) {
    uint64 hash =
        hash_bytes_extended((const unsigned char *)&account, sizeof(account), MyDatabaseId);
    pg_atomic_uint64 *place;
    uint64 now = (uint64)GetCurrentTimestamp();
    uint64 last;

    if (shared == NULL)
        return true;
    place = &shared->typed[hash % TYPING_PLACES];
    last = pg_atomic_read_u64(place);
    return now - last >= TYPING_MS * UINT64CONST(1000) &&
           pg_atomic_compare_exchange_u64(place, &last, now);
}

void of_wake_sealer_at_commit(void) {
    wake_at_commit = shared != NULL;
}

/* Wakes this database's sealer now, if one runs; no sealer is made for it. */
void of_wake_sealer_here(void) {
    Slot *slot;

    LWLockAcquire(shared->lock, LW_SHARED);
    slot = find_slot(MyDatabaseId);
    if (slot && slot->latch && pg_atomic_exchange_u32(&slot->woken, 1) == 0)
        SetLatch(slot->latch);
    LWLockRelease(shared->lock);
}

void of_sealer_attach(Oid database) {
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    my_slot = take_slot(database);
    if (my_slot) {
        my_slot->pid = MyProcPid;
        my_slot->latch = MyLatch;
        my_slot->state = OF_SEALER_STARTED;
    }
    LWLockRelease(shared->lock);
    if (my_slot == NULL)
        ereport(FATAL,
                (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                 errmsg("onefin seals at most %d databases of a cluster", OF_MAX_DATABASES)));
}

/* Whether a writer has asked since the last time. Call before looking for entries. */
bool of_sealer_take_wakeup(void) {
    return pg_atomic_exchange_u32(&my_slot->woken, 0) != 0;
}

void of_note_seal(const OfLastSeal *last) {
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    my_slot->last = *last;
    LWLockRelease(shared->lock);
}

OfLastSeal of_last_seal_of_sealer(void) {
    return my_slot->last;
}

/* Number 0 when this server has written none. */
OfLastSeal of_last_seal(void) {
    Oid extension = get_extension_oid("onefin", true);
    OfLastSeal last = {0};
    Slot *slot;

    if (shared == NULL)
        return last;
    LWLockAcquire(shared->lock, LW_SHARED);
    slot = find_slot(MyDatabaseId);
    if (slot && slot->last.extension == extension)
        last = slot->last;
    LWLockRelease(shared->lock);
    return last;
}

static void stay_away(Slot *slot, int milliseconds) {
    slot->not_before =
        Max(slot->not_before, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds));
}

/* The sealer leaves; the launcher decides by the state whether another is to come. */
void of_sealer_detach(OfSealerState state) {
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    if (my_slot && my_slot->pid == MyProcPid) {
        my_slot->pid = 0;
        my_slot->latch = NULL;
        my_slot->state = state;
        if (state == OF_SEALER_NONE)
            stay_away(my_slot, DIED_MS);
        if (shared->launcher)
            SetLatch(shared->launcher);
    }
    LWLockRelease(shared->lock);
}

void of_launcher_attach(void) {
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    shared->launcher = MyLatch;
    LWLockRelease(shared->lock);
}

/* Whether the launcher is to start a sealer; if it is now, the slot counts as started. */
OfWish of_sealer_wish(Oid database) {
    Slot *slot;
    OfWish wish = OF_WISH_NONE;

    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    slot = take_slot(database);
    if (slot && slot->pid == 0 &&
        (slot->state == OF_SEALER_NONE ||
         (slot->state == OF_SEALER_ABSENT && pg_atomic_read_u32(&slot->woken) != 0)))
        wish = slot->not_before <= GetCurrentTimestamp() ? OF_WISH_NOW : OF_WISH_LATER;
    if (wish == OF_WISH_NOW)
        slot->state = OF_SEALER_STARTED;
    LWLockRelease(shared->lock);
    return wish;
}

/* A sealer that could not be started, or that died, may be started again. */
void of_sealer_forget(Oid database) {
    Slot *slot;

    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    slot = find_slot(database);
    if (slot && slot->pid == 0)
        slot->state = OF_SEALER_NONE;
    LWLockRelease(shared->lock);
}

/* Frees the slots of databases that are no more. */
void of_sealers_keep(const Oid *databases, int n) {
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    for (int i = 0; i < OF_MAX_DATABASES; i++) {
        Slot *slot = &shared->slots[i];
        bool kept = false;

        for (int j = 0; j < n; j++)
            kept = kept || databases[j] == slot->database;
        if (!kept && slot->pid == 0)
            slot->database = InvalidOid;
    }
    LWLockRelease(shared->lock);
}

void of_sealer_stop(Oid database) {
    pid_t pid = 0;

    if (shared == NULL)
        return;
    for (int tries = 0; tries < 500; tries++) {
        Slot *slot;

        LWLockAcquire(shared->lock, LW_EXCLUSIVE);
        slot = find_slot(database);
        pid = slot ? slot->pid : 0;
        if (slot)
            stay_away(slot, STOP_MS);
        LWLockRelease(shared->lock);
        if (pid == 0)
            return;
        if (tries == 0)
            kill(pid, SIGTERM);
        CHECK_FOR_INTERRUPTS();
        pg_usleep(10000);
    }
}
