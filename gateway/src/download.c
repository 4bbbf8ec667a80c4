/*
 * download.c - GET /files/ID, streaming; its preview, its original; and links to the store.
 *
 * The database says whether it may be, and journals it; then chunks go from the store to the
 * socket, one at a time: a chunk is read when the one before it was written, and written in pieces
 * when the socket can take them. A client that does not go on reading is cut after a while.
 *
 * A download belongs to its exchange and ends with it.
 */
#include "download.h"
#include "config.h"
#include "db.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "rpc_codes.h"
#include "store.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 8192 /* bytes */
#define PATH     "/files/"

struct download {
    struct exchange *exchange;
    struct db_call *call;        /* while the database is asked */
    struct store_object *object; /* NULL: not open */
    char *id, *name, *type;
    json_int_t size; /* bytes, as recorded */
    json_int_t left; /* bytes still to be written */
    size_t filled;   /* bytes in the object's buffer */
    size_t sent;     /* of them written */
    enum { ASKING, OPENING, READING, SENDING } phase;
    bool head_sent;
    bool link; /* an address of the store is wanted, not the bytes */
};

static void download_free(struct download *download) {
    download->exchange->download = NULL;
    if (download->call)
        db_abandon(download->call);
    if (download->object)
        store->drop(download->object);
    free(download->id);
    free(download->name);
    free(download->type);
    free(download);
}

static void give_up_by_store(struct download *download, const char *why) {
    log_error("store: download of document %s: %s", download->id, why);
    if (download->phase == OPENING)
        http_refuse(download->exchange, HTTP_STATUS_INTERNAL_SERVER_ERROR, RPC_INTERNAL,
                    "the file could not be read", "Tell the operator.");
    else /* the head promised more: only a cut connection says that it is not all */
        http_cut(download->exchange);
    download_free(download);
}

static void on_read(void *owner, ssize_t result) {
    struct download *download = owner;

    if (result < 0) {
        give_up_by_store(download, strerror(-result));
    } else if (download->phase == OPENING && result != download->size) {
        give_up_by_store(download, "its size is not what was recorded");
    } else if (download->phase == READING && (result == 0 || result > download->left)) {
        give_up_by_store(download, "it changed while being read");
    } else {
        if (download->phase == READING) {
            download->filled = result;
            download->sent = 0;
        }
        download->phase = SENDING;
        http_wait_writable(download->exchange);
    }
}

/* url may be NULL: this store gives out none, and the client is to ask for the bytes instead. */
static void answer_link(struct exchange *exchange, const char *url) {
    json_t *expires = url ? json_integer(config.presign_seconds) : json_null();
    json_t *body = json_pack("{s:{s:s?, s:o}}", "result", "url", url, "expires_in", expires);

    http_answer(exchange, HTTP_STATUS_OK, "application/json", json_dumps(body, JSON_COMPACT));
    json_decref(body);
}

static void give_link(struct download *download, const char *key, const char *name,
                      const char *type) {
    char *url = store->presign(key, name, type, config.presign_seconds);

    answer_link(download->exchange, url);
    free(url);
    download_free(download);
}

static void on_found(void *owner, const char *json) {
    struct download *download = owner;
    json_t *body = json_loads(json, 0, NULL);
    const char *key, *name, *type;

    download->call = NULL;
    if (json_unpack(body, "{s:{s:s, s:s, s:s, s:I}}", "result", "key", &key, "name", &name, "type",
                    &type, "size", &download->size) != 0) {
        http_answer_error(download->exchange, json);
        download_free(download);
    } else if (download->link) {
        give_link(download, key, name, type);
    } else {
        download->name = memory_text(name);
        download->type = memory_text(type);
        download->left = download->size;
        download->phase = OPENING;
        download->object = store->open(key, on_read, download);
    }
    json_decref(body);
}

/* What may follow /files/ID, and what is asked for by it. */
static const struct variant {
    const char *path;
    const char *variant, *how; /* as the database has them */
} variants[] = {
    {"", "file", "stream"},
    {"/preview", "preview", "stream"},
    {"/original", "original", "stream"},
    {"/link", "file", "link"},
    {"/original/link", "original", "link"},
};

