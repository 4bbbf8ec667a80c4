/*
 * limit.h - what one address and one account may take up. Settings: connections_per_address,
 * connections_per_account, calls_per_second.
 */
#pragma once

#include "compat.h"

#include <ev.h>
#include <stdbool.h>

/* Connections of an address, of whatever protocol. False when it has as many as it may; addresses
 * of our own proxies are not counted. What was taken is to be dropped. */
bool limit_address_take(const char *address);
void limit_address_drop(const char *address);

/* Would it be false now? */
bool limit_address_is_full(const char *address);

/* A connection was accepted: false when its address has too many. And it is gone. */
bool limit_accept(struct lws *wsi);
void limit_gone(struct lws *wsi);

/* Calls of an account, or of a connection without login. */
struct bucket {
    double filled; /* calls that may be made at once */
    ev_tstamp at;  /* when that was so; 0: new, and full */
};

/* False when the call is one too many for now. */
bool bucket_take(struct bucket *bucket);
