/*
 * follow.c - LISTEN, fetch, decide who sees it, hand out.
 *
 * One database connection, one query at a time, and strictly in order: a batch of events is read
 * whole, then gone through row by row; where the audience of a row's org is not known, the going
 * through pauses until the database has answered, so that nothing overtakes. The question names the
 * row's place in the order, and the answer is true there, however far behind we are. An event that
 * changes audiences, as the database says, makes the cached ones forgotten at its place.
 *
 * A notification only wakes; so does a slow timer, should one get lost. After a lost connection the
 * batch goes on where it stood, and the next is asked from the last seal that was handed out whole:
 * nothing is lost, and connections drop by address what they had.
 *
 * A gateway that starts begins at the newest seal. Until it knows that, it lets nobody in.
 */
#include "follow.h"
#include "compat.h"
#include "db_link.h"
#include "eraser.h"
#include "jobs.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "presence.h"
#include "session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH          200 /* seals */
#define BACKSTOP       5.0 /* seconds */
#define POSITION_TICKS 6   /* backstops between two position notifications */
#define TYPING_MAX     64

/* Columns of onefin.events. */
enum { SEAL, INDEX, KIND, ORG, TOPIC, AUDIENCE, ACCOUNT, SESSION, ACCESS, AT, EVENT };

struct typing {
    int64_t org, topic, account;
};

static struct {
    struct link link;
    enum {
        ASKED_POSITION,
        ASKED_EVENTS,
        ASKED_AUDIENCE,
        ASKED_TYPING,
        ASKED_PRESENCE,
        ASKED_LAG
    } asked;
    int64_t asked_org;
    ev_timer backstop;
    unsigned ticks;

    int64_t seal; /* handed out up to here */
    bool placed;  /* the place in the order is sure since the connection was made */
    bool wanted;  /* look for more */
    bool lag_wanted;
    bool stalled;
    struct event *newest; /* held; NULL: the position is not known yet */

    PGresult *rows; /* the batch, owned */
    int row;        /* the next one */
    int refreshed;  /* the row whose audience was forgotten before it: it changes that */

    struct typing typing[TYPING_MAX]; /* to be told between batches */
    int typing_count;
    bool typing_had_turn; /* one was told since the last batch: events are next */
} follow;

static void advance(void);

struct event *follow_newest(void) {
    return follow.newest ? event_hold(follow.newest) : NULL;
}

int64_t follow_seal(void) {
    return follow.seal;
}

bool follow_is_stalled(void) {
    return follow.stalled;
}

static void set_stalled(bool stalled) {
    if (follow.stalled == stalled)
        return;
    follow.stalled = stalled;
    metrics.stalled = stalled;
    metrics.stalls += stalled;
    session_tell_stalled(stalled);
}

static void ask(int what, const char *statement, int count, const char *const *params) {
    follow.asked = what;
    link_query(&follow.link, statement, count, params);
}

/* True when the audience is cached; else it is asked for, as it is at the place, and the going on
 * waits for the answer. */
static bool audience_is_known(int64_t org, int64_t seal, int index) {
    char texts[3][24];
    const char *params[] = {texts[0], texts[1], texts[2]};

    if (audience_get(org))
        return true;
    snprintf(texts[0], sizeof texts[0], "%" PRId64, org);
    snprintf(texts[1], sizeof texts[1], "%" PRId64, seal);
    snprintf(texts[2], sizeof texts[2], "%d", index);
    follow.asked_org = org;
    metrics.audience_lookups++;
    ask(ASKED_AUDIENCE, "audience", 3, params);
    return false;
}

static int64_t number(int row, int column) {
    return atoll(PQgetvalue(follow.rows, row, column)); /* null reads as 0 */
}

/* Seconds since the event's entry was written, by the clocks of both machines. */
static double age(int row) {
    double seconds = ev_now(EV_DEFAULT) - strtod(PQgetvalue(follow.rows, row, AT), NULL);

    return seconds > 0 ? seconds : 0;
}

static enum event_class class_of(const char *audience) {
    if (strcmp(audience, "org") == 0)
        return TO_ORG;
    if (strcmp(audience, "staff") == 0)
        return TO_STAFF;
    if (strcmp(audience, "admin") == 0)
        return TO_ADMINS;
    return TO_NOBODY;
}

static struct frame *frame_event(const char *event) {
    const char *pieces[] = {"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":", event, "}"};

    return frame_join(3, pieces);
}

static void append(struct event *event) {
    if (follow.newest)
        follow.newest->next = event_hold(event);
    event_drop(follow.newest);
    follow.newest = event;
}

/* What the cached audiences no longer say from an event on. */
static void forget(const char *access, int64_t org) {
    if (strcmp(access, "all") == 0)
        audience_forget_all();
    else if (strcmp(access, "org") == 0)
        audience_forget(org);
}

