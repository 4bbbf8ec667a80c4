/*
 * ws.c - frames in and out of libwebsockets.
 *
 * Messages in pieces are put together here, bounded: by max_frame, and by far less before login.
 * What waits is written when the socket can take it; libwebsockets says when.
 */
#include "ws.h"
#include "config.h"
#include "http.h"
#include "limit.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "peer.h"
#include "rpc.h"
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STRANGER_FRAME_MAX 8192 /* bytes; login and resume are short */
#define CLOSE_MOST         4999 /* the largest code there is (RFC 6455, 7.4.2) */
#define WS_VERSION         "13"
#define PROTOCOLS_MAX      127 /* bytes of a list of subprotocols, with a NUL */
#define UPGRADE_REQUIRED   426
#define TOO_MANY_REQUESTS  429
#define HEAD_MAX           2048 /* bytes of an answer's head */

/* Closes from within a callback: what that is to return. */
static int hang_up(struct lws *wsi, int code, const char *reason) {
    lws_close_reason(wsi, code, (unsigned char *)reason, strlen(reason));
    return -1;
}

static size_t frame_max(const struct session *session) {
    bool stranger = session->state == SESSION_NEW || session->state == SESSION_ENTERING;

    return stranger && config.max_frame > STRANGER_FRAME_MAX ? STRANGER_FRAME_MAX
                                                             : config.max_frame;
}

static void receive_whole(struct session *session, const char *text, size_t size) {
    metrics.messages_in++;
    rpc_receive(session, text, size);
}

/* libwebsockets (4.1.6) can look at the text itself, but takes the bytes of a pong for a part of
 * it, and does not see that a message ends within a character when its last fragment is empty. */
static bool is_text(struct session *session, const char *bytes, size_t size) {
    struct utf8 *utf8 = &session->input.utf8;

    return utf8_take(utf8, bytes, size) &&
           (!lws_is_final_fragment(session->wsi) || utf8_is_whole(utf8));
}

/* A connection that is being closed is read on, to no purpose but that its close frame arrives:
 * the kernel resets a socket that goes with bytes unread, and with it what was sent. */
static void receive(struct session *session, const char *bytes, size_t size) {
    struct lws *wsi = session->wsi;
    size_t left = lws_remaining_packet_payload(wsi); /* as announced: up to SIZE_MAX */
    size_t room = frame_max(session);

    if (session->state == SESSION_CLOSING)
        return;
    if (lws_frame_is_binary(wsi)) {
        metrics.refused[REFUSED_MALFORMED]++;
        session_close(session, CLOSE_NOT_TEXT, "text only");
        return;
    }
    if (left > room || session->input.size + size + left > room) {
        metrics.refused[REFUSED_TOO_LARGE]++;
        session_close(session, CLOSE_TOO_LARGE, "message too large");
        return;
    }
    if (!is_text(session, bytes, size)) {
        metrics.refused[REFUSED_MALFORMED]++;
        session_close(session, CLOSE_NOT_UTF8, "not UTF-8");
        return;
    }
    if (!session->input.size && lws_is_final_fragment(wsi)) {
        receive_whole(session, bytes, size);
        return;
    }
    session->input.bytes = memory_resize(session->input.bytes, session->input.size + size + left);
    memcpy(session->input.bytes + session->input.size, bytes, size);
    session->input.size += size;
    if (lws_is_final_fragment(wsi)) {
        char *text = session->input.bytes;
        size_t length = session->input.size;

        session->input.bytes = NULL;
        session->input.size = 0;
        receive_whole(session, text, length);
        free(text);
    }
}

/* What the callback is to return: 0 has the close frame echoed. libwebsockets looks at codes below
 * 3000 alone; it refuses 1012 to 1014 too, which are newer than the RFC. */
static int receive_close(struct lws *wsi, const unsigned char *payload, size_t size) {
    struct utf8 reason = {0};

    if (size == 1 || (size > 1 && (payload[0] << 8 | payload[1]) > CLOSE_MOST))
        return hang_up(wsi, CLOSE_PROTOCOL, "bad close code");
    if (size > 2 &&
        !(utf8_take(&reason, (const char *)payload + 2, size - 2) && utf8_is_whole(&reason)))
        return hang_up(wsi, CLOSE_NOT_UTF8, "not UTF-8");
    return 0;
}

