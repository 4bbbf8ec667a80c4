/*
 * lookup.h: rows of a table by a bigint key, cheap when they are asked for in ascending order.
 */
#ifndef ONEFIN_LOOKUP_H
#define ONEFIN_LOOKUP_H

#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "utils/palloc.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef struct OfLookup {
    MemoryContext memory; /* scans allocate as they go, and keep it */
    Relation table;
    Relation index;
    Snapshot snapshot;
    IndexScanDesc forward; /* stands at `at`, and goes on from there */
    IndexScanDesc single;  /* for keys behind it, or far ahead */
    TupleTableSlot *forward_slot;
    TupleTableSlot *single_slot;
    int64 at;
    bool ended; /* the forward scan has no more */
} OfLookup;

extern void of_lookup_open(OfLookup *lookup, const char *table, const char *index,
                           Snapshot snapshot);
extern TupleTableSlot *of_lookup(OfLookup *lookup, int64 key);
extern TupleTableSlot *of_lookup_pair(OfLookup *lookup, int64 key, int32 second);
extern void of_lookup_close(OfLookup *lookup);

#endif
