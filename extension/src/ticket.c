/*
 * ticket.c: the rounds of a topic: open, waiting for the client, closed; and the calls that change them.
 *
 * Whatever opens, changes or closes a round, and every message, queues up for the topic first. So a
 * round's state, its waits and the order of its messages are of one piece.
 */
#include "postgres.h"

#include "ticket.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "miscadmin.h"
#include "plan.h"
#include "row.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "wait.h"

/* Open rounds looked at in one go for being silent, rounds reminded of in one go. */
#define LOOK_AT 500

#define US_PER_HOUR INT64CONST(3600000000)

/* Rounds closed longer ago than this are not reminded of. */
#define REMIND_DAYS 30

/*
 * Until its transaction ends, nobody else adds to the topic: so in a topic the order of ids is that
 * of commits, and who has read up to a message has seen all that have a lower id. Else one that
 * came to be later, with a lower id, would be taken for read by who never saw it. A tag of our own
 * kind keeps apart from advisory locks of others.
 */
static void topic_tag(LOCKTAG *tag, int64 topic) {
    enum { MESSAGES_OF_TOPIC = 0x1F1 };

    SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32)(topic >> 32), (uint32)topic,
                         MESSAGES_OF_TOPIC);
}

void of_queue_up(int64 topic) {
    LOCKTAG tag;

    topic_tag(&tag, topic);
    (void)LockAcquire(&tag, ExclusiveLock, false, false);
}

/* The same without waiting: false when somebody writes there just now. */
static bool queue_up_at_once(int64 topic) {
    LOCKTAG tag;

    topic_tag(&tag, topic);
    return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

OfTicket of_ticket_find(int64 topic) {
    enum { ID, STATE, LAST_STAFF, COLUMNS };
    static const char *const names[COLUMNS] = {"id", "state", "last_staff_id"};
    Datum key = Int64GetDatum(topic);
    OfTicket ticket = {0};
    OfFound found;
    OfRow row;

    if (of_find_begin(&found, "ticket", "ticket_current", 1, &key, &row, names, COLUMNS))
        ticket = (OfTicket){of_row_id(&row, ID), of_row_id(&row, LAST_STAFF),
                            strcmp(of_row_text(&row, STATE), "waiting_client") == 0};
    of_find_end(&found);
    return ticket;
}

static void tell(const char *kind, int64 org, int64 topic, int64 ticket, Jsonb *detail) {
    of_journal(&(OfEntry){.kind = kind,
                          .audience = OF_TO_ORG,
                          .org = org,
                          .topic = topic,
                          .subject = ticket,
                          .detail = detail});
}

/* Opens a round in a topic that has no open one. how: NULL for one that a message opens. */
int64 of_ticket_open(int64 org, int64 topic, int64 account, TimestampTz at, const char *how) {
    static OfStatement open = {
        "INSERT INTO onefin.ticket (org_id, topic_id, opened_by, opened_at, previous_id)"
        " VALUES ($1, $2, $3, $4,"
        " (SELECT id FROM onefin.ticket WHERE topic_id = $2 ORDER BY id DESC LIMIT 1))"
        " RETURNING id, previous_id",
        4,
        {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID}};
    JsonbParseState *detail = NULL;
    OfArgs args = {0};
    int64 previous;
    int64 ticket;

    of_arg_id(&args, org);
    of_arg_id(&args, topic);
    of_arg_id(&args, account);
    of_arg(&args, TimestampTzGetDatum(at), false);
    of_spi_begin();
    of_run_as_owner(&open, &args, false);
    ticket = of_result_id(0, 1);
    previous = of_result_id(0, 2);
    of_spi_end();
    of_json_begin(&detail);
    of_json_string(&detail, "state", "open");
    if (previous)
        of_json_id(&detail, "previous", previous);
    if (how)
        of_json_string(&detail, "how", how);
    tell("ticket.opened", org, topic, ticket, of_json_end(&detail));
    return ticket;
}

static void set_state(int64 org, int64 topic, int64 ticket, const char *state) {
    static OfStatement update = {
        "UPDATE onefin.ticket SET state = $2 WHERE id = $1", 2, {INT8OID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, ticket);
    of_arg_text(&args, state);
    of_spi_begin();
    of_change_row(&update, &args);
    of_spi_end();
    tell("ticket.changed", org, topic, ticket, of_detail("state", state));
}

/* A round that waited for the client is open again, and its clocks go. */
void of_ticket_goes_on(int64 org, int64 topic, int64 ticket, TimestampTz at) {
    of_waits_go_on(ticket, at);
    set_state(org, topic, ticket, "open");
}

/* Notes who speaks for the firm in the round. */
void of_ticket_spoken(int64 ticket, int64 staff) {
    static OfStatement update = {
        "UPDATE onefin.ticket SET last_staff_id = $2 WHERE id = $1", 2, {INT8OID, INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, ticket);
    of_arg_id(&args, staff);
    of_spi_begin();
    of_change_row(&update, &args);
    of_spi_end();
}

/* A round as it is closed. */
typedef struct Closing {
    int64 org;
    int64 topic;
    int64 ticket;
    int64 closer; /* 0: silence */
    TimestampTz last; /* when the last word was said, for silence */
} Closing;

/* Closes it; who answers for it: who spoke last for the firm, else who serves the company longest,
 * else who closes it. */
static int64 mark_closed(const Closing *closing) {
    static OfStatement update = {
        "UPDATE onefin.ticket t SET state = 'closed', closed_at = now(), closed_by = $2,"
        " closed_how = CASE WHEN $2 IS NULL THEN 'silence' ELSE 'person' END,"
        " accountable_id = coalesce(t.last_staff_id, (SELECT s.account_id FROM onefin.assignment s"
        " WHERE s.org_id = t.org_id AND s.until_at IS NULL ORDER BY s.from_at, s.id LIMIT 1), $2)"
        " WHERE t.id = $1 RETURNING t.accountable_id",
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};
    int64 accountable;

    of_arg_id(&args, closing->ticket);
    of_arg_id(&args, closing->closer);
    of_spi_begin();
    of_change_row(&update, &args);
    accountable = of_result_id(0, 1);
    of_spi_end();
    return accountable;
}

static void close_ticket(const Closing *closing) {
    int64 accountable = mark_closed(closing);
    OfWaitsClosed waits =
        closing->closer ? of_waits_close(closing->ticket, accountable, closing->closer)
                        : of_waits_close_silent(closing->ticket, accountable, closing->last);
    JsonbParseState *detail = NULL;

    of_json_begin(&detail);
    of_json_string(&detail, "state", "closed");
    of_json_string(&detail, "how", closing->closer ? "person" : "silence");
    of_json_id(&detail, "accountable", accountable);
    if (waits.resolution)
        of_json_id(&detail, "resolution", waits.resolution);
    if (waits.unanswered)
        of_json_id(&detail, "unanswered", waits.unanswered);
    tell("ticket.changed", closing->org, closing->topic, closing->ticket, of_json_end(&detail));
}

/* The newest round of a topic when it is closed, by that account if one is named; else 0. */
static int64 closed_last(int64 topic, int64 closer) {
    static OfStatement find = {
        "SELECT CASE WHEN state = 'closed' AND ($2 IS NULL OR closed_by = $2) THEN id END"
        " FROM onefin.ticket WHERE topic_id = $1 ORDER BY id DESC LIMIT 1",
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};
    int64 ticket;

    of_arg_id(&args, topic);
    of_arg_id(&args, closer);
    of_spi_begin();
    ticket = of_run_as_owner(&find, &args, false) == 1 ? of_result_id(0, 1) : 0;
    of_spi_end();
    return ticket;
}

static void refuse_no_round(int64 topic) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("topic %lld has no open round", (long long)topic),
                    errhint("The next message opens one.")));
}

