/*
 * rpc.c - requests: read, queued, dispatched by a table, answered.
 *
 * A request owns its texts. It is in its session's queue, then `current` while the database has its
 * call, and freed with its answer. What cannot be understood waits in the queue too, with its error
 * ready, so that answers keep the order of the requests. The queue is bounded: past the bound
 * nothing more is read from the client. Nor is a request taken up while much waits in the outbox,
 * so that answers never make a client "too slow", however many requests it sends ahead.
 *
 * Answers of the database are {"result": ...} or {"error": ...} in JSON, and spliced in unread,
 * except those of login and resume, which say who is on the connection.
 */
#include "rpc.h"
#include "config.h"
#include "db.h"
#include "follow.h"
#include "limit.h"
#include "memory.h"
#include "metrics.h"
#include "presence.h"
#include "watch.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX 32 /* requests of a connection, waiting */

struct method {
    const char *name; /* NULL: all others */
    bool for_strangers;
    /* False when the request is answered already, without a call. */
    bool (*start)(struct session *session, struct request *request);
    /* False when the request was put back into the queue. */
    bool (*finish)(struct session *session, struct request *request, const char *json);
};

struct request {
    struct request *next;
    const struct method *method;
    char *id;       /* JSON; NULL for a notification, which gets no answer */
    char *name;     /* of the method */
    json_t *params; /* an object, or NULL */
    char *refusal;  /* an error answer's JSON, instead of all of the above but the id */
    size_t size;    /* of the client's message, bytes */
    struct session *session;
    struct db_call *call;    /* under way */
    struct request *earlier; /* read marks that this one makes good, in their order */
    bool alone;              /* not to be merged with another */
};

static void request_free(struct request *request) {
    while (request->earlier) {
        struct request *earlier = request->earlier;

        request->earlier = earlier->next;
        request_free(earlier);
    }
    free(request->id);
    free(request->name);
    free(request->refusal);
    json_decref(request->params);
    free(request);
}

/* Answers. */

static void answer(struct session *session, const struct request *request, const char *json) {
    const char *pieces[] = {"{\"jsonrpc\":\"2.0\",\"id\":", request->id, ",", json + 1};

    if (request->id)
        session_send(session, frame_join(4, pieces));
}

static bool refuse(struct session *session, const struct request *request, int code,
                   const char *message, const char *hint) {
    char *json = db_error(code, message, NULL, hint);

    answer(session, request, json);
    free(json);
    return false;
}

static bool finish_call(struct session *session, struct request *request, const char *json) {
    answer(session, request, json);
    return true;
}

static bool finish_logout(struct session *session, struct request *request, const char *json) {
    answer(session, request, json);
    if (session->is_over || strncmp(json, "{\"result\"", 9) == 0)
        session_close(session, CLOSE_NORMAL, "logged out");
    return true;
}

/*
 * Read marks. One that waits goes with a later one of the same topic that waits right behind it: it
 * is that one's mark that counts, and each costs a transaction and an event to all who see it.
 * Should the later be refused, each is done by itself, in their order.
 */

static json_int_t number(const struct request *request, const char *name) {
    return json_integer_value(json_object_get(request->params, name));
}

/* Does the second make the first good? */
static bool goes_with(const struct request *first, const struct request *second) {
    return first->method == second->method && !first->alone && !second->alone &&
           number(first, "topic") > 0 && number(first, "topic") == number(second, "topic") &&
           number(first, "message") <= number(second, "message");
}

static struct request *take_first(struct session *session);

static struct request *merge_reads(struct session *session, struct request *request) {
    while (session->requests.first && goes_with(request, session->requests.first)) {
        struct request *later = take_first(session), **end = &later->earlier;

        later->earlier = request->earlier;
        request->earlier = NULL;
        while (*end)
            end = &(*end)->next;
        request->next = NULL;
        *end = request;
        request = later;
        metrics.reads_merged++;
    }
    return request;
}

/* Puts a request back to the front of the queue. */
static void put_back(struct session *session, struct request *request) {
    request->alone = true;
    request->next = session->requests.first;
    if (!request->next)
        session->requests.end = &request->next;
    session->requests.first = request;
    session->requests.count++;
    session->requests.bytes += request->size;
}

