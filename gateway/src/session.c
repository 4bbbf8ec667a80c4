/*
 * session.c - connections, by account and all together; their states; what each is sent.
 *
 * Going live without loss, doubles or disorder. The database answers a login with a seal: all up to
 * it is in the answer (or in the state that the client will ask for), all after it is ours to send.
 * The follower may be behind that seal or ahead of it. Behind: nothing is to be done, since a
 * connection drops every event whose address is not after its own. Ahead: the events between are in
 * the list that starts at `since`, the newest event when the login went to the database: the answer
 * cannot be older than that, as the follower reads the same database. They are gone through when
 * the answer comes, by the same rule (and the very audiences) that decided them for everybody else;
 * and as all this is one step of one thread, nothing can come between.
 *
 * set_state is the only function that changes a state.
 */
#include "session.h"
#include "config.h"
#include "follow.h"
#include "idmap.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "peer.h"
#include "presence.h"
#include "rpc.h"
#include "watch.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

/* Seconds until a connection that cannot be sent its close frame is cut. */
#define CLOSE_PATIENCE 5

static LIST_HEAD(, session) sessions = LIST_HEAD_INITIALIZER(sessions);
static LIST_HEAD(, session) admins = LIST_HEAD_INITIALIZER(admins);
static TAILQ_HEAD(, session) quiet = TAILQ_HEAD_INITIALIZER(quiet);
static struct idmap accounts; /* account to its struct person, while it has a live connection */

static void join(struct session *session) {
    struct person *person = idmap_get(&accounts, session->account);

    if (!person) {
        person = memory_zeroed(sizeof *person);
        idmap_put(&accounts, session->account, person);
        presence_changed(session->account);
    }
    session->person = person;
    session->sibling = person->first;
    person->first = session;
    person->connections++;
    if (session->is_admin)
        LIST_INSERT_HEAD(&admins, session, admins);
    metrics.live++;
}

static void leave(struct session *session) {
    struct person *person = session->person;
    struct session **at = &person->first;

    while (*at != session)
        at = &(*at)->sibling;
    *at = session->sibling;
    if (--person->connections == 0) {
        free(idmap_remove(&accounts, session->account));
        presence_changed(session->account);
    }
    session->person = NULL;
    watch_end(session);
    if (session->is_admin)
        LIST_REMOVE(session, admins);
    metrics.live--;
}

/* The first of an account's live connections, or NULL. */
static struct session *first_of(int64_t account) {
    const struct person *person = idmap_get(&accounts, account);

    return person ? person->first : NULL;
}

static void set_state(struct session *session, enum session_state to) {
    enum session_state from = session->state;

    assert(from != SESSION_CLOSING);
    session->state = to;
    if (from == SESSION_LIVE)
        leave(session);
    if (from == SESSION_ENTERING && to != SESSION_LIVE) {
        event_drop(session->since);
        session->since = NULL;
    }
    ev_timer_stop(EV_DEFAULT_ & session->patience);
    switch (to) {
    case SESSION_NEW:
        ev_timer_set(&session->patience, config.login_timeout, 0);
        ev_timer_start(EV_DEFAULT_ & session->patience);
        break;
    case SESSION_ENTERING:
        break;
    case SESSION_LIVE:
        join(session);
        break;
    case SESSION_CLOSING:
        lws_set_timeout(session->wsi, PENDING_TIMEOUT_USER_REASON_BASE, CLOSE_PATIENCE);
        lws_callback_on_writable(session->wsi);
        break;
    }
}

static void on_impatient(EV_P UNUSED, ev_timer *timer, int events UNUSED) {
    metrics.refused[REFUSED_LOGIN_TIMEOUT]++;
    session_close(timer->data, CLOSE_LOGIN_TIMEOUT, "login timeout");
}

void session_open(struct session *session, struct lws *wsi) {
    *session = (struct session){.wsi = wsi};
    ev_init(&session->patience, on_impatient);
    session->patience.data = session;
    /* Who is behind no proxy was counted when the connection was accepted. */
    session->is_counted = peer_address(wsi, session->address, sizeof session->address) &&
                          limit_address_take(session->address);
    rpc_open(session);
    LIST_INSERT_HEAD(&sessions, session, all);
    session->heard = ev_now(EV_DEFAULT);
    TAILQ_INSERT_TAIL(&quiet, session, quiet);
    metrics.connections++;
    set_state(session, SESSION_NEW);
}

