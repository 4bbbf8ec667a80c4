/*
 * peer.h - where a client is.
 */
#pragma once

#include "compat.h"
#include <stdbool.h>

/* Is `word` in a list separated by commas or spaces? */
bool list_has(const char *list, const char *word);

/* The client's address as text, for the database; "" when it is not known. To be asked while the
 * request's headers are there: up to LWS_CALLBACK_ESTABLISHED. True when it is a proxy of ours that
 * says so, and not the other end of the socket. */
bool peer_address(struct lws *wsi, char *address, size_t room);

/* The other end of the socket, be it a proxy or not; empty when it is not known. */
void peer_socket_address(struct lws *wsi, char *address, size_t room);
