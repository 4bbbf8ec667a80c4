/*
 * plan.c: prepared statements, kept for the life of the backend, one plan per acting role.
 *
 * Results live in SPI's own memory until of_spi_end(); what must outlive it is copied.
 */
#include "postgres.h"

#include "plan.h"

#include "catalog/namespace.h"
#include "catalog/pg_type_d.h"
#include "identity.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

void of_arg(OfArgs *args, Datum value, bool isnull) {
    Assert(args->n < OF_MAX_ARGS);
    args->values[args->n] = value;
    args->nulls[args->n] = isnull ? 'n' : ' ';
    args->n++;
}

void of_arg_id(OfArgs *args, int64 id) {
    of_arg(args, Int64GetDatum(id), id == 0);
}

void of_arg_text(OfArgs *args, const char *text) {
    of_arg(args, text ? CStringGetTextDatum(text) : (Datum)0, text == NULL);
}

static void on_roles_change(Datum arg, int cache, uint32 hash) {
    ResetPlanCache();
}

/*
 * A plan holds the policies of the groups that its role was a member of when it was made, or none
 * for a superuser. PostgreSQL forgets it when it is to run as another role, but not when this one
 * joins or leaves a group: who became an admin would see nothing until the next connection.
 */
static void forget_plans_when_roles_change(void) {
    static bool registered = false;

    if (registered)
        return;
    CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, on_roles_change, (Datum)0);
    CacheRegisterSyscacheCallback(AUTHOID, on_roles_change, (Datum)0);
    registered = true;
}

static SPIPlanPtr plan_for_current_role(OfStatement *statement) {
    Oid role = GetUserId();
    OfPlan *entry;
    SPIPlanPtr plan;

    forget_plans_when_roles_change();
    for (entry = statement->plans; entry; entry = entry->next)
        if (entry->role == role)
            return entry->plan;

    plan = SPI_prepare(statement->sql, statement->nargs, statement->types);
    if (plan == NULL)
        elog(ERROR, "could not prepare: %s", SPI_result_code_string(SPI_result));
    SPI_keepplan(plan);
    entry = MemoryContextAlloc(TopMemoryContext, sizeof(OfPlan));
    *entry = (OfPlan){role, plan, statement->plans};
    statement->plans = entry;
    return plan;
}

/*
 * Our statements name functions and operators of pg_catalog without a schema, so no caller's
 * search_path may reach them: one of theirs would run as onefin_owner. Returns the nest level to
 * leave, or -1 when the path is already ours, as it is for the gateway's role.
 */
static int pin_search_path(void) {
    static const char *const ours = "pg_catalog, pg_temp";
    int level;

    if (namespace_search_path && strcmp(namespace_search_path, ours) == 0)
        return -1;
    level = NewGUCNestLevel();
    (void)set_config_option("search_path", ours, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
                            0, false);
    return level;
}

/*
 * Runs a statement as the current user. Returns the number of rows; they are in SPI_tuptable.
 * read_only: sees the caller's snapshot, for functions that are STABLE.
 */
uint64 of_run(OfStatement *statement, const OfArgs *args, bool read_only) {
    int level = pin_search_path();
    int result;

    Assert((args ? args->n : 0) == statement->nargs);
    result = SPI_execute_plan(plan_for_current_role(statement), args ? (Datum *)args->values : NULL,
                              args ? args->nulls : NULL, read_only, 0);
    if (result < 0)
        elog(ERROR, "could not execute: %s", SPI_result_code_string(result));
    if (level >= 0)
        AtEOXact_GUC(true, level);
    return SPI_processed;
}

/* The same as the owner of the tables, who is under no policy: for onefin's own bookkeeping. */
uint64 of_run_as_owner(OfStatement *statement, const OfArgs *args, bool read_only) {
    OfIdentity saved;
    uint64 rows;

    of_as_owner(&saved);
    rows = of_run(statement, args, read_only);
    of_restore(&saved);
    return rows;
}

/*
 * Changes the one row that a look at the tables as they are has found. A transaction that keeps an
 * older snapshot may not see that row, and must not go on as if it had changed it.
 */
void of_change_row(OfStatement *statement, const OfArgs *args) {
    if (of_run_as_owner(statement, args, false) != 1)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("what is to be changed is newer than the transaction's snapshot"),
                        errhint("Begin the transaction anew.")));
}

Datum of_result(uint64 row, int column, bool *isnull) {
    return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

int64 of_result_id(uint64 row, int column) {
    bool isnull;
    Datum value = of_result(row, column, &isnull);

    return isnull ? 0 : DatumGetInt64(value);
}

/* A column as text in SPI's memory; NULL for NULL. */
char *of_result_text(uint64 row, int column) {
    return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

/* A column's value copied, detoasted, to another memory context; 0 for NULL. */
Datum of_result_copy(uint64 row, int column, MemoryContext context) {
    bool isnull;
    Datum value = of_result(row, column, &isnull);
    Form_pg_attribute attribute = TupleDescAttr(SPI_tuptable->tupdesc, column - 1);
    MemoryContext old;

    if (isnull)
        return (Datum)0;
    old = MemoryContextSwitchTo(context);
    if (attribute->attlen == -1)
        value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
    else
        value = datumCopy(value, attribute->attbyval, attribute->attlen);
    MemoryContextSwitchTo(old);
    return value;
}

/*
 * Runs a statement for the first column of its one row, copied to the caller's memory context.
 * 0 when there is no row, or NULL in it.
 */
Datum of_value(OfStatement *statement, const OfArgs *args, bool as_owner, bool read_only) {
    MemoryContext context = CurrentMemoryContext;
    Datum value = (Datum)0;

    of_spi_begin();
    if ((as_owner ? of_run_as_owner : of_run)(statement, args, read_only) == 1)
        value = of_result_copy(0, 1, context);
    of_spi_end();
    return value;
}

/* Copies the rows in SPI_tuptable to the result set of a function that has called
 * InitMaterializedSRF. */
void of_return_rows(FunctionCallInfo fcinfo) {
    ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;

    for (uint64 i = 0; i < SPI_processed; i++)
        tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
}

void of_spi_begin(void) {
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "could not connect to SPI");
}

void of_spi_end(void) {
    if (SPI_finish() != SPI_OK_FINISH)
        elog(ERROR, "could not disconnect from SPI");
}
