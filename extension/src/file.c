/*
 * file.c: what the gateway asks about files: may this be uploaded, it is stored, may that be read.
 *
 * The bytes never come here. A document has a row only once the store has its bytes; until then
 * there is a reserved id and a reserved key. What staff upload is handed out as its stamped
 * rendition only.
 */
#include "postgres.h"

#include "call.h"
#include "catalog/pg_type_d.h"
#include "document.h"
#include "file.h"
#include "fmgr.h"
#include "identity.h"
#include "job.h"
#include "journal.h"
#include "json.h"
#include "mb/pg_wchar.h"
#include "plan.h"
#include "row.h"
#include "store_key.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* Characters of a file's name. */
#define NAME_LIMIT 255

void of_check_file_name(const char *name) {
    bool visible = false;

    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '/' || *c == '\\')
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("the file's name has a slash or a control character"),
                            errhint("Give the name alone, without folders.")));
        visible = visible || *c != ' ';
    }
    if (!visible || pg_mbstrlen(name) > NAME_LIMIT)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a file's name has 1 to %d characters", NAME_LIMIT),
                        errhint("Give the file a shorter name.")));
}

/* An argument that may be NULL, which is 0. */
Datum of_file_address(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? (Datum)0 : PG_GETARG_DATUM(n);
}

/* The token of the first argument; the rest must be there too. */
text *of_file_arguments(FunctionCallInfo fcinfo, int n) {
    for (int i = 0; i < n; i++)
        if (PG_ARGISNULL(i))
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                            errmsg("argument %d is needed", i + 1)));
    return PG_GETARG_TEXT_PP(0);
}

/* A reserved id and key, as JSON members. */
int64 of_file_reserve(JsonbParseState **json) {
    int64 document = of_next_id("document_id_seq");

    of_json_id(json, "document", document);
    of_json_string(json, "key", TextDatumGetCString(of_key_reserve(document)));
    return document;
}

static Datum begin_body(void *argument) {
    FunctionCallInfo fcinfo = argument;
    JsonbParseState *json = NULL;

    of_require_served_topic(PG_GETARG_INT64(1));
    of_check_file_name(text_to_cstring(PG_GETARG_TEXT_PP(2)));
    if (!PG_ARGISNULL(4))
        of_check_file_size(PG_GETARG_INT64(4));
    of_json_begin(&json);
    (void)of_file_reserve(&json);
    return JsonbPGetDatum(of_json_end(&json));
}

PG_FUNCTION_INFO_V1(onefin_file_begin);
Datum onefin_file_begin(PG_FUNCTION_ARGS) {
    text *token = of_file_arguments(fcinfo, 3);

    PG_RETURN_JSONB_P(of_call_as(token, of_file_address(fcinfo, 3), begin_body, fcinfo));
}

void of_check_file_size(int64 size) {
    int64 most = of_setting_number("upload_bytes");

    if (size < 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a file has no bytes less than none")));
    if (size > most)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the file is too large"),
                        errhint("Files may have %lld bytes at most.", (long long)most)));
}

/* What the worker makes a stamped rendition, or a preview, of. */
typedef enum Kind { OF_OTHER, OF_PICTURE_OR_PDF, OF_OFFICE } Kind;

