/*
 * notice.c: who is away is told of unread messages, by mail or through a webhook.
 *
 * A message makes one job for its topic, due after a while; later messages find it there. When it
 * is due, the people of the topic who are not there and have not read it get a job each, with the
 * number of what is unread and nothing of what was said. The job is held by every transaction that
 * writes a message meanwhile, and not taken before they ended: a message that commits is never
 * between two of them.
 */
#include "postgres.h"

#include "access.h"
#include "catalog/pg_type_d.h"
#include "identity.h"
#include "job.h"
#include "plan.h"

void of_notice_due(int64 org, int64 topic, int64 message) {
    static OfStatement insert = {
        "INSERT INTO onefin.job AS j (kind, org_id, topic_id, message_id, due_at)"
        " SELECT 'notify', $1, $2, $3, now() + interval '1 s' * $4"
        " ON CONFLICT (topic_id) WHERE kind = 'notify' DO UPDATE SET due_at = j.due_at",
        4,
        {INT8OID, INT8OID, INT8OID, INT8OID}};
    int64 after = of_notice_after();
    OfArgs args = {0};

    if (after < 0)
        return;
    of_arg_id(&args, org);
    of_arg_id(&args, topic);
    of_arg_id(&args, message);
    of_arg(&args, Int64GetDatum(after), false);
    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    of_spi_end();
}

/* In SPI. */
void of_notices_make(Datum present) {
    static OfStatement make = {
        "WITH due AS (SELECT id, org_id, topic_id, message_id FROM onefin.job WHERE kind = 'notify'"
        " AND due_at <= now() ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED),"
        " gone AS (DELETE FROM onefin.job j USING due WHERE j.id = due.id),"
        " away AS (SELECT due.*, a.id AS account_id, a.email, u.unread FROM due"
        " JOIN onefin.org_access x ON x.org_id = due.org_id AND x.role IN ('client', 'accountant')"
        " JOIN onefin.account a ON a.id = x.account_id AND NOT a.id = ANY ($1)"
        " CROSS JOIN LATERAL (SELECT count(*) AS unread, max(m.id) AS newest FROM (SELECT m.id"
        " FROM onefin.message m WHERE m.topic_id = due.topic_id AND m.deleted_at IS NULL"
        " AND m.author_id <> a.id AND (a.role <> 'client' OR m.visibility = 'all')"
        " AND m.id > coalesce((SELECT max(r.message_id) FROM onefin.read_mark r"
        " WHERE r.topic_id = due.topic_id AND r.account_id = a.id), 0)"
        " ORDER BY m.id DESC LIMIT 1000) m) u WHERE u.newest >= due.message_id)"
        " INSERT INTO onefin.job (kind, org_id, topic_id, message_id, account_id, unread)"
        " SELECT k.kind, org_id, topic_id, message_id, account_id, unread FROM away, (SELECT 'mail'"
        " AS kind WHERE onefin.setting_on('notify_by_mail') UNION ALL SELECT 'webhook'"
        " WHERE onefin.setting_on('notify_by_webhook')) k"
        " WHERE k.kind <> 'mail' OR away.email IS NOT NULL",
        1,
        {INT8ARRAYOID}};
    OfArgs args = {0};

    of_arg(&args, present, false);
    of_run_as_owner(&make, &args, false);
}
