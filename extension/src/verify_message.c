/*
 * verify_message.c: is a message's version the one that its entry tells of?
 *
 * The newest version is the row of onefin.message; an earlier one is its row of
 * onefin.message_version together with what all versions share. The record (record.c) vouches for
 * all columns but the text, for which the digest does. The text may be gone where the journal says
 * that it was redacted, or that the company's were erased.
 */
#include "postgres.h"

#include "verify.h"

#include "catalog/pg_type_d.h"
#include "identity.h"
#include "message.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

enum {
    V_MESSAGE,
    V_VERSION,
    V_ORG,
    V_TOPIC,
    V_AUTHOR,
    V_AT,
    V_REPLACED_AT,
    V_OPERATION,
    V_VISIBILITY,
    V_DIGEST,
    V_TEXT,
    V_NCOLUMNS
};

static const char *const version_columns[V_NCOLUMNS] = {
    "message_id",  "version",   "org_id",     "topic_id", "author_id", "at",
    "replaced_at", "operation", "visibility", "digest",   "text"};

/* Where a text is missing by right. */
typedef struct Gone {
    int64 key; /* of a message; minus that of a company */
} Gone;

struct OfMessages {
    OfLookup messages;
    OfLookup versions;
    OfRow message;
    OfRow version;
    MemoryContext memory;
    HTAB *gone; /* NULL until it is asked */
    int64 checked;
};

OfMessages *of_messages_open(Snapshot snapshot) {
    OfMessages *messages = palloc0(sizeof(OfMessages));

    messages->memory = CurrentMemoryContext;
    of_lookup_open(&messages->messages, "message", "message_pkey", snapshot);
    of_lookup_open(&messages->versions, "message_version", "message_version_pkey", snapshot);
    of_message_empty(&messages->message, RelationGetDescr(messages->messages.table));
    of_row_empty(&messages->version, RelationGetDescr(messages->versions.table), version_columns,
                 V_NCOLUMNS);
    return messages;
}

void of_messages_close(OfMessages *messages) {
    of_lookup_close(&messages->messages);
    of_lookup_close(&messages->versions);
}

/* How many versions were told of by the entries checked. */
int64 of_messages_checked(const OfMessages *messages) {
    return messages->checked;
}

