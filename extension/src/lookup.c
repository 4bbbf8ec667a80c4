/*
 * lookup.c: rows of a table by a bigint key, cheap when they are asked for in ascending order.
 *
 * Whoever checks a million rows against another table mostly asks for the next one: a scan along
 * the index goes forward with them, at a third of the cost of coming down from its root for each.
 */
#include "postgres.h"

#include "lookup.h"

#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type_d.h"
#include "row.h"
#include "utils/fmgroids.h"

/* Keys passed over that still are cheaper than a look from the root. */
#define NEAR 8

void of_lookup_open(OfLookup *lookup, const char *table, const char *index, Snapshot snapshot) {
    *lookup = (OfLookup){.memory = CurrentMemoryContext, .snapshot = snapshot, .ended = true};
    lookup->table = table_open(of_relation(table), AccessShareLock);
    lookup->index = index_open(of_relation(index), AccessShareLock);
    lookup->forward = index_beginscan(lookup->table, lookup->index, snapshot, 1, 0);
    lookup->single = index_beginscan(lookup->table, lookup->index, snapshot,
                                     IndexRelationGetNumberOfKeyAttributes(lookup->index), 0);
    lookup->forward_slot = table_slot_create(lookup->table, NULL);
    lookup->single_slot = table_slot_create(lookup->table, NULL);
}

static int64 key_of(OfLookup *lookup, TupleTableSlot *slot) {
    bool isnull;

    return DatumGetInt64(slot_getattr(slot, lookup->index->rd_index->indkey.values[0], &isnull));
}

static void step(OfLookup *lookup) {
    lookup->ended =
        !index_getnext_slot(lookup->forward, ForwardScanDirection, lookup->forward_slot);
    if (!lookup->ended)
        lookup->at = key_of(lookup, lookup->forward_slot);
}

static void start_at(OfLookup *lookup, int64 key) {
    ScanKeyData from;

    ScanKeyInit(&from, 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(key));
    index_rescan(lookup->forward, &from, 1, NULL, 0);
    step(lookup);
}

static TupleTableSlot *look_once(OfLookup *lookup, ScanKey keys, int n) {
    index_rescan(lookup->single, keys, n, NULL, 0);
    return index_getnext_slot(lookup->single, ForwardScanDirection, lookup->single_slot)
               ? lookup->single_slot
               : NULL;
}

static TupleTableSlot *look_near(OfLookup *lookup, int64 key) {
    ScanKeyData equal;

    if (!lookup->ended && key < lookup->at) {
        ScanKeyInit(&equal, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key));
        return look_once(lookup, &equal, 1);
    }
    for (int i = 0; i < NEAR && !lookup->ended && lookup->at < key; i++)
        step(lookup);
    if (lookup->ended || lookup->at < key)
        start_at(lookup, key);
    return !lookup->ended && lookup->at == key ? lookup->forward_slot : NULL;
}

/* The row, valid until the next look; NULL when there is none. */
TupleTableSlot *of_lookup(OfLookup *lookup, int64 key) {
    MemoryContext before = MemoryContextSwitchTo(lookup->memory);
    TupleTableSlot *slot = look_near(lookup, key);

    MemoryContextSwitchTo(before);
    return slot;
}

/* By the two columns of the index, the second an integer. */
TupleTableSlot *of_lookup_pair(OfLookup *lookup, int64 key, int32 second) {
    MemoryContext before = MemoryContextSwitchTo(lookup->memory);
    TupleTableSlot *slot;
    ScanKeyData equal[2];

    ScanKeyInit(&equal[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key));
    ScanKeyInit(&equal[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(second));
    slot = look_once(lookup, equal, 2);
    MemoryContextSwitchTo(before);
    return slot;
}

void of_lookup_close(OfLookup *lookup) {
    ExecDropSingleTupleTableSlot(lookup->forward_slot);
    ExecDropSingleTupleTableSlot(lookup->single_slot);
    index_endscan(lookup->forward);
    index_endscan(lookup->single);
    index_close(lookup->index, AccessShareLock);
    table_close(lookup->table, AccessShareLock);
}
