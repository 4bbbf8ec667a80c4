/*
 * identity.c: who is acting.
 *
 * Inside onefin.call it is the account of the session token: C state of this backend, set for one
 * call and taken back on every exit (call.c). Otherwise it is the account whose db_role is the
 * session user. No setting that a user could change has a part in it.
 *
 * onefin's own bookkeeping acts as onefin_owner with SECURITY_NOFORCE_RLS: the way that foreign key
 * checks read a table under forced row-level security. An error restores user and context, as
 * transaction abort does.
 */
#include "postgres.h"

#include "identity.h"

#include "access.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type_d.h"
#include "compat.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "plan.h"
#include "rights.h"
#include "row.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

static OfActor *call_actor = NULL;

static const char *const role_names[] = {NULL, "admin", "supervisor", "accountant", "client"};
static const char *const group_roles[] = {NULL, "onefin_admin", "onefin_supervisor",
                                          "onefin_accountant", "onefin_client"};

const char *of_role_name(OfRole role) {
    return role_names[role];
}

OfRole of_role_by_name(const char *name) {
    for (int role = OF_ADMIN; role <= OF_CLIENT; role++)
        if (name && strcmp(name, role_names[role]) == 0)
            return (OfRole)role;
    return OF_NOBODY;
}

Oid of_group_role(OfRole role) {
    return get_role_oid(group_roles[role], false);
}

void of_as_role(OfIdentity *saved, Oid role) {
    GetUserIdAndSecContext(&saved->user, &saved->context);
    SetUserIdAndSecContext(role, saved->context | SECURITY_LOCAL_USERID_CHANGE);
}

void of_as_owner(OfIdentity *saved) {
    GetUserIdAndSecContext(&saved->user, &saved->context);
    SetUserIdAndSecContext(get_role_oid("onefin_owner", false),
                           saved->context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
}

void of_restore(const OfIdentity *saved) {
    SetUserIdAndSecContext(saved->user, saved->context);
}

/* Sets who acts for the duration of a call; NULL for nobody. Returns who did before. */
OfActor *of_set_call_actor(OfActor *actor) {
    OfActor *before = call_actor;

    call_actor = actor;
    return before;
}

/* Fills in who an account is; the role is OF_NOBODY when it is not there or disabled. */
void of_actor_is(OfActor *actor, int64 account) {
    const OfAccess *access = of_access(account);

    actor->account = account;
    actor->role = access->role;
    actor->machine = access->machine;
    actor->org = access->org;
    actor->department = access->department;
    strlcpy(actor->name, access->name, sizeof(actor->name));
}

/* Who acts; account is 0 when nobody does. Valid until the next call of this function. */
const OfActor *of_actor(void) {
    static OfActor direct;
    int64 account;

    if (call_actor)
        return call_actor;
    memset(&direct, 0, sizeof(direct));
    account = of_account_of_role(GetSessionUserId());
    if (account)
        of_actor_is(&direct, account);
    return &direct;
}

const OfActor *of_require_actor(void) {
    const OfActor *actor = of_actor();

    if (actor->account == 0)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
                 errmsg("no account of onefin acts here"),
                 errhint("An admin gives an account to a database role by setting its db_role.")));
    return actor;
}

/*
 * Refuses a function to whom the grants (90_grants.sql) give it as member of a group, but not as
 * the account that acts: a database role may be a member of several groups.
 */
void of_require_granted(Oid function) {
    const OfActor *actor = of_require_actor();

    if (!of_may_execute(function, of_group_role(actor->role)))
        aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(function));
}

/* Watches unseen: no read mark, typing or presence of this one is shown to others. */
bool of_is_ghost(const OfActor *actor) {
    return actor->role == OF_ADMIN || actor->role == OF_SUPERVISOR;
}

/* Companies that the actor may see now, ascending; in the caller's memory. */
ArrayType *of_my_orgs(const OfActor *actor) {
    return DatumGetArrayTypePCopy(PointerGetDatum(of_access_orgs(actor->account)));
}

/* Whether the actor may see a company. */
bool of_sees_org(const OfActor *actor, int64 org) {
    return of_among(org, of_access_orgs(actor->account));
}

/* One answer for a company that does not exist and for one that is not the actor's to see. */
void of_require_org(int64 org) {
    if (!of_sees_org(of_require_actor(), org))
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no company %lld", (long long)org),
                        errhint("topics lists those that you may see.")));
}

/*
 * The company of a topic that the actor may see. One answer for a topic that does not exist and for
 * one that is somebody else's.
 */
int64 of_require_topic(int64 topic) {
    const OfActor *actor = of_require_actor();
    int64 org = of_org_of_topic(topic);

    if (org == 0 || !of_sees_org(actor, org))
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no topic %lld", (long long)topic),
                        errhint("The topics that you may see are those that topics lists.")));
    return org;
}

