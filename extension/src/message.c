/*
 * message.c: the triggers of onefin.message, which keep every version.
 *
 * BEFORE INSERT   finds id, company, ticket and author; nothing that the writer says of them
 * counts. BEFORE UPDATE   files the outgoing row in message_version; of the new row only the text
 * counts. A text of NULL makes it a tombstone. BEFORE DELETE   makes it a tombstone by such an
 * update, and keeps the row. AFTER           attaches or withdraws documents and writes the
 * journal.
 *
 * They hold for everybody, by whatever way a row is written. An import (import.c) says whose words
 * they are and when they were said, through of_set_import(); a redaction (redact.c), through
 * of_set_redacting(), that its own statements take texts out.
 */
#include "postgres.h"

#include "message.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "identity.h"
#include "job.h"
#include "journal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "plan.h"
#include "sha256.h"
#include "ticket.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "wait.h"

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

static bool keep_written = false;
static HeapTuple written = NULL; /* in TopTransactionContext */
static TupleDesc written_desc;

void of_keep_written(void) {
    keep_written = true;
    written = NULL;
}

HeapTuple of_take_written(TupleDesc *desc) {
    HeapTuple tuple = written;

    *desc = written_desc;
    keep_written = false;
    written = NULL;
    return tuple;
}

static void keep_if_asked(HeapTuple tuple, TupleDesc desc) {
    MemoryContext before;

    if (!keep_written)
        return;
    before = MemoryContextSwitchTo(TopTransactionContext);
    written = heap_copytuple(tuple);
    written_desc = desc;
    MemoryContextSwitchTo(before);
}

static bool redacting = false;

/*
 * While on, updates of messages and of their versions pass as they are, and are not journaled here:
 * for the statements of redact.c alone, which take texts out. Returns what it was.
 */
bool of_set_redacting(bool on) {
    bool before = redacting;

    redacting = on;
    return before;
}

static bool is_note(const OfRow *row) {
    return strcmp(of_row_text(row, OF_MESSAGE_VISIBILITY), "staff") == 0;
}

static int count_documents(const OfRow *row) {
    ArrayType *ids;

    if (of_row_null(row, OF_MESSAGE_DOCUMENTS))
        return 0;
    ids = DatumGetArrayTypeP(of_row_get(row, OF_MESSAGE_DOCUMENTS));
    return ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids));
}

static void set_text(OfRow *row, const char *text) {
    of_row_set_text(row, OF_MESSAGE_TEXT, text);
    of_row_set(row, OF_MESSAGE_DIGEST,
               text ? PointerGetDatum(of_sha256(text, strlen(text))) : (Datum)0, text == NULL);
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

/* The round that a message of the author belongs to, opening one when there is none. A client who
 * writes what was waited for has it go on; what was said elsewhere changes no state. */
static int64 enter_ticket(int64 org, int64 topic, const OfImport *author, bool is_public) {
    OfTicket ticket = of_ticket_find(topic);
    bool staff = strcmp(author->role, "client") != 0;

    if (ticket.id == 0)
        ticket.id = of_ticket_open(org, topic, author->account, author->at, NULL);
    if (!is_public || author->machine)
        return ticket.id;
    if (staff && ticket.last_staff != author->account)
        of_ticket_spoken(ticket.id, author->account);
    if (!staff && ticket.waiting && !importing)
        of_ticket_goes_on(org, topic, ticket.id, author->at);
    return ticket.id;
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
    of_spi_begin();
    if (of_run_as_owner(&find, &args, false) != 1)
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no message %lld", (long long)reply_to),
                 errhint("reply_to names a message of the same topic; a public answer names a "
                         "public one.")));
    of_spi_end();
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

