/*
 * redact.c: an admin takes the text of a message out of all its versions.
 *
 * It is the one way in which a version changes. The digests stay, and so does everything else that
 * the rows say, so that the journal still proves that something was said, by whom and when; the
 * entry message.redacted says who took the text out and why. A redacted message is not edited any
 * more, but may be deleted.
 *
 * The row of the message is changed before those of its versions: that waits for an edit under way,
 * whose version the second statement then sees, and an edit that waits for the redaction is
 * refused.
 */
#include "postgres.h"

#include "redact.h"

#include "catalog/pg_type_d.h"
#include "errors.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "message.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* Why it is done, which the journal keeps. */
char *of_require_reason(Datum reason, bool isnull) {
    char *why = isnull ? "" : TextDatumGetCString(reason);

    if (why[strspn(why, " \t\r\n")] == '\0')
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a reason is needed"),
                        errhint("Say on what ground: the journal keeps it.")));
    return why;
}

/*
 * Takes the texts of messages (a bigint[]) out of them and of all their versions, and counts them.
 * Those taken out already are passed over. In SPI.
 */
void of_take_texts(Datum messages, OfRedacted *redacted) {
    static OfStatement newest = {"UPDATE onefin.message SET text = NULL, redacted_at = now()"
                                 " WHERE id = ANY ($1) AND redacted_at IS NULL",
                                 1,
                                 {INT8ARRAYOID}};
    static OfStatement earlier = {"UPDATE onefin.message_version SET text = NULL"
                                  " WHERE message_id = ANY ($1) AND text IS NOT NULL",
                                  1,
                                  {INT8ARRAYOID}};
    bool before = of_set_redacting(true);
    OfArgs args = {0};

    of_arg(&args, messages, false);
    PG_TRY();
    {
        redacted->messages += (int64)of_run_as_owner(&newest, &args, false);
        redacted->versions += (int64)of_run_as_owner(&earlier, &args, false);
    }
    PG_FINALLY();
    { of_set_redacting(before); }
    PG_END_TRY();
}

static void refuse_stale(int64 message, int32 newest, int32 version) {
    ereport(ERROR,
            (errcode(ERRCODE_ONEFIN_STALE_VERSION),
             errmsg("message %lld is at version %d, not %d", (long long)message, newest, version),
             errhint("Read the newest version, then decide on that.")));
}

/*
 * Takes the text out, unless that was done. version: the one that the admin has seen, or 0. In SPI.
 */
static void redact(int64 message, const char *reason, int32 version) {
    static OfStatement find = {
        "SELECT org_id, topic_id, visibility, version, digest, redacted_at IS NOT NULL,"
        " ARRAY[id] FROM onefin.message WHERE id = $1 FOR UPDATE",
        1,
        {INT8OID}};
    OfRedacted redacted = {0};
    OfArgs args = {0};
    OfEntry entry;
    Datum digest;
    bool isnull;

    of_arg(&args, Int64GetDatum(message), false);
    if (of_run_as_owner(&find, &args, false) == 0)
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no message %lld", (long long)message),
                 errhint("history lists those that you may see.")));
    if (DatumGetBool(of_result(0, 6, &isnull)))
        return;
    digest = of_result(0, 5, &isnull);
    entry =
        (OfEntry){.kind = "message.redacted",
                  .audience = strcmp(of_result_text(0, 3), "staff") == 0 ? OF_TO_STAFF : OF_TO_ORG,
                  .org = of_result_id(0, 1),
                  .topic = of_result_id(0, 2),
                  .subject = message,
                  .version = DatumGetInt32(of_result(0, 4, &isnull)),
                  .detail = of_detail("reason", reason)};
    entry.digest = digest ? DatumGetByteaPP(digest) : NULL;
    if (version && version != entry.version)
        refuse_stale(message, entry.version, version);
    of_take_texts(of_result(0, 7, &isnull), &redacted);
    of_journal(&entry);
}

/* onefin_api.redact(message, reason, version), for admins: {message}. */
PG_FUNCTION_INFO_V1(onefin_api_redact);
Datum onefin_api_redact(PG_FUNCTION_ARGS) {
    static OfStatement read = {"SELECT jsonb_build_object('message', body)"
                               " FROM onefin.message_body WHERE id = $1",
                               1,
                               {INT8OID}};
    OfArgs args = {0};
    char *reason;

    of_require_granted(fcinfo->flinfo->fn_oid);
    reason = of_require_reason(PG_GETARG_DATUM(1), PG_ARGISNULL(1));
    of_arg(&args, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
    of_spi_begin();
    redact(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), reason,
           PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2));
    of_spi_end();
    return of_value(&read, &args, false, false);
}
