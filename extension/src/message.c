/*
 * message.c: the triggers of onefin.message, which keep every version.
 *
 * BEFORE INSERT   finds company, ticket and author; nothing that the writer says of them counts.
 * BEFORE UPDATE   files the outgoing row in message_version; of the new row only the text counts.
 *                 A text of NULL makes it a tombstone.
 * BEFORE DELETE   makes it a tombstone by such an update, and keeps the row.
 * AFTER           attaches or withdraws documents and writes the journal.
 *
 * They hold for everybody, by whatever way a row is written. An import (import.c) says whose words
 * they are and when they were said, through of_set_import().
 */
#include "postgres.h"

#include "message.h"

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "identity.h"
#include "journal.h"
#include "mb/pg_wchar.h"
#include "plan.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* Characters of one message; a longer text is a document. */
#define TEXT_LIMIT 16384

static const OfImport *importing = NULL;

/* Says for the next inserts whose words they are and when said; NULL ends it. Returns the former.
 */
const OfImport *of_set_import(const OfImport *import) {
    const OfImport *before = importing;

    importing = import;
    return before;
}

static int column_of(TupleDesc desc, const char *name) {
    int number = SPI_fnumber(desc, name);

    if (number <= 0)
        elog(ERROR, "onefin.message has no column %s", name);
    return number;
}

static Datum get(HeapTuple row, TupleDesc desc, const char *name, bool *isnull) {
    return heap_getattr(row, column_of(desc, name), desc, isnull);
}

static int64 get_id(HeapTuple row, TupleDesc desc, const char *name) {
    bool isnull;
    Datum value = get(row, desc, name, &isnull);

    return isnull ? 0 : DatumGetInt64(value);
}

static char *get_text(HeapTuple row, TupleDesc desc, const char *name) {
    bool isnull;
    Datum value = get(row, desc, name, &isnull);

    return isnull ? NULL : TextDatumGetCString(value);
}

/* Columns to be set in a row, collected and applied at once. */
typedef struct Changes {
    int n;
    int columns[16];
    Datum values[16];
    bool nulls[16];
} Changes;

static void set(Changes *changes, TupleDesc desc, const char *name, Datum value, bool isnull) {
    Assert(changes->n < (int)lengthof(changes->columns));
    changes->columns[changes->n] = column_of(desc, name);
    changes->values[changes->n] = value;
    changes->nulls[changes->n] = isnull;
    changes->n++;
}

static HeapTuple apply(Changes *changes, HeapTuple row, TupleDesc desc) {
    return heap_modify_tuple_by_cols(row, desc, changes->n, changes->columns, changes->values,
                                     changes->nulls);
}

static int count_documents(HeapTuple row, TupleDesc desc) {
    bool isnull;
    Datum ids = get(row, desc, "document_ids", &isnull);

    return isnull ? 0
                  : ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(ids)),
                                   ARR_DIMS(DatumGetArrayTypeP(ids)));
}

static void check_text(const char *text, bool has_documents) {
    if (!has_documents && (text == NULL || text[strspn(text, " \t\r\n")] == '\0'))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the message is empty"),
                        errhint("Write a text, or attach a document.")));
    if (text && pg_mbstrlen(text) > TEXT_LIMIT)
        ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
                        errmsg("the message has more than %d characters", TEXT_LIMIT),
                        errhint("Attach long texts as a document.")));
}

/* The topic's open ticket, opening one when there is none. */
static int64 open_ticket(int64 org, int64 topic, int64 author, TimestampTz at) {
    static OfStatement open = {
        "INSERT INTO onefin.ticket (org_id, topic_id, opened_by, opened_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (topic_id) WHERE state <> 'closed' DO NOTHING RETURNING id",
        4,
        {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID}};
    static OfStatement find = {
        "SELECT id FROM onefin.ticket WHERE topic_id = $1 AND state <> 'closed'", 1, {INT8OID}};
    OfArgs args = {0};
    OfArgs topic_only = {0};
    int64 ticket;

    of_arg_id(&topic_only, topic);
    if (of_run_as_owner(&find, &topic_only, false) == 1)
        return of_result_id(0, 1);

    of_arg_id(&args, org);
    of_arg_id(&args, topic);
    of_arg_id(&args, author);
    of_arg(&args, TimestampTzGetDatum(at), false);
    if (of_run_as_owner(&open, &args, false) == 1) {
        ticket = of_result_id(0, 1);
        of_journal(&(OfEntry){.kind = "ticket.opened",
                              .audience = OF_TO_ORG,
                              .org = org,
                              .topic = topic,
                              .subject = ticket,
                              .detail = of_detail("state", "open")});
        return ticket;
    }
    /* Another writer opened it between the two looks. */
    if (of_run_as_owner(&find, &topic_only, false) != 1)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("the round of topic %lld was closed meanwhile", (long long)topic),
                        errhint("Send the message again.")));
    return of_result_id(0, 1);
}