/* Media types by what can be done with them; PDF and pictures first. */
static Kind kind_of(const char *type) {
    static const char *const plain[] = {"application/pdf", "image/jpeg", "image/png",
                                        "image/webp",      "image/tiff", "image/heic"};
    static const char *const office[] = {
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet"};

    for (int i = 0; i < (int)lengthof(plain); i++)
        if (strcmp(type, plain[i]) == 0)
            return OF_PICTURE_OR_PDF;
    for (int i = 0; i < (int)lengthof(office); i++)
        if (strcmp(type, office[i]) == 0)
            return OF_OFFICE;
    return OF_OTHER;
}

static bool is_taken(const char *type) {
    static OfStatement find = {"SELECT $1 = ANY (regexp_split_to_array(value #>> '{}', '\\s+'))"
                               " FROM onefin.setting_now WHERE name = 'upload_types'",
                               1,
                               {TEXTOID}};
    OfArgs args = {0};

    of_arg_text(&args, type);
    return DatumGetBool(of_value(&find, &args, true, false));
}

/* Whether the worker can make something of it, as the firm has it. */
static bool can_draw(Kind kind) {
    return kind == OF_PICTURE_OR_PDF || (kind == OF_OFFICE && of_setting_on("office_to_pdf"));
}

static void check_type(const char *type, OfRole role) {
    if (!is_taken(type))
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("files of type %s are not taken", type),
                 errhint("Send it as PDF or as a picture, or ask an admin to allow the type.")));
    if (role == OF_CLIENT || can_draw(kind_of(type)))
        return;
    if (kind_of(type) == OF_OFFICE)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("office files cannot be stamped here"),
                        errhint("Save it as PDF, or ask an admin to switch on office_to_pdf.")));
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("files of type %s cannot be stamped", type),
                    errhint("What staff upload is stamped: send it as PDF or as a picture.")));
}

/* The document's row. PG arguments: token, document, key, topic, name, type, size, sha256. */
static void insert_document(FunctionCallInfo fcinfo, const OfActor *actor, int64 org) {
    static OfStatement insert = {
        "INSERT INTO onefin.document (id, store_key, topic_id, name, type, size, sha256, org_id,"
        " uploader_id, uploader_name, by_client, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
        " $10, $11, CASE WHEN $11 THEN 'ready' ELSE 'stamping' END)",
        11,
        {INT8OID, TEXTOID, INT8OID, TEXTOID, TEXTOID, INT8OID, BYTEAOID, INT8OID, INT8OID, TEXTOID,
         BOOLOID}};
    OfArgs args = {0};

    for (int i = 1; i <= 7; i++)
        of_arg(&args, PG_GETARG_DATUM(i), false);
    of_arg_id(&args, org);
    of_arg_id(&args, actor->account);
    of_arg_text(&args, actor->name);
    of_arg(&args, BoolGetDatum(actor->role == OF_CLIENT), false);
    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    of_spi_end();
}

static void order_work(int64 document, int64 org, int64 topic, const char *type, OfRole role) {
    if (role != OF_CLIENT)
        of_job_order("stamp", document, org, topic);
    else if (can_draw(kind_of(type)))
        of_job_order("preview", document, org, topic);
}

static Datum end_body(void *argument) {
    FunctionCallInfo fcinfo = argument;
    const OfActor *actor = of_require_actor();
    int64 document = PG_GETARG_INT64(1);
    int64 topic = PG_GETARG_INT64(3);
    int64 org = of_require_served_topic(topic);
    char *type = text_to_cstring(PG_GETARG_TEXT_PP(5));

    of_check_file_name(text_to_cstring(PG_GETARG_TEXT_PP(4)));
    check_type(type, actor->role);
    of_check_file_size(PG_GETARG_INT64(6));
    if (!PG_ARGISNULL(9))
        of_upload_done(PG_GETARG_DATUM(9), actor->account, document);
    insert_document(fcinfo, actor, org);
    if (!of_key_record(PG_GETARG_DATUM(2)))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the upload took too long"),
                        errhint("Send it again, over a better line or in parts.")));
    order_work(document, org, topic, type, actor->role);
    of_journal(&(OfEntry){.kind = "document.uploaded",
                          .audience = OF_TO_ADMIN,
                          .org = org,
                          .topic = topic,
                          .subject = document,
                          .digest = PG_GETARG_BYTEA_PP(7)});
    return of_document_json(document);
}

PG_FUNCTION_INFO_V1(onefin_file_end);
Datum onefin_file_end(PG_FUNCTION_ARGS) {
    text *token = of_file_arguments(fcinfo, 8);

    PG_RETURN_JSONB_P(of_call_as(token, of_file_address(fcinfo, 8), end_body, fcinfo));
}
