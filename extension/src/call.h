/*
 * call.h: doing something as the account of a session token.
 */
#ifndef ONEFIN_CALL_H
#define ONEFIN_CALL_H

#include "postgres.h"

#include "identity.h"
#include "utils/jsonb.h"

/* What to do, with its own argument; returns jsonb, in the context it is called in. */
typedef Datum (*OfBody)(void *argument);

extern Jsonb *of_call_as(text *token, Datum address, OfBody body, void *argument);
extern Jsonb *of_call_error(int sqlstate, const char *message, const char *hint,
                            const char *detail);
extern Jsonb *of_call_error_wait(int sqlstate, const char *message, const char *hint, int seconds);
extern Jsonb *of_call_result(Datum result);
extern void of_call_refuse(int sqlstate, const char *message, const char *hint);
extern void of_call_retry_after(int seconds);
extern bool of_call_may_hope(void);

#endif
