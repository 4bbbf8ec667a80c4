/*
 * canon.c: the canonical bytes of a journal entry and the chain of seals.
 *
 *   hash(n) = SHA-256(hash(n-1) || n || entry || entry ...)        hash(0) is 32 zero bytes
 *
 * n is 8 bytes, most significant first, as are all numbers here. An entry is its columns in the
 * order of OF_ENTRY_COLUMNS, each as one length of 4 bytes and so many bytes; NULL is the length
 * 0xFFFFFFFF. bigint, xid8 and timestamptz (microseconds since 2000-01-01 UTC) are 8 bytes, integer
 * 4, bytea and text as they are, everything else its text form, in UTF-8. None of this depends on
 * a setting, on the machine or on the cluster: an export can be checked without a database.
 */
#include "postgres.h"

#include "canon.h"

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/lsyscache.h"

#define NULL_LENGTH 0xFFFFFFFFu

static void add(pg_cryptohash_ctx *chain, const void *data, size_t length) {
    if (pg_cryptohash_update(chain, data, length) < 0)
        elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(chain));
}

static void add_field(pg_cryptohash_ctx *chain, const void *data, uint32 length) {
    uint32 prefix = pg_hton32(length);

    add(chain, &prefix, sizeof(prefix));
    add(chain, data, length);
}

static void add_null(pg_cryptohash_ctx *chain) {
    uint32 prefix = pg_hton32(NULL_LENGTH);

    add(chain, &prefix, sizeof(prefix));
}

static void add_value(pg_cryptohash_ctx *chain, Datum value, Oid type) {
    switch (type) {
    case INT8OID:
    case XID8OID:
    case TIMESTAMPTZOID: {
        uint64 number = pg_hton64((uint64)DatumGetInt64(value));

        add_field(chain, &number, sizeof(number));
        break;
    }
    case INT4OID: {
        uint32 number = pg_hton32((uint32)DatumGetInt32(value));

        add_field(chain, &number, sizeof(number));
        break;
    }
    case TEXTOID:
    case BYTEAOID: {
        struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

        add_field(chain, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
        break;
    }
    default: {
        Oid output;
        bool varlena;
        char *text;

        getTypeOutputInfo(type, &output, &varlena);
        text = OidOutputFunctionCall(output, value);
        add_field(chain, text, strlen(text));
        pfree(text);
    }
    }
}

/* Begins the hash of a seal. The context is freed by of_chain_end. */
pg_cryptohash_ctx *of_chain_begin(const OfHash *previous, int64 number) {
    pg_cryptohash_ctx *chain = pg_cryptohash_create(PG_SHA256);
    uint64 n = pg_hton64((uint64)number);

    if (pg_cryptohash_init(chain) < 0)
        elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(chain));
    add(chain, previous->bytes, sizeof(previous->bytes));
    add(chain, &n, sizeof(n));
    return chain;
}

/* Adds one entry, a row of OF_ENTRY_COLUMNS. */
void of_chain_entry(pg_cryptohash_ctx *chain, HeapTuple row, TupleDesc desc) {
    for (int column = 1; column <= OF_ENTRY_NCOLUMNS; column++) {
        bool isnull;
        Datum value = heap_getattr(row, column, desc, &isnull);

        if (isnull)
            add_null(chain);
        else
            add_value(chain, value, TupleDescAttr(desc, column - 1)->atttypid);
    }
}

void of_chain_end(pg_cryptohash_ctx *chain, OfHash *hash) {
    if (pg_cryptohash_final(chain, hash->bytes, sizeof(hash->bytes)) < 0)
        elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(chain));
    pg_cryptohash_free(chain);
}
