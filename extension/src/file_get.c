/*
 * file_get.c: who gets which bytes of a document. Every answer is journaled, refusals too.
 *
 *   file      what everybody gets who sees the document: of staff's the stamped rendition
 *   preview   a small picture of it
 *   original  what was uploaded. Where a rendition stands for it: for admins; where it was signed,
 *             for whom the signature is of use and who may see earlier versions (DESIGN, section 4)
 */
#include "postgres.h"

#include "call.h"
#include "catalog/pg_type_d.h"
#include "file.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

typedef struct Wish {
    int64 document;
    const char *variant;
    bool link; /* a presigned URL, not the bytes */
} Wish;

/* What is known of the document, whether or not the caller sees it. */
typedef struct Found {
    int64 org;
    int64 topic;
    int64 uploader;
    bool there;
    bool visible;
    bool erased;
    bool ready;
    bool stamped;
    bool is_signed;
    bool preview;
} Found;

typedef struct Refusal {
    const char *why; /* in the journal */
    int sqlstate;
    const char *message; /* with the document's id */
    const char *hint;
} Refusal;

static const Refusal not_there = {"not there", ERRCODE_NO_DATA_FOUND, "no document %lld",
                                  "documents lists those that you may see."};
static const Refusal is_erased = {
    "erased", ERRCODE_NO_DATA_FOUND, "document %lld was erased",
    "The data of its company was erased; its bytes are gone for good."};
static const Refusal not_original = {"original", ERRCODE_INSUFFICIENT_PRIVILEGE,
                                     "the original of document %lld is not for you",
                                     "Everybody gets the stamped one; an admin has the original."};
static const Refusal not_ready = {"not ready", ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                                  "document %lld is not stamped",
                                  "Wait until it is; if it failed, its reason says why."};

static bool bool_of(int column) {
    bool isnull;
    Datum value = of_result(0, column, &isnull);

    return !isnull && DatumGetBool(value);
}

static void look(int64 document, Found *found) {
    static OfStatement find = {
        "SELECT org_id, topic_id, uploader_id, erased_at IS NOT NULL, state = 'ready',"
        " stamped_key IS NOT NULL OR NOT by_client, signed, preview_key IS NOT NULL"
        " FROM onefin.document WHERE id = $1",
        1,
        {INT8OID}};
    static OfStatement visible = {"SELECT FROM onefin.document WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg(&args, Int64GetDatum(document), false);
    of_spi_begin();
    if (of_run_as_owner(&find, &args, false) == 1)
        *found = (Found){.org = of_result_id(0, 1),
                         .topic = of_result_id(0, 2),
                         .uploader = of_result_id(0, 3),
                         .there = true,
                         .erased = bool_of(4),
                         .ready = bool_of(5),
                         .stamped = bool_of(6),
                         .is_signed = bool_of(7),
                         .preview = bool_of(8)};
    found->visible = of_run(&visible, &args, false) == 1; /* under row-level security */
    of_spi_end();
}

static bool may_have_original(const Found *found) {
    const OfActor *actor = of_actor();

    if (actor->role == OF_ADMIN || !found->stamped)
        return true;
    if (!found->is_signed)
        return false;
    return actor->role == OF_SUPERVISOR || actor->account == found->uploader ||
           (actor->role == OF_CLIENT && of_setting_on("client_sees_versions"));
}

static void tell(const char *kind, const Wish *wish, const Found *found, const char *why) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    of_json_string(&json, "variant", wish->variant);
    if (why)
        of_json_string(&json, "why", why);
    of_journal(&(OfEntry){.kind = kind,
                          .audience = OF_TO_ADMIN,
                          .org = found->org,
                          .topic = found->topic,
                          .subject = wish->document,
                          .detail = of_json_end(&json)});
}

/* A refusal stands in the journal: it is not raised, which would take it back. */
static Datum refuse(const Wish *wish, const Found *found, const Refusal *refusal) {
    tell("document.refused", wish, found, refusal->why);
    of_call_refuse(refusal->sqlstate, psprintf(refusal->message, (long long)wish->document),
                   refusal->hint);
    return JsonbPGetDatum(of_json_empty());
}

static const char *kind_of(const Wish *wish) {
    if (wish->link)
        return "document.presigned";
    return strcmp(wish->variant, "preview") == 0 ? "document.previewed" : "document.downloaded";
}

static Datum place_of(const Wish *wish) {
    static OfStatement read = {
        "SELECT CASE $2"
        " WHEN 'original' THEN jsonb_build_object('key', store_key, 'name', name, 'type', type,"
        " 'size', size, 'sha256', encode(sha256, 'hex'))"
        " WHEN 'preview' THEN jsonb_build_object('key', preview_key, 'name', name || '.webp',"
        " 'type', 'image/webp', 'size', preview_size, 'sha256', NULL)"
        " ELSE jsonb_build_object('key', coalesce(stamped_key, store_key), 'name',"
        " coalesce(stamped_name, name), 'type', coalesce(stamped_type, type), 'size',"
        " coalesce(stamped_size, size), 'sha256', encode(coalesce(stamped_sha256, sha256), 'hex'))"
        " END FROM onefin.document WHERE id = $1",
        2,
        {INT8OID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, wish->document);
    of_arg_text(&args, wish->variant);
    return of_value(&read, &args, true, false);
}

static Datum get_body(void *argument) {
    const Wish *wish = argument;
    bool original = strcmp(wish->variant, "original") == 0;
    Found found = {0};

    look(wish->document, &found);
    if (!found.visible)
        return refuse(wish, &found, &not_there);
    if (found.erased)
        return refuse(wish, &found, &is_erased);
    if (original && !may_have_original(&found))
        return refuse(wish, &found, &not_original);
    if (!original && !found.ready)
        return refuse(wish, &found, &not_ready);
    if (strcmp(wish->variant, "preview") == 0 && !found.preview)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
                        errmsg("document %lld has no preview", (long long)wish->document),
                        errhint("Its preview member says whether there is one.")));
    tell(kind_of(wish), wish, &found, NULL);
    return place_of(wish);
}

/* Arguments: token, document, variant, how, address. */
PG_FUNCTION_INFO_V1(onefin_file_get);
Datum onefin_file_get(PG_FUNCTION_ARGS) {
    text *token = of_file_arguments(fcinfo, 4);
    Wish wish = {.document = PG_GETARG_INT64(1),
                 .variant = text_to_cstring(PG_GETARG_TEXT_PP(2)),
                 .link = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(3)), "link") == 0};

    if (strcmp(wish.variant, "file") != 0 && strcmp(wish.variant, "preview") != 0 &&
        strcmp(wish.variant, "original") != 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("there is no variant \"%s\"", wish.variant)));
    PG_RETURN_JSONB_P(of_call_as(token, of_file_address(fcinfo, 4), get_body, &wish));
}
