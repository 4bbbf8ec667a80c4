/*
 * job.c: gateways take jobs, and say that they are still at work.
 *
 * A job is a row that was written by the transaction that made it necessary. A gateway holds one
 * for a while and says again and again that it does; when it died, another takes the job, with the
 * next attempt's number. Results are stored under keys of the attempt, and what an earlier one says
 * later does not count (job_end.c).
 */
#include "postgres.h"

#include "job.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "json.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* Gateways tell of a job each 10 s. */
#define LEASE "interval '30 s'"

/* What is due: waiting long enough, or with a gateway that says nothing any more. */
#define DUE "(state = 'waiting' AND due_at <= now() OR state = 'running' AND lease_until <= now())"

void of_job_order(const char *kind, int64 document, int64 org, int64 topic) {
    static OfStatement insert = {
        "INSERT INTO onefin.job (kind, document_id, org_id, topic_id) VALUES ($1, $2, $3, $4)",
        4,
        {TEXTOID, INT8OID, INT8OID, INT8OID}};
    OfArgs args = {0};

    of_arg_text(&args, kind);
    of_arg_id(&args, document);
    of_arg_id(&args, org);
    of_arg_id(&args, topic);
    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    of_spi_end();
}

/* Jobs during which gateways died again and again are not tried for ever. In SPI. */
static void set_aside_the_deadly(void) {
    static OfStatement find = {
        "SELECT id FROM onefin.job WHERE state = 'running' AND lease_until <= now()"
        " AND attempt >= $1 LIMIT 100 FOR UPDATE SKIP LOCKED",
        1,
        {INT4OID}};
    SPITupleTable *rows;
    OfArgs args = {0};
    uint64 n;

    of_arg(&args, Int32GetDatum(OF_JOB_ATTEMPTS), false);
    n = of_run_as_owner(&find, &args, false);
    rows = SPI_tuptable;
    for (uint64 i = 0; i < n; i++) {
        bool isnull;
        Datum id = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);

        of_job_set_aside(DatumGetInt64(id), "died",
                         "the gateways that took it were not heard of again");
    }
}

/* Who lost the company meanwhile is told nothing of it, nor who has read it. In SPI. */
static void forget_the_departed(void) {
    static OfStatement delete = {
        "DELETE FROM onefin.job j WHERE kind IN ('mail', 'webhook') AND " DUE
        " AND NOT (EXISTS (SELECT FROM onefin.org_access x WHERE x.org_id = j.org_id"
        " AND x.account_id = j.account_id) AND EXISTS (SELECT FROM onefin.message m"
        " WHERE m.topic_id = j.topic_id AND m.id >= j.message_id AND m.deleted_at IS NULL"
        " AND m.author_id <> j.account_id AND m.id > coalesce((SELECT max(r.message_id)"
        " FROM onefin.read_mark r WHERE r.topic_id = j.topic_id"
        " AND r.account_id = j.account_id), 0)))",
        0,
        {0}};

    of_run_as_owner(&delete, NULL, false);
}

/* The members that each kind has beside job, attempt and kind. */
#define STAMP                                                                                      \
    "jsonb_build_object('document', d.id, 'key', d.store_key, 'name', d.name, 'type', d.type,"     \
    " 'size', d.size, 'sha256', encode(d.sha256, 'hex'), 'uploader', d.uploader_id,"               \
    " 'uploader_name', d.uploader_name, 'at', (SELECT to_char(d.at AT TIME ZONE z.zone,"           \
    " 'DD.MM.YYYY HH24:MI') || ' ' || z.zone FROM (SELECT onefin.firm_zone() AS zone) z),"         \
    " 'out_key', t.out_key,"                                                                       \
    " 'preview_key', t.preview_key, 'office', onefin.setting_on('office_to_pdf'), 'logo',"         \
    " (SELECT encode(l.png, 'base64') FROM onefin.logo l WHERE l.state = 'ready'"                  \
    " ORDER BY l.id DESC LIMIT 1))"
#define LOGO                                                                                       \
    "(SELECT jsonb_build_object('image', encode(l.image, 'base64'), 'type', l.type)"               \
    " FROM onefin.logo l WHERE l.id = t.logo_id)"
#define UNREAD                                                                                     \
    "jsonb_build_object('org', t.org_id, 'org_name', o.name, 'topic', t.topic_id, 'topic_names',"  \
    " k.names, 'unread', t.unread, 'name', a.name, 'language', a.language)"
