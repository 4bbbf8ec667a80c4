/*
 * canon.h: the canonical bytes of a journal entry and the chain of seals.
 */
#ifndef ONEFIN_CANON_H
#define ONEFIN_CANON_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "common/cryptohash.h"
#include "common/sha2.h"

/* The columns of an entry that are sealed, in the order in which OF_ENTRY_COLUMNS selects them. */
#define OF_ENTRY_COLUMNS                                                                           \
    "j.id, j.xact, j.at, j.actor_id, j.session_id, j.org_id, j.topic_id, j.subject_id,"            \
    " j.account_id, j.version, j.kind, j.audience, j.db_user, j.address, j.digest, j.detail"
#define OF_ENTRY_NCOLUMNS 16

typedef struct OfHash {
    uint8 bytes[PG_SHA256_DIGEST_LENGTH];
} OfHash;

extern pg_cryptohash_ctx *of_chain_begin(const OfHash *previous, int64 number);
extern void of_chain_entry(pg_cryptohash_ctx *chain, HeapTuple row, TupleDesc desc);
extern void of_chain_end(pg_cryptohash_ctx *chain, OfHash *hash);

#endif
