/*
 * db_link.h - one connection to PostgreSQL on the event loop, which makes itself again when it is
 * lost, and runs one query at a time.
 *
 * The struct belongs to whoever embeds it; the connection inside belongs to the link. Everything
 * happens in the loop: link_query returns at once, and one of the callbacks follows. A callback may
 * call link_query, and nothing else, on its link.
 */
#pragma once

#include <ev.h>
#include <libpq-fe.h>
#include <stdbool.h>

enum link_state {
    LINK_AWAY,       /* no connection; the timer makes the next try */
    LINK_CONNECTING, /* libpq's handshake is under way */
    LINK_SETUP,      /* the setup statements run */
    LINK_IDLE,
    LINK_BUSY /* a query runs */
};

struct link {
    const char *name;  /* for the log */
    const char *setup; /* statements for each new connection */
    void *owner;

    /* A new connection is there and idle. */
    void (*up)(struct link *link);
    /* The query is done, well or badly, and the link idle; the result is the callee's to clear. */
    void (*result)(struct link *link, PGresult *result);
    /* Away from now on. When it was busy, the query may have run or not. */
    void (*lost)(struct link *link, bool was_busy);
    /* NULL for a link that never listens. */
    void (*notify)(struct link *link, const PGnotify *notify);

    /* The rest is the link's own. */
    enum link_state state;
    PGconn *pg;
    PGresult *pending; /* of the running query, while more may come */
    ev_io io;
    ev_timer timer; /* while away the next try, else the end of patience with the server */
    double pause;   /* seconds before the next try */
};

/* Starts connecting. The callbacks, name, setup and owner must be set. */
void link_start(struct link *link);

/* Runs a prepared statement with text parameters (NULL for null) on an idle link. Failing to send
 * is told as any loss of the connection, later. */
void link_query(struct link *link, const char *statement, int count, const char *const *values);

/* SQLSTATE of a failed query's result; libpq's own failures have that of a lost connection. */
const char *link_sqlstate(const PGresult *result);

/* Closes the connection for good; no callback follows. */
void link_stop(struct link *link);
