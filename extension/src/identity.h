/*
 * identity.h: who is acting, and acting as the owner of onefin's tables.
 */
#ifndef ONEFIN_IDENTITY_H
#define ONEFIN_IDENTITY_H

#include "postgres.h"

#include "utils/array.h"

typedef enum OfRole { OF_NOBODY, OF_ADMIN, OF_SUPERVISOR, OF_ACCOUNTANT, OF_CLIENT } OfRole;

/* One who acts. Ids are 0 where there is none. */
typedef struct OfActor {
    int64 account;
    int64 session;
    int64 org;        /* of a client */
    int64 department; /* of a supervisor */
    OfRole role;
    bool machine; /* no person: its words start and end no wait */
    char name[256];
    Datum address; /* inet of the device inside onefin.call, else 0 */
} OfActor;

/* User and security context to go back to. An aborted (sub)transaction restores them by itself. */
typedef struct OfIdentity {
    Oid user;
    int context;
} OfIdentity;

extern const char *of_role_name(OfRole role);
extern OfRole of_role_by_name(const char *name);
extern Oid of_group_role(OfRole role);

extern const OfActor *of_actor(void);
extern const OfActor *of_require_actor(void);
extern void of_require_granted(Oid function);
extern OfActor *of_set_call_actor(OfActor *actor);

extern void of_actor_is(OfActor *actor, int64 account);

extern ArrayType *of_my_orgs(const OfActor *actor);
extern bool of_sees_org(const OfActor *actor, int64 org);
extern void of_require_org(int64 org);
extern int64 of_require_topic(int64 topic);
extern int64 of_require_served_topic(int64 topic);
extern void of_require_served(int64 org);
extern bool of_is_ghost(const OfActor *actor);
extern int64 of_setting_number(const char *name);
extern bool of_setting_on(const char *name);

extern void of_as_owner(OfIdentity *saved);
extern void of_as_role(OfIdentity *saved, Oid role);
extern void of_restore(const OfIdentity *saved);

#endif
