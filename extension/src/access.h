/*
 * access.h: who an account is and what it may see now, remembered by the backend.
 */
#ifndef ONEFIN_ACCESS_H
#define ONEFIN_ACCESS_H

#include "postgres.h"

#include "identity.h"
#include "plan.h"
#include "utils/array.h"

/* Ids are 0 where there is none. */
typedef struct OfAccess {
    int64 account; /* key */
    OfRole role;   /* OF_NOBODY: there is no such account, or it is disabled */
    bool machine;
    int64 org;     /* of a client */
    int64 department;
    char name[256];
    ArrayType *orgs; /* companies that it may see, ascending; NULL until asked for */
} OfAccess;

/* Valid until the next call of any of these. */
extern const OfAccess *of_access(int64 account);
extern ArrayType *of_access_orgs(int64 account);

extern uint64 of_run_as_of_now(OfStatement *statement, const OfArgs *args);

/* The account of a database role, 0 when it has none. */
extern int64 of_account_of_role(Oid role);

/* Seconds after a message in which who is away may read it untold; -1: nobody is told. */
extern int64 of_notice_after(void);

/* The company of a topic, 0 when there is no such topic. */
extern int64 of_org_of_topic(int64 topic);

/* Its kind, 0 when there is no such topic. */
extern int16 of_kind_of_topic(int64 topic);

#endif