/*
 * Frames are written by one call for as many as wait, up to WRITE_BYTES: one call a frame was 95 %
 * of the system's time in telling 1,000 clients. They go past libwebsockets, which would write each
 * by itself and adds nothing to the header that they have; it calls when the socket can take more
 * and it has nothing of its own to write. A socket is called writable when a third of its buffer is
 * free, so that WRITE_BYTES go out whole; were they not to, a frame would be cut in two, and
 * something of libwebsockets could come between: then the connection is cut, and the client
 * resumes. A larger frame is libwebsockets' to send, which keeps what the socket does not take.
 */
enum { WRITE_FRAMES = 32, WRITE_BYTES = 16384 };

/* False when the connection has to go. */
static bool write_large(struct session *session) {
    struct frame *frame = outbox_look(&session->outbox, 0);
    bool written =
        lws_write(session->wsi, (unsigned char *)frame->bytes, frame->size, LWS_WRITE_TEXT) >= 0;

    session_sent(session, 1);
    return written;
}

static bool write_some(struct session *session) {
    struct iovec pieces[WRITE_FRAMES];
    struct msghdr message = {.msg_iov = pieces};
    struct frame *frame;
    size_t size = 0;
    ssize_t written;

    while (message.msg_iovlen < WRITE_FRAMES &&
           (frame = outbox_look(&session->outbox, message.msg_iovlen)) &&
           size + frame->head_size + frame->size <= WRITE_BYTES) {
        pieces[message.msg_iovlen++] = frame_wire(frame);
        size += frame->head_size + frame->size;
    }
    if (message.msg_iovlen == 0)
        return write_large(session);
    written = sendmsg(lws_get_socket_fd(session->wsi), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (written != (ssize_t)size) {
        log_info("a client's socket took %zd of %zu bytes", written, size);
        return false;
    }
    session_sent(session, message.msg_iovlen);
    return true;
}

static int send_next(struct session *session) {
    if (session->outbox.count > 0) {
        if (!write_some(session))
            return -1;
    } else if (session->state == SESSION_CLOSING) {
        return hang_up(session->wsi, session->close_code, session->close_reason);
    }
    if (session->outbox.count > 0 || session->state == SESSION_CLOSING)
        lws_callback_on_writable(session->wsi);
    return 0;
}

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                size_t size) {
    struct session *session = user;

    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        session_open(session, wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        session_heard(session);
        receive(session, in, size);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        session_heard(session);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return receive_close(wsi, in, size);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return send_next(session);
    case LWS_CALLBACK_CLOSED:
        if (session->wsi) /* also called when the handshake could not be sent */
            session_closed(session);
        return 0;
    default:
        return 0;
    }
}

/* The handshake. */

static bool has_header(struct lws *wsi, enum lws_token_indexes header, char *value, int room) {
    return lws_hdr_copy(wsi, value, room, header) > 0;
}

/* Only browsers send an origin, and only they carry a stranger's page to us. */
static bool origin_is_allowed(struct lws *wsi) {
    char origin[256], host[256];
    const char *of_origin;

    if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) == 0)
        return true;
    if (!has_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin))
        return false;
    if (*config.origins)
        return list_has(config.origins, origin);
    of_origin = strstr(origin, "://");
    return of_origin && has_header(wsi, WSI_TOKEN_HOST, host, sizeof host) &&
           strcasecmp(of_origin + 3, host) == 0;
}

static int refuse(struct lws *wsi, enum refusal reason, unsigned status, const char *why) {
    char address[64];

    peer_address(wsi, address, sizeof address);
    metrics.refused[reason]++;
    log_fields(LOG_LEVEL_DEBUG, "handshake refused", "status=%u address=%s", status, address);
    lws_return_http_status(wsi, status, why);
    return -1;
}

/* Only of who is behind a proxy: the rest were counted when their connection was accepted. */
static bool address_is_full(struct lws *wsi) {
    char address[64];

    return peer_address(wsi, address, sizeof address) && limit_address_is_full(address);
}

