/*
 * kpi.c: when figures are kept up, and that they are made anew. What is done then is in
 * schema/57_kpi.sql.
 *
 * The sealer does it between its looks, a step at a time: a step takes so few entries that sealing
 * does not wait for long, and rests after it, so that it takes little of the sealer's time; only
 * who is behind goes on at once. A step's commit need not be on disk: how far it went is lost with
 * what it added.
 */
#include "postgres.h"

#include "kpi.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "plan.h"
#include "seal.h"
#include "shared.h"
#include "utils/guc.h"

/* Entries of a step, about. Microseconds between steps: how many times as long as the last one
 * took, but so many at least, and at most, since figures are to be fresh on a busy machine, too. */
#define STEP_ENTRIES 3000
#define REST         9
#define PACE_US      30000
#define PACE_MOST_US 60000

/*
 * While entries come faster than anybody reads figures, they are taken a second's worth at a time:
 * what is added to one row is then one update of it. With steps as above, entries of 880 topics at
 * 6,000 a second took a fifth of two cores from the writers, nearly each for a row of its own.
 */
#define BUSY_RATE    3000 /* entries a second, of the last second or so */
#define BUSY_ENTRIES 20000
#define BUSY_PACE_US 1000000

/* Microseconds until it is tried again when something went wrong, and when somebody else is at it.
 */
#define TRY_AGAIN_US 10000000
#define HELD_US      1000000

typedef enum Outcome { DONE, MORE, HELD, FAILED } Outcome;

static bool busy;       /* entries come fast */
static Outcome outcome; /* of the last step */

static void take_next(void) {
    static OfStatement step = {"SELECT onefin.kpi_step($1)", 1, {INT4OID}};
    OfArgs args = {0};
    bool isnull;
    bool more;

    (void)set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
                            GUC_ACTION_LOCAL, true, 0, false);
    of_arg(&args, Int32GetDatum(busy ? BUSY_ENTRIES : STEP_ENTRIES), false);
    of_spi_begin();
    of_run_as_owner(&step, &args, false);
    more = DatumGetBool(of_result(0, 1, &isnull));
    of_spi_end();
    outcome = isnull ? HELD : more ? MORE : DONE;
}

static void try(MemoryContext scratch) {
    outcome = DONE;
    pgstat_report_activity(STATE_RUNNING, "keeping up figures");
    if (!of_worker_try(take_next, scratch))
        outcome = FAILED;
    pgstat_report_stat(false);
    pgstat_report_activity(STATE_IDLE, NULL);
}

/* When the next step is due after one that came to this end. */
static int64 rest(int64 spent) {
    switch (outcome) {
    case MORE:
        return 0;
    case HELD:
        return HELD_US;
    case FAILED:
        return TRY_AGAIN_US;
    default:
        return busy ? BUSY_PACE_US : Min(PACE_MOST_US, Max(PACE_US, REST * spent));
    }
}

static void look_whether_busy(uint64 sealed, int64 now) {
    static uint64 sealed_before = 0;
    static int64 since = 0;
    int64 passed = now - since;

    if (passed < BUSY_PACE_US)
        return;
    busy = since != 0 && (double)(sealed - sealed_before) * 1e6 / (double)passed > BUSY_RATE;
    sealed_before = sealed;
    since = now;
}

long of_kpi_step(uint64 sealed, MemoryContext scratch, long most) {
    static int64 taken = -1; /* the newest seal when there was nothing more to take */
    static int64 due = 0;
    int64 newest = of_last_seal_of_sealer().number;
    int64 began = of_now_us();

    look_whether_busy(sealed, began);
    if (newest != taken && began >= due) {
        int64 end;

        try(scratch);
        end = of_now_us();
        if (outcome == DONE)
            taken = newest;
        due = end + rest(end - began);
    }
    return newest == taken ? most : Min(most, (Max(due - of_now_us(), 0) + 999) / 1000);
}

/* onefin.kpi_rebuild(). Superusers need no account. Days stay of the zone that they are of: another
 * one is the worker's to take. */
PG_FUNCTION_INFO_V1(onefin_kpi_rebuild);
Datum onefin_kpi_rebuild(PG_FUNCTION_ARGS) {
    static OfStatement hold = {"SELECT FROM onefin.kpi_state FOR UPDATE", 0, {0}};
    static OfStatement compare = {
        "SELECT onefin.kpi_compare(seal, time_zone) FROM onefin.kpi_state", 0, {0}};
    Datum verdict;

    if (!superuser())
        of_require_granted(fcinfo->flinfo->fn_oid);
    of_spi_begin();
    of_run_as_owner(&hold, NULL, false);
    of_spi_end();
    verdict = of_value(&compare, NULL, true, false);
    if (verdict == (Datum)0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("there are no figures yet"),
                        errhint("They are made once the library is in "
                                "shared_preload_libraries and something was sealed.")));
    return verdict;
}