static HeapTuple fill_new(HeapTuple tuple, TupleDesc desc) {
    const OfActor *actor = of_require_actor();
    OfImport own = {actor->account, of_role_name(actor->role), actor->name, GetCurrentTimestamp(),
                    actor->machine};
    const OfImport *author = importing ? importing : &own;
    OfRow row;
    int64 topic;
    int64 org;
    char *text;

    of_message_read(&row, tuple, desc);
    topic = of_row_id(&row, OF_MESSAGE_TOPIC);
    org = of_require_served_topic(topic);
    text = of_row_text(&row, OF_MESSAGE_TEXT);
    check_visibility(of_row_text(&row, OF_MESSAGE_VISIBILITY), of_role_by_name(author->role));
    check_text(text, count_documents(&row) > 0);
    if (!of_row_null(&row, OF_MESSAGE_REPLY_TO))
        check_reply(of_row_id(&row, OF_MESSAGE_REPLY_TO), topic,
                    of_row_text(&row, OF_MESSAGE_VISIBILITY));
    of_queue_up(topic);
    of_row_set_id(&row, OF_MESSAGE_TICKET, enter_ticket(org, topic, author, !is_note(&row)));

    of_row_set_id(&row, OF_MESSAGE_ID, of_next_id("message_id_seq"));
    of_row_set_id(&row, OF_MESSAGE_ORG, org);
    of_row_set_id(&row, OF_MESSAGE_AUTHOR, author->account);
    of_row_set_text(&row, OF_MESSAGE_AUTHOR_ROLE, author->role);
    of_row_set_text(&row, OF_MESSAGE_AUTHOR_NAME, author->name);
    of_row_set_time(&row, OF_MESSAGE_AT, author->at);
    of_row_set(&row, OF_MESSAGE_EDITED_AT, (Datum)0, true);
    of_row_set(&row, OF_MESSAGE_DELETED_AT, (Datum)0, true);
    of_row_set(&row, OF_MESSAGE_REDACTED_AT, (Datum)0, true);
    of_row_set(&row, OF_MESSAGE_VERSION, Int32GetDatum(1), false);
    of_row_set(&row, OF_MESSAGE_IMPORTED, BoolGetDatum(importing != NULL), false);
    if (count_documents(&row) == 0)
        of_row_set(&row, OF_MESSAGE_DOCUMENTS, (Datum)0, true); /* [] is none */
    set_text(&row, text ? text : "");
    return of_row_tuple(&row, tuple);
}

/* Files the row that is about to be replaced. */
static void file_version(const OfRow *message, TimestampTz now) {
    enum {
        MESSAGE,
        VERSION,
        ORG,
        TOPIC,
        AUTHOR,
        AT,
        REPLACED_AT,
        OPERATION,
        VISIBILITY,
        DIGEST,
        TEXT
    };
    static const char *const columns[] = {"message_id", "version", "org_id",      "topic_id",
                                          "author_id",  "at",      "replaced_at", "operation",
                                          "visibility", "digest",  "text"};
    static const struct {
        int from, to;
    } same[] = {{OF_MESSAGE_ID, MESSAGE},    {OF_MESSAGE_VERSION, VERSION},
                {OF_MESSAGE_ORG, ORG},       {OF_MESSAGE_TOPIC, TOPIC},
                {OF_MESSAGE_AUTHOR, AUTHOR}, {OF_MESSAGE_VISIBILITY, VISIBILITY},
                {OF_MESSAGE_DIGEST, DIGEST}, {OF_MESSAGE_TEXT, TEXT}};
    Relation versions = table_open(of_relation("message_version"), RowExclusiveLock);
    bool first = DatumGetInt32(of_row_get(message, OF_MESSAGE_VERSION)) == 1;
    OfRow row;

    of_row_empty(&row, RelationGetDescr(versions), columns, lengthof(columns));
    for (size_t i = 0; i < lengthof(same); i++)
        of_row_set(&row, same[i].to, of_row_get(message, same[i].from),
                   of_row_null(message, same[i].from));
    of_row_set(&row, AT, of_row_get(message, first ? OF_MESSAGE_AT : OF_MESSAGE_EDITED_AT), false);
    of_row_set_time(&row, REPLACED_AT, now);
    of_row_set_text(&row, OPERATION, first ? "send" : "edit");
    of_row_insert_record(versions, &row, false);
    table_close(versions, NoLock);
}

