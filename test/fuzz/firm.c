/*
 * firm.c - the gateway that fuzz targets talk to.
 *
 * All of it is what runs in earnest but the database: a call is answered from here, as the database
 * would, and what the follower knows is one event, so that logins go through. The linker puts these
 * in the place of db.c's and follow.c's functions (--wrap). Loop, server, files and sockets are
 * real; client and gateway share a thread and take turns.
 */
#include "firm.h"
#include "background.h"
#include "config.h"
#include "db.h"
#include "event.h"
#include "follow.h"
#include "log.h"
#include "memory.h"
#include "rpc_codes.h"
#include "server.h"
#include "session.h"
#include "store.h"
#include "upload.h"

#include <arpa/inet.h>
#include <ev.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURNS 4 /* of the loop, which are enough for bytes to be read and answered */

static char place[64]; /* folder of the page and the files */
static bool database_is_there;
static struct event *newest;
static struct session *first_session; /* of those that are there */

/* The database. */

struct played {
    ev_timer soon;
    struct db_answer answer;
    char *json;
};

static unsigned keys;  /* given out */
static char *file_key; /* of the file recorded last, and so on */
static char *file_name, *file_type, *file_size;

#define ENTRY "\"session\":5,\"seal\":1,\"account\":{\"id\":3,\"role\":\"admin\"}"

static void replace(char **text, const char *with) {
    free(*text);
    *text = memory_text(with);
}

static char *found_file(void) {
    if (!file_key)
        return db_error(RPC_NOT_FOUND, "no such document", "P0002", "GET /files/ID.");
    return memory_format("{\"result\":{\"key\":\"%s\",\"name\":%s,\"type\":\"%s\",\"size\":%s}}",
                         file_key, file_name, file_type, file_size);
}

static char *export_page(bool first) {
    return memory_format("{\"result\":{\"lines\":\"one line\\nanother\\n\",\"next\":%s}}",
                         first ? "{\"page\":2}" : "null");
}

/* As JSON, in quotes. */
static char *quoted(const char *text) {
    json_t *string = json_string(text);
    char *json = json_dumps(string, JSON_ENCODE_ANY);

    json_decref(string);
    return json;
}

static char *recorded_file(const char *const *params) {
    char *name = quoted(params[4]);

    replace(&file_key, params[2]);
    replace(&file_name, name);
    replace(&file_type, params[5]);
    replace(&file_size, params[6]);
    free(name);
    return memory_text("{\"result\":{\"id\":1}}");
}

static char *play(const char *statement, const char *const *params) {
    if (!database_is_there)
        return db_error(RPC_UNAVAILABLE, "the database is not available", NULL, "Try again.");
    if (strcmp(statement, DB_LOGIN) == 0)
        return memory_text("{\"result\":{\"token\":\"token\"," ENTRY "}}");
    if (strcmp(statement, DB_CALL) == 0 && strcmp(params[1], "resume") == 0)
        return memory_text("{\"result\":{\"reset\":false,\"events\":[]," ENTRY "}}");
    if (strcmp(statement, DB_FILE_BEGIN) == 0)
        return memory_format("{\"result\":{\"document\":1,\"key\":\"k/%u\"}}", ++keys);
    if (strcmp(statement, DB_FILE_END) == 0)
        return recorded_file(params);
    if (strcmp(statement, DB_FILE_GET) == 0)
        return found_file();
    if (strcmp(statement, DB_EXPORT_BEGIN) == 0 || strcmp(statement, DB_EXPORT_NEXT) == 0)
        return export_page(strcmp(statement, DB_EXPORT_BEGIN) == 0);
    return memory_text("{\"result\":{}}");
}

static void on_soon(EV_P_ ev_timer *timer, int events) {
    struct played *call = timer->data;

    (void)events;
    ev_timer_stop(EV_A_ timer);
    if (call->answer.done)
        call->answer.done(call->answer.owner, call->json);
    free(call->json);
    free(call);
}

