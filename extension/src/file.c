/*
 * file.c: what the gateway asks about files: may this be uploaded, it is stored, may that be read.
 *
 * The bytes never come here. A document has a row only once the store has its bytes; until then
 * there is a reserved id and a key, and a broken upload leaves nothing.
 */
#include "postgres.h"

#include "call.h"
#include "catalog/pg_type_d.h"
#include "errors.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "mb/pg_wchar.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include <sodium.h>

/* Characters of a file's name. */
#define NAME_LIMIT 255

/* Random bytes in a store key: it cannot be guessed from a document's id. */
#define KEY_BYTES 16

static void check_name(const char *name) {
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

static Datum null_safe(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? (Datum)0 : PG_GETARG_DATUM(n);
}

/* The token of the first argument; the rest must be there too. */
static text *required_arguments(FunctionCallInfo fcinfo, int n) {
    for (int i = 0; i < n; i++)
        if (PG_ARGISNULL(i))
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                            errmsg("argument %d is needed", i + 1)));
    return PG_GETARG_TEXT_PP(0);
}

static Datum begin_body(void *argument) {
    static OfStatement build = {"SELECT jsonb_build_object('document', id, 'key', to_char(now() AT "
                                "TIME ZONE 'UTC', 'YYYY/MM/') || id || '-' || $1)"
                                " FROM nextval('onefin.document_id_seq') AS id",
                                1,
                                {TEXTOID}};
    FunctionCallInfo fcinfo = argument;
    unsigned char bytes[KEY_BYTES];
    char hex[2 * KEY_BYTES + 1];
    OfArgs args = {0};

    of_require_served_topic(PG_GETARG_INT64(1));
    check_name(text_to_cstring(PG_GETARG_TEXT_PP(2)));
    randombytes_buf(bytes, sizeof(bytes));
    sodium_bin2hex(hex, sizeof(hex), bytes, sizeof(bytes));
    of_arg_text(&args, hex);
    return of_value(&build, &args, true, false);
}

PG_FUNCTION_INFO_V1(onefin_file_begin);
Datum onefin_file_begin(PG_FUNCTION_ARGS) {
    text *token = required_arguments(fcinfo, 3);

    PG_RETURN_JSONB_P(of_call_as(token, null_safe(fcinfo, 3), begin_body, fcinfo));
}

static Datum document_json(int64 document) {
    static OfStatement read = {"SELECT body FROM onefin.document_body WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, document);
    return of_value(&read, &args, true, false);
}

/* Arguments: token, document, key, topic, name, type, size, sha256. */
static Datum end_body(void *argument) {
    static OfStatement insert = {
        "INSERT INTO onefin.document (id, store_key, topic_id, name, type, size, sha256, org_id,"
        " uploader_id, uploader_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        10,
        {INT8OID, TEXTOID, INT8OID, TEXTOID, TEXTOID, INT8OID, BYTEAOID, INT8OID, INT8OID,
         TEXTOID}};
    FunctionCallInfo fcinfo = argument;
    const OfActor *actor = of_require_actor();
    int64 org = of_require_served_topic(PG_GETARG_INT64(3));
    OfArgs args = {0};

    check_name(text_to_cstring(PG_GETARG_TEXT_PP(4)));
    for (int i = 1; i <= 7; i++)
        of_arg(&args, PG_GETARG_DATUM(i), false);
    of_arg_id(&args, org);
    of_arg_id(&args, actor->account);
    of_arg_text(&args, actor->name);
    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    of_spi_end();
    of_journal(&(OfEntry){.kind = "document.uploaded",
                          .audience = OF_TO_ADMIN,
                          .org = org,
                          .topic = PG_GETARG_INT64(3),
                          .subject = PG_GETARG_INT64(1),
                          .digest = PG_GETARG_BYTEA_PP(7)});
    return document_json(PG_GETARG_INT64(1));
}

PG_FUNCTION_INFO_V1(onefin_file_end);
Datum onefin_file_end(PG_FUNCTION_ARGS) {
    text *token = required_arguments(fcinfo, 8);

    PG_RETURN_JSONB_P(of_call_as(token, null_safe(fcinfo, 8), end_body, fcinfo));
}

static Datum get_body(void *argument) {
    static OfStatement visible = {
        "SELECT org_id, topic_id, erased_at IS NULL FROM onefin.document WHERE id = $1",
        1,
        {INT8OID}};
    static OfStatement read = {
        "SELECT jsonb_build_object('key', store_key, 'name', name, 'type', type, 'size', size,"
        " 'sha256', encode(sha256, 'hex')) FROM onefin.document WHERE id = $1",
        1,
        {INT8OID}};
    FunctionCallInfo fcinfo = argument;
    int64 document = PG_GETARG_INT64(1);
    OfArgs args = {0};
    bool isnull;

    of_arg(&args, Int64GetDatum(document), false);
    of_spi_begin();
    if (of_run(&visible, &args, false) == 0) /* under the caller's row-level security */
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no document %lld", (long long)document),
                 errhint("documents lists those that you may see.")));
    if (!DatumGetBool(of_result(0, 3, &isnull)))
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND),
                 errmsg("document %lld was erased", (long long)document),
                 errhint("The data of its company was erased; its bytes are gone for good.")));
    of_journal(&(OfEntry){.kind = "document.downloaded",
                          .audience = OF_TO_ADMIN,
                          .org = of_result_id(0, 1),
                          .topic = of_result_id(0, 2),
                          .subject = document});
    of_spi_end();
    return of_value(&read, &args, true, false);
}

PG_FUNCTION_INFO_V1(onefin_file_get);
Datum onefin_file_get(PG_FUNCTION_ARGS) {
    text *token = required_arguments(fcinfo, 2);

    PG_RETURN_JSONB_P(of_call_as(token, null_safe(fcinfo, 2), get_body, fcinfo));
}
