/*
 * send.c: the calls that write messages: send, edit, delete, import.
 *
 * They write as the caller, under row-level security; the triggers of message.c do the rest. What
 * they add is the meaning of a repeated key, of a stale version and of "not there".
 */
#include "postgres.h"

#include "call.h"
#include "catalog/pg_type_d.h"
#include "errors.h"
#include "fmgr.h"
#include "identity.h"
#include "json.h"
#include "message.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* A message as its caller sees it, in the caller's memory; 0 when it is not in sight. */
static Datum find_message(int64 message) {
    static OfStatement read = {"SELECT body FROM onefin.message_body WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, message);
    return of_value(&read, &args, false, false);
}

/* One that was just written. */
static Datum read_message(int64 message) {
    Datum body = find_message(message);

    if (body == (Datum)0)
        elog(ERROR, "message %lld is not there after it was written", (long long)message);
    return body;
}

/* The author's message of this key, or 0. */
static int64 find_by_key(int64 author, Datum client_key) {
    static const char *const names[] = {"id"};
    Datum keys[] = {Int64GetDatum(author), client_key};
    int64 message = 0;
    OfFound found;
    OfRow row;

    if (of_find_begin(&found, "message", "message_client_key", 2, keys, &row, names, 1))
        message = of_row_id(&row, 0);
    of_find_end(&found);
    return message;
}

/*
 * Writes a message by a statement; 0 when no row was written. The row that the triggers made is
 * shown as it is: only documents need a second look.
 */
static Datum write_message(OfStatement *statement, const OfArgs *args, bool as_owner) {
    HeapTuple written;
    TupleDesc desc;
    OfRow row;

    of_keep_written();
    of_spi_begin();
    (as_owner ? of_run_as_owner : of_run)(statement, args, false);
    of_spi_end();
    written = of_take_written(&desc);
    if (written == NULL)
        return (Datum)0;
    of_message_read(&row, written, desc);
    return of_row_null(&row, OF_MESSAGE_DOCUMENTS) || !of_row_null(&row, OF_MESSAGE_DELETED_AT)
               ? JsonbPGetDatum(of_message_json(&row, JsonbPGetDatum(of_json_empty_array())))
               : read_message(of_row_id(&row, OF_MESSAGE_ID));
}

static Datum insert(const OfArgs *args, bool as_owner) {
    static OfStatement statement = {"INSERT INTO onefin.message (topic_id, text, client_key,"
                                    " visibility, reply_to, document_ids)"
                                    " VALUES ($1, $2, $3, $4, $5, $6)",
                                    6,
                                    {INT8OID, TEXTOID, UUIDOID, TEXTOID, INT8OID, INT8ARRAYOID}};
    Datum message = write_message(&statement, args, as_owner);

    if (message == (Datum)0)
        elog(ERROR, "the triggers of onefin.message did not fire");
    return message;
}

/*
 * Once per author and key: {message, repeated}. Nearly every key is new, so a call hopes so: where
 * the unique index knows it, whether from long ago or from another connection just now, the call is
 * done again, and finds the message.
 */
static Datum send_once(int64 author, Datum client_key, bool has_key, const OfArgs *args,
                       bool as_owner) {
    int64 earlier = has_key && !of_call_may_hope() ? find_by_key(author, client_key) : 0;
    JsonbParseState *json = NULL;
    Datum message = earlier ? find_message(earlier) : insert(args, as_owner);

    if (message == (Datum)0)
        ereport(ERROR, (errcode(ERRCODE_UNIQUE_VIOLATION),
                        errmsg("the client_key is that of a message out of your sight"),
                        errhint("Choose a new key for each message.")));
    of_json_begin(&json);
    of_json_value(&json, "message", message);
    of_json_bool(&json, "repeated", earlier != 0);
    return JsonbPGetDatum(of_json_end(&json));
}

/*
 * onefin_api.send(topic, text, client_key, visibility, reply_to, documents).
 * Errors: 22023 and 22001 for the text, P0002 for what the caller does not see, 42501.
 */
PG_FUNCTION_INFO_V1(onefin_api_send);
Datum onefin_api_send(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_require_actor();
    OfArgs args = {0};

    for (int i = 0; i < 6; i++)
        of_arg(&args, PG_GETARG_DATUM(i), PG_ARGISNULL(i));
    return send_once(actor->account, PG_GETARG_DATUM(2), !PG_ARGISNULL(2), &args, false);
}

/* Whose words are imported: an account that may take part in the topic's company, or did. */
static void read_author(int64 account, int64 org, OfImport *author) {
    static OfStatement find = {
        "SELECT role, name, machine FROM onefin.account WHERE id = $1 AND (role <> 'client' OR org_id = $2)",
        2,
        {INT8OID, INT8OID}};
    MemoryContext context = CurrentMemoryContext;
    OfArgs args = {0};
    bool isnull;

    of_arg_id(&args, account);
    of_arg_id(&args, org);
    of_spi_begin();
    if (of_run_as_owner(&find, &args, false) != 1)
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND),
                 errmsg("account %lld takes no part in this company", (long long)account),
                 errhint("The author is one of the company's people, or one of the firm's.")));
    author->account = account;
    author->role = MemoryContextStrdup(context, of_result_text(0, 1));
    author->name = MemoryContextStrdup(context, of_result_text(0, 2));
    author->machine = DatumGetBool(of_result(0, 3, &isnull));
    of_spi_end();
}