static Datum answer(int64 topic, int64 ticket, const char *state) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    of_json_id(&json, "topic", topic);
    of_json_id(&json, "ticket", ticket);
    of_json_string(&json, "state", state);
    return JsonbPGetDatum(of_json_end(&json));
}

/* The topic that a call names, and its company; its queue is entered. */
static int64 enter(FunctionCallInfo fcinfo, int64 *org) {
    int64 topic = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);

    of_require_granted(fcinfo->flinfo->fn_oid);
    *org = of_require_served_topic(topic);
    of_queue_up(topic);
    return topic;
}

/* onefin_api.close(topic). Closing again what one has closed is answered as the first time: the
 * answer may have been lost. Errors: 55000 without an open round, P0002, 42501. */
PG_FUNCTION_INFO_V1(onefin_api_close);
Datum onefin_api_close(PG_FUNCTION_ARGS) {
    int64 org;
    int64 topic = enter(fcinfo, &org);
    int64 me = of_require_actor()->account;
    int64 ticket = of_ticket_find(topic).id;

    if (ticket)
        close_ticket(&(Closing){org, topic, ticket, me, 0});
    else if ((ticket = closed_last(topic, me)) == 0)
        refuse_no_round(topic);
    return answer(topic, ticket, "closed");
}

/* onefin_api.await_client(topic). Errors as of close. */
PG_FUNCTION_INFO_V1(onefin_api_await_client);
Datum onefin_api_await_client(PG_FUNCTION_ARGS) {
    int64 org;
    int64 topic = enter(fcinfo, &org);
    OfTicket ticket = of_ticket_find(topic);

    if (ticket.id == 0)
        refuse_no_round(topic);
    if (!ticket.waiting) {
        of_waits_stop(ticket.id, GetCurrentTimestamp());
        set_state(org, topic, ticket.id, "waiting_client");
    }
    return answer(topic, ticket.id, "waiting_client");
}

