/*
 * utility.c: what onefin does around utility statements.
 *
 * Before those that need a database without connections, its sealer leaves. After COMMIT PREPARED
 * the sealer is woken: whoever commits has not written the entries, so nothing else would wake it.
 */
#include "postgres.h"

#include "utility.h"

#include "compat.h"

#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "shared.h"
#include "tcop/utility.h"
#include "utils/acl.h"

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

static bool is_commit_prepared(Node *statement) {
    return IsA(statement, TransactionStmt) &&
           castNode(TransactionStmt, statement)->kind == TRANS_STMT_COMMIT_PREPARED;
}

static void on_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
                       ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *env,
                       DestReceiver *receiver, QueryCompletion *completion) {
    /* Asked before: a transaction's end may free the statement. */
    bool commits_prepared = is_commit_prepared(statement->utilityStmt);

    let_go_of_database(statement->utilityStmt);
    if (next_utility)
        next_utility(statement, query, read_only_tree, context, params, env, receiver, completion);
    else
        standard_ProcessUtility(statement, query, read_only_tree, context, params, env, receiver,
                                completion);
    if (commits_prepared)
        of_wake_sealer_here();
}

/* Called once, by _PG_init while the server starts. */
void of_utility_init(void) {
    next_utility = ProcessUtility_hook;
    ProcessUtility_hook = on_utility;
}
