/*
 * ddl.h: journaling of changes to onefin's own schemas and roles.
 */
#ifndef ONEFIN_DDL_H
#define ONEFIN_DDL_H

#include "postgres.h"

#include "nodes/nodes.h"

/* A statement about something of onefin's that event triggers do not see; name is NULL for others.
 */
typedef struct OfUnseen {
    const char *type;
    const char *name;
    bool secret; /* its text may hold a password */
} OfUnseen;

extern OfUnseen of_ddl_unseen(Node *statement);
extern void of_ddl_journal_unseen(const OfUnseen *unseen, const char *command);

#endif
