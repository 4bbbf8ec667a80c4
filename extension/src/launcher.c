/*
 * launcher.c: the background worker that gives each database with the extension its sealer.
 *
 * It is woken by writers who find no sealer, by the end of a sealer, and by itself every LOOK_MS
 * for databases made meanwhile. In a database without the extension a sealer starts once, ends at
 * once, and is not tried again until somebody there wakes it: CREATE EXTENSION does.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "seal.h"
#include "shared.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

/* Milliseconds between looks at the list of databases, and when a sealer is to come later. */
#define LOOK_MS  10000
#define RETRY_MS 1000

/* Databases that can be connected to and are no templates. Returns how many, in *databases. */
static int list_databases(Oid **databases, MemoryContext context) {
    Relation relation;
    TableScanDesc scan;
    HeapTuple row;
    int n = 0;

    *databases = MemoryContextAlloc(context, sizeof(Oid) * OF_MAX_DATABASES);
    StartTransactionCommand();
    (void)GetTransactionSnapshot();
    relation = table_open(DatabaseRelationId, AccessShareLock);
    scan = table_beginscan_catalog(relation, 0, NULL);
    while ((row = heap_getnext(scan, ForwardScanDirection)) != NULL) {
        Form_pg_database database = (Form_pg_database)GETSTRUCT(row);

        if (!database->datallowconn || database->datistemplate)
            continue;
        if (n == OF_MAX_DATABASES) {
            ereport(WARNING, (errmsg("onefin looks after %d databases of this cluster; \"%s\" and "
                                     "others are left out",
                                     OF_MAX_DATABASES, NameStr(database->datname))));
            break;
        }
        (*databases)[n++] = database->oid;
    }
    table_endscan(scan);
    table_close(relation, AccessShareLock);
    CommitTransactionCommand();
    return n;
}

static bool start_sealer(Oid database) {
    BackgroundWorker worker = {0};

    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    worker.bgw_main_arg = ObjectIdGetDatum(database);
    worker.bgw_notify_pid = MyProcPid;
    strlcpy(worker.bgw_library_name, "onefin", sizeof(worker.bgw_library_name));
    strlcpy(worker.bgw_function_name, "onefin_sealer_main", sizeof(worker.bgw_function_name));
    strlcpy(worker.bgw_type, "onefin sealer", sizeof(worker.bgw_type));
    snprintf(worker.bgw_name, sizeof(worker.bgw_name), "onefin sealer of database %u", database);
    return RegisterDynamicBackgroundWorker(&worker, NULL);
}

/* Returns the milliseconds until the next look. */
static long look_after_databases(MemoryContext scratch) {
    Oid *databases;
    int n = list_databases(&databases, scratch);
    long next = LOOK_MS;

    of_sealers_keep(databases, n);
    for (int i = 0; i < n; i++) {
        OfWish wish = of_sealer_wish(databases[i]);

        if (wish == OF_WISH_LATER)
            next = RETRY_MS;
        if (wish == OF_WISH_NOW && !start_sealer(databases[i])) {
            of_sealer_forget(databases[i]);
            ereport(WARNING,
                    (errmsg("no background worker is free to seal database %u", databases[i]),
                     errhint("Raise max_worker_processes.")));
        }
    }
    MemoryContextReset(scratch);
    return next;
}

void of_worker_wait(long milliseconds) {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
                    PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
        ConfigReloadPending = false;
        ProcessConfigFile(PGC_SIGHUP);
    }
}

void onefin_launcher_main(Datum arg) {
    MemoryContext scratch;

    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnection(NULL, NULL, 0);
    of_launcher_attach();
    scratch =
        AllocSetContextCreate(TopMemoryContext, "onefin launcher cycle", ALLOCSET_SMALL_SIZES);

    for (;;)
        of_worker_wait(look_after_databases(scratch));
}

void of_launcher_register(void) {
    BackgroundWorker worker = {0};

    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = 1; /* seconds */
    strlcpy(worker.bgw_library_name, "onefin", sizeof(worker.bgw_library_name));
    strlcpy(worker.bgw_function_name, "onefin_launcher_main", sizeof(worker.bgw_function_name));
    strlcpy(worker.bgw_name, "onefin launcher", sizeof(worker.bgw_name));
    strlcpy(worker.bgw_type, "onefin launcher", sizeof(worker.bgw_type));
    RegisterBackgroundWorker(&worker);
}