#define MAIL UNREAD " || jsonb_build_object('id', t.id, 'to', a.email)"
#define WEBHOOK                                                                                    \
    "jsonb_build_object('id', t.id, 'body', jsonb_build_object('type', 'messages.unread',"         \
    " 'timestamp', t.at, 'data', " UNREAD                                                          \
    " || jsonb_build_object('account', a.id, 'login', a.login)))"

static Datum take(FunctionCallInfo fcinfo) {
    static OfStatement update = {
        "WITH work AS (SELECT id FROM onefin.job WHERE kind IN ('stamp', 'preview', 'logo') "
        "AND " DUE " ORDER BY due_at, id LIMIT $2 FOR UPDATE SKIP LOCKED),"
        " notices AS (SELECT id FROM onefin.job WHERE kind IN ('mail', 'webhook') AND " DUE
        " ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED),"
        " due AS (SELECT id FROM work UNION ALL SELECT id FROM notices),"
        " taken AS (UPDATE onefin.job j SET state = 'running', attempt = attempt + 1, gateway = $1,"
        " lease_until = now() + " LEASE ","
        " out_key = CASE WHEN kind = 'stamp' THEN onefin.key_reserve(document_id) END,"
        " preview_key = CASE WHEN kind IN ('stamp', 'preview')"
        " THEN onefin.key_reserve(document_id) END FROM due WHERE j.id = due.id RETURNING j.*)"
        " SELECT coalesce(jsonb_agg(jsonb_build_object('job', t.id, 'attempt', t.attempt, 'kind',"
        " t.kind) || CASE WHEN t.kind IN ('stamp', 'preview') THEN " STAMP
        " WHEN t.kind = 'logo' THEN " LOGO " WHEN t.kind = 'mail' THEN " MAIL " ELSE " WEBHOOK
        " END ORDER BY t.id), '[]') FROM taken t LEFT JOIN onefin.document d ON d.id = "
        "t.document_id"
        " LEFT JOIN onefin.org o ON o.id = t.org_id LEFT JOIN onefin.account a ON a.id ="
        " t.account_id LEFT JOIN onefin.topic p ON p.id = t.topic_id"
        " LEFT JOIN onefin.topic_kind k ON k.id = p.kind_id",
        3,
        {TEXTOID, INT4OID, INT4OID}};
    OfArgs args = {0};

    of_arg(&args, PG_GETARG_DATUM(0), false);
    of_arg(&args, PG_GETARG_DATUM(1), false);
    of_arg(&args, PG_GETARG_DATUM(3), false);
    return of_value(&update, &args, true, false);
}

/* Seconds until something may be due, as JSON; null when there is nothing. */
static Datum next_due(void) {
    static OfStatement find = {
        "SELECT CASE WHEN count(*) = 0 THEN 'null' ELSE to_jsonb(greatest(0, extract(epoch FROM"
        " min(CASE state WHEN 'waiting' THEN due_at ELSE lease_until END) - now()))) END"
        " FROM onefin.job"
        " WHERE state <> 'failed'",
        0,
        {0}};

    return of_value(&find, NULL, true, false);
}

/* onefin.jobs_take(gateway, max, present, notices) */
PG_FUNCTION_INFO_V1(onefin_jobs_take);
Datum onefin_jobs_take(PG_FUNCTION_ARGS) {
    JsonbParseState *json = NULL;

    of_spi_begin();
    of_notices_make(PG_GETARG_DATUM(2));
    set_aside_the_deadly();
    forget_the_departed();
    of_spi_end();
    of_json_begin(&json);
    of_json_value(&json, "jobs", take(fcinfo));
    of_json_value(&json, "next", next_due());
    PG_RETURN_JSONB_P(of_json_end(&json));
}

/* onefin.jobs_keep(gateway, jobs) */
PG_FUNCTION_INFO_V1(onefin_jobs_keep);
Datum onefin_jobs_keep(PG_FUNCTION_ARGS) {
    static OfStatement update = {"UPDATE onefin.job SET lease_until = now() + " LEASE
                                 " WHERE id = ANY ($2) AND gateway = $1 AND state = 'running'",
                                 2,
                                 {TEXTOID, INT8ARRAYOID}};
    OfArgs args = {0};

    of_arg(&args, PG_GETARG_DATUM(0), false);
    of_arg(&args, PG_GETARG_DATUM(1), false);
    of_spi_begin();
    of_run_as_owner(&update, &args, false);
    of_spi_end();
    PG_RETURN_VOID();
}
