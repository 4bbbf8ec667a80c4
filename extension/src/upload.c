/*
 * upload.c: files that come in parts, over lines that break.
 *
 * A part is an object of the store with a reserved key, on record once all of it is stored. Parts
 * follow each other without gaps: of two that begin at the same place the first one recorded
 * counts. When all have come, a gateway puts them together under another key and records the
 * document as any other (file_end), which lets go of the parts. Any gateway may take any step, and
 * repeat it.
 */
#include "postgres.h"

#include "call.h"
#include "catalog/pg_type_d.h"
#include "document.h"
#include "file.h"
#include "fmgr.h"
#include "identity.h"
#include "json.h"
#include "plan.h"
#include "row.h"
#include "store_key.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* An upload of the caller. */
typedef struct Upload {
    Datum id;
    int64 topic;
    char *name;
    int64 length;
    int64 offset;   /* bytes that have come */
    int64 document; /* 0: none yet */
} Upload;

static void no_upload(void) {
    ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no such upload"),
                    errhint("It is another's, or took too long: begin anew.")));
}

/* The upload, its row held against others. */
static void find_upload(Datum id, Upload *upload) {
    static OfStatement find = {
        "SELECT u.topic_id, u.name, u.length, coalesce(u.document_id, 0), (SELECT coalesce(max(p."
        "\"offset\" + p.size), 0) FROM onefin.upload_part p WHERE p.upload_id = u.id)"
        " FROM onefin.upload u WHERE u.id = $1 AND u.account_id = $2",
        2,
        {UUIDOID, INT8OID}};
    static OfStatement hold = {
        "SELECT FROM onefin.upload WHERE id = $1 AND account_id = $2 FOR UPDATE",
        2,
        {UUIDOID, INT8OID}};
    MemoryContext context = CurrentMemoryContext;
    OfArgs args = {0};

    of_arg(&args, id, false);
    of_arg_id(&args, of_require_actor()->account);
    of_spi_begin();
    of_run_as_owner(&hold, &args, false);
    if (of_run_as_owner(&find, &args, false) == 0)
        no_upload();
    *upload = (Upload){.id = id,
                       .topic = of_result_id(0, 1),
                       .name = MemoryContextStrdup(context, of_result_text(0, 2)),
                       .length = of_result_id(0, 3),
                       .document = of_result_id(0, 4),
                       .offset = of_result_id(0, 5)};
    of_spi_end();
}

/* The same for who goes on with it: the topic must still be open to the caller. */
static void require_upload(FunctionCallInfo fcinfo, Upload *upload) {
    find_upload(PG_GETARG_DATUM(1), upload);
    of_require_served_topic(upload->topic);
}

static void require_offset(const Upload *upload, int64 offset) {
    if (upload->document || offset != upload->offset)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("the upload is not at byte %lld", (long long)offset),
                 errhint("It has %lld bytes: go on from there.", (long long)upload->offset)));
}

/* Arguments: token, topic, name, length, address. */
static Datum begin_body(void *argument) {
    static OfStatement insert = {
        "INSERT INTO onefin.upload (account_id, topic_id, name, length) VALUES ($1, $2, $3, $4)"
        " RETURNING jsonb_build_object('upload', id)",
        4,
        {INT8OID, INT8OID, TEXTOID, INT8OID}};
    FunctionCallInfo fcinfo = argument;
    OfArgs args = {0};

    of_require_served_topic(PG_GETARG_INT64(1));
    of_check_file_name(text_to_cstring(PG_GETARG_TEXT_PP(2)));
    of_check_file_size(PG_GETARG_INT64(3));
    of_arg_id(&args, of_require_actor()->account);
    for (int i = 1; i <= 3; i++)
        of_arg(&args, PG_GETARG_DATUM(i), false);
    return of_value(&insert, &args, true, false);
}