/* onefin_api.reopen(topic). Errors: 55000 where no round was ever, P0002, 42501. */
PG_FUNCTION_INFO_V1(onefin_api_reopen);
Datum onefin_api_reopen(PG_FUNCTION_ARGS) {
    int64 org;
    int64 topic = enter(fcinfo, &org);
    TimestampTz now = GetCurrentTimestamp();
    OfTicket ticket = of_ticket_find(topic);

    if (ticket.waiting)
        of_ticket_goes_on(org, topic, ticket.id, now);
    if (ticket.id == 0 && closed_last(topic, 0) == 0)
        refuse_no_round(topic);
    if (ticket.id == 0)
        ticket.id = of_ticket_open(org, topic, of_require_actor()->account, now, "reopened");
    return answer(topic, ticket.id, "open");
}

/* Closes a round that the look found, unless somebody writes there or has written meanwhile. */
static void close_if_silent(int64 topic, int64 silence) {
    static OfStatement look = {
        "SELECT t.id, t.org_id, m.at FROM onefin.ticket t CROSS JOIN LATERAL (SELECT m.at FROM"
        " onefin.message m WHERE m.topic_id = t.topic_id ORDER BY m.id DESC LIMIT 1) m"
        " WHERE t.topic_id = $1 AND t.state <> 'closed' AND m.at < $2 AND t.opened_at < $2"
        " AND NOT EXISTS (SELECT FROM onefin.wait w WHERE w.ticket_id = t.id AND w.ended_at IS NULL"
        " AND w.kind <> 'resolution')",
        2,
        {INT8OID, TIMESTAMPTZOID}};
    Closing closing = {.topic = topic};
    OfArgs args = {0};
    bool isnull;

    if (!queue_up_at_once(topic))
        return;
    of_arg_id(&args, topic);
    of_arg(&args, TimestampTzGetDatum(GetCurrentTimestamp() - silence), false);
    of_spi_begin();
    if (of_run_as_owner(&look, &args, false) == 1) {
        closing.ticket = of_result_id(0, 1);
        closing.org = of_result_id(0, 2);
        closing.last = DatumGetTimestampTz(of_result(0, 3, &isnull));
    }
    of_spi_end();
    if (closing.ticket)
        close_ticket(&closing);
}

/* Some of the topics with open rounds that were opened before, in turn. */
static uint64 next_topics(TimestampTz before, int64 *topics) {
    static OfStatement list = {"SELECT t.topic_id FROM onefin.ticket t WHERE t.state <> 'closed'"
                               " AND t.topic_id > $1 AND t.opened_at < $2 ORDER BY t.topic_id LIMIT $3",
                               3,
                               {INT8OID, TIMESTAMPTZOID, INT8OID}};
    static int64 last = 0;
    OfArgs args = {0};
    uint64 n;

    of_arg(&args, Int64GetDatum(last), false);
    of_arg(&args, TimestampTzGetDatum(before), false);
    of_arg_id(&args, LOOK_AT);
    of_spi_begin();
    n = of_run_as_owner(&list, &args, true);
    for (uint64 i = 0; i < n; i++)
        topics[i] = of_result_id(i, 1);
    of_spi_end();
    last = n == LOOK_AT ? topics[n - 1] : 0;
    return n;
}

void of_tickets_close_silent(void) {
    int64 silence = of_setting_number("close_after_hours") * US_PER_HOUR;
    int64 topics[LOOK_AT];
    uint64 n;

    if (silence == 0)
        return;
    n = next_topics(GetCurrentTimestamp() - silence, topics);
    for (uint64 i = 0; i < n; i++)
        close_if_silent(topics[i], silence);
}

void of_ratings_remind(void) {
    static OfStatement remind = {
        "UPDATE onefin.ticket t SET reminded_at = now() WHERE t.id IN (SELECT c.id FROM onefin.ticket c"
        " JOIN onefin.org o ON o.id = c.org_id WHERE c.closed_how = 'person' AND c.reminded_at IS NULL"
        " AND c.closed_at > $1 AND c.closed_at < $2 AND o.archived_at IS NULL"
        " AND NOT EXISTS (SELECT FROM onefin.rating r WHERE r.ticket_id = c.id)"
        " ORDER BY c.closed_at LIMIT $3 FOR UPDATE OF c SKIP LOCKED)"
        " RETURNING t.id, t.org_id, t.topic_id",
        3,
        {TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID}};
    int64 after = of_setting_number("remind_after_hours") * US_PER_HOUR;
    TimestampTz now = GetCurrentTimestamp();
    OfArgs args = {0};
    uint64 n;

    if (after == 0)
        return;
    of_arg(&args, TimestampTzGetDatum(now - REMIND_DAYS * USECS_PER_DAY), false);
    of_arg(&args, TimestampTzGetDatum(now - after), false);
    of_arg_id(&args, LOOK_AT);
    of_spi_begin();
    n = of_run_as_owner(&remind, &args, false);
    for (uint64 i = 0; i < n; i++)
        tell("rating.reminded", of_result_id(i, 2), of_result_id(i, 3), of_result_id(i, 1), NULL);
    of_spi_end();
}
