/*
 * message_json.c: the newest version of a message as JSON, as calls and events show it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "json.h"
#include "message.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

static void add_id(JsonbParseState **json, const char *key, const OfRow *row, int column) {
    of_json_id(json, key, of_row_id(row, column));
}

static void add_text(JsonbParseState **json, const char *key, const OfRow *row, int column) {
    of_json_string(json, key, of_row_text(row, column));
}

/* As PostgreSQL's own to_jsonb: ISO 8601 in the session's time zone. */
static void add_time(JsonbParseState **json, const char *key, const OfRow *row, int column) {
    char time[MAXDATELEN + 1];

    if (!of_row_null(row, column))
        JsonEncodeDateTime(time, of_row_get(row, column), TIMESTAMPTZOID, NULL);
    of_json_string(json, key, of_row_null(row, column) ? NULL : pstrdup(time));
}

static void add_uuid(JsonbParseState **json, const char *key, const OfRow *row, int column) {
    of_json_string(json, key,
                   of_row_null(row, column)
                       ? NULL
                       : DatumGetCString(DirectFunctionCall1(uuid_out, of_row_get(row, column))));
}

/* documents: a JSON array of those attached. */
Jsonb *of_message_json(const OfRow *row, Datum documents) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    add_id(&json, "id", row, OF_MESSAGE_ID);
    add_id(&json, "org", row, OF_MESSAGE_ORG);
    add_id(&json, "topic", row, OF_MESSAGE_TOPIC);
    add_id(&json, "ticket", row, OF_MESSAGE_TICKET);
    add_id(&json, "author", row, OF_MESSAGE_AUTHOR);
    add_text(&json, "author_name", row, OF_MESSAGE_AUTHOR_NAME);
    add_text(&json, "author_role", row, OF_MESSAGE_AUTHOR_ROLE);
    add_time(&json, "at", row, OF_MESSAGE_AT);
    add_text(&json, "text", row, OF_MESSAGE_TEXT);
    of_json_number(&json, "version", DatumGetInt32(of_row_get(row, OF_MESSAGE_VERSION)));
    add_time(&json, "edited_at", row, OF_MESSAGE_EDITED_AT);
    add_time(&json, "deleted_at", row, OF_MESSAGE_DELETED_AT);
    add_time(&json, "redacted_at", row, OF_MESSAGE_REDACTED_AT);
    add_text(&json, "visibility", row, OF_MESSAGE_VISIBILITY);
    of_json_bool(&json, "imported", DatumGetBool(of_row_get(row, OF_MESSAGE_IMPORTED)));
    add_id(&json, "reply_to", row, OF_MESSAGE_REPLY_TO);
    add_uuid(&json, "client_key", row, OF_MESSAGE_CLIENT_KEY);
    of_json_value(&json, "documents", documents);
    return of_json_end(&json);
}

/* onefin.message_json(message, documents). */
PG_FUNCTION_INFO_V1(onefin_message_json);
Datum onefin_message_json(PG_FUNCTION_ARGS) {
    HeapTupleHeader header;
    HeapTupleData tuple;
    TupleDesc desc;
    Jsonb *json;
    OfRow row;

    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        PG_RETURN_NULL();
    header = PG_GETARG_HEAPTUPLEHEADER(0);
    desc =
        lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
    tuple = (HeapTupleData){.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
    of_message_read(&row, &tuple, desc);
    json = of_message_json(&row, PG_GETARG_DATUM(1));
    ReleaseTupleDesc(desc);
    PG_RETURN_JSONB_P(json);
}
