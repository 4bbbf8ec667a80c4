/*
 * versions.c: the call that shows every version of a message.
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
#include "utils/jsonb.h"

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
