/*
 * rpc.h - JSON-RPC 2.0 on a connection: requests are answered one at a time, in their order.
 */
#pragma once

#include "rpc_codes.h"
#include "session.h"

#include <stdbool.h>
#include <stddef.h>

void rpc_open(struct session *session);

/* A whole text message of the client, which need not end in NUL. */
void rpc_receive(struct session *session, const char *text, size_t size);

/* Takes up the next request if nothing is in its way; called when the outbox has emptied a bit. */
void rpc_go_on(struct session *session);

/* Is the call under way a logout, whose reply ends the connection by itself? */
bool rpc_is_logging_out(const struct session *session);

/* Is a call under way? */
bool rpc_is_busy(const struct session *session);

/* Drops all requests, that under way included; harmless when done again. */
void rpc_closed(struct session *session);