PG_FUNCTION_INFO_V1(onefin_upload_begin);
Datum onefin_upload_begin(PG_FUNCTION_ARGS) {
    text *token = of_file_arguments(fcinfo, 4);

    PG_RETURN_JSONB_P(of_call_as(token, of_file_address(fcinfo, 4), begin_body, fcinfo));
}

static Datum look_body(void *argument) {
    FunctionCallInfo fcinfo = argument;
    JsonbParseState *json = NULL;
    Upload upload;

    find_upload(PG_GETARG_DATUM(1), &upload);
    of_json_begin(&json);
    of_json_string(&json, "upload", DatumGetCString(DirectFunctionCall1(uuid_out, upload.id)));
    of_json_id(&json, "topic", upload.topic);
    of_json_string(&json, "name", upload.name);
    of_json_number(&json, "length", upload.length);
    of_json_number(&json, "offset", upload.document ? upload.length : upload.offset);
    if (upload.document && of_document_json(upload.document))
        of_json_value(&json, "document", of_document_json(upload.document));
    else
        of_json_string(&json, "document", NULL);
    return JsonbPGetDatum(of_json_end(&json));
}

PG_FUNCTION_INFO_V1(onefin_upload_look);
Datum onefin_upload_look(PG_FUNCTION_ARGS) {
    text *token = of_file_arguments(fcinfo, 2);

    PG_RETURN_JSONB_P(of_call_as(token, of_file_address(fcinfo, 2), look_body, fcinfo));
}

static Datum part_body(void *argument) {
    FunctionCallInfo fcinfo = argument;
    JsonbParseState *json = NULL;
    Upload upload;

    require_upload(fcinfo, &upload);
    require_offset(&upload, PG_GETARG_INT64(2));
    of_json_begin(&json);
    of_json_string(&json, "key",
                   TextDatumGetCString(of_key_reserve(of_next_id("document_id_seq"))));
    return JsonbPGetDatum(of_json_end(&json));
}

PG_FUNCTION_INFO_V1(onefin_upload_part);
Datum onefin_upload_part(PG_FUNCTION_ARGS) {
    text *token = of_file_arguments(fcinfo, 3);

    PG_RETURN_JSONB_P(of_call_as(token, of_file_address(fcinfo, 3), part_body, fcinfo));
}

/* The keys of an upload's parts stay reserved from now on: while it goes on, and no longer. */
static void keep_parts(const Upload *upload, int64 seconds) {
    static OfStatement keys = {
        "UPDATE onefin.store_key k SET remove_at = now() + interval '1 s' * $2"
        " FROM onefin.upload_part p WHERE p.upload_id = $1 AND k.key = p.key",
        2,
        {UUIDOID, INT8OID}};
    static OfStatement touch = {"UPDATE onefin.upload SET at = now() WHERE id = $1", 1, {UUIDOID}};
    OfArgs args = {0};

    of_arg(&args, upload->id, false);
    of_run_as_owner(&touch, &args, false);
    of_arg(&args, Int64GetDatum(seconds), false);
    of_run_as_owner(&keys, &args, false);
}

/* Arguments: token, upload, offset, key, size, address. */
static void insert_part(FunctionCallInfo fcinfo, const Upload *upload) {
    static OfStatement insert = {
        "INSERT INTO onefin.upload_part (upload_id, \"offset\", key, size)"
        " SELECT $1, $2, key, $4 FROM onefin.store_key WHERE key = $3 AND NOT removing FOR UPDATE",
        4,
        {UUIDOID, INT8OID, TEXTOID, INT8OID}};
    OfArgs args = {0};

    of_arg(&args, upload->id, false);
    for (int i = 2; i <= 4; i++)
        of_arg(&args, PG_GETARG_DATUM(i), false);
    of_spi_begin();
    if (of_run_as_owner(&insert, &args, false) != 1)
        no_upload();
    keep_parts(upload, of_setting_number("upload_keep_seconds"));
    of_spi_end();
}

