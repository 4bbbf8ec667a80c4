/*
 * row.c: rows by the names of their columns, and inserting one by heap access.
 *
 * The records (journal, seal, message_version) are inserted here and nowhere else: no trigger of
 * theirs fires, no right is asked for and no plan is run, which is what makes a send cheap; and
 * their triggers can refuse every INSERT, by whatever hand.
 */
#include "postgres.h"

#include "row.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type_d.h"
#include "commands/sequence.h"
#include "compat.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* Where the columns are; found in their order, so each mostly at the first look. */
static void find_columns(OfRow *row, const char *const *names, int n) {
    int natts = row->desc->natts;
    int at = 0;

    if (natts > OF_MAX_COLUMNS || n > natts)
        elog(ERROR, "a table has %d columns", natts);
    for (int i = 0; i < n; i++) {
        int looked = 0;

        while (TupleDescAttr(row->desc, at)->attisdropped ||
               strcmp(NameStr(TupleDescAttr(row->desc, at)->attname), names[i]) != 0) {
            at = (at + 1) % natts;
            if (++looked > natts)
                elog(ERROR, "a table has no column %s", names[i]);
        }
        row->numbers[i] = (AttrNumber)(at + 1);
        at = (at + 1) % natts;
    }
    row->ncolumns = n;
}

/* All columns NULL. */
void of_row_empty(OfRow *row, TupleDesc desc, const char *const *names, int n) {
    row->desc = desc;
    find_columns(row, names, n);
    memset(row->nulls, true, sizeof(row->nulls));
    memset(row->values, 0, sizeof(row->values));
}

void of_row_read(OfRow *row, HeapTuple tuple, TupleDesc desc, const char *const *names, int n) {
    row->desc = desc;
    find_columns(row, names, n);
    heap_deform_tuple(tuple, desc, row->values, row->nulls);
}

/* The row of a slot of the same table, valid while the slot holds it. */
void of_row_take(OfRow *row, TupleTableSlot *slot) {
    slot_getallattrs(slot);
    memcpy(row->values, slot->tts_values, sizeof(Datum) * row->desc->natts);
    memcpy(row->nulls, slot->tts_isnull, sizeof(bool) * row->desc->natts);
}

/* The row as a tuple; in the place of the original, where there is one. */
HeapTuple of_row_tuple(const OfRow *row, HeapTuple original) {
    HeapTuple tuple = heap_form_tuple(row->desc, (Datum *)row->values, (bool *)row->nulls);

    if (original) {
        tuple->t_data->t_ctid = original->t_data->t_ctid;
        tuple->t_self = original->t_self;
        tuple->t_tableOid = original->t_tableOid;
    }
    return tuple;
}

int64 of_row_id(const OfRow *row, int column) {
    return of_row_null(row, column) ? 0 : DatumGetInt64(of_row_get(row, column));
}

char *of_row_text(const OfRow *row, int column) {
    return of_row_null(row, column) ? NULL : TextDatumGetCString(of_row_get(row, column));
}

void of_row_set_id(OfRow *row, int column, int64 id) {
    of_row_set(row, column, Int64GetDatum(id), id == 0);
}

void of_row_set_time(OfRow *row, int column, TimestampTz at) {
    of_row_set(row, column, TimestampTzGetDatum(at), false);
}

void of_row_set_text(OfRow *row, int column, const char *text) {
    of_row_set(row, column, text ? CStringGetTextDatum(text) : (Datum)0, text == NULL);
}

bool of_relation_exists(const char *name) {
    return OidIsValid(get_relname_relid(name, get_namespace_oid("onefin", false)));
}

Oid of_relation(const char *name) {
    Oid relation = get_relname_relid(name, get_namespace_oid("onefin", false));

    if (!OidIsValid(relation))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                        errmsg("relation \"onefin.%s\" does not exist", name)));
    return relation;
}

int64 of_next_id(const char *sequence) {
    return nextval_internal(of_relation(sequence), false);
}

/* Inserts the row and its index entries. Errors: a unique key that is there already. */
void of_row_insert(Relation relation, const OfRow *row) {
    EState *estate = CreateExecutorState();
    ResultRelInfo *target = makeNode(ResultRelInfo);
    TupleTableSlot *slot = MakeSingleTupleTableSlot(row->desc, table_slot_callbacks(relation));

    InitResultRelInfo(target, relation, 0, NULL, 0);
    ExecOpenIndices(target, false);
    memcpy(slot->tts_values, row->values, sizeof(Datum) * row->desc->natts);
    memcpy(slot->tts_isnull, row->nulls, sizeof(bool) * row->desc->natts);
    ExecStoreVirtualTuple(slot);
    if (row->desc->constr)
        ExecConstraints(target, slot, estate);
    table_tuple_insert(relation, slot, GetCurrentCommandId(true), 0, NULL);
    (void)of_insert_index_tuples(target, slot, estate);
    ExecCloseIndices(target);
    ExecDropSingleTupleTableSlot(slot);
    FreeExecutorState(estate);
}

