/*
 * erase.c: the personal data of a company that has left, taken out when its retention is over.
 *
 * Erased are the texts of its messages in all versions, the names of its documents, and what the
 * accounts and sessions of its people say of them. What stays is what proves the record: digests,
 * ids, times, and the journal. All of it is one transaction; messages go through it some at a time,
 * so that a statement's memory does not grow with the company.
 *
 * The bytes of documents are with the gateways' store: their keys go to those to be removed
 * (store_key.c).
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "message.h"
#include "miscadmin.h"
#include "plan.h"
#include "redact.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* Messages at a time. */
#define BATCH 1000

typedef struct Erased {
    OfRedacted texts;
    int64 documents;
    int64 accounts;
    int64 sessions;
} Erased;

/*
 * Refuses unless the company is archived and its retention over. Holds its row, so that nobody
 * takes it up again meanwhile. In SPI.
 */
static void require_departed(int64 org) {
    static OfStatement find = {
        "SELECT archived_at IS NOT NULL, until <= now(), to_char(until, 'YYYY-MM-DD HH24:MI')"
        " FROM (SELECT o.archived_at, o.archived_at + interval '1 day' * (s.value #>> '{}')::float8"
        " AS until FROM onefin.org o, onefin.setting_now s"
        " WHERE o.id = $1 AND s.name = 'retention_days' FOR UPDATE OF o) o",
        1,
        {INT8OID}};
    OfArgs args = {0};
    bool isnull;

    of_arg(&args, Int64GetDatum(org), false);
    if (of_run_as_owner(&find, &args, false) == 0)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no company %lld", (long long)org),
                        errhint("orgs lists them.")));
    if (!DatumGetBool(of_result(0, 1, &isnull)))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("company %lld is not archived", (long long)org),
                        errhint("Archive it first; it may be erased retention_days later.")));
    if (!DatumGetBool(of_result(0, 2, &isnull)))
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("the data of company %lld must be kept for now", (long long)org),
                 errhint("It may be erased from %s on, retention_days after it was archived.",
                         of_result_text(0, 3))));
}

/* The next messages of a topic that have a text; false when there are none. In SPI. */
static bool erase_some(int64 topic, int64 *after, OfRedacted *redacted) {
    static OfStatement next = {
        "SELECT array_agg(id), max(id) FROM (SELECT id FROM onefin.message WHERE topic_id = $1"
        " AND id > $2 AND redacted_at IS NULL ORDER BY id LIMIT " CppAsString2(BATCH) ") m",
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};
    bool isnull;
    Datum messages;

    of_arg_id(&args, topic);
    of_arg(&args, Int64GetDatum(*after), false);
    of_run_as_owner(&next, &args, false);
    messages = of_result(0, 1, &isnull);
    if (isnull)
        return false;
    *after = of_result_id(0, 2);
    of_take_texts(messages, redacted);
    return true;
}

static void erase_texts(int64 org, OfRedacted *redacted) {
    static OfStatement find = {"SELECT id FROM onefin.topic WHERE org_id = $1", 1, {INT8OID}};
    OfArgs args = {0};
    SPITupleTable *topics;
    uint64 n;

    of_arg_id(&args, org);
    of_spi_begin();
    n = of_run_as_owner(&find, &args, false);
    topics = SPI_tuptable;
    for (uint64 i = 0; i < n; i++) {
        bool isnull;
        int64 topic = DatumGetInt64(SPI_getbinval(topics->vals[i], topics->tupdesc, 1, &isnull));
        int64 after = 0;
        bool more = true;

        while (more) {
            CHECK_FOR_INTERRUPTS();
            of_spi_begin(); /* a memory of its own for each time */
            more = erase_some(topic, &after, redacted);
            of_spi_end();
        }
    }
    of_spi_end();
}

/* How many rows a statement about the company changed. */
static int64 change(OfStatement *statement, int64 org) {
    OfArgs args = {0};
    uint64 n;

    of_arg_id(&args, org);
    of_spi_begin();
    n = of_run_as_owner(statement, &args, false);
    of_spi_end();
    return (int64)n;
}

/* Of the documents the names, and what was said of them; their bytes go to what is to be removed.
 */
