/*
 * http.c - requests by path and method; answers.
 *
 * Static files are served by libwebsockets from its mount (server.c) and do not come here. Answers
 * are written when the socket is writable, head and body in one write. While an exchange waits for
 * the database its connection is not read: that holds back an upload, and keeps a client that has
 * closed from waking the loop over and over.
 *
 * A connection serves one request, and every answer says "connection: close". libwebsockets (4.1.6
 * and 4.3.5) takes what a client sent ahead into a list of buffers, and where the next request
 * there has a body, reads its head as that body, then frees it while reading on, or loops for ever.
 * So a second request is not looked at. What is left of the body of a refused request is read and
 * thrown away, within bounds of size and time: closing on unread bytes would take the answer back.
 *
 * Between request and answer libwebsockets leaves unread what the client sends meanwhile, its
 * closing included, and is woken by it over and over. So reading is stopped while a long answer is
 * under way; but then libwebsockets does not write either. Therefore a watcher of our own waits
 * until the socket can take a piece, and only then is libwebsockets let loose for the one write. A
 * piece is small enough to go out whole then: the kernel calls a socket writable when a third of
 * its buffer is free.
 */
#include "http.h"
#include "db.h"
#include "download.h"
#include "export.h"
#include "follow.h"
#include "limit.h"
#include "memory.h"
#include "metrics.h"
#include "peer.h"
#include "resumable.h"
#include "rpc_codes.h"
#include "session.h"
#include "upload.h"
#include "ws.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX    2048       /* bytes of an answer's head */
#define STALL_LIMIT 30         /* seconds that a client may neither send nor take anything */
#define DRAIN_MAX   (16 << 20) /* bytes of a refused request's body */

void http_read(struct exchange *exchange, bool reading) {
    lws_rx_flow_control(exchange->wsi, reading);
    if (reading)
        http_expect_progress(exchange);
    else
        lws_set_timeout(exchange->wsi, NO_PENDING_TIMEOUT, 0);
}

void http_expect_progress(struct exchange *exchange) {
    lws_set_timeout(exchange->wsi, PENDING_TIMEOUT_HTTP_CONTENT, STALL_LIMIT);
}

static void on_socket_writable(EV_P UNUSED, ev_io *io, int events UNUSED) {
    struct exchange *exchange = io->data;

    ev_io_stop(EV_DEFAULT_ io);
    http_read(exchange, true);
    lws_callback_on_writable(exchange->wsi);
}

void http_wait_writable(struct exchange *exchange) {
    http_read(exchange, false);
    http_expect_progress(exchange);
    ev_io_start(EV_DEFAULT_ & exchange->writable);
}