/* An answer stays in its topic, and a client cannot answer what clients do not see. */
static void check_reply(int64 reply_to, int64 topic, const char *visibility) {
    static OfStatement find = {"SELECT FROM onefin.message WHERE id = $1 AND topic_id = $2"
                               " AND (visibility = 'all' OR $3 = 'staff')",
                               3,
                               {INT8OID, INT8OID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, reply_to);
    of_arg_id(&args, topic);
    of_arg_text(&args, visibility);
    if (of_run_as_owner(&find, &args, false) != 1)
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no message %lld", (long long)reply_to),
                 errhint("reply_to names a message of the same topic; a public answer names a "
                         "public one.")));
}

static void check_visibility(const char *visibility, OfRole author) {
    if (visibility == NULL || (strcmp(visibility, "all") != 0 && strcmp(visibility, "staff") != 0))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("visibility is neither \"all\" nor \"staff\""),
                        errhint("Leave it out for a message that everybody of the topic sees.")));
    if (strcmp(visibility, "staff") == 0 && author == OF_CLIENT)
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                 errmsg("clients write no notes for staff"), errhint("Leave visibility out.")));
}

static HeapTuple fill_new(HeapTuple row, TupleDesc desc) {
    const OfActor *actor = of_require_actor();
    OfImport own = {actor->account, of_role_name(actor->role), actor->name, GetCurrentTimestamp()};
    const OfImport *author = importing ? importing : &own;
    int64 topic = get_id(row, desc, "topic_id");
    int64 org = of_require_topic(topic);
    int64 reply_to = get_id(row, desc, "reply_to");
    char *text = get_text(row, desc, "text");
    char *visibility = get_text(row, desc, "visibility");
    Changes changes = {0};
    bool no_documents = count_documents(row, desc) == 0;

    check_visibility(visibility, of_role_by_name(author->role));
    check_text(text, !no_documents);
    of_spi_begin();
    if (reply_to)
        check_reply(reply_to, topic, visibility);
    set(&changes, desc, "ticket_id",
        Int64GetDatum(open_ticket(org, topic, author->account, author->at)), false);
    of_spi_end();

    set(&changes, desc, "org_id", Int64GetDatum(org), false);
    set(&changes, desc, "author_id", Int64GetDatum(author->account), false);
    set(&changes, desc, "author_role", CStringGetTextDatum(author->role), false);
    set(&changes, desc, "author_name", CStringGetTextDatum(author->name), false);
    set(&changes, desc, "at", TimestampTzGetDatum(author->at), false);
    set(&changes, desc, "edited_at", (Datum)0, true);
    set(&changes, desc, "deleted_at", (Datum)0, true);
    set(&changes, desc, "version", Int32GetDatum(1), false);
    set(&changes, desc, "imported", BoolGetDatum(importing != NULL), false);
    if (text == NULL)
        set(&changes, desc, "text", CStringGetTextDatum(""), false);
    if (no_documents)
        set(&changes, desc, "document_ids", (Datum)0, true); /* [] is none */
    return apply(&changes, row, desc);
}

/* Files the row that is about to be replaced. */
static void file_version(HeapTuple row, TupleDesc desc, int32 version, TimestampTz now) {
    static OfStatement insert = {
        "INSERT INTO onefin.message_version (message_id, version, org_id, topic_id, author_id, at,"
        " replaced_at, operation, visibility, digest, text)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        11,
        {INT8OID, INT4OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID,
         TEXTOID, BYTEAOID, TEXTOID}};
    OfArgs args = {0};
    bool isnull;
    char *text = get_text(row, desc, "text");

    of_arg_id(&args, get_id(row, desc, "id"));
    of_arg(&args, Int32GetDatum(version), false);
    of_arg_id(&args, get_id(row, desc, "org_id"));
    of_arg_id(&args, get_id(row, desc, "topic_id"));
    of_arg_id(&args, get_id(row, desc, "author_id"));
    of_arg(&args, get(row, desc, version == 1 ? "at" : "edited_at", &isnull), false);
    of_arg(&args, TimestampTzGetDatum(now), false);
    of_arg_text(&args, version == 1 ? "send" : "edit");
    of_arg_text(&args, get_text(row, desc, "visibility"));
    of_arg(&args, PointerGetDatum(of_sha256(text, strlen(text))), false);
    of_arg_text(&args, text);
    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    of_spi_end();
}

static void refuse_if_deleted(HeapTuple row, TupleDesc desc) {
    bool standing;

    (void)get(row, desc, "deleted_at", &standing);
    if (!standing)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("message %lld is deleted", (long long)get_id(row, desc, "id")),
                        errhint("What was deleted stays so; send a new message.")));
}

