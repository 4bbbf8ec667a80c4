/*
 * publish.c - messages into the server: for onefin as calls of `send` to the database, one
 * connection in libpq's pipeline mode, each call a transaction of its own; for the others the
 * frames that onefin's clients were sent, given as a file of one a line, by a connection of the
 * server's own protocol, or for nchan (which is told so by a path to publish at) by HTTP.
 */
#include "load.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

static struct client publisher = {.source.fd = -1, .publishes = true};

static void publish_frame(unsigned number) {
    const char *frame;

    if (number > lines_count())
        fail("%s has %u frames only", options.frames, lines_count());
    frame = lines_get(number - 1);
    publisher.protocol->publish(&publisher, frame, strlen(frame));
}

/* The database. */
static struct {
    struct source source;
    PGconn *connection;
    unsigned key; /* of the calls' client_key: other ones each time */
} database;

static void watch_database(bool more) {
    loop_watch(&database.source, more ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void check(const PGresult *result) {
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        if (strncmp(PQgetvalue(result, 0, 0), "{\"result\"", 9) != 0)
            fail("send: %s", PQgetvalue(result, 0, 0));
        break;
    case PGRES_PIPELINE_SYNC:
    case PGRES_COMMAND_OK:
        break;
    default:
        fail("send: %s", PQerrorMessage(database.connection));
    }
}

static void database_ready(struct source *source, uint32_t events) {
    PGresult *result;

    (void)source;
    if (events & EPOLLIN && !PQconsumeInput(database.connection))
        fail("database: %s", PQerrorMessage(database.connection));
    watch_database(PQflush(database.connection) > 0);
    while (!PQisBusy(database.connection)) {
        result = PQgetResult(database.connection);
        if (!result && !(result = PQgetResult(database.connection)))
            return; /* two in a row: nothing is under way */
        check(result);
        PQclear(result);
    }
}

static void open_database(void) {
    PGresult *result;

    database.connection = PQconnectdb(options.database);
    if (PQstatus(database.connection) != CONNECTION_OK)
        fail("database: %s", PQerrorMessage(database.connection));
    result = PQprepare(database.connection, "send",
                       "SELECT onefin.call($1, 'send', $2::jsonb, '127.0.0.1')", 0, NULL);
    check(result);
    PQclear(result);
    PQsetnonblocking(database.connection, 1);
    PQenterPipelineMode(database.connection);
    database.key = (unsigned)now();
    database.source = (struct source){.fd = PQsocket(database.connection), .ready = database_ready};
    watch_database(false);
}

static void publish_call(unsigned number) {
    char token[64], params[512];
    const char *values[] = {token, params};

    if (number == 1)
        database.key++;
    snprintf(token, sizeof token, "%s%u", options.token, options.first);
    snprintf(params, sizeof params,
             "{\"topic\": %s, \"text\": \"#%u Assalomu alaykum, bugungi bank oplata bo'yicha "
             "hujjat yubordim, tekshirib bering.\", \"client_key\": "
             "\"%08x-0000-4000-8000-0000%08x\"}",
             options.topic, number, database.key, number);
    if (!PQsendQueryPrepared(database.connection, "send", 2, values, NULL, NULL, 0) ||
        !PQpipelineSync(database.connection))
        fail("send: %s", PQerrorMessage(database.connection));
    watch_database(PQflush(database.connection) > 0);
}

void publish_start(const struct protocol *protocol) {
    if (options.database) {
        open_database();
    } else {
        publisher.number = options.clients;
        publisher.protocol = options.publish ? &http : protocol;
        connect_client(&publisher, options.port);
    }
}

bool publish_is_ready(void) {
    return database.connection || publisher.state == LIVE;
}

void publish(unsigned number) {
    if (database.connection)
        publish_call(number);
    else
        publish_frame(number);
}
