/*
 * import_link.c - one WebSocket of one login, that asks until it is answered.
 *
 * A link connects when there is something to ask, logs in (or resumes by its token), sends the one
 * call it holds, and keeps it until an answer came: a lost connection, a restarted gateway and
 * -32007 (and a limit of the gateway's) lead to the same call again after a pause that grows. An
 * idle link that is cut stays cut until it is asked again. Events are not for it; it reads and
 * drops them.
 *
 * state_set is the only place that moves `state`.
 */
#include "import.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#define PAUSE_FIRST     (100 * LWS_US_PER_MS)
#define PAUSE_LONGEST   (5 * LWS_US_PER_SEC)
#define GIVE_UP         (600 * LWS_US_PER_SEC)
#define CLOSE_TOO_LARGE 1009

enum link_state {
    LINK_CLOSED,
    LINK_CONNECTING,
    LINK_ENTERING, /* login or resume is under way */
    LINK_LIVE,
    LINK_PAUSED, /* closed, and to be opened again when the pause is over */
};

struct link {
    struct net *net;
    const char *login;
    const char *password;
    char *token; /* owned */
    enum link_state state;
    struct lws *wsi;
    json_t *refused; /* the fault of the login: each later call is answered with it */

    const char *method; /* the call, NULL when there is none */
    json_t *params;
    answer_fn *answer;
    void *owner;

    json_int_t id;      /* of the newest request */
    bool expecting;     /* its response has not come */
    unsigned char *out; /* LWS_PRE bytes and the request, until it is written */
    size_t out_size;
    char *in; /* the frame so far */
    size_t in_size;
    lws_sorted_usec_list_t timer;
    lws_usec_t pause;
};

static void link_advance(struct link *link);

json_t *fault_new(int code, const char *format, ...) {
    json_t *text;
    char *message;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        must(NULL);
    va_end(arguments);
    text = json_string(message);
    if (!text) { /* cut within a character, as jansson cuts its own messages */
        for (char *at = message; *at; at++)
            if (*at & 0x80)
                *at = '?';
        text = json_string(message);
    }
    free(message);
    return must(json_pack("{s:i, s:o}", "code", code, "message", text));
}

int fault_code(const json_t *fault) {
    return (int)json_integer_value(json_object_get(fault, "code"));
}

static void state_set(struct link *link, enum link_state state) {
    link->state = state;
    if (state == LINK_CLOSED || state == LINK_PAUSED) {
        link->wsi = NULL;
        link->expecting = false;
        free(link->out);
        link->out = NULL;
        link->in_size = 0;
    }
}

/* Hands the call's answer to its owner, who may ask again at once. */
static void link_answer(struct link *link, json_t *result, json_t *fault) {
    link->method = NULL;
    json_decref(link->params);
    link->params = NULL;
    link->pause = PAUSE_FIRST;
    link->answer(link->owner, result, fault);
}

static void pause_over(lws_sorted_usec_list_t *timer) {
    struct link *link = lws_container_of(timer, struct link, timer);

    if (link->state == LINK_PAUSED)
        state_set(link, LINK_CLOSED);
    if (link->method)
        link_advance(link);
}

/* Up to a quarter of the pause is chance, so that many links do not come back in step. */
static void pause_begin(struct link *link) {
    lws_usec_t chance = link->pause / 4 * (random() % 1000) / 1000;

    lws_sul_schedule(link->net->context, 0, &link->timer, pause_over, link->pause + chance);
    link->pause = link->pause < PAUSE_LONGEST / 2 ? link->pause * 2 : PAUSE_LONGEST;
}

/* The connection is gone, or never came about. */
static void link_lost(struct link *link, const char *why) {
    struct net *net = link->net;

    if (link->state == LINK_CLOSED || link->state == LINK_PAUSED)
        return;
    if (!net->failure[0] && (!net->heard || lws_now_usecs() - net->heard > GIVE_UP))
        snprintf(net->failure, sizeof net->failure, "the gateway at %s:%d does not answer%s%s",
                 net->address, net->port, why ? ": " : "", why ? why : "");
    if (!link->method) {
        state_set(link, LINK_CLOSED);
        return;
    }
    state_set(link, LINK_PAUSED);
    pause_begin(link);
}

