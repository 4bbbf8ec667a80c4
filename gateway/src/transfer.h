/*
 * transfer.h - requests to other servers (object store, mail, webhooks), by libcurl on the loop.
 *
 * Nothing here waits. A transfer owns its easy handle: the handle is freed when the end was told,
 * or by transfer_abort; what hangs on the handle (lists of headers, buffers) stays its owner's, and
 * must last until then.
 *
 * No function of this header may be called from within a callback of the handle, such as that of
 * CURLOPT_WRITEFUNCTION; ev_feed_event is a way out of one.
 */
#pragma once

#include <curl/curl.h>

struct transfer;

/* How a transfer ended. The handle may be asked (curl_easy_getinfo); both are freed afterwards. */
typedef void transfer_done_fn(void *owner, CURL *easy, CURLcode result);

/* A handle with what all transfers have in common: few protocols, no redirects, no proxy from the
 * environment, no signals, limits on the time to connect and on silence. For transfer_start, or
 * curl_easy_cleanup. */
CURL *transfer_easy(void);

/* Takes the handle over, and starts. The end is told from the loop, never from within. */
struct transfer *transfer_start(CURL *easy, transfer_done_fn *done, void *owner);

/* Ends it now; nothing is told. */
void transfer_abort(struct transfer *transfer);

/* Ends all that are left, and libcurl. */
void transfer_stop(void);
