/*
 * init.c: loading of the library.
 *
 * onefin stands in shared_preload_libraries: the sealers need shared memory and a launcher. Loaded
 * otherwise it does all but seal, and CREATE EXTENSION refuses.
 */
#include "postgres.h"

#include "compat.h"

#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "seal.h"
#include "shared.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/guc.h"

#include <limits.h>

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

static ProcessUtility_hook_type next_utility = NULL;

static const char *string_option(List *options, const char *wanted) {
    ListCell *cell;

    foreach (cell, options) {
        DefElem *option = lfirst_node(DefElem, cell);

        if (strcmp(option->defname, wanted) == 0 && option->arg && IsA(option->arg, String))
            return strVal(option->arg);
    }
    return NULL;
}

/* The database that a statement needs nobody to be connected to; NULL for any other statement. */
static const char *database_to_leave(Node *statement) {
    switch (nodeTag(statement)) {
    case T_DropdbStmt:
        return castNode(DropdbStmt, statement)->dbname;
    case T_RenameStmt:
        return castNode(RenameStmt, statement)->renameType == OBJECT_DATABASE
                   ? castNode(RenameStmt, statement)->subname
                   : NULL;
    case T_CreatedbStmt:
        return string_option(castNode(CreatedbStmt, statement)->options, "template");
    case T_AlterDatabaseStmt:
        return string_option(castNode(AlterDatabaseStmt, statement)->options, "tablespace")
                   ? castNode(AlterDatabaseStmt, statement)->dbname
                   : NULL;
    default:
        return NULL;
    }
}

/* The sealer leaves for the owner only, or anybody's DROP DATABASE, though refused, would stop it.
 */
static void let_go_of_database(Node *statement) {
    const char *name = database_to_leave(statement);
    Oid database = name ? get_database_oid(name, true) : InvalidOid;

    if (OidIsValid(database) && of_owns_database(database, GetUserId()))
        of_sealer_stop(database);
}

static void on_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
                       ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *env,
                       DestReceiver *receiver, QueryCompletion *completion) {
    let_go_of_database(statement->utilityStmt);
    if (next_utility)
        next_utility(statement, query, read_only_tree, context, params, env, receiver, completion);
    else
        standard_ProcessUtility(statement, query, read_only_tree, context, params, env, receiver,
                                completion);
}

static void define_settings(void) {
    DefineCustomIntVariable(
        "onefin.anchor_interval",
        "Seconds between lines of the server log with the newest hash of the journal; 0: none.",
        "Whoever keeps the log elsewhere can prove by them that the journal was not rewritten.",
        &of_anchor_interval, 3600, 0, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
    MarkGUCPrefixReserved("onefin");
}

void _PG_init(void) {
    if (IsBinaryUpgrade || !process_shared_preload_libraries_in_progress)
        return;
    define_settings();
    of_shared_init();
    of_launcher_register();
    next_utility = ProcessUtility_hook;
    ProcessUtility_hook = on_utility;
}

PG_FUNCTION_INFO_V1(onefin_wake_sealer);
Datum onefin_wake_sealer(PG_FUNCTION_ARGS) {
    if (!of_shared_ready() && !IsBinaryUpgrade)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("onefin is not in shared_preload_libraries, so nothing would be sealed"),
                 errhint("Add onefin to shared_preload_libraries and restart the server.")));
    of_wake_sealer_at_commit();
    PG_RETURN_VOID();
}