/* Takes params over. */
static void link_send(struct link *link, const char *method, json_t *params) {
    json_t *request = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", ++link->id,
                                "method", method, "params", params);
    size_t size = json_dumpb(request, NULL, 0, JSON_COMPACT);

    free(link->out);
    link->out = must(malloc(LWS_PRE + size));
    link->out_size = json_dumpb(request, (char *)link->out + LWS_PRE, size, JSON_COMPACT);
    link->expecting = true;
    json_decref(request);
    lws_callback_on_writable(link->wsi);
}

static void link_enter(struct link *link) {
    state_set(link, LINK_ENTERING);
    if (link->token)
        link_send(link, "resume", json_pack("{s:s}", "token", link->token));
    else
        link_send(link, "login",
                  json_pack("{s:s, s:s, s:s}", "login", link->login, "password", link->password,
                            "device", "onefin-import"));
}

static void link_open(struct link *link) {
    struct net *net = link->net;
    struct lws_client_connect_info info = {
        .context = net->context,
        .address = net->address,
        .host = net->address,
        .port = net->port,
        .path = net->path,
        .ssl_connection = net->tls ? LCCSCF_USE_SSL : 0,
        .protocol = "onefin.v1",
        .local_protocol_name = "onefin.v1",
        .pwsi = &link->wsi,
        .opaque_user_data = link,
    };

    state_set(link, LINK_CONNECTING);
    if (!lws_client_connect_via_info(&info))
        link_lost(link, NULL);
}

/* The next step towards the call's answer; steps that wait for something take themselves up. */
static void link_advance(struct link *link) {
    if (link->refused)
        link_answer(link, NULL, link->refused);
    else if (link->state == LINK_CLOSED)
        link_open(link);
    else if (link->state == LINK_LIVE && !link->expecting)
        link_send(link, link->method, json_incref(link->params));
}

static void entered(struct link *link, json_t *result) {
    const char *token = json_string_value(json_object_get(result, "token"));

    if (token) {
        free(link->token);
        link->token = must(strdup(token));
    }
    state_set(link, LINK_LIVE);
    if (link->method)
        link_advance(link);
}

/* The gateway lets this login not in: by its token (then by password), or at all. */
static void entry_refused(struct link *link, json_t *fault) {
    if (link->token && fault_code(fault) == FAULT_LOGIN) {
        free(link->token);
        link->token = NULL;
        link_enter(link);
        return;
    }
    link->refused = json_incref(fault);
    if (link->method)
        link_answer(link, NULL, link->refused);
}

/* Will the same call do in a moment? The database is away, or the gateway has a limit on calls and
 * logins; one of the database's own, which has an SQLSTATE, does not pass so soon. */
static bool will_pass(json_t *fault) {
    json_t *data = json_object_get(fault, "data");

    return fault_code(fault) == FAULT_AWAY ||
           (fault_code(fault) == FAULT_LIMIT && !json_is_string(json_object_get(data, "sqlstate")));
}

/* Returns false to close the connection. */
static bool link_response(struct link *link, json_t *response) {
    json_t *result = json_object_get(response, "result");
    json_t *fault = result ? NULL : json_object_get(response, "error");

    link->expecting = false;
    if (fault && (link->state == LINK_LIVE ? fault_code(fault) == FAULT_LOGIN : will_pass(fault)))
        return false; /* come back, by token or else by password, and ask again */
    if (fault && will_pass(fault)) {
        pause_begin(link);
    } else if (link->state == LINK_ENTERING) {
        if (fault)
            entry_refused(link, fault);
        else
            entered(link, result);
    } else {
        link_answer(link, result, fault);
    }
    return true;
}

