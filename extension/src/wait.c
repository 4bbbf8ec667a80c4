/*
 * wait.c: clients wait for an answer: each wait from the message that begins it to its end.
 *
 * A round has at most two open waits: for a response, and for its resolution. Each message looks at
 * them once (an index has just those that are open), and mostly changes nothing: that is all a send
 * pays. Everything here happens with the topic's queue entered (ticket.c), but for warnings and
 * misses, which the sealer finds at their time; both write a wait by statements that look at the
 * row as it is.
 *
 * What is defined here:
 *   begins     a public message of a client who is no machine, where no wait for a response is
 *              open; the round's first such message begins the wait for the resolution, too
 *   ends       a public message of a person of the firm: who wrote it is credited, whoever is
 *              assigned. Of two who answer at once the first in the topic's order is
 *   nothing    later messages of clients, notes, machines, edits; the deletion of an answer: it was
 *              given, and the record shows it
 *   taken back when all that the client asked is deleted again, the wait is over as deleted
 *   imported   words count at the time they were said. An answer said before the question is none;
 *              an imported wait raises no warning and no miss, and gives way to what a client says
 *              here
 *   policy     and calendar of the start are kept; measured is business time by the calendar as it
 *              is at the end, without what the round waited for the client
 */
#include "postgres.h"

#include "wait.h"

#include "access.h"
#include "access/table.h"
#include "access/xact.h"
#include "calendar.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "message.h"
#include "plan.h"
#include "policy.h"
#include "ticket.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* Waits that are told of in one go. */
#define TELL_AT_ONCE 500

/* Columns of onefin.wait, in the order of the table (42_wait.sql). */
enum {
    ID,
    ORG,
    TOPIC,
    TICKET,
    MESSAGE,
    POLICY,
    CALENDAR,
    STARTED_AT,
    TARGET,
    PAUSED,
    PAUSED_AT,
    WARN_AT,
    DUE_AT,
    KIND_ID,
    IMPORTED,
    KIND,
    COLUMNS
};
static const char *const names[COLUMNS] = {
    "id",         "org_id", "topic_id", "ticket_id", "message_id", "policy_id", "calendar_id",
    "started_at", "target", "paused",   "paused_at", "warn_at",    "due_at",    "kind_id",
    "imported",   "kind"};
static const char *const kinds[OF_WAIT_KINDS] = {"first", "next", "resolution"};

/* An open wait; times and ids are 0 where there is none. */
typedef struct Wait {
    int64 id;
    int64 org;
    int64 topic;
    int64 message;
    int64 calendar;
    int64 target;
    int64 paused;
    TimestampTz started_at;
    TimestampTz paused_at;
    bool imported;
} Wait;

/* Those of one round; ids are 0 where there is none. */
typedef struct Open {
    Wait response;
    Wait resolution;
} Open;

static Wait read_wait(const OfRow *row) {
    return (Wait){.id = of_row_id(row, ID),
                  .org = of_row_id(row, ORG),
                  .topic = of_row_id(row, TOPIC),
                  .message = of_row_id(row, MESSAGE),
                  .calendar = of_row_id(row, CALENDAR),
                  .target = of_row_id(row, TARGET),
                  .paused = of_row_id(row, PAUSED),
                  .started_at = DatumGetTimestampTz(of_row_get(row, STARTED_AT)),
                  .paused_at = of_row_null(row, PAUSED_AT)
                                   ? 0
                                   : DatumGetTimestampTz(of_row_get(row, PAUSED_AT)),
                  .imported = DatumGetBool(of_row_get(row, IMPORTED))};
}

static Open open_waits(int64 ticket) {
    Datum key = Int64GetDatum(ticket);
    Open open = {0};
    OfFound found;
    OfRow row;
    bool more = of_find_begin(&found, "wait", "wait_current", 1, &key, &row, names, COLUMNS);

    while (more) {
        bool resolution = strcmp(of_row_text(&row, KIND), kinds[OF_WAIT_RESOLUTION]) == 0;

        *(resolution ? &open.resolution : &open.response) = read_wait(&row);
        more = of_find_next(&found, &row);
    }
    of_find_end(&found);
    return open;
}

