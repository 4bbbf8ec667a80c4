/*
 * job_end.c: what became of a job: done, to be tried again, or set aside.
 *
 * Only the attempt that holds the job is heard. The job's row is held meanwhile, so that what
 * becomes of it happens once; a job that is done has no row any more.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "document.h"
#include "fmgr.h"
#include "identity.h"
#include "job.h"
#include "journal.h"
#include "json.h"
#include "plan.h"
#include "store_key.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* A job whose row is held. */
typedef struct Job {
    int64 id;
    char *kind;
    int64 org;
    int64 topic;
    int64 document;
    int64 logo;
    int64 account;
    int attempt;
    Datum out_key; /* 0: none */
    Datum preview_key;
} Job;

/* Holds the job; false when the attempt (0: whichever) has it no more. A document's row is held
 * before its job's, as by those who erase. In SPI. */
static bool hold(int64 id, int attempt, Job *job) {
    static OfStatement document = {
        "SELECT FROM onefin.document WHERE id = (SELECT document_id FROM onefin.job WHERE id = $1)"
        " FOR UPDATE",
        1,
        {INT8OID}};
    static OfStatement find = {
        "SELECT kind, org_id, topic_id, document_id, logo_id, account_id, attempt, out_key,"
        " preview_key FROM onefin.job WHERE id = $1 AND ($2 = 0 OR attempt = $2"
        " AND state = 'running') FOR UPDATE",
        2,
        {INT8OID, INT4OID}};
    OfArgs args = {0};
    bool isnull;

    of_arg_id(&args, id);
    of_run_as_owner(&document, &args, false);
    of_arg(&args, Int32GetDatum(attempt), false);
    if (of_run_as_owner(&find, &args, false) == 0)
        return false;
    *job = (Job){.id = id,
                 .kind = of_result_text(0, 1),
                 .org = of_result_id(0, 2),
                 .topic = of_result_id(0, 3),
                 .document = of_result_id(0, 4),
                 .logo = of_result_id(0, 5),
                 .account = of_result_id(0, 6),
                 .attempt = DatumGetInt32(of_result(0, 7, &isnull)),
                 .out_key = of_result_copy(0, 8, CurrentMemoryContext),
                 .preview_key = of_result_copy(0, 9, CurrentMemoryContext)};
    return true;
}