static HeapTuple replace(HeapTuple old_row, HeapTuple new_row, TupleDesc desc) {
    TimestampTz now = GetCurrentTimestamp();
    char *old_text = get_text(old_row, desc, "text");
    char *new_text = get_text(new_row, desc, "text");
    Changes changes = {0};
    bool isnull;
    int32 version;

    refuse_if_deleted(old_row, desc);
    if (new_text && strcmp(new_text, old_text) == 0)
        return NULL; /* nothing was said anew */
    if (new_text)
        check_text(new_text, count_documents(old_row, desc) > 0);

    version = DatumGetInt32(get(old_row, desc, "version", &isnull));
    file_version(old_row, desc, version, now);
    set(&changes, desc, "text", new_text ? CStringGetTextDatum(new_text) : (Datum)0, !new_text);
    set(&changes, desc, "version", Int32GetDatum(version + 1), false);
    set(&changes, desc, new_text ? "edited_at" : "deleted_at", TimestampTzGetDatum(now), false);
    return apply(&changes, old_row, desc);
}

static void bury(HeapTuple row, TupleDesc desc) {
    static OfStatement update = {
        "UPDATE onefin.message SET text = NULL WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    refuse_if_deleted(row, desc);
    of_arg_id(&args, get_id(row, desc, "id"));
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    of_spi_end();
}

PG_FUNCTION_INFO_V1(onefin_message_before);
Datum onefin_message_before(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    TupleDesc desc;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.message_before is a BEFORE trigger for each row")));
    desc = RelationGetDescr(trigger->tg_relation);
    if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
        return PointerGetDatum(fill_new(trigger->tg_trigtuple, desc));
    if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
        return PointerGetDatum(replace(trigger->tg_trigtuple, trigger->tg_newtuple, desc));
    bury(trigger->tg_trigtuple, desc);
    return PointerGetDatum(NULL); /* the row stays */
}

/* Ties documents to the message that carries them: the author's own, of this topic, not yet sent.
 */
static void attach(HeapTuple row, TupleDesc desc) {
    static OfStatement update = {
        "UPDATE onefin.document SET message_id = $1, visibility = $2"
        " WHERE id = ANY ($3) AND topic_id = $4 AND uploader_id = $5 AND message_id IS NULL",
        5,
        {INT8OID, TEXTOID, INT8ARRAYOID, INT8OID, INT8OID}};
    OfArgs args = {0};
    bool isnull;
    Datum ids = get(row, desc, "document_ids", &isnull);

    if (isnull)
        return;
    of_arg_id(&args, get_id(row, desc, "id"));
    of_arg_text(&args, get_text(row, desc, "visibility"));
    of_arg(&args, ids, false);
    of_arg_id(&args, get_id(row, desc, "topic_id"));
    of_arg_id(&args, get_id(row, desc, "author_id"));
    of_spi_begin();
    if (of_run_as_owner(&update, &args, false) != (uint64)count_documents(row, desc))
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND),
                 errmsg("a document of the message is not there to be sent"),
                 errhint("Upload documents to the same topic, and send each in one message.")));
    of_spi_end();
}

static void withdraw(HeapTuple row, TupleDesc desc) {
    static OfStatement update = {
        "UPDATE onefin.document SET withdrawn_at = $2 WHERE message_id = $1",
        2,
        {INT8OID, TIMESTAMPTZOID}};
    OfArgs args = {0};
    bool isnull;

    if (count_documents(row, desc) == 0)
        return;
    of_arg_id(&args, get_id(row, desc, "id"));
    of_arg(&args, get(row, desc, "deleted_at", &isnull), false);
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    of_spi_end();
}

static void journal_message(HeapTuple row, TupleDesc desc, const char *kind) {
    char *text = get_text(row, desc, "text");
    bool isnull;

    of_journal(&(OfEntry){.kind = kind,
                          .audience = strcmp(get_text(row, desc, "visibility"), "staff") == 0
                                          ? OF_TO_STAFF
                                          : OF_TO_ORG,
                          .org = get_id(row, desc, "org_id"),
                          .topic = get_id(row, desc, "topic_id"),
                          .subject = get_id(row, desc, "id"),
                          .version = DatumGetInt32(get(row, desc, "version", &isnull)),
                          .digest = text ? of_sha256(text, strlen(text)) : NULL});
}

PG_FUNCTION_INFO_V1(onefin_message_after);
Datum onefin_message_after(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    TupleDesc desc;
    bool standing;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.message_after is an AFTER trigger for each row")));
    desc = RelationGetDescr(trigger->tg_relation);
    if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event)) {
        attach(trigger->tg_trigtuple, desc);
        journal_message(trigger->tg_trigtuple, desc,
                        importing ? "message.imported" : "message.sent");
        return PointerGetDatum(NULL);
    }
    (void)get(trigger->tg_newtuple, desc, "deleted_at", &standing);
    if (!standing)
        withdraw(trigger->tg_newtuple, desc);
    journal_message(trigger->tg_newtuple, desc, standing ? "message.edited" : "message.deleted");
    return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(onefin_refuse_change);
Datum onefin_refuse_change(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;

    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.refuse_change is a trigger")));
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("rows of onefin.%s are a record and stay as they are",
                           RelationGetRelationName(trigger->tg_relation)),
                    errhint("What was written here is corrected by writing more.")));
}
