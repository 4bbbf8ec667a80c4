/*
 * export.c - GET /export/journal.csv and .jsonl, and /export/payroll.csv, streaming.
 *
 * The database makes the lines, a page at a time, and says what comes next; it is asked for the
 * next page when the one before was written. So an export of any length holds one page here, and a
 * client that reads slowly holds up nobody. What the parameters mean is the database's to know.
 *
 * The length is not known before the end. HTTP/1.1 gets chunks, whose last one tells that it is
 * whole; HTTP/1.0 gets bytes until the connection is closed. What breaks an export off (the session
 * was revoked, the database went away) cuts the connection; the last line of an export says that it
 * is one, so that nobody takes a part for the whole.
 *
 * An export belongs to its exchange and ends with it.
 */
#include "export.h"
#include "db.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "rpc_codes.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEAD_MAX  2048 /* bytes */
#define FRAME_MAX 32   /* bytes around a chunk */

#define CSV_TYPE           "text/csv; charset=utf-8; header=present"
#define JOURNAL_PARAMETERS "from, to, since, until, actor, org and kind, each once, URL-encoded."

/* What there is to be had. */
struct kind {
    const char *statement; /* for the first page */
    const char *name, *format, *type;
    const char *parameters; /* for who got them wrong */
};

static const struct kind journal_csv = {DB_EXPORT_BEGIN, "journal", "csv", CSV_TYPE,
                                        JOURNAL_PARAMETERS},
                         journal_jsonl = {DB_EXPORT_BEGIN, "journal", "jsonl",
                                          "application/jsonl; charset=utf-8", JOURNAL_PARAMETERS},
                         payroll_csv = {DB_PAYROLL_CSV, "payroll", "csv", CSV_TYPE,
                                        "month, once, URL-encoded."};

struct export {
    struct exchange *exchange;
    struct db_call *call; /* while the database is asked */
    const struct kind *kind;
    char *token, *address;
    char *lines; /* of the page */
    size_t size, sent;
    char *next;   /* what the database is to be asked for; NULL after the last page */
    bool chunked; /* the client understands chunks */
    bool head_sent;
};

static void export_free(struct export *export) {
    export->exchange->export = NULL;
    if (export->call)
        db_abandon(export->call);
    memory_forget(export->token);
    free(export->address);
    free(export->lines);
    free(export->next);
    free(export);
}

/* The database would not, or could not: `json` is its error. */
static void give_up(struct export *export, const char *json) {
    if (export->head_sent)
        http_cut(export->exchange);
    else
        http_answer_error(export->exchange, json);
    export_free(export);
}

static void on_page(void *owner, const char *json) {
    struct export *export = owner;
    json_t *body = json_loads(json, 0, NULL), *next;
    const char *lines;
    size_t size;

    export->call = NULL;
    if (json_unpack(body, "{s:{s:s%, s:o}}", "result", "lines", &lines, &size, "next", &next) ==
        0) {
        free(export->lines);
        free(export->next);
        export->lines = memory_text(lines);
        export->size = size;
        export->sent = 0;
        export->next = json_is_null(next) ? NULL : json_dumps(next, JSON_COMPACT);
        http_wait_writable(export->exchange);
    } else {
        give_up(export, json);
    }
    json_decref(body);
}

static void ask(struct export *export, const char *statement, const char *what) {
    const char *params[] = {export->token, what, export->address};

    http_read(export->exchange, false);
    export->call = db_call(DB_CALLS, statement, 3, params,
                           (struct db_answer){.done = on_page, .owner = export});
}

/* One parameter of the URL into the object; false when it is none, or there already. */
static bool take_parameter(json_t *params, char *text) {
    char *value = strchr(text, '=');

    if (!value)
        return false;
    *value++ = '\0';
    return !json_object_get(params, text) &&
           json_object_set_new(params, text, json_string(value)) == 0;
}

/* The parameters of the URL and the format as JSON, for the caller to free; NULL when they cannot
 * be read. */
static char *read_params(struct lws *wsi, const char *format) {
    json_t *params = json_pack("{s:s}", "format", format);
    char *text = NULL;
    bool fine = true;
    int size;

    for (int i = 0; fine && (size = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i)) > 0;
         i++) {
        char *parameter = memory_zeroed(size + 1);

        fine = lws_hdr_copy_fragment(wsi, parameter, size + 1, WSI_TOKEN_HTTP_URI_ARGS, i) > 0 &&
               take_parameter(params, parameter);
        free(parameter);
    }
    if (fine)
        text = json_dumps(params, JSON_COMPACT);
    json_decref(params);
    return text;
}

