/*
 * db.c - lanes of database connections, each with one queue; see db.h.
 *
 * A call is owned by its lane: in the queue, then in the link that runs it. When its answer (or the
 * loss of the link) has been told it is freed. While no connection of a lane stands, its calls are
 * refused at once rather than left to wait: clients keep them and ask again.
 */
#include "db.h"
#include "compat.h"
#include "config.h"
#include "db_link.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "rpc_codes.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct db_call {
    struct db_call *next; /* in the queue */
    struct db_answer answer;
    const char *statement;
    ev_tstamp begun;
    enum db_lane lane;
    int count;
    const char *params[DB_PARAMS_MAX]; /* into `texts` */
    size_t size;                       /* of `texts` */
    char texts[];
};

struct lane_link {
    struct link link;
    struct lane *lane;
    struct db_call *running;
};

static struct lane {
    struct lane_link *links;
    unsigned count;
    struct db_call *first, **end;
    ev_timer refusal;
} lanes[DB_LANES];

static char *setup; /* of every connection, owned */

static const char setup_format[] =
    "SET statement_timeout = '%us';"
    "PREPARE login(text, text, text, inet) AS SELECT onefin.login($1, $2, $3, $4);"
    "PREPARE call(text, text, jsonb, inet) AS SELECT onefin.call($1, $2, $3, $4);"
    "PREPARE file_begin(text, bigint, text, inet, bigint) AS"
    "    SELECT onefin.file_begin($1, $2, $3, $4, $5);"
    "PREPARE file_end(text, bigint, text, bigint, text, text, bigint, bytea, inet, uuid)"
    "    AS SELECT onefin.file_end($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);"
    "PREPARE file_get(text, bigint, text, text, inet) AS"
    "    SELECT onefin.file_get($1, $2, $3, $4, $5);"
    "PREPARE files_to_erase(int, text) AS SELECT jsonb_build_object('result',"
    "    coalesce(jsonb_agg(key), '[]')) FROM onefin.files_to_erase($1, $2) key;"
    "PREPARE file_erased(text) AS SELECT '{\"result\": {}}'::jsonb"
    "    FROM (SELECT onefin.file_erased($1)) erased;"
    "PREPARE upload_begin(text, bigint, text, bigint, inet) AS"
    "    SELECT onefin.upload_begin($1, $2, $3, $4, $5);"
    "PREPARE upload_look(text, uuid, inet) AS SELECT onefin.upload_look($1, $2, $3);"
    "PREPARE upload_part(text, uuid, bigint, inet) AS"
    "    SELECT onefin.upload_part($1, $2, $3, $4);"
    "PREPARE upload_add(text, uuid, bigint, text, bigint, inet) AS"
    "    SELECT onefin.upload_add($1, $2, $3, $4, $5, $6);"
    "PREPARE upload_finish(text, uuid, inet) AS SELECT onefin.upload_finish($1, $2, $3);"
    "PREPARE upload_drop(text, uuid, inet) AS SELECT onefin.upload_drop($1, $2, $3);"
    "PREPARE jobs_take(text, int, bigint[], int) AS"
    "    SELECT jsonb_build_object('result', onefin.jobs_take($1, $2, $3, $4));"
    "PREPARE jobs_keep(text, bigint[]) AS SELECT '{\"result\": {}}'::jsonb"
    "    FROM (SELECT onefin.jobs_keep($1, $2)) kept;"
    "PREPARE job_done(bigint, int, jsonb) AS"
    "    SELECT jsonb_build_object('result', onefin.job_done($1, $2, $3));"
    "PREPARE job_failed(bigint, int, text, text, bool) AS"
    "    SELECT jsonb_build_object('result', onefin.job_failed($1, $2, $3, $4, $5));"
    "PREPARE presence_tell(text, bigint[], bigint[], bool) AS SELECT '{\"result\": {}}'::jsonb"
    "    FROM (SELECT onefin.presence_tell($1, $2, $3, $4)) told;"
    "PREPARE watches_keep(uuid[]) AS SELECT '{\"result\": {}}'::jsonb"
    "    FROM (SELECT onefin.watches_keep($1)) kept;"
    "PREPARE watches_end(uuid) AS SELECT '{\"result\": {}}'::jsonb"
    "    FROM (SELECT onefin.watches_end($1)) ended;"
    "PREPARE export_begin(text, jsonb, inet) AS SELECT onefin.export_begin($1, $2, $3);"
    "PREPARE export_next(text, jsonb, inet) AS SELECT onefin.export_next($1, $2, $3);"
    "PREPARE payroll_csv(text, jsonb, inet) AS SELECT onefin.payroll_csv($1, $2, $3);";

