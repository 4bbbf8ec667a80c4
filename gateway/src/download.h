/* download.h - GET /files/ID and below: bytes from the store to a client. */
#pragma once

#include "http.h"

/* Begins; the exchange is answered, now or later, in any case. */
void download_start(struct exchange *exchange);

/* The socket can take more: writes the head or the next piece. What the callback is to return. */
int download_send(struct exchange *exchange);

/* The exchange is over. */
void download_end(struct exchange *exchange);
