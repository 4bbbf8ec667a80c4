/*
 * lookup.h: rows of a table by a bigint key, cheap when neighbours are asked for.
 */
#ifndef ONEFIN_LOOKUP_H
#define ONEFIN_LOOKUP_H

#include "postgres.h"

#include "access/genam.h"
#include "access/htup.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "utils/palloc.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* Where a row is, on a page that was kept. */
typedef struct OfPlace {
    int64 key;
    uint64 page;
    OffsetNumber offset; /* 0: no row */
} OfPlace;

typedef struct OfLookup {
    MemoryContext memory; /* scans allocate as they go, and keep it */
    Relation table;
    Relation index;
    Snapshot snapshot;
    IndexScanDesc scan;
    TupleTableSlot *slot; /* of the scan */
    char *pages;          /* the last ones read whole, a ring; NULL until the first */
    uint64 npages;        /* read so far; page n is in the ring at n % its size */
    OfPlace *places;      /* of their rows, by the key's last bits */
    HeapTupleData tuple;
    TupleTableSlot *kept; /* holds it */
    int64 last;           /* the key that was asked for last */
} OfLookup;

extern void of_lookup_open(OfLookup *lookup, const char *table, const char *index,
                           Snapshot snapshot);
extern TupleTableSlot *of_lookup(OfLookup *lookup, int64 key);
extern TupleTableSlot *of_lookup_pair(OfLookup *lookup, int64 key, int32 second);
extern void of_lookup_close(OfLookup *lookup);

#endif
