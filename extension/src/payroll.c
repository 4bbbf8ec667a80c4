/*
 * payroll.c: what a month pays whom, and closing it.
 *
 * What is paid for may be of companies that who gets it does not see any more, so it is computed as
 * the owner (83_payroll.sql), and shown to whom it is to be shown: an admin sees everybody, a
 * supervisor the department, everybody the own.
 */
#include "postgres.h"

#include "payroll.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"

/* The viewer, as the last three parameters of a statement. */
void of_arg_viewer(OfArgs *args) {
    const OfActor *actor = of_require_actor();

    of_arg(args, BoolGetDatum(actor->role == OF_ADMIN), false);
    of_arg_id(args, actor->role == OF_SUPERVISOR ? actor->department : 0);
    of_arg_id(args, actor->account);
}

/* onefin.payroll_month_closed(at): true for everybody, who need not see a payroll. */
PG_FUNCTION_INFO_V1(onefin_payroll_month_closed);
Datum onefin_payroll_month_closed(PG_FUNCTION_ARGS) {
    static OfStatement look = {"SELECT FROM (SELECT month, until_at FROM onefin.payroll"
                               " ORDER BY month DESC LIMIT 1) last"
                               " WHERE $1 < until_at OR onefin.month_of($1) <= month",
                               1,
                               {TIMESTAMPTZOID}};
    OfArgs args = {0};
    bool closed;

    of_arg(&args, PG_GETARG_DATUM(0), false);
    of_spi_begin();
    closed = of_run_as_owner(&look, &args, true) == 1;
    of_spi_end();
    PG_RETURN_BOOL(closed);
}

/* onefin_api.bonus(month, account) */
PG_FUNCTION_INFO_V1(onefin_api_bonus);
Datum onefin_api_bonus(PG_FUNCTION_ARGS) {
    static OfStatement body = {"SELECT onefin.bonus_body($1, $2, $3, $4, $5)",
                               5,
                               {DATEOID, INT8OID, BOOLOID, INT8OID, INT8OID}};
    OfArgs args = {0};

    of_require_granted(fcinfo->flinfo->fn_oid);
    of_arg(&args, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
    of_arg(&args, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
    of_arg_viewer(&args);
    return of_value(&body, &args, true, false);
}

/* onefin_api.payslip(month, account) */
PG_FUNCTION_INFO_V1(onefin_api_payslip);
Datum onefin_api_payslip(PG_FUNCTION_ARGS) {
    static OfStatement body = {"SELECT onefin.payslip_body($1, $2, $3, $4, $5)",
                               5,
                               {DATEOID, INT8OID, BOOLOID, INT8OID, INT8OID}};
    OfArgs args = {0};
    int64 account;
    Datum payslip;

    of_require_granted(fcinfo->flinfo->fn_oid);
    account = PG_ARGISNULL(1) ? of_require_actor()->account : PG_GETARG_INT64(1);
    of_arg(&args, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
    of_arg(&args, Int64GetDatum(account), false);
    of_arg_viewer(&args);
    payslip = of_value(&body, &args, true, false);
    if (payslip == (Datum)0)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
                        errmsg("no payslip of account %lld", (long long)account),
                        errhint("bonus lists those that you may see.")));
    return payslip;
}

/* onefin_api.close_payroll(month): only the first time is an entry. */
PG_FUNCTION_INFO_V1(onefin_api_close_payroll);
Datum onefin_api_close_payroll(PG_FUNCTION_ARGS) {
    static OfStatement close = {"SELECT body, digest, body - '{closed_at,closed_by}'::text[]"
                                " FROM onefin.payroll_close($1, $2)",
                                2,
                                {DATEOID, INT8OID}};
    MemoryContext context = CurrentMemoryContext;
    OfArgs args = {0};
    JsonbParseState *json = NULL;
    Datum body;
    Datum digest;

    of_require_granted(fcinfo->flinfo->fn_oid);
    of_arg(&args, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
    of_arg_id(&args, of_require_actor()->account);
    of_spi_begin();
    of_run_as_owner(&close, &args, false);
    body = of_result_copy(0, 1, context);
    digest = of_result_copy(0, 2, context);
    if (digest != (Datum)0)
        of_journal(&(OfEntry){.kind = "payroll.closed",
                              .audience = OF_TO_ADMIN,
                              .digest = DatumGetByteaPP(digest),
                              .detail = DatumGetJsonbP(of_result_copy(0, 3, context))});
    of_spi_end();
    of_json_begin(&json);
    of_json_value(&json, "payroll", body);
    of_json_bool(&json, "repeated", digest == (Datum)0);
    PG_RETURN_JSONB_P(of_json_end(&json));
}