/* Where an imported message cannot have been said before it, time does not go back. */
static int64 business(const Wait *wait, TimestampTz from, TimestampTz until) {
    return until <= from ? 0 : of_business_duration(from, until, wait->calendar);
}

/* How much of it until a moment was paused. */
static int64 paused_until(const Wait *wait, TimestampTz until) {
    return wait->paused + (wait->paused_at ? business(wait, wait->paused_at, until) : 0);
}

/* When so much business time of a wait is over, if ever. */
static Datum due_after(const Wait *wait, int64 duration, bool *never) {
    TimestampTz at = 0;

    *never = wait->target == 0 || wait->imported ||
             !of_business_reach(wait->started_at, duration + wait->paused, wait->calendar, &at);
    return TimestampTzGetDatum(at);
}

static int64 until_warning(int64 target, double share) {
    return (int64)((double)target * share);
}

/* Begins a wait with a client's message; its id. */
static int64 begin(const OfRow *message, OfWaitKind kind, bool imported) {
    Relation waits = table_open(of_relation("wait"), RowExclusiveLock);
    int64 org = of_row_id(message, OF_MESSAGE_ORG);
    int64 topic = of_row_id(message, OF_MESSAGE_TOPIC);
    TimestampTz at = DatumGetTimestampTz(of_row_get(message, OF_MESSAGE_AT));
    int16 topic_kind = of_kind_of_topic(topic);
    OfPolicy policy = of_policy_for(org, topic_kind, at);
    Wait wait = {.id = of_next_id("wait_id_seq"),
                 .calendar = of_calendar_for(org, topic_kind),
                 .target = policy.targets[kind],
                 .started_at = at,
                 .imported = imported};
    Datum due;
    bool never;
    OfRow row;

    of_row_empty(&row, RelationGetDescr(waits), names, COLUMNS);
    of_row_set_id(&row, ID, wait.id);
    of_row_set_id(&row, ORG, org);
    of_row_set_id(&row, TOPIC, topic);
    of_row_set_id(&row, TICKET, of_row_id(message, OF_MESSAGE_TICKET));
    of_row_set_id(&row, MESSAGE, of_row_id(message, OF_MESSAGE_ID));
    of_row_set_id(&row, POLICY, policy.id);
    of_row_set_id(&row, CALENDAR, wait.calendar);
    of_row_set_id(&row, TARGET, wait.target);
    of_row_set_time(&row, STARTED_AT, at);
    of_row_set(&row, PAUSED, Int64GetDatum(0), false);
    of_row_set(&row, KIND_ID, Int16GetDatum(topic_kind), false);
    of_row_set(&row, IMPORTED, BoolGetDatum(imported), false);
    of_row_set_text(&row, KIND, kinds[kind]);
    due = due_after(&wait, until_warning(wait.target, policy.warn_share), &never);
    of_row_set(&row, WARN_AT, due, never);
    due = due_after(&wait, wait.target, &never);
    of_row_set(&row, DUE_AT, due, never);
    of_row_insert(waits, &row);
    table_close(waits, NoLock);
    CommandCounterIncrement(); /* the statement's next message looks */
    return wait.id;
}

/* How a wait ends. */
typedef struct End {
    TimestampTz at;
    const char *outcome;
    int64 responder;
    int64 answer;
    bool measured;
} End;

static void tell(const char *kind, int64 org, int64 topic, int64 wait, Jsonb *detail) {
    of_journal(&(OfEntry){.kind = kind,
                          .audience = OF_TO_STAFF,
                          .org = org,
                          .topic = topic,
                          .subject = wait,
                          .detail = detail});
}

/*
 * Ends a wait. One that was over its target and not found to be so is a miss from here on. The
 * statement names it by its key alone: with "that is open" beside it, a plan made while there were
 * few would go through all open ones (half of a send, once).
 */