void http_cut(struct exchange *exchange) {
    lws_set_timeout(exchange->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

bool http_add_header(struct lws *wsi, const char *name, const char *value, unsigned char **at,
                     unsigned char *end) {
    return !lws_add_http_header_by_name(wsi, (const unsigned char *)name,
                                        (const unsigned char *)value, strlen(value), at, end);
}

void http_answer(struct exchange *exchange, unsigned status, const char *type, char *body) {
    exchange->status = status;
    exchange->type = type;
    exchange->body = body;
    http_read(exchange, true);
    lws_callback_on_writable(exchange->wsi);
}

void http_header(struct exchange *exchange, const char *name, const char *format, ...) {
    char value[HEAD_MAX / 2], *before = exchange->headers;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    exchange->headers = memory_format("%s%s: %s\r\n", before ? before : "", name, value);
    free(before);
}

static unsigned status_of(json_int_t code) {
    switch (code) {
    case RPC_NOT_LOGGED_IN:
        return HTTP_STATUS_UNAUTHORIZED;
    case RPC_NOT_ALLOWED:
        return HTTP_STATUS_FORBIDDEN;
    case RPC_NOT_FOUND:
        return HTTP_STATUS_NOT_FOUND;
    case RPC_INVALID_PARAMS:
        return HTTP_STATUS_BAD_REQUEST;
    case RPC_STALE:
    case RPC_CONFLICT:
        return HTTP_STATUS_CONFLICT;
    case RPC_LIMIT:
        return 429; /* too many requests */
    case RPC_UNAVAILABLE:
        return HTTP_STATUS_SERVICE_UNAVAILABLE;
    default:
        return HTTP_STATUS_INTERNAL_SERVER_ERROR;
    }
}

void http_answer_error(struct exchange *exchange, const char *json) {
    json_t *body = json_loads(json, 0, NULL);
    json_int_t code = 0;

    json_unpack(body, "{s:{s:I}}", "error", "code", &code);
    json_decref(body);
    http_answer(exchange, status_of(code), "application/json", memory_text(json));
}

void http_refuse(struct exchange *exchange, unsigned status, int code, const char *message,
                 const char *hint) {
    http_answer(exchange, status, "application/json", db_error(code, message, NULL, hint));
}

static bool is_utf8(const char *text) {
    json_t *string = json_string(text);
    bool fine = string != NULL;

    json_decref(string);
    return fine;
}

char *http_token(struct lws *wsi) {
    static const char scheme[] = "Bearer ";
    int length = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
    char *value = memory_zeroed(length + 1);
    char *token = NULL;

    if (lws_hdr_copy(wsi, value, length + 1, WSI_TOKEN_HTTP_AUTHORIZATION) > 0 &&
        strncasecmp(value, scheme, strlen(scheme)) == 0 && is_utf8(value))
        token = memory_text(value + strlen(scheme));
    memory_forget(value);
    return token;
}

char *http_parameter(struct lws *wsi, const char *name) {
    size_t length = strlen(name);

    for (int i = 0;; i++) {
        int size = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
        char *value;

        if (size <= 0)
            return NULL;
        value = memory_zeroed(size + 1);
        if (lws_hdr_copy_fragment(wsi, value, size + 1, WSI_TOKEN_HTTP_URI_ARGS, i) > 0 &&
            strncmp(value, name, length) == 0 && value[length] == '=') {
            memmove(value, value + length + 1, size - length);
            if (is_utf8(value))
                return value;
        }
        free(value);
    }
}

char *http_custom(struct lws *wsi, const char *name) {
    int length = lws_hdr_custom_length(wsi, name, strlen(name));
    char *value, *start;

    if (length < 0)
        return NULL;
    value = memory_zeroed(length + 1);
    if (lws_hdr_custom_copy(wsi, value, length + 1, name, strlen(name)) < 0 || !is_utf8(value)) {
        free(value);
        return NULL;
    }
    start = value + strspn(value, " \t");
    memmove(value, start, strlen(start) + 1);
    return value;
}

char *http_address(struct lws *wsi) {
    char address[64];

    peer_address(wsi, address, sizeof address);
    return *address ? memory_text(address) : NULL;
}

/* The name as RFC 8187 has it: any byte but the plainest as %XX. */
char *http_attachment(const char *name) {
    static const char prefix[] = "attachment; filename*=UTF-8''";
    char *text = memory_new(sizeof prefix + 3 * strlen(name));
    char *end = stpcpy(text, prefix);

    for (; *name; name++) {
        if (isalnum((unsigned char)*name) || strchr("-._~", *name))
            *end++ = *name;
        else
            end += sprintf(end, "%%%02X", (unsigned char)*name);
    }
    *end = '\0';
    return text;
}

static void answer_health(struct exchange *exchange) {
    const char *state = metrics.draining                      ? "draining"
                        : follow_is_stalled() || db_is_away() ? "stalled"
                                                              : "ok";

    http_answer(exchange,
                strcmp(state, "ok") == 0 ? HTTP_STATUS_OK : HTTP_STATUS_SERVICE_UNAVAILABLE,
                "application/json",
                memory_format("{\"status\":\"%s\",\"seal\":%" PRId64 "}\n", state, follow_seal()));
}

static void answer_metrics(struct exchange *exchange) {
    session_gauge();
    http_answer(exchange, HTTP_STATUS_OK, "text/plain; version=0.0.4", metrics_text());
}

/* Paths by method. A path that ends in '/' stands for all below it. */
static const struct route {
    int method;
    const char *path;
    void (*serve)(struct exchange *exchange);
} routes[] = {
    {LWSHUMETH_GET, "/healthz", answer_health},
    {LWSHUMETH_GET, "/metrics", answer_metrics},
    {LWSHUMETH_POST, "/files", upload_start},
    {LWSHUMETH_GET, "/files/", download_start},
    {LWSHUMETH_OPTIONS, "/uploads", resumable_options},
    {LWSHUMETH_OPTIONS, "/uploads/", resumable_options},
    {LWSHUMETH_POST, "/uploads", resumable_create},
    {LWSHUMETH_POST, "/uploads/", resumable_override},
    {LWSHUMETH_GET, "/uploads/", resumable_look},
    {LWSHUMETH_HEAD, "/uploads/", resumable_look},
    {LWSHUMETH_PATCH, "/uploads/", resumable_receive},
    {LWSHUMETH_DELETE, "/uploads/", resumable_drop},
    {LWSHUMETH_GET, EXPORT_CSV, export_csv_start},
    {LWSHUMETH_GET, EXPORT_JSONL, export_jsonl_start},
    {LWSHUMETH_GET, EXPORT_PAYROLL, export_payroll_start},
};

static bool path_is(const char *path, size_t length, const char *of_route) {
    size_t n = strlen(of_route);

    return of_route[n - 1] == '/' ? length > n && strncmp(path, of_route, n) == 0
                                  : length == n && strncmp(path, of_route, n) == 0;
}

static void serve(struct exchange *exchange) {
    char *path;
    int length;
    int method = lws_http_get_uri_and_method(exchange->wsi, &path, &length);
    bool known = false;

    exchange->bodyless = method == LWSHUMETH_HEAD;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!path_is(path, length, routes[i].path))
            continue;
        known = true;
        if (method == routes[i].method) {
            routes[i].serve(exchange);
            return;
        }
    }
    if (known)
        http_refuse(exchange, HTTP_STATUS_METHOD_NOT_ALLOWED, RPC_UNKNOWN_METHOD,
                    "method not allowed",
                    "GET /files/ID, POST /files, POST /uploads, and OPTIONS, GET, HEAD, PATCH, "
                    "DELETE /uploads/ID, GET " EXPORT_CSV ", GET " EXPORT_JSONL
                    ", GET " EXPORT_PAYROLL ", GET /healthz, GET /metrics.");
    else
        http_refuse(exchange, HTTP_STATUS_NOT_FOUND, RPC_NOT_FOUND, "no such page",
                    "The web page is at /, WebSockets are at " WS_PATH
                    ", files at /files/ID and /uploads, the journal at " EXPORT_CSV
                    " and " EXPORT_JSONL ", the payroll at " EXPORT_PAYROLL ".");
}

