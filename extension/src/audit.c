/*
 * audit.c: the trigger that journals changes of configuration rows, with before and after.
 *
 * It holds for whatever hand makes the change. AFTER INSERT, UPDATE or DELETE it writes an entry of
 * kind <table>.created, changed or deleted; its detail has the row before and after, and which
 * columns changed. BEFORE TRUNCATE it refuses: rows that go that way could not be told.
 *
 * The trigger's arguments name columns that are secret: they are left out of the rows, and still
 * told among the changed ones. What the entry is about, and who is told, is read from the row's
 * columns: org_id (or id, of a company) and account_id (or id, of an account).
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
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

/* The row as JSON, without its secrets. */
static Datum row_json(const TriggerData *trigger, HeapTuple row) {
    TupleDesc desc = RelationGetDescr(trigger->tg_relation);
    Datum shown = DirectFunctionCall1(row_to_json, heap_copy_tuple_as_datum(row, desc));
    Datum json = DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(shown)));

    for (int i = 0; i < trigger->tg_trigger->tgnargs; i++)
        json = DirectFunctionCall2(jsonb_delete, json,
                                   CStringGetTextDatum(trigger->tg_trigger->tgargs[i]));
    return json;
}

static bool same_value(Form_pg_attribute column, HeapTuple a, HeapTuple b, TupleDesc desc) {
    bool a_null;
    bool b_null;
    Datum left = heap_getattr(a, column->attnum, desc, &a_null);
    Datum right = heap_getattr(b, column->attnum, desc, &b_null);

    if (a_null || b_null)
        return a_null && b_null;
    return datum_image_eq(left, right, column->attbyval, column->attlen);
}

/* The names of the columns that differ, as a JSON array; 0 when none does. */
static Datum changed_columns(HeapTuple before, HeapTuple after, TupleDesc desc) {
    JsonbParseState *state = NULL;
    int n = 0;

    pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
    for (int i = 0; i < desc->natts; i++) {
        Form_pg_attribute column = TupleDescAttr(desc, i);
        JsonbValue name = {.type = jbvString};

        if (column->attisdropped || same_value(column, before, after, desc))
            continue;
        name.val.string.val = NameStr(column->attname);
        name.val.string.len = strlen(name.val.string.val);
        pushJsonbValue(&state, WJB_ELEM, &name);
        n++;
    }
    if (n == 0)
        return (Datum)0;
    return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL)));
}

/* A whole number in a column; 0 when the table has no such column, or it is NULL. */
static int64 id_of(HeapTuple row, TupleDesc desc, const char *name) {
    int column = SPI_fnumber(desc, name);
    bool isnull;
    Datum value;

    if (column <= 0)
        return 0;
    value = SPI_getbinval(row, desc, column, &isnull);
    if (isnull)
        return 0;
    switch (SPI_gettypeid(desc, column)) {
    case INT8OID:
        return DatumGetInt64(value);
    case INT4OID:
        return DatumGetInt32(value);
    case INT2OID:
        return DatumGetInt16(value);
    default:
        return 0;
    }
}

/* The entry as the row says what it is about. */
static OfEntry entry_of(const char *table, HeapTuple row, TupleDesc desc) {
    OfEntry entry = {.audience = OF_TO_ADMIN, .subject = id_of(row, desc, "id")};

    if (strcmp(table, "org") == 0) {
        entry.org = entry.subject;
        entry.audience = OF_TO_ORG;
    } else if (strcmp(table, "assignment") == 0) {
        entry.org = id_of(row, desc, "org_id");
        entry.account = id_of(row, desc, "account_id");
        entry.audience = OF_TO_ORG;
    } else if (strcmp(table, "account") == 0)
        entry.account = entry.subject;
    return entry;
}

static void write_entry(const TriggerData *trigger, HeapTuple row, const char *change,
                        Jsonb *detail) {
    const char *table = RelationGetRelationName(trigger->tg_relation);
    OfEntry entry = entry_of(table, row, RelationGetDescr(trigger->tg_relation));

    entry.kind = psprintf("%s.%s", table, change);
    entry.detail = detail;
    of_access_note(of_journal(&entry), entry.kind, detail);
}

static void audit_insert(const TriggerData *trigger) {
    JsonbParseState *state = NULL;

    of_json_begin(&state);
    of_json_value(&state, "after", row_json(trigger, trigger->tg_trigtuple));
    write_entry(trigger, trigger->tg_trigtuple, "created", of_json_end(&state));
}

static void audit_delete(const TriggerData *trigger) {
    JsonbParseState *state = NULL;

    of_json_begin(&state);
    of_json_value(&state, "before", row_json(trigger, trigger->tg_trigtuple));
    write_entry(trigger, trigger->tg_trigtuple, "deleted", of_json_end(&state));
}

/* A row that goes from one company to another is told to both. */
static void audit_update(const TriggerData *trigger) {
    const char *table = RelationGetRelationName(trigger->tg_relation);
    TupleDesc desc = RelationGetDescr(trigger->tg_relation);
    HeapTuple before = trigger->tg_trigtuple;
    HeapTuple after = trigger->tg_newtuple;
    Datum changed = changed_columns(before, after, desc);
    JsonbParseState *state = NULL;
    Jsonb *detail;

    if (changed == (Datum)0)
        return;
    of_json_begin(&state);
    of_json_value(&state, "before", row_json(trigger, before));
    of_json_value(&state, "after", row_json(trigger, after));
    of_json_value(&state, "changed", changed);
    detail = of_json_end(&state);
    if (entry_of(table, before, desc).org != entry_of(table, after, desc).org)
        write_entry(trigger, before, "changed", detail);
    write_entry(trigger, after, "changed", detail);
}

static void audit_truncate(const TriggerData *trigger) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("TRUNCATE of \"%s\" is refused: the journal could not tell its rows",
                           RelationGetRelationName(trigger->tg_relation)),
                    errhint("DELETE the rows: each is journaled.")));
}

PG_FUNCTION_INFO_V1(onefin_audit);
Datum onefin_audit(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    bool each_row;

    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.audit is a trigger")));
    each_row = TRIGGER_FIRED_AFTER(trigger->tg_event) && TRIGGER_FIRED_FOR_ROW(trigger->tg_event);
    if (!each_row && !TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
        ereport(ERROR,
                (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                 errmsg("onefin.audit is an AFTER trigger for each row, or one of TRUNCATE")));
    for (int i = 0; i < trigger->tg_trigger->tgnargs; i++)
        if (SPI_fnumber(RelationGetDescr(trigger->tg_relation), trigger->tg_trigger->tgargs[i]) <=
            0)
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                            errmsg("\"%s\" has no column \"%s\" for onefin.audit to keep secret",
                                   RelationGetRelationName(trigger->tg_relation),
                                   trigger->tg_trigger->tgargs[i])));

    if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
        audit_insert(trigger);
    else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
        audit_update(trigger);
    else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
        audit_delete(trigger);
    else
        audit_truncate(trigger);
    return PointerGetDatum(NULL);
}