static void end(const Wait *wait, const End *how) {
    static OfStatement update = {
        "UPDATE onefin.wait SET ended_at = $2, outcome = $3, responder_id = $4, answer_id = $5,"
        " duration = $6, paused = $7, paused_at = NULL,"
        " breached_at = coalesce(breached_at, CASE WHEN $8 THEN now() END)"
        " WHERE id = $1 RETURNING breached_at IS NOT DISTINCT FROM now()",
        8,
        {INT8OID, TIMESTAMPTZOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, BOOLOID}};
    int64 paused = paused_until(wait, how->at);
    int64 duration = Max(0, business(wait, wait->started_at, how->at) - paused);
    bool missed = wait->target != 0 && !wait->imported && duration > wait->target;
    OfArgs args = {0};
    bool isnull;

    of_arg_id(&args, wait->id);
    of_arg(&args, TimestampTzGetDatum(how->at), false);
    of_arg_text(&args, how->outcome);
    of_arg_id(&args, how->responder);
    of_arg_id(&args, how->answer);
    of_arg(&args, Int64GetDatum(duration), !how->measured);
    of_arg(&args, Int64GetDatum(paused), false);
    of_arg(&args, BoolGetDatum(missed), false);
    of_spi_begin();
    of_change_row(&update, &args);
    missed = missed && DatumGetBool(of_result(0, 1, &isnull));
    of_spi_end();
    if (missed)
        tell("sla.breached", wait->org, wait->topic, wait->id, NULL);
}

/* What a message did, for the journal: ids, 0 where it did nothing. */
typedef struct Change {
    int64 started;
    int64 answered;
    int64 replaced;
} Change;

static Jsonb *change_json(const Change *change) {
    JsonbParseState *json = NULL;

    if (change->started == 0 && change->answered == 0)
        return NULL;
    of_json_begin(&json);
    if (change->started)
        of_json_id(&json, "started", change->started);
    if (change->answered)
        of_json_id(&json, "answered", change->answered);
    if (change->replaced)
        of_json_id(&json, "replaced", change->replaced);
    return of_json_end(&json);
}

/* Whether nobody has spoken for the firm in the round. */
static bool is_first(int64 ticket) {
    static const char *const last_staff[] = {"last_staff_id"};
    Datum key = Int64GetDatum(ticket);
    bool first;
    OfFound found;
    OfRow row;

    first = of_find_begin(&found, "ticket", "ticket_pkey", 1, &key, &row, last_staff, 1) &&
            of_row_null(&row, 0);
    of_find_end(&found);
    return first;
}

static Change asked(const OfRow *message, Open *open, bool imported) {
    Change change = {0};

    if (open->response.id && open->response.imported && !imported) {
        end(&open->response,
            &(End){.at = DatumGetTimestampTz(of_row_get(message, OF_MESSAGE_AT)), .outcome = "replaced"});
        change.replaced = open->response.id;
        open->response.id = 0;
    }
    if (open->response.id == 0)
        change.started = begin(
            message,
            is_first(of_row_id(message, OF_MESSAGE_TICKET)) ? OF_WAIT_FIRST : OF_WAIT_NEXT, imported);
    if (open->resolution.id == 0)
        (void)begin(message, OF_WAIT_RESOLUTION, imported);
    return change;
}

static Change answered(const OfRow *message, const Open *open, bool imported) {
    TimestampTz at = DatumGetTimestampTz(of_row_get(message, OF_MESSAGE_AT));
    Change change = {0};

    if (open->response.id == 0 || (imported && at < open->response.started_at))
        return change;
    end(&open->response, &(End){.at = Max(at, open->response.started_at),
                                .outcome = "answered",
                                .responder = of_row_id(message, OF_MESSAGE_AUTHOR),
                                .answer = of_row_id(message, OF_MESSAGE_ID),
                                .measured = true});
    change.answered = open->response.id;
    return change;
}

/* A person says something that all of the topic see. Returns what that did to the round's waits, as
 * the journal's entry of the message tells it; NULL when nothing. */
