/*
 * sealed.h: seals and their entries, read in the order of the system.
 */
#ifndef ONEFIN_SEALED_H
#define ONEFIN_SEALED_H

#include "postgres.h"

#include "canon.h"
#include "lookup.h"
#include "row.h"
#include "utils/array.h"

typedef struct OfSeal {
    OfSealHead head;
    OfHash hash;
    int n;            /* entries */
    const int64 *ids; /* theirs */
    bytea *checks;
} OfSeal;

/* One entry as read, by OfEntryColumn. */
typedef struct OfSealedEntry {
    Datum values[OF_ENTRY_NCOLUMNS];
    bool nulls[OF_ENTRY_NCOLUMNS];
} OfSealedEntry;

/* Looks at a seal, in memory that is for this seal alone. False to see no more. */
typedef bool (*OfSealVisit)(void *owner, const OfSeal *seal);

extern void of_seals_visit(int64 after, int64 to, OfSealVisit visit, void *owner);
extern const uint8 *of_seal_check(const OfSeal *seal, int i);

/* The entries of seals, looked up. */
typedef struct OfEntries {
    OfLookup journal;
    OfRow row; /* where the journal's columns are */
} OfEntries;

extern void of_entries_open(OfEntries *entries, Snapshot snapshot);
extern bool of_entries_read(OfEntries *entries, int64 id, OfSealedEntry *entry);
extern void of_entries_close(OfEntries *entries);

#endif