char *db_error(int code, const char *message, const char *sqlstate, const char *hint) {
    json_t *body = json_pack("{s:{s:i, s:s, s:{s:s?, s:s?}}}", "error", "code", code, "message",
                             message, "data", "sqlstate", sqlstate, "hint", hint);
    char *text = json_dumps(body, JSON_COMPACT);

    json_decref(body);
    return text;
}

/* Tells the answer and frees the call, secrets overwritten. */
static void complete(struct db_call *call, const char *json) {
    if (json)
        metrics_observe(call->lane == DB_LOGINS ? &metrics.login_seconds : &metrics.call_seconds,
                        ev_now(EV_DEFAULT) - call->begun);
    if (call->answer.done)
        call->answer.done(call->answer.owner, json);
    explicit_bzero(call->texts, call->size);
    free(call);
}

static void refuse(struct db_call *call, int code, const char *message, const char *sqlstate) {
    char *json = db_error(code, message, sqlstate, "Try again in a moment.");

    metrics.calls_failed++;
    complete(call, json);
    free(json);
}

static void refuse_away(struct db_call *call) {
    refuse(call, RPC_UNAVAILABLE, "the database is not available", NULL);
}

static void count_waiting(const struct db_call *call, int more) {
    metrics.calls_waiting += more;
    if (call->lane == DB_LOGINS)
        metrics.logins_waiting += more;
}

static struct db_call *take_first(struct lane *lane) {
    struct db_call *call = lane->first;

    lane->first = call->next;
    if (!lane->first)
        lane->end = &lane->first;
    count_waiting(call, -1);
    return call;
}

static void run_next(struct lane_link *at) {
    struct db_call *call;

    if (at->link.state != LINK_IDLE || !at->lane->first)
        return;
    call = at->running = take_first(at->lane);
    metrics.calls++;
    if (call->answer.sent)
        call->answer.sent(call->answer.owner);
    link_query(&at->link, call->statement, call->count, call->params);
}

static bool lane_is_away(const struct lane *lane) {
    for (unsigned i = 0; i < lane->count; i++) {
        if (lane->links[i].link.state == LINK_IDLE || lane->links[i].link.state == LINK_BUSY)
            return false;
    }
    return true;
}

static void refuse_waiting(EV_P UNUSED, ev_timer *timer, int events UNUSED) {
    struct lane *lane = timer->data;
    struct db_call *last = NULL;

    if (!lane_is_away(lane))
        return;
    /* Whoever is refused may ask anew; that call waits for the next round. */
    for (struct db_call *call = lane->first; call; call = call->next)
        last = call;
    while (last) {
        struct db_call *call = take_first(lane);

        if (call == last)
            last = NULL;
        refuse_away(call);
    }
    if (lane->first)
        ev_timer_start(EV_DEFAULT_ timer);
}

bool db_is_away(void) {
    for (int i = 0; i < DB_LANES; i++) {
        if (lane_is_away(&lanes[i]))
            return true;
    }
    return false;
}

static void refuse_soon(struct lane *lane) {
    ev_timer_set(&lane->refusal, 0, 0);
    ev_timer_start(EV_DEFAULT_ & lane->refusal);
}

static void on_up(struct link *link) {
    run_next(link->owner);
}

