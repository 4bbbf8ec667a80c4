/* ws.h - the WebSocket half of the server, as libwebsockets calls it. */
#pragma once

#include "compat.h"

#define WS_PROTOCOL "onefin.v1"
#define WS_PATH     "/ws"

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                size_t size);

/* May this HTTP request become a WebSocket? 0: yes; else what LWS_CALLBACK_HTTP_CONFIRM_UPGRADE is
 * to return, the answer having been written. */
int ws_confirm_upgrade(struct lws *wsi);