/* Which texts are gone by right; read once, when the first is missed. */
static void read_gone(OfMessages *messages) {
    static OfStatement read = {
        "SELECT subject_id FROM onefin.journal WHERE kind = 'message.redacted'"
        " UNION ALL SELECT -org_id FROM onefin.journal WHERE kind = 'org.erased'",
        0,
        {0}};
    HASHCTL control = {.keysize = sizeof(int64), .entrysize = sizeof(Gone)};

    control.hcxt = messages->memory;
    messages->gone =
        hash_create("onefin gone texts", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    of_spi_begin();
    of_run_as_owner(&read, NULL, true);
    for (uint64 i = 0; i < SPI_processed; i++) {
        int64 key = of_result_id(i, 1);

        (void)hash_search(messages->gone, &key, HASH_ENTER, NULL);
    }
    of_spi_end();
}

static bool gone_by_right(OfMessages *messages, int64 message, int64 org) {
    int64 company = -org;

    if (messages->gone == NULL)
        read_gone(messages);
    return hash_search(messages->gone, &message, HASH_FIND, NULL) != NULL ||
           hash_search(messages->gone, &company, HASH_FIND, NULL) != NULL;
}

static bool broken(OfBroken *found, const OfSealedEntry *entry, int32 version, const char *what) {
    *found = (OfBroken){.entry = DatumGetInt64(entry->values[OF_ENTRY_ID]),
                        .message = DatumGetInt64(entry->values[OF_ENTRY_SUBJECT]),
                        .version = version};
    strlcpy(found->what, what, sizeof(found->what));
    return false;
}

static bool same(const OfRow *a, int column_a, const OfRow *b, int column_b, Oid type) {
    if (of_row_null(a, column_a) || of_row_null(b, column_b))
        return of_row_null(a, column_a) && of_row_null(b, column_b);
    if (type == TEXTOID)
        return strcmp(of_row_text(a, column_a), of_row_text(b, column_b)) == 0;
    return DatumGetInt64(of_row_get(a, column_a)) == DatumGetInt64(of_row_get(b, column_b));
}

/* What a version's row repeats of its message's. */
static bool repeats(const OfRow *version, const OfRow *message, bool first) {
    return same(version, V_ORG, message, OF_MESSAGE_ORG, INT8OID) &&
           same(version, V_TOPIC, message, OF_MESSAGE_TOPIC, INT8OID) &&
           same(version, V_AUTHOR, message, OF_MESSAGE_AUTHOR, INT8OID) &&
           same(version, V_VISIBILITY, message, OF_MESSAGE_VISIBILITY, TEXTOID) &&
           strcmp(of_row_text(version, V_OPERATION), first ? "send" : "edit") == 0 &&
           (!first || same(version, V_AT, message, OF_MESSAGE_AT, TIMESTAMPTZOID));
}

/* The message as it was at an earlier version; false when the version's row is not as it was. */
static bool go_back(OfMessages *messages, int64 id, int32 number, OfRow *message) {
    TupleTableSlot *slot = of_lookup_pair(&messages->versions, id, number);
    OfRow *version = &messages->version;

    if (slot == NULL)
        return false;
    of_row_take(version, slot);
    if (!repeats(version, message, number == 1))
        return false;
    of_row_set(message, OF_MESSAGE_VERSION, Int32GetDatum(number), false);
    of_row_set(message, OF_MESSAGE_EDITED_AT, of_row_get(version, V_AT), number == 1);
    of_row_set(message, OF_MESSAGE_DELETED_AT, (Datum)0, true);
    of_row_set(message, OF_MESSAGE_DIGEST, of_row_get(version, V_DIGEST),
               of_row_null(version, V_DIGEST));
    of_row_set(message, OF_MESSAGE_TEXT, of_row_get(version, V_TEXT), of_row_null(version, V_TEXT));
    return true;
}

/* The version before was replaced at the moment when this one was made. */
static bool follows(OfMessages *messages, int64 id, int32 number, const OfRow *message) {
    TupleTableSlot *slot = of_lookup_pair(&messages->versions, id, number - 1);
    int made =
        of_row_null(message, OF_MESSAGE_DELETED_AT) ? OF_MESSAGE_EDITED_AT : OF_MESSAGE_DELETED_AT;

    if (slot == NULL)
        return false;
    of_row_take(&messages->version, slot);
    return same(&messages->version, V_REPLACED_AT, message, made, TIMESTAMPTZOID);
}

/* digest: the entry's, of the text that was; none where the version is a deletion. */
static bool text_holds(OfMessages *messages, const OfRow *message, const OfHash *digest) {
    bool redacted = !of_row_null(message, OF_MESSAGE_REDACTED_AT);
    struct varlena *text;
    OfHash hash;

    if (!of_row_null(message, OF_MESSAGE_DELETED_AT))
        return of_row_null(message, OF_MESSAGE_TEXT);
    if (of_row_null(message, OF_MESSAGE_TEXT) || redacted)
        return of_row_null(message, OF_MESSAGE_TEXT) && redacted &&
               gone_by_right(messages, of_row_id(message, OF_MESSAGE_ID),
                             of_row_id(message, OF_MESSAGE_ORG));
    text = PG_DETOAST_DATUM_PACKED(of_row_get(message, OF_MESSAGE_TEXT));
    of_hash(VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text), &hash);
    return of_same_hash(&hash, digest);
}

static bool is_of(Datum value, bool isnull, const OfHash *hash) {
    OfHash written;

    if (isnull)
        return false;
    of_hash_from_bytea(value, &written);
    return of_same_hash(&written, hash);
}

/* True for an entry that tells of no version. */
bool of_messages_check(OfMessages *messages, const OfSealedEntry *entry, OfBroken *found) {
    int64 id = DatumGetInt64(entry->values[OF_ENTRY_SUBJECT]);
    int32 number = DatumGetInt32(entry->values[OF_ENTRY_VERSION]);
    TupleTableSlot *slot;
    OfRow *message = &messages->message;
    int32 newest;
    OfHash hash;

    if (entry->nulls[OF_ENTRY_RECORD])
        return true;
    messages->checked++;
    slot = of_lookup(&messages->messages, id);
    if (slot == NULL)
        return broken(found, entry, number, "the message is missing");
    of_row_take(message, slot);
    newest = DatumGetInt32(of_row_get(message, OF_MESSAGE_VERSION));
    if (number > newest)
        return broken(found, entry, number, "the message lacks this version");
    if (number < newest && !go_back(messages, id, number, message))
        return broken(found, entry, number, "the earlier version is missing or was changed");
    of_message_record(message, &hash);
    if (!is_of(entry->values[OF_ENTRY_RECORD], entry->nulls[OF_ENTRY_RECORD], &hash))
        return broken(found, entry, number, "the message is not as it was sealed");
    if (!entry->nulls[OF_ENTRY_DIGEST])
        of_hash_from_bytea(entry->values[OF_ENTRY_DIGEST], &hash);
    if (!text_holds(messages, message, &hash))
        return broken(found, entry, number,
                      "the text of the message is not the one that was sealed");
    if (number > 1 && !follows(messages, id, number, message))
        return broken(found, entry, number - 1, "the earlier version is missing or was changed");
    return true;
}
