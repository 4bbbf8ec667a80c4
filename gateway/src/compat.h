/*
 * compat.h - what differs between the compilers and libraries that we build with; the only place
 * that may ask for a version.
 *
 * libwebsockets 4.1.6 (Debian 12) and 4.3.5 (Debian 13) have the same interface, as far as we use
 * it. In behaviour 4.1.6 is the stricter guide: it reads the Upgrade header after freeing it when
 * the callback lets an unknown one pass (CVE-2025-11677), therefore ws.c refuses all but
 * "websocket".
 */
#pragma once

#include <libwebsockets.h>

#if LWS_LIBRARY_VERSION_NUMBER < 4001006
#error "libwebsockets 4.1.6 or newer is needed"
#endif

#define UNUSED __attribute__((unused))
