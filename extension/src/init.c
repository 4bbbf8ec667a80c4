/*
 * init.c: loading of the library.
 *
 * onefin stands in shared_preload_libraries: the sealers need shared memory and a launcher. Loaded
 * otherwise it does all but seal, and CREATE EXTENSION refuses.
 */
#include "postgres.h"

#include "compat.h"

#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "seal.h"
#include "shared.h"
#include "tcop/utility.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

static ProcessUtility_hook_type next_utility = NULL;

/* A database that is to be dropped, moved, renamed or copied must have no sealer connected. */
static void let_go_of_database(Node *statement) {
    const char *name = NULL;

    if (IsA(statement, DropdbStmt))
        name = castNode(DropdbStmt, statement)->dbname;
    else if (IsA(statement, RenameStmt) &&
             castNode(RenameStmt, statement)->renameType == OBJECT_DATABASE)
        name = castNode(RenameStmt, statement)->subname;
    else if (IsA(statement, CreatedbStmt)) {
        ListCell *cell;

        foreach (cell, castNode(CreatedbStmt, statement)->options) {
            DefElem *option = lfirst_node(DefElem, cell);

            if (strcmp(option->defname, "template") == 0 && option->arg && IsA(option->arg, String))
                name = strVal(option->arg);
        }
    }
    if (name)
        of_sealer_stop(get_database_oid(name, true));
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

void _PG_init(void) {
    if (IsBinaryUpgrade || !process_shared_preload_libraries_in_progress)
        return;
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
