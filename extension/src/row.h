/*
 * row.h: rows by the names of their columns, and inserting one by heap access.
 */
#ifndef ONEFIN_ROW_H
#define ONEFIN_ROW_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "access/genam.h"
#include "access/relscan.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* A row taken apart. Columns are addressed by their place in the list of names it was read with. */
#define OF_MAX_COLUMNS 64

typedef struct OfRow {
    TupleDesc desc;
    int ncolumns;
    AttrNumber numbers[OF_MAX_COLUMNS]; /* of the named columns */
    Datum values[OF_MAX_COLUMNS];       /* of the table's, by number - 1 */
    bool nulls[OF_MAX_COLUMNS];
} OfRow;

extern void of_row_empty(OfRow *row, TupleDesc desc, const char *const *names, int n);
extern void of_row_read(OfRow *row, HeapTuple tuple, TupleDesc desc, const char *const *names,
                        int n);
extern void of_row_take(OfRow *row, TupleTableSlot *slot);
extern HeapTuple of_row_tuple(const OfRow *row, HeapTuple original);

static inline bool of_row_null(const OfRow *row, int column) {
    return row->nulls[row->numbers[column] - 1];
}

static inline Datum of_row_get(const OfRow *row, int column) {
    return row->values[row->numbers[column] - 1];
}

static inline void of_row_set(OfRow *row, int column, Datum value, bool isnull) {
    row->values[row->numbers[column] - 1] = value;
    row->nulls[row->numbers[column] - 1] = isnull;
}

extern int64 of_row_id(const OfRow *row, int column); /* NULL is 0 */
extern char *of_row_text(const OfRow *row, int column);
extern void of_row_set_id(OfRow *row, int column, int64 id); /* 0 is NULL */
extern void of_row_set_time(OfRow *row, int column, TimestampTz at);
extern void of_row_set_text(OfRow *row, int column, const char *text);

/* A relation of schema onefin. */
extern bool of_relation_exists(const char *name);
extern Oid of_relation(const char *name);
extern int64 of_next_id(const char *sequence);
extern void of_row_insert(Relation relation, const OfRow *row);
extern void of_row_insert_record(Relation relation, const OfRow *row, bool in_partial);

/* Rows found by an index; what is read of one is valid until the next, or of_find_end(). */
typedef struct OfFound {
    Relation table;
    Relation index;
    Snapshot snapshot;
    IndexScanDesc scan;
    TupleTableSlot *slot;
} OfFound;

extern bool of_find_begin(OfFound *found, const char *table, const char *index, int nkeys,
                          const Datum *keys, OfRow *row, const char *const *names, int n);
extern bool of_find_next(OfFound *found, OfRow *row);
extern void of_find_end(OfFound *found);

#endif
