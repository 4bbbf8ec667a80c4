/*
 * session.h - one WebSocket connection: who is on it, and what it is still to be sent.
 *
 * The struct lives in libwebsockets' memory of the connection, from session_open to session_closed;
 * what it points to is its own. Three layers meet here and do not know each other: ws.c moves bytes
 * and frames, rpc.c reads their meaning, follow.c decides who gets an event.
 */
#pragma once

#include "event.h"
#include "limit.h"
#include "outbox.h"
#include "utf8.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Close codes of the protocol. */
enum {
    CLOSE_NORMAL = 1000,
    CLOSE_GOING_AWAY = 1001,
    CLOSE_PROTOCOL = 1002,
    CLOSE_NOT_TEXT = 1003,
    CLOSE_NOT_UTF8 = 1007,
    CLOSE_TOO_LARGE = 1009,
    CLOSE_SESSION_ENDED = 4001,
    CLOSE_TOO_SLOW = 4002,
    CLOSE_LOGIN_TIMEOUT = 4003,
    CLOSE_TOO_MANY = 4004,
};

enum session_state {
    SESSION_NEW,      /* nobody is logged in; a timer runs */
    SESSION_ENTERING, /* a login or resume is with the database */
    SESSION_LIVE,     /* gets events */
    SESSION_CLOSING,  /* the outbox is sent, then the close frame, then it is over */
};

struct request;  /* rpc.c */
struct watching; /* watch.c */

/* All live connections of an account. */
struct person {
    struct session *first;
    unsigned connections;
    struct bucket calls;
};

/* What the answer of a login or resume says. */
struct entry {
    int64_t account;
    int64_t session;
    int64_t seal;
    bool is_admin;
};

struct session {
    struct lws *wsi;
    enum session_state state;
    uint16_t close_code; /* while closing */
    const char *close_reason;
    ev_timer patience; /* with a new one to log in */
    struct outbox outbox;
    LIST_ENTRY(session) all;
    LIST_ENTRY(session) admins; /* while live and an admin */

    TAILQ_ENTRY(session) quiet; /* those longest not heard of are first */
    ev_tstamp heard;
    bool pinged; /* since then */

    /* Who: set by session_enter, but for the token, which rpc.c sets and session.c wipes. */
    int64_t account;
    int64_t id; /* of the login, in the database */
    bool is_admin;
    bool is_over;              /* the login was ended; its own logout is under way */
    struct person *person;     /* while live */
    struct session *sibling;   /* next connection of the same account, while live */
    struct bucket calls;       /* while not live */
    bool is_counted;           /* by its address, which is not the socket's */
    struct watching *watching; /* once it has watched */
    char *token;
    char address[64]; /* of the client; empty: not known */

    /* Where in the order: events up to this address were delivered, or are part of what the login
     * answered. */
    int64_t seal;
    int index;
    struct event *since; /* held while entering: no event before it is of interest */

    /* rpc.c's. */
    struct {
        struct request *first, **end;
        unsigned count;
        size_t bytes;
        struct request *current; /* its call is with the database */
        bool reading;            /* false: the client is held back */
    } requests;

    /* ws.c's: the message so far, when it came in pieces. */
    struct {
        char *bytes; /* owned */
        size_t size;
        struct utf8 utf8;
    } input;
};

void session_open(struct session *session, struct lws *wsi);

/* The connection is gone: frees everything of it. */
void session_closed(struct session *session);

/* The client's address for the database; NULL: not known. */
const char *session_address(const struct session *session);

/* Moves to SESSION_ENTERING, or back to SESSION_NEW after a refusal. */
void session_begin_entering(struct session *session);
void session_refuse_entry(struct session *session);

/* From now on live: gets each event after the seal that the account may see, those that came while
 * the login was under way at once. */
void session_enter(struct session *session, const struct entry *entry);

/* Queues a frame (the caller's reference is taken over). A client too slow for it is closed. */
void session_send(struct session *session, struct frame *frame);

/* Sends what is queued, unless the code is CLOSE_TOO_SLOW, and closes. */
void session_close(struct session *session, int code, const char *reason);

/* So many frames of the outbox were written, and are let go. */
void session_sent(struct session *session, unsigned frames);

/* A sign of life. */
void session_heard(struct session *session);

/* Each second: pings who was not heard of for ping_interval, and cuts who did not answer. */
void session_look_after(void);

/* To all who are to get it. */
void session_deliver(struct event *event);
void session_tell_stalled(bool stalled);
void session_tell_position(int64_t seal);
void session_tell_account(int64_t account, struct frame *frame);
void session_tell_audience(const struct audience *audience, int64_t except, struct frame *frame);
void session_close_all(int code, const char *reason);

/* Sends a client elsewhere: the gateway stops. Or so many of them at most, those whose call is
 * under way after that (rpc.c). */
void session_send_away(struct session *session);
void session_send_some_away(unsigned most);

/* Has the account a live connection here? */
bool session_is_here(int64_t account);

/* Counts what waits in all connections, for the metrics. */
void session_gauge(void);

/* How many connections there are. */
unsigned session_count(void);
