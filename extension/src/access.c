/*
 * access.c: who an account is and what it may see now, remembered by the backend; and whether who is
 * away is told of messages, which each message asks.
 *
 * Each statement asks; the answer changes seldom. The rules stay where they are (the view
 * onefin.org_access); here is a copy of what they said, thrown away as a whole when anything that
 * they depend on changes. A statement trigger on those tables, which fires ALWAYS, sends a relcache
 * invalidation for the view. PostgreSQL delivers it when the change commits, before its writer is
 * told so: to every backend, from prepared transactions and to standbys too. It is looked for at
 * each question, so that a right that was taken away is gone at the next statement.
 *
 * What is read is read in a snapshot taken after the last look, whatever snapshot the transaction
 * holds, and read again when something changed meanwhile. The callbacks only set a flag.
 */
#include "postgres.h"

#include "access.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "plan.h"
#include "row.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* Accounts and topics remembered at most; past that all are forgotten. */
#define MOST 20000

typedef struct Topic {
    int64 id; /* key */
    int64 org; /* 0: there is no such topic */
    int16 kind;
} Topic;

typedef struct RoleAccount {
    Oid role; /* key */
    int64 account;
} RoleAccount;

static MemoryContext memory = NULL;
static HTAB *accounts;
static HTAB *topics;
static HTAB *roles;
static Oid view = InvalidOid;
static bool stale = true;
static int64 notice_after; /* seconds, -1: never */
static bool notice_known = false;

static void on_relation_change(Datum arg, Oid relation) {
    if (relation == view || !OidIsValid(relation))
        stale = true;
}

static void on_role_change(Datum arg, int cache, uint32 hash) {
    stale = true;
}

