/*
 * policy.c: how long a client may wait: the policies, remembered by the backend.
 *
 * They are few, and asked for at each wait's start. A statement trigger on the table, which fires
 * ALWAYS, sends a relcache invalidation for it, by which every backend reads them anew (as
 * access.c does with rights).
 */
#include "postgres.h"

#include "policy.h"

#include "access.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "plan.h"
#include "row.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static OfPolicy *policies = NULL;
static uint64 count;
static Oid table = InvalidOid;
static bool known = false;
static bool stale = false;

static void on_relation_change(Datum arg, Oid relation) {
    if (relation == table || !OidIsValid(relation))
        stale = true;
}

static OfPolicy read_row(uint64 row) {
    enum { ID = 1, ORG, KIND, FROM, FIRST, NEXT, RESOLUTION, WARN_SHARE };
    bool isnull;
    Datum kind = of_result(row, KIND, &isnull);

    return (OfPolicy){.id = of_result_id(row, ID),
                      .org = of_result_id(row, ORG),
                      .kind = isnull ? 0 : DatumGetInt16(kind),
                      .from = DatumGetTimestampTz(of_result(row, FROM, &isnull)),
                      .targets = {of_result_id(row, FIRST), of_result_id(row, NEXT),
                                  of_result_id(row, RESOLUTION)},
                      .warn_share = DatumGetFloat8(of_result(row, WARN_SHARE, &isnull))};
}

/* In the order in which one goes before another. */
static void read_all(void) {
    static OfStatement read = {
        "SELECT id, org_id, kind_id, from_at, first_target, next_target, resolution_target,"
        " warn_share::float8 FROM onefin.policy"
        " ORDER BY org_id IS NULL, kind_id IS NULL, from_at DESC, id DESC",
        0,
        {0}};

    uint64 n;

    of_spi_begin();
    n = of_run_as_of_now(&read, NULL);
    if (policies)
        pfree(policies);
    count = 0;
    policies = MemoryContextAlloc(TopMemoryContext, sizeof(OfPolicy) * (n + 1));
    for (; count < n; count++)
        policies[count] = read_row(count);
    of_spi_end();
}

static void learn(void) {
    if (!OidIsValid(table))
        CacheRegisterRelcacheCallback(on_relation_change, (Datum)0);
    AcceptInvalidationMessages();
    while (!known || stale) {
        table = of_relation("policy");
        stale = known = false;
        read_all();
        known = true;
        AcceptInvalidationMessages();
    }
}

/* The policy for a wait that starts at that moment, in topics of that kind of a company. */
OfPolicy of_policy_for(int64 org, int16 kind, TimestampTz at) {
    learn();
    for (uint64 i = 0; i < count; i++) {
        const OfPolicy *policy = &policies[i];

        if ((policy->org == 0 || policy->org == org) &&
            (policy->kind == 0 || policy->kind == kind) && policy->from <= at)
            return *policy;
    }
    return (OfPolicy){0};
}

/* AFTER each statement that changes the policies. */
PG_FUNCTION_INFO_V1(onefin_policy_changed);
Datum onefin_policy_changed(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.policy_changed is an AFTER trigger for each statement")));
    CacheInvalidateRelcacheByRelid(RelationGetRelid(trigger->tg_relation));
    return PointerGetDatum(NULL);
}