static void refuse_if_deleted(const OfRow *row) {
    if (!of_row_null(row, OF_MESSAGE_DELETED_AT))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("message %lld is deleted", (long long)of_row_id(row, OF_MESSAGE_ID)),
                        errhint("What was deleted stays so; send a new message.")));
}

static void refuse_if_redacted(const OfRow *row) {
    if (!of_row_null(row, OF_MESSAGE_REDACTED_AT))
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("message %lld is redacted", (long long)of_row_id(row, OF_MESSAGE_ID)),
                 errhint("Its text was taken out for good; delete it, or send a new message.")));
}

/* Who may write any column (a superuser) is not let believe that it took. */
static void refuse_other_columns(const OfRow *before, const OfRow *after) {
    for (int i = 0; i < before->desc->natts; i++) {
        Form_pg_attribute attribute = TupleDescAttr(before->desc, i);

        if (attribute->attisdropped || i == before->numbers[OF_MESSAGE_TEXT] - 1)
            continue;
        if (before->nulls[i] != after->nulls[i] ||
            (!before->nulls[i] && !datum_image_eq(before->values[i], after->values[i],
                                                  attribute->attbyval, attribute->attlen)))
            ereport(
                ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                 errmsg("column \"%s\" of a message stays as it is", NameStr(attribute->attname)),
                 errhint("Only the text of a message changes, and its versions are kept.")));
    }
}

static HeapTuple replace(HeapTuple old_tuple, HeapTuple new_tuple, TupleDesc desc) {
    TimestampTz now = GetCurrentTimestamp();
    OfRow before;
    OfRow after;
    char *new_text;

    of_message_read(&before, old_tuple, desc);
    of_message_read(&after, new_tuple, desc);
    refuse_other_columns(&before, &after);
    refuse_if_deleted(&before);
    of_require_served(of_row_id(&before, OF_MESSAGE_ORG));
    new_text = of_row_text(&after, OF_MESSAGE_TEXT);
    if (new_text)
        refuse_if_redacted(&before);
    if (new_text && strcmp(new_text, of_row_text(&before, OF_MESSAGE_TEXT)) == 0)
        return NULL; /* nothing was said anew */
    if (new_text)
        check_text(new_text, count_documents(&before) > 0);

    file_version(&before, now);
    set_text(&after, new_text);
    of_row_set(&after, OF_MESSAGE_VERSION,
               Int32GetDatum(DatumGetInt32(of_row_get(&before, OF_MESSAGE_VERSION)) + 1), false);
    of_row_set_time(&after, new_text ? OF_MESSAGE_EDITED_AT : OF_MESSAGE_DELETED_AT, now);
    return of_row_tuple(&after, new_tuple);
}

static void bury(HeapTuple tuple, TupleDesc desc) {
    static OfStatement update = {
        "UPDATE onefin.message SET text = NULL WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};
    OfRow row;

    of_message_read(&row, tuple, desc);
    refuse_if_deleted(&row);
    of_arg_id(&args, of_row_id(&row, OF_MESSAGE_ID));
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
    if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) && redacting)
        return PointerGetDatum(trigger->tg_newtuple);
    if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
        return PointerGetDatum(replace(trigger->tg_trigtuple, trigger->tg_newtuple, desc));
    bury(trigger->tg_trigtuple, desc);
    return PointerGetDatum(NULL); /* the row stays */
}

/* Ties documents to the message that carries them: the author's own, of this topic, not yet sent.
 */