static int64 erase_documents(int64 org) {
    static OfStatement documents = {
        "WITH gone AS (UPDATE onefin.document d SET name = 'erased-' || d.id,"
        " stamped_name = CASE WHEN stamped_key IS NOT NULL THEN 'erased-' || d.id END,"
        " erased_at = now(), uploader_name = CASE WHEN EXISTS (SELECT FROM onefin.account a"
        " WHERE a.id = d.uploader_id AND a.org_id = $1) THEN 'erased-' || d.uploader_id"
        " ELSE d.uploader_name END"
        " FROM onefin.topic t WHERE t.org_id = $1 AND d.topic_id = t.id AND d.erased_at IS NULL"
        " RETURNING d.id, d.store_key, d.stamped_key, d.preview_key),"
        " keys AS (INSERT INTO onefin.store_key (key, document_id, remove_at, removing)"
        " SELECT k, g.id, now(), true FROM gone g,"
        " unnest(ARRAY[g.store_key, g.stamped_key, g.preview_key]) k WHERE k IS NOT NULL)"
        " SELECT FROM gone",
        1,
        {INT8OID}};
    static OfStatement marks = {"UPDATE onefin.document_mark SET reason = NULL"
                                " WHERE org_id = $1 AND reason IS NOT NULL",
                                1,
                                {INT8OID}};
    static OfStatement ratings = {"UPDATE onefin.rating SET comment = NULL"
                                  " WHERE org_id = $1 AND comment IS NOT NULL",
                                  1,
                                  {INT8OID}};
    bool before = of_set_redacting(true);

    PG_TRY();
    {
        change(&marks, org);
        change(&ratings, org);
    }
    PG_FINALLY();
    { of_set_redacting(before); }
    PG_END_TRY();
    return change(&documents, org);
}

/* What was on its way: parts of uploads, and jobs. */
static void erase_work(int64 org) {
    static OfStatement jobs = {"DELETE FROM onefin.job WHERE org_id = $1", 1, {INT8OID}};
    static OfStatement parts = {
        "UPDATE onefin.store_key k SET remove_at = now() FROM onefin.upload_part p,"
        " onefin.upload u, onefin.topic t WHERE t.org_id = $1 AND u.topic_id = t.id"
        " AND p.upload_id = u.id AND k.key = p.key",
        1,
        {INT8OID}};
    static OfStatement uploads = {"DELETE FROM onefin.upload u USING onefin.topic t"
                                  " WHERE t.org_id = $1 AND u.topic_id = t.id",
                                  1,
                                  {INT8OID}};

    change(&jobs, org);
    change(&parts, org);
    change(&uploads, org);
}

/* Accounts first: their sessions end by the trigger, which tells of them. */
static void erase_rest(int64 org, Erased *erased) {
    static OfStatement accounts = {
        "UPDATE onefin.account SET login = 'erased-' || id, name = 'erased-' || id,"
        " password_hash = NULL, db_role = NULL, email = NULL,"
        " disabled_at = coalesce(disabled_at, now()) WHERE org_id = $1"
        " AND ((login, name) <> ('erased-' || id, 'erased-' || id) OR email IS NOT NULL)",
        1,
        {INT8OID}};
    static OfStatement sessions = {
        "UPDATE onefin.session s SET device = NULL, address = NULL FROM onefin.account a"
        " WHERE a.org_id = $1 AND s.account_id = a.id AND num_nonnulls(s.device, s.address) > 0",
        1,
        {INT8OID}};

    erased->accounts = change(&accounts, org);
    erased->sessions = change(&sessions, org);
    erased->documents = erase_documents(org);
    erase_work(org);
}

static Jsonb *erased_json(int64 org, const char *reason, const Erased *erased) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    if (reason)
        of_json_string(&json, "reason", reason);
    else
        of_json_id(&json, "org", org);
    of_json_number(&json, "messages", erased->texts.messages);
    of_json_number(&json, "versions", erased->texts.versions);
    of_json_number(&json, "documents", erased->documents);
    of_json_number(&json, "accounts", erased->accounts);
    of_json_number(&json, "sessions", erased->sessions);
    return of_json_end(&json);
}

/*
 * onefin_api.erase(org, reason), for admins: {org, messages, versions, documents, accounts,
 * sessions}, how many were erased now. Repeated, it erases what came since, and where that is
 * nothing it is no entry.
 */
PG_FUNCTION_INFO_V1(onefin_api_erase);
Datum onefin_api_erase(PG_FUNCTION_ARGS) {
    int64 org = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    Erased erased = {0};
    char *reason;

    of_require_granted(fcinfo->flinfo->fn_oid);
    reason = of_require_reason(PG_GETARG_DATUM(1), PG_ARGISNULL(1));
    of_spi_begin();
    require_departed(org);
    of_spi_end();
    erase_texts(org, &erased.texts);
    erase_rest(org, &erased);
    if (erased.texts.messages + erased.documents + erased.accounts + erased.sessions > 0)
        of_journal(&(OfEntry){.kind = "org.erased",
                              .audience = OF_TO_ADMIN,
                              .org = org,
                              .subject = org,
                              .detail = erased_json(org, reason, &erased)});
    PG_RETURN_JSONB_P(erased_json(org, NULL, &erased));
}