Jsonb *of_waits_heard(const OfRow *message, bool imported) {
    bool client = strcmp(of_row_text(message, OF_MESSAGE_AUTHOR_ROLE), "client") == 0;
    Open open = open_waits(of_row_id(message, OF_MESSAGE_TICKET));
    Change change =
        client ? asked(message, &open, imported) : answered(message, &open, imported);

    return change_json(&change);
}

/* Whether a client's question stands, from that message on. */
static bool is_asked_since(int64 ticket, int64 topic, int64 message) {
    static OfStatement look = {
        "SELECT FROM onefin.message m JOIN onefin.account a ON a.id = m.author_id"
        " WHERE m.topic_id = $1 AND m.id >= $2 AND m.ticket_id = $3 AND m.deleted_at IS NULL"
        " AND m.author_role = 'client' AND m.visibility = 'all' AND NOT a.machine LIMIT 1",
        3,
        {INT8OID, INT8OID, INT8OID}};
    OfArgs args = {0};
    bool asked;

    of_arg_id(&args, topic);
    of_arg_id(&args, message);
    of_arg_id(&args, ticket);
    CommandCounterIncrement(); /* the deletion is seen */
    of_spi_begin();
    asked = of_run_as_of_now(&look, &args) == 1;
    of_spi_end();
    return asked;
}

static void take_back(const Wait *wait, int64 ticket) {
    if (wait->id == 0 || is_asked_since(ticket, wait->topic, wait->message))
        return;
    end(wait, &(End){.at = GetCurrentTimestamp(), .outcome = "deleted"});
    tell("wait.dismissed", wait->org, wait->topic, wait->id, of_detail("why", "deleted"));
}

/* A client's message was deleted: the waits for which nothing that was asked is left are over. */
void of_waits_taken_back(const OfRow *message) {
    int64 ticket = of_row_id(message, OF_MESSAGE_TICKET);
    Open open;

    if (strcmp(of_row_text(message, OF_MESSAGE_AUTHOR_ROLE), "client") != 0)
        return;
    open = open_waits(ticket);
    take_back(&open.response, ticket);
    take_back(&open.resolution, ticket);
}

/* The clock of a wait stands. */
static void stop(const Wait *wait, TimestampTz at) {
    static OfStatement update = {
        "UPDATE onefin.wait SET paused_at = $2, warn_at = NULL, due_at = NULL WHERE id = $1",
        2,
        {INT8OID, TIMESTAMPTZOID}};
    OfArgs args = {0};

    if (wait->id == 0 || wait->paused_at)
        return;
    of_arg_id(&args, wait->id);
    of_arg(&args, TimestampTzGetDatum(at), false);
    of_spi_begin();
    of_change_row(&update, &args);
    of_spi_end();
}

/* The share of its target after which staff are warned, as its policy says. */
static double warn_share(int64 wait) {
    static OfStatement find = {"SELECT p.warn_share::float8 FROM onefin.wait w JOIN onefin.policy p"
                               " ON p.id = w.policy_id WHERE w.id = $1",
                               1,
                               {INT8OID}};
    OfArgs args = {0};
    double share;
    bool isnull;

    of_arg_id(&args, wait);
    of_spi_begin();
    of_run_as_owner(&find, &args, true);
    share = DatumGetFloat8(of_result(0, 1, &isnull));
    of_spi_end();
    return share;
}

static void set_clock(const Wait *wait) {
    static OfStatement update = {
        "UPDATE onefin.wait SET paused_at = NULL, paused = $2, warn_at = $3, due_at = $4"
        " WHERE id = $1",
        4,
        {INT8OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID}};
    double share = wait->target ? warn_share(wait->id) : 0;
    OfArgs args = {0};
    Datum due;
    bool never;

    of_arg_id(&args, wait->id);
    of_arg(&args, Int64GetDatum(wait->paused), false);
    due = due_after(wait, until_warning(wait->target, share), &never);
    of_arg(&args, due, never);
    due = due_after(wait, wait->target, &never);
    of_arg(&args, due, never);
    of_spi_begin();
    of_change_row(&update, &args);
    of_spi_end();
}