static void check_not_null(const OfRow *row) {
    for (int i = 0; i < row->desc->natts; i++)
        if (row->nulls[i] && TupleDescAttr(row->desc, i)->attnotnull)
            elog(ERROR, "no %s in a record", NameStr(TupleDescAttr(row->desc, i)->attname));
}

static void insert_entry(Oid oid, Relation relation, const OfRow *row, ItemPointer place,
                         bool in_partial) {
    Relation index = index_open(oid, RowExclusiveLock);
    Form_pg_index form = index->rd_index;
    bool partial = !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);
    Datum values[INDEX_MAX_KEYS];
    bool nulls[INDEX_MAX_KEYS];

    for (int i = 0; i < form->indnatts; i++) {
        values[i] = row->values[form->indkey.values[i] - 1];
        nulls[i] = row->nulls[form->indkey.values[i] - 1];
    }
    if (!partial || in_partial)
        (void)index_insert(index, values, nulls, place, relation,
                           form->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, NULL);
    index_close(index, RowExclusiveLock);
}

/*
 * The same for a record, whose table has no CHECKs, and B-tree indexes of its columns alone: partial
 * ones get an entry where the caller says so. Without an executor's state, and predicates made ready
 * for each row, it costs half as much.
 */
void of_row_insert_record(Relation relation, const OfRow *row, bool in_partial) {
    HeapTuple tuple = heap_form_tuple(row->desc, (Datum *)row->values, (bool *)row->nulls);
    List *indexes = RelationGetIndexList(relation);
    ListCell *cell;

    check_not_null(row);
    simple_heap_insert(relation, tuple);
    foreach (cell, indexes)
        insert_entry(lfirst_oid(cell), relation, row, &tuple->t_self, in_partial);
    list_free(indexes);
    heap_freetuple(tuple);
}

static RegProcedure equality_of(Oid type) {
    switch (type) {
    case INT8OID:
        return F_INT8EQ;
    case BYTEAOID:
        return F_BYTEAEQ;
    case UUIDOID:
        return F_UUID_EQ;
    default:
        elog(ERROR, "no lookup by type %u", type);
    }
}

static void begin_scan(OfFound *found, int nkeys, const Datum *keys) {
    ScanKeyData equal[2];

    Assert(nkeys <= (int)lengthof(equal));
    for (int i = 0; i < nkeys; i++)
        ScanKeyInit(&equal[i], (AttrNumber)(i + 1), BTEqualStrategyNumber,
                    equality_of(TupleDescAttr(RelationGetDescr(found->index), i)->atttypid),
                    keys[i]);
    found->scan = index_beginscan(found->table, found->index, found->snapshot, nkeys, 0);
    index_rescan(found->scan, equal, nkeys, NULL, 0);
}

/*
 * Finds the row of some keys as it is now, by one index and without a plan: what every call asks
 * for must not become a scan of the whole table because that was empty when a plan was made.
 * Anybody's rights are for the caller to mind. of_find_end() follows, found or not.
 */
bool of_find_begin(OfFound *found, const char *table, const char *index, int nkeys,
                   const Datum *keys, OfRow *row, const char *const *names, int n) {
    found->table = table_open(of_relation(table), AccessShareLock);
    found->index = index_open(of_relation(index), AccessShareLock);
    found->snapshot = RegisterSnapshot(GetLatestSnapshot());
    found->slot = table_slot_create(found->table, NULL);
    begin_scan(found, nkeys, keys);
    if (!index_getnext_slot(found->scan, ForwardScanDirection, found->slot))
        return false;
    of_row_empty(row, RelationGetDescr(found->table), names, n);
    of_row_take(row, found->slot);
    return true;
}

/* The next row of the same keys, where the index has more than one. */
bool of_find_next(OfFound *found, OfRow *row) {
    if (!index_getnext_slot(found->scan, ForwardScanDirection, found->slot))
        return false;
    of_row_take(row, found->slot);
    return true;
}

void of_find_end(OfFound *found) {
    index_endscan(found->scan);
    ExecDropSingleTupleTableSlot(found->slot);
    UnregisterSnapshot(found->snapshot);
    index_close(found->index, NoLock);
    table_close(found->table, NoLock);
}
