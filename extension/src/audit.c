/*
 * audit.c: the trigger that journals changes of configuration rows, with before and after.
 *
 * It holds for whatever hand makes the change. The kind is the table's name with created, changed
 * or deleted; password hashes are left out of the rows. What the entry is about, and who is told,
 * is read from the row's columns: org_id (or id, of a company) and account_id (or id, of an
 * account).
 */
#include "postgres.h"

#include "audience.h"

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "journal.h"
#include "json.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

static Datum row_json(HeapTuple row, TupleDesc desc) {
    Datum shown = DirectFunctionCall1(row_to_json, heap_copy_tuple_as_datum(row, desc));
    Datum json = DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(shown)));

    return DirectFunctionCall2(jsonb_delete, json, CStringGetTextDatum("password_hash"));
}

static Jsonb *before_and_after(HeapTuple before, HeapTuple after, TupleDesc desc) {
    JsonbParseState *state = NULL;

    of_json_begin(&state);
    if (before)
        of_json_value(&state, "before", row_json(before, desc));
    if (after)
        of_json_value(&state, "after", row_json(after, desc));
    return of_json_end(&state);
}

/* A bigint column by name; 0 when the table has none of this name and type, or it is NULL. */
static int64 id_of(HeapTuple row, TupleDesc desc, const char *column) {
    int number = SPI_fnumber(desc, column);
    bool isnull;
    Datum value;

    if (number <= 0 || SPI_gettypeid(desc, number) != INT8OID)
        return 0;
    value = SPI_getbinval(row, desc, number, &isnull);
    return isnull ? 0 : DatumGetInt64(value);
}

static bool same_row(HeapTuple a, HeapTuple b) {
    return a->t_len == b->t_len && a->t_data->t_hoff == b->t_data->t_hoff &&
           HeapTupleHeaderGetNatts(a->t_data) == HeapTupleHeaderGetNatts(b->t_data) &&
           memcmp((char *)a->t_data + a->t_data->t_hoff, (char *)b->t_data + b->t_data->t_hoff,
                  a->t_len - a->t_data->t_hoff) == 0;
}

static void write_entry(const char *table, const char *change, HeapTuple row, TupleDesc desc,
                        Jsonb *detail) {
    OfEntry entry = {
        .kind = psprintf("%s.%s", table, change), .audience = OF_TO_ADMIN, .detail = detail};

    entry.subject = id_of(row, desc, "id");
    if (strcmp(table, "org") == 0) {
        entry.org = entry.subject;
        entry.audience = OF_TO_ORG;
    } else if (strcmp(table, "assignment") == 0) {
        entry.org = id_of(row, desc, "org_id");
        entry.account = id_of(row, desc, "account_id");
        entry.audience = OF_TO_ORG;
    } else if (strcmp(table, "account") == 0)
        entry.account = entry.subject;
    of_access_note(of_journal(&entry), entry.kind, detail);
}

PG_FUNCTION_INFO_V1(onefin_audit);
Datum onefin_audit(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    HeapTuple before = NULL;
    HeapTuple after = NULL;
    TupleDesc desc;
    const char *change;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.audit is an AFTER trigger for each row")));
    desc = RelationGetDescr(trigger->tg_relation);
    if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event)) {
        after = trigger->tg_trigtuple;
        change = "created";
    } else {
        before = trigger->tg_trigtuple;
        after = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : NULL;
        change = after ? "changed" : "deleted";
    }
    if (before && after && same_row(before, after))
        return PointerGetDatum(NULL);
    write_entry(RelationGetRelationName(trigger->tg_relation), change, after ? after : before, desc,
                before_and_after(before, after, desc));
    return PointerGetDatum(NULL);
}