/* True when the audience of the row is cached. Of an event that changes it, it is both who saw the
 * org before and who sees it after: the answer for its own place, and for no other. */
static bool row_audience_is_known(int row, int64_t org) {
    if (follow.refreshed != row) {
        follow.refreshed = row;
        forget(PQgetvalue(follow.rows, row, ACCESS), org);
    }
    return audience_is_known(org, number(row, SEAL), number(row, INDEX));
}

/* False when it has to wait for an audience. */
static bool hand_out(int row) {
    const char *kind = PQgetvalue(follow.rows, row, KIND);
    enum event_class class = class_of(PQgetvalue(follow.rows, row, AUDIENCE));
    int64_t org = number(row, ORG);
    bool by_org = org && (class == TO_ORG || class == TO_STAFF);
    struct event *event;

    if (by_org && !row_audience_is_known(row, org))
        return false;
    event = event_new(frame_event(PQgetvalue(follow.rows, row, EVENT)),
                      by_org ? audience_get(org) : NULL);
    event->seal = number(row, SEAL);
    event->index = number(row, INDEX);
    event->class = by_org || class == TO_ADMINS ? class : TO_NOBODY;
    event->account = number(row, ACCOUNT);
    if (strcmp(kind, "session.revoked") == 0 || strcmp(kind, "session.ended") == 0)
        event->ended = number(row, SESSION);
    metrics.events++;
    append(event);
    session_deliver(event);
    metrics_observe(&metrics.delivery_seconds, age(row));
    if (strcmp(kind, "org.erased") == 0)
        eraser_look();
    jobs_hear(kind);
    forget(PQgetvalue(follow.rows, row, ACCESS), org);
    return true;
}

static void reach(int64_t seal) {
    follow.wanted |= seal > follow.seal; /* there may be more: a batch is cut by its size, too */
    follow.seal = seal;
    metrics.seal = seal;
}

/* False while waiting for an audience. The last row is the position, and no event. */
static bool hand_out_batch(void) {
    int last = PQntuples(follow.rows) - 1;

    for (; follow.row < last; follow.row++) {
        if (!hand_out(follow.row))
            return false;
    }
    if (last >= 0)
        reach(number(last, SEAL));
    PQclear(follow.rows);
    follow.rows = NULL;
    return true;
}

/* Who sees the org now: typing has no place in the order, and whoever lost the org before somebody
 * typed there is not told, however far behind the events are. */
static void ask_typing(void) {
    char text[24];
    const char *params[] = {text, NULL, NULL};

    follow.typing_had_turn = true;
    snprintf(text, sizeof text, "%" PRId64, follow.typing[0].org);
    ask(ASKED_TYPING, "audience", 3, params);
}

static void tell_typing(const PGresult *rows) {
    const struct typing *typing = &follow.typing[0];
    struct audience *audience = audience_of(rows);
    char *text =
        memory_format("{\"jsonrpc\":\"2.0\",\"method\":\"typing\",\"params\":"
                      "{\"org\":%" PRId64 ",\"topic\":%" PRId64 ",\"account\":%" PRId64 "}}",
                      typing->org, typing->topic, typing->account);
    const char *pieces[] = {text};
    struct frame *frame = frame_join(1, pieces);

    session_tell_audience(audience, typing->account, frame);
    frame_drop(frame);
    free(text);
    audience_drop(audience);
    memmove(follow.typing, follow.typing + 1, --follow.typing_count * sizeof *follow.typing);
}

/* A new connection may be to another database, or to one that was restored: where the order went
 * back, what clients hold is of no order any more, and resuming tells them so. */
static void take_place(int64_t newest) {
    if (!follow.newest) {
        reach(newest);
        append(event_new(NULL, NULL));
    } else if (newest < follow.seal) {
        log_warning("the newest seal went back from %" PRId64 " to %" PRId64
                    "; closing all connections",
                    follow.seal, newest);
        PQclear(follow.rows);
        follow.rows = NULL;
        reach(newest);
        audience_forget_all();
        session_close_all(CLOSE_GOING_AWAY, "database replaced");
    }
    follow.placed = true;
}

static void fetch(void) {
    char after[24], seals[24];
    const char *params[] = {after, seals};

    follow.wanted = false;
    follow.typing_had_turn = false;
    snprintf(after, sizeof after, "%" PRId64, follow.seal);
    snprintf(seals, sizeof seals, "%d", BATCH);
    ask(ASKED_EVENTS, "events", 2, params);
}

/* False when there is nobody of whom it is to be told. */
static bool ask_presence(void) {
    char *accounts = presence_news();

    if (!accounts)
        return false;
    ask(ASKED_PRESENCE, "presence_audience", 1, (const char *const[]){accounts});
    free(accounts);
    return true;
}

