/*
 * ddl.c: changes of onefin's own schemas and roles are journaled, as schema.changed.
 *
 * Two event triggers see what is created, altered, granted, commented and dropped in the schemas
 * onefin and onefin_*, and on their tables: one entry an object. What event triggers do not see,
 * themselves and roles, is told by the hook on utility statements (utility.c). DDL elsewhere is
 * looked at and forgotten; who does it needs no right on anything of ours.
 *
 * They are at rest while our own script runs (the ALTER EXTENSION that ran it is one entry), in a
 * restore under session_replication_role = replica, and in pg_upgrade. DROP EXTENSION takes the
 * triggers away before it could call them. An error here refuses the statement: what cannot be
 * journaled is not done.
 */
#include "postgres.h"

#include "ddl.h"

#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "journal.h"
#include "json.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "plan.h"
#include "tcop/cmdtag.h"
#include "tcop/deparse_utility.h"
#include "utility.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

static bool is_ours(const char *name) {
    return name && (strcmp(name, "onefin") == 0 || strncmp(name, "onefin_", 7) == 0);
}

/* Objects without a schema of their own: those whose address begins with that of their table, and
 * schemas and extensions, which are named as ours are. */
static bool is_named_by_schema(const char *type) {
    static const char *const types[] = {"schema", "extension",        "trigger",      "policy",
                                        "rule",   "table constraint", "default value"};

    for (size_t i = 0; i < lengthof(types); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static bool at_rest(void) {
    Oid extension;

    if (IsBinaryUpgrade || SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
        return true;
    extension = get_extension_oid("onefin", true);
    return !OidIsValid(extension) || (creating_extension && CurrentExtensionObject == extension);
}

static void journal_change(const char *command, const char *type, const char *identity,
                           const char *statement) {
    JsonbParseState *state = NULL;

    of_json_begin(&state);
    of_json_string(&state, "command", command);
    of_json_string(&state, "type", type);
    of_json_string(&state, "identity", identity);
    if (statement)
        of_json_string(&state, "statement", statement);
    if (creating_extension)
        of_json_bool(&state, "in_extension", true);
    of_journal(&(OfEntry){
        .kind = "schema.changed", .audience = OF_TO_ADMIN, .detail = of_json_end(&state)});
}

static const char *schema_of(const ObjectAddress *object) {
    switch (object->classId) {
    case NamespaceRelationId:
        return get_namespace_name(object->objectId);
    case RelationRelationId:
        return get_namespace_name(get_rel_namespace(object->objectId));
    case ProcedureRelationId:
        return get_namespace_name(get_func_namespace(object->objectId));
    default:
        return NULL;
    }
}

static Oid class_of(ObjectType type) {
    switch (type) {
    case OBJECT_TABLE:
    case OBJECT_SEQUENCE:
        return RelationRelationId;
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
        return ProcedureRelationId;
    case OBJECT_SCHEMA:
        return NamespaceRelationId;
    default:
        return InvalidOid;
    }
}

/* GRANT and REVOKE name their objects in the command only. */
static void journal_grant(const char *command, const InternalGrant *grant) {
    ListCell *cell;

    foreach (cell, grant->objects) {
        ObjectAddress object = {class_of(grant->objtype), lfirst_oid(cell), 0};

        if (is_ours(schema_of(&object)))
            journal_change(command, getObjectTypeDescription(&object, false),
                           getObjectIdentity(&object, false), of_utility_text());
    }
}

/* The first of some names that is ours: of strings, of roles given or granted to; NULL if none. */
static const char *ours_among(List *names) {
    ListCell *cell;

    foreach (cell, names) {
        Node *node = lfirst(cell);
        const char *name = IsA(node, String)       ? strVal(node)
                           : IsA(node, RoleSpec)   ? castNode(RoleSpec, node)->rolename
                           : IsA(node, AccessPriv) ? castNode(AccessPriv, node)->priv_name
                                                   : NULL;

        if (is_ours(name))
            return name;
    }
    return NULL;
}

/* Privileges of what is yet to be made: of our schemas, or by our roles. */
static void journal_default_privileges(const char *command, AlterDefaultPrivilegesStmt *statement) {
    ListCell *cell;

    foreach (cell, statement->options) {
        const char *name = ours_among((List *)lfirst_node(DefElem, cell)->arg);

        if (name) {
            journal_change(command, "default privileges", name, of_utility_text());
            return;
        }
    }
}

static void journal_collected(const char *command, const CollectedCommand *collected) {
    if (collected->type == SCT_Grant)
        journal_grant(command, collected->d.grant.istmt);
    else if (collected->type == SCT_AlterDefaultPrivileges)
        journal_default_privileges(command,
                                   castNode(AlterDefaultPrivilegesStmt, collected->parsetree));
}

/*
 * The rows in SPI_tuptable: type, identity, schema and first part of the address, and whether it is
 * a member of the extension, wherever it was moved. Of commands also the name and what was
 * collected of it; command is NULL then.
 */
enum { TYPE = 1, IDENTITY, SCHEMA, ADDRESS, MEMBER, COMMAND, COLLECTED };

static void journal_rows(const char *command) {
    SPITupleTable *rows = SPI_tuptable;
    uint64 n = SPI_processed;

    for (uint64 i = 0; i < n; i++) {
        HeapTuple row = rows->vals[i];
        const char *type = SPI_getvalue(row, rows->tupdesc, TYPE);
        const char *identity = SPI_getvalue(row, rows->tupdesc, IDENTITY);
        const char *name = command ? command : SPI_getvalue(row, rows->tupdesc, COMMAND);
        bool isnull;

        if (identity == NULL)
            journal_collected(name, (const CollectedCommand *)DatumGetPointer(
                                        SPI_getbinval(row, rows->tupdesc, COLLECTED, &isnull)));
        else if (is_ours(SPI_getvalue(row, rows->tupdesc, SCHEMA)) ||
                 (is_named_by_schema(type) && is_ours(SPI_getvalue(row, rows->tupdesc, ADDRESS))) ||
                 DatumGetBool(SPI_getbinval(row, rows->tupdesc, MEMBER, &isnull)))
            journal_change(name, type, identity, of_utility_text());
    }
}

/* Some commands (CREATE INDEX CONCURRENTLY) end without a snapshot. */
static bool push_snapshot(void) {
    if (ActiveSnapshotSet())
        return false;
    PushActiveSnapshot(GetTransactionSnapshot());
    return true;
}

/* Journals what a statement tells of an event; command: where its rows do not name it. */
static Datum on_event(FunctionCallInfo fcinfo, const char *event, OfStatement *read,
                      bool has_command) {
    EventTriggerData *trigger = (EventTriggerData *)fcinfo->context;
    bool pushed;

    if (!CALLED_AS_EVENT_TRIGGER(fcinfo) || strcmp(trigger->event, event) != 0)
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("this function is an event trigger for %s", event)));
    if (at_rest())
        return PointerGetDatum(NULL);
    pushed = push_snapshot();
    of_spi_begin();
    of_run_as_owner(read, NULL, false);
    journal_rows(has_command ? NULL : GetCommandTagName(trigger->tag));
    of_spi_end();
    if (pushed)
        PopActiveSnapshot();
    return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(onefin_ddl_end);
Datum onefin_ddl_end(PG_FUNCTION_ARGS) {
    static OfStatement read = {
        "SELECT c.object_type, c.object_identity, c.schema_name, a.object_names[1],"
        " EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid"
        " WHERE d.classid = c.classid AND d.objid = c.objid AND d.deptype = 'e'"
        " AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'onefin'),"
        " c.command_tag, c.command FROM pg_event_trigger_ddl_commands() c,"
        " pg_identify_object_as_address(c.classid, c.objid, c.objsubid) a",
        0,
        {0}};

    return on_event(fcinfo, "ddl_command_end", &read, true);
}

PG_FUNCTION_INFO_V1(onefin_ddl_drop);
Datum onefin_ddl_drop(PG_FUNCTION_ARGS) {
    /* What goes with its owner (the type of a table, the rule of a view) is not told. */
    static OfStatement read = {"SELECT object_type, object_identity, schema_name, address_names[1]"
                               " FROM pg_event_trigger_dropped_objects() WHERE original OR normal",
                               0,
                               {0}};

    return on_event(fcinfo, "sql_drop", &read, false);
}

static OfUnseen unseen(const char *type, const char *name, bool secret) {
    return is_ours(name) ? (OfUnseen){type, name, secret} : (OfUnseen){0};
}

static OfUnseen unseen_event_trigger(Node *name) {
    return unseen("event trigger", strVal(name), false);
}

/* What the statement is about, before it is run. */
OfUnseen of_ddl_unseen(Node *statement) {
    const char *name;

    switch (nodeTag(statement)) {
    case T_AlterEventTrigStmt:
        return unseen("event trigger", castNode(AlterEventTrigStmt, statement)->trigname, false);
    case T_AlterOwnerStmt:
        if (castNode(AlterOwnerStmt, statement)->objectType == OBJECT_EVENT_TRIGGER)
            return unseen_event_trigger(castNode(AlterOwnerStmt, statement)->object);
        break;
    case T_RenameStmt:
        if (castNode(RenameStmt, statement)->renameType == OBJECT_EVENT_TRIGGER)
            return unseen_event_trigger(castNode(RenameStmt, statement)->object);
        if (castNode(RenameStmt, statement)->renameType == OBJECT_ROLE)
            return unseen("role", castNode(RenameStmt, statement)->subname, false);
        break;
    case T_GrantRoleStmt:
        name = ours_among(castNode(GrantRoleStmt, statement)->granted_roles);
        if (name == NULL)
            name = ours_among(castNode(GrantRoleStmt, statement)->grantee_roles);
        return unseen("role", name, false);
    case T_AlterRoleStmt:
        return unseen("role", castNode(AlterRoleStmt, statement)->role->rolename, true);
    case T_AlterRoleSetStmt:
        if (castNode(AlterRoleSetStmt, statement)->role)
            return unseen("role", castNode(AlterRoleSetStmt, statement)->role->rolename, false);
        break;
    case T_CreateRoleStmt:
        return unseen("role", castNode(CreateRoleStmt, statement)->role, true);
    case T_DropRoleStmt:
        return unseen("role", ours_among(castNode(DropRoleStmt, statement)->roles), false);
    default:
        break;
    }
    return (OfUnseen){0};
}

/* After it was run. A role belongs to the cluster: the entry is in the journal of the database
 * where the statement was given, if that has one. */
void of_ddl_journal_unseen(const OfUnseen *about, const char *command) {
    bool pushed;

    if (at_rest())
        return;
    pushed = push_snapshot();
    journal_change(command, about->type, about->name, about->secret ? NULL : of_utility_text());
    if (pushed)
        PopActiveSnapshot();
}