static void put_back_all(struct session *session, struct request *first) {
    if (!first)
        return;
    put_back_all(session, first->next);
    put_back(session, first);
}

static bool finish_read(struct session *session, struct request *request, const char *json) {
    struct request *earlier = request->earlier;

    if (earlier && strncmp(json, "{\"result\"", 9) != 0) {
        request->earlier = NULL;
        request->call = NULL;
        put_back(session, request);
        put_back_all(session, earlier);
        return false;
    }
    for (; earlier; earlier = earlier->next)
        answer(session, earlier, json);
    answer(session, request, json);
    return true;
}

/* Of those whose presence is told of, the ones that are there. */
static bool finish_presence(struct session *session, struct request *request, const char *json) {
    json_t *body = json_loads(json, 0, NULL);
    json_t *accounts = json_object_get(json_object_get(body, "result"), "accounts");
    char *text;

    for (size_t i = json_array_size(accounts); i-- > 0;) {
        if (!presence_is_there(json_integer_value(json_array_get(accounts, i))))
            json_array_remove(accounts, i);
    }
    text = json_dumps(body, JSON_COMPACT);
    answer(session, request, text);
    free(text);
    json_decref(body);
    return true;
}

/* Takes from the answer of login or resume who it is; false when it is an error. */
static bool read_entry(struct session *session, const char *json, struct entry *entry) {
    json_t *body = json_loads(json, 0, NULL);
    json_int_t account, id, seal;
    const char *role, *token = NULL;
    bool entered =
        json_unpack(body, "{s:{s:I, s:I, s?s, s:{s:I, s:s}}}", "result", "session", &id, "seal",
                    &seal, "token", &token, "account", "id", &account, "role", &role) == 0;

    if (entered) {
        metrics.logins += token != NULL;
        metrics.resumes += token == NULL;
        metrics.resets += json_is_true(json_object_get(json_object_get(body, "result"), "reset"));
        *entry = (struct entry){account, id, seal, strcmp(role, "admin") == 0};
        if (token)
            session->token = memory_text(token);
    }
    json_decref(body);
    return entered;
}

static bool finish_entry(struct session *session, struct request *request, const char *json) {
    struct entry entry;

    if (read_entry(session, json, &entry)) {
        answer(session, request, json);
        if (session->state == SESSION_ENTERING)
            session_enter(session, &entry);
    } else {
        session_refuse_entry(session);
        answer(session, request, json);
    }
    return true;
}

/* Calls. */

/* The answer of a login is true at a seal that cannot be older than what was handed out by now. */
static void on_entry_sent(void *owner) {
    struct request *request = owner;

    request->session->since = follow_newest();
}

static void on_done(void *owner, const char *json) {
    struct request *request = owner;
    struct session *session = request->session;

    session->requests.current = NULL;
    if (request->method->finish(session, request, json))
        request_free(request);
    if (metrics.draining)
        session_send_away(session);
    else
        rpc_go_on(session);
}

static void call(struct request *request, enum db_lane lane, const char *statement,
                 const char *const params[4]) {
    request->call = db_call(lane, statement, 4, params,
                            (struct db_answer){
                                .sent = request->method->for_strangers ? on_entry_sent : NULL,
                                .done = on_done,
                                .owner = request,
                            });
}

/* With 15 digits a decimal number goes on as it came: 0.8, and not 0.80000000000000004. */
#define AS_IT_CAME (JSON_COMPACT | JSON_REAL_PRECISION(15))

static bool start_in(enum db_lane lane, struct session *session, struct request *request) {
    char *text = request->params ? json_dumps(request->params, AS_IT_CAME) : NULL;
    const char *params[] = {session->token, request->name, text ? text : "{}",
                            session_address(session)};

    call(request, lane, DB_CALL, params);
    memory_forget(text);
    return true;
}

static bool start_call(struct session *session, struct request *request) {
    return start_in(DB_CALLS, session, request);
}

/* Under the name that the connection has in the record of watches, whatever the client says. */
static bool start_watch(struct session *session, struct request *request) {
    if (!request->params)
        request->params = json_object();
    json_object_set_new(request->params, "connection", json_string(watch_name(session)));
    return start_call(session, request);
}

