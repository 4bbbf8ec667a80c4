/*
 * session.h: sessions and their tokens.
 */
#ifndef ONEFIN_SESSION_H
#define ONEFIN_SESSION_H

#include "postgres.h"

#include "identity.h"

extern bool of_session_find(text *token, OfActor *actor);
extern bool of_session_end(int64 session, const char *kind);
extern int of_sessions_end_all(int64 account, int64 but, const char *kind);
extern Datum of_account_json(int64 account);

#endif
