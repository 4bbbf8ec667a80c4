/*
 * http.h - the HTTP half of the server: what it answers besides the static page.
 *
 * An exchange is one request and its answer, and lives in libwebsockets' memory of the connection;
 * at any time it has an upload, a resumable upload's request, a download, an export or a ready
 * answer, or nothing. A connection serves one exchange: http.c says why.
 */
#pragma once

#include "compat.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#define HTTP_PROTOCOL "http-only" /* its name in libwebsockets; not to be asked for by clients */

struct upload;
struct resumable;
struct download;
struct export;

struct exchange {
    struct lws *wsi;
    struct upload *upload;
    struct resumable *resumable;
    struct download *download;
    struct export *export;
    ev_io writable;  /* the socket, while a piece of a long answer waits for it */
    unsigned status; /* of the ready answer; 0: none */
    char *body;      /* of it, owned */
    const char *type;
    char *headers;   /* of it, beside the usual ones, owned; NULL: none */
    bool bodyless;   /* HEAD: the answer's head is as ever, and that is all */
    size_t length;   /* of the request's body, as announced */
    bool answered;   /* the answer is written */
    bool complete;   /* the request's body was read whole, or there is none */
    size_t drained;  /* bytes of it that nobody wants, */
    ev_tstamp since; /* and from when on */
};

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t size);

/* Has the answer sent as soon as the socket allows. Takes over the body (allocated). */
void http_answer(struct exchange *exchange, unsigned status, const char *type, char *body);

/* Adds a header to the answer to come; its value has no line ends. */
void http_header(struct exchange *exchange, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Answers with an error object, the status taken from its code. */
void http_answer_error(struct exchange *exchange, const char *json);

/* The same for an error of the gateway's own. */
void http_refuse(struct exchange *exchange, unsigned status, int code, const char *message,
                 const char *hint);

/* Stops or goes on reading from the client. While stopped, libwebsockets writes nothing either. */
void http_read(struct exchange *exchange, bool reading);

/* The client is cut if nothing happens for a while. Reading implies it, stopping to read ends it.
 */
void http_expect_progress(struct exchange *exchange);

/* For a long answer: has download_send() or export_send() called once the socket can take a piece,
 * and reads nothing meanwhile. A client that does not take it is cut after a while. */
void http_wait_writable(struct exchange *exchange);

/* So many bytes at a time then go out whole. */
#define HTTP_PIECE 16384

/* Cuts the connection, soon: the client sees that the answer is not whole. */
void http_cut(struct exchange *exchange);

/* Adds a header (its name with a colon) to a head in the making. */
bool http_add_header(struct lws *wsi, const char *name, const char *value, unsigned char **at,
                     unsigned char *end);

/* What Content-Disposition says of a file to be saved under this name; for the caller to free. */
char *http_attachment(const char *name);

/* The token of "Authorization: Bearer", for the caller to forget; NULL when there is none. */
char *http_token(struct lws *wsi);

/* The client's address, for the caller to free; NULL when it is gone. */
char *http_address(struct lws *wsi);

/* A header of the request that libwebsockets knows nothing of, its name in lower case with a colon,
 * for the caller to free; NULL when there is none in UTF-8. */
char *http_custom(struct lws *wsi, const char *name);

/* A parameter of the URL, decoded, for the caller to free; NULL when there is none in UTF-8. */
char *http_parameter(struct lws *wsi, const char *name);