static bool refuse_busy(struct session *session, struct request *request, enum refusal reason,
                        const char *message, const char *hint) {
    metrics.refused[reason]++;
    return refuse(session, request, RPC_LIMIT, message, hint);
}

static bool logins_are_full(void) {
    return metrics.logins_waiting >= config.logins_waiting;
}

static bool refuse_login(struct session *session, struct request *request) {
    return refuse_busy(session, request, REFUSED_LOGINS, "too many logins at once",
                       "Try again in a moment.");
}

/* As slow as a login. */
static bool start_password(struct session *session, struct request *request) {
    return logins_are_full() ? refuse_login(session, request)
                             : start_in(DB_LOGINS, session, request);
}

/* Nobody is let in before the place in the order is known from which on to follow. */
static bool may_enter(struct session *session, const struct request *request) {
    struct event *newest = follow_newest();

    event_drop(newest);
    if (session->state == SESSION_LIVE)
        return refuse(session, request, RPC_INVALID_REQUEST, "already logged in",
                      "Open a connection of its own for another login.");
    if (!newest)
        return refuse(session, request, RPC_UNAVAILABLE, "the database is not available",
                      "Try again in a moment.");
    return true;
}

static bool start_login(struct session *session, struct request *request) {
    const char *params[] = {NULL, NULL, NULL, session_address(session)};

    if (!may_enter(session, request))
        return false;
    if (json_unpack_ex(request->params, NULL, JSON_STRICT, "{s:s, s:s, s?s}", "login", &params[0],
                       "password", &params[1], "device", &params[2]) != 0)
        return refuse(session, request, RPC_INVALID_PARAMS, "bad parameters for login",
                      "login takes {login, password, device?}, all of them texts.");
    if (logins_are_full())
        return refuse_login(session, request);
    session_begin_entering(session);
    call(request, DB_LOGINS, DB_LOGIN, params);
    return true;
}

static bool start_resume(struct session *session, struct request *request) {
    const char *token = json_string_value(json_object_get(request->params, "token"));

    if (!may_enter(session, request))
        return false;
    if (!token)
        return refuse(session, request, RPC_INVALID_PARAMS, "bad parameters for resume",
                      "resume takes {token, after?, index?}.");
    session->token = memory_text(token);
    json_object_del(request->params, "token");
    session_begin_entering(session);
    return start_call(session, request);
}

static const struct method methods[] = {
    {"login", true, start_login, finish_entry},
    {"resume", true, start_resume, finish_entry},
    {"logout", false, start_call, finish_logout},
    {"change_password", false, start_password, finish_call},
    {"read", false, start_call, finish_read},
    {"presence", false, start_call, finish_presence},
    {"watch", false, start_watch, finish_call},
    {"unwatch", false, start_watch, finish_call},
    {NULL, false, start_call, finish_call},
};

static const struct method *method_find(const char *name) {
    const struct method *method = methods;

    while (method->name && strcmp(method->name, name) != 0)
        method++;
    return method;
}

/* Reading. */

static void refuse_later(struct request *request, int code, const char *message, const char *hint) {
    request->refusal = db_error(code, message, NULL, hint);
}

static void read_id(struct request *request, const json_t *body) {
    const json_t *id = json_object_get(body, "id");

    if (json_is_string(id) || json_is_number(id))
        request->id = json_dumps(id, JSON_ENCODE_ANY);
    else if (id)
        request->id = memory_text("null");
}

static void read_body(struct request *request, json_t *body) {
    const char *version = json_string_value(json_object_get(body, "jsonrpc"));
    const char *name = json_string_value(json_object_get(body, "method"));
    const json_t *id = json_object_get(body, "id");
    json_t *params = json_object_get(body, "params");

    read_id(request, body);
    if (!version || strcmp(version, "2.0") != 0 || !name ||
        (id && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))) {
        if (!request->id)
            request->id = memory_text("null");
        refuse_later(request, RPC_INVALID_REQUEST, "not a JSON-RPC 2.0 request",
                     json_is_array(body)
                         ? "Batches are not taken; send one request a message."
                         : "Send {\"jsonrpc\": \"2.0\", \"id\": ..., \"method\": ..., "
                           "\"params\": {...}}.");
    } else if (params && !json_is_object(params)) {
        refuse_later(request, RPC_INVALID_PARAMS, "params must be an object",
                     "Parameters are named.");
    } else {
        request->name = memory_text(name);
        request->method = method_find(name);
        request->params = json_incref(params);
    }
}

