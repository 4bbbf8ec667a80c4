/*
 * resumable.h - uploads that go on where a line broke, by the tus protocol 1.0.0 (core, creation,
 * termination): below /uploads.
 */
#pragma once

#include "http.h"

/* Each begins; the exchange is answered, now or later, in any case. */
void resumable_options(struct exchange *exchange);  /* what we can */
void resumable_create(struct exchange *exchange);   /* POST /uploads */
void resumable_look(struct exchange *exchange);     /* GET or HEAD /uploads/ID: how far it is */
void resumable_receive(struct exchange *exchange);  /* PATCH: bytes */
void resumable_drop(struct exchange *exchange);     /* DELETE */
void resumable_override(struct exchange *exchange); /* POST /uploads/ID, which says which it is */

/* As upload.h has them. What came before a cut is kept. */
void resumable_body(struct exchange *exchange, const void *bytes, size_t size);
void resumable_body_complete(struct exchange *exchange);
void resumable_cut(struct exchange *exchange);
bool resumable_any(void);
void resumable_stop(void);
