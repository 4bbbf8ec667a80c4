/*
 * sealed.c: seals and their entries, read in the order of the system.
 *
 * For who goes through all of it, to verify or to export: seals come some at a time, entries are
 * looked up one by one, and memory does not grow with their number. Who may see them is for the
 * caller to mind.
 */
#include "postgres.h"

#include "sealed.h"

#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "plan.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Seals read at a time: a chunk of a verification and the one before it. */
#define SEALS_PER_READ 256

static void take_seal(uint64 row, OfSeal *seal) {
    ArrayType *entries;
    bool isnull;

    seal->head.number = of_result_id(row, 1);
    seal->head.at = DatumGetTimestampTz(of_result(row, 2, &isnull));
    seal->head.cluster = of_result_id(row, 3);
    seal->head.base_id = of_result_id(row, 4);
    seal->head.snapshot = of_result_text(row, 5);
    of_hash_from_bytea(of_result(row, 6, &isnull), &seal->hash);
    entries = DatumGetArrayTypeP(of_result(row, 7, &isnull));
    seal->n = ArrayGetNItems(ARR_NDIM(entries), ARR_DIMS(entries));
    seal->ids = (const int64 *)ARR_DATA_PTR(entries);
    seal->checks = DatumGetByteaPP(of_result(row, 8, &isnull));
}

/* Visits the next seals, some of them; the number of the last, 0 when that is to be all. */
static int64 visit_some(int64 after, int64 to, OfSealVisit visit, void *owner,
                        MemoryContext memory) {
    static OfStatement read = {
        "SELECT number, at, cluster, base_id, snapshot, hash, entries, checks FROM onefin.seal"
        " WHERE number > $1 AND number <= $2 ORDER BY number LIMIT " CppAsString2(SEALS_PER_READ),
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};
    SPITupleTable *rows;
    bool more = true;
    OfSeal seal;
    uint64 n;

    of_arg(&args, Int64GetDatum(after), false);
    of_arg(&args, Int64GetDatum(to), false);
    of_spi_begin();
    n = of_run_as_owner(&read, &args, true);
    rows = SPI_tuptable;
    for (uint64 i = 0; more && i < n; i++) {
        MemoryContext before = MemoryContextSwitchTo(memory);

        CHECK_FOR_INTERRUPTS();
        SPI_tuptable = rows;
        take_seal(i, &seal);
        more = visit(owner, &seal);
        after = seal.head.number;
        MemoryContextSwitchTo(before);
        MemoryContextReset(memory);
    }
    of_spi_end();
    return more && n == SEALS_PER_READ ? after : 0;
}

/* Visits the seals after a number up to another, those that are there, in their order. */
void of_seals_visit(int64 after, int64 to, OfSealVisit visit, void *owner) {
    MemoryContext memory =
        AllocSetContextCreate(CurrentMemoryContext, "onefin seal", ALLOCSET_DEFAULT_SIZES);

    do
        after = visit_some(after, to, visit, owner, memory);
    while (after > 0);
    MemoryContextDelete(memory);
}

/* The first OF_CHECK_BYTES of an entry's digest as the seal keeps them; NULL when it does not. */
const uint8 *of_seal_check(const OfSeal *seal, int i) {
    if (VARSIZE_ANY_EXHDR(seal->checks) < (Size)(i + 1) * OF_CHECK_BYTES)
        return NULL;
    return (const uint8 *)VARDATA_ANY(seal->checks) + (Size)i * OF_CHECK_BYTES;
}

void of_entries_open(OfEntries *entries, Snapshot snapshot) {
    static const char *const names[OF_ENTRY_NCOLUMNS] = OF_ENTRY_NAMES;

    of_lookup_open(&entries->journal, "journal", "journal_pkey", snapshot);
    of_row_empty(&entries->row, RelationGetDescr(entries->journal.table), names, OF_ENTRY_NCOLUMNS);
}

/* False when there is no such entry. Its values are valid until the next is read. */
bool of_entries_read(OfEntries *entries, int64 id, OfSealedEntry *entry) {
    TupleTableSlot *slot = of_lookup(&entries->journal, id);

    if (slot == NULL)
        return false;
    slot_getallattrs(slot);
    for (int column = 0; column < OF_ENTRY_NCOLUMNS; column++) {
        int at = entries->row.numbers[column] - 1;

        entry->values[column] = slot->tts_values[at];
        entry->nulls[column] = slot->tts_isnull[at];
    }
    return true;
}

void of_entries_close(OfEntries *entries) {
    of_lookup_close(&entries->journal);
}
