/*
 * db_link.c - one self-healing connection to PostgreSQL; see db_link.h.
 *
 * libpq's socket is watched by an ev_io; during connecting the socket may change with every poll,
 * so the watcher is set anew each time. There is one timer: while away it counts down to the next
 * try, otherwise it is the watchdog that gives up on a server which does not answer (a dead network
 * gives no error for a quarter of an hour). What goes on failing is logged until the pauses are at
 * their longest, and then no more. Names in the connection string are resolved by libpq in
 * the foreground; the README says to use an address.
 */
#include "db_link.h"
#include "compat.h"
#include "config.h"
#include "log.h"
#include "metrics.h"

#include <string.h>

#define PAUSE_FIRST   0.1 /* seconds */
#define PAUSE_LONGEST 5.0
#define CONNECT_LIMIT 10.0
#define GRACE         5.0 /* over statement_timeout, which should have come first */

static void watch(struct link *link, int events) {
    ev_io_stop(EV_DEFAULT_ & link->io);
    ev_io_set(&link->io, PQsocket(link->pg), events);
    ev_io_start(EV_DEFAULT_ & link->io);
}

static void time_out_after(struct link *link, double seconds) {
    ev_timer_stop(EV_DEFAULT_ & link->timer);
    ev_timer_set(&link->timer, seconds, 0);
    ev_timer_start(EV_DEFAULT_ & link->timer);
}

static void disconnect(struct link *link) {
    ev_io_stop(EV_DEFAULT_ & link->io);
    ev_timer_stop(EV_DEFAULT_ & link->timer);
    PQclear(link->pending);
    link->pending = NULL;
    PQfinish(link->pg);
    link->pg = NULL;
}

static void fail(struct link *link, const char *why) {
    enum link_state before = link->state;

    log_line(link->pause < PAUSE_LONGEST ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
             "database (%s): %s; trying again in %.1f s", link->name, why, link->pause);
    disconnect(link);
    link->state = LINK_AWAY;
    time_out_after(link, link->pause);
    link->pause = link->pause * 2 < PAUSE_LONGEST ? link->pause * 2 : PAUSE_LONGEST;
    if (before == LINK_IDLE || before == LINK_BUSY)
        link->lost(link, before == LINK_BUSY);
}

static void finish(struct link *link) {
    PGresult *result = link->pending;
    bool in_setup = link->state == LINK_SETUP;

    if (PQstatus(link->pg) != CONNECTION_OK) {
        fail(link, PQerrorMessage(link->pg));
        return;
    }
    if (in_setup && PQresultStatus(result) == PGRES_FATAL_ERROR) {
        fail(link, PQresultErrorMessage(result));
        return;
    }
    link->pending = NULL;
    link->state = LINK_IDLE;
    ev_timer_stop(EV_DEFAULT_ & link->timer);
    if (!in_setup) {
        link->result(link, result);
        return;
    }
    PQclear(result);
    link->pause = PAUSE_FIRST;
    metrics.database_connects++;
    log_info("database (%s): connected", link->name);
    link->up(link);
}

/* Of the results of several statements the first error is kept, else the last. */
static void keep(struct link *link, PGresult *result) {
    if (link->pending && PQresultStatus(link->pending) == PGRES_FATAL_ERROR) {
        PQclear(result);
        return;
    }
    PQclear(link->pending);
    link->pending = result;
}

static void collect(struct link *link) {
    PGnotify *notify;

    while ((link->state == LINK_SETUP || link->state == LINK_BUSY) && !PQisBusy(link->pg)) {
        PGresult *result = PQgetResult(link->pg);

        if (result)
            keep(link, result);
        else
            finish(link);
    }
    while (link->state != LINK_AWAY && (notify = PQnotifies(link->pg))) {
        if (link->notify)
            link->notify(link, notify);
        PQfreemem(notify);
    }
}

static void flush(struct link *link) {
    int waiting = PQflush(link->pg);

    /* An error shows again, with its message, when the answer is read. */
    watch(link, waiting > 0 ? EV_READ | EV_WRITE : EV_READ);
}

static void begin_setup(struct link *link) {
    link->state = LINK_SETUP;
    time_out_after(link, CONNECT_LIMIT);
    if (PQsetnonblocking(link->pg, 1) != 0 || !PQsendQuery(link->pg, link->setup))
        fail(link, PQerrorMessage(link->pg));
    else
        flush(link);
}

static void poll_connecting(struct link *link) {
    switch (PQconnectPoll(link->pg)) {
    case PGRES_POLLING_READING:
        watch(link, EV_READ);
        break;
    case PGRES_POLLING_WRITING:
        watch(link, EV_WRITE);
        break;
    case PGRES_POLLING_OK:
        begin_setup(link);
        break;
    default:
        fail(link, PQerrorMessage(link->pg));
    }
}

static void on_io(EV_P UNUSED, ev_io *io, int events) {
    struct link *link = io->data;

    if (link->state == LINK_CONNECTING) {
        poll_connecting(link);
        return;
    }
    if (events & EV_WRITE)
        flush(link);
    if (!PQconsumeInput(link->pg))
        fail(link, PQerrorMessage(link->pg));
    else
        collect(link);
}

static void hear_notice(void *owner, const char *message) {
    const struct link *link = owner;

    log_debug("database (%s): %s", link->name, message);
}

static void connect_anew(struct link *link) {
    const char *const keywords[] = {"dbname", "client_encoding", "fallback_application_name", NULL};
    const char *const values[] = {config.database, "UTF8", "onefin-gateway", NULL};

    link->pg = PQconnectStartParams(keywords, values, 1);
    if (PQstatus(link->pg) == CONNECTION_BAD) {
        fail(link, link->pg ? PQerrorMessage(link->pg) : "out of memory");
        return;
    }
    PQsetNoticeProcessor(link->pg, hear_notice, link);
    link->state = LINK_CONNECTING;
    time_out_after(link, CONNECT_LIMIT);
    watch(link, EV_WRITE);
}

static void on_timer(EV_P UNUSED, ev_timer *timer, int events UNUSED) {
    struct link *link = timer->data;

    if (link->state == LINK_AWAY)
        connect_anew(link);
    else
        fail(link, "no answer in time");
}

void link_start(struct link *link) {
    link->state = LINK_AWAY;
    link->pause = PAUSE_FIRST;
    ev_init(&link->io, on_io);
    link->io.data = link;
    ev_init(&link->timer, on_timer);
    link->timer.data = link;
    time_out_after(link, 0);
}

void link_query(struct link *link, const char *statement, int count, const char *const *values) {
    link->state = LINK_BUSY;
    if (PQsendQueryPrepared(link->pg, statement, count, values, NULL, NULL, 0)) {
        time_out_after(link, config.call_timeout + GRACE);
        flush(link);
    } else {
        log_warning("database (%s): %s", link->name, PQerrorMessage(link->pg));
        time_out_after(link, 0);
    }
}

const char *link_sqlstate(const PGresult *result) {
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return sqlstate ? sqlstate : "08006";
}

void link_stop(struct link *link) {
    disconnect(link);
    link->state = LINK_AWAY;
}
