/*
 * canon.c: the canonical bytes of an entry and of a message's version, and the chain of seals.
 *
 *   digest(entry) = SHA-256(its columns in the order of OF_ENTRY_COLUMNS)
 *   hash(n) = SHA-256(hash(n-1) || n || at || cluster || base_id || snapshot || digest || digest
 * ...)
 *
 * hash(0) is 32 zero bytes; n is 8 bytes. Columns, and what follows n but for the digests, are
 * fields: a length of 4 bytes and so many bytes, NULL being the length 0xFFFFFFFF. Numbers have the
 * most significant byte first. bigint, xid8 and timestamptz (microseconds since 2000-01-01 UTC) are
 * 8 bytes, integer 4, boolean 1, uuid 16, bytea and text as they are, everything else its text
 * form, in UTF-8. None of this depends on a setting, on the machine or on the cluster: an export
 * can be checked without a database. Entries go into the chain by their digests, so that an extract
 * can prove itself without showing what it leaves out.
 */
#include "postgres.h"

#include "canon.h"

#include "catalog/pg_type_d.h"
#include "compat.h"
#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#define NULL_LENGTH 0xFFFFFFFFu

static const Oid entry_types[OF_ENTRY_NCOLUMNS] = {
    INT8OID, XID8OID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID, INT8OID,  INT8OID,  INT8OID,
    INT4OID, TEXTOID, TEXTOID,        TEXTOID, TEXTOID, INETOID, BYTEAOID, BYTEAOID, JSONBOID};

/* One check for room instead of two: a fifth of a verification went into appending. */
static inline void add_field(StringInfo to, const void *data, uint32 length) {
    uint32 prefix = pg_hton32(length);

    enlargeStringInfo(to, (int)(sizeof(prefix) + length));
    memcpy(to->data + to->len, &prefix, sizeof(prefix));
    memcpy(to->data + to->len + sizeof(prefix), data, length);
    to->len += (int)(sizeof(prefix) + length);
}

void of_canon_bytes(StringInfo to, const void *data, uint32 length) {
    add_field(to, data, length);
}

static void add_null(StringInfo to) {
    uint32 prefix = pg_hton32(NULL_LENGTH);

    appendBinaryStringInfo(to, (const char *)&prefix, sizeof(prefix));
}

void of_canon_text(StringInfo to, const char *text) {
    if (text)
        of_canon_bytes(to, text, strlen(text));
    else
        add_null(to);
}

void of_canon_int64(StringInfo to, int64 number) {
    uint64 bytes = pg_hton64((uint64)number);

    add_field(to, &bytes, sizeof(bytes));
}

/* Addresses come in runs, and printing one is slow: the last is kept. */
static void add_address(StringInfo to, Datum value) {
    static char kept[64];
    static int kept_size = 0;
    static char text[64];
    struct varlena *address = PG_DETOAST_DATUM_PACKED(value);
    int size = (int)VARSIZE_ANY_EXHDR(address);

    if (size != kept_size || memcmp(kept, VARDATA_ANY(address), size) != 0) {
        char *printed = DatumGetCString(DirectFunctionCall1(inet_out, value));

        strlcpy(text, printed, sizeof(text));
        pfree(printed);
        kept_size = Min(size, (int)sizeof(kept));
        memcpy(kept, VARDATA_ANY(address), kept_size);
    }
    of_canon_text(to, text);
}

static void add_by_output(StringInfo to, Datum value, Oid type) {
    Oid output;
    bool varlena;
    char *text;

    getTypeOutputInfo(type, &output, &varlena);
    text = OidOutputFunctionCall(output, value);
    of_canon_text(to, text);
    pfree(text);
}

void of_canon_value(StringInfo to, Datum value, bool isnull, Oid type) {
    if (isnull) {
        add_null(to);
        return;
    }
    switch (type) {
    case INT8OID:
    case XID8OID:
    case TIMESTAMPTZOID:
        of_canon_int64(to, DatumGetInt64(value));
        break;
    case INT4OID: {
        uint32 number = pg_hton32((uint32)DatumGetInt32(value));

        add_field(to, &number, sizeof(number));
        break;
    }
    case BOOLOID: {
        uint8 truth = DatumGetBool(value);

        add_field(to, &truth, sizeof(truth));
        break;
    }
    case UUIDOID:
        add_field(to, DatumGetUUIDP(value)->data, UUID_LEN);
        break;
    case TEXTOID:
    case BYTEAOID: {
        struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

        add_field(to, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
        break;
    }
    case INETOID:
        add_address(to, value);
        break;
    default:
        add_by_output(to, value, type);
    }
}

void of_entry_digest(const Datum *values, const bool *nulls, StringInfo scratch, OfHash *digest) {
    resetStringInfo(scratch);
    for (int column = 0; column < OF_ENTRY_NCOLUMNS; column++)
        of_canon_value(scratch, values[column], nulls[column], entry_types[column]);
    of_hash(scratch->data, scratch->len, digest);
}

void of_chain_begin(OfChain *chain, const OfHash *previous, const OfSealHead *head) {
    uint64 number = pg_hton64((uint64)head->number);

    initStringInfo(&chain->bytes);
    appendBinaryStringInfo(&chain->bytes, (const char *)previous->bytes, OF_HASH_BYTES);
    appendBinaryStringInfo(&chain->bytes, (const char *)&number, sizeof(number));
    of_canon_int64(&chain->bytes, head->at);
    of_canon_int64(&chain->bytes, head->cluster);
    of_canon_int64(&chain->bytes, head->base_id);
    of_canon_text(&chain->bytes, head->snapshot);
}

void of_chain_entry(OfChain *chain, const OfHash *digest) {
    appendBinaryStringInfo(&chain->bytes, (const char *)digest->bytes, OF_HASH_BYTES);
}

void of_chain_end(OfChain *chain, OfHash *hash) {
    of_hash(chain->bytes.data, chain->bytes.len, hash);
    pfree(chain->bytes.data);
}