/* The announced length, 0 when there is no body; false when it is no number. */
static bool read_length(struct lws *wsi, size_t *length) {
    char text[20];
    char *end;

    *length = 0;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
        return true;
    if (lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0 ||
        !isdigit((unsigned char)text[0]))
        return false;
    *length = strtoull(text, &end, 10);
    return !*end;
}

/* Is it the first request of its connection? Asked once for each. */
static bool is_first(struct lws *wsi) {
    static char served;
    bool first = lws_get_opaque_user_data(wsi) != &served;

    lws_set_opaque_user_data(wsi, &served);
    return first;
}

/* A body of unknown length is not read, so that it cannot be taken for another request. What the
 * callback is to return. */
static int filter(struct lws *wsi) {
    size_t length;
    bool announced = read_length(wsi, &length) &&
                     lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) == 0 &&
                     ((lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) == 0 &&
                       lws_hdr_total_length(wsi, WSI_TOKEN_PATCH_URI) == 0) ||
                      lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0);

    if (!is_first(wsi))
        return -1;
    if (!announced)
        return lws_return_http_status(wsi, HTTP_STATUS_LENGTH_REQUIRED, NULL) ? -1 : 1;
    return 0;
}

/* The status and the usual headers. No content has no length. */
static bool add_status(struct exchange *exchange, size_t size, unsigned char **at,
                       unsigned char *end) {
    if (exchange->status == HTTP_STATUS_NO_CONTENT)
        return !lws_add_http_header_status(exchange->wsi, exchange->status, at, end);
    return !lws_add_http_common_headers(exchange->wsi, exchange->status, exchange->type, size, at,
                                        end);
}

static bool add_headers(const struct exchange *exchange, unsigned char **at, unsigned char *end) {
    size_t size = exchange->headers ? strlen(exchange->headers) : 0;

    if (size > (size_t)(end - *at))
        return false;
    memcpy(*at, exchange->headers ? exchange->headers : "", size);
    *at += size;
    return true;
}