/* The id in the path, for the caller to free, and the variant; NULL when there is no such path. */
static char *read_path(struct lws *wsi, const struct variant **variant) {
    char path[64];
    const char *id = path + strlen(PATH);
    size_t length;

    if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) <= (int)strlen(PATH))
        return NULL;
    length = strspn(id, "0123456789");
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        *variant = &variants[i];
        if (length > 0 && length <= 18 && strcmp(id + length, variants[i].path) == 0)
            return memory_part(id, length);
    }
    return NULL;
}

static bool gives_links(void) {
    char *trial =
        config.presign_seconds > 0 ? store->presign("trial", "trial", "text/plain", 1) : NULL;
    bool given = trial != NULL;

    free(trial);
    return given;
}

void download_start(struct exchange *exchange) {
    char *token = http_token(exchange->wsi);
    const struct variant *variant;
    char *id = read_path(exchange->wsi, &variant);
    char *address = http_address(exchange->wsi);

    if (!token) {
        http_refuse(exchange, HTTP_STATUS_UNAUTHORIZED, RPC_NOT_LOGGED_IN, "not logged in",
                    "Send the header Authorization: Bearer TOKEN.");
    } else if (!id) {
        http_refuse(exchange, HTTP_STATUS_NOT_FOUND, RPC_NOT_FOUND, "no such document",
                    "GET /files/ID, or /preview, /original, /link, /original/link below it.");
    } else if (strcmp(variant->how, "link") == 0 && !gives_links()) {
        answer_link(exchange, NULL); /* nothing was given out, and nothing is journaled */
    } else {
        const char *params[] = {token, id, variant->variant, variant->how, address};
        struct download *download = exchange->download = memory_zeroed(sizeof *download);

        download->exchange = exchange;
        download->id = memory_text(id);
        download->link = strcmp(variant->how, "link") == 0;
        http_read(exchange, false);
        download->call = db_call(DB_CALLS, DB_FILE_GET, 5, params,
                                 (struct db_answer){.done = on_found, .owner = download});
    }
    memory_forget(token);
    free(id);
    free(address);
}

static int send_head(struct download *download) {
    struct lws *wsi = download->exchange->wsi;
    unsigned char room[LWS_PRE + HEAD_MAX], *start = room + LWS_PRE, *at = start;
    unsigned char *end = room + sizeof room;
    char *attachment = http_attachment(download->name);
    bool fits;

    fits = !lws_add_http_common_headers(wsi, HTTP_STATUS_OK, download->type, download->size, &at,
                                        end) &&
           http_add_header(wsi, "content-disposition:", attachment, &at, end) &&
           http_add_header(wsi, "cache-control:", "private, no-store", &at, end) &&
           !lws_finalize_http_header(wsi, &at, end);
    free(attachment);
    download->head_sent = true;
    return fits && lws_write(wsi, start, at - start, LWS_WRITE_HTTP_HEADERS) >= 0 ? 0 : -1;
}

static int send_piece(struct download *download) {
    size_t left = download->filled - download->sent;
    size_t size = left < HTTP_PIECE ? left : HTTP_PIECE;

    download->left -= size;
    if (lws_write(download->exchange->wsi, download->object->buffer + download->sent, size,
                  download->left == 0 ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
        return -1;
    download->sent += size;
    metrics.download_bytes += size;
    return 0;
}

int download_send(struct exchange *exchange) {
    struct download *download = exchange->download;

    if (download->phase != SENDING)
        return 0;
    if ((download->head_sent ? send_piece(download) : send_head(download)) < 0)
        return -1;
    if (download->sent < download->filled) {
        http_wait_writable(download->exchange);
    } else if (download->left > 0) {
        http_read(exchange, false);
        download->phase = READING;
        store->read(download->object);
    } else {
        metrics.downloads++;
        download_free(download);
        return -1; /* done: the connection is closed */
    }
    return 0;
}

void download_end(struct exchange *exchange) {
    download_free(exchange->download);
}