/* 16 bytes in base64. */
static bool is_key(const char *text) {
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    return strlen(text) == 24 && strspn(text, base64) == 22 && strcmp(text + 22, "==") == 0;
}

/* What RFC 6455 (4.2.1) has in a handshake and libwebsockets (4.1.6) does not ask for, or leaves
 * without an answer when it is missing. NULL: nothing is wrong. */
static const char *mistake(struct lws *wsi) {
    char value[128];

    if (!has_header(wsi, WSI_TOKEN_HTTP, value, sizeof value) || strcmp(value, "HTTP/1.1") != 0)
        return "WebSockets are over HTTP/1.1";
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HOST) == 0)
        return "no Host";
    if (!has_header(wsi, WSI_TOKEN_CONNECTION, value, sizeof value) || !list_has(value, "upgrade"))
        return "Connection does not say Upgrade";
    if (!has_header(wsi, WSI_TOKEN_KEY, value, sizeof value) || !is_key(value))
        return "Sec-WebSocket-Key is not 16 bytes in base64";
    /* of a longer list libwebsockets reads nothing */
    if (!has_header(wsi, WSI_TOKEN_PROTOCOL, value, PROTOCOLS_MAX) || !list_has(value, WS_PROTOCOL))
        return "the subprotocol is " WS_PROTOCOL;
    return NULL;
}

static bool version_is_known(struct lws *wsi) {
    char value[8];

    return has_header(wsi, WSI_TOKEN_VERSION, value, sizeof value) &&
           strcmp(value, WS_VERSION) == 0;
}

/* 426 says which version would do. */
static int refuse_version(struct lws *wsi) {
    unsigned char room[LWS_PRE + HEAD_MAX];
    unsigned char *start = room + LWS_PRE, *at = start, *end = room + sizeof room;

    if (lws_add_http_header_status(wsi, UPGRADE_REQUIRED, &at, end) ||
        !http_add_header(wsi, "upgrade:", "websocket", &at, end) ||
        !http_add_header(wsi, "sec-websocket-version:", WS_VERSION, &at, end) ||
        lws_add_http_header_content_length(wsi, 0, &at, end) ||
        lws_finalize_write_http_header(wsi, start, &at, end))
        log_debug("an answer of 426 was not sent");
    return -1;
}

int ws_confirm_upgrade(struct lws *wsi) {
    char value[256];
    const char *wrong;

    /* From the headers, never from the callback's `in`: see compat.h. Anything but a WebSocket
     * (HTTP/2, whose header compression is unsafe in 4.1.6, or nonsense) is cut. */
    if (!has_header(wsi, WSI_TOKEN_UPGRADE, value, sizeof value) ||
        strcasecmp(value, "websocket") != 0)
        return -1;
    if (!has_header(wsi, WSI_TOKEN_GET_URI, value, sizeof value) || strcmp(value, WS_PATH) != 0)
        return refuse(wsi, REFUSED_HANDSHAKE, HTTP_STATUS_NOT_FOUND, "WebSockets are at " WS_PATH);
    if (!version_is_known(wsi))
        return refuse_version(wsi);
    if ((wrong = mistake(wsi)))
        return refuse(wsi, REFUSED_HANDSHAKE, HTTP_STATUS_BAD_REQUEST, wrong);
    if (!origin_is_allowed(wsi))
        return refuse(wsi, REFUSED_ORIGIN, HTTP_STATUS_FORBIDDEN, "origin not allowed");
    if (metrics.draining)
        return refuse(wsi, REFUSED_DRAINING, HTTP_STATUS_SERVICE_UNAVAILABLE,
                      "this gateway stops; try another, or again in a moment");
    if (session_count() >= config.max_connections)
        return refuse(wsi, REFUSED_FULL, HTTP_STATUS_SERVICE_UNAVAILABLE,
                      "no room; try again in a moment");
    if (address_is_full(wsi))
        return refuse(wsi, REFUSED_ADDRESS, TOO_MANY_REQUESTS,
                      "too many connections of this address");
    return 0;
}
