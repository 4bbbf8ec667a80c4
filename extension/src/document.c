/*
 * document.c: what becomes of a document: its state, and what staff made of it.
 *
 * Each change counts its revision and is journaled with it, so that an event shows the document as
 * that change left it, or names it (60_follow.sql). Whoever changes it holds its row.
 */
#include "postgres.h"

#include "document.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "mb/pg_wchar.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* Characters of the reason for a return. */
#define REASON_LIMIT 1000

Datum of_document_json(int64 document) {
    static OfStatement read = {"SELECT body FROM onefin.document_body WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, document);
    return of_value(&read, &args, false, false);
}

static void note_entry(int64 document, int64 entry) {
    static OfStatement update = {
        "UPDATE onefin.document SET changed_entry = $2 WHERE id = $1", 2, {INT8OID, INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, document);
    of_arg_id(&args, entry);
    of_run_as_owner(&update, &args, false);
}

/* detail: NULL for none. */
void of_document_changed(int64 document, const char *kind, Jsonb *detail) {
    static OfStatement count = {
        "UPDATE onefin.document SET revision = revision + 1 WHERE id = $1 RETURNING org_id,"
        " topic_id, uploader_id, revision, CASE WHEN message_id IS NULL THEN '" OF_TO_ACCOUNT "'"
        " WHEN withdrawn_at IS NOT NULL OR visibility = 'staff' THEN '" OF_TO_STAFF "'"
        " ELSE '" OF_TO_ORG "' END",
        1,
        {INT8OID}};
    OfArgs args = {0};
    OfEntry entry = {.kind = kind, .subject = document, .detail = detail};
    bool isnull;

    of_arg_id(&args, document);
    of_spi_begin();
    if (of_run_as_owner(&count, &args, false) != 1)
        elog(ERROR, "there is no document %lld", (long long)document);
    entry.org = of_result_id(0, 1);
    entry.topic = of_result_id(0, 2);
    entry.version = DatumGetInt32(of_result(0, 4, &isnull));
    entry.audience = of_result_text(0, 5);
    if (strcmp(entry.audience, OF_TO_ACCOUNT) == 0) /* nobody else sees what was not sent yet */
        entry.account = of_result_id(0, 3);
    note_entry(document, of_journal(&entry));
    of_spi_end();
}

/* What a mark says. */
typedef struct Mark {
    int64 document;
    const char *mark;
    const char *reason; /* NULL: none */
} Mark;

static Mark read_mark(FunctionCallInfo fcinfo) {
    Mark mark = {.document = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0)};

    mark.mark = PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1));
    mark.reason = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
    if (mark.reason && mark.reason[strspn(mark.reason, " \t\r\n")] == '\0')
        mark.reason = NULL;
    if (strcmp(mark.mark, "processed") != 0 && strcmp(mark.mark, "returned") != 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a mark is \"processed\" or \"returned\"")));
    if (strcmp(mark.mark, "returned") == 0 && mark.reason == NULL)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a document is returned for a reason"),
                        errhint("Say what the client is to do about it.")));
    if (mark.reason && pg_mbstrlen(mark.reason) > REASON_LIMIT)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a reason has %d characters at most", REASON_LIMIT),
                        errhint("Write the rest as a message.")));
    return mark;
}

static void require_markable(bool by_client, bool gone) {
    if (!by_client)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("only what a client sent is processed"),
                        errhint("Documents of staff need no mark.")));
    if (gone)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the document was taken back or erased"),
                        errhint("There is nothing to be processed any more.")));
}

/* Holds the document's row, so that of two marks at once the second sees the first. In SPI. Returns
 * its company; an error when the caller does not see it, or it takes no marks. */
static int64 require_document(int64 document) {
    static OfStatement visible = {
        "SELECT by_client, withdrawn_at IS NOT NULL OR erased_at IS NOT NULL OR message_id IS NULL,"
        " org_id FROM onefin.document WHERE id = $1",
        1,
        {INT8OID}};
    static OfStatement hold = {
        "SELECT FROM onefin.document WHERE id = $1 FOR UPDATE", 1, {INT8OID}};
    OfArgs args = {0};
    bool isnull;
    int64 org;

    of_arg(&args, Int64GetDatum(document), false);
    of_run_as_owner(&hold, &args, false);
    if (of_run(&visible, &args, false) == 0)
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no document %lld", (long long)document),
                 errhint("documents lists those that you may see.")));
    org = of_result_id(0, 3);
    require_markable(DatumGetBool(of_result(0, 1, &isnull)),
                     DatumGetBool(of_result(0, 2, &isnull)));
    return org;
}

/* True when the last mark is this one, by the same account: repeating is harmless. By another it is
 * refused. In SPI. */
static bool is_repeated(const Mark *mark, const OfActor *actor) {
    static OfStatement last = {
        "SELECT account_id, account_name FROM (SELECT * FROM onefin.document_mark"
        " WHERE document_id = $1 ORDER BY id DESC LIMIT 1) l WHERE mark = $2",
        2,
        {INT8OID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, mark->document);
    of_arg_text(&args, mark->mark);
    if (of_run_as_owner(&last, &args, false) == 0)
        return false;
    if (of_result_id(0, 1) != actor->account)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("%s has marked it %s already", of_result_text(0, 2), mark->mark),
                        errhint("One mark is enough.")));
    return true;
}

/* The new mark's id. */
static int64 write_mark(const Mark *mark, const OfActor *actor, int64 org) {
    static OfStatement insert = {
        "INSERT INTO onefin.document_mark (document_id, org_id, account_id, account_name, mark,"
        " reason) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        6,
        {INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, mark->document);
    of_arg_id(&args, org);
    of_arg_id(&args, actor->account);
    of_arg_text(&args, actor->name);
    of_arg_text(&args, mark->mark);
    of_arg_text(&args, mark->reason);
    of_run_as_owner(&insert, &args, false);
    return of_result_id(0, 1);
}

/* Tells of a new mark: by its id, for who counts marks. */
static void tell_mark(const Mark *mark, int64 id) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    of_json_id(&json, "mark", id);
    of_document_changed(mark->document,
                        strcmp(mark->mark, "processed") == 0 ? "document.processed"
                                                             : "document.returned",
                        of_json_end(&json));
}

/* onefin_api.process(document, mark, reason): what staff made of a client's document. */
PG_FUNCTION_INFO_V1(onefin_api_process);
Datum onefin_api_process(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_require_actor();
    JsonbParseState *json = NULL;
    Mark mark;
    int64 org;

    of_require_granted(fcinfo->flinfo->fn_oid);
    mark = read_mark(fcinfo);
    of_spi_begin();
    org = require_document(mark.document);
    of_require_served(org);
    if (!is_repeated(&mark, actor))
        tell_mark(&mark, write_mark(&mark, actor, org));
    of_spi_end();
    of_json_begin(&json);
    of_json_value(&json, "document", of_document_json(mark.document));
    PG_RETURN_JSONB_P(of_json_end(&json));
}