struct db_call *__wrap_db_call(enum db_lane lane, const char *statement, int count,
                               const char *const *params, struct db_answer answer) {
    struct played *call = memory_zeroed(sizeof *call);

    (void)lane, (void)count;
    call->answer = answer;
    call->json = play(statement, params);
    if (answer.sent)
        answer.sent(answer.owner);
    ev_timer_init(&call->soon, on_soon, 0, 0);
    call->soon.data = call;
    ev_timer_start(EV_DEFAULT_ & call->soon);
    return (struct db_call *)call;
}

void __wrap_db_abandon(struct db_call *call) {
    ((struct played *)call)->answer = (struct db_answer){0};
}

struct event *__wrap_follow_newest(void) {
    return event_hold(newest);
}

void firm_answers(bool there) {
    database_is_there = there;
    free(file_key);
    file_key = NULL;
}

/* Which connection is which. */

void __real_session_open(struct session *session, struct lws *wsi);
void __real_session_closed(struct session *session);

void __wrap_session_open(struct session *session, struct lws *wsi) {
    __real_session_open(session, wsi);
    if (!first_session)
        first_session = session;
}

void __wrap_session_closed(struct session *session) {
    if (session == first_session)
        first_session = NULL;
    __real_session_closed(session);
}

struct lws *firm_wsi(void) {
    return first_session ? first_session->wsi : NULL;
}

/* Start. */

static struct sockaddr_in address = {.sin_family = AF_INET};

/* One that is free now. */
static unsigned free_port(void) {
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(probe, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockname(probe, (struct sockaddr *)&address, &size) < 0)
        abort();
    close(probe);
    return ntohs(address.sin_port);
}

static void make_place(void) {
    char path[80];
    FILE *file;

    snprintf(place, sizeof place, "/dev/shm/onefin-fuzz.XXXXXX");
    if (!mkdtemp(place))
        abort();
    snprintf(path, sizeof path, "%s/page", place);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/page/index.html", place);
    file = fopen(path, "w");
    fputs("<!doctype html>\n", file);
    fclose(file);
}

static void remove_place(void) {
    char command[96];

    snprintf(command, sizeof command, "rm -rf %s", place);
    if (system(command) != 0)
        fputs("the folder of the fuzzer was not removed\n", stderr);
}

void firm_open(void) {
    char path[80];

    if (newest)
        return;
    make_place();
    atexit(remove_place);
    if (!config_load(NULL) || !ev_default_loop(0))
        abort();
    config.port = free_port();
    config.login_timeout = 3600;
    config.max_upload = 1 << 20;
    snprintf(path, sizeof path, "%s/page", place);
    replace(&config.page, path);
    snprintf(path, sizeof path, "%s/files", place);
    log_set_level(LOG_LEVEL_ERROR);
    newest = event_new(NULL, NULL);
    if (!store_dir_start(path) || !background_start() || !server_start())
        abort();
}

/* Clients. */

void firm_turn(void) {
    ev_run(EV_DEFAULT_ EVRUN_NOWAIT);
}

static void work(void) {
    for (int i = 0; i < TURNS; i++)
        firm_turn();
}

int firm_connect(void) {
    int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct linger at_once = {.l_onoff = 1};

    setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    connect(client, (struct sockaddr *)&address, sizeof address);
    work();
    return client;
}

/* Reads what there is; false at the end. */
static bool read_all(int client) {
    char bytes[65536];
    ssize_t size;

    while ((size = recv(client, bytes, sizeof bytes, 0)) > 0)
        continue;
    return size < 0;
}

bool firm_send(int client, const void *bytes, size_t size) {
    if (size > 0 && send(client, bytes, size, MSG_NOSIGNAL) < 0)
        return false;
    work();
    return read_all(client);
}

void firm_disconnect(int client) {
    close(client);
    work();
    for (int i = 0; upload_any() && i < 1000; i++)
        ev_run(EV_DEFAULT_ EVRUN_ONCE);
}

int firm_websocket(void) {
    char head[512];
    int client = firm_connect();

    snprintf(head, sizeof head,
             "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
             "Sec-WebSocket-Protocol: onefin.v1\r\n\r\n");
    firm_send(client, head, strlen(head));
    if (!first_session)
        abort();
    return client;
}
