/*
 * rpc.c - messages as rpc.c reads them, without sockets and frames on the way.
 *
 * An input is messages, one after the other, with bytes 0x1f between them. Those of one input come
 * on a new session, which is logged in when the input begins with `L`; whatever is answered has to
 * be one JSON-RPC object.
 */
#include "rpc.h"
#include "firm.h"
#include "session.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE 0x1f

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const struct frame *frame) {
    json_t *answer = json_loadb(frame->bytes, frame->size, JSON_REJECT_DUPLICATES, NULL);
    const char *version = json_string_value(json_object_get(answer, "jsonrpc"));

    if (!version || strcmp(version, "2.0") != 0 ||
        !json_object_get(answer, "id") == !json_object_get(answer, "method"))
        abort();
    json_decref(answer);
}

static void take_answers(struct session *session) {
    struct frame *frame;

    while ((frame = outbox_look(&session->outbox, 0))) {
        check(frame);
        session_sent(session, 1);
    }
}

static void receive(struct session *session, const char *text, size_t size) {
    if (session->state == SESSION_CLOSING)
        return;
    rpc_receive(session, text, size);
    while (session->state != SESSION_CLOSING && rpc_is_busy(session))
        firm_turn();
    take_answers(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char login[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"login\","
                                "\"params\":{\"login\":\"ann\",\"password\":\"x\"}}";
    struct session session;

    firm_open();
    firm_answers(true);
    if (!firm_wsi())
        firm_websocket();
    session_open(&session, firm_wsi());
    if (size > 0 && bytes[0] == 'L') {
        receive(&session, login, strlen(login));
        bytes++;
        size--;
    }
    while (size > 0) {
        const uint8_t *pause = memchr(bytes, PAUSE, size);
        size_t piece = pause ? (size_t)(pause - bytes) : size;

        receive(&session, (const char *)bytes, piece);
        piece += pause != NULL;
        bytes += piece;
        size -= piece;
    }
    lws_set_timeout(session.wsi, NO_PENDING_TIMEOUT, 0); /* of its closing */
    lws_rx_flow_control(session.wsi, 1);
    session_closed(&session);
    return 0;
}