static bool understands_chunks(struct lws *wsi) {
    char version[16];

    return lws_hdr_copy(wsi, version, sizeof version, WSI_TOKEN_HTTP) > 0 &&
           strstr(version, "1.1") != NULL;
}

static void start(struct exchange *exchange, const struct kind *kind) {
    struct export *export = exchange->export = memory_zeroed(sizeof *export);
    char *params = read_params(exchange->wsi, kind->format);

    export->exchange = exchange;
    export->kind = kind;
    export->token = http_token(exchange->wsi);
    export->address = http_address(exchange->wsi);
    export->chunked = understands_chunks(exchange->wsi);
    if (!export->token)
        http_refuse(exchange, HTTP_STATUS_UNAUTHORIZED, RPC_NOT_LOGGED_IN, "not logged in",
                    "Send the header Authorization: Bearer TOKEN.");
    else if (!params)
        http_refuse(exchange, HTTP_STATUS_BAD_REQUEST, RPC_INVALID_PARAMS, "bad parameters",
                    kind->parameters);
    else
        ask(export, kind->statement, params);
    if (!export->call)
        export_free(export);
    free(params);
}

void export_csv_start(struct exchange *exchange) {
    start(exchange, &journal_csv);
}

void export_jsonl_start(struct exchange *exchange) {
    start(exchange, &journal_jsonl);
}

void export_payroll_start(struct exchange *exchange) {
    start(exchange, &payroll_csv);
}

static int send_head(struct export *export) {
    struct lws *wsi = export->exchange->wsi;
    unsigned char room[LWS_PRE + HEAD_MAX], *begin = room + LWS_PRE, *at = begin;
    unsigned char *end = room + sizeof room;
    char attachment[80], day[16];
    time_t now = time(NULL);
    bool fits;

    strftime(day, sizeof day, "%Y-%m-%d", gmtime(&now));
    snprintf(attachment, sizeof attachment, "attachment; filename=\"onefin-%s-%s.%s\"",
             export->kind->name, day, export->kind->format);
    fits = !lws_add_http_header_status(wsi, HTTP_STATUS_OK, &at, end) &&
           http_add_header(wsi, "content-type:", export->kind->type, &at, end) &&
           http_add_header(wsi, "content-disposition:", attachment, &at, end) &&
           http_add_header(wsi, "cache-control:", "private, no-store", &at, end) &&
           (!export->chunked || http_add_header(wsi, "transfer-encoding:", "chunked", &at, end)) &&
           !lws_finalize_http_header(wsi, &at, end);
    export->head_sent = true;
    return fits && lws_write(wsi, begin, at - begin, LWS_WRITE_HTTP_HEADERS) >= 0 ? 0 : -1;
}

/* A piece of the page, as a chunk where the client knows them; the last brings the end along. */
static int send_piece(struct export *export) {
    char room[LWS_PRE + FRAME_MAX + HTTP_PIECE], *at = room + LWS_PRE;
    size_t left = export->size - export->sent;
    size_t size = left < HTTP_PIECE ? left : HTTP_PIECE;
    bool last = size == left && !export->next;

    if (export->chunked)
        at += sprintf(at, "%zx\r\n", size);
    at = mempcpy(at, export->lines + export->sent, size);
    if (export->chunked)
        at = stpcpy(at, last ? "\r\n0\r\n\r\n" : "\r\n");
    export->sent += size;
    return lws_write(export->exchange->wsi, (unsigned char *)room + LWS_PRE, at - room - LWS_PRE,
                     last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);
}

int export_send(struct exchange *exchange) {
    struct export *export = exchange->export;

    if (export->call)
        return 0;
    if ((export->head_sent ? send_piece(export) : send_head(export)) < 0)
        return -1;
    if (export->sent < export->size) {
        http_wait_writable(exchange);
    } else if (export->next) {
        ask(export, DB_EXPORT_NEXT, export->next);
    } else {
        metrics.exports++;
        export_free(export);
        return -1; /* done: the connection is closed */
    }
    return 0;
}

void export_end(struct exchange *exchange) {
    export_free(exchange->export);
}