/* onefin_api.import(topic, author, text, at, client_key), for admins; all are needed. */
PG_FUNCTION_INFO_V1(onefin_api_import);
Datum onefin_api_import(PG_FUNCTION_ARGS) {
    const OfImport *before;
    OfImport author;
    OfArgs args = {0};
    volatile Datum result = (Datum)0;

    of_require_granted(fcinfo->flinfo->fn_oid);
    for (int i = 0; i < 5; i++)
        if (PG_ARGISNULL(i))
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("import needs topic, author, text, at and client_key")));
    read_author(PG_GETARG_INT64(1), of_require_topic(PG_GETARG_INT64(0)), &author);
    author.at = PG_GETARG_TIMESTAMPTZ(3);
    if (TIMESTAMP_NOT_FINITE(author.at) || author.at > GetCurrentTimestamp())
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                        errmsg("an imported message was said in the past"),
                        errhint("Check the time zone of \"at\".")));
    of_arg(&args, PG_GETARG_DATUM(0), false);
    of_arg(&args, PG_GETARG_DATUM(2), false);
    of_arg(&args, PG_GETARG_DATUM(4), false);
    of_arg_text(&args, "all");
    of_arg_id(&args, 0);
    of_arg(&args, (Datum)0, true);
    before = of_set_import(&author);
    PG_TRY();
    { result = send_once(author.account, PG_GETARG_DATUM(4), true, &args, true); }
    PG_FINALLY();
    { of_set_import(before); }
    PG_END_TRY();
    return result;
}

/* Why a message could not be changed from this version: raised. */
static void explain_unchanged(int64 message, int32 version) {
    static OfStatement find = {
        "SELECT author_id, version, deleted_at IS NOT NULL FROM onefin.message WHERE id = $1",
        1,
        {INT8OID}};
    OfArgs args = {0};
    bool isnull;

    of_arg_id(&args, message);
    of_spi_begin();
    if (of_run(&find, &args, false) == 0)
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no message %lld", (long long)message),
                 errhint("history lists those that you may see.")));
    if (of_result_id(0, 1) != of_require_actor()->account)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("message %lld is somebody else's", (long long)message),
                        errhint("Only its author edits or deletes a message.")));
    if (DatumGetBool(of_result(0, 3, &isnull)))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("message %lld is deleted", (long long)message),
                        errhint("What was deleted stays so; send a new message.")));
    ereport(ERROR, (errcode(ERRCODE_ONEFIN_STALE_VERSION),
                    errmsg("message %lld is at version %d, not %d", (long long)message,
                           DatumGetInt32(of_result(0, 2, &isnull)), version),
                    errhint("Read the newest version, then change that.")));
}

/*
 * Whether the message is the caller's and is already what the change would make of it: the version
 * named says this, or the next does (the change was made, and its answer lost). A text of NULL is a
 * tombstone; the next version after one that was not deleted is an edit or a deletion of that.
 */
static bool is_done_already(int64 message, int32 version, Datum text, bool deleting) {
    static OfStatement find = {
        "SELECT FROM onefin.message WHERE id = $1 AND author_id = $4"
        " AND CASE WHEN $3 IS NULL THEN deleted_at IS NOT NULL AND version = $2::bigint + 1"
        " ELSE text = $3 AND version - $2::bigint IN (0, 1) END",
        4,
        {INT8OID, INT4OID, TEXTOID, INT8OID}};
    OfArgs args = {0};
    bool already;

    of_arg_id(&args, message);
    of_arg(&args, Int32GetDatum(version), false);
    of_arg(&args, text, deleting);
    of_arg_id(&args, of_require_actor()->account);
    of_spi_begin();
    already = of_run(&find, &args, false) == 1;
    of_spi_end();
    return already;
}

/* Replaces the text of the named version, with NULL for a tombstone. */
static Datum change(FunctionCallInfo fcinfo, Datum text, bool deleting) {
    static OfStatement update = {
        "UPDATE onefin.message SET text = $3 WHERE id = $1 AND version = $2",
        3,
        {INT8OID, INT4OID, TEXTOID}};
    int64 message = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    int32 version = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
    JsonbParseState *json = NULL;
    OfArgs args = {0};
    Datum changed;

    of_require_actor();
    of_arg(&args, Int64GetDatum(message), false);
    of_arg(&args, Int32GetDatum(version), false);
    of_arg(&args, text, deleting);
    changed = write_message(&update, &args, false);
    if (changed == (Datum)0 && !is_done_already(message, version, text, deleting))
        explain_unchanged(message, version);
    of_json_begin(&json);
    of_json_value(&json, "message", changed ? changed : read_message(message));
    return JsonbPGetDatum(of_json_end(&json));
}

PG_FUNCTION_INFO_V1(onefin_api_edit);
Datum onefin_api_edit(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(2))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("edit needs a text"),
                        errhint("delete takes a message back.")));
    return change(fcinfo, PG_GETARG_DATUM(2), false);
}

PG_FUNCTION_INFO_V1(onefin_api_delete);
Datum onefin_api_delete(PG_FUNCTION_ARGS) {
    return change(fcinfo, (Datum)0, true);
}
