/*
 * palloc.h: included before every source file of the extension when it is built for
 * AddressSanitizer, so that a step beyond the end of what it allocates is seen.
 *
 * PostgreSQL's memory contexts cut their chunks from large blocks, of which ASan knows the ends
 * only. A chunk that is too large for them is a block of its own: so each of ours is made that
 * large, and what was not asked for is poisoned. When PostgreSQL frees the block, by pfree or with
 * its context, ASan forgets the poison and sees whoever uses it still.
 */
#ifndef ONEFIN_TEST_PALLOC_H
#define ONEFIN_TEST_PALLOC_H

#include "postgres.h"

#include "utils/memutils.h"
#include "utils/palloc.h"

#include <sanitizer/asan_interface.h>

/* Larger than any chunk that is cut from a block (aset.c, ALLOC_CHUNK_LIMIT). */
#define GUARD 16384

static inline void *guarded_alloc(MemoryContext context, Size size) {
    Size whole = size + GUARD;
    char *chunk = MemoryContextAllocExtended(context, whole, 0);

    ASAN_POISON_MEMORY_REGION(chunk + size, whole - size);
    return chunk;
}

static inline void *guarded_alloc_zero(MemoryContext context, Size size) {
    return memset(guarded_alloc(context, size), 0, size);
}

#undef palloc
#define palloc(size)                         guarded_alloc(CurrentMemoryContext, size)
#undef palloc0
#define palloc0(size)                        guarded_alloc_zero(CurrentMemoryContext, size)
#define MemoryContextAlloc(context, size)     guarded_alloc(context, size)
#define MemoryContextAllocZero(context, size) guarded_alloc_zero(context, size)

#endif