/* An error that the extension did not turn into an answer itself. */
static void answer_failure(struct db_call *call, const PGresult *result) {
    const char *sqlstate = link_sqlstate(result);

    log_warning("database: %s failed with SQLSTATE %s", call->statement, sqlstate);
    if (strcmp(sqlstate, "57014") == 0)
        refuse(call, RPC_UNAVAILABLE, "the database took too long", sqlstate);
    else if (strncmp(sqlstate, "57P", 3) == 0 || strncmp(sqlstate, "08", 2) == 0 ||
             strcmp(sqlstate, "25006") == 0)
        refuse(call, RPC_UNAVAILABLE, "the database is not available", sqlstate);
    else
        refuse(call, RPC_INTERNAL, "internal error", sqlstate);
}

static void on_result(struct link *link, PGresult *result) {
    struct lane_link *at = link->owner;
    struct db_call *call = at->running;

    at->running = NULL;
    run_next(at);
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
        complete(call, PQgetvalue(result, 0, 0));
    else
        answer_failure(call, result);
    PQclear(result);
}

static void on_lost(struct link *link, bool was_busy) {
    struct lane_link *at = link->owner;
    struct db_call *call = at->running;

    at->running = NULL;
    if (was_busy)
        refuse_away(call);
    refuse_soon(at->lane);
}

static void start_lane(struct lane *lane, unsigned count, const char *name) {
    lane->count = count;
    lane->links = memory_zeroed(count * sizeof *lane->links);
    lane->end = &lane->first;
    ev_init(&lane->refusal, refuse_waiting);
    lane->refusal.data = lane;
    for (unsigned i = 0; i < count; i++) {
        struct lane_link *at = &lane->links[i];

        at->lane = lane;
        at->link = (struct link){.name = name,
                                 .setup = setup,
                                 .owner = at,
                                 .up = on_up,
                                 .result = on_result,
                                 .lost = on_lost};
        link_start(&at->link);
    }
}

void db_start(void) {
    setup = memory_format(setup_format, config.call_timeout);
    start_lane(&lanes[DB_CALLS], config.call_connections, "calls");
    start_lane(&lanes[DB_LOGINS], config.login_connections, "logins");
}

static struct db_call *call_new(const char *statement, int count, const char *const *params) {
    struct db_call *call;
    size_t size = 0;
    char *end;

    for (int i = 0; i < count; i++)
        size += params[i] ? strlen(params[i]) + 1 : 0;
    call = memory_zeroed(sizeof *call + size);
    call->statement = statement;
    call->count = count;
    call->size = size;
    end = call->texts;
    for (int i = 0; i < count; i++) {
        if (params[i]) {
            call->params[i] = end;
            end = stpcpy(end, params[i]) + 1;
        }
    }
    return call;
}

struct db_call *db_call(enum db_lane which, const char *statement, int count,
                        const char *const *params, struct db_answer answer) {
    struct lane *lane = &lanes[which];
    struct db_call *call = call_new(statement, count, params);

    call->answer = answer;
    call->lane = which;
    call->begun = ev_now(EV_DEFAULT);
    *lane->end = call;
    lane->end = &call->next;
    count_waiting(call, 1);
    for (unsigned i = 0; i < lane->count && lane->first; i++)
        run_next(&lane->links[i]);
    if (lane_is_away(lane))
        refuse_soon(lane);
    return call;
}

/* Taken out of its lane's queue; false when it runs. */
static bool withdraw(struct lane *lane, struct db_call *call) {
    struct db_call **at = &lane->first;

    while (*at && *at != call)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = call->next;
    if (!*at)
        lane->end = at;
    count_waiting(call, -1);
    return true;
}

void db_abandon(struct db_call *call) {
    call->answer = (struct db_answer){0};
    for (int i = 0; i < DB_LANES; i++) {
        if (withdraw(&lanes[i], call)) {
            complete(call, NULL);
            return;
        }
    }
}

void db_stop(void) {
    for (int i = 0; i < DB_LANES; i++) {
        struct lane *lane = &lanes[i];

        ev_timer_stop(EV_DEFAULT_ & lane->refusal);
        for (unsigned j = 0; j < lane->count; j++) {
            link_stop(&lane->links[j].link);
            if (lane->links[j].running) {
                db_abandon(lane->links[j].running);
                complete(lane->links[j].running, NULL);
            }
        }
        while (lane->first)
            db_abandon(lane->first);
        free(lane->links);
    }
    free(setup);
}
