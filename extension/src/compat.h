/*
 * compat.h: what differs between the PostgreSQL versions that onefin supports, in one place.
 */
#ifndef ONEFIN_COMPAT_H
#define ONEFIN_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "onefin needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM < 160000
#define of_owns_database(database, role) pg_database_ownercheck(database, role)
#else
#define of_owns_database(database, role) object_ownercheck(DatabaseRelationId, database, role)
#endif

/* VARDATA_ANY() and its kind, before in postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* CleanQuerytext() */
#if PG_VERSION_NUM < 160000
#include "utils/queryjumble.h"
#else
#include "nodes/queryjumble.h"
#endif

/* Whether a role may execute a function. */
#if PG_VERSION_NUM < 160000
#define of_may_execute(function, role)                                                             \
    (pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK)
#else
#define of_may_execute(function, role)                                                             \
    (object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK)
#endif

/* A new row's entries in all indexes; an error when a unique one has its key. */
#if PG_VERSION_NUM < 160000
#define of_insert_index_tuples(target, slot, estate)                                               \
    ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL)
#else
#define of_insert_index_tuples(target, slot, estate)                                               \
    ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL, false)
#endif

#endif