/* Now and then, when there is nothing else to do. */
static void ask_lag(void) {
    if (!follow.lag_wanted)
        return;
    follow.lag_wanted = false;
    ask(ASKED_LAG, "seal_lag", 0, NULL);
}

/* Does the next thing to be done, in this order: the place, the batch at hand, typing, the next
 * batch, presence, and what is only measured. */
static void advance(void) {
    if (follow.link.state != LINK_IDLE)
        return;
    if (!follow.placed) {
        ask(ASKED_POSITION, "position", 0, NULL);
        return;
    }
    if (follow.rows && !hand_out_batch())
        return;
    if (follow.typing_count > 0 && !(follow.wanted && follow.typing_had_turn))
        ask_typing();
    else if (follow.wanted)
        fetch();
    else {
        set_stalled(false);
        if (!ask_presence())
            ask_lag();
    }
}

static void on_up(struct link *link UNUSED) {
    follow.placed = false;
    follow.wanted = true;
    presence_ask();
    advance();
}

static void on_result(struct link *link UNUSED, PGresult *result) {
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        log_warning("database (follower): SQLSTATE %s; events wait", link_sqlstate(result));
        PQclear(result);
        follow.wanted = true;
        set_stalled(true);
        return; /* the backstop tries again */
    }
    switch (follow.asked) {
    case ASKED_POSITION:
        take_place(atoll(PQgetvalue(result, 0, 0)));
        break;
    case ASKED_EVENTS:
        follow.rows = result;
        follow.row = 0;
        follow.refreshed = -1;
        result = NULL;
        break;
    case ASKED_AUDIENCE:
        audience_put(follow.asked_org, result);
        break;
    case ASKED_TYPING:
        tell_typing(result);
        break;
    case ASKED_PRESENCE:
        presence_tell(result);
        break;
    case ASKED_LAG:
        metrics.seal_lag = strtod(PQgetvalue(result, 0, 0), NULL);
        break;
    }
    PQclear(result);
    advance();
}

static void on_lost(struct link *link UNUSED, bool was_busy UNUSED) {
    set_stalled(true);
}

/* Anybody may notify: a number only tells that looking is worth while, never how far. */
static void hear_seal(const char *payload) {
    if (atoll(payload) > follow.seal)
        follow.wanted = true;
}

static void hear_typing(const char *payload) {
    struct typing typing;

    if (follow.typing_count == TYPING_MAX || !follow.newest)
        return; /* nobody misses it */
    if (sscanf(payload, "%" SCNd64 " %" SCNd64 " %" SCNd64, &typing.org, &typing.topic,
               &typing.account) == 3 &&
        typing.org > 0)
        follow.typing[follow.typing_count++] = typing;
}

static void on_notify(struct link *link UNUSED, const PGnotify *notify) {
    if (strcmp(notify->relname, "onefin") == 0)
        hear_seal(notify->extra);
    else if (strcmp(notify->relname, "onefin_presence") == 0)
        presence_hear(notify->extra);
    else
        hear_typing(notify->extra);
    advance();
}

static void on_backstop(EV_P UNUSED, ev_timer *timer UNUSED, int events UNUSED) {
    follow.wanted = true;
    follow.lag_wanted = true;
    advance();
    if (++follow.ticks % POSITION_TICKS == 0 && !follow.rows && !follow.stalled)
        session_tell_position(follow.seal);
}

void follow_start(void) {
    follow.stalled = true;
    metrics.stalled = 1;
    follow.link = (struct link){
        .name = "follower",
        /* Plans made while the tables are small are kept when they grow, until statistics are made.
         */
        .setup = "SET enable_seqscan = off; SET jit = off;"
                 "LISTEN onefin; LISTEN onefin_typing; LISTEN onefin_presence;"
                 "PREPARE position AS SELECT onefin.position();"
                 "PREPARE events(bigint, int) AS SELECT * FROM onefin.events($1, $2);"
                 "PREPARE audience(bigint, bigint, int) AS"
                 " SELECT account, role FROM onefin.audience($1, $2, $3);"
                 "PREPARE presence_audience(bigint[]) AS"
                 " SELECT account, viewer FROM onefin.presence_audience($1);"
                 "PREPARE seal_lag AS SELECT onefin.seal_lag();",
        .up = on_up,
        .result = on_result,
        .lost = on_lost,
        .notify = on_notify,
    };
    ev_timer_init(&follow.backstop, on_backstop, BACKSTOP, BACKSTOP);
    ev_timer_start(EV_DEFAULT_ & follow.backstop);
    link_start(&follow.link);
}

void follow_stop(void) {
    ev_timer_stop(EV_DEFAULT_ & follow.backstop);
    link_stop(&follow.link);
    PQclear(follow.rows);
    event_drop(follow.newest);
    audience_forget_all();
}