/* A whole frame has come: events and other notifications carry no id. */
static bool link_frame(struct link *link) {
    json_t *frame = json_loadb(link->in, link->in_size, 0, NULL);
    json_t *id = json_object_get(frame, "id");
    bool stay = frame != NULL;

    link->in_size = 0;
    if (link->expecting && json_integer_value(id) == link->id)
        stay = link_response(link, frame);
    json_decref(frame);
    return stay;
}

static bool link_receive(struct link *link, const void *data, size_t size) {
    link->net->heard = lws_now_usecs();
    link->in = must(realloc(link->in, link->in_size + size));
    memcpy(link->in + link->in_size, data, size);
    link->in_size += size;
    if (!lws_is_final_fragment(link->wsi) || lws_remaining_packet_payload(link->wsi))
        return true;
    return link_frame(link);
}

static bool link_write(struct link *link) {
    int written;

    if (!link->out)
        return true;
    written = lws_write(link->wsi, link->out + LWS_PRE, link->out_size, LWS_WRITE_TEXT);
    free(link->out);
    link->out = NULL;
    return written >= 0;
}

/* Sending the same again would only be closed again. */
static void closed_by_peer(struct link *link, const unsigned char *in, size_t size) {
    json_t *fault;

    if (size < 2 || (in[0] << 8 | in[1]) != CLOSE_TOO_LARGE || !link->method)
        return;
    fault = fault_new(FAULT_PARAMS, "the message is larger than the gateway takes");
    state_set(link, LINK_CLOSED);
    link_answer(link, NULL, fault);
    json_decref(fault);
}

static int link_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                         size_t size) {
    struct link *link = wsi ? lws_get_opaque_user_data(wsi) : NULL;

    (void)user;
    if (!link || wsi != link->wsi)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        link_enter(link);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return link_receive(link, in, size) ? 0 : -1;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return link_write(link) ? 0 : -1;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        closed_by_peer(link, in, size);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        link_lost(link, in);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        link_lost(link, NULL);
        return 0;
    default:
        return 0;
    }
}

const struct lws_protocols import_protocols[] = {{"onefin.v1", link_callback, 0, 0, 0, NULL, 0},
                                                 {NULL, NULL, 0, 0, 0, NULL, 0}};

struct link *link_new(struct net *net, const char *login, const char *password) {
    struct link *link = must(calloc(1, sizeof *link));

    link->net = net;
    link->login = login;
    link->password = password;
    link->pause = PAUSE_FIRST;
    return link;
}

void link_ask(struct link *link, const char *method, json_t *params, answer_fn *answer,
              void *owner) {
    assert(!link->method);
    link->method = method;
    link->params = params;
    link->answer = answer;
    link->owner = owner;
    if (link->state != LINK_PAUSED)
        lws_sul_schedule(link->net->context, 0, &link->timer, pause_over, 1);
}

/* The answer that link_wait waits for, one at a time. */
static struct {
    bool answered;
    json_t *result;
    json_t *fault;
} waited;

static void wait_over(void *owner, json_t *result, json_t *fault) {
    (void)owner;
    waited.answered = true;
    waited.result = json_incref(result);
    waited.fault = json_incref(fault);
}

json_t *link_wait(struct link *link, const char *method, json_t *params, json_t **fault) {
    memset(&waited, 0, sizeof waited);
    if (link->net->failure[0]) {
        json_decref(params);
        return *fault = NULL;
    }
    link_ask(link, method, params, wait_over, NULL);
    while (!waited.answered && !link->net->failure[0])
        lws_service(link->net->context, 0);
    *fault = waited.fault;
    return waited.result;
}

void link_free(struct link *link) {
    if (!link)
        return;
    lws_sul_cancel(&link->timer);
    if (link->wsi)
        lws_set_opaque_user_data(link->wsi, NULL);
    json_decref(link->refused);
    json_decref(link->params);
    free(link->token);
    free(link->out);
    free(link->in);
    free(link);
}
