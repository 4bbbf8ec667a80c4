/*
 * record.c: a row of onefin.message as the journal vouches for it.
 *
 * An entry message.* names two hashes of the version that it tells of: digest, of the text alone,
 * which anybody who has the text can compute; and record, of everything else that the row says and
 * the digest. The text can be redacted, and the record still proves the rest.
 */
#include "postgres.h"

#include "message.h"

#include "canon.h"
#include "catalog/pg_type_d.h"

static const char *const columns[OF_MESSAGE_NCOLUMNS] = {
    "id",         "org_id",       "topic_id",    "ticket_id",   "author_id",
    "at",         "edited_at",    "deleted_at",  "redacted_at", "reply_to",
    "version",    "imported",     "author_role", "author_name", "visibility",
    "client_key", "document_ids", "digest",      "text"};

void of_message_empty(OfRow *row, TupleDesc desc) {
    of_row_empty(row, desc, columns, OF_MESSAGE_NCOLUMNS);
}

void of_message_read(OfRow *row, HeapTuple tuple, TupleDesc desc) {
    of_row_read(row, tuple, desc, columns, OF_MESSAGE_NCOLUMNS);
}

/* Of the version in the row: all its columns but the text and when that was redacted. */
void of_message_record(const OfRow *message, OfHash *record) {
    static const Oid types[OF_MESSAGE_NCOLUMNS] = {
        INT8OID,        INT8OID,        INT8OID,        INT8OID,    INT8OID,
        TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, InvalidOid, INT8OID,
        INT4OID,        BOOLOID,        TEXTOID,        TEXTOID,    TEXTOID,
        UUIDOID,        INT8ARRAYOID,   BYTEAOID,       InvalidOid};
    StringInfoData bytes;

    initStringInfo(&bytes);
    for (int column = 0; column < OF_MESSAGE_NCOLUMNS; column++)
        if (OidIsValid(types[column]))
            of_canon_value(&bytes, of_row_get(message, column), of_row_null(message, column),
                           types[column]);
    of_hash(bytes.data, bytes.len, record);
    pfree(bytes.data);
}
