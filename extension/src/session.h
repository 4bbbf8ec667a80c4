/*
 * session.h: sessions, from the token that names one to its end.
 */
#ifndef ONEFIN_SESSION_H
#define ONEFIN_SESSION_H

#include "postgres.h"

#include "identity.h"

/* Why a session ends; session.c says what is journaled of it. */
typedef enum OfEnd {
    OF_END_LOGOUT,
    OF_END_EXPIRED,
    OF_END_REVOKED,
    OF_END_EVICTED,  /* a login needed its place */
    OF_END_PASSWORD, /* the account got a new one */
    OF_END_RIGHTS,   /* ... another role, company or department */
    OF_END_DISABLED  /* ... no access any more */
} OfEnd;

extern Datum of_token_hash(text *token);
extern bool of_session_find(text *token, OfActor *actor);
extern Datum of_account_json(int64 account);
extern bool of_session_end(int64 session, OfEnd end);
extern int of_sessions_end_all(int64 account, int64 but, OfEnd end);
extern void of_sessions_evict(int64 account, int n);

/* For the worker, about once a minute, in a READ COMMITTED transaction: ends sessions that have
 * expired, a batch of them, so that gateways drop their connections. Returns how many. */
extern int of_sessions_end_expired(void);

#endif