static HTAB *make_table(const char *name, Size key, Size entry) {
    HASHCTL control = {.keysize = key, .entrysize = entry, .hcxt = memory};

    return hash_create(name, 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void start_afresh(void) {
    if (memory == NULL) {
        memory = AllocSetContextCreate(TopMemoryContext, "onefin access", ALLOCSET_DEFAULT_SIZES);
        CacheRegisterRelcacheCallback(on_relation_change, (Datum)0);
        CacheRegisterSyscacheCallback(AUTHOID, on_role_change, (Datum)0);
    }
    MemoryContextReset(memory);
    accounts = make_table("onefin accounts", sizeof(int64), sizeof(OfAccess));
    topics = make_table("onefin topics", sizeof(int64), sizeof(Topic));
    roles = make_table("onefin roles", sizeof(Oid), sizeof(RoleAccount));
    view = of_relation("org_access");
    notice_known = false;
    stale = false;
}

/* Learns of changes that were committed meanwhile. */
static bool has_changed(void) {
    AcceptInvalidationMessages();
    return stale;
}

static void look_for_changes(void) {
    if (has_changed() || hash_get_num_entries(accounts) > MOST ||
        hash_get_num_entries(topics) > MOST)
        start_afresh();
}

/*
 * Runs a look at somebody's rights, as the owner, in a snapshot of now. The catalog's is one, and
 * the only one to be had while a parallel query runs. In SPI.
 */
uint64 of_run_as_of_now(OfStatement *statement, const OfArgs *args) {
    uint64 n;

    PushActiveSnapshot(GetCatalogSnapshot(of_relation("org_access")));
    n = of_run_as_owner(statement, args, true);
    PopActiveSnapshot();
    return n;
}

/* As many whole characters as there is room for. */
static void set_name(OfAccess *access, const char *name) {
    int length = pg_mbcliplen(name, strlen(name), sizeof(access->name) - 1);

    memcpy(access->name, name, length);
    access->name[length] = '\0';
}

static void read_account(int64 account, OfAccess *access) {
    static OfStatement find = {"SELECT role, org_id, department_id, name, machine FROM onefin.account"
                               " WHERE id = $1 AND disabled_at IS NULL",
                               1,
                               {INT8OID}};
    OfArgs args = {0};
    bool isnull;

    *access = (OfAccess){.account = account};
    of_arg_id(&args, account);
    of_spi_begin();
    if (of_run_as_of_now(&find, &args) == 1) {
        access->role = of_role_by_name(of_result_text(0, 1));
        access->org = of_result_id(0, 2);
        access->department = of_result_id(0, 3);
        set_name(access, of_result_text(0, 4));
        access->machine = DatumGetBool(of_result(0, 5, &isnull));
    }
    of_spi_end();
}

const OfAccess *of_access(int64 account) {
    OfAccess *known;
    OfAccess fresh;

    look_for_changes();
    known = hash_search(accounts, &account, HASH_FIND, NULL);
    if (known)
        return known;
    do {
        look_for_changes();
        read_account(account, &fresh);
    } while (has_changed());
    known = hash_search(accounts, &account, HASH_ENTER, NULL);
    *known = fresh;
    return known;
}

static ArrayType *read_orgs(const OfAccess *access) {
#define ORGS_OF(role)                                                                              \
    {                                                                                              \
        "SELECT coalesce(array_agg(org_id ORDER BY org_id), '{}') FROM onefin.org_access"          \
        " WHERE account_id = $1 AND role = '" role "'",                                            \
            1, {                                                                                   \
            INT8OID                                                                                \
        }                                                                                          \
    }
    static OfStatement of_role[] = {
        {0}, ORGS_OF("admin"), ORGS_OF("supervisor"), ORGS_OF("accountant"), ORGS_OF("client")};
    OfArgs args = {0};
    ArrayType *orgs;

    if (access->role == OF_NOBODY)
        return construct_empty_array(INT8OID);
    of_arg_id(&args, access->account);
    of_spi_begin();
    of_run_as_of_now(&of_role[access->role], &args);
    orgs = DatumGetArrayTypeP(of_result_copy(0, 1, memory));
    of_spi_end();
    return orgs;
}

ArrayType *of_access_orgs(int64 account) {
    OfAccess *known;
    ArrayType *orgs;

    do {
        known = (OfAccess *)of_access(account);
        if (known->orgs)
            return known->orgs;
        orgs = read_orgs(known);
    } while (has_changed());
    if (GetMemoryChunkContext(orgs) != memory) /* the empty one of nobody */
        orgs = memcpy(MemoryContextAlloc(memory, VARSIZE(orgs)), orgs, VARSIZE(orgs));
    known->orgs = orgs;
    return orgs;
}

static int64 read_id(OfStatement *statement, Datum key) {
    OfArgs args = {0};
    int64 id;

    of_arg(&args, key, false);
    of_spi_begin();
    id = of_run_as_of_now(statement, &args) == 1 ? of_result_id(0, 1) : 0;
    of_spi_end();
    return id;
}

int64 of_account_of_role(Oid role) {
    static OfStatement find = {"SELECT id FROM onefin.account"
                               " WHERE db_role = $1 AND disabled_at IS NULL",
                               1,
                               {NAMEOID}};
    RoleAccount *known;
    int64 account;

    look_for_changes();
    known = hash_search(roles, &role, HASH_FIND, NULL);
    if (known)
        return known->account;
    do {
        look_for_changes();
        account = read_id(
            &find, DirectFunctionCall1(namein, CStringGetDatum(GetUserNameFromId(role, false))));
    } while (has_changed());
    known = hash_search(roles, &role, HASH_ENTER, NULL);
    known->account = account;
    return account;
}

static Topic read_topic(int64 topic) {
    static OfStatement find = {
        "SELECT org_id, kind_id FROM onefin.topic WHERE id = $1", 1, {INT8OID}};
    Topic read = {.id = topic};
    OfArgs args = {0};
    bool isnull;

    of_arg_id(&args, topic);
    of_spi_begin();
    if (of_run_as_of_now(&find, &args) == 1) {
        read.org = of_result_id(0, 1);
        read.kind = DatumGetInt16(of_result(0, 2, &isnull));
    }
    of_spi_end();
    return read;
}

/* That there is no such topic is not remembered. */
static Topic find_topic(int64 topic) {
    Topic *known;
    Topic fresh;

    look_for_changes();
    known = hash_search(topics, &topic, HASH_FIND, NULL);
    if (known)
        return *known;
    do {
        look_for_changes();
        fresh = read_topic(topic);
    } while (has_changed());
    if (fresh.org) {
        known = hash_search(topics, &topic, HASH_ENTER, NULL);
        *known = fresh;
    }
    return fresh;
}

int64 of_org_of_topic(int64 topic) {
    return find_topic(topic).org;
}

int16 of_kind_of_topic(int64 topic) {
    return find_topic(topic).kind;
}

/* Seconds after a message in which who is away may come and read it untold; -1 when nobody is told. */
int64 of_notice_after(void) {
    look_for_changes();
    while (!notice_known) {
        look_for_changes();
        notice_after = of_setting_on("notify_by_mail") || of_setting_on("notify_by_webhook")
                           ? of_setting_number("notify_after_seconds")
                           : -1;
        notice_known = !has_changed();
    }
    return notice_after;
}

/* AFTER each statement that may change what this file remembers. */
PG_FUNCTION_INFO_V1(onefin_access_changed);
Datum onefin_access_changed(PG_FUNCTION_ARGS) {
    TriggerData *trigger = (TriggerData *)fcinfo->context;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
        !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.access_changed is an AFTER trigger for each statement")));
    CacheInvalidateRelcacheByRelid(of_relation("org_access"));
    return PointerGetDatum(NULL);
}