void session_closed(struct session *session) {
    if (session->state == SESSION_LIVE)
        leave(session);
    LIST_REMOVE(session, all);
    TAILQ_REMOVE(&quiet, session, quiet);
    ev_timer_stop(EV_DEFAULT_ & session->patience);
    if (session->is_counted)
        limit_address_drop(session->address);
    rpc_closed(session);
    event_drop(session->since);
    outbox_clear(&session->outbox);
    memory_forget(session->token);
    free(session->input.bytes);
    metrics.connections--;
}

const char *session_address(const struct session *session) {
    return *session->address ? session->address : NULL;
}

void session_begin_entering(struct session *session) {
    set_state(session, SESSION_ENTERING);
}

void session_refuse_entry(struct session *session) {
    memory_forget(session->token);
    session->token = NULL;
    set_state(session, SESSION_NEW);
}

void session_send(struct session *session, struct frame *frame) {
    if (session->state == SESSION_CLOSING) {
        frame_drop(frame);
        return;
    }
    if (!outbox_put(&session->outbox, frame)) {
        metrics.too_slow++;
        session_close(session, CLOSE_TOO_SLOW, "too slow: resume");
        return;
    }
    lws_callback_on_writable(session->wsi);
}

void session_close(struct session *session, int code, const char *reason) {
    if (session->state == SESSION_CLOSING)
        return;
    session->close_code = code;
    session->close_reason = reason;
    log_fields(LOG_LEVEL_DEBUG, reason,
               "code=%d account=%" PRId64 " session=%" PRId64 " address=%s", code, session->account,
               session->id, session->address);
    rpc_closed(session);
    if (code == CLOSE_TOO_SLOW)
        outbox_clear(&session->outbox);
    set_state(session, SESSION_CLOSING);
}

void session_sent(struct session *session, unsigned frames) {
    while (frames--) {
        struct frame *frame = outbox_take(&session->outbox);

        metrics.messages_out++;
        metrics.bytes_out += frame->size;
        frame_drop(frame);
    }
    if (session->state != SESSION_CLOSING)
        rpc_go_on(session);
}

void session_heard(struct session *session) {
    session->heard = ev_now(EV_DEFAULT);
    session->pinged = false;
    TAILQ_REMOVE(&quiet, session, quiet);
    TAILQ_INSERT_TAIL(&quiet, session, quiet);
}