/* A whole number beyond 64 bits is JSON, too: then all numbers are read as floating-point ones, and
 * the method says what it thinks of that. */
static json_t *read_json(const char *text, size_t size, json_error_t *error) {
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_t *body = json_loadb(text, size, flags, error);

    if (!body && json_error_code(error) == json_error_numeric_overflow)
        body = json_loadb(text, size, flags | JSON_DECODE_INT_AS_REAL, error);
    return body;
}

static struct request *request_read(const char *text, size_t size) {
    struct request *request = memory_zeroed(sizeof *request);
    json_error_t error;
    json_t *body = read_json(text, size, &error);
    char hint[80];

    request->size = size;
    if (body) {
        read_body(request, body);
    } else {
        snprintf(hint, sizeof hint, "Not JSON at line %d, column %d.", error.line, error.column);
        request->id = memory_text("null");
        refuse_later(request, RPC_PARSE, "parse error", hint);
    }
    json_decref(body);
    return request;
}

/* The queue. */

static void hold_back(struct session *session) {
    bool reading =
        session->requests.count < QUEUE_MAX && session->requests.bytes < config.max_frame;

    if (reading != session->requests.reading) {
        session->requests.reading = reading;
        lws_rx_flow_control(session->wsi, reading);
    }
}

static struct request *take_first(struct session *session) {
    struct request *request = session->requests.first;

    session->requests.first = request->next;
    if (!request->next)
        session->requests.end = &session->requests.first;
    session->requests.count--;
    session->requests.bytes -= request->size;
    return request;
}

static bool has_a_call_left(struct session *session) {
    if (session->state != SESSION_LIVE)
        return bucket_take(&session->calls);
    return session->is_admin || bucket_take(&session->person->calls);
}

/* False when it is answered already. */
static bool start(struct session *session, struct request *request) {
    if (request->refusal) {
        answer(session, request, request->refusal);
        return false;
    }
    if (session->state != SESSION_LIVE && !request->method->for_strangers)
        return refuse(session, request, RPC_NOT_LOGGED_IN, "not logged in",
                      "Call login or resume first.");
    if (!request->alone && !has_a_call_left(session))
        return refuse_busy(session, request, REFUSED_CALLS, "too many calls",
                           "Make fewer a second; try again in a second.");
    request->session = session;
    return request->method->start(session, request);
}

void rpc_go_on(struct session *session) {
    while (session->requests.first && !session->requests.current &&
           !outbox_is_busy(&session->outbox) && session->state != SESSION_CLOSING) {
        struct request *request = take_first(session);

        if (request->method && request->method->finish == finish_read)
            request = merge_reads(session, request);
        if (start(session, request))
            session->requests.current = request;
        else
            request_free(request);
    }
    if (session->state != SESSION_CLOSING)
        hold_back(session);
}

void rpc_open(struct session *session) {
    session->requests.end = &session->requests.first;
    session->requests.reading = true;
}

void rpc_receive(struct session *session, const char *text, size_t size) {
    struct request *request = request_read(text, size);

    *session->requests.end = request;
    session->requests.end = &request->next;
    session->requests.count++;
    session->requests.bytes += size;
    rpc_go_on(session);
}

bool rpc_is_logging_out(const struct session *session) {
    return session->requests.current && session->requests.current->method->finish == finish_logout;
}

bool rpc_is_busy(const struct session *session) {
    return session->requests.current;
}

void rpc_closed(struct session *session) {
    struct request *current = session->requests.current;

    while (session->requests.first)
        request_free(take_first(session));
    if (current) {
        db_abandon(current->call);
        request_free(current);
        session->requests.current = NULL;
    }
}
