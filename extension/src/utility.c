/*
 * utility.c: what onefin does around utility statements.
 *
 * Before those that need a database without connections, its sealer leaves. After COMMIT PREPARED
 * the sealer is woken: whoever commits has not written the entries, so nothing else would wake it.
 * While one runs its text is kept for the journal (ddl.c), which is told here of those that event
 * triggers do not see.
 */
#include "postgres.h"

#include "utility.h"

#include "compat.h"

#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "ddl.h"
#include "mb/pg_wchar.h"
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

/* Bytes of a statement that the journal keeps. */
#define TEXT_LIMIT 4000

/* The statement at work: a part of a string of statements. */
typedef struct Text {
    const char *query;
    int location;
    int length;
} Text;

static Text at_work = {0};

/* The text of the statement at work; NULL when there is none, or the library was not preloaded. */
char *of_utility_text(void) {
    Text text = at_work;
    const char *start;

    if (text.query == NULL)
        return NULL;
    start = CleanQuerytext(text.query, &text.location, &text.length);
    return pnstrdup(start, pg_mbcliplen(start, text.length, TEXT_LIMIT));
}

/* Runs the statement, with what onefin does before and after it. */
static void run(PlannedStmt *statement, const char *query, bool read_only_tree,
                ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *env,
                DestReceiver *receiver, QueryCompletion *completion) {
    /* Asked before: a transaction's end may free the statement. */
    bool commits_prepared = is_commit_prepared(statement->utilityStmt);
    OfUnseen unseen = of_ddl_unseen(statement->utilityStmt);
    const char *command = unseen.name ? CreateCommandName(statement->utilityStmt) : NULL;

    let_go_of_database(statement->utilityStmt);
    (next_utility ? next_utility : standard_ProcessUtility)(
        statement, query, read_only_tree, context, params, env, receiver, completion);
    if (unseen.name)
        of_ddl_journal_unseen(&unseen, command);
    if (commits_prepared)
        of_wake_sealer_here();
}

static void on_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
                       ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *env,
                       DestReceiver *receiver, QueryCompletion *completion) {
    Text before = at_work;

    at_work = (Text){query, statement->stmt_location, statement->stmt_len};
    PG_TRY();
    { run(statement, query, read_only_tree, context, params, env, receiver, completion); }
    PG_FINALLY();
    { at_work = before; }
    PG_END_TRY();
}

/* Called once, by _PG_init while the server starts. */
void of_utility_init(void) {
    next_utility = ProcessUtility_hook;
    ProcessUtility_hook = on_utility;
}