static int write_answer(struct exchange *exchange) {
    struct lws *wsi = exchange->wsi;
    size_t size = strlen(exchange->body);
    unsigned char *room = memory_new(LWS_PRE + HEAD_MAX + size);
    unsigned char *start = room + LWS_PRE, *at = start;
    bool written;

    written = add_status(exchange, size, &at, start + HEAD_MAX) &&
              http_add_header(wsi, "cache-control:", "no-store", &at, start + HEAD_MAX) &&
              add_headers(exchange, &at, start + HEAD_MAX) &&
              !lws_finalize_http_header(wsi, &at, start + HEAD_MAX);
    if (exchange->bodyless)
        size = 0;
    if (written) {
        memcpy(at, exchange->body, size);
        written = lws_write(wsi, start, at - start + size, LWS_WRITE_HTTP_HEADERS) >= 0;
    }
    free(room);
    free(exchange->body);
    exchange->body = NULL;
    exchange->status = 0;
    exchange->answered = true;
    return written && !exchange->complete ? 0 : -1;
}

static int on_writable(struct exchange *exchange) {
    if (exchange->status)
        return write_answer(exchange);
    if (ev_is_active(&exchange->writable))
        return 0;
    if (exchange->download)
        return download_send(exchange);
    return exchange->export ? export_send(exchange) : 0;
}

static void begin(struct exchange *exchange, struct lws *wsi) {
    exchange->wsi = wsi;
    metrics.http_connections++;
    ev_io_init(&exchange->writable, on_socket_writable, lws_get_socket_fd(wsi), EV_WRITE);
    exchange->writable.data = exchange;
    read_length(wsi, &exchange->length);
    exchange->complete = exchange->length == 0;
    serve(exchange);
}

/* With a body that nobody wants. */
static bool is_taking_forever(const struct exchange *exchange) {
    return exchange->drained > DRAIN_MAX || ev_now(EV_DEFAULT) - exchange->since > STALL_LIMIT;
}

static int read_body(struct exchange *exchange, const void *bytes, size_t size) {
    if (exchange->upload || exchange->resumable) {
        (exchange->upload ? upload_body : resumable_body)(exchange, bytes, size);
        return 0;
    }
    if (exchange->drained == 0)
        exchange->since = ev_now(EV_DEFAULT);
    exchange->drained += size;
    return is_taking_forever(exchange) ? -1 : 0;
}

static int complete_body(struct exchange *exchange) {
    exchange->complete = true;
    if (exchange->upload)
        upload_body_complete(exchange);
    if (exchange->resumable)
        resumable_body_complete(exchange);
    return exchange->answered ? -1 : 0;
}

static void end(struct exchange *exchange) {
    if (exchange->upload)
        upload_cut(exchange);
    if (exchange->resumable)
        resumable_cut(exchange);
    if (exchange->download)
        download_end(exchange);
    if (exchange->export)
        export_end(exchange);
    ev_io_stop(EV_DEFAULT_ & exchange->writable);
    free(exchange->body);
    free(exchange->headers);
    if (exchange->wsi)
        metrics.http_connections--;
    *exchange = (struct exchange){0};
}

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t size) {
    struct exchange *exchange = user;

    switch (reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        if (limit_accept(wsi))
            return 0;
        metrics.refused[REFUSED_ADDRESS]++;
        return -1;
    case LWS_CALLBACK_WSI_DESTROY:
        limit_gone(wsi);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return is_first(wsi) ? ws_confirm_upgrade(wsi) : -1;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return -1; /* a WebSocket that asked for this protocol by its name */
    case LWS_CALLBACK_FILTER_HTTP_CONNECTION:
        return filter(wsi);
    case LWS_CALLBACK_HTTP:
        begin(exchange, wsi);
        return 0;
    case LWS_CALLBACK_HTTP_BODY:
        return read_body(exchange, in, size);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return complete_body(exchange);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writable(exchange);
    case LWS_CALLBACK_HTTP_FILE_COMPLETION:
        return -1;
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (exchange)
            end(exchange);
        return 0;
    default:
        return 0;
    }
}
