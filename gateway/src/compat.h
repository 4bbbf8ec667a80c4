/*
 * compat.h - what differs between the compilers and libraries that we build with; the only place
 * that may ask for a version.
 *
 * libwebsockets 4.1.6 (Debian 12) and 4.3.5 (Debian 13) differ in behaviour only:
 * - 4.1.6 reads the Upgrade header after freeing it when the callback lets an unknown one pass
 *   (CVE-2025-11677), therefore http_filter.c refuses all but "websocket" itself.
 * - 4.1.6 names itself HTTP_STATUS_... without 429 and 507; http.h has the numbers.
 */
#pragma once

#include <libwebsockets.h>

#if LWS_LIBRARY_VERSION_NUMBER < 4001006
#error "libwebsockets 4.1.6 or newer is needed"
#endif

#define UNUSED __attribute__((unused))
