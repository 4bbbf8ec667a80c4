/*
 * init.c: loading of the library.
 *
 * onefin stands in shared_preload_libraries: the sealers need shared memory and a launcher. Loaded
 * otherwise it does all but seal, and CREATE EXTENSION refuses.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "seal.h"
#include "shared.h"
#include "utility.h"
#include "utils/guc.h"

#include <limits.h>

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

static void define_settings(void) {
    DefineCustomIntVariable(
        "onefin.anchor_interval",
        "Seconds between lines of the server log with the newest hash of the journal; 0: none.",
        "Whoever keeps the log elsewhere can prove by them that the journal was not rewritten.",
        &of_anchor_interval, 3600, 0, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
    MarkGUCPrefixReserved("onefin");
}

void _PG_init(void) {
    if (IsBinaryUpgrade || !process_shared_preload_libraries_in_progress)
        return;
    define_settings();
    of_shared_init();
    of_launcher_register();
    of_utility_init();
}

PG_FUNCTION_INFO_V1(onefin_wake_sealer);
Datum onefin_wake_sealer(PG_FUNCTION_ARGS) {
    if (!of_shared_ready() && !IsBinaryUpgrade)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("onefin is not in shared_preload_libraries, so nothing would be sealed"),
                 errhint("Add onefin to shared_preload_libraries and restart the server.")));
    of_wake_sealer_at_commit();
    PG_RETURN_VOID();
}