/* The clock of a wait that stood goes on. */
static void go_on(Wait *wait, TimestampTz at) {
    if (wait->id == 0 || wait->paused_at == 0)
        return;
    wait->paused = paused_until(wait, at);
    wait->paused_at = 0;
    set_clock(wait);
}

void of_waits_stop(int64 ticket, TimestampTz at) {
    Open open = open_waits(ticket);

    stop(&open.response, at);
    stop(&open.resolution, at);
}

void of_waits_go_on(int64 ticket, TimestampTz at) {
    Open open = open_waits(ticket);

    go_on(&open.response, at);
    go_on(&open.resolution, at);
}

static int64 resolve(const Wait *wait, TimestampTz at, const char *outcome, int64 accountable) {
    if (wait->id == 0)
        return 0;
    end(wait, &(End){.at = Max(at, wait->started_at),
                     .outcome = outcome,
                     .responder = accountable,
                     .measured = true});
    return wait->id;
}

/* A person closes the round. A response that was still owed is owed no more, and counts as none. */
OfWaitsClosed of_waits_close(int64 ticket, int64 accountable, int64 closer) {
    TimestampTz now = GetCurrentTimestamp();
    Open open = open_waits(ticket);
    OfWaitsClosed closed = {.unanswered = open.response.id,
                            .resolution = resolve(&open.resolution, now, "closed", accountable)};

    if (open.response.id)
        end(&open.response, &(End){.at = now, .outcome = "closed", .responder = closer});
    return closed;
}

/* The round closes by itself: it was resolved when the last word was said. */
OfWaitsClosed of_waits_close_silent(int64 ticket, int64 accountable, TimestampTz last) {
    Open open = open_waits(ticket);

    return (OfWaitsClosed){.resolution = resolve(&open.resolution, last, "silence", accountable)};
}

/* Marks waits by a statement, and tells of each. */
static void tell_due(OfStatement *mark, const char *kind) {
    OfArgs args = {0};
    uint64 n;

    of_arg(&args, TimestampTzGetDatum(GetCurrentTimestamp()), false);
    of_arg_id(&args, TELL_AT_ONCE);
    of_spi_begin();
    n = of_run_as_owner(mark, &args, false);
    for (uint64 i = 0; i < n; i++)
        tell(kind, of_result_id(i, 2), of_result_id(i, 3), of_result_id(i, 1), NULL);
    of_spi_end();
}

/*
 * Each once: the mark and the entry commit together. Nobody is told of a company that is archived.
 * What is a miss is measured: a wait that began while somebody changed its calendar may be noted
 * as due before that.
 */
void of_waits_due(void) {
#define MARK(mark, due, passed)                                                                    \
    {                                                                                              \
        "UPDATE onefin.wait w SET " mark " = $1 WHERE w.id IN (SELECT d.id FROM onefin.wait d"     \
        " JOIN onefin.org o ON o.id = d.org_id WHERE d.ended_at IS NULL AND d." mark " IS NULL"    \
        " AND d." due passed " AND o.archived_at IS NULL ORDER BY d." due " LIMIT $2"           \
        " FOR UPDATE OF d SKIP LOCKED) RETURNING w.id, w.org_id, w.topic_id",                      \
            2, {                                                                                   \
            TIMESTAMPTZOID, INT8OID                                                                \
        }                                                                                          \
    }
    static OfStatement warn = MARK("warned_at", "warn_at", " <= $1");
    static OfStatement breach =
        MARK("breached_at", "due_at",
             " < $1 AND (d.calendar_id IS NULL OR onefin.business_duration(d.started_at, $1, d.calendar_id)"
             " > make_interval(secs => (d.target + d.paused) / 1e6))");

    tell_due(&warn, "sla.warned");
    tell_due(&breach, "sla.breached");
}