/*
 * Refuses to write into an archived company. Admins see one, to read it; for the other roles it is
 * not there at all (org_access), so that they need not be asked about.
 */
void of_require_served(int64 org) {
    static const char *const names[] = {"archived_at"};
    OfRole role = of_actor()->role;
    Datum key = Int64GetDatum(org);
    bool archived;
    OfFound found;
    OfRow row;

    if (role != OF_ADMIN && role != OF_NOBODY)
        return;
    archived =
        of_find_begin(&found, "org", "org_pkey", 1, &key, &row, names, 1) && !of_row_null(&row, 0);
    of_find_end(&found);
    if (archived)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("company %lld is archived", (long long)org),
                        errhint("It may be read. To write there, serve it again first: orgs with "
                                "archived: false.")));
}

/* The company of a topic that the actor may see and write to. */
int64 of_require_served_topic(int64 topic) {
    int64 org = of_require_topic(topic);

    of_require_served(org);
    return org;
}

PG_FUNCTION_INFO_V1(onefin_current_account);
Datum onefin_current_account(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_actor();

    if (actor->account == 0)
        PG_RETURN_NULL();
    PG_RETURN_INT64(actor->account);
}

PG_FUNCTION_INFO_V1(onefin_current_session);
Datum onefin_current_session(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_actor();

    if (actor->session == 0)
        PG_RETURN_NULL();
    PG_RETURN_INT64(actor->session);
}

/* Whether a database user acts who is nobody: who has an account, also a disabled one, goes by it. */
static bool is_analyst(void) {
    static OfStatement find = {
        "SELECT FROM onefin.account WHERE db_role = session_user", 0, {0}};
    bool nobody;

    if (call_actor)
        return false;
    of_spi_begin();
    nobody = of_run_as_of_now(&find, NULL) == 0;
    of_spi_end();
    return nobody;
}

PG_FUNCTION_INFO_V1(onefin_acting_as);
Datum onefin_acting_as(PG_FUNCTION_ARGS) {
    char *name = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
    OfRole role = name ? of_role_by_name(name) : OF_NOBODY;

    if (name && strcmp(name, "analyst") == 0)
        PG_RETURN_BOOL(is_analyst());
    PG_RETURN_BOOL(role != OF_NOBODY && of_actor()->role == role);
}

PG_FUNCTION_INFO_V1(onefin_my_orgs);
Datum onefin_my_orgs(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_actor();

    if (!PG_ARGISNULL(0) && actor->role != of_role_by_name(text_to_cstring(PG_GETARG_TEXT_PP(0))))
        PG_RETURN_ARRAYTYPE_P(construct_empty_array(INT8OID));
    PG_RETURN_ARRAYTYPE_P(of_my_orgs(actor));
}

PG_FUNCTION_INFO_V1(onefin_my_department);
Datum onefin_my_department(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_actor();

    if (actor->role != OF_SUPERVISOR || actor->department == 0)
        PG_RETURN_NULL();
    PG_RETURN_INT64(actor->department);
}

/* A setting of the firm that is a number: its whole part, and not below 0. */
int64 of_setting_number(const char *name) {
    static OfStatement find = {"SELECT least(greatest(trunc(value::numeric), 0), 1e15)::bigint"
                               " FROM onefin.setting_now WHERE name = $1",
                               1,
                               {TEXTOID}};
    OfArgs args = {0};
    int64 number;

    of_arg_text(&args, name);
    of_spi_begin();
    if (of_run_as_of_now(&find, &args) != 1)
        elog(ERROR, "there is no setting \"%s\"", name);
    number = of_result_id(0, 1);
    of_spi_end();
    return number;
}

PG_FUNCTION_INFO_V1(onefin_setting_number);
Datum onefin_setting_number(PG_FUNCTION_ARGS) {
    PG_RETURN_INT64(of_setting_number(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* Whether a setting of the firm is true. */
bool of_setting_on(const char *name) {
    static OfStatement find = {
        "SELECT FROM onefin.setting_now WHERE name = $1 AND value = 'true'", 1, {TEXTOID}};
    OfArgs args = {0};
    bool on;

    of_arg_text(&args, name);
    of_spi_begin();
    on = of_run_as_of_now(&find, &args) == 1;
    of_spi_end();
    return on;
}

PG_FUNCTION_INFO_V1(onefin_setting_on);
Datum onefin_setting_on(PG_FUNCTION_ARGS) {
    PG_RETURN_BOOL(!PG_ARGISNULL(0) && of_setting_on(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

PG_FUNCTION_INFO_V1(onefin_require_topic);
Datum onefin_require_topic(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a topic is needed")));
    of_require_topic(PG_GETARG_INT64(0));
    PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