static Datum add_body(void *argument) {
    FunctionCallInfo fcinfo = argument;
    JsonbParseState *json = NULL;
    int64 size = PG_GETARG_INT64(4);
    Upload upload;

    require_upload(fcinfo, &upload);
    require_offset(&upload, PG_GETARG_INT64(2));
    if (size > upload.length - upload.offset)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("more has come than was announced"),
                        errhint("The upload has %lld bytes in all.", (long long)upload.length)));
    insert_part(fcinfo, &upload);
    of_json_begin(&json);
    of_json_number(&json, "offset", upload.offset + size);
    of_json_bool(&json, "complete", upload.offset + size == upload.length);
    return JsonbPGetDatum(of_json_end(&json));
}

PG_FUNCTION_INFO_V1(onefin_upload_add);
Datum onefin_upload_add(PG_FUNCTION_ARGS) {
    text *token = of_file_arguments(fcinfo, 5);

    PG_RETURN_JSONB_P(of_call_as(token, of_file_address(fcinfo, 5), add_body, fcinfo));
}

static Datum parts_of(const Upload *upload) {
    static OfStatement read = {
        "SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'size', size)"
        " ORDER BY \"offset\"), '[]') FROM onefin.upload_part WHERE upload_id = $1",
        1,
        {UUIDOID}};
    OfArgs args = {0};

    of_arg(&args, upload->id, false);
    return of_value(&read, &args, true, false);
}

static Datum finish_body(void *argument) {
    FunctionCallInfo fcinfo = argument;
    JsonbParseState *json = NULL;
    Upload upload;

    require_upload(fcinfo, &upload);
    of_json_begin(&json);
    if (upload.document) {
        of_json_value(&json, "done", of_document_json(upload.document));
    } else {
        require_offset(&upload, upload.length);
        (void)of_file_reserve(&json);
        of_json_id(&json, "topic", upload.topic);
        of_json_string(&json, "name", upload.name);
        of_json_number(&json, "length", upload.length);
        of_json_value(&json, "parts", parts_of(&upload));
    }
    return JsonbPGetDatum(of_json_end(&json));
}

PG_FUNCTION_INFO_V1(onefin_upload_finish);
Datum onefin_upload_finish(PG_FUNCTION_ARGS) {
    text *token = of_file_arguments(fcinfo, 2);

    PG_RETURN_JSONB_P(of_call_as(token, of_file_address(fcinfo, 2), finish_body, fcinfo));
}

void of_upload_done(Datum id, int64 account, int64 document) {
    static OfStatement update = {
        "UPDATE onefin.upload SET document_id = $2 WHERE id = $1", 2, {UUIDOID, INT8OID}};
    OfArgs args = {0};
    Upload upload;

    find_upload(id, &upload);
    if (upload.document)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the upload is a document already"),
                        errhint("Look at it: it names its document.")));
    of_arg(&args, id, false);
    of_arg_id(&args, document);
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    keep_parts(&upload, 0);
    of_spi_end();
}

static Datum drop_body(void *argument) {
    static OfStatement delete = {"DELETE FROM onefin.upload WHERE id = $1", 1, {UUIDOID}};
    FunctionCallInfo fcinfo = argument;
    OfArgs args = {0};
    Upload upload;

    find_upload(PG_GETARG_DATUM(1), &upload);
    of_arg(&args, upload.id, false);
    of_spi_begin();
    keep_parts(&upload, 0);
    of_run_as_owner(&delete, &args, false);
    of_spi_end();
    return JsonbPGetDatum(of_json_empty());
}

PG_FUNCTION_INFO_V1(onefin_upload_drop);
Datum onefin_upload_drop(PG_FUNCTION_ARGS) {
    text *token = of_file_arguments(fcinfo, 2);

    PG_RETURN_JSONB_P(of_call_as(token, of_file_address(fcinfo, 2), drop_body, fcinfo));
}
