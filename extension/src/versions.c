/*
 * versions.c: the calls that show earlier texts: every version of a message, and the history of a
 * topic as it stood at a past instant.
 *
 * Who may see an earlier version is said by the policies of onefin.message_version, under which the
 * statements here run. Each look is journaled, in the transaction that takes it.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/*
 * Journals that the versions of a message, which the caller sees, were read. Refused when there are
 * earlier versions that row-level security keeps from the caller.
 */
static void open_versions(int64 message) {
    static OfStatement find = {
        "SELECT m.org_id, m.topic_id, m.version - 1 = (SELECT count(*) FROM onefin.message_version "
        "v WHERE v.message_id = m.id) FROM onefin.message m WHERE m.id = $1",
        1,
        {INT8OID}};
    OfArgs args = {0};
    bool isnull;

    of_arg(&args, Int64GetDatum(message), false);
    if (of_run(&find, &args, false) == 0)
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no message %lld", (long long)message),
                 errhint("history lists those that you may see.")));
    if (!DatumGetBool(of_result(0, 3, &isnull)))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("the earlier versions of message %lld are not yours to see",
                               (long long)message),
                        errhint("Its author, the supervisor and admins see them.")));
    of_journal(&(OfEntry){.kind = "versions.read",
                          .audience = OF_TO_ADMIN,
                          .org = of_result_id(0, 1),
                          .topic = of_result_id(0, 2),
                          .subject = message});
}

/*
 * onefin_api.versions(message). The documents are those that the caller may see, which are the
 * withdrawn ones of a deleted message too for who may see its text.
 */
PG_FUNCTION_INFO_V1(onefin_api_versions);
Datum onefin_api_versions(PG_FUNCTION_ARGS) {
    static OfStatement read = {
        "SELECT jsonb_build_object('seal', onefin.position(), 'message', $1, 'versions',"
        " jsonb_agg(jsonb_build_object('version', version, 'at', at, 'author', author_id,"
        " 'author_name', author_name, 'operation', operation, 'text', text,"
        " 'digest', encode(digest, 'hex'), 'diff', onefin.word_diff(before, text))"
        " ORDER BY version), 'documents', (SELECT coalesce(jsonb_agg(d.body ORDER BY d.id), '[]')"
        " FROM onefin.document_body d WHERE d.message_id = $1))"
        " FROM (SELECT *, lag(text) OVER (ORDER BY version) AS before FROM ("
        "SELECT v.version, v.at, v.author_id, m.author_name, v.operation, v.text, v.digest"
        " FROM onefin.message_version v JOIN onefin.message m ON m.id = v.message_id"
        " WHERE v.message_id = $1"
        " UNION ALL SELECT m.version, coalesce(m.deleted_at, m.edited_at, m.at), m.author_id,"
        " m.author_name, CASE WHEN m.deleted_at IS NOT NULL THEN 'delete' WHEN m.version = 1 THEN"
        " 'send' ELSE 'edit' END, m.text, m.digest"
        " FROM onefin.message m WHERE m.id = $1) v) v",
        1,
        {INT8OID}};
    OfArgs args = {0};

    of_require_actor();
    of_arg(&args, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
    of_spi_begin();
    open_versions(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0));
    of_spi_end();
    return of_value(&read, &args, false, false);
}

static void journal_history(int64 org, int64 topic, Datum as_of) {
    char instant[MAXDATELEN + 1];

    JsonEncodeDateTime(instant, as_of, TIMESTAMPTZOID, NULL);
    of_journal(&(OfEntry){.kind = "history.read",
                          .audience = OF_TO_ADMIN,
                          .org = org,
                          .topic = topic,
                          .detail = of_detail("as_of", instant)});
}

/*
 * onefin.history_at(topic, before, limit, as_of): what onefin_api.history answers for a past
 * instant. A message was there when it had been said by then; the version that held is the newest
 * made by then. Where that is an earlier one which the caller may not see, its text and all that
 * would tell of it are NULL, and "hidden" is true.
 */
PG_FUNCTION_INFO_V1(onefin_history_at);
Datum onefin_history_at(PG_FUNCTION_ARGS) {
    static OfStatement read = {
        "SELECT jsonb_build_object('seal', onefin.position(), 'as_of', $4, 'messages',"
        " coalesce(jsonb_agg(body ORDER BY id) FILTER (WHERE place <= size), '[]'),"
        " 'more', coalesce(bool_or(place > size), false))"
        " FROM (SELECT m.id, onefin.message_json(m, CASE WHEN m.document_ids IS NULL"
        " OR m.deleted_at <= $4 THEN '[]' ELSE ("
        "SELECT coalesce(jsonb_agg(d.body ORDER BY d.id), '[]') FROM onefin.document_body d"
        " WHERE d.id = ANY (m.document_ids)) END)"
        " || CASE WHEN later THEN jsonb_build_object('text', v.text, 'version', v.version,"
        " 'edited_at', CASE WHEN v.version > 1 THEN v.at END, 'deleted_at', NULL,"
        " 'hidden', v.version IS NULL) ELSE '{\"hidden\": false}' END AS body,"
        " row_number() OVER (ORDER BY m.id DESC) AS place, least(greatest($3, 1), 200) AS size"
        " FROM onefin.message m"
        " CROSS JOIN LATERAL (SELECT coalesce(m.deleted_at, m.edited_at, m.at) > $4) c (later)"
        " LEFT JOIN LATERAL (SELECT v.version, v.at, v.text FROM onefin.message_version v"
        " WHERE v.message_id = m.id AND v.at <= $4 ORDER BY v.version DESC LIMIT 1) v ON later"
        " WHERE m.topic_id = $1 AND m.id < coalesce($2, 9223372036854775807) AND m.at <= $4"
        " ORDER BY m.id DESC LIMIT least(greatest($3, 1), 200) + 1) page",
        4,
        {INT8OID, INT8OID, INT4OID, TIMESTAMPTZOID}};
    int64 topic = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    int64 org = of_require_topic(topic);
    OfArgs args = {0};

    if (PG_ARGISNULL(3))
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("as_of is needed"),
                 errhint("history without as_of is as it stands now.")));
    for (int i = 0; i < 4; i++)
        of_arg(&args, PG_GETARG_DATUM(i), PG_ARGISNULL(i));
    journal_history(org, topic, PG_GETARG_DATUM(3));
    return of_value(&read, &args, false, false);
}
