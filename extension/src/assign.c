/*
 * assign.c: the triggers that keep assignments true.
 *
 * Only accountants are assigned, by whatever hand. Who stops being one is assigned to nothing any
 * more, so that a later return to the role opens no company by itself. What has ended stays ended:
 * who served whom, and when, is part of the record.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "plan.h"
#include "utils/rel.h"

static int64 id_of(HeapTuple row, TupleDesc desc, const char *column) {
    bool isnull;

    return DatumGetInt64(SPI_getbinval(row, desc, SPI_fnumber(desc, column), &isnull));
}

/* Holds the account's row until the end of the transaction: the role does not change meanwhile. */
static void require_accountant(int64 account) {
    static OfStatement find = {
        "SELECT FROM onefin.account WHERE id = $1 AND role = 'accountant' FOR SHARE", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, account);
    of_spi_begin();
    if (of_run_as_owner(&find, &args, false) != 1)
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no accountant %lld", (long long)account),
                 errhint("Only accountants are assigned; accounts lists them.")));
    of_spi_end();
}

/* BEFORE INSERT OR UPDATE on onefin.assignment. */
PG_FUNCTION_INFO_V1(onefin_assignment_check);
Datum onefin_assignment_check(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    TupleDesc desc;
    bool standing;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.assignment_check is a BEFORE trigger for each row")));
    desc = RelationGetDescr(trigger->tg_relation);
    if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event)) {
        require_accountant(id_of(trigger->tg_trigtuple, desc, "account_id"));
        return PointerGetDatum(trigger->tg_trigtuple);
    }
    (void)SPI_getbinval(trigger->tg_trigtuple, desc, SPI_fnumber(desc, "until_at"), &standing);
    if (!standing)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("assignment %lld has ended",
                               (long long)id_of(trigger->tg_trigtuple, desc, "id")),
                        errhint("What has ended stays so; assign anew.")));
    return PointerGetDatum(trigger->tg_newtuple);
}

/* AFTER UPDATE on onefin.account, when an accountant became something else. */
PG_FUNCTION_INFO_V1(onefin_account_end_assignments);
Datum onefin_account_end_assignments(PG_FUNCTION_ARGS) {
    static OfStatement update = {"UPDATE onefin.assignment SET until_at = greatest(from_at, now())"
                                 " WHERE account_id = $1 AND until_at IS NULL",
                                 1,
                                 {INT8OID}};
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    OfArgs args = {0};

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR,
                (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                 errmsg("onefin.account_end_assignments is an UPDATE trigger for each row")));
    of_arg_id(&args, id_of(trigger->tg_newtuple, RelationGetDescr(trigger->tg_relation), "id"));
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    of_spi_end();
    return PointerGetDatum(NULL);
}
