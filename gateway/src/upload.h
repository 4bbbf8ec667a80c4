/*
 * upload.h - POST /files: bytes from a client into the store, and on record in the database.
 */
#pragma once

#include "http.h"

/* Begins; the exchange is answered, now or later, in any case. */
void upload_start(struct exchange *exchange);

/* The next bytes of the body, STORE_CHUNK at most. */
void upload_body(struct exchange *exchange, const void *bytes, size_t size);

/* There are no more. */
void upload_body_complete(struct exchange *exchange);

/* The exchange is over. A file that is not there whole by then is gone; a whole one is recorded. */
void upload_cut(struct exchange *exchange);

/* Are there any? */
bool upload_any(void);

/* Drops all; before the store and the database are stopped. */
void upload_stop(void);
