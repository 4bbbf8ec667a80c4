/*
 * canon.h: the canonical bytes of an entry and of a message's version, and the chain of seals.
 */
#ifndef ONEFIN_CANON_H
#define ONEFIN_CANON_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "sha256.h"

/* The columns of an entry that are sealed, in their order. */
#define OF_ENTRY_COLUMNS                                                                           \
    "j.id, j.xact, j.at, j.actor_id, j.session_id, j.org_id, j.topic_id, j.subject_id,"            \
    " j.account_id, j.version, j.kind, j.audience, j.db_user, j.application, j.address, j.digest," \
    " j.record, j.detail"

typedef enum OfEntryColumn {
    OF_ENTRY_ID,
    OF_ENTRY_XACT,
    OF_ENTRY_AT,
    OF_ENTRY_ACTOR,
    OF_ENTRY_SESSION,
    OF_ENTRY_ORG,
    OF_ENTRY_TOPIC,
    OF_ENTRY_SUBJECT,
    OF_ENTRY_ACCOUNT,
    OF_ENTRY_VERSION,
    OF_ENTRY_KIND,
    OF_ENTRY_AUDIENCE,
    OF_ENTRY_DB_USER,
    OF_ENTRY_APPLICATION,
    OF_ENTRY_ADDRESS,
    OF_ENTRY_DIGEST,
    OF_ENTRY_RECORD,
    OF_ENTRY_DETAIL,
    OF_ENTRY_NCOLUMNS
} OfEntryColumn;

#define OF_ENTRY_NAMES                                                                             \
    {                                                                                              \
        "id", "xact", "at", "actor_id", "session_id", "org_id", "topic_id", "subject_id",          \
            "account_id", "version", "kind", "audience", "db_user", "application", "address",      \
            "digest", "record", "detail"                                                           \
    }

/* Bytes of each entry's digest that its seal keeps, to name the one that changed. */
#define OF_CHECK_BYTES 8

/* What a seal says beside its entries. */
typedef struct OfSealHead {
    int64 number;
    TimestampTz at;
    int64 cluster;
    int64 base_id;
    const char *snapshot; /* text form of a pg_snapshot */
} OfSealHead;

typedef struct OfChain {
    StringInfoData bytes;
} OfChain;

/* Fields, each with its length before it. */
extern void of_canon_bytes(StringInfo to, const void *data, uint32 length);
extern void of_canon_text(StringInfo to, const char *text); /* NULL is null */
extern void of_canon_int64(StringInfo to, int64 number);
extern void of_canon_value(StringInfo to, Datum value, bool isnull, Oid type);

/* values and nulls are those of OF_ENTRY_COLUMNS. scratch is used and left filled. */
extern void of_entry_digest(const Datum *values, const bool *nulls, StringInfo scratch,
                            OfHash *digest);

extern void of_chain_begin(OfChain *chain, const OfHash *previous, const OfSealHead *head);
extern void of_chain_entry(OfChain *chain, const OfHash *digest);
extern void of_chain_end(OfChain *chain, OfHash *hash);

#endif