static void attach(const OfRow *row) {
    static OfStatement update = {
        "UPDATE onefin.document SET message_id = $1, visibility = $2"
        " WHERE id = ANY ($3) AND topic_id = $4 AND uploader_id = $5 AND message_id IS NULL",
        5,
        {INT8OID, TEXTOID, INT8ARRAYOID, INT8OID, INT8OID}};
    OfArgs args = {0};

    if (of_row_null(row, OF_MESSAGE_DOCUMENTS))
        return;
    of_arg_id(&args, of_row_id(row, OF_MESSAGE_ID));
    of_arg(&args, of_row_get(row, OF_MESSAGE_VISIBILITY), false);
    of_arg(&args, of_row_get(row, OF_MESSAGE_DOCUMENTS), false);
    of_arg_id(&args, of_row_id(row, OF_MESSAGE_TOPIC));
    of_arg_id(&args, of_row_id(row, OF_MESSAGE_AUTHOR));
    of_spi_begin();
    if (of_run_as_owner(&update, &args, false) != (uint64)count_documents(row))
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND),
                 errmsg("a document of the message is not there to be sent"),
                 errhint("Upload documents to the same topic, and send each in one message.")));
    of_spi_end();
}

static void withdraw(const OfRow *row) {
    static OfStatement update = {
        "UPDATE onefin.document SET withdrawn_at = $2 WHERE message_id = $1",
        2,
        {INT8OID, TIMESTAMPTZOID}};
    OfArgs args = {0};

    if (count_documents(row) == 0)
        return;
    of_arg_id(&args, of_row_id(row, OF_MESSAGE_ID));
    of_arg(&args, of_row_get(row, OF_MESSAGE_DELETED_AT), false);
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    of_spi_end();
}

static void journal_version(const OfRow *row, const char *kind, Jsonb *detail) {
    bytea *digest = of_row_null(row, OF_MESSAGE_DIGEST)
                        ? NULL
                        : DatumGetByteaPP(of_row_get(row, OF_MESSAGE_DIGEST));
    OfHash record;

    of_message_record(row, &record);
    of_journal(&(OfEntry){.kind = kind,
                          .audience = is_note(row) ? OF_TO_STAFF : OF_TO_ORG,
                          .org = of_row_id(row, OF_MESSAGE_ORG),
                          .topic = of_row_id(row, OF_MESSAGE_TOPIC),
                          .subject = of_row_id(row, OF_MESSAGE_ID),
                          .version = DatumGetInt32(of_row_get(row, OF_MESSAGE_VERSION)),
                          .digest = digest,
                          .record = of_hash_bytea(&record),
                          .detail = detail});
}

PG_FUNCTION_INFO_V1(onefin_message_after);
Datum onefin_message_after(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    bool is_new;
    OfRow row;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.message_after is an AFTER trigger for each row")));
    if (redacting)
        return PointerGetDatum(NULL);
    is_new = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
    of_message_read(&row, is_new ? trigger->tg_trigtuple : trigger->tg_newtuple,
                    RelationGetDescr(trigger->tg_relation));
    keep_if_asked(is_new ? trigger->tg_trigtuple : trigger->tg_newtuple,
                  RelationGetDescr(trigger->tg_relation));
    if (is_new) {
        bool machine = importing ? importing->machine : of_actor()->machine;
        bool heard = !is_note(&row) && !machine;

        attach(&row);
        journal_version(&row, importing ? "message.imported" : "message.sent",
                        heard ? of_waits_heard(&row, importing != NULL) : NULL);
        if (!importing)
            of_notice_due(of_row_id(&row, OF_MESSAGE_ORG), of_row_id(&row, OF_MESSAGE_TOPIC),
                          of_row_id(&row, OF_MESSAGE_ID));
    } else if (of_row_null(&row, OF_MESSAGE_DELETED_AT)) {
        journal_version(&row, "message.edited", NULL);
    } else {
        of_queue_up(of_row_id(&row, OF_MESSAGE_TOPIC)); /* its entry stands where its effect does */
        withdraw(&row);
        journal_version(&row, "message.deleted", NULL);
        of_waits_taken_back(&row);
    }
    return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(onefin_refuse_change);
Datum onefin_refuse_change(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;

    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.refuse_change is a trigger")));
    if (redacting && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
        return PointerGetDatum(NULL);
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("rows of onefin.%s are a record and stay as they are",
                           RelationGetRelationName(trigger->tg_relation)),
                    errhint("What was written here is corrected by writing more.")));
}