static void forget(const Job *job) {
    static OfStatement delete = {"DELETE FROM onefin.job WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, job->id);
    of_run_as_owner(&delete, &args, false);
}

static bool has_preview(Datum result) {
    static OfStatement find = {"SELECT jsonb_typeof($1 -> 'preview') = 'object'", 1, {JSONBOID}};
    OfArgs args = {0};
    Datum found;

    of_arg(&args, result, false);
    found = of_value(&find, &args, true, true);
    return found && DatumGetBool(found);
}

/* False when the attempt's keys are not its own any more. */
static bool stamped(const Job *job, Datum result) {
    static OfStatement update = {
        "UPDATE onefin.document SET state = 'ready', reason = NULL, stamped_key = $2,"
        " stamped_name = CASE WHEN $4 ->> 'extension' IS NULL THEN name"
        " ELSE regexp_replace(name, '\\.[^.]*$', '') || '.' || ($4 ->> 'extension') END,"
        " stamped_type = $4 ->> 'type', stamped_size = ($4 ->> 'size')::bigint,"
        " stamped_sha256 = decode($4 ->> 'sha256', 'hex'), signed = ($4 ->> 'signed')::boolean,"
        " preview_key = $3, preview_size = CASE WHEN $3 IS NOT NULL"
        " THEN ($4 #>> '{preview,size}')::bigint END WHERE id = $1",
        4,
        {INT8OID, TEXTOID, TEXTOID, JSONBOID}};
    OfArgs args = {0};
    bool preview;

    if (!of_key_record(job->out_key))
        return false;
    preview = has_preview(result) && of_key_record(job->preview_key);
    of_arg_id(&args, job->document);
    of_arg(&args, job->out_key, false);
    of_arg(&args, job->preview_key, !preview);
    of_arg(&args, result, false);
    of_run_as_owner(&update, &args, false);
    of_document_changed(job->document, "document.ready", NULL);
    return true;
}

static bool previewed(const Job *job, Datum result) {
    static OfStatement update = {
        "UPDATE onefin.document SET preview_key = $2, preview_size = ($3 ->> 'size')::bigint"
        " WHERE id = $1",
        3,
        {INT8OID, TEXTOID, JSONBOID}};
    OfArgs args = {0};

    if (!of_key_record(job->preview_key))
        return false;
    of_arg_id(&args, job->document);
    of_arg(&args, job->preview_key, false);
    of_arg(&args, result, false);
    of_run_as_owner(&update, &args, false);
    of_document_changed(job->document, "document.ready", NULL);
    return true;
}

static void tell_logo(const Job *job) {
    of_journal(&(OfEntry){.kind = "logo.changed", .audience = OF_TO_ADMIN, .subject = job->logo});
}

static void drawn(const Job *job, Datum result) {
    static OfStatement update = {
        "UPDATE onefin.logo SET state = 'ready', png = decode($2 ->> 'image', 'base64')"
        " WHERE id = $1",
        2,
        {INT8OID, JSONBOID}};
    OfArgs args = {0};

    of_arg_id(&args, job->logo);
    of_arg(&args, result, false);
    of_run_as_owner(&update, &args, false);
    tell_logo(job);
}

/* Who was told, and how: for the journal only. */
static void told(const Job *job) {
    of_journal(&(OfEntry){.kind = "notice.sent",
                          .audience = OF_TO_NONE,
                          .org = job->org,
                          .topic = job->topic,
                          .subject = job->id,
                          .account = job->account,
                          .detail = of_detail("by", job->kind)});
}

static bool finish(const Job *job, Datum result) {
    if (strcmp(job->kind, "stamp") == 0)
        return stamped(job, result);
    if (strcmp(job->kind, "preview") == 0)
        return previewed(job, result);
    if (strcmp(job->kind, "logo") == 0)
        drawn(job, result);
    else
        told(job);
    return true;
}

/* onefin.job_done(job, attempt, result) */
PG_FUNCTION_INFO_V1(onefin_job_done);
Datum onefin_job_done(PG_FUNCTION_ARGS) {
    Job job;
    bool mine;

    of_spi_begin();
    mine = hold(PG_GETARG_INT64(0), PG_GETARG_INT32(1), &job) && finish(&job, PG_GETARG_DATUM(2));
    if (mine)
        forget(&job);
    of_spi_end();
    PG_RETURN_BOOL(mine);
}

static void document_failed(const Job *job, const char *reason) {
    static OfStatement update = {
        "UPDATE onefin.document SET state = 'failed', reason = CASE WHEN $2 IN ('encrypted',"
        " 'broken', 'too_large', 'no_pages', 'unsupported', 'office_off', 'time', 'died') THEN $2"
        " ELSE 'lost' END WHERE id = $1",
        2,
        {INT8OID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, job->document);
    of_arg_text(&args, reason);
    of_run_as_owner(&update, &args, false);
    of_document_changed(job->document, "document.failed", NULL);
}

static void logo_failed(const Job *job) {
    static OfStatement update = {
        "UPDATE onefin.logo SET state = 'failed' WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, job->logo);
    of_run_as_owner(&update, &args, false);
    tell_logo(job);
}

static void set_state(const Job *job, const char *state, const char *reason, const char *message) {
    static OfStatement update = {
        "UPDATE onefin.job SET state = $2, reason = $3, message = left($4, 1000),"
        " lease_until = NULL, out_key = NULL, preview_key = NULL,"
        " due_at = now() + least(interval '5 s' * 2 ^ (attempt - 1), interval '1 hour')"
        " WHERE id = $1",
        4,
        {INT8OID, TEXTOID, TEXTOID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, job->id);
    of_arg_text(&args, state);
    of_arg_text(&args, reason);
    of_arg_text(&args, message);
    of_run_as_owner(&update, &args, false);
}

static void set_aside(const Job *job, const char *reason, const char *message) {
    set_state(job, "failed", reason, message);
    if (strcmp(job->kind, "stamp") == 0)
        document_failed(job, reason);
    if (strcmp(job->kind, "logo") == 0)
        logo_failed(job);
    of_journal(&(OfEntry){.kind = "job.failed",
                          .audience = OF_TO_ADMIN,
                          .org = job->org,
                          .topic = job->topic,
                          .subject = job->id,
                          .detail = of_detail("reason", reason)});
}

/* In SPI. */
void of_job_set_aside(int64 id, const char *reason, const char *message) {
    Job job;

    if (hold(id, 0, &job))
        set_aside(&job, reason, message);
}

/* onefin.job_failed(job, attempt, reason, message, final) */
PG_FUNCTION_INFO_V1(onefin_job_failed);
Datum onefin_job_failed(PG_FUNCTION_ARGS) {
    const char *reason = text_to_cstring(PG_GETARG_TEXT_PP(2));
    const char *message = text_to_cstring(PG_GETARG_TEXT_PP(3));
    Job job;
    bool mine;

    of_spi_begin();
    mine = hold(PG_GETARG_INT64(0), PG_GETARG_INT32(1), &job);
    if (mine && (PG_GETARG_BOOL(4) || job.attempt >= OF_JOB_ATTEMPTS))
        set_aside(&job, reason, message);
    else if (mine)
        set_state(&job, "waiting", reason, message);
    of_spi_end();
    PG_RETURN_BOOL(mine);
}

/* onefin_api.retry_job(job), for admins: one that was set aside is tried again, from the start. */
PG_FUNCTION_INFO_V1(onefin_api_retry_job);
Datum onefin_api_retry_job(PG_FUNCTION_ARGS) {
    static OfStatement update = {
        "UPDATE onefin.job SET state = 'waiting', attempt = 0, due_at = now(), gateway = NULL"
        " WHERE id = $1 AND state = 'failed'",
        1,
        {INT8OID}};
    static OfStatement document = {
        "UPDATE onefin.document SET state = 'stamping', reason = NULL WHERE id = $1", 1, {INT8OID}};
    static OfStatement logo = {
        "UPDATE onefin.logo SET state = 'checking' WHERE id = $1", 1, {INT8OID}};
    static OfStatement read = {
        "SELECT jsonb_build_object('job', body) FROM onefin.job_body WHERE id = $1", 1, {INT8OID}};
    OfArgs args = {0};
    OfArgs of_document = {0};
    OfArgs of_logo = {0};
    Job job;

    of_require_granted(fcinfo->flinfo->fn_oid);
    of_arg(&args, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
    of_spi_begin();
    if (PG_ARGISNULL(0) || !hold(PG_GETARG_INT64(0), 0, &job) ||
        of_run_as_owner(&update, &args, false) == 0)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no such failed job"),
                        errhint("jobs lists those that failed.")));
    of_arg_id(&of_document, job.document);
    of_arg_id(&of_logo, job.logo);
    if (strcmp(job.kind, "stamp") == 0) {
        of_run_as_owner(&document, &of_document, false);
        of_document_changed(job.document, "document.stamping", NULL);
    }
    of_run_as_owner(&logo, &of_logo, false);
    of_journal(&(OfEntry){.kind = "job.retried",
                          .audience = OF_TO_ADMIN,
                          .org = job.org,
                          .topic = job.topic,
                          .subject = job.id});
    of_spi_end();
    PG_RETURN_DATUM(of_value(&read, &args, false, false));
}