void session_look_after(void) {
    ev_tstamp now = ev_now(EV_DEFAULT);
    struct session *session;

    TAILQ_FOREACH(session, &quiet, quiet) {
        if (now - session->heard < config.ping_interval)
            break;
        if (now - session->heard >= 2 * config.ping_interval) {
            metrics.refused[REFUSED_SILENT]++;
            lws_set_timeout(session->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        } else if (!session->pinged) {
            session->pinged = true;
            session_send(session, frame_ping());
        }
    }
}

/* Sends an event unless the connection has it already. */
static void offer(struct session *session, const struct event *event) {
    if (event->seal < session->seal ||
        (event->seal == session->seal && event->index <= session->index))
        return;
    session->seal = event->seal;
    session->index = event->index;
    metrics.deliveries++;
    session_send(session, frame_hold(event->frame));
    if (!event->ended || event->ended != session->id)
        return;
    session->is_over = true;
    if (!rpc_is_logging_out(session))
        session_close(session, CLOSE_SESSION_ENDED, "session ended");
}

static void offer_account(int64_t account, const struct event *event) {
    struct session *next;

    for (struct session *at = first_of(account); at; at = next) {
        next = at->sibling; /* closing takes it out of the list */
        offer(at, event);
    }
}

void session_deliver(struct event *event) {
    struct session *next;

    if (event->audience) {
        for (size_t i = 0; i < event->audience->count; i++) {
            if (event->class == TO_ORG || event->audience->members[i].staff)
                offer_account(event->audience->members[i].account, event);
        }
    }
    if (event->class == TO_ADMINS) {
        for (struct session *at = LIST_FIRST(&admins); at; at = next) {
            next = LIST_NEXT(at, admins);
            offer(at, event);
        }
    }
    offer_account(event->account, event);
}

static struct frame *frame_stalled(bool stalled) {
    const char *text =
        stalled ? "{\"jsonrpc\":\"2.0\",\"method\":\"stalled\",\"params\":{\"stalled\":true}}"
                : "{\"jsonrpc\":\"2.0\",\"method\":\"stalled\",\"params\":{\"stalled\":false}}";

    return frame_join(1, &text);
}

void session_enter(struct session *session, const struct entry *entry) {
    struct event *since = session->since;

    session->account = entry->account;
    session->id = entry->session;
    session->is_admin = entry->is_admin;
    session->seal = entry->seal;
    session->index = INT_MAX;
    session->since = NULL;
    set_state(session, SESSION_LIVE);
    if (session->person->connections > config.connections_per_account) {
        metrics.refused[REFUSED_ACCOUNT]++;
        session_close(session, CLOSE_TOO_MANY, "too many connections of this account");
    }
    for (struct event *event = since->next; event; event = event->next) {
        if (session->state == SESSION_LIVE && event_reaches(event, entry->account, entry->is_admin))
            offer(session, event);
    }
    event_drop(since);
    if (follow_is_stalled())
        session_send(session, frame_stalled(true));
}

void session_tell_stalled(bool stalled) {
    struct frame *frame = frame_stalled(stalled);
    struct session *session;

    LIST_FOREACH(session, &sessions, all) {
        if (session->state == SESSION_LIVE)
            session_send(session, frame_hold(frame));
    }
    frame_drop(frame);
}

/* To those who are behind only because nothing in between was for them. */
void session_tell_position(int64_t seal) {
    char *text = memory_format("{\"jsonrpc\":\"2.0\",\"method\":\"position\",\"params\":"
                               "{\"seal\":%" PRId64 "}}",
                               seal);
    const char *pieces[] = {text};
    struct frame *frame = frame_join(1, pieces);
    struct session *session;

    LIST_FOREACH(session, &sessions, all) {
        if (session->state == SESSION_LIVE && session->seal < seal) {
            session->seal = seal;
            session->index = INT_MAX;
            session_send(session, frame_hold(frame));
        }
    }
    frame_drop(frame);
    free(text);
}

void session_tell_account(int64_t account, struct frame *frame) {
    struct session *next;

    for (struct session *at = first_of(account); at; at = next) {
        next = at->sibling;
        session_send(at, frame_hold(frame));
    }
}

void session_tell_audience(const struct audience *audience, int64_t except, struct frame *frame) {
    for (size_t i = 0; i < audience->count; i++) {
        if (audience->members[i].account != except)
            session_tell_account(audience->members[i].account, frame);
    }
}

void session_close_all(int code, const char *reason) {
    struct session *session;

    LIST_FOREACH(session, &sessions, all) {
        session_close(session, code, reason);
    }
}

void session_send_away(struct session *session) {
    session_close(session, CLOSE_GOING_AWAY, "gateway stops: resume elsewhere");
}

void session_send_some_away(unsigned most) {
    struct session *session;

    LIST_FOREACH(session, &sessions, all) {
        if (most == 0)
            return;
        if (session->state == SESSION_CLOSING)
            continue;
        most--;
        if (!rpc_is_busy(session))
            session_send_away(session);
    }
}

bool session_is_here(int64_t account) {
    return idmap_get(&accounts, account);
}

void session_gauge(void) {
    const struct session *session;

    metrics.outbox_frames = metrics.outbox_bytes = metrics.outbox_deepest = 0;
    metrics.requests_waiting = 0;
    LIST_FOREACH(session, &sessions, all) {
        metrics.outbox_frames += session->outbox.count;
        metrics.outbox_bytes += session->outbox.bytes;
        if (session->outbox.count > metrics.outbox_deepest)
            metrics.outbox_deepest = session->outbox.count;
        metrics.requests_waiting += session->requests.count;
    }
}

unsigned session_count(void) {
    return metrics.connections;
}