/* AFTER the calendars changed: open waits are due when they say now. */
PG_FUNCTION_INFO_V1(onefin_waits_due_anew);
Datum onefin_waits_due_anew(PG_FUNCTION_ARGS) {
    static OfStatement find = {
        "SELECT id, org_id, topic_id, message_id, calendar_id, target, paused, started_at"
        " FROM onefin.wait WHERE ended_at IS NULL AND paused_at IS NULL AND target IS NOT NULL"
        " AND NOT imported AND calendar_id IS NOT NULL FOR UPDATE",
        0,
        {0}};
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    uint64 n;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.waits_due_anew is an AFTER trigger for each statement")));
    of_spi_begin();
    n = of_run_as_owner(&find, NULL, false);
    for (uint64 i = 0; i < n; i++) {
        bool isnull;
        Wait wait = {.id = of_result_id(i, 1),
                     .org = of_result_id(i, 2),
                     .topic = of_result_id(i, 3),
                     .message = of_result_id(i, 4),
                     .calendar = of_result_id(i, 5),
                     .target = of_result_id(i, 6),
                     .paused = of_result_id(i, 7),
                     .started_at = DatumGetTimestampTz(of_result(i, 8, &isnull))};

        set_clock(&wait);
    }
    of_spi_end();
    return PointerGetDatum(NULL);
}

/* The topic of a wait, 0 when there is none; and whether it was dismissed. */
static int64 find_topic(int64 wait, bool *dismissed) {
    static OfStatement find = {"SELECT topic_id, coalesce(outcome = 'dismissed', false)"
                               " FROM onefin.wait WHERE id = $1",
                               1,
                               {INT8OID}};
    OfArgs args = {0};
    int64 topic = 0;
    bool isnull;

    of_arg_id(&args, wait);
    of_spi_begin();
    if (of_run_as_owner(&find, &args, false) == 1) {
        topic = of_result_id(0, 1);
        *dismissed = DatumGetBool(of_result(0, 2, &isnull));
    }
    of_spi_end();
    return topic;
}

static Jsonb *dismissal(Datum reason, bool has_reason) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    of_json_string(&json, "why", "dismissed");
    if (has_reason)
        of_json_string(&json, "reason", TextDatumGetCString(reason));
    return of_json_end(&json);
}

static void dismiss(int64 id, int64 topic, Jsonb *detail) {
    Wait wait = open_waits(of_ticket_find(topic).id).response;

    if (wait.id != id)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("wait %lld is over, or is for the end of its round", (long long)id),
                        errhint("A client who still waits for a response may need none.")));
    end(&wait, &(End){.at = GetCurrentTimestamp(), .outcome = "dismissed"});
    tell("wait.dismissed", wait.org, wait.topic, wait.id, detail);
}

static Datum read_wait_body(int64 wait) {
    static OfStatement read = {"SELECT body FROM onefin.wait_body WHERE id = $1", 1, {INT8OID}};
    JsonbParseState *json = NULL;
    OfArgs args = {0};

    of_arg_id(&args, wait);
    of_json_begin(&json);
    of_json_value(&json, "wait", of_value(&read, &args, false, false));
    return JsonbPGetDatum(of_json_end(&json));
}

/*
 * onefin_api.dismiss_wait(wait, reason): for an admin, and for who serves the company. Repeating is
 * harmless. Errors: P0002 for one that the caller does not see, 42501, 55000 for one that is over.
 */
PG_FUNCTION_INFO_V1(onefin_api_dismiss_wait);
Datum onefin_api_dismiss_wait(PG_FUNCTION_ARGS) {
    int64 wait = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    bool dismissed = false;
    int64 topic;

    of_require_granted(fcinfo->flinfo->fn_oid);
    topic = find_topic(wait, &dismissed);
    if (topic == 0 || !of_sees_org(of_require_actor(), of_org_of_topic(topic)))
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no wait %lld", (long long)wait),
                        errhint("waits lists those that you may see.")));
    of_require_served_topic(topic);
    of_queue_up(topic);
    (void)find_topic(wait, &dismissed);
    if (!dismissed)
        dismiss(wait, topic, dismissal(PG_GETARG_DATUM(1), !PG_ARGISNULL(1)));
    return read_wait_body(wait);
}
