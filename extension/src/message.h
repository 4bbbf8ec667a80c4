/*
 * message.h: a row of onefin.message, and whose words an imported one holds.
 */
#ifndef ONEFIN_MESSAGE_H
#define ONEFIN_MESSAGE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "row.h"
#include "sha256.h"
#include "utils/jsonb.h"

/* Columns of onefin.message, in the order of the table (40_message.sql). */
typedef enum OfMessageColumn {
    OF_MESSAGE_ID,
    OF_MESSAGE_ORG,
    OF_MESSAGE_TOPIC,
    OF_MESSAGE_TICKET,
    OF_MESSAGE_AUTHOR,
    OF_MESSAGE_AT,
    OF_MESSAGE_EDITED_AT,
    OF_MESSAGE_DELETED_AT,
    OF_MESSAGE_REDACTED_AT,
    OF_MESSAGE_REPLY_TO,
    OF_MESSAGE_VERSION,
    OF_MESSAGE_IMPORTED,
    OF_MESSAGE_AUTHOR_ROLE,
    OF_MESSAGE_AUTHOR_NAME,
    OF_MESSAGE_VISIBILITY,
    OF_MESSAGE_CLIENT_KEY,
    OF_MESSAGE_DOCUMENTS,
    OF_MESSAGE_DIGEST,
    OF_MESSAGE_TEXT,
    OF_MESSAGE_NCOLUMNS
} OfMessageColumn;

extern void of_message_empty(OfRow *row, TupleDesc desc);
extern void of_message_read(OfRow *row, HeapTuple tuple, TupleDesc desc);
extern void of_message_record(const OfRow *message, OfHash *record);
extern Jsonb *of_message_json(const OfRow *row, Datum documents);

/* Of the next message that is written, a copy is kept for whoever asks; NULL when none was. */
extern void of_keep_written(void);
extern HeapTuple of_take_written(TupleDesc *desc);

/* An author as the row of a message keeps it. */
typedef struct OfImport {
    int64 account;
    const char *role;
    const char *name;
    TimestampTz at;
    bool machine;
} OfImport;

extern const OfImport *of_set_import(const OfImport *import);

extern bool of_set_redacting(bool on);

#endif
