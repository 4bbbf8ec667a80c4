/*
 * sealer.c: the background worker that seals one database's journal.
 *
 * It waits on its latch, which the first writer after a look sets on commit; looks are PACE_US
 * apart, so that under load a seal takes many entries and few writers spend a signal on it. It
 * looks again by itself every LOOK_MS: for entries of writers that died between their commit and
 * the wake-up. Between looks it keeps the figures up (kpi.c). Its work is done as onefin_owner
 * (plan.c), though it connects as a superuser.
 * Without the extension in the database it says so in its slot and ends.
 */
#include "postgres.h"

#include "access/xact.h"
#include "kpi.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "seal.h"
#include "session.h"
#include "shared.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "ticket.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
#include "wait.h"
#include "watch.h"

#include <sodium.h>

/* Milliseconds after which it looks unasked. */
#define LOOK_MS 1000

/*
 * Microseconds between looks. With none between, each writer of 32 woke it anew: an eighth of the
 * CPU of a send went into signals, and every entry had a seal, a flush and a notification of its
 * own.
 */
#define PACE_US 2000

/*
 * While the journal grows by more than so many entries a second, the looks are apart by so much for
 * each connection to the database, and by so much at most: a notification wakes every connection
 * that listens, to whatever channel, at 26 us each. At 500 a second, 100 of them took a fifth of
 * two cores from the writers. Who listens cannot be asked, so all connections count.
 */
#define BUSY_RATE         2000
#define BUSY_PACE_EACH_US 200
#define BUSY_PACE_MOST_US 30000

int of_anchor_interval = 3600;

static void on_exit_detach(int code, Datum arg) {
    /* The state was set when it left by itself; who was killed is started again. */
    of_sealer_detach(code == 0 ? (OfSealerState)DatumGetInt32(arg) : OF_SEALER_NONE);
}

static void set_planner(void) {
    /* The two looks are narrow; before the table's first ANALYZE the planner cannot know it. */
    SetConfigOption("enable_seqscan", "off", PGC_USERSET, PGC_S_OVERRIDE);
    /* What has to scan looks as expensive as can be with that, and would be compiled each time. */
    SetConfigOption("jit", "off", PGC_USERSET, PGC_S_OVERRIDE);
    SetConfigOption("plan_cache_mode", "force_custom_plan", PGC_USERSET, PGC_S_OVERRIDE);
    SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_OVERRIDE);
}

static int64 pace(double rate) {
    if (rate <= BUSY_RATE)
        return PACE_US;
    return Max(PACE_US, Min(BUSY_PACE_MOST_US, BUSY_PACE_EACH_US * CountDBBackends(MyDatabaseId)));
}

int64 of_now_us(void) {
    instr_time now;

    INSTR_TIME_SET_CURRENT(now);
    return (int64)INSTR_TIME_GET_MICROSEC(now);
}

/* Sleeps until looks are far enough apart. sealed: entries at the last one. */
static void keep_pace(uint64 sealed) {
    static int64 last = 0;
    static int64 interval = INT32_MAX; /* between the last look and the one before */
    static double rate = 0;            /* smoothed over some eight looks */
    int64 wanted;
    int64 passed = of_now_us() - last;

    rate += ((double)sealed * 1e6 / (double)interval - rate) / 8;
    wanted = pace(rate);
    if (passed < wanted)
        pg_usleep(wanted - passed);
    interval = Max(1, of_now_us() - last);
    last += interval;
}

static uint64 sealed_in_all = 0; /* entries, since the worker started */

/* False when the extension is not there. */
static bool one_cycle(MemoryContext scratch) {
    static uint64 sealed = 0;
    bool here;

    keep_pace(sealed);
    of_sealer_take_wakeup();
    MemoryContextSwitchTo(scratch);
    pgstat_report_activity(STATE_RUNNING, "sealing the journal");
    here = of_seal_batch(&sealed);
    sealed_in_all += sealed;
    pgstat_report_activity(STATE_IDLE, NULL);
    MemoryContextSwitchTo(TopMemoryContext);
    MemoryContextReset(scratch);
    return here;
}

/* Writes the newest hash into the server's log, where no one who rewrites the tables reaches. */
static void anchor(void) {
    static TimestampTz last_time = 0;
    static int64 last_number = 0;
    TimestampTz now = GetCurrentTimestamp();
    OfLastSeal seal = of_last_seal_of_sealer();
    char hash[2 * OF_HASH_BYTES + 1];

    if (of_anchor_interval == 0 || seal.number <= last_number ||
        !TimestampDifferenceExceeds(last_time, now, of_anchor_interval * 1000))
        return;
    sodium_bin2hex(hash, sizeof(hash), seal.hash.bytes, OF_HASH_BYTES);
    ereport(LOG, (errmsg("onefin anchor: database %u seal %lld hash %s", MyDatabaseId,
                         (long long)seal.number, hash),
                  errhidestmt(true), errhidecontext(true)));
    last_time = now;
    last_number = seal.number;
}

/* What else is to be done, and how often: each in a transaction of its own. */
typedef struct Duty {
    void (*work)(void);
    int every_ms;
    TimestampTz last;
} Duty;

static void end_sessions(void) {
    (void)of_sessions_end_expired();
}

static void in_transaction(void (*work)(void)) {
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    XactIsoLevel = XACT_READ_COMMITTED;
    if (of_hold_extension()) {
        PushActiveSnapshot(GetTransactionSnapshot());
        work();
        PopActiveSnapshot();
    }
    CommitTransactionCommand();
}

bool of_worker_try(void (*work)(void), MemoryContext scratch) {
    volatile bool done = true;

    MemoryContextSwitchTo(scratch);
    PG_TRY();
    { in_transaction(work); }
    PG_CATCH();
    {
        MemoryContextSwitchTo(TopMemoryContext);
        EmitErrorReport();
        FlushErrorState();
        AbortCurrentTransaction();
        done = false;
    }
    PG_END_TRY();
    MemoryContextSwitchTo(TopMemoryContext);
    MemoryContextReset(scratch);
    return done;
}

static void do_duties(MemoryContext scratch) {
    static Duty duties[] = {{of_waits_due, 1000},
                            {of_watches_end_lost, 10000},
                            {of_tickets_close_silent, 10000},
                            {end_sessions, 60000},
                            {of_ratings_remind, 60000}};
    TimestampTz now = GetCurrentTimestamp();

    for (size_t i = 0; i < lengthof(duties); i++) {
        if (!TimestampDifferenceExceeds(duties[i].last, now, duties[i].every_ms))
            continue;
        duties[i].last = now;
        (void)of_worker_try(duties[i].work, scratch);
    }
}

void onefin_sealer_main(Datum database) {
    MemoryContext scratch;

    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
    before_shmem_exit(on_exit_detach, Int32GetDatum(OF_SEALER_ABSENT));
    of_sealer_attach(DatumGetObjectId(database));
    BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
    pgstat_report_appname("onefin sealer");
    set_planner();
    scratch =
        AllocSetContextCreate(TopMemoryContext, "onefin sealer cycle", ALLOCSET_DEFAULT_SIZES);

    while (one_cycle(scratch)) {
        anchor();
        do_duties(scratch);
        of_worker_wait(of_kpi_step(sealed_in_all, scratch, LOOK_MS));
    }
    proc_exit(0);
}
