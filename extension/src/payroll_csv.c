/*
 * payroll_csv.c: the lines of a month as CSV, for the gateway: those that bonus shows.
 */
#include "postgres.h"

#include "export.h"
#include "payroll.h"

#include "call.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

static const char header[] = "month,state,account,name,department,line,kind,topic_kind,quantity,"
                             "share,rate,amount,rule,reason\r\n";

/* Cells that people wrote; the others are made here, and a minus is one. */
static const bool is_text[] = {[3] = true, [4] = true, [7] = true, [13] = true};

static void append_row(StringInfo to, uint64 row) {
    for (size_t i = 0; i < lengthof(is_text); i++) {
        char *cell = of_result_text(row, i + 1);

        if (i > 0)
            appendStringInfoChar(to, ',');
        if (cell && is_text[i])
            of_export_cell(to, cell);
        else if (cell)
            appendStringInfoString(to, cell);
    }
    appendStringInfoString(to, "\r\n");
}

static Datum wanted_month(Jsonb *params) {
    static OfStatement read = {"SELECT onefin.payroll_csv_month($1)", 1, {JSONBOID}};
    OfArgs args = {0};

    of_arg(&args, JsonbPGetDatum(params), false);
    return of_value(&read, &args, true, true);
}

/* All of it, in the caller's memory; the month and how many lines are journaled. */
static char *month_lines(Datum month) {
    static OfStatement read = {
        "SELECT to_char(l.month, 'YYYY-MM-DD'), s.state, l.account_id, l.account_name, "
        "l.department, l.line, l.kind,"
        " l.topic_kind, l.quantity, l.share, l.rate, l.amount, l.rule_id, l.reason"
        " FROM onefin.payroll_shown($1, NULL) s, unnest(s.lines) l"
        " WHERE onefin.payroll_sees(l.account_id, l.department_id, $2, $3, $4)"
        " ORDER BY l.account_name, l.account_id, l.line",
        4,
        {DATEOID, BOOLOID, INT8OID, INT8OID}};
    OfArgs args = {0};
    StringInfoData lines;
    char day[MAXDATELEN + 1];
    JsonbParseState *json = NULL;
    uint64 n;

    initStringInfo(&lines);
    appendStringInfoString(&lines, header);
    of_arg(&args, month, false);
    of_arg_viewer(&args);
    of_spi_begin();
    n = of_run_as_owner(&read, &args, false);
    for (uint64 i = 0; i < n; i++)
        append_row(&lines, i);
    of_spi_end();
    of_json_begin(&json);
    of_json_string(&json, "month", JsonEncodeDateTime(day, month, DATEOID, NULL));
    of_json_number(&json, "lines", n);
    of_journal(&(OfEntry){
        .kind = "payroll.exported", .audience = OF_TO_ADMIN, .detail = of_json_end(&json)});
    return lines.data;
}

/* Whoever may call bonus has its lines as a file, too. Arguments: token, params. */
static Datum export_body(void *argument) {
    static const char *const granted = "onefin_api.bonus(date,bigint)";
    FunctionCallInfo fcinfo = argument;
    JsonbParseState *json = NULL;

    of_require_granted(
        DatumGetObjectId(DirectFunctionCall1(regprocedurein, CStringGetDatum(granted))));
    of_json_begin(&json);
    of_json_string(&json, "lines", month_lines(wanted_month(PG_GETARG_JSONB_P(1))));
    of_json_string(&json, "next", NULL);
    return JsonbPGetDatum(of_json_end(&json));
}

PG_FUNCTION_INFO_V1(onefin_payroll_csv);
Datum onefin_payroll_csv(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        PG_RETURN_JSONB_P(of_call_error(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
                                        "no session token", "Log in first.", NULL));
    PG_RETURN_JSONB_P(of_call_as(PG_GETARG_TEXT_PP(0),
                                 PG_ARGISNULL(2) ? (Datum)0 : PG_GETARG_DATUM(2), export_body,
                                 fcinfo));
}
