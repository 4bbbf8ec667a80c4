/*
 * lookup.c: rows of a table by a bigint key, cheap when neighbours are asked for.
 *
 * Whoever checks a million rows against another table mostly asks for rows that were written close
 * to each other. For a key near the last one the whole page of its row is copied, with the places
 * of all rows on it that the snapshot sees; most of the next keys are then found without the index,
 * without a buffer and without asking about visibility. Through the index each row cost three times
 * as much, in whatever order. Keys far from the last one are looked up alone.
 */
#include "postgres.h"

#include "lookup.h"

#include "access/heapam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am_d.h"
#include "row.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"

/* Pages kept: more than writers fill at the same time. And places, for more rows than are there. */
#define PAGES  64
#define PLACES 16384

/* Keys from the last one on either side within which a page is worth its copy. */
#define NEAR 256

void of_lookup_open(OfLookup *lookup, const char *table, const char *index, Snapshot snapshot) {
    *lookup = (OfLookup){.memory = CurrentMemoryContext, .snapshot = snapshot};
    lookup->table = table_open(of_relation(table), AccessShareLock);
    lookup->index = index_open(of_relation(index), AccessShareLock);
    lookup->scan = index_beginscan(lookup->table, lookup->index, snapshot,
                                   IndexRelationGetNumberOfKeyAttributes(lookup->index), 0);
    lookup->slot = table_slot_create(lookup->table, NULL);
    lookup->kept = MakeSingleTupleTableSlot(RelationGetDescr(lookup->table), &TTSOpsHeapTuple);
}

static char *page_of(const OfLookup *lookup, uint64 page) {
    return lookup->pages + page % PAGES * BLCKSZ;
}

static OfPlace *place_of(OfLookup *lookup, int64 key) {
    return &lookup->places[(uint64)key % PLACES];
}

static TupleTableSlot *find_kept(OfLookup *lookup, int64 key) {
    const OfPlace *place;
    ItemId item;

    if (lookup->pages == NULL)
        return NULL;
    place = place_of(lookup, key);
    if (place->offset == 0 || place->key != key || lookup->npages - place->page > PAGES)
        return NULL;
    item = PageGetItemId(page_of(lookup, place->page), place->offset);
    lookup->tuple.t_len = ItemIdGetLength(item);
    lookup->tuple.t_data = (HeapTupleHeader)PageGetItem(page_of(lookup, place->page), item);
    return ExecStoreHeapTuple(&lookup->tuple, lookup->kept, false);
}

/* Notes the places of the rows of a page, locked in its buffer, that the snapshot sees. */
static void note_places(OfLookup *lookup, Buffer buffer, BlockNumber block) {
    Page page = BufferGetPage(buffer);
    bool all_visible = PageIsAllVisible(page) && !lookup->snapshot->takenDuringRecovery;
    OffsetNumber last = PageGetMaxOffsetNumber(page);
    AttrNumber key_column = lookup->index->rd_index->indkey.values[0];
    HeapTupleData tuple = {.t_tableOid = RelationGetRelid(lookup->table)};

    for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset++) {
        ItemId item = PageGetItemId(page, offset);
        bool isnull;
        int64 key;

        if (!ItemIdIsNormal(item))
            continue;
        tuple.t_data = (HeapTupleHeader)PageGetItem(page, item);
        tuple.t_len = ItemIdGetLength(item);
        ItemPointerSet(&tuple.t_self, block, offset);
        if (!all_visible && !HeapTupleSatisfiesVisibility(&tuple, lookup->snapshot, buffer))
            continue;
        key = DatumGetInt64(
            heap_getattr(&tuple, key_column, RelationGetDescr(lookup->table), &isnull));
        *place_of(lookup, key) = (OfPlace){key, lookup->npages, offset};
    }
}

static void keep_page(OfLookup *lookup, BlockNumber block) {
    Buffer buffer = ReadBuffer(lookup->table, block);

    if (lookup->pages == NULL) {
        lookup->pages = MemoryContextAlloc(lookup->memory, PAGES * BLCKSZ);
        lookup->places = MemoryContextAllocZero(lookup->memory, PLACES * sizeof(OfPlace));
    }
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    memcpy(page_of(lookup, lookup->npages), BufferGetPage(buffer), BLCKSZ);
    note_places(lookup, buffer, block);
    UnlockReleaseBuffer(buffer);
    lookup->npages++;
}

static void start(OfLookup *lookup, ScanKey keys, int n) {
    MemoryContext before = MemoryContextSwitchTo(lookup->memory);

    index_rescan(lookup->scan, keys, n, NULL, 0);
    MemoryContextSwitchTo(before);
}

static TupleTableSlot *next(OfLookup *lookup) {
    MemoryContext before = MemoryContextSwitchTo(lookup->memory);
    bool found = index_getnext_slot(lookup->scan, ForwardScanDirection, lookup->slot);

    MemoryContextSwitchTo(before);
    return found ? lookup->slot : NULL;
}

/* The row, valid until the next look; NULL when there is none. */
TupleTableSlot *of_lookup(OfLookup *lookup, int64 key) {
    bool near = (uint64)key - (uint64)lookup->last + NEAR < 2 * NEAR;
    TupleTableSlot *slot = find_kept(lookup, key);
    ScanKeyData equal;

    lookup->last = key;
    if (slot)
        return slot;
    ScanKeyInit(&equal, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key));
    start(lookup, &equal, 1);
    slot = next(lookup);
    if (slot && near && lookup->table->rd_rel->relam == HEAP_TABLE_AM_OID)
        keep_page(lookup, ItemPointerGetBlockNumber(&slot->tts_tid));
    return slot;
}

/* By the two columns of the index, the second an integer. */
TupleTableSlot *of_lookup_pair(OfLookup *lookup, int64 key, int32 second) {
    ScanKeyData equal[2];

    ScanKeyInit(&equal[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key));
    ScanKeyInit(&equal[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(second));
    start(lookup, equal, 2);
    return next(lookup);
}

void of_lookup_close(OfLookup *lookup) {
    ExecDropSingleTupleTableSlot(lookup->slot);
    ExecDropSingleTupleTableSlot(lookup->kept);
    index_endscan(lookup->scan);
    index_close(lookup->index, AccessShareLock);
    table_close(lookup->table, AccessShareLock);
}
